"""What the public stream's bookmark says after which events: no server, only what a host's socket hands over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from listener.model.heard import Batch
from listener.sources.bluesky import Habits, Jetstream
from listener.sources.bluesky.public import time_of, unix_us
from listener.webclient.client import WebClient

NOW = datetime(2026, 11, 2, 9, 12, tzinfo=UTC)
US = unix_us(NOW) - 600_000_000


class Here:
    """A web client whose every connection brings the same frames, and then nothing."""

    def __init__(self, events: Sequence[dict[str, Any]]) -> None:
        self.opened = 0
        self._frames = [json.dumps(event).encode() for event in events]

    @asynccontextmanager
    async def socket(self, url: str, **_: object) -> AsyncIterator[Here]:
        self.opened += 1
        self._left = list(self._frames)
        yield self

    async def receive(self) -> bytes:
        if not self._left:
            await asyncio.Event().wait()
        return self._left.pop(0)


def event(us: int, cursor: int = 0) -> dict[str, Any]:
    told = {"did": f"did:plc:{us}", "kind": "identity", "time_us": us, "identity": {"handle": "ann.test"}}
    return {**told, "cursor": cursor} if cursor else told


async def hear(here: Here, cursor: str, number: int, habits: Habits | None = None) -> list[Batch]:
    """The batches until so many items came."""
    habits = replace(habits or Habits(), linger=0.01)
    stream = Jetstream(cast(WebClient, here), ["ws://here"], lambda _: True, habits=habits, clock=lambda: NOW)
    heard: list[Batch] = []
    async with asyncio.timeout(5), aclosing(cast(Any, stream.batches(cursor))) as batches:
        async for batch in batches:
            heard.append(batch)
            if sum(len(one.items) for one in heard) >= number:
                return heard
    raise AssertionError("unreachable")


async def test_a_number_stands_only_beside_times_of_the_host_that_gave_it() -> None:
    later = [event(US + 1), event(US + 2)]
    assert (await hear(Here(later), f"seq:7@there;us:{US}", 2))[-1].cursor == f"us:{US + 2}"
    assert (await hear(Here([event(US, 7), *later]), f"seq:7@here;us:{US}", 3))[-1].cursor == f"seq:7@here;us:{US + 2}"
    numbered = [event(US + 1, 8), event(US + 2, 10**15)]  # the second is no number but a time
    assert (await hear(Here(numbered), f"seq:7@there;us:{US}", 2))[-1].cursor == f"seq:8@here;us:{US + 2}"


async def test_one_event_from_the_future_is_nonsense_and_two_that_agree_are_not() -> None:
    ahead = unix_us(NOW + timedelta(hours=1))
    alone = [event(US + 1), event(ahead), event(US + 2), event(ahead + 120_000_000)]
    assert (await hear(Here(alone), f"us:{US}", 4))[-1].cursor == f"us:{US + 2}"
    agreed = [event(US + 1), event(ahead), event(ahead + 1)]
    assert (await hear(Here(agreed), f"us:{US}", 3))[-1].cursor == f"us:{ahead + 1}"
    assert (await hear(Here([event(US + 1), event(5), event(2**62)]), f"us:{US}", 3))[-1].cursor == f"us:{US + 1}"


async def test_each_batch_says_the_newest_time_of_its_own_events() -> None:
    events = [event(US + n) for n in (1, 9, 2, 3)]
    heard = await hear(Here(events), f"us:{US}", 4, Habits(batch=2))
    assert [one.item_at for one in heard] == [time_of(US + 9), time_of(US + 3)]


async def test_a_full_queue_is_emptied_and_filled_again_on_the_same_connection() -> None:
    here = Here([event(US + n) for n in range(40)])
    heard = await hear(here, f"us:{US - 1}", 40, Habits(batch=2, queue_frames=5, silence=1.0))
    assert (here.opened, sum(one.heard for one in heard)) == (1, 40)
