"""What `hubbub doctor` and `hubbub alerts route` say of calendars at addresses: how old each is, what is wrong with it, who has turns to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from listener.cli.telling import BAD, FINE, WARNING, Found

if TYPE_CHECKING:
    from listener.rulebook.published import Published
    from listener.rulebook.shape import Rulebook
    from listener.store.calendars import CalendarState

LONG = timedelta(days=1)
"""After so long a calendar that cannot be read is no passing fault,"""
UNASKED = timedelta(hours=1)
"""and nobody seems to ask for it."""
_WORSE = (FINE, WARNING, BAD)


@dataclass(slots=True)
class Seen:
    """One calendar."""

    name: str
    rotas: tuple[str, ...]
    """That name it."""
    fetched: datetime | None = None
    """When its address last said that it is like this; None: never."""
    problem: str = ""
    to_come: int = 0
    """Turns of people whom the rules know."""
    ends: datetime | None = None
    """After that nothing is known of it."""
    state: str = FINE
    says: list[str] = field(default_factory=list)
    todo: str = ""

    def say(self, state: str, what: str, todo: str = "") -> None:
        """Something about it."""
        self.says.append(what)
        if _WORSE.index(state) > _WORSE.index(self.state):
            self.state, self.todo = state, todo

    @property
    def line(self) -> str:
        """All of it in one line."""
        by = f" (rota {', '.join(self.rotas)})" if self.rotas else ""
        return f"{self.name}{by}: {'; '.join(self.says)}"

    @property
    def plain(self) -> dict[str, Any]:
        """For --json."""
        return {
            "name": self.name, "rotas": self.rotas, "fetched": self.fetched, "problem": self.problem, "to_come": self.to_come,
            "known_until": self.ends, "says": self.says,
        }  # fmt: skip


def published(states: Iterable[CalendarState]) -> Mapping[str, Published]:
    """The last good readings, by name."""
    return {one.name: one.published for one in states if one.published is not None}


def seen(
    book: Rulebook, names: Sequence[str], states: Iterable[CalendarState], now: datetime, at: datetime | None = None
) -> list[Seen]:
    """Every calendar that the settings know (`names`) or a rota names. `at`: the moment that is asked about."""
    known = {one.name: one for one in states}
    wanted = sorted({*names, *(rota.calendar for rota in book.rotas if rota.calendar)})
    return [_seen(book, name, name in names, known.get(name), now, at or now) for name in wanted]


def _seen(book: Rulebook, name: str, is_set: bool, state: CalendarState | None, now: datetime, at: datetime) -> Seen:
    from listener.cli.terminal import counted, moment
    from listener.rulebook.published import strangers, to_come

    one = Seen(name, tuple(rota.key for rota in book.rotas if rota.calendar == name))
    if not is_set:
        todo = f'add [[calendar]] with name = "{name}" to the settings, or take it out of the rota'
        one.say(BAD, "the settings know no such calendar", todo)
    if not one.rotas:
        one.say(WARNING, "no rota names it", f"say calendar: {name} in a rota, or take it out of the settings")
    if state is not None and state.problem:
        one.problem = state.problem
        lasts = state.problem_at is not None and now - state.problem_at > LONG
        todo = "look at its address: does it still give the calendar to whoever has it?"
        one.say(BAD if lasts else WARNING, f"{state.problem}, since {moment(state.problem_at, now)}", todo)
    if state is None or state.published is None or state.good_at is None:
        worst = BAD if one.rotas else WARNING
        one.say(worst, "it was never read: the layers decide", "is the listener running, and is the address right?")
        return one
    one.fetched, one.ends = state.good_at, state.published.ends
    coming = to_come(state.published, book.people, now)
    one.to_come = len(coming)
    told = (
        f"as it was {moment(state.good_at, now)} it is used" if state.problem else f"read {moment(state.good_at, now)}"
    )
    one.say(FINE, f"{told}, {counted(len(coming), 'turn')} to come")
    if is_set and not state.problem and now - state.good_at > UNASKED:
        one.say(WARNING, "nobody asks for it any more", "is the listener running?")
    if not coming:
        one.say(WARNING, "nobody whom the rules know has a turn to come: the layers decide", "plan turns in it")
    if not state.published.begins <= at < state.published.ends:
        one.say(WARNING, f"of {at:%Y-%m-%d} nothing is known of it: the layers decide")
    if strange := strangers(state.published, book.people):
        shown = ", ".join(repr(call[:40]) for call in strange[:5])
        todo = "an event's title, or a part of it between ' - ', is a person's id or name; what names nobody counts for nothing"
        one.say(WARNING, f"titles that name nobody under people: {shown}", todo)
    return one


def checks(book: Rulebook, names: Sequence[str], states: Sequence[CalendarState], now: datetime) -> list[Found]:
    """For the doctor: each calendar, and the first hour on which nobody is on duty by a rota that has one."""
    from listener.rulebook.published import with_calendars
    from listener.rulebook.staffed import hole

    found: list[Found] = [("calendar", one.state, one.line, one.todo) for one in seen(book, names, states, now)]
    filled = with_calendars(book, published(states))
    holes = [hole(filled, rota, now) for rota in filled.rotas if rota.calendar]
    return [*found, *(("rota", WARNING, one.message, one.hint) for one in holes if one is not None)]
