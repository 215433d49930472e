"""Editing a reply of ours on Mastodon: other words, and everything else that it carries as it was.

An edit replaces a status whole, so what it carries (its warning, its pictures, its language) is read from the server at the last moment and
handed back. Who is answered is named again where the new words do not. Refuses what was edited elsewhere since its editor read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener.errors import Refused
from listener.lengths import addressed, names
from listener.model.handed import NetworkAct
from listener.sources.mastodon.convert import NAME, Us, content_id_of, handle_of, id_of, text_of
from listener.sources.mastodon.reply import bare, fits
from listener.sources.mastodon.server import Server


def frozen(server: Server, us: Us, act: NetworkAct, status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Which status, who has to be named in it, and how it was. Refused where the text does not fit."""
    whom = _whom(us, act.text, status)
    fits(server, act.text, whom, text_of(status, "spoiler_text"))
    return {"id": id_of(status), "whom": whom, "was": content_id_of(status)}


def _whom(us: Us, text: str, status: Mapping[str, Any]) -> str:
    answered = text_of(status, "in_reply_to_account_id")
    rows = status.get("mentions")
    people = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    named = next((one for one in people if id_of(one) == answered), None)
    if named is None or answered == us.id or names(text, handle_of(named, us.domain)):
        return ""
    return text_of(named, "acct")


async def put(server: Server, act: NetworkAct, name: str) -> None:
    """Edit it, unless it says so already; Refused where it says anything but what it said."""
    status = (await server.get(f"/api/v1/statuses/{name}")).body
    if content_id_of(status if isinstance(status, dict) else {}) != (act.frozen or {}).get("was"):
        if await stands(server, act, name):
            return
        raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
    pictures = status.get("media_attachments")
    body = {
        "status": _text(act),
        "spoiler_text": text_of(status, "spoiler_text"),
        "sensitive": status.get("sensitive") is True,
        "media_ids": [id_of(one) for one in pictures if isinstance(one, dict)] if isinstance(pictures, list) else [],
    }
    if language := text_of(status, "language"):
        body["language"] = language
    await server.write("PUT", f"/api/v1/statuses/{name}", body)


async def stands(server: Server, act: NetworkAct, name: str) -> bool:
    """Whether it says what it is to say, by the words as they were handed in."""
    source = (await server.get(f"/api/v1/statuses/{name}/source")).body
    return bare(text_of(source, "text")) == bare(_text(act))


def _text(act: NetworkAct) -> str:
    return addressed(NAME, act.text.strip(), str((act.frozen or {}).get("whom") or ""))
