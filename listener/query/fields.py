"""The published fields: which exist, what each holds, how its values are written, and which use may ask for which.

Owns this list; refuses to evaluate. `hubbub query fields`, the docs, completion, the row reader and the SQL all go by it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from listener.model.kinds import Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State


class Use(StrEnum):
    """What a query is written for.

    A topic hears, before anything is judged; a rule judges (its exceptions too); an alert counts what was judged; a view sees the
    conversation as well: the search box, saved views and report filters.
    """

    TOPIC = "topic"
    RULE = "rule"
    ALERT = "alert"
    VIEW = "view"


class Sort(StrEnum):
    """How a field's values are written and compared."""

    NAME = "name"
    """Text, folded; * and ? allowed."""
    ID = "id"
    """The network's own id: every character and its case count."""
    CHOICE = "choice"
    """One of a closed list; an ordered list also takes ranges (priority:>=high)."""
    NUMBER = "number"
    """5, >5, <=2k, [1 TO 5], [1000 TO *]."""
    AGE = "age"
    """A span of time before now: <2h, [1d TO 7d]."""
    TIME = "time"
    """A day or an instant: 2026-11-27, 2026-11-27T09:30Z, today, now-2h; ranges of those, with a zone: [2026-11-01 TO 2026-11-07 Europe/Berlin]."""
    HOUR = "hour"
    """Hours of the day in a zone: 9, [09:00 TO 17:30 Europe/Berlin], [22:00 TO 06:00]."""
    ADDRESS = "address"
    """A part of a web address, letter case ignored, https:// and www. left out."""
    DOMAIN = "domain"
    """A host, with all hosts below it."""


@dataclass(frozen=True, slots=True)
class FieldFact:
    """One field. `values` is its closed list, empty where anything may be written."""

    name: str
    sort: Sort
    about: str
    example: str
    """A value, as it is written behind the colon."""
    uses: frozenset[Use]
    values: frozenset[str] = frozenset()
    narrower: tuple[tuple[Use, frozenset[str]], ...] = ()
    """Uses that know only some of the values."""
    order: tuple[str, ...] = ()
    """An ordered choice, from the least: the first counts as 1."""
    numbers: bool = False
    """A choice that takes numbers too (tone)."""
    many: bool = False
    """A message can have several values of it."""

    def values_for(self, use: Use) -> frozenset[str]:
        """The closed list for one use."""
        return next((values for known, values in self.narrower if known is use), self.values)


_ALL = frozenset(Use)
_JUDGED = frozenset({Use.RULE, Use.ALERT, Use.VIEW})
_AFTER = frozenset({Use.ALERT, Use.VIEW})
_VIEW = frozenset({Use.VIEW})

_KINDS = frozenset(kind.value for kind in Kind)
_IS_MESSAGE = _KINDS | {"question", "only-emoji", "only-handles"}
_IS_JUDGED = _IS_MESSAGE | {"ours", "addressed", "verified"}
_IS_STATE = frozenset({"unread", "open", "new", "theirs", "snoozed", "done", "assigned"})
_HAS_MESSAGE = frozenset({"link", "media", "tag", "emoji", "email"})

FIELDS = {
    fact.name: fact
    for fact in (
        # What the message itself says.
        FieldFact("source", Sort.NAME, "the network: bluesky, mastodon, import, ...", "bluesky", _ALL),
        FieldFact(
            "author",
            Sort.NAME,
            "who wrote it: a handle, its first label, or the network's own id",
            "mira.example",
            _ALL,
            many=True,
        ),
        FieldFact("kind", Sort.CHOICE, "what sort of message", "reply", _ALL, _KINDS),
        FieldFact(
            "is",
            Sort.CHOICE,
            "a fact about the message or its conversation",
            "question",
            _ALL,
            _IS_JUDGED | _IS_STATE,
            ((Use.TOPIC, _IS_MESSAGE), (Use.RULE, _IS_JUDGED), (Use.ALERT, _IS_JUDGED)),
            many=True,
        ),
        FieldFact(
            "has",
            Sort.CHOICE,
            "something that it carries",
            "link",
            _ALL,
            _HAS_MESSAGE | {"flag"},
            ((Use.TOPIC, _HAS_MESSAGE), (Use.RULE, _HAS_MESSAGE)),
            many=True,
        ),
        FieldFact("words", Sort.NUMBER, "how many words it has", "<3", _ALL),
        FieldFact(
            "link", Sort.ADDRESS, "a link in it has this in its address", "shop.example/returns", _ALL, many=True
        ),
        FieldFact("domain", Sort.DOMAIN, "a link in it leads to this site", "shop.example", _ALL, many=True),
        FieldFact("url", Sort.ADDRESS, "its own address has this in it", "bsky.app/profile/mira", _ALL),
        FieldFact(
            "parent", Sort.ID, "it answers the message with this id", "at://did:plc:ab/app.bsky.feed.post/3k", _ALL
        ),
        FieldFact(
            "root",
            Sort.ID,
            "its thread begins with the message of this id",
            "at://did:plc:ab/app.bsky.feed.post/3k",
            _ALL,
        ),
        FieldFact("rating", Sort.NUMBER, "stars of a review", "<=2", _ALL),
        FieldFact("likes", Sort.NUMBER, "likes, as last told by the network", ">=100", _ALL),
        FieldFact("reposts", Sort.NUMBER, "reposts, as last told by the network", ">=10", _ALL),
        FieldFact("replies", Sort.NUMBER, "replies, as last told by the network", ">=10", _ALL),
        FieldFact("quotes", Sort.NUMBER, "quotes, as last told by the network", ">=10", _ALL),
        FieldFact("age", Sort.AGE, "how long ago it was said", "<2h", _ALL),
        FieldFact("time", Sort.TIME, "when it was said", "[2026-11-01 TO 2026-11-07]", _ALL),
        FieldFact("hour", Sort.HOUR, "the hour of the day when it was said", "[22:00 TO 06:00 Europe/Berlin]", _ALL),
        # What is known when it is judged.
        FieldFact(
            "account",
            Sort.NAME,
            "the account of ours that it addresses: its handle",
            "larkspur.example",
            _JUDGED,
            many=True,
        ),
        FieldFact("topic", Sort.NAME, "heard by this topic of the rulebook", "larkspur", _JUDGED, many=True),
        FieldFact("lang", Sort.NAME, "language as Hubbub found it: en, de, ... (unsure is no language)", "en", _JUDGED),
        FieldFact("followers", Sort.NUMBER, "how many follow the author", ">=10k", _JUDGED),
        FieldFact("reach", Sort.NUMBER, "how many people may have seen it, by a plain formula", ">=10k", _JUDGED),
        FieldFact(
            "verified",
            Sort.CHOICE,
            "whether the network vouches for the author",
            "yes",
            _JUDGED,
            frozenset({"yes", "no"}),
        ),
        FieldFact(
            "tone",
            Sort.CHOICE,
            "the verdict on tone; a number asks VADER's compound, -1 to 1",
            "negative",
            _JUDGED,
            frozenset(label.value for label in ToneLabel),
            numbers=True,
        ),
        FieldFact(
            "about",
            Sort.CHOICE,
            "the tone of the sentences that name us; of the whole where no part does",
            "negative",
            _JUDGED,
            frozenset(label.value for label in ToneLabel),
        ),
        # What was thought of it.
        FieldFact("need", Sort.NUMBER, "need for an answer, 0 to 1", ">=0.7", _AFTER),
        FieldFact("rule", Sort.NAME, "flagged by this rule", "outage", _AFTER, many=True),
        # The conversation it belongs to.
        FieldFact("tag", Sort.NAME, "a tag of the conversation", "billing", _VIEW, many=True),
        FieldFact("label", Sort.NAME, "a label of whoever asks, on the conversation", "callback", _VIEW, many=True),
        FieldFact(
            "status",
            Sort.CHOICE,
            "where the conversation stands; open is new or ours",
            "open",
            _VIEW,
            frozenset(state.value for state in State) | {"open"},
        ),
        FieldFact(
            "priority",
            Sort.CHOICE,
            "how much it matters",
            ">=high",
            _VIEW,
            frozenset(one.name.lower() for one in Priority),
            order=tuple(one.name.lower() for one in sorted(Priority)),
        ),
        FieldFact("assignee", Sort.NAME, "a person's login; me; nobody", "me", _VIEW),
        FieldFact("team", Sort.NAME, "the team that it belongs to", "care", _VIEW),
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
