"""Telegram's way of delivering: updates of one bot, each with the secret that we gave when the webhook was set. Pure."""

from __future__ import annotations

import hmac

from listener.model.heard import Item
from listener.sources.base import Delivery, Verdict
from listener.sources.telegram.convert import MAX_UPDATE, Us, convert_update

_HEADER = "x-telegram-bot-api-secret-token"


class TelegramHook:
    """The webhook of one bot: '/hooks/telegram-<user name>'."""

    max_body = MAX_UPDATE

    def __init__(self, us: Us, secret: str) -> None:
        self.name = f"telegram-{us.username.lower()}"
        self._us = us
        self._secret = secret.encode()

    def handshake(self, asked: Delivery) -> tuple[int, bytes] | None:
        """There is none."""
        return None

    def verify(self, delivery: Delivery) -> Verdict:
        """By the secret that only Telegram and we know. It does not sign the body, so TLS alone keeps that whole."""
        told = delivery.headers.get(_HEADER, "")
        if not told:
            return Verdict(False, "the secret is missing: was the webhook set by somebody else?", 401)
        if not hmac.compare_digest(told.encode("utf-8", "replace"), self._secret):
            return Verdict(False, "the secret is not the one that we gave Telegram", 401)
        return Verdict(True)

    def convert(self, delivery: Delivery) -> tuple[Item, ...]:
        """One update. A repeat is the same message."""
        return convert_update(self._us, delivery.body)
