"""What the screens may ask of the store, and what they can rely on: the promise that `postgres` and the tests' own keep.

Each room of the inbox adds what it asks. Owns no value; they are in `inbox_tui.backend`.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from inbox_tui.backend.answers import AnswersBackend
from inbox_tui.backend.approving import ApprovingBackend
from inbox_tui.backend.authors import AuthorsBackend
from inbox_tui.backend.copies import CopiesBackend
from inbox_tui.backend.editing import EditingBackend
from inbox_tui.backend.incidents import IncidentsBackend
from inbox_tui.backend.labels import LabelsBackend
from inbox_tui.backend.macros import MacrosBackend
from inbox_tui.backend.network import NetworkBackend
from inbox_tui.backend.overruling import OverrulingBackend
from inbox_tui.backend.pictures import PicturesBackend
from inbox_tui.backend.planning import PlanningBackend
from inbox_tui.backend.posts import PostsBackend
from inbox_tui.backend.sources import SourcesBackend
from inbox_tui.backend.staff import StaffBackend

if TYPE_CHECKING:
    from inbox_tui.backend import Done, Found, Named, Place
    from inbox_tui.view import rules, saved, whys
    from inbox_tui.view.marks import Marked
    from inbox_tui.view.queries import Checked
    from listener.model.people import Person
    from listener.query.names import Names
    from listener.store.views.changed import Changed
    from listener.store.views.listening import ListeningRow, TopicCount
    from listener.store.views.notes import NoteToMe
    from listener.store.views.queue import Counts, QueueRow, SavedView, Standing, ViewPage
    from listener.store.views.thread import Opened, OutboxRow
    from listener.workflow.acts import Act


class Backend(
    AnswersBackend,
    PicturesBackend,
    NetworkBackend,
    EditingBackend,
    CopiesBackend,
    PostsBackend,
    AuthorsBackend,
    ApprovingBackend,
    PlanningBackend,
    StaffBackend,
    MacrosBackend,
    LabelsBackend,
    OverrulingBackend,
    SourcesBackend,
    IncidentsBackend,
    Protocol,
):
    """Everything that the inbox may ask for, for one brand as one person. Raises our errors only."""

    @property
    def me(self) -> Person:
        """Who is looking."""
        ...

    @property
    def brand(self) -> str:
        """The brand's name."""
        ...

    async def page(
        self, folder: str, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Sequence[QueueRow]:
        """Rows of a folder in the order of work, right after or right before a place."""
        ...

    async def rows(self, ids: Sequence[int]) -> Sequence[QueueRow]:
        """These conversations as they are now, in whatever folder."""
        ...

    async def counts(self) -> Counts:
        """Exact counts of the folders."""
        ...

    async def topics(self, now: datetime) -> Sequence[TopicCount]:
        """The topics of Listening."""
        ...

    async def listening(
        self, topic: str, *, before: Place | None = None, after: Place | None = None, limit: int
    ) -> Sequence[ListeningRow]:
        """A topic's mentions, newest first, older than `before` or newer than `after`."""
        ...

    async def listening_rows(self, ids: Sequence[int]) -> Sequence[ListeningRow]:
        """These mentions as they are now."""
        ...

    async def open(self, conversation_id: int, now: datetime) -> Opened | None:
        """A conversation whole; None: there is none."""
        ...

    async def versions(self, mention_id: int) -> Sequence[tuple[int, str | None, datetime]]:
        """Every version of a message: number, text, when it was heard."""
        ...

    def check_query(self, query: str) -> Checked:
        """Everything that is wrong with it, or probably not meant. Never raises, asks nobody."""
        ...

    async def search(self, query: str, now: datetime, *, before: Place | None = None, limit: int) -> Found:
        """Mentions that match, newest first. Raises `BadQuery`."""
        ...

    @property
    def names(self) -> Names:
        """The named lists and sub-queries that a query may use, as last read; another object only when they are others."""
        ...

    async def read_names(self) -> None:
        """Read the names of the rulebook in force; cheap when that is still the same one."""
        ...

    async def may_share(self) -> bool:
        """Whether this person may change the views that all share, now."""
        ...

    async def views(self) -> Sequence[SavedView]:
        """The views that all share, then the person's own, by name."""
        ...

    async def save_view(self, name: str, query: str, shared: bool, now: datetime) -> SavedView:
        """Keep a query under a name, in place of what stood under it. Raises `Refused`."""
        ...

    async def delete_view(self, view_id: int, now: datetime) -> None:
        """Forget a view. Raises `Refused`."""
        ...

    async def view_page(
        self, query: str, now: datetime, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> ViewPage:
        """Conversations that match, in the order of work, right after or right before a place. Raises `BadQuery`."""
        ...

    async def standing(self, folder: str) -> Standing:
        """All that stands in a folder now."""
        ...

    async def view_standing(self, query: str, now: datetime, *, most: int) -> Standing:
        """The first `most` that stand in a view now. Raises `BadQuery`."""
        ...

    async def view_ids(self, query: str, now: datetime, *, most: int) -> tuple[Sequence[int], bool] | None:
        """The first `most` open conversations in a view, and whether these are all. None: the view is not of open ones. Raises `BadQuery`."""
        ...

    async def among(self, queries: Sequence[str], ids: Collection[int], now: datetime) -> Sequence[frozenset[int]]:
        """For each query, which of these conversations are open and match. Raises `BadQuery`."""
        ...

    async def rules_refused(self) -> rules.Refused | None:
        """What keeps the rule files on disk from being taken up; None: nothing."""
        ...

    async def rules_now(self, now: datetime) -> rules.RulesNow:
        """What is in force, the last reload, and every rule with what it is worth."""
        ...

    async def rules(self) -> Sequence[Named]:
        """The rules in force, deprecated ones left out, by id."""
        ...

    async def voice(self) -> saved.Voice:
        """The style guide in force, and the saved replies that are there for the brand."""
        ...

    async def fired(self, mention_id: int) -> Sequence[Named]:
        """The rules that fired on a message as it was judged last, the experimental ones after the others."""
        ...

    async def why(self, mention_id: int, *, today: bool) -> whys.Explanation | None:
        """Why rules fired on a message, by the rulebook that judged it or by the one in force now. None: nobody judged it."""
        ...

    async def marks(self, mention_ids: Sequence[int]) -> Sequence[Marked]:
        """What people say of the rules on these messages."""
        ...

    async def mark(self, mention_id: int, rule: str, verdict: str, note: str, now: datetime) -> None:
        """Say of a rule that it was a false alarm on a message, that it missed it, or that it was right. Raises `Refused`."""
        ...

    async def unmark(self, mention_id: int, rule: str, now: datetime) -> None:
        """Take the own word back; a colleague's stays. Raises `Refused`."""
        ...

    async def people(self) -> Sequence[Person]:
        """Everybody who works for the brand."""
        ...

    async def do(
        self,
        ids: Sequence[int],
        act: Act,
        now: datetime,
        *,
        expect: Mapping[int, int] | None = None,
        act_id: uuid.UUID | None = None,
    ) -> Done:
        """One act on one or many conversations; not on those that somebody else changed after the version in `expect`.

        `act_id`: a part of an act under the id of the whole. Raises `Refused` when that was taken back meanwhile.
        """
        ...

    async def undo(self, act_id: uuid.UUID, now: datetime, *, anyway: bool = False) -> Done:
        """Take an act back; `anyway` also where somebody changed the same since."""
        ...

    async def last_act(self) -> uuid.UUID | None:
        """The last act of this person that can be taken back."""
        ...

    async def last_undo(self) -> uuid.UUID | None:
        """The last undo of this person, while nothing else was done since: `undo` of it does the act again."""
        ...

    async def mark_read(self, conversation_id: int, now: datetime) -> bool:
        """Somebody has looked at it; whether that changed anything."""
        ...

    async def note(self, conversation_id: int, body: str, now: datetime) -> Done:
        """Write a note."""
        ...

    async def asked(self) -> Sequence[NoteToMe]:
        """The notes of colleagues that ask this person and that they have not seen, newest first."""
        ...

    async def asked_seen(self, conversation_id: int, now: datetime) -> None:
        """They have read what the notes on a conversation ask them."""
        ...

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
        """Keep a draft; `thread_version` is what the writer had read. `private`: only its addressee is to read it. `options`: further texts
        for the same reply; `without`: the number of the one that was taken away just now, with its pictures.
        """
        ...

    async def drop_draft(self, conversation_id: int) -> None:
        """Throw the draft away."""
        ...

    async def claim(self, conversation_id: int, now: datetime, *, take_over: bool = False) -> Person | None:
        """Hold it for a minute. None: it is ours now; else who holds it, and nothing has changed."""
        ...

    async def renew_claims(self, now: datetime) -> None:
        """Keep holding what this terminal holds, and being seen where it looks."""
        ...

    async def release(self, conversation_id: int, now: datetime) -> None:
        """Let go."""
        ...

    async def take_in(self, mention_id: int, now: datetime) -> int:
        """Make a conversation of a mention, or find the one that it is in."""
        ...

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
        """Put a reply in the outbox, to go out not before the time that is planned; `in_parts`: numbered, and the first one's row.

        Raises `Refused` when the thread is no longer at `fence`.
        """
        ...

    async def withdraw(self, outbox_id: int, now: datetime) -> str:
        """Take a reply back and give its text. Raises `Refused` when it has begun to leave."""
        ...

    async def retry(self, outbox_id: int, fence: int, now: datetime, *, planned: datetime | None = None) -> None:
        """Send a failed or stopped reply after all, at once or at a time."""
        ...

    async def resolve_unknown(self, outbox_id: int, sent: bool, now: datetime) -> None:
        """Say what a person saw on the network."""
        ...

    async def listener_beat(self) -> datetime | None:
        """The listener's last sign of life."""
        ...

    def changes(self, told: Callable[[bool], None]) -> AsyncIterator[Changed]:
        """What has changed since the first read, for ever; `lost` after the connection was away. `told` hears whether it is connected."""
        ...

    async def close(self, now: datetime) -> None:
        """Let go of claims and connections."""
        ...
