"""Words of the AT Protocol wire: JSON bytes, datetimes, TIDs, content ids, DIDs, at-URIs and XRPC errors.

Pure functions only. It refuses to know any state: whoever calls says what time it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

POST = "app.bsky.feed.post"
PROFILE = "app.bsky.actor.profile"
LIKE = "app.bsky.feed.like"
REPOST = "app.bsky.feed.repost"
FOLLOW = "app.bsky.graph.follow"
BLOCK = "app.bsky.graph.block"
GATE = "app.bsky.feed.threadgate"

BASE32_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
CLOCK_ID = 23  # the low ten bits of our TIDs; any fixed number will do, there is one writer

NSID = re.compile(r"^[a-zA-Z][a-zA-Z0-9-]{0,62}(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,62})?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}$")
DID = re.compile(r"^did:[a-z]+:[a-zA-Z0-9._:%-]{1,2048}$")
RKEY = re.compile(r"^[a-zA-Z0-9._:~-]{1,512}$")
HANDLE = re.compile(r"^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$")


class XrpcError(Exception):
    """An answer of the form ``{"error": name, "message": message}`` with its HTTP status."""

    def __init__(self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {error}: {message}")
        self.status = status
        self.error = error
        self.message = message
        self.headers = dict(headers or {})


def bad_request(message: str, error: str = "InvalidRequest") -> XrpcError:
    """The 400 that the reference PDS gives for anything the caller got wrong."""
    return XrpcError(400, error, message)


def encode(value: object) -> bytes:
    """JSON as UTF-8 bytes; text that is not valid Unicode (a lone surrogate) goes out as ``\\ud800`` escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def iso(us: int) -> str:
    """Unix microseconds as the network writes datetimes: UTC, milliseconds, ``Z``."""
    return datetime.fromtimestamp(us // 1000 / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1000 % 1000:03d}Z"


def parse_datetime(text: str) -> int | None:
    """Unix microseconds of an ISO 8601 datetime with a zone, or None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return None if moment.tzinfo is None else int(moment.timestamp() * 1_000_000)


def tid(us: int) -> str:
    """The thirteen characters of a timestamp identifier: 53 bits of microseconds, ten of clock id."""
    number = (us & ((1 << 53) - 1)) << 10 | CLOCK_ID
    return "".join(BASE32_SORTABLE[number >> shift & 31] for shift in range(60, -1, -5))


def cid_of(value: object) -> str:
    """A content id: the same record gives the same id, another record another one.

    Shaped like a real one (CIDv1, dag-cbor, sha-256), but the hash is taken over sorted JSON, not over CBOR.
    """
    body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    raw = b"\x01\x71\x12\x20" + hashlib.sha256(body).digest()
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


def blob_cid(content: bytes) -> str:
    """The content id of bytes (CIDv1, raw, sha-256): a real one."""
    raw = b"\x01\x55\x12\x20" + hashlib.sha256(content).digest()
    return "b" + base64.b32encode(raw).decode().rstrip("=").lower()


def did_of(handle: str) -> str:
    """The DID an actor of this handle is born with; always the same, so that a restart changes nothing."""
    digest = hashlib.sha256(b"pretend:" + handle.encode()).digest()
    return "did:plc:" + base64.b32encode(digest).decode().lower()[:24]


def at_uri(did: str, collection: str, rkey: str) -> str:
    """``at://did/collection/rkey``."""
    return f"at://{did}/{collection}/{rkey}"


def split_uri(uri: str) -> tuple[str, str, str]:
    """(repo, collection, rkey) of an at-URI.

    Raises:
        XrpcError: 400 InvalidRequest when it is not one with three parts.
    """
    parts = uri.removeprefix("at://").split("/")
    if not uri.startswith("at://") or len(parts) != 3 or not all(parts):
        raise bad_request(f"Error: uri must be a valid at-uri, got {uri!r}")
    return parts[0], parts[1], parts[2]


def repo_of(uri: object) -> str:
    """The repo part of what ought to be an at-URI, or an empty string."""
    return uri.removeprefix("at://").split("/", 1)[0] if isinstance(uri, str) and uri.startswith("at://") else ""
