"""How long a text is by each network's own count. Owns the limits; refuses to shorten anything.

A limit is about what is sent, so our own words come here as typed. A source that is not listed has no known limit.
Sources of the figures: Bluesky, lexicon app.bsky.feed.post (`maxGraphemes` 300, `maxLength` 3000, which counts UTF-8 bytes);
Telegram, Bot API, sendMessage (`text`, 1-4096 characters). Facebook 8,000 and Instagram 2,200 are what is said of comments; no page of
Meta's was seen to promise them; of private messages its Send API takes 2,000 characters, on Instagram 1,000 bytes. Mastodon, its
documentation and status_length_validator.rb: each server has its own limit (500 where it says nothing), a link counts as 23, of a name on
another server only what stands before the host; and who is answered must be named, or they are not told.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

LIMITED = ("bluesky", "facebook", "instagram", "telegram")
"""The networks with one limit for everybody; where each server has its own, only an account's `Terms` say it."""

_NAMING = frozenset({"mastodon"})
"""Networks on which an answer must name whom it answers."""

_CHARACTERS = {"facebook": (8_000, 0), "instagram": (2_200, 300)}

_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class Measure:
    """One way in which a network counts. `limit` 0: none known."""

    unit: str
    used: int
    limit: int
    advised: int = 0
    """Beyond it the network has been seen to refuse, though it says otherwise. 0: not known of any."""

    @property
    def over(self) -> int:
        """How many units too long; 0 when it fits."""
        return max(0, self.used - self.limit) if self.limit else 0


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms one account of ours writes to one author, where that is not the same on the whole network."""

    characters: int = 500
    per_link: int = 23
    whom: str = ""
    """The handle of who is answered."""
    private: bool = False
    """It goes to one person in private."""


_USUAL = Terms()
_LINK = regex.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?')\]}…]", regex.IGNORECASE)
_FAR_NAME = regex.compile(r"(?<![/\w])(@[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)@[A-Za-z0-9.-]*[A-Za-z0-9]")


def graphemes(text: str) -> int:
    """Extended grapheme clusters (UAX 29): what a reader would call characters."""
    return len(text) if text.isascii() and "\r" not in text else sum(1 for _ in _GRAPHEME.finditer(text))


def utf8_bytes(text: str) -> int:
    """Bytes on the wire; a lone surrogate, which no wire takes, counts as the three bytes that it would need."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def addressed(source: str, text: str, whom: str) -> str:
    """The text as it is sent: on a network where an answer must name whom it answers, with their handle before it unless it stands there."""
    if source not in _NAMING or not whom or names(text, whom):
        return text
    return f"@{whom} {text}"


def names(text: str, whom: str) -> bool:
    """Whether a text names somebody by the whole handle."""
    found = regex.search(rf"(?<![\w@/])@{regex.escape(whom)}(?![\w@]|\.\w)", text, regex.IGNORECASE)
    return found is not None


def measures(source: str, text: str, terms: Terms | None = None) -> tuple[Measure, ...]:
    """Every count that the network applies, the one that people know first."""
    if source == "bluesky":
        return (Measure("characters", graphemes(text), 300), Measure("bytes", utf8_bytes(text), 3000))
    if source == "telegram":
        return (Measure("characters", len(text), 4096),)
    if source == "facebook" and terms is not None and terms.private:
        return (Measure("characters", len(text), 2_000),)
    if source == "instagram" and terms is not None and terms.private:
        return (Measure("bytes", utf8_bytes(text), 1_000),)
    if source in _CHARACTERS:
        return (Measure("characters", len(text), *_CHARACTERS[source]),)
    if source == "mastodon":
        own = terms or _USUAL
        return (Measure("characters", _counted(addressed(source, text, own.whom), own.per_link), own.characters),)
    return (Measure("characters", graphemes(text), 0),)


def _counted(text: str, per_link: int) -> int:
    return graphemes(_FAR_NAME.sub(r"\1", _LINK.sub("x" * per_link, text)))


def length(source: str, text: str, terms: Terms | None = None) -> tuple[int, int]:
    """(used, limit) of the count that the text breaks, else of the one that people know. Limit 0: none known."""
    counted = measures(source, text, terms)
    worst = next((m for m in counted if m.over), counted[0])
    return worst.used, worst.limit
