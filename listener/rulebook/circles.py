"""What waits for what, without circles. Owns this walk over names; refuses to know what they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def circles(edges: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """The circles among these names, each in the order of its names: all that reach one another, and each that points at itself."""
    return tuple(tuple(sorted(group)) for group in _groups(edges) if len(group) > 1 or group[0] in set(edges[group[0]]))


def settled(edges: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """What each name points at, those first that others wait for, and without what runs in a circle. Names that point at nothing are
    left out, and so is what is none of the names. The order of the names changes nothing of what is in it.
    """
    made: dict[str, frozenset[str]] = {}
    for group in _groups(edges):
        inside = set(group)
        for name in group:
            if left := frozenset(other for other in edges[name] if other in edges and other not in inside):
                made[name] = left
    return made


def _groups(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Names that reach one another, together; a group comes after all that it points at (Tarjan, without recursion: chains may be long)."""
    groups: list[list[str]] = []
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    places: dict[str, int] = {}
    grouped: set[str] = set()
    for root in sorted(edges):
        if root in numbers:
            continue
        path = [(root, iter(sorted(edges[root])))]
        while path:
            name, rest = path[-1]
            if name not in numbers:
                numbers[name] = lowest[name] = len(numbers)
                places[name] = len(open_)
                open_.append(name)
            for there in rest:
                if there not in edges or there in grouped:
                    continue
                if there not in numbers:
                    path.append((there, iter(sorted(edges[there]))))
                    break
                lowest[name] = min(lowest[name], numbers[there])
            else:
                path.pop()
                if path:
                    lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[name])
                if lowest[name] == numbers[name]:
                    at = places[name]
                    groups.append(open_[at:])
                    grouped.update(open_[at:])
                    del open_[at:]
    return groups
