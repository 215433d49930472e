"""Deletes, accounts that change or vanish, rejects and gaps into rows.

Owns blanking: one statement takes a person's text and raw bytes away, the fact stays. Refuses to forget a delete for a message
that nobody has brought yet: a tombstone waits for it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg

from listener.harmless import storable
from listener.model.heard import AuthorChanged, Deleted, Gap, Reject
from listener.model.work import Conversation
from listener.store.columns import columns
from listener.store.conversations import Event, changes, lock, save
from listener.store.record.keep import LAST
from listener.store.unanswered import bring_back
from listener.workflow import moves

MAX_RAW = 65_536
"""How much of a reject's bytes is kept."""

_TOMBSTONES = """
INSERT INTO tombstones AS t (space, external_id, revision, at)
SELECT space, external_id, max(revision), $1 FROM unnest($2::text[], $3::text[], $4::text[])
     AS n(space, external_id, revision) GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (space, external_id) DO UPDATE SET revision = greatest(t.revision, excluded.revision), at = excluded.at
"""

_DELETE = """
UPDATE mentions AS m SET state = 'deleted', deleted_at = $1, revision = greatest(m.revision, n.revision)
FROM (SELECT k.mention_id, max(n.revision) AS revision
      FROM unnest($2::text[], $3::text[], $4::text[]) AS n(space, external_id, revision)
      JOIN mention_keys AS k USING (space, external_id) GROUP BY 1) AS n
WHERE m.id = n.mention_id AND m.state = 'live' AND n.revision >= m.revision
RETURNING m.id
"""

_BLANK = """
UPDATE mention_versions SET text = NULL, words = NULL, raw = NULL, links = NULL, tags = NULL WHERE mention_id = ANY($1::bigint[])
"""

# That it was hidden from others says nothing any more.
_FORGET_HIDDEN = """
DELETE FROM hidden_messages AS h USING mention_keys AS k
WHERE k.mention_id = ANY($1::bigint[]) AND h.space = k.space AND h.external_id = k.external_id
"""

# Only where the operator keeps what was delivered: else nothing is there any more.
_EMPTY = """
UPDATE deliveries SET packed = NULL, about = '{}', keep_until = NULL
WHERE packed IS NOT NULL AND about && (SELECT array_agg(external_id) FROM mentions WHERE id = ANY($1::bigint[]))
"""

_LEFT = """
SELECT j.conversation_id, j.mention_id, c.brand_id, (SELECT ours FROM mentions WHERE id = j.mention_id) AS ours,
       EXISTS (SELECT FROM conversation_mentions AS o JOIN mentions AS m ON m.id = o.mention_id
               WHERE o.conversation_id = j.conversation_id AND m.state = 'live' AND NOT m.ours) AS left_over
FROM conversation_mentions AS j JOIN conversations AS c ON c.id = j.conversation_id
WHERE j.mention_id = ANY($1::bigint[]) AND c.merged_into IS NULL ORDER BY 1, 2
"""

_AUTHOR = """
UPDATE authors AS a SET
    handle = CASE WHEN n.handle <> '' THEN n.handle ELSE a.handle END,
    status = CASE WHEN n.status <> '' THEN n.status ELSE a.status END,
    name = CASE WHEN n.status = 'deleted' THEN '' ELSE a.name END,
    bio = CASE WHEN n.status = 'deleted' THEN '' ELSE a.bio END
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n(space, external_id, handle, status)
WHERE a.space = n.space AND a.external_id = n.external_id
RETURNING a.id, n.status
"""

_BY_AUTHORS = """
UPDATE mentions SET state = 'deleted', deleted_at = $1 WHERE author_id = ANY($2::bigint[]) AND state = 'live' RETURNING id
"""

_OF_AUTHORS = """
SELECT id, brand_id FROM conversations WHERE author_id = ANY($1::bigint[]) AND merged_into IS NULL ORDER BY id
"""

_REJECTS = """
INSERT INTO rejects AS r (source_id, digest, reason, detail, raw, first_at, last_at)
SELECT $1, digest, reason, detail, raw, $2, $2 FROM unnest($3::bytea[], $4::text[], $5::text[], $6::bytea[])
     AS n(digest, reason, detail, raw)
ON CONFLICT (source_id, digest) DO UPDATE SET seen = r.seen + 1, last_at = excluded.last_at
"""

_GAPS = """
INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at)
SELECT $1, start_at, end_at, cause, $2 FROM unnest($3::timestamptz[], $4::timestamptz[], $5::text[])
     AS n(start_at, end_at, cause)
ON CONFLICT (source_id, start_at, cause, topic) DO UPDATE SET end_at = excluded.end_at, rest_start = NULL, rest_end = NULL, next_at = NULL,
    state = CASE gaps.state WHEN 'asked' THEN 'asked' ELSE 'open' END
    WHERE excluded.end_at > gaps.end_at
"""


async def delete(connection: asyncpg.Connection, deletes: Sequence[Deleted], now: datetime) -> tuple[int, list[Event]]:
    """Blank what is gone and let conversations know; how many messages, and what to tell."""
    if not deletes:
        return 0, []
    rows = sorted((storable(d.key.space), storable(d.key.external_id), storable(d.revision) or LAST) for d in deletes)
    arrays = columns(rows)
    await connection.execute(_TOMBSTONES, now, *arrays)
    ids = [r["id"] for r in await connection.fetch(_DELETE, now, *arrays)]
    return len(ids), await _blank(connection, ids, now)


async def change_authors(
    connection: asyncpg.Connection, changed: Sequence[AuthorChanged], now: datetime
) -> tuple[int, list[Event]]:
    """New handles and statuses of the authors that we know; a deleted account takes all its messages along."""
    if not changed:
        return 0, []
    latest: dict[tuple[str, str], tuple[str, str]] = {}
    for c in changed:
        key = (storable(c.author.space), storable(c.author.external_id))
        handle, status = latest.get(key, ("", ""))
        latest[key] = (storable(c.author.handle) or handle, c.status or status)
    rows = [(*key, *value) for key, value in sorted(latest.items())]
    arrays = columns(rows)
    touched = await connection.fetch(_AUTHOR, *arrays)
    vanished = [r["id"] for r in touched if r["status"] == "deleted"]
    ids = [r["id"] for r in await connection.fetch(_BY_AUTHORS, now, vanished)] if vanished else []
    events = await _blank(connection, ids, now)
    told = {e.conversation_id for e in events}
    if touched:
        for r in await connection.fetch(_OF_AUTHORS, [t["id"] for t in touched]):
            if r["id"] not in told:
                events.append(Event(r["brand_id"], "author.changed", r["id"]))
    return len(ids), events


async def _blank(connection: asyncpg.Connection, ids: Sequence[int], now: datetime) -> list[Event]:
    if not ids:
        return []
    rows = await connection.fetch(_LEFT, list(ids))
    # Locked first: whoever closes one of them takes the index words of its messages away, and would wait for us with it in hand.
    before = await lock(connection, {r["conversation_id"] for r in rows})
    await connection.execute(_BLANK, list(ids))
    await connection.execute(_EMPTY, list(ids))
    await connection.execute(_FORGET_HIDDEN, list(ids))
    events: list[Event] = []
    after: dict[int, Conversation] = {}
    for r in rows:
        was = after.get(r["conversation_id"], before[r["conversation_id"]])
        c = moves.deleted(was, nothing_left=not r["left_over"])
        after[c.id] = c
        old, new = changes(was, c)
        events.append(Event(c.brand_id, "conversation.deleted", c.id, r["mention_id"], before=old, after=new))
    await save(connection, list(after.values()), now)
    await bring_back(connection, {r["conversation_id"] for r in rows if r["ours"]}, now)
    return events


async def put_aside(connection: asyncpg.Connection, source_id: int, rejects: Iterable[Reject], now: datetime) -> int:
    """Keep what could not be used, once for equal bytes; how many there were."""
    rows: dict[bytes, tuple[bytes, str, str, bytes]] = {}
    n = 0
    for reject in rejects:
        n += 1
        digest = hashlib.sha256(reject.raw).digest()
        rows[digest] = (
            digest,
            reject.reason.value,
            storable(reject.detail)[:500],
            zlib.compress(reject.raw[:MAX_RAW], 1),
        )
    if rows:
        await connection.execute(_REJECTS, source_id, now, *columns(sorted(rows.values())))
    return n


async def note_gaps(connection: asyncpg.Connection, source_id: int, gaps: Sequence[Gap], now: datetime) -> None:
    """Write down the holes."""
    if gaps:
        rows = [(g.start, g.end, storable(g.cause)) for g in gaps]
        await connection.execute(_GAPS, source_id, now, *columns(rows))
