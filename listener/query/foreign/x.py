"""From a query to rules for X's filtered stream. Owns X's operators and limits; refuses to speak to X.

By X's published pages: a space is AND and binds tighter than OR; brackets are never negated, so a negation is pushed down to single
operators; a negation never stands alone, neither as a rule nor as one side of an OR; every rule needs one operator that may stand alone.
A keyword is compared with the words of the post, accents included; operators also look into a post that is quoted.
"""

from __future__ import annotations

import re

import regex

from listener.query import words
from listener.query.foreign.network import Network, whole
from listener.query.foreign.relax import (
    EVERY,
    NONE,
    All,
    Any,
    Asked,
    Converted,
    Effect,
    Losses,
    Say,
    always,
    asks_alone,
    both,
    either,
)
from listener.query.tree import Field, Node, Range, Sign, Text, Value

MAX_RULE = 1024
"""Characters of a rule with pay-per-use access; other access has other limits."""

MAX_RULES = 1000
"""Rules of an app with pay-per-use access."""

MAX_NEAR = 6
"""The largest N of `"a b"~N`."""

MAX_PAIRS = 20
"""Pairs of words that one NEAR is written out into."""

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_HANDLE = re.compile(r"[a-z0-9_]{1,15}", re.IGNORECASE | re.ASCII)
_CASH = re.compile(r"\$[a-z]{1,6}(?:[._][a-z]{1,2})?", re.IGNORECASE | re.ASCII)
_TAG = regex.compile(r"#[\p{L}\p{M}\p{N}_]+")
_ADDRESS = re.compile(r"[a-z0-9._~/\-%+=&?,;@]+", re.IGNORECASE | re.ASCII)
_OPERATORS = frozenset({"and", "or", "not"})
_LANGUAGES = (
    " am ar hy eu bn bs bg my hr ca cs da nl en et fi fr ka de el gu ht hi hu is it ja kn km ko lo lv lt ml dv mr ne no or pa ps fa pl pt ro"
    " ru sr sd si sk sl ckb es sv tl ta te th bo tr uk ur ug vi cy iw in "
)
"""The codes that `lang:` takes, but Chinese, which it takes by script."""
_RENAMED = {"he": "iw", "id": "in"}
_KINDS = {"reply": "is:reply", "comment": "is:reply", "quote": "is:quote"}
_KIND = "X's idea of a reply or a quote is its own."
_NEGATED = "X also leaves out a post that quotes one with a negated word, or that has it in a link."


def to_x(tree: Node, *, limit: int = MAX_RULE, most: int = MAX_RULES, strict: bool = False) -> Converted:
    """Rules that together bring all that the query wants; our own matcher decides afterwards.

    `limit`: characters of a rule. `most`: rules. `strict`: what X answers by its own lights (language, negated words) is not asked.
    """
    network = _X(strict=strict)
    losses = network.losses
    asked = _lawful(network.asked(tree), tree, losses)
    if asked == NONE:
        return losses.nothing(tree, "never", "Nothing on X can match this.")
    if not all(map(asks_alone, asked.parts if isinstance(asked, Any) else (asked,))):
        why = "X takes no rule without a word, tag, name or link to look for, and here none is left to ask for."
        return losses.nothing(tree, "broad", why)
    pieces, shorter = _fitting(asked, limit, most)
    if len(pieces) > most or any(len(_written(piece)) > limit for piece in pieces):
        return losses.nothing(tree, "length", f"This does not fit into {most} rules of {limit} characters.")
    if shorter:
        losses.tell(
            tree, "length", f"This does not fit into {most} rules of {limit} characters: a part of it is not asked."
        )
    return losses.converted(map(_written, pieces))


class _X(Network):
    name = "X"
    sources = frozenset({"x", "twitter"})
    never = frozenset({"review", "dm"})
    spelling = (
        "X compares letters as they are: a post that writes such a word with accents, or in styled letters, is missed."
    )

    def in_a_row(self, node: Node, keys: tuple[str, ...], positive: bool) -> Asked:
        text, unspaced = _quoted(keys)
        if not positive:
            if unspaced:
                return self.drop(node, "unspaced", "X cuts writing without spaces in its own way")
            return self.own(node, "negated", _NEGATED, Say(f"-{text}", negative=True), once=True)
        if unspaced:
            message = "X cuts writing without spaces in its own way: a post can be missed."
            self.losses.tell_once(node, "unspaced", message, Effect.LESS)
        return Say(text)

    def sign(self, node: Sign, positive: bool) -> Asked:
        form = node.form
        body = form[1:]
        if form[0] == "#" and _TAG.fullmatch(form) and any(char.isalpha() for char in body):
            if positive:
                self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
            return self._operator(node, form, positive)
        if form[0] == "$" and _CASH.fullmatch(form):
            return self._operator(node, form, positive)
        label = re.split(r"[.@]", body, maxsplit=1)[0]
        if form[0] == "@" and _HANDLE.fullmatch(label) and (positive or label == body):
            if label != body:
                message = f"A name on X ends at the dot: it is asked for @{label}."
                return self.widen(node, "handle", message, Say(f"@{label}"))
            return self._operator(node, form, positive)
        return self.as_words(node, positive)

    def _operator(self, node: Node, text: str, positive: bool) -> Asked:
        return Say(text) if positive else self.own(node, "negated", _NEGATED, Say(f"-{text}", negative=True), once=True)

    def close(
        self, node: Node, left: tuple[str, ...], right: tuple[str, ...], distance: int, ordered: bool
    ) -> Asked | None:
        # "No more than N-2 apart" the other way round, and "apart" can be read as one more than the words between.
        reach = distance + (1 if ordered else 3)
        plain = all(_TOKEN.fullmatch(key) and not words.unspaced(key) for key in left + right)
        if self.strict or not plain or reach > MAX_NEAR or len(left) * len(right) > MAX_PAIRS or set(left) & set(right):
            return None
        message = f"X counts in its own way what stands between (an address counts too): it is asked for ~{reach}."
        self.losses.tell(node, "proximity", message, Effect.LESS)
        self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
        return either(Say(f'"{one} {other}"~{reach}') for one in left for other in right)

    def value(self, node: Field, value: Value, positive: bool) -> Asked | None:
        match node.name, value:
            case "author", Text():
                return self._author(value, positive)
            case "kind" | "is" | "verified", Text(key=key):
                return self._fact(
                    node, value, "verified" if node.name == "verified" and key == "yes" else key, positive
                )
            case "has", Text(key=key):
                return self._carried(value, key, positive)
            case "lang", Text(key=key) if not value.wild and f" {_RENAMED.get(key, key)} " in _LANGUAGES:
                message = "X is asked for the language that X found, not the one that Hubbub finds."
                return self.own(
                    value, "language", message, _say(f"lang:{_RENAMED.get(key, key)}", positive, alone=False)
                )
            case "link", Text(key=key) if positive and not value.wild and _ADDRESS.fullmatch(key):
                return Say(f'url_contains:"{key}"', alone=False)
            case "domain", Text(key=key) if positive and not value.wild and _ADDRESS.fullmatch(key):
                return Say(f'url:"{key}"')
            case "parent", Text(raw=raw) if raw.isascii() and raw.isdigit():
                return _say(f"in_reply_to_tweet_id:{raw}", positive)
            case "root", Text(raw=raw) if positive and raw.isascii() and raw.isdigit():
                return Say(f"conversation_id:{raw}")
            case "followers", Range() if positive:
                return _followers(value)
            case "time" | "age", _:
                return self.drop(value, "time", "X's stream brings what is said from now on")
            case _:
                return None

    def _author(self, value: Text, positive: bool) -> Asked | None:
        if value.wild:
            return self.drop(value, "wildcard", "X has no wildcards")
        name = value.key.removeprefix("@")
        if _HANDLE.fullmatch(name):
            return _say(f"from:{name}", positive)
        return always(False, positive)

    def _fact(self, node: Field, value: Text, key: str, positive: bool) -> Asked | None:
        match key:
            case "repost":
                return _say("is:retweet", positive, alone=False)
            case "verified":
                return _say("is:verified", positive, alone=False)
            case "no" if node.name == "verified":
                # What is not known to be unverified is wanted too; X knows it of everyone.
                return _say("is:verified", not positive, alone=False)
            case "post":
                texts = ("is:retweet", "is:reply", "is:quote")
                said = [_say(text, not positive, alone=False) for text in texts]
                return self.own(value, "kind", _KIND, both(said)) if positive else either(said)
            case "only-handles" if positive:
                return Say("has:mentions", alone=False)
            case _ if key in _KINDS and positive:
                return Say(_KINDS[key], alone=False)
            case _ if key in _KINDS:
                return self.drop(value, "kind", "X's idea of a reply or a quote is wider")
            case _:
                return None

    def _carried(self, value: Text, key: str, positive: bool) -> Asked | None:
        match key:
            case "media":
                return _say("has:media", positive, alone=False)
            case "tag":
                return _say("has:hashtags", positive, alone=False)
            case "link" if positive:
                return Say("has:links", alone=False)
            case "link":
                return self.drop(value, "link", "For X a picture is a link too")
            case _:
                return None


def _say(text: str, positive: bool, *, alone: bool = True) -> Say:
    return Say(text, alone=alone) if positive else Say(f"-{text}", negative=True, alone=alone)


def _followers(value: Range) -> Asked:
    low = 0 if value.low is None else max(0, whole(value.low, up=False))
    if value.high is None:
        return Say(f"followers_count:{low}", alone=False)
    return Say(f"followers_count:{low}..{max(low, whole(value.high, up=True))}", alone=False)


def _quoted(keys: tuple[str, ...]) -> tuple[str, bool]:
    """Words in a row as X writes them, and whether there is writing without spaces in them."""
    tokens: list[str] = []
    before = unspaced = False
    for key in keys:
        for token in _TOKEN.findall(key) or [key]:
            here = words.unspaced(token)
            if here and before:
                tokens[-1] += token
            else:
                tokens.append(token)
            before = here
            unspaced = unspaced or here
    bare = len(tokens) == 1 and _TOKEN.fullmatch(tokens[0]) and tokens[0] not in _OPERATORS
    return (tokens[0] if bare else f'"{" ".join(tokens)}"'), unspaced


# A rule's law and its length -----------------------------------------------------------------------------------------


def _lawful(asked: Asked, tree: Node, losses: Losses) -> Asked:
    """Without choices of which one side only takes away: X does not take them."""
    match asked:
        case Say():
            return asked
        case All(parts=parts):
            return both([_lawful(part, tree, losses) for part in parts])
        case Any(parts=parts):
            lawful = [_lawful(part, tree, losses) for part in parts]
            if all(map(_brings, lawful)):
                return either(lawful)
            losses.tell(
                tree, "negation", "X takes no choice with a side that only takes away: such a choice is not asked."
            )
            return EVERY


def _brings(asked: Asked) -> bool:
    """Whether something is asked for, and not only taken away."""
    match asked:
        case Say(negative=negative):
            return not negative
        case All(parts=parts):
            return any(map(_brings, parts))
        case Any(parts=parts):
            return all(map(_brings, parts))


def _fitting(asked: Asked, limit: int, most: int) -> tuple[list[Asked], bool]:
    """Rules that fit, as many as may be where that is possible; and whether a part was left out for it."""
    pieces, shorter = _pieces(asked, limit, most)
    while len(pieces) > most and isinstance(asked, All):
        choices = [part for part in asked.parts if isinstance(part, Any)]
        rests = [
            both(part for part in asked.parts if part is not choice)
            for choice in sorted(choices, key=lambda choice: -len(_written(choice)))
        ]
        rest = next(filter(asks_alone, rests), None)
        if rest is None:
            break
        asked = rest
        pieces, shorter = _pieces(asked, limit, most)[0], True
    return pieces, shorter


def _pieces(asked: Asked, limit: int, most: int) -> tuple[list[Asked], bool]:
    """Rules that together ask for it, and whether a part was left out to make them fit; what cannot be cut comes back too long."""
    if len(_written(asked)) <= limit:
        return [asked], False
    match asked:
        case Say():
            return [asked], False
        case Any(parts=parts):
            share = max(1, most // len(parts))
            found = [_pieces(part, limit, share) for part in parts]
            return _packed([piece for pieces, _ in found for piece in pieces], limit), any(cut for _, cut in found)
        case All(parts=parts):
            place = max(
                (place for place, part in enumerate(parts) if isinstance(part, Any)),
                key=lambda place: len(_written(parts[place])),
                default=None,
            )
            if place is not None and most > 1:
                choice = parts[place].parts  # type: ignore[union-attr]  # a place of an Any
                middle = len(choice) // 2
                halves = [
                    both([*parts[:place], either(half), *parts[place + 1 :]])
                    for half in (choice[:middle], choice[middle:])
                ]
                found = [_pieces(half, limit, most // 2) for half in halves]
                return [piece for pieces, _ in found for piece in pieces], any(cut for _, cut in found)
            shorter = _shorter(parts)
            return ([asked], False) if shorter is None else (_pieces(shorter, limit, most)[0], True)


def _shorter(parts: tuple[Asked, ...]) -> Asked | None:
    """Without one part: what takes away goes first, then the longest that leaves something to look for."""
    order = sorted(range(len(parts)), key=lambda place: (_brings(parts[place]), -len(_written(parts[place]))))
    for place in order:
        rest = both([*parts[:place], *parts[place + 1 :]])
        if asks_alone(rest):
            return rest
    return None


def _packed(pieces: list[Asked], limit: int) -> list[Asked]:
    """As few rules as fit, in order."""
    packed: list[Asked] = []
    for piece in pieces:
        joined = either([packed[-1], piece]) if packed else piece
        if packed and len(_written(joined)) <= limit:
            packed[-1] = joined
        else:
            packed.append(piece)
    return packed


def _written(asked: Asked) -> str:
    match asked:
        case Say(text=text):
            return text
        case All(parts=parts):
            return " ".join(f"({_written(part)})" if isinstance(part, Any) else _written(part) for part in parts)
        case Any(parts=parts):
            return " OR ".join(f"({_written(part)})" if isinstance(part, All) else _written(part) for part in parts)
