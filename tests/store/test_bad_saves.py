"""No save stops the listener: whatever is in it, the last good rulebook judges on, the problems are there to be read, a good save mends it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from listener import settings as reading
from listener.model.heard import Hearing
from listener.model.judged import Context
from listener.model.kinds import Via
from listener.service.database import House
from listener.service.rules import Bench
from listener.service.stopping import Stop
from listener.store import rulebooks
from tests.core.test_assess import mention
from tests.core.test_broken_rules import BESIDE, BROKEN, expected
from tests.core.test_rulefiles import git

# What Postgres has to do with it is the same on both.
pytestmark = pytest.mark.newest
NOW = datetime(2026, 11, 27, tzinfo=UTC)
SOME = (
    "half-a-character-by-an-escape", "not-utf-8", "endless-alias", "query-with-a-nul-by-an-escape", "ten-in-a-hurry",
)  # fmt: skip
FILES = {path.stem: path.read_bytes() for path in BROKEN if path.stem in SOME}


@contextlib.asynccontextmanager
async def listening(pool: asyncpg.Pool, dsn: str, folder: Path) -> AsyncIterator[Bench]:
    stop = Stop()
    bench = Bench(replace(reading.load(None), rules=folder), House(dsn, pool), stop, lambda: NOW)
    await bench.start({"main": 1}, ())
    watching = asyncio.create_task(bench.watch())
    try:
        yield bench
        assert not watching.done(), "the watch ended"
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def until(true: Callable[[], Awaitable[bool]]) -> float:
    began = time.monotonic()
    while not await true():
        assert time.monotonic() - began < 30, "this took too long"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def rules_of(bench: Bench) -> list[str]:
    """Which rules fire on a message that says we are offline."""
    hearings = (Hearing(1, Via.MENTION, account_id=7),)
    thought = bench.now.judge(mention("we are offline"), hearings, Context("main", addresses=True))
    return [flag.rule for flag in thought.flags]


def test_the_saves_are_in_the_corpus() -> None:
    assert set(FILES) == set(SOME)


@pytest.mark.timeout(240)
async def test_a_bad_save_is_told_and_never_in_force_and_a_good_one_mends_it(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "beside.yaml").write_bytes(BESIDE)
    refused: list[float] = []
    mended: list[float] = []

    async def told() -> bool:
        health = await rulebooks.last_health(pool)
        return health is not None and bool(health.problems)

    async with listening(pool, dsn, tmp_path) as bench:
        assert rules_of(bench) == ["outage"]
        for number, (name, raw) in enumerate(sorted(FILES.items())):
            before = bench.now.rulebook.hash
            (tmp_path / "broken.yaml").write_bytes(raw)
            refused.append(await until(told))
            health = await rulebooks.last_health(pool)
            assert health is not None
            wanted = [(line, column, code) for _, line, column, code, _ in expected(raw)]
            assert [(one.line, one.column, one.code) for one in health.problems] == wanted, name
            assert bench.now.rulebook.hash == before == health.hash, name
            assert rules_of(bench) == ["outage"], name

            (tmp_path / "broken.yaml").write_text(f"# mended {number}\n")

            async def good(before: str = before) -> bool:
                return bench.now.rulebook.hash != before and not await told()

            mended.append(await until(good))
            assert rules_of(bench) == ["outage"]
    assert min(refused) < 1, refused
    assert min(mended) < 1, mended


async def test_what_is_published_says_which_git_revision_it_is(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "beside.yaml").write_bytes(BESIDE)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    commit = git(folder, "rev-parse", "HEAD")[:7]

    async def in_force(wanted: str) -> bool:
        found = await rulebooks.in_force(pool)
        return found is not None and found.git == wanted

    async with listening(pool, dsn, folder):
        assert await in_force(commit)
        (folder / "more.yaml").write_text("# more\n")
        await until(lambda: in_force(f"{commit}+changes"))
