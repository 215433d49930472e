"""What every act shares: rows locked in one order, those that may not be touched refused one by one, row and event written together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from listener.model.work import Conversation, State
from listener.store.acts.rights import Who
from listener.store.conversations import Event, lock, save, tell
from listener.store.unanswered import bring_back

CHUNK = 500
"""Rows locked, changed and told at a time; a bulk act is one transaction all the same."""

_MERGED = "SELECT id, merged_into FROM conversations WHERE id = ANY($1::bigint[]) AND merged_into IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did. `changed` conversations carry it; `refused` says why not, in words; the rest was so already."""

    act_id: UUID
    changed: tuple[int, ...] = ()
    refused: Mapping[int, str] = field(default_factory=dict)
    overtaken: frozenset[int] = frozenset()
    """Those of the refused that somebody else has changed after the version that was seen."""
    authors: tuple[int, ...] = ()
    """Authors that carry it: muted, unmuted, noted."""
    kept: Mapping[int, str] = field(default_factory=dict)
    """Authors that stay as they are, and why, in words."""
    mentions: tuple[int, ...] = ()
    """Messages of which something was said: they need be in no conversation."""


class Tally:
    """One act under way: its id, its person, and what it has done so far."""

    def __init__(self, connection: asyncpg.Connection, who: Who, now: datetime, act_id: UUID | None = None) -> None:
        self.act_id = act_id or uuid4()
        self.refused: dict[int, str] = {}
        self.overtaken: set[int] = set()
        self.authors: list[int] = []
        self.kept: dict[int, str] = {}
        self._mentions: list[int] = []
        self._changed: list[int] = []
        self._connection = connection
        self._who = who
        self._now = now

    def done(self) -> Done:
        """The act as its caller hears of it."""
        overtaken, authors = frozenset(self.overtaken), tuple(self.authors)
        return Done(
            self.act_id, tuple(self._changed), self.refused, overtaken, authors, self.kept, tuple(self._mentions)
        )

    async def locked(self, ids: Collection[int]) -> list[Conversation]:
        """Those of the conversations that the person may act on, locked in the order of their ids; the others are refused."""
        found = await lock(self._connection, ids)
        merged = {row["id"]: row["merged_into"] for row in await self._connection.fetch(_MERGED, list(ids))}
        allowed = []
        for id_ in sorted(ids):
            if id_ not in found:
                self.refused[id_] = "there is no such conversation"
            elif id_ in merged:
                self.refused[id_] = f"it has become one with conversation {merged[id_]}"
            elif refusal := self._who.may_not(found[id_].brand_id):
                self.refused[id_] = refusal
            else:
                allowed.append(found[id_])
        return allowed

    def event(
        self,
        c: Conversation,
        kind: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        undoes: UUID | None = None,
    ) -> Event:
        """The event of this act on one conversation."""
        return Event(
            c.brand_id,
            kind,
            c.id,
            person_id=self._who.person_id,
            act=self.act_id,
            undoes=undoes,
            before=before,
            after=after,
        )

    async def write(self, rows: Sequence[Conversation], events: Sequence[Event]) -> None:
        """Rows and events, together."""
        await save(self._connection, rows, self._now)
        reopened = {
            e.conversation_id for e in events if e.conversation_id and (e.before or {}).get("state") == State.DONE
        }
        await bring_back(self._connection, reopened, self._now)
        await tell(self._connection, events, self._now)
        self._changed.extend(c.id for c in rows)

    def moved(self, conversation_ids: Collection[int], mention_id: int) -> None:
        """Something was said of a message, which shows in these conversations and changes none of their rows."""
        self._changed.extend(conversation_ids)
        self._mentions.append(mention_id)


def chunks(ids: Collection[int]) -> list[list[int]]:
    """The ids in order, each once, a chunk at a time."""
    ordered = sorted(set(ids))
    return [ordered[i : i + CHUNK] for i in range(0, len(ordered), CHUNK)]
