"""A person's word on tone and need in memory."""

from __future__ import annotations

import uuid
from datetime import datetime

from inbox_tui.backend import Done


class FakeOverruling:
    """The part of the fake backend that obeys `OverrulingBackend`."""

    def __init__(self) -> None:
        super().__init__()
        self.overruled: list[tuple[int, str, str]] = []

    async def overrule(self, mention_id: int, what: str, value: str, now: datetime) -> Done:
        self.overruled.append((mention_id, what, value))
        return Done(uuid.uuid4(), (), {}, mentions=(mention_id,))
