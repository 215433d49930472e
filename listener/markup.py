"""HTML of a network as plain text: lines where it breaks lines, and the addresses of its links. Owns what a tag means to a reader.

Reads from left to right once, in time that grows with the text and never with how tags are nested. Nothing is hidden: what a page would not
show (`invisible`) stays text, for what is judged must be what is read. Refuses to draw, to keep markup, and to say what is harmless.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST = 400_000
"""Characters of markup that are read; what stands behind them is left out."""

_PARAGRAPHS = frozenset({
    "p", "div", "blockquote", "pre", "ul", "ol", "dl", "table", "section", "article", "header", "footer", "figure", "hr", "h1", "h2",
    "h3", "h4", "h5", "h6",
})  # fmt: skip
_LINES = frozenset({"br", "li", "tr", "dt", "dd", "figcaption", "summary", "option"})
_UNREAD = frozenset(
    {"script", "style", "template", "title", "head", "noscript", "iframe", "object", "svg", "math", "textarea"}
)
_MOST_LINKS = 200
_LONGEST_TAG = 8_000

_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9]{0,30}")
_PART = re.compile(r"([a-zA-Z-]{1,30})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_MANY_DIGITS = re.compile(r"&#(?:0*[0-9]{8,}|[xX]0*[0-9a-fA-F]{7,});?")
_ADDRESS = re.compile(r"https?://[^\s<>\"]{1,4000}", re.IGNORECASE)
_BLANKS = re.compile(r"\n[ \t]*\n[ \t\n]*")


@dataclass(frozen=True, slots=True)
class Read:
    """What a piece of HTML says."""

    text: str
    links: tuple[str, ...] = ()
    """Where its links lead, each once; those that name somebody or a tag are not among them."""


@dataclass(slots=True)
class _Link:
    href: str
    names: bool
    """It names an account or a tag: its address is no news."""
    start: int
    """Where its words begin among the pieces."""


@dataclass(slots=True)
class _Writer:
    pieces: list[str] = field(default_factory=list)
    links: dict[str, None] = field(default_factory=dict)
    link: _Link | None = None
    kept: int = 0
    """How many `pre` are open: in them every space counts."""

    def say(self, text: str) -> None:
        if text and not self.kept:
            text = _SPACE.sub(" ", text)
            if text[0] == " " and (not self.pieces or self.pieces[-1][-1] in " \n"):
                text = text[1:]
        if text:
            self.pieces.append(text)

    def turn(self, how: str) -> None:
        """To a new line, or past an empty one."""
        if self.pieces:
            self.pieces.append(how)

    def opened(self, href: str, names: bool) -> None:
        self.closed()
        self.link = _Link(href, names, len(self.pieces))

    def closed(self) -> None:
        """The link is at its end: its address follows its words, unless they are the address."""
        link, self.link = self.link, None
        if link is None or not _ADDRESS.fullmatch(link.href):
            return
        words = "".join(self.pieces[link.start :]).strip()
        if link.names or words[:1] in {"@", "#"}:
            return
        if len(self.links) < _MOST_LINKS:
            self.links.setdefault(link.href)
        if _bare(words) == _bare(link.href):
            self.pieces[link.start :] = [link.href]  # also where it was shortened for the eye
        else:
            self.pieces.append(f" ({link.href})" if words else link.href)


def plain(markup: str) -> str:
    """The text of a piece of HTML, with the addresses of its links behind their words. Never raises."""
    return read(markup).text


def read(markup: str) -> Read:
    """The text of a piece of HTML and where its links lead. Never raises, whatever the text is."""
    writer = _Writer()
    for tag, value in _tokens(markup[:LONGEST]):
        if tag == "":
            writer.say(_unescaped(value))
        elif tag == "a":
            parts = _parts(value)
            marks = f" {parts.get('class', '')} {parts.get('rel', '')} ".lower()
            writer.opened(parts.get("href", "").strip(), any(f" {w} " in marks for w in ("mention", "hashtag", "tag")))
        elif tag == "/a":
            writer.closed()
        elif tag == "img":
            writer.say(_parts(value).get("alt", ""))
        elif tag == "br":
            writer.turn("\n")
        else:
            name = tag.lstrip("/")
            if name == "pre":
                writer.kept = max(0, writer.kept + (1 if tag == name else -1))
            if name in _PARAGRAPHS:
                writer.turn("\n\n")
            elif name in _LINES:
                writer.turn("\n")
                if tag == "li":
                    writer.pieces.append("- ")
    writer.closed()
    text = "\n".join(line.rstrip(" \t") for line in "".join(writer.pieces).split("\n"))
    return Read(_BLANKS.sub("\n\n", text).strip(), tuple(writer.links))


def _tokens(markup: str) -> Iterator[tuple[str, str]]:
    """('', words) or (tag name in lower case, with '/' before it where it closes, its inside), from left to right."""
    at, end = 0, len(markup)
    while at < end:
        start = markup.find("<", at)
        if start < 0:
            yield "", markup[at:]
            return
        if start > at:
            yield "", markup[at:start]
        if markup.startswith("<!--", start):
            close = markup.find("-->", start + 4)
            if close < 0:
                return
            at = close + 3
            continue
        name = _NAME.match(markup, start + 1)
        if name is None:
            if markup[start + 1 : start + 2] in {"!", "?", "/"}:  # a declaration, or half a tag
                close = markup.find(">", start, start + _LONGEST_TAG)
                at = close + 1 if close >= 0 else start + 2
            else:
                yield "", "<"
                at = start + 1
            continue
        close = _tag_end(markup, name.end())
        if (
            close < 0
        ):  # a tag without an end: what stands there is words, all of it, or reading would begin again at every sign
            at = name.end() + _LONGEST_TAG
            yield "", markup[start:at]
            continue
        tag = name.group().lower()
        at = close + 1
        if tag in _UNREAD:
            if not markup.startswith("/", close - 1):
                at = _behind(markup, tag, at)
            continue
        yield tag, markup[name.end() : close]


def _tag_end(markup: str, at: int) -> int:
    """Where the tag ends whose name ended at `at`; -1: nowhere near."""
    last = min(len(markup), at + _LONGEST_TAG)
    quote = ""
    for place in range(at, last):
        char = markup[place]
        if quote:
            quote = "" if char == quote else quote
        elif char == ">":
            return place
        elif char in "\"'":
            quote = char
    return -1 if not quote else markup.find(">", at, last)


def _behind(markup: str, tag: str, at: int) -> int:
    """The place behind what nobody reads: past its closing tag, or the end where it has none."""
    close = re.compile(rf"</{tag}\s{{0,20}}>", re.IGNORECASE).search(markup, at)
    return len(markup) if close is None else close.end()


def _parts(inside: str) -> dict[str, str]:
    """A tag's parts by name, the first of each."""
    found: dict[str, str] = {}
    for part in _PART.finditer(inside):
        found.setdefault(part.group(1).lower(), _unescaped(part.group(2) or part.group(3) or part.group(4) or ""))
    return found


def _unescaped(text: str) -> str:
    """Without entities; numbers that are no characters become a replacement (the library stumbles over long ones)."""
    return html.unescape(_MANY_DIGITS.sub("\ufffd", text)) if "&" in text else text


def _bare(address: str) -> str:
    """An address without what a reader does not miss: its scheme, www, a last slash."""
    return address.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")
