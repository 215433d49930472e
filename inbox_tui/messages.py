"""What has happened on the screen, as facts in the past tense. Widgets post them, screens decide. Owns no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from listener.store.views.queue import SavedView


@dataclass
class RowReached(Message):
    """The cursor of a list came to rest on a row; None: the list is empty."""

    source: str
    """The list's id."""
    row_id: int | None


@dataclass
class RowChosen(Message):
    """A row was opened: Enter or a click."""

    source: str
    row_id: int


@dataclass
class RowMarked(Message):
    """A row's mark was clicked; `through`: with all rows from the cursor to it."""

    source: str
    row_id: int
    through: bool


@dataclass
class NewsCounted(Message):
    """How many new rows wait above what is shown."""

    source: str
    above: int


@dataclass
class FolderChosen(Message):
    """A folder (or a topic, when `topic`) was chosen at the left."""

    key: str
    topic: bool


@dataclass
class DraftChanged(Message):
    """The writer typed."""

    body: str


@dataclass
class ReplySubmitted(Message):
    """The writer wants it sent."""

    body: str
    close_after: bool


@dataclass
class ApprovalWanted(Message):
    """The writer wants somebody to read it before it goes out."""

    body: str


@dataclass
class LaterWanted(Message):
    """The writer wants it sent at another time."""

    body: str


class SavedWanted(Message):
    """The writer wants to choose a saved reply."""


class FileWanted(Message):
    """The writer wants to attach a picture, or to see those that are."""


class OptionsWanted(Message):
    """The writer wants another option, or to go between those that there are."""


class AnswersWanted(Message):
    """The writer wants to see answers to messages like this one."""


class EditorWanted(Message):
    """The writer wants the own editor."""


@dataclass
class ComposerLeft(Message):
    """The writer put the reply down, or threw it away."""

    body: str
    discard: bool


@dataclass
class KeyClicked(Message):
    """A key in the footer was clicked."""

    act: str


@dataclass
class ConversationWanted(Message):
    """Somebody asked for a conversation from elsewhere than the queue."""

    conversation_id: int


@dataclass
class TopicWanted(Message):
    """Somebody asked for a topic of Listening; '': as it was left."""

    topic: str


@dataclass
class Said(Message):
    """Something to tell in the status line."""

    words: str
    style: str = ""


@dataclass
class SearchWanted(Message):
    """Somebody asked for what matches a query."""

    query: str


class RulesWanted(Message):
    """Somebody asked for the rules and their health."""


class SourcesWanted(Message):
    """Somebody asked for the sources."""


@dataclass
class IncidentsWanted(Message):
    """Somebody asked for the incidents, or for one of them."""

    incident_id: int | None = None


@dataclass
class MarksChanged(Message):
    """Rules were marked right or wrong on these mentions, here."""

    ids: tuple[int, ...]


@dataclass
class LabelsChanged(Message):
    """This person's labels on these conversations were changed, here."""

    ids: tuple[int, ...]


class InboxWanted(Message):
    """Somebody asked for the Inbox as it was left."""


@dataclass
class ViewWanted(Message):
    """Somebody asked for a kept view."""

    view: SavedView


@dataclass
class KeepWanted(Message):
    """Somebody wants a query kept as a view."""

    query: str


@dataclass
class ForgetWanted(Message):
    """Somebody wants a view deleted: this one, else the one that asks for `query`."""

    view: SavedView | None
    query: str = ""


class ViewsChanged(Message):
    """Views were kept or deleted here."""


class NamesChanged(Message):
    """What list:NAME and query:NAME stand for is known, or has changed."""
