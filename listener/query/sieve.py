"""A first look at a raw text: may any of many literals stand in it? Owns the quick no; refuses to cut a text into words.

Most of what a whole network says concerns nobody, and cutting it into words costs more than everything else. So a text is reduced to its
runs of ASCII letters and digits, in lower case and without accents, by a few calls that run in C; a word can only stand in the text if
its own longest run is one of these. A text with a character of which this is not known to be true passes: the sieve never wrongly says no.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from listener.query.needs import Needs
from listener.query.parts import NO_PARTS, Parts

# Letters that are an ASCII letter with marks above or below; never those that fold into something else (ß, ø, ı, ſ, ŉ, ŀ).
_ACCENTED = "".join(
    char
    for char in map(chr, (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)))
    if len(bare := unicodedata.normalize("NFD", char)) > 1
    and bare[0].isascii()
    and bare[0].isalpha()
    and all("\u0300" <= mark <= "\u036f" for mark in bare[1:])
)
# Marks that go with letters (never the Greek iota below, which folds into a letter).
_MARKS = "\u0300-\u0344\u0346-\u036f"
# What parts words of plain letters: quotes, dashes, dots, arrows, shapes, emoji; Chinese and Japanese, where each character is a word.
_BETWEEN = (
    "\u00a1-\u00a7\u00a9\u00ab\u00ac\u00ae\u00b0\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u2010-\u2016\u2018-\u2027\u2030-\u205e\u20a0-\u20a7\u20a9-\u20c0"
    "\u2190-\u23ff\u2500-\u2775\u2794-\u2bff\ufe0f\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001faff"
    "\u3001-\u3003\u3005\u3008-\u3011\u3014-\u301b\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
)
# Letters of words that hold no plain letter however they are folded.
_FOREIGN = "\u0391-\u03a1\u03a3-\u03ce\u0400-\u0481\u048a-\u052f\u05d0-\u05ea\u0621-\u063a\u0641-\u064a\uac00-\ud7a3"
_FOREIGN_SIGN = "\x7f"

_ODD_RUN = re.compile("[^\0-\x7e]+")
_KNOWN = re.compile(f"[{_ACCENTED}{_MARKS}{_BETWEEN}{_FOREIGN}]*")
_BETWEEN_ONE = re.compile(f"[{_BETWEEN}]")
_FOREIGN_ONE = re.compile(f"[{_FOREIGN}]")
# ASCII letters in lower case, digits as they are, the sign of foreign letters; anything else a space.
_LINE = bytes(
    ord(chr(code).lower()) if code == 127 or (code < 128 and chr(code).isalnum()) else 32 for code in range(256)
)


@lru_cache(maxsize=1 << 14)
def _plain_run(run: str) -> str:
    """What stands for a run of characters that are no ASCII; itself where it is not known."""
    if not _KNOWN.fullmatch(run):
        return run
    bare = unicodedata.normalize("NFD", _FOREIGN_ONE.sub(_FOREIGN_SIGN, _BETWEEN_ONE.sub(" ", run)))
    return bare.encode("ascii", "ignore").decode()


def _plain_match(found: re.Match[str]) -> str:
    run = found.group()
    return _plain_run(run) if len(run) <= 8 else "".join(_plain_run(run[at : at + 8]) for at in range(0, len(run), 8))


def squash(text: str) -> bytes | None:
    """The runs of ASCII letters and digits of a text, in lower case, accents taken off, spaces between. None: not known of this text."""
    if _FOREIGN_SIGN in text:
        return None
    if not text.isascii():
        text = _ODD_RUN.sub(_plain_match, text)
        if not text.isascii():
            return None
    return text.encode().translate(_LINE)


class Sieve:
    """Immutable. Asked with a text and the hashtags that it carries outside of itself."""

    __slots__ = ("_foreign", "_marks", "_open", "_parts", "_runs")

    def __init__(self) -> None:
        self._runs: frozenset[bytes] = frozenset()
        """A text with one of these runs passes,"""
        self._parts: Parts = NO_PARTS
        """one in whose runs one of these stands,"""
        self._marks: frozenset[str] = frozenset()
        """one with one of these characters (emoji, ideographs),"""
        self._foreign = False
        """one with letters of another alphabet,"""
        self._open = False
        """or any."""

    def with_more(self, wanted: Iterable[Needs]) -> Sieve:
        """A sieve that lets pass what these need, too."""
        runs: set[bytes] = set()
        parts: set[bytes] = set()
        marks: set[str] = set()
        made = Sieve()
        made._foreign, made._open = self._foreign, self._open
        for one in wanted:
            for literals, into in ((one.words, runs), (one.signs, runs), (one.pieces, parts), (one.inside, parts)):
                for literal in literals:
                    known = squash(literal)
                    if known is None:
                        continue  # a text that holds it is not known either, and passes
                    if b"\x7f" in known:
                        made._foreign = True
                    elif found := known.split():
                        into.add(max(found, key=len))
                    elif (mark := literal.lstrip("#@$ ")[:1]) and not mark.isascii():
                        marks.add(mark)
                    else:
                        made._open = True  # plain punctuation may have been folded from other characters
        made._runs = self._runs | runs if runs else self._runs
        made._parts = self._parts.with_more(parts)
        made._marks = self._marks | marks
        return made

    def passes(self, text: str, tags: Sequence[str] = ()) -> bool:
        """False: none of what is needed stands in the text. True: it may."""
        if self._open:
            return True
        if tags:
            text = " ".join((text, *tags))
        known = squash(text)
        if known is None:
            return True
        if not self._runs.isdisjoint(known.split()) or (self._parts and self._parts.any_in(known)):
            return True
        return (self._foreign and b"\x7f" in known) or (bool(self._marks) and not self._marks.isdisjoint(text))
