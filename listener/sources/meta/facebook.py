"""Facebook Pages in both directions: whose token it is, what a sweep reads, and how comments are answered, hidden, liked and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped
from listener.model.accounts import Capability
from listener.model.handed import Reply
from listener.model.heard import Item
from listener.model.leaving import Doing
from listener.sources.base import Login, Sent, Wiring
from listener.sources.meta import pages
from listener.sources.meta.graph import Graph
from listener.sources.meta.shapes import PRIVATE_WINDOW, Notice, Piece, ident, inside, moment, words
from listener.sources.meta.source import SKEW, Meta, Seat
from listener.sources.meta.sweep import MOST_PAGES, Spot
from listener.webclient.client import Params

FIELDS = frozenset({"feed", "mention"})
"""What a Page's subscription tells us of,"""
MESSAGES = frozenset({"messages", "message_echoes", "message_edits", "standby"})
"""and what it tells of private messages."""

COMMENT = (
    "id,from,message,created_time,parent{id},permalink_url,is_hidden,can_hide,can_remove,can_comment,can_like,can_reply_privately,"
    "user_likes,comment_count,like_count,attachment,message_tags"
)
POST = "id,from,message,created_time,updated_time,permalink_url,is_hidden,is_published,message_tags,shares,attachments{media_type}"
_LISTED = f"{POST},comments.filter(stream).order(reverse_chronological).limit(1).summary(true){{id,created_time}}"
_EDGES = (("published_posts", "post"), ("ads_posts", "post"), ("visitor_posts", "visitor"), ("tagged", "tagged"))
_PAGE = 100


class Facebook(Meta):
    """The source `facebook`. `identify` each login before its streams."""

    name = pages.NAME
    title = "Facebook Pages"
    about = "page"
    platform = "messenger"

    def __init__(self, wiring: Wiring, **habits: timedelta) -> None:
        super().__init__(wiring, **habits)

    def _told(self, notice: Notice) -> tuple[Item, ...]:
        return pages.of_notice(notice)

    def _can(self, silent: str) -> Mapping[Capability, str]:
        return {
            Capability.REPLY: silent,
            Capability.PRIVATE_REPLY: silent,
            Capability.THREAD: silent,
            Capability.PROFILE: "Facebook tells programs no more about people than their name",
            Capability.LIKE: silent,
            Capability.HIDE: silent,
            Capability.DELETE_OWN: silent,
            Capability.REMOVE: silent,
            Capability.BLOCK: silent,
            Capability.EDIT: silent,
            Capability.MEDIA: "pictures are not sent to Facebook from here",
            Capability.HISTORY: silent,
        }

    async def _who(self, graph: Graph, login: Login) -> Seat:
        try:
            me = await graph.get("me", login.secret, [("fields", "id,name,username,category")])
        except Refused:  # a person has no category: it is a person's token, or that of a system user
            row = await page_of(graph, login, "id,name,username,access_token")
            return Seat(
                ident(row.get("id")), words(row.get("access_token")), words(row.get("username")), words(row.get("name"))
            )
        if not (external_id := ident(me.get("id"))):
            raise SourceStopped(
                "the login is of no Page", where=login.handle, hint="hubbub connect facebook", code="no_page"
            )
        return Seat(external_id, login.secret, words(me.get("username")), words(me.get("name")))

    def _read(self, piece: Piece) -> tuple[Item, ...]:
        return pages.of_piece(piece)

    def _ground(self, seat: Seat) -> PageGround:
        return PageGround(self, seat.id)

    async def _look(self, seat: Seat, external_id: str, *, hurry: bool = False) -> Piece:
        theirs = external_id.partition("_")[0] not in self.seats
        for edge, fields in (("comment", COMMENT), ("tagged", POST)) if theirs else (("post", POST),):
            try:
                value = await self.graph_for(seat).get(external_id, seat.token, [("fields", fields)], hurry=hurry)
            except Refused as no:
                if no.code != "gone" and edge == "comment":
                    continue  # it has no such fields: it is something else
                raise
            visitor = edge == "post" and ident(inside(value, "from", "id")) not in {seat.id, ""}
            return Piece("visitor" if visitor else edge, seat.id, value, self.clock())
        raise AssertionError("unreachable")

    async def _around(self, seat: Seat, piece: Piece) -> list[Piece]:
        graph, now = self.graph_for(seat), self.clock()
        own = ident(piece.value.get("id"))
        post, top = own, own
        found: list[Piece] = []
        if piece.edge == "comment":
            post, top = "", ident(inside(piece.value, "parent", "id")) or own
            for above in dict.fromkeys((top, pages.post_of(own, seat.id))):
                if above in {own, ""}:
                    continue
                with suppress(
                    Refused
                ):  # an advertisement's post may not be for us, its comments are; a picture's comments name the picture
                    found.append(await self._look(seat, above))
                    post = above if found[-1].edge != "comment" else post
        asked = [("fields", COMMENT), ("filter", "stream"), ("order", "reverse_chronological"), ("limit", str(_PAGE))]
        async for rows, _ in graph.pages(f"{top}/comments", seat.token, asked, most=1):
            found += [Piece("comment", seat.id, row, now, post) for row in rows]
        return found

    async def _freeze(self, seat: Seat, reply: Reply, parent: Piece, now: datetime) -> Mapping[str, Any]:
        value, own = parent.value, ident(parent.value.get("id"))
        if reply.private:
            created = moment(value.get("created_time"))
            if parent.edge != "comment":
                raise Refused("only comments can be answered in private", code="no_private")
            if created is not None and created + PRIVATE_WINDOW < now:
                raise Refused("it is older than seven days: that window has closed", code="window_closed")
            if value.get("can_reply_privately") is False:
                raise Refused("the network takes no private answer to it: there is one already", code="private_once")
            return {"path": f"{seat.id}/messages", "comment": own}
        if value.get("can_comment") is False:
            raise Refused("the network lets nobody answer it", code="reply_disabled")
        # Two levels only: what answers an answer stands under the same comment.
        above = ident(inside(value, "parent", "id")) or own
        edge = f"{above}/comments"
        known = await self._ours(seat, edge, now - timedelta(minutes=10), reply.text)
        return {"path": edge, "fields": {}, "look": edge, "known": known}

    def _look_params(self, since: datetime) -> Params:
        return [
            ("fields", "id,from,message,created_time"), ("filter", "toplevel"), ("order", "chronological"),
            ("since", str(int(since.timestamp()))), ("limit", str(_PAGE)),
        ]  # fmt: skip

    async def _look_up_aside(self, seat: Seat, reply: Reply) -> Sent | None:
        asked = [("fields", "can_reply_privately,private_reply_conversation")]
        comment = str((reply.frozen or {})["comment"])
        value = await self.graph_for(seat).get(comment, seat.token, asked, hurry=True)
        answered = ident(inside(value, "private_reply_conversation", "id"))
        if answered and (said := await self._said_aside(seat, answered, reply)) is not None:
            return said  # by its own id, so that its echo is known for it
        if answered or value.get("can_reply_privately") is False:  # it could be, when the reply was frozen
            return Sent(answered or f"private:{comment}", {"conversation": answered})
        if value.get("can_reply_privately") is True:
            return None
        raise Refused(
            "the network does not show whether the private answer arrived: look in its own app", code="not_shown"
        )

    async def _said_aside(self, seat: Seat, conversation: str, reply: Reply) -> Sent | None:
        since = datetime.fromisoformat(str((reply.frozen or {})["at"])) - SKEW
        try:
            return self._new(await self.talks[seat.id].look_in(conversation, reply, since), reply)
        except (Refused, SourceStopped):
            return None

    def _may(self, what: Doing, piece: Piece) -> None:
        value = piece.value
        if what in {Doing.HIDE, Doing.SHOW}:
            if piece.edge != "comment" or value.get("can_hide") is False:
                raise Refused("the network does not let us hide it", code="not_ours")
        elif what is Doing.REMOVE and (piece.edge != "comment" or value.get("can_remove") is False):
            raise Refused("the network does not let us delete it", code="not_ours")
        elif what is Doing.LIKE and value.get("can_like") is False:
            raise Refused("the network does not let us like it", code="no_like")

    async def _do(self, seat: Seat, what: Doing, target: str) -> None:
        graph = self.graph_for(seat)
        match what:
            case Doing.LIKE:
                await graph.post(f"{target}/likes", seat.token, {})
            case Doing.UNLIKE:
                await graph.delete(f"{target}/likes", seat.token)
            case Doing.HIDE | Doing.SHOW:
                await graph.post(target, seat.token, {"is_hidden": "true" if what is Doing.HIDE else "false"})
            case Doing.DELETE | Doing.REMOVE:
                await graph.delete(target, seat.token)
            case Doing.BLOCK:
                await graph.post(f"{seat.id}/blocked", seat.token, {"user": target})
            case Doing.UNBLOCK:
                await graph.delete(f"{seat.id}/blocked", seat.token, [("user", target)])

    async def _reword(self, seat: Seat, target: str, text: str) -> None:
        await self.graph_for(seat).post(target, seat.token, {"message": text})

    async def _is_blocked(self, seat: Seat, person: str) -> bool:
        found = await self.graph_for(seat).get(f"{seat.id}/blocked", seat.token, [("user", person)], hurry=True)
        rows = found.get("data")
        return isinstance(rows, list) and any(ident(inside(one, "id")) == person for one in rows)

    def _is_so(self, what: Doing, piece: Piece) -> bool:
        match what:
            case Doing.LIKE | Doing.UNLIKE:
                return (piece.value.get("user_likes") is True) == (what is Doing.LIKE)
            case Doing.HIDE | Doing.SHOW:
                return (piece.value.get("is_hidden") is True) == (what is Doing.HIDE)
            case _:
                return False


async def page_of(graph: Graph, login: Login, fields: str) -> dict[str, Any]:
    """The Page of a person's token that the settings name, with its own token. SourceStopped where it is not among theirs."""
    names: list[str] = []
    async for rows, _ in graph.pages("me/accounts", login.secret, [("fields", fields), ("limit", str(_PAGE))]):
        for row in rows:
            gram = row.get("instagram_business_account")
            called = [
                words(box.get(key))
                for box in (row, gram)
                if isinstance(box, dict)
                for key in ("id", "username", "name")
            ]
            if login.handle.lower() in {one.lower() for one in called if one} and words(row.get("access_token")):
                return row
            names.append(words(row.get("username")) or words(row.get("name")))
    told = ", ".join(names[:20]) or "none"
    raise SourceStopped("the login manages no such Page", where=login.handle, hint=f"there are: {told}", code="no_page")


class PageGround:
    """What is read of a Page: its posts and advertisements, its visitors' posts, and posts that name it."""

    def __init__(self, source: Facebook, page: str) -> None:
        self._source = source
        self._page = page
        self._untold = set[str]()

    @property
    def _seat(self) -> Seat:
        return self._source.seats[self._page]

    async def spots(self, since: datetime) -> AsyncIterator[Spot]:
        """As `Ground.spots`."""
        watched = int(self._source.own["watch_posts"])
        seen = set[str]()
        for edge, sort in _EDGES:
            asked = [
                ("fields", _LISTED),
                ("limit", str(min(_PAGE, watched))),
                *([("include_inline_create", "true")] if edge == "ads_posts" else []),
            ]
            try:
                async for rows, _ in self._graph.pages(
                    f"{self._page}/{edge}", self._seat.token, asked, most=-(-watched // _PAGE)
                ):
                    for row in rows:
                        if (spot := self._spot(sort, row)) is not None and spot.id not in seen:
                            seen.add(spot.id)
                            yield spot
            except (Refused, SourceStopped) as no:
                if edge == "published_posts" or (isinstance(no, SourceStopped) and no.code != "permission"):
                    raise
                if edge not in self._untold:
                    self._untold.add(edge)
                    self._source.say(f"facebook/{self._page}: {edge} cannot be read: {no}")

        if self._source.own["private_messages"]:
            async for talk in self._source.talks[self._page].spots(since):
                yield talk

    def _spot(self, sort: str, row: Mapping[str, Any]) -> Spot | None:
        external_id = ident(row.get("id"))
        newest = inside(row, "comments", "data")
        first = newest[0] if isinstance(newest, list) and newest and isinstance(newest[0], dict) else {}
        times = [moment(row.get("created_time")), moment(row.get("updated_time")), moment(first.get("created_time"))]
        sign = f"{row.get('updated_time')} {first.get('id')} {inside(row, 'comments', 'summary', 'total_count')}"
        items = self._source.items(Piece(sort, self._page, row, self._source.clock()))
        moved = max((at for at in times if at is not None), default=None)
        return Spot(external_id, items, sign, moved, sort != "tagged") if external_id else None

    async def comments(self, spot: Spot, since: datetime) -> AsyncIterator[tuple[list[Item], bool]]:
        """As `Ground.comments`, the oldest first."""
        if spot.person:
            async for found in self._source.talks[self._page].comments(spot, since):
                yield found
            return
        asked = [
            ("fields", COMMENT), ("filter", "stream"), ("order", "chronological"), ("since", str(int(since.timestamp()))),
            ("limit", str(_PAGE)),
        ]  # fmt: skip
        try:
            async for rows, cut in self._graph.pages(f"{spot.id}/comments", self._seat.token, asked, most=MOST_PAGES):
                now = self._source.clock()
                pieces = [Piece("comment", self._page, row, now, spot.id) for row in rows]
                yield [item for piece in pieces for item in pages.of_piece(piece)], cut
        except Refused as no:
            if no.code != "gone":
                raise

    @property
    def _graph(self) -> Graph:
        return self._source.graph_for(self._seat)

    async def watch(self) -> None:
        """As `Ground.watch`: the Page's subscription, and when the login ends."""
        source, seat = self._source, self._seat
        await source.note_end(self._graph, seat)
        if source.own["subscribe"]:
            await subscribe(self._graph, self._page, seat, FIELDS, source.say)
            if source.own["private_messages"]:  # apart: without its permission the rest must come all the same
                await subscribe(self._graph, self._page, seat, MESSAGES, source.say)


async def subscribe(graph: Graph, page: str, seat: Seat, wanted: frozenset[str], say: Any) -> None:
    """See that an account's webhooks come, and ask for them anew where they no longer do: Meta stops what fails for long."""
    there = set[str]()
    found = False
    async for rows, _ in graph.pages(f"{page}/subscribed_apps", seat.token, ()):
        for row in rows:
            if not seat.app or ident(row.get("id")) in {seat.app, ""}:
                fields = row.get("subscribed_fields")
                there |= {one for one in fields if isinstance(one, str)} if isinstance(fields, list) else set()
                found = True
    if not found or not wanted <= there:
        await graph.post(f"{page}/subscribed_apps", seat.token, {"subscribed_fields": ",".join(sorted(wanted | there))})
        say(f"{page}: the webhook's subscription was missing or not whole; it was asked for again")
