"""Answers on Telegram: fix where it goes, send it once, and be honest about what cannot be known afterwards.

There is no key that would make a repeat harmless, and a bot cannot read what stands in a chat. So an answer that was lost stays unknown:
a person looks in the chat and says. Names, links and tags in a text are found by the network itself; no markup is parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from listener.errors import Refused, Uncertain
from listener.lengths import measures
from listener.model.handed import Reply
from listener.sources.base import Sent
from listener.sources.telegram.convert import NAME, place
from listener.sources.telegram.wire import Bot


def freeze(reply: Reply) -> Mapping[str, Any]:
    """Where it goes. Refused when the text does not fit, or what is private would be read by a group. The parent cannot be looked at."""
    where = place(reply.parent.external_id)
    if where is None:
        raise Refused("that is no message of a chat", where=reply.parent.external_id[:60], code="bad_parent")
    if reply.private and not where.private:
        raise Refused("a bot cannot write to somebody in private who has not written to it", code="no_private")
    for measure in measures(NAME, reply.text):
        if measure.over:
            raise Refused(f"the text has {measure.used} {measure.unit}, {measure.limit} fit", code="too_long")
    if not reply.text.strip():
        raise Refused("there is no text", code="empty")
    if reply.attachments:
        raise Refused("pictures are not sent to Telegram from here", code="no_media")
    return {"chat": where.chat, "message": where.number, **({"business": where.business} if where.business else {})}


async def send(bot: Bot, reply: Reply) -> Sent:
    """As `Source.send`: without the message that it answers it is not sent at all."""
    if (frozen := reply.frozen) is None:
        raise ValueError("freeze first")
    body = {
        "chat_id": frozen["chat"],
        "text": reply.text,
        "reply_parameters": {"message_id": frozen["message"], "allow_sending_without_reply": False},
        "link_preview_options": {"is_disabled": True},
        **({"business_connection_id": frozen["business"]} if frozen.get("business") else {}),
    }
    try:
        result = await bot.write("sendMessage", body, int(frozen["chat"]))
    except Refused as no:
        words = no.what.lower()
        if no.code == "http_400" and "not found" in words and "repl" in words:  # there is no code of its own for it
            raise Refused("the message is gone", where=no.where, code="parent_gone") from None
        raise
    number = _number(result)
    if number is None:
        raise Uncertain("Telegram took it, but its answer is not understood", code="wrong_shape")
    where = f"{frozen['business']}:{frozen['chat']}" if frozen.get("business") else str(frozen["chat"])
    sent = Sent(f"{where}/{number}", {"chat": frozen["chat"], "message": number})
    bot.took(reply.outbox_id, sent, result)
    return sent


def look_up(bot: Bot, reply: Reply) -> Sent:
    """What the network told us when it took it. Refused for everything else: nobody but a person can look."""
    if (sent := bot.sent.get(reply.outbox_id)) is not None:
        return sent
    raise Refused(
        "it is not known whether it arrived, and a bot cannot read what stands in a chat",
        hint="look in the chat on Telegram whether it is there, and say so here: Hubbub does not send it again by itself",
        code="cannot_look",
    )


def _number(result: bytes) -> int | None:
    try:
        told = json.loads(result)
    except (ValueError, RecursionError):
        return None
    number = told.get("message_id") if isinstance(told, dict) else None
    return number if isinstance(number, int) and number > 0 else None
