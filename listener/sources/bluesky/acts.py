"""Acts on Bluesky beside answering: likes, hidden replies, deletes, blocks. Each is a record of our own repository, put or taken away.

Owns which record that is. What is put stands under a key that was chosen before, so the same act twice is one record. The replies that
are hidden under a post stand together in one record (its threadgate): that one is read, changed and swapped, so that two hides at the
same time are both kept, and so is what else it says. Refuses to touch a repository that is not ours: the network would, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from listener.errors import Refused, TryAgain
from listener.model.handed import NetworkAct
from listener.model.leaving import Doing
from listener.sources.base import Sent
from listener.sources.bluesky.convert import POST
from listener.sources.bluesky.reply import mint_tid, read_record, view_post
from listener.sources.bluesky.session import Session, body_of

LIKE = "app.bsky.feed.like"
GATE = "app.bsky.feed.threadgate"
BLOCK = "app.bsky.graph.block"

NO_REMOVING = "only its author can delete it; under a post of ours it can be hidden"
NO_EDITING = "posts on Bluesky cannot be edited"
MOST_HIDDEN = 300
"""Replies that the network lets us hide under one post."""

_SWAPS = 6
"""How often a threadgate that changed under our hands is read again."""
_PUT_POINTS, _DELETE_POINTS = 2.0, 1.0


async def freeze(session: Session, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
    """What will be put or taken away. Refused when the message is gone, changed, or not ours to touch."""
    await session.start()
    match act.what:
        case Doing.LIKE:
            return await _freeze_like(session, act, now)
        case Doing.UNLIKE:
            return {"records": _ours(session, LIKE, act.made, await _own_like(session, act))}
        case Doing.HIDE | Doing.SHOW:
            return await _freeze_gate(session, act, now)
        case Doing.DELETE:
            if _owner(act.target.external_id) != session.did:
                raise Refused("only what this account wrote can be deleted", code="not_ours")
            return {"records": [act.target.external_id]}
        case Doing.BLOCK:
            if act.author.external_id == session.did:
                raise Refused("that is our own account", code="ours")
            if there := await _standing(session, BLOCK, await _own_block(session, act)):
                return {"record": there, "there": True}
            return {**_chosen(session, BLOCK, act, now), "subject": act.author.external_id}
        case Doing.UNBLOCK:
            return {"records": _ours(session, BLOCK, act.made, await _own_block(session, act))}
        case Doing.REMOVE:
            raise Refused(NO_REMOVING, code="no_act")
        case Doing.EDIT:
            raise Refused(NO_EDITING, code="no_act")


async def act(session: Session, act: NetworkAct) -> Sent:
    """Do what is frozen. Errors as `Source.act` promises."""
    frozen = _frozen(act)
    match act.what:
        case Doing.LIKE | Doing.BLOCK:
            if not frozen.get("there"):
                await _put(session, str(frozen["record"]), _record(act, frozen))
            return Sent(str(frozen["record"]), {"record": str(frozen["record"])})
        case Doing.HIDE | Doing.SHOW:
            await _swap_gate(session, act, frozen)
            return Sent(str(frozen["gate"]), {"gate": str(frozen["gate"])})
        case Doing.UNLIKE | Doing.UNBLOCK | Doing.DELETE:
            for uri in frozen["records"]:
                await _delete(session, str(uri))
            return Sent(act.target.external_id, {"records": list(frozen["records"])})
        case Doing.REMOVE:
            raise Refused(NO_REMOVING, code="no_act")
        case Doing.EDIT:
            raise Refused(NO_EDITING, code="no_act")


async def look_up(session: Session, act: NetworkAct) -> Sent | None:
    """Whether our repository is as the act wanted it."""
    await session.start()
    if act.frozen is None:
        return None
    frozen = act.frozen
    match act.what:
        case Doing.LIKE | Doing.BLOCK:
            done = (await _there(session, str(frozen["record"]))) is not None
        case Doing.HIDE | Doing.SHOW:
            _, gate = await _gate(session, str(frozen["gate"]))
            done = (frozen["reply"] in _hidden(gate)) == (act.what is Doing.HIDE)
        case Doing.UNLIKE | Doing.UNBLOCK | Doing.DELETE:
            done = not [uri for uri in frozen["records"] if await _there(session, str(uri)) is not None]
        case Doing.REMOVE | Doing.EDIT:
            return None
    return Sent(act.target.external_id, {"looked": True}) if done else None


# Looking first -------------------------------------------------------------------------------------------------------


async def _freeze_like(session: Session, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
    uri = act.target.external_id
    view = await view_post(session, uri)
    cid = view.get("cid") if view is not None else (await read_record(session, uri))[0]
    if act.target_content_id and cid != act.target_content_id:
        raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
    if there := await _standing(session, LIKE, _viewer(view).get("like")):
        return {"record": there, "there": True}
    return {**_chosen(session, LIKE, act, now), "subject": {"uri": uri, "cid": cid}}


async def _freeze_gate(session: Session, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
    uri, root = act.target.external_id, act.root
    if _owner(uri) == session.did:
        raise Refused("that is a message of our own: it can be deleted, not hidden", code="ours")
    if act.what is Doing.HIDE:
        _, record = await read_record(session, uri)  # blocks hide it from the AppView's views, not from here
        reply = record.get("reply") if isinstance(record, dict) else None
        top = reply.get("root") if isinstance(reply, dict) else None
        root = str(top.get("uri")) if isinstance(top, dict) else uri
    collection, rkey = _place(root)
    if _owner(root) != session.did or collection != POST:
        raise Refused("it does not stand under a post of ours: only there can we hide what others say", code="not_ours")
    gate = f"at://{session.did}/{GATE}/{rkey}"
    return {"gate": gate, "post": root, "reply": uri, "created_at": _stamp(now)}


async def _own_like(session: Session, act: NetworkAct) -> object:
    """Our like of the message as the AppView knows it, also one that was given in the network's own app."""
    try:
        return _viewer(await view_post(session, act.target.external_id)).get("like")
    except Refused:
        return None  # the message is not for us any more; what we put there ourselves can still be taken away


async def _own_block(session: Session, act: NetworkAct) -> object:
    """Our block of the author as the AppView knows it. Refused where it is a list that blocks: its own app takes them off."""
    try:
        asked = [("actor", act.author.external_id)]
        viewer = _viewer(body_of(await session.get("app.bsky.actor.getProfile", asked)))
    except Refused:
        return None  # an account that is gone can be blocked and unblocked all the same
    if act.what is Doing.UNBLOCK and viewer.get("blockingByList"):
        raise Refused("a list of ours blocks them: take them off it in the network's own app", code="blocked_by_list")
    return viewer.get("blocking")


def _viewer(view: Mapping[str, Any] | None) -> Mapping[str, Any]:
    viewer = view.get("viewer") if view is not None else None
    return viewer if isinstance(viewer, dict) else {}


def _ours(session: Session, collection: str, *uris: object) -> list[str]:
    """Those that are records of that kind in our own repository, each once."""
    ours = f"at://{session.did}/{collection}/"
    return list(dict.fromkeys(uri for uri in uris if isinstance(uri, str) and uri.startswith(ours)))


async def _standing(session: Session, collection: str, uri: object) -> str:
    """The record that the AppView tells of, if it stands in our repository still: the AppView is behind, the repository never; else ''."""
    for ours in _ours(session, collection, uri):
        if await _there(session, ours) is not None:
            return ours
    return ""


def _chosen(session: Session, collection: str, act: NetworkAct, now: datetime) -> dict[str, Any]:
    """The record's own place, chosen before anything leaves."""
    rkey = mint_tid(int(now.timestamp() * 1_000_000), act.outbox_id)
    return {"record": f"at://{session.did}/{collection}/{rkey}", "created_at": _stamp(now)}


def _stamp(now: datetime) -> str:
    moment = now.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _owner(uri: str) -> str:
    return uri.removeprefix("at://").partition("/")[0]


def _place(uri: str) -> tuple[str, str]:
    """(collection, record key)."""
    collection, _, rkey = uri.removeprefix("at://").partition("/")[2].partition("/")
    return collection, rkey


def _frozen(act: NetworkAct) -> Mapping[str, Any]:
    if act.frozen is None:
        raise ValueError("freeze first")
    return act.frozen


# Records -------------------------------------------------------------------------------------------------------------


def _record(act: NetworkAct, frozen: Mapping[str, Any]) -> dict[str, Any]:
    kind = LIKE if act.what is Doing.LIKE else BLOCK
    return {"$type": kind, "subject": frozen["subject"], "createdAt": frozen["created_at"]}


async def _put(session: Session, uri: str, record: Mapping[str, Any], **swap: str | None) -> None:
    collection, rkey = _place(uri)
    body = {"repo": session.did, "collection": collection, "rkey": rkey, "record": record, **swap}
    await session.write("com.atproto.repo.putRecord", body, _PUT_POINTS)


async def _delete(session: Session, uri: str) -> None:
    """Also fine when it is not there."""
    collection, rkey = _place(uri)
    body = {"repo": session.did, "collection": collection, "rkey": rkey}
    await session.write("com.atproto.repo.deleteRecord", body, _DELETE_POINTS)


async def _there(session: Session, uri: str) -> tuple[object, object] | None:
    """(content id, record) of our own repository; None: surely not there."""
    try:
        return await read_record(session, uri)
    except Refused as no:
        if no.code == "parent_gone":
            return None
        raise


# The threadgate ------------------------------------------------------------------------------------------------------


async def _gate(session: Session, uri: str) -> tuple[str | None, dict[str, Any] | None]:
    found = await _there(session, uri)
    if found is None:
        return None, None
    cid, gate = found
    if not isinstance(cid, str) or not isinstance(gate, dict):
        raise TryAgain("the post's threadgate has a shape that we do not understand", code="wrong_shape")
    return cid, gate


def _hidden(gate: Mapping[str, Any] | None) -> list[str]:
    hidden = gate.get("hiddenReplies") if gate is not None else None
    return [uri for uri in hidden if isinstance(uri, str)] if isinstance(hidden, list) else []


async def _swap_gate(session: Session, act: NetworkAct, frozen: Mapping[str, Any]) -> None:
    """Read, change, swap: whoever changed it meanwhile is read again, and nothing of theirs is lost."""
    for _ in range(_SWAPS):
        cid, gate = await _gate(session, str(frozen["gate"]))
        hidden = _hidden(gate)
        if (frozen["reply"] in hidden) == (act.what is Doing.HIDE):
            return
        if act.what is Doing.HIDE:
            hidden.append(str(frozen["reply"]))
        else:
            hidden = [uri for uri in hidden if uri != frozen["reply"]]
        if len(hidden) > MOST_HIDDEN:
            raise Refused(
                f"{MOST_HIDDEN} replies are hidden under this post, more the network does not take", code="full"
            )
        begun = gate or {"$type": GATE, "post": frozen["post"], "createdAt": frozen["created_at"]}
        try:
            await _put(session, str(frozen["gate"]), {**begun, "hiddenReplies": hidden}, swapRecord=cid)
        except Refused as no:
            if no.code != "InvalidSwap":
                raise
        else:
            return
    raise TryAgain("the post's hidden replies change all the time", code="busy")
