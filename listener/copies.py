"""Whether two texts are nearly the same: a copied complaint, a spam wave, the same words with another name, link or number.

A text becomes a small sketch; two sketches tell how much of their texts is the same, without the texts. The sketch is a MinHash (Broder,
"On the resemblance and containment of documents", 1997) over a text's words and its pairs of neighbouring words, as the matcher folds them:
case and invisible characters do not count, handles and addresses are no words, and whatever holds a digit counts as one and the same number. Of
each mark the low byte is kept (Li and König, "b-Bit Minwise Hashing", 2010). Marks are bundled into bands (Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", 3.4): texts that share a band are worth comparing, so a database finds them by an index.

Measured by `tests/core/test_copies.py` on made-up texts of 8 to 45 words, each changed in two places (a name or two put in, a word replaced, a
link or number added): 0.97 of such copies with 12 words or more are found, 0.83 of those with fewer; of a million pairs of texts that are no
copies about a dozen are taken for some, nearly all of them of 8 words, of which half are the commonest. In a text of fewer than `LONG` words
one other word says something else ("where is my order", "where is my refund"): such texts are near-copies only where all marks are the same. One of
fewer than `FEWEST` words has no sketch.

Refuses to remember texts, and to decide what becomes of copies.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

from listener.query.words import segment

VERSION = 1
"""Sketches made in another way never resemble these: raise it with every change of what a sketch is made of."""

FEWEST, LONG, MOST = 4, 8, 200
"""Words of a text: with fewer it has no sketch; from so many on it may differ; what stands behind so many does not count."""

MARKS, BANDS = 24, 8
ALIKE = 12
"""So many of the marks must be the same: half of what two texts have between them is in both."""

_HANDLE = re.compile(r"(?<!\w)[@＠][\w.\-]+(?:@[\w.\-]+)?")
_DIGIT = re.compile(r"\d").search
_ROWS = MARKS // BANDS
_HASHES = struct.Struct(f"<{MARKS}H")
_BAND = struct.Struct(f"<{_ROWS}H")


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of a text for comparing it; nobody can read the text out of it."""

    bands: tuple[int, ...]
    """Numbers of 32 bits, signed as Postgres has them. Texts without a band in common are not alike."""
    marks: bytes


def sketch(text: str) -> Sketch | None:
    """The sketch of a text; None: it is too short to compare. The same text has always the same one."""
    if "@" in text or "＠" in text:
        text = _HANDLE.sub(" ", text)
    words = ["0" if _DIGIT(word) else word for word in segment(text).keys[:MOST]]
    if len(words) < FEWEST:
        return None
    pieces = {*words, *(f"{one} {two}" for one, two in pairwise(words))}
    least = list(map(min, *map(_hashed, pieces)))
    kind = VERSION * 2 + (len(words) < LONG)
    bands = (
        zlib.crc32(bytes((kind, band)) + _BAND.pack(*least[band * _ROWS : (band + 1) * _ROWS])) - 2**31
        for band in range(BANDS)
    )
    return Sketch(tuple(bands), bytes((kind, *(mark & 255 for mark in least))))


@lru_cache(maxsize=4096)  # copies have their words in common, and all texts the common ones
def _hashed(piece: str) -> tuple[int, ...]:
    return _HASHES.unpack(blake2b(piece.encode("utf-8", "surrogatepass"), digest_size=_HASHES.size).digest())


def alike(one: bytes, other: bytes) -> int:
    """How many marks of two sketches are the same: `ALIKE` or more are near-copies. 0 where they were made in different ways, and of short
    texts that differ.
    """
    if one[:1] != other[:1] or len(one) != len(other):
        return 0
    if one[0] % 2 and one != other:
        return 0
    return sum(map(int.__eq__, one[1:], other[1:]))
