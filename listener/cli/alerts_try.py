"""`hubbub alerts try`: what the alerts of rule files would have paged with what was counted. Owns what an episode is, and the printing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.looking import add_brand
from listener.cli.rules.folder import add_folder, as_tracked, rulebook_asked
from listener.cli.rules.times import age_or_time, instant

if TYPE_CHECKING:
    from listener.incidents.escalation import Staffed
    from listener.incidents.shape import Fired
    from listener.incidents.waking import Waking
    from listener.model.scales import Severity
    from listener.rulebook.alerting import Policy
    from listener.rulebook.shape import Rulebook
    from listener.settings import Settings

MONTH = timedelta(days=30)
LEAST_DAYS = 7
"""Below so many days nothing is said of a month."""

_TRY = """\
examples:
  hubbub alerts try                                   the last 30 days
  hubbub alerts try --from 2026-10-01 --to 2026-11-01 --policy mood
  hubbub alerts try --rules ./rules --from 90d --json | jq '.alerts'

What was counted for topics and networks goes through the watch once more, five minutes after five minutes, as if it were heard then; the
database is only read. The four weeks before --from are learned from. Late answers and edits are in the figures already. Whom each page would have
told, and from whom quiet hours would have kept it, is worked out by the routes, chains, rotas and people of the rule files, as if the first who is
told took it. Night is what they say is quiet; for who says nothing, 22 to 7 by their clock. Silences, cool-downs and bigger incidents are not
looked at. docs/alerts.md says which streams' silence can be told.
Exit codes: 0 nobody would have been paged, 1 somebody would, 2 wrong usage or rules that cannot be read, 3 the database is not reachable."""


def configure_try(actions: argparse._SubParsersAction[Any]) -> None:
    """Over which time, by which rules."""
    about = "what alerts would have paged with what was counted: when, how long, at night or not, how often a month"
    try_ = actions.add_parser("try", help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_TRY)
    try_.add_argument(
        "--from", dest="start", type=age_or_time, default="30d", metavar="T",
        help="how far back: an age (30d, 12h) or a time (2026-11-01); 30d",
    )  # fmt: skip
    try_.add_argument("--to", dest="end", type=age_or_time, default="now", metavar="T", help="until when (now)")
    try_.add_argument("--policy", default="", metavar="KEY", help="one alert; default: all")
    add_folder(try_)
    add_brand(try_)
    try_.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")


@dataclass(slots=True)
class Episode:
    """One alert from its beginning to its end."""

    policy: str
    topic: str
    source: str
    begun: datetime
    why: str
    severity: str
    muted_by: str
    first: Severity
    """How bad it was when it began."""
    over: datetime | None = None
    told: int = 1
    waking: Waking | None = None
    """Whom it would have woken; None: it was muted."""

    @property
    def pages(self) -> bool:
        """Whether somebody would have been told."""
        return not self.muted_by and (self.waking is None or self.waking.tells)

    @property
    def night(self) -> bool:
        """Whether it would have been at night for somebody who was told."""
        return self.waking is not None and self.waking.night

    def plain(self) -> dict[str, Any]:
        """For --json."""
        return {
            "alert": self.policy, "topic": self.topic, "source": self.source, "begun": self.begun, "over": self.over,
            "severity": self.severity, "told": self.told, "night": self.night, "muted_by": self.muted_by, "why": self.why,
            **_plain(self.waking),
        }  # fmt: skip


def _plain(waking: Waking | None) -> dict[str, Any]:
    if waking is None:
        return {"people": (), "kept_from": (), "receivers": (), "undelivered": False}
    people = [
        {
            "person": one.person, "at": one.at, "there": one.at.isoformat(timespec="minutes"), "receivers": one.receivers,
            "quiet": one.quiet, "night": one.night, "why": one.why,
        }
        for one in waking.woken
    ]  # fmt: skip
    kept = [
        {"person": one.person, "at": one.at, "there": one.at.isoformat(timespec="minutes"), "why": one.why}
        for one in waking.kept
    ]
    return {"people": people, "kept_from": kept, "receivers": waking.receivers, "undelivered": waking.undelivered}


def episodes(fired: Iterable[Fired]) -> list[Episode]:
    """What was fired, by what it is about: each from its beginning until it is over."""
    from listener.model.scales import Severity
    from listener.spikes.paging import Told

    order = tuple(Severity)
    found: list[Episode] = []
    open_: dict[str, Episode] = {}
    for one in fired:
        there = open_.get(one.key)
        if one.told is Told.OVER:
            if there is not None:
                open_.pop(one.key).over = one.at
        elif there is None:
            why = str(one.evidence.get("why", ""))
            bad = one.severity
            made = Episode(one.policy, one.topic, one.source, one.at, why, bad.value, one.muted_by, bad)
            found.append(made)
            open_[one.key] = made
        else:
            there.told += 1
            there.severity = max(Severity(there.severity), one.severity, key=order.index).value
    return found


def whom_they_wake(told: Iterable[Episode], book: Rulebook, staff: Staffed, zone_name: str) -> None:
    """Finds out whom each of them would have woken."""
    from listener.incidents.waking import waking

    policies: dict[str, Policy] = {policy.key: policy for policy in book.alerts}
    for one in told:
        if not one.muted_by:
            about = (policies[one.policy], one.first, one.topic, one.source)
            one.waking = waking(staff, *about, one.begun, one.over, zone_name)


def _staff(book: Rulebook, settings: Settings) -> Staffed:
    from listener.incidents.escalation import Staffed
    from listener.incidents.waking import everybody_reached

    if not settings.receivers:
        return everybody_reached(book)
    return Staffed.of(book, [one.name for one in settings.receivers], settings.reach)


def run_try(arguments: argparse.Namespace) -> int:
    """Replays; prints each episode, then how many a month."""
    from listener.cli.terminal import run_async

    return run_async(_try(arguments))


async def _try(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import print_json
    from listener.harmless import harmless
    from listener.incidents.waking import by_person
    from listener.query.fields import did_you_mean
    from listener.store import series, watching

    now = datetime.now(UTC)
    start, end = instant(arguments.start, now), instant(arguments.end, now)
    if start >= end:
        raise wrong_usage(
            "there is no time between --from and --to", "an age is counted back from now: --from 30d --to 1d"
        )
    async with opened_brand(arguments, reading=True) as (settings, house, brand_id):
        brand = next(one for one in await series.brands(house.pool) if one.id == brand_id)
        book = rulebook_asked(arguments, await as_tracked(house.pool))
        known = [policy.key for policy in book.alerts]
        if arguments.policy and arguments.policy not in known:
            hint = did_you_mean(arguments.policy, known) or f"there are: {', '.join(known) or 'none'}"
            raise wrong_usage(f"there is no alert {arguments.policy!r}", hint)
        found = await watching.replay(house.pool, brand, book, start, end, policy=arguments.policy)
    told = episodes(found.fired)
    whom_they_wake(told, book, _staff(book, settings), brand.zone)
    paged = [one for one in told if one.pages]
    people = by_person(one.waking for one in paged if one.waking is not None)
    if arguments.json:
        print_json({
            "brand": brand.key, "zone": brand.zone, "from": start, "to": end, "counters": found.counters, "buckets": found.buckets,
            "alerts": [one.plain() for one in told], "pages": len(paged), "at_night": sum(one.night for one in paged),
            "a_month": _a_month(len(paged), end - start), "receivers_known": bool(settings.receivers),
            "people": {who: {"told": n, "at_night": nights, "kept_from": kept} for who, (n, nights, kept) in people.items()},
        })  # fmt: skip
    else:
        for line in _lines(told, start, end, brand.zone):
            print(harmless(line))
        for who, (n, nights, kept) in people.items():
            print(
                harmless(
                    f"{who} would have been told of {n}, {nights} of them at night; {kept} would have been kept from them"
                )
            )
        if people and not settings.receivers:
            print("the settings have no [[receiver]] yet: everybody is taken for reachable")
    return FINDINGS if paged else FINE


def _lines(told: Sequence[Episode], start: datetime, end: datetime, zone_name: str) -> Iterable[str]:
    from listener.cli.terminal import counted
    from listener.query.clock import zone

    there = zone(zone_name)
    for one in told:
        about = " ".join(part for part in (one.topic, one.source) if part) or "everything"
        lasted = "stands still" if one.over is None else f"{_long(one.over - one.begun)}"
        night = ", at night" if one.night else ""
        muted = f", told to nobody: {one.muted_by}" if one.muted_by else ""
        at = one.begun.astimezone(there)
        yield f"{at:%Y-%m-%d %H:%M} {one.policy}, {about}, {one.severity}, {lasted}{night}{muted}"
        yield f"    {one.why}"
        if one.waking is not None:
            yield from _whom(one.waking)
    paged = [one for one in told if one.pages]
    month = _a_month(len(paged), end - start)
    rate = "" if month is None else f", {month:g} a month"
    nights = sum(one.night for one in paged)
    yield f"{counted(len(paged), 'alert')} would have paged in {(end - start).total_seconds() / 86_400:.1f} days{rate}; {nights} at night"


def _whom(waking: Waking) -> Iterable[str]:
    for woken in waking.woken:
        quiet = ", in quiet hours" if woken.quiet else ", at night" if woken.night else ""
        why = f": {woken.why}" if woken.why else ""
        yield f"    tells {woken.person}, {woken.at:%a %H:%M} there{quiet}{why}"
    for kept in waking.kept:
        yield f"    keeps from {kept.person}, {kept.at:%a %H:%M} there: {kept.why}"
    if waking.receivers:
        yield f"    tells whoever reads {' and '.join(waking.receivers)}"
    if waking.undelivered:
        yield "    reaches nobody: every receiver that is known is told that it was not delivered"
    if not waking.tells:
        yield "    over before anybody is told"


def _a_month(pages: int, time: timedelta) -> float | None:
    return round(pages * MONTH / time, 1) if time >= timedelta(days=LEAST_DAYS) else None


def _long(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
