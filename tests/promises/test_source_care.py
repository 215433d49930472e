"""What keeps a source honest: pauses obeyed at once, faults counted, budgets that survive a restart, gaps filled, rejects read again, old
messages compared; each seen in Postgres."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.heard import Batch, Gap, Reason, Reject
from listener.networks import NETWORKS
from listener.service.backfill import Backfill
from listener.service.bells import Bells
from listener.service.budgets import Ledger
from listener.service.database import House
from listener.service.run import Service
from listener.service.stopping import Stop
from listener.service.sweep import Sweep
from listener.service.timekeeper import Timekeeper
from listener.settings import find_paths, parse
from listener.sources.base import Login, Wiring
from listener.sources.telegram import Telegram
from listener.store import people, source_acts, source_health, sources
from listener.store.source_views import BudgetRow, SourceState
from listener.webclient.client import WebClient
from listener.webclient.patience import Budget
from pretend.telegram import TOKEN
from tests.promises.hooked import HOOKED, Hall, Told, body_of, heard, now, signed, until
from tests.store.leading import Lead

LINE = "bluesky/line"


async def state(pool: asyncpg.Pool, key: str = LINE) -> SourceState:
    return next(found for found in await source_health.everything(pool, now()) if found.key == key)


def filling(hall: Hall, source: Told) -> asyncio.Event:
    bell = hall.bells.wishes(source.name)
    hall.start(Backfill(hall.house, source, hall.bench, bell, hall.stop, now, 0.05).work())
    return bell


async def test_a_paused_stream_is_closed_within_a_second_keeps_its_bookmark_and_goes_on(
    dsn: str, pool: asyncpg.Pool
) -> None:
    lead = await Lead.of(pool)
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        ear = hall.ear(source.line)
        source.line.give(1, heard("a"))
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM mentions"))
        began = time.monotonic()
        await lead.does(source_acts.pause, LINE, now())
        await until(lambda: ear.state == "paused")
        assert time.monotonic() - began < 1
        source.line.give(2, heard("b"))
        await asyncio.sleep(0.1)
        shown = await state(pool)
        assert (shown.state, shown.wanted, await hall.names()) == ("paused", "paused", ["a"])
    async with Hall.built(dsn, pool) as hall:  # another run still knows
        ear = hall.ear(source.line)
        await until(lambda: ear.state == "paused")
        await lead.does(source_acts.resume, LINE, now())
        await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM mentions"))
        shown = await state(pool)
        assert (shown.state, shown.wanted, source.line.opened) == ("running", "", [None, "1"])
    with pytest.raises(Refused, match="no such stream"):
        await lead.does(source_acts.pause, "bluesky/nowhere", now())


async def test_what_is_wanted_before_the_bells_hear_is_not_missed(dsn: str, pool: asyncpg.Pool) -> None:
    lead = await Lead.of(pool)
    house, stop, bells = House(dsn, pool), Stop(), Bells()
    wish, delivered = bells.wishes(LINE), bells.delivered(HOOKED)
    listening = asyncio.ensure_future(bells.listen(house, stop))
    await asyncio.gather(wish.wait(), delivered.wait())
    wish.clear()
    await sources.open_source(pool, LINE, now())
    await lead.does(source_acts.pause, LINE, now())
    await asyncio.wait_for(wish.wait(), 5)
    stop.set("the test is over")
    await listening


async def test_faults_are_counted_by_code_and_a_stopped_stream_goes_on_when_it_is_resumed(
    dsn: str, pool: asyncpg.Pool
) -> None:
    lead = await Lead.of(pool)
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        ear = hall.ear(source.line)
        for _ in range(2):
            source.line.queue.put_nowait(TryAgain("slow down", after=0.0, code="http_429"))
        source.line.queue.put_nowait(TryAgain("come back in an hour", after=3600.0, code="http_503"))
        await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM source_faults"))
        await lead.does(source_acts.pause, LINE, now())  # also while it waits for its network
        await until(lambda: ear.state == "paused")
        source.line.queue.put_nowait(SourceStopped("the token was revoked", code="ExpiredToken"))
        await lead.does(source_acts.resume, LINE, now())
        await until(lambda: ear.state == "stopped")
        await until(lambda: pool.fetchval("SELECT state = 'stopped' FROM sources WHERE key = $1", LINE))
        shown = await state(pool)
        assert {fault.code: fault.seen for fault in shown.faults} == {"http_429": 2, "http_503": 1, "ExpiredToken": 1}
        assert shown.faults[0].what == "the token was revoked"
        source.line.give(1, heard("a"))
        await lead.does(source_acts.look_back, LINE, now(), now())  # rings, and resumes nothing
        await asyncio.sleep(0.1)
        assert ear.state == "stopped"
        await lead.does(source_acts.resume, LINE, now())
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM mentions"))
        assert (await state(pool)).state == "running"


async def test_a_restart_never_believes_that_it_has_a_full_budget(dsn: str, pool: asyncpg.Pool) -> None:
    async with Hall.built(dsn, pool) as hall:
        first = Told()
        first.budgets = {"reads": Budget(100, 86400), "writes": Budget(10, 86400)}
        killed = Ledger(hall.house, {"bluesky": first}, hall.stop, now, 0.02)
        await killed.open()
        task = asyncio.ensure_future(killed.keep())
        await first.budgets["reads"].spend(80)
        first.budgets["writes"].close_for(600)
        await until(
            lambda: pool.fetchval(
                "SELECT count(*) = 2 FROM source_budgets WHERE remaining < 21 OR closed_until > now()"
            )
        )
        task.cancel()  # without a word
        second = Told()
        second.budgets = {"reads": Budget(100, 86400)}
        ledger = Ledger(hall.house, {"bluesky": second}, hall.stop, now)
        await ledger.open()
        assert second.budgets["reads"].state().left == pytest.approx(20, abs=0.1)
        second.budgets = {**second.budgets, "writes": Budget(20, 86400)}  # comes with a login, and allows more now
        await ledger.save()
        assert second.budgets["writes"].state().closed_for == pytest.approx(600, abs=5)
        third = Told()
        third.budgets = {"reads": Budget(50, 86400)}
        later = Ledger(hall.house, {"bluesky": third}, hall.stop, lambda: now() + timedelta(hours=6))
        await later.open()  # 80 were spent, 25 of them have come back since
        assert third.budgets["reads"].state().left < 0.01
        # Two halves of one program: what the other one spent is not forgotten by the word of this one.
        other = Told()
        other.budgets = {"reads": Budget(100, 86400)}
        full = Ledger(hall.house, {"bluesky": other}, hall.stop, now)
        await full.save()
        assert await pool.fetchval("SELECT remaining < 21 FROM source_budgets WHERE name = 'reads'")


async def test_a_budget_that_is_made_when_it_is_asked_for_is_restored_by_its_name(dsn: str, pool: asyncpg.Pool) -> None:
    """Telegram's, of one chat: with the first answer after a restart it would be too late."""
    house, stop, minute = House(dsn, pool), Stop(), "@acme_bot: chat -100, in a minute"
    options = {one.name: one.default for one in NETWORKS["telegram"].settings}
    wiring = Wiring(WebClient(""), Path(), (Login("acme_bot", TOKEN),), options)
    first, second = Telegram(wiring), Telegram(wiring)
    await first.budgets[minute].spend(20)
    await first.budgets["@acme_bot: chat 7"].spend(1)
    await Ledger(house, {"telegram": first}, stop, now).save()
    ledger = Ledger(house, {"telegram": second}, stop, lambda: now() + timedelta(seconds=3))
    await ledger.open()
    assert second.budgets[minute].state().left == pytest.approx(1, abs=0.4)
    assert "@acme_bot: chat 7" not in second.budgets, "it is full again: nothing is owed"
    with pytest.raises(KeyError):
        second.budgets["@another_bot: chat 7"]
    await wiring.web.close()


async def test_a_stream_that_waits_shows_that_it_lives(dsn: str, pool: asyncpg.Pool) -> None:
    lead = await Lead.of(pool)
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        ear, before = hall.ear(source.line), now()
        await until(lambda: ear.waits is not None)
        living = [one for one in (ear.waits,) if one is not None]
        await pool.execute("UPDATE sources SET beat_at = $1", before - timedelta(hours=1))
        hall.start(Timekeeper(hall.house, Bells(), hall.stop, now, streams=lambda: living).keep())
        await until(lambda: pool.fetchval("SELECT beat_at >= $1 FROM sources WHERE key = $2", before, LINE))
        await lead.does(source_acts.pause, LINE, now())
        await until(lambda: ear.state == "paused" and ear.waits is None)


async def test_a_gap_is_filled_in_pieces_and_goes_on_after_a_fault_where_the_source_says(
    dsn: str, pool: asyncpg.Pool
) -> None:
    source = Told()
    start, end = now() - timedelta(hours=3), now() - timedelta(hours=1)
    later, middle = start + timedelta(minutes=5), start + timedelta(hours=1)
    faults = [TryAgain("come back", after=0.05, code="http_429")]

    async def past(since: datetime, until_: datetime) -> AsyncIterator[Batch]:
        if until_ == end:
            yield Batch((heard("late"),), None, now(), gaps=(Gap(later, middle, "rest"),), history=True)
        if faults:
            raise faults.pop()
        yield Batch((heard("early"),), None, now(), history=True)

    source.past = past
    async with Hall.built(dsn, pool) as hall:
        bell = filling(hall, source)
        hall.ear(source.line, heard=lambda batch, _: bell.set() if batch.gaps else None)
        source.line.give(1, gaps=(Gap(start, end, "we were away"),))
        await until(lambda: pool.fetchval("SELECT state = 'filled' FROM gaps"))
        assert source.asked == [(start, end), (later, middle)]
        assert await hall.names() == ["late", "early"]
        assert await pool.fetchval(
            "SELECT bool_and(due_at IS NULL AND NOT unread) FROM conversations"
        )  # history alerts nobody
        # It grew: it is open again, and filled again, all of it.
        source.line.give(2, gaps=(Gap(start, end + timedelta(minutes=1), "we were away"),))
        await until(lambda: len(source.asked) == 3)
        await until(lambda: pool.fetchval("SELECT state = 'filled' AND found = 3 FROM gaps"))
        assert (await state(pool)).state == "running"


async def test_what_cannot_be_filled_says_why_and_can_be_asked_for(dsn: str, pool: asyncpg.Pool) -> None:
    lead = await Lead.of(pool)
    source = Told()
    start, end = now() - timedelta(hours=3), now()
    async with Hall.built(dsn, pool) as hall:
        line = await sources.open_source(pool, LINE, now())
        bell = filling(hall, source)
        await pool.execute(
            "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, 'c', $3)",
            line.id,
            start,
            end,
        )
        bell.set()
        await asyncio.sleep(0.1)
        [gap] = (await state(pool)).gaps
        assert gap.state == "open"  # the network knows no way, and nobody asked
        await lead.does(source_acts.fill, gap.id, now())
        await until(lambda: pool.fetchval("SELECT state = 'lost' FROM gaps"))

        async def denied(_: datetime, __: datetime) -> AsyncIterator[Batch]:
            if source.past is not None:
                raise SourceStopped("pay first", code="http_402")
            yield Batch((), None, now())

        source.past = denied
        await lead.does(source_acts.fill, gap.id, now())
        await until(lambda: pool.fetchval("SELECT state = 'failed' FROM gaps"))
        [gap] = (await state(pool)).gaps
        assert gap.problem == "pay first"

        async def nothing(_: datetime, __: datetime) -> AsyncIterator[Batch]:
            for batch in list[Batch]():
                yield batch

        source.past = nothing
        await lead.does(source_acts.pause, LINE, now())
        await lead.does(source_acts.fill, gap.id, now())
        await asyncio.sleep(0.1)
        assert [gap.state for gap in (await state(pool)).gaps] == ["asked"]  # paused is paused
        await lead.does(source_acts.resume, LINE, now())
        await until(lambda: pool.fetchval("SELECT state = 'filled' FROM gaps"))
        with pytest.raises(Refused, match="filled already"):
            await lead.does(source_acts.fill, gap.id, now())


async def test_rejects_that_are_asked_for_become_messages_or_stay_with_todays_reason(
    dsn: str, pool: asyncpg.Pool
) -> None:
    lead = await Lead.of(pool)
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        hall.ear(source.line)
        filling(hall, source)
        rejects = [Reject(Reason.WRONG_SHAPE, "then", raw) for raw in (b"now good:a", b"never")]
        source.line.give(1, *rejects)
        await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM rejects"))
        assert (await state(pool)).rejects == {"wrong_shape": 2}
        await lead.does(source_acts.pause, LINE, now())  # what is ours already is read all the same
        await until(lambda: pool.fetchval("SELECT state = 'paused' FROM sources WHERE key = $1", LINE))
        assert await lead.does(source_acts.read_again, LINE, "not_decoded", now()) == 0
        assert await lead.does(source_acts.read_again, LINE, "wrong_shape", now()) == 2
        await until(lambda: pool.fetchval("SELECT count(*) = 1 AND bool_and(asked_at IS NULL) FROM rejects"))
        shown = await state(pool)
        assert (await hall.names(), shown.rejects, shown.state) == (["a"], {"bad_id": 1}, "paused")


async def test_messages_of_open_work_that_are_gone_on_their_network_are_blanked(dsn: str, pool: asyncpg.Pool) -> None:
    source = Told()
    source.budgets = {"reads": Budget(100, 86400)}
    async with Hall.built(dsn, pool) as hall:
        hall.ear(source.line)
        source.line.give(1, *(heard(name, by=name) for name in ("stays", "goes", "closed")))
        await until(lambda: pool.fetchval("SELECT count(*) = 3 FROM conversations"))
        await pool.execute("UPDATE conversations SET state = 'done' WHERE root = 'closed'")
        source.gone = {"goes", "closed"}
        tomorrow = timedelta(hours=25)
        sweep = Sweep(
            hall.house,
            source,
            hall.bench,
            hall.stop,
            lambda: now() + tomorrow,
            timedelta(days=1),
            timedelta(days=7),
            0.02,
            0.0,
        )
        hall.start(sweep.work())
        await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM rechecks"))
        assert [sorted(lot) for lot in source.looked] == [["goes", "stays"]]  # as our account, once, and only open work
        texts = "SELECT m.external_id FROM mention_versions AS v JOIN mentions AS m ON m.id = v.mention_id WHERE v.text IS NULL"
        assert [row[0] for row in await pool.fetch(texts)] == ["goes"]
        await asyncio.sleep(0.1)
        assert len(source.looked) == 1  # not again within a day


async def test_one_reading_tells_everything_about_every_source(dsn: str, pool: asyncpg.Pool) -> None:
    source = Told()
    async with Hall.built(dsn, pool) as hall:
        hall.ear(source.line)
        at = now()
        source.line.give(1, heard("a"), Reject(Reason.BAD_ID, "no id", b"x"), item_at=at - timedelta(seconds=90))
        await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM mentions"))
        await sources.open_source(pool, "bluesky/notifications/us", at)
        ends = at + timedelta(days=60)
        await source_health.publish_expiries(pool, "bluesky", {"us": ends, "others": ends})
        await source_health.save_budgets(pool, "bluesky", [BudgetRow("bluesky", "reads", 10, 60, 4, None, at)], at)
        line, ours = await source_health.everything(pool, now())
        assert (line.key, ours.key, ours.login_until, line.login_until) == (
            LINE,
            "bluesky/notifications/us",
            ends,
            None,
        )
        assert (line.heard, line.stored, line.rejects, line.an_hour > 0) == (2, 1, {"bad_id": 1}, True)
        assert line.lag is not None
        assert timedelta(seconds=90) <= line.lag < timedelta(seconds=100)
        [budget] = line.budgets
        assert (budget.left(at), budget.left(at + timedelta(seconds=30))) == (4, 9)
        await source_health.publish_expiries(pool, "bluesky", {})
        assert [shown.login_until for shown in await source_health.everything(pool, now())] == [None, None]
        assert len(await people.accounts(pool)) == 1


async def test_the_whole_service_opens_its_door_reads_what_comes_fills_what_it_missed_and_ends(
    dsn: str, pool: asyncpg.Pool
) -> None:
    lead = await Lead.of(pool)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = Told()

    async def past(_: datetime, __: datetime) -> AsyncIterator[Batch]:
        yield Batch((heard("missed"),), None, now(), history=True)

    source.past = past
    source.budgets = {"reads": Budget(100, 86400)}
    settings = parse(
        f'[door]\nlisten = "127.0.0.1:{port}"', Path("hubbub.toml"), find_paths({"HUBBUB_HOME": "/nowhere"})
    )
    async with Hall.built(dsn, pool) as hall:
        service = Service(settings, hall.house, Stop(), "listen")
        running = asyncio.ensure_future(service._run({"bluesky": source}, hall.bench, WebClient("test")))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as web:

            async def is_open() -> bool:
                try:
                    async with web.get("/health") as answer:
                        return "running" in (await answer.json())["streams"]
                except aiohttp.ClientError:
                    return False

            await until(is_open)
            body = body_of("delivered")
            async with web.post("/hooks/news", data=body, headers=signed(body)) as answer:
                assert answer.status == 200
            source.line.give(1, heard("told"), gaps=(Gap(now() - timedelta(hours=1), now(), "away"),))
            await until(lambda: pool.fetchval("SELECT count(*) = 3 FROM mentions"))
            assert sorted(await hall.names()) == ["delivered", "missed", "told"]
            await lead.does(source_acts.pause, HOOKED, now())
            await until(lambda: pool.fetchval("SELECT state = 'paused' FROM sources WHERE key = $1", HOOKED))
            await source.budgets["reads"].spend(40)
            service.stop.set("asked to end")
            await asyncio.wait_for(running, 10)
        assert await pool.fetchval("SELECT round(remaining) FROM source_budgets") == 60  # also at the end
