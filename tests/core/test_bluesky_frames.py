"""Binary frames of a firehose, and messages of Jetstream's second wire, as the events that they mean. Pure, so fuzzed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import libipld
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener.model.heard import AuthorChanged, Deleted, Mention, Reason, Reject
from listener.sources.bluesky.convert import POST, convert_jetstream, read_message
from listener.sources.bluesky.frames import MAX_FRAME, convert_frame, is_frame, read_frame
from listener.sources.bluesky.shapes import Notice
from pretend.firehose import car, events_frame, repos_frame

HEARD = datetime(2026, 11, 2, 9, 12, tzinfo=UTC)
DID = "did:plc:q2exampleaaaaaaaaaaaaaaa"
US = 1793610689377120
RECORD = {"$type": POST, "text": "señor 🙂 larkspur is down", "createdAt": "2026-11-02T09:11:28.004Z", "langs": ["en"]}


def event(**over: Any) -> dict[str, Any]:
    commit = {"rev": "3mxyzabcd3s2k", "operation": "create", "collection": POST, "rkey": "3mxyzabc2de2k", "cid": "bafy"}
    head = {"did": DID, "time_us": US, "cursor": 77, "kind": "commit"}
    return head | {"commit": commit | {"record": RECORD}} | over


def commit(ops: list[dict[str, Any]], blocks: bytes, **over: Any) -> bytes:
    body = {"seq": 5, "repo": DID, "rev": "3mxyzabcd3s2k", "time": "2026-11-02T09:11:29.377120Z", "ops": ops}
    return frame({"op": 1, "t": "#commit"}, body | {"blocks": blocks, "tooBig": False} | over)


def frame(head: object, body: object) -> bytes:
    return bytes(libipld.encode_dag_cbor(head) + libipld.encode_dag_cbor(body))


def link(number: int) -> bytes:
    return b"\x01\x71\x12\x20" + bytes([number]) * 32


def test_the_three_wires_say_the_same() -> None:
    """One record, by each wire: the same message; its kept bytes are read again as the same."""
    by_first = convert_jetstream(json.dumps(event()).encode(), HEARD)
    by_second = convert_jetstream(events_frame(event(), 77), HEARD)
    (by_firehose,) = convert_frame(repos_frame(event(), 77), HEARD)
    for one in (by_first, by_second, by_firehose):
        assert isinstance(one, Mention)
        assert (one.text, one.revision, one.key.external_id, one.network_at) == (
            RECORD["text"],
            "3mxyzabcd3s2k",
            f"at://{DID}/{POST}/3mxyzabc2de2k",
            datetime(2026, 11, 2, 9, 11, 29, 377120, tzinfo=UTC),
        )
        assert convert_jetstream(one.raw, HEARD) == one
    assert isinstance(by_firehose, Mention)
    assert by_firehose.content_id.startswith("bafyrei")


def test_who_left_and_who_has_a_new_name_comes_by_each_wire() -> None:
    left = event(kind="account", account={"active": False, "status": "deactivated", "did": DID})
    named = event(kind="identity", identity={"handle": "mira.example", "did": DID})
    for told, status, handle in ((left, "deactivated", ""), (named, "", "mira.example")):
        (item,) = convert_frame(repos_frame(told, 9), HEARD)
        assert isinstance(item, AuthorChanged)
        assert (item.status, item.author.handle) == (status, handle)
        assert convert_jetstream(events_frame(told, 9), HEARD) == item


def test_one_commit_of_many_writes_is_as_many_messages_and_what_is_no_post_only_moves_the_place() -> None:
    blocks = [
        (link(n), libipld.encode_dag_cbor(RECORD | {"text": f"number {n}", "picture": {"ref": link(9)}}))
        for n in (1, 2)
    ]
    ops: list[dict[str, Any]] = [
        {"action": "create", "path": f"{POST}/3mxyzabc2de2k", "cid": link(1)},
        {"action": "create", "path": "app.bsky.feed.like/3mxyzabc2de2k", "cid": link(3)},
        {"action": "update", "path": f"{POST}/3mxyzabc2de3k", "cid": link(2)},
        {"action": "delete", "path": f"{POST}/3mxyzabc2de4k", "cid": None},
    ]
    first, second, gone = convert_frame(commit(ops, car(blocks)), HEARD)
    assert isinstance(first, Mention)
    assert isinstance(second, Mention)
    assert isinstance(gone, Deleted)
    assert (first.text, second.text) == ("number 1", "number 2")
    assert json.loads(first.raw)["commit"]["record"]["picture"]["ref"] == {"$link": libipld.encode_cid(link(9))}
    like = commit(ops[1:2], b"not looked at")
    ((place, raw),) = [said for said in read_frame(like) if isinstance(said, tuple)]
    assert (place.cursor, place.time_us, raw) == (5, US, b"")
    assert convert_frame(like, HEARD) == ()


def test_what_a_host_says_of_its_stream_is_no_event() -> None:
    assert list(read_frame(frame({"op": -1}, {"error": "FutureCursor", "message": "x"}))) == [
        Notice("FutureCursor", True)
    ]
    assert list(read_frame(frame({"op": 1, "t": "#info"}, {"name": "OutdatedCursor"}))) == [Notice("OutdatedCursor")]
    assert read_message(b'{"$type":"error","error":"ConsumerTooSlow"}') == Notice("ConsumerTooSlow", True)
    assert read_message(b'{"$type":"error","error":"\\u001b[2J"}') == Notice("unnamed", True)


def test_what_cannot_be_used_is_kept_with_its_reason() -> None:
    create = {"action": "create", "path": f"{POST}/3mxyzabc2de2k", "cid": link(1)}
    reasons = {
        b"\xa2half": Reason.NOT_DECODED,
        b"\x81" * 100_000: Reason.NOT_DECODED,
        frame(1, 2): Reason.WRONG_SHAPE,
        b"x" * (MAX_FRAME + 1): Reason.TOO_BIG,
        commit([create], b"no car"): Reason.NOT_DECODED,
        commit([create], car([])): Reason.WRONG_SHAPE,
        commit([create | {"path": f"{POST}/../.."}], car([(link(1), libipld.encode_dag_cbor(RECORD))])): Reason.BAD_ID,
        commit([create], car([]), tooBig=True): Reason.TOO_BIG,
        commit([create], car([(link(1), libipld.encode_dag_cbor({"text": 2**64 - 1}))])): Reason.WRONG_SHAPE,
    }
    for raw, reason in reasons.items():
        (item,) = convert_frame(raw, HEARD)
        assert isinstance(item, Reject)
        assert item.reason is reason
        assert item.raw[:1] in (b"{", raw[:1])
    assert is_frame(commit([], b""))
    assert not is_frame(b'{"kind":"commit"}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "op",
    "t",
    "seq",
    "repo",
    "did",
    "rev",
    "time",
    "ops",
    "blocks",
    "tooBig",
    "error",
    "name",
    "handle",
    "active",
    "status",
)
LINES = st.dictionaries(
    st.sampled_from(("action", "path", "cid")), VALUES | st.sampled_from(("create", f"{POST}/a")), max_size=3
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(LINES, max_size=3), max_size=8)
KINDS = st.sampled_from(("#commit", "#account", "#identity", "#sync", "#info", "#x"))


@settings(max_examples=150, deadline=None)
@given(KINDS, BODIES, st.integers(0, 400), st.binary(max_size=6))
@example("#commit", {"ops": [{"path": f"{POST}/a", "action": "create", "cid": link(1)}], "blocks": b"\x00"}, 0, b"")
def test_no_frame_raises(kind: str, body: dict[str, Any], at: int, noise: bytes) -> None:
    raw = frame({"op": 1, "t": kind}, body)
    for one in (raw, raw[:at] + noise + raw[at + len(noise) :], noise):
        for item in convert_frame(one, HEARD):
            assert isinstance(item, Mention | Deleted | AuthorChanged | Reject)
        assert read_frame(one)
