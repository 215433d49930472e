"""Answers on Mastodon: look first, fix what is sent, send it once, find it again.

Owns what an answer copies from what it answers: who may read it (never more people), its warning, its author's name. The network's own
key against repeats is sent along and not relied on, for relatives ignore it: before anything is sent, and after every unclear answer, we
look under the message for what is ours. It refuses to keep the text: `frozen` holds ids, a handle and times only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.lengths import addressed, graphemes, measures, names
from listener.markup import plain
from listener.model.handed import Reply
from listener.sources.base import Sent
from listener.sources.mastodon.convert import (
    DIRECT,
    NAME,
    Us,
    content_id_of,
    external_id_of,
    handle_of,
    id_of,
    parse_time,
    statuses_in,
    text_of,
)
from listener.sources.mastodon.ids import Ids
from listener.sources.mastodon.server import GONE, Server

SURE_AFTER = timedelta(seconds=20)
"""How long a server may take to show what it took, before we say that it did not arrive."""
CLOCKS = timedelta(minutes=10)
"""How far the server's clock may be behind ours."""
_WORKED_ON = 30
"""Seconds that a picture may be worked on by the server."""

_NAMES = re.compile(r"@[\w.-]+(?:@[\w.-]+)?")


async def freeze(server: Server, ids: Ids, us: Us, reply: Reply, now: datetime) -> Mapping[str, Any]:
    """What will be sent, without the text; pictures are handed over now, which shows them to nobody. Refused when the parent is gone,
    changed or closed to us, or the text does not fit.
    """
    if not reply.text.strip():
        raise Refused("there is no text", code="empty")
    parent = await _parent(ids, us, reply)
    visibility = text_of(parent, "visibility")
    if not visibility:
        raise Refused(
            "the server does not say who may read the message: an answer could show more", code="no_visibility"
        )
    account = parent.get("account")
    ours = isinstance(account, dict) and id_of(account) == us.id
    whom = "" if ours else text_of(account, "acct")
    if not ours and not (isinstance(account, dict) and handle_of(account, us.domain)):
        raise Refused("its author has no name that an answer could hold", code="no_handle")
    if isinstance(account, dict) and names(reply.text, handle_of(account, us.domain)):
        whom = ""  # people of our own server are named by the server without its host, and may be with it
    warning = text_of(parent, "spoiler_text")
    fits(server, reply.text, whom, warning)
    if len(reply.attachments) > server.customs.pictures:
        raise Refused(
            f"this server takes {server.customs.pictures} pictures with one message", code="too_many_pictures"
        )
    name = id_of(parent)
    pictures = [
        {"id": one.id, "media": await _uploaded(server, one.content, one.media_type, one.alt)}
        for one in reply.attachments
    ]
    return {
        "parent_id": name,
        "visibility": DIRECT if reply.private else visibility,
        "warned": bool(warning),
        "whom": whom,
        "lang": reply.lang,
        "before": [id_of(one) for one in await _answers(server, us, name)],
        "at": now.astimezone(UTC).isoformat(),
        **({"media": pictures} if pictures else {}),
    }


async def _parent(ids: Ids, us: Us, reply: Reply) -> dict[str, Any]:
    """The message that is answered, as it is now."""
    uri = reply.parent.external_id
    try:
        parent = await ids.status(us, uri)
    except Refused as no:
        if no.code == "gone":
            raise Refused("the message is gone, or no longer for us", code="parent_gone", where=uri[:200]) from None
        raise
    if parent is None:
        raise Refused(
            "this server does not know the message any more",
            code="parent_gone",
            where=uri[:200],
            hint="open it there and look",
        )
    if reply.parent_content_id and content_id_of(parent) != reply.parent_content_id:
        raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")
    return parent


def fits(server: Server, text: str, whom: str, warning: str) -> None:
    """Raises Refused where a text is too long for this server, with all that goes with it."""
    terms = server.customs.terms
    counted = measures(NAME, addressed(NAME, text.strip(), whom), terms)[0]
    extra = graphemes(warning)
    if counted.used + extra > terms.characters:
        told = f", and the warning that it copies {extra}" if extra else ""
        raise Refused(
            f"with the name of who is answered the text has {counted.used} characters{told}; {terms.characters} fit here",
            code="too_long",
        )


async def _uploaded(server: Server, content: bytes, media_type: str, alt: str) -> str:
    """A picture's id, once the server has done with it."""
    media = await server.upload(content, media_type, alt)
    name = id_of(media)
    if media[":ready"]:
        return name
    for second in range(_WORKED_ON):
        await asyncio.sleep(min(1.0, 0.1 * 2**second))
        page = await server.get(f"/api/v1/media/{name}")
        if page.headers[":status"] == "200" and isinstance(page.body, dict) and page.body.get("url"):
            return name
    raise TryAgain("the server still works on a picture", where=server.host, after=30.0, code="media_not_ready")


async def send(server: Server, ids: Ids, us: Us, reply: Reply) -> Sent:
    """Send what is frozen, unless it is there already. Errors as `Source.send` promises."""
    frozen = _frozen(reply)
    if (there := await _found(server, us, reply)) is not None:
        return there
    parent = f"/api/v1/statuses/{frozen['parent_id']}"
    body: dict[str, Any] = {
        "status": _text(reply),
        "in_reply_to_id": frozen["parent_id"],
        "visibility": frozen["visibility"],
    }
    if frozen["lang"]:
        body["language"] = frozen["lang"]
    if frozen["warned"]:
        try:
            warning = text_of((await server.get(parent)).body, "spoiler_text")
        except Refused as no:
            raise _gone(no) from None
        if warning:
            body |= {"spoiler_text": warning, "sensitive": True}
    if frozen.get("media"):
        body["media_ids"] = _media(reply, frozen["media"])
    try:
        status = await server.write("POST", "/api/v1/statuses", body, key=reply.key)
    except Refused as no:
        raise _gone(no) from None
    if not isinstance(status, dict) or not id_of(status) or not text_of(status, "uri"):
        raise Uncertain("the network took the message but its answer is broken", code="not_decoded")
    ids.learn(us, status)
    return _sent(status)


def _gone(no: Refused) -> Refused:
    """A message that is gone when it is to be answered is told by 404, or by a 422 in words only."""
    if no.code in GONE:
        return Refused("the message is gone, or no longer for us", code="parent_gone", where=no.where)
    return no


def _media(reply: Reply, pictures: Sequence[Mapping[str, Any]]) -> list[str]:
    there = {one.id for one in reply.attachments}
    if not all(one["id"] in there for one in pictures):
        raise Refused("a picture of this reply is gone: take it back and attach it again", code="picture_gone")
    return [str(one["media"]) for one in pictures]


async def look_up(server: Server, us: Us, reply: Reply, now: datetime) -> Sent | None:
    """Our answer under the message, or among what we said. None: surely not there; TryAgain while that is not sure."""
    if reply.frozen is None:
        return None
    found = await _found(server, us, reply)
    if found is None and now - (parse_time(str(reply.frozen.get("at"))) or now) < SURE_AFTER:
        raise TryAgain("it is not there yet; a server may take a moment", where=server.host, after=5.0, code="not_yet")
    return found


async def _found(server: Server, us: Us, reply: Reply) -> Sent | None:
    frozen = _frozen(reply)
    sent = bare(_text(reply))
    before = set(frozen["before"])
    since = (parse_time(str(frozen["at"])) or datetime.min.replace(tzinfo=UTC)) - CLOCKS
    for one in await _answers(server, us, frozen["parent_id"]):
        if (parse_time(text_of(one, "created_at")) or since) < since:
            continue
        if id_of(one) not in before and (_says(one, sent) or await _source_says(server, one, sent)):
            return _sent(one)
    return None


async def _answers(server: Server, us: Us, parent_id: str) -> list[Mapping[str, Any]]:
    """What we answered to a message, by its thread and by our own statuses: neither shows everything on every server."""
    found: dict[str, Mapping[str, Any]] = {}
    above = {parent_id}
    pages = [f"/api/v1/statuses/{parent_id}/context", f"/api/v1/accounts/{us.id}/statuses"]
    for path in pages:
        try:
            body = (await server.get(path, [] if path.endswith("context") else [("limit", "40")])).body
        except Refused as no:
            if path.endswith("context") and no.code in GONE:
                above.add(
                    ""
                )  # the message is gone: an answer that arrived before stands among our own, and answers nothing
                continue
            raise
        for one in statuses_in(body):
            account = one.get("account")
            ours = isinstance(account, dict) and (id_of(account) == us.id or external_id_of(account) == us.external_id)
            if ours and text_of(one, "in_reply_to_id") in above:
                found.setdefault(id_of(one), one)
    return list(found.values())


def _says(status: Mapping[str, Any], sent: str) -> bool:
    return bare(plain(text_of(status, "content"))) == sent


async def _source_says(server: Server, status: Mapping[str, Any], sent: str) -> bool:
    """By the words as they were handed in: the page may show them otherwise."""
    try:
        body = (await server.get(f"/api/v1/statuses/{id_of(status)}/source")).body
    except (Refused, SourceStopped):
        return False
    return bare(text_of(body, "text")) == sent


def bare(text: str) -> str:
    """A text without what servers write differently: names with or without host, spaces, the addresses that stand behind words."""
    return re.sub(r"\s+", "", _NAMES.sub(lambda found: "@" + found.group().split("@")[1], text)).casefold()


def _text(reply: Reply) -> str:
    return addressed(NAME, reply.text.strip(), str(_frozen(reply)["whom"]))


def _sent(status: Mapping[str, Any]) -> Sent:
    return Sent(text_of(status, "uri"), {"uri": text_of(status, "uri"), "id": id_of(status)})


def _frozen(reply: Reply) -> Mapping[str, Any]:
    if reply.frozen is None:
        raise ValueError("freeze first")
    return reply.frozen
