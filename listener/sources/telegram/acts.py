"""Acts on Telegram beside answering: a like is the bot's one reaction to a message, and it may delete or edit what it said itself.

Each asks for a state, so twice is once. Refuses to touch what others said, and chats of a business connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listener.errors import Refused
from listener.lengths import measures
from listener.model.handed import NetworkAct
from listener.model.leaving import Doing
from listener.sources.base import Sent
from listener.sources.telegram.convert import NAME, place
from listener.sources.telegram.wire import Bot

_LIKE = {"type": "emoji", "emoji": "👍"}


def freeze(bot: Bot, act: NetworkAct) -> Mapping[str, Any]:
    """Which message. Refused when it is not ours to touch; whether it is still there the network says when it is done."""
    where = place(act.target.external_id)
    if where is None:
        raise Refused("that is no message of a chat", where=act.target.external_id[:60], code="bad_target")
    if where.business:
        raise Refused("in a business chat a bot answers only", hint="do it in the Telegram app", code="business")
    if act.what in {Doing.DELETE, Doing.EDIT} and act.author.external_id != bot.us.id:
        raise Refused("a bot deletes or edits here only what it said itself", code="not_ours")
    for measure in measures(NAME, act.text):
        if measure.over:
            raise Refused(f"the text has {measure.used} {measure.unit}, {measure.limit} fit", code="too_long")
    return {"chat": where.chat, "message": where.number}


async def act(bot: Bot, act: NetworkAct) -> Sent:
    """As `Source.act`."""
    if (frozen := act.frozen) is None:
        raise ValueError("freeze first")
    chat = int(frozen["chat"])
    message = {"chat_id": chat, "message_id": frozen["message"]}
    if act.what is Doing.DELETE:
        try:
            await bot.write("deleteMessage", message, chat)
        except Refused as no:
            if no.code != "http_400" or "not found" not in no.what.lower():
                raise
    elif act.what is Doing.EDIT:
        await _edit(bot, act, message, chat)
    else:
        reaction = [_LIKE] if act.what is Doing.LIKE else []
        await bot.write("setMessageReaction", {**message, "reaction": reaction}, chat)
    return Sent(act.target.external_id, {"chat": chat, "message": frozen["message"]})


async def _edit(bot: Bot, act: NetworkAct, message: Mapping[str, Any], chat: int) -> None:
    """Nobody but the bot can change what it said, and a bot is not told of it: what the network answers is heard as the edit."""
    body = {**message, "text": act.text.strip(), "link_preview_options": {"is_disabled": True}}
    try:
        result = await bot.write("editMessageText", body, chat)
    except Refused as no:
        words = no.what.lower()
        if no.code == "http_400" and "not modified" in words:
            return  # it says so already
        if no.code == "http_400" and "not found" in words:
            raise Refused("the message is gone", where=no.where, code="parent_gone") from None
        raise
    bot.echo(result)
