"""The authors' part of the backend in memory: one author a conversation, by the conversation's id. Undo of a mute is the store's to test."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from inbox_tui.backend import Done, Place
from listener.errors import Refused
from listener.model.work import OPEN, State
from listener.store.views.authors import Author, Mutable, Mute, PastRow
from listener.store.views.notes import Note
from listener.workflow.acts import Close


class FakeAuthors:
    """`AuthorsBackend` in memory, beside `FakeBackend`'s talks."""

    mutes: dict[int, Mute]
    notes_on: dict[int, list[Note]]
    pasts: dict[int, list[PastRow]]
    """What an author's past holds beside their one conversation."""

    def _talk(self, author_id: int) -> Any:
        return self.talk(author_id)  # type: ignore[attr-defined]

    async def author(self, author_id: int) -> Author | None:
        talk = self._talk(author_id)
        notes = tuple(reversed(self.notes_on.get(author_id, [])))
        first = talk.conversation.last_at - timedelta(days=40)
        return Author(
            author_id, "at", talk.source, f"did:{author_id}", talk.handle, talk.name, talk.bio, 1234, 56, True,
            talk.author_status, first, first, self.mutes.get(author_id), 1 + len(self.pasts.get(author_id, [])), 1, notes,
        )  # fmt: skip

    async def past(
        self, author_id: int, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[PastRow]:
        talk = self._talk(author_id)
        c, first = talk.conversation, next(m for m in talk.thread if m.mine)
        now = PastRow(c.id, c.state, c.last_at, c.last_at, first.text, c.tags, answered=False)
        rows = sorted([now, *self.pasts.get(author_id, [])], key=lambda r: (r.last_at, r.id), reverse=True)
        if after is not None:
            return [r for r in rows if (r.last_at, r.id) > after][-limit:]
        return [r for r in rows if before is None or (r.last_at, r.id) < before][:limit]

    async def mutable(
        self, *, author_ids: Sequence[int] = (), conversation_ids: Sequence[int] = ()
    ) -> Sequence[Mutable]:
        found = []
        for id_ in sorted({*author_ids, *conversation_ids}):
            talk = self._talk(id_)
            state = talk.conversation.state
            counts = (state in OPEN, state is State.SNOOZED, state is State.THEIRS)
            found.append(Mutable(id_, talk.handle, talk.name, talk.source, self.mutes.get(id_), *map(int, counts)))
        return found

    async def mute(self, author_ids: Sequence[int], now: datetime) -> Done:
        fake: Any = self
        if fake.viewer:
            raise Refused("you may look at this brand but not change anything (viewer)")
        for id_ in author_ids:
            self.mutes[id_] = Mute(fake.me.name, now)
        done = fake.act_as(fake.me, author_ids, Close())
        return Done(done.act_id, done.changed, {}, authors=tuple(author_ids))

    async def unmute(self, author_ids: Sequence[int], now: datetime) -> Done:
        for id_ in author_ids:
            self.mutes.pop(id_, None)
        return Done(uuid.uuid4(), (), {}, authors=tuple(author_ids))

    async def note_author(self, author_id: int, body: str, now: datetime) -> Done:
        fake: Any = self
        self.notes_on.setdefault(author_id, []).append(Note(1, fake.me.name, body, now))
        return Done(uuid.uuid4(), (), {}, authors=(author_id,))
