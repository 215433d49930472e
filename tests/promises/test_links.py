"""Links to acknowledge, by real HTTP at a real door: what fetches changes nothing, and what acts is the person who was told, once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest

from listener.service.hooks.door import Door
from listener.service.hooks.links import Links
from listener.settings import Door as DoorSettings
from tests.promises.paged import Post, ear, incident, now, page, post
from tests.store.world import world

SECRET = "a secret of enough characters"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Threshold:
    """A door with links, and one that was sent."""

    desk: Post
    session: aiohttp.ClientSession
    address: str
    incident: int
    path: str

    async def ask(self, method: str = "GET", data: Any = None, **heads: str) -> tuple[int, str, Mapping[str, str]]:
        async with self.session.request(method, f"{self.address}{self.path}", data=data, headers=heads) as answer:
            return answer.status, await answer.text(), dict(answer.headers)

    async def press(self, **heads: str) -> tuple[int, str, Mapping[str, str]]:
        """As a browser does it."""
        return await self.ask("POST", f"token={self.path.rpartition('/')[2]}", **{**FORM, **heads})

    async def state(self) -> str:
        return str(await self.desk.w.pool.fetchval("SELECT state FROM incidents WHERE id = $1", self.incident))


@pytest.fixture
async def door(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Threshold]:
    w = await world(pool)
    async with post(w, dsn) as desk:
        desk.address = "https://hubbub.example"
        one = await incident(w, title="Anger <b>about</b> us")
        async with ear() as shop:
            row = await page(w, one, person=w.mia.login)
            desk.start("ops", "webhook", address=shop.address, secret=SECRET)
            await desk.until(row, "accepted")
        link = shop.told()[0]["acknowledge"]
        served = Door(DoorSettings(port=0), {}, desk.house, desk.stop, now, links=Links(desk.house, now, desk.address))
        opened = asyncio.Event()
        task = asyncio.ensure_future(served.serve(opened.set))
        await opened.wait()
        async with aiohttp.ClientSession() as session:
            yield Threshold(desk, session, f"http://127.0.0.1:{served.port}", one, link.removeprefix(desk.address))
        desk.stop.set("over")
        await task


async def test_fetching_shows_and_changes_nothing_and_the_button_acknowledges_once_as_who_was_told(
    door: Threshold, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = door.path.rpartition("/")[2]
    for method in ("GET", "HEAD", "GET"):
        status, text, heads = await door.ask(method)
        assert status == 200
        assert "default-src 'none'" in heads["Content-Security-Policy"]
    assert "You are Mia" in text
    assert "<b>" not in text
    assert re.search(r'<form method="post"><input type="hidden" name="token" value="\S+"><button>', text)
    assert await door.state() == "open"
    kept = await door.desk.w.pool.fetch("SELECT digest::text, page_id FROM page_links")
    assert token not in str(kept)

    status, text, _ = await door.press(Origin="https://hubbub.example", **{"Sec-Fetch-Site": "same-origin"})
    assert (status, await door.state()) == (200, "acknowledged")
    assert "Acknowledged by Mia" in text
    (told,) = await door.desk.w.pool.fetch("SELECT person_id, after FROM events WHERE kind = 'incident.acknowledged'")
    assert (told["person_id"], told["after"]["by"]) == (door.desk.w.mia.id, "link")
    assert (await door.press())[0] == (await door.ask())[0] == 404, "used is used"
    assert token not in caplog.text


async def test_what_does_not_come_from_our_own_page_is_refused(door: Threshold) -> None:
    token = door.path.rpartition("/")[2]
    tries: list[tuple[Any, dict[str, str]]] = [
        (None, FORM), ("", FORM), ("token=", FORM), (f"token={token}x", FORM), (f"token={token}&token={token}", FORM),
        (f"token={token}", {"Content-Type": "text/plain"}), ("x" * 5000, FORM), (b"\xff=\xff", FORM),
        (f"token={token}", {**FORM, "Origin": "https://evil.example"}), (f"token={token}", {**FORM, "Origin": "null"}),
        (f"token={token}", {**FORM, "Sec-Fetch-Site": "cross-site"}), (f"token={token}", {**FORM, "Sec-Fetch-Site": "same-site"}),
    ]  # fmt: skip
    for data, heads in tries:
        status, text, _ = await door.ask("POST", data, **heads)
        assert status == 403, (data, heads)
        assert token not in text
    assert (await door.ask("PUT", "x"))[0] == 405
    assert await door.state() == "open"
    path, door.path = door.path, f"/alerts/{'A' * 32}"
    assert (await door.press())[0] == 404
    door.path = path
    assert (await door.press())[0] == 200


async def test_a_link_ends_with_its_time_its_incident_and_its_person(door: Threshold) -> None:
    pool, w = door.desk.w.pool, door.desk.w
    for end, back in (
        ("UPDATE page_links SET ends_at = now() - interval '1 s'", "UPDATE page_links SET ends_at = now() + interval '1 h'"),
        ("UPDATE incidents SET state = 'resolved'", "UPDATE incidents SET state = 'open'"),
        ("UPDATE memberships SET role = 'viewer'", "UPDATE memberships SET role = 'lead'"),
    ):  # fmt: skip
        await pool.execute(end)
        assert (await door.ask())[0] == (await door.press())[0] == 404, end
        await pool.execute(back)
    await pool.execute(
        f"UPDATE incidents SET state = 'acknowledged', acknowledged_by = {w.tom.id}, acknowledged_at = now()"
    )
    status, text, _ = await door.press()
    assert status == 409
    assert "Tom has it" in text
    assert "<button>" not in text
