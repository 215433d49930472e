"""What every screen has: the desk it works at, the bars, moving, and plain words for refusals. Owns no data of its own."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events, on
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.screen import Screen

from inbox_tui import keys
from inbox_tui.messages import InboxWanted, KeyClicked, LabelsChanged, MarksChanged, Said, TopicWanted
from inbox_tui.view import alarm, copying, marks, rules, sources, whys, words
from inbox_tui.view.lines import ONE_LINE, Line, Piece, joined, say
from inbox_tui.widgets import dialogs, jumping
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.choices import Choice, Choices
from inbox_tui.widgets.composer import Composer
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from listener.errors import HubbubError, Refused
from listener.store.views.alarmed import Alarmed

if TYPE_CHECKING:
    from inbox_tui.backend.promise import Backend
    from listener.store.views.changed import Changed
    from listener.store.views.labels import Labelled

Answer = TypeVar("Answer")

SAID_FOR = timedelta(seconds=12)
"""How long the status line keeps what was said."""

DEAF_AFTER = timedelta(seconds=15)
"""A listener whose last beat is older than this is not listening."""


@dataclass(frozen=True, slots=True)
class MarkMade:
    """A mark on a rule that was made at this desk, and what stood in its place."""

    mention_id: int
    rule: str
    before: marks.Marked | None
    last_act: uuid.UUID | None
    """The person's last act when it was made: while that is still the last one, the mark is younger."""


@dataclass(frozen=True, slots=True)
class LabelsMade:
    """Labels of one's own that were put or taken off at this desk."""

    done: Labelled
    last_act: uuid.UUID | None
    """As of a mark."""


@dataclass(frozen=True, slots=True)
class ActMade:
    """Another act of this desk that can be taken back: what to say then, and how."""

    said: str
    back: Callable[[datetime], Awaitable[object]]
    last_act: uuid.UUID | None
    """As of a mark."""


@dataclass
class Desk:
    """Where a person works: the backend, the clock, and what all screens agree on."""

    backend: Backend
    clock: Callable[[], datetime]
    zone: tzinfo | None = None
    read_only: bool = False
    hold_seconds: float = 8.0
    compact: bool = False
    connected: bool | None = None
    """Whether the feed is there; None: not yet."""
    beat: datetime | None = None
    beat_known: bool = False
    names: dict[int, str] = field(default_factory=dict)
    logins: tuple[str, ...] = ()
    """Of everybody who works for the brand, once somebody has asked."""
    said: Piece = ("", "")
    said_at: datetime | None = None
    refused: rules.Refused | None = None
    """The rule files on disk are refused: every screen says so."""
    stopped: tuple[str, ...] = ()
    """Titles of sources that stopped until a person helps: every screen says so."""
    alarmed: Alarmed = field(default_factory=Alarmed)
    """The incidents that stand: every screen says so."""
    marked: list[MarkMade | LabelsMade | ActMade] = field(default_factory=list)
    """The last one last: undo takes them back."""
    read_only_for_good: bool = field(init=False)
    """It was started so: nobody leaves that from inside."""
    left_shown: bool | None = None
    """Whether the pane at the left is shown; None: as the width allows."""
    right_folded: bool = False
    table: keys.Table = keys.KEYS
    """The keys in force."""

    def __post_init__(self) -> None:
        self.read_only_for_good = self.read_only

    def now(self) -> datetime:
        """The time, in UTC."""
        return self.clock()

    def sign(self, act: str) -> str:
        """The key of an act, for sentences."""
        return keys.sign(act, self.table)


class DeskScreen(Screen[None]):
    """A screen at a desk. `place` names its keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.EVERYWHERE, but=frozenset({"command_palette", *keys.APP}))
    DEFAULT_CSS = """
    DeskScreen #refused { display: none; background: $error-muted; }
    DeskScreen.-refused #refused { display: block; }
    DeskScreen #alarm { display: none; background: $boost; }
    DeskScreen.-alarm #alarm { display: block; }
    DeskScreen.-alarm-loud #alarm { background: $error-muted; }
    """
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as the base class has it
        (0, "-one"),
        (96, "-two"),
        (138, "-three"),
    ]
    place: ClassVar[str] = keys.INBOX

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._panes: tuple[bool | None, bool] = (None, False)

    def _compositor_refresh(self) -> None:
        """Not while the app holds back what is drawn, as it does while it starts: Textual would render a whole screen, throw it away, and take
        it for drawn.
        """
        if not self.app._batch_count:
            super()._compositor_refresh()

    @property
    def is_whole(self) -> bool:
        """Whether all of it is there: it is neither coming nor going."""
        return self.is_mounted and bool(self.query("#keys"))

    # The bars --------------------------------------------------------------------------------------------------------

    def title_pieces(self) -> list[Piece]:
        """What this screen shows, for the top bar."""
        return []

    def show_bars(self) -> None:
        """Top bar and status line as things are now."""
        if not self.query("#top"):
            return  # the screen is coming or going
        desk = self.desk
        now = desk.now()
        if desk.said_at is not None and now - desk.said_at > SAID_FOR:
            desk.said, desk.said_at = ("", ""), None
        if desk.connected is None:
            live: Piece = ("○ connecting", "dim")
        elif not desk.connected:
            live = ("○ connection lost, reconnecting", "late")
        elif desk.beat_known and (desk.beat is None or now - desk.beat > DEAF_AFTER):
            live = ("◌ nobody is listening", "late")
        elif desk.stopped:
            live = (sources.stopped_words(desk.stopped, desk.sign("sources")), "late")
        else:
            live = ("● connected, listening" if desk.beat_known else "● connected", "good")
        mode: tuple[Piece, ...] = (("read-only", "soon"),) if desk.read_only else ()
        local = now.astimezone(desk.zone)
        person = say(desk.backend.me.name)
        right = joined([mode, (live,), ((person, ""),), ((f"{local:%H:%M %Z}", "dim"),)])
        self.query_one("#top", Bar).show(self.title_pieces(), right)
        self.query_one("#said", Bar).show((desk.said,))
        self._show_alarm(now)
        self.set_class(desk.refused is not None, "-refused")
        if desk.refused is not None and (found := self.query("#refused")):
            found.only_one(Bar).show(rules.banner(desk.refused, now, desk.zone, desk.table))

    def _show_alarm(self, now: datetime) -> None:
        """The incidents that stand, until none does; a click goes there."""
        line = alarm.banner(self.desk.alarmed, now, self.desk.table)
        self.set_class(bool(line), "-alarm")
        self.set_class(self.desk.alarmed.open > 0, "-alarm-loud")
        if line and (found := self.query("#alarm")):
            found.only_one(Bar).show(line, acts={line[0][0].strip(): "incidents"})

    def say(self, said: str, style: str = "") -> None:
        """Tell what was done, or why not. `said` is harmless already."""
        self.desk.said, self.desk.said_at = (said, style), self.desk.now()
        if self.is_mounted and self.is_current:
            self.query_one("#said", Bar).show((self.desk.said,))

    @on(Said)
    def _said(self, event: Said) -> None:
        event.stop()
        self.say(event.words, event.style)

    def keeps(self, key: events.Key) -> bool:
        """Whether it is kept for a field that is about to open, instead of being an act."""
        return False

    def show_keys(self) -> None:
        """The keys that work where the focus is."""
        composing = any(isinstance(node, Composer) for node in (self.focused.ancestors if self.focused else ()))
        shown = keys.here(
            keys.COMPOSER if composing else self.place, read_only=self.desk.read_only, table=self.desk.table
        )
        palette = [key for key in self.desk.table if composing and key.act in keys.ABOVE_ALL]
        self.query_one(KeysBar).show((*shown, *palette), self.crossed())

    def crossed(self) -> frozenset[str]:
        """Acts that cannot be done where the focus is: their keys are crossed out, and say why."""
        return frozenset()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Another part has the focus: other keys work."""
        self.show_keys()

    @on(KeyClicked)
    async def _key_clicked(self, event: KeyClicked) -> None:
        event.stop()
        if not await self.composes(event.act):
            await self.run_action(f"app.{event.act}" if event.act in keys.APP else event.act)

    async def composes(self, act: str) -> bool:
        """Do an act on the composer, where one is open and has it: composer keys are the composer's to do."""
        for composer in self.query(Composer):
            if composer.is_open and hasattr(composer, f"action_{act}"):
                await composer.run_action(act)
                return True
        return False

    def action_jump(self) -> None:
        """A letter on everything that can be gone to."""
        self.work(self._jump(), "jump")

    async def _jump(self) -> None:

        target = await self.app.push_screen_wait(jumping.Jumping(self._targets()))
        if target is not None:
            target.go()

    def _targets(self) -> list[jumping.Target]:
        """What can be gone to, from the top left."""

        found: list[jumping.Target] = []
        for widget in self.query("Choices, Rows, Paper"):
            region = widget.region
            if not widget.can_focus or not region.area:
                continue
            if isinstance(widget, Choices):
                found += [
                    jumping.Target(region.x, region.y + y, partial(widget.choose_at, n)) for y, n in widget.lines_seen()
                ]
            elif isinstance(widget, Rows):
                found += [
                    jumping.Target(region.x, region.y + y, partial(self._jump_to, widget, n))
                    for y, n in widget.lines_seen()
                ]
            else:
                found.append(jumping.Target(region.x, region.y, partial(self.set_focus, widget)))
        return found

    @staticmethod
    def _jump_to(rows: Rows[Any], row_id: int) -> None:
        rows.focus()
        rows.go(row_id)

    # Folding ---------------------------------------------------------------------------------------------------------

    has_left_pane: ClassVar[bool] = True

    @property
    def left_shown(self) -> bool:
        """Whether the pane at the left can be seen."""
        wide = self.has_class("-three") if self.desk.left_shown is None else self.desk.left_shown
        return self.has_left_pane and (wide or self.has_class("-folders"))

    @property
    def right_shown(self) -> bool:
        """Whether the pane at the right stands beside the list."""
        return not self.desk.right_folded and not self.has_class("-one")

    def action_fold_left(self) -> None:
        """Fold the pane at the left, or show it."""
        if not self.has_left_pane:
            self.say("there is no pane at the left here", "dim")
            return
        self.desk.left_shown = not self.left_shown
        self.remove_class("-folders")
        if isinstance(self.focused, Choices):
            self.rows.focus()
        self.apply_panes()

    async def action_fold_right(self) -> None:
        """Fold the pane at the right, or show it; where there is room for one pane only, go there and back."""
        if self.has_class("-one"):
            await self.run_action("back" if self.has_class("-reading") else "open")
            return
        self.desk.right_folded = not self.desk.right_folded
        if self.desk.right_folded:
            self.remove_class("-reading")
            self.rows.focus()
        self.apply_panes()

    def apply_panes(self) -> None:
        """The panes as this session wants them; nothing moves where they are so already."""
        wanted = self.desk.left_shown, self.desk.right_folded
        if wanted == self._panes:
            return
        self._panes = wanted
        self.set_class(self.desk.left_shown is True, "-left-on")
        self.set_class(self.desk.left_shown is False, "-left-off")
        self.set_class(self.desk.right_folded, "-right-off")
        self.panes_changed()

    def panes_changed(self) -> None:
        """Panes were folded, or shown."""

    def pane_signs(self) -> tuple[Line, Line, dict[str, str]]:
        """For a title over the list: what a click on its ends does to the panes."""
        left: Line = ((" « " if self.left_shown else " » ", "dim"),) if self.has_left_pane else ()
        right: Line = () if self.has_class("-one") else ((" ›› " if self.right_shown else " ‹‹ ", "dim"),)
        acts = {"«": "fold_left", "»": "fold_left", "››": "fold_right", "‹‹": "fold_right"}
        return left, right, acts

    def action_read_only(self) -> None:
        """Look only, from now on; or act again."""
        desk = self.desk
        if desk.read_only_for_good:
            self.say("it was started with --read-only: start it without to act", "soon")
        elif any(composer.is_open for composer in self.app.query(Composer)):
            self.say("a reply is being written: send it or put it down first", "soon")
        else:
            desk.read_only = not desk.read_only
            on = f"read-only: nothing is changed from here ({desk.sign('read_only')} ends it)"
            self.say(on if desk.read_only else "no longer read-only: acts are done again", "soon")
            self.show_bars()
            self.show_keys()

    # Doing -----------------------------------------------------------------------------------------------------------

    async def attempt(self, work: Awaitable[Answer]) -> Answer | None:
        """Await it; a refusal or a fault becomes a sentence in the status line, and None."""
        try:
            return await work
        except HubbubError as fault:
            self.say_fault(fault)
        return None

    async def succeeds(self, work: Awaitable[object]) -> bool:
        """Await it; whether it was done. A refusal or a fault becomes a sentence in the status line."""
        try:
            await work
        except HubbubError as fault:
            self.say_fault(fault)
            return False
        return True

    def say_fault(self, fault: HubbubError) -> None:
        """A refusal or a fault in plain words."""
        said = say(f"{fault.what}: {fault.hint}" if fault.hint else fault.what)
        self.say(said, "soon" if isinstance(fault, Refused) else "bad")

    def work(self, job: Coroutine[Any, Any, Any], group: str = "acts") -> None:
        """Do something without holding up the keys."""
        self.run_worker(self.unless_ending(job), group=group, exit_on_error=True)

    async def unless_ending(self, job: Coroutine[Any, Any, Any]) -> None:
        """Do it; parts of a screen that are gone because the app is ending are no fault."""
        try:
            await job
        except NoMatches:
            if self.app.is_running and self.is_attached:
                raise

    def refuse_read_only(self) -> bool:
        """Whether acts are off; says so."""
        if self.desk.read_only:
            self.say("read-only: nothing is changed from here", "soon")
        return self.desk.read_only

    def action_take_back(self) -> None:
        """Undo the last act."""
        if not self.refuse_read_only():
            self.work(self.undo())

    async def undo(self) -> None:
        """Take the last act back; where somebody changed the same since, ask."""
        backend = self.desk.backend
        act_id = await self.attempt(backend.last_act())
        if self.desk.marked and self.desk.marked[-1].last_act == act_id:
            made = self.desk.marked[-1]
            if isinstance(made, ActMade):
                await self._unact(made)
            else:
                await (self._unlabel(made) if isinstance(made, LabelsMade) else self._unmark(made))
            return
        if act_id is None:
            self.say("there is nothing to take back", "dim")
            return
        await self._reverse(act_id, "as before: taken back", "undo anyway")

    def action_redo(self) -> None:
        """Do again what was undone last."""
        if not self.refuse_read_only():
            self.work(self.redo())

    async def redo(self) -> None:
        """Take the last undo back, while nothing else was done since; asks as undo does."""
        undo_id = await self.attempt(self.desk.backend.last_undo())
        if undo_id is None:
            self.say("there is nothing to do again", "dim")
            return
        await self._reverse(undo_id, f"done again ({self.desk.sign('take_back')} takes it back)", "do it again anyway")

    async def _reverse(self, act_id: uuid.UUID, what: str, anyway: str) -> None:

        backend = self.desk.backend
        done = await self.attempt(backend.undo(act_id, self.desk.now()))
        if done is not None and (done.refused or done.kept) and not (done.changed or done.authors or done.mentions):
            reasons = [say(reason) for reason in list(dict.fromkeys((*done.kept.values(), *done.refused.values())))[:5]]
            answer = await self.app.push_screen_wait(
                dialogs.Ask("It was changed since", reasons, [("l", "leave it as it is"), ("u", anyway)])
            )
            if answer == "u":
                done = await self.attempt(backend.undo(act_id, self.desk.now(), anyway=True))
        if done is not None and (done.changed or done.authors or done.mentions):
            stay = f"; {len(done.refused):,} had changed since and stay" if done.refused else ""
            self.say(self.said_count(len(done.changed) or 1, what) + stay, "soon" if stay else "good")
            await self.refresh_ids(done.changed)
            await self.mentions_changed(done.mentions)
        elif done is not None:
            self.say("left as it is", "dim")

    async def _unmark(self, made: MarkMade) -> None:
        """Take a mark back: what the person said before stands again. A colleague's is not touched."""
        backend, now, before = self.desk.backend, self.desk.now(), made.before
        if before is None:
            back = backend.unmark(made.mention_id, made.rule, now)
        else:
            back = backend.mark(made.mention_id, made.rule, before.verdict, before.note, now)
        if await self.succeeds(back):
            self.desk.marked.remove(made)
            again = "you say nothing of it any more" if before is None else f"again {say(before.verdict)}"
            self.say(f"taken back, {marks.on_rule(made.rule)}: {again}", "good")
            self.app.post_message(MarksChanged((made.mention_id,)))

    async def labels_changed(self, ids: Collection[int]) -> None:
        """This person's labels on these conversations were changed, here."""

    async def _unlabel(self, made: LabelsMade) -> None:
        """Take labels off that were put on, put on what was taken off."""
        back = await self.attempt(self.desk.backend.label(made.done.taken, made.done.put, self.desk.now()))
        if back is not None:
            self.desk.marked.remove(made)
            self.say("taken back: your labels are as before", "good")
            self.app.post_message(LabelsChanged(tuple(back.ids)))

    async def remember(self, said: str, back: Callable[[datetime], Awaitable[object]]) -> None:
        """What takes back what was done just now at this desk, while nothing else is done after it; and what to say then."""
        last = await self.attempt(self.desk.backend.last_act())
        self.desk.marked.append(ActMade(said, back, last))

    async def _unact(self, made: ActMade) -> None:
        """Take back what was done at this desk alone."""
        if await self.succeeds(made.back(self.desk.now())):
            self.desk.marked.remove(made)
            self.say(f"taken back: {made.said}", "good")

    def action_yank(self) -> None:
        """Copy something: a key says what."""
        self.work(self._yank())

    async def _yank(self) -> None:

        found = {one.key: one for one in await self.to_copy()}
        if not found:
            self.say("there is nothing to copy here", "soon")
            return
        choices = [
            Choice(key, ((f"{key} ", "accent"), (f"{one.name}  ", ""), (" ".join(one.text.split())[:ONE_LINE], "dim")))
            for key, one in found.items()
        ]
        answer = await self.app.push_screen_wait(dialogs.Pick("Copy", choices, filtered=False))
        if answer is not None:
            self.app.copy_to_clipboard(found[answer].text)
            self.say(f"{found[answer].name} copied", "good")

    async def to_copy(self) -> Sequence[copying.Copyable]:
        """What can be copied of what is under the hands."""
        return ()

    async def meant(self) -> Sequence[whys.Meant]:
        """The messages that a question about rules is about, the newest first."""
        return ()

    async def marks_changed(self, ids: Collection[int]) -> None:
        """Rules were marked right or wrong on these mentions."""

    async def mentions_changed(self, ids: Collection[int]) -> None:
        """Show these messages as they are now."""

    async def refresh_ids(self, ids: Collection[int]) -> None:
        """Show these conversations as they are now."""

    # Searching -------------------------------------------------------------------------------------------------------

    @property
    def query_shown(self) -> str:
        """The query whose answer is shown, '' for none: the search box goes on from it."""
        return ""

    def known(self) -> Mapping[str, Iterable[str]]:
        """Values of fields that this screen has in memory, for the search box to offer."""
        return {}

    # Live ------------------------------------------------------------------------------------------------------------

    async def heard(self, changed: Changed) -> None:
        """The feed told of changes."""

    def tick(self) -> None:
        """Some seconds have passed: ages and due words."""
        self.show_bars()

    def second(self) -> None:
        """One second has passed: running countdowns."""

    async def leaving(self) -> None:
        """The app is about to end: keep what is being written."""

    # Moving ----------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows[Any]:
        """The list that keys move in."""
        raise NotImplementedError

    def _mover(self) -> Rows[Any] | Paper | Choices:
        focused = self.focused
        return focused if isinstance(focused, Paper | Choices) else self.rows

    def action_down(self) -> None:
        """One down."""
        self._mover().move(1)

    def action_up(self) -> None:
        """One up."""
        self._mover().move(-1)

    def action_page_down(self) -> None:
        """One screenful down."""
        mover = self._mover()
        mover.move(10) if isinstance(mover, Choices) else mover.move_page(1)

    def action_page_up(self) -> None:
        """One screenful up."""
        mover = self._mover()
        mover.move(-10) if isinstance(mover, Choices) else mover.move_page(-1)

    def action_first(self) -> None:
        """To the top."""
        mover = self._mover()
        if isinstance(mover, Rows):
            self.work(self.attempt(mover.to_first()), "list")
        else:
            mover.move(-1_000_000)

    def action_last(self) -> None:
        """To the end."""
        mover = self._mover()
        if isinstance(mover, Rows):
            self.work(self.attempt(mover.to_last()), "list")
        else:
            mover.move(1_000_000)

    def action_compact(self) -> None:
        """One line a row, or two."""
        self.desk.compact = not self.desk.compact
        self.apply_compact()

    def apply_compact(self) -> None:
        """Make the list as high as the desk wants it."""
        height = 1 if self.desk.compact else 2
        if self.rows.row_height != height:
            self.rows.set_row_height(height)

    def action_listening(self) -> None:
        """Off to Listening."""
        self.app.post_message(TopicWanted(""))

    def action_inbox(self) -> None:
        """Off to the Inbox."""
        self.app.post_message(InboxWanted())

    def on_screen_resume(self) -> None:
        """Back on the screen."""
        if self.is_mounted and self.query("#top"):
            self.apply_panes()
            self.apply_compact()
            self.show_bars()
            self.show_keys()

    def said_count(self, n: int, what: str) -> str:
        """'2 conversations closed', or just 'closed' for one."""
        return what if n == 1 else f"{words.count(n, 'conversation')} {what}"


class ReadingScreen(DeskScreen):
    """A list, and beside it what is under the cursor, which is read: rules, sources, incidents. It has no folders and no views."""

    def action_back(self) -> None:
        """Back to the list; from the list, to the inbox."""
        if self.focused is self.rows:
            self.action_inbox()
            return
        self.remove_class("-reading")
        self.rows.focus()

    def action_folders(self) -> None:
        """The folders are the Inbox's."""
        self.action_inbox()

    def action_forget(self) -> None:
        """There is no view here."""
        self.say("no view is shown", "soon")
