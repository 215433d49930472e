"""Incidents on screen: all of them with whoever needs somebody first, one in full with its curve, and what the staff do about it.

Owns what is shown and in which order; what an act does, the store decides. Reads again when the feed tells of incidents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from inbox_tui import disk, keys
from inbox_tui.messages import RowChosen, RowReached, SearchWanted, ViewWanted
from inbox_tui.screens.base import ActMade, Desk, ReadingScreen
from inbox_tui.view import curve as drawing
from inbox_tui.view import incidents as view
from inbox_tui.view import words
from inbox_tui.view.copying import Copyable
from inbox_tui.view.lines import Line, Piece, fit, say
from inbox_tui.view.times import TYPED_FORMS, snooze_choices, typed_time
from inbox_tui.widgets import dialogs
from inbox_tui.widgets.bars import Bar, KeysBar
from inbox_tui.widgets.bindings import bindings
from inbox_tui.widgets.chart import Chart
from inbox_tui.widgets.choices import Choice
from inbox_tui.widgets.paper import Paper
from inbox_tui.widgets.rows import Rows
from listener.incidents.asked import query_of
from listener.incidents.curve import curve_of
from listener.incidents.shape import IncidentState
from listener.incidents.story import Listed, Story
from listener.store.views.queue import SavedView

if TYPE_CHECKING:
    from inbox_tui.backend import Place
    from listener.incidents.message import Evidence
    from listener.store.views.changed import Changed
    from listener.store.views.listening import ListeningRow

POSTS = 5
"""The newest posts that are shown with an incident; Listening has all of them."""

_SETTLED = timedelta(seconds=60)
"""The curve is counted again at most so often while messages come in."""

TakenBack = tuple[str, Callable[[datetime], Awaitable[object]]]
"""What to say when an act is taken back, and what takes it back."""

_NEAR = timedelta(hours=2)
"""So long before it began the near picture begins; longer, where it was counted over more."""

_NO_INCIDENTS = (
    "There is no incident.",
    "",
    "What the alerts of the rule files find",
    "stands here, and whoever is on call is told.",
)

_TYPED = "another time"


class IncidentsScreen(ReadingScreen):
    """The incidents, the one under the cursor with its curve."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(keys.INCIDENTS)
    CSS_PATH = "incidents.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-mid"), (36, "-high")]  # noqa: RUF012 - as the base class has it
    place = keys.INCIDENTS
    has_left_pane = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.story: Story | None = None
        """The one that is shown."""
        self._posts: Sequence[ListeningRow] | None = None
        self._evidence: Evidence | None = None
        self._near = False
        """Only the hours around it are drawn."""
        self._wanted: int | None = None
        """Somebody asked for this one before the list was there; where the cursor begins is not asked for then."""
        self._target: int | None = None
        """The one that is shown, or is being read."""
        self._reading = asyncio.Lock()
        self._read_at: datetime | None = None
        self._moved = False
        """Something was heard since: counts may be others."""

    def compose(self) -> ComposeResult:
        """The incidents, the curve of one, all of it in words."""
        yield Bar(id="top")
        yield Bar(id="alarm")
        with Horizontal(id="panes"):
            with Vertical(id="incidents-pane"):
                yield Bar(id="incidents-title")
                yield Rows[Listed](
                    self._load,
                    self._draw,
                    place=self.desk.backend.incident_place,
                    ident=lambda row: row.id,
                    belongs=lambda row: True,
                    empty=_NO_INCIDENTS,
                    id="incidents",
                )
            with Vertical(id="incident-pane"):
                yield Chart(id="chart")
                yield Bar(id="legend")
                yield Paper(id="incident")
        yield Bar(id="said")
        yield KeysBar(keys.here(self.place, read_only=self.desk.read_only, table=self.desk.table), id="keys")

    async def on_mount(self) -> None:
        """The first page."""
        self.add_class("-curveless")
        self.rows.focus()
        self.apply_compact()
        self.show_bars()
        self._show_title()
        await self.attempt(self.rows.restart())
        if (wanted := self._wanted) is not None:
            await self.show_incident(wanted)
            self._wanted = None if self.rows.cursor_id == wanted else wanted

    @property
    def rows(self) -> Rows[Any]:
        """The incidents."""
        return self.query_one("#incidents", Rows)

    @property
    def paper(self) -> Paper:
        """Where one is read."""
        return self.query_one("#incident", Paper)

    def title_pieces(self) -> list[Piece]:
        """Brand and place."""
        return [(say(self.desk.backend.brand), "title"), ("  Incidents", "bold")]

    def _show_title(self) -> None:
        _, unfold, acts = self.pane_signs()
        now = self.desk.alarmed
        n = now.open + now.acknowledged + now.silent
        how = f"{self.desk.sign('acknowledge')} says that you know"
        left = (("Incidents", "title"), (f"  {words.count(n, 'stands', 'stand')}" if n else "  none stands", "dim"))
        self.query_one("#incidents-title", Bar).show(left, ((how, "dim"), *unfold), acts | {how: "acknowledge"})

    def panes_changed(self) -> None:
        """The title says so."""
        self._show_title()

    # The list --------------------------------------------------------------------------------------------------------

    async def _load(self, after: Place | None, before: Place | None, limit: int) -> Sequence[Listed]:
        return await self.desk.backend.incidents(after=after, before=before, limit=limit)

    def _draw(self, row: Listed, width: int, marked: bool, left: bool) -> Sequence[Line]:
        draw = view.incident_line if self.desk.compact else view.incident_lines
        return draw(row, width, self.desk.now())

    @on(RowReached)
    def _reached(self, event: RowReached) -> None:
        event.stop()
        row, wanted = self.rows.cursor_row, self._wanted
        self._wanted = None
        if row is None and wanted is None:
            self._target = None
            self._show(None)
        elif row is not None and wanted in (None, row.id) and self._target != row.id:
            self._target = row.id
            self.work(self.attempt(self._read(row.id)), "story")

    @on(RowChosen)
    def _chosen(self, event: RowChosen) -> None:
        event.stop()
        self.action_open()

    async def show_incident(self, incident_id: int) -> None:
        """That one, wherever it stands in the list."""
        if not (self.is_mounted and self.rows.loaded):
            self._wanted = incident_id
            return
        self._target = incident_id
        self.rows.go(incident_id)
        await self.attempt(self._read(incident_id))
        if self.story is not None and self.story.listed.id == incident_id:
            self.action_open()

    # One incident ----------------------------------------------------------------------------------------------------

    async def _read(self, incident_id: int) -> None:
        """All of one: what is quick first; then what was said, and the newest posts."""
        backend = self.desk.backend
        async with self._reading:  # one after the other: what was read earlier never replaces what was read later
            if self._target != incident_id:  # the cursor went on meanwhile
                return
            fresh = self.story is None or self.story.listed.id != incident_id
            self._moved, self._read_at = False, self.desk.now()
            story = await backend.incident(incident_id, self.desk.now())
            if story is None:
                self.say(f"there is no incident {incident_id} here", "soon")
                self._target = None if self.story is None else self.story.listed.id
                return
            if fresh:
                self._posts, self._evidence = None, None
            self._show(story, keep=not fresh)
            query = query_of(story.listed.incident, story.listed.ended)
            found = await self.attempt(backend.search(query, self.desk.now(), limit=POSTS))
            self._posts = () if found is None else found.rows
            self._evidence = await self.attempt(backend.incident_evidence(incident_id))
            self._show(story)

    def _show(self, story: Story | None, *, keep: bool = True) -> None:
        self.story = story
        if story is None:
            self.add_class("-curveless")
            self.paper.clear()
            return
        desk, posts, evidence = self.desk, self._posts, self._evidence
        self.paper.show(
            lambda width: view.incident_page(story, evidence, posts, desk.now(), desk.zone, width, desk.table),
            keep=keep,
        )
        line = curve_of(story.listed.incident.evidence, story.after)
        if line is not None and self._near:
            line = line.since(story.listed.incident.since - max(_NEAR, 2 * line.span))
        self.set_class(line is None, "-curveless")
        if line is not None:
            self.query_one("#chart", Chart).show(
                lambda width, height: drawing.picture(story, line, desk.now(), desk.zone, width, height)
            )
            self.query_one("#legend", Bar).show(
                drawing.legend(story, line, max(20, self.query_one("#legend").size.width - 2))
            )
        self.show_keys()

    def action_open(self) -> None:
        """Enter: the incident in full; once more: its conversations."""
        if self.story is None:
            return
        if self.focused is self.paper:
            self.action_its_conversations()
            return
        self.add_class("-reading")
        self.paper.focus()

    def action_zoom(self) -> None:
        """The curve of the day, or of the hours around it."""
        self._near = not self._near
        self._show(self.story)
        key = self.desk.sign("zoom")
        self.say(
            f"the hours around it ({key} shows all)" if self._near else f"all that is known ({key} comes nearer)", "dim"
        )

    def action_its_conversations(self) -> None:
        """The inbox, with just the open conversations of the messages that made it."""
        if (story := self.story) is None:
            self.say("there is no incident here", "soon")
            return
        one = story.listed.incident
        query = query_of(one, story.listed.ended)
        self.app.post_message(ViewWanted(SavedView(0, f"Incident {one.id}", query, False)))

    def action_its_messages(self) -> None:
        """Listening, with all messages that made it."""
        if (story := self.story) is None:
            self.say("there is no incident here", "soon")
            return
        self.app.post_message(SearchWanted(query_of(story.listed.incident, story.listed.ended)))

    @property
    def query_shown(self) -> str:
        """The search box goes on from the incident's."""
        story = self.story
        return "" if story is None else query_of(story.listed.incident, story.listed.ended)

    async def to_copy(self) -> Sequence[Copyable]:
        """The number, the query, and the way to open it from a shell."""
        if (story := self.story) is None:
            return ()
        number = str(story.listed.id)
        return (
            Copyable("i", "number", number),
            Copyable("t", "query", self.query_shown),
            Copyable("l", "command", f"hubbub inbox --incident {number}"),
        )

    # Acts ------------------------------------------------------------------------------------------------------------

    def _meant(self) -> Listed | None:
        """The incident that is shown, where this session may change anything; else says why not."""
        if self.story is None:
            self.say("there is no incident here", "soon")
            return None
        return None if self.refuse_read_only() else self.story.listed

    async def _act(self, row: Listed, done: Awaitable[object], said: str, taken_back: TakenBack | None = None) -> bool:
        """One act, told, and what it changed shown. `taken_back`: what to say when it is, and how; it can be from the moment it is told."""
        if not await self.succeeds(done):
            return False
        if taken_back is not None:
            await self.remember(*taken_back)
        self.say(said, "good")
        await self.attempt(self._again([row.id]))
        return True

    def action_acknowledge(self) -> None:
        """Say that one knows."""
        if (row := self._meant()) is not None:
            self.work(self._acknowledge(row))

    async def _acknowledge(self, row: Listed) -> None:
        if row.is_over:
            self.say("it is resolved: what comes again opens it again", "soon")
            return
        new = await self.attempt(self.desk.backend.acknowledge_incident(row.id, self.desk.now()))
        if new is None:
            return
        resolve = self.desk.sign("resolve")
        self.say(
            f"you have it: nobody else is woken ({resolve} when it is over)" if new else "you have it already", "good"
        )
        await self.attempt(self._again([row.id]))

    def action_resolve(self) -> None:
        """Say that it is over."""
        if (row := self._meant()) is not None:
            self.work(self._resolve(row))

    async def _resolve(self, row: Listed) -> None:

        if row.is_over:
            self.say(f"it is resolved ({self.desk.sign('write_report')} writes the report)", "dim")
            return
        stands = row.ended is None
        said = (
            ["It is not said to be over: what goes on opens it again."] if stands else ["It is no longer surprising."]
        )
        said.append("Whoever was told is told that it is over.")
        answers = [("r", "resolve it"), ("w", "resolve it, and write the report"), ("l", "leave it")]
        answer = await self.app.push_screen_wait(dialogs.Ask(f"Resolve #{row.id}?", said, answers))
        if answer not in ("r", "w"):
            return
        done = self.desk.backend.resolve_incident(row.id, self.desk.now())
        report = self.desk.sign("write_report")
        if await self._act(row, done, f"resolved ({report} writes the report)") and answer == "w":
            await self._write_report(row)

    def action_assign_incident(self) -> None:
        """Give it to somebody."""
        if (row := self._meant()) is not None:
            self.work(self._assign(row))

    async def _assign(self, row: Listed) -> None:

        backend = self.desk.backend
        people = await self.attempt(backend.people())
        if people is None:
            return
        choices = [Choice(key, line) for key, line in view.assign_choices(people, backend.me.id)]
        answer = await self.app.push_screen_wait(dialogs.Pick("Give it to", choices))
        if not answer:
            return
        before, to = row.incident.assignee_id, int(answer) or None
        if before == to:
            self.say("it is so already", "dim")
            return
        name = next((say(one.name) for one in people if one.id == to), "nobody")
        who, undo = "you" if to == backend.me.id else name, self.desk.sign("take_back")
        given, said = backend.assign_incident(row.id, to, self.desk.now()), f"given to {who} ({undo} takes it back)"
        await self._act(
            row, given, said, ("it is whose it was", lambda at: backend.assign_incident(row.id, before, at))
        )

    def action_note_incident(self) -> None:
        """Write a note on it."""
        if (row := self._meant()) is not None:
            self.work(self._note(row))

    async def _note(self, row: Listed) -> None:

        body = await self.app.push_screen_wait(dialogs.Write("Note on the incident, only for us"))
        if body:
            await self._act(row, self.desk.backend.note_incident(row.id, body, self.desk.now()), "noted")

    def action_silence(self) -> None:
        """Have nobody told for a while; or let what is silenced be told again."""
        if (row := self._meant()) is not None:
            self.work(self._silence(row))

    async def _silence(self, row: Listed) -> None:

        backend, zone = self.desk.backend, self.desk.zone
        now = self.desk.now()
        quiet = [one for one in (self.story.quiet if self.story else ()) if one.holds(now)]
        what = {key: (said, matchers) for key, said, matchers in view.silence_choices(row)}
        choices = [Choice(key, ((said, ""),)) for key, (said, _) in what.items()]
        choices += [Choice(f"end:{one.id}", (("end: ", "soon"), view.quiet_words(one, now, zone))) for one in quiet]
        answer = await self.app.push_screen_wait(dialogs.Pick("Nobody is told of", choices))
        if not answer:
            return
        if answer.startswith("end:"):
            await self._act(
                row, backend.end_silence(int(answer[4:]), now), "the silence is over: what stands is told again"
            )
            return
        times = [(key, said, when) for key, said, when in snooze_choices(now, zone)]
        choices = [Choice(key, ((said, ""), (f"  {words.clock(when, now, zone)}", "dim"))) for key, said, when in times]
        key = await self.app.push_screen_wait(
            dialogs.Pick("For how long?", [*choices, Choice(_TYPED, ((_TYPED, ""),))])
        )
        if not key:
            return
        until = next((when for one, _, when in times if one == key), None)
        if until is None and (until := await self._typed()) is None:
            return
        note = await self.app.push_screen_wait(
            dialogs.Prompt("Why? (everybody reads it)", hint="such as: the outage page is up; the launch")
        )
        if note is None or not note.strip():
            self.say("not silenced: a silence says why", "soon")
            return
        made: list[int] = []

        async def silence() -> None:
            made.append(await backend.silence_incidents(what[answer][1], until, note.strip(), self.desk.now()))

        undo = self.desk.sign("take_back")
        told = f"silenced until {words.clock(until, now, zone)} ({undo} takes it back)"
        await self._act(row, silence(), told, ("the silence is over", lambda at: backend.end_silence(made[0], at)))

    async def _typed(self) -> datetime | None:

        def problem(text: str) -> Sequence[Line]:
            found = typed_time(text, self.desk.now(), self.desk.zone)
            return (((found, "bad"),),) if isinstance(found, str) else ()

        text = await self.app.push_screen_wait(dialogs.Prompt("Until when?", hint=TYPED_FORMS, problem=problem))
        found = typed_time(text, self.desk.now(), self.desk.zone) if text and text.strip() else ""
        return found if isinstance(found, datetime) else None

    def action_write_report(self) -> None:
        """The report, into a file."""
        if self.story is None:
            self.say("there is no incident here", "soon")
        else:
            self.work(self._write_report(self.story.listed))

    async def _write_report(self, row: Listed) -> None:
        """Where the person says. It changes nothing here, so whoever only looks may write it too."""

        wanted = await self.app.push_screen_wait(
            dialogs.Prompt(
                "Write the report to",
                value=f"incident-{row.id}.md",
                hint="Markdown; a folder or a name, ~ is your home",
            )
        )
        if not wanted or not wanted.strip():
            return
        text = await self.attempt(self.desk.backend.incident_report(row.id, self.desk.now()))
        if text is None:
            return
        path = disk.meant(wanted.strip(), f"incident-{row.id}.md")
        if path.exists():
            answers = [("l", "leave it"), ("r", "write over it")]
            if (
                await self.app.push_screen_wait(dialogs.Ask("There is a file of this name", [say(str(path))], answers))
                != "r"
            ):
                return
        self._written(path, text)

    def _written(self, path: Path, text: str) -> None:
        try:
            disk.write_text(path, text)
        except OSError as err:
            self.say(f"not written: {say(err.strerror or 'no such place')}: {fit(say(str(path)), 60)}", "bad")
        else:
            self.say(f"written: {fit(say(str(path)), 80)}", "good")

    async def _unact(self, made: ActMade) -> None:
        await super()._unact(made)
        await self.attempt(self._again(()))

    # Live ------------------------------------------------------------------------------------------------------------

    async def heard(self, changed: Changed) -> None:
        """Incidents at once; messages when it is time."""
        self._moved = self._moved or bool(changed.topics or changed.conversations)
        if changed.lost:
            await self.attempt(self.rows.restart(keep_cursor=True))
            await self.attempt(self._again(()))
        elif changed.incidents:
            await self.attempt(self._again(sorted(changed.incidents)))

    async def _again(self, ids: Sequence[int]) -> None:
        """These as they are now, and the one that is shown if it is among them; no ids: whichever is shown."""
        if ids:
            self.rows.changed(await self.desk.backend.incidents_now(ids))
        if self.story is not None and (not ids or self.story.listed.id in ids):
            await self._read(self.story.listed.id)

    def second(self) -> None:
        """The title's count, where the banner's was read meanwhile."""
        super().second()
        self._show_title()

    def tick(self) -> None:
        """Ages, and what was counted meanwhile."""
        super().tick()
        self.rows.redraw()
        self._show_title()
        story = self.story
        if story is None:
            return
        old = self._read_at is None or self.desk.now() - self._read_at > _SETTLED
        if old and self._moved and story.listed.incident.state is not IncidentState.RESOLVED:
            self.work(self.attempt(self._read(story.listed.id)), "story")
        else:
            self._show(story)

    def on_screen_resume(self) -> None:
        """Back on the screen, where something may have changed meanwhile."""
        super().on_screen_resume()
        if self._moved and self.story is not None:
            self.work(self.attempt(self._read(self.story.listed.id)), "story")

    def on_resize(self) -> None:
        """Another width: the legend is cut anew."""
        self.call_after_refresh(self._show, self.story)
