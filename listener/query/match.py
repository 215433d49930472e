"""One query on one mention: yes or no, where in the original text, and why. Owns what a query means; the index and SQL must agree with it.

A field whose value is not known does not match, and its negation does. Nothing here raises or looks anything up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from listener.model import Kind, Mention, Priority, State, ToneLabel
from listener.query import words
from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Value, Word
from listener.query.words import Words

NO_WORDS = words.segment("")


@dataclass(frozen=True)
class Subject:
    """What a query is judged on: a message, what was thought of it, and its conversation. None: not known here."""

    text: str = ""
    source: str = ""
    kind: Kind = Kind.POST
    author_handle: str = ""
    author_id: str = ""
    hashtags: tuple[str, ...] = ()
    links: int = 0
    media: int = 0
    ours: bool = False
    addressed: bool | None = None
    """It addresses an account of ours."""
    lang: str | None = None
    tone: ToneLabel | None = None
    topics: frozenset[str] | None = None
    rules: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    state: State | None = None
    priority: Priority | None = None
    assignee: str | None = None
    """A login; "" for nobody."""
    team: str | None = None
    unread: bool | None = None
    me: str = ""
    """Who asks, for assignee:me."""

    @classmethod
    def of(
        cls,
        mention: Mention,
        *,
        ours: bool = False,
        addressed: bool | None = None,
        lang: str | None = None,
        tone: ToneLabel | None = None,
        topics: frozenset[str] | None = None,
        rules: frozenset[str] | None = None,
    ) -> Subject:
        """A mention, before or after something was thought of it."""
        return cls(
            text=mention.text,
            source=mention.source,
            kind=mention.kind,
            author_handle=mention.author.handle,
            author_id=mention.author.external_id,
            hashtags=mention.tags,
            links=len(mention.links),
            media=mention.media,
            ours=ours,
            addressed=addressed,
            lang=lang,
            tone=tone,
            topics=topics,
            rules=rules,
        )

    @cached_property
    def words(self) -> Words:
        """The text cut into words, once."""
        return words.segment(self.text) if self.text else NO_WORDS

    @cached_property
    def ordered(self) -> list[str]:
        """Every form of every word, sorted: what a prefix is looked up in."""
        return sorted(self.words.places)

    def begins(self, stem: str) -> bool:
        """Whether a word begins so."""
        place = bisect_left(self.ordered, stem)
        return place < len(self.ordered) and self.ordered[place].startswith(stem)

    @cached_property
    def carried_tags(self) -> frozenset[str]:
        """Hashtags outside the text."""
        return frozenset(words.tag_form(tag) for tag in self.hashtags)


Test = Callable[[Subject], bool]


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a query matches, and the spans (start, end in turn, code points) of the parts of the text that made it so."""

    hit: bool
    spans: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One part of a query and what became of it. `start` and `end` point into the query, `spans` into the text."""

    node: Node
    true: bool
    spans: tuple[int, ...]
    parts: tuple[Explained, ...]


def match(tree: Node, subject: Subject) -> Match:
    """Judge a query on a subject."""
    if not test_of(tree)(subject):
        return Match(False)
    return Match(True, spans_of(tree, subject))


def test_of(tree: Node) -> Test:
    """A query as a function, for those that are asked often."""
    match tree:
        case Word(key=key):
            return lambda subject: key in subject.words.places
        case Or(parts=parts):
            return _any_of(parts)
        case And(parts=parts):
            tests = tuple(test_of(part) for part in parts)
            return lambda subject: all(test(subject) for test in tests)
        case Not(part=part):
            test = test_of(part)
            return lambda subject: not test(subject)
        case Field() as field:
            return _field_test(field)
        case Tag(form=form):
            return lambda subject: form in subject.words.signs or form in subject.carried_tags
        case Handle(form=form):
            return lambda subject: form in subject.words.signs
        case Phrase(keys=keys):
            return lambda subject: next(_phrase_places(keys, subject.words), None) is not None
        case Prefix(stem=stem):
            return lambda subject: subject.begins(stem)


def _any_of(parts: tuple[Node, ...]) -> Test:
    """An OR: its single words all at once, its phrases only where their longest word stands."""
    keys = frozenset(part.key for part in parts if isinstance(part, Word))
    anchored: dict[str, list[tuple[str, ...]]] = {}
    for part in parts:
        if isinstance(part, Phrase):
            anchored.setdefault(max(part.keys, key=len), []).append(part.keys)
    anchors = anchored.keys()
    tests = tuple(test_of(part) for part in parts if not isinstance(part, Word | Phrase))

    def test(subject: Subject) -> bool:
        known = subject.words
        places = known.places
        if not keys.isdisjoint(places):
            return True
        if not places.keys().isdisjoint(anchors):
            for anchor in anchors & places.keys():
                if any(next(_phrase_places(phrase, known), None) is not None for phrase in anchored[anchor]):
                    return True
        return any(one(subject) for one in tests)

    return test


def spans_of(tree: Node, subject: Subject) -> tuple[int, ...]:
    """Where the true parts of a query that matched stand in the text; merged, in order."""
    return _flat(_spans(tree, subject))


def explain(tree: Node, subject: Subject) -> Explained:
    """Every part of the query, true or false, with its spans."""
    parts: tuple[Node, ...] = ()
    if isinstance(tree, And | Or):
        parts = tree.parts
    elif isinstance(tree, Not):
        parts = (tree.part,)
    true = test_of(tree)(subject)
    spans = spans_of(tree, subject) if true else ()
    return Explained(tree, true, spans, tuple(explain(part, subject) for part in parts))


def _spans(tree: Node, subject: Subject) -> Iterable[tuple[int, int]]:
    known = subject.words
    match tree:
        case Word(key=key):
            return [known.spans[place] for place in known.places.get(key, ())]
        case Prefix(stem=stem):
            return [
                known.spans[place] for form, places in known.places.items() if form.startswith(stem) for place in places
            ]
        case Phrase(keys=keys):
            size = len(keys) - 1
            return [(known.spans[place][0], known.spans[place + size][1]) for place in _phrase_places(keys, known)]
        case Tag(form=form) | Handle(form=form):
            return known.signs.get(form, ())
        case And(parts=parts) | Or(parts=parts):
            # Only an AND can be false and still hold words that stand in the text.
            true = [
                part for part in parts if not isinstance(part, And) or isinstance(tree, And) or test_of(part)(subject)
            ]
            return [span for part in true for span in _spans(part, subject)]
        case Not() | Field():
            return ()


def _phrase_places(keys: tuple[str, ...], known: Words) -> Iterator[int]:
    """The positions at which a phrase begins, in order."""
    last = len(known.forms) - len(keys)
    return (
        place
        for place in known.places.get(keys[0], ())
        if place <= last and all(key in known.forms[place + step] for step, key in enumerate(keys[1:], 1))
    )


def _flat(spans: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    merged: list[int] = []
    for start, end in sorted(set(spans)):
        if merged and start <= merged[-1]:
            merged[-1] = max(merged[-1], end)
        else:
            merged.extend((start, end))
    return tuple(merged)


# Fields --------------------------------------------------------------------------------------------------------------


def _field_test(field: Field) -> Test:
    if field.name == "is":
        return _any_test([_IS[value.text] for value in field.values])
    if field.name == "has":
        return _any_test([_HAS[value.text] for value in field.values])
    if field.name == "assignee":
        return _any_test([_assignee_test(value) for value in field.values])
    if field.name == "status":
        return _any_test([_status_test(value) for value in field.values])
    read = _READ[field.name]
    exact = frozenset(value.text for value in field.values if not value.prefix)
    stems = tuple(value.text for value in field.values if value.prefix)

    def test(subject: Subject) -> bool:
        held = read(subject)
        return any(one in exact or (bool(stems) and one.startswith(stems)) for one in held)

    return test


def _any_test(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda subject: any(test(subject) for test in tests)


def _assignee_test(value: Value) -> Test:
    if value.text == "nobody":
        return lambda subject: subject.assignee == ""
    if value.text == "me":
        return lambda subject: bool(subject.me) and subject.assignee == subject.me
    if value.prefix:
        return lambda subject: subject.assignee is not None and words.fold(subject.assignee).startswith(value.text)
    return lambda subject: bool(subject.assignee) and words.fold(subject.assignee or "") == value.text


def _status_test(value: Value) -> Test:
    if value.text == "open":
        return lambda subject: subject.state in {State.NEW, State.OURS}
    return lambda subject: subject.state is not None and subject.state.value == value.text


def _authors(subject: Subject) -> tuple[str, ...]:
    handle = words.fold(subject.author_handle)
    return (
        (handle, f"@{handle}", handle.split(".", 1)[0].split("@", 1)[0], words.fold(subject.author_id))
        if handle
        else (words.fold(subject.author_id),)
    )


def _known(value: str | None) -> tuple[str, ...]:
    return (words.fold(value),) if value else ()


def _known_set(values: frozenset[str] | None) -> Iterable[str]:
    return [words.fold(value) for value in values] if values else ()


_READ: dict[str, Callable[[Subject], Iterable[str]]] = {
    "source": lambda subject: _known(subject.source),
    "author": _authors,
    "kind": lambda subject: (subject.kind.value,),
    "lang": lambda subject: _known(subject.lang),
    "topic": lambda subject: _known_set(subject.topics),
    "tone": lambda subject: (subject.tone.value,) if subject.tone is not None else (),
    "tag": lambda subject: _known_set(subject.tags),
    "priority": lambda subject: (subject.priority.name.lower(),) if subject.priority is not None else (),
    "team": lambda subject: _known(subject.team),
    "rule": lambda subject: _known_set(subject.rules),
}


def _is_kind(kind: Kind) -> Test:
    return lambda subject: subject.kind is kind


_IS: dict[str, Test] = {
    **{kind.value: _is_kind(kind) for kind in Kind},
    "ours": lambda subject: subject.ours,
    "addressed": lambda subject: subject.addressed is True,
    "question": lambda subject: asks(subject.text),
    "unread": lambda subject: subject.unread is True,
    "open": lambda subject: subject.state in {State.NEW, State.OURS},
    "new": lambda subject: subject.state is State.NEW,
    "theirs": lambda subject: subject.state is State.THEIRS,
    "snoozed": lambda subject: subject.state is State.SNOOZED,
    "done": lambda subject: subject.state is State.DONE,
    "assigned": lambda subject: bool(subject.assignee),
}
_HAS: dict[str, Test] = {
    "link": lambda subject: subject.links > 0,
    "media": lambda subject: subject.media > 0,
    "tag": lambda subject: bool(subject.hashtags) or any(form.startswith("#") for form in subject.words.signs),
    "flag": lambda subject: bool(subject.rules),
}

_QUESTION_MARKS = ("?", "？", "؟", "⁇", "⁉", "❓", "❔", "\u037e")


def asks(text: str) -> bool:
    """Whether a text holds a question mark that is not part of an address."""
    if not any(mark in text for mark in _QUESTION_MARKS):
        return False
    return any(any(mark in part for mark in _QUESTION_MARKS) for part in text.split() if "://" not in part)
