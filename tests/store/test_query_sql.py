"""The SQL that a query becomes: whatever matches is found by it, and hostile words cannot leave their parameter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import cache

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listener.query.bounds import asks_state, folders_of, period_of
from listener.query.fields import FIELDS
from listener.query.match import match
from listener.query.sql import condition, seeds, words_of
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Sign,
    Text,
    Wild,
    Word,
)
from listener.query.words import index_words, segment
from listener.store.inbox.subjects import Reading
from tests.store import stock
from tests.store.world import NOW, World, world

ME = "mia-acme"

_ALL = "SELECT * FROM mentions WHERE $2::int = 0"
_FOUND = """
SELECT m.id FROM mentions m JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version WHERE {}
"""
_FOUND_IN = """
SELECT m.id, c.id AS conversation_id FROM conversations c JOIN conversation_mentions j ON j.conversation_id = c.id
JOIN mentions m ON m.id = j.mention_id JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version WHERE {}
"""
_ASK = """
SELECT i FROM unnest($1::text[], $2::text[], $3::int[]) AS n(words, query, i)
WHERE NOT (array_to_tsvector(string_to_array(words, E'\\x1f')) @@ query::tsquery)
"""


def gathered(strategy: st.SearchStrategy[Node], n: int) -> list[Node]:
    """Queries, each once."""
    found: list[Node] = []

    @settings(max_examples=n, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def gather(tree: Node) -> None:
        found.append(tree)

    gather()
    return list(dict.fromkeys(found))


async def subjects(w: World) -> dict[int, Subject]:
    reading = Reading(stock.EVERYTHING, NOW, brand_id=w.brand_id, me=ME)
    sql, values = reading.of_mentions(_ALL, 0)
    return {row["id"]: reading.subject(row) for row in await w.pool.fetch(sql, *values)}


@pytest.fixture
async def w(pool: asyncpg.Pool) -> World:
    seed = random.randrange(10**9)
    print("seed", seed)
    one = await world(pool)
    await stock.stocked(one, random.Random(seed), 150)
    return one


async def test_whatever_matches_is_found(w: World) -> None:
    """Every kind of query over every kind of stored mention; and what is found is not simply everything."""
    known = await subjects(w)
    assert len(known) == 150
    found_more = matched = 0
    for tree in [*gathered(stock.trees(), 500), *gathered(stock.fields() | stock.fields().map(Not), 200)]:
        hits = {id_ for id_, subject in known.items() if match(tree, subject, NOW).hit}
        wanted = condition(tree, NOW, brand_id=w.brand_id, me=ME)
        found = {row["id"] for row in await w.pool.fetch(_FOUND.format(wanted.sql), *wanted.parameters)}
        assert hits <= found, (tree, wanted, [known[id_] for id_ in list(hits - found)[:2]])
        matched += len(hits)
        found_more += len(found - hits)
        for seed in seeds(tree, NOW, brand_id=w.brand_id, me=ME):
            looked_up = {row["id"] for row in await w.pool.fetch(seed.sql, *seed.parameters)}
            assert hits <= looked_up, (tree, seed)
        low, high = period_of(tree, NOW)
        times = [known[id_].at for id_ in hits]
        assert all((low is None or low <= at) and (high is None or at <= high) for at in times if at), tree
        if (folders := folders_of(tree)) is not None:
            states = {known[id_].state for id_ in hits}
            assert {"open" if state in {"new", "ours"} else state for state in states} <= folders, tree
            assert asks_state(tree)
    print("matched", matched, "found besides", found_more)
    assert matched > 5_000
    assert found_more < matched


async def test_a_conversation_that_is_given_is_the_one_that_is_asked(w: World) -> None:
    rows = await w.pool.fetch("SELECT id FROM conversations")
    reading = Reading(stock.EVERYTHING, NOW, brand_id=w.brand_id, me=ME)
    sql, values = reading.of_conversations(
        "SELECT * FROM conversations WHERE id = ANY($2::bigint[])", [row["id"] for row in rows]
    )
    known = {(row["id"], row["conversation_id"]): reading.subject(row) for row in await w.pool.fetch(sql, *values)}
    assert len(known) >= len(rows) > 50
    for tree in gathered(stock.trees(stock.fields()), 150):
        hits = {pair for pair, subject in known.items() if match(tree, subject, NOW).hit}
        wanted = condition(tree, NOW, brand_id=w.brand_id, me=ME, given=True)
        found = {tuple(row) for row in await w.pool.fetch(_FOUND_IN.format(wanted.sql), *wanted.parameters)}
        assert hits <= found, tree


EXACT: list[Node] = [
    Field("followers", (Range(1000, None),)),
    Field("followers", (Range(None, 10, high_in=False),)),
    Field("likes", (Range(3, 5),)),
    Field("rating", (Range(3, None, low_in=False),)),
    Field("need", (Range(0.5, None),)),
    Field("tone", (Range(-1, 0),)),
    Field("tone", (Text("negative", "negative"),)),
    Field("kind", (Text("reply", "reply"), Text("dm", "dm"))),
    Field("topic", (Text("acme", "acme"),)),
    Field("rule", (Text("outage", "outage"),)),
    Field("is", (Text("open", "open"),)),
    Field("is", (Text("unread", "unread"),)),
    Field("status", (Text("done", "done"),)),
    Field("priority", (Range(3, None),)),
    Field("assignee", (Text("me", "me"),)),
    Field("assignee", (Text("nobody", "nobody"),)),
    Field("verified", (Text("no", "no"),)),
    Field("parent", (Text("s0", "s0"),)),
    Field("has", (Text("flag", "flag"),)),
    Field("has", (Text("media", "media"),)),
    Field("time", (Period(None, None),)),
    Word("refund"),
    Sign("#down"),
    And((Word("app"), Not(Word("down")))),
    Or((Word("app"), Field("is", (Text("done", "done"),)))),
]


async def test_what_sql_knows_it_knows_exactly_and_through_not(w: World) -> None:
    known = await subjects(w)
    for one in (negated for tree in EXACT for negated in (tree, Not(tree))):
        hits = {id_ for id_, subject in known.items() if match(one, subject, NOW).hit}
        wanted = condition(one, NOW, brand_id=w.brand_id, me=ME)
        found = {row["id"] for row in await w.pool.fetch(_FOUND.format(wanted.sql), *wanted.parameters)}
        assert hits == found, one


def texts() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(stock.SPELLED), max_size=20).map(" ".join)


HOSTILE = [
    "it's & | ! ( ) <-> :* 'quoted' \\' \\\\ \\",
    "\\'; DROP TABLE mentions; --",
    "a:b c:* 'd' \"e\" \\u0041 $1 %s",
    "l'heure d'été O'Brien's 'tis rock'n'roll",
    "\u200b\u202e\ud800 nul\0l \x1f unit 🏳️‍🌈 1️⃣",
]


@cache
def _asked() -> list[tuple[Node, str]]:
    """The same for both servers: finding them costs more than asking."""
    asked: list[tuple[Node, str]] = []

    @settings(max_examples=1500, database=None, suppress_health_check=list(HealthCheck))
    @given(stock.trees(stock.words()), st.lists(texts(), min_size=5, max_size=5))
    def gather(tree: Node, some: list[str]) -> None:
        asked.extend((tree, text) for text in some if match(tree, Subject(text=text), NOW).hit)

    gather()
    return asked


async def test_an_index_of_words_finds_whatever_matches(pool: asyncpg.Pool) -> None:
    await _all_found(pool, _asked())


async def test_an_index_of_words_finds_every_word_of_any_text(pool: asyncpg.Pool) -> None:
    asked: list[tuple[Node, str]] = []

    @settings(max_examples=250, database=None)
    @given(st.text(max_size=60) | st.sampled_from(HOSTILE) | texts())
    def gather(text: str) -> None:
        known = segment(text)
        words: list[Node] = [Word(key) for key in known.vocabulary]
        whole = Phrase(tuple(Word(key) for key in known.keys)) if len(known.keys) > 1 else None
        exact = [Exact(one) for spellings in known.spelled for one in spellings]
        near = [Near(Word(a), Word(b), 0) for a, b in zip(known.keys, known.keys[1:], strict=False)]
        for tree in [*words, *map(Sign, known.signs), *exact, *near, *([whole] if whole else [])]:
            if match(tree, Subject(text=text), NOW).hit:
                asked.append((tree, text))

    gather()
    assert len(asked) > 1000
    await _all_found(pool, asked)


async def _all_found(pool: asyncpg.Pool, asked: Iterable[tuple[Node, str]]) -> None:
    pairs = list(asked)
    rows = []
    for place, (tree, text) in enumerate(pairs):
        if (wanted := words_of(tree)) is not None:
            rows.append(("\x1f".join(index_words(text)), wanted, place))
    assert len(rows) > 100
    missed = await pool.fetch(_ASK, *map(list, zip(*rows, strict=True)))
    assert [pairs[row["i"]] for row in missed] == []


_MADE: list[Callable[[str], Node]] = [
    Word,
    Exact,
    Raw,
    lambda text: Sign("#" + text),
    lambda text: Wild(text + "*"),
    lambda text: Phrase((Word(text), Word(text))),
    lambda text: Near(Word(text), Word(text), 3),
    *(
        (lambda text, name=name, wild=wild: Field(name, (Text(text, text, wild),)))
        for name in sorted(FIELDS)
        if FIELDS[name].sort.value in {"name", "id", "address", "domain"}
        for wild in (False, True)
    ),
]  # fmt: skip


@pytest.mark.parametrize("hostile", [*HOSTILE, "' OR true --", "$1", "%_\\", "*", "?*?"])
async def test_hostile_values_stay_in_their_parameter(pool: asyncpg.Pool, hostile: str) -> None:
    """The statement is the same for every value; and Postgres takes it."""
    w = await world(pool)
    await w.mention("hello")
    for make in _MADE:
        if hostile[0] in "*?" and make in {Exact, Word}:
            continue
        for tree in (make(hostile), Not(make(hostile))):
            wanted = condition(tree, NOW, brand_id=w.brand_id, me=hostile)
            assert hostile not in wanted.sql or len(hostile) < 3
            await pool.fetch(_FOUND.format(wanted.sql), *wanted.parameters)
            for seed in seeds(tree, NOW, brand_id=w.brand_id, me="mia"):
                assert hostile not in seed.sql or len(hostile) < 3
                await pool.fetch(seed.sql, *seed.parameters)
