"""Wiring a network of one's own: a name, a secret that we make, and where replies go. Stores nothing."""

from __future__ import annotations

import secrets

from listener.errors import Refused
from listener.sources.base import Asking, Connected
from listener.sources.webhook.convert import NAME, Wired
from listener.sources.webhook.source import is_name


async def connect(asking: Asking) -> Connected:
    """As `Connect`. Refused when the name will not do for an address."""
    name = (await asking.ask("A name for what is wired, like shop-reviews")).strip()
    if not is_name(name):
        raise Refused(
            "small letters, digits and - only: the name is part of the address", where=name[:64], code="bad_name"
        )
    reply_url = (await asking.ask("Where replies are handed over (empty: nowhere)")).strip()
    told = (
        f"deliver to /hooks/{NAME}-{name} of Hubbub's own address, signed with the secret; docs/webhook.md has a sender to copy",
        "replies are handed to reply_url, signed with the same secret"
        if reply_url
        else "there are no replies: no reply_url is set",
    )
    secret = secrets.token_hex(32)
    return Connected(name, "", secret, Wired(name).us, {"reply_url": reply_url} if reply_url else {}, told)
