"""Pictures of a draft, of what is submitted for approval, and of the reply. Owns how they go from one to the other and how long their bytes
are kept; refuses what no network would take.

They lie beside the draft, its writer's alone. In the transaction that queues the reply they become the reply's, and stay as they are; a reply
that is taken back gives them back. What is submitted for approval keeps its pictures whatever is decided; a draft that comes back gets its own.
Only the bytes of what is about to leave, or is looked at, are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from listener import pictures
from listener.errors import Refused
from listener.lengths import graphemes
from listener.model.handed import Attachment
from listener.pictures import Picture
from listener.store.acts.rights import may_act
from listener.store.connect import acquired
from listener.store.views.approvals import AttachedRow

_NAME = 120

_OWN = "reply_id IS NULL AND approval_id IS NULL"
"""Of a draft."""

_CONVERSATION = "SELECT brand_id, source FROM conversations WHERE id = $1 FOR NO KEY UPDATE"

_HELD = f"SELECT count(*) FROM attachments WHERE conversation_id = $1 AND person_id = $2 AND option = $3 AND {_OWN}"  # noqa: S608

_ATTACH = """
INSERT INTO attachments (brand_id, conversation_id, person_id, name, media_type, width, height, alt, content, size, at, option)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::bytea, octet_length($9::bytea), $10, $11) RETURNING id
"""

_COLUMNS = """
id, name, media_type, width, height, size, alt, option, submitted, reply_id IS NOT NULL AS sent, content IS NOT NULL AS kept
"""

_OF_DRAFT = f"""
SELECT {_COLUMNS} FROM attachments WHERE conversation_id = $1 AND person_id = $2 AND {_OWN} ORDER BY option, id
"""  # noqa: S608 - constants

_OF_APPROVALS = f"""
SELECT approval_id, {_COLUMNS} FROM attachments WHERE approval_id = ANY($1::bigint[]) ORDER BY approval_id, option, id
"""  # noqa: S608 - constants

_BESIDE = """
SELECT a.brand_id, c.source FROM attachments AS a JOIN conversations AS c ON c.id = a.conversation_id
WHERE a.id = $1 AND a.person_id = $2 AND a.reply_id IS NULL AND a.approval_id IS NULL FOR UPDATE OF a
"""

_DESCRIBE = "UPDATE attachments SET alt = $2 WHERE id = $1"

_DROP = f"""
DELETE FROM attachments
WHERE conversation_id = $1 AND person_id = $2 AND {_OWN} AND ($3::bigint IS NULL OR id = $3)
"""  # noqa: S608 - constants

_FOLLOW = f"""
UPDATE attachments SET reply_id = $3 WHERE conversation_id = $1 AND person_id = $2 AND option = 1 AND {_OWN} RETURNING id
"""  # noqa: S608 - constants

_SOURCE_OF_REPLY = "SELECT a.source FROM replies AS r JOIN accounts AS a ON a.id = r.account_id WHERE r.id = $1"

_SUBMIT = f"""
UPDATE attachments SET approval_id = $3 WHERE conversation_id = $1 AND person_id = $2 AND option <= $4 AND {_OWN} RETURNING option
"""  # noqa: S608 - constants

_SUBMITTED = "SELECT id, alt FROM attachments WHERE approval_id = $1 AND option = $2 ORDER BY id FOR UPDATE"

_GO = """
UPDATE attachments SET reply_id = $2, alt = $3, submitted = CASE WHEN alt <> $3 THEN alt ELSE '' END WHERE id = $1
"""

_WAIT_AGAIN = """
UPDATE attachments SET reply_id = NULL, alt = CASE WHEN submitted <> '' THEN submitted ELSE alt END, submitted = '' WHERE approval_id = $1
"""

_SWEPT_OF = "SELECT EXISTS (SELECT FROM attachments WHERE {} = $1 AND content IS NULL)"

# A copy, so that what was submitted stays what it was.
_COPY = """
INSERT INTO attachments (brand_id, conversation_id, person_id, name, media_type, width, height, alt, content, size, at, option)
SELECT brand_id, conversation_id, $2, name, media_type, width, height, alt, content, size, $3, {}
FROM attachments WHERE {} = $1 AND content IS NOT NULL ORDER BY id
"""
_COPY_SUBMITTED = _COPY.format("option", "approval_id")
_COPY_SENT = _COPY.format("1", "approval_id IS NOT NULL AND reply_id")

_BACK = """
UPDATE attachments AS a SET reply_id = NULL, person_id = $2, conversation_id = r.conversation_id, option = 1
FROM replies AS r WHERE a.reply_id = $1 AND r.id = $1 AND a.approval_id IS NULL
"""

_UNTOUCHED = f"DELETE FROM attachments WHERE conversation_id = $1 AND person_id = $2 AND at = $3 AND {_OWN}"  # noqa: S608

_OF_OUTBOX = """
SELECT a.id, a.media_type, a.width, a.height, a.alt, CASE WHEN $2 THEN a.content ELSE ''::bytea END AS content
FROM outbox AS o JOIN attachments AS a ON a.reply_id = o.reply_id WHERE o.id = $1 ORDER BY a.id
"""

_CONTENT = """
SELECT a.name, a.media_type, a.content FROM attachments AS a JOIN memberships AS m ON m.brand_id = a.brand_id AND m.person_id = $2
WHERE a.id = $1 AND (a.person_id = $2 OR a.reply_id IS NOT NULL OR a.approval_id IS NOT NULL)
"""

BYTES_FOR = timedelta(days=30)
"""How long the bytes of a picture are kept once it is out or came to nothing: the network has it, or nobody wanted it. It is time enough to take
a decision back, to answer a complaint about what was sent, and to look at what was refused; a busy desk's pictures would else be most of
the database, and of every backup.
"""

_SWEPT_AT_ONCE = 100
"""Pictures of a transaction."""

# Whatever may yet leave keeps its bytes: what is planned, on its way, failed or unknown may be sent, and what was not chosen may be
# chosen while the reply that was may still be taken back. Of one that went out in parts all count.
_SWEEP = """
UPDATE attachments SET content = NULL WHERE id IN (
    SELECT a.id FROM attachments AS a LEFT JOIN approvals AS q ON q.id = a.approval_id
    WHERE a.content IS NOT NULL AND (a.reply_id IS NOT NULL OR a.approval_id IS NOT NULL) AND a.at < $1
      AND (q.id IS NULL OR (q.state <> 'waiting' AND coalesce(q.decided_at, q.asked_at) < $1))
      AND NOT EXISTS (
          SELECT FROM (SELECT coalesce(a.reply_id, q.reply_id) AS id UNION
                       SELECT p.reply_id FROM reply_parts AS p WHERE p.first_id = coalesce(a.reply_id, q.reply_id)) AS r
          JOIN outbox AS o ON o.reply_id = r.id WHERE o.state NOT IN ('accepted', 'seen', 'withdrawn') OR o.changed_at >= $1)
    ORDER BY a.at LIMIT $2 FOR UPDATE OF a SKIP LOCKED)
"""


async def attach(
    pool: asyncpg.Pool,
    person_id: int,
    conversation_id: int,
    name: str,
    picture: Picture,
    alt: str,
    now: datetime,
    option: int = 1,
) -> int:
    """Lay a picture beside the person's draft, or one of its options; its id. Refused where the network takes none, no more, or not this one."""
    async with acquired(pool) as connection, connection.transaction():
        c = await connection.fetchrow(_CONVERSATION, conversation_id)
        if c is None:
            raise Refused("there is no such conversation", where=str(conversation_id))
        await may_act(connection, person_id, c["brand_id"])
        pictures.fits(c["source"], picture)
        words = _words(c["source"], alt)
        _enough(c["source"], 1 + int(await connection.fetchval(_HELD, conversation_id, person_id, option)))
        return int(
            await connection.fetchval(
                _ATTACH, c["brand_id"], conversation_id, person_id, name.replace("\0", "")[-_NAME:], picture.media_type,
                picture.width, picture.height, words, picture.content, now, option,
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
    """What lies beside the person's draft and its options, the first one first."""
    async with acquired(pool) as connection:
        return tuple(AttachedRow(**dict(row)) for row in await connection.fetch(_OF_DRAFT, conversation_id, person_id))


async def content(pool: asyncpg.Pool, person_id: int, attachment_id: int) -> tuple[str, str, bytes]:
    """(name, media type, bytes) of a picture, for whoever looks at it: of a draft its writer's alone. Refused where the bytes were swept."""
    async with acquired(pool) as connection:
        found = await connection.fetchrow(_CONTENT, attachment_id, person_id)
    if found is None:
        raise Refused("there is no such picture", where=str(attachment_id))
    if found["content"] is None:
        raise Refused(f"the picture is not kept any more: only its words are, after {BYTES_FOR.days} days")
    return found["name"], found["media_type"], found["content"]


async def follow(
    connection: asyncpg.Connection, person_id: int, conversation_id: int, reply_id: int, visibility: str
) -> None:
    """What lies beside the draft goes with the reply that it has become."""
    taken = await connection.fetch(_FOLLOW, conversation_id, person_id, reply_id)
    if taken:
        _in_public(visibility)
        _enough(str(await connection.fetchval(_SOURCE_OF_REPLY, reply_id)), len(taken))


async def back(connection: asyncpg.Connection, person_id: int, reply_id: int, now: datetime) -> None:
    """What a reply carried lies beside the draft of whoever took it back. What was approved keeps what was submitted."""
    await connection.execute(_BACK, reply_id, person_id)
    await connection.execute(_COPY_SENT, reply_id, person_id, now)


async def of_outbox(pool: asyncpg.Pool, outbox_id: int, *, contents: bool) -> Sequence[Attachment]:
    """What a reply carries, in order; with its bytes only where they are about to leave."""
    async with acquired(pool) as connection:
        return tuple(Attachment(**dict(row)) for row in await connection.fetch(_OF_OUTBOX, outbox_id, contents))


async def all_kept(connection: asyncpg.Connection, *, reply_id: int = 0, approval_id: int = 0) -> None:
    """Raises Refused where bytes that would be needed again were swept."""
    column, id_ = ("reply_id", reply_id) if reply_id else ("approval_id", approval_id)
    if await connection.fetchval(_SWEPT_OF.format(column), id_):
        raise Refused(f"too late: its pictures are kept for {BYTES_FOR.days} days", code="swept")


# With an approval ----------------------------------------------------------------------------------------------------


async def submit(
    connection: asyncpg.Connection, person_id: int, conversation_id: int, approval_id: int, options: int, source: str,
    visibility: str,
) -> None:  # fmt: skip
    """What lies beside the draft and so many options of it waits with them."""
    held = Counter(
        row["option"] for row in await connection.fetch(_SUBMIT, conversation_id, person_id, approval_id, options)
    )
    for many in held.values():
        _in_public(visibility)
        _enough(source, many)


async def of_approvals(connection: asyncpg.Connection, approval_ids: Sequence[int]) -> dict[int, list[AttachedRow]]:
    """What was submitted, by approval."""
    found: dict[int, list[AttachedRow]] = {id_: [] for id_ in approval_ids}
    for row in await connection.fetch(_OF_APPROVALS, approval_ids):
        fields = dict(row)
        found[fields.pop("approval_id")].append(AttachedRow(**fields))
    return found


async def go(
    connection: asyncpg.Connection, approval_id: int, option: int, reply_id: int, alts: Mapping[int, str] | None
) -> bool:
    """The pictures of an option go out with the reply; whether otherwise than they were submitted. `alts`: those that go, with their words;
    None: all, as they are.
    """
    rows = {row["id"]: row["alt"] for row in await connection.fetch(_SUBMITTED, approval_id, option)}
    if alts is None:
        alts = rows
    if not alts.keys() <= rows.keys():
        raise Refused("a picture that is to go out was not submitted with it")
    source = str(await connection.fetchval(_SOURCE_OF_REPLY, reply_id)) if alts else ""
    words = {id_: _words(source, alt) for id_, alt in alts.items()}
    await connection.executemany(_GO, [(id_, reply_id, alt) for id_, alt in words.items()])
    return words != rows


async def wait_again(connection: asyncpg.Connection, approval_id: int) -> None:
    """A decision was taken back: all of it is as it was submitted."""
    await all_kept(connection, approval_id=approval_id)
    await connection.execute(_WAIT_AGAIN, approval_id)


async def give_back(connection: asyncpg.Connection, approval_id: int, person_id: int, now: datetime) -> None:
    """The writer's draft has again what was submitted with it."""
    await connection.execute(_COPY_SUBMITTED, approval_id, person_id, now)


async def ungive(connection: asyncpg.Connection, person_id: int, conversation_id: int, given: datetime) -> None:
    """Take out of a draft again what was given back to it then."""
    await connection.execute(_UNTOUCHED, conversation_id, person_id, given)


# Upkeep --------------------------------------------------------------------------------------------------------------


async def sweep(pool: asyncpg.Pool, now: datetime) -> int:
    """Forgets the bytes of pictures that went out, were taken back or were refused 30 days ago; how many. Their names, words and sizes stay.
    Never those of a draft, of what waits for approval, or of what may yet be sent.
    """
    swept = 0
    async with acquired(pool) as connection:
        while gone := int((await connection.execute(_SWEEP, now - BYTES_FOR, _SWEPT_AT_ONCE)).rpartition(" ")[2]):
            swept += gone
    return swept


def _in_public(visibility: str) -> None:
    if visibility == "private":
        raise Refused("pictures cannot be sent in private from here: take them off first")


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
