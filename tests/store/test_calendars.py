"""Calendars at addresses, from a real server into the database and on to whoever is paged: what is read stays until something better comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.rulebook.ical import BadCalendar
from listener.rulebook.parse import parse
from listener.rulebook.published import span
from listener.rulebook.shape import Rulebook
from listener.service.calendars import LOGIN, NO_CALENDAR, SHRUNK, Calendars, address_of
from listener.service.database import House
from listener.service.duties import Duties
from listener.service.escalate import Escalator
from listener.service.stopping import Stop
from listener.service.unroller import unrolled
from listener.settings import CalendarSettings, SecretRef
from listener.store import calendars, rulebooks
from listener.webclient.client import WebClient
from tests.promises.paged import Ear, ear
from tests.store.test_incidents import fire, fired, on_call, pages, settle
from tests.store.world import NOW, later

pytestmark = pytest.mark.newest
PATH = "/private/a-secret-token/basic.ics"
RULES = """\
people: [{id: mia, name: Mia Berg}, {id: tom}]
alerts: [{key: storm, owner: care, kind: negative}]
routes: [{key: all, chain: duty, repeat: 2h}]
chains: [{key: duty, steps: [{rota: support}]}]
rotas: [{key: support, zone: Europe/Berlin, calendar: duty, layers: [{people: [tom], start: 2026-01-01, hand over: 09:00}]}]
"""


def book() -> Rulebook:
    made = parse({"rules.yaml": RULES})
    assert isinstance(made, Rulebook), made
    return made


def ics(*turns: tuple[str, int]) -> bytes:
    """Turns of an hour, from so many hours after NOW."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}@x\r\nDTSTART:{later(hours=at):%Y%m%dT%H%M%SZ}\r\nDTEND:{later(hours=at + 1):%Y%m%dT%H%M%SZ}\r\n"
        f"SUMMARY:{title}\r\nATTENDEE:mailto:x@example.org\r\nEND:VEVENT\r\n"
        for number, (title, at) in enumerate(turns)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{events}END:VCALENDAR\r\n".encode()


MIA = ics(("On Call - Mia Berg - Support", 100), ("nobody \x1b[31m we know", 3))


@pytest.fixture
async def web() -> AsyncIterator[WebClient]:
    made = WebClient("test")
    yield made
    await made.close()


class Scene:
    """A server, a clock, and a program that fetches."""

    def __init__(self, server: Ear, pool: asyncpg.Pool, dsn: str, web: WebClient) -> None:
        self.server, self.pool, self.dsn, self.web = server, pool, dsn, web
        self.now = NOW

    def program(self) -> Calendars:
        settings = [CalendarSettings("duty", SecretRef("env", "DUTY", "hubbub.toml:1:1"))]
        house, rules = House(self.dsn, self.pool), book()
        return Calendars(settings, self.web, lambda: rules, house, Stop(), lambda: self.now)

    async def answered(self, one: Calendars, *answers: Any) -> calendars.CalendarState:
        """How the calendar fares after the next look at it."""
        self.server.answers[:] = list(answers)
        self.now += timedelta(minutes=17)
        assert await one.once() == "duty"
        assert await one.once() is None  # it is not time yet
        [state] = await calendars.states(self.pool)
        return state


@pytest.fixture
async def scene(pool: asyncpg.Pool, dsn: str, web: WebClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with ear() as server:
        monkeypatch.setenv("DUTY", server.address + PATH)
        await calendars.know(pool, ["duty"], NOW)
        yield Scene(server, pool, dsn, web)


async def test_the_last_good_calendar_stays_whatever_its_address_answers_and_each_trouble_is_said_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    one = scene.program()
    caplog.set_level(logging.DEBUG)

    def logged() -> list[str]:
        return [
            record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
        ]  # which is the server's own

    state = await scene.answered(one, 404)
    assert (state.good_at, "404" in state.problem) == (None, True)
    state = await scene.answered(one, (200, {"ETag": '"1"', "Content-Type": "text/calendar"}, MIA))
    good, digest = state.good_at, state.digest
    assert (state.problem, good, len(state.published.turns)) == ("", scene.now, 2)
    state = await scene.answered(one, 304)
    assert scene.server.heard[-1][1]["If-None-Match"] == '"1"'
    assert (state.digest, state.good_at, state.problem) == (digest, scene.now, "")
    good, lines = state.good_at, logged()
    caplog.clear()
    page = b"<!DOCTYPE html><title>Sign in</title>"
    for answer, said in (
        (500, "the server answered 500"),
        ((200, {"Content-Type": "text/html"}, page), LOGIN),
        ((200, {}, b"{}"), NO_CALENDAR),
        ((200, {}, b"\xef\xbb\xbf  " + page), LOGIN),
        ((200, {}, ics()), "it has no events"),
        ((200, {}, MIA.replace(b"UID:1@x", b"RRULE:FREQ=SECONDLY")), "more often"),
        ((200, {}, MIA.replace(b"SUMMARY:On Call - Mia Berg - Support", b"SUMMARY:Busy")), SHRUNK),
        ((200, {}, MIA.replace(b"DTSTART:", b"DTSTART:x@example.org ")), "it cannot be read"),
        ((200, {}, b"BEGIN:VCALENDAR\r\n" + b"x" * (9 << 20)), "too big"),
        ((302, {"Location": "http://127.0.0.1:9/another-secret"}, b""), "private network"),
        ((302, {"Location": PATH}, b""), "sends us on more than"),
        ("cut", "no clear answer"),
        (3.0, "time-out"),
    ):
        one.timeout = 0.3 if said == "time-out" else 20.0
        for _ in range(2):
            state = await scene.answered(one, answer)
            assert said in state.problem, (answer, state.problem)
            assert (state.good_at, state.digest) == (good, digest)
        assert [said in line for line in logged() if line.startswith("calendar")] == [True]
        lines += logged()
        caplog.clear()
    state = await scene.answered(one, 304)
    assert (state.problem, state.good_at) == ("", scene.now)
    kept = str(await scene.pool.fetch("SELECT *, encode(turns, 'escape') FROM calendars"))
    for secret in ("a-secret-token", "another-secret", scene.server.address, "x@exam"):
        assert secret not in kept
        assert secret not in repr(one)
        assert secret not in str(lines)


async def test_of_several_programs_one_asks_at_a_time_and_validators_of_another_reading_are_not_shown(
    scene: Scene,
) -> None:
    scene.server.answers[:] = [(200, {"ETag": '"1"'}, MIA)]
    first, second = scene.program(), scene.program()
    assert sorted(map(str, await asyncio.gather(first.once(), second.once()))) == ["None", "duty"]
    assert len(scene.server.heard) == 1
    asked = [one for one in (first, second) if one._had] + [one for one in (first, second) if not one._had]
    state = await scene.answered(asked[1], (200, {"ETag": '"2"'}, ics(("tom", 1))))
    assert [turn.call for turn in state.published.turns] == ["tom"]
    # Were it asked by what it read itself, and told that this stands, the other reading would stay.
    state = await scene.answered(asked[0], (200, {"ETag": '"1"'}, MIA))
    assert "If-None-Match" not in scene.server.heard[-1][1]
    assert len(state.published.turns) == 2
    await scene.pool.execute("UPDATE calendars SET next_at = $1", scene.now + timedelta(days=3000))
    assert await first.once() == "duty"  # a clock that was set back ends nothing
    # Somebody takes it up and dies: after the lease the next one does.
    scene.now += timedelta(minutes=20)
    assert await calendars.take(scene.pool, ["duty"], scene.now) is not None
    assert await second.once() is None
    scene.now += calendars.LEASE
    assert await second.once() == "duty"


async def test_who_is_paged_is_on_duty_by_the_calendar_and_by_the_layers_where_none_was_read(
    scene: Scene, dsn: str
) -> None:
    w = await on_call(scene.pool)
    await rulebooks.publish(scene.pool, book().hash, book().files, "", NOW)
    names = ("phone-mia", "phone-tom")
    duties = Duties(names, {"mia": ("phone-mia",), "tom": ("phone-tom",)}, ["duty"])
    at = [NOW]
    escalator = Escalator(House(dsn, scene.pool), asyncio.Event(), Stop(), lambda: at[0], duties)
    await escalator.step()
    await fire(w, fired(w), escalator.staff)
    at[0] = later(minutes=1)
    await escalator.step()
    assert await pages(w) == [("alert", "tom", 0, 0)]  # never read: the layers decide
    scene.server.answers[:] = [(200, {}, ics(("Mia Berg", 2), ("tom", 4)))]
    assert await scene.program().once() == "duty"
    for hours, before in ((2, "phone-tom"), (4, "phone-mia")):
        await settle(w, before, "accepted", at[0])
        at[0] = later(hours=hours, minutes=5 * hours)
        await escalator.step()
    assert [page[:2] for page in await pages(w)] == [("alert", "tom"), ("again", "mia"), ("again", "tom")]


async def test_a_calendar_that_ran_out_is_taken_as_it_is_and_one_that_shrank_to_nothing_is_not(scene: Scene) -> None:
    one = scene.program()
    over = ics(("Mia Berg", -48))
    assert (await scene.answered(one, (200, {}, over))).problem == ""
    assert (await scene.answered(one, (200, {}, ics(("tom", -40))))).problem == ""
    assert (await scene.answered(one, (200, {}, MIA))).problem == ""
    state = await scene.answered(one, (200, {}, over))
    assert (state.problem, len(state.published.turns)) == (SHRUNK, 2)
    scene.now = datetime(2100, 1, 1, tzinfo=UTC)
    assert (await scene.answered(one, (200, {}, ics(("tom", -40))))).problem == ""


def test_what_calendar_programs_call_webcal_is_asked_by_https() -> None:
    found = [
        address_of(one) for one in ("webcal://a.example/b?c=webcal://d", "WEBCALS://a.example", "https://a.example")
    ]
    assert found == ["https://a.example/b?c=webcal://d", "https://a.example", "https://a.example"]


async def test_a_calendar_that_keeps_its_reader_busy_is_given_up() -> None:
    slow = "".join(f";P{number}=a" for number in range(250_000))
    text = MIA.decode().replace("END:VEVENT", f"X-A{slow}:b\r\nEND:VEVENT", 1)
    begin, end = span(NOW)
    with pytest.raises(BadCalendar, match=r"longer than 0.5 seconds"):
        await unrolled(text, begin, end, 0.5)
    assert [one.call for one in await unrolled(MIA.decode(), begin, end)] == [
        "On Call - Mia Berg - Support",
        "nobody \x1b[31m we know",
    ]
