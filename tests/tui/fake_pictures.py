"""Pictures beside drafts, in memory. One part of `FakeBackend`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listener.pictures import PNG, Picture
from listener.store.views.approvals import AttachedRow


class FakePictures:
    """`PicturesBackend`; where replies take them along is the store's affair."""

    _pictures: tuple[tuple[int, AttachedRow], ...] = ()
    _number = 0

    async def attached(self, conversation_id: int) -> Sequence[AttachedRow]:
        return [row for id_, row in self._pictures if id_ == conversation_id]

    async def attach(
        self, conversation_id: int, name: str, picture: Picture, alt: str, now: datetime, option: int = 1
    ) -> None:
        self._number += 1
        size = len(picture.content)
        row = AttachedRow(self._number, name, picture.media_type, picture.width, picture.height, size, alt, option)
        self._pictures += ((conversation_id, row),)

    async def describe(self, attachment_id: int, alt: str) -> None:
        self._pictures = tuple(
            (id_, replace(row, alt=alt) if row.id == attachment_id else row) for id_, row in self._pictures
        )

    async def picture(self, attachment_id: int) -> tuple[str, str, bytes]:
        return "a.png", PNG, b"\x89PNG\r\n\x1a\n"

    async def detach(self, conversation_id: int, attachment_id: int | None = None) -> None:
        self._pictures = tuple(
            (id_, row) for id_, row in self._pictures if id_ != conversation_id or attachment_id not in (None, row.id)
        )

    def picture_taken(self, conversation_id: int) -> tuple[AttachedRow, ...]:
        """What lies beside the draft goes with what is submitted."""
        mine = tuple(row for id_, row in self._pictures if id_ == conversation_id)
        self._pictures = tuple((id_, row) for id_, row in self._pictures if id_ != conversation_id)
        return mine

    def picture_given(self, conversation_id: int, rows: Sequence[AttachedRow]) -> None:
        """And comes back."""
        self._pictures += tuple((conversation_id, row) for row in rows)

    def picture_without(self, conversation_id: int, option: int) -> None:
        """An option was taken away with its pictures."""
        self._pictures = tuple(
            (id_, replace(row, option=row.option - 1) if id_ == conversation_id and row.option > option else row)
            for id_, row in self._pictures
            if id_ != conversation_id or row.option != option
        )
