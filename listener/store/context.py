"""What is around a conversation on its network: which of them to look for, and the author's profile. Owns `authors`' fetched columns.

The thread's messages themselves go through `record`, as context. Refuses to call a network.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener.model.accounts import Account
from listener.model.heard import Author, Key, Profile
from listener.store.connect import acquired
from listener.store.conversations import Event, tell

_DUE = """
SELECT c.id, c.brand_id, c.source, c.space, m.external_id, a.space AS author_space, a.external_id AS author_id, a.handle, a.name,
       t.id AS account_id, t.space AS account_space, t.external_id AS account_external_id, t.handle AS account_handle
FROM conversations AS c
JOIN mentions AS m ON m.id = c.last_mention_id
JOIN authors AS a ON a.id = c.author_id
LEFT JOIN accounts AS t ON t.id = c.account_id
WHERE c.id = ANY($1::bigint[]) AND c.merged_into IS NULL AND c.source = ANY($2::text[])
  AND (a.fetched_at IS NULL OR a.fetched_at < $3) AND a.status <> 'deleted'
ORDER BY c.id
"""

_PROFILE = """
UPDATE authors SET bio = $3, followers = $4, posts = $5, verified = $6, fetched_at = $7,
    handle = CASE WHEN $8 <> '' THEN $8 ELSE handle END, name = CASE WHEN $9 <> '' THEN $9 ELSE name END
WHERE space = $1 AND external_id = $2 AND status <> 'deleted'
"""

_LOOKED = "UPDATE authors SET fetched_at = $3 WHERE space = $1 AND external_id = $2"

_NAMELESS = """
SELECT a.space, a.external_id FROM unnest($1::text[], $2::text[]) AS n(space, external_id) JOIN authors AS a USING (space, external_id)
WHERE a.handle = '' AND a.fetched_at IS NULL AND a.status = 'active'
"""

_TOPICS_OF = """
SELECT h.brand_id, array_agg(DISTINCT h.topic) AS topics
FROM authors AS a JOIN mentions AS m ON m.author_id = a.id JOIN hearings AS h ON h.mention_id = m.id AND h.via = 'topic'
WHERE a.space = $1 AND a.external_id = $2 GROUP BY h.brand_id ORDER BY h.brand_id
"""

MAX_BIO = 4_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A conversation to look around."""

    conversation_id: int
    brand_id: int
    source: str
    key: Key
    """Its newest message."""
    author: Author
    account: Account | None
    """As whom to look; None: as anybody."""


async def due(
    pool: asyncpg.Pool, ids: Collection[int], sources: Collection[str], before: datetime
) -> list[Surroundings]:
    """Those of these conversations that were not looked around since `before`, on these networks."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_DUE, list(ids), list(sources), before)
    return [_surroundings(row) for row in rows]


async def looked_around(
    pool: asyncpg.Pool, found: Surroundings, profile: Profile | None, new_messages: int, now: datetime
) -> None:
    """Keeps the profile (None: the network showed none) and tells the screens when there is anything new to see."""
    author = found.author
    async with acquired(pool) as connection, connection.transaction():
        await _keep_profile(connection, author, profile, now)
        if profile is not None or new_messages:
            event = Event(
                found.brand_id, "conversation.context", found.conversation_id, after={"messages": new_messages}
            )
            await tell(connection, [event], now)


async def nameless(pool: asyncpg.Pool, authors: Collection[Author]) -> list[Author]:
    """Those of these authors whose handle nobody has told yet: the public stream names people by their ids only."""
    keys = [(author.space, author.external_id) for author in authors]
    async with acquired(pool) as connection:
        rows = await connection.fetch(_NAMELESS, [space for space, _ in keys], [number for _, number in keys])
    return [Author(row["space"], row["external_id"]) for row in rows]


async def introduced(pool: asyncpg.Pool, author: Author, profile: Profile | None, now: datetime) -> None:
    """Keeps who an author is (None: the network does not say), and tells the lists in which they stand."""
    async with acquired(pool) as connection, connection.transaction():
        await _keep_profile(connection, author, profile, now)
        if profile is not None:
            rows = await connection.fetch(_TOPICS_OF, author.space, author.external_id)
            events = [
                Event(row["brand_id"], "author.known", after={"topics": dict.fromkeys(row["topics"], 0)})
                for row in rows
            ]
            await tell(connection, events, now)


async def _keep_profile(connection: asyncpg.Connection, author: Author, profile: Profile | None, now: datetime) -> None:
    if profile is None:
        await connection.execute(_LOOKED, author.space, author.external_id, now)
        return
    bio = profile.bio.replace("\0", "")[:MAX_BIO]
    counts = (profile.followers, profile.posts, profile.verified)
    names = (profile.author.handle.replace("\0", ""), profile.author.name.replace("\0", "")[:MAX_BIO])
    await connection.execute(_PROFILE, author.space, author.external_id, bio, *counts, now, *names)


def _surroundings(row: asyncpg.Record) -> Surroundings:
    account = None
    if row["account_id"] is not None:
        key = (row["account_space"], row["account_external_id"])
        account = Account(row["account_id"], row["brand_id"], row["source"], *key, row["account_handle"])
    author = Author(row["author_space"], row["author_id"], row["handle"], row["name"])
    return Surroundings(
        row["id"], row["brand_id"], row["source"], Key(row["space"], row["external_id"]), author, account
    )
