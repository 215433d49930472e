"""An account's conversations in private, on the wire: which there are, what was said in them, and how somebody is answered.

Owns when the network still takes an answer, and the look for one whose fate is not known: there is no key by which the network could tell
a repeat. It shows the newest twenty messages of a conversation; of an older one it says that it was deleted, so that word of it alone is
believed of none. Refuses to begin a conversation: people write first.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.handed import Reply
from listener.model.heard import Item, Mention
from listener.sources.base import Say, Sent
from listener.sources.meta import private
from listener.sources.meta.graph import Graph
from listener.sources.meta.shapes import Piece, ident, inside, moment
from listener.sources.meta.sweep import Spot
from listener.webclient.client import Params

SHOWN = 20
"""How many messages of a conversation the network shows, the newest first."""
MESSAGE = "id,message,from,to,created_time,attachments{mime_type},sticker"
_LISTED = "id,updated_time,participants,messages.limit(1){id}"
_PAGE = 50
_MOST_PAGES = 20


class Talks:
    """The conversations of one account. Errors are those of `Graph`."""

    def __init__(
        self, graph: Graph, token: Callable[[], str], terms: private.Terms, *, account: str, owner: str, platform: str, names: frozenset[str],
        overlap: timedelta, clock: Callable[[], datetime], say: Say,
    ) -> None:  # fmt: skip
        self._graph = graph
        self._login = token
        self._terms = terms
        self._account = account
        self._owner = owner
        """At whose edges they are: the account's Page, or the account itself."""
        self._platform = platform
        self._names = names
        self._overlap = overlap
        self._clock = clock
        self._say = say
        self._untold = False

    @property
    def _token(self) -> str:
        """Asked each time: a login may be renewed."""
        return self._login()

    # For the sweep

    async def spots(self, since: datetime) -> AsyncIterator[Spot]:
        """Conversations in which something was said since then, the newest first, as `Ground.spots`. None where a permission is missing."""
        asked = [("platform", self._platform), ("fields", _LISTED), ("limit", str(_PAGE))]
        try:
            async for rows, _ in self._graph.pages(
                f"{self._owner}/conversations", self._token, asked, most=_MOST_PAGES
            ):
                for row in rows:
                    moved = moment(row.get("updated_time"))
                    person = private.whom(row, self._account, self._names)
                    if moved is not None and moved < since:
                        return
                    if (external_id := ident(row.get("id"))) and person:
                        newest = inside(row, "messages", "data")
                        sign = f"{row.get('updated_time')} {newest}"
                        yield Spot(external_id, (), sign, moved, person=person)
        except (Refused, SourceStopped) as no:
            if isinstance(no, SourceStopped) and no.code != "permission":
                raise
            if not self._untold:
                self._untold = True
                self._say(f"{self._terms.network}/{self._account}: private messages cannot be read: {no}")

    async def comments(self, spot: Spot, since: datetime) -> AsyncIterator[tuple[list[Item], bool]]:
        """What was said in one of them, as `Ground.comments`."""
        rows = await self._newest(spot.id)
        pieces = self._pieces(rows, spot.person)
        times = [at for row in rows if (at := moment(row.get("created_time"))) is not None]
        # What was read before the last turn ended was read then.
        cut = len(rows) >= SHOWN and min(times, default=since) > since + self._overlap
        yield [item for piece in pieces for item in private.of_piece(piece, self._terms)], cut

    # Looking

    async def look(self, external_id: str, *, hurry: bool = False) -> Piece:
        """One message. Refused (code 'gone') where the network does not show it, which may be for its age."""
        value = await self._graph.get(external_id, self._token, [("fields", MESSAGE)], hurry=hurry)
        both = [inside(value, "from"), *_rows(inside(value, "to", "data"))]
        person = private.whom({"participants": {"data": both}}, self._account, self._names)
        return Piece(private.EDGE, self._account, value, self._clock(), person)

    async def around(self, person: str) -> list[Piece]:
        """What was last said with somebody."""
        return self._pieces(await self._with(person) or [], person)

    async def _with(self, person: str) -> list[dict[str, Any]] | None:
        """What was last said with somebody, the newest first; None: the network shows no such conversation."""
        asked = [
            ("platform", self._platform),
            ("user_id", person),
            ("fields", f"id,messages.limit({SHOWN}){{{MESSAGE}}}"),
        ]
        found = await self._graph.get(f"{self._owner}/conversations", self._token, asked, hurry=True)
        talks = _rows(found.get("data"))
        return _rows(inside(talks[0], "messages", "data")) if talks else None

    async def _newest(self, conversation: str, *, hurry: bool = False) -> list[dict[str, Any]]:
        asked: Params = [("fields", f"messages.limit({SHOWN}){{{MESSAGE}}}")]
        try:
            found = await self._graph.get(conversation, self._token, asked, hurry=hurry)
        except Refused as no:
            if no.code == "gone":
                return []
            raise
        return _rows(inside(found, "messages", "data"))

    def _pieces(self, rows: Sequence[dict[str, Any]], person: str) -> list[Piece]:
        now = self._clock()
        return [Piece(private.EDGE, self._account, row, now, person) for row in rows]

    # Answers

    async def freeze(self, reply: Reply, now: datetime) -> Mapping[str, Any]:
        """To whom it goes, and as what, as `Source.freeze`."""
        person = private.person_of(reply.root)
        if not person:
            raise Refused("that is no conversation in private", where=reply.root[:60], code="bad_parent")
        rows = await self._with(person)
        said = self._mentions(rows or [], person)
        await self._stands(reply, said, whole=rows is not None and len(rows) < SHOWN)
        theirs = [one.network_at for one in said if one.author.external_id == person and one.network_at is not None]
        # Where nothing of theirs is shown, the network itself has to say whether it is too late.
        since = now - max(theirs, default=now)
        if since > self._terms.window:
            left = "seven days" if self._terms.window > private.STANDARD else "24 hours"
            raise Refused(
                f"the network takes answers for {left} after their last words: that window has closed",
                code="window_closed",
            )
        as_what = "RESPONSE" if since <= private.STANDARD else "HUMAN_AGENT"
        known = [one.key.external_id for one in self._ours(said, reply.text, now - timedelta(minutes=10))]
        return {"path": f"{self._owner}/messages", "to": person, "as": as_what, "known": known}

    async def _stands(self, reply: Reply, said: Sequence[Mention], *, whole: bool) -> None:
        """Raises Refused where what is answered is gone, or says something else by now."""
        external_id = reply.parent.external_id
        parent = next((one for one in said if one.key.external_id == external_id), None)
        if parent is None and whole:
            raise Refused("the message is no longer on the network", code="parent_gone")
        if parent is None:
            try:
                found = private.of_piece(await self.look(external_id, hurry=True), self._terms)
            except Refused as no:
                if no.code != "gone":
                    raise
                return  # it is older than what the network shows
            parent = next((one for one in found if isinstance(one, Mention)), None)
        if parent is not None and reply.parent_content_id not in {"", parent.content_id}:
            raise Refused("the message was edited since it was read", code="parent_changed", hint="read it again")

    async def send(self, reply: Reply, frozen: Mapping[str, Any]) -> str:
        """Its id on the network; '' where the network's answer does not say it."""
        as_what = (
            {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
            if frozen["as"] == "HUMAN_AGENT"
            else {"messaging_type": "RESPONSE"}
        )
        fields = {
            "recipient": json.dumps({"id": frozen["to"]}),
            "message": json.dumps({"text": reply.text}),
            **as_what,
        }
        return private.mid((await self._graph.post(str(frozen["path"]), self._token, fields)).get("message_id"))

    async def look_up(self, reply: Reply, frozen: Mapping[str, Any], since: datetime) -> list[Sent]:
        """Our messages with these words since then which did not stand there before, the oldest first."""
        rows = await self._with(str(frozen["to"]))
        if rows is None:
            raise Refused("the network does not show the conversation: look in its own app", code="not_shown")
        said = self._mentions(rows, str(frozen["to"]))
        times = [one.network_at for one in said if one.network_at is not None]
        if len(rows) >= SHOWN and min(times, default=since) > since:
            raise TryAgain("more was said there than can be looked through", code="too_many")
        return self._found(said, reply, since, set(frozen["known"]))

    async def look_in(self, conversation: str, reply: Reply, since: datetime) -> list[Sent]:
        """The same of a conversation by its own id, with whomever it is."""
        rows = await self._newest(conversation, hurry=True)
        others = [inside(row, "from", "id") for row in rows] + [
            inside(one, "id") for row in rows for one in _rows(inside(row, "to", "data"))
        ]
        person = next((found for one in others if (found := ident(one)) not in {"", self._account}), "")
        return self._found(self._mentions(rows, person), reply, since, set())

    def _found(self, said: Sequence[Mention], reply: Reply, since: datetime, known: set[str]) -> list[Sent]:
        found = [one.key.external_id for one in self._ours(said, reply.text, since)]
        return [Sent(one, {"id": one}) for one in found if one not in known]

    def _mentions(self, rows: Sequence[dict[str, Any]], person: str) -> list[Mention]:
        items = [item for piece in self._pieces(rows, person) for item in private.of_piece(piece, self._terms)]
        return [item for item in items if isinstance(item, Mention)]

    def _ours(self, said: Sequence[Mention], text: str, since: datetime) -> list[Mention]:
        same = [
            one
            for one in said
            if one.author.external_id == self._account
            and one.network_at is not None
            and one.network_at >= since
            and one.text.split() == text.split()
        ]
        return sorted(same, key=lambda one: (one.network_at or since, one.key.external_id))


def _rows(found: object) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
