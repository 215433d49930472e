"""Instagram's professional accounts in both directions: both sorts of login, what a sweep reads, and how comments are answered and hidden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from listener.errors import Refused, SourceStopped, TryAgain
from listener.model.accounts import Account, Capability
from listener.model.handed import Reply
from listener.model.heard import Item, Mention, Reject
from listener.model.leaving import Doing
from listener.sources.base import Kept, Login, Sent, Wiring
from listener.sources.meta import grams
from listener.sources.meta.facebook import page_of, subscribe
from listener.sources.meta.graph import Graph
from listener.sources.meta.shapes import PRIVATE_WINDOW, Notice, Piece, count, ident, inside, moment, words
from listener.sources.meta.source import Meta, Seat
from listener.sources.meta.sweep import MOST_PAGES, Spot
from listener.webclient.client import Params

FIELDS = frozenset({"comments", "live_comments", "mentions"})
"""What an account's own subscription tells us of,"""
MESSAGES = frozenset({"messages"})
"""and what it tells of private messages."""

COMMENT = "id,text,timestamp,username,from,like_count,hidden,parent_id,media{id}"
MEDIA = "id,caption,timestamp,permalink,username,like_count,comments_count,media_type,media_product_type"
_NAMED_COMMENT = "id,text,timestamp,like_count,media{id},from"
_NAMED_MEDIA = "id,caption,timestamp,permalink,username,media_type"
_TAGGED = "id,caption,timestamp,permalink,username,like_count,comments_count,media_type"
_LISTED = "id,text,timestamp,username,from,like_count,hidden,parent_id"
_UNDER = f"{_LISTED},replies.limit(50){{{_LISTED}}}"
LASTS = timedelta(days=60)
"""How long a login by Instagram itself lasts,"""
RENEWED_BEFORE = timedelta(days=10)
"""and how long before its end it is renewed."""
_PAGE = 50
_QUIET_PAGES = 3
"""Pages without anything new after which the rest of a post's comments is left unread: new ones come first, answers to old ones do not."""


class Instagram(Meta):
    """The source `instagram`. `identify` each login before its streams."""

    name = grams.NAME
    title = "Instagram"
    about = "instagram"
    platform = "instagram"

    def __init__(self, wiring: Wiring, **habits: timedelta) -> None:
        self._names: dict[str, str] = {}
        self._until: dict[str, datetime] = {}
        """By account: when a login ends that we renewed."""
        self._by_instagram = {one.handle for one in wiring.logins if one.options.get("login") == "instagram"}
        super().__init__(wiring, **habits)

    # A login by Instagram itself ends after 60 days and can be renewed; one by a Page lasts.

    def _kept(self, seat: Seat) -> Kept | None:
        if seat.page:
            return None
        return next((one.kept for one in self._logins if self._handles.get(one.handle) == seat.id), None)

    async def _seat(self, account: Account | None) -> Seat:
        """With the token as it stands where it is kept: another program of ours may have renewed it."""
        seat = await super()._seat(account)
        await self._take_up(seat)
        return seat

    async def _take_up(self, seat: Seat) -> None:
        if (kept := self._kept(seat)) is not None:
            since = await asyncio.to_thread(kept.since)
            if since is not None and since != seat.since and (token := await asyncio.to_thread(kept.read)):
                seat.since, seat.token = since, token

    async def note_end(self, graph: Graph, seat: Seat) -> None:
        """Where Meta does not say when such a login ends, that is told by when it was renewed, or put where it is kept."""
        await super().note_end(graph, seat)
        if not seat.page and seat.ends_at is None:
            kept = self._kept(seat)
            since = seat.since or (None if kept is None else await asyncio.to_thread(kept.since))
            seat.ends_at = self._until.get(seat.id) or (None if since is None else since + LASTS)

    async def renew(self, seat: Seat) -> None:
        """A new token in the place of one that ends soon, or of which nobody knows when it ends. Nothing is lost where that does not work."""
        await self._take_up(seat)
        kept, now = self._kept(seat), self.clock()
        soon = seat.ends_at is None or seat.ends_at - now <= RENEWED_BEFORE
        if kept is None or not soon or not await asyncio.to_thread(kept.writable):
            return
        asked = {"grant_type": "ig_refresh_token", "access_token": seat.token}
        try:
            made = await self.graph_for(seat).ask("refresh_access_token", seat.token, asked)
        except (Refused, TryAgain, SourceStopped) as no:
            self.say(f"instagram/{seat.id}: the login could not be renewed: {no}")
            return
        token, seconds = words(made.get("access_token")), count(made.get("expires_in"))
        if not token or not seconds:
            self.say(f"instagram/{seat.id}: the login could not be renewed: the network's answer is not understood")
        elif not await asyncio.to_thread(kept.replace, seat.token, token):
            self.say(f"instagram/{seat.id}: the login was renewed and could not be kept, so the old one goes on")
        else:
            seat.token, seat.since = token, await asyncio.to_thread(kept.since)
            seat.ends_at = self._until[seat.id] = now + timedelta(seconds=min(seconds, LASTS.total_seconds()))
            self.say(f"instagram/{seat.id}: the login was renewed; it ends {seat.ends_at:%Y-%m-%d}")

    def _told(self, notice: Notice) -> tuple[Item, ...]:
        return grams.of_notice(notice, self._names)

    def _can(self, silent: str) -> Mapping[Capability, str]:
        return {
            Capability.REPLY: silent,
            Capability.PRIVATE_REPLY: silent,
            Capability.THREAD: silent,
            Capability.PROFILE: "Instagram tells programs no more about people than their name",
            Capability.LIKE: "Instagram has no way for programs to like a comment",
            Capability.HIDE: silent,
            Capability.DELETE_OWN: silent,
            Capability.REMOVE: silent,
            Capability.BLOCK: "people are blocked in Instagram's own app",
            Capability.EDIT: "comments on Instagram cannot be edited by programs",
            Capability.MEDIA: "a comment on Instagram carries no pictures",
            Capability.HISTORY: silent,
        }

    def graph_for(self, seat: Seat) -> Graph:
        return self._graph_of(str(self.own["instagram_graph"])) if not seat.page else super().graph_for(seat)

    async def _who(self, graph: Graph, login: Login) -> Seat:
        if login.handle in self._by_instagram:
            graph = self._graph_of(login.service or str(self.own["instagram_graph"]))
            me = await graph.get("me", login.secret, [("fields", "user_id,username,name")])
            seat = Seat(
                ident(me.get("user_id")) or ident(me.get("id")),
                login.secret,
                words(me.get("username")),
                words(me.get("name")),
            )
        else:
            account, page, token = await self._by_page(graph, login)
            external_id = ident(inside(account, "id"))
            seat = Seat(external_id, token, words(inside(account, "username")), words(inside(account, "name")), page)
        if not seat.id:
            raise SourceStopped(
                "the Page has no professional account of Instagram linked to it",
                where=login.handle,
                hint="link it in the Page's settings, then hubbub connect instagram",
                code="no_account",
            )
        self._names[seat.handle.lower() or login.handle.lower()] = seat.id
        return seat

    async def _by_page(self, graph: Graph, login: Login) -> tuple[object, str, str]:
        """(the account, its Page, the Page's token)."""
        own = "instagram_business_account{id,username,name}"
        try:
            me = await graph.get("me", login.secret, [("fields", f"id,{own}")])
        except Refused:  # a person's token: a person has no such account
            row = await page_of(graph, login, f"id,name,access_token,{own}")
            return row.get("instagram_business_account"), ident(row.get("id")), words(row.get("access_token"))
        return me.get("instagram_business_account"), ident(me.get("id")), login.secret

    def _read(self, piece: Piece) -> tuple[Item, ...]:
        return grams.of_piece(piece, self._names)

    def _ground(self, seat: Seat) -> GramGround:
        return GramGround(self, seat.id)

    async def _look(self, seat: Seat, external_id: str, *, hurry: bool = False) -> Piece:
        """A comment or a post of ours, else one that names us: what it is does not stand in its id."""
        graph, gone = self.graph_for(seat), False
        for edge, fields in (("comment", COMMENT), ("media", MEDIA)):
            try:
                value = await graph.get(external_id, seat.token, [("fields", fields)], hurry=hurry)
            except Refused as no:
                gone = gone or no.code == "gone"
                if gone:
                    break
                continue
            theirs = edge == "media" and words(value.get("username")).lower() not in self.names(seat)
            return Piece("tagged" if theirs else edge, seat.id, value, self.clock())
        for edge, asked in (
            ("named comment", f"mentioned_comment.comment_id({external_id}){{{_NAMED_COMMENT}}}"),
            ("named media", f"mentioned_media.media_id({external_id}){{{_NAMED_MEDIA}}}"),
        ):
            try:
                value = await graph.get(seat.id, seat.token, [("fields", asked)], hurry=hurry)
            except Refused:
                continue
            found = value.get("mentioned_comment" if edge == "named comment" else "mentioned_media")
            if isinstance(found, dict):
                return Piece(edge, seat.id, {"id": external_id, **found}, self.clock())
        raise Refused("the network does not have it, or no longer for us", where=external_id, code="gone")

    def names(self, seat: Seat) -> frozenset[str]:
        return frozenset(name for name, external_id in self._names.items() if external_id == seat.id) | {""}

    async def _around(self, seat: Seat, piece: Piece) -> list[Piece]:
        if piece.edge != "comment":
            return []
        graph, now = self.graph_for(seat), self.clock()
        own, media = ident(piece.value.get("id")), ident(inside(piece.value, "media", "id"))
        top = ident(piece.value.get("parent_id")) or own
        found = [await self._look(seat, above) for above in dict.fromkeys((top, media)) if above not in {own, ""}]
        async for rows, _ in graph.pages(f"{top}/replies", seat.token, [("fields", _LISTED)], most=2):
            found += [Piece("comment", seat.id, {"parent_id": top, **row}, now, media) for row in rows]
        return found

    async def _freeze(self, seat: Seat, reply: Reply, parent: Piece, now: datetime) -> Mapping[str, Any]:
        value, own = parent.value, ident(parent.value.get("id"))
        longest = int(self.own["longest"])
        if len(reply.text) > longest:
            raise Refused(f"the text has {len(reply.text)} characters, {longest} fit", code="too_long")
        if reply.private:
            created = moment(value.get("timestamp"))
            if parent.edge != "comment":
                raise Refused("only comments under what is ours can be answered in private", code="no_private")
            if created is not None and created + PRIVATE_WINDOW < now:
                raise Refused("it is older than seven days: that window has closed", code="window_closed")
            return {"path": f"{seat.id}/messages", "comment": own}
        if parent.edge in {"named comment", "named media"}:
            media = ident(inside(value, "media", "id")) if parent.edge == "named comment" else own
            fields = {"media_id": media, **({"comment_id": own} if parent.edge == "named comment" else {})}
            return {"path": f"{seat.id}/mentions", "fields": fields, "look": "", "known": []}
        if parent.edge == "tagged":
            return {"path": f"{seat.id}/mentions", "fields": {"media_id": own}, "look": "", "known": []}
        edge = f"{own}/comments" if parent.edge == "media" else f"{ident(value.get('parent_id')) or own}/replies"
        known = await self._ours(seat, edge, now - timedelta(minutes=10), reply.text)
        return {"path": edge, "fields": {}, "look": edge, "known": known}

    async def _look_up(self, seat: Seat, reply: Reply, frozen: Mapping[str, Any]) -> Sent | None:
        if not frozen["look"]:
            raise Refused(
                "the network does not show what stands under the posts of others: look in its own app", code="not_shown"
            )
        return await super()._look_up(seat, reply, frozen)

    def _look_params(self, since: datetime) -> Params:
        return [("fields", "id,text,timestamp,username,from"), ("limit", str(_PAGE))]

    async def _look_up_aside(self, seat: Seat, reply: Reply) -> Sent | None:
        raise Refused(
            "the network does not show whether a private answer arrived: look in its own app", code="not_shown"
        )

    def _may(self, what: Doing, piece: Piece) -> None:
        if what in {Doing.HIDE, Doing.SHOW} and piece.edge != "comment":
            raise Refused(
                "it does not stand under a post of ours: only there can we hide what others say", code="not_ours"
            )

    async def _do(self, seat: Seat, what: Doing, target: str) -> None:
        graph = self.graph_for(seat)
        match what:
            case Doing.HIDE | Doing.SHOW:
                await graph.post(target, seat.token, {"hide": "true" if what is Doing.HIDE else "false"})
            case Doing.DELETE | Doing.REMOVE:
                await graph.delete(target, seat.token)
            case _:
                raise Refused("that is not done from here", code="no_act")

    def _is_so(self, what: Doing, piece: Piece) -> bool:
        hidden = piece.value.get("hidden") is True
        return what in {Doing.HIDE, Doing.SHOW} and hidden == (what is Doing.HIDE)


class GramGround:
    """What is read of an account: its posts, and posts of others in which it is tagged."""

    def __init__(self, source: Instagram, account: str) -> None:
        self._source = source
        self._account = account
        self._untold = False

    @property
    def _seat(self) -> Seat:
        return self._source.seats[self._account]

    @property
    def _graph(self) -> Graph:
        return self._source.graph_for(self._seat)

    async def spots(self, since: datetime) -> AsyncIterator[Spot]:
        """As `Ground.spots`."""
        watched = int(self._source.own["watch_posts"])
        most, limit = -(-watched // _PAGE), ("limit", str(min(_PAGE, watched)))
        async for rows, _ in self._graph.pages(
            f"{self._account}/media", self._seat.token, [("fields", MEDIA), limit], most=most
        ):
            for row in rows:
                if external_id := ident(row.get("id")):
                    # How many comments there are is told, not when the last one came.
                    moved = moment(row.get("timestamp")) if row.get("comments_count") == 0 else None
                    yield Spot(external_id, self._made("media", row), f"{row.get('comments_count')}", moved)
        if self._source.own["private_messages"]:
            async for talk in self._source.talks[self._account].spots(since):
                yield talk
        try:
            async for rows, _ in self._graph.pages(
                f"{self._account}/tags", self._seat.token, [("fields", _TAGGED), limit], most=1
            ):
                for row in rows:
                    if external_id := ident(row.get("id")):
                        yield Spot(external_id, self._made("tagged", row), "", moment(row.get("timestamp")), False)
        except (Refused, SourceStopped) as no:
            if isinstance(no, SourceStopped) and no.code != "permission":
                raise
            if not self._untold:
                self._untold = True
                self._source.say(f"instagram/{self._account}: what tags it cannot be read: {no}")

    def _made(self, edge: str, row: Mapping[str, Any], media: str = "") -> tuple[Item, ...]:
        kept = {name: value for name, value in row.items() if name != "replies"}
        return self._source.items(Piece(edge, self._account, kept, self._source.clock(), media))

    async def comments(self, spot: Spot, since: datetime) -> AsyncIterator[tuple[list[Item], bool]]:
        """As `Ground.comments`, the newest first as the network gives them; answers to old ones as far as they are come by."""
        if spot.person:
            async for talk in self._source.talks[self._account].comments(spot, since):
                yield talk
            return
        quiet = 0
        asked = [("fields", _UNDER), ("limit", str(_PAGE))]
        try:
            async for rows, cut in self._graph.pages(f"{spot.id}/comments", self._seat.token, asked, most=MOST_PAGES):
                found: list[Item] = []
                for row in rows:
                    found += self._made("comment", row, spot.id)
                    found += await self._answers(row, spot.id)
                new = list(_since(found, since))
                quiet = 0 if any(isinstance(one, Mention) for one in new) else quiet + 1
                yield new, cut
                if quiet >= _QUIET_PAGES:
                    return
        except Refused as no:
            if no.code != "gone":
                raise

    async def _answers(self, row: Mapping[str, Any], media: str) -> list[Item]:
        top, rows = ident(row.get("id")), inside(row, "replies", "data")
        answers = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
        if inside(row, "replies", "paging", "next") and top:
            answers = []
            async for more, _ in self._graph.pages(
                f"{top}/replies", self._seat.token, [("fields", _LISTED)], most=MOST_PAGES
            ):
                answers += more
        return [item for one in answers for item in self._made("comment", {"parent_id": top, **one}, media)]

    async def watch(self) -> None:
        """As `Ground.watch`: the account's subscription, or its Page's, and when the login ends."""
        source, seat = self._source, self._seat
        await source.note_end(self._graph, seat)
        await source.renew(seat)
        if source.own["subscribe"]:
            if seat.page:
                await subscribe(self._graph, seat.page, seat, frozenset({"feed"}), source.say)
            else:
                await subscribe(self._graph, "me", seat, FIELDS, source.say)
                if source.own["private_messages"]:  # apart: without its permission the rest must come all the same
                    await subscribe(self._graph, "me", seat, MESSAGES, source.say)


def _since(items: list[Item], since: datetime) -> Iterator[Item]:
    """What is so new, with what is said of its being hidden, which follows it; and what cannot be used."""
    new = True
    for item in items:
        if isinstance(item, Mention):
            new = item.network_at is None or item.network_at >= since
        if new or isinstance(item, Reject):
            yield item
