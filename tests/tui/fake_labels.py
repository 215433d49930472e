"""Labels of one's own in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from listener.store.labels import written
from listener.store.views.labels import Labelled, LabelPair


class FakeLabels:
    """The part of the fake backend that obeys `LabelsBackend`."""

    def __init__(self) -> None:
        super().__init__()
        self.own: set[LabelPair] = set()

    async def labels(self) -> Mapping[int, tuple[str, ...]]:
        return {id_: tuple(sorted(text for one, text in self.own if one == id_)) for id_, _ in self.own}

    async def label(self, put: Collection[LabelPair], take: Collection[LabelPair], now: datetime) -> Labelled:
        done = Labelled(
            tuple(sorted({(id_, written(text)) for id_, text in put} - self.own)), tuple(sorted(self.own & set(take)))
        )
        self.own = (self.own | set(done.put)) - set(done.taken)
        return done
