"""`hubbub incidents`: alerts with a life, from a shell: which stand, what became of one, acknowledge, resolve, assign, note, silence.

Whoever acts is whoever is logged in here, with the rights that the brand gives them. Every text is made harmless before it is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, Parser, wrong_usage
from listener.cli.asked import instant
from listener.cli.incidents_report import configure_report, report
from listener.cli.looking import add_where

if TYPE_CHECKING:
    from listener.incidents.shape import Incident, Silence
    from listener.incidents.story import Story
    from listener.model.people import Person
    from listener.service.database import House

_EXAMPLES = """\
examples:
  hubbub incidents                                     what stands
  hubbub incidents show 12                             what became of it: who was told when, and who acknowledged
  hubbub incidents ack 12
  hubbub incidents note 12 "the carrier knows"
  hubbub incidents silence topic=yoghurt severity=note,warning --for 2h --note "the recall is known"
  hubbub incidents report 12 --out incident-12.md
  hubbub incidents --json | jq '.incidents[] | select(.state == "open") | .title'

Acts are for responders, leads and admins, and recorded with their name; a running listener obeys at once.
Exit codes: 0 nothing stands unacknowledged (list), or done; 1 something does, or there was nothing to do; 2 wrong usage; 3 not reachable."""


def configure_incidents(parser: argparse.ArgumentParser) -> None:
    """What to do with them."""
    add_where(parser)
    parser.add_argument("--all", action="store_true", help="also what is resolved")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (50)")
    what = parser.add_subparsers(
        dest="what", metavar="WHAT", title="what to do; without it, which stand", parser_class=Parser
    )

    def add(name: str, about: str, *, one: bool = True) -> argparse.ArgumentParser:
        made = what.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        if one:
            made.add_argument("id", type=int, metavar="ID", help="its number, as the list shows it")
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
        made.add_argument("--brand", default=argparse.SUPPRESS, metavar="KEY", help="which brand; default: the first")
        made.add_argument("--config", type=Path, default=argparse.SUPPRESS, metavar="FILE", help="settings to use")
        return made

    listed = add("list", "which stand, the newest first", one=False)
    listed.add_argument("--all", action="store_true", default=argparse.SUPPRESS, help="also what is resolved")
    add("show", "one with its evidence, its timeline, its pages and its notes")
    add("ack", "you have it: nobody else is told any more")
    add("resolve", "it is done, and so is all that it kept silent")
    add("assign", "give it to somebody").add_argument("login", metavar="LOGIN", help="by login; me, or nobody")
    add("note", "write something down on it").add_argument("text", metavar="TEXT", help="in your own words")
    silence = add("silence", "nobody is told of what matches, for a time", one=False)
    silence.add_argument(
        "matchers",
        nargs="+",
        metavar="NAME=VALUE[,VALUE]",
        help="topic, source, policy, watched, severity: all must hold",
    )
    silence.add_argument("--for", dest="lasts", metavar="SPAN", help="so long: 30m, 2h, 1d")
    silence.add_argument("--until", type=instant, metavar="TIME", help="or until then (ISO 8601)")
    silence.add_argument("--from", dest="begins", type=instant, metavar="TIME", help="from then on; default: now")
    silence.add_argument("--note", required=True, metavar="TEXT", help="why, for those who find it")
    add("silences", "the silences that hold or will", one=False)
    add("unsilence", "take a silence away: what stands is told from now on")
    configure_report(add("report", "the report on one, as Markdown"))
    parser.epilog = _EXAMPLES


def run_incidents(arguments: argparse.Namespace) -> int:
    """Prints what was asked for, or does it."""
    from listener.cli.terminal import run_async

    run = {
        "show": _show,
        "silences": _silences,
        "silence": _silence,
        "unsilence": _unsilence,
        "report": report,
        None: _list,
        "list": _list,
    }
    return run_async(run.get(arguments.what, _act)(arguments))


async def _list(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import moment, print_json, say, table
    from listener.store import incident_lists

    now = datetime.now(UTC)
    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        found = await incident_lists.listed(house.pool, brand_id, resolved=arguments.all, limit=max(1, arguments.limit))
        people = await incident_lists.names(house.pool)
    if arguments.json:
        print_json({"incidents": [plain(one, people) for one in found]})
    elif not found:
        say("nothing stands")
    else:
        head = ("id", "state", "severity", "since", "about", "what")
        rows = [
            (str(one.id), _state(one, people), one.severity.value, moment(one.since, now), about(one), one.title)
            for one in found
        ]
        print(table([head, *rows]))
    waits = any(one.state.value == "open" and not one.muted_by for one in found)
    return FINDINGS if waits else FINE


def about(incident: Incident) -> str:
    """What it is about, in words."""
    return ", ".join(part for part in (incident.topic, incident.source) if part) or "the brand"


def _state(one: Incident, people: Mapping[int, str]) -> str:
    if one.state.value == "acknowledged":
        return f"acknowledged by {people.get(one.acknowledged_by or 0, 'somebody')}"
    if one.state.value == "open" and one.muted_by:
        return f"open, silent: {one.muted_by}"
    return one.state.value


def plain(one: Incident, people: Mapping[int, str]) -> dict[str, Any]:
    """An incident for programs."""
    return {
        "id": one.id, "policy": one.policy, "watched": one.watched, "topic": one.topic, "source": one.source, "state": one.state,
        "severity": one.severity, "title": one.title, "since": one.since, "opened": one.opened_at, "told": one.told_at, "over": one.over_at,
        "part_of": one.parent_id, "muted_by": one.muted_by, "acknowledged": one.acknowledged_at,
        "acknowledged_by": people.get(one.acknowledged_by or 0), "resolved": one.resolved_at, "resolved_by": people.get(one.resolved_by or 0),
        "assignee": people.get(one.assignee_id or 0), "reopened": one.reopened, "route": one.route, "chain": one.chain, "step": one.step,
        "round": one.round, "next": one.next_at, "evidence": dict(one.evidence),
    }  # fmt: skip


async def _show(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import print_json
    from listener.harmless import harmless
    from listener.store import incident_lists, incident_views

    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        found = await incident_views.story(house.pool, brand_id, arguments.id, datetime.now(UTC))
        people = await incident_lists.names(house.pool)
    if found is None:
        raise wrong_usage(f"there is no incident {arguments.id}", "hubbub incidents --all shows their numbers")
    if arguments.json:
        parts = [one.id for one in found.children]
        shown = {"happened": found.entries, "notes": found.notes, "pages": found.told, "keeps_silent": parts}
        print_json({**plain(found.listed.incident, people), **shown})
    else:
        for line in shown_lines(found, people):
            print(harmless(line))
    return FINE


def shown_lines(found: Story, people: Mapping[int, str]) -> Iterator[str]:
    """One incident for a terminal; not harmless yet."""
    from listener.incidents.report import entry_words, page_words

    one = found.listed.incident
    yield f"incident {one.id}: {one.title}"
    yield f"  {_state(one, people)}, {one.severity.value}, about {about(one)}, by the alert {one.policy}"
    if why := one.evidence.get("why"):
        yield f"  {why}"
    yield f"  since {_clock(one.since)}, opened {_clock(one.opened_at)}" + (
        f", reopened {one.reopened} times" if one.reopened else ""
    )
    if one.over_at is not None and one.resolved_at is None:
        waits = one.watched == "rule" and one.state == "open"
        then = "it waits for somebody to acknowledge it" if waits else "it resolves by itself when it stays so"
        yield f"  over since {_clock(one.over_at)}: {then}"
    if one.parent_id is not None:
        yield f"  part of incident {one.parent_id}"
    if found.children:
        yield f"  keeps silent: {', '.join(str(part.id) for part in found.children)}"
    if one.assignee_id is not None:
        yield f"  given to {found.listed.assignee or 'somebody'}"
    yield "timeline"
    lines = [(note.at, f"{note.person or 'somebody'} notes: {note.text}") for note in found.notes]
    elsewhere = ("incident.noted", "page.")
    lines += [(entry.at, entry_words(entry)) for entry in found.entries if not entry.kind.startswith(elsewhere)]
    for at, text in sorted(lines, key=lambda line: line[0]):
        yield f"  {_clock(at)}  {text}"
    if found.told:
        yield "pages"
    for page in found.told:
        yield f"  {_clock(page.at)}  {page_words(page)}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


# Acts ----------------------------------------------------------------------------------------------------------------


async def _act(arguments: argparse.Namespace) -> int:
    from listener.store import incident_acts

    async def act(house: House, person: Person, others: list[Person]) -> bool:
        now = datetime.now(UTC)
        match arguments.what:
            case "ack":
                return await incident_acts.acknowledge(house.pool, arguments.id, person.id, now)
            case "resolve":
                return await incident_acts.resolve(house.pool, arguments.id, person.id, now)
            case "note":
                return bool(await incident_acts.note(house.pool, arguments.id, person.id, arguments.text, now))
            case _:
                whom = _whose(arguments.login, person, others)
                return await incident_acts.assign(house.pool, arguments.id, person.id, whom, now) != whom

    done = {"ack": "acknowledged", "resolve": "resolved", "note": "noted", "assign": "assigned"}[arguments.what]
    return await _done(arguments, act, f"incident {arguments.id} is {done}", {"incident": arguments.id})


def _whose(login: str, person: Person, others: list[Person]) -> int | None:
    if login in ("me", "nobody"):
        return person.id if login == "me" else None
    found = next((one.id for one in others if one.login == login), None)
    if found is None:
        raise wrong_usage(
            f"nobody here is called {login!r}", f"one of {', '.join(one.login for one in others)}, me, or nobody"
        )
    return found


async def _done(
    arguments: argparse.Namespace, act: Callable[[House, Person, list[Person]], Awaitable[bool]], said: str, about: dict[str, Any]
) -> int:  # fmt: skip
    from listener.cli.looking import me, opened_brand
    from listener.cli.terminal import print_json
    from listener.service.stopping import Stop
    from listener.store import people

    async with opened_brand(arguments) as (settings, house, brand_id):
        person = await me(settings, house, brand_id)
        others = await people.people(house.pool, brand_id)
        changed = await house.persistently(lambda: act(house, person, others), Stop(), "the act")
    if arguments.json:
        print_json({**about, "by": person.login, "changed": changed})
    else:
        print(said if changed else "nothing to do: it is so already")
    return FINE if changed else FINDINGS


async def _silence(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import me, opened_brand
    from listener.cli.terminal import print_json
    from listener.incidents.silences import parse, written
    from listener.store import incident_acts

    now = datetime.now(UTC)
    matchers = parse(arguments.matchers)
    begins = arguments.begins or now
    ends = _ends(arguments, begins)
    async with opened_brand(arguments) as (settings, house, brand_id):
        person = await me(settings, house, brand_id)
        id_ = await incident_acts.silence(house.pool, brand_id, matchers, begins, ends, arguments.note, person.id, now)
    if arguments.json:
        print_json({"silence": id_, "matchers": written(matchers), "begins": begins, "ends": ends, "by": person.login})
    else:
        print(f"silence {id_}: nobody is told of {written(matchers)} until {_clock(ends)} UTC")
    return FINE


def _ends(arguments: argparse.Namespace, begins: datetime) -> datetime:
    from listener.query.moments import span

    if (arguments.lasts is None) == (arguments.until is None):
        raise wrong_usage("a silence has an end", "--for 2h, or --until 2026-11-27T09:30Z")
    if arguments.until is not None:
        return arguments.until  # type: ignore[no-any-return]
    seconds = span(arguments.lasts)
    if not seconds or seconds > 366 * 86_400:
        raise wrong_usage(f"{arguments.lasts[:40]!r} is no time span", "such as 30m, 2h or 1d")
    return begins + timedelta(seconds=seconds)


async def _silences(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import print_json, say, table
    from listener.incidents.silences import written
    from listener.store import incident_acts, incident_lists

    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        found = await incident_acts.silences(house.pool, brand_id, datetime.now(UTC))
        people = await incident_lists.names(house.pool)

    def row(one: Silence) -> tuple[str, ...]:
        return (
            str(one.id), _clock(one.begins_at), _clock(one.ends_at), people.get(one.person_id, "somebody"), written(one.matchers), one.note
        )  # fmt: skip

    if arguments.json:
        names = ("id", "begins", "ends", "by", "matchers", "note")
        exact = [{"id": one.id, "begins": one.begins_at, "ends": one.ends_at} for one in found]
        rows = [dict(zip(names, row(one), strict=True)) for one in found]
        print_json({"silences": [said | true for said, true in zip(rows, exact, strict=True)]})
    elif not found:
        say("nothing is silent")
    else:
        print(table([("id", "from", "until", "by", "what", "why"), *map(row, found)]))
    return FINE


async def _unsilence(arguments: argparse.Namespace) -> int:
    from listener.store import incident_acts

    async def act(house: House, person: Person, _: list[Person]) -> bool:
        return await incident_acts.end_silence(house.pool, arguments.id, person.id, datetime.now(UTC))

    return await _done(arguments, act, f"silence {arguments.id} is taken away", {"silence": arguments.id})
