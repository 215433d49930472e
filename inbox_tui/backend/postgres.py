"""The backend that asks the store. Owns the pool, the feed's connection and this terminal's claims; adds nothing to what the store says."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from inbox_tui.backend import BadQuery, Done, Found, Named, Place
from inbox_tui.backend.hearing import hearing
from inbox_tui.backend.postgres_answers import PostgresAnswers
from inbox_tui.backend.postgres_approving import PostgresApproving
from inbox_tui.backend.postgres_authors import PostgresAuthors
from inbox_tui.backend.postgres_copies import PostgresCopies
from inbox_tui.backend.postgres_editing import PostgresEditing
from inbox_tui.backend.postgres_incidents import PostgresIncidents
from inbox_tui.backend.postgres_labels import PostgresLabels
from inbox_tui.backend.postgres_macros import PostgresMacros
from inbox_tui.backend.postgres_network import PostgresNetwork
from inbox_tui.backend.postgres_overruling import PostgresOverruling
from inbox_tui.backend.postgres_pictures import PostgresPictures
from inbox_tui.backend.postgres_planning import PostgresPlanning
from inbox_tui.backend.postgres_posts import PostgresPosts
from inbox_tui.backend.postgres_sources import PostgresSources
from inbox_tui.backend.postgres_staff import PostgresStaff
from inbox_tui.backend.shelf import Shelf, explained, rule_rows, unexplained
from inbox_tui.view import marks as marked
from inbox_tui.view import queries, rules, saved, whys
from listener.errors import FixMe
from listener.model.people import Person, Role
from listener.model.problems import Problem
from listener.query import bounds, fields, parse
from listener.query.names import NO_NAMES, Names
from listener.rulebook import parse as rulebook
from listener.store import (
    acts,
    alive,
    asking,
    claims,
    feed,
    inbox,
    judged,
    marks,
    numbered,
    outbox,
    presence,
    rulebooks,
    rulestats,
)
from listener.store import people as staff
from listener.store.connect import connect_pool

if TYPE_CHECKING:
    from listener.query.tree import Node
    from listener.store.views.changed import Changed
    from listener.store.views.listening import ListeningRow, TopicCount
    from listener.store.views.notes import NoteToMe
    from listener.store.views.queue import Counts, QueueRow, SavedView, Standing, ViewPage
    from listener.store.views.thread import Opened, OutboxRow
    from listener.workflow.acts import Act


@dataclass(slots=True)
class PostgresBackend(
    PostgresAnswers,
    PostgresPictures,
    PostgresNetwork,
    PostgresEditing,
    PostgresCopies,
    PostgresPosts,
    PostgresAuthors,
    PostgresApproving,
    PostgresPlanning,
    PostgresStaff,
    PostgresMacros,
    PostgresLabels,
    PostgresOverruling,
    PostgresSources,
    PostgresIncidents,
):
    """`Backend` for one brand as one person, on the real store. Made by `connect`."""

    dsn: str = field(repr=False)
    pool: Any
    brand_id: int
    key: str
    """The brand's, in the settings and the rule files."""
    brand: str
    me: Person
    session: str
    position: str
    """Where the feed begins: before the first read, so that nothing falls between."""
    names: Names = NO_NAMES
    _rulebook: str = ""
    """The hash of the rulebook that `names` are of."""
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _shelf: Shelf = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._shelf = Shelf(lambda hash_: rulebooks.files_of(self.pool, hash_), self._latest)
        self._attending = asyncio.Lock()

    async def page(
        self, folder: str, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[QueueRow]:
        """Rows of a folder; 'mine' is 'open' of one person."""
        name, person_id = self.whose(folder)
        return await inbox.page(
            self.pool, self.brand_id, name, after=after, before=before, limit=limit, person_id=person_id
        )

    async def rows(self, ids: Sequence[int]) -> Sequence[QueueRow]:
        """These conversations as they are now."""
        return await inbox.rows(self.pool, ids)

    async def counts(self) -> Counts:
        """Exact counts."""
        return await inbox.counts(self.pool, self.brand_id, self.me.id)

    async def topics(self, now: datetime) -> Sequence[TopicCount]:
        """Topics of the brand."""
        return await inbox.topics(self.pool, self.brand_id, now)

    async def listening(
        self, topic: str, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[ListeningRow]:
        """A topic's mentions."""
        return await inbox.listening(self.pool, self.brand_id, topic, before=before, after=after, limit=limit)

    async def listening_rows(self, ids: Sequence[int]) -> Sequence[ListeningRow]:
        """These mentions as they are now."""
        return await inbox.listening_rows(self.pool, self.brand_id, ids)

    async def open(self, conversation_id: int, now: datetime) -> Opened | None:
        """A conversation whole."""
        return await inbox.open(self.pool, conversation_id, self.me.id, now)

    async def versions(self, mention_id: int) -> Sequence[tuple[int, str | None, datetime]]:
        """Every version of a message."""
        return await inbox.versions(self.pool, mention_id)

    def check_query(self, query: str) -> queries.Checked:
        """Everything that is wrong with it, or probably not meant."""
        return checked(query, self.names)

    async def read_names(self) -> None:
        """The names of the rulebook in force; parsed beside the loop, and only when it is another one."""
        async with self._reading:
            found = await rulebooks.in_force(self.pool, unless=self._rulebook)
            if found is None:
                return
            names = await asyncio.to_thread(_names_in, found.files)
            self._rulebook = found.hash
            if names != self.names:
                self.names = names

    async def search(self, query: str, now: datetime, *, before: Place | None = None, limit: int) -> Found:
        """Mentions that match."""
        tree = parsed(query, self.names)
        found = await inbox.search(self.pool, self.brand_id, tree, now, before=before, limit=limit, me=self.me.login)
        return Found(tuple(found.rows), found.searched_to, found.place)

    async def may_share(self) -> bool:
        """Leads and admins, as things are now."""
        return await staff.role(self.pool, self.me.id, self.brand_id) in {Role.LEAD, Role.ADMIN}

    async def views(self) -> Sequence[SavedView]:
        """The views that this person has."""
        return await inbox.saved_views(self.pool, self.brand_id, self.me.id)

    async def save_view(self, name: str, query: str, shared: bool, now: datetime) -> SavedView:
        """Keep a query under a name."""
        return await inbox.save_view(self.pool, self.me.id, self.brand_id, name, query, shared, now)

    async def delete_view(self, view_id: int, now: datetime) -> None:
        """Forget a view."""
        await inbox.delete_view(self.pool, self.me.id, view_id, now)

    async def view_page(
        self, query: str, now: datetime, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> ViewPage:
        """Conversations that match."""
        tree = parsed(query, self.names)
        return await inbox.view_page(
            self.pool, self.brand_id, tree, now, after=after, before=before, limit=limit, me=self.me.login
        )

    async def standing(self, folder: str) -> Standing:
        """All of a folder; 'mine' is 'open' of one person."""
        name, person_id = self.whose(folder)
        return await inbox.in_folder(self.pool, self.brand_id, name, person_id=person_id)

    async def view_standing(self, query: str, now: datetime, *, most: int) -> Standing:
        """The first of a view."""
        tree = parsed(query, self.names)
        return await inbox.in_view(self.pool, self.brand_id, tree, now, most=most, me=self.me.login)

    async def view_ids(self, query: str, now: datetime, *, most: int) -> tuple[Sequence[int], bool] | None:
        """The first of a view, by id."""

        tree = parsed(query, self.names)
        if bounds.asks_state(tree) and bounds.folders_of(tree) != frozenset({"open"}):
            return None
        return await inbox.view_ids(self.pool, self.brand_id, tree, now, most=most, me=self.me.login)

    async def among(self, queries: Sequence[str], ids: Collection[int], now: datetime) -> Sequence[frozenset[int]]:
        """Which of some conversations are in which view."""
        trees = [parsed(query, self.names) for query in queries]
        return await inbox.among(self.pool, self.brand_id, trees, ids, now, me=self.me.login)

    async def rules_refused(self) -> rules.Refused | None:
        """What the last reload found wrong."""
        found = await rulebooks.last_health(self.pool)
        return None if found is None or not found.problems else rules.Refused(found.problems, found.tried_at)

    async def rules_now(self, now: datetime) -> rules.RulesNow:
        """The rulebook in force and its rules' figures of a month; parsed and laid out beside the loop."""
        latest = await rulebooks.published(self.pool, 1)
        health = await rulebooks.last_health(self.pool)
        stats = await rulestats.stats(self.pool, self.brand_id, now - timedelta(days=rules.DAYS), now)
        tried, problems = (None, ()) if health is None else (health.tried_at, health.problems)
        uncaught = sum(one.missed for one in stats if one.rule == marks.NEW_RULE)
        if not latest:
            return rules.RulesNow(tried_at=tried, problems=problems, uncaught=uncaught)
        book = await self._shelf.book(latest[0].hash)
        if book is None or isinstance(book, Problem):
            return rules.RulesNow(*latest[0], tried, problems, book, uncaught=uncaught)
        rows = await asyncio.to_thread(rule_rows, book, stats, problems)
        return rules.RulesNow(*latest[0], tried, problems, None, rows, uncaught)

    async def rules(self) -> Sequence[Named]:
        """The rules in force."""
        book = await self._shelf.in_force()
        if book is None or isinstance(book, Problem):
            return ()
        living = (rule for rule in book.rules if rule.status.value != "deprecated")
        return [Named(rule.id, rule.title, rule.status.value == "experimental") for rule in living]

    async def voice(self) -> saved.Voice:
        """Of the rulebook in force."""
        book = await self._shelf.in_force()
        if book is None:
            return saved.Voice()
        if isinstance(book, Problem):
            return saved.Voice(
                problem=f"no style guide and no saved replies: this version cannot read the rulebook: {book}"
            )
        replies = tuple(one for one in book.replies if not one.brands or self.key in one.brands)
        return saved.Voice(book.style, replies, hear=await hearing(book))

    async def fired(self, mention_id: int) -> Sequence[Named]:
        """The flags of the state that was judged last."""
        found = await self._judged(mention_id)
        if found is None:
            return ()
        titles = {str(one["rule"]): str(one.get("title", "")) for one in found.assessment.because if "rule" in one}
        return [Named(flag.rule, titles.get(flag.rule, ""), flag.shadow) for flag in found.flags]

    async def why(self, mention_id: int, *, today: bool) -> whys.Explanation | None:
        """Judged again beside the loop, with what was known then."""
        found = await self._judged(mention_id)
        if found is None:
            return None
        in_force = await self._latest()
        asked = in_force if today else found.rulebook
        if found.text_gone:
            return unexplained(found, asked, "its text is gone: nobody can tell any more why", today=today)
        book = await self._shelf.book(asked)
        if book is None:
            why_not = "no rulebook is in force yet" if today else "the rulebook that judged it is not kept here"
            return unexplained(found, "", why_not, today=today)
        if isinstance(book, Problem):
            why_not = f"this version cannot read that rulebook: {book}"
            return unexplained(found, "", why_not, today=today)
        return await asyncio.to_thread(explained, found, book, today=today, same=found.rulebook == in_force)

    async def _latest(self) -> str:
        latest = await rulebooks.published(self.pool, 1)
        return latest[0].hash if latest else ""

    async def _judged(self, mention_id: int) -> judged.Judged | None:
        return await judged.judged(self.pool, mention_id, self.key)

    async def marks(self, mention_ids: Sequence[int]) -> Sequence[marked.Marked]:
        """Everybody's, for these messages."""
        found = await marks.marks_on(self.pool, mention_ids, self.brand_id)
        return [
            marked.Marked(m.mention_id, m.rule, m.person_id, m.person, m.verdict.value, m.note, m.at) for m in found
        ]

    async def mark(self, mention_id: int, rule: str, verdict: str, note: str, now: datetime) -> None:
        """Keep this person's word."""
        await marks.mark(self.pool, self.me.id, mention_id, self.brand_id, rule, verdict, note, now)

    async def unmark(self, mention_id: int, rule: str, now: datetime) -> None:
        """Take this person's word back."""
        await marks.take_back(self.pool, self.me.id, mention_id, self.brand_id, rule, now)

    async def people(self) -> Sequence[Person]:
        """Everybody who works for the brand."""
        return await staff.people(self.pool, self.brand_id)

    async def do(
        self,
        ids: Sequence[int],
        act: Act,
        now: datetime,
        *,
        expect: Mapping[int, int] | None = None,
        act_id: uuid.UUID | None = None,
    ) -> Done:
        """One act, or a part of one."""
        done = await acts.do(self.pool, self.me.id, ids, act, now, expect=expect, act_id=act_id)
        return Done(done.act_id, tuple(done.changed), done.refused, done.overtaken)

    async def undo(self, act_id: uuid.UUID, now: datetime, *, anyway: bool = False) -> Done:
        """Take an act back."""
        done = await acts.undo(self.pool, self.me.id, act_id, now, anyway=anyway)
        of_others = (done.authors, done.kept, done.mentions)
        return Done(done.act_id, tuple(done.changed), done.refused, frozenset(), *of_others)

    async def last_act(self) -> uuid.UUID | None:
        """The last act that can be taken back."""
        return await acts.last_act(self.pool, self.me.id)

    async def last_undo(self) -> uuid.UUID | None:
        """The last undo, while it is the last thing done."""
        return await acts.last_undo(self.pool, self.me.id)

    async def mark_read(self, conversation_id: int, now: datetime) -> bool:
        """Somebody has looked at it."""
        return await acts.mark_read(self.pool, self.me.id, conversation_id, now)

    async def note(self, conversation_id: int, body: str, now: datetime) -> Done:
        """Write a note."""
        done = await acts.note(self.pool, self.me.id, conversation_id, body, now)
        return Done(done.act_id, tuple(done.changed), done.refused)

    async def asked(self) -> Sequence[NoteToMe]:
        """Notes for this person."""
        return await asking.unseen(self.pool, self.brand_id, self.me.id)

    async def asked_seen(self, conversation_id: int, now: datetime) -> None:
        """They have seen them."""
        await asking.seen(self.pool, self.me.id, conversation_id, now)

    async def save_draft(
        self,
        conversation_id: int,
        body: str,
        thread_version: int,
        now: datetime,
        *,
        private: bool,
        options: Sequence[str] = (),
        without: int = 0,
    ) -> None:
        """Keep a draft."""
        await acts.save_draft(
            self.pool,
            self.me.id,
            conversation_id,
            body,
            thread_version,
            now,
            private=private,
            options=options,
            without=without,
        )

    async def drop_draft(self, conversation_id: int) -> None:
        """Throw the draft away."""
        await acts.drop_draft(self.pool, self.me.id, conversation_id)

    async def claim(self, conversation_id: int, now: datetime, *, take_over: bool = False) -> Person | None:
        """Hold it for a minute."""
        return await claims.claim(self.pool, conversation_id, self.me.id, self.session, now, take_over=take_over)

    async def renew_claims(self, now: datetime) -> None:
        """Keep holding what this terminal holds, and being seen where it looks."""
        await claims.renew(self.pool, self.session, now)
        await self.still_here(now)

    async def release(self, conversation_id: int, now: datetime) -> None:
        """Let go."""
        await claims.release(self.pool, conversation_id, self.session, now)

    async def take_in(self, mention_id: int, now: datetime) -> int:
        """Make a conversation of a mention."""
        return await acts.open_from_mention(self.pool, self.me.id, self.brand_id, mention_id, now)

    async def queue_reply(
        self,
        opened: Opened,
        parent_mention_id: int,
        body: str,
        *,
        private: bool,
        fence: int,
        hold_seconds: float,
        close_after: bool,
        now: datetime,
        planned: datetime | None = None,
        in_parts: bool = False,
    ) -> OutboxRow:
        """Put a reply in the outbox, in the language that it answers."""
        lang = next((m.lang for m in opened.thread if m.id == parent_mention_id), "")
        return await outbox.queue_reply(
            self.pool,
            self.me.id,
            opened.conversation.id,
            opened.account_id,
            parent_mention_id,
            body,
            visibility="private" if private else "public",
            lang=lang,
            fence=fence,
            hold_seconds=hold_seconds,
            close_after=close_after,
            now=now,
            planned=planned,
            into=numbered.put if in_parts else None,
        )

    async def withdraw(self, outbox_id: int, now: datetime) -> str:
        """Take a reply back."""
        return await outbox.withdraw(self.pool, outbox_id, self.me.id, now)

    async def retry(self, outbox_id: int, fence: int, now: datetime, *, planned: datetime | None = None) -> None:
        """Send it after all."""
        await outbox.retry(self.pool, outbox_id, self.me.id, now, fence=fence, planned=planned)

    async def resolve_unknown(self, outbox_id: int, sent: bool, now: datetime) -> None:
        """What a person saw on the network."""
        await outbox.resolve_unknown(self.pool, outbox_id, self.me.id, "sent" if sent else "not_sent", now)

    async def listener_beat(self) -> datetime | None:
        """The listener's last sign of life."""
        return next((p.beat_at for p in await alive.programs(self.pool) if p.name == "listener"), None)

    def changes(self, told: Callable[[bool], None]) -> AsyncIterator[Changed]:
        """What changes from the moment before the first read."""
        wire = feed.Feed(self.dsn, application_name="hubbub inbox feed", told=told)
        return wire.changes(self.brand_id, since=self.position)

    async def close(self, now: datetime) -> None:
        """Let go of claims and connections."""
        try:
            await claims.release_all(self.pool, self.session, now)
            await presence.leave(self.pool, self.session)
        finally:
            await self.pool.close()


async def connect(dsn: str, brand_key: str, login: str) -> PostgresBackend:
    """Open the store for a brand and a person; both must be known there. Raises FixMe and NotReachable."""
    pool = await connect_pool(dsn, application_name="hubbub inbox", min_size=1, max_size=4)
    try:
        known = {key: (brand_id, name) for brand_id, key, name in await staff.brands(pool)}
        if brand_key not in known:
            raise FixMe(f"there is no brand {brand_key!r}", hint=f"known: {', '.join(sorted(known)) or 'none yet'}")
        brand_id, brand = known[brand_key]
        people = {person.login: person for person in await staff.people(pool, brand_id)}
        if login not in people:
            raise FixMe(
                f"{login!r} does not work for {brand}", hint=f"known: {', '.join(sorted(people)) or 'nobody yet'}"
            )
        place = await feed.position(pool)
    except BaseException:
        await pool.close()
        raise
    return PostgresBackend(dsn, pool, brand_id, brand_key, brand, people[login], uuid.uuid4().hex, place)


def checked(query: str, names: Names = NO_NAMES) -> queries.Checked:
    """What the parser says of a query, with places in the query as one line."""
    found = _parse(query, names)
    return queries.Checked(
        *(
            tuple(queries.QueryProblem(one.column, one.message, one.hint) for one in told)
            for told in (found.problems, found.warnings)
        )
    )


def parsed(query: str, names: Names = NO_NAMES) -> Node:
    """The tree of a query. Raises `BadQuery` with every problem and its column."""
    tree = _parse(query, names).tree
    if tree is None:
        raise BadQuery(checked(query, names).problems)
    return tree


def _names_in(files: Mapping[str, str]) -> Names:

    return rulebook.names_in(files)


def _parse(query: str, names: Names) -> parse.Parsed:

    return parse.parse(query, fields.Use.VIEW, names=names, locate=lambda offset: (1, offset + 1))
