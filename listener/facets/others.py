"""What Mastodon, Facebook, Instagram and Telegram find in a text that they get without any marks.

Sources: Mastodon, its server's account.rb, tag.rb and text_formatter.rb; Telegram, what its core finds in a text that is sent without
entities; Facebook and Instagram, what their apps make of comments: Meta documents none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex

from listener.facets.shapes import Mark, Plain
from listener.facets.words import AROUND, WORD, looks_like_address

_URL = r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]}…]"
_LINK = regex.compile(rf"(?<![\w/@])(?P<link>{_URL})", regex.IGNORECASE)
_BARE = regex.compile(
    r"(?<![\w/@.-])(?P<link>(?:https?://)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,20}[a-z]{2,24}(?::\d+)?(?:/[^\s<>\"]*[^\s<>\".,;:!?')\]}…]|/)?)(?![\w@])",
    regex.IGNORECASE,
)

_SHOWN = 30
"""Characters of an address that Mastodon shows."""
_BEFORE = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a network finds. None: nothing of that sort."""

    link: regex.Pattern[str] | None = None
    bare: bool = False
    """An address without https:// before it is one too."""
    name: regex.Pattern[str] | None = None
    tag: regex.Pattern[str] | None = None
    no_link: str = ""
    """Why a link is none,"""
    no_bare: str = "write https:// before it"
    no_name: str = "no whole handle"
    """and a name that is not found."""


_TAG = regex.compile(r"(?<![\w/&])[#＃](?P<tag>\w*[^\W\d_]\w*)")

_MASTODON = Rules(
    link=_LINK,
    name=regex.compile(r"(?<![=/\w])@(?P<name>[a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?(?:@[\w.-]+\w)?)", regex.IGNORECASE),
    tag=regex.compile(r"(?<![=/)\p{Alnum}])[#＃](?P<tag>[\w·・]*[\p{Alphabetic}_·・][\w·・]*)"),
)
_FACEBOOK = Rules(
    link=_LINK,
    bare=True,
    tag=_TAG,
    no_name="a program cannot name anybody in a comment on Facebook",
)
_INSTAGRAM = Rules(
    name=regex.compile(r"(?<![\w/@.])@(?P<name>[a-z0-9_](?:[a-z0-9_.]{0,28}[a-z0-9_])?)", regex.IGNORECASE),
    tag=_TAG,
    no_link="nothing in a comment on Instagram can be clicked that leads elsewhere",
    no_bare="nothing in a comment on Instagram can be clicked that leads elsewhere",
)
_TELEGRAM = Rules(
    link=_LINK,
    bare=True,
    name=regex.compile(r"(?<![\w/@])@(?P<name>[a-z][a-z0-9_]{3,31})(?!\w)", regex.IGNORECASE),
    tag=_TAG,
    no_name="a name on Telegram has 4 characters or more: letters, digits and _",
)
_MESSAGE = Rules(link=_LINK, bare=True, no_name="nobody is named in a private message")

_PUBLIC = {"mastodon": _MASTODON, "facebook": _FACEBOOK, "instagram": _INSTAGRAM, "telegram": _TELEGRAM}
_ASIDE = {"mastodon": _MASTODON, "facebook": _MESSAGE, "instagram": _MESSAGE, "telegram": _TELEGRAM}


def marks(source: str, text: str, *, aside: bool) -> tuple[Mark, ...]:
    """As `listener.facets.marks`."""
    if (rules := _rules(source, aside)) is None:
        return ()
    local = source == "mastodon"
    return tuple(
        Mark("local" if local and kind == "mention" and "@" not in value else kind, value)
        for _, _, kind, value in _found(rules, text)
    )


def stays_plain(source: str, text: str, *, aside: bool) -> tuple[Plain, ...]:
    """As `listener.facets.stays_plain`."""
    if (rules := _rules(source, aside)) is None:
        return ()
    taken = [(start, end) for start, end, _, _ in _found(rules, text)]
    found: dict[str, str] = {}
    at = 0
    for match in WORD.finditer(text):
        while at < len(taken) and taken[at][1] <= match.start():
            at += 1
        if at < len(taken) and taken[at][0] < match.end():
            continue
        if why := _why(rules, bare := match.group().strip(AROUND)):
            found.setdefault(bare, why)
    return tuple(Plain(word, why) for word, why in found.items())


def shown_link(source: str, url: str) -> str:
    """As `listener.facets.shown_link`: Mastodon cuts it, the others show it as it is written."""
    if source != "mastodon":
        return url
    rest = url[found.end() :] if (found := _BEFORE.match(url)) else url
    return rest if len(rest) <= _SHOWN else f"{rest[:_SHOWN]}…"


def _rules(source: str, aside: bool) -> Rules | None:
    return (_ASIDE if aside else _PUBLIC).get(source)


def _why(rules: Rules, word: str) -> str:
    """Why a word that could be meant as a link or a name is none; '' : nobody would mean that."""
    if re.match(r"https?:/", word, re.IGNORECASE):
        if rules.link is None:
            return rules.no_link
        return "no address that a program can read" if "//" in word else "two slashes belong behind http:"
    if word.startswith("@"):
        return rules.no_name if word[1:2].isalnum() else ""
    return rules.no_bare if looks_like_address(word) else ""


def _found(rules: Rules, text: str) -> Iterator[tuple[int, int, str, str]]:
    """(start, end, kind, value) in code points, in order, never overlapping."""
    found: list[tuple[int, int, str, str]] = []
    for pattern, name, kind in (
        (rules.link, "link", "link"),
        (rules.name, "name", "mention"),
        (rules.tag, "tag", "tag"),
    ):
        if pattern is not None:
            found += ((m.start(), m.end(), kind, m.group(name)) for m in pattern.finditer(text))
    if rules.bare:
        found += (
            (m.start(), m.end(), "link", m.group("link"))
            for m in _BARE.finditer(text)
            if looks_like_address(m.group("link"))
        )
    end = 0
    for one in sorted(found):
        if one[0] >= end:
            yield one
            end = one[1]
