"""Pictures by their bytes: sort and size, and that nothing is left of what a file tells beside the picture."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.errors import Refused
from listener.pictures import JPEG, PNG, WEBP, Picture, fits, read

SECRET = b"GPS 48.2082 16.3738 of my kitchen"


def part(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 40, height: int = 30, turn: int = 0, order: str = ">", tail: bytes = b"") -> bytes:
    """A JPEG with everything beside the picture that there is; its lines are no real ones."""
    sign = b"MM\0*" if order == ">" else b"II*\0"
    tags = [(0x010F, 2, 5, 0), (0x0112, 3, 1, turn)] if turn else [(0x010F, 2, 5, 0)]
    entries = b"".join(struct.pack(f"{order}HHIHH", *tag, 0) for tag in tags)
    exif = b"Exif\0\0" + sign + struct.pack(f"{order}IH", 8, len(tags)) + entries + struct.pack(f"{order}I", 0) + SECRET
    frame = part(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    lines = part(0xDA, b"\1\1\0\0\x3f\0") + b"lines\xff\x00more\xff\xd0lines"
    return (
        b"\xff\xd8" + part(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + part(0xE1, exif) + part(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET)
        + part(0xE2, b"ICC_PROFILE\0colours") + part(0xE2, b"MPF\0" + SECRET) + part(0xED, SECRET) + part(0xFE, SECRET)
        + frame + b"\xff" + lines + part(0xC4, b"table") + lines + b"\xff\xd9" + tail
    )  # fmt: skip


def chunk(sort: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + sort + body + struct.pack(">I", zlib.crc32(sort + body))


def png(width: int = 3, height: int = 2) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\x80\x20\x40" * width) * height)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"eXIf", SECRET) + chunk(b"tEXt", b"Comment\0" + SECRET)
        + chunk(b"IDAT", lines) + chunk(b"tIME", b"1234567") + chunk(b"IEND", b"")
    )  # fmt: skip


def webp(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(s + struct.pack("<I", len(b)) + b + b"\0" * (len(b) % 2) for s, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


LOSSY = (b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 17 | 0x4000, 9) + b"lines")
LOSSLESS = (b"VP8L", b"\x2f" + struct.pack("<I", 16 | 8 << 14) + b"lines")
FANCY = [
    (b"VP8X", bytes([0x2C, 0, 0, 0, 16, 0, 0, 8, 0, 0])),
    (b"ICCP", b"colours"),
    LOSSY,
    (b"EXIF", SECRET),
    (b"XMP ", SECRET),
    (b"ODD ", SECRET),
]


@pytest.mark.parametrize(
    ("content", "media_type", "size"),
    [
        (jpeg(), JPEG, (40, 30)),
        (jpeg(turn=3), JPEG, (40, 30)),
        (jpeg(turn=6), JPEG, (30, 40)),
        (jpeg(turn=8, order="<"), JPEG, (30, 40)),
        (jpeg(tail=SECRET), JPEG, (40, 30)),
        (png(), PNG, (3, 2)),
        (png() + SECRET, PNG, (3, 2)),
        (webp([LOSSY]), WEBP, (17, 9)),
        (webp([LOSSLESS]), WEBP, (17, 9)),
        (webp(FANCY), WEBP, (17, 9)),
        (webp(FANCY) + SECRET, WEBP, (17, 9)),
    ],
    ids=range(11),
)  # fmt: skip
def test_it_knows_sort_and_size_and_keeps_nothing_beside_the_picture(
    content: bytes, media_type: str, size: tuple[int, int]
) -> None:
    found = read(content)
    assert (found.media_type, (found.width, found.height)) == (media_type, size)
    assert SECRET not in found.content
    assert b"lines" in found.content or media_type == PNG
    assert read(found.content) == found, "what is clean stays as it is"


def test_how_a_photograph_is_turned_is_all_that_stays_of_what_the_camera_wrote() -> None:
    found = read(jpeg(turn=6)).content
    assert found.count(b"Exif\0\0") == 1
    at = found.index(b"Exif\0\0") + 6
    assert struct.unpack_from(">IHHHIH", found, at + 4) == (8, 1, 0x0112, 3, 1, 6)
    assert b"colours" in found
    assert b"MPF" not in found
    assert b"Exif" not in read(jpeg()).content


def test_flags_of_what_was_left_out_are_taken_back() -> None:
    content = read(webp(FANCY)).content
    assert content[content.index(b"VP8X") + 8] == 0x20
    assert struct.unpack_from("<I", content, 4) == (len(content) - 8,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JPEG"),
        (b"<svg onload=alert(1)>", "no JPEG"),
        (b"GIF89a....", "would not move"),
        (jpeg()[:60], "broken"),
        (jpeg()[:-3], "broken"),
        (jpeg(0, 5), "broken"),
        (png()[:-5], "broken"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b""), "broken"),
        (webp([(b"VP8 ", b"123456789012")]), "broken"),
        (webp([LOSSY])[:-3], "broken"),
        (webp([]), "broken"),
    ],
    ids=range(11),
)
def test_what_is_none_is_told(content: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(content)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([jpeg(turn=6), png(), webp(FANCY)]), st.data())
def test_broken_bytes_are_refused_or_read_and_never_more(content: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(3, len(content)))
    broken = content[:at] + data.draw(st.binary(max_size=8)) + content[at + data.draw(st.integers(0, 8)) :]
    try:
        found = read(broken)
    except Refused:
        return
    assert read(found.content).content == found.content


def test_what_a_network_does_not_take_is_told_with_figures() -> None:
    fits("bluesky", read(png()))
    with pytest.raises(Refused, match=r"1\.2 MB, 1 MB are taken"):
        fits("bluesky", Picture(PNG, 1, 1, b"x" * 1_200_000))
    with pytest.raises(Refused, match="cannot be sent to File"):
        fits("file", read(png()))


FRAME = b"\xff\xd8" + part(0xC0, struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x11\0")


@pytest.mark.parametrize(
    "content",
    [
        FRAME + b"\xff\xd0" * 200_000 + b"\xff\xd9",
        FRAME + b"\xff" * 200_000 + b"\xff\xd9",
        FRAME + part(0xFE, b"") * 200_000 + b"\xff\xd9",
        png()[:-12] + chunk(b"tEXt", b"") * 200_000 + chunk(b"IEND", b""),
        webp([LOSSY, *[(b"JUNK", b"")] * 200_000]),
    ],
    ids=["marks", "filling", "comments", "chunks", "junk"],
)
def test_a_file_of_nothing_but_parts_is_no_picture(content: bytes) -> None:
    with pytest.raises(Refused, match="broken"):
        read(content)


def test_a_picture_whose_lines_are_full_of_signs_is_read_all_the_same() -> None:
    lines = part(0xDA, b"\1\1\0\0\x3f\0") + b"\xff\x00" * 300_000 + b"\xff\xff\xff\xd9"
    made = read(FRAME + lines)
    assert (made.width, made.height) == (40, 30)
    assert made.content.count(b"\xff\x00") == 300_000


def test_what_a_header_says_of_its_size_is_believed_and_nothing_is_unpacked() -> None:
    assert read(png(3, 2).replace(struct.pack(">II", 3, 2), struct.pack(">II", 60_000, 60_000))).width == 60_000
    with pytest.raises(Refused, match="broken"):
        read(png(3, 2).replace(struct.pack(">II", 3, 2), struct.pack(">II", 0, 2)))
