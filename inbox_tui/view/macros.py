"""Macros in plain words, and as an act: what each would do to a conversation now. Pure; what an act does is the workflow's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.view import words
from inbox_tui.view.deeds import Deed
from inbox_tui.view.lines import Line, say
from listener.rulebook import macros as written
from listener.workflow.acts import Assign, Close, Part, SetPriority, Snooze, Tag
from listener.workflow.acts import Macro as MacroAct

if TYPE_CHECKING:
    from listener.model.people import Person


@dataclass(frozen=True, slots=True)
class Using:
    """Who uses a macro, when, among whom."""

    me: Person
    people: Sequence[Person]
    now: datetime
    zone: tzinfo | None

    def given_to(self, macro: written.Macro) -> Person | None:
        """The person whom it gives the conversation to; None where there is nobody of that name here."""

        if macro.assign == written.ME:
            return self.me
        return next((person for person in self.people if person.login == macro.assign), None)


def line_of(macro: written.Macro, using: Using) -> Line:
    """As a line to choose: its shortcut, its name, what it does; all of it is found by typing."""
    shortcut = f"{say(macro.shortcut) or ' '} "
    return ((shortcut, "accent"), (say(macro.title), "bold"), (f"  {', '.join(does(macro, using))}", "dim"))


def sentences(macro: written.Macro, using: Using, *, many: bool) -> Line:
    """What it will do, whole, before it is done. `many`: more than one conversation is meant."""
    told = [*does(macro, using)]
    said = f"It {', '.join(told[:-1])}{' and ' if len(told) > 1 else ''}{told[-1]}." if told else "It does nothing."
    if macro.note:
        said += f" The note: “{say(macro.note)}”"
    if macro.reply:
        said += " The reply is for one at a time and is left out here." if many else " Nothing is sent: you send it."
    return ((said, ""),)


def does(macro: written.Macro, using: Using) -> Iterator[str]:
    """Each thing that it does: 'gives it to Mia', 'closes it'."""
    if macro.assign:
        person = using.given_to(macro)
        name = "you" if person == using.me else say(person.name if person is not None else macro.assign)
        yield f"gives it to {name}" + (f" in the team {say(macro.team)}" if macro.team else "")
    elif macro.team:
        yield f"gives it to the team {say(macro.team)}"
    if macro.priority is not None:
        yield f"sets it to {words.PRIORITY_WORDS[macro.priority]}"
    if macro.tags:
        yield f"tags it {_tags(macro.tags)}"
    if macro.untag:
        yield f"takes {_tags(macro.untag)} off"
    if macro.snooze is not None:
        yield f"puts it away until {words.clock(_until(macro.snooze, using.now), using.now, using.zone)}"
    if macro.closes:
        yield "closes it"
    if macro.note:
        yield "writes a note"
    if macro.reply:
        yield f"puts the reply {say(macro.reply)} before you"


def deed(macro: written.Macro, using: Using) -> Deed | str | None:
    """What it does to conversations as one act; why it cannot, as a text; None: nothing, it only writes."""
    person = using.given_to(macro)
    if macro.assign and person is None:
        return f"nobody here is called {say(macro.assign)}: the macro is for other people"
    parts = tuple(_parts(macro, person, using.now))
    if not parts and not macro.note:
        return None
    title = f"“{say(macro.title)}”"
    return Deed(MacroAct(macro.key, parts, macro.note), f"done with {title}", f"use {title} on")


def _parts(macro: written.Macro, person: Person | None, now: datetime) -> Iterator[Part]:
    if macro.assign or macro.team:
        yield Assign(person.id if macro.assign and person is not None else None, macro.team)
    if macro.priority is not None:
        yield SetPriority(macro.priority)
    if macro.tags or macro.untag:
        yield Tag(macro.tags, macro.untag)
    if macro.snooze is not None:
        yield Snooze(_until(macro.snooze, now))
    if macro.closes:
        yield Close()


def _until(seconds: float, now: datetime) -> datetime:
    return now + timedelta(seconds=seconds)


def _tags(tags: Sequence[str]) -> str:
    return " ".join(f"#{say(tag)}" for tag in tags)


def by_shortcut(macros: Sequence[written.Macro]) -> Mapping[str, str]:
    """Shortcut to key."""
    return {macro.shortcut: macro.key for macro in macros if macro.shortcut}
