"""The report after an incident, as Markdown: numbers, curve, posts, who was told when and who knew after how long, what was missed, notes.

Pure: a story in, text out. Posts are named by number and address, with what looks private masked; no text of a stranger is in it. What the
staff wrote stands as quotes, and can break nothing. Times are of the brand's zone, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from listener.harmless import harmless, harmless_url
from listener.incidents.curve import Curve, curve_of
from listener.incidents.message import Evidence, spark
from listener.incidents.shape import PageKind
from listener.incidents.story import Entry, PageTold, Story
from listener.private import hidden

SPARK = 60
POSTS = 50
"""Posts that are named; the query finds all."""

_LONG = 300

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$^=@-])")


@dataclass(frozen=True, slots=True)
class Post:
    """A message that made it, by number and address."""

    id: int
    at: datetime
    source: str
    url: str = ""


def report(
    story: Story,
    *,
    brand: str,
    now: datetime,
    zone: tzinfo | None,
    query: str,
    posts: Sequence[Post] = (),
    of: int | None = None,
    evidence: Evidence | None = None,
) -> str:
    """All of one incident as Markdown. `of`: how many posts there are, where more are known than are named; `query` finds them."""
    one = story.listed.incident
    parts = [
        f"# Incident {one.id}: {_words(one.title)}",
        _summary(story, brand, now, zone),
        *_section("Numbers", _numbers(story, zone)),
        *_section("The curve", _curve(story, zone)),
        *_section("What was said", _said(evidence)),
        *_section("Posts", _posts(posts, of, query, zone)),
        *_section("What happened", _happened(story, zone)),
        *_section("Who was told", _told(story, zone)),
        *_section("What was missed", _missed(story, zone)),
        *_section("Silences", _silences(story, zone)),
        *_section("Notes", _notes(story, zone)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(head: str, lines: Sequence[str]) -> list[str]:
    return [f"## {head}", "\n".join(lines)] if lines else []


def _summary(story: Story, brand: str, now: datetime, zone: tzinfo | None) -> str:
    listed, one = story.listed, story.listed.incident
    what = [one.watched.value, *([f"topic {_code(one.topic)}"] if one.topic else [])]
    what += [f"on {_code(one.source)}"] if one.source else []
    lines = [f"{_words(brand)}: {', '.join(what)}; {one.severity.value}; {one.state.value}."]
    end = listed.ended
    lasted = f"It began {_at(one.since, zone)}, was opened {_at(one.opened_at, zone)}"
    lasted += f", and was over {_at(end, zone)}, after {span(end - one.since)}." if end else ", and stands."
    lines.append(lasted)
    if story.took is not None:
        who = _words(listed.acknowledged_by) or "somebody"
        lines.append(f"{who} said that they knew {span(story.took)} after it was opened.")
    elif one.muted_by:
        lines.append(f"Nobody was told: {_words(one.muted_by)}.")
    else:
        lines.append("Nobody said that they knew.")
    if one.resolved_at is not None:
        lines.append(f"Resolved {_at(one.resolved_at, zone)} by {_words(listed.resolved_by) or 'itself'}.")
    if one.reopened:
        lines.append(f"It came back {one.reopened} time{'s' if one.reopened > 1 else ''}.")
    lines.append(f"Written {_at(now, zone)}.")
    return " ".join(lines)


_ROWS: Sequence[tuple[str, str]] = (
    ("seen", "seen"),
    ("expected", "expected"),
    ("high", "highest usual"),
    ("low", "lowest usual"),
    ("seconds", "counted over"),
    ("size", "size, in thresholds"),
    ("sigmas", "sigmas from the expected"),
    ("bits", "surprise, in bits"),
    ("part", "negative"),
    ("whole", "of all"),
    ("share", "usual share"),
    ("authors", "distinct authors"),
    ("known", "part of the time that was heard"),
)


def _numbers(story: Story, zone: tzinfo | None) -> list[str]:
    evidence = story.listed.incident.evidence
    rows = [(words, said) for name, words in _ROWS if (said := number(name, evidence.get(name)))]
    lines = [f"> {_words(evidence['why'])}", ""] if isinstance(evidence.get("why"), str) else []
    if rows:
        lines += ["| what | value |", "| --- | --- |", *(f"| {words} | {said} |" for words, said in rows)]
    for name, words in (("rules", "Rules"), ("planned", "Planned")):
        found = evidence.get(name)
        if isinstance(found, list | tuple) and found:
            lines += ["", f"{words}: {', '.join(_code(str(each)) for each in found[:20])}."]
    if story.plans:
        lines += [
            "",
            "In the calendar: " + "; ".join(_plan(one.title, one.first, one.last) for one in story.plans) + ".",
        ]
    return lines


def _plan(title: str, first: Any, last: Any) -> str:
    return f"{_words(title)} ({first:%Y-%m-%d}{'' if first == last else f' to {last:%Y-%m-%d}'})"


def number(name: str, value: object) -> str:
    """A figure of the evidence as people read it; "": it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return ""
    if name == "seconds":
        return span(timedelta(seconds=float(value))) if 0 < value < 1e9 else ""
    if name in ("share", "known"):
        return f"{value:.0%}"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.1f}"


def _curve(story: Story, zone: tzinfo | None) -> list[str]:
    curve = curve_of(story.listed.incident.evidence, story.after)
    if curve is None:
        return []
    line = spark(curve.seen, SPARK)
    return ["```text", line, f"{_at(curve.begin, zone)} to {_at(curve.end, zone)}", *_peak(curve, zone), "```"]


def _peak(curve: Curve, zone: tzinfo | None) -> list[str]:
    peak = curve.peak
    if peak is None:
        return ["nothing was heard"]
    seen, usual = curve.seen[peak] or 0, curve.expected[peak] if peak < len(curve.expected) else None
    over = f" within {span(curve.span)}"
    expected = "" if usual is None else f", {usual:,.1f} expected"
    return [f"most: {seen:,.0f}{over}, {_at(curve.at(peak), zone)}{expected}; a dot: not heard"]


def _said(evidence: Evidence | None) -> list[str]:
    if evidence is None or not evidence.seen:
        return []
    lines = [f"Of {evidence.seen:,} messages:", ""]
    if evidence.words:
        said = ", ".join(f"{_code(w.text)} ({w.seen:,}, usually {w.usual:,.1f})" for w in evidence.words)
        lines.append(f"- words: {said}")
    for name, voices in (("sources", evidence.sources), ("authors", ())):
        if voices:
            lines.append(f"- {name}: {', '.join(f'{_code(v.name)} ({v.seen:,})' for v in voices)}")
    if evidence.authors:
        most = evidence.authors[0].seen
        lines.append(f"- the busiest author wrote {most:,} of them")
    return lines


def _posts(posts: Sequence[Post], of: int | None, query: str, zone: tzinfo | None) -> list[str]:
    lines = [f"- {post.id}, {_at(post.at, zone)}, {_code(post.source)}{_link(post.url)}" for post in posts[:POSTS]]
    rest = max(len(posts), of or 0) - len(lines)
    if rest > 0:
        lines.append(f"- and {rest:,} more")
    search = f"hubbub search '{query}'"
    return [*lines, *([""] if lines else []), f"All of them: {_code(search)}"]


def _link(url: str) -> str:
    sound = harmless_url(url) if url.startswith(("https://", "http://")) else None
    shown = hidden(sound) if sound else ""
    return f", <{shown}>" if shown and not set(shown) & set("<> ") else ""


def _happened(story: Story, zone: tzinfo | None) -> list[str]:
    opened = story.listed.incident.opened_at
    shown = [one for one in story.entries if not one.kind.startswith("page.")]
    return [f"- {_at(one.at, zone)} ({_after(one.at - opened)}): {_escaped(entry_words(one))}" for one in shown]


def _told(story: Story, zone: tzinfo | None) -> list[str]:
    if not story.told:
        return []
    head = ["| told | what | who | by | what became of it |", "| --- | --- | --- | --- | --- |"]
    cells = (
        (
            _at(one.at, zone),
            PAGE_WORDS[one.what],
            _words(one.person) or "all there",
            _code(one.receiver),
            _escaped(fate(one)),
        )
        for one in story.told
    )
    return [*head, *(f"| {' | '.join(row)} |" for row in cells)]


def _missed(story: Story, zone: tzinfo | None) -> list[str]:
    evidence = story.listed.incident.evidence
    known = evidence.get("known")
    lines = [
        f"- {_code(one.source)}: {_at(one.start, zone)} to {_at(one.end, zone)} ({_words(one.cause)}), {HOLE_WORDS.get(one.state, _words(one.state))}"
        for one in story.missing
    ]
    if isinstance(known, int | float) and not isinstance(known, bool) and known < 0.995:
        lines.insert(0, f"- {known:.0%} of the time that it was judged by was heard.")
    failed = [one for one in story.told if one.state in ("failed", "unknown")]
    if failed:
        lines.append(f"- {len(failed)} of {len(story.told)} tellings reached nobody, as far as is known.")
    return lines or ["Nothing that is known of: every stream was heard throughout, and every telling arrived."]


def _silences(story: Story, zone: tzinfo | None) -> list[str]:
    return [
        f"- {_at(one.begins_at, zone)} to {_at(one.ended_at or one.ends_at, zone)}, by {_words(one.person)}: {_words(one.note)}"
        for one in story.quiet
    ]


def _notes(story: Story, zone: tzinfo | None) -> list[str]:
    lines: list[str] = []
    for one in story.notes:
        said = [f"> {_escaped(line)}" for line in harmless(one.text, lines=True).splitlines()]
        lines += [*([""] if lines else []), f"{_words(one.person)}, {_at(one.at, zone)}:", "", *said]
    return lines


# Words that the screen and the command line say too ---------------------------------------------------------------------------------------

HOLE_WORDS: Mapping[str, str] = {
    "open": "still missing",
    "asked": "being filled",
    "filled": "filled since",
    "lost": "lost for good",
    "failed": "not filled: a person must help first",
}

PAGE_WORDS: Mapping[PageKind, str] = {
    PageKind.ALERT: "the alert",
    PageKind.AGAIN: "once more",
    PageKind.WORSE: "that it is worse",
    PageKind.STILL: "that it still stands",
    PageKind.ACKNOWLEDGED: "that somebody is on it",
    PageKind.RESOLVED: "that it is over",
    PageKind.UNDELIVERED: "that somebody could not be told",
    PageKind.DIGEST: "several at once",
    PageKind.TEST: "a test",
}

_KINDS: Mapping[str, str] = {
    "incident.opened": "opened",
    "incident.worse": "got worse",
    "incident.fired": "found again",
    "incident.muted": "kept silent",
    "incident.over": "no longer surprising",
    "incident.reopened": "came back",
    "incident.acknowledged": "acknowledged",
    "incident.assigned": "assigned",
    "incident.noted": "a note",
    "incident.silenced": "silenced",
    "incident.unsilenced": "silenced no longer",
    "incident.resolved": "resolved",
    "incident.step": "next step",
    "page.queued": "to be told",
    "page.sent": "told",
    "page.failed": "could not be told",
    "page.unknown": "perhaps told",
    "page.withdrawn": "not told: it was no longer so",
    "silence.made": "a silence was made",
    "silence.ended": "a silence was ended",
}

_STEP_SHOWN = 20


def entry_words(one: Entry) -> str:
    """What became of it, in words; harmless."""
    after = one.after
    if one.kind == "incident.muted":
        return f"kept silent: {_plain(after['by'])}" if after.get("by") else "silent no longer"
    if one.kind == "incident.step":
        return _step_words(after)
    head = _KINDS.get(one.kind, harmless(one.kind[:_LONG]).replace(".", " "))
    if one.kind == "incident.assigned":
        head = f"given to {_plain(one.whom)}" if one.whom else "given back"
    who = f" by {_plain(one.person)}" if one.person else ""
    way = {"link": ", by the link in a page", "recovery": " by itself"}.get(str(after.get("by")), "")
    more = [
        said
        for name in ("severity", "what", "person", "receiver", "reason", "problem")
        if (said := _plain(after.get(name)))
    ]
    return f"{head}{who}{way}{': ' if more else ''}{', '.join(more)}"


def _step_words(after: Mapping[str, Any]) -> str:
    """Whom a step of the chain told, and why not others."""
    if after.get("undelivered"):
        return "nobody could be told: every receiver is tried"
    if "route" in after:
        ways = [_plain(one) for name in ("route", "chain") for one in _many(after.get(name))]
        return f"goes by {', '.join(ways)}" if ways else "no route takes it: nobody is told"
    told = [_plain(one) for one in (*_many(after.get("told")), *_many(after.get("receivers")))]
    passed = after.get("passed")
    over = (
        [f"{_plain(who)} passed over ({_plain(why)})" for who, why in passed.items()]
        if isinstance(passed, Mapping)
        else []
    )
    note = [_plain(after["note"])] if after.get("note") else []
    again = "asked again whether it is done" if after.get("still") else "told"
    parts = [f"{again}: {', '.join(told)}" if told else "nobody to tell", *over[:_STEP_SHOWN], *note]
    return "; ".join(parts)


def _many(value: object) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value[:_STEP_SHOWN]
    return [value] if isinstance(value, str) and value else []


def _plain(value: object) -> str:
    return harmless(str(value)[:_LONG]) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def page_words(one: PageTold) -> str:
    """Who was told what by which receiver, and what became of it, in words; harmless."""
    who = _plain(one.person) or "whoever reads there"
    digest = " in a digest" if one.digest_id is not None else ""
    return f"{who} by {_plain(one.receiver)}, {PAGE_WORDS[one.what]}{digest}: {fate(one)}"


def fate(one: PageTold) -> str:
    """What became of a telling, in words; harmless."""
    after = "" if one.settled_at is None else f" after {span(one.settled_at - one.at)}"
    why = f": {harmless(one.problem[:_LONG])}" if one.problem else ""
    return {
        "queued": f"waits{why}",
        "sending": "on its way",
        "accepted": f"taken{after}",
        "seen": f"seen{after}",
        "failed": f"failed{after}{why}",
        "unknown": f"nobody knows whether it arrived{why}",
        "withdrawn": harmless(one.problem[:_LONG]) or "not sent: it was no longer so",
    }.get(one.state, f"{harmless(one.state[:_LONG])}{why}")


def span(delta: timedelta) -> str:
    """A length of time in words: '40 s', '8 min', '2 h 5 min', '3 d 4 h'."""
    seconds = max(0, int(delta.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"


def _after(delta: timedelta) -> str:
    return f"+{span(delta)}" if delta >= timedelta(0) else f"−{span(-delta)}"


def _at(at: datetime, zone: tzinfo | None) -> str:
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M %Z}".strip()


def _words(text: str) -> str:
    """Words that somebody wrote, as one harmless line of Markdown that says just them."""
    return _escaped(harmless(text[:_LONG]))


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _code(text: str) -> str:
    """A key or a query as code."""
    return f"`{harmless(text[: 4 * _LONG]).replace('`', 'ʹ')}`" if text else ""
