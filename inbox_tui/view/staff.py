"""Colleagues on screen: who looks and who types, who is away, what is late of mine. Pure; signs and words, so that nothing hangs on colour."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import words
from inbox_tui.view.lines import Line, Piece, fit, say
from inbox_tui.view.queue import who
from listener.model.work import OPEN, State
from listener.workflow.clocks import Clock

if TYPE_CHECKING:
    from listener.store.views.queue import QueueRow
    from listener.store.views.staff import Present

_NAME = 12
"""Cells of a name in a row."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works for the brand, as things are now."""

    person_id: int
    teams: frozenset[str] = frozenset()
    away: bool = False
    until: datetime | None = None
    """When they come back; None: nobody knows."""
    said: bool = False
    """They said so themselves; else the rule files do."""
    here: bool = False
    """A terminal of theirs is open."""


# Who looks -----------------------------------------------------------------------------------------------------------


def others(present: Iterable[Present], conversation_id: int, me: int, now: datetime) -> tuple[Present, ...]:
    """The colleagues at a conversation, each once, those who type first."""
    found: dict[int, Present] = {}
    for one in present:
        if one.conversation_id == conversation_id and one.person_id != me and one.until >= now:
            found.setdefault(one.person_id, one)
    return tuple(sorted(found.values(), key=lambda one: (not one.typing, one.person)))


def signs(seen: Sequence[Present], holder: int | None) -> tuple[Piece | None, ...]:
    """Who looks and who types, for a row: as it is said in full, shorter, and in three cells. The holder is named there already."""
    shown = [one for one in seen if one.person_id != holder or one.typing]
    if not shown:
        return ()
    first, more = shown[0], len(shown) - 1
    name, rest = fit(say(first.person), _NAME), f" +{more}" if more else ""
    if first.typing:
        return (f"✎ {name} writes{rest}", "soon"), (f"✎ {name}…{rest}", "soon"), ("✎…", "soon")
    return (f"◦ {name} looks{rest}", "note"), (f"◦ {name}{rest}", "note"), (f"◦{len(shown)}", "note")


def around(seen: Sequence[Present]) -> tuple[Line, ...]:
    """The same, for the head of a conversation: everybody."""
    typing = tuple(((f"✎ {say(one.person)} writes", "soon"),) for one in seen if one.typing)
    looking = tuple(((f"◦ {say(one.person)} looks", "note"),) for one in seen if not one.typing)
    return (*typing, *looking[:4], *((((f"◦ {len(looking) - 4} more look", "note"),),) if len(looking) > 4 else ()))


# Who is away ---------------------------------------------------------------------------------------------------------


def beside(colleague: Colleague | None, now: datetime, zone: tzinfo | None) -> Line:
    """What stands beside a name where somebody is chosen."""
    if colleague is None:
        return ()
    if colleague.away:
        return ((f"  {away_words(colleague, now, zone)}", "soon"),)
    return () if colleague.here else (("  no inbox open", "dim"),)


def away_words(colleague: Colleague, now: datetime, zone: tzinfo | None) -> str:
    """'away until 14:00'."""
    return "away" if colleague.until is None else f"away until {words.clock(colleague.until, now, zone)}"


# What is late --------------------------------------------------------------------------------------------------------


def concerns(row: QueueRow, me: int, teams: Collection[str]) -> bool:
    """Whether somebody should be told that it is late: it is not done, and theirs, or their team's and nobody's."""
    return row.state is not State.DONE and (row.assignee_id == me or (row.assignee_id is None and row.team in teams))


@dataclass(frozen=True, slots=True)
class Late:
    """A conversation that is late or nearly so by one of its clocks."""

    row: QueueRow
    at: datetime
    clock: Clock


def late(rows: Iterable[QueueRow], unresolved: Collection[int], answers: Collection[int]) -> list[Late]:
    """Of conversations that are told of for their answers, and for their time to resolve: the earliest first."""
    found = []
    for row in rows:
        if row.id in answers and row.state in OPEN and row.due_at is not None:
            found.append(Late(row, row.due_at, Clock.REPLY))
        if row.id in unresolved and row.state is not State.DONE and row.resolve_by is not None:
            found.append(Late(row, row.resolve_by, Clock.RESOLVE))
    return sorted(found, key=lambda one: (one.at, one.row.id))


def warning(told: Sequence[Late], now: datetime, key: str) -> Piece:
    """'overdue: @mira, 2 min over, and 3 more (0 goes there)'; the earliest first."""
    first, rows = told[0].row, {one.row.id for one in told}
    left, style = words.due(told[0].at, now)
    if told[0].clock is Clock.REPLY:
        what = "overdue" if style == "late" else "due soon"
    else:
        what = "not resolved in time" if style == "late" else "to be resolved soon"
    if first.escalated_from and told[0].clock is Clock.REPLY:
        what = f"escalated from {fit(say(first.escalated_from), _NAME)}, {what}"
    more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    name = fit(who(first.author_handle, first.author_name), 24)
    return f"{what}: {name}, {left}{more} ({key} goes there)", style or "soon"
