"""What a picture is by its own bytes: sort, size, and the same picture without what its file tells beside it. Owns what each network takes.

A file's name says nothing here. Place, camera and time of a photograph, comments, previews and whatever hangs on behind are left out; how it
is to be turned stays. Refuses to draw, to shrink and to mend: what is too large or broken is told. Sources of the figures: Bluesky, lexicon
app.bsky.embed.images (`maxLength` 4, `maxSize` 1000000), and 2,000 characters of alternative text, its own app's limit; Mastodon, what a
server takes where its operator changed nothing (four, 1,500 characters; 16 MB now, 8 MB on older ones).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from listener.errors import Refused

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"


@dataclass(frozen=True, slots=True)
class Limit:
    """What one message may carry."""

    most: int
    size: int
    """Bytes of one picture, as it is sent."""
    alt: int
    """Characters of the words for those who cannot see it."""


_LIMITS = {
    "bluesky": Limit(most=4, size=1_000_000, alt=2_000),
    "mastodon": Limit(most=4, size=8_000_000, alt=1_500),
}

LARGEST_FILE = 20_000_000
"""Bytes of a file that are looked at: what is left out may be most of it."""

_MOST_PARTS = 100_000
"""Of one picture: no camera or program writes so many, and a file of nothing else would take long and much."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture without what its file told beside it."""

    media_type: str
    width: int
    """As it is seen, when it has been turned."""
    height: int
    content: bytes


def limit_of(source: str) -> Limit | None:
    """What a public message on a source may carry; None: no pictures, as far as we can send them."""
    return _LIMITS.get(source)


def read(content: bytes) -> Picture:
    """The picture in a file's bytes. Raises `Refused` where there is none."""
    try:
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError, ValueError):
        raise Refused("the picture is broken: it ends in the middle, or says what cannot be") from None
    if content[:6] in (b"GIF87a", b"GIF89a"):
        raise Refused("a GIF would not move there: take a JPEG, PNG or WebP picture")
    raise Refused("it is no JPEG, PNG or WebP picture")


def fits(source: str, picture: Picture) -> None:
    """Raises `Refused` where the source takes no pictures, or not this one."""
    limit = limit_of(source)
    if limit is None:
        raise Refused(f"pictures cannot be sent to {source} from here")
    if len(picture.content) > limit.size:
        raise Refused(
            f"the picture has {len(picture.content) / 1e6:.1f} MB, {limit.size / 1e6:g} MB are taken: make it smaller first"
        )


def _made(media_type: str, width: int, height: int, content: bytes) -> Picture:
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise ValueError
    return Picture(media_type, width, height, content)


# JPEG (ITU T.81; Exif 2.3) --------------------------------------------------------------------------------------------

_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NEXT = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_TURN = 0x0112


def _jpeg(content: bytes) -> Picture:
    parts, size, turn, at = [content[:2]], (0, 0), 1, 2
    for _ in range(_MOST_PARTS):
        if content[at] != 0xFF:
            raise ValueError
        code = content[at + 1]
        if code == 0xFF:  # filling
            at += 1
            continue
        if code == 0xD9:
            break
        if code in _ALONE:
            parts.append(content[at : at + 2])
            at += 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise ValueError
        body = content[at + 4 : end]
        if code in _SIZES and size == (0, 0):
            size = struct.unpack_from(">xHH", body)
        if code == 0xE1 and body.startswith(b"Exif\0\0"):
            turn = _turned(body[6:])
        if code == 0xDA:
            end = _scan_end(content, end)
        if _belongs(code, body):
            parts.append(content[at:end])
        at = end
    else:
        raise ValueError
    if turn != 1:
        parts.insert(1, _turning(turn))
    height, width = size
    if turn >= 5:
        height, width = width, height
    return _made(JPEG, width, height, b"".join([*parts, b"\xff\xd9"]))


def _belongs(code: int, body: bytes) -> bool:
    """Whether a part is the picture, or how its colours are meant."""
    if 0xE0 <= code <= 0xEF:
        return code in (0xE0, 0xEE) or (code == 0xE2 and body.startswith(b"ICC_PROFILE\0"))
    return code != 0xFE


def _scan_end(content: bytes, at: int) -> int:
    """Where the packed lines that begin here end: at the next sign that is none of theirs."""
    found = _NEXT.search(content, at)
    if found is None:
        raise ValueError
    return found.start()


def _turned(tiff: bytes) -> int:
    """How the camera was held, 1 to 8; 1 where it does not say."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (many,) = struct.unpack_from(f"{order}H", tiff, at)
        for number in range(many):
            tag, sort, _, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * number)
            if tag == _TURN and sort == 3:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _turning(turn: int) -> bytes:
    """An Exif part that says nothing but this."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _TURN, 3, 1, turn, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff


# PNG (ISO 15948) -----------------------------------------------------------------------------------------------------

_COLOURS = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs", b"bKGD", b"cICP"})


def _png(content: bytes) -> Picture:
    parts, size, at = [content[:8]], (0, 0), 8
    for _ in range(_MOST_PARTS):
        length, sort = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise ValueError
        if at == 8:
            if sort != b"IHDR":
                raise ValueError
            size = struct.unpack_from(">II", content, at + 8)
        if sort[:1].isupper() or sort in _COLOURS:
            parts.append(content[at:end])
        if sort == b"IEND":
            return _made(PNG, *size, b"".join(parts))
        at = end
    raise ValueError


# WebP (RFC 9649) -----------------------------------------------------------------------------------------------------

_WEBP_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def _webp(content: bytes) -> Picture:
    parts, size = [], (0, 0)
    for sort, body in _riff(content):
        if sort not in _WEBP_KEPT:
            continue
        made = body
        if sort == b"VP8X":
            size = (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
            made = bytes([body[0] & ~(_EXIF_FLAG | _XMP_FLAG)]) + body[1:]
        elif size == (0, 0):
            size = _webp_size(sort, body)
        parts.append(sort + struct.pack("<I", len(made)) + made + b"\0" * (len(made) % 2))
    joined = b"WEBP" + b"".join(parts)
    return _made(WEBP, *size, b"RIFF" + struct.pack("<I", len(joined)) + joined)


def _riff(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    (whole,) = struct.unpack_from("<I", content, 4)
    end, at = 8 + whole, 12
    if end > len(content):
        raise ValueError
    for _ in range(_MOST_PARTS):
        if at >= end:
            return
        sort, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > end:
            raise ValueError
        yield sort, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise ValueError


def _webp_size(sort: bytes, body: bytes) -> tuple[int, int]:
    if sort == b"VP8 ":
        if body[3:6] != b"\x9d\x01\x2a":
            raise ValueError
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if sort == b"VP8L":
        if body[0] != 0x2F:
            raise ValueError
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0
