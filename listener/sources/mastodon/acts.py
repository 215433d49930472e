"""Acts on Mastodon beside answering: favourites, deletes, blocks, edits. Each asks the server for a state, so that twice done is once done.

Owns which call that is. Refuses to hide what others say, for the network has no way, and to touch what is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from listener.errors import Refused
from listener.model.handed import NetworkAct
from listener.model.leaving import Doing
from listener.sources.base import Sent
from listener.sources.mastodon import editing
from listener.sources.mastodon.convert import Us, content_id_of, id_of, text_of
from listener.sources.mastodon.ids import Ids
from listener.sources.mastodon.server import GONE, Server

NO_REMOVING = "only its author, or who runs their server, can delete it"
NO_HIDING = "Mastodon has no way to hide what others say under a post"
IMPOSSIBLE = frozenset({Doing.HIDE, Doing.SHOW, Doing.REMOVE})
_CALLS = {
    Doing.LIKE: "/api/v1/statuses/{}/favourite",
    Doing.UNLIKE: "/api/v1/statuses/{}/unfavourite",
    Doing.BLOCK: "/api/v1/accounts/{}/block",
    Doing.UNBLOCK: "/api/v1/accounts/{}/unblock",
}


async def freeze(server: Server, ids: Ids, us: Us, act: NetworkAct, now: datetime) -> Mapping[str, Any]:
    """The id on our server of what is changed. Refused when the message is gone, changed, or not ours to touch."""
    match act.what:
        case Doing.HIDE | Doing.SHOW:
            raise Refused(NO_HIDING, code="no_act")
        case Doing.REMOVE:
            raise Refused(NO_REMOVING, code="no_act")
        case Doing.BLOCK | Doing.UNBLOCK:
            if act.author.external_id == us.external_id:
                raise Refused("that is our own account", code="ours")
            name = await ids.account(act.author)
            if not name:
                raise Refused("this server does not know that account", where=act.author.handle, code="no_account")
            return {"id": name}
        case Doing.LIKE | Doing.UNLIKE | Doing.DELETE:
            return {"id": id_of(await _status(ids, us, act))}
        case Doing.EDIT:
            return editing.frozen(server, us, act, await _status(ids, us, act))


async def _status(ids: Ids, us: Us, act: NetworkAct) -> dict[str, Any]:
    uri = act.target.external_id
    try:
        status = await ids.status(us, uri)
    except Refused as no:
        if no.code == "gone":
            raise Refused("the message is gone, or no longer for us", where=uri[:200], code="parent_gone") from None
        raise
    if status is None:
        raise Refused("this server does not know the message any more", where=uri[:200], code="parent_gone")
    account = status.get("account")
    if act.what in {Doing.DELETE, Doing.EDIT} and not (isinstance(account, dict) and id_of(account) == us.id):
        raise Refused("only what this account wrote can be deleted or edited", code="not_ours")
    changed = act.target_content_id and content_id_of(status) != act.target_content_id
    if act.what in {Doing.LIKE, Doing.EDIT} and changed:
        raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
    return status


async def act(server: Server, act: NetworkAct) -> Sent:
    """Do what is frozen. Errors as `Source.act` promises."""
    name = _id(act)
    try:
        if act.what is Doing.DELETE:
            await server.write("DELETE", f"/api/v1/statuses/{name}", budget=server.deletes)
        elif act.what is Doing.EDIT:
            await editing.put(server, act, name)
        elif act.what in _CALLS:
            await server.write("POST", _CALLS[act.what].format(name))
        else:
            raise Refused(NO_HIDING, code="no_act")
    except Refused as no:
        if no.code in GONE and act.what is Doing.EDIT:
            raise Refused("the message is gone, or no longer for us", where=no.where, code="parent_gone") from None
        # What should not be there, and is not, is as it was asked for.
        if no.code not in GONE or act.what not in {Doing.DELETE, Doing.UNLIKE, Doing.UNBLOCK}:
            raise
    return Sent(act.target.external_id, {"id": name})


async def look_up(server: Server, act: NetworkAct) -> Sent | None:
    """Whether the server is as the act wanted it."""
    if act.frozen is None or not act.frozen.get("id"):
        return None
    name = _id(act)
    match act.what:
        case Doing.BLOCK | Doing.UNBLOCK:
            body = (await server.get("/api/v1/accounts/relationships", [("id[]", name)])).body
            people = body if isinstance(body, list) else []
            blocking = any(id_of(one) == name and bool(one.get("blocking")) for one in people)
            done = blocking == (act.what is Doing.BLOCK)
        case Doing.LIKE | Doing.UNLIKE | Doing.DELETE:
            status = await _now(server, name)
            liked = bool(status and status.get("favourited"))
            done = status is None if act.what is Doing.DELETE else liked == (act.what is Doing.LIKE)
        case Doing.EDIT:
            done = await editing.stands(server, act, name)
        case _:
            return None
    return Sent(act.target.external_id, {"looked": True}) if done else None


async def _now(server: Server, name: str) -> dict[str, Any] | None:
    """A status as it is now; None: there is none."""
    try:
        body = (await server.get(f"/api/v1/statuses/{name}")).body
    except Refused as no:
        if no.code in GONE:
            return None
        raise
    return body if isinstance(body, dict) and text_of(body, "uri") else None


def _id(act: NetworkAct) -> str:
    if act.frozen is None or not act.frozen.get("id"):
        raise Refused("nothing was fixed for this act", code="no_act")
    return str(act.frozen["id"])
