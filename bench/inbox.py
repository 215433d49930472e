"""The inbox at 1,000, at a million and at 5 million conversations: is it fast, and is it as fast when the table is big.

On a real terminal (a pty): process start to first screen beside neomutt on 100,000 mails, key to paint idle and while a thousand mentions a
second arrive, memory; in Postgres: pages at any depth beside the first one, with what their plans read; and an act that twenty clients see.
`--rows` says how many conversations. Ours and its peer take turns in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from bench._arriving import Arrivals
from bench._filling import CARELESS, TOPIC, Filled, fill
from bench._neomutt import SUBJECT, Neomutt
from bench._terminal import Terminal
from bench._watching import MARK, Watching
from listener.query.parse import parse
from listener.store import acts, inbox
from listener.store.connect import connect_pool
from listener.store.embedded import embedded
from listener.store.inbox import folded, heard, queue
from listener.store.programs import scratch_folder
from listener.workflow.acts import Tag

SEED = 20261128
TICK_MS = 1000 / 60
PAINTED = b"@author"
WATCHING = 18
PROMISED_MS = 500.0
"""Within which an act is seen everywhere."""

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("empty app is ready")
Empty().run()
"""

Ask = Callable[[], Awaitable[Any]]
Place = tuple[int, int]
Around = tuple[Sequence[Any], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    rows: tuple[int, ...]
    mails: int
    starts: int
    keys: int
    pages: int
    acts: int


FULL = Sizes((1_000, 1_000_000, 5_000_000), mails=100_000, starts=11, keys=200, pages=400, acts=150)
QUICK = Sizes((1_000, 10_000), mails=2_000, starts=1, keys=20, pages=20, acts=10)


@dataclass(frozen=True, slots=True)
class House:
    """A filled database, and the inbox on it."""

    dsn: str
    filled: Filled
    pyc: Path

    @property
    def name(self) -> str:
        """How figures call it."""
        return f"{self.filled.n:,} conversations"

    def inbox(self, person: str = "mia") -> Terminal:
        """The inbox on a terminal, begun just now. Modules are compiled once, as installed ones are."""
        environment = {**os.environ, "HUBBUB_DSN": self.dsn, "PYTHONPYCACHEPREFIX": str(self.pyc)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return Terminal([sys.executable, "-m", "inbox_tui", "--brand", "acme", "--person", person], environment)


def tell(bench: str, ours: float, peer: float, peer_is: str, unit: str, **more: Any) -> None:
    """One figure."""
    line = {"bench": f"inbox: {bench}", "ours": round(ours, 3), "peer": round(peer, 3), "peer_is": peer_is}
    print(json.dumps(line | {"ratio": round(ours / peer, 3), "unit": unit} | more), flush=True)


def percentiles(times: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """p50 and p99."""
    return ("p50", statistics.median(times)), ("p99", statistics.quantiles(times, n=100, method="inclusive")[98])


def told(bench: str, times: Sequence[float], peers: Sequence[float] | float, peer_is: str) -> None:
    """Two figures of milliseconds."""
    beside = dict(percentiles(peers)) if not isinstance(peers, float) else {"p50": peers, "p99": peers}
    for name, figure in percentiles(times):
        tell(f"{bench}, {name}", figure, beside[name], peer_is, "ms")


# Start ---------------------------------------------------------------------------------------------------------------


def starts(houses: Sequence[House], neomutt: Neomutt | None, runs: int) -> None:
    """Process start to first screen, all in turn; the first round, which fills caches, does not count."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(houses[0].pyc)}
    kinds: dict[str, Callable[[], float]] = {
        house.name: functools.partial(_started, house.inbox, PAINTED) for house in houses
    }
    empty = [sys.executable, "-c", EMPTY_APP]
    kinds["an empty Textual app"] = lambda: _started(lambda: Terminal(empty, environment), b"ready")
    if neomutt is not None:
        mutt = f"neomutt, {neomutt.mails:,} mails"
        mail = lambda: Terminal(neomutt.command, neomutt.environment)  # noqa: E731

        def cold() -> float:
            neomutt.forget()
            return _started(mail, SUBJECT, leave=b"x")

        kinds[f"{mutt}, no header cache"] = cold
        kinds[f"{mutt}, warm header cache"] = lambda: _started(mail, SUBJECT, leave=b"x")
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(runs + 1):
        for kind, start in kinds.items():
            seconds = start()
            if turn:
                took[kind].append(seconds)
    medians = {kind: statistics.median(times) for kind, times in took.items()}
    for house in houses:
        for kind, seconds in medians.items():
            if kind not in {one.name for one in houses}:
                tell(f"start to first screen, {house.name}", medians[house.name], seconds, kind, "s")
    if len(houses) > 1:
        small, big = houses[0].name, houses[-1].name
        tell(f"start to first screen, {big}", medians[big], medians[small], small, "s")


def _started(start: Callable[[], Terminal], text: bytes, leave: bytes = b"") -> float:
    terminal = start()
    seconds = terminal.until(text)
    if leave:  # it writes its cache when it is left
        terminal.quiet(0.2)
        terminal.press(leave)
        terminal.ended(30)
    terminal.end()
    return seconds


# Keys and memory -----------------------------------------------------------------------------------------------------


def keys(houses: Sequence[House], n: int) -> None:
    """Key to paint, idle and in a storm, and memory, at each size."""
    small, memory = houses[0].name, {}
    for storm in (False, True):
        times: dict[str, list[float]] = {}
        for house in houses:
            terminal = house.inbox()
            terminal.until(PAINTED)
            terminal.quiet(1.5)
            if storm:
                with Arrivals(house.dsn, 1_000) as arrivals:
                    times[house.name] = walk(terminal, n)
                what = f"key to paint while {arrivals.rate:,.0f} mentions/s arrive, {house.name}"
            else:
                times[house.name] = walk(terminal, n)
                what = f"key to paint, {house.name}"
                memory[house.name] = _paged(terminal)
            told(what, times[house.name], TICK_MS, "Textual's 60 Hz tick")
            terminal.end()
        if len(houses) > 1:
            big = houses[-1].name
            told(f"key to paint{' in the storm' if storm else ''}, {big}", times[big], times[small], small)
    big = houses[-1].name
    for when in memory[big]:
        tell(f"memory {when}, {big}", memory[big][when], memory[small][when], small, "MiB")


def walk(terminal: Terminal, n: int) -> list[float]:
    """Five rows down, five up, one key at a time with a person's pauses: the cursor stays among the rows in view."""
    rng = random.Random(SEED)
    took = []
    for i in range(n):
        terminal.pause(rng.uniform(0.1, 0.2))
        took.append(terminal.moved(b"j" if i // 5 % 2 == 0 else b"k"))
    return took


def _paged(terminal: Terminal) -> Mapping[str, float]:
    """MiB at first, and after 2,000 rows, page by page."""
    found = {"at first": terminal.memory()}
    for _ in range(2_000 // 18):
        terminal.press(b"\x1b[6~")
        terminal.pause(0.04)
    terminal.quiet(1.0)
    found["after 2,000 rows"] = terminal.memory()
    return found


# Pages ---------------------------------------------------------------------------------------------------------------

_DEEP = (
    "SELECT sort_key, id FROM conversations WHERE brand_id = $1 AND folder = $2 ORDER BY sort_key, id OFFSET $3 LIMIT 1"
)
_DEEP_MENTION = "SELECT at, id FROM mentions WHERE id = $1"
_OFFSET = """
SELECT * FROM conversations WHERE brand_id = $1 AND folder = $2 AND merged_into IS NULL ORDER BY sort_key, id OFFSET $3 LIMIT 50
"""
_COUNT = "SELECT folder, count(*) FROM conversations WHERE brand_id = $1 AND merged_into IS NULL GROUP BY 1"
_OR_SHAPED = queue._PAGE_AFTER.replace("(sort_key, id) > ($4, $5)", "(sort_key > $4 OR (sort_key = $4 AND id > $5))")


async def beside(bench: str, ours: Ask, peer: Ask, peer_is: str, repeats: int) -> None:
    """Both in turn, warm, one connection: milliseconds."""
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(repeats + 5):
        for ask, times in ((ours, mine), (peer, theirs)):
            began = time.perf_counter()
            await ask()
            if turn >= 5:
                times.append((time.perf_counter() - began) * 1000)
    told(bench, mine, theirs, peer_is)


async def pages(house: House, repeats: int) -> None:
    """Folders, a view and Listening: the middle and the end beside the beginning."""
    f, few = house.filled, max(5, repeats // 20)
    pool = await connect_pool(house.dsn, application_name="bench", max_size=1, command_timeout=None)
    of = f"of {house.name}"
    for folder, share in (("open", 0.5), ("done", 0.35)):
        page = functools.partial(inbox.folded_page, pool, f.brand_id, folder, limit=50)
        first = (await page()).rows
        last = tuple(await pool.fetchrow(_DEEP, f.brand_id, folder, int(f.n * share) - 60))
        middle = tuple(await pool.fetchrow(_DEEP, f.brand_id, folder, int(f.n * share) // 2))
        for name, place in (
            ("middle", {"after": middle}),
            ("last", {"after": last}),
            ("last (from the end)", {"before": inbox.LAST}),
        ):
            await beside(
                f"{folder}, {name} page {of}", functools.partial(page, **place), page, "the first page", repeats
            )
        around: Around = ((None, f.brand_id, folder), (50, []))
        await read(pool, f"{folder}, last page {of}", folded._PAGE_AFTER, around, last, queue.FIRST)
        assert [row.id for row in (await page(before=middle)).rows][-1] != first[0].id
        if folder == "open":
            await textbook(pool, house, middle, last, max(5, repeats // 20))
            await views(pool, house, middle, repeats)
    listening = functools.partial(inbox.listening, pool, f.brand_id, TOPIC)
    deep = tuple(await pool.fetchrow(_DEEP_MENTION, 100))
    await beside(
        f"Listening, last page {of}", functools.partial(listening, before=deep), listening, "the first page", repeats
    )
    await read(pool, f"Listening, last page {of}", heard._OLDER, ((f.brand_id, TOPIC), (50,)), deep, heard.BEYOND)
    counts = functools.partial(inbox.counts, pool, f.brand_id, f.mia.id)
    await beside(f"counts {of}", counts, lambda: pool.fetch(_COUNT, f.brand_id), "count(*)", few)
    await pool.close()


async def textbook(pool: asyncpg.Pool, house: House, middle: Place, last: Place, repeats: int) -> None:
    """The ways that grow with the depth, at the same places."""
    brand_id, skipped = house.filled.brand_id, house.filled.n // 2 - 60
    page = functools.partial(inbox.page, pool, brand_id, "open", limit=50)
    or_shaped = functools.partial(pool.fetch, _OR_SHAPED, None, brand_id, "open", *middle, 50)
    offset = functools.partial(pool.fetch, _OFFSET, brand_id, "open", skipped)
    of = house.name
    await beside(
        f"open, middle page of {of}", functools.partial(page, after=middle), or_shaped, "OR-shaped keyset", repeats
    )
    await beside(f"open, last page of {of}", functools.partial(page, after=last), offset, "OFFSET", repeats)


async def views(pool: asyncpg.Pool, house: House, middle: Place, repeats: int) -> None:
    """Saved views: what half of all match, and a word of one in a thousand."""
    for query in ("need:>=0.5", "item77"):
        tree = parse(query).tree
        assert tree is not None
        page = functools.partial(
            inbox.view_page, pool, house.filled.brand_id, tree, datetime.now(UTC), limit=50, me="mia", seconds=60
        )
        deep = functools.partial(page, after=middle)
        assert (await deep()).rows or house.filled.n < 100_000
        await beside(f"view {query}, middle page of {house.name}", deep, page, "the first page", max(5, repeats // 5))


async def read(
    pool: asyncpg.Pool,
    bench: str,
    statement: str,
    around: Around,
    deep: Sequence[Any],
    first: Sequence[Any],
) -> None:
    """Blocks that a page touches, and that it is cut by a range of an index: no sort before the cut, nothing read and thrown away. `around`:
    the values before and after the place.
    """
    found = {}
    for which, place in (("deep", deep), ("first", first)):
        told = await pool.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", *around[0], *place, *around[1]
        )
        whole = json.loads(told)[0]["Plan"]
        found[which] = whole["Shared Hit Blocks"] + whole["Shared Read Blocks"]
        picked = next(node for node in _nodes(whole) if node.get("Subplan Name") == "CTE picked")
        scans = [node for node in _nodes(picked) if "Relation Name" in node]
        ranges = [scan for scan in scans if "ROW(" in scan.get("Index Cond", "")]
        assert len(ranges) == 1, picked
        assert all(scan["Node Type"] in {"Index Scan", "Index Only Scan"} for scan in scans), picked
        assert not any(scan.get("Rows Removed by Filter") for scan in scans), picked
        assert not any(node["Node Type"] == "Sort" for node in _nodes(picked)), picked
    plan = " + ".join(f"{scan['Node Type']} {scan['Index Name']}" for scan in scans)
    tell(f"{bench}, blocks touched", found["deep"], found["first"], "the first page", "blocks of 8 kB", plan=plan)


def _nodes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", ()) for node in _nodes(part))]


# Everywhere ----------------------------------------------------------------------------------------------------------


async def everywhere(house: House, n: int) -> None:
    """An act, from the call to twenty clients that know it: two that draw, eighteen that follow the feed. Its own time is in it."""
    pool = await connect_pool(house.dsn, application_name="bench", max_size=1)
    screens = [house.inbox("mia"), house.inbox("tom")]
    news = asyncio.Event()
    rng = random.Random(SEED)
    drawn, known = [], []
    try:
        for screen in screens:
            screen.until(PAINTED)
            screen.quiet(1.5)
        target = (await inbox.page(pool, house.filled.brand_id, "open", limit=4))[3].id
        async with Watching(house.dsn, "acme", "mia", WATCHING, news) as watching, Drawing(screens, news) as drawing:
            before: tuple[str, ...] = ()
            for i in range(n):
                await asyncio.sleep(rng.uniform(0.15, 0.4))
                tag = f"{MARK}{i:05}"
                drawing.wait_for(f"#{tag}".encode())
                began = time.perf_counter()
                await acts.do(pool, house.filled.tom.id, [target], Tag((tag,), before), datetime.now(UTC))
                before = (tag,)
                async with asyncio.timeout(10):
                    while len(drawing.at) < len(screens) or len(watching.seen.get(tag, ())) < WATCHING:
                        await news.wait()
                        news.clear()
                drawn += [(at - began) * 1000 for at in drawing.at.values()]
                known += [(at - began) * 1000 for at in watching.seen[tag]]
    finally:
        for screen in screens:
            screen.end()
        await pool.close()
    told(f"an act, to {WATCHING + len(screens)} clients, {house.name}", drawn + known, PROMISED_MS, "the promise")
    told(f"an act, to {len(screens)} screens, {house.name}", drawn, PROMISED_MS, "the promise")


class Drawing:
    """Screens that are read as they draw, for the length of an `async with` block: when each of them had drawn a text."""

    def __init__(self, screens: Sequence[Terminal], news: asyncio.Event) -> None:
        self._screens, self._news = screens, news
        self._text = b""
        self.at: dict[int, float] = {}
        """By the terminal's file."""

    async def __aenter__(self) -> Drawing:
        for screen in self._screens:
            asyncio.get_running_loop().add_reader(screen.master, self._drawn, screen)
        return self

    def wait_for(self, text: bytes) -> None:
        """From now on, this one."""
        self._text, self.at = text, {}
        for screen in self._screens:
            screen.seen = b""

    def _drawn(self, screen: Terminal) -> None:
        screen.read(0)
        if self._text in screen.seen and screen.master not in self.at:
            self.at[screen.master] = time.perf_counter()
            self._news.set()

    async def __aexit__(self, *_: object) -> None:
        for screen in self._screens:
            asyncio.get_running_loop().remove_reader(screen.master)


# All of it -----------------------------------------------------------------------------------------------------------


async def measure(sizes: Sizes) -> None:
    """Fill, then ask."""
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o711)  # as root, Postgres runs as another user
    neomutt = Neomutt(folder / "neomutt", sizes.mails) if Neomutt.there() else None
    if neomutt is None:
        print("# neomutt: not there: apt-get install neomutt", file=sys.stderr, flush=True)
    else:
        neomutt.fill()
    try:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(embedded(folder / "data", settings=CARELESS))
            houses = []
            for n in sizes.rows:
                await server.ensure_database(f"bench_{n}")
                houses.append((n, await fill(server.dsn(f"bench_{n}"), n)))
        async with embedded(folder / "data") as server:
            all_of_them = [House(server.dsn(f"bench_{n}"), filled, folder / "pyc") for n, filled in houses]
            starts(all_of_them, neomutt, sizes.starts)
            for house in all_of_them:
                await pages(house, sizes.pages)
            await everywhere(all_of_them[-1], sizes.acts)
            keys(all_of_them, sizes.keys)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench inbox", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,000 and 10,000 conversations, few repeats: seconds")
    parser.add_argument(
        "--rows", type=int, nargs="+", metavar="N", help="conversations, smallest first: multiples of 4"
    )
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    rows = tuple(sorted(arguments.rows or sizes.rows))
    if any(n < 1_000 or n % 4 for n in rows):
        parser.error("--rows: multiples of 4, from 1,000 on")
    asyncio.run(measure(Sizes(rows, sizes.mails, sizes.starts, sizes.keys, sizes.pages, sizes.acts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
