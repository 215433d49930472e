"""All networks in one program: what is said on each is heard once, what is answered arrives once, whatever dies; and every promised seam holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listener.errors import HubbubError
from listener.model.people import Role
from listener.store import outbox, people, source_acts
from tests.journeys.everywhere import ANSWERED, Worlds, count, meanwhile
from tests.journeys.kills import SOMEBODY
from tests.journeys.running import AWAY, Running, running, until
from tests.store.leading import Lead

SEED = 20264
KILLS = 3
SERVE = ("-m", "tests.journeys.short_lease", "--lease", "2.5")
EVERYWHERE = (*ANSWERED, "feeds")

OPENED = """
SELECT c.id, c.account_id, c.thread_version, m.id AS mention_id FROM mentions AS m
JOIN mention_versions AS v ON v.mention_id = m.id JOIN conversation_mentions AS j ON j.mention_id = m.id
JOIN conversations AS c ON c.id = j.conversation_id WHERE v.text LIKE '%' || $1 || ':%' AND NOT m.ours
"""
HELD = "SELECT count(*) FROM mention_versions WHERE text LIKE '%' || $1 || '%'"


class Play:
    """One play."""

    def __init__(self, worlds: Worlds, house: Running) -> None:
        self.worlds, self.house = worlds, house
        self.chance = random.Random(SEED)
        self.person = 0
        self.answered = 0

    # Steps

    async def begin(self) -> None:
        """The program runs and every account is in."""
        for _ in range(2):
            self.worlds.say("feeds")  # a feed is read at the start, and then not for a while
        self.house.program("hubbub", serve=SERVE)

        async def ready() -> bool:
            return bool(await self.house.pool.fetchval("SELECT count(*) = 7 FROM accounts WHERE state = 'ready'"))

        await until(ready, told=self.house.logs)
        brand_id = await self.house.pool.fetchval("SELECT id FROM brands")
        self.person = (await people.ensure_person(self.house.pool, "ann", "Ann", brand_id, Role.RESPONDER)).id

    async def killed(self) -> None:
        """Somebody talks everywhere and somebody answers, while the program is killed and started again."""
        staff = asyncio.ensure_future(self._staff())
        program = self.house.programs["hubbub"]
        try:
            for number in range(KILLS):
                for where in ANSWERED * 2:
                    self.worlds.say(where)
                    await asyncio.sleep(self.chance.uniform(0.0, 0.06))
                await self._busy(self.answered + 5)
                await asyncio.sleep(self.chance.uniform(0.0, 0.15))
                program.kill()
                for where in ANSWERED:
                    self.worlds.say(where)
                if number == 1:
                    self.worlds.miss_notices()  # the sweep has to find it
                since = datetime.now(UTC)
                program.start()
                await self._listens(since)
        finally:
            staff.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await staff

    async def _busy(self, enough: int) -> None:
        """Answers are on their way, so that the kill meets some."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(6):
                while self.answered < enough:
                    await asyncio.sleep(0.01)

    async def _listens(self, since: datetime) -> None:
        """The program that was started last is at work."""
        newer = "SELECT count(*) > 0 FROM sources WHERE key LIKE 'webhook/%' AND started_at > $1"
        await until(lambda: self.house.pool.fetchval(newer, since), told=self.house.logs)

    async def _staff(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            with contextlib.suppress(*AWAY):
                row = await self.house.pool.fetchrow(SOMEBODY, str(self.answered))
                if row is not None:
                    with contextlib.suppress(HubbubError):
                        await self._queue(row["id"], row["account_id"], row["last_mention_id"], row["thread_version"])

    async def _queue(self, conversation_id: int, account_id: int, mention_id: int, fence: int) -> int:
        self.answered += 1
        row = await outbox.queue_reply(
            self.house.pool, self.person, conversation_id, account_id, mention_id, f"Answer {self.answered}: we are on it.",
            visibility="public", lang="en", fence=fence, hold_seconds=0.05, close_after=False, now=datetime.now(UTC),
        )  # fmt: skip
        return row.id

    async def answer(self, word: str) -> int:
        """An answer to this, once it is a conversation; the outbox row."""
        row = await until(lambda: self.house.pool.fetchrow(OPENED, word), told=self.house.logs)
        return await self._queue(row["id"], row["account_id"], row["mention_id"], row["thread_version"])

    async def state_is(self, outbox_id: int, state: str) -> Any:
        """Waits for it; the row."""

        async def there() -> Any:
            row = await outbox.row(self.house.pool, outbox_id)
            assert row is not None
            return row if row.state.value == state else None

        try:
            return await until(there, within=40, told=self.house.logs)
        except AssertionError:
            found = await outbox.row(self.house.pool, outbox_id)
            raise AssertionError(f"not {state}: {found}\n{self.house.logs()}") from None

    async def calm(self) -> None:
        """Nothing dies, but the network's word is lost: it is looked for and found, or honestly not known, and never said again."""
        words = {where: self.worlds.say(where) for where in ANSWERED}
        heard = self.worlds.say("telegram")
        on_its_way = "SELECT count(*) = 0 FROM outbox WHERE state IN ('queued', 'sending')"
        await until(lambda: self.house.pool.fetchval(on_its_way), within=40, told=self.house.logs)
        self.worlds.lose_answers()
        answers = {where: await self.answer(word) for where, word in words.items()}
        for where, outbox_id in answers.items():
            if where not in {"telegram", "told"}:
                await self.state_is(outbox_id, "seen")
                continue

            async def told(outbox_id: int = outbox_id) -> bool:
                return "look in the chat" in (await self.state_is(outbox_id, "unknown")).problem

            await until(told, within=30, told=self.house.logs)
        await self.state_is(await self.answer(heard), "seen")

    async def quiet(self) -> None:
        """All has come right, by the independent count."""

        async def settled() -> bool:
            wrong, waiting = await count(self.worlds, self.house.pool)
            return not wrong and not waiting

        try:
            await until(settled, within=40, every=0.2, told=self.house.logs)
        except AssertionError:
            wrong, waiting = await count(self.worlds, self.house.pool)
            raise AssertionError("\n".join([*wrong, *waiting, self.house.logs()])) from None

    # Seams

    async def is_held(self, word: str) -> Any:
        return await until(lambda: self.house.pool.fetchval(HELD, word), within=40, told=self.house.logs)

    async def key_of(self, like: str) -> str:
        return str(await self.house.pool.fetchval("SELECT key FROM sources WHERE key LIKE $1", like))

    async def lead(self) -> Lead:
        return await Lead.of(self.house.pool, await self.house.pool.fetchval("SELECT id FROM brands"))

    async def a_feed_is_told_by_its_hub(self) -> None:
        word = self.worlds.say("feeds")
        assert await self.worlds.push_feed() < 300
        await self.is_held(word)

    async def paused_and_resumed(self) -> None:
        pool, key, lead = self.house.pool, await self.key_of("mastodon/%"), await self.lead()
        await lead.does(source_acts.pause, key, datetime.now(UTC))

        async def state() -> bool:
            return bool(await pool.fetchval("SELECT state = 'paused' FROM sources WHERE key = $1", key))

        await until(state, within=30, told=self.house.logs)
        word, other = self.worlds.say("mastodon"), self.worlds.say("webhook")
        await self.is_held(other)
        assert not await pool.fetchval(HELD, word)
        await lead.does(source_acts.resume, key, datetime.now(UTC))
        await self.is_held(word)

    async def a_gap_is_filled(self) -> None:
        pool, key, lead = self.house.pool, await self.key_of("mastodon/%"), await self.lead()
        self.worlds.mastodon.pushes = False
        word = self.worlds.say("mastodon")
        self.worlds.mastodon.pushes = True
        now = datetime.now(UTC)
        gap = await lead.does(source_acts.look_back, key, now - timedelta(days=1), now)

        async def filled() -> Any:
            return await pool.fetchval("SELECT found FROM gaps WHERE id = $1 AND state = 'filled'", gap)

        assert await until(filled, within=30, told=self.house.logs) >= 1
        assert await pool.fetchval(HELD, word) == 1

    async def rejects_are_read_again(self) -> None:
        """As though the converter that put it aside had been mended since."""
        pool, shop = self.house.pool, self.worlds.shop
        shop.waiting.append({"id": "r-bad", "text": 7, "author": {"id": "c-1"}})
        rejected = (
            "SELECT digest, key FROM rejects AS r JOIN sources AS s ON s.id = r.source_id WHERE s.key LIKE 'webhook/%'"
        )
        digest, key = await until(lambda: pool.fetchrow(rejected), within=30, told=self.house.logs)
        lead = await self.lead()
        assert await lead.does(source_acts.read_again, key, None, datetime.now(UTC)) == 1

        async def read() -> bool:
            return bool(await pool.fetchval("SELECT count(*) = 1 FROM rejects WHERE asked_at IS NULL"))

        await until(read, within=30, told=self.house.logs)
        word = "item9999x"
        said = {"id": "r-good", "text": f"larkspur {word}:", "author": {"id": "c-1"}, "account": "shop-reviews"}
        self.worlds.said[word] = "webhook"
        raw = zlib.compress(json.dumps({"wired": "shop-reviews", "said": said}).encode())
        await pool.execute("UPDATE rejects SET raw = $2 WHERE digest = $1", digest, raw)
        await lead.does(source_acts.read_again, key, None, datetime.now(UTC))
        await self.is_held(word)
        assert await pool.fetchval("SELECT count(*) FROM rejects") == 0

    async def late_edits_and_deletes(self) -> None:
        """On what was heard long before."""
        worlds = self.worlds
        on = {where: [word for word, at in worlds.said.items() if at == where] for where in EVERYWHERE}
        worlds.mastodon.edit(worlds.ids[on["mastodon"][0]], f"@acme larkspur {on['mastodon'][0]}: edited")
        worlds.graph.edit(worlds.ids[on["facebook"][0]], f"larkspur {on['facebook'][0]}: edited")
        said = worlds.ids[on["webhook"][0]]
        worlds.shop.say(f"larkspur {on['webhook'][0]}: edited", int(said[2:]), revision=2)
        for where in ("mastodon", "facebook", "webhook"):
            worlds.gone.add(on[where][1])
        worlds.mastodon.delete(worlds.ids[on["mastodon"][1]])
        worlds.graph.remove(worlds.ids[on["facebook"][1]])
        worlds.shop.waiting.append({"id": worlds.ids[on["webhook"][1]], "deleted": True, "revision": 5})

        for where in ("mastodon", "facebook", "webhook"):
            await self.is_held(f"{on[where][0]}: edited")

    async def a_revoked_token_stops_one_account(self) -> None:
        pool, worlds = self.house.pool, self.worlds
        worlds.mastodon.us.token = "another"
        worlds.mastodon.cut()

        async def stopped() -> Any:
            return await pool.fetch("SELECT source, problem FROM accounts WHERE state = 'stopped'")

        (row,) = await until(stopped, within=40, told=self.house.logs)
        assert row["source"] == "mastodon"
        assert "token" in row["problem"]
        for where in ANSWERED:
            if where != "mastodon":
                await self.is_held(worlds.say(where))
        assert self.house.programs["hubbub"].is_alive()


@pytest.mark.timeout(180)
async def test_every_network_at_once_is_heard_and_answered_once_whatever_is_killed() -> None:
    async with (
        Worlds.start(SEED) as worlds,
        running(worlds.bluesky, poll=0.5, more=worlds.settings(), secrets=worlds.secrets()) as house,
    ):
        play = Play(worlds, house)

        async def whole() -> None:
            await play.begin()
            await play.killed()
            await play.calm()
            await play.a_feed_is_told_by_its_hub()
            await play.paused_and_resumed()
            await play.a_gap_is_filled()
            await play.rejects_are_read_again()
            await play.late_edits_and_deletes()
            await play.quiet()
            await play.a_revoked_token_stops_one_account()
            await play.quiet()

        await meanwhile(worlds, whole)
        assert play.answered > 2 * len(ANSWERED), "there was no load"
        assert set(dict(worlds.answers())) == set(ANSWERED), "somewhere nobody answered"
        assert await house.programs["hubbub"].end() == 0, house.logs()
