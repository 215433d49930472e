"""The journey that kills: listener, deliverer or Postgres, at any moment, under load, from a seed. Owns the play; `comparing` judges.

While a burst of posts, edits and deletes runs and the staff answers, one victim after the other gets SIGKILL and comes back. The network
answers writes late, now and then not at all although it took them. When all is quiet the database is compared with the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from listener.errors import HubbubError
from listener.model.leaving import Doing
from listener.model.people import Role
from listener.pictures import PNG, Picture
from listener.store import attachments, network_acts, outbox, people
from pretend.burst import Plan
from pretend.faults import Effect, Fault
from pretend.network import Network
from tests.journeys.comparing import Compared, compare
from tests.journeys.running import AWAY, SERVE, Running, running, until

VICTIMS = ("listener", "deliverer", "postgres")
PUT, UPLOAD = "com.atproto.repo.putRecord", "com.atproto.repo.uploadBlob"
DOT = Picture(PNG, 3, 2, b"\x89PNG\r\n\x1a\n and so on")
"""What every second answer carries."""

# An open conversation with a message to answer, anyone.
SOMEBODY = """
SELECT c.id, c.account_id, c.thread_version, c.last_mention_id FROM conversations AS c
JOIN mentions AS m ON m.id = c.last_mention_id
WHERE c.account_id > 0 AND m.state = 'live' AND NOT m.ours AND c.merged_into IS NULL
  AND NOT EXISTS (SELECT FROM replies AS r WHERE r.conversation_id = c.id AND r.parent_id = m.id)
ORDER BY md5(c.id::text || $1) LIMIT 1
"""


@dataclass(slots=True)
class Told:
    """What a journey did, for its last line."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0
    compared: Compared | None = None
    seconds: float = 0.0

    @property
    def differences(self) -> tuple[str, ...]:
        """What did not come out right."""
        found = self.compared
        return (*found.differences, *found.waiting) if found else ("the journey did not end",)

    def __str__(self) -> str:
        found = self.compared
        head = f"seed {self.seed}: {self.kills.total()} kills ({', '.join(f'{n} {name}' for name, n in sorted(self.kills.items()))})"
        if found is None:
            return head
        rest = (
            f"{found.posts} posts that concern us, replies {dict(found.replies)}, {found.acts} likes, "
            f"{len(self.differences)} differences"
        )
        return f"{head} in {self.seconds:.0f} s; {rest}"


@dataclass(slots=True)
class Journey:
    """One play. The same seed gives the same victims, moments and load; where in the program a moment falls is the machine's affair."""

    seed: int
    kills: int
    victims: Sequence[str] = VICTIMS
    serve: Sequence[str] = SERVE
    """How the listener is started: a wrong one must be found out."""
    deliver: Sequence[str] = SERVE
    """How the deliverer is started."""
    pace: tuple[float, float] = (0.3, 1.6)
    """Seconds between two kills."""
    per_second: float = 40.0
    likes: bool = True
    """What is answered is liked too."""
    quiet_within: float = 90.0
    """Seconds that all may take to come right afterwards."""
    still_for: float = 90.0
    """Seconds without any change after which nothing more is waited for."""
    told: Told = field(init=False)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.told = Told(self.seed)
        self._chance = random.Random(self.seed)

    async def play(self) -> Told:
        """The whole journey; compare `differences` with nothing."""
        began = time.monotonic()
        async with Network.start(seed=self.seed) as network, running(network) as house:
            house.program("listener", "--only", "listen", serve=self.serve)
            house.program("deliverer", "--only", "deliver", serve=self.deliver)
            await until(self._ready(house), within=90, told=house.logs)
            self._misbehave(network)
            posts = int(self.per_second * (self.kills * (sum(self.pace) / 2 + 0.8) + 3))
            load = network.burst(Plan(posts=posts, per_second=self.per_second, seed=self.seed, authors=60))
            staff = asyncio.ensure_future(self._staff(house))
            try:
                await self._kill(house)
                await network.burst_over(load)
            finally:
                staff.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await staff
            network.faults.clear()
            await self._quiet(network, house)
        self.told.seconds = time.monotonic() - began
        return self.told

    @staticmethod
    def _ready(house: Running):  # type: ignore[no-untyped-def]
        async def ready() -> bool:
            house.supervise()
            has_account = await house.pool.fetchval("SELECT count(*) FROM accounts WHERE state = 'ready'")
            listens = await house.pool.fetchval(
                "SELECT cursor IS NOT NULL FROM sources WHERE key = 'bluesky/jetstream'"
            )
            return bool(has_account and listens)

        return ready

    def _misbehave(self, network: Network) -> None:
        """Writes are slow, so that kills meet them half-way; some are taken without an answer."""
        network.faults.add(
            Fault(PUT, Effect.CUT, times=0, every=7, carried_out=True),
            Fault(PUT, Effect.STATUS, times=0, every=11, status=502, carried_out=False),
            Fault(PUT, Effect.LATE, times=0, every=2, seconds=0.25),
            Fault(UPLOAD, Effect.CUT, times=0, every=5, carried_out=True),
            Fault(UPLOAD, Effect.LATE, times=0, every=2, seconds=0.25),
        )

    async def _kill(self, house: Running) -> None:
        for _ in range(self.kills):
            await self._pause(house, self._chance.uniform(*self.pace))
            await self._answering(house)
            victim = self._chance.choice(self.victims)
            if victim == "postgres":
                house.kill_postgres()
            else:
                house.programs[victim].kill()
            self.told.kills[victim] += 1
            await asyncio.sleep(self._chance.uniform(0.0, 0.4))
            house.supervise()

    async def _pause(self, house: Running, seconds: float) -> None:
        """Waits, and starts again what dies meanwhile: a listener may give up by itself while Postgres is away at its start."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            await asyncio.sleep(min(0.2, left))
            house.supervise()

    async def _answering(self, house: Running) -> None:
        """Waits until the staff has got two more answers into the outbox (or cannot), so that every kill meets some on their way."""
        enough, ends = len(self.told.acknowledged) + 2, time.monotonic() + 8.0
        while len(self.told.acknowledged) < enough and time.monotonic() < ends:
            await asyncio.sleep(0.02)
            house.supervise()

    async def _staff(self, house: Running) -> None:
        """Answers and likes whoever can be answered, as fast as it may, whatever dies meanwhile."""
        chance, number, person = random.Random(self.seed + 1), 0, None
        while True:
            await asyncio.sleep(chance.uniform(0.02, 0.25))
            with contextlib.suppress(*AWAY):
                try:
                    if person is None:
                        brand_id = await house.pool.fetchval("SELECT id FROM brands")
                        person = await people.ensure_person(house.pool, "ann", "Ann", brand_id, Role.RESPONDER)
                    row = await house.pool.fetchrow(SOMEBODY, str(number))
                    if row is None:
                        continue
                    number += 1
                    text = f"Answer {self.seed}/{number}: we are on it."
                    await attachments.drop(house.pool, person.id, row["id"])
                    if number % 2:
                        now, alt = datetime.now(UTC), f"for {row['id']}"
                        await attachments.attach(house.pool, person.id, row["id"], "dot.png", DOT, alt, now)
                    await outbox.queue_reply(
                        house.pool, person.id, row["id"], row["account_id"], row["last_mention_id"], text,
                        visibility="public", lang="en", fence=row["thread_version"],
                        hold_seconds=chance.uniform(0.0, 0.5), close_after=False, now=datetime.now(UTC),
                    )  # fmt: skip
                    self.told.acknowledged.append(text)
                    if not self.likes:
                        continue
                    await network_acts.queue(
                        house.pool, person.id, row["id"], row["last_mention_id"], Doing.LIKE, account_id=row["account_id"],
                        hold_seconds=chance.uniform(0.0, 0.5), now=datetime.now(UTC),
                    )  # fmt: skip
                except HubbubError:
                    self.told.refused += 1

    async def _quiet(self, network: Network, house: Running) -> None:
        """Waits until nothing is on its way any more, or nothing moves; what is left then is what the journey came to."""
        since = time.monotonic()

        async def settled() -> bool:
            nonlocal since
            house.supervise()
            found = await compare(network, house.pool, self.told.acknowledged)
            if found != self.told.compared:
                self.told.compared, since = found, time.monotonic()
            return not found.waiting or time.monotonic() - since > self.still_for

        with contextlib.suppress(AssertionError):
            await until(settled, within=self.quiet_within, every=0.5)
        if self.told.differences:
            print(house.logs())
