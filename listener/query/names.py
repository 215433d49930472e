"""Named lists and sub-queries of the rule files, as a query may use them, and what is told of a name that is none. Refuses to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from listener.query import fields
from listener.query.told import Told


@dataclass(frozen=True, slots=True)
class Names:
    """What `list:NAME` and `query:NAME` stand for: the lists' entries and the sub-queries' texts, as written."""

    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """An entry is a word, several words (then a phrase), word*, #tag, @handle, $CASH, {Exact} or an emoji; as a field's values, a value."""
    queries: Mapping[str, str] = field(default_factory=dict)


NO_NAMES = Names()


def unknown_name(name: str, names: Names, at: int, told: Told) -> None:
    """Tell that the rule files define no such name ('list:giveaway'), with the nearest one."""
    sort, _, written = name.partition(":")
    known = names.lists if sort == "list" else names.queries
    what = f"the rule files define no {sort} {written!r}"
    hint = (
        fields.did_you_mean(written, known)
        or f"define it under {'lists' if sort == 'list' else 'queries'} in a rule file"
    )
    told.problem(at, f"unknown-{sort}", what, hint)
