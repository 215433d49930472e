"""A person's word on tone and need, told to the store."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from inbox_tui.backend import Done
from listener.store import acts

if TYPE_CHECKING:
    from listener.model.people import Person


class PostgresOverruling:
    """`OverrulingBackend` on the real store: the part of `PostgresBackend` that overrules."""

    pool: Any
    brand_id: int
    me: Person

    async def overrule(self, mention_id: int, what: str, value: str, now: datetime) -> Done:
        """In one transaction."""
        done = await acts.overrule(self.pool, self.me.id, self.brand_id, mention_id, what, value, now)
        return Done(done.act_id, done.changed, done.refused, mentions=done.mentions)
