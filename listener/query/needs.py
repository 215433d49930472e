"""What a text must hold for a query to match it. Owns the choice of these literals; refuses to judge, and when in doubt requires nothing.

A literal is a whole word, a sign (#tag, @handle, $cash), a part of a word as it was folded, or a part of the text as it was given. One of
them must be there; of several clauses that would each do, the one that the fewest texts hold is chosen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from listener.query import words
from listener.query.frequency import Share, usual
from listener.query.tree import And, Exact, Field, Named, Near, Node, Not, Or, Phrase, Raw, Regex, Sign, Wild, Word

SHORTEST = 3
"""Characters of a part that is worth looking for."""


@dataclass(frozen=True, slots=True)
class Needs:
    """One of these must be there."""

    words: frozenset[str] = frozenset()
    """Forms of whole words."""
    signs: frozenset[str] = frozenset()
    """'#tag', '@handle', '$cash', folded."""
    pieces: frozenset[str] = frozenset()
    """Parts of a form of a word; a space stands for its beginning or its end."""
    inside: frozenset[str] = frozenset()
    """Parts of the text itself, casefolded: plain ASCII, because case is the only thing that is ignored there."""
    sure: frozenset[str] = frozenset()
    """Those of the words and signs that decide alone: where one is, the query matches."""
    rest: Node | None = None
    """What is left to judge where one that is not sure was found: the query, or less."""

    @property
    def decides(self) -> bool:
        """Whether each of them is sure."""
        return not self.pieces and not self.inside and self.sure >= self.words and self.sure >= self.signs

    def cost(self, share: Share) -> float:
        """About how many texts hold one of them, of 1; a part is found in more texts than a word of its length."""
        return (
            sum(map(share, self.words))
            + sum(share(sign[1:]) / 2 for sign in self.signs)
            + sum(2 * share(piece.strip()) for piece in self.pieces)
            + sum(3 * usual(part) for part in self.inside)
        )


def needs(tree: Node, share: Share = usual) -> Needs | None:
    """What a text must hold. None: nothing that could be looked for, so that the query must always be judged."""
    match tree:
        case Word(key=key):
            return Needs(words=frozenset({key}), sure=frozenset({key}))
        case Sign(form=form):
            return Needs(signs=frozenset({form}), sure=frozenset({form}))
        case Exact(spelling=spelling):
            forms = words.forms_of(spelling)
            return Needs(words=frozenset(forms[:1]), rest=tree) if forms else None
        case Wild(pattern=pattern):
            return _of_wild(tree, pattern)
        case Phrase(parts=parts):
            return _whole(tree, _cheapest(parts, share))
        case Near(left=left, right=right):
            return _whole(tree, _cheapest((left, right), share))
        case Raw(text=text):
            # Composed, because it is found composed or not: what is plain so is plain in either.
            return _of_text(tree, _longest(_PLAIN.findall(unicodedata.normalize("NFC", text).casefold())))
        case Regex(pattern=pattern):
            return _of_regex(tree, pattern)
        case Named(part=part):
            return needs(part, share)
        case And(parts=parts):
            return _of_all(tree, parts, share)
        case Or(parts=parts):
            return _of_any(tree, parts, share)
        case Not() | Field():
            return None


def _whole(tree: Node, found: Needs | None) -> Needs | None:
    """The same literals, for a part that they do not decide."""
    if found is None:
        return None
    return Needs(found.words, found.signs, found.pieces, found.inside, rest=tree)


def _cheapest(parts: Iterable[Node], share: Share) -> Needs | None:
    known = [one for part in parts if (one := needs(part, share)) is not None]
    return min(known, key=lambda one: one.cost(share)) if known else None


def _of_all(tree: And, parts: Sequence[Node], share: Share) -> Needs | None:
    known = [(place, one) for place, part in enumerate(parts) if (one := needs(part, share)) is not None]
    if not known:
        return None
    place, chosen = known[0] if len(known) == 1 else min(known, key=lambda one: one[1].cost(share))
    if len(parts) == 1:
        return chosen
    others = (*parts[:place], *parts[place + 1 :])
    rest: Node = tree if not chosen.decides else others[0] if len(others) == 1 else And(others, tree.start, tree.end)
    return _whole(rest, chosen)


def _of_any(tree: Or, parts: Sequence[Node], share: Share) -> Needs | None:
    plain = frozenset(part.key for part in parts if isinstance(part, Word))
    others = [needs(part, share) for part in parts if not isinstance(part, Word)]
    if not others:
        return Needs(words=plain, sure=plain)
    known = [one for one in others if one is not None]
    if len(known) < len(others):
        return None
    return Needs(
        plain.union(*(one.words for one in known)),
        frozenset().union(*(one.signs for one in known)),
        frozenset().union(*(one.pieces for one in known)),
        frozenset().union(*(one.inside for one in known)),
        plain.union(*(one.sure for one in known)),
        None if all(one.decides for one in known) else tree,
    )


def _of_wild(tree: Wild, pattern: str) -> Needs | None:
    runs = re.split(r"[*?]+", f" {pattern} ")
    if len(runs) == 1:
        return None
    best = _longest(run for run in runs if run.strip())
    return Needs(pieces=frozenset({best}), rest=tree) if best else None


def _of_text(tree: Node, part: str) -> Needs | None:
    return Needs(inside=frozenset({part}), rest=tree) if len(part) >= SHORTEST else None


def _longest(runs: Iterable[str]) -> str:
    return max(runs, key=len, default="")


# What is written in the text itself ----------------------------------------------------------------------------------

# ASCII that nothing but its own upper and lower case turns into when a text is casefolded or brought into a normal form: the Kelvin
# sign and the long s become k and s there, as they do in a pattern that ignores case. (Normal forms make ; and ` of other characters.)
_PLAIN = re.compile(r"[\x20-\x3a\x3c-\x5f\x61-\x7e]+")


class _Doubt(Exception):
    """The pattern holds something that this reader does not know."""


def _of_regex(tree: Regex, pattern: str) -> Needs | None:
    try:
        found = _Pattern(pattern).whole()
    except _Doubt:
        return None
    return Needs(inside=frozenset(found), rest=tree) if found else None


class _Pattern:
    """Reads a pattern of Rust's regex crate for the texts that it cannot do without. A set of them: one must be there; None: nothing known."""

    _QUANTIFIER = re.compile(r"[*+?]|\{\s*(\d+)?\s*(,\s*\d*\s*)?\}")
    _GROUP = re.compile(r"\?(?:P?<[A-Za-z_][\w.\[\]]*>|([A-Za-z]*(?:-[A-Za-z]+)?)([:)]))")
    _ESCAPE = re.compile(
        r"x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[xuU]\{[^}]*\}"  # a character by its number
        r"|[pP](?:\{[^}]*\}|[A-Za-z])"  # a class by its name
        r"|[bB]\{[^}]*\}|[dDwWsSbBAznrtafv<>]"
    )
    DEPTH = 50

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def whole(self) -> set[str] | None:
        """What the pattern requires."""
        found = self._either()
        if self._at < len(self._pattern):
            raise _Doubt
        return found

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _either(self) -> set[str] | None:
        """Alternatives, up to the end or a closing bracket."""
        self._depth += 1
        if self._depth > self.DEPTH:
            raise _Doubt
        branches = [self._row()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._row())
        self._depth -= 1
        known = [one for one in branches if one is not None]
        return set().union(*known) if len(known) == len(branches) else None

    def _row(self) -> set[str] | None:
        """Things one after the other: the best set among the runs of plain characters and the groups."""
        found: list[set[str]] = []
        run = ""

        def close() -> None:
            nonlocal run
            if len(run) >= SHORTEST:
                found.append({run})
            run = ""

        while (sign := self._peek()) and sign not in "|)":
            self._at += 1
            letter, group = self._thing(sign)
            least, once = self._times()
            if letter is not None and least:
                run += letter
            if letter is None or not once:
                close()
            if group and least:
                found.append(group)
        close()
        return max(found, key=lambda some: (min(map(len, some)), -len(some)), default=None)

    def _thing(self, sign: str) -> tuple[str | None, set[str] | None]:
        """(the plain character that stands here, or None; what a group requires, or None)."""
        if sign == "(":
            return None, self._group()
        if sign == "[":
            self._skip_class()
            return None, None
        if sign == "\\":
            return self._escaped(), None
        if sign in "*+?{":
            raise _Doubt
        if sign in ".^$":
            return None, None
        return self._plain(sign), None

    def _plain(self, sign: str) -> str | None:
        return sign.lower() if _PLAIN.fullmatch(sign.lower()) else None

    def _escaped(self) -> str | None:
        sign = self._peek()
        if found := self._ESCAPE.match(self._pattern, self._at):
            self._at = found.end()
            return None
        if not sign or sign.isalnum() or not sign.isascii():
            raise _Doubt
        self._at += 1
        return self._plain(sign)

    def _group(self) -> set[str] | None:
        if self._peek() == "?":
            found = self._GROUP.match(self._pattern, self._at)
            if not found or "x" in (found[1] or ""):  # white space and comments would have to be left out
                raise _Doubt
            self._at = found.end()
            if found[2] == ")":
                return None
        inner = self._either()
        if self._peek() != ")":
            raise _Doubt
        self._at += 1
        return inner

    def _skip_class(self) -> None:
        """Everything up to the bracket that closes a class. Classes nest; a closing bracket at the very beginning is a character."""
        depth = 1
        self._begin_class()
        while depth:
            sign = self._peek()
            if not sign:
                raise _Doubt
            self._at += 2 if sign == "\\" else 1
            if sign == "[":
                depth += 1
                self._begin_class()
            elif sign == "]":
                depth -= 1

    def _begin_class(self) -> None:
        if self._peek() == "^":
            self._at += 1
        if self._peek() == "]":
            self._at += 1

    def _times(self) -> tuple[bool, bool]:
        """(it must be there, exactly once)."""
        least = once = True
        while found := self._QUANTIFIER.match(self._pattern, self._at):
            self._at = found.end()
            sign = found.group()
            once = False
            # `+?` and `{2}?` are lazy: read as "perhaps not", which requires less.
            least = least and (sign == "+" or (sign[0] == "{" and int(found[1] or "0") > 0))
        if self._peek() == "{":
            raise _Doubt
        return least, once
