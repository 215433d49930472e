"""What messages and people are called on one server, and what they are called everywhere. Owns the memory of that, and how it is asked for.

Ids belong to a server; we know messages by their `uri`. Everything that is read teaches both names; what was forgotten is asked for by its
own address where the server wrote it, then by the server's search. An answer counts only when it has the name that was asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from listener.errors import Refused
from listener.model.heard import Author, Key
from listener.sources.mastodon.convert import (
    Us,
    external_id_of,
    host_of,
    id_of,
    key_of,
    statuses_in,
    text_of,
)
from listener.sources.mastodon.server import GONE, Server

MOST = 50_000
V = TypeVar("V")


class _Known(Generic[V]):
    """The last ones learnt."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, V] = OrderedDict()

    def get(self, name: str) -> V | None:
        return self._rows.get(name)

    def put(self, name: str, value: V) -> None:
        self._rows[name] = value
        self._rows.move_to_end(name)
        if len(self._rows) > MOST:
            self._rows.popitem(last=False)


class Ids:
    """The names on one server, as one account of ours sees it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._keys: _Known[Key] = _Known()
        self._statuses: _Known[str] = _Known()
        self._accounts: _Known[str] = _Known()

    def learn(self, us: Us, status: Mapping[str, Any]) -> None:
        """Both names of a status, of what it quotes, and of who wrote it."""
        name, key = id_of(status), key_of(status, us)
        if name and key is not None:
            self._keys.put(name, key)
            self._statuses.put(key.external_id, name)
        account = status.get("account")
        if isinstance(account, dict) and id_of(account) and (external := external_id_of(account)):
            self._accounts.put(external, id_of(account))

    def key(self, status_id: str) -> Key | None:
        """What a status of this server is called everywhere, from memory."""
        return self._keys.get(status_id)

    async def parent(self, us: Us, status: Mapping[str, Any]) -> str:
        """The uri of what a status answers; '' : nothing, or nothing that we may see."""
        above = text_of(status, "in_reply_to_id")
        if not above:
            return ""
        known = self._keys.get(above)
        if known is None:
            try:
                found = (await self._server.get(f"/api/v1/statuses/{above}")).body
            except Refused:
                return ""
            if isinstance(found, dict):
                self.learn(us, found)
            known = self._keys.get(above)
        return "" if known is None else known.external_id

    async def status(self, us: Us, uri: str) -> dict[str, Any] | None:
        """A status as it is now, by its uri. None: not to be found here. Refused, code 'gone': it was known, and is there no more."""
        name = self._statuses.get(uri)
        if name is not None:
            return await self._read(us, name, uri)
        tail = uri.rstrip("/").rpartition("/")[2]
        if host_of(uri) in {host_of(us.server), us.domain.lower()} and id_of({"id": tail}):
            try:
                if (found := await self._read(us, tail, uri)) is not None:
                    return found
            except Refused as no:
                if no.code != "gone":
                    raise
        return await self._searched(us, uri)

    async def _read(self, us: Us, name: str, uri: str) -> dict[str, Any] | None:
        """By its id here. Refused with code 'gone' where the server has it no more, or hides it from us."""
        try:
            found = (await self._server.get(f"/api/v1/statuses/{name}")).body
        except Refused as no:
            if no.code in GONE:
                raise Refused("the message is gone, or no longer for us", where=uri[:200], code="gone") from None
            raise
        if not isinstance(found, dict) or text_of(found, "uri") != uri:
            return None
        self.learn(us, found)
        return found

    async def _searched(self, us: Us, uri: str) -> dict[str, Any] | None:
        asked = [("q", uri), ("resolve", "true"), ("type", "statuses"), ("limit", "5")]
        try:
            found = (await self._server.get("/api/v2/search", asked)).body
        except Refused:
            return None  # relatives without search, or a token without its scope
        for one in statuses_in(found):
            self.learn(us, one)
            if text_of(one, "uri") == uri:
                return dict(one)
        return None

    async def account(self, author: Author) -> str:
        """An account's id on this server; '' : not known there."""
        if (known := self._accounts.get(author.external_id)) is not None:
            return known
        if author.handle:
            name, _, host = author.handle.partition("@")
            acct = name if host == self._server.customs.domain else author.handle
            try:
                found = (await self._server.get("/api/v1/accounts/lookup", [("acct", acct)])).body
            except Refused:
                found = None
            if (taken := self._taken(found, author)) != "":
                return taken
        asked = [("q", author.external_id), ("resolve", "true"), ("type", "accounts"), ("limit", "5")]
        try:
            body = (await self._server.get("/api/v2/search", asked)).body
        except Refused:
            return ""
        people = body.get("accounts") if isinstance(body, dict) else None
        for one in people if isinstance(people, list) else ():
            if (taken := self._taken(one, author)) != "":
                return taken
        return ""

    def _taken(self, account: object, author: Author) -> str:
        if not isinstance(account, dict) or external_id_of(account) != author.external_id or not id_of(account):
            return ""
        self._accounts.put(author.external_id, id_of(account))
        return id_of(account)
