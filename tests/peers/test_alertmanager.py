"""The whole way to a real Prometheus Alertmanager (Debian's), run as it is: fires, is worse, ends; and the watchdog that ends when nobody renews it.

Seen of 0.25: ready in 0.2 s; an alert that was never firing there makes no notification when it ends.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.errors import TryAgain
from listener.receivers.alertmanager import Alertmanager
from listener.receivers.base import Wiring
from listener.webclient.client import WebClient
from tests.promises.paged import Post, ear, incident, now, page, post
from tests.store.world import world

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(60)]
PROGRAM = "prometheus-alertmanager"


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


def start(hook: str, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    if shutil.which(PROGRAM) is None:
        told = f"{PROGRAM} is not installed (apt-get install {PROGRAM})"
        if os.environ.get("HUBBUB_REQUIRE_PEERS") == "1":
            pytest.fail(told)
        pytest.skip(told)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "alertmanager.yml"
    config.write_text(
        "route: {receiver: hook, group_by: [incident], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{hook}', send_resolved: true}}]}}]\n"
    )
    child = subprocess.Popen(
        [PROGRAM, f"--config.file={config}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return child, f"http://127.0.0.1:{port}"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def alerts(web: WebClient, address: str) -> list[dict[str, Any]]:
    import json

    found: list[dict[str, Any]] = json.loads((await web.get(f"{address}/api/v2/alerts")).body)
    return found


async def test_an_incident_fires_is_worse_and_ends_at_a_real_alertmanager(desk: Post, folder: Path) -> None:
    async with ear(200) as hook:
        child, address = start(hook.address, folder)
        try:
            async with asyncio.timeout(15):
                while True:
                    try:
                        await desk.web.get(f"{address}/-/ready")
                        break
                    except TryAgain:
                        await asyncio.sleep(0.1)
            one = await incident(desk.w, topic="app")
            courier = desk.start("ops", "alertmanager", address=address, hours=24.0)
            await desk.until(await page(desk.w, one, "ops"), "accepted", "failed")
            (alert,) = await alerts(desk.web, address)
            assert alert["status"]["state"] == "active"
            assert alert["labels"] == {
                "alertname": "angry", "brand": "Acme", "incident": str(one), "service": "hubbub", "severity": "warning", "topic": "app",
                "watched": "negative",
            }  # fmt: skip
            assert "usually 0 to 9" in alert["annotations"]["description"]

            await desk.w.pool.execute("UPDATE incidents SET severity = 'critical'")
            row = await page(desk.w, one, "ops", what="worse")
            courier.bell.set()
            await desk.until(row, "accepted", "failed")
            assert [alert["labels"]["severity"] for alert in await alerts(desk.web, address)] == ["critical"]

            await desk.w.pool.execute("UPDATE incidents SET state = 'resolved', resolved_at = now()")
            row = await page(desk.w, one, "ops", what="resolved")
            courier.bell.set()
            await desk.until(row, "accepted", "failed")
            async with asyncio.timeout(20):
                while not any(told["status"] == "resolved" for told in hook.told()):
                    await asyncio.sleep(0.1)
            assert await alerts(desk.web, address) == []
            assert "firing" in [told["status"] for told in hook.told()]

            receiver = Alertmanager(Wiring("ops", {"address": address}, desk.web, now))
            await receiver.all_is_well(now(), now() + timedelta(seconds=2))
            assert [one["labels"]["alertname"] for one in await alerts(desk.web, address)] == ["HubbubIsWell"]
            await asyncio.sleep(2.2)
            assert await alerts(desk.web, address) == [], "nobody renewed it"
        finally:
            child.terminate()
            child.wait(10)
