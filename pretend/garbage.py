"""Rubbish for the stream: frames that a consumer must survive, by name.

Every frame comes from a DID that starts with `GARBAGE_DID`, where it has one at all, so that whoever counts can tell
rubbish from what people wrote. Some frames are well-formed posts with awful contents, some are no JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pretend.wire import POST, Json, encode, iso, tid

GARBAGE_DID = "did:plc:garbage"


def _event(now_us: int, text: object = "rubbish about larkspur", **over: object) -> Json:
    record: Json = {"$type": POST, "text": text, "createdAt": iso(now_us)}
    commit: Json = {"rev": tid(now_us), "operation": "create", "collection": POST, "rkey": tid(now_us)}
    commit |= {"record": record, "cid": "bafyreigarbage"}
    return {"did": GARBAGE_DID, "time_us": now_us, "kind": "commit", "commit": commit} | over


def _with_commit(now_us: int, **over: object) -> Json:
    event = _event(now_us)
    event["commit"] |= over
    return event


FRAMES: Mapping[str, Callable[[int], bytes]] = {
    "empty": lambda now: b"",
    "not-json": lambda now: b"<html><body>502 Bad Gateway</body></html>",
    "half": lambda now: encode(_event(now))[:97],
    "null": lambda now: b"null",
    "array": lambda now: encode([_event(now)]),
    "number": lambda now: b"-1e400",
    "nan": lambda now: encode(_event(now)).replace(str(now).encode(), b"NaN"),
    "deep": lambda now: b"[" * 20_000 + b"]" * 20_000,
    "twice-the-key": lambda now: b'{"kind":"commit","kind":7,' + encode(_event(now))[1:],
    "unknown-kind": lambda now: encode(_event(now, kind="séance")),
    "no-commit": lambda now: encode({"did": GARBAGE_DID, "time_us": now, "kind": "commit"}),
    "unknown-operation": lambda now: encode(_with_commit(now, operation="resurrect")),
    "no-record": lambda now: encode(_with_commit(now, record=None)),
    "record-is-a-list": lambda now: encode(_with_commit(now, record=[1, "two", None])),
    "text-is-a-number": lambda now: encode(_event(now, text=7)),
    "did-is-an-object": lambda now: encode(_event(now, did={"$link": GARBAGE_DID})),
    "rkey-with-a-slash": lambda now: encode(_with_commit(now, rkey="../../etc/passwd")),
    "time-is-text": lambda now: encode(_event(now, time_us="soon")),
    "time-is-negative": lambda now: encode(_event(now, time_us=-now)),
    "time-is-huge": lambda now: encode(_event(now, time_us=10**30, cursor=10**30)),
    "cursor-far-ahead": lambda now: encode(_event(now, cursor=9 * 10**14)),
    "cursor-is-a-float": lambda now: encode(_event(now, cursor=1.5)),
    "nul-in-text": lambda now: encode(_event(now, text="larkspur\u0000 down \u0000")),
    "lone-surrogate": lambda now: encode(_event(now, text="larkspur \ud83d broken \udc00")),
    "megabyte": lambda now: encode(_event(now, text="larkspur " + "x" * 1_000_000)),
    "escapes": lambda now: encode(_event(now, text="larkspur \u001b]52;c;cm0gLXJm\u0007\u001b[2J\u001b[31m\u202e")),
    "created-in-the-year-0": lambda now: encode(
        _with_commit(now, record={"$type": POST, "text": "larkspur", "createdAt": "0000-00-00T99:99:99Z"})
    ),
    "facet-outside": lambda now: encode(
        _with_commit(
            now,
            record={
                "$type": POST,
                "text": "larkspur",
                "createdAt": iso(now),
                "facets": [{"index": {"byteStart": -4, "byteEnd": 2**63}, "features": [{}, None, "x"]}],
                "reply": {"root": "at://", "parent": {"uri": 1}},
            },
        )
    ),
}


def frames(names: tuple[str, ...], now_us: int) -> list[bytes]:
    """The frames of these names, all of them when there is none; what is no name is sent as it stands."""
    chosen = names or tuple(FRAMES)
    return [FRAMES[name](now_us) if name in FRAMES else name.encode("utf-8", "surrogateescape") for name in chosen]
