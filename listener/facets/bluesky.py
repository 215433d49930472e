"""What Bluesky makes of the handles, addresses and tags in a text of ours. Owns where they stand, as they are sent and as they are shown.

Whoever sends and whoever shows a draft ask here, so that both see the same. Sources: the lexicon app.bsky.richtext.facet, and what the
network's own app finds and shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import regex

from listener.facets.shapes import Mark, Plain, Span
from listener.facets.words import AROUND, SCHEME, WORD, looks_like_address

_HANDLE = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,20}[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
# As the network's own app finds them: at the start, after a space or an opening bracket.
_MENTION = regex.compile(r"(?<=^|[\s(])@([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)")
_LINK = regex.compile(r"(?<=^|[\s(])https?://\S+", regex.IGNORECASE)
_UNSEEN = r"\u00ad\u2060\u200a-\u200d\u20e2"
_TAG = regex.compile(rf"(?<=^|\s)[#＃]((?!\ufe0f)[^\s{_UNSEEN}]*[^\d\s\p{{P}}{_UNSEEN}][^\s{_UNSEEN}]*)")
_TAIL = regex.compile(r"[.,;:!?'\"…]+$")
_TAG_TAIL = regex.compile(r"\p{P}+$")

LONGEST_LINK, LONGEST_TAG = 2048, 64
_PATH, _PATH_KEPT = 15, 13


def clean_handle(handle: str) -> str:
    """The handle in lower case, or '' when it is none (also for the network's own 'handle.invalid')."""
    lower = handle.lower()
    return lower if len(lower) <= 253 and _HANDLE.fullmatch(lower) and lower != "handle.invalid" else ""


def find_spans(text: str) -> tuple[Span, ...]:
    """Handles, addresses and tags in a text of ours, in order, never overlapping; offsets in UTF-8 bytes."""
    spans: list[Span] = []
    place = size = 0
    for start, end, kind, value in _found(text):
        size += len(text[place:start].encode("utf-8", "replace"))
        length = len(text[start:end].encode("utf-8", "replace"))
        spans.append(Span(size, size + length, kind, value))
        size, place = size + length, end
    return tuple(spans)


def marks(text: str) -> tuple[Mark, ...]:
    """The same by themselves."""
    return tuple(Mark(kind, value) for _, _, kind, value in _found(text))


def stays_plain(text: str) -> tuple[Plain, ...]:
    """Words that a reader would take for a link or a name, and the network will not; each once, in order."""
    taken = [(start, end) for start, end, _, _ in _found(text)]
    found: dict[str, str] = {}
    at = 0
    for match in WORD.finditer(text):
        while at < len(taken) and taken[at][1] <= match.start():
            at += 1
        if at < len(taken) and taken[at][0] < match.end():
            continue
        word = match.group()
        scheme = SCHEME.search(word)
        if scheme:
            if why := _no_link(word, scheme.start()):
                found.setdefault(word, why)
        elif (bare := word.strip(AROUND)).startswith("@"):
            if bare[1:2].isalnum() and "@" not in bare[1:]:
                found.setdefault(bare, "no whole handle")
        elif looks_like_address(bare):
            found.setdefault(bare, "write https:// before it")
    return tuple(Plain(word, why) for word, why in found.items())


def shown_link(url: str) -> str:
    """An address as the network's app shows it: the host, and the beginning of what follows."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return url
    try:
        host = parts.hostname.encode("idna").decode("ascii")
    except UnicodeError:
        host = parts.hostname
    host += f":{parts.port}" if parts.port else ""
    rest = ("" if parts.path == "/" else parts.path) + (f"?{parts.query}" if parts.query else "")
    rest += f"#{parts.fragment}" if parts.fragment else ""
    return host + (rest if len(rest) <= _PATH else f"{rest[:_PATH_KEPT]}...")


def _found(text: str) -> Iterator[tuple[int, int, str, str]]:
    """(start, end, kind, value) in code points, in order, never overlapping."""
    found: list[tuple[int, int, str, str]] = []
    for match in _LINK.finditer(text):
        url = _trimmed_link(match.group())
        if _is_link(url):
            found.append((match.start(), match.start() + len(url), "link", url))
    found.extend(
        (match.start(), match.end(), "mention", handle)
        for match in _MENTION.finditer(text)
        if (handle := clean_handle(match.group(1)))
    )
    for match in _TAG.finditer(text):
        tag = _TAG_TAIL.sub("", match.group(1))
        if 0 < len(tag) <= LONGEST_TAG:
            found.append((match.start(), match.start() + 1 + len(tag), "tag", tag))
    end = 0
    for one in sorted(found):
        if one[0] >= end:
            yield one
            end = one[1]


def _trimmed_link(url: str) -> str:
    url = _TAIL.sub("", url)
    return url[:-1] if url.endswith(")") and "(" not in url else url


def _is_link(url: str) -> bool:
    parts = _split(url)
    return parts is not None and bool(parts.hostname) and "@" not in parts.netloc and len(url) <= LONGEST_LINK


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        (parts.hostname, parts.port)  # noqa: B018 - some addresses break only when they are asked
    except ValueError:
        return None
    return parts


def _no_link(word: str, at: int) -> str:
    """Why an address with a scheme is no link; '' where a reader would not take it for one."""
    url = word[at:]
    if not url.lower().startswith(("http://", "https://")):
        return "two slashes belong behind http:"
    if len(url) > LONGEST_LINK:
        return f"longer than {LONGEST_LINK} characters"
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "" if len(_trimmed_link(url)) <= len("https://") else "no address that a program can read"
    if "@" in parts.netloc:
        return "it holds a login"
    return "only a space or ( may stand before it" if at else "no address that a program can read"
