"""Many byte strings looked for at once, wherever they stand. Owns the one automaton for it; refuses to know what they mean."""

from __future__ import annotations

from collections.abc import Iterable

from ahocorasick_rs import BytesAhoCorasick

ALONE = 16
"""So many new ones are looked for one by one, and a fiftieth of the old ones, before an automaton is built for all."""


class Parts:
    """Immutable: `with_more` makes another."""

    __slots__ = ("_automaton", "_built", "_fresh", "_known")

    def __init__(self, parts: Iterable[bytes] = ()) -> None:
        """Of these, none of them empty."""
        self._known = frozenset(parts)
        self._built = tuple(sorted(self._known))
        self._automaton = BytesAhoCorasick(self._built) if self._built else None
        self._fresh: tuple[bytes, ...] = ()

    def with_more(self, parts: Iterable[bytes]) -> Parts:
        """These, and those."""
        wanted = frozenset(parts) - self._known
        if not wanted:
            return self
        if len(wanted) + len(self._fresh) > ALONE + len(self._built) // 50:
            return Parts(self._known | wanted)
        made = Parts()
        made._known = self._known | wanted
        made._built, made._automaton = self._built, self._automaton
        made._fresh = (*self._fresh, *sorted(wanted))
        return made

    def any_in(self, text: bytes) -> bool:
        """Whether one of them stands in a text."""
        if self._automaton is not None and self._automaton.find_matches_as_indexes(text):
            return True
        return any(part in text for part in self._fresh)

    def all_in(self, text: bytes) -> set[bytes]:
        """Those that stand in a text."""
        found = {part for part in self._fresh if part in text}
        if self._automaton is not None:
            places = self._automaton.find_matches_as_indexes(text, overlapping=True)
            found.update([self._built[place] for place, _, _ in places])
        return found

    def __bool__(self) -> bool:
        return bool(self._known)


NO_PARTS = Parts()
