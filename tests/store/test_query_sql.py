"""The SQL that a query becomes: whatever matches is found by it, and hostile words cannot leave their parameter."""

from __future__ import annotations

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listener.query.match import Subject, match
from listener.query.parse import parse
from listener.query.sql import condition
from listener.query.tree import Node
from listener.query.words import index_words
from tests.core.queries import texts, trees

_ASK = """
SELECT i FROM unnest($1::text[], $2::text[], $3::int[]) AS n(words, query, i)
WHERE NOT (array_to_tsvector(string_to_array(words, E'\\x1f')) @@ query::tsquery)
"""

HOSTILE = [
    "it's & | ! ( ) <-> :* 'quoted' \\' \\\\ \\",
    "\\'; DROP TABLE mentions; --",
    "a:b c:* 'd' \"e\" \\u0041 $1 %s",
    "l'heure d'été O'Brien's 'tis rock'n'roll",
    "\u200b\u202e\ud800 nul\0l \x1f unit",
]


async def test_sql_finds_whatever_matches(pool: asyncpg.Pool) -> None:
    asked: list[tuple[Node, str]] = []

    @settings(max_examples=1500, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(trees(), texts())
    def gather(tree: Node, text: str) -> None:
        if match(tree, Subject(text=text)).hit:
            asked.append((tree, text))

    gather()
    await _all_found(pool, asked)
    assert len(asked) > 300


async def test_sql_finds_every_word_of_any_text(pool: asyncpg.Pool) -> None:
    asked: list[tuple[Node, str]] = []

    @settings(max_examples=500, database=None)
    @given(st.text(max_size=60) | st.sampled_from(HOSTILE))
    def gather(text: str) -> None:
        for query in (f'"{text.replace(chr(34), " ")}"', *text.split()):
            tree = parse(query).tree
            if tree is not None and match(tree, Subject(text=text)).hit:
                asked.append((tree, text))

    gather()
    await _all_found(pool, asked)
    assert len(asked) > 300


async def _all_found(pool: asyncpg.Pool, asked: list[tuple[Node, str]]) -> None:
    rows = []
    for place, (tree, text) in enumerate(asked):
        wanted = condition(tree)
        if wanted is not None:
            rows.append(("\x1f".join(index_words(text)), wanted.parameters[0], place))
    async with pool.acquire() as connection:
        missed = await connection.fetch(_ASK, *map(list, zip(*rows, strict=True)))
    assert [asked[row["i"]] for row in missed] == []
