"""Facets as an app would write them, and what is read back out of records nobody validated."""

from __future__ import annotations

import pytest

from pretend.lexicon import check, facets_of, mentioned_dids, post_record, quoted_uri, reply_uri
from pretend.wire import POST, cid_of, encode, iso, parse_datetime, tid

PEOPLE = {"larkspur.test": "did:plc:larkspur"}


def spans(text: str) -> list[tuple[str, str]]:
    """(what the facet covers, kind) read back by byte offsets."""
    raw = text.encode()
    return [
        (
            raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(),
            facet["features"][0]["$type"].rsplit("#", 1)[1],
        )
        for facet in facets_of(text, PEOPLE.get)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi @larkspur.test.", [("@larkspur.test", "mention")]),
        ("👩‍👩‍👧‍👦é日本 @larkspur.test #ünï https://x.test/é?q=1 ok", [
            ("@larkspur.test", "mention"), ("#ünï", "tag"), ("https://x.test/é?q=1", "link")]),
        ("@nobody.test and me@larkspur.test and #1", []),
        ("@LARKSPUR.test", [("@LARKSPUR.test", "mention")]),
    ],
)  # fmt: skip
def test_facets_are_byte_spans_of_handles_links_and_tags(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text) == expected
    check(POST, post_record(text, "2026-11-02T09:20:00.000Z", resolve=PEOPLE.get))


@pytest.mark.parametrize(
    "record",
    [{}, {"facets": 1}, {"facets": [1, {"features": [None, {"$type": "x#mention"}]}]}, {"reply": 1}, {"embed": []}],
)
def test_reading_tolerates_anything(record: dict[str, object]) -> None:
    assert mentioned_dids(record) == []
    assert reply_uri(record, "root") is None
    assert quoted_uri(record) is None


def test_quotes_with_pictures_are_quotes() -> None:
    inner = {"$type": "app.bsky.embed.record", "record": {"uri": "at://x/y/z", "cid": "c"}}
    assert quoted_uri({"embed": {"$type": "app.bsky.embed.recordWithMedia", "record": inner}}) == "at://x/y/z"


def test_ids_follow_from_their_contents() -> None:
    assert cid_of({"a": 1, "b": 2}) == cid_of({"b": 2, "a": 1}) != cid_of({"a": 1, "b": 3})
    assert tid(0) == "222222222222r"
    assert tid(10**15) < tid(10**15 + 1)
    assert len(tid(2**53 - 1)) == 13


def test_times_are_written_as_the_network_writes_them() -> None:
    assert iso(1_793_610_689_377_999) == "2026-11-02T09:11:29.377Z"
    assert parse_datetime("2026-11-02T09:11:29.377Z") == 1_793_610_689_377_000
    assert parse_datetime("2026-11-02T09:11:29") is None
    assert parse_datetime("0001-01-01T00:00:00+14:00") is not None


def test_what_is_not_unicode_is_escaped_and_the_rest_is_not() -> None:
    assert encode("é\ud800") == b'"\\u00e9\\ud800"'
    assert encode("é") == '"é"'.encode()
