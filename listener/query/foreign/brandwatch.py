"""From a Brandwatch query to one of ours. Owns Brandwatch's spelling; refuses to guess: what it cannot say here is left out and told.

What is left out never makes the query find less, under NOT too. Comments stay, before the part that they stood before. AND binds tighter
than OR here; Brandwatch asks for brackets where both meet, so a query without them is converted with a loss that says how it was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from listener.query import words
from listener.query.fields import Use, fields_for
from listener.query.foreign.relax import (
    EVERY,
    All,
    Any,
    Asked,
    Converted,
    Effect,
    Losses,
    Say,
    always,
    both,
    either,
    relax,
)
from listener.query.tree import And, Near, Node, Not, Or, Word

MAX_DEPTH = 60
"""Brackets within brackets."""

_COMMENT = re.compile(r"<<<(.*?)>>>", re.DOTALL)
_TILDE = re.compile(r"~(\d{1,4})")
_QUOTED = re.compile(r'["“”„‟]([^"“”„‟]*)["“”„‟]')
_BRACES = re.compile(r'\{([^{}"“”„‟]*)\}')
_RANGE = re.compile(r'\[\s*([^\s"“”„‟]+?)\s+TO\s+([^\s"“”„‟]+?)\s*\]')
_FIELD = re.compile(r"([A-Za-z_]+):(?!//)\s*")
_OPERATOR = re.compile(r"(AND|OR|NOT|NEAR/(\d{1,4})(f?))(?=[\s()\"“{]|<<<|\Z)")
_BARE = re.compile(r'(?:(?!<<<)[^\s()"“”„‟])+')

_PIECE = re.compile(r"(?:[^\W_]|[*?'’])+")
_LOOSE = re.compile(r"['’](?![^\W_])")
"""An apostrophe that ends a word."""
_SIGN = re.compile(r"#\w+|@\w[\w.\-]*\w|@\w|\$[A-Za-z]{1,10}(?:[._][A-Za-z]{1,2})?")
_SIGN_INSIDE = re.compile(r"(?<!\w)[#@$]\w")
_NAME = re.compile(r"[\w.@:/\-]+")
_HOST = re.compile(r"[a-z0-9\-]+(?:\.[a-z0-9\-]+)+", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_OPERATORS = frozenset({"and", "or", "not", "near"})
_KINDS = {"COMMENT": "comment", "REPLY": "reply", "RETWEET": "repost", "QUOTE": "quote"}
_SITES = {"twitter.com": ("twitter.com", "x.com"), "x.com": ("twitter.com", "x.com")}
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class _Unread(Exception):
    """The query cannot be read, at this place."""

    start: int
    end: int
    message: str


class _Sort(Enum):
    TERM = 1
    QUOTED = 2
    EXACT = 3
    RANGE = 4


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One part as Brandwatch writes it."""

    sort: _Sort
    text: str
    name: str = ""
    """The field in front of it."""
    high: str = ""
    """The upper end of a range."""
    slop: int | None = None
    comments: tuple[str, ...] = ()


def from_brandwatch(text: str, *, use: Use = Use.VIEW, strict: bool = False) -> Converted:
    """The query in our language, one text, for one use: a field that the use does not publish is left out and told.

    `strict`: what Hubbub answers by its own lights (language, a site's name) is left out too.
    """
    losses = Losses()
    reader = _Reader(text, losses)
    try:
        tree = reader.whole()
    except _Unread as problem:
        losses.tell_at(problem.start, problem.end, "not-read", problem.message, Effect.NOTHING)
        return losses.converted(())
    writer = _Writer(reader.leaves, losses, use, strict)
    asked = relax(tree, writer.ask, losses)
    if asked == EVERY:
        return losses.nothing(
            tree, "broad", "Nothing of this query can be said here; without it every message would match."
        )
    written = _written(asked)
    lost = [comment for comment in reader.comments if comment not in written]
    return losses.converted([" ".join([written, *lost])])


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """Brandwatch's grammar. A leaf of the tree is a word whose key is the leaf's number in `leaves`."""

    text: str
    losses: Losses
    at: int = 0
    depth: int = 0
    name: str = ""
    """The field whose bracket is being read: author:(a OR b)."""
    leaves: list[_Leaf] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def whole(self) -> Node:
        """The whole query."""
        self._skip()
        if self.at == len(self.text):
            raise _Unread(0, len(self.text), "There is no query here.")
        tree = self._either()
        if self.at < len(self.text):
            raise _Unread(
                self.at, self.at + 1, f"{self.text[self.at]!r} is not expected here: is a bracket or a quote missing?"
            )
        return tree

    def _skip(self) -> None:
        """Spaces and comments."""
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self.at += 1
            elif self.text.startswith("<<<", self.at):
                found = _COMMENT.match(self.text, self.at)
                if found is None:
                    raise _Unread(self.at, self.at + 3, "This comment is not closed: >>> is missing.")
                comment = f"<<< {' '.join(found[1].split())} >>>"
                self.comments.append(comment)
                self.waiting.append(comment)
                self.at = found.end()
            else:
                return

    def _operator(self, *names: str) -> re.Match[str] | None:
        """One of these operators, read; NEAR/ stands for each NEAR."""
        found = _OPERATOR.match(self.text, self.at)
        if found is None or not any(
            found[1] == name or (found[1].startswith("NEAR/") and name == "NEAR/") for name in names
        ):
            return None
        self.at = found.end()
        self._skip()
        return found

    def _ended(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] == ")"

    def _either(self) -> Node:
        start = self.at
        parts = [self._all()]
        while self._operator("OR"):
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0][0]
        for node, bare in parts:
            if bare:
                message = "AND and OR meet here without brackets: AND was taken to bind tighter. Check that it is what was meant."
                self.losses.tell(node, "mixed", message, Effect.LESS)
        return Or(tuple(node for node, _ in parts), start, self.at)

    def _all(self) -> tuple[Node, bool]:
        """Parts with AND between them; whether there is more than one."""
        start = self.at
        parts = [self._near()]
        while not self._ended():
            mark = self.at
            if self._operator("OR"):
                self.at = mark
                break
            self._operator("AND")
            parts.append(self._near())
        return (parts[0], False) if len(parts) == 1 else (And(tuple(parts), start, self.at), True)

    def _near(self) -> Node:
        start = self.at
        node = self._one()
        while found := self._operator("NEAR/"):
            node = Near(node, self._one(), int(found[2]), found[3] == "f", start, self.at)
        return node

    def _one(self) -> Node:
        start = self.at
        if self._operator("NOT") or (self._opens("-") and self._skip_sign()):
            self._deeper()
            node = Not(self._near(), start, self.at)
            self.depth -= 1
            return node
        if self._ended() or self._operator("AND", "OR", "NEAR/"):
            raise _Unread(start, max(start + 1, self.at), "A word is missing here.")
        return self._group(start) if self.text[self.at] == "(" else self._leaf(start)

    def _opens(self, sign: str) -> bool:
        return (
            self.text.startswith(sign, self.at)
            and self.at + 1 < len(self.text)
            and not self.text[self.at + 1].isspace()
        )

    def _skip_sign(self) -> bool:
        self.at += 1
        return True

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Unread(self.at, self.at + 1, "There are too many brackets within brackets.")

    def _group(self, start: int) -> Node:
        self._deeper()
        self.at += 1
        self._skip()
        node = self._either()
        if self.at == len(self.text):
            raise _Unread(start, start + 1, "This bracket is not closed.")
        self.at += 1
        self.depth -= 1
        tilde = _TILDE.match(self.text, self.at)
        if tilde:
            self.at = tilde.end()
            node = self._close(node, int(tilde[1]), start)
        self._skip()
        return node

    def _close(self, node: Node, distance: int, start: int) -> Node:
        """`((a OR b) AND (c OR d))~5`: its sides close together."""
        if not isinstance(node, And):
            self.losses.tell_at(
                start, self.at, "proximity", "Only parts with AND between them can be close: the ~ is not said."
            )
            return node
        if len(node.parts) == 2:
            return Near(node.parts[0], node.parts[1], distance, False, start, self.at)
        self.losses.tell_at(
            start, self.at, "proximity", "More than two parts close together: each is asked to be close to the next."
        )
        reach = distance + len(node.parts) - 2
        pairs = zip(node.parts, node.parts[1:], strict=False)
        return And(tuple(Near(one, other, reach, False, start, self.at) for one, other in pairs), start, self.at)

    def _leaf(self, start: int) -> Node:
        name = self.name
        if not name and (found := _FIELD.match(self.text, self.at)):
            name = found[1]
            self.at = found.end()
            if self.text.startswith("(", self.at):
                self.name = name
                node = self._group(start)
                self.name = ""
                return node
        self.leaves.append(self._piece(name))
        node = Word(str(len(self.leaves) - 1), start, self.at)
        self._skip()
        return node

    def _piece(self, name: str) -> _Leaf:
        """One term or value."""
        comments, self.waiting = tuple(self.waiting), []
        for sort, pattern in ((_Sort.QUOTED, _QUOTED), (_Sort.EXACT, _BRACES), (_Sort.RANGE, _RANGE)):
            found = pattern.match(self.text, self.at)
            if found is None:
                continue
            self.at = found.end()
            if sort is _Sort.RANGE:
                return _Leaf(sort, found[1], name, high=found[2], comments=comments)
            tilde = _TILDE.match(self.text, self.at) if sort is _Sort.QUOTED else None
            if tilde:
                self.at = tilde.end()
            return _Leaf(sort, found[1], name, slop=int(tilde[1]) if tilde else None, comments=comments)
        found = _BARE.match(self.text, self.at)
        if found is None:
            what = "This quote is not closed." if self.at < len(self.text) else "A value is missing here."
            raise _Unread(self.at, self.at + 1, what)
        self.at = found.end()
        return _Leaf(_Sort.TERM, found[0], name, comments=comments)


# Writing -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Writer:
    """What each part is in our language, or in its opposite, never finding less."""

    leaves: list[_Leaf]
    losses: Losses
    use: Use
    strict: bool
    widened: bool = False
    """Something was let in without a word, because theirs does not say whether it belongs there."""

    def ask(self, node: Node, positive: bool) -> Asked | None:
        """For `relax`."""
        match node:
            case Word(key=number):
                leaf = self.leaves[int(number)]
                return _commented(leaf, self._leaf(node, leaf, positive))
            case Near():
                return self._near(node, positive)
            case Not(part=part) if positive:
                return self._not(part)
            case _:
                return None

    def _not(self, part: Node) -> Asked | None:
        """NOT before a whole part, where all of it can be said: so it looks as it did."""
        trial = _Writer(self.leaves, Losses(), self.use, self.strict)
        asked = relax(part, trial.ask, trial.losses)
        relax(part, trial.ask, trial.losses, positive=False)
        if trial.losses.told or trial.widened or isinstance(asked, Say):
            return None
        return Say(f"NOT ({_written(asked)})", negative=True)

    def _near(self, node: Near, positive: bool) -> Asked:
        left, right = self._positional(node.left), self._positional(node.right)
        if left is not None and right is not None:
            text = f"{left} NEAR/{node.distance}{'f' if node.ordered else ''} {right}"
            return Say(text) if positive else Say(f"NOT ({text})", negative=True)
        if not positive:
            return self._drop(node, "proximity", "NEAR takes words, phrases and choices of those")
        self.losses.tell(
            node,
            "proximity",
            "NEAR takes words, phrases and choices of those: both sides are asked, wherever they stand.",
        )
        return relax(And((node.left, node.right)), self.ask, self.losses)

    def _positional(self, node: Node) -> str | None:
        """A side of NEAR, or None where it is nothing that has a place in the text."""
        match node:
            case Word(key=number):
                leaf = self.leaves[int(number)]
                text = _sign_of(leaf) if leaf.name else (_term(leaf) or None if leaf.text.strip() else None)
                if text is None or text.startswith("raw:") or self._loses_sign(leaf):
                    return None
                return " ".join([*leaf.comments, text])
            case Or(parts=parts):
                texts = [self._positional(part) for part in parts]
                return None if None in texts else f"({' OR '.join(text for text in texts if text is not None)})"
            case Near(left=left, right=right, distance=distance, ordered=ordered):
                sides = self._positional(left), self._positional(right)
                return None if None in sides else f"({sides[0]} NEAR/{distance}{'f' if ordered else ''} {sides[1]})"
            case _:
                return None

    def _drop(self, node: Node, code: str, why: str) -> Asked:
        self.losses.tell(node, code, f"{why}: this part is not said.")
        return EVERY

    def _own(self, node: Node, code: str, message: str, asked: Asked) -> Asked:
        if self.strict:
            return self._drop(node, code, message.rstrip("."))
        self.losses.tell(node, code, message, Effect.LESS)
        return asked

    def _leaf(self, node: Node, leaf: _Leaf, positive: bool) -> Asked:
        if leaf.name:
            return self._field(node, leaf, positive)
        if not leaf.text.strip():
            return self._drop(node, "empty", "There is nothing between these quotes")
        text = _term(leaf)
        if not text:
            return self._drop(node, "wildcard", "A wildcard needs three letters, two of them before a star")
        if self._loses_sign(leaf):
            if not positive:
                return self._drop(node, "sign", "A # or @ within a phrase cannot be said")
            self.losses.tell(node, "sign", "A # or @ within a phrase cannot be said: its word is.")
        return _say(text, positive)

    @staticmethod
    def _loses_sign(leaf: _Leaf) -> bool:
        return leaf.sort is _Sort.QUOTED and bool(_SIGN_INSIDE.search(leaf.text)) and not _SIGN.fullmatch(leaf.text)

    def _field(self, node: Node, leaf: _Leaf, positive: bool) -> Asked:
        write = _FIELDS.get(leaf.name)
        said = None if write is None else write(self, node, leaf, positive)
        if said is None:
            return self._drop(node, "no-field", f"{leaf.name}: has no counterpart here")
        return said

    def _publishes(self, name: str, value: str = "") -> bool:
        fact = next((fact for fact in fields_for(self.use) if fact.name == name), None)
        return fact is not None and (not value or not fact.values or value in fact.values_for(self.use))

    def _say(self, name: str, value: str, positive: bool) -> Asked | None:
        """One field of ours, where this use has it."""
        return _say(f"{name}:{value}", positive) if self._publishes(name, value) else None

    # Brandwatch's fields.

    def _raw(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return _say(f"raw:{_in_quotes(leaf.text)}", positive) if leaf.text.strip() else None

    def _signs(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        text = _sign_of(leaf)
        return None if text is None else _say(text, positive)

    def _author(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        name = leaf.text.strip().removeprefix("@").replace(" ", ".")
        said = self._say("author", _value(name), positive)
        if said is None or leaf.sort is _Sort.RANGE:
            return None
        return self._own(
            node, "author", "Hubbub knows authors by their handles, not by the names that they show.", said
        )

    def _followers(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._numbers("followers", leaf, positive)

    def _rating(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._numbers("rating", leaf, positive)

    def _numbers(self, name: str, leaf: _Leaf, positive: bool) -> Asked | None:
        ends = (leaf.text, leaf.high) if leaf.sort is _Sort.RANGE else (leaf.text,)
        if not all((end == "*" and len(ends) > 1) or _NUMBER.fullmatch(end) for end in ends):
            return None
        if ends == ("*", "*"):
            return None
        return self._say(name, f"[{ends[0]} TO {ends[1]}]" if len(ends) > 1 else ends[0], positive)

    def _verified(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        known = {"true": "yes", "false": "no"}.get(leaf.text.lower())
        return None if known is None else self._say("verified", known, positive)

    def _verified_type(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        if not positive or not self._publishes("verified"):
            return None
        self.losses.tell(node, "verified", "Which sort of verification it is cannot be asked: any is.")
        return self._say("verified", "yes", positive)

    def _language(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        if (
            not re.fullmatch(r"[a-z]{2,3}", leaf.text.lower())
            or (said := self._say("lang", leaf.text.lower(), positive)) is None
        ):
            return None
        return self._own(
            node, "language", "Hubbub finds the language by itself, and says nothing where it is unsure.", said
        )

    def _kind(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        kind = _KINDS.get(leaf.text)
        return None if kind is None else self._say("kind", kind, positive)

    def _site(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        host = leaf.text.lower().removeprefix("www.")
        if not _HOST.fullmatch(host):
            return None
        said = [_say(f'url:"{one}/"', positive) for one in _SITES.get(host, (host,))]
        message = (
            "A message's site is known by its own address only; one without an address is taken for another site's."
        )
        return self._own(node, "site", message, either(said) if positive else both(said))

    def _url(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._address(node, "url", leaf, positive)

    def _links(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        host = leaf.text.lower().removeprefix("www.")
        if _HOST.fullmatch(host):
            return self._say("domain", host, positive)
        return self._address(node, "link", leaf, positive)

    def _address(self, node: Node, name: str, leaf: _Leaf, positive: bool) -> Asked | None:
        address = re.sub(r"^(?:https?://)?(?:www\.)?", "", leaf.text.strip(), flags=re.IGNORECASE)
        if not address or any(sign in address for sign in '*?[]{}\\"') or any(map(str.isspace, address)):
            return None
        message = f"{name}: looks for these characters anywhere in the address, not for its words."
        return self._own(node, "address", message, _say(f'{name}:"{address}"', positive))

    def _subreddit(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        if not re.fullmatch(r"\w+", leaf.text, re.ASCII):
            return None
        message = "A subreddit is known by the message's own address only."
        return self._own(node, "site", message, _say(f'url:"reddit.com/r/{leaf.text.lower()}/"', positive))

    def _parent(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._id("parent", leaf, positive)

    def _root(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._id("root", leaf, positive)

    def _id(self, name: str, leaf: _Leaf, positive: bool) -> Asked | None:
        return self._say(name, leaf.text, positive) if re.fullmatch(r"\w+", leaf.text, re.ASCII) else None

    def _media(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        if not positive:
            return None
        self.losses.tell(node, "media", "Which sort of media it is cannot be asked: any is.")
        return self._say("has", "media", positive)

    def _minutes(self, node: Node, leaf: _Leaf, positive: bool) -> Asked | None:
        if leaf.sort is not _Sort.RANGE or not (leaf.text.isdecimal() and leaf.high.isdecimal()):
            return None
        low, high = int(leaf.text), int(leaf.high)
        if not low <= high < _DAY:
            return None
        # Whether Brandwatch means the last minute as well is not written down: it is let in, and not held against anything.
        high = high + 1 if positive else high
        self.widened |= positive
        if low == 0 and high == _DAY:
            return always(True, positive)
        if high == low:
            return EVERY
        return self._say("hour", f"[{_clock(low)} TO {_clock(high % _DAY)}]", positive)


_Write = Callable[[_Writer, Node, _Leaf, bool], Asked | None]
_FIELDS: dict[str, _Write] = {
    "raw": _Writer._raw,
    "hashtags": _Writer._signs,
    "at_mentions": _Writer._signs,
    "author": _Writer._author,
    "weblogTitle": _Writer._author,
    "authorFollowers": _Writer._followers,
    "authorVerified": _Writer._verified,
    "authorVerifiedType": _Writer._verified_type,
    "language": _Writer._language,
    "engagementType": _Writer._kind,
    "engagingWithGuid": _Writer._parent,
    "parentPostId": _Writer._parent,
    "rootPostId": _Writer._root,
    "site": _Writer._site,
    "url": _Writer._url,
    "links": _Writer._links,
    "subreddit": _Writer._subreddit,
    "rating": _Writer._rating,
    "imageType": _Writer._media,
    "publisherSubType": _Writer._media,
    "minuteOfDay": _Writer._minutes,
}


def _say(text: str, positive: bool) -> Say:
    return Say(text) if positive else Say(f"NOT {text}", negative=True)


def _commented(leaf: _Leaf, asked: Asked) -> Asked:
    if not leaf.comments or not isinstance(asked, Say):
        return asked
    return Say(" ".join([*leaf.comments, asked.text]), asked.negative)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _in_quotes(text: str) -> str:
    """In quotes, of which there are none inside: no part of a Brandwatch query has one."""
    return f'"{text}"'


def _value(text: str) -> str:
    return text if _NAME.fullmatch(text) else _in_quotes(text)


def _sign_of(leaf: _Leaf) -> str | None:
    """hashtags:x and at_mentions:x as terms."""
    mark = {"hashtags": "#", "at_mentions": "@"}.get(leaf.name)
    text = f"{mark}{leaf.text.strip().lstrip('#@')}"
    return text if mark is not None and leaf.sort is not _Sort.RANGE and _SIGN.fullmatch(text) else None


def _term(leaf: _Leaf) -> str:
    """A word, phrase, sign or exact word of ours, or "" where a wildcard is too short to be one."""
    cut = [leaf.text[start:end] for start, end in words.segment(leaf.text).spans]
    if leaf.sort is _Sort.EXACT and cut:
        return "" if "*" in leaf.text or "?" in leaf.text else "{" + " ".join(cut) + "}"
    if leaf.sort is _Sort.RANGE:
        return f'"{leaf.text} to {leaf.high}"'
    if _SIGN.fullmatch(leaf.text):
        return leaf.text
    wild = "*" in leaf.text or "?" in leaf.text
    pieces = _PIECE.findall(leaf.text) if wild else cut
    if any(("*" in piece or "?" in piece) and not _wild(piece) for piece in pieces):
        return ""
    if not pieces:
        return f"raw:{_in_quotes(leaf.text)}"
    if len(pieces) == 1:
        bare = pieces[0].lower() not in _OPERATORS
        return pieces[0] if bare else f'"{pieces[0]}"'
    return f'"{" ".join(pieces)}"' + ("" if leaf.slop is None else f"~{leaf.slop}")


def _wild(piece: str) -> bool:
    """Whether a wildcard is one of ours: three letters, two of them before a star, none at the beginning, three stars at most."""
    before_star = sum(map(str.isalnum, piece.split("*", 1)[0])) if "*" in piece else 2
    letters = sum(map(str.isalnum, piece))
    loose = _LOOSE.search(piece) is not None
    return piece[0] not in "*?'’" and not loose and letters >= 3 and before_star >= 2 and piece.count("*") <= 3


def _written(asked: Asked) -> str:
    match asked:
        case Say(text=text):
            return text
        case All(parts=parts):
            return " AND ".join(f"({_written(part)})" if isinstance(part, Any) else _written(part) for part in parts)
        case Any(parts=parts):
            return " OR ".join(f"({_written(part)})" if isinstance(part, All) else _written(part) for part in parts)
