"""When streams lived: what is kept of the past cuts a stream into those that it was, and each is heard and missed in its own time."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from listener.incidents.hearing import GONE, Stream, deaf, heard
from listener.incidents.lives import Sign, Unheard, lives, those_of, unheard

HOUR = 3600.0
NOW = 100 * HOUR
STREAM = Stream("bluesky/jetstream", "running", 0.0, NOW, heard=NOW, item=NOW)


def test_signs_of_one_stream_become_times_and_who_falls_silent_twice_fell_silent_the_first_time() -> None:
    signs = [
        Sign("a/x", 5.0, True, "paused"), Sign("a/x", 6.0, True, "paused"), Sign("a/x", 9.0, False), Sign("a/x", 11.0, False),
        Sign("a", 4.0, True, "stopped", "7"), Sign("b/y", 3.0, False), Sign("b/y", 8.0, True),
    ]  # fmt: skip
    assert set(unheard(signs)) == {
        Unheard("a/x", 5.0, 9.0, "paused"), Unheard("a", 4.0, None, "stopped"), Unheard("b/y", 8.0, None),
    }  # fmt: skip


def test_a_pause_is_unknown_and_told_and_the_rest_is_heard() -> None:
    pieces = lives([STREAM], [Unheard("bluesky/jetstream", 10 * HOUR, 13 * HOUR, "paused")])
    known = [bool(heard(pieces, at * HOUR, at * HOUR + 300, NOW)) for at in (9, 10, 12, 13, 20)]
    assert known == [True, False, False, True, True]
    silent = [deaf(those_of(pieces, at * HOUR), at * HOUR, HOUR) for at in (9, 10.5, 11, 12.9, 13, 20)]
    assert [None if one is None else (one.state, one.beat / HOUR) for one in silent] == [
        None, None, ("paused", 10.0), ("paused", 10.0), None, None,
    ]  # fmt: skip
    # Without an end it lasts, and says nothing of a stream that runs again.
    endless = Unheard("bluesky/jetstream", 10 * HOUR, None, "paused")
    assert lives([STREAM], [endless]) == (STREAM,)
    [before] = lives([replace(STREAM, state="paused")], [endless])
    assert (before.beat, before.until) == (10 * HOUR, inf)
    # One that was away for more than a day was left out after it, as it was then.
    other = Stream("mastodon/home", "running", 0.0, NOW)
    long = lives([STREAM, other], [Unheard("bluesky", 10 * HOUR, 60 * HOUR)])
    assert [heard(long, at * HOUR, at * HOUR + 300, NOW) for at in (11, 11 + GONE / HOUR)] == [False, True]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 30), st.booleans()), max_size=6))
def test_whatever_is_kept_of_the_past_a_stream_is_silent_within_it_and_lives_outside(
    spans: list[tuple[int, int, bool]],
) -> None:
    silent = [Unheard("bluesky/jetstream" if whole else "bluesky", b * HOUR, (b + n) * HOUR) for b, n, whole in spans]
    pieces = lives([STREAM], silent)
    for at in range(100):
        now = at * HOUR + 60
        stream = next(iter(those_of(pieces, now)), None)
        gone = any(one.begin < now and one.end is not None and now < one.end for one in silent)
        if not gone:
            assert stream is not None
            assert stream.beat >= now
        else:
            assert stream is None or stream.beat <= now
