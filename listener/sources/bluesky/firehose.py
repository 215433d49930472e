"""The public stream by a host's own firehose, `com.atproto.sync.subscribeRepos`: for networks of one's own, which have no Jetstream.

Owns how to find a place there. A cursor is a sequence number of that one host, and there is no way to ask by time: a place by time (another host,
a new numbering, a look back) is searched for by asking for the first event after this number and that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from listener.errors import TryAgain
from listener.sources.base import Say, Wanted
from listener.sources.bluesky.frames import read_frame
from listener.sources.bluesky.jetstream import address_of
from listener.sources.bluesky.public import SEQ_END, SKEW_US, Asked, Habits, Place, PublicStream
from listener.sources.bluesky.shapes import Notice, Said
from listener.webclient.client import WebClient

METHOD = "/xrpc/com.atproto.sync.subscribeRepos"
QUIET = 3600.0
"""Seconds: on a small network nobody may say anything for long; whether the host is there at all its pongs say."""
NEAR = 200
"""Events that may come twice rather than be searched for one by one."""


class Firehose(PublicStream):
    """The public stream of hosts that send their firehose: a relay, or a PDS."""

    def __init__(
        self,
        web: WebClient,
        hosts: Sequence[str],
        wanted: Wanted,
        *,
        habits: Habits | None = None,
        say: Say = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        habits = habits or Habits()
        wires = [_Repos(web, address_of(host).removesuffix(METHOD) + METHOD, habits.proof) for host in hosts]
        habits = replace(habits, silence=max(QUIET, habits.silence))
        super().__init__("bluesky/firehose", web, wires, wanted, habits=habits, say=say, clock=clock)


@dataclass(frozen=True, slots=True)
class _Repos:
    """One host."""

    web: WebClient
    address: str
    patience: float
    """Seconds in which a host shows the first event after a number, where there is one."""

    @property
    def host(self) -> str:
        return urlsplit(self.address).netloc

    async def ask(self, place: Place, by_time: bool) -> Asked:
        if place.seq and place.host == self.host and not by_time:
            # What comes after the one before: so that the host proves that it still counts as it did.
            return Asked(self.address, [("cursor", str(place.seq - 1))], expected=place.seq)
        cursor, too_old = await self._search(place)
        return Asked(self.address, [("cursor", str(cursor))], too_old=too_old)

    def read(self, frame: bytes) -> Sequence[Said]:
        return read_frame(frame)

    async def _search(self, place: Place) -> tuple[int, bool]:
        """A cursor after which nothing is missing from this time on, and whether the host may have had more before what it has."""
        us = place.us - SKEW_US
        first = await self._after(0)
        if first is None or first[1] >= us:
            # Who heard something before, and finds a host that begins to count, finds another one than it was.
            return 0, first is not None and (first[0] > 1 or place.seq > 0)
        low, step = first[0], NEAR
        while (found := await self._after(low + step)) is not None and found[1] < us:
            low, step = max(found[0], low + step), step * 4
        high = low + step
        while high - low > NEAR:
            middle = (low + high) // 2
            found = await self._after(middle)
            if found is None or found[1] >= us:
                high = middle
            else:
                low = max(found[0], middle)
        return low, False

    async def _after(self, cursor: int) -> tuple[int, int] | None:
        """Number and time of the first event after a cursor that says both; None: there is none (yet)."""
        if cursor >= SEQ_END:
            return None
        async with self.web.socket(self.address, params=[("cursor", str(cursor))]) as socket:
            try:
                async with asyncio.timeout(self.patience):
                    while True:
                        for said in read_frame(await socket.receive()):
                            if isinstance(said, Notice) and said.name == "FutureCursor":
                                return None
                            if isinstance(said, Notice) and said.ends:
                                told = f"the stream was ended: {said.name}"
                                raise TryAgain(told, where=self.host, code=said.name)
                            if isinstance(said, tuple) and said[0].cursor and said[0].time_us:
                                return said[0].cursor, said[0].time_us
            except TimeoutError:
                return None
