"""Nothing lost, nothing said twice, whoever is killed: fixed seeds here, random ones in `make soak`."""

from __future__ import annotations

import sys

import pytest

from tests.journeys.kills import Journey

KILLS = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "likes"), [(20261, True), (20262, False)])
async def test_ten_kills_lose_nothing_and_say_nothing_twice(seed: int, likes: bool) -> None:
    told = await Journey(seed, KILLS, likes=likes, deliver=("-m", "tests.journeys.short_lease")).play()
    print(told)
    assert told.kills.total() == KILLS
    assert told.compared is not None
    assert told.compared.posts > 100, "there was no load"
    assert sum(told.compared.replies.values()) > 5, "nobody answered"
    assert told.compared.acts > 5 or not likes, "nobody liked anything"
    assert not told.differences, f"{told}\n" + "\n".join(told.differences[:50])


@pytest.mark.timeout(300)
async def test_a_bookmark_saved_before_the_data_is_found_out() -> None:
    """The bug that other listeners have, planted: the same journey must see what it loses."""
    serve = ("-m", "tests.journeys.cursor_first")
    journey = Journey(20263, 6, victims=("listener",), serve=serve, pace=(0.5, 1.0), still_for=4.0)
    told = await journey.play()
    print(told, file=sys.stderr)
    lost = [difference for difference in told.differences if difference.startswith("missing: ")]
    assert lost, f"{told}: the lost mentions were not seen"
