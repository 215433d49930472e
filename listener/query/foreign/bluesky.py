"""From a query to searches on Bluesky: the `q` of app.bsky.feed.searchPosts. Owns what may stand in it; asks nobody.

The lexicon leaves the syntax open; what is used here is what the open source of the search server reads: words, all of them; "phrases";
#tag, from:, mentions:, domain:, lang:, since:, until:, each but the hashtag once. There is no OR that could be relied on, so a choice
becomes several searches; and no negation: where a server did not know it, the minus would be passed over and the word be required.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import regex

from listener.query import words
from listener.query.foreign.network import Network
from listener.query.foreign.relax import NONE, Asked, Converted, Effect, Say, both, searches
from listener.query.tree import Field, Node, Sign, Text, Value

MOST = 100
"""Searches for one query: each side of a choice is a search of its own."""

_TAG = regex.compile(r"#[\p{L}\p{M}\p{N}_]+")
_HANDLE = re.compile(
    r"[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)+", re.IGNORECASE | re.ASCII
)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ONCE = re.compile(r"(from|mentions|domain|lang|since|until):")


def to_bluesky(tree: Node, *, most: int = MOST, now: datetime | None = None, strict: bool = False) -> Converted:
    """Searches that together bring all that the query wants; our own matcher decides afterwards.

    `most`: how many. `now`: what times like `now-2h` count from; without it they are not asked. `strict`: what Bluesky answers by its own
    lights (language, mentions, links) is not asked, or is looked for as words.
    """
    network = _Bluesky(strict=strict, now=now)
    losses = network.losses
    asked = network.asked(tree)
    if asked == NONE:
        return losses.nothing(tree, "never", "Nothing that a search on Bluesky brings can match this.")
    found, less = searches(asked, most)
    if not all(any(say.alone for say in one) for one in found):
        why = "Without a word, a hashtag or a name to look for this would ask Bluesky for every post there is."
        return losses.nothing(tree, "broad", why)
    if len(found) > most:
        return losses.nothing(tree, "choices", f"There is no OR on Bluesky, and this needs more than {most} searches.")
    if less:
        losses.tell(
            tree, "choices", f"There is no OR on Bluesky: to stay within {most} searches a choice is not asked."
        )
    singles = [_single(one) for one in found]
    if singles != found:
        losses.tell(
            tree,
            "once",
            "A search on Bluesky takes one name, link, language or time of a sort: the further ones are not asked.",
        )
    return losses.converted(dict.fromkeys(" ".join(say.text for say in one) for one in singles))


def _single(one: tuple[Say, ...]) -> tuple[Say, ...]:
    """With the first of each sort that may stand there once."""
    seen: set[str] = set()
    kept: list[Say] = []
    for say in one:
        found = _ONCE.match(say.text)
        if found is None or found[1] not in seen:
            kept.append(say)
        if found is not None:
            seen.add(found[1])
    return tuple(kept)


class _Bluesky(Network):
    name = "Bluesky"
    sources = frozenset({"bluesky"})
    never = frozenset({"repost", "review", "dm"})
    spelling = "For Bluesky a word goes on after a dot, an underscore or an apostrophe: a post that says acme.example is missed for acme."

    def in_a_row(self, node: Node, keys: tuple[str, ...], positive: bool) -> Asked:
        if not positive:
            return self._no(node)
        if any(words.unspaced(key) for key in keys):
            message = "Bluesky cuts writing without spaces in its own way: a post can be missed."
            self.losses.tell_once(node, "unspaced", message, Effect.LESS)
        text = "".join(
            key if not place or (words.unspaced(key) and words.unspaced(keys[place - 1])) else f" {key}"
            for place, key in enumerate(keys)
        )
        if not any(char.isalnum() for char in text):
            return self.own(node, "emoji", "Whether Bluesky finds emoji is not written down anywhere.", Say(text))
        return Say(f'"{text}"' if len(keys) > 1 else text)

    def _no(self, node: Node | Value) -> Asked:
        return self.drop(node, "negation", "Bluesky is asked for nothing negated")

    def sign(self, node: Sign, positive: bool) -> Asked:
        if not positive:
            return self._no(node)
        form = node.form
        if form[0] == "#" and _TAG.fullmatch(form) and any(char.isalpha() for char in form):
            if not form.isascii() or self.strict:
                return self.as_words(node, positive)
            message = "Bluesky finds a hashtag only as it is spelled here: one with accents is missed."
            self.losses.tell_once(node, "hashtag", message, Effect.LESS)
            return Say(form)
        if form[0] != "@":
            return self.as_words(node, positive)
        self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
        handle = form[1:]
        if _HANDLE.fullmatch(handle) and not self.strict:
            message = "Bluesky finds only handles that were recognised as a mention."
            return self.own(node, "handle", message, Say(f"mentions:{handle}"))
        return Say(handle if handle.isalnum() else f'"{handle}"')

    def value(self, node: Field, value: Value, positive: bool) -> Asked | None:
        if node.name in {"time", "age"}:
            return self._time(value, positive)
        if not positive:
            return self._no(value)
        match node.name, value:
            case "author", Text(key=key):
                handle = key.removeprefix("@")
                if not value.wild and _HANDLE.fullmatch(handle):
                    return Say(f"from:{handle}")
                return self.drop(value, "author", "Bluesky's search knows people by their whole handle only")
            case "domain", Text(key=key) if not value.wild and _HANDLE.fullmatch(key):
                message = "Bluesky may take a site without those below it."
                return self.own(value, "domain", message, Say(f"domain:{key}"))
            case "lang", Text(key=key) if not value.wild and _LANGUAGE.fullmatch(key):
                message = "Bluesky is asked for the language that the author gave, not the one that Hubbub finds."
                return self.own(value, "language", message, Say(f"lang:{key}", alone=False))
            case _:
                return None

    def _time(self, value: Value, positive: bool) -> Asked:
        span = self.span(value) if positive else self.opposite(value)
        if span is None:
            return self.drop(value, "time", "Bluesky can be asked for fixed times only")
        low, high = span
        said: list[Asked] = []
        if low is not None:
            said.append(Say(f"since:{_stamp(low)}", alone=False))
        if high is not None:
            said.append(Say(f"until:{_stamp(high)}", alone=False))
        return both(said)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
