"""`hubbub sources` on real rows and a source that is run: what it shows, what it does, who may, and a look back that can be stopped."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest

from listener import settings
from listener.cli import faring, main
from listener.cli.running import login_name
from listener.model.heard import Batch, Gap, Reason, Reject
from listener.model.people import Role
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.service.backfill import Backfill
from listener.service.hooks.door import Door
from listener.store import alive, people, rulebooks, source_acts, source_health, sources
from listener.store.source_views import LOOK_BACK, BudgetRow
from tests.promises.hooked import Hall, Told, heard, now, until
from tests.store.leading import Lead

LINE = "bluesky/line"
TOPIC = """\
topics:
  - key: larkspur
    kind: brand
    query: larkspur OR "larkspur cloud"
"""


class Shell:
    """Commands in this process, on that database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["sources", *words])
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def shell(dsn: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path))
    monkeypatch.setenv("HUBBUB_DATABASE_URL", dsn)
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hubbub.toml").write_text('[[brand]]\nkey = "lark"\nname = "Lark"\n')
    return Shell(capsys)


async def as_role(pool: asyncpg.Pool, role: Role) -> int:
    brand_id = await people.ensure_brand(pool, "lark", "Lark", "UTC")
    return (await people.ensure_person(pool, login_name(), "Mia", brand_id, role)).id


async def test_every_source_is_shown_with_all_that_is_known_and_nothing_hostile(
    pool: asyncpg.Pool, dsn: str, shell: Shell
) -> None:
    code, _, wrong = await shell()
    assert (code, "start the listener" in wrong) == (2, True)
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        await as_role(pool, Role.ADMIN)
        hall.ear(source.line)
        at = now()
        source.line.give(
            1, heard("a"), Reject(Reason.BAD_ID, "no id", b"\x1b[31mx\xff"), item_at=at - timedelta(seconds=90)
        )
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM mentions"))
        ours = await sources.open_source(pool, "bluesky/notifications/us", at)
        await sources.set_state(pool, ours.id, "stopped", "the token\x1b[2J was revoked", at)
        await source_health.note_fault(pool, "bluesky/notifications/us", "ExpiredToken", "revoked", at, 3)
        await source_health.publish_expiries(pool, "bluesky", {"us": at + timedelta(days=3)})
        await source_health.save_budgets(pool, "bluesky", [BudgetRow("bluesky", "reads", 10, 6e6, 4, None, at)], at)
        await pool.execute(
            "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'we were away', $3)",
            ours.id, at - timedelta(hours=2), at,
        )  # fmt: skip
        # What another brand's account hears is not ours to see, nor to pause.
        other = await people.ensure_brand(pool, "globex", "Globex", "UTC")
        await people.ensure_account(pool, other, "bluesky", "at", "them", "them.test")
        await sources.open_source(pool, "bluesky/notifications/them", at)

        code, said, _ = await shell()
        assert code == 1, "one has stopped"
        assert "\x1b" not in said
        first, second = said.split("\n\n")
        assert first.startswith("Bluesky: notifications of @us.test  (bluesky/notifications/us)")
        for words in (
            "stopped: the token [2J was revoked",
            "-> mend that, then: hubbub sources resume bluesky/notifications/us",
            "login ends 3 d from now",
            "fault ExpiredToken: 3 times, last",
            "reads: [####......] 4 of 10 left",
            "open; we were away",
        ):
            assert words in first.replace("␛", " "), words
        for words in ("Bluesky: line", "running", "90 s behind", "1 an hour concern us; 2 heard, 1 stored", "1 bad_id"):
            assert words in second, words
        assert "them" not in said
        code, said, _ = await shell("--json")
        told = {one["key"]: one for one in json.loads(said)["sources"]}
        assert (code, set(told)) == (1, {LINE, "bluesky/notifications/us"})
        assert told[LINE]["rejects"] == {"bad_id": 1}
        assert told["bluesky/notifications/us"]["budgets"][0]["left"] == 4

        code, said, _ = await shell("rejects")
        assert (code, "bad_id, 1 times" in said, "\x1b" in said, "x\\xff" in said) == (0, True, False, True)
        assert await shell("gaps", "line") == (0, "no gaps: whatever was missed is filled\n", "")
        code, _, wrong = await shell("pause", "bluesky/lin3")
        assert (code, "did you mean bluesky/line?" in wrong) == (2, True)
        code, _, wrong = await shell("pause", "bluesky")
        assert (code, "may be 2 sources" in wrong) == (2, True)
        code, _, wrong = await shell("pause", "bluesky/notifications/them")
        assert (code, "there is no source" in wrong) == (2, True)


async def test_pauses_fills_and_reading_again_are_obeyed_recorded_with_who_and_for_leads(
    pool: asyncpg.Pool, dsn: str, shell: Shell
) -> None:
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        mia = await as_role(pool, Role.RESPONDER)
        hall.start(Backfill(hall.house, source, hall.bench, hall.bells.wishes("bluesky"), hall.stop, now, 0.05).work())
        ear = hall.ear(source.line)
        source.line.give(1, Reject(Reason.WRONG_SHAPE, "then", b"now good:a"))
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM rejects"))
        code, _, wrong = await shell("pause", "line")
        assert (code, "only a lead or an admin" in wrong, ear.state) == (1, True, "running")
        await as_role(pool, Role.LEAD)
        code, said, _ = await shell("pause", "LINE")
        assert (code, "hubbub sources resume bluesky/line" in said) == (0, True)
        await until(lambda: ear.state == "paused")
        assert json.loads((await shell("pause", "line", "--json"))[1]) == {"source": LINE, "changed": False}
        code, said, _ = await shell()
        assert (code, "paused by Mia" in said) == (0, True)
        code, _, wrong = await shell("look-back", "line", "--since", "7d")
        assert (code, "no listener runs" in wrong) == (3, True)
        assert (await shell("rejects", "--replay"))[1].startswith("1 reject will be read again")
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM mentions"))
        assert (await shell("resume", "line"))[0] == 0
        await until(lambda: ear.state == "running")
        gap = "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) SELECT id, $1, $2, 'c', $2 FROM sources RETURNING id"
        id_ = await pool.fetchval(gap, now() - timedelta(hours=1), now())
        assert (await shell("fill", "line"))[0] == 0
        await until(lambda: pool.fetchval("SELECT state = 'lost' FROM gaps"))
        code, _, wrong = await shell("fill", str(id_ + 1))
        assert (code, "there is no such gap" in wrong) == (1, True)
        told = await pool.fetch("SELECT kind, after FROM events WHERE person_id = $1 ORDER BY id", mia)
        kinds = ["source.paused", "rejects.asked", "source.resumed", "gap.asked"]
        assert [row["kind"] for row in told] == kinds
        assert all(row["after"]["source"] == LINE for row in told)


async def test_a_look_back_shows_how_far_it_is_is_stopped_goes_on_where_it_was_and_is_harmless_twice(
    pool: asyncpg.Pool, dsn: str, shell: Shell
) -> None:
    lead = await Lead.of(pool)
    source = Told()
    go_on = asyncio.Event()

    async def past(start: datetime, end: datetime) -> AsyncIterator[Batch]:
        middle = start + (end - start) / 2
        if len(source.asked) == 1:
            yield Batch((heard("late"),), None, now(), gaps=(Gap(start, middle, "rest"),), history=True)
            await go_on.wait()
        yield Batch((heard("early"),), None, now(), gaps=(Gap(start, middle, "rest"),), history=True)
        if len(source.asked) == 1:
            yield Batch((heard("after the stop"),), None, now(), history=True)

    source.past = past
    async with Hall.built(dsn, pool) as hall:
        mia = await as_role(pool, Role.ADMIN)
        hall.start(Backfill(hall.house, source, hall.bench, hall.bells.wishes("bluesky"), hall.stop, now, 0.05).work())
        hall.ear(source.line)
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM sources"))
        await alive.beat(pool, alive.Program("listener", "here", 1, "0", now(), now(), {}))
        words = argparse.Namespace(source="line", since=faring.since("7d"), json=False, topic="")
        brand_id = hall.account.brand_id
        person = next(one for one in await people.people(pool, brand_id) if one.id == mia)
        looking = asyncio.ensure_future(faring._look_back(words, hall.house, brand_id, person, now()))
        await until(lambda: pool.fetchval("SELECT found = 1 AND rest_start IS NOT NULL FROM gaps"))
        code, said, _ = await shell("gaps")
        assert "50% looked at, 1 found; somebody looked back" in said
        looking.cancel()  # as Ctrl-C does
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert await pool.fetchval("SELECT state FROM gaps") == "failed"
        go_on.set()
        await asyncio.sleep(0.2)
        assert await pool.fetchval("SELECT state FROM gaps") == "failed", "who stopped it has stopped it"
        code, said, _ = await shell("look-back", "line", "--since", "7d", "--json")
        first, *_, last = [json.loads(line) for line in said.splitlines()]
        assert (code, first["gap"], last["state"], last["done"]) == (0, last["gap"], "filled", 1.0)
        [whole, rest] = source.asked
        assert rest == (whole[0], whole[0] + (whole[1] - whole[0]) / 2), "it went on where it was"
        assert (await shell("look-back", "line", "--since", "7d"))[0] == 0
        assert sorted(await hall.names()) == ["early", "late"]
        assert await pool.fetchval("SELECT bool_and(cause = $1) FROM gaps", LOOK_BACK)
        with pytest.raises(argparse.ArgumentTypeError, match="90min, 12h, 7d"):
            faring.since("soon")
        await lead.does(source_acts.pause, LINE, now())
        code, _, wrong = await shell("look-back", "line", "--since", "7d")
        assert (code, "it is paused" in wrong) == (1, True)


async def test_a_look_back_for_a_topic_asks_the_networks_search_by_its_words(
    pool: asyncpg.Pool, dsn: str, shell: Shell
) -> None:
    source = Told()

    async def past(start: datetime, end: datetime) -> AsyncIterator[Batch]:
        yield Batch((heard("long ago"),), None, now(), history=True)

    source.past = past
    async with Hall.built(dsn, pool) as hall:
        await as_role(pool, Role.LEAD)
        hall.start(Backfill(hall.house, source, hall.bench, hall.bells.wishes("bluesky"), hall.stop, now, 0.05).work())
        hall.ear(source.line)
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM sources"))
        await alive.beat(pool, alive.Program("listener", "here", 1, "0", now(), now(), {}))
        book = parse({"topics.yaml": TOPIC})
        assert isinstance(book, Rulebook)
        cast(Any, hall.bench.now).rulebook = book
        await rulebooks.publish(pool, book.hash, book.files, "", now(), book.approval)
        code, _, wrong = await shell("look-back", "line", "--since", "90d", "--topic", "lark")
        assert (code, "there is no topic 'lark'" in wrong, "larkspur" in wrong) == (2, True, True)
        code, said, asked = await shell("look-back", "line", "--since", "90d", "--topic", "larkspur")
        assert (code, "1 item found" in said, "searched for: larkspur" in asked) == (0, True, True)
        assert source.searched == [("larkspur", '"larkspur cloud"')]
        assert await hall.names() == ["long ago"]
        assert (await shell("look-back", "line", "--since", "90d"))[0] == 0
        told = await pool.fetch("SELECT topic, state FROM gaps ORDER BY topic")
        assert [tuple(row) for row in told] == [("", "filled"), ("larkspur", "filled")], (
            "a topic's look back and a stream's are two"
        )


async def test_the_doctor_tells_what_is_paused_stopped_or_ends_soon_and_a_door_that_nobody_reaches(
    pool: asyncpg.Pool, dsn: str, shell: Shell, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lead = await Lead.of(pool)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "token").write_text("s" * 40)
    (tmp_path / "hubbub.toml").write_text(
        f'[door]\nlisten = "127.0.0.1:{port}"\n[[account]]\nsource = "webhook"\nhandle = "shop"\nsecret_file = "token"\n'
    )
    at = now()
    async with Hall.built(dsn, pool) as hall:
        for key in ("bluesky/line", "bluesky/notifications/us"):
            opened = await sources.open_source(pool, key, at)
        await sources.set_state(pool, opened.id, "stopped", "the token was revoked", at)
        await source_health.publish_expiries(pool, "bluesky", {"us": at + timedelta(days=2)})
        await lead.does(source_acts.pause, LINE, now())

        async def found() -> dict[str, list[str]]:
            await asyncio.to_thread(main, ["doctor", "--json"])
            told: dict[str, list[str]] = {}
            for one in json.loads(capsys.readouterr().out)["checks"]:
                told.setdefault(one["name"], []).append(f"{one['state']}: {one['what']} -> {one['todo']}")
            return told

        told = await found()
        assert told["line"][0].startswith("warning: paused by Lea")
        stopped, ends = told["notifications/us"]
        assert stopped.startswith("bad: stopped: the token was revoked")
        assert ends.startswith("warning: its login ends 2 d from now")
        assert "hubbub connect bluesky" in ends
        assert told["door"][0].startswith(f"bad: nobody answers at 127.0.0.1:{port}")
        door = Door(settings.Door(port=port), {}, hall.house, hall.stop, now)
        hall.start(door.serve())
        await until(lambda: door.port > 0)
        answers, never = (await found())["door"]
        assert answers.startswith("fine: answers")
        assert "nothing was delivered to /hooks/webhook-shop lately -> the network must reach" in never
