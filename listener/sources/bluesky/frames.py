"""The firehose's frames as the events that Jetstream would have made of them: pure, and never raising, whatever the bytes are.

Owns DAG-CBOR and CAR. A frame holds one commit of one repository, with all that it writes at once; each written post becomes an event of its own,
in Jetstream's words, so that there is one reading of records and one form in which they are kept. What is no post is only looked at for its place.
Refuses to prove a commit: signatures and hashes are the host's affair, and which host is believed is the operator's.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import libipld
import msgspec

from listener.model.heard import Item, Reason, Reject
from listener.sources.bluesky.convert import (
    MAX_RAW,
    POST,
    convert_event,
    plain_name,
    read_event,
    us_of,
)
from listener.sources.bluesky.shapes import Event, Notice, Said

MAX_FRAME = 8 << 20
"""Bytes; the network's own rule is five million."""
_LINK = 36
"""Bytes of a content id as the network makes them: version, codec, and 32 bytes of a hash with its name."""
_WRITES = frozenset({"create", "update", "delete"})


def is_frame(raw: bytes) -> bool:
    """Whether kept bytes are a frame of the firehose: a map of two, which no JSON begins with."""
    return raw[:1] == b"\xa2"


def read_frame(frame: bytes) -> Sequence[Said]:
    """What a frame says, in its order: at least one thing, so that its place is known."""
    if len(frame) > MAX_FRAME:
        return (Reject(Reason.TOO_BIG, f"a frame of {len(frame)} bytes", frame[:MAX_RAW]),)
    try:
        return _read(frame)
    except RecursionError:
        return (Reject(Reason.NOT_DECODED, "nested too deeply", frame[:MAX_RAW]),)


def convert_frame(frame: bytes, heard_at: datetime) -> tuple[Item, ...]:
    """All that a frame means to us. Never raises."""
    items: list[Item] = []
    for said in read_frame(frame):
        if isinstance(said, Reject):
            items.append(said)
        elif not isinstance(said, Notice) and (item := convert_event(*said, heard_at)) is not None:
            items.append(item)
    return tuple(items)


def _read(frame: bytes) -> Sequence[Said]:
    try:
        parts = libipld.decode_dag_cbor_multi(frame)
    except ValueError:
        return (Reject(Reason.NOT_DECODED, "a frame that is no DAG-CBOR", frame[:MAX_RAW]),)
    if len(parts) != 2 or not isinstance(parts[0], dict) or not isinstance(parts[1], dict):
        return (Reject(Reason.WRONG_SHAPE, "a frame that is not a head and a body", frame[:MAX_RAW]),)
    head, body = parts
    if head.get("op") == -1:
        return (Notice(plain_name(body.get("error")), ends=True),)
    kind = _text(head, "t").removeprefix("#")
    if kind == "info":
        return (Notice(plain_name(body.get("name"))),)
    did, seq, us = _text(body, "repo" if kind == "commit" else "did"), _number(body, "seq"), us_of(body.get("time"))
    place = (Event(did, kind, us, seq), b"")
    if kind == "commit":
        made = _written(body, did, seq, us, frame)
        return made if any(isinstance(said, tuple) for said in made) else [*made, place]
    if kind in {"account", "identity"}:
        return (_event({"did": did, "time_us": us, "cursor": seq, "kind": kind, kind: body}, frame),)
    return (place,)


def _written(body: Mapping[str, Any], did: str, seq: int, us: int, frame: bytes) -> list[Said]:
    """Each write of a post in a commit."""
    listed = body.get("ops")
    ops = [op for op in listed if isinstance(op, dict) and _is_post(op)] if isinstance(listed, list) else []
    made: list[Said] = []
    if body.get("tooBig") is True:
        made.append(Reject(Reason.TOO_BIG, "a commit that the host did not hand over whole", frame[:MAX_RAW]))
        ops = [op for op in ops if op.get("action") == "delete"]
    blocks: Mapping[Any, Any] = {}
    if any(op.get("action") != "delete" for op in ops):
        car = body.get("blocks")
        try:
            _, blocks = libipld.decode_car(car if isinstance(car, bytes) else b"")
        except ValueError:
            return [*made, Reject(Reason.NOT_DECODED, "a commit whose blocks are no CAR", frame[:MAX_RAW])]
    for op in ops:
        action = _text(op, "action")
        commit: dict[str, Any] = {
            "rev": _text(body, "rev"),
            "operation": action,
            "collection": POST,
            "rkey": _text(op, "path").removeprefix(f"{POST}/"),
        }
        if action != "delete":
            link = op.get("cid")
            record = blocks.get(link) if isinstance(link, bytes) else None
            commit |= {"cid": _cid(link), **({} if record is None else {"record": _plain(record)})}
        made.append(_event({"did": did, "time_us": us, "cursor": seq, "kind": "commit", "commit": commit}, frame))
    return made


def _is_post(op: Mapping[str, Any]) -> bool:
    return _text(op, "path").startswith(f"{POST}/") and op.get("action") in _WRITES


def _event(told: Mapping[str, Any], frame: bytes) -> Said:
    try:
        raw = msgspec.json.encode(told)
    except (TypeError, ValueError, OverflowError):
        return Reject(Reason.NOT_DECODED, "a record that cannot be written as JSON", frame[:MAX_RAW])
    event = read_event(raw)
    return event if isinstance(event, Reject) else (event, raw)


def _plain(value: Any) -> Any:
    """A record in the JSON form of the data model: links and bytes are written out."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        link = _cid(value)
        return {"$link": link} if link else {"$bytes": base64.b64encode(value).decode().rstrip("=")}
    return value


def _cid(link: object) -> str:
    """A content id as text; '' for bytes that are none."""
    if not isinstance(link, bytes) or len(link) != _LINK or link[0] != 1:
        return ""
    try:
        return str(libipld.encode_cid(link))
    except ValueError:
        return ""


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0
