"""Scenes for Telegram: a pretend Bot API. Here it keeps what was confirmed, so that the suite may resume from any bookmark."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from listener.networks import NETWORKS
from listener.sources.base import Login, Source, Stream, Wiring
from listener.sources.telegram import Telegram
from listener.sources.telegram.updates import Updates
from listener.sources.telegram.wire import Bot
from listener.webclient.client import WebClient
from pretend.telegram import BOT, TOKEN, BotApi, person

HANDLE = str(BOT["username"])
GARBAGE = (
    {"message": {"chat": {"id": -100, "type": "supergroup"}, "date": 1_700_000_000, "text": "no number"}},
    {"message": {"message_id": 7, "chat": {"id": -100, "type": "supergroup"}, "date": "soon", "text": "no date"}},
    {"edited_message": {"message_id": 7, "chat": {"id": -100}, "date": 1_700_000_000, "from": {"id": 1}, "text": 9}},
)


def telegram(api: BotApi, web: WebClient, *, token: str = TOKEN, page: int = 7, **account: object) -> Telegram:
    """The source against a pretend Bot API, in a hurry."""
    options = {one.name: one.default for one in NETWORKS["telegram"].settings} | {"api": api.url, "poll_seconds": 1.0}
    logins = (Login(HANDLE, token, options=account),)
    return Telegram(Wiring(web, Path(), logins, options), page=page, pause=0.01)


class TelegramScene:
    """One bot in a group."""

    def __init__(self, api: BotApi, web: WebClient) -> None:
        self.api = api
        self.web = web
        self.said = 0
        self.source: Source = telegram(api, web)

    def stream(self) -> Stream:
        return Updates(Bot(self.web, HANDLE, TOKEN, self.api.url), wait=1, page=7, pause=0.01)

    async def say(self, number: int, garbage: int = 0) -> set[str]:
        ids = set()
        for nr in range(number):
            self.said += 1
            said = self.api.say(f"message {self.said}", person(self.said % 3))
            ids.add(f"{said['chat']['id']}/{said['message_id']}")
            if nr == number // 2:
                for update in GARBAGE[:garbage]:
                    self.api.tell(dict(update))
        return ids


@asynccontextmanager
async def stage(web: WebClient, folder: Path) -> AsyncIterator[TelegramScene]:
    async with BotApi.start(forgets=False, second=0.05) as api:
        yield TelegramScene(api, web)
