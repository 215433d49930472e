"""A whole listener is killed again and again while it escalates: everybody of the chain is told, in order, each once for a step."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.spikes.paging import Told
from listener.store import incidents
from pretend.network import Network
from tests.journeys.running import RULES, Running, running, until
from tests.promises.paged import Ear, ear

DUTY = """
people: [{id: ana}, {id: ben}, {id: cleo}]
alerts: [{key: loud, title: It is loud, owner: care, kind: volume}]
routes: [{key: all, chain: duty, wait: 1s, repeat: 1h}]
chains: [{key: duty, steps: [{person: ana, wait: 4s}, {person: ben, wait: 1h}, {person: cleo}]}]
"""
NAMES = ("ana", "ben", "cleo")
SHORT_LEASE = (str(Path(__file__).parent / "short_lease.py"),)


def settings(one: Ear) -> str:
    receivers = [
        f'[[receiver]]\nname = "to-{name}"\nkind = "webhook"\naddress = "{one.address}/{name}"\nsecret_env = "PAGER_SECRET"\n'
        f'[[person]]\nlogin = "{name}"\nreceivers = ["to-{name}"]\n'
        for name in NAMES
    ]
    return "\n" + "\n".join(receivers)


async def fire(house: Running) -> int:
    book = parse({"rules.yaml": RULES + DUTY})
    assert isinstance(book, Rulebook)
    staff = Staffed.of(book, [f"to-{name}" for name in NAMES], {name: (f"to-{name}",) for name in NAMES})
    now = datetime.now(UTC)
    async with house.pool.acquire() as connection, connection.transaction():
        brand_id = await connection.fetchval("SELECT id FROM brands")
        said = Fired(
            brand_id, "loud", Watched.VOLUME, Told.BEGUN, Severity.WARNING, now, now, evidence={"why": "a test"}
        )
        found = await incidents.fire(connection, said, book.alerts[0], staff, now)
    assert found is not None
    return found


def keys(one: Ear) -> list[str]:
    """The pages that arrived, by their keys, each once, in order."""
    return list(dict.fromkeys(json.loads(body)["key"] for _, _, body in one.heard))


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_listener_that_is_killed_at_every_step_forgets_nobody_and_tells_nobody_twice() -> None:
    async with ear() as one, Network.start() as network:
        secrets = {"PAGER_SECRET": "0123456789abcdef0123456789abcdef"}
        async with running(network, more=settings(one), secrets=secrets) as house:
            (house.folder / "rules" / "rules.yaml").write_text(RULES + DUTY)
            listener = house.program("listener", serve=SHORT_LEASE)
            in_force = "SELECT EXISTS (SELECT FROM brands) AND EXISTS (SELECT FROM rulebooks)"
            await until(lambda: house.pool.fetchval(in_force), told=house.logs)
            incident_id = await fire(house)
            one.answers = [200, 403, 200]  # ben's way is broken: cleo does not wait an hour for him
            for number in range(1, 4):
                await asyncio.sleep(0.4 * number)  # before the step is due, while it is told, or right afterwards
                listener.kill()
                listener.start()

                async def told(number: int = number) -> bool:
                    return len(keys(one)) >= number

                await until(told, within=40, told=house.logs)
            wanted = [f"page/{incident_id}/alert/to-{name}/{name}/{step}/0" for step, name in enumerate(NAMES)]
            assert keys(one) == wanted
            line = [
                sys.executable,
                "-m",
                "listener",
                "incidents",
                "ack",
                str(incident_id),
                "--json",
                "--config",
                str(house.folder / "hubbub.toml"),
            ]
            said = await asyncio.to_thread(
                subprocess.run, line, env=house.environ, capture_output=True, text=True, timeout=60, check=False
            )
            assert json.loads(said.stdout)["changed"], said.stderr

            async def all_know() -> bool:
                return sum("/acknowledged/" in key for key in keys(one)) == 2

            await until(all_know, within=40, told=house.logs)
            rows = await house.pool.fetch("SELECT what, person, step, round FROM pages ORDER BY id")
            alerts = [(row["person"], row["step"], row["round"]) for row in rows if row["what"] == "alert"]
            assert alerts == [("ana", 0, 0), ("ben", 1, 0), ("cleo", 2, 0)]
