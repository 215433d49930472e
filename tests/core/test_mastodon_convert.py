"""What Mastodon's wire means: recorded answers all become items, garbage becomes rejects with a reason, and every field is one that is published."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.model.heard import Mention, Profile, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.mastodon.convert import Us, convert, convert_profile, packed, statuses_in
from listener.sources.mastodon.events import read_frame
from listener.sources.mastodon.lists import read_marks
from listener.sources.mastodon.server import read_customs

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
US = Us("https://brand.example", "brand.example", "42", "https://brand.example/users/acme")
SHARED = next((up / "shared" for up in Path(__file__).parents if (up / "shared/contracts").is_dir()), Path("shared"))
RECORDED = SHARED / "data/api_samples/mastodon.jsonl.gz"
CONTRACT = SHARED / "contracts/mastodon-openapi.json.gz"

STATUS: Mapping[str, Any] = {
    "id": "115480000000000123", "uri": "https://social.example/users/mira/statuses/1", "url": "https://social.example/@mira/1",
    "created_at": "2026-11-02T09:11:27.000Z", "edited_at": None, "in_reply_to_id": "11", "in_reply_to_account_id": "42",
    "visibility": "unlisted", "sensitive": False, "spoiler_text": "", "language": "en",
    "content": '<p><span class="h-card"><a href="https://brand.example/@acme" class="u-url mention">@<span>acme</span></a></span> does it?</p>',
    "mentions": [{"id": "42", "username": "acme", "url": "https://brand.example/@acme", "acct": "acme"}], "tags": [], "emojis": [],
    "media_attachments": [], "card": None, "poll": {"options": [{"title": "yes"}, {"title": "no"}]}, "replies_count": 0,
    "reblogs_count": 2, "favourites_count": 1,
    "account": {"id": "109211", "acct": "mira@social.example", "url": "https://social.example/@mira", "display_name": "Mira"},
}  # fmt: skip


def test_a_status_says_what_it_says() -> None:
    read = convert(
        packed(
            US,
            STATUS,
            parent="https://brand.example/users/acme/statuses/11",
            note="mention",
            told_at="2026-11-02T09:11:29Z",
        ),
        NOW,
    )
    assert isinstance(read, Mention)
    assert read.text == "@acme does it?\n\n- yes\n- no"
    assert (read.kind, read.named, read.answers) == (Kind.REPLY, (US.external_id,), (US.external_id,))
    assert read.parent == "https://brand.example/users/acme/statuses/11"
    assert read.root is None, "no status says where its thread begins: what it answers may be an answer itself"
    assert read.author.external_id == "https://social.example/@mira", (
        "an account without an actor's address is known by its page"
    )
    assert (read.claimed_at, read.network_at) == (
        datetime(2026, 11, 2, 9, 11, 27, tzinfo=UTC),
        datetime(2026, 11, 2, 9, 11, 29, tzinfo=UTC),
    )
    edited = convert(packed(US, {**STATUS, "edited_at": "2026-11-02T09:12:00.001Z", "content": "other"}), NOW)
    again = convert(packed(US, {**STATUS, "edited_at": "2026-11-02T09:12:00.002Z", "content": "other"}), NOW)
    assert isinstance(edited, Mention)
    assert isinstance(again, Mention)
    assert read.revision < edited.revision < again.revision
    assert read.content_id != edited.content_id == again.content_id


def test_who_may_read_a_status_is_never_told_as_more_than_it_is() -> None:
    told = {}
    for visibility in ("public", "unlisted", "private", "direct", "mutuals_only"):
        read = convert(packed(US, {**STATUS, "visibility": visibility}), NOW)
        assert isinstance(read, Mention)
        told[visibility] = (read.audience.value, read.kind is Kind.DM)
    assert told == {
        "public": ("public", False), "unlisted": ("unlisted", False), "private": ("followers", False), "direct": ("public", True),
        "mutuals_only": ("some", False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"uri": None}, Reason.BAD_ID),
        ({"uri": "with a space"}, Reason.BAD_ID),
        ({"account": {"id": "1"}}, Reason.BAD_ID),
        ({"content": 7}, Reason.WRONG_SHAPE),
        ({"visibility": None}, Reason.WRONG_SHAPE),
        ({"created_at": "yesterday"}, Reason.BAD_TIME),
        ({"content": "x" * 150_000}, Reason.TOO_BIG),
    ],
)
def test_what_lacks_a_needed_thing_is_rejected_by_its_reason(changed: Mapping[str, Any], reason: Reason) -> None:
    read = convert(packed(US, {**STATUS, **changed}), NOW)
    assert isinstance(read, Reject)
    assert read.reason is reason
    assert "does it" not in read.detail


_ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*STATUS, "id", "acct"]), inner, max_size=3),
                    max_leaves=8)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*STATUS, "quote", "poll"]), _ANY, max_size=4), st.binary(max_size=60))
def test_nothing_makes_a_converter_raise(changed: dict[str, Any], noise: bytes) -> None:
    assert isinstance(convert(packed(US, {**STATUS, **changed}), NOW), Mention | Reject)
    for raw in (noise, packed(US, changed)[:-3], packed(US, noise.decode("latin-1"))):
        assert isinstance(convert(raw, NOW), Mention | Reject)
    read_frame(noise)
    read_frame(json.dumps({"event": "delete", "payload": changed}, default=str).encode())
    convert_profile(changed, US)
    read_customs(changed, "h")
    list(statuses_in(changed))


def test_a_bookmark_survives_being_kept() -> None:
    cursor = 'm1:{"notifications":["01HZ","2026-11-02T09:11:29+00:00"],"tag/acme":["","2026-11-02T09:11:29+00:00"]}'
    assert read_marks(cursor).cursor() == cursor


# Against what was recorded and published -----------------------------------------------------------------------------


def _answers() -> Iterator[dict[str, Any]]:
    if not RECORDED.exists():
        pytest.skip("the recorded answers are not on this machine")
    with gzip.open(RECORDED, "rt") as lines:
        yield from map(json.loads, lines)


def _statuses(body: Any) -> Iterator[dict[str, Any]]:
    """Every status at any depth."""
    if isinstance(body, dict):
        if {"uri", "content", "visibility"} <= set(body):
            yield body
        for inner in body.values():
            yield from _statuses(inner)
    elif isinstance(body, list):
        for inner in body:
            yield from _statuses(inner)


def test_every_recorded_status_becomes_a_mention() -> None:
    found = [status for answer in _answers() for status in _statuses(answer.get("body"))]
    assert len(found) > 150
    for status in found:
        read = convert(packed(US, status), NOW)
        if not status["uri"] or status.get("content") is None:
            assert isinstance(read, Reject)
            continue
        assert isinstance(read, Mention), (status["uri"], read)
        assert "<p>" not in read.text
        assert (read.kind is Kind.DM) == (status["visibility"] == "direct")
        assert isinstance(convert_profile(status["account"], US), Profile)


def test_every_field_is_published() -> None:
    if not CONTRACT.exists():
        pytest.skip("the published contract is not on this machine")
    with gzip.open(CONTRACT) as file:
        contract = json.load(file)
    shapes = {name: set(shape.get("properties", {})) for name, shape in contract["components"]["schemas"].items()}
    assert set(STATUS) <= shapes["Status"]
    assert {
        "id",
        "acct",
        "uri",
        "url",
        "display_name",
        "note",
        "fields",
        "followers_count",
        "statuses_count",
    } <= shapes["Account"]
    assert {"id", "type", "status", "created_at"} <= shapes["Notification"]
    assert {"blocking"} <= shapes["Relationship"]
    assert {"quote", "quotes_count", "favourited", "reblog", "edited_at"} <= shapes["Status"]
