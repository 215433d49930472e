"""The whole way on a real AT Protocol network: others mention, reply, edit and delete; it is on the screen; our answer, written in
the inbox, is read back from the network by a client that knows nothing of us, with the right root, parent and facets.

The listener is a real process, the inbox the real app on the real store under Textual's pilot. Edits and deletes come from the
network's own firehose, which a bridge puts into Jetstream's form (there is no Jetstream server to be had here).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from inbox_tui.backend.postgres import connect
from listener.model.people import Role
from listener.store import people
from tests.journeys.running import RULES, Program
from tests.peers.bluesky_network import BlueskyNetwork, SignUp
from tests.peers.bluesky_people import Person, until
from tests.peers.jetstream_bridge import JetstreamBridge
from tests.tui.stage import Stage, stage

SETTINGS = """\
[[brand]]
key = "larkspur"
name = "Larkspur"

[[account]]
source = "bluesky"
handle = "{handle}"
password_env = "REAL_PASSWORD"

[source.bluesky]
jetstream = "{jetstream}"
appview = "{appview}"
pds = "{pds}"
poll_seconds = 0.25

[rules]
folder = "rules"
"""
LATENCIES = 30


@asynccontextmanager
async def listening(
    network: BlueskyNetwork, bridge: JetstreamBridge, us: Person, dsn: str, home: Path
) -> AsyncIterator[Program]:
    """`hubbub serve` as our account, on this network and database."""
    (home / "rules").mkdir()
    (home / "rules" / "rules.yaml").write_text(RULES)
    jetstream = bridge.url.removesuffix("/subscribe").replace("http://", "ws://", 1)
    text = SETTINGS.format(handle=us.handle, jetstream=jetstream, appview=network.appview, pds=network.pds)
    (home / "hubbub.toml").write_text(text)
    environ = {**os.environ, "HUBBUB_HOME": str(home), "HUBBUB_DATABASE_URL": dsn, "REAL_PASSWORD": us.password}
    for name in ("HUBBUB_CONFIG", "HUBBUB_JETSTREAM"):
        environ.pop(name, None)
    program = Program("listener", ("-m", "listener", "serve"), environ, home / "listener.log")
    program.start()
    try:
        yield program
        assert await program.end() == 0, program.tail()
    finally:
        program.kill()


@asynccontextmanager
async def inbox(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Stage]:
    """The inbox of Mia, on the screen."""
    brand_id = await pool.fetchval("SELECT id FROM brands WHERE key = 'larkspur'")
    await people.ensure_person(pool, "mia", "Mia", brand_id, Role.RESPONDER)
    backend = await connect(dsn, "larkspur", "mia")
    try:
        async with stage(backend, clock=lambda: datetime.now(UTC), hold_seconds=0.3) as s:
            yield s
    finally:
        await backend.close(datetime.now(UTC))


async def test_mentioned_answered_edited_deleted_on_a_real_network(
    bluesky_network: BlueskyNetwork, bluesky_jetstream: JetstreamBridge, bluesky_sign_up: SignUp,
    pool: asyncpg.Pool, dsn: str, tmp_path: Path,
) -> None:  # fmt: skip
    us, ann, ben = await bluesky_sign_up("us"), await bluesky_sign_up("ann"), await bluesky_sign_up("ben")
    async with listening(bluesky_network, bluesky_jetstream, us, dsn, tmp_path) as listener:

        async def ready() -> bool:
            if not listener.is_alive():
                raise AssertionError(listener.tail())
            return bool(await pool.fetchval("SELECT count(*) FROM sources WHERE state = 'running'") >= 2)

        await until(ready, seconds=40, what="both streams running")
        async with inbox(pool, dsn) as s:
            news = await us.post("Larkspur has a new router. Questions?")
            question = await ann.post(f"@{us.handle} is it down for you too?", mentions=(us,))
            await s.shows("is it down for you too?", 20)
            other = await ben.reply("does it ship to Norway?", news)
            await s.shows("does it ship to Norway?", 20)

            mine = await pool.fetchval("SELECT id FROM conversations c WHERE EXISTS (SELECT FROM mentions m"
                                       " WHERE m.id = c.last_mention_id AND m.external_id = $1)", question.uri)  # fmt: skip
            for _ in range(5):
                if s.app.place.rows.cursor_id == mine:
                    break
                await s.press("j")
            await s.shows("why: rule down", 20)
            text = f"Sorry, yes 😟 @{ben.handle} see https://larkspur.test/status #outage"
            await s.press("r")
            await s.shows(f"to @{ann.handle}"[:20], 10)
            await s.type(text)
            await s.press("ctrl+s")
            await s.shows("send anyway")  # it names somebody who is not answered here
            await s.press("s")
            await s.shows("seen on the network", 30)
            (sent,) = [record for record in await us.records() if record["value"]["text"] == text]
            assert sent["value"]["reply"] == {"root": question.wire(), "parent": question.wire()}
            data = text.encode()
            marked = {
                data[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode(): f["features"][0]["$type"].partition(
                    "#"
                )[2]
                for f in sent["value"]["facets"]
            }
            assert marked == {f"@{ben.handle}": "mention", "https://larkspur.test/status": "link", "#outage": "tag"}
            (mention,) = [f["features"][0]["did"] for f in sent["value"]["facets"] if "did" in f["features"][0]]
            assert mention == ben.did

            await ben.edit(other, "does it ship to Sweden?")
            await s.shows("ship to Sweden?", 20)
            await ben.delete(other)
            state = "SELECT state FROM mentions WHERE external_id = $1"

            async def is_gone() -> bool:
                return str(await pool.fetchval(state, other.uri)) == "deleted"

            await until(is_gone, what="the delete")
            texts = "SELECT count(*) FROM mention_versions v JOIN mentions m ON m.id = v.mention_id WHERE m.external_id = $1 AND text IS NOT NULL"
            assert await pool.fetchval(texts, other.uri) == 0
            await s.hides("ship to Sweden?", 20)
            await _latency(s, us, ann)
        assert await pool.fetchval("SELECT count(*) FROM mentions WHERE ours AND parent IS NOT NULL") == 1


async def _latency(s: Stage, us: Person, ann: Person) -> None:
    """From the network's yes to a post, to its words on the screen."""
    took = []
    await s.press("g")
    for i in range(LATENCIES):
        word = f"quick{i:02d}q"
        await ann.post(f"@{us.handle} {word} down", mentions=(us,))
        began = time.perf_counter()
        await s.until(lambda word=word: s.sees(word) or _held(s, word), word, 20)
        took.append((time.perf_counter() - began) * 1000)
        if not s.sees(word):
            await s.press("g")
    took.sort()
    p99 = took[min(len(took) - 1, len(took) * 99 // 100)]
    print(
        f"real network, posted to visible: p50 {statistics.median(took):.0f} ms, p99 {p99:.0f} ms, {len(took)} posts",
        file=sys.stderr,
    )
    await asyncio.sleep(0)


def _held(s: Stage, word: str) -> bool:
    """It is in the list but above or below the window on screen."""
    return any(word in (row.snippet or "") for row in s.app.place.rows.window.rows)
