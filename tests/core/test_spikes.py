"""What is usual is learned, what surprises is told once, and what is rare or unknown wakes nobody: the spike detector, number by number."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from math import comb, exp, lgamma, log, log2, sin, tau
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.cli.alerts_score import read_rows
from listener.model.scales import Severity
from listener.spikes import baseline, paging
from listener.spikes.baseline import Bucket, State, Verdict, from_json, new, spans_of, to_json
from listener.spikes.counts import bits_above, bits_below, share_bits
from listener.spikes.paging import Alarm, Desk, Kind, Told, Watch, decide, watches
from listener.spikes.series import Feed, Row, score

VOLUME = Path(__file__).parents[3] / "shared" / "data" / "volume" / "series"
STEP = 900
DAY = 86_400 // STEP
START = 1_772_409_600  # Monday 2 March 2026, 00:00 UTC


def rows(counts: list[int | None], step: int = STEP) -> list[Row]:
    return [Row(START + i * step, seen) for i, seen in enumerate(counts)]


def busy(days: int) -> list[int | None]:
    """Quiet nights, busy days, and noise that no wave has."""
    return [20 + 30 * (8 <= i % DAY // 4 < 22) + i * 7_919 % 13 for i in range(days * DAY)]


def fed(counts: list[int | None], false_pages: float = 1.2) -> list[Alarm]:
    return [alarm for scored in score(rows(counts), false_pages) for alarm in scored.alarms]


def learned(counts: list[int | None]) -> State:
    state = new(STEP)
    for row in rows(counts):
        state, _ = baseline.step(state, Bucket(row.at, row.seen))
    return state


@settings(max_examples=12, deadline=None)
@given(st.lists(st.none() | st.integers(0, 400), min_size=3, max_size=400), st.integers(1, 400), st.booleans())
def test_what_is_said_of_the_first_rows_does_not_depend_on_those_that_follow(
    counts: list[int | None], cut: int, stormy: bool
) -> None:
    whole = rows([*busy(2), *counts, *([5_000] if stormy else [])])
    some = len(whole) - min(cut, len(whole) - 2)
    assert list(islice(score(whole, 3.0), some)) == list(score(whole[:some], 3.0))
    assert list(score(whole, 3.0))[1:] == list(score(whole, 3.0, STEP))[1:]


@pytest.mark.parametrize("low", [0, 1, 2, 4])
def test_a_constant_low_count_never_pages(low: int) -> None:
    assert fed([low] * (12 * DAY), 1000.0) == []


@settings(max_examples=8, deadline=None)
@given(st.sets(st.integers(0, 6 * DAY - 1), max_size=40), st.integers(1, 3600))
def test_two_against_nothing_never_pages(places: set[int], spacing: int) -> None:
    spread = {place for place in places if all(place - other not in range(1, 13) for other in places)}
    assert fed([2 if i in spread else 0 for i in range(6 * DAY)]) == []


@pytest.mark.parametrize("told", [True, False], ids=["unknown buckets", "no rows at all"])
def test_a_hole_is_neither_a_silence_nor_noughts(told: bool) -> None:
    hole = range(8 * DAY + 40, 8 * DAY + 64)
    given_rows = rows(busy(10))
    holed = [Row(row.at, None) if i in hole else row for i, row in enumerate(given_rows) if told or i not in hole]
    assert [alarm for scored in score(holed, 1.2, STEP) for alarm in scored.alarms] == []
    silent = [Row(row.at, 0) if i in hole else row for i, row in enumerate(given_rows)]
    assert [alarm.kind for scored in score(silent, 1.2, STEP) for alarm in scored.alarms][:1] == [Kind.SILENCE]


def test_a_hole_teaches_nothing_and_is_told_as_how_much_is_known() -> None:
    state = learned(busy(8))
    after, surprise = baseline.step(state, Bucket(START + 8 * DAY * STEP, None))
    assert surprise.verdict is Verdict.UNKNOWN
    assert surprise.readings == ()
    assert (after.level, after.hours, after.week, after.spread) == (state.level, state.hours, state.week, state.spread)
    after, surprise = baseline.step(after, Bucket(START + (8 * DAY + 1) * STEP, 25))
    hours = surprise.over(10_800)
    assert hours is not None
    assert hours.known == 11 / 12
    assert surprise.over(3_600) is not None, "three quarters of the hour are known"
    assert surprise.over(900) is not None


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 95), st.none() | st.integers(0, 900), st.sets(st.integers(0, 95)), st.booleans())
def test_late_and_replayed_numbers_mend_the_windows_and_teach_nothing(
    back: int, late: int | None, unknown: set[int], heard: bool
) -> None:
    unknown = unknown - {back} if heard else unknown | {back}
    counts = [None if 8 * DAY - 1 - i in unknown else seen for i, seen in enumerate(busy(8))]
    state = learned(counts)
    again = state
    for row in rows(counts):
        again, surprise = baseline.step(again, Bucket(row.at, row.seen))
        assert surprise.verdict in {Verdict.SAME, Verdict.TOO_LATE}
    assert again == state
    at = START + (8 * DAY - 1 - back) * STEP
    mended, surprise = baseline.step(state, Bucket(at, late))
    assert surprise.readings == ()
    standing = Desk(since=START, told=START, size=2.0, worst=2.0, now=0.7)
    assert decide(standing, Watch(Kind.VOLUME, 1000.0), surprise) == (standing, None)
    changed = late is not None and late != counts[-1 - back]
    assert surprise.verdict is (Verdict.MENDED if changed else Verdict.SAME)
    assert (mended.level, mended.hours, mended.week) == (state.level, state.hours, state.week)
    for span, seconds in zip(mended.spans, spans_of(STEP), strict=True):
        inside = mended.counts[-(seconds // STEP) :]
        assert span.seen == sum(seen for seen in inside if seen is not None)
        assert span.known == sum(seen is not None for seen in inside)
        past = zip(mended.counts, mended.expected, strict=True)
        assert span.expected == sum(usual for seen, usual in list(past)[-(seconds // STEP) :] if seen is not None)


def test_memory_is_the_same_after_a_month_as_after_ten_days() -> None:
    young, old = learned(busy(10)), learned(busy(31))
    for state in (young, old):
        assert (len(state.counts), len(state.expected), len(state.hours), len(state.week)) == (DAY, DAY, 24, 168)
    assert len(to_json(old)) < len(to_json(young)) * 1.1


def test_a_state_that_was_written_down_goes_on_as_if_it_had_not_been() -> None:
    state = learned(busy(9))
    back = from_json(to_json(state))
    assert back == state
    bucket = Bucket(START + 9 * DAY * STEP, 400)
    assert baseline.step(back, bucket) == baseline.step(state, bucket)
    assert from_json(to_json(state).replace(b'"version":1', b'"version":0')) is None
    with pytest.raises(ValueError, match="not a state"):
        from_json(b"{}")
    desk = Desk(since=START, told=START, size=1.5, worst=2.0)
    assert paging.from_json(paging.to_json(desk)) == desk


def test_a_storm_is_told_when_it_begins_and_when_it_gets_worse_and_when_it_is_over() -> None:
    storm = range(9 * DAY + 40, 9 * DAY + 48)
    worse = 9 * DAY + 44
    counts = [
        (seen or 0) * ((40 if i >= worse else 6) if i in storm else 1) for i, seen in enumerate(busy(11))
    ]  # six times, then forty times the usual, for two hours in all
    told = [alarm for alarm in fed([*counts]) if alarm.kind is Kind.VOLUME]
    assert told[0].told is Told.BEGUN
    assert told[-1].told is Told.OVER
    assert Told.WORSE in {alarm.told for alarm in told}
    assert (told[0].at - START) // STEP - storm[0] <= 2, "told within three buckets"
    assert len([alarm for alarm in told if alarm.pages]) <= 5
    assert [alarm.pages for alarm in told] == [alarm.told is not Told.OVER for alarm in told]
    assert told[0].since == told[-1].since == told[0].at
    assert told[-1].severity is Severity.CRITICAL
    first = told[0]
    low, high = first.reading.band(first.threshold)
    assert low < first.reading.expected < high <= first.reading.seen
    assert f"{first.reading.seen:,} in 15 min, expected" in first.why() or "in 1 h, expected" in first.why()


@pytest.mark.parametrize("lasts", [2, 12, 30], ids=lambda lasts: f"{lasts * 5} minutes")
@pytest.mark.parametrize("size", [12, 60, 400])
def test_what_is_over_wakes_nobody_again_and_its_alarm_ends_within_two_hours(size: int, lasts: int) -> None:
    step, began = 300, START + 9 * 86_400 + 14 * 3_600
    ended = began + lasts * step
    feed = Feed(step, (Watch(Kind.NEGATIVE), Watch(Kind.VOLUME)))
    alarms: list[Alarm] = []
    for i, at in enumerate(range(START, began + 2 * 86_400, step)):
        storm = size if began <= at < ended else 0
        alarms += feed.take(Row(at, i % 3 + storm, (i % 6 == 0) + storm)).alarms
    assert Kind.NEGATIVE in {alarm.kind for alarm in alarms}
    assert min(alarm.at for alarm in alarms) < began + 1_800
    assert max(alarm.at for alarm in alarms if alarm.pages) < ended + 3_600
    for kind in {alarm.kind for alarm in alarms}:
        mine = [alarm for alarm in alarms if alarm.kind is kind]
        assert [alarm.told for alarm in mine].count(Told.BEGUN) == 1
        assert mine[-1].told is Told.OVER
        assert mine[-1].at <= ended + 7_200


def test_past_spikes_do_not_hide_the_next_one() -> None:
    once = [(seen or 0) + (900 if i % (2 * DAY) == 50 else 0) for i, seen in enumerate(busy(14))]
    began = [alarm.at for alarm in fed([*once], 3.0) if alarm.kind is Kind.VOLUME and alarm.told is Told.BEGUN]
    assert len({(at - START) // 86_400 for at in began}) == 7


def test_however_large_a_storm_is_it_teaches_no_more_than_a_busy_bucket() -> None:
    state = learned(busy(8))
    at = START + 8 * DAY * STEP
    large, larger = (baseline.step(state, Bucket(at, seen))[0] for seen in (4_000, 4_000_000))
    assert (large.level, large.spread, large.hours, large.week) == (
        larger.level, larger.spread, larger.hours, larger.week,
    )  # fmt: skip
    for one, other in zip(large.spans, larger.spans, strict=True):
        assert (one.centre, one.spread) == pytest.approx((other.centre, other.spread))


def test_a_lasting_change_is_a_shift_and_then_it_is_usual() -> None:
    counts = [(seen or 0) * (3 if i >= 10 * DAY else 1) for i, seen in enumerate(busy(30))]
    shifts = [alarm for alarm in fed([*counts]) if alarm.kind is Kind.SHIFT]
    assert shifts[0].told is Told.BEGUN
    assert 10 * DAY < (shifts[0].at - START) // STEP < 11 * DAY
    assert shifts[-1].told is Told.OVER


def test_a_first_hour_is_enough_for_a_flash() -> None:
    counts: list[int | None] = [20, 24, 18, 22, 19, 25, 21, 23, 18, 20, 600, 20]
    paged = [alarm for scored in score(rows(counts, 300), 1.2) for alarm in scored.alarms if alarm.kind is Kind.VOLUME]
    assert [(alarm.at - START) // 300 for alarm in paged] == [10]


FIRST = tuple(Watch(kind) for kind in (Kind.VOLUME, Kind.RIVAL, Kind.NEED, Kind.SILENCE, Kind.NEGATIVE))


def paged_first(given: list[Row]) -> list[Alarm]:
    feed = Feed(300, FIRST)
    return [alarm for row in given for alarm in feed.take(row).alarms if alarm.pages]


def test_a_small_brand_is_told_of_ten_times_as_much_after_one_hour_of_learning() -> None:
    calm = [Row(START + i * 300, 1 - (i % 6 == 5), int(i % 5 == 0)) for i in range(12)]
    storm = [Row(START + i * 300, 8 + i % 2, 7) for i in range(12, 24)]
    told = {alarm.kind: alarm for alarm in reversed(paged_first([*calm, *storm]))}
    late = {kind: (alarm.at - START) // 300 - 11 for kind, alarm in told.items()}
    assert late[Kind.NEGATIVE] <= 8, "forty minutes"
    assert late[Kind.VOLUME] <= 11
    assert "expected at most" in told[Kind.VOLUME].why()
    high = told[Kind.VOLUME].usual[1]
    assert told[Kind.VOLUME].reading.expected < high < told[Kind.VOLUME].reading.seen
    assert paged_first([*calm, *(Row(row.at, 2, 1) for row in storm)]) == [], "three times as much may be a morning"


@pytest.mark.parametrize("hour", [3, 18])
@pytest.mark.parametrize("hourly", [10, 1_000])
def test_the_first_mornings_and_nights_page_nobody(hourly: int, hour: int) -> None:
    given, owed = [], 0.0
    for i in range(2 * 288):
        at = START + hour * 3_600 + i * 300
        owed += hourly / 12 * exp(1.6 * sin(tau * (at % 86_400 / 86_400 - 9 / 24)))  # at 15h 25 times what it is at 3h
        given.append(Row(at, int(owed), int(owed) // 5))
        owed -= int(owed)
    assert paged_first(given) == []


def test_what_comes_after_a_day_that_nobody_heard_is_compared_with_nothing() -> None:
    calm = [Row(START + i * 300, 20, 4) for i in range(288)]
    after = [Row(START + (2 * 288 + i) * 300, 20, 4) for i in range(72)]
    assert paged_first([*calm, *after]) == []


def test_negative_pages_need_both_the_number_and_the_share() -> None:
    def told(times: int, negative: int) -> set[Kind]:
        feed = Feed(STEP, watches(1.2, negative=True))
        kinds = set()
        for i, row in enumerate(rows(busy(9))):
            seen, cross = row.seen or 0, (row.seen or 0) // 5
            if 8 * DAY + 40 <= i < 8 * DAY + 44:
                seen, cross = seen * times, seen * negative // 5
            kinds |= {alarm.kind for alarm in feed.take(Row(row.at, seen, cross)).alarms if alarm.pages}
        return kinds

    assert Kind.NEGATIVE not in told(12, 12), "more of everything, as negative as ever"
    assert Kind.NEGATIVE in told(12, 50)
    assert told(1, 2) == set(), "a larger share of a usual number"


def test_a_small_brand_is_told_of_a_storm_of_what_is_rare_within_half_an_hour_and_of_two_messages_never() -> None:
    calm = [Row(at * 300, 1, int(at % 6 == 0)) for at in range(5 * 288)]
    begins = len(calm)

    def told(storm: list[Row]) -> list[int]:
        feed = Feed(300, (Watch(Kind.NEGATIVE),))
        return [a.at // 300 - begins for row in [*calm, *storm] for a in feed.take(row).alarms if a.pages]

    assert told([Row((begins + n) * 300, 6, 5) for n in range(6)])[0] <= 5
    assert told([Row((begins + n) * 300, 1, int(n in {3, 4})) for n in range(300)]) == []


def test_floors_hold_whatever_surprises() -> None:
    def paged(floor: int) -> int:
        desk, state = Desk(), learned([1] * (8 * DAY))
        watch = Watch(Kind.VOLUME, 5.0, paging.Floors(mentions=floor))
        found = 0
        for i in range(4):
            state, surprise = baseline.step(state, Bucket(START + (8 * DAY + i) * STEP, 60))
            desk, alarm = decide(desk, watch, surprise)
            found += alarm is not None and alarm.pages
        return found

    assert paged(5) > 0
    assert paged(1_000) == 0


def test_who_accepts_more_false_pages_hears_of_smaller_surprises() -> None:
    def thresholds(false_pages: float) -> list[float]:
        return [alarm.threshold for alarm in fed([*busy(8), *[4_000] * 2, *busy(1)], false_pages)]

    few, some, many = thresholds(0.1), thresholds(1.0), thresholds(10.0)
    assert few[0] > some[0] > many[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.floats(0.1, 60), st.floats(0.2, 500))
def test_tails_of_counts_are_the_sums_of_their_parts(seen: int, mean: float, size: float) -> None:
    parts = [
        exp(lgamma(n + size) - lgamma(size) - lgamma(n + 1) + size * log(size / (mean + size)) + n * log(mean / (mean + size)))
        for n in range(seen + 1)
    ]  # fmt: skip
    below = min(1.0, sum(parts))
    assert 2 ** -bits_below(seen, mean, size) == pytest.approx(below, abs=1e-7)
    assert 2 ** -bits_above(seen, mean, size) == pytest.approx(1 - sum(parts[:-1]), abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95), st.floats(2, 300))
def test_tails_of_shares_are_the_sums_of_their_parts(whole: int, part: int, share: float, weight: float) -> None:
    def beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    part = min(part, whole)
    one, other = share * weight, (1 - share) * weight
    tail = sum(
        comb(whole, n) * exp(beta(n + one, whole - n + other) - beta(one, other)) for n in range(part, whole + 1)
    )
    assert share_bits(part, whole, share, weight) == pytest.approx(max(0.0, -log2(tail)), abs=1e-6)


def test_a_bucket_must_have_a_length_that_fits() -> None:
    for step in (0, -5, 86_401):
        with pytest.raises(ValueError, match="a bucket of"):
            new(step)
    assert spans_of(86_400) == (86_400,)
    assert spans_of(3_600) == (3_600, 10_800, 43_200, 86_400)


@pytest.mark.parametrize("step", [60, 3_600, 7_200, 86_400])
def test_any_length_of_bucket_is_watched_by_every_kind(step: int) -> None:
    counts = [100 + i * 7_919 % 13 for i in range(min(1_500, 12 * 86_400 // step))]
    kinds = {alarm.kind for scored in score(rows([*counts, 9_000, 9_000], step), 1.2) for alarm in scored.alarms}
    assert Kind.VOLUME in kinds


def test_a_real_brand_is_paged_for_its_two_storms_and_for_its_silence() -> None:
    if not VOLUME.exists():
        pytest.skip("no real data beside the project: ../shared/data/volume is absent")
    with read_rows(str(VOLUME / "Twitter_volume_AMZN.csv")) as (given_rows, _, _):
        found = [alarm for scored in score(islice(given_rows, 4_000), 1.0) for alarm in scored.alarms if alarm.pages]
    assert [(f"{datetime.fromtimestamp(alarm.at, UTC):%d %H:%M}", alarm.kind.value) for alarm in found] == [
        ("05 21:02", "volume"),
        ("11 07:27", "silence"),
        ("11 07:52", "silence"),
        ("11 20:57", "volume"),
    ]
