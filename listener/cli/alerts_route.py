"""`hubbub alerts route`: which way an alert goes and why, who would be told when, who is quiet, and which silence holds. Sends nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.asked import instant
from listener.cli.looking import add_brand
from listener.cli.rules.folder import add_folder, rulebook_asked

if TYPE_CHECKING:
    from listener.incidents.escalation import Staffed
    from listener.incidents.foretelling import Foresight
    from listener.incidents.shape import Silence
    from listener.model.scales import Severity
    from listener.rulebook.alerting import Policy
    from listener.settings import Settings
    from listener.store.calendars import CalendarState

_ROUTE = """\
examples:
  hubbub alerts route                                  every alert, as if it began now
  hubbub alerts route --policy mood --topic yoghurt --at 2026-12-24T22:00+01:00
  hubbub alerts route --severity critical --json | jq '.routes[].told'

By the rule files and the settings of now, with the code that tells people: what it says is what happens when nobody answers and every page
arrives. Nothing is sent. Silences, and calendars as they were last fetched, are in the database; where it is not reachable that is said, and the
rest is told all the same.
Exit codes: 0 somebody would be told of each, 1 of one nobody would be, 2 wrong usage or rules that cannot be read."""


def configure_route(actions: argparse._SubParsersAction[Any]) -> None:
    """Of what, and when."""
    about = "which way an alert goes and why, who would be told when and by what, who is quiet, which silence holds"
    route = actions.add_parser("route", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_ROUTE)
    route.add_argument(
        "--topic", default="", metavar="KEY", help="about this topic; default: whatever concerns the brand"
    )
    route.add_argument("--policy", default="", metavar="KEY", help="this alert; default: each that looks at the topic")
    route.add_argument("--source", default="", metavar="NETWORK", help="of this network alone")
    route.add_argument("--severity", choices=("note", "warning", "critical"), help="so bad; default: as the alert says")
    route.add_argument("--at", type=instant, metavar="TIME", help="when it begins (ISO 8601); default: now")
    add_folder(route)
    add_brand(route)
    route.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


def run_route(arguments: argparse.Namespace) -> int:
    """Foretells; exit code 1 when of one alert nobody would be told."""
    from listener.cli.terminal import run_async

    return run_async(_route(arguments))


async def _route(arguments: argparse.Namespace) -> int:
    from listener import settings as reading
    from listener.cli.calendars import published
    from listener.cli.calendars import seen as seen_of
    from listener.cli.terminal import print_json
    from listener.harmless import harmless
    from listener.incidents.escalation import Staffed
    from listener.incidents.foretelling import foretell
    from listener.incidents.reaching import unreached
    from listener.model.scales import Severity
    from listener.rulebook.published import with_calendars

    settings = reading.load(arguments.config)
    book = rulebook_asked(arguments)
    if arguments.topic and book.topic(arguments.topic) is None:
        raise wrong_usage(
            f"there is no topic {arguments.topic!r}", f"there are: {', '.join(t.key for t in book.topics)}"
        )
    now = datetime.now(UTC)
    at = arguments.at or now
    silences, states, unknown = await _stored(arguments, at)
    calendars = [] if unknown else seen_of(book, [one.name for one in settings.calendars], states, now, at)
    book = with_calendars(book, published(states))
    staff = Staffed.of(book, [one.name for one in settings.receivers], settings.reach)
    policies = _asked(staff, arguments)
    zone_name = _zone(settings, arguments)
    severity = Severity(arguments.severity) if arguments.severity else None
    found = [
        (
            policy,
            bad,
            foretell(staff, policy, bad, arguments.topic, arguments.source, at, silences, book.calendar, zone_name),
        )
        for policy in policies
        for bad in (severity or policy.severity,)
    ]
    wrong = unreached(staff)
    if arguments.json:
        print_json({
            "at": at, "topic": arguments.topic, "source": arguments.source, "silences_known": not unknown, "calendars_known": not unknown,
            "calendars": [one.plain for one in calendars],
            "routes": [_plain(policy, bad, seen) for policy, bad, seen in found],
            "problems": [{"what": one.what, "hint": one.hint} for one in wrong],
        })  # fmt: skip
    else:
        for policy, bad, seen in found:
            for line in _lines(policy, bad, seen, zone_name):
                print(harmless(line))
        for one in calendars:
            print(harmless(f"calendar {one.line}"))
        for text in (*(f"{one.what}: {one.hint}" for one in wrong), *([unknown] if unknown else [])):
            print(harmless(text))
    return FINDINGS if any(seen.undelivered for _, _, seen in found) else FINE


def _asked(staff: Staffed, arguments: argparse.Namespace) -> list[Policy]:
    from listener.query.fields import did_you_mean

    if arguments.policy:
        if arguments.policy not in staff.alerts:
            hint = did_you_mean(arguments.policy, staff.alerts) or f"there are: {', '.join(staff.alerts) or 'none'}"
            raise wrong_usage(f"there is no alert {arguments.policy!r}", hint)
        return [staff.alerts[arguments.policy]]
    fits = [
        one for one in staff.alerts.values() if not arguments.topic or not one.topics or arguments.topic in one.topics
    ]
    if not fits:
        raise wrong_usage("there is no alert about that", "alerts: in the rule files; docs/alerts.md shows one")
    return fits


async def _stored(arguments: argparse.Namespace, at: datetime) -> tuple[list[Silence], list[CalendarState], str]:
    """The silences of the brand, and calendars as they were last read; or why these are not known."""
    from listener.cli.looking import opened_brand
    from listener.errors import HubbubError
    from listener.store import calendars, incident_acts

    try:
        async with opened_brand(arguments, reading=True) as (_, house, brand_id):
            silences = await incident_acts.silences(house.pool, brand_id, at)
            return silences, await calendars.states(house.pool), ""
    except HubbubError as err:
        return [], [], f"silences and fetched calendars are not known: {err.what}"


def _zone(settings: Settings, arguments: argparse.Namespace) -> str:
    brands = [one for one in settings.brands if arguments.brand in (None, one.key)]
    return brands[0].zone if brands else "UTC"


def _plain(policy: Policy, severity: Severity, seen: Foresight) -> dict[str, Any]:
    from listener.incidents.silences import written

    return {
        "policy": policy.key, "severity": severity, "routes": seen.way.routes, "why": seen.why, "chains": seen.way.chains,
        "receivers": seen.way.receivers, "unknown_receivers": seen.way.unknown,
        "silence": None if seen.silence is None else {
            "id": seen.silence.id, "matchers": written(seen.silence.matchers), "ends": seen.silence.ends_at, "note": seen.silence.note,
        },
        "planned": seen.planned,
        "told": [
            {
                "at": one.at, "step": one.step, "people": dict(one.people), "receivers": one.receivers, "passed": dict(one.passed),
                "note": one.note,
            }
            for one in seen.told
        ],
        "nobody": seen.undelivered,
    }  # fmt: skip


def _lines(policy: Policy, severity: Severity, seen: Foresight, zone_name: str) -> Iterator[str]:
    from listener.query.clock import zone

    yield f"{policy.key} ({policy.title}), {severity.value}"
    for why in seen.why or ("no route takes it",):
        yield f"  route {why}" if seen.why else f"  {why}"
    if seen.planned:
        yield f"  nobody is told: planned: {', '.join(seen.planned)}"
    if seen.silence is not None:
        ends = seen.silence.ends_at.astimezone(zone(zone_name))
        yield f"  nobody is told until {ends:%Y-%m-%d %H:%M}: silence {seen.silence.id}: {seen.silence.note}"
    for one in seen.told:
        told = [f"{who} by {' and '.join(names)}" for who, names in one.people.items()]
        told += [f"whoever reads {name}" for name in one.receivers]
        when = one.at.astimezone(zone(zone_name))
        note = f" ({one.note})" if one.note else ""
        yield f"  {when:%a %Y-%m-%d %H:%M:%S}  {', '.join(told) or 'nobody'}{_passed(one.passed)}{note}"
    if seen.way.unknown:
        yield f"  the settings do not know: {', '.join(seen.way.unknown)}"
    if seen.undelivered:
        yield "  nobody would be told: every receiver that is known is told that it was not delivered"


def _passed(passed: Mapping[str, str]) -> str:
    return "".join(f"; {who} is passed over: {why}" for who, why in passed.items())
