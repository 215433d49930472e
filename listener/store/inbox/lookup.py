"""Which index knows the fewest of those that a query may match, how many, and how far to step. Owns guesses; refuses to judge a message."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from listener.query.sql import Seed

RARE = 2_000
"""Up to so many messages are looked up at once; with more, the first steps say which way is the quicker one."""

DEAR = 3
"""How many messages in a row are walked over in the time that it takes to look one up where it lies."""

CAP = 20_000
"""More than this is never looked up."""

_IN_OPEN = "SELECT o.mention_id AS id FROM open_words o WHERE o.words @@ $1::text::tsquery AND o.brand_id = $2"

FIRST = 80
"""The first step: a little more than a page, for what nearly everything matches."""


def next_step(last: int, walked: int, hits: int, missing: int, widest: int) -> int:
    """How many to look at next: as many as should do, judged by the `hits` among those `walked` over so far."""
    wanted = last * 4 if not hits else math.ceil(1.25 * missing * walked / hits)
    return min(max(wanted, FIRST), widest)


async def estimated(connection: asyncpg.Connection, sql: str, *values: Any) -> float:
    """How many rows Postgres expects of a statement."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *values)
    return float(msgspec.json.decode(plan)[0]["Plan"]["Plan Rows"])


async def smallest(connection: asyncpg.Connection, seeds: Sequence[Seed]) -> tuple[Seed | None, float]:
    """The seed that finds the fewest messages, as far as Postgres can tell, and how many."""
    best: tuple[Seed | None, float] = (None, math.inf)
    for seed in seeds:
        many = await estimated(connection, seed.sql, *seed.parameters)
        if many < best[1]:
            best = (seed, many)
    return best


def in_open(words: str, brand_id: int) -> Seed:
    """What finds the messages of open conversations by their words."""
    return Seed("open words", _IN_OPEN, (words, brand_id))


async def in_time(
    connection: asyncpg.Connection, seconds: float, sql: str, values: Sequence[Any]
) -> Sequence[asyncpg.Record] | None:
    """The rows; None when they take too long."""
    try:
        rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *values, timeout=max(seconds, 0.01))
    except TimeoutError:
        return None
    return rows
