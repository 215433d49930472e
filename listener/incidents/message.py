"""What a page says: why, in figures and words, and how to answer it. Pure: facts in, text out.

The figures and the links are ours. What comes from outside (words, names, posts) cannot break a line, forge a link, call anybody or be read as
markup, in whatever chat it ends: signs that any of them reads are shown by others that look alike. Refuses to gather anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard

import regex

from listener.harmless import harmless
from listener.incidents.shape import Incident, IncidentState, PageKind
from listener.model.scales import Severity
from listener.private import hidden
from listener.query.clock import zone
from listener.rulebook.alerting import Watched

SHORT = 150
"""Characters of the short form, its link aside: a phone shows so much, and a text message holds it."""
SAMPLE = 140
"""Characters of a sample post."""
NAME = 40
CURVE = 24
"""Signs of the spark line."""
SAMPLES, MOST_NAMED = 3, 5

_SPARKS = "▁▂▃▄▅▆▇█"
_LINK = regex.compile(r"(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bmailto:)\S*", regex.IGNORECASE)
_MARKS = str.maketrans(
    {
        "<": "‹", ">": "›", "[": "(", "]": ")", "*": "∗", "_": "＿", "~": "∼", "`": "’", "|": "¦", "\\": "＼", "&": "＆", "@": "＠",
    }
)  # fmt: skip
# A dot or colon between letters makes an address of words in most chats.
_DOT = regex.compile(r"(?<=\w)\.(?=\w)")
_COLON = regex.compile(r"(?<=\w):(?=[\w/])")

_HEADS: Mapping[PageKind, str] = {
    PageKind.ALERT: "",
    PageKind.AGAIN: "Nobody has answered yet: ",
    PageKind.WORSE: "Worse now: ",
    PageKind.STILL: "Known, and still not resolved: ",
    PageKind.ACKNOWLEDGED: "Somebody is on it: ",
    PageKind.RESOLVED: "Over: ",
    PageKind.UNDELIVERED: "Somebody could not be told: ",
}
_STATES = {
    IncidentState.OPEN: "nobody has said yet that they know",
    IncidentState.ACKNOWLEDGED: "acknowledged",
    IncidentState.RESOLVED: "resolved",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of what was said, and how much of it is usual."""

    text: str
    seen: int
    """Messages that have it."""
    usual: float
    """How many of as many messages have it on other days."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Who or where, and how many messages."""

    name: str
    seen: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A post, as far as it may leave the house: what looks private is masked."""

    mention_id: int
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was said, beside the numbers that the incident itself holds."""

    seen: int = 0
    """Messages looked at."""
    words: tuple[Word, ...] = ()
    authors: tuple[Voice, ...] = ()
    sources: tuple[Voice, ...] = ()
    samples: tuple[Sample, ...] = ()
    missing: float = 0.0
    """Which part of the day before was not heard, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A page that reached nobody."""

    receiver: str
    person: str
    why: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a page is made of."""

    what: PageKind
    receiver: str
    now: datetime
    brand: str = ""
    zone: str = "UTC"
    incident: Incident | None = None
    evidence: Evidence = Evidence()
    person: str = ""
    """Who is told, by name; "": whoever reads there."""
    note: str = ""
    """What whoever is told should know about the telling."""
    by: str = ""
    """Who acknowledged or resolved it, by name; "": nobody did."""
    link: str = ""
    """With which it is acknowledged; "": there is none."""
    digest: tuple[Incident, ...] = ()
    undelivered: tuple[Undelivered, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A page, ready to leave, for every kind of receiver."""

    what: PageKind
    severity: Severity
    title: str
    """One line."""
    short: str
    """One line with all that matters, and the link."""
    text: str
    markdown: str
    at: datetime
    person: str = ""
    link: str = ""
    brand: str = ""
    incident: Incident | None = None
    digest: tuple[Incident, ...] = ()
    """Of several at once: which, the worst first."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """For programs: numbers, ids and our own words."""


def foreign(text: str, most: int = SAMPLE) -> str:
    """Outside text as it may stand in a page: one line, nothing private, no link, no name that is called, no markup; shortened."""
    text = hidden(harmless(text[: most * 8]))
    text = _LINK.sub(" (link) ", text)
    text = " ".join(text.split())
    if len(text) > most:
        text = f"{text[: most - 1].rstrip()}…"
    text = str(_COLON.sub("：", _DOT.sub("․", text)))
    return text.translate(_MARKS)


def spark(curve: Sequence[float | None], signs: int = CURVE) -> str:
    """Counts as a line, oldest first, the biggest of each stretch; what is unknown is a dot."""
    if not curve:
        return ""
    size = max(1, -(-len(curve) // signs))
    first = len(curve) % size
    parts = ([curve[:first]] if first else []) + [curve[at : at + size] for at in range(first, len(curve), size)]
    tops = [max((one for one in part if one is not None), default=None) for part in parts]
    most = max((one for one in tops if one is not None), default=0)
    return "".join(
        "·" if one is None else _SPARKS[round((len(_SPARKS) - 1) * one / most) if most else 0] for one in tops
    )


def message(facts: Facts) -> Message:
    """The page."""
    if facts.what is PageKind.TEST:
        return _test(facts)
    if facts.incident is None:
        return _digest(facts)
    incident = facts.incident
    head, lines = _title(facts, incident), _lines(facts, incident)
    ways = _ways(facts, incident)
    short = _short(facts, incident)
    return Message(
        what=facts.what,
        severity=incident.severity,
        title=head,
        short=f"{short} {facts.link}".rstrip(),
        text="\n".join([head, *lines, *ways]),
        markdown="\n\n".join([f"**{head}**", "\n".join(f"- {line}" for line in lines), *_marked_ways(facts, incident)]),
        at=facts.now,
        person=facts.person,
        link=facts.link,
        brand=facts.brand,
        incident=incident,
        figures=_figures(facts, incident),
    )


def ours(text: str, most: int = 200) -> str:
    """Our own words, from rule files and settings, in a page: one line that is no markup either; what they name may be called by its name."""
    text = " ".join(harmless(text).split())
    text = text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
    return text.translate(_MARKS)


def _title(facts: Facts, incident: Incident) -> str:
    return f"{_HEADS[facts.what]}{headline(incident)}"


def _lines(facts: Facts, incident: Incident) -> list[str]:
    told = [_standing(facts, incident), *([ours(facts.note)] if facts.note else [])]
    told += [f"{who}: {ours(one.why)}" for one in facts.undelivered if (who := _whom(one))]
    if facts.what is PageKind.ACKNOWLEDGED:
        return told
    evidence = incident.evidence
    if why := evidence.get("why"):
        told.append(f"Why: {ours(str(why), 400)}")
    told += filter(None, (_counted(incident), _since(facts, incident)))
    if line := spark(_curve(evidence)):
        step = evidence.get("curve_step")
        over = f", {_span(len(_curve(evidence)) * step)} to now" if _is_number(step) else ""
        told.append(f"{line}  (most: {max((one for one in _curve(evidence) if one is not None), default=0):g}{over})")
    if facts.what is PageKind.RESOLVED:
        return told
    told += _missing(facts, incident)
    told += _said(facts.evidence)
    if rules := _texts(evidence.get("rules")):
        told.append(f"Rules: {', '.join(ours(one, NAME) for one in rules[:MOST_NAMED])}")
    if planned := _texts(evidence.get("planned")):
        told.append(f"Planned for today: {', '.join(ours(one, 80) for one in planned[:3])}")
    return told


def _standing(facts: Facts, incident: Incident) -> str:
    """How it stands, and whose it is."""
    where = ours(facts.brand, NAME)
    by = f" by {ours(facts.by, NAME)}" if facts.by else ""
    match facts.what:
        case PageKind.ACKNOWLEDGED:
            after = _after(incident.opened_at, incident.acknowledged_at)
            return f"{where}: acknowledged{by}{after}"
        case PageKind.RESOLVED:
            return f"{where}: resolved{by or ' (it went by itself)'}{_after(incident.opened_at, incident.resolved_at)}"
        case PageKind.STILL:
            since = f" at {_clock(facts, incident.acknowledged_at)}" if incident.acknowledged_at else ""
            return f"{where}: acknowledged{by}{since}, and it goes on"
        case PageKind.UNDELIVERED:
            return f"{where}: {_STATES[incident.state]}; these were not reached, so you are told"
        case _:
            reopened = "; it came back" if incident.reopened else ""
            return f"{where}: {_STATES[incident.state]}{by}{reopened}"


def _counted(incident: Incident) -> str:
    evidence = incident.evidence
    seen, expected = evidence.get("seen"), evidence.get("expected")
    if not _is_number(seen) or not _is_number(expected):
        return ""
    low, high = evidence.get("low"), evidence.get("high")
    band = f", usually {low:.0f} to {high:.0f}" if _is_number(low) and _is_number(high) else ""
    seconds = evidence.get("seconds")
    told = f"Seen {seen:g} where {expected:.3g} are expected{band}"
    told += f", in {_span(seconds)}" if _is_number(seconds) else ""
    part, whole = evidence.get("part"), evidence.get("whole")
    if _is_number(part) and _is_number(whole) and whole:
        usual = f", usually {evidence['share']:.0%}" if _is_number(evidence.get("share")) else ""
        told += f"; {part:g} of {whole:g} are negative ({part / whole:.0%}{usual})"
    size = evidence.get("size")
    return told + (f"; {size:.1f} times the line at which you are told" if _is_number(size) and size >= 1 else "")


def _since(facts: Facts, incident: Incident) -> str:
    about = f"topic {ours(incident.topic, NAME)}" if incident.topic else "all that concerns the brand"
    where = f"on {ours(incident.source, NAME)}" if incident.source else "on all networks"
    kind = "" if incident.watched is Watched.RULE else f"{incident.watched.value}, "
    return f"Since {_clock(facts, incident.since)} ({_span((facts.now - incident.since).total_seconds())}): {kind}{about}, {where}"


def _missing(facts: Facts, incident: Incident) -> list[str]:
    told = []
    known = incident.evidence.get("known")
    if _is_number(known) and known < 0.995:
        told.append(f"Only {known:.0%} of that time was heard: there may be more")
    if facts.evidence.missing >= 0.005:
        told.append(
            f"Of the last day {facts.evidence.missing:.0%} is missing (gaps): what was said then is not counted"
        )
    return told


def _usually(often: float) -> str:
    return " (usually none)" if often < 0.1 else f" (usually {often:.2g})"


def _said(evidence: Evidence) -> list[str]:
    told = []
    if evidence.words:
        words = ", ".join(f"{foreign(one.text, NAME)} {one.seen}{_usually(one.usual)}" for one in evidence.words)
        told.append(f"Words: {words}")
    for name, voices in (("Authors", evidence.authors), ("Networks", evidence.sources)):
        if voices:
            told.append(f"{name}: {', '.join(f'{foreign(one.name, NAME)} {one.seen}' for one in voices)}")
    told += [f"Post {one.mention_id} by {foreign(one.author, NAME)}: “{foreign(one.text)}”" for one in evidence.samples]
    return told


def _ways(facts: Facts, incident: Incident) -> list[str]:
    told = [f"Open it: {opening(incident.id)}"]
    if incident.state is IncidentState.OPEN and facts.what is not PageKind.RESOLVED:
        told.append(f"Acknowledge: {facts.link or acknowledging(incident.id)}")
    return told


def _marked_ways(facts: Facts, incident: Incident) -> list[str]:
    told = [f"Open it: `{opening(incident.id)}`"]
    if incident.state is IncidentState.OPEN and facts.what is not PageKind.RESOLVED:
        told.append(f"[Acknowledge]({facts.link})" if facts.link else f"Acknowledge: `{acknowledging(incident.id)}`")
    return told


def headline(incident: Incident) -> str:
    """An incident in one line."""
    return f"{incident.severity.value.upper()}: {ours(incident.title)} (incident {incident.id})"


def opening(incident_id: int) -> str:
    """The command that opens an incident."""
    return f"hubbub inbox --incident {incident_id}"


def acknowledging(incident_id: int) -> str:
    """The command that acknowledges it."""
    return f"hubbub incidents ack {incident_id}"


def _short(facts: Facts, incident: Incident) -> str:
    head = f"{_HEADS[facts.what]}{incident.severity.value.upper()} {ours(incident.title, 60)}"
    seen, expected = incident.evidence.get("seen"), incident.evidence.get("expected")
    told = ""
    if facts.what in {PageKind.ACKNOWLEDGED, PageKind.STILL, PageKind.RESOLVED} and facts.by:
        told = f", by {ours(facts.by, NAME)}"
    elif facts.what is not PageKind.RESOLVED and _is_number(seen) and _is_number(expected):
        told = f": {seen:g} seen, {expected:.3g} expected, since {_clock(facts, incident.since)}"
    whole = f"{head}{told}"
    return whole if len(whole) <= SHORT else f"{whole[: SHORT - 1].rstrip()}…"


def _digest(facts: Facts) -> Message:
    """Several incidents in one page, worst first."""
    order = list(Severity)
    worst = sorted(facts.digest, key=lambda one: (-order.index(one.severity), one.opened_at))
    n = len(worst)
    title = f"{n} {'incident' if n == 1 else 'incidents'} at once: {ours(facts.brand, NAME)}"
    lines = [
        f"{headline(one)}, since {_clock(facts, one.since)}"
        + (f": {ours(str(why))}" if (why := one.evidence.get("why")) else "")
        for one in worst[:20]
    ]
    if n > 20:
        lines.append(f"and {n - 20} more")
    way = "hubbub incidents"
    return Message(
        what=facts.what,
        severity=worst[0].severity if worst else Severity.NOTE,
        title=title,
        short=title[:SHORT],
        text="\n".join([title, *lines, f"All of them: {way}"]),
        markdown="\n\n".join([f"**{title}**", "\n".join(f"- {line}" for line in lines), f"All of them: `{way}`"]),
        at=facts.now,
        person=facts.person,
        brand=facts.brand,
        digest=tuple(worst),
        figures={"incidents": [one.id for one in worst]},
    )


def _test(facts: Facts) -> Message:
    title = f"Test from Hubbub: {ours(facts.receiver, NAME)} is reached"
    text = f"{title}\nNothing has happened. Real alerts come this way."
    return Message(
        what=facts.what,
        severity=Severity.NOTE,
        title=title,
        short=title[:SHORT],
        text=text,
        markdown=f"**{title}**\n\nNothing has happened. Real alerts come this way.",
        at=facts.now,
        person=facts.person,
        brand=facts.brand,
    )


def _figures(facts: Facts, incident: Incident) -> Mapping[str, Any]:
    known = {
        name: value
        for name, value in incident.evidence.items()
        if _is_number(value) or isinstance(value, str) or name in {"rules", "planned", "curve", "curve_expected"}
    }
    return {
        **known,
        "missing": round(facts.evidence.missing, 4),
        "words": [{"word": foreign(one.text, NAME), "seen": one.seen, "usual": round(one.usual, 3)} for one in facts.evidence.words],
        "authors": [{"name": foreign(one.name, NAME), "seen": one.seen} for one in facts.evidence.authors],
        "sources": [{"name": one.name, "seen": one.seen} for one in facts.evidence.sources],
        "samples": [
            {"mention": one.mention_id, "author": foreign(one.author, NAME), "text": foreign(one.text)}
            for one in facts.evidence.samples
        ],
    }  # fmt: skip


def _whom(one: Undelivered) -> str:
    return f"Not reached: {ours(one.person, NAME) + ' by ' if one.person else ''}{ours(one.receiver, NAME)}"


def _curve(evidence: Mapping[str, Any]) -> list[float | None]:
    curve = evidence.get("curve")
    return [one if _is_number(one) else None for one in curve] if isinstance(curve, list | tuple) else []


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clock(facts: Facts, moment: datetime | None) -> str:
    """A time of day where the brand is; with the day when that is another one."""
    if moment is None:
        return "?"
    there, now = moment.astimezone(zone(facts.zone)), facts.now.astimezone(zone(facts.zone))
    return f"{there:%H:%M}" if there.date() == now.date() else f"{there:%a %d %b %H:%M}"


def _after(begin: datetime, end: datetime | None) -> str:
    return "" if end is None else f" after {_span((end - begin).total_seconds())}"


def _span(seconds: float) -> str:
    minutes = max(0, round(seconds / 60))
    if minutes < 120:
        return f"{minutes} min" if minutes else f"{max(0, round(seconds))} s"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 72 else f"{round(hours / 24)} days"
