"""The lists that a server keeps for an account: notifications, its own statuses, timelines of tags, what its search finds. Owns where we are in each.

A list is read forwards from a bookmark until nothing more comes, and its newest page besides: what was edited or came out of order since
stands there. Ids are opaque: their order is the list's, and where it goes on is what the server's Link says.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from listener.errors import Refused, SourceStopped
from listener.sources.mastodon.convert import ADDRESSING, Us, id_of, parse_time, text_of
from listener.sources.mastodon.server import GONE, Page, Server
from listener.webclient.client import Params

NOTES, OWN, TAG, SEARCH = "notifications", "own", "tag/", "search/"

MOST_BACK = 200
"""Pages that are read backwards at most."""
_BEGINS = "m1:"
_LINK = re.compile(r'<([^<>]{1,4000})>\s*;\s*rel="?(next|prev)"?')


@dataclass(frozen=True, slots=True)
class Mark:
    """Where we are in a list: behind this entry, which was made then. Without an id: nothing was there, and we look from that time on."""

    id: str
    at: datetime


@dataclass(slots=True)
class Marks:
    """Where we are in all lists of an account: the bookmark of its stream."""

    places: dict[str, Mark] = field(default_factory=dict)

    def cursor(self) -> str:
        """As it is kept."""
        told = {name: [mark.id, mark.at.isoformat()] for name, mark in sorted(self.places.items())}
        return _BEGINS + json.dumps(told, separators=(",", ":"))


def read_marks(cursor: str | None) -> Marks:
    """The bookmark as it was kept. SourceStopped when it is none of ours."""
    if cursor is None:
        return Marks()
    try:
        told: Any = json.loads(cursor.removeprefix(_BEGINS)) if cursor.startswith(_BEGINS) else None
        places = {str(name): Mark(str(one[0]), datetime.fromisoformat(one[1])) for name, one in told.items()}
        if any(mark.at.tzinfo is None for mark in places.values()):
            raise ValueError
    except (ValueError, TypeError, LookupError, AttributeError):
        raise SourceStopped(
            "the saved bookmark is not one of this source",
            where=cursor[:60],
            hint="clear the source's cursor to start with the last day",
        ) from None
    return Marks(places)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list."""

    entries: tuple[Any, ...]
    """As they came, the newest first."""
    after: str
    """What is newer than this page is behind this id; '' : the page is empty."""

    @property
    def oldest(self) -> str:
        """The id of the last entry that has one."""
        return next((name for one in reversed(self.entries) if (name := id_of(one))), "")

    def begins(self) -> datetime | None:
        """When its oldest entry was made."""
        times = [at for one in self.entries if (at := parse_time(text_of(one, "created_at"))) is not None]
        return min(times, default=None)

    def ends(self) -> datetime | None:
        """When its newest entry was made."""
        times = [at for one in self.entries if (at := parse_time(text_of(one, "created_at"))) is not None]
        return max(times, default=None)


class Lists:
    """Pages of the lists of one account."""

    def __init__(self, server: Server, *, size: int = 80) -> None:
        self._server = server
        self._size = size
        self._by_type = True
        """Relatives that do not know all types of notifications refuse to be asked for them: those are asked for all."""

    async def page(self, us: Us, place: str, *, min_id: str = "", max_id: str = "") -> Leaf:
        """A page of a list: the newest, or what follows an entry, or what is before one. A timeline that is not there is empty."""
        where = [("min_id", min_id)] if min_id else [("max_id", max_id)] if max_id else []
        try:
            page = await self._ask(us, place, where)
        except Refused as no:
            if place.startswith(TAG) and no.code in GONE:
                return Leaf((), "")
            raise
        told = page.body.get("statuses") if place.startswith(SEARCH) and isinstance(page.body, dict) else page.body
        entries = tuple(told) if isinstance(told, list) else ()
        newest = next((name for one in entries if (name := id_of(one))), "")
        return Leaf(entries, _linked(page.headers, "prev", "min_id") or newest if entries else "")

    async def back(self, us: Us, place: str, since: datetime) -> AsyncIterator[Leaf]:
        """Pages from the newest backwards until one begins before `since`; at most `MOST_BACK`."""
        before = ""
        for _ in range(MOST_BACK):
            leaf = await self.page(us, place, max_id=before)
            if not leaf.entries:
                return
            yield leaf
            begins = leaf.begins()
            if not leaf.oldest or leaf.oldest == before or (begins is not None and begins < since):
                return
            before = leaf.oldest

    async def _ask(self, us: Us, place: str, where: Params) -> Page:
        if place == NOTES:
            asked = [("limit", str(self._size)), ("include_filtered", "true"), *where]
            types = [("types[]", one) for one in ADDRESSING] if self._by_type else []
            try:
                return await self._server.get("/api/v1/notifications", [*types, *asked])
            except Refused as no:
                if not types or no.code not in {"http_400", "http_422"}:
                    raise
                self._by_type = False
                return await self._server.get("/api/v1/notifications", asked)
        asked = [("limit", str(min(self._size, 40))), *where]
        if place.startswith(SEARCH):
            words = [("q", place.removeprefix(SEARCH)), ("type", "statuses")]
            return await self._server.get("/api/v2/search", [*words, *asked])
        if place == OWN:
            return await self._server.get(f"/api/v1/accounts/{us.id}/statuses", [("exclude_reblogs", "true"), *asked])
        return await self._server.get(f"/api/v1/timelines/tag/{quote(place.removeprefix(TAG), safe='')}", asked)


def _linked(headers: Mapping[str, str], rel: str, name: str) -> str:
    """What the server's Link asks for next, of which only the id is taken: the address is always our own."""
    for address, how in _LINK.findall(headers.get("link", "")[:8192]):
        if how == rel:
            try:
                found = parse_qs(urlsplit(address).query).get(name, [""])[0]
            except ValueError:
                return ""
            return id_of({"id": found})
    return ""
