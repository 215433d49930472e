"""A query as SQL over stored mentions. Owns the translation; refuses to promise more than a superset: the matcher decides.

A condition reads `m` (mentions) and `v` (its version in force, whose `words` hold `words.index_words` of the text), and asks all else by
key. Values always travel as parameters. Each part is translated twice: as a condition that holds wherever the part does, and as one
that holds only where it does; so that NOT, which turns the one into the other, never loses a match.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from listener.query import stored
from listener.query.tree import (
    And,
    Exact,
    Field,
    Named,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Raw,
    Sign,
    Wild,
    Word,
)
from listener.query.words import MAX_FORM, forms_of, index_form, pair, unspaced


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL with numbered placeholders, and what stands in them. `sql` is 'true' where nothing can be said."""

    sql: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Seed:
    """A statement that an index serves: the ids (`id`) of mentions among which every match is."""

    name: str
    sql: str
    parameters: tuple[Any, ...]


def condition(
    tree: Node, now: datetime, *, brand_id: int, me: str = "", first: int = 1, given: bool = False
) -> Condition:
    """What every match fulfils, for a brand and a person (`me`, a login). Placeholders count from `first`.

    `given`: the conversation is in the statement as `c`; else it is the mention's own, the oldest one of the brand that is not merged away.
    """
    builder = _Builder(stored.Values(now, brand_id, me, first, given=given))
    return Condition(*builder.values.finished(builder.over(tree)))


def words_of(tree: Node) -> str | None:
    """The query in the words of a tsquery that every match fulfils; None: no word of it need stand in a text.

    It always asks for a word that is there, so an index on words serves it.
    """
    found = _tsquery(tree, over=True)
    return found.text if found is not None and found.positive else None


def seeds(tree: Node, now: datetime, *, brand_id: int, me: str = "") -> list[Seed]:
    """The ways by which an index can look up all that may match, words first; empty: none."""
    found = []
    if (words := words_of(tree)) is not None:
        found.append(
            Seed(
                "words",
                "SELECT v.mention_id AS id FROM mention_versions v WHERE v.words @@ $1::text::tsquery",
                (words,),
            )
        )
    for part in _required(tree):
        values = stored.Values(now, brand_id, me, 1)
        if isinstance(part, Field) and (statement := stored.seed(part, values)):
            found.append(Seed(part.name, *values.finished(statement)))
    return found


def _required(tree: Node) -> Iterable[Node]:
    """The parts of which every match fulfils each."""
    match tree:
        case And(parts=parts):
            return [one for part in parts for one in _required(part)]
        case Named(part=part):
            return _required(part)
        case _:
            return (tree,)


# Conditions ----------------------------------------------------------------------------------------------------------


class _Builder:
    """Conditions under way, and the values that they speak of."""

    def __init__(self, values: stored.Values) -> None:
        self.values = values

    def over(self, node: Node) -> str:
        """Holds wherever the part does."""
        return self._part(node, over=True)

    def _part(self, node: Node, *, over: bool) -> str:
        if (query := _tsquery(node, over=over)) is not None and query.whole:
            return self._asks(query.text)
        match node:
            case Named(part=part):
                return self._part(part, over=over)
            case Not(part=part):
                return stored.negated(self._part(part, over=not over))
            case And(parts=parts):
                return stored.joined(self._parts(parts, " & ", over=over), "AND")
            case Or(parts=parts):
                return stored.joined(self._parts(parts, " | ", over=over), "OR")
            case Field():
                return stored.field(node, self.values, over=over)
            case Raw(text=text) if over:
                return stored.holds_raw(text, self.values)
            case _:
                return stored.unknown(over=over)

    def _parts(self, parts: tuple[Node, ...], sign: str, *, over: bool) -> Iterable[str]:
        """All that asks for words as one question, the rest one by one."""
        texts = []
        for part in parts:
            query = _tsquery(part, over=over)
            if query is not None and query.whole:
                texts.append(query.text)
            else:
                yield self._part(part, over=over)
        if texts:
            yield self._asks(_joined(texts, sign))

    def _asks(self, tsquery: str) -> str:
        # A blanked text holds no word, and so everything that a query says must not be in it.
        return f"coalesce(v.words, '') @@ {self.values.put(tsquery, 'text')}::tsquery"


# Words ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Query:
    """A tsquery. `positive`: it asks for a word that is there. `whole`: nothing but words was asked, so nothing of the part is missing."""

    text: str
    positive: bool
    whole: bool = True


def _tsquery(node: Node, *, over: bool) -> _Query | None:
    """The part in the words of a tsquery: one that holds wherever the part does, or only where it does. None: there is none."""
    match node:
        case Word(key=key) | Sign(form=key):
            return _lexeme(key) if over or _telling(key) else None
        case Wild() if over and node.stem:
            return _Query(_quoted(index_form(node.stem)) + ":*", positive=True)
        case Exact(spelling=spelling) if over:
            known = forms_of(spelling)
            return _lexeme(known[0]) if known else None
        case Phrase() if over:
            return _phrase(node)
        case Near(left=left, right=right) if over:
            return _all_of((left, right), over=True)
        case Named(part=part):
            return _tsquery(part, over=over)
        case And(parts=parts):
            return _all_of(parts, over=over)
        case Or(parts=parts):
            return _any_of(parts, over=over)
        case Not(part=part):
            inner = _tsquery(part, over=not over)
            if inner is None or not inner.whole:
                return None
            return _Query(f"!{inner.text}", positive=False)
        case _:
            return None


def _all_of(parts: tuple[Node, ...], *, over: bool) -> _Query | None:
    known = [_tsquery(part, over=over) for part in parts]
    found = [one for one in known if one is not None]
    whole = len(found) == len(known) and all(one.whole for one in found)
    if not found or not (over or whole):
        return None
    return _Query(_joined([one.text for one in found], " & "), any(one.positive for one in found), whole)


def _any_of(parts: tuple[Node, ...], *, over: bool) -> _Query | None:
    known = [_tsquery(part, over=over) for part in parts]
    found = [one for one in known if one is not None]
    if not found or (over and len(found) < len(known)):
        return None
    whole = len(found) == len(known) and all(one.whole for one in found)
    if not (over or whole):
        return None
    return _Query(_joined([one.text for one in found], " | "), all(one.positive for one in found), whole)


def _phrase(node: Phrase) -> _Query | None:
    texts: dict[str, None] = {}
    for part in node.parts:
        if (one := _tsquery(part, over=True)) is not None:
            texts[one.text] = None
    if node.slop is None:
        for left, right in pairwise(node.parts):
            if isinstance(left, Word) and isinstance(right, Word) and unspaced(left.key) and unspaced(right.key):
                texts[_quoted(pair(left.key, right.key))] = None
    return _Query(_joined(list(texts), " & "), positive=True) if texts else None


def _lexeme(form: str) -> _Query:
    return _Query(_quoted(index_form(form)), positive=True)


def _telling(form: str) -> bool:
    """Whether the index tells this form from all others: it cuts long ones, and holds pairs of unspaced characters too."""
    return len(form) < MAX_FORM and not unspaced(form)


def _joined(parts: list[str], sign: str) -> str:
    return parts[0] if len(parts) == 1 else "(" + sign.join(parts) + ")"


def _quoted(lexeme: str) -> str:
    """A lexeme as tsquery's own grammar quotes it. What Postgres cannot hold becomes one that stands nowhere."""
    if not stored.storable(lexeme):
        lexeme = "\x01"
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
