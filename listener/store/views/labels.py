"""What is shown of a person's own labels: what was put and taken off. Refuses tags, which are everybody's."""

from __future__ import annotations

from dataclasses import dataclass

LabelPair = tuple[int, str]
"""A conversation and a label of one's own."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What was changed, in pairs of conversation and label: the other way round it is undone."""

    put: tuple[LabelPair, ...] = ()
    taken: tuple[LabelPair, ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """The conversations that were changed."""
        return frozenset(id_ for id_, _ in (*self.put, *self.taken))
