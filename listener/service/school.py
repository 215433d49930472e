"""When something is learned from a brand's decisions, and what becomes of it. Owns the order of it: gathered, learned by a worker, measured, kept.

At most once a day and only when enough was decided since, or at once where a message that it learned from is gone or the rules judge need
otherwise. A model comes into force only where it beat need; one that does worse than need since then is taken out. Refuses to learn itself (a
process does), and to send, hide or close anything: all it can change is the number that stands in need's place.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener.errors import FixMe, Refused
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.service.learner import MOST, Lessons, Past, learned
from listener.service.replaying import record_of
from listener.service.rules import Bench
from listener.service.stopping import Stop, Stopped
from listener.settings import ToneSettings
from listener.store import decisions, rulebooks
from listener.store import learned as store
from listener.store.connect import Pool
from listener.weekly import Drift, bins, drift

log = logging.getLogger("hubbub.learning")

FIRST_SECONDS, LOOK_SECONDS = 300.0, 900.0
DAILY, SOON = timedelta(hours=24), timedelta(minutes=40)
"""With the look that comes after it, within the hour."""
FLOOR = 50
"""Decisions that must have come since it learned last."""
LIBRARY = "learning needs scikit-learn, which is not there (pip install 'hubbub[learn]')"


@dataclass(frozen=True, slots=True)
class Studied:
    """What a look came to."""

    told: str
    """In words."""
    decisions: int
    version: str = ""
    """Of the model that was made; "": none."""
    counts: bool = False
    again: bool = False
    """A message went while it was learned from: it is to be done anew soon."""


def why_now(state: store.Learning, models: Sequence[store.LearnedModel], need: str) -> tuple[str, timedelta] | None:
    """Why it is time to look, and how long nobody must have looked before; None: nothing is wanted. `need`: the method of the rules in force."""
    if not state.is_on:
        return None
    speaking = next((one for one in models if one.in_force), None)
    if state.due:
        return "a message that it learned from is gone", SOON
    if speaking is not None and speaking.need != need:
        return "the rules judge need otherwise now", SOON
    return "daily", DAILY


async def study(
    pool: Pool, brand_id: int, now: datetime, *, least: int = 0, seed: int = 0, tones: Sequence[ToneSettings] = ()
) -> Studied:
    """Learns from a brand's decisions by the rules in force, and keeps what came of it. `least`: with fewer decisions since it learned last
    nothing is done. What cannot be learned is told, not raised.
    """
    if importlib.util.find_spec("sklearn") is None:
        return Studied(LIBRARY, 0)
    in_force = await rulebooks.in_force(pool)
    if in_force is None or not isinstance(await asyncio.to_thread(parse, in_force.files), Rulebook):
        return Studied("no rules are in force that this version reads: the listener publishes them when it starts", 0)
    found = await decisions.decided(pool, brand_id, MOST)
    before = next(iter(await store.models(pool, brand_id, 1)), None)
    new = sum(before is None or one.said_at > before.made_at for one in found)
    if before is not None and new < least:
        return Studied(f"{new} decisions are new since it learned last; it waits for {least}", len(found))
    past = tuple(Past(record_of(one.judged), one.outcome.needed) for one in found)
    try:
        done = await learned(Lessons((), "", seed, dict(in_force.files), past, tuple(tones)))
    except FixMe as err:
        return Studied(f"{err.what}; {err.hint}" if err.hint else err.what, len(found))
    assert done.model is not None  # noqa: S101
    try:
        await store.keep(pool, brand_id, done.model, [one.judged.mention_id for one in found], done.held_back, now)
    except Refused as err:
        return Studied(f"{err.what}; {err.hint}", len(found), again=True)
    return Studied(done.model.why, len(found), done.model.method, done.model.counts)


async def look(
    pool: Pool, brand_id: int, now: datetime, *, least: int = 0, tones: Sequence[ToneSettings] = ()
) -> Studied:
    """`study`, with what is in force taken out where it does worse than need, and what nobody needs forgotten. What came of it is told."""
    found = await study(pool, brand_id, now, least=least, tones=tones)
    if not found.counts:
        await _looked_after(pool, brand_id, now)
    await store.sweep(pool, brand_id, now)
    await store.told(pool, brand_id, found.told, found.decisions, due=found.again)
    return found


async def how_it_fares(pool: Pool, brand_id: int) -> tuple[store.LearnedModel | None, Drift | None]:
    """The model that speaks, and whether it still keeps what it promised, on what it has scored as it came. None: nothing speaks."""
    speaking = next((one for one in await store.models(pool, brand_id) if one.in_force), None)
    if speaking is None:
        return None, None
    found = await decisions.fared(pool, brand_id, MOST, speaking.made_at)
    held = await store.held_back(pool, brand_id, speaking.version)
    promised = bins(one.learned for one in held if one.learned is not None)
    since = [one.scored for one in found if one.model == speaking.version]
    return speaking, drift(since, promised, speaking.measured.auc)


async def _looked_after(pool: Pool, brand_id: int, now: datetime) -> None:
    """What is in force and does worse than need on what came since is in force no longer."""
    speaking, fares = await how_it_fares(pool, brand_id)
    if speaking is not None and fares is not None and fares.worse:
        await store.retire(pool, brand_id, fares.what, now)
        log.warning("%s speaks no longer: %s", speaking.version, fares.what)


@dataclass(slots=True)
class School:
    """The loop of the service. Several programs may run it: of those that look at the same moment, one learns."""

    house: House
    bench: Bench
    brands: Mapping[str, int]
    stop: Stop
    clock: Callable[[], datetime]

    async def keep(self) -> None:
        """Until the service ends."""
        with contextlib.suppress(Stopped):
            await self.stop.pause(FIRST_SECONDS)
            while True:
                await self.look_at_all()
                await self.stop.pause(LOOK_SECONDS)

    async def look_at_all(self) -> None:
        """Each brand whose time it is."""
        for key, brand_id in self.brands.items():
            await self._look(key, brand_id)

    async def _look(self, key: str, brand_id: int) -> None:
        pool, need = self.house.pool, self.bench.now.rulebook.signals.method

        async def once() -> None:
            now = self.clock()
            state = await store.state(pool, brand_id)
            if state.due and not state.is_on:  # nothing is learned, but what has to be forgotten is
                await store.sweep(pool, brand_id, now)
                await store.told(pool, brand_id, state.told, state.decisions)
            wanted = why_now(state, await store.models(pool, brand_id), need)
            if wanted is None or not await store.claim(pool, brand_id, now, wanted[1]):
                return
            least, tones = FLOOR if wanted[1] == DAILY else 0, self.bench.settings.tones
            found = await self.stop.unless(look(pool, brand_id, now, least=least, tones=tones))
            log.info("%s: %s (%s)", key, found.told, wanted[0])

        await self.house.persistently(once, self.stop, "learning")
