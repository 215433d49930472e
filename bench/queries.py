"""Many queries on one text: the index beside a loop of compiled `re`, zen-engine and Postgres, all in the same run; equal to a naive oracle.

Queries, as people write them: 35 % any of some words, 30 % any of some AND any of others, 20 % with NOT, 15 % NEAR/5; narrow ones name
what hardly anybody writes (brands, products), and 0, 1 or 5 % are broad: they hold one common word too. Texts are made here, from the
words of VADER's lexicon and of the scripted day and from invented ones, as often as Zipf's law has it: posts of some 18 words, a third
with an apostrophe, some with handles, links, hashtags, emoji and accents.

Whoever asks a peer is kind to it: zen-engine and Postgres get an AND for NEAR, zen-engine a text that is normalised already, Postgres
many texts in one statement and stored tsquery values. Medians of rounds that take turns; every round has texts of its own, so that
nothing is remembered. The oracle shares no code with the index: a text cut by hand, each query read off its own words.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from typing import Any

import asyncpg
import zen

from listener.query.frequency import Frequency
from listener.query.index import Index
from listener.query.subject import Subject
from listener.query.tree import And, Near, Node, Not, Or, Word
from listener.query.words import fold, segment, unaccented
from listener.store.connect import connect_pool
from listener.store.embedded import embedded
from listener.store.programs import scratch_folder

SEED = 20261127
NOW = datetime(2026, 11, 27, tzinfo=UTC)
VOCABULARY = 400_000
RARE = 100_000
"""Narrow queries are made of words from this rank on: one text in 150,000 holds such a word."""
COMMON = range(60, 400)
"""Ranks of the words that make a query broad."""
SMALL = (
    "the to a and i of in is it for you my that on this with me be so was have are just not at your but do like what they if all we up "
    "out get when can no from now about one know how time people don't it's i'm can't that's didn't he she will or an as by has good new"
)

BEGINNINGS = "b c d f g h k l m n p r s t v w z br st tr pl"
ENDS = "a e i o u an er il or"
SHAPES = {"any": ((2, 5), (0, 0)), "and": ((2, 4), (2, 4)), "not": ((1, 3), (1, 2)), "near": ((1, 1), (1, 1))}
"""How many words on either side."""


# What is asked and what is said --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """A query of words, in the shapes that every contender is given."""

    sort: str
    first: tuple[str, ...]
    second: tuple[str, ...] = ()

    def tree(self) -> Node:
        left, right = _any(self.first), _any(self.second) if self.second else None
        if right is None:
            return left
        if self.sort == "near":
            return Near(left, right, 5)
        return And((left, Not(right) if self.sort == "not" else right))


def _any(some: Sequence[str]) -> Node:
    return Word(some[0]) if len(some) == 1 else Or(tuple(map(Word, some)))


class World:
    """Words by rank, and texts and queries made of them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.words = self._vocabulary()
        self._weights = list(accumulate(1 / (rank + 2) for rank in range(len(self.words))))

    def _vocabulary(self) -> list[str]:
        lexicon = (files("vaderSentiment") / "vader_lexicon.txt").read_text("utf-8").splitlines()
        day = (files("pretend") / "days" / "product-launch.jsonl").read_text("utf-8")
        known = [line.split("\t")[0] for line in lexicon] + re.findall("[a-z]+", day.lower())
        found = dict.fromkeys(SMALL.split())
        plain = sorted({word for word in known if re.fullmatch("[a-z]{3,}", word)})
        self._rng.shuffle(plain)
        found.update(dict.fromkeys(plain))
        syllables = [a + b for a in BEGINNINGS.split() for b in ENDS.split()]
        while len(found) < VOCABULARY:
            found["".join(self._rng.choices(syllables, k=self._rng.choice((2, 3, 3, 4))))] = None
        return list(found)

    def text(self) -> str:
        """One post."""
        rng = self._rng
        said = rng.choices(self.words, cum_weights=self._weights, k=max(3, min(45, round(rng.gauss(18, 8)))))
        if rng.random() < 0.6:
            said[0] = said[0].capitalize()
        for at in range(7, len(said), 9):
            said[at] += rng.choice(",.!?")
        for share, make in (
            (0.15, lambda: f"@{rng.choice(self.words[1000:9000])}.example"),
            (0.10, lambda: f"https://{rng.choice(self.words[2000:9000])}.example/{rng.randrange(10**6)}"),
            (0.12, lambda: f"#{rng.choice(self.words[300:5000])}"),
            (0.10, lambda: rng.choice("😀😂❤🔥👍🙏😭")),
            (0.04, lambda: rng.choice(("café", "más", "für", "naïve", "à"))),
        ):
            if rng.random() < share:
                said.insert(rng.randrange(len(said) + 1), make())
        text = " ".join(said)
        return text.replace("'", "’") if rng.random() < 0.3 else text

    def query(self, broad: bool) -> Spec:
        """One query."""
        rng = self._rng
        sort = rng.choices(("any", "and", "not", "near"), (35, 30, 20, 15))[0]
        some = [self._rare(size) for size in SHAPES[sort]]
        if broad:
            common = self.words[rng.choice(COMMON)]
            side = 0 if sort in {"any", "not"} else rng.randrange(2)
            some[side] = [common] if sort == "near" else [*some[side], common]
        return Spec(sort, tuple(some[0]), tuple(some[1]))

    def queries(self, number: int, broad: int) -> list[Spec]:
        """So many, of which so many in a hundred are broad."""
        return [self.query(self._rng.random() < broad / 100) for _ in range(number)]

    def _rare(self, size: tuple[int, int]) -> list[str]:
        return [self.words[self._rng.randrange(RARE, VOCABULARY)] for _ in range(self._rng.randint(*size))]


# The contenders ------------------------------------------------------------------------------------------------------


def ours_of(specs: Sequence[Spec], frequency: Frequency) -> Index[int]:
    return Index.build({place: spec.tree() for place, spec in enumerate(specs)}, frequency.share)


def ask(index: Index[int], text: str) -> list[int]:
    return index.matching(Subject(text=text), NOW) if index.may_concern(text) else []


class ReLoop:
    """Each query as a compiled pattern or two, one after the other."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._all = [(spec.sort, *self._patterns(spec)) for spec in specs]

    @staticmethod
    def _patterns(spec: Spec) -> tuple[Any, Any]:
        first = "|".join(map(re.escape, spec.first))
        second = "|".join(map(re.escape, spec.second))
        if spec.sort == "near":
            between = r"\W+(?:\w+\W+){0,5}?"
            return re.compile(rf"\b(?:{first}{between}{second}|{second}{between}{first})\b", re.IGNORECASE).search, None
        return tuple(re.compile(rf"\b(?:{one})\b", re.IGNORECASE).search if one else None for one in (first, second))  # type: ignore[return-value]

    def __call__(self, text: str) -> list[int]:
        found = []
        for place, (sort, first, second) in enumerate(self._all):
            if first(text) and (second is None or (sort == "not") != bool(second(text))):
                found.append(place)
        return found


class Zen:
    """Each query as a compiled expression over the normalised text."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._all = [zen.compile_expression(self._expression(spec)) for spec in specs]

    @staticmethod
    def _expression(spec: Spec) -> str:
        first, second = (" or ".join(f"contains(t, ' {word} ')" for word in some) for some in (spec.first, spec.second))
        return f"({first})" + (f" and {'not' if spec.sort == 'not' else ''}({second})" if second else "")

    def __call__(self, line: str) -> list[int]:
        context = {"t": line}
        return [place for place, one in enumerate(self._all) if one.evaluate(context)]


class Postgres:
    """Stored tsquery values, all asked of many texts in one statement."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def load(self, specs: Sequence[Spec]) -> None:
        await self._pool.execute("CREATE SCHEMA IF NOT EXISTS bench")
        await self._pool.execute("DROP TABLE IF EXISTS bench.asked")
        await self._pool.execute("CREATE TABLE bench.asked (place int, query tsquery)")
        rows = [self._query(spec) for spec in specs]
        await self._pool.execute(
            "INSERT INTO bench.asked SELECT place - 1, one::tsquery FROM unnest($1::text[]) WITH ORDINALITY AS u(one, place)",
            rows,
        )
        await self._pool.execute("ANALYZE bench.asked")

    @staticmethod
    def _query(spec: Spec) -> str:
        first, second = ("|".join(f"'{word}'" for word in some) for some in (spec.first, spec.second))
        return f"({first})" + (f" & {'!' if spec.sort == 'not' else ''}({second})" if second else "")

    async def rate(self, texts: Sequence[str]) -> float:
        """Texts a second."""
        began = time.perf_counter()
        for at in range(0, len(texts), 200):
            await self._ask(texts[at : at + 200])
        return len(texts) / (time.perf_counter() - began)

    async def _ask(self, texts: Sequence[str]) -> int:
        return await self._pool.fetchval(
            "WITH t AS MATERIALIZED (SELECT i, to_tsvector('simple', one) v FROM unnest($1::text[]) WITH ORDINALITY AS u(one, i)) "
            "SELECT count(*) FROM (SELECT t.i, array_agg(asked.place) FROM t JOIN bench.asked ON t.v @@ asked.query GROUP BY t.i) found",
            list(texts),
        )


class Oracle:
    """What each query means, in the plainest way."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._specs = specs

    def __call__(self, text: str) -> list[int]:
        places: dict[str, list[int]] = {}
        for place, word in enumerate(self._cut(text)):
            places.setdefault(word, []).append(place)
        return [place for place, spec in enumerate(self._specs) if self._true(spec, places)]

    @staticmethod
    def _cut(text: str) -> list[str]:
        words, run = [], ""
        for part in text.replace("’", "'").lower().split():
            if "://" in part:
                continue
            if part.startswith("@"):
                part = part[1:].partition(".")[0]
            for char in part + " ":
                if char.isalnum() or (char == "'" and run):
                    run += {"é": "e", "á": "a", "ü": "u", "ï": "i", "à": "a"}.get(char, char)
                elif run:
                    words.append(run)
                    run = ""
                if char in "😀😂❤🔥👍🙏😭":
                    words.append(char)
        return words

    @staticmethod
    def _true(spec: Spec, places: dict[str, list[int]]) -> bool:
        first = [at for word in spec.first for at in places.get(word, ())]
        if not first:
            return False
        second = [at for word in spec.second for at in places.get(word, ())]
        if spec.sort == "near":
            return any(0 < abs(a - b) <= 6 for a in first for b in second)
        return not second if spec.sort == "not" else bool(second) or spec.sort == "any"


PEERS = {"re": "a loop of compiled re", "zen": "zen-engine", "postgres": "Postgres tsquery, 200 texts a statement"}


# Measuring -----------------------------------------------------------------------------------------------------------


def line(bench: str, ours: float, peer: float, peer_is: str, unit: str, **more: Any) -> None:
    """One figure."""
    figure = {
        "bench": bench, "ours": _short(ours), "peer": _short(peer), "peer_is": peer_is, "ratio": _short(ours / peer) if peer else None, "unit": unit,
    }  # fmt: skip
    print(json.dumps(figure | more), flush=True)


def _short(value: float) -> float:
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def rate(act: Callable[[str], object], texts: Sequence[str]) -> float:
    """Texts a second."""
    began = time.perf_counter()
    for text in texts:
        act(text)
    return len(texts) / (time.perf_counter() - began)


def resident() -> float:
    """MiB in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


class Supply:
    """Texts, each handed out once and then, when all were, again from the beginning."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._at = 0

    def take(self, number: int) -> list[str]:
        if self._at + number > len(self._texts):
            self._at = 0
        self._at += number
        return self._texts[self._at - number : self._at]


@dataclass
class Sizes:
    """How much of everything."""

    texts: int
    rounds: int
    chunk: int
    peers: tuple[int, ...]
    curve: tuple[int, ...]
    checked: int
    budget: float
    """Seconds that a peer may take in one round."""


FULL = Sizes(40_000, 5, 4000, (10, 100, 1000, 10_000, 100_000), (10, 100, 1000, 10_000, 100_000), 300, 0.5)
QUICK = Sizes(12_000, 3, 2000, (10, 1000, 10_000), (10, 1000, 10_000), 60, 0.25)


async def beside_peers(world: World, supply: Supply, frequency: Frequency, sizes: Sizes, pool: asyncpg.Pool) -> None:
    """Texts a second with 5 % broad queries, everybody on texts of the same sort; ours equal to the oracle."""
    postgres = Postgres(pool)
    for number in sizes.peers:
        specs = world.queries(number, 5)
        ours, loop, other, oracle = ours_of(specs, frequency), ReLoop(specs), Zen(specs), Oracle(specs)
        await postgres.load(specs)
        checked = supply.take(max(20, min(sizes.checked, sizes.checked * 10_000 // number)))
        found = [ask(ours, text) for text in checked]
        wrong = sum(one != oracle(text) for one, text in zip(found, checked, strict=True))
        if wrong:
            raise SystemExit(f"{number} queries: the index and the oracle differ on {wrong} of {len(checked)} texts")
        line(
            f"{number} queries: texts judged otherwise than by the oracle", wrong, len(checked), "texts judged", "texts"
        )
        ran: dict[str, list[float]] = {"ours": [], "re": [], "zen": [], "postgres": []}
        for _ in range(sizes.rounds):
            said = supply.take(sizes.chunk)
            ran["ours"].append(rate(partial(ask, ours), said))
            re_few, zen_few, postgres_few = (
                said[: max(2, min(sizes.chunk, int(sizes.budget / (each * number))))] for each in (3e-6, 1e-6, 0.2e-6)
            )
            ran["re"].append(rate(loop, re_few))
            ran["zen"].append(rate(other, [f" {' '.join(segment(text).keys)} " for text in zen_few]))
            ran["postgres"].append(await postgres.rate(postgres_few))
        middle = {name: statistics.median(some) for name, some in ran.items()}
        hits = _short(sum(map(len, found)) / len(found))
        for name, what in PEERS.items():
            line(f"{number} queries, 5 % broad", middle["ours"], middle[name], what, "texts/s", hits=hits)


def size(specs: Sequence[Spec], frequency: Frequency) -> None:
    """What an index takes to build and to keep."""
    trees = {place: spec.tree() for place, spec in enumerate(specs)}
    gc.collect()
    before = resident()
    began = time.perf_counter()
    index = Index.build(trees, frequency.share)
    took = time.perf_counter() - began
    gc.collect()
    assert len(index) == len(specs)
    line(f"{len(specs)} queries: memory", resident() - before, before, "the process before", "MiB")
    began = time.perf_counter()
    some = specs[:10_000]
    ReLoop(some)
    compiled = (time.perf_counter() - began) * len(specs) / len(some)
    line(
        f"{len(specs)} queries: built",
        took,
        compiled,
        f"compiling the patterns of {len(some)}, times {len(specs) // len(some)}",
        "s",
    )


def curve(world: World, supply: Supply, frequency: Frequency, sizes: Sizes) -> None:
    """Microseconds a text against the number of queries, narrow ones alone and with some broad ones."""
    built: dict[tuple[int, int], Index[int]] = {}
    for broad in (0, 1, 5):
        for number in sizes.curve:
            specs = world.queries(number, broad)
            built[broad, number] = ours_of(specs, frequency)
            if broad == 5 and number >= 10_000:
                size(specs, frequency)
    gc.collect()
    gc.freeze()
    took_all: dict[tuple[int, int], list[float]] = {key: [] for key in built}
    hits: dict[tuple[int, int], list[float]] = {key: [] for key in built}
    for _ in range(sizes.rounds):
        for key, index in built.items():
            said = supply.take(sizes.chunk)
            began = time.perf_counter()
            found = [len(ask(index, text)) for text in said]
            took_all[key].append((time.perf_counter() - began) / len(said) * 1e6)
            hits[key].append(sum(found) / len(said))
    took_at = {key: statistics.median(found) for key, found in took_all.items()}
    hits_at = {key: statistics.mean(found) for key, found in hits.items()}
    for (broad, number), each in took_at.items():
        line(
            f"{number} queries, {broad} % broad",
            each,
            took_at[broad, 10],
            "10 queries",
            "us/text",
            hits=_short(hits_at[broad, number]),
        )
    for number in sizes.curve[-2:]:
        further(built[5, number], number, supply, sizes)


def further(index: Index[int], number: int, supply: Supply, sizes: Sizes) -> None:
    """What a hit more costs: texts with many hits beside texts with few (and at least one), which are shorter too."""
    slopes = []
    for _ in range(sizes.rounds):
        known = sorted(((len(ask(index, text)), text) for text in supply.take(2 * sizes.chunk)), key=lambda one: one[0])
        some = [one for one in known if one[0]]
        few, many = some[: len(some) // 2], some[len(some) // 2 :]
        each = [1e6 / rate(partial(ask, index), [text for _, text in half]) for half in (few, many)]
        mean = [statistics.mean(hits for hits, _ in half) for half in (few, many)]
        slopes.append((each[1] - each[0]) / (mean[1] - mean[0]))
    line(f"{number} queries, 5 % broad: each further hit", statistics.median(slopes), 2.0, "the goal", "us")


def changes(world: World, frequency: Frequency, number: int, times: int) -> None:
    """One query changed among many: until the new index is there, and has judged a text."""
    index = ours_of(world.queries(number, 5), frequency)
    text = world.text()
    took = []
    for turn in range(times):
        tree = world.query(turn % 20 == 0).tree()
        began = time.perf_counter()
        index = index.changed({turn * 7 % number: tree})
        ask(index, text)
        took.append((time.perf_counter() - began) * 1000)
    line(f"{number} queries: a change live, p50", statistics.median(took), 100, "the goal", "ms")
    line(f"{number} queries: a change live, the slowest of {times}", max(took), 100, "the goal", "ms")


def ear(world: World, supply: Supply, sizes: Sizes) -> None:
    """Nearly every post of a network concerns nobody: turned away raw, beside a substring test for each literal of the folded text."""
    for number in (5, 50, 500):
        specs = [Spec("any", tuple(world._rare((1, 3)))) for _ in range(number)]
        index = ours_of(specs, Frequency())
        literals = [word for spec in specs for word in spec.first]

        def substrings(text: str, literals: list[str] = literals) -> bool:
            folded = fold(text)
            known = folded if folded.isascii() else f"{folded} {unaccented(folded)}"
            return any(one in known for one in literals)

        ours, peer = [], []
        for _ in range(sizes.rounds):
            said = supply.take(sizes.chunk)
            ours.append(rate(index.may_concern, said))
            peer.append(rate(substrings, said))
        told = f"{number} topics: posts turned away"
        line(told, statistics.median(ours), statistics.median(peer), "a substring test for each word", "texts/s")


async def measure(sizes: Sizes) -> None:
    """All figures of this bench."""
    world = World(SEED)
    supply = Supply([world.text() for _ in range(sizes.texts)])
    frequency = Frequency()
    for text in supply.take(sizes.texts // 4):
        frequency.hear(segment(text).vocabulary)
    folder = scratch_folder("hubbub-bench-")
    folder.chmod(0o711)  # as root, Postgres runs as another user
    async with embedded(folder / "data") as server:
        pool = await connect_pool(server.dsn("hubbub"), application_name="bench", max_size=1)
        await beside_peers(world, supply, frequency, sizes, pool)
        await pool.close()
    curve(world, supply, frequency, sizes)
    changes(world, frequency, 10_000, 100 if sizes is QUICK else 500)
    ear(world, supply, sizes)


def main() -> int:
    """The exit code: 1 when the index and the oracle differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    asyncio.run(measure(QUICK if parser.parse_args().quick else FULL))
    return 0


if __name__ == "__main__":
    sys.exit(main())
