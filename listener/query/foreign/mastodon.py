"""From a query to Mastodon: hashtag timelines where a hashtag is wanted, else full-text searches. Owns both ways of asking; asks nobody.

A text that begins with `timelines/tag/` is a path below /api/v1/; any other is the `q` of /api/v2/search?type=statuses. A hashtag's
timeline holds every public post that the server knows of; a search only those whose authors allow it, on servers that run one. So a
timeline is asked wherever one will do, and what it cannot be asked is left to our own matcher.
"""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote

import regex

from listener.query import words
from listener.query.foreign.network import Network, shifted
from listener.query.foreign.relax import NONE, Asked, Converted, Effect, Say, both, searches
from listener.query.tree import Field, Node, Sign, Text, Value

MOST = 100
"""Searches for one query: there is no OR, so each side of a choice is a search of its own."""

BESIDE = 4
"""How many further hashtags a timeline takes in each of any, all and none."""

HOUR = 3600.0

TIMELINE = "timelines/tag/"

_TAG = regex.compile(r"#[\p{L}\p{M}\p{N}_]+")
_ACCOUNT = re.compile(r"[a-z0-9_]+(?:[a-z0-9_.\-]*[a-z0-9_])?@[a-z0-9.\-]+", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[a-z0-9]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def to_mastodon(tree: Node, *, most: int = MOST, now: datetime | None = None, strict: bool = False) -> Converted:
    """Timelines and searches that together bring all that the query wants; our own matcher decides afterwards.

    `most`: how many. `now`: what times like `now-2h` count from; without it they are not asked. `strict`: what Mastodon answers by its
    own lights (language, negated words) is not asked.
    """
    network = _Mastodon(strict=strict, now=now)
    losses = network.losses
    asked = network.asked(tree)
    if asked == NONE:
        return losses.nothing(tree, "never", "Nothing on Mastodon can match this.")
    found, less = searches(asked, most)
    if not all(any(say.alone and not say.negative for say in one) for one in found):
        why = "Without a word, a hashtag or a name to look for this would ask Mastodon for every post there is."
        return losses.nothing(tree, "broad", why)
    tagged = [one for one in found if any(_is_tag(say) for say in one)]
    wordy = [one for one in found if one not in tagged]
    texts = [*_timelines([one for one in tagged if len(one) == 1]), *(_timeline(one) for one in tagged if len(one) > 1)]
    texts += [" ".join(say.text for say in sorted(one, key=lambda say: say.negative)) for one in wordy]
    if len(texts) > most:
        return losses.nothing(tree, "choices", f"There is no OR on Mastodon, and this needs more than {most} searches.")
    if less:
        losses.tell(
            tree, "choices", f"There is no OR on Mastodon: to stay within {most} searches a choice is not asked."
        )
    if any(_left_out(one) for one in tagged):
        losses.tell(
            tree,
            "timeline",
            "A hashtag's timeline is asked for few other hashtags and nothing else: the rest is not asked.",
        )
    if wordy:
        why = "Full-text search finds posts only of people who allow it, and only on servers that run it."
        losses.tell(tree, "search", why, Effect.LESS)
    return losses.converted(dict.fromkeys(texts))


def _is_tag(say: Say) -> bool:
    return say.text.startswith("#")


def _left_out(one: tuple[Say, ...]) -> bool:
    wanted = sum(_is_tag(say) for say in one)
    barred = sum(say.text.startswith("-#") for say in one)
    return wanted + barred < len(one) or wanted > BESIDE + 1 or barred > BESIDE


def _timeline(one: tuple[Say, ...]) -> str:
    first, *more = (say.text[1:] for say in one if _is_tag(say))
    barred = [say.text[2:] for say in one if say.text.startswith("-#")]
    return _path(first, all=more[:BESIDE], none=barred[:BESIDE])


def _timelines(single: list[tuple[Say, ...]]) -> list[str]:
    """A choice of hashtags, several in one timeline."""
    tags = [say.text[1:] for one in single for say in one]
    step = BESIDE + 1
    return [_path(tags[at], any=tags[at + 1 : at + step]) for at in range(0, len(tags), step)]


def _path(first: str, **more: list[str]) -> str:
    beside = "&".join(f"{name}[]={quote(tag)}" for name, tags in more.items() for tag in tags)
    return f"{TIMELINE}{quote(first)}" + (f"?{beside}" if beside else "")


class _Mastodon(Network):
    name = "Mastodon"
    sources = frozenset({"mastodon"})
    never = frozenset({"repost", "review"})
    spelling = "For Mastodon a word goes on after a dot, an underscore or an apostrophe: a post that says acme.example is missed for acme."

    def in_a_row(self, node: Node, keys: tuple[str, ...], positive: bool) -> Asked:
        text = _run_together(keys)
        if not positive:
            if not all(map(_PLAIN.fullmatch, keys)):
                return self.drop(node, "accents", "Mastodon takes more words for the same than Hubbub does")
            message = "Mastodon also leaves out a post that has a negated word in its content warning, picture descriptions or poll."
            # Quoted even where it is one word: only so is it not taken for all words with its stem.
            return self.own(node, "negated", message, Say(f'-"{text}"', negative=True), once=True)
        if any(words.unspaced(key) for key in keys):
            message = "Mastodon cuts writing without spaces in its own way: a post can be missed."
            self.losses.tell_once(node, "unspaced", message, Effect.LESS)
        if not any(char.isalnum() for char in text):
            return self.own(node, "emoji", "Whether emoji are found is up to the server's search.", Say(text))
        return Say(f'"{text}"' if len(keys) > 1 else text)

    def sign(self, node: Sign, positive: bool) -> Asked:
        form = node.form
        if form[0] == "#" and _TAG.fullmatch(form) and any(char.isalpha() for char in form):
            if positive:
                return Say(form)
            if form.isascii():
                return Say(f"-{form}", negative=True)
            return self.drop(node, "accents", "Mastodon takes more hashtags for the same than Hubbub does")
        if form[0] == "@":
            if not positive:
                return self.drop(node, "handle", "Mastodon looks for handles as words")
            self.losses.tell_once(node, "spelling", self.spelling, Effect.LESS)
            return Say(form[1:])
        return self.as_words(node, positive)

    def value(self, node: Field, value: Value, positive: bool) -> Asked | None:
        match node.name, value:
            case "author", Text(key=key):
                name = key.removeprefix("@")
                if not value.wild and _ACCOUNT.fullmatch(name):
                    return _say(f"from:@{name}", positive)
                return self.drop(value, "author", "Mastodon knows people as name@server only")
            case "kind" | "is", Text(key="reply"):
                return _say("is:reply", positive, alone=False)
            case "kind" | "is", Text(key="post") if positive:
                return _say("is:reply", False, alone=False)
            case "has", Text(key="media"):
                return _say("has:media", positive, alone=False)
            case "lang", Text(key=key) if not value.wild and _LANGUAGE.fullmatch(key):
                message = "Mastodon is asked for the language that the author gave, not the one that Hubbub finds."
                return self.own(value, "language", message, _say(f"language:{key}", positive, alone=False))
            case "time" | "age", _:
                return self._time(value, positive)
            case _:
                return None

    def _time(self, value: Value, positive: bool) -> Asked:
        span = self.span(value) if positive else self.opposite(value)
        if span is None:
            return self.drop(value, "time", "Mastodon can be asked for fixed days only")
        low, high = span
        said: list[Asked] = []
        # Whole days, in the zone of whoever asks: from 12 hours behind to 14 hours ahead of UTC. `after:` begins a day later.
        if low is not None:
            said.append(Say(f"after:{shifted(low, -36 * HOUR).date()}", alone=False))
        if high is not None:
            said.append(Say(f"before:{shifted(high, 38 * HOUR).date()}", alone=False))
        self.losses.tell(self._at(value), "time", "Mastodon is asked for whole days, with a day to spare.")
        return both(said)


def _say(text: str, positive: bool, *, alone: bool = True) -> Say:
    return Say(text, alone=alone) if positive else Say(f"-{text}", negative=True, alone=alone)


def _run_together(keys: tuple[str, ...]) -> str:
    """Words in a row; writing without spaces without spaces."""
    text = ""
    before = False
    for key in keys:
        here = words.unspaced(key)
        text += key if not text or (here and before) else f" {key}"
        before = here
    return text
