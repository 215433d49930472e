"""What `hubbub doctor` says of telling people: receivers, what became of pages, and who would notice that Hubbub itself is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from listener.service.database import House
    from listener.settings import Settings

LATELY = timedelta(days=1)
FINE, WARNING, BAD = "fine", "warning", "bad"
Found = tuple[str, str, str, str]
"""Name, state, what, and what to do."""

_TODO = {
    "auth": "its secret is refused: mend it in the settings, then hubbub alerts page-test {name}",
    "rate_limit": "it wants fewer messages: look at its own limits, or tell fewer people by it",
    "refused": "it does not take our messages: hubbub alerts page-test {name} says what it answers",
    "settings": "its settings are wrong: hubbub alerts page-test {name} says how",
    "no_receiver": "name it in the settings ([[receiver]]), or take it out of the routes",
    "not_reachable": "it cannot be reached from here: is it running, is there a way?",
    "no_answer": "it gives no clear answer: hubbub alerts page-test {name}",
    "lease_expired": "the listener died while it told somebody: look into its log",
}


async def pages(settings: Settings, house: House, now: datetime) -> list[Found]:
    """Each receiver, by what became of its pages within a day."""
    from listener.store import alert_lane

    counted: dict[str, list[alert_lane.Told]] = {one.name: [] for one in settings.receivers}
    for told in await alert_lane.told(house.pool, now - LATELY):
        counted.setdefault(told.receiver, []).append(told)
    return [_receiver(name, rows) for name, rows in counted.items()]


def _receiver(name: str, rows: Iterable[Any]) -> Found:
    rows = list(rows)
    lost = [one for one in rows if one.state in {"failed", "unknown"}]
    sent = sum(one.n for one in rows if one.state == "accepted")
    waiting = sum(one.n for one in rows if one.state in {"queued", "sending"})
    parts = [f"{sent} told", *([f"{waiting} waiting"] if waiting else [])]
    parts += [f"{one.n} {one.state} ({one.code})" for one in lost]
    what = f"{name}: {', '.join(parts)} within a day"
    if not lost:
        return "receiver", FINE, what, ""
    worst = max(lost, key=lambda one: one.last_at)
    last = max((one.last_at for one in rows if one.state == "accepted"), default=None)
    state = WARNING if last is not None and last > worst.last_at else BAD
    todo = _TODO.get(worst.code, "hubbub alerts page-test {name}").format(name=name)
    return "receiver", state, what, todo


async def links(settings: Settings, house: House) -> list[Found]:
    """People whose pages have no link to acknowledge, though links are set up: they must be somebody here first, and may act."""
    from listener.store import people

    if not settings.alerts.address or not settings.reach:
        return []
    brands = [id_ for id_, _, _ in await people.brands(house.pool)]
    may = {login for brand in brands for login in await people.who_may_act(house.pool, brand)}
    if not (without := sorted(set(settings.reach) - may)):
        return []
    what = (
        f"pages to {', '.join(without)} have no link to acknowledge: not seen in the inbox yet, or there only to look"
    )
    return [("links", WARNING, what, "let them open hubbub inbox once, as responder or more")]


def outside(settings: Settings, programs: Iterable[Any]) -> list[Found]:
    """Whoever is told that all is well, and would page people when nobody tells them any more."""
    found: list[Found] = []
    for program in programs:
        for name, told in sorted(program.state.get("outside", {}).items()):
            if told["problem"]:
                todo = "whoever watches from outside hears nothing now, and will say so"
                found.append(("outside", BAD, f"{name}: {told['problem']}", todo))
            else:
                found.append(("outside", FINE, f"{name}: told that all is well at {told['at'] or '(not yet)'}", ""))
    watched = settings.alerts.heartbeat is not None or any(one.values.get("watchdog") for one in settings.receivers)
    if settings.receivers and not watched:
        todo = "set a heartbeat ([alerts] heartbeat_env), or watchdog = true for an Alertmanager"
        found.append(("outside", WARNING, "when Hubbub itself is gone, nobody is told", todo))
    return found
