"""Messages into rows: authors, keys, versions, hearings. Owns what "the same message again" means; refuses to judge.

States merge by the network's revision, not by arrival: a lower or equal one changes nothing, a higher one is a new version,
a tombstone outlives a late create. Rows are locked in the order of their keys, so two sources that hear the same things never
wait for each other in a ring.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.harmless import storable
from listener.model.accounts import Account
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.kinds import ADDRESSES, Via
from listener.query.words import index_words
from listener.store.columns import columns

_MUTE = frozenset({Via.THREAD, Via.OWN})
"""Ways of hearing that never call for an answer by themselves."""

SKEW = timedelta(minutes=5)
"""How far a network's clock may run ahead of ours before its time is not believed."""

_KNOWN = """
SELECT k.space, k.external_id, m.id, m.version, m.revision, m.content_id, m.state, m.ours, m.author_id, m.root, m.at
FROM unnest($1::text[], $2::text[]) AS k(space, external_id)
JOIN mention_keys AS i USING (space, external_id)
JOIN mentions AS m ON m.id = i.mention_id
ORDER BY m.id FOR NO KEY UPDATE OF m
"""

_ROOTS = """
SELECT k.space, k.external_id, m.root
FROM unnest($1::text[], $2::text[]) AS k(space, external_id)
JOIN mention_keys AS i USING (space, external_id)
JOIN mentions AS m ON m.id = i.mention_id
"""

_TOMBSTONES = """
SELECT t.space, t.external_id, t.revision
FROM unnest($1::text[], $2::text[]) AS k(space, external_id) JOIN tombstones AS t USING (space, external_id)
"""

_NEW_KEYS = """
INSERT INTO mention_keys (space, external_id, mention_id)
SELECT space, external_id, nextval(pg_get_serial_sequence('mentions', 'id'))
FROM (SELECT * FROM unnest($1::text[], $2::text[]) AS k(space, external_id) ORDER BY space, external_id) AS sorted
ON CONFLICT DO NOTHING
RETURNING space, external_id, mention_id
"""

_AUTHORS = """
INSERT INTO authors AS a (space, external_id, handle, name, first_at)
SELECT space, external_id, handle, name, $5
FROM (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n(space, external_id, handle, name)
      ORDER BY space, external_id) AS sorted
ON CONFLICT (space, external_id) DO UPDATE SET
    handle = CASE WHEN excluded.handle <> '' THEN excluded.handle ELSE a.handle END,
    name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE a.name END
WHERE (excluded.handle <> '' AND excluded.handle <> a.handle) OR (excluded.name <> '' AND excluded.name <> a.name)
"""

_AUTHOR_IDS = """
SELECT a.space, a.external_id, a.id
FROM unnest($1::text[], $2::text[]) AS k(space, external_id) JOIN authors AS a USING (space, external_id)
"""

_MENTIONS = """
INSERT INTO mentions (id, space, external_id, source, author_id, ours, kind, parent, root, quoted, url, langs, media,
                      claimed_at, network_at, heard_at, at, revision, content_id, rating, likes, reposts, replies, quotes,
                      reply_until, private_until, audience)
OVERRIDING SYSTEM VALUE
SELECT id, space, external_id, source, author_id, ours, kind, parent, root, quoted, url,
       string_to_array(langs, E'\\x1f'), media, claimed_at, network_at, $1, at, revision, content_id,
       rating, likes, reposts, replies, quotes, reply_until, private_until, audience
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[], $20::float8[], $21::bigint[],
            $22::bigint[], $23::bigint[], $24::bigint[], $25::timestamptz[], $26::timestamptz[], $27::text[])
     AS n(id, space, external_id, source, author_id, ours, kind, parent, root, quoted, url, langs, media, claimed_at,
          network_at, at, revision, content_id, rating, likes, reposts, replies, quotes, reply_until, private_until, audience)
"""

_VERSIONS = """
INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, raw, links, tags, heard_at)
SELECT id, version, revision, content_id, text, array_to_tsvector(string_to_array(words, E'\\x1f')), raw,
       string_to_array(links, E'\\x1f'), string_to_array(tags, E'\\x1f'), $1
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::text[])
     AS n(id, version, revision, content_id, text, words, raw, links, tags)
"""

_MOVE = """
UPDATE mentions AS m SET version = n.version, revision = n.revision, content_id = n.content_id, state = 'live',
    deleted_at = NULL, media = n.media, langs = string_to_array(n.langs, E'\\x1f')
FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::smallint[], $6::text[])
     AS n(id, version, revision, content_id, media, langs)
WHERE m.id = n.id
"""

_NUMBERS = """
UPDATE mentions AS m SET rating = coalesce(n.rating, m.rating), likes = coalesce(n.likes, m.likes),
    reposts = coalesce(n.reposts, m.reposts), replies = coalesce(n.replies, m.replies), quotes = coalesce(n.quotes, m.quotes)
FROM unnest($1::bigint[], $2::float8[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
     AS n(id, rating, likes, reposts, replies, quotes)
WHERE m.id = n.id AND (coalesce(n.rating, m.rating), coalesce(n.likes, m.likes), coalesce(n.reposts, m.reposts),
                       coalesce(n.replies, m.replies), coalesce(n.quotes, m.quotes))
    IS DISTINCT FROM (m.rating, m.likes, m.reposts, m.replies, m.quotes)
"""

_REVISE = """
UPDATE mentions AS m SET revision = n.revision
FROM unnest($1::bigint[], $2::text[]) AS n(id, revision) WHERE m.id = n.id
"""

_HEARINGS = """
INSERT INTO hearings (mention_id, brand_id, topic, account_id, source_id, via, at, heard_at)
SELECT mention_id, brand_id, topic, account_id, $1, via, at, $2
FROM unnest($3::bigint[], $4::int[], $5::text[], $6::int[], $7::text[], $8::timestamptz[])
     AS n(mention_id, brand_id, topic, account_id, via, at)
ON CONFLICT DO NOTHING
RETURNING mention_id, brand_id, topic, account_id, via
"""

_HEARD_BEFORE = """
SELECT mention_id, brand_id, topic, account_id, via FROM hearings WHERE mention_id = ANY($1::bigint[])
"""

_ANSWERING_US = """
SELECT n.id, a.id AS account_id, a.brand_id
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n(id, space, parent)
JOIN mention_keys AS k ON k.space = n.space AND k.external_id = n.parent
JOIN mentions AS p ON p.id = k.mention_id AND p.ours
JOIN authors AS w ON w.id = p.author_id
JOIN accounts AS a ON a.space = w.space AND a.external_id = w.external_id
"""

MANY = 200
"""Tags, or links, of one message that are kept."""

_BIGGEST = 2**63 - 1

LAST = "~"
"""Sorts after every revision of any network (they are letters and digits): a delete whose revision is not known."""


@dataclass(slots=True)
class Kept:
    """One message of the batch as it stands in the database after `keep`."""

    id: int
    mention: Mention
    """The state in force, cleaned of what Postgres cannot hold."""
    hearings: tuple[Hearing, ...]
    author_id: int
    root: str
    at: datetime
    version: int
    ours: bool
    new: bool = False
    edited: bool = False
    heard_new: list[Hearing] = field(default_factory=list)
    """Hearings that were not known before this batch."""


def cleaned(mention: Mention) -> Mention:
    """The mention with every text storable."""
    author = mention.author
    if _all_storable(mention):
        return mention
    return replace(
        mention,
        key=Key(storable(mention.key.space), storable(mention.key.external_id)),
        author=Author(*map(storable, (author.space, author.external_id, author.handle, author.name))),
        text=storable(mention.text),
        revision=storable(mention.revision),
        content_id=storable(mention.content_id),
        parent=None if mention.parent is None else storable(mention.parent),
        root=None if mention.root is None else storable(mention.root),
        quoted=None if mention.quoted is None else storable(mention.quoted),
        langs=tuple(storable(lang).replace("\x1f", "") for lang in mention.langs[:8]),
        url=storable(mention.url),
        media=min(max(mention.media, 0), 1000),
        tags=_list(mention.tags),
        links=_list(mention.links),
        rating=mention.rating if mention.rating is None or math.isfinite(mention.rating) else None,
        likes=_count(mention.likes),
        reposts=_count(mention.reposts),
        replies=_count(mention.replies),
        quotes=_count(mention.quotes),
    )  # fmt: skip


def _list(values: Sequence[str]) -> tuple[str, ...]:
    """Tags or links as they can be stored: none empty, no more than anybody means."""
    return tuple(one for value in values[:MANY] if (one := storable(value).replace("\x1f", "")))


def _count(number: int | None) -> int | None:
    return number if number is None else min(max(number, 0), _BIGGEST)


def _numbers(mention: Mention) -> tuple[float | None, int | None, int | None, int | None, int | None]:
    return mention.rating, mention.likes, mention.reposts, mention.replies, mention.quotes


def _all_storable(mention: Mention) -> bool:
    author = mention.author
    every = "".join((
        mention.text, author.handle, author.name, author.external_id, mention.key.external_id, mention.key.space, mention.url,
        mention.revision, mention.content_id, mention.parent or "", mention.root or "", mention.quoted or "", *mention.langs,
        *mention.tags, *mention.links,
    ))  # fmt: skip
    if "\x00" in every or "\x1f" in "".join((*mention.langs, *mention.tags, *mention.links)):
        return False
    if len(mention.langs) > 8 or not 0 <= mention.media <= 1000:
        return False
    if not _listable(mention.tags) or not _listable(mention.links) or not _countable(mention):
        return False
    try:
        every.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listable(values: Sequence[str]) -> bool:
    return len(values) <= MANY and "" not in values


def _countable(mention: Mention) -> bool:
    rating, *counts = _numbers(mention)
    if rating is not None and not math.isfinite(rating):
        return False
    return all(number is None or 0 <= number <= _BIGGEST for number in counts)


def sorting_time(mention: Mention, heard_at: datetime) -> datetime:
    """The network's time, never later than we heard it (its clock may run ahead), else when we heard it."""
    at = mention.network_at
    if at is None or at > heard_at + SKEW:
        return heard_at
    return min(at, heard_at)


async def keep(
    connection: asyncpg.Connection,
    source_id: int,
    heard: Sequence[tuple[Mention, tuple[Hearing, ...]]],
    accounts: Mapping[tuple[str, str], Account],
    now: datetime,
) -> tuple[list[Kept], int]:
    """Store one state each of distinct messages; how many brought nothing new. A message without a hearing only edits what we hold."""
    keys = sorted({(m.key.space, m.key.external_id) for m, _ in heard})
    dead = await _rows(connection, _TOMBSTONES, keys, "revision")
    wanted = sorted({(m.key.space, m.key.external_id) for m, h in heard if h and not _buried(m, dead)})
    ids = await _rows(connection, _NEW_KEYS, wanted, "mention_id")
    known = {(r["space"], r["external_id"]): r for r in await _fetch(connection, _KNOWN, keys)}
    author_ids = await _authors(connection, [m.author for m, h in heard if h], now)
    roots = await _roots(connection, [m for m, h in heard if (m.key.space, m.key.external_id) in ids])

    kept: list[Kept] = []
    fresh: list[Kept] = []
    moved: list[Kept] = []
    revised: list[tuple[int, str]] = []
    told: list[Kept] = []
    idle = 0
    for mention, hearings in heard:
        key = (mention.key.space, mention.key.external_id)
        if key in ids:
            item = Kept(
                id=ids[key], mention=mention, hearings=hearings, root=roots[key], version=1, new=True,
                author_id=author_ids[(mention.author.space, mention.author.external_id)],
                at=sorting_time(mention, now), ours=(mention.author.space, mention.author.external_id) in accounts,
            )  # fmt: skip
            fresh.append(item)
            kept.append(item)
            continue
        row = known.get(key)
        if row is None or _buried(mention, dead):
            idle += 1
            continue
        item = Kept(
            id=row["id"], mention=mention, hearings=hearings, author_id=row["author_id"], root=row["root"],
            at=row["at"], version=row["version"], ours=row["ours"],
        )  # fmt: skip
        if mention.revision >= row["revision"] and any(number is not None for number in _numbers(mention)):
            told.append(item)
        if mention.revision > row["revision"]:
            if not says_other(mention, row):
                revised.append((item.id, mention.revision))
                idle += not hearings
            else:
                item.version += 1
                item.edited = True
                moved.append(item)
        elif row["state"] == "deleted":
            idle += 1
            continue
        else:
            idle += 1
        kept.append(item)

    await _write(connection, fresh, moved, revised, now)
    if told:
        await connection.execute(_NUMBERS, *columns([(k.id, *_numbers(k.mention)) for k in told]))
    await _recall(connection, moved)
    await _answering_us(connection, fresh)
    await _hear(connection, source_id, kept, now)
    return kept, idle


def says_other(mention: Mention, row: Mapping[str, Any]) -> bool:
    """Whether a state of a higher revision than the stored `row` also says something else: it is an edit."""
    same = bool(mention.content_id) and mention.content_id == row["content_id"] and row["state"] == "live"
    return not same and (row["revision"] != "" or bool(mention.content_id))


def _buried(mention: Mention, dead: Mapping[tuple[str, str], Any]) -> bool:
    revision = dead.get((mention.key.space, mention.key.external_id))
    return revision is not None and mention.revision <= revision


async def _write(
    connection: asyncpg.Connection,
    fresh: Sequence[Kept],
    moved: Sequence[Kept],
    revised: Sequence[tuple[int, str]],
    now: datetime,
) -> None:
    if fresh:
        await connection.execute(_MENTIONS, now, *columns([
            (
                k.id, k.mention.key.space, k.mention.key.external_id, k.mention.source, k.author_id, k.ours,
                k.mention.kind.value, k.mention.parent, k.root, k.mention.quoted, k.mention.url,
                "\x1f".join(k.mention.langs), k.mention.media, k.mention.claimed_at, k.mention.network_at, k.at,
                k.mention.revision, k.mention.content_id, *_numbers(k.mention),
                k.mention.reply_until, k.mention.private_until, k.mention.audience.value,
            )
            for k in fresh
        ]))  # fmt: skip
    if moved:
        await connection.execute(_MOVE, *columns([
            (k.id, k.version, k.mention.revision, k.mention.content_id, k.mention.media, "\x1f".join(k.mention.langs))
            for k in moved
        ]))  # fmt: skip
    if revised:
        await connection.execute(_REVISE, *columns(revised))
    if fresh or moved:
        await connection.execute(_VERSIONS, now, *columns([
            (
                k.id, k.version, k.mention.revision, k.mention.content_id, k.mention.text,
                "\x1f".join(index_words(k.mention.text, k.mention.tags)), zlib.compress(k.mention.raw, 1),
                "\x1f".join(k.mention.links), "\x1f".join(k.mention.tags),
            )
            for k in (*fresh, *moved)
        ]))  # fmt: skip


async def _recall(connection: asyncpg.Connection, moved: Sequence[Kept]) -> None:
    """An edit concerns all whom the message ever reached, also when its new words match nothing any more."""
    if not moved:
        return
    by_id = {k.id: k for k in moved}
    for r in await connection.fetch(_HEARD_BEFORE, list(by_id)):
        hearing = Hearing(r["brand_id"], Via(r["via"]), r["topic"], r["account_id"])
        k = by_id[r["mention_id"]]
        if hearing not in k.hearings:
            k.hearings = (*k.hearings, hearing)


async def _answering_us(connection: asyncpg.Connection, fresh: Sequence[Kept]) -> None:
    """An answer to a post of ours addresses us, also where its own bytes do not say whose post it answers."""
    asked = {k.id: k for k in fresh if k.mention.parent and not k.ours and any(h.via not in _MUTE for h in k.hearings)}
    asked = {i: k for i, k in asked.items() if not any(h.via in ADDRESSES for h in k.hearings)}
    if not asked:
        return
    rows = [(k.id, k.mention.key.space, k.mention.parent) for k in asked.values()]
    for r in await connection.fetch(_ANSWERING_US, *columns(rows)):
        k = asked[r["id"]]
        if any(h.brand_id == r["brand_id"] for h in k.hearings):
            k.hearings = (*k.hearings, Hearing(r["brand_id"], Via.REPLY, account_id=r["account_id"]))


async def _hear(connection: asyncpg.Connection, source_id: int, kept: Sequence[Kept], now: datetime) -> None:
    rows = [
        (k.id, h.brand_id, storable(h.topic), h.account_id, h.via.value, k.at)
        for k in kept
        for h in dict.fromkeys(k.hearings)
    ]
    if not rows:
        return
    added = {
        (r["mention_id"], r["brand_id"], r["topic"], r["account_id"], r["via"])
        for r in await connection.fetch(_HEARINGS, source_id, now, *columns(rows))
    }
    for k in kept:
        k.heard_new = [
            h for h in dict.fromkeys(k.hearings) if (k.id, h.brand_id, h.topic, h.account_id, h.via.value) in added
        ]


async def _authors(
    connection: asyncpg.Connection, authors: Sequence[Author], now: datetime
) -> dict[tuple[str, str], int]:
    latest = {(a.space, a.external_id): a for a in authors}
    if not latest:
        return {}
    rows = [(a.space, a.external_id, a.handle, a.name) for a in latest.values()]
    await connection.execute(_AUTHORS, *columns(rows), now)
    return await _rows(connection, _AUTHOR_IDS, sorted(latest), "id")


async def _roots(connection: asyncpg.Connection, mentions: Sequence[Mention]) -> dict[tuple[str, str], str]:
    """The thread root of each new message: as the network says, else its parent's, else the parent itself as first known."""
    parents = sorted({(m.key.space, m.parent) for m in mentions if m.parent and not m.root})
    held: dict[tuple[str, str], str] = await _rows(connection, _ROOTS, parents, "root")
    by_key = {(m.key.space, m.key.external_id): m for m in mentions}
    roots: dict[tuple[str, str], str] = {}
    for key in by_key:
        trail: list[tuple[str, str]] = []
        at = key
        while at in by_key and at not in roots and at not in trail:
            trail.append(at)
            m = by_key[at]
            if m.root or not m.parent:
                break
            at = (m.key.space, m.parent)
        top = by_key.get(at)
        if at in roots:
            root = roots[at]
        elif top is None:
            root = held.get(at, at[1])
        else:
            root = top.root or top.key.external_id
        for step in trail:
            roots[step] = root
    return roots


async def _rows(
    connection: asyncpg.Connection, statement: str, keys: Sequence[tuple[str, str]], column: str
) -> dict[tuple[str, str], Any]:
    return {(r["space"], r["external_id"]): r[column] for r in await _fetch(connection, statement, keys)}


async def _fetch(
    connection: asyncpg.Connection, statement: str, keys: Sequence[tuple[str, str]]
) -> list[asyncpg.Record]:
    if not keys:
        return []
    return list(await connection.fetch(statement, [k[0] for k in keys], [k[1] for k in keys]))
