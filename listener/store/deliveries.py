"""What was delivered to webhooks: stored once, read once, emptied when it was read. Owns the table `deliveries`.

A delivery waits until the batch made of it is committed. Which deliveries a bookmark stands for is said by `Bookmark`, so a program that dies
between the commit and `done` reads none of them twice. Refuses to keep headers that may hold a secret, and to look into a body.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import asyncpg

from listener.harmless import storable
from listener.store.bells import DELIVERY
from listener.store.connect import acquired

KEPT_HEADERS = 20
MAX_HEADER, MAX_QUERY = 200, 2000
_SECRETS = frozenset(
    {"auth", "authorization", "cookie", "secret", "signature", "sign", "hmac", "token", "apikey", "password", "forwarded", "real"}
)  # fmt: skip
_WORDS = re.compile(r"[a-z0-9]+")

DONE_FOR = timedelta(days=7)
"""How long the same delivery coming again is known for one that was read. Networks repeat for at most some days."""
FAILED_FOR = timedelta(days=90)
"""As for rejects."""

# The bell rings with the commit, and only for what is new.
_TAKE = """
WITH taken AS (
    INSERT INTO deliveries (hook, digest, received_at, packed, size) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (hook, digest) DO NOTHING RETURNING id
)
SELECT id, pg_notify('hubbub', $6) FROM taken
"""

# No order of commits matters: whatever commits late is still waiting.
_WAITING = """
SELECT id, tries, received_at, packed FROM (
    SELECT id, tries, received_at, packed, sum(size) OVER (ORDER BY id) - size AS before FROM (
        SELECT id, tries, received_at, packed, size FROM deliveries WHERE hook = $1 AND state = 'waiting' ORDER BY id LIMIT $2
    ) AS oldest
) AS sized WHERE before < $3 ORDER BY id
"""

_DONE = """
UPDATE deliveries AS d SET state = 'done', problem = '', keep_until = $3,
    packed = CASE WHEN $3::timestamptz IS NOT NULL THEN d.packed END,
    about = CASE WHEN $3::timestamptz IS NOT NULL THEN coalesce(n.about, '{}') ELSE '{}' END
FROM (SELECT id, tries, string_to_array(nullif(about, ''), E'\\x1f') AS about
      FROM unnest($1::bigint[], $2::int[], $4::text[]) AS n(id, tries, about)) AS n
WHERE d.id = n.id AND d.tries = n.tries AND d.state = 'waiting'
"""

_FAILED = """
UPDATE deliveries SET state = 'failed', problem = $2, about = '{}' WHERE id = $1 AND tries = $3 AND state = 'waiting'
"""

_STATES = "SELECT hook, state, count(*) AS n, count(packed) AS kept FROM deliveries GROUP BY 1, 2 ORDER BY 1, 2"

_SWEEP_KEPT = """
UPDATE deliveries SET packed = NULL, about = '{}', keep_until = NULL WHERE id IN
    (SELECT id FROM deliveries WHERE keep_until < $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
_SWEEP_DONE = """
DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE received_at < $1 AND state = 'done' AND keep_until IS NULL
     ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
_SWEEP_FAILED = """
DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE received_at < $1 AND state = 'failed' ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
SWEEP_AT_ONCE = 5_000
READ_AT_ONCE = 8 << 20
"""Bytes of bodies."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is to be read."""

    id: int
    tries: int
    received_at: datetime
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Which deliveries are in the database with a batch: each by its id and how often it was set to be read again."""

    ids: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        return " ".join(f"{number}.{tries}" for number, tries in self.ids)

    @classmethod
    def of(cls, cursor: str | None) -> Bookmark:
        """What a cursor says; of a strange one nothing."""
        pairs = (part.partition(".") for part in (cursor or "").split())
        return cls(tuple((int(a), int(b)) for a, _, b in pairs if a.isdecimal() and b.isdecimal()))


@dataclass(frozen=True, slots=True)
class HookState:
    """How many deliveries of a hook are in which state, and of how many the bytes are still there."""

    hook: str
    state: str
    n: int
    kept: int


def digest_of(once: str, body: bytes) -> bytes:
    """What makes a delivery the same one when it comes again."""
    return hashlib.sha256(b"once\0" + once.encode("utf-8", "surrogatepass") if once else b"body\0" + body).digest()


async def take(
    pool: asyncpg.Pool,
    hook: str,
    headers: Mapping[str, str],
    body: bytes,
    once: str,
    now: datetime,
    query: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Stores a delivery and rings for its stream; False: it is there already. TryAgain or FixMe: it is not stored."""
    row = (hook, digest_of(once, body), now, _packed(headers, query, body), len(body), DELIVERY + hook)
    async with acquired(pool) as connection:
        return await connection.fetchrow(_TAKE, *row) is not None


async def waiting(pool: asyncpg.Pool, hook: str, most: int) -> list[Waiting]:
    """The oldest that are to be read; fewer where they are big."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_WAITING, hook, most, READ_AT_ONCE)
    return [Waiting(row["id"], row["tries"], row["received_at"], *_unpacked(row["packed"])) for row in rows]


async def done(
    pool: asyncpg.Pool, read: Bookmark, about: Mapping[int, Sequence[str]], keep_until: datetime | None
) -> None:
    """These are committed: their bytes go, unless they are kept until a time; then `about` names their messages. Safe to repeat."""
    if not read.ids:
        return
    ids, tries = [number for number, _ in read.ids], [n for _, n in read.ids]
    told = ["\x1f".join(storable(name) for name in about.get(number, ())) for number in ids]
    async with acquired(pool) as connection:
        await connection.execute(_DONE, ids, tries, keep_until, told)


async def failed(pool: asyncpg.Pool, delivery: Waiting, problem: str) -> None:
    """It could not be read: its bytes stay for 90 days, to be read again by a better program."""
    async with acquired(pool) as connection:
        await connection.execute(_FAILED, delivery.id, storable(problem)[:500], delivery.tries)


async def states(pool: asyncpg.Pool) -> list[HookState]:
    """Every hook that was ever delivered to, within what is swept."""
    async with acquired(pool) as connection:
        return [HookState(**dict(row)) for row in await connection.fetch(_STATES)]


async def sweep(pool: asyncpg.Pool, now: datetime) -> int:
    """Empties what was kept long enough, and drops what nothing needs any more: read ones after 7 days, failed ones after 90."""
    swept = 0
    async with acquired(pool) as connection:
        for statement, before in (
            (_SWEEP_KEPT, now),
            (_SWEEP_DONE, now - DONE_FOR),
            (_SWEEP_FAILED, now - FAILED_FOR),
        ):
            while gone := int((await connection.execute(statement, before, SWEEP_AT_ONCE)).rpartition(" ")[2]):
                swept += gone
    return swept


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What a delivery's headers say about it: its type and whatever the network adds, without what may be a secret."""
    found = {
        name: value[:MAX_HEADER]
        for name, value in headers.items()
        if name == "content-type"
        or (name.startswith("x-") and not _SECRETS & set(_WORDS.findall(name)) and not name.endswith("api-key"))
    }
    return dict(sorted(found.items())[:KEPT_HEADERS])


def kept_query(query: Mapping[str, str]) -> dict[str, str]:
    """What the address of a delivery says about it, without what may be a secret."""
    found = {
        name: value[:MAX_QUERY] for name, value in query.items() if not _SECRETS & set(_WORDS.findall(name.lower()))
    }
    return dict(sorted(found.items())[:KEPT_HEADERS])


def _packed(headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> bytes:
    head = json.dumps([kept_headers(headers), kept_query(query)]).encode("ascii")
    return zlib.compress(head + b"\n" + body, 1)


def _unpacked(packed: bytes | None) -> tuple[dict[str, str], dict[str, str], bytes]:
    if packed is None:  # its words were taken away before it was read
        return {}, {}, b""
    head, _, body = zlib.decompress(packed).partition(b"\n")
    headers, query = json.loads(head)
    return headers, query, body
