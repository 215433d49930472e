"""Incidents as people look at them: one in the list, one in full. Nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view import queue, words
from inbox_tui.view.alarm import SIGNS, scope
from inbox_tui.view.lines import Line, Piece, flow, flow_parts, joined, paragraphs, say, spread
from listener.incidents.asked import query_of
from listener.incidents.report import HOLE_WORDS, entry_words, number, page_words
from listener.incidents.report import span as long_span
from listener.incidents.shape import IncidentState, Matcher
from listener.model.scales import Severity
from listener.rulebook.alerting import Watched

if TYPE_CHECKING:
    from listener.incidents.message import Evidence
    from listener.incidents.story import Entry, Listed, Quiet, Story
    from listener.model.people import Person
    from listener.store.views.listening import ListeningRow

SEVERITIES: dict[Severity, Piece] = {
    Severity.CRITICAL: ("‼ critical", "late"),
    Severity.WARNING: ("! warning", "soon"),
    Severity.NOTE: ("· note", "dim"),
}

STATES: dict[IncidentState, Piece] = {
    IncidentState.OPEN: ("open", "late"),
    IncidentState.ACKNOWLEDGED: ("acknowledged", "soon"),
    IncidentState.RESOLVED: ("resolved", "good"),
}

WATCHED: dict[Watched, str] = {
    Watched.NEGATIVE: "negative messages",
    Watched.VOLUME: "how much is said",
    Watched.NEED: "what wants an answer",
    Watched.RIVAL: "a competitor",
    Watched.SHIFT: "a lasting shift",
    Watched.SILENCE: "silence",
    Watched.RULE: "a rule",
}

# The list -------------------------------------------------------------------------------------------------------------


def incident_lines(row: Listed, width: int, now: datetime) -> tuple[Line, Line]:
    """One incident in two lines: what and its state, then what it looks at, who has it and since when."""
    one = row.incident
    top: list[Piece] = [*_name(row), (f" #{one.id}", "dim")]
    second: list[Piece] = [("  ", ""), SEVERITIES[one.severity], *_what(row)]
    return spread(top, (_state(row),), width), spread(second, _aside(row, now), width)


def incident_line(row: Listed, width: int, now: datetime) -> tuple[Line]:
    """One incident in one line."""
    one = row.incident
    aside = joined([_aside(row, now), (_state(row),)])
    return (spread([*_name(row), (scope(one.topic, one.source), "dim")], aside, width),)


def _name(row: Listed) -> list[Piece]:
    one = row.incident
    return [(f"{SIGNS[one.state]} ", _state(row)[1]), (say(one.title), "" if row.is_over else "bold")]


def _state(row: Listed) -> Piece:
    if row.incident.muted_by and row.incident.state is IncidentState.OPEN:
        return "silent", "dim"
    return STATES[row.incident.state]


def _what(row: Listed) -> list[Piece]:
    one = row.incident
    about = [f" {WATCHED[one.watched]}{scope(one.topic, one.source)}"]
    return [(part, "dim") for part in about] + ([(f" part of #{one.parent_id}", "dim")] if one.parent_id else [])


def _aside(row: Listed, now: datetime) -> Line:
    one = row.incident
    who = row.assignee or row.acknowledged_by
    parts: list[Line] = []
    if row.unheard and one.state is IncidentState.OPEN:
        parts.append((("nobody could be told", "late"),))
    if row.ended is not None and not row.is_over:
        parts.append((("no longer surprising", "good"),))
    if who and not row.is_over:
        parts.append(((f"→ {say(who)}", "dim"),))
    parts.append(((words.age(row.ended or one.since, now), "dim"),))
    return joined(parts, " ")


# One in full ----------------------------------------------------------------------------------------------------------


def incident_page(
    story: Story,
    evidence: Evidence | None,
    posts: Sequence[ListeningRow] | None,
    now: datetime,
    zone: tzinfo | None,
    width: int,
    table: Table = KEYS,
) -> list[Line]:
    """One incident in full. `posts`: the newest of those that made it; None: they are being looked for."""
    lines = _head(story, now, zone, width)
    lines += _notes(story, now, zone, width)
    lines += _why(story, width)
    lines += _said(evidence, width)
    lines += _posts(story, posts, now, width, table)
    lines += _holes(story, now, zone, width)
    lines += _timeline(story, now, zone, width)
    return lines


def _head(story: Story, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    row, one = story.listed, story.listed.incident
    lines = flow_parts([((say(one.title), "title"),), ((f"#{one.id}", "dim"),)], width)
    about = f"{WATCHED[one.watched]}{scope(one.topic, one.source)}"
    lines += flow_parts([(_state(row),), (SEVERITIES[one.severity],), ((about, ""),)], width)
    parts: list[Line] = [((f"began {words.clock(one.since, now, zone)} ({words.ago(one.since, now)})", "dim"),)]
    if one.opened_at - one.since > timedelta(minutes=1):
        parts.append(((f"opened {words.clock(one.opened_at, now, zone)}", "dim"),))
    if row.ended is not None:
        parts.append(
            ((f"over {words.clock(row.ended, now, zone)}, after {words.span(row.ended - one.since)}", "good"),)
        )
    if one.reopened:
        parts.append(((f"came back {words.count(one.reopened, 'time')}", "soon"),))
    lines += flow_parts(parts, width)
    lines += _people(story, now, zone, width)
    if one.muted_by:
        lines += flow(((f"nobody is told: {say(one.muted_by)}", "note"),), width, hanging="  ")
    if row.unheard and not row.is_over:
        lines += flow((("nobody could be told: every receiver failed", "late"),), width, hanging="  ")
    for quiet in story.quiet:
        lines += flow((quiet_words(quiet, now, zone),), width, hanging="  ")
    for child in story.children:
        lines += flow(((f"part of it: #{child.id} {say(child.incident.title)}", "dim"),), width, hanging="  ")
    return lines


def _people(story: Story, now: datetime, zone: tzinfo | None, width: int) -> list[Line]:
    row, one = story.listed, story.listed.incident
    parts: list[Line] = []
    if one.acknowledged_at is not None:
        took = "" if story.took is None else f" after {words.span(story.took)}"
        who = say(row.acknowledged_by) or "somebody"
        parts.append(((f"{who} is on it, said {words.clock(one.acknowledged_at, now, zone)}{took}", "note"),))
    elif not row.is_over and not one.muted_by:
        parts.append((("nobody has said yet that they know", "late"),))
    if row.assignee:
        parts.append(((f"given to {say(row.assignee)}", ""),))
    if one.resolved_at is not None:
        who = f"by {say(row.resolved_by)}" if row.resolved_by else "by itself"
        parts.append(((f"resolved {words.clock(one.resolved_at, now, zone)} {who}", "good"),))
    return flow_parts(parts, width)


def _why(story: Story, width: int) -> list[Line]:
    evidence = story.listed.incident.evidence
    lines: list[Line] = [(), (("why", "dim"),)]
    why = evidence.get("why")
    if isinstance(why, str):
        lines += flow(((say(why), ""),), width)
    figures: list[Line] = []
    for name, said in (("seen", "seen"), ("expected", "expected"), ("authors", "authors"), ("size", "thresholds")):
        if text := number(name, evidence.get(name)):
            figures.append(((text, "bold"), (f" {said}", "dim")))
    part, whole = (number(name, evidence.get(name)) for name in ("part", "whole"))
    if part and whole:
        usual = number("share", evidence.get("share"))
        figures.append(((f"{part} of {whole}", "bold"), (f" negative{f', usually {usual}' if usual else ''}", "dim")))
    known = evidence.get("known")
    if isinstance(known, int | float) and not isinstance(known, bool) and 0 <= known < 0.995:
        figures.append(((f"{known:.0%} of that time was heard", "note"),))
    lines += flow_parts(figures, width)
    for name, said in (("rules", "rules"), ("planned", "planned")):
        found = evidence.get(name)
        if isinstance(found, list | tuple) and found:
            text = ", ".join(say(str(one)) for one in found[:10])
            lines += flow(((f"{said}: ", "dim"), (text, "ours")), width, hanging="  ")
    for plan in story.plans:
        days = f"{plan.first:%d %b}" if plan.first == plan.last else f"{plan.first:%d %b} to {plan.last:%d %b}"
        note = f": {say(plan.note)}" if plan.note else ""
        lines += flow(
            (("in the calendar: ", "dim"), (say(plan.title), "ours"), (f", {days}{note}", "dim")), width, hanging="  "
        )
    return lines if len(lines) > 2 else []


def _said(evidence: Evidence | None, width: int) -> list[Line]:
    if evidence is None or not (evidence.words or evidence.authors or evidence.sources):
        return []
    lines: list[Line] = [(), *flow((("top words, and how many of as many have them on other days", "dim"),), width)]
    lines += flow_parts(
        [((say(one.text), "bold"), (f" {one.seen:,}, usually {one.usual:,.1f}", "dim")) for one in evidence.words], width
    ) if evidence.words else [(("none stands out", "dim"),)]  # fmt: skip
    for name, voices in (("authors", evidence.authors), ("sources", evidence.sources)):
        said = [((say(one.name), ""), (f" {one.seen:,}", "dim")) for one in voices]
        if said:
            lines += flow_parts([((f"{name}: ", "dim"), *said[0]), *said[1:]], width)
    if evidence.missing > 0.005:
        lines += flow(((f"{evidence.missing:.0%} of the day before was not heard", "note"),), width)
    return lines


def _posts(
    story: Story, posts: Sequence[ListeningRow] | None, now: datetime, width: int, table: Table
) -> Iterator[Line]:
    keys = f"{sign('its_conversations', table)} their conversations, {sign('its_messages', table)} all messages"
    yield ()
    what = "what was said meanwhile" if story.listed.incident.watched is Watched.SILENCE else "the posts that made it"
    yield from flow(((what, "dim"), (f"  {keys}", "dim")), width)
    if posts is None:
        yield from flow((("looking for them", "dim"),), width)
        return
    if not posts:
        yield from flow((("none: nothing that matches is stored", "dim"),), width)
    for row in posts:
        head, second = queue.listening_lines(row, width, now)
        yield head
        yield second
    query = query_of(story.listed.incident, story.listed.ended)
    yield from flow(((say(query), "dim"),), width, hanging="  ")


def _holes(story: Story, now: datetime, zone: tzinfo | None, width: int) -> Iterator[Line]:
    if story.missing:
        yield ()
        yield from flow((("what was not heard", "dim"),), width)
    for hole in story.missing:
        when = f"{words.clock(hole.start, now, zone)} to {words.clock(hole.end, now, zone)}"
        fate_of = HOLE_WORDS.get(hole.state, say(hole.state))
        style = "dim" if hole.state == "filled" else "soon"
        yield from flow(
            (
                ("╱ ", "note"),
                (say(hole.source), "bold"),
                (f" {when}, ", ""),
                (fate_of, style),
                (f": {say(hole.cause)}", "dim"),
            ),
            width,
            hanging="  ",
        )


def _notes(story: Story, now: datetime, zone: tzinfo | None, width: int) -> Iterator[Line]:
    for note in story.notes:
        yield ()
        yield from flow(((f"note by {say(note.person)}, {words.clock(note.at, now, zone)}", "note"),), width)
        yield from flow(paragraphs(note.text), width, indent="  ")


def _timeline(story: Story, now: datetime, zone: tzinfo | None, width: int) -> Iterator[Line]:
    """What became of it and who was told, the newest last."""
    told = [(one.at, one.id, (page_words(one), _page_style(one.state))) for one in story.told]
    acts = [
        (one.at, one.id, (entry_words(one), _entry_style(one)))
        for one in story.entries
        if not (story.told and one.kind.startswith("page."))
    ]
    if told or acts:
        yield ()
        yield (("what happened", "dim"),)
    opened = story.listed.incident.opened_at
    for at, _, piece in sorted([*acts, *told], key=lambda one: (one[0], one[1])):
        after = long_span(at - opened) if at >= opened else "before"
        clock = words.clock(at, now, zone)
        yield from flow(
            ((f"{clock}  ", "dim"), piece, (f"  +{after}" if at > opened else "", "dim")), width, hanging="    "
        )


def _page_style(state: str) -> str:
    return {"failed": "bad", "unknown": "bad", "accepted": "good", "seen": "good"}.get(state, "")


def _entry_style(one: Entry) -> str:
    return {
        "incident.opened": "late",
        "incident.worse": "late",
        "incident.resolved": "good",
        "incident.over": "good",
    }.get(one.kind, "")


# Silences and what one chooses from ------------------------------------------------------------------------------------


def quiet_words(quiet: Quiet, now: datetime, zone: tzinfo | None) -> Piece:
    """A silence in words."""
    until = words.clock(quiet.ended_at or quiet.ends_at, now, zone)
    head = "silenced until" if quiet.holds(now) else "was silenced until"
    note = f": {say(quiet.note)}" if quiet.note else ""
    return f"{head} {until} by {say(quiet.person)}{note} ({matched(quiet.matchers)})", "note"


def matched(matchers: Sequence[Matcher]) -> str:
    """What a silence is of, in words."""
    return say(" and ".join(f"{one.name} {' or '.join(sorted(one.values)) or 'any'}" for one in matchers))


def silence_choices(row: Listed) -> list[tuple[str, str, tuple[Matcher, ...]]]:
    """(key, words, matchers) of what may be kept silent on account of an incident, the narrowest first."""
    one = row.incident
    exactly = [Matcher("policy", frozenset({one.policy})), Matcher("topic", frozenset({one.topic}))]
    if one.source:
        exactly.append(Matcher("source", frozenset({one.source})))
    found = [("this", f"this: {matched(exactly)}", tuple(exactly))]
    found.append(
        ("policy", f"the alert {say(one.policy)}, whatever it is about", (Matcher("policy", frozenset({one.policy})),))
    )
    if one.topic:
        found.append(("topic", f"all alerts on {say(one.topic)}", (Matcher("topic", frozenset({one.topic})),)))
    if one.source:
        found.append(("source", f"all alerts of {say(one.source)}", (Matcher("source", frozenset({one.source})),)))
    return found


def assign_choices(people: Sequence[Person], me: int) -> list[tuple[str, Line]]:
    """(key, line) of whom it may be given to: oneself first, nobody last."""
    others = sorted((one for one in people if one.id != me), key=lambda one: say(one.name).casefold())
    mine = [one for one in people if one.id == me]
    found: list[tuple[str, Line]] = [
        (str(one.id), ((say(one.name), ""), (f"  {say(one.login)}{' (you)' if one.id == me else ''}", "dim")))
        for one in (*mine, *others)
    ]
    return [*found, ("0", (("nobody", "dim"),))]
