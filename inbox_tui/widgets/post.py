"""One post over the screen: its text and numbers, and its comments to walk through. Gives back the conversation that was chosen.

Shows the post as it was when it was opened; asks with what it was given; refuses to know a store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from inbox_tui.keys import KEYS, POST, Table, here, sign
from inbox_tui.messages import KeyClicked, NewsCounted, RowChosen, RowReached, Said
from inbox_tui.view.lines import Piece, say
from inbox_tui.view.posts import comment_lines, post_lines
from inbox_tui.widgets.bars import Bar, keys_told
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.boxes import BOX
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from inbox_tui.widgets.window import Place, by_time, newest_first
from listener.errors import HubbubError
from listener.store.views.posts import CommentRow, PostShown

Comments = Callable[[bool, Place | None, Place | None, int], Awaitable[Sequence[CommentRow]]]
"""(only those to answer, older than, newer than, limit) -> comments, newest first."""


class PostView(ModalScreen[int | None]):
    """The panel. `at`: the comment that the cursor begins at, where it is among the newest."""

    DEFAULT_CSS = (
        "PostView {"
        + BOX
        + """
        .box { width: 110; max-width: 98%; height: 95%; }
        #post-paper { padding: 0; }
        #comments { height: 1fr; }
        #comments-title { background: $boost; }
    }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings(POST)
    place: ClassVar[str] = POST

    def __init__(
        self,
        post: PostShown,
        load: Comments,
        *,
        at: int,
        now: Callable[[], datetime],
        zone: tzinfo | None,
        table: Table = KEYS,
    ) -> None:
        super().__init__()
        self._post, self._comments, self._at, self._now, self._zone = post, load, at, now, zone
        self._table = table
        self._as_of = now()
        self._to_answer = False

    def compose(self) -> ComposeResult:
        """The post, its comments, the keys."""
        with Vertical(classes="box"):
            yield Bar(id="post-title")
            yield Paper(id="post-paper")
            yield Bar(id="comments-title")
            yield Rows[CommentRow](
                self._load,
                lambda row, width, _marked, _left: comment_lines(row, width, self._now()),
                place=lambda row: newest_first(row.at, row.id),
                ident=lambda row: row.id,
                belongs=lambda row: True,
                empty=("No comments.",),
                id="comments",
            )
            yield Bar(id="post-keys")

    async def on_mount(self) -> None:
        """As much of the post as leaves room for its comments, and the first of these."""
        as_of = f"as of {self._as_of.astimezone(self._zone):%H:%M}"
        self.query_one("#post-title", Bar).show((("The post", "title"),), ((as_of, "dim"),))
        pieces, acts = keys_told(key for key in here(POST, table=self._table) if key.footer)
        self.query_one("#post-keys", Bar).show(pieces, (), acts)
        paper = self.query_one(Paper)
        paper.can_focus = False
        paper.show(lambda width: post_lines(self._post, self._as_of, self._zone, width), keep=False)
        self.call_after_refresh(self._fit)
        self.rows.focus()
        await self._restart()
        self.rows.go(self._at)

    @property
    def rows(self) -> Rows[CommentRow]:
        """The comments."""
        return self.query_one("#comments", Rows)

    def _fit(self) -> None:
        paper = self.query_one(Paper)
        paper.styles.height = max(1, min(paper.height_wanted, self.size.height // 2))

    def on_resize(self) -> None:
        """Another width makes other lines."""
        self.call_after_refresh(self._fit)

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[CommentRow]:
        """What comes after a row on the screen came before it in time."""
        try:
            return await self._comments(self._to_answer, by_time(after), by_time(before), limit)
        except HubbubError as fault:
            self._say(say(f"{fault.what}: {fault.hint}" if fault.hint else fault.what), "bad")
            return ()

    async def _restart(self) -> None:
        what: Piece = ("Comments that wait for an answer" if self._to_answer else "All comments", "title")
        self.query_one("#comments-title", Bar).show((what, ("  newest first", "dim")))
        self.rows.empty = ("Nothing here waits for an answer.",) if self._to_answer else ("No comments.",)
        await self.rows.restart()

    def _say(self, said: str, style: str) -> None:
        self.query_one("#post-keys", Bar).show(((said, style),))

    @on(RowReached)
    @on(NewsCounted)
    def _quiet(self, event: RowReached | NewsCounted) -> None:
        event.stop()

    @on(Said)
    def _said(self, event: Said) -> None:
        event.stop()
        self._say(event.words, event.style)

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.action_open_comment()

    # Keys ------------------------------------------------------------------------------------------------------------

    @on(KeyClicked)
    async def _key_clicked(self, event: KeyClicked) -> None:
        event.stop()
        await self.run_action(event.act)

    def action_open_comment(self) -> None:
        """To the conversation of the comment under the cursor."""
        row = self.rows.cursor_row
        if row is None:
            return
        if row.conversation_id is None:
            listening, take_in = (sign(act, self._table) for act in ("listening", "take_in"))
            way = f"{listening}: Listening, {take_in} there makes a conversation of it"
            self._say(f"this comment is not in the inbox ({way})", "soon")
        else:
            self.dismiss(row.conversation_id)

    async def action_to_answer(self) -> None:
        """Only what waits for an answer, or all."""
        self._to_answer = not self._to_answer
        await self._restart()

    def action_comment_down(self) -> None:
        """Next comment."""
        self.rows.move(1)

    def action_comment_up(self) -> None:
        """Previous comment."""
        self.rows.move(-1)

    def action_comments_down(self) -> None:
        """One page down."""
        self.rows.move_page(1)

    def action_comments_up(self) -> None:
        """One page up."""
        self.rows.move_page(-1)

    async def action_newest(self) -> None:
        """The newest comment."""
        await self.rows.to_first()

    def action_leave_post(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)
