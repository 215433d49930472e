"""The same log in the other languages of the public stream: a host's own firehose, and the second wire of Jetstream.

``GET /xrpc/com.atproto.sync.subscribeRepos`` sends binary frames of two DAG-CBOR items, with a commit's records in a CAR; its cursor is a
sequence number and exclusive, one beyond the end is an error, an old one begins with a notice. ``.../network.bsky.jetstream.subscribeEvents``
sends the events of ``/subscribe`` in other words, with the notices. The trees and signatures of commits are left out: nobody here proves them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import libipld
from aiohttp import WSMsgType, web

from pretend.jetstream import Dress, Start, Wanted
from pretend.log import CURSOR_IS_TIME, Log
from pretend.settings import Settings
from pretend.wire import Json, encode

EVENTS = "network.bsky.jetstream.subscribeEvents"


@dataclass(frozen=True, slots=True)
class Repos(Dress):
    """`com.atproto.sync.subscribeRepos`."""

    kind = WSMsgType.BINARY

    def wanted(self, request: web.Request) -> Wanted:
        """There is nothing to choose."""
        return Wanted()

    def start(self, log: Log, cursor: int | None, settings: Settings, now_us: int) -> Start:
        """After a sequence number."""
        if cursor is None or not log.events:
            return Start(len(log.events))
        if cursor > log.events[-1].seq:
            return Start(
                0, _frame({"op": -1}, {"error": "FutureCursor", "message": "Cursor in the future."}), ends=True
            )
        place, oldest = log.start(cursor + 1), log.start(0)
        asked = next((n for n, event in enumerate(log.events) if event.seq > cursor), len(log.events))
        if asked < oldest:
            note = {"name": "OutdatedCursor", "message": "Requested cursor exceeded limit. Possibly missing events"}
            return Start(place, _frame({"op": 1, "t": "#info"}, note))
        return Start(place)

    def said(self, frame: bytes, seq: int) -> bytes:
        """As a Dress says it."""
        try:
            told = json.loads(frame)
            return repos_frame(told, seq or told.get("cursor", 0))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError):
            return frame


@dataclass(frozen=True, slots=True)
class Events(Dress):
    """The second wire of Jetstream."""

    kind = WSMsgType.TEXT
    protocols = ("xrpc.v1.json",)

    def wanted(self, request: web.Request) -> Wanted:
        """By the names of this wire; those of the first one are refused."""
        query = request.query
        if any(name.startswith("wanted") for name in query):
            raise ValueError("InvalidRequest: unknown parameter")
        return Wanted.read(query.getall("collections", []), query.getall("dids", []), 0)

    def start(self, log: Log, cursor: int | None, settings: Settings, now_us: int) -> Start:
        """By number or by time, inclusive; a number that is no longer kept is refused, a time is moved on and told."""
        place, oldest = log.start(cursor), log.start(0)
        if cursor is None:
            return Start(place)
        if cursor >= CURSOR_IS_TIME:
            begins = now_us - int(settings.lookback_seconds * 1_000_000)
            return Start(place, _info("OutdatedCursor") if cursor < begins else b"")
        if log.events and cursor > log.events[-1].seq + 1:
            return Start(len(log.events), _info("FutureCursor"))
        if oldest < len(log.events) and cursor < log.events[oldest].seq and oldest > 0:
            raise ValueError("CursorTooOld")
        return Start(place)

    def said(self, frame: bytes, seq: int) -> bytes:
        """As a Dress says it."""
        try:
            told = json.loads(frame)
            return events_frame(told, seq or told.get("cursor", 0))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError):
            return frame


def _info(name: str) -> bytes:
    return encode({"$type": "message", "payload": {"$type": f"{EVENTS}#info", "name": name}})


def events_frame(told: Json, seq: object) -> bytes:
    """An event of the first wire in the words of the second."""
    at = _time(told["time_us"])
    kind = told["kind"]
    body = dict(told["commit"]) if kind == "commit" else {kind: told[kind]}
    payload = {"$type": f"{EVENTS}#{kind}", "seq": seq, "did": told["did"], "time": at, "witnessedAt": at, **body}
    return encode({"$type": "message", "payload": payload})


def repos_frame(told: Json, seq: int) -> bytes:
    """An event of Jetstream as the firehose says it: a commit of one write, with its record in a CAR."""
    kind, at = told["kind"], _time(told["time_us"])
    if kind != "commit":
        return _frame({"op": 1, "t": f"#{kind}"}, {"did": told["did"], "seq": seq, "time": at, **told[kind]})
    commit = told["commit"]
    blocks: list[tuple[bytes, bytes]] = []
    link = None
    if commit.get("record") is not None:
        block = libipld.encode_dag_cbor(_linked(commit["record"]))
        link = _link(block)
        blocks.append((link, block))
    op = {"action": commit["operation"], "path": f"{commit['collection']}/{commit['rkey']}", "cid": link}
    body = {
        "seq": seq, "repo": told["did"], "rev": commit["rev"], "since": None, "time": at, "tooBig": False, "rebase": False,
        "ops": [op], "blobs": [], "blocks": car(blocks), "commit": _link(b""),
    }  # fmt: skip
    return _frame({"op": 1, "t": "#commit"}, body)


def car(blocks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A CAR file of these blocks, with an empty root."""
    head = libipld.encode_dag_cbor({"version": 1, "roots": [_link(b"")]})
    parts = [_varint(len(head)), head]
    for link, block in blocks:
        parts += [_varint(len(link) + len(block)), link, block]
    return b"".join(parts)


def _frame(head: Json, body: Json) -> bytes:
    return bytes(libipld.encode_dag_cbor(head)) + bytes(libipld.encode_dag_cbor(body))


def _link(block: bytes) -> bytes:
    return b"\x01\x71\x12\x20" + hashlib.sha256(block).digest()


def _linked(value: object) -> object:
    """A record with its links as DAG-CBOR has them."""
    if isinstance(value, dict):
        if set(value) == {"$link"}:
            return libipld.decode_multibase(value["$link"])[1]
        return {key: _linked(item) for key, item in value.items()}
    return [_linked(item) for item in value] if isinstance(value, list) else value


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _time(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{us % 1_000_000:06d}Z"
