"""The published fields: which exist, what each holds, and which use may ask for which. Owns this list; refuses to evaluate."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from listener.model import Kind, Priority, State, ToneLabel


class Use(StrEnum):
    """What a query is written for. A topic hears, before anything is judged; a rule judges; a search sees the conversation too."""

    TOPIC = "topic"
    RULE = "rule"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class FieldFact:
    """One field. `values` is its closed list, empty where anything may be written."""

    name: str
    about: str
    uses: frozenset[Use]
    values: frozenset[str] = frozenset()
    narrower: tuple[tuple[Use, frozenset[str]], ...] = ()
    """Uses that know only some of the values."""

    def values_for(self, use: Use) -> frozenset[str]:
        """The closed list for one use."""
        return next((values for known, values in self.narrower if known is use), self.values)


_ALL = frozenset(Use)
_JUDGED = frozenset({Use.RULE, Use.SEARCH})
_SEARCH = frozenset({Use.SEARCH})
_OF_MESSAGE = frozenset({"post", "comment", "reply", "repost", "quote", "review", "dm"})
_OF_STATE = frozenset({"unread", "open", "new", "theirs", "snoozed", "done", "assigned"})

FIELDS = {
    fact.name: fact
    for fact in (
        FieldFact("source", "the network: bluesky, import, ...", _ALL),
        FieldFact("author", "who wrote it: a handle, its first label, or the network's own id", _ALL),
        FieldFact("kind", "what sort of message", _ALL, frozenset(kind.value for kind in Kind)),
        FieldFact("lang", "language as Hubbub found it: en, de, ... (unsure is no language)", _JUDGED),
        FieldFact("topic", "heard by this topic of the rulebook", _JUDGED),
        FieldFact("tone", "the verdict on tone", _JUDGED, frozenset(label.value for label in ToneLabel)),
        FieldFact(
            "is",
            "a fact about the message or its conversation",
            _ALL,
            _OF_MESSAGE | _OF_STATE | {"ours", "addressed", "question"},
            ((Use.TOPIC, _OF_MESSAGE | {"question"}), (Use.RULE, _OF_MESSAGE | {"ours", "addressed", "question"})),
        ),
        FieldFact(
            "has",
            "something that it carries",
            _ALL,
            frozenset({"link", "media", "tag", "flag"}),
            ((Use.TOPIC, frozenset({"link", "media", "tag"})), (Use.RULE, frozenset({"link", "media", "tag"}))),
        ),
        FieldFact("tag", "a tag of the conversation", _SEARCH),
        FieldFact(
            "status", "where the conversation stands", _SEARCH, frozenset(state.value for state in State) | {"open"}
        ),
        FieldFact("priority", "how much it matters", _SEARCH, frozenset(one.name.lower() for one in Priority)),
        FieldFact("assignee", "a person's login; me; nobody", _SEARCH),
        FieldFact("team", "the team that it belongs to", _SEARCH),
        FieldFact("rule", "flagged by this rule", _SEARCH),
    )
}


def fields_for(use: Use) -> tuple[FieldFact, ...]:
    """The fields that a query for this use may ask for, by name."""
    return tuple(sorted((fact for fact in FIELDS.values() if use in fact.uses), key=lambda fact: fact.name))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or ""."""
    found = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for an unknown word: the nearest known one, or the whole list when it is short."""
    choices = sorted(known)
    if meant := nearest(word, choices):
        return f"did you mean {meant}?"
    return f"there are: {', '.join(choices)}" if 0 < len(choices) <= 20 else ""
