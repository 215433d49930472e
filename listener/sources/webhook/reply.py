"""Replies handed to a wired program: signed, under one key for all attempts, and honest about what is not known afterwards.

The same reply is handed over again only where the receiver says that it takes a key once (`idempotent`); else `lookup_url` is asked; and
where there is neither, a person looks. Refuses to take 'not found' for 'surely not there': only the receiver's own word is that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain, Uncertain
from listener.model.handed import Reply
from listener.signing import KEY, signed
from listener.sources.base import Sent
from listener.sources.webhook.convert import MAX_ID
from listener.webclient.client import Answer, WebClient
from listener.webclient.patience import Retry

SURE = timedelta(seconds=60)
"""How long the receiver's 'no' is not taken for the last word: the reply may still be on its way through it."""
ATTEMPTS = Retry(attempts=4, first=0.25)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is handed the replies of one wired network."""

    name: str
    secret: str = field(repr=False)
    reply_url: str = ""
    lookup_url: str = ""
    idempotent: bool = False


def freeze(receiver: Receiver, reply: Reply, now: datetime) -> Mapping[str, Any]:
    """When it is said. Refused where there is nobody to hand it to."""
    if not receiver.reply_url:
        raise Refused(
            "no reply_url is set for this account", where=receiver.name, hint="answer on the network itself", code="no_reply"
        )  # fmt: skip
    if not reply.text.strip():
        raise Refused("there is no text", code="empty")
    if reply.attachments:
        raise Refused("pictures are not handed to a webhook", code="no_media")
    return {"at": now.astimezone(UTC).isoformat(timespec="seconds")}


def body_of(reply: Reply) -> bytes:
    """The bytes that are handed over: the same for every attempt."""
    if reply.frozen is None:
        raise ValueError("freeze first")
    told = {
        "key": reply.key,
        "account": reply.account.external_id,
        "parent": reply.parent.external_id,
        "root": reply.root,
        "to": {"id": reply.parent_author.external_id, "handle": reply.parent_author.handle},
        "text": reply.text,
        "lang": reply.lang,
        "private": reply.private,
        "at": reply.frozen["at"],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


async def send(web: WebClient, receiver: Receiver, reply: Reply, clock: Callable[[], datetime]) -> Sent:
    """As `Source.send`."""
    body = body_of(reply)
    for attempt in range(1, ATTEMPTS.attempts + 1):
        try:
            # Signed anew each time, so that a late attempt is fresh; the key says that it is the same reply.
            heads = {**signed(receiver.secret, clock(), body), KEY: reply.key}
            answer = await web.send("POST", receiver.reply_url, body, write=True, headers=heads)
        except Uncertain:
            if not receiver.idempotent or attempt == ATTEMPTS.attempts:
                raise
            await asyncio.sleep(ATTEMPTS.pause(attempt))
        else:
            return _taken(receiver, answer)
    raise AssertionError("the last attempt returns or raises")


def _taken(receiver: Receiver, answer: Answer) -> Sent:
    where = receiver.name
    if answer.status in {401, 403}:
        raise SourceStopped(
            f"the receiver does not take our signature ({answer.status})", where=where, hint="is its secret the same as ours?",
            code=f"http_{answer.status}",
        )  # fmt: skip
    if answer.status == 410:
        raise Refused("the message is gone, says the receiver", where=where, code="parent_gone")
    if 300 <= answer.status < 400:
        raise Refused(
            f"reply_url leads elsewhere ({answer.status})",
            where=where,
            hint="write the address that it leads to",
            code="redirect",
        )
    if answer.status >= 400:
        raise Refused(
            f"the receiver said no ({answer.status})", where=where, hint=_why(answer), code=f"http_{answer.status}"
        )
    found = _id(answer)
    if not found:
        raise Uncertain("the receiver took it, but its answer has no id", where=where, code="no_id")
    return Sent(found, {"id": found})


async def look_up(web: WebClient, receiver: Receiver, reply: Reply, clock: Callable[[], datetime]) -> Sent | None:
    """As `Source.look_up`. Refused where there is nobody to ask."""
    if not receiver.lookup_url:
        raise Refused(
            "it is not known whether the receiver took it, and there is no lookup_url to ask",
            where=receiver.name,
            hint="look on the network itself whether it is there, and say so here",
            code="cannot_look",
        )
    # There is no body, so the key is signed: nobody else can ask what became of our replies.
    heads = {**signed(receiver.secret, clock(), reply.key.encode()), KEY: reply.key}
    answer = await web.get(receiver.lookup_url, params=[("key", reply.key)], headers=heads)
    told = _json(answer)
    if answer.status != 200 or "id" not in told:
        raise TryAgain(f"lookup_url answered {answer.status} without an id", where=receiver.name, code="not_decoded")
    if found := _id(answer):
        return Sent(found, {"id": found})
    if told["id"] is not None:
        raise TryAgain("lookup_url answered with something that is no id", where=receiver.name, code="not_decoded")
    if clock() - reply.queued_at < SURE:
        raise TryAgain("the receiver has not got it yet", where=receiver.name, code="not_yet")
    return None


def _json(answer: Answer) -> Mapping[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _id(answer: Answer) -> str:
    """The reply's id on the network; '' where there is none."""
    found = _json(answer).get("id")
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return found if isinstance(found, str) and len(found) <= MAX_ID and found.isprintable() else ""


def _why(answer: Answer) -> str:
    """The receiver's own words, where it has any."""
    told = _json(answer).get("error")
    return told[:200] if isinstance(told, str) else "look at its log"
