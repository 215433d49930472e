"""What Facebook and Instagram say, as items: recorded notices, notices by hand, rubbish of every sort, and the contract of what we ask for."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.heard import Deleted, Hidden, Item, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.base import Delivery
from listener.sources.meta import facebook, grams, instagram, pages
from listener.sources.meta.graph import usage_of
from listener.sources.meta.hook import GraphHook
from listener.sources.meta.shapes import Piece, content_of, unpacked
from pretend.graph import SECRET, signed, written

SHARED = Path(__file__).parents[3] / "shared"
RECORDED, CONTRACT = SHARED / "data" / "api_samples", SHARED / "contracts" / "meta-graph-objects.json.gz"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PAGE = "104200000000001"


def hooks() -> dict[str, GraphHook]:
    def gram(notice: Any) -> tuple[Item, ...]:
        return grams.of_notice(notice, {"larkspur.gram": "17841400000000001"})

    return {
        "facebook": GraphHook("facebook", "page", pages.of_notice, app_secret=SECRET, verify_token="w"),
        "instagram": GraphHook("instagram", "instagram", gram, app_secret=SECRET, verify_token="w"),
    }


def told(value: Any, field: str = "feed", *, at: int = 1793610690) -> tuple[Item, ...]:
    """What a Page's notice says."""
    body = written(
        {"object": "page", "entry": [{"id": PAGE, "time": at, "changes": [{"field": field, "value": value}]}]}
    )
    return hooks()["facebook"].convert(Delivery(signed(body), body))


def comment(verb: Any = "add", comment_id: Any = "1222_777", **other: Any) -> dict[str, Any]:
    return {
        "item": "comment", "verb": verb, "comment_id": comment_id, "post_id": f"{PAGE}_1222", "parent_id": f"{PAGE}_1222",
        "from": {"id": "6900000000000001", "name": "Mira Example"}, "message": "Does it ship to Norway?", "created_time": 1793610688, **other,
    }  # fmt: skip


def recorded(name: str) -> Iterator[tuple[str, Any]]:
    path = RECORDED / f"{name}_webhooks.jsonl.gz"
    if not path.exists():
        pytest.skip("the recorded notices are not here")
    for line in gzip.decompress(path.read_bytes()).splitlines():
        box = json.loads(line)
        yield box["fixture"], box["body"]


def test_every_recorded_notice_of_pages_is_what_it_says_or_passed_over() -> None:
    found: dict[str, list[Item]] = {}
    for name, body in recorded("facebook"):
        raw = json.dumps(body).encode()
        found[name] = list(hooks()["facebook"].convert(Delivery(signed(raw), raw)))
    assert [one for items in found.values() for one in items if isinstance(one, Reject)] == []
    mentions = {name: one for name, items in found.items() for one in items if isinstance(one, Mention)}
    added = mentions["feed-comment-add-25.json"]
    assert (added.kind, added.text, added.root) == (Kind.COMMENT, "and the next one", "1234567890321_901097836652708")
    assert (added.author.external_id, added.author.name, added.answers) == (
        "1234567890321",
        "Tester",
        ("1234567890321",),
    )
    assert mentions["feed-comment-add-with-video.json"].media == 1
    assert mentions["feed-share-add-25.json"].links == ("http://www.google.com/",)
    assert mentions["mention-comment-add.json"].named == ("1234567890321",)
    assert mentions["mention-comment-add.json"].author.external_id == "unknown:7363534231324_3754798971271444"
    assert mentions["feed-status-edited-photos.json"].revision > mentions["feed-status-add-25.json"].revision
    deleted = [one for items in found.values() for one in items if isinstance(one, Deleted)]
    assert [one.key.external_id for one in deleted] == ["905578656204626_905579239537901"]
    hidden = [one for items in found.values() for one in items if isinstance(one, Hidden)]
    assert len(hidden) == 3
    # Likes, reactions, albums, private messages: not for us.
    quiet = [name for name, items in found.items() if not items]
    assert all(re.match(r"messaging|feed-(like|reaction|album|photo-edited\.|video-mute)", name) for name in quiet), (
        quiet
    )


def test_every_recorded_piece_of_instagram_is_read() -> None:
    bodies = dict(recorded("instagram"))
    items = [
        one
        for name in ("wh-comments.json", "wh-story_insights.json")
        for one in hooks()["instagram"].read(json.dumps(bodies[name]).encode())
    ]
    (said,) = items
    assert isinstance(said, Mention)
    assert (said.text, said.author.external_id, said.network_at) == (
        "This is an example.",
        "unknown:123456789",
        datetime(2018, 2, 23, 15, 21, 47, tzinfo=UTC),
    )
    missing, hidden = grams.of_piece(Piece("comment", "1", bodies["comment_missing_user.json"], NOW), {})
    assert isinstance(missing, Mention)
    assert (missing.author.handle, missing.root, hidden) == (
        "bincyshiona",
        "17866467940233520",
        Hidden(missing.key, False, NOW),
    )
    (named,) = grams.of_piece(Piece("named media", "1", bodies["mentioned-media.json"]["mentioned_media"], NOW), {})
    assert isinstance(named, Mention)
    assert named.text == "metricsaurus headquarters!"


def test_a_comment_says_where_it_stands_and_until_when_it_can_be_answered_in_private() -> None:
    (said,) = told(
        comment(
            post={"id": f"{PAGE}_1222", "permalink_url": "https://www.facebook.com/1222", "promotion_status": "active"}
        )
    )
    assert isinstance(said, Mention)
    assert (said.key.external_id, said.parent, said.root) == ("1222_777", f"{PAGE}_1222", f"{PAGE}_1222")
    assert said.private_until is not None
    assert said.network_at is not None
    assert said.private_until - said.network_at == timedelta(days=7)
    assert said.answers == (PAGE,)
    (ours,) = told(comment(**{"from": {"id": PAGE, "name": "Larkspur"}}))
    assert isinstance(ours, Mention)
    assert (ours.author.external_id, ours.private_until) == (PAGE, None)
    (nested,) = told(comment(parent_id="1222_700"))
    assert isinstance(nested, Mention)
    assert (nested.parent, nested.root) == ("1222_700", f"{PAGE}_1222")


def test_two_whom_the_network_does_not_name_are_not_one() -> None:
    (one,), (other,) = told(comment(**{"from": None})), told(comment(comment_id="1222_778", **{"from": None}))
    assert isinstance(one, Mention)
    assert isinstance(other, Mention)
    assert one.author != other.author


def test_a_late_new_never_wins_over_an_edit_and_a_look_wins_over_both() -> None:
    (new,), (edited,) = told(comment(), at=1793619999), told(comment("edited", message="To Sweden?"), at=1793610688)
    value = {"id": "1222_777", "message": "To Finland?", "created_time": "2026-11-02T09:11:28+0000", "is_hidden": True}
    seen, hidden = pages.of_piece(Piece("comment", PAGE, value, datetime.fromtimestamp(1793610688, UTC)))
    assert isinstance(new, Mention)
    assert isinstance(edited, Mention)
    assert isinstance(seen, Mention)
    assert new.revision < edited.revision < seen.revision
    assert hidden == Hidden(seen.key, True, datetime.fromtimestamp(1793610688, UTC))
    assert told(comment("edited", message=None)) == (), "how it now reads is not said"
    same, _ = pages.of_piece(Piece("comment", PAGE, {**value, "message": "Does it ship to Norway?"}, NOW))
    assert isinstance(same, Mention)
    assert same.content_id == new.content_id == content_of("Does it ship to Norway?")


def test_what_was_edited_hidden_or_removed_is_told_as_that() -> None:
    assert told(comment("remove", message=None)) == (Deleted(told(comment())[0].key),)
    at = datetime.fromtimestamp(1793610690, UTC)
    key = told(comment())[0].key
    assert told(comment("hide")) == (Hidden(key, True, at),)
    assert told(comment("unhide")) == (Hidden(key, False, at),)


def test_one_notice_that_cannot_be_used_takes_no_other_along() -> None:
    entries = [
        {"id": PAGE, "time": 1793610690, "changes": [{"field": "feed", "value": comment()}, {"field": "feed"}, 7]},
        "nothing",
        {"id": PAGE, "time": "never", "changes": [{"field": "feed", "value": comment("hide", created_time=None)}]},
        {"id": PAGE, "time": 1793610690, "messaging": [{"message": {"text": "private"}}]},
    ]
    body = written({"object": "page", "entry": entries})
    items = hooks()["facebook"].read(body)
    assert [one.reason if isinstance(one, Reject) else type(one) for one in items] == [
        Mention, Reason.WRONG_SHAPE, Reason.WRONG_SHAPE, Reason.BAD_ID, Reason.BAD_TIME,
    ]  # fmt: skip
    assert "Norway" not in " ".join(one.detail for one in items if isinstance(one, Reject))
    # What is kept of each alone says the same again.
    for one in items:
        if isinstance(one, Mention):
            assert hooks()["facebook"].read(one.raw) == (one,)


def test_instagram_puts_a_change_into_the_entry_or_into_a_list() -> None:
    value = {
        "id": "1803",
        "from": {"id": "9", "username": "mira.ex"},
        "text": "ship?",
        "parent_id": "1802",
        "media": {"id": "1799"},
    }
    head = {"id": "17841400000000001", "time": 1793610690}
    both = [
        {**head, "field": "comments", "value": value},
        {**head, "changes": [{"field": "live_comments", "value": value}]},
    ]
    one, other = hooks()["instagram"].read(written({"object": "instagram", "entry": both}))
    assert isinstance(one, Mention)
    assert isinstance(other, Mention)
    assert (one.key, one.author, one.parent, one.root) == (other.key, other.author, "1802", "1799")


def test_our_own_comment_on_instagram_is_ours_by_whatever_id_it_is_told() -> None:
    for who in (
        {"id": "5", "self_ig_scoped_id": "5"},
        {"id": "5", "username": "Larkspur.Gram"},
        {"id": "17841400000000001"},
    ):
        value = {"id": "1803", "from": who, "text": "thanks", "media": {"id": "1799"}}
        entry = {"id": "17841400000000001", "time": 1793610690, "changes": [{"field": "comments", "value": value}]}
        (said,) = hooks()["instagram"].read(written({"object": "instagram", "entry": [entry]}))
        assert isinstance(said, Mention)
        assert (said.author.external_id, said.private_until) == ("17841400000000001", None)


def test_a_mention_of_ids_only_comes_before_every_state_that_has_words() -> None:
    entry = {
        "id": "178",
        "time": 1793610690,
        "changes": [{"field": "mentions", "value": {"media_id": "1788", "comment_id": "1803"}}],
    }
    (bare,) = hooks()["instagram"].read(written({"object": "instagram", "entry": [entry]}))
    (full,) = grams.of_piece(
        Piece("named comment", "178", {"id": "1803", "text": "hi", "from": {"username": "ola"}}, NOW), {}
    )
    assert isinstance(bare, Mention)
    assert isinstance(full, Mention)
    assert (bare.text, bare.named, full.named) == ("", ("178",), ("178",))
    told = {**entry, "changes": [{"field": "comments", "value": {"id": "1803", "text": "hi", "media": {"id": "1788"}}}]}
    (under_ours,) = hooks()["instagram"].read(written({"object": "instagram", "entry": [told]}))
    assert isinstance(under_ours, Mention)
    assert bare.revision < under_ours.revision < full.revision, "whichever of the two notices comes first"
    assert bare.author.external_id == full.author.external_id, "so that the name is learned and the conversation stays"


# Rubbish ---------------------------------------------------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["1_2", "comment", "2026-11-02T09:11:28+0000"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "data", "name", "username", "parent"]) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=12,
)
names = st.sampled_from([
    "item", "verb", "comment_id", "post_id", "parent_id", "from", "message", "created_time", "permalink_url", "link", "post", "photos", "id",
    "text", "caption", "media", "media_id", "timestamp", "username", "parent", "is_hidden", "hidden", "attachment", "attachments", "message_tags",
    "like_count", "shares", "comments", "sender_id", "sender_name", "user",
])  # fmt: skip
values = st.dictionaries(names, anything, max_size=10)
usual = st.fixed_dictionaries({}, optional={
    "item": st.sampled_from(["comment", "status", "like"]), "verb": st.sampled_from(["add", "edited", "hide", "remove"]),
    "comment_id": st.just("1_2"), "post_id": st.just("3_1"), "id": st.just("18"), "message": anything, "text": anything, "caption": anything,
    "created_time": st.just("2026-11-02T09:11:28+0000") | anything, "timestamp": st.just("2026-11-02T09:11:28+0000") | anything,
})  # fmt: skip


@settings(max_examples=60)
@given(values, usual, st.sampled_from(["feed", "mention", "comments", "live_comments", "mentions"]), anything)
def test_no_notice_and_no_piece_raises(some: dict[str, Any], other: dict[str, Any], field: str, at: Any) -> None:
    value = {**some, **other}
    for name, kind in (("facebook", "page"), ("instagram", "instagram")):
        body = json.dumps(
            {"object": kind, "entry": [{"id": "1", "time": at, "changes": [{"field": field, "value": value}]}]}
        ).encode()
        for item in hooks()[name].read(body):
            _storable(item)
    for edge in ("post", "comment", "tagged", "visitor"):
        for item in pages.of_piece(Piece(edge, "1", value, NOW)):
            _storable(item)
    for edge in ("media", "comment", "tagged", "named comment", "named media"):
        for item in grams.of_piece(Piece(edge, "1", value, NOW), {}):
            _storable(item)


def _storable(item: Item) -> None:
    if isinstance(item, Mention):
        item.text.encode()
        item.author.name.encode()
        assert "\x00" not in item.text + item.author.external_id + item.author.handle + item.url
        assert re.fullmatch(r"(\d{12}[aer])?", item.revision)
        piece = unpacked(item.raw, NOW)
        assert piece is None or piece.at == NOW
    elif isinstance(item, Reject):
        assert re.fullmatch(r"[ -~]+", item.detail)


@settings(max_examples=30)
@given(
    st.binary(max_size=60)
    | st.sampled_from([b"[" * 100_000, b'{"object":"page","entry":' + b"[" * 5000 + b"]" * 5000 + b"}", b"1" * 5000])
)
def test_no_bytes_raise(body: bytes) -> None:
    for hook in hooks().values():
        assert all(isinstance(one, Reject) for one in hook.read(body))


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["x-app-usage", "x-business-use-case-usage"]), st.text(max_size=30) | anything.map(json.dumps)
    )
)
def test_no_usage_header_raises(headers: dict[str, str]) -> None:
    percent, seconds = usage_of(headers)
    assert percent >= 0
    assert seconds >= 0


# The contract ----------------------------------------------------------------------------------------------------------


def test_all_fields_and_edges_that_we_ask_for_are_in_metas_own_list() -> None:
    if not CONTRACT.exists():
        pytest.skip("the published contract is not here")
    known = json.loads(gzip.decompress(CONTRACT.read_bytes()))

    def fields(name: str, asked: str) -> set[str]:
        wanted = set(
            re.findall(r"[a-z_]+", re.sub(r"\{[^{}]*\}|\.[a-z_]+\([^)]*\)", "", re.sub(r"\{[^{}]*\}", "", asked)))
        )
        return wanted - {field["name"] for field in known[name]["fields"]}

    assert fields("Comment", facebook.COMMENT) == set()
    assert fields("PagePost", facebook.POST) == {"attachments"}, "an edge of posts that the list leaves out"
    assert fields("IGComment", instagram.COMMENT) == set()
    assert fields("IGMedia", instagram.MEDIA) == set()
    edges = {
        name: {(one["method"], one.get("endpoint") or one["name"]) for one in known[name]["apis"]} for name in known
    }
    for name, method, edge in (
        ("Page", "GET", "published_posts"), ("Page", "GET", "ads_posts"), ("Page", "GET", "visitor_posts"), ("Page", "GET", "tagged"),
        ("Page", "GET", "subscribed_apps"), ("Page", "POST", "subscribed_apps"), ("Page", "POST", "messages"),
        ("PagePost", "GET", "comments"), ("PagePost", "POST", "comments"), ("Comment", "GET", "comments"), ("Comment", "POST", "comments"),
        ("Comment", "POST", "likes"), ("Comment", "DELETE", "likes"), ("Comment", "DELETE", "#delete"), ("Comment", "POST", "#update"),
        ("IGUser", "GET", "media"), ("IGUser", "GET", "tags"), ("IGUser", "POST", "mentions"), ("IGMedia", "GET", "comments"),
        ("IGMedia", "POST", "comments"), ("IGComment", "GET", "replies"), ("IGComment", "POST", "replies"), ("IGComment", "POST", "#update"),
        ("IGComment", "DELETE", "#delete"),
    ):  # fmt: skip
        assert (method, edge) in edges[name], (name, method, edge)
