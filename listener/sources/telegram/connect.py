"""Signing in on Telegram: a token from @BotFather, checked, with what the bot may read and what stands in its way. Stores nothing."""

from __future__ import annotations

from listener.errors import Refused, SourceStopped
from listener.model.heard import Author
from listener.sources.base import Asking, Connected
from listener.sources.telegram.convert import SPACE
from listener.sources.telegram.source import object_of
from listener.sources.telegram.wire import Bot


async def connect(asking: Asking) -> Connected:
    """As `Connect`. Refused when the token is none; a webhook set elsewhere is told, not taken away."""
    asking.say("In Telegram write to @BotFather: /newbot, or /mybots for one that you have. It answers with a token.")
    token = (await asking.ask("The bot's token", secret=True)).strip()
    base = await asking.ask("Bot API server", default=str(asking.options["api"]))
    bot = Bot(asking.web, "", token, base)
    if not bot.us.id:
        raise Refused("that is no token of a bot", hint="digits, a colon, and letters: copy it whole", code="bad_token")
    try:
        me = object_of(await bot.read("getMe", {}))
        hook = object_of(await bot.read("getWebhookInfo", {}))
    except SourceStopped:
        raise Refused(
            "Telegram does not know this token", hint="copy it whole, or ask @BotFather for a new one", code="http_401"
        ) from None
    handle = str(me.get("username") or "")
    told = []
    if me.get("can_read_all_group_messages") is True:
        told.append("privacy mode is off: the bot reads everything in the groups that it is in")
    else:
        told.append(
            "privacy mode is on: in groups the bot hears commands, its own name, answers to it, and what is said where it is an admin; "
            "for topics say /setprivacy to @BotFather, then take the bot out of the group and add it again"
        )
    if me.get("can_join_groups") is False:
        told.append("the bot may not be added to groups: /setjoingroups at @BotFather changes that")
    if hook.get("url"):
        told.append(
            "a webhook is set for this bot: another program is told what is said to it. Hubbub cannot ask until it is taken away "
            "(deleteWebhook), or until webhook_url says that Telegram delivers to Hubbub"
        )
    told.append("Telegram does not tell a bot when a message is deleted, and shows it nothing from before it came")
    service = "" if base.rstrip("/") == str(asking.options["api"]).rstrip("/") else base
    return Connected(
        handle, service, token, Author(SPACE, bot.us.id, handle, str(me.get("first_name") or "")), {}, tuple(told)
    )
