"""What people do about an author: mute, unmute, a note. Owns `mutes` and `author_notes`; each act is an event with the author's id.

A mute is the brand's own: what the author writes is kept and found, and `listener.store.record.hush` lets it move nothing. Whatever of
theirs is not done is closed in the same act. Refuses to tell the author, to touch the network, and to mute an account of ours.

An author's row is locked first, then conversations: whoever records what they write does it in that order too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from listener.errors import Refused
from listener.model.work import State
from listener.store.acts.doing import MAX_NOTE
from listener.store.acts.rights import may_act, who
from listener.store.acts.transaction import Done, Tally, chunks
from listener.store.acts.words import what_happened
from listener.store.connect import acquired, repeated
from listener.store.conversations import Event, changes, tell
from listener.store.noting import written
from listener.workflow import moves
from listener.workflow.acts import Close

# Against everybody who records a message of theirs, and everybody who mutes them.
_LOCK = """
SELECT a.id, EXISTS (SELECT FROM accounts AS o WHERE o.space = a.space AND o.external_id = a.external_id) AS ours
FROM authors AS a WHERE a.id = ANY($1::bigint[]) ORDER BY a.id FOR UPDATE OF a
"""

# A statement of its own: what it sees is as of after the lock.
_IN_FORCE = """
SELECT q.author_id, q.id, q.at, q.person_id, p.name AS person FROM mutes AS q JOIN people AS p ON p.id = q.person_id
WHERE q.author_id = ANY($1::bigint[]) AND q.brand_id = $2 AND q.until IS NULL
"""

_BEGIN = """
INSERT INTO mutes (brand_id, author_id, person_id, at) SELECT $1, unnest($2::bigint[]), $3, $4 RETURNING author_id, id
"""
_END = "UPDATE mutes SET until = $2 WHERE id = ANY($1::bigint[])"
_GO_ON = "UPDATE mutes SET until = NULL WHERE id = ANY($1::bigint[])"

_NOT_DONE = """
SELECT id FROM conversations
WHERE author_id = ANY($1::bigint[]) AND brand_id = $2 AND folder IN ('open', 'snoozed', 'theirs') AND merged_into IS NULL ORDER BY id
"""

# Only of authors with whom the brand has a conversation: another brand's are none of its business.
_OF_BRAND = """
SELECT i.id FROM unnest($1::bigint[]) AS i(id)
WHERE EXISTS (SELECT FROM conversations WHERE author_id = i.id AND brand_id = $2 AND merged_into IS NULL)
"""
_NOT_OURS = "this brand has had nothing to do with that author"

_ADD_NOTE = (
    "INSERT INTO author_notes (brand_id, author_id, person_id, body, at) VALUES ($1, $2, $3, $4, $5) RETURNING id"
)
_REMOVE_NOTE = "UPDATE author_notes SET removed_at = $2 WHERE id = ANY($1::bigint[])"
_RESTORE_NOTE = "UPDATE author_notes SET removed_at = NULL WHERE id = ANY($1::bigint[])"
_SHOWN = "SELECT author_id, id FROM author_notes WHERE id = ANY($1::bigint[]) AND removed_at IS NULL"

_AUTHORS = "SELECT id, author_id FROM conversations WHERE id = ANY($1::bigint[])"


@repeated
async def mute(pool: asyncpg.Pool, person_id: int, brand_id: int, author_ids: Collection[int], now: datetime) -> Done:
    """From now on what they write opens, moves and wakes nothing for this brand; what of theirs is not done is closed. One act.

    Who is muted already stays so. Raises Refused for viewers; `Done.kept` says of whom not, and why.
    """
    async with acquired(pool) as connection, connection.transaction():
        tally, ids = await _begun(connection, person_id, brand_id, author_ids, now)
        known = {row["id"] for row in await connection.fetch(_OF_BRAND, ids, brand_id)}
        tally.kept.update((id_, _NOT_OURS) for id_ in ids if id_ not in known)
        muted = await _muted(connection, brand_id, ids)
        ids = [id_ for id_ in ids if id_ in known and id_ not in muted]
        rows = await connection.fetch(_BEGIN, brand_id, ids, person_id, now)
        events = [_event(tally, brand_id, person_id, "act.mute", r["author_id"], "mute", None, r["id"]) for r in rows]
        await tell(connection, events, now)
        tally.authors.extend(ids)
        not_done = [row["id"] for row in await connection.fetch(_NOT_DONE, ids, brand_id)]
        for chunk in chunks(not_done):
            # Locked, it may be another than was found: who closed it meanwhile has done what a mute does to it.
            left = [c for c in await tally.locked(chunk) if c.state is not State.DONE]
            pairs = [(c, moves.apply(c, Close(), person_id, now)) for c in left]
            told = [tally.event(before, "act.mute", *changes(before, after)) for before, after in pairs]
            await tally.write([after for _, after in pairs], told)
    return tally.done()


@repeated
async def unmute(pool: asyncpg.Pool, person_id: int, brand_id: int, author_ids: Collection[int], now: datetime) -> Done:
    """What they write from now on comes in as anybody's. Nothing comes back by it: what was closed or hushed stays where it is."""
    async with acquired(pool) as connection, connection.transaction():
        tally, ids = await _begun(connection, person_id, brand_id, author_ids, now)
        muted = await _muted(connection, brand_id, ids)
        await connection.execute(_END, [row["id"] for row in muted.values()], now)
        told = [_event(tally, brand_id, person_id, "act.unmute", a, "mute", r["id"], None) for a, r in muted.items()]
        await tell(connection, told, now)
        tally.authors.extend(muted)
    return tally.done()


async def note_author(
    pool: asyncpg.Pool, person_id: int, brand_id: int, author_id: int, body: str, now: datetime
) -> Done:
    """The staff's own words about an author, for whoever has to do with them next. Raises Refused when empty or too long."""
    body = written(body, MAX_NOTE)
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        if not await connection.fetch(_OF_BRAND, [author_id], brand_id):
            raise Refused(_NOT_OURS)
        tally = Tally(connection, await who(connection, person_id), now)
        note_id = await connection.fetchval(_ADD_NOTE, brand_id, author_id, person_id, body, now)
        event = _event(tally, brand_id, person_id, "act.author-note", author_id, "author_note", None, note_id)
        await tell(connection, [event], now)
        tally.authors.append(author_id)
    return tally.done()


async def _begun(
    connection: asyncpg.Connection, person_id: int, brand_id: int, author_ids: Collection[int], now: datetime
) -> tuple[Tally, list[int]]:
    """An act on authors under way: those of them that there are and that are not ourselves, locked."""
    await may_act(connection, person_id, brand_id)
    tally = Tally(connection, await who(connection, person_id), now)
    found = {row["id"]: row["ours"] for row in await connection.fetch(_LOCK, sorted(set(author_ids)))}
    tally.kept.update(dict.fromkeys(set(author_ids) - set(found), "there is no such author"))
    tally.kept.update((id_, "that is an account of our own") for id_, ours in found.items() if ours)
    return tally, sorted(id_ for id_, ours in found.items() if not ours)


async def _muted(
    connection: asyncpg.Connection, brand_id: int, author_ids: Sequence[int]
) -> dict[int, Mapping[str, Any]]:
    """The mutes in force, by author."""
    rows = await connection.fetch(_IN_FORCE, list(author_ids), brand_id)
    return {row["author_id"]: dict(row) for row in rows}


def _event(
    tally: Tally,
    brand_id: int,
    person_id: int,
    kind: str,
    author_id: int,
    field: str,
    before: int | None,
    after: int | None,
    undoes: UUID | None = None,
) -> Event:
    """One author's event: the feed and an undo know it by the author's id on both sides."""
    was, becomes = {"author": author_id, field: before}, {"author": author_id, field: after}
    return Event(brand_id, kind, person_id=person_id, act=tally.act_id, undoes=undoes, before=was, after=becomes)


# Taking it back -------------------------------------------------------------------------------------------------------


class Backwards:
    """The authors' part of an act that is being taken back: for each author all of it or, where somebody changed it since, nothing.

    `ask` locks and asks; then the caller looks at the conversations, and `withhold` says of which something was changed since;
    `write` takes back what is left.
    """

    def __init__(
        self,
        connection: asyncpg.Connection,
        tally: Tally,
        person_id: int,
        undoes: UUID,
        told: Sequence[Mapping[str, Any]],
        now: datetime,
    ) -> None:
        self._connection, self._tally, self._person_id, self._undoes, self._now = (
            connection,
            tally,
            person_id,
            undoes,
            now,
        )
        self._events = {row["after"]["author"]: row for row in told}
        self._is_now: dict[int, int] = {}
        """Author to the mute in force, or to the note that is shown."""
        self._of: dict[int, int] = {}

    async def ask(self, conversation_ids: Collection[int], *, anyway: bool) -> None:
        """Locks the authors, and finds those who were muted again since."""
        connection, events = self._connection, self._events
        await connection.execute(_LOCK, sorted(events))
        self._of = {r["id"]: r["author_id"] for r in await connection.fetch(_AUTHORS, list(conversation_ids))}
        shown = [row["after"].get("author_note") or row["before"].get("author_note") for row in events.values()]
        self._is_now = {row["author_id"]: row["id"] for row in await connection.fetch(_SHOWN, shown)}
        for brand_id in {row["brand_id"] for row in events.values()}:
            await may_act(connection, self._person_id, brand_id)
            for author_id, mute in (await _muted(connection, brand_id, list(events))).items():
                before, after = events[author_id]["before"], events[author_id]["after"]
                if "mute" not in after:
                    continue
                self._is_now[author_id] = mute["id"]
                if before["mute"] is None and after["mute"] != mute["id"] and not anyway:
                    again = what_happened({"kind": "mute.again", **mute}, self._now)
                    self._tally.kept[author_id] = f"{again}; undo all the same?"

    def withhold(self, conversation_id: int, reason: str) -> None:
        """Something about one of the author's conversations was changed since: nothing of that author's is taken back."""
        if (author_id := self._of.get(conversation_id)) in self._events and author_id is not None:
            self._tally.kept.setdefault(author_id, reason)

    def stays(self, conversation_id: int) -> str:
        """Why the conversation stays as it is on its author's account; '' : it does not."""
        return self._tally.kept.get(self._of.get(conversation_id, 0), "")

    async def write(self) -> None:
        """Mutes begun are ended, ended ones go on; notes go out of sight or come back."""
        ended: dict[str, list[int]] = {"mute": [], "author_note": []}
        restored: dict[str, list[int]] = {"mute": [], "author_note": []}
        told: list[Event] = []
        for author_id, event in self._events.items():
            field = "mute" if "mute" in event["after"] else "author_note"
            was, becomes = self._is_now.get(author_id), event["before"][field]
            if author_id in self._tally.kept or (was is None) == (becomes is None):
                continue
            if was is not None:
                ended[field].append(was)
            else:
                restored[field].append(becomes)
            about = (event["brand_id"], self._person_id, "act.undo", author_id, field, was, becomes, self._undoes)
            told.append(_event(self._tally, *about))
            self._tally.authors.append(author_id)
        await self._connection.execute(_END, ended["mute"], self._now)
        await self._connection.execute(_GO_ON, restored["mute"])
        await self._connection.execute(_REMOVE_NOTE, ended["author_note"], self._now)
        await self._connection.execute(_RESTORE_NOTE, restored["author_note"])
        await tell(self._connection, told, self._now)
