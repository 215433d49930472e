"""Pictures of a draft and of the reply that it becomes. Owns how they go from one to the other; refuses what no network would take.

They lie beside the draft, its writer's alone. In the transaction that queues the reply they become the reply's, and stay as they are; a reply
that is taken back gives them back. Only the bytes of what is about to leave are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from listener import pictures
from listener.errors import Refused
from listener.lengths import graphemes
from listener.model import Attachment
from listener.pictures import Picture
from listener.store.acts.rights import may_act
from listener.store.connect import acquired
from listener.store.views import AttachedRow

_NAME = 120

_CONVERSATION = "SELECT brand_id, source FROM conversations WHERE id = $1 FOR NO KEY UPDATE"

_HELD = "SELECT count(*) FROM attachments WHERE conversation_id = $1 AND person_id = $2 AND reply_id IS NULL"

_ATTACH = """
INSERT INTO attachments (brand_id, conversation_id, person_id, name, media_type, width, height, alt, content, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id
"""

_OF_DRAFT = """
SELECT id, name, media_type, width, height, octet_length(content) AS size, alt FROM attachments
WHERE conversation_id = $1 AND person_id = $2 AND reply_id IS NULL ORDER BY id
"""

_BESIDE = """
SELECT a.brand_id, c.source FROM attachments AS a JOIN conversations AS c ON c.id = a.conversation_id
WHERE a.id = $1 AND a.person_id = $2 AND a.reply_id IS NULL FOR UPDATE OF a
"""

_DESCRIBE = "UPDATE attachments SET alt = $2 WHERE id = $1"

_DROP = """
DELETE FROM attachments
WHERE conversation_id = $1 AND person_id = $2 AND reply_id IS NULL AND ($3::bigint IS NULL OR id = $3)
"""

_FOLLOW = """
UPDATE attachments SET reply_id = $3 WHERE conversation_id = $1 AND person_id = $2 AND reply_id IS NULL RETURNING id
"""

_SOURCE_OF_REPLY = "SELECT a.source FROM replies AS r JOIN accounts AS a ON a.id = r.account_id WHERE r.id = $1"

_BACK = """
UPDATE attachments AS a SET reply_id = NULL, person_id = $2, conversation_id = r.conversation_id
FROM replies AS r WHERE a.reply_id = $1 AND r.id = $1
"""

_OF_OUTBOX = """
SELECT a.id, a.media_type, a.width, a.height, a.alt, CASE WHEN $2 THEN a.content ELSE ''::bytea END AS content
FROM outbox AS o JOIN attachments AS a ON a.reply_id = o.reply_id WHERE o.id = $1 ORDER BY a.id
"""


async def attach(
    pool: asyncpg.Pool, person_id: int, conversation_id: int, name: str, picture: Picture, alt: str, now: datetime
) -> int:
    """Lay a picture beside the person's draft; its id. Refused where the network takes none, no more, or not this one."""
    async with acquired(pool) as connection, connection.transaction():
        c = await connection.fetchrow(_CONVERSATION, conversation_id)
        if c is None:
            raise Refused("there is no such conversation", where=str(conversation_id))
        await may_act(connection, person_id, c["brand_id"])
        pictures.fits(c["source"], picture)
        words = _words(c["source"], alt)
        _enough(c["source"], 1 + await beside_draft(connection, person_id, conversation_id))
        return int(
            await connection.fetchval(
                _ATTACH, c["brand_id"], conversation_id, person_id, name.replace("\0", "")[-_NAME:], picture.media_type,
                picture.width, picture.height, words, picture.content, now,
            )
        )  # fmt: skip


async def describe(pool: asyncpg.Pool, person_id: int, attachment_id: int, alt: str) -> None:
    """Say anew what can be seen on a picture of the person's draft."""
    async with acquired(pool) as connection, connection.transaction():
        found = await connection.fetchrow(_BESIDE, attachment_id, person_id)
        if found is None:
            raise Refused("that picture is no longer beside your draft")
        await may_act(connection, person_id, found["brand_id"])
        await connection.execute(_DESCRIBE, attachment_id, _words(found["source"], alt))


async def drop(pool: asyncpg.Pool, person_id: int, conversation_id: int, attachment_id: int | None = None) -> None:
    """Forget a picture of the person's draft; None: all of them."""
    async with acquired(pool) as connection:
        await connection.execute(_DROP, conversation_id, person_id, attachment_id)


async def of_draft(pool: asyncpg.Pool, person_id: int, conversation_id: int) -> tuple[AttachedRow, ...]:
    """What lies beside the person's draft, the first one first."""
    async with acquired(pool) as connection:
        return tuple(AttachedRow(**dict(row)) for row in await connection.fetch(_OF_DRAFT, conversation_id, person_id))


async def beside_draft(connection: asyncpg.Connection, person_id: int, conversation_id: int) -> int:
    """How many pictures lie beside the person's draft."""
    return int(await connection.fetchval(_HELD, conversation_id, person_id))


async def follow(
    connection: asyncpg.Connection, person_id: int, conversation_id: int, reply_id: int, visibility: str
) -> None:
    """What lies beside the draft goes with the reply that it has become."""
    taken = await connection.fetch(_FOLLOW, conversation_id, person_id, reply_id)
    if taken:
        if visibility == "private":
            raise Refused("pictures cannot be sent in private from here: take them off first")
        _enough(str(await connection.fetchval(_SOURCE_OF_REPLY, reply_id)), len(taken))


async def back(connection: asyncpg.Connection, person_id: int, reply_id: int) -> None:
    """What a reply carried lies beside the draft of whoever took it back."""
    await connection.execute(_BACK, reply_id, person_id)


async def of_outbox(pool: asyncpg.Pool, outbox_id: int, *, contents: bool) -> Sequence[Attachment]:
    """What a reply carries, in order; with its bytes only where they are about to leave."""
    async with acquired(pool) as connection:
        return tuple(Attachment(**dict(row)) for row in await connection.fetch(_OF_OUTBOX, outbox_id, contents))


def _words(source: str, alt: str) -> str:
    words = alt.replace("\0", "").strip()
    limit = pictures.limit_of(source)
    if not words:
        raise Refused("say in words what can be seen on it, for those who cannot see it")
    if limit is not None and graphemes(words) > limit.alt:
        raise Refused(f"the words for the picture are longer than {limit.alt:,} characters")
    return words


def _enough(source: str, many: int) -> None:
    limit = pictures.limit_of(source)
    most = limit.most if limit is not None else 0
    if many > most:
        raise Refused(f"one reply carries at most {most} pictures there" if most else "no pictures can be sent there")
