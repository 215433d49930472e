"""Opening hours are what the clock on the wall shows, holidays, past midnight and through both odd nights of the year."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.rulebook.check import check
from listener.rulebook.hours import Closed, Holiday, Hours, Span, instant, odd_hours
from tests.core.rulebooks import PLAIN, book, problems

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

HOURS = """\
hours:
  - key: support
    title: Support
    zone: Europe/Berlin
    open:
      mon-thu: 09:00-17:30
      fri: 22:00-02:00
      sat: [13:00-15:00, 09:00-12:00]
      sun: closed
    holidays:
      - 2026-12-25
      - {day: 2026-12-24, title: Christmas Eve, open: 10:00-14:00}
    closed:
      - {from: 2026-12-28, to: 2026-12-31, title: Between the years}
teams:
  - {key: care, hours: support}
"""


def hours(text: str = HOURS) -> Hours:
    return book(r_yaml=text).hours[0]


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).astimezone(UTC)


def changed(old: str, new: str) -> str:
    assert HOURS.count(old) == 1, old
    return HOURS.replace(old, new)


def test_whole_hours() -> None:
    rules = book(r_yaml=HOURS)
    found = rules.hours_named("support")
    assert found is not None
    assert rules.hours_named("suport") is None
    assert (found.key, found.title, found.zone) == ("support", "Support", "Europe/Berlin")
    assert [[str(span) for span in day] for day in found.week] == [
        *[["09:00-17:30"]] * 4,
        ["22:00-02:00"],
        ["09:00-12:00", "13:00-15:00"],
        [],
    ]
    assert [(one.day.day, one.title, list(map(str, one.spans))) for one in found.holidays] == [
        (24, "Christmas Eve", ["10:00-14:00"]),
        (25, "", []),
    ]
    assert found.closed == (Closed(date(2026, 12, 28), date(2026, 12, 31), "Between the years"),)
    assert rules.team("care").hours == "support"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (changed("zone: Europe/Berlin", "zone: Europe/Berln"), (4, 11, "unknown-zone"), "did you mean Europe/Berlin?"),
        (changed("zone: Europe/Berlin", "zone: berlin"), (4, 11, "unknown-zone"), "did you mean Europe/Berlin?"),
        (changed("zone: Europe/Berlin", "zone: ../passwd"), (4, 11, "unknown-zone"), "a name such as Europe/Berlin"),
        (changed("    zone: Europe/Berlin\n", ""), (2, 5, "missing-key"), "add zone: ..."),
        (changed("mon-thu:", "mon-thr:"), (6, 7, "unknown-day"), "mon-fri, or sat,sun"),
        (changed("mon-thu:", "mon-wed-thu:"), (6, 7, "unknown-day"), "mon-fri, or sat,sun"),
        (changed("fri:", "thu,fri:"), (7, 7, "repeated-day"), "keep one of them"),
        (changed("09:00-17:30", "09:00-17:60"), (6, 16, "bad-hours"), "from 00:00 to 24:00"),
        (changed("09:00-17:30", "09:00-24:30"), (6, 16, "bad-hours"), "from 00:00 to 24:00"),
        (changed("09:00-17:30", "09:00-09:00"), (6, 16, "bad-hours"), "write 24h for the whole day"),
        (changed("09:00-17:30", "9 to 5"), (6, 16, "bad-hours"), "22:00-02:00 past midnight"),
        (changed("09:00-17:30", "[closed, 09:00-12:00]"), (6, 17, "bad-hours"), "take one of them out"),
        (changed("09:00-12:00]", "14:00-16:00]"), (8, 26, "overlap"), "make one of the two"),
        (changed("- 2026-12-25", "- 2026-12-32"), (11, 9, "bad-day"), "such as 2026-12-24"),
        (changed("- 2026-12-25", "- 2026-12-24"), (12, 15, "repeated-day"), "keep one of them"),
        (changed("{from: 2026-12-28,", "{from: 2027-12-28,"), (14, 32, "backwards"), "swap from and to"),
        (changed("{from: 2026-12-28, ", "{"), (14, 9, "missing-key"), "add from: ..."),
        (changed("hours: support}", "hours: suport}"), (16, 24, "unknown-hours"), "did you mean support?"),
        ("hours:\n  - {key: a, zone: UTC, open: }", (2, 30, "empty-value"), "open: {mon-fri: 09:00-17:30}"),
        ("hours:\n  - {key: a, zone: UTC, open: 9-5}", (2, 31, "wrong-type"), "write key: value"),
        (
            "hours:\n  - {key: a, zone: UTC, open: {mon: 24h}}\n  - {key: a, zone: UTC, open: {mon: 24h}}",
            (3, 11, "repeated-id"),
            "r.yaml:2:11",
        ),
    ],
)
def test_one_mistake_one_place(text: str, place: tuple[int, int, str], hint: str) -> None:
    found = problems(text)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert hint in found[0].hint


def test_open_and_closed() -> None:
    support = hours()
    assert support.open_at(berlin("2026-11-23 09:00"))  # Monday
    assert support.open_at(berlin("2026-11-23 17:29:59.999"))
    assert not support.open_at(berlin("2026-11-23 17:30"))
    assert not support.open_at(berlin("2026-11-23 08:59:59.999"))
    assert support.open_at(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert not support.open_at(berlin("2026-11-28 12:30"))  # Saturday, between
    assert not support.open_at(berlin("2026-11-29 12:00"))
    assert support.next_open(berlin("2026-11-28 15:00")) == berlin("2026-11-30 09:00")
    assert support.next_open(berlin("2026-11-30 10:00")) == berlin("2026-11-30 10:00")
    assert support.next_close(berlin("2026-11-30 10:00")) == berlin("2026-11-30 17:30")
    assert support.next_close(berlin("2026-11-30 18:00")) == berlin("2026-11-30 18:00")


def test_a_span_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    support = hours()
    assert support.open_at(berlin("2026-11-28 01:59"))  # Saturday, since Friday evening
    assert not support.open_at(berlin("2026-11-28 02:00"))
    assert not support.open_at(berlin("2026-11-27 01:00"))
    assert support.next_close(berlin("2026-11-27 23:00")) == berlin("2026-11-28 02:00")
    assert support.due(berlin("2026-11-27 23:00"), 4 * 3600) == berlin("2026-11-28 10:00")
    shut = hours(changed("- 2026-12-25", "- 2026-11-28"))  # that Saturday is a holiday
    assert shut.open_at(berlin("2026-11-28 01:59"))
    assert not shut.open_at(berlin("2026-11-28 10:00"))


def test_holidays_and_closed_times() -> None:
    support = hours()
    assert support.open_at(berlin("2026-12-24 10:00"))  # a Thursday with hours of its own
    assert not support.open_at(berlin("2026-12-24 09:00"))
    assert not support.open_at(berlin("2026-12-25 23:00"))
    assert not support.open_at(berlin("2026-12-31 10:00"))
    assert support.next_open(berlin("2026-12-27 12:00")) == berlin("2027-01-01 22:00")
    assert support.due(berlin("2026-12-24 13:00"), 2 * 3600) == berlin("2026-12-26 10:00")
    open_within = hours(changed("- 2026-12-25", "- {day: 2026-12-29, open: 09:00-10:00}"))
    assert open_within.next_open(berlin("2026-12-27 12:00")) == berlin("2026-12-29 09:00")


def test_due_runs_while_open() -> None:
    support = hours()
    assert support.due(berlin("2026-11-23 09:30"), 3600) == berlin("2026-11-23 10:30")
    assert support.due(berlin("2026-11-23 17:00"), 3600) == berlin("2026-11-24 09:30")
    assert support.due(berlin("2026-11-23 17:00"), 1800) == berlin("2026-11-23 17:30")
    assert support.due(berlin("2026-11-22 12:00"), 0) == berlin("2026-11-23 09:00")


@pytest.mark.parametrize(
    ("start", "seconds", "due"),
    [
        # The clock jumps from 02:00 to 03:00 on 2027-03-28: half an hour before, an hour is over at 03:30.
        (berlin("2027-03-28 01:30"), 3600, berlin("2027-03-28 03:30")),
        # And shows 02:00 to 03:00 twice on 2027-10-31.
        (berlin("2027-10-31 01:30"), 3600, berlin("2027-10-31 02:30")),
        (berlin("2027-10-31 01:30"), 7200, berlin("2027-10-31 02:30", fold=1)),
        (berlin("2027-10-31 01:30"), 10_800, berlin("2027-10-31 03:30")),
        (berlin("2027-03-28 10:00"), 3600, berlin("2027-03-28 11:00")),
        (berlin("2027-10-31 10:00"), 3600, berlin("2027-10-31 11:00")),
        (berlin("2027-03-27 12:00"), 86_400, berlin("2027-03-28 13:00")),
        (berlin("2027-10-30 12:00"), 86_400, berlin("2027-10-31 11:00")),
    ],
)
def test_due_is_right_across_the_odd_nights(start: datetime, seconds: float, due: datetime) -> None:
    always = hours("hours:\n  - {key: a, zone: Europe/Berlin, open: {mon-sun: 24h}}")
    assert always.due(start, seconds) == due


@pytest.mark.parametrize(
    ("day", "minutes", "at"),
    [
        (date(2027, 3, 28), 120, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),  # jumped over, like
        (date(2027, 3, 28), 150, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (date(2027, 3, 28), 180, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (date(2027, 3, 27), 1440 + 150, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (date(2027, 10, 31), 150, datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),  # twice: the first
        (date(2027, 10, 31), 180, datetime(2027, 10, 31, 2, 0, tzinfo=UTC)),
    ],
)
def test_the_first_time_that_the_clock_shows_it_or_later(day: date, minutes: int, at: datetime) -> None:
    assert instant(day, minutes, "Europe/Berlin") == at


def test_what_never_comes_is_none() -> None:
    never = hours("hours:\n  - {key: a, zone: UTC, open: {mon: closed}}")
    assert (never.open_at(NOW), never.next_open(NOW), never.due(NOW, 60)) == (False, None, None)
    assert never.next_close(NOW) == NOW
    always = hours("hours:\n  - {key: a, zone: UTC, open: {mon-sun: 24h}}")
    assert (always.open_at(NOW), always.next_open(NOW), always.next_close(NOW)) == (True, NOW, None)


def test_hours_that_do_not_exist_are_warned_about() -> None:
    odd = """\
hours:
  - key: night
    zone: Europe/Berlin
    open: {sat: 22:00-02:30, sun: ["02:00-02:15", 00:00-01:30, "03:00-05:00"]}
"""
    night = hours(odd)
    assert [(one.line, one.column, one.code) for one in odd_hours(night, date(2027, 1, 1))] == [
        (4, 17, "hour-does-not-exist"),
        (4, 36, "hour-does-not-exist"),
    ]
    assert odd_hours(night, date(2027, 1, 1))[0].message == (
        "hours night: 02:30 does not exist in Europe/Berlin on 2027-03-28"
    )
    assert "jumps to 03:00" in odd_hours(night, date(2027, 1, 1))[0].hint
    assert [one.column for one in check(book(r_yaml=odd), PLAIN, NOW).warnings] == [17, 36]
    assert "on 2028-03-26" in odd_hours(night, date(2027, 3, 29))[0].message
    assert odd_hours(hours(odd.replace("Europe/Berlin", "Asia/Tokyo")), date(2027, 1, 1)) == ()
    assert odd_hours(hours("hours:\n  - {key: a, zone: Africa/Cairo, open: {mon-sun: 24h}}"), date(2027, 1, 1)) == ()
    assert odd_hours(hours("hours:\n  - {key: a, zone: Africa/Cairo, open: {fri: 00:15-08:00}}"), date(2027, 1, 1))


ODD_DAYS = (
    ("Europe/Berlin", date(2027, 3, 28)),
    ("Europe/Berlin", date(2027, 10, 31)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Africa/Cairo", date(2026, 4, 24)),  # at midnight
    ("Asia/Kathmandu", date(2026, 4, 24)),  # never
)
LENGTH = 5 * 1440


@st.composite
def days(draw: st.DrawFn) -> tuple[Span, ...]:
    edges = sorted(draw(st.lists(st.sampled_from(range(0, 2160, 15)), max_size=4, unique=True)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Span(begin, end) for begin, end in pairs if begin < 1440 and end <= begin + 1440)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Hours, date]:
    zone, middle = draw(st.sampled_from(ODD_DAYS))
    near = st.integers(-2, 2).map(lambda number: middle + timedelta(days=number))
    holidays = draw(st.dictionaries(near, days(), max_size=2))
    first = draw(near)
    closed = (Closed(first, first + timedelta(days=draw(st.integers(0, 2)))),) if draw(st.booleans()) else ()
    made = Hours(
        "x",
        "X",
        zone,
        tuple(draw(days()) for _ in range(7)),
        tuple(Holiday(day, "", spans) for day, spans in sorted(holidays.items())),
        closed,
    )
    return made, middle


def open_minutes(made: Hours, since: datetime) -> list[bool]:
    """Minute by minute, by looking at a clock on the wall."""
    begun = since - timedelta(days=4)
    shows = [
        (begun + timedelta(minutes=minute)).astimezone(ZoneInfo(made.zone)).replace(tzinfo=None)
        for minute in range(LENGTH + 4 * 1440)
    ]
    latest: list[datetime] = []
    for shown in shows:
        latest.append(max(shown, latest[-1]) if latest else shown)
    is_open = [False] * len(shows)
    for number in range(-3, 8):
        day = (since + timedelta(days=number)).date()
        spans = made.week[day.weekday()]
        if any(one.first <= day <= one.last for one in made.closed):
            spans = ()
        for holiday in made.holidays:
            spans = holiday.spans if holiday.day == day else spans
        for span in spans:
            midnight = datetime.combine(day, time())
            begin = midnight + timedelta(minutes=span.begin)
            end = midnight + timedelta(minutes=span.end)
            for minute, shown in enumerate(latest):
                if begin <= shown < end:
                    is_open[minute] = True
    return is_open[4 * 1440 :]


@settings(max_examples=60, deadline=None)
@given(weeks(), st.lists(st.tuples(st.integers(1440, 3 * 1440), st.integers(0, 900)), min_size=1, max_size=9))
def test_a_clock_on_the_wall_says_the_same(made_for: tuple[Hours, date], asked: list[tuple[int, int]]) -> None:
    made, middle = made_for
    since = datetime.combine(middle - timedelta(days=2), time(), UTC)
    told = open_minutes(made, since)
    for start, wanted in asked:
        at = since + timedelta(minutes=start)
        assert made.open_at(at) is told[start]
        opens = next((minute for minute in range(start, LENGTH) if told[minute]), None)
        closes = next((minute for minute in range(start, LENGTH) if not told[minute]), None)
        if opens is not None:
            assert made.next_open(at) == since + timedelta(minutes=opens)
        if closes is not None:
            assert made.next_close(at) == since + timedelta(minutes=closes)
        passed = 0
        for minute in range(start, LENGTH):
            if passed == wanted and (wanted or told[minute]):
                assert made.due(at, wanted * 60) == since + timedelta(minutes=minute)
                break
            passed += told[minute]


@settings(max_examples=100, deadline=None)
@given(weeks(), st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 7200))
def test_more_time_and_a_later_start_are_never_due_earlier(
    made_for: tuple[Hours, date], one: int, two: int, seconds: int
) -> None:
    made, middle = made_for
    since = datetime.combine(middle - timedelta(days=2), time(), UTC)
    first, second = (made.due(since + timedelta(minutes=start), seconds) for start in sorted((one, two)))
    longer = made.due(since + timedelta(minutes=min(one, two)), seconds + 60)
    if first is None or second is None or longer is None:
        assert not any(made.week)
    else:
        assert first <= second
        assert first < longer
