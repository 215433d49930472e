"""Bluesky's converters: what each shape means, what a hostile one costs, and that no bytes whatever make them raise."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.facets import find_spans
from listener.harmless import storable
from listener.model.heard import AuthorChanged, Deleted, Mention, Reason, Reject
from listener.model.kinds import Kind
from listener.sources.base import ThreadRead
from listener.sources.bluesky.convert import (
    MAX_RAW,
    POST,
    convert_jetstream,
    convert_notification,
    convert_profile,
    convert_thread,
    parse_time,
    read_notifications,
)
from listener.sources.bluesky.reply import mint_tid

HEARD = datetime(2026, 11, 2, 9, 12, tzinfo=UTC)
DID = "did:plc:q2exampleaaaaaaaaaaaaaaa"
BRAND = "did:plc:brandexampleaaaaaaaaaaaa"
ROOT = {"uri": f"at://{BRAND}/{POST}/3mxyz2222222c", "cid": "bafyroot"}
RECORD: dict[str, Any] = {
    "$type": POST,
    "text": "anyone tried @brand.example? #help https://a.example/x",
    "createdAt": "2026-11-02T09:11:28.004Z",
    "langs": ["en", "nb-NO"],
    "reply": {"root": ROOT, "parent": {"uri": f"at://{DID}/{POST}/3mxparent", "cid": "bafyparent"}},
    "facets": [
        {
            "index": {"byteStart": 13, "byteEnd": 27},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": BRAND}],
        },
        {
            "index": {"byteStart": 29, "byteEnd": 34},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "help"}],
        },
        {
            "index": {"byteStart": 35, "byteEnd": 54},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example/x"}],
        },
    ],
    "embed": {
        "$type": "app.bsky.embed.recordWithMedia",
        "record": {"$type": "app.bsky.embed.record", "record": ROOT},
        "media": {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": {}}, {"alt": "", "image": {}}]},
    },
    "tags": ["outage", "help"],
}
EVENT: dict[str, Any] = {
    "did": DID,
    "time_us": 1793610689377120,
    "cursor": 48211733901,
    "kind": "commit",
    "commit": {
        "rev": "3mxyzabcd3s2k",
        "operation": "create",
        "collection": POST,
        "rkey": "3mxyzabc2de2k",
        "cid": "bafyreigpost",
        "record": RECORD,
    },
}
NOTE: dict[str, Any] = {
    "uri": f"at://{DID}/{POST}/3mxyzabc2de2k",
    "cid": "bafyreigpost",
    "author": {"did": DID, "handle": "Mira.Example", "displayName": "Mira", "labels": []},
    "reason": "reply",
    "reasonSubject": ROOT["uri"],
    "record": RECORD,
    "isRead": False,
    "indexedAt": "2026-11-02T09:11:29.377Z",
}


def event(**over: Any) -> bytes:
    """The sample event with these fields of its record replaced; None takes one out."""
    made = deepcopy(EVENT)
    for name, value in over.items():
        made["commit"]["record"][name] = value
        if value is None:
            del made["commit"]["record"][name]
    return json.dumps(made).encode()


def mention(raw: bytes) -> Mention:
    made = convert_jetstream(raw, HEARD)
    assert isinstance(made, Mention), made
    return made


def test_a_post_with_everything() -> None:
    raw = event()
    made = mention(raw)
    assert made == Mention(
        key=made.key,
        source="bluesky",
        author=made.author,
        text=RECORD["text"],
        kind=Kind.REPLY,
        raw=raw,
        revision="3mxyzabcd3s2k",
        content_id="bafyreigpost",
        parent=f"at://{DID}/{POST}/3mxparent",
        root=ROOT["uri"],
        quoted=ROOT["uri"],
        named=(BRAND,),
        tags=("help", "outage"),
        links=("https://a.example/x",),
        media=2,
        langs=("en", "nb-NO"),
        url=f"https://bsky.app/profile/{DID}/post/3mxyzabc2de2k",
        claimed_at=datetime(2026, 11, 2, 9, 11, 28, 4000, tzinfo=UTC),
        network_at=datetime(2026, 11, 2, 9, 11, 29, 377120, tzinfo=UTC),
    )
    assert (made.key.space, made.key.external_id) == ("bluesky", f"at://{DID}/{POST}/3mxyzabc2de2k")
    assert (made.author.external_id, made.author.handle) == (DID, "")


@pytest.mark.parametrize(
    ("embed", "kind", "quoted", "media", "links"),
    [
        ({"$type": "app.bsky.embed.record", "record": ROOT}, Kind.QUOTE, ROOT["uri"], 0, ()),
        (
            {"$type": "app.bsky.embed.record", "record": {"uri": f"at://{BRAND}/app.bsky.graph.list/1"}},
            Kind.POST,
            None,
            0,
            (),
        ),
        ({"$type": "app.bsky.embed.images", "images": [{}, {}, {}]}, Kind.POST, None, 3, ()),
        ({"$type": "app.bsky.embed.video", "video": {"$type": "blob"}}, Kind.POST, None, 1, ()),
        (
            {"$type": "app.bsky.embed.external", "external": {"uri": "https://b.example"}},
            Kind.POST,
            None,
            0,
            ("https://b.example",),
        ),
        ({"$type": "made.up.later", "thing": 7}, Kind.POST, None, 0, ()),
        (7, Kind.POST, None, 0, ()),
    ],
)
def test_embeds(embed: Any, kind: Kind, quoted: str | None, media: int, links: tuple[str, ...]) -> None:
    made = mention(event(embed=embed, reply=None, facets=None))
    assert (made.kind, made.quoted, made.media, made.links) == (kind, quoted, media, links)


def test_deletes_and_authors() -> None:
    gone = deepcopy(EVENT)
    gone["commit"] = {"rev": "3mz", "operation": "delete", "collection": POST, "rkey": "3mxyzabc2de2k"}
    made = convert_jetstream(json.dumps(gone).encode(), HEARD)
    assert isinstance(made, Deleted)
    assert (made.key.external_id, made.revision) == (f"at://{DID}/{POST}/3mxyzabc2de2k", "3mz")
    for body, status, handle in (
        ({"kind": "account", "account": {"active": False, "status": "deleted"}}, "deleted", ""),
        ({"kind": "account", "account": {"active": False, "status": "takendown"}}, "takendown", ""),
        ({"kind": "account", "account": {"active": True}}, "active", ""),
        ({"kind": "identity", "identity": {"handle": "Mira.Example"}}, "", "mira.example"),
    ):
        changed = convert_jetstream(json.dumps({"did": DID, "time_us": 1793610689377120, **body}).encode(), HEARD)
        assert isinstance(changed, AuthorChanged)
        assert (changed.status, changed.author.handle) == (status, handle)


@pytest.mark.parametrize(
    "over",
    [
        {
            "kind": "commit",
            "commit": {"operation": "create", "collection": "app.bsky.feed.like", "rkey": "1", "record": {}},
        },
        {"kind": "account", "account": {"active": False, "status": "throttled"}, "commit": None},
        {"kind": "account", "account": "gone", "commit": None},
        {"kind": "identity", "identity": {"handle": "handle.invalid"}, "commit": None},
        {"kind": "identity", "identity": {"handle": "a b"}, "commit": None},
        {"kind": "sync", "commit": None},
        {"kind": "something new", "commit": None},
        {"kind": "commit", "commit": None},
    ],
)
def test_what_is_not_for_us(over: dict[str, Any]) -> None:
    assert convert_jetstream(json.dumps(EVENT | over).encode(), HEARD) is None


@pytest.mark.parametrize("field", ["reply", "facets", "embed", "langs", "tags", "createdAt"])
@pytest.mark.parametrize("junk", [7, "x", [1, None], {"a": 1}, True, [{"features": [7, {"$type": 3}]}], {"parent": 1}])
def test_a_wrong_typed_optional_field_does_not_cost_the_post(field: str, junk: Any) -> None:
    made = mention(event(**{field: junk}))
    assert made.text == RECORD["text"]
    if field != "facets":
        assert made.named == (BRAND,), "and not the fields beside it"


def test_one_bad_facet_does_not_cost_its_neighbours() -> None:
    facets = [
        7,
        {"features": None},
        {"features": [{"$type": 1}, RECORD["facets"][0]["features"][0]]},
        *RECORD["facets"],
    ]
    made = mention(event(facets=facets))
    assert made.named == (BRAND,)
    assert made.tags[0] == "help"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: e["commit"]["record"].pop("text"), Reason.WRONG_SHAPE),
        (lambda e: e["commit"]["record"].update(text=7), Reason.WRONG_SHAPE),
        (lambda e: e["commit"].update(record=[1]), Reason.WRONG_SHAPE),
        (lambda e: e["commit"].update(rkey="../x"), Reason.BAD_ID),
        (lambda e: e["commit"].update(rkey="a\x00b"), Reason.BAD_ID),
        (lambda e: e.update(did="did:plc:\ud800"), Reason.BAD_ID),
        (lambda e: e.update(did=7), Reason.BAD_ID),
        (lambda e: e["commit"]["record"].update(text="x" * 40_000), Reason.TOO_BIG),
    ],
)
def test_what_cannot_be_used_says_why_and_keeps_its_bytes(change: Any, reason: Reason) -> None:
    made = deepcopy(EVENT)
    change(made)
    raw = json.dumps(made).encode()
    reject = convert_jetstream(raw, HEARD)
    assert isinstance(reject, Reject)
    assert reject.reason is reason
    assert reject.raw == raw
    assert "anyone" not in reject.detail


def test_a_huge_frame_is_kept_in_part() -> None:
    reject = convert_jetstream(b'{"a":"' + b"x" * (2 << 20) + b'"}', HEARD)
    assert isinstance(reject, Reject)
    assert (reject.reason, len(reject.raw)) == (Reason.TOO_BIG, MAX_RAW)


def test_broken_text_is_mended_and_the_post_kept() -> None:
    raw = event().replace(b"anyone", rb"a\ud83dn\ud83d\ude42 \u0000 \udc00one")
    made = mention(raw)
    assert made.text.startswith("a�n🙂 ␀ �one tried")
    assert made.raw == raw
    assert made.named == (BRAND,)
    broken = event().replace(b"anyone", b"any\xff\xfeone")
    assert "�" in mention(broken).text
    made.text.encode()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-02T09:11:28.004Z", datetime(2026, 11, 2, 9, 11, 28, 4000, tzinfo=UTC)),
        ("2026-11-02T09:11:28.123456789Z", datetime(2026, 11, 2, 9, 11, 28, 123456, tzinfo=UTC)),
        ("2026-11-02T09:11:28+05:30", datetime(2026, 11, 2, 3, 41, 28, tzinfo=UTC)),
        ("2026-11-02T09:11:28", datetime(2026, 11, 2, 9, 11, 28, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("0000-00-00T99:99:99Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
        ("2" * 5000, None),
    ],
)
def test_claimed_times(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment
    assert mention(event(createdAt=text)).claimed_at == moment


@pytest.mark.parametrize("time_us", [0, -5, 1, 10**30, 2**63, "soon", None, 1.5, True])
def test_a_nonsense_network_time_is_the_time_heard(time_us: Any) -> None:
    assert mention(json.dumps(EVENT | {"time_us": time_us}).encode()).network_at == HEARD


# Notifications, threads, profiles ------------------------------------------------------------------------------------


def test_a_notification() -> None:
    raw = json.dumps(NOTE).encode()
    made = convert_notification(raw, HEARD)
    assert isinstance(made, Mention)
    assert made.key == mention(event()).key, "the same post, however it was heard"
    assert made.content_id == mention(event()).content_id
    assert (made.author.handle, made.author.name) == ("mira.example", "Mira")
    assert (made.revision, made.kind) == ("", Kind.REPLY)
    assert made.network_at == datetime(2026, 11, 2, 9, 11, 29, 377000, tzinfo=UTC)
    for reason in ("like", "follow", "repost", "something-new", 7):
        assert convert_notification(json.dumps(NOTE | {"reason": reason}).encode(), HEARD) is None


def test_a_page_gives_each_notification_by_itself() -> None:
    page = {"cursor": "c1", "notifications": [NOTE, {"broken": 7}, 5, NOTE]}
    read = read_notifications(json.dumps(page).encode())
    assert not isinstance(read, Reject)
    notes, cursor = read
    assert cursor == "c1"
    assert len({note.id for note in notes}) == 3, "the same post in the same version is one"
    assert notes[0].at == datetime(2026, 11, 2, 9, 11, 29, 377000, tzinfo=UTC)
    seen = json.dumps(page | {"notifications": [NOTE | {"isRead": True}, NOTE | {"cid": "bafyedited"}]}).encode()
    assert [note.id == notes[0].id for note in read_notifications(seen)[0]] == [True, False]
    assert [type(convert_notification(note.raw, HEARD)) for note in notes] == [Mention, type(None), Reject, Mention]
    odd = json.dumps(page).encode().replace(b"Mira", rb"\ud800")
    read = read_notifications(odd)
    assert not isinstance(read, Reject)
    assert isinstance(convert_notification(read[0][0].raw, HEARD), Mention)
    for bad in (b"", b"[]", b"{}", b'{"notifications":7}', b"<html>"):
        assert isinstance(read_notifications(bad), Reject)


def test_a_thread_that_is_two_hundred_deep() -> None:
    node: dict[str, Any] = {"post": NOTE}
    for n in range(200):
        node = {"post": NOTE | {"uri": f"at://{DID}/{POST}/p{n}"}, "replies": [node]}
    read = convert_thread(json.dumps({"thread": node}).encode(), HEARD)
    assert isinstance(read, ThreadRead)
    assert len(read.mentions) == 201
    deep = b'{"thread":' + b'{"parent":' * 50_000 + b"1" + b"}" * 50_001
    assert isinstance(convert_thread(deep, HEARD), Reject)


def test_a_profile_with_nonsense_numbers() -> None:
    view = {"did": DID, "handle": "x.test", "description": "b\x00io", "followersCount": -4, "postsCount": 10**40}
    made = convert_profile(json.dumps(view).encode())
    assert not isinstance(made, Reject)
    assert (made.followers, made.posts, made.bio) == (None, None, "b␀io")


# Whatever the bytes are ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.sampled_from([DID, POST]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here] * bool(here) + [path for key, one in inner for path in paths(one, (*here, key))]


def mutated(sample: dict[str, Any], changes: list[tuple[int, Any]]) -> bytes:
    """The sample with values at some of its places replaced."""
    made = deepcopy(sample)
    for number, junk in changes:
        places = paths(made)
        *way, last = places[number % len(places)]
        box = made
        for step in way:
            box = box[step]
        box[last] = junk
    return json.dumps(made).encode("utf-8", "surrogatepass")


CHANGES = st.lists(st.tuples(st.integers(0, 500), JSON), max_size=3)


def check(made: Any) -> None:
    """Whatever comes out can be stored: text without NUL and lone surrogates, times in UTC, ids that are ids."""
    if isinstance(made, Reject):
        assert made.detail.isascii()
        assert len(made.raw) <= MAX_RAW
    if not isinstance(made, Mention):
        return
    texts = [made.text, made.key.external_id, made.revision, made.content_id, made.author.handle, made.author.name]
    texts += [
        *made.named,
        *made.tags,
        *made.links,
        *made.langs,
        made.url,
        made.parent or "",
        made.root or "",
        made.quoted or "",
    ]
    for text in texts:
        text.encode()
        assert "\x00" not in text
    assert made.key.external_id.startswith("at://did:")
    assert made.kind is (Kind.REPLY if made.parent else Kind.QUOTE if made.quoted else Kind.POST)
    assert made.claimed_at is None or made.claimed_at.tzinfo is UTC
    assert made.network_at is not None
    assert 0 <= made.media <= 32767


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_mutated_events_never_raise(changes: list[tuple[int, Any]]) -> None:
    check(convert_jetstream(mutated(EVENT, changes), HEARD))


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_mutated_notifications_never_raise(changes: list[tuple[int, Any]]) -> None:
    raw = mutated(NOTE, changes)
    check(convert_notification(raw, HEARD))
    thread = convert_thread(b'{"thread":{"post":' + raw + b',"replies":[{"post":' + raw + b"}]}}", HEARD)
    for one in thread.mentions if isinstance(thread, ThreadRead) else ():
        check(one)
    read_notifications(b'{"notifications":[' + raw + b"]}")
    convert_profile(raw)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300) | st.builds(lambda n, junk: event()[:n] + junk, st.integers(0, 900), st.binary(max_size=20))
)
def test_any_bytes_never_raise(raw: bytes) -> None:
    check(convert_jetstream(raw, HEARD))
    check(convert_notification(raw, HEARD))
    convert_thread(raw, HEARD)
    convert_profile(raw)
    read_notifications(raw)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None)))
def test_storable_text_can_be_stored(text: str) -> None:
    made = storable(text)
    made.encode()
    assert "\x00" not in made
    assert storable(made) == made
    if "\x00" not in text and text.isascii():
        assert made == text


@settings(max_examples=200, deadline=None)
@given(st.text(), st.datetimes())
def test_times_of_any_text_never_raise(text: str, moment: datetime) -> None:
    parse_time(text)
    assert parse_time(moment.isoformat() + "Z") == moment.replace(tzinfo=UTC)


# Our own text --------------------------------------------------------------------------------------------------------


def marked(text: str) -> list[tuple[str, str, str]]:
    wire = text.encode()
    return [(span.kind, wire[span.start : span.end].decode(), span.value) for span in find_spans(text)]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("@mira.example hi", [("mention", "@mira.example", "mira.example")]),
        ("ünï 🙂 @Mira.Example.", [("mention", "@Mira.Example", "mira.example")]),
        ("(@mira.example)", [("mention", "@mira.example", "mira.example")]),
        ("mail me@mira.example", []),
        ("@nodot", []),
        ("see https://a.example/x, ok", [("link", "https://a.example/x", "https://a.example/x")]),
        ("(https://a.example/x)", [("link", "https://a.example/x", "https://a.example/x")]),
        ("https://a.example/x_(y)", [("link", "https://a.example/x_(y)", "https://a.example/x_(y)")]),
        ("https://user:pw@a.example", []),
        ("https://", []),
        ("javascript:alert(1)", []),
        ("#help! #1 # ##", [("tag", "#help", "help")]),
        ("＃日本語", [("tag", "＃日本語", "日本語")]),
        (
            "https://a.example/#frag #tag",
            [("link", "https://a.example/#frag", "https://a.example/#frag"), ("tag", "#tag", "tag")],
        ),
        ("", []),
    ],
)
def test_what_is_marked_in_our_text(text: str, spans: list[tuple[str, str, str]]) -> None:
    assert marked(text) == spans


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("@#.a1 é🙂\n(https://x.y)＃-_"), max_size=60) | st.text())
def test_spans_lie_in_the_text_and_never_overlap(text: str) -> None:
    size, end = len(text.encode("utf-8", "replace")), 0
    for span in find_spans(text):
        assert end <= span.start < span.end <= size
        end = span.end


def test_record_keys_are_sortable_and_shaped_as_the_network_wants_them() -> None:
    keys = [mint_tid(us, 5) for us in (1, 2, 1_793_610_689_377_120, 1_793_610_689_377_121, 2**53 - 1)]
    assert keys == sorted(keys)
    assert all(len(key) == 13 and set(key) <= set("234567abcdefghijklmnopqrstuvwxyz") for key in keys)
    assert mint_tid(1_793_610_689_377_120, 0) != mint_tid(1_793_610_689_377_120, 1023)
