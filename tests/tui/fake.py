"""A backend in memory that keeps the same promise as the real one: acts go through the workflow, places are keyset places.

Up to a million untouched rows cost nothing: they are computed from their number when a page asks for them.
"""

from __future__ import annotations

import asyncio
import bisect
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from inbox_tui.backend import BadQuery, Done, Found, Named, Place
from inbox_tui.backend.postgres import checked, parsed
from inbox_tui.view.marks import Marked
from inbox_tui.view.queries import Checked, QueryProblem
from inbox_tui.view.rules import Refused as RulesRefused
from inbox_tui.view.rules import RulesNow
from inbox_tui.view.saved import Voice
from inbox_tui.view.whys import Explanation
from listener.errors import Refused, TryAgain
from listener.lengths import Terms
from listener.model.kinds import Kind
from listener.model.leaving import ApprovalState, OutboxState
from listener.model.people import Person
from listener.model.scales import Priority, ToneLabel
from listener.model.work import OPEN, Conversation, Origin, State
from listener.parts import Part, split
from listener.query.bounds import asks_state, folders_of
from listener.query.match import test_of
from listener.query.names import NO_NAMES, Names
from listener.query.subject import Subject
from listener.store.feed import NOTHING
from listener.store.views.changed import Changed
from listener.store.views.listening import ListeningRow, TopicCount
from listener.store.views.notes import Note, NoteToMe
from listener.store.views.posts import CommentRow
from listener.store.views.queue import Counts, QueueRow, SavedView, Standing, ViewPage
from listener.store.views.thread import HistoryLine, Opened, OutboxRow, ThreadMessage
from listener.workflow import moves, order
from listener.workflow.acts import Act, HandBack, Read
from tests.tui.fake_answers import FakeAnswers
from tests.tui.fake_approving import FakeApproving
from tests.tui.fake_authors import FakeAuthors
from tests.tui.fake_copies import FakeCopies
from tests.tui.fake_editing import FakeEditing
from tests.tui.fake_incidents import FakeIncidents
from tests.tui.fake_labels import FakeLabels
from tests.tui.fake_macros import FakeMacros
from tests.tui.fake_network import FakeNetwork
from tests.tui.fake_overruling import FakeOverruling
from tests.tui.fake_pictures import FakePictures
from tests.tui.fake_posts import FakePosts
from tests.tui.fake_sources import FakeSources
from tests.tui.fake_staff import FakeStaff

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TEXTS = (
    "Where is my refund? I have been waiting for three weeks now.",
    "The app crashes whenever I open the settings page, please help",
    "Love the new release, thank you so much!",
    "How do I change the language to German?",
    "Billing charged me twice this month and nobody answers",
    "¿Cómo puedo cancelar mi cuenta?",
    "This is the third time I ask. Is anybody there?",
    "Great talk yesterday 👏",
)
NAMES = ("mira", "jonas", "ade", "yuki", "olga", "sam", "chen", "lucia")


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class Talk:
    """A conversation with everything around it."""

    conversation: Conversation
    handle: str
    name: str
    thread: list[ThreadMessage]
    source: str = "bluesky"
    terms: Terms = field(default_factory=Terms)
    account_id: int = 1
    account_handle: str = "larkspur.test"
    bio: str = ""
    author_status: str = "active"
    claimed_by: tuple[Person, str] | None = None
    replies: list[OutboxRow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    history: list[HistoryLine] = field(default_factory=list)
    versions: dict[int, list[tuple[int, str | None, datetime]]] = field(default_factory=dict)
    because: tuple[dict[str, object], ...] = ()
    hide: bool = False
    drafts: dict[int, tuple[str, int]] = field(default_factory=dict)


def message(number: int, text: str | None, at: datetime, handle: str = "mira.test", **more: object) -> ThreadMessage:
    """A message of a thread; `more` overrides any field."""
    base: dict[str, object] = {
        "id": number, "external_id": f"at://x/{number}", "parent": None, "at": at, "claimed_at": at, "author_id": 1,
        "author_handle": handle, "author_name": handle.split(".")[0].title(), "author_status": "active", "ours": False,
        "mine": True, "text": text, "kind": Kind.REPLY, "version": 1, "deleted": False, "media": 0,
        "url": f"https://pretend.test/{number}", "lang": "en", "tone": ToneLabel.NEGATIVE, "compound": -0.4, "need": 0.8,
        "flags": (),
    }  # fmt: skip
    return ThreadMessage(**{**base, **more})  # type: ignore[arg-type]


class FakeBackend(
    FakeAnswers,
    FakePictures,
    FakeNetwork,
    FakeEditing,
    FakeCopies,
    FakePosts,
    FakeAuthors,
    FakeApproving,
    FakeStaff,
    FakeMacros,
    FakeLabels,
    FakeOverruling,
    FakeSources,
    FakeIncidents,
):
    """`Backend` in memory. `n` conversations are open; what tests touch becomes a `Talk`."""

    def __init__(self, n: int = 40, clock: Clock | None = None, topics: Sequence[str] = ("launch", "billing")) -> None:
        super().__init__()
        self.n = n
        self.clock = clock or Clock()
        self.me = Person(1, "ana", "Ana Sol")
        self.brand = "Larkspur"
        self.staff = [self.me, Person(2, "bo", "Bo Lind"), Person(3, "cy", "Cy Ray")]
        self.session = "this terminal"
        self.talks: dict[int, Talk] = {}
        self.next_id = n + 1
        self.mentions: dict[str, list[ListeningRow]] = {topic: [] for topic in topics}
        self.beat: datetime | None = START
        self.pages = 0
        self.acts: list[tuple[uuid.UUID, int, dict[int, tuple[Conversation, Conversation]]]] = []
        self.undoes: dict[uuid.UUID, uuid.UUID] = {}
        """An undo, and the act that it took back."""
        self.fault: TryAgain | None = None
        self.pace: asyncio.Semaphore | None = None
        """Acts wait for it, where a test wants to look between them."""
        self.queue: asyncio.Queue[Changed] = asyncio.Queue()
        self.told: Callable[[bool], None] = lambda _: None
        self.calls: Counter[str] = Counter()
        self._outbox = 0
        self.names = self.in_force = NO_NAMES
        self.shares = True
        self.kept: list[SavedView] = []
        self.notes_to_me: list[NoteToMe] = []
        self.stops: list[Place] = []
        """Places at which the next reads of a view run out of time."""
        self.rules_state = RulesNow()
        self.flags: dict[int, list[Named]] = {}
        self.whys: dict[tuple[int, bool], Explanation] = {}
        """By mention, and whether today's rules are asked."""
        self.marked: list[Marked] = []
        self.viewer = False
        self.speaks = Voice()
        self.no_approvals()
        self.mutes, self.notes_on, self.pasts = {}, {}, {}
        self.families: dict[int, int] = {}
        self.threads: dict[int, list[CommentRow]] = {}

    # The generated rows ----------------------------------------------------------------------------------------------

    def _row(self, i: int) -> QueueRow:
        """Conversation `i` as it was born; its place is its number."""
        due = START + timedelta(minutes=i - 5)
        name = NAMES[i % len(NAMES)]
        row = QueueRow(
            id=i + 1,
            sort_key=int(due.timestamp()) * 1_000_000,
            state=State.NEW,
            source="bluesky",
            author_handle=f"{name}{i}.test",
            author_name=name.title(),
            snippet=TEXTS[i % len(TEXTS)],
            tone=list(ToneLabel)[i % 4],
            need=(i % 10) / 10,
            priority=1 + i % 4,
            due_at=due,
            last_at=START - timedelta(minutes=i % 500),
            tags=("billing", "refund")[: i % 3],
            team="",
            assignee_id=None,
            assignee="",
            claimed_by="",
            claimed_by_id=None,
            unread=i % 2 == 0,
            messages=1,
            outbox=None,
            version=1,
        )
        return self.in_family(row)

    def talk(self, conversation_id: int) -> Talk:
        """The conversation, made whole from its row at the first touch."""
        if conversation_id in self.talks:
            return self.talks[conversation_id]
        if not 1 <= conversation_id <= self.n:
            raise Refused("there is no such conversation")
        row = self._row(conversation_id - 1)
        conversation = Conversation(
            id=row.id, brand_id=1, state=row.state, priority=Priority(row.priority), priority_by=None, due_at=row.due_at,
            assignee_id=None, team="", tags=row.tags, snoozed_until=None, unread=row.unread, version=1,
            thread_version=1, last_at=row.last_at, last_ours_at=None,
        )  # fmt: skip
        text = row.snippet or ""
        talk = Talk(
            conversation,
            row.author_handle,
            row.author_name,
            [
                message(
                    row.id * 1000,
                    "We launch today! 🎉",
                    row.last_at - timedelta(hours=1),
                    "larkspur.test",
                    ours=True,
                    mine=False,
                ),
                message(row.id * 1000 + 1, "Me too", row.last_at - timedelta(minutes=9), "someone.test", mine=False),
                message(row.id * 1000 + 2, text, row.last_at, row.author_handle, tone=row.tone, need=row.need),
            ],
            because=(
                {
                    "rule": "billing.refund",
                    "title": "Refund asked for",
                    "then": ["priority high", "due 30 min"],
                    "spans": [12, 18],
                },
            ),
        )
        self.talks[conversation_id] = talk
        return talk

    def _as_row(self, talk: Talk) -> QueueRow:
        c = talk.conversation
        last = next((m for m in reversed(talk.thread) if m.mine), talk.thread[-1])
        holder = talk.claimed_by[0] if talk.claimed_by else None
        names = {p.id: p.name for p in self.staff}
        news = [r.state for r in talk.replies if r.state not in (OutboxState.SEEN, OutboxState.WITHDRAWN)]
        row = QueueRow(
            c.id, order.sort_key(c), c.state, talk.source, talk.handle, talk.name,
            None if last.text is None else last.text[:280], last.tone or ToneLabel.NOT_SCORED, last.need or 0.0, int(c.priority),
            c.due_at, c.last_at, c.tags, c.team, c.assignee_id, names.get(c.assignee_id or 0, ""),
            holder.name if holder else "", holder.id if holder else None, c.unread, sum(m.mine for m in talk.thread),
            news[-1] if news else None, c.version, reply_until=c.reply_until, resolve_by=c.resolve_by, approval=self.approval_of(c),
            planned=next((r.planned for r in reversed(talk.replies) if r.state is OutboxState.QUEUED), None),
        )  # fmt: skip
        return self.in_family(row)

    def _folder(self, folder: str, row: QueueRow) -> bool:
        if folder == "approve":
            return row.approval is ApprovalState.WAITING
        if folder in ("open", "mine"):
            return row.state in OPEN and (folder == "open" or row.assignee_id == self.me.id)
        return row.state.value == folder

    # Backend: reading ------------------------------------------------------------------------------------------------

    async def _called(self, name: str) -> None:
        self.calls[name] += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault

    async def page(
        self, folder: str, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[QueueRow]:
        await self._called("page")
        touched = sorted(
            (row for row in map(self._as_row, self.talks.values()) if self._folder(folder, row)),
            key=lambda row: (row.sort_key, row.id),
        )
        low, high = after or (-(2**63), 0), before or (2**63, 0)
        touched = [row for row in touched if low < (row.sort_key, row.id) < high]
        born: list[QueueRow] = []
        if folder == "open":
            first = int((START - timedelta(minutes=5)).timestamp())
            step = 60 * 1_000_000
            begin = max(0, (low[0] - first * 1_000_000) // step)
            end = min(self.n, (high[0] - first * 1_000_000) // step + 1)
            numbers = range(begin, end) if before is None else range(end - 1, begin - 1, -1)
            for i in numbers:
                if i + 1 in self.talks or not 0 <= i < self.n:
                    continue
                row = self._row(i)
                if low < (row.sort_key, row.id) < high:
                    born.append(row)
                if len(born) == limit:
                    break
        rows = sorted([*touched, *born], key=lambda row: (row.sort_key, row.id))
        return rows[-limit:] if before is not None else rows[:limit]

    async def rows(self, ids: Sequence[int]) -> Sequence[QueueRow]:
        await self._called("rows")
        return [
            self._as_row(self.talks[i]) if i in self.talks else self._row(i - 1)
            for i in ids
            if i in self.talks or 1 <= i <= self.n
        ]

    async def counts(self) -> Counts:
        await self._called("counts")
        found = Counter(
            "open" if t.conversation.state in OPEN else t.conversation.state.value for t in self.talks.values()
        )
        found["open"] += self.n - sum(1 for i in self.talks if i <= self.n)
        mine = sum(t.conversation.assignee_id == 1 and t.conversation.state in OPEN for t in self.talks.values())
        return Counts(dict(found), mine, self.to_approve)

    async def topics(self, now: datetime) -> Sequence[TopicCount]:
        await self._called("topics")
        return [
            TopicCount(topic, len(rows), sum(r.tone is ToneLabel.NEGATIVE for r in rows))
            for topic, rows in self.mentions.items()
        ]

    async def listening(
        self, topic: str, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[ListeningRow]:
        await self._called("listening")
        rows = sorted(self.mentions.get(topic, []), key=lambda r: (r.at, r.id), reverse=True)
        if after is not None:
            return [r for r in rows if (r.at, r.id) > after][-limit:]
        return [r for r in rows if before is None or (r.at, r.id) < before][:limit]

    async def listening_rows(self, ids: Sequence[int]) -> Sequence[ListeningRow]:
        await self._called("listening_rows")
        return [row for rows in self.mentions.values() for row in rows if row.id in set(ids)]

    async def open(self, conversation_id: int, now: datetime) -> Opened | None:
        await self._called("open")
        try:
            talk = self.talk(conversation_id)
        except Refused:
            return None
        names = {p.id: p.name for p in self.staff}
        holder = talk.claimed_by[0] if talk.claimed_by else None
        draft = talk.drafts.get(self.me.id, ("", None))
        c = talk.conversation
        return Opened(
            c, self.brand, talk.source, "at", Origin.ADDRESSED, talk.account_id, talk.account_handle, c.id, talk.handle, talk.name,
            talk.bio, 1234, talk.author_status, 3, names.get(c.assignee_id or 0, ""), holder.name if holder else "",
            holder.id if holder else None, tuple(talk.thread), tuple(talk.replies), tuple(talk.notes), tuple(talk.history),
            talk.because, talk.thread[-1].id, "abc", draft[0], draft[1],
            mute=self.mutes.get(c.id), author_notes=len(self.notes_on.get(c.id, [])), hide=talk.hide, can=self.can,
            draft_private=self.private_drafts.get(conversation_id, False),
            network=self.acts_around({one.id for one in talk.thread}, c.id),
            approvals=tuple(self.submitted.get(c.id, ())),
            draft_options=self.draft_options.get(c.id, ()) if draft[1] is not None else (),
            terms=talk.terms,
        )  # fmt: skip

    async def versions(self, mention_id: int) -> Sequence[tuple[int, str | None, datetime]]:
        await self._called("versions")
        return next((t.versions[mention_id] for t in self.talks.values() if mention_id in t.versions), [])

    def check_query(self, query: str) -> Checked:
        return checked(query, self.names)

    async def search(self, query: str, now: datetime, *, before: Place | None = None, limit: int) -> Found:
        await self._called("search")
        test = test_of(parsed(query, self.names))
        rows = {row.id: row for rows in self.mentions.values() for row in rows if test(self._mention_subject(row), now)}
        found = sorted(rows.values(), key=lambda r: (r.at, r.id), reverse=True)
        return Found(tuple(r for r in found if before is None or (r.at, r.id) < before)[:limit])

    def _mention_subject(self, row: ListeningRow) -> Subject:
        topics = frozenset(topic for topic, rows in self.mentions.items() if any(one.id == row.id for one in rows))
        return Subject(
            text=row.text or "", source=row.source, kind=row.kind, author_handle=row.author_handle, at=row.at, lang=row.lang,
            tone=row.tone, need=row.need, topics=topics, rules=frozenset(row.rules),
        )  # fmt: skip

    # Backend: views --------------------------------------------------------------------------------------------------

    async def read_names(self) -> None:
        await self._called("read_names")
        if self.names != self.in_force:
            self.names = replace(self.in_force)

    def publish(self, names: Names) -> None:
        """A rulebook with these names is in force from now on."""
        self.in_force = names
        self.ring(rulebook=True)

    # Backend: rules --------------------------------------------------------------------------------------------------

    async def rules_refused(self) -> RulesRefused | None:
        await self._called("rules_refused")
        state = self.rules_state
        return RulesRefused(state.problems, state.tried_at or START) if state.problems else None

    async def rules_now(self, now: datetime) -> RulesNow:
        await self._called("rules_now")
        return self.rules_state

    async def rules(self) -> Sequence[Named]:
        await self._called("rules")
        return [Named(row.id, row.title, row.status == "experimental") for row in self.rules_state.rules]

    async def voice(self) -> Voice:
        await self._called("voice")
        return self.speaks

    async def fired(self, mention_id: int) -> Sequence[Named]:
        await self._called("fired")
        return self.flags.get(mention_id, [])

    async def why(self, mention_id: int, *, today: bool) -> Explanation | None:
        await self._called("why")
        return self.whys.get((mention_id, today))

    async def marks(self, mention_ids: Sequence[int]) -> Sequence[Marked]:
        await self._called("marks")
        return [mark for mark in self.marked if mark.mention_id in mention_ids]

    async def mark(self, mention_id: int, rule: str, verdict: str, note: str, now: datetime) -> None:
        await self._called("mark")
        self.mark_as(self.me, mention_id, rule, verdict, note)

    async def unmark(self, mention_id: int, rule: str, now: datetime) -> None:
        await self._called("unmark")
        self.mark_as(self.me, mention_id, rule, "")

    def mark_as(self, person: Person, mention_id: int, rule: str, verdict: str, note: str = "") -> None:
        """What a colleague says of a rule; '' takes it back."""
        if self.viewer and person == self.me:
            raise Refused("you may look at this brand but not change anything (viewer)")
        key = (mention_id, rule, person.id)
        self.marked = [one for one in self.marked if (one.mention_id, one.rule, one.person_id) != key]
        if verdict:
            self.marked.append(Marked(*key, person.name, verdict, note, self.clock()))
        self.ring(marks=[mention_id])

    async def may_share(self) -> bool:
        await self._called("may_share")
        return self.shares

    async def views(self) -> Sequence[SavedView]:
        await self._called("views")
        return sorted(self.kept, key=lambda view: (not view.shared, view.name.lower()))

    async def save_view(self, name: str, query: str, shared: bool, now: datetime) -> SavedView:
        await self._called("save_view")
        if shared and not self.shares:
            raise Refused("only a lead or an admin changes the views that all share")
        return self.keep(name, query, shared=shared)

    def keep(self, name: str, query: str, *, shared: bool = False) -> SavedView:
        """A view is kept, by whomever."""
        old = next((view for view in self.kept if (view.name, view.shared) == (name, shared)), None)
        view = SavedView(old.id if old else len(self.kept) + 1, name, query, shared)
        self.kept = [*(one for one in self.kept if one != old), view]
        self.ring(views=True)
        return view

    async def delete_view(self, view_id: int, now: datetime) -> None:
        await self._called("delete_view")
        view = next((view for view in self.kept if view.id == view_id), None)
        if view is None:
            raise Refused("there is no such view")
        if view.shared and not self.shares:
            raise Refused("only a lead or an admin changes the views that all share")
        self.kept.remove(view)
        self.ring(views=True)

    async def view_page(
        self, query: str, now: datetime, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> ViewPage:
        await self._called("view_page")
        rows = self._matching(query, now)
        low, high = after or (-(2**63), 0), before or (2**63, 0)
        stop = self.stops.pop(0) if self.stops else None
        if stop is not None:
            low, high = (
                (max(low, (stop[0], stop[1] - 1)), high)
                if before is not None
                else (low, min(high, (stop[0], stop[1] + 1)))
            )
        found = [row for row in rows if low < (row.sort_key, row.id) < high]
        found = found[-limit:] if before is not None else found[:limit]
        return ViewPage(tuple(found), stop if len(found) < limit else None)

    def _matching(self, query: str, now: datetime) -> list[QueueRow]:
        tree = parsed(query, self.names)
        test, every = test_of(tree), asks_state(tree)
        born = [self._row(i) for i in range(self.n) if i + 1 not in self.talks]
        rows = sorted([*born, *map(self._as_row, self.talks.values())], key=lambda row: (row.sort_key, row.id))
        return [
            row for row in rows if (every or row.state in OPEN) and any(test(one, now) for one in self._subjects(row))
        ]

    async def standing(self, folder: str) -> Standing:
        await self._called("standing")
        return Standing({row.id: row.version for row in await self.page(folder, limit=2**31)})

    async def view_standing(self, query: str, now: datetime, *, most: int) -> Standing:
        await self._called("view_standing")
        rows = (await self.view_page(query, now, limit=most + 1)).rows
        return Standing({row.id: row.version for row in rows[:most]}, more=len(rows) > most)

    async def view_ids(self, query: str, now: datetime, *, most: int) -> tuple[Sequence[int], bool] | None:
        await self._called("view_ids")
        tree = parsed(query, self.names)
        if asks_state(tree) and folders_of(tree) != {"open"}:
            return None
        ids = [row.id for row in self._matching(query, now)]
        return ids[:most], len(ids) <= most

    async def among(self, queries: Sequence[str], ids: Collection[int], now: datetime) -> Sequence[frozenset[int]]:
        await self._called("among")
        tests = [test_of(parsed(query, self.names)) for query in queries]
        rows = [row for row in await self.rows(list(ids)) if row.state in OPEN]
        return [frozenset(r.id for r in rows if any(test(one, now) for one in self._subjects(r))) for test in tests]

    def _subjects(self, row: QueueRow) -> list[Subject]:
        logins = {person.id: person.login for person in self.staff}
        talk = self.talks.get(row.id)
        own = frozenset(text for id_, text in self.own if id_ == row.id)
        texts = [one.text for one in talk.thread if one.mine] if talk else [row.snippet]
        return [
            Subject(
                text=text or "", source=row.source, author_handle=row.author_handle, tags=frozenset(row.tags), state=row.state,
                priority=Priority(row.priority), assignee=logins.get(row.assignee_id or 0, ""), team=row.team, unread=row.unread,
                tone=row.tone, need=row.need, at=row.last_at, me=self.me.login, labels=own,
            )
            for text in texts
        ]  # fmt: skip

    async def people(self) -> Sequence[Person]:
        await self._called("people")
        return self.staff

    # Backend: acting -------------------------------------------------------------------------------------------------

    async def do(
        self,
        ids: Sequence[int],
        act: Act,
        now: datetime,
        *,
        expect: Mapping[int, int] | None = None,
        act_id: uuid.UUID | None = None,
    ) -> Done:
        await self._called("do")
        if self.pace is not None:
            await self.pace.acquire()
        return self.act_as(self.me, ids, act, expect or {}, act_id)

    def act_as(
        self,
        person: Person,
        ids: Sequence[int],
        act: Act,
        expect: Mapping[int, int] | None = None,
        act_id: uuid.UUID | None = None,
    ) -> Done:
        """What a colleague does, seen from the store."""
        moved: dict[int, tuple[Conversation, Conversation]] = {}
        refused: dict[int, str] = {}
        overtaken: set[int] = set()
        if act_id in self.undoes.values():
            raise Refused("what was done of it has been taken back meanwhile")
        for conversation_id in ids:
            talk = self.talk(conversation_id)
            before = talk.conversation
            if (expect or {}).get(conversation_id, before.version) != before.version:
                refused[conversation_id] = "Bo Lind changed it just now; look again"
                overtaken.add(conversation_id)
                continue
            try:
                after = moves.apply(before, act, person.id, self.clock())
            except Refused as no:
                refused[conversation_id] = str(no)
                continue
            if isinstance(act, HandBack) and talk.claimed_by is not None and talk.claimed_by[0] == person:
                talk.claimed_by = None
            if after != before:
                talk.conversation = after
                moved[conversation_id] = (before, after)
                kind = "act." + type(act).__name__.lower().removeprefix("set")
                talk.history.append(HistoryLine(len(talk.history) + 1, self.clock(), kind, person.name, "x", {}, {}))
        begun = next((earlier for found, _, earlier in self.acts if found == act_id), None)
        act_id = act_id or uuid.uuid4()
        if begun is not None:
            begun.update(moved)
        elif not isinstance(act, Read):
            self.acts.append((act_id, person.id, dict(moved)))
        self.ring(*moved)
        return Done(act_id, tuple(moved), refused, frozenset(overtaken))

    async def undo(self, act_id: uuid.UUID, now: datetime, *, anyway: bool = False) -> Done:
        await self._called("undo")
        moved = next(moved for found, _, moved in self.acts if found == act_id)
        back: dict[int, tuple[Conversation, Conversation]] = {}
        refused: dict[int, str] = {}
        for conversation_id, (before, after) in moved.items():
            talk = self.talk(conversation_id)
            was = talk.conversation
            if replace(was, version=after.version, thread_version=after.thread_version) != after and not anyway:
                refused[conversation_id] = "Bo Lind changed it since"
                continue
            talk.conversation = replace(before, version=was.version + 1, thread_version=was.thread_version)
            back[conversation_id] = (was, talk.conversation)
        undo_id = uuid.uuid4()
        if back:
            self.undoes[undo_id] = act_id
            self.acts.append((undo_id, self.me.id, back))
        self.ring(*back)
        return Done(undo_id, tuple(back), refused)

    async def last_act(self) -> uuid.UUID | None:
        await self._called("last_act")
        done = (a for a, who, moved in reversed(self.acts) if who == self.me.id and moved and a not in self.undoes)
        return next((a for a in done if self._in_force(a)), None)

    async def last_undo(self) -> uuid.UUID | None:
        await self._called("last_undo")
        for act_id, _, moved in reversed(self.acts):
            if moved and act_id not in self.undoes:
                return None
            if moved and self.undoes[act_id] not in self.undoes and self._in_force(act_id):
                return act_id
        return None

    def _in_force(self, act_id: uuid.UUID) -> bool:
        return not any(self._in_force(undo) for undo, undone in self.undoes.items() if undone == act_id)

    async def mark_read(self, conversation_id: int, now: datetime) -> bool:
        await self._called("mark_read")
        return bool(self.act_as(self.me, [conversation_id], Read()).changed)

    async def note(self, conversation_id: int, body: str, now: datetime) -> Done:
        await self._called("note")
        talk = self.talk(conversation_id)
        talk.notes.append(Note(len(talk.notes) + 1, self.me.name, body, now))
        self.ring(conversation_id)
        return Done(uuid.uuid4(), (conversation_id,), {})

    async def asked(self) -> Sequence[NoteToMe]:
        await self._called("asked")
        return self.notes_to_me

    async def asked_seen(self, conversation_id: int, now: datetime) -> None:
        await self._called("asked_seen")
        self.notes_to_me = [note for note in self.notes_to_me if note.conversation_id != conversation_id]

    async def save_draft(
        self, conversation_id: int, body: str, thread_version: int, now: datetime, *, private: bool,
        options: Sequence[str] = (), without: int = 0,
    ) -> None:  # fmt: skip
        await self._called("save_draft")
        self.private_drafts[conversation_id] = private
        self.draft_options[conversation_id] = tuple(options)
        if without:
            self.picture_without(conversation_id, without)
        self.talk(conversation_id).drafts[self.me.id] = (body, thread_version)

    async def drop_draft(self, conversation_id: int) -> None:
        await self._called("drop_draft")
        self.talk(conversation_id).drafts.pop(self.me.id, None)

    async def claim(self, conversation_id: int, now: datetime, *, take_over: bool = False) -> Person | None:
        await self._called("claim")
        talk = self.talk(conversation_id)
        if talk.claimed_by is not None and talk.claimed_by[1] != self.session and not take_over:
            return talk.claimed_by[0]
        talk.claimed_by = (self.me, self.session)
        self.ring(conversation_id)
        return None

    async def renew_claims(self, now: datetime) -> None:
        await self._called("renew_claims")

    async def release(self, conversation_id: int, now: datetime) -> None:
        await self._called("release")
        talk = self.talk(conversation_id)
        if talk.claimed_by is not None and talk.claimed_by[1] == self.session:
            talk.claimed_by = None
            self.ring(conversation_id)

    async def take_in(self, mention_id: int, now: datetime) -> int:
        await self._called("take_in")
        for rows in self.mentions.values():
            for i, row in enumerate(rows):
                if row.id == mention_id:
                    talk = self.add(row.text or "", handle=row.author_handle)
                    rows[i] = replace(row, conversation_id=talk.conversation.id)
                    return talk.conversation.id
        raise Refused("there is no such mention")

    async def queue_reply(
        self, opened: Opened, parent_mention_id: int, body: str, *, private: bool, fence: int, hold_seconds: float,
        close_after: bool, now: datetime, planned: datetime | None = None, in_parts: bool = False,
    ) -> OutboxRow:  # fmt: skip
        await self._called("queue_reply")
        talk = self.talk(opened.conversation.id)
        if self.needs:
            raise Refused("a lead or an admin approves this first", code="needs_approval", hint="ask for approval")
        if talk.conversation.thread_version != fence:
            raise Refused("the thread has changed meanwhile", code="thread_moved")
        parts = split(talk.source, body) if in_parts else (Part(body, 0),)
        rows = [
            self.put(
                talk,
                self.me,
                one.text,
                private=private,
                hold_seconds=hold_seconds,
                now=now,
                planned=planned,
                parent_id=parent_mention_id,
            )
            for one in parts
        ]
        if len(parts) > 1:
            for i, row in enumerate(rows, start=1):
                self.move_reply(row.id, row.state, part=i, parts=len(parts))
        return rows[0]

    def put(
        self, talk: Talk, writer: Person, body: str, *, private: bool, hold_seconds: float, now: datetime,
        planned: datetime | None, parent_id: int = 0,
    ) -> OutboxRow:  # fmt: skip
        self._outbox += 1
        row = OutboxRow(
            self._outbox, self._outbox, talk.conversation.id, OutboxState.QUEUED, body, talk.account_handle, talk.handle,
            private, writer.name, writer.id, max(now + timedelta(seconds=hold_seconds), planned or now), now, now, None, "", "",
            talk.conversation.thread_version, planned, parent_id=parent_id,
        )  # fmt: skip
        talk.replies.append(row)
        self.ring(row.conversation_id)
        return row

    def _reply(self, outbox_id: int) -> tuple[Talk, int]:
        return next((t, i) for t in self.talks.values() for i, r in enumerate(t.replies) if r.id == outbox_id)

    def move_reply(self, outbox_id: int, state: OutboxState, **more: object) -> None:
        """What the deliverer does, seen from the store."""
        talk, i = self._reply(outbox_id)
        talk.replies[i] = replace(talk.replies[i], state=state, **more)  # type: ignore[arg-type]
        self.ring(talk.conversation.id)

    async def withdraw(self, outbox_id: int, now: datetime) -> str:
        await self._called("withdraw")
        talk, i = self._reply(outbox_id)
        if talk.replies[i].state not in (OutboxState.QUEUED, OutboxState.FAILED, OutboxState.STOPPED):
            raise Refused(f"too late: it is {talk.replies[i].state}")
        self.move_reply(outbox_id, OutboxState.WITHDRAWN)
        return talk.replies[i].body

    async def retry(self, outbox_id: int, fence: int, now: datetime, *, planned: datetime | None = None) -> None:
        await self._called("retry")
        self.move_reply(outbox_id, OutboxState.QUEUED, not_before=planned or now, planned=planned)

    async def plan(self, outbox_id: int, planned: datetime | None, now: datetime) -> None:
        await self._called("plan")
        self.move_reply(outbox_id, OutboxState.QUEUED, not_before=planned or now, planned=planned)

    async def resolve_unknown(self, outbox_id: int, sent: bool, now: datetime) -> None:
        await self._called("resolve_unknown")
        self.move_reply(outbox_id, OutboxState.ACCEPTED if sent else OutboxState.FAILED)

    async def listener_beat(self) -> datetime | None:
        await self._called("listener_beat")
        return self.beat

    # Backend: live ---------------------------------------------------------------------------------------------------

    async def changes(self, told: Callable[[bool], None]) -> AsyncIterator[Changed]:
        self.told = told
        told(True)
        while True:
            yield await self.queue.get()

    def ring(
        self, *ids: int, topics: Sequence[str] = (), lost: bool = False, views: bool = False, rulebook: bool = False,
        marks: Sequence[int] = (), presence: bool = False, late: Sequence[int] = (), handovers: bool = False,
        unresolved: Sequence[int] = (), sources: bool = False,
    ) -> None:  # fmt: skip
        """The feed tells."""
        changed = Changed(
            frozenset((*ids, *late, *unresolved)), frozenset(topics), frozenset(), rulebook, lost, views, frozenset(marks),
            presence=presence, late=frozenset(late), unresolved=frozenset(unresolved), handovers=handovers,
            sources=sources,
        )  # fmt: skip
        if changed != NOTHING:
            self.queue.put_nowait(changed)

    async def close(self, now: datetime) -> None:
        await self._called("close")

    # What the world does ---------------------------------------------------------------------------------------------

    def add(self, text: str, *, due_in: float | None = 10, handle: str = "newcomer.test", **more: object) -> Talk:
        """A new conversation is heard; `due_in` minutes from now."""
        conversation_id = self.next_id
        self.next_id += 1
        now = self.clock()
        conversation = Conversation(
            id=conversation_id, brand_id=1, state=State.NEW, priority=Priority.HIGH, priority_by=None,
            due_at=None if due_in is None else now + timedelta(minutes=due_in), assignee_id=None, team="", tags=("fresh",),
            snoozed_until=None, unread=True, version=1, thread_version=1, last_at=now, last_ours_at=None,
        )  # fmt: skip
        talk = Talk(
            conversation, handle, handle.split(".")[0].title(), [message(conversation_id * 1000, text, now, handle)]
        )
        for name, value in more.items():
            setattr(talk, name, value)
        self.talks[conversation_id] = talk
        self.ring(conversation_id)
        return talk

    def say(self, conversation_id: int, text: str, **more: object) -> ThreadMessage:
        """Somebody writes in a thread."""
        talk = self.talk(conversation_id)
        said = message(talk.thread[-1].id + 1, text, self.clock(), **{"handle": talk.handle, **more})  # type: ignore[arg-type]
        talk.thread.append(said)
        talk.conversation = moves.heard(talk.conversation, None, self.clock(), history=False)
        self.ring(conversation_id)
        return said

    def mention(
        self, topic: str, text: str | None, *, handle: str = "passer.test", ago: float = 0, **more: object
    ) -> ListeningRow:
        """A mention of a topic is heard."""
        number = sum(map(len, self.mentions.values())) + 1
        base: dict[str, object] = {
            "id": number, "at": self.clock() - timedelta(seconds=ago), "source": "bluesky", "author_handle": handle,
            "author_name": handle.split(".")[0].title(), "text": text, "kind": Kind.POST, "tone": ToneLabel.NEUTRAL, "need": 0.2,
            "lang": "en", "rules": (), "conversation_id": None, "deleted": False,
        }  # fmt: skip
        row = ListeningRow(**{**base, **more})  # type: ignore[arg-type]
        bisect.insort(self.mentions[topic], row, key=lambda r: (r.at, r.id))
        self.ring(topics=[topic])
        return row


__all__ = ["NAMES", "START", "TEXTS", "BadQuery", "Clock", "FakeBackend", "QueryProblem", "Talk", "message"]
