"""Answers on Bluesky: look first, fix exactly what is sent, put it under a record key of our own, find it again.

Owns the record's shape: strong references to root and parent, facets where `facets` finds them, the record key. Because we choose the key,
the same put twice is one post. It refuses to keep the text: `frozen` holds ids, times and offsets only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from listener.errors import Refused, TryAgain, Uncertain
from listener.facets import find_spans
from listener.lengths import measures
from listener.model.handed import Attachment, Reply
from listener.sources.base import Sent
from listener.sources.bluesky.convert import NAME, POST
from listener.sources.bluesky.session import Session, body_of

_PUT_POINTS = 2.0
_GONE = frozenset({"RecordNotFound", "RepoNotFound", "RepoTakendown", "RepoSuspended", "RepoDeactivated"})
_BASE32 = "234567abcdefghijklmnopqrstuvwxyz"


def mint_tid(us: int, clock_id: int) -> str:
    """A timestamp identifier: 53 bits of unix microseconds, ten of clock id, thirteen sortable characters."""
    number = (us & ((1 << 53) - 1)) << 10 | (clock_id & 1023)
    return "".join(_BASE32[number >> shift & 31] for shift in range(60, -1, -5))


def read_tid(text: str) -> int | None:
    """The unix microseconds of a timestamp identifier; None for a key that is none."""
    if len(text) != 13 or any(letter not in _BASE32 for letter in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | _BASE32.index(letter)
    return number >> 10


async def freeze(session: Session, reply: Reply, now: datetime) -> Mapping[str, Any]:
    """What will be sent, without the text; pictures are handed over now, which shows them to nobody. Refused when the parent is gone,
    changed or closed to us, or the text does not fit.
    """
    if reply.private:
        raise Refused("nothing is sent in private on Bluesky: it would be public", code="no_private")
    for measure in measures(NAME, reply.text):
        if measure.over:
            raise Refused(f"the text has {measure.used} {measure.unit}, {measure.limit} fit", code="too_long")
    if not reply.text.strip():
        raise Refused("there is no text", code="empty")
    parent, root = await _parent(session, reply)
    facets = await _facets(session, reply.text)
    images = [await _uploaded(session, one) for one in reply.attachments]
    moment = now.astimezone(UTC)
    us = int(moment.timestamp() * 1_000_000)
    did = session.did
    # The outbox row in the clock id: two answers of the same microsecond still get different keys.
    rkey = mint_tid(us, reply.outbox_id)
    return {
        "repo": did,
        "rkey": rkey,
        "uri": f"at://{did}/{POST}/{rkey}",
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "langs": [reply.lang] if reply.lang else [],
        "parent": parent,
        "root": root,
        "facets": facets,
        **({"images": images} if images else {}),
    }


async def _uploaded(session: Session, picture: Attachment) -> dict[str, Any]:
    """What the network calls a picture, now that it has its bytes; its words for the blind stay with the reply."""
    blob = body_of(await session.upload(picture.content, picture.media_type)).get("blob")
    ref = blob.get("ref") if isinstance(blob, dict) else None
    if not isinstance(blob, dict) or not isinstance(ref, dict) or not isinstance(ref.get("$link"), str):
        raise TryAgain("the network took a picture but its answer is not understood", code="wrong_shape")
    image = {
        "$type": "blob",
        "ref": {"$link": ref["$link"]},
        "mimeType": picture.media_type,
        "size": len(picture.content),
    }
    return {"id": picture.id, "image": image, "ratio": {"width": picture.width, "height": picture.height}}


async def _parent(session: Session, reply: Reply) -> tuple[dict[str, str], dict[str, str]]:
    """(parent, root) as strong references, after a look at the network."""
    uri = reply.parent.external_id
    try:
        view = await view_post(session, uri)
    except TryAgain as fault:
        if fault.code in {"budget", "http_429"}:
            raise
        view = None
    if view is not None:
        _check_closed(view)
        cid, record = view.get("cid"), view.get("record")
    else:
        # The AppView lags behind or is away: ask the repositories themselves.
        cid, record = await read_record(session, uri)
    if not isinstance(cid, str) or not isinstance(record, dict):
        raise TryAgain("the network shows the message in a shape that we do not understand", code="wrong_shape")
    if reply.parent_content_id and cid != reply.parent_content_id:
        raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
    parent = {"uri": uri, "cid": cid}
    return parent, _ref(record.get("reply")) or parent


async def view_post(session: Session, uri: str) -> dict[str, Any] | None:
    """A post as the AppView shows it to us; None where it does not know it (yet, or any more). Refused when it is hidden from us."""
    try:
        posts = body_of(await session.get("app.bsky.feed.getPosts", [("uris", uri)])).get("posts")
        for post in posts if isinstance(posts, list) else ():
            if isinstance(post, dict) and post.get("uri") == uri:
                return post
        around = [("uri", uri), ("depth", "0"), ("parentHeight", "0")]
        top = body_of(await session.get("app.bsky.feed.getPostThread", around)).get("thread")
    except Refused as fault:
        if fault.code in {"NotFound", "HTTP404", "XRPCNotSupported"}:
            return None
        raise
    if isinstance(top, dict) and top.get("blocked"):
        raise Refused("the author has blocked us, or we have blocked the author", code="blocked")
    post = top.get("post") if isinstance(top, dict) else None
    return post if isinstance(post, dict) and post.get("uri") == uri else None


def _ref(reply: object) -> dict[str, str] | None:
    """The root of a reply as its own record says it."""
    root = reply.get("root") if isinstance(reply, dict) else None
    if not isinstance(root, dict):
        return None
    uri, cid = root.get("uri"), root.get("cid")
    return {"uri": uri, "cid": cid} if isinstance(uri, str) and isinstance(cid, str) and uri and cid else None


def _check_closed(view: Mapping[str, Any]) -> None:
    viewer = view.get("viewer")
    if isinstance(viewer, dict) and viewer.get("replyDisabled") is True:
        raise Refused("the author allows no replies from us", code="reply_disabled")
    author = view.get("author")
    between = author.get("viewer") if isinstance(author, dict) else None
    if isinstance(between, dict) and between.get("blockedBy") is True:
        raise Refused("the author has blocked us", code="blocked")
    if isinstance(between, dict) and between.get("blocking"):
        raise Refused("we have blocked the author", code="blocking")


async def read_record(session: Session, uri: str) -> tuple[object, object]:
    """(content id, record) from the repository itself, which is never behind. Refused (parent_gone) when it is not there."""
    repo, _, rest = uri.removeprefix("at://").partition("/")
    collection, _, rkey = rest.partition("/")
    params = [("repo", repo), ("collection", collection), ("rkey", rkey)]
    try:
        body = body_of(await session.get("com.atproto.repo.getRecord", params))
    except Refused as fault:
        if fault.code in _GONE or "not locate record" in fault.what or "not find repo" in fault.what:
            raise Refused("the message is no longer on the network", code="parent_gone") from None
        raise
    return body.get("cid"), body.get("value")


async def _facets(session: Session, text: str) -> list[dict[str, Any]]:
    spans = find_spans(text)
    handles = sorted({span.value for span in spans if span.kind == "mention"})
    dids = dict(zip(handles, await asyncio.gather(*(_resolve(session, handle) for handle in handles)), strict=True))
    facets: list[dict[str, Any]] = []
    for span in spans:
        if span.kind == "mention":
            if not dids[span.value]:
                continue  # nobody has this handle: it stays plain text
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": dids[span.value]}
        elif span.kind == "link":
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": span.value}
        else:
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": span.value}
        facets.append({"index": {"byteStart": span.start, "byteEnd": span.end}, "features": [feature]})
    return facets


async def _resolve(session: Session, handle: str) -> str:
    try:
        did = body_of(await session.get("com.atproto.identity.resolveHandle", [("handle", handle)])).get("did")
    except Refused:
        return ""
    return did if isinstance(did, str) else ""


def record(reply: Reply, frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it is sent: equal for equal `frozen` and text, so a repeat is no change."""
    made: dict[str, Any] = {
        "$type": POST,
        "text": reply.text,
        "createdAt": frozen["created_at"],
        "reply": {"root": frozen["root"], "parent": frozen["parent"]},
    }
    if frozen["langs"]:
        made["langs"] = frozen["langs"]
    if frozen["facets"]:
        made["facets"] = frozen["facets"]
    if frozen.get("images"):
        made["embed"] = {"$type": "app.bsky.embed.images", "images": _images(reply, frozen["images"])}
    return made


def _images(reply: Reply, images: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    words = {one.id: one.alt for one in reply.attachments}
    if not all(one["id"] in words for one in images):
        raise Refused("a picture of this reply is gone: take it back and attach it again", code="picture_gone")
    return [{"alt": words[one["id"]], "image": one["image"], "aspectRatio": one["ratio"]} for one in images]


async def send(session: Session, reply: Reply) -> Sent:
    """Put the frozen record. Errors as `Source.send` promises."""
    frozen = reply.frozen
    if frozen is None:
        raise ValueError("freeze first")
    body = {
        "repo": frozen["repo"],
        "collection": POST,
        "rkey": frozen["rkey"],
        "validate": True,
        "record": record(reply, frozen),
    }
    raw = await session.write("com.atproto.repo.putRecord", body, _PUT_POINTS)
    try:
        answer = json.loads(raw)
        uri, cid = answer["uri"], answer["cid"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Uncertain("the network took the message but its answer is broken", code="not_decoded") from None
    return Sent(str(uri), {"uri": str(uri), "cid": str(cid)})


async def look_up(session: Session, reply: Reply) -> Sent | None:
    """Our record by its own key; None: surely not there."""
    if reply.frozen is None:
        return None
    await session.start()
    try:
        cid, _ = await read_record(session, reply.frozen["uri"])
    except Refused as fault:
        if fault.code == "parent_gone":
            return None
        raise
    return Sent(reply.frozen["uri"], {"uri": reply.frozen["uri"], "cid": str(cid)})
