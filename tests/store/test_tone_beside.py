"""A model of tone takes its time beside the loop: whatever is heard goes on meanwhile, and comes to the same."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import numpy
import onnx
import pytest
from onnx import helper, numpy_helper

from listener.model.accounts import Account
from listener.model.heard import Batch, Mention
from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.rulebook.subject import Classifies, model_named
from listener.service.database import House
from listener.service.listen import Ear
from listener.service.pulse import Pulse
from listener.service.replaying import record_of
from listener.service.rules import Bench
from listener.service.stopping import Stop
from listener.store import people
from listener.store.judged import judged
from tests.core.test_tone_by_model import ANGRY, HAPPY, PLAIN, folder, graph, read
from tests.store.builders import NOW, said

# What Postgres has to do with it is the same on both.
pytestmark = pytest.mark.newest

RULES = """
topics:
  - {key: main, kind: brand, query: lark, names: [Lark]}
rules:
  - {id: cross, title: Cross, owner: x, scope: {topics: [main]}, when: 'tone:negative', then: {tags: [cross]}}
  - {id: many, title: Many, owner: x, scope: {topics: [main]}, when: 'about:negative', count: {mentions: 2, within: 1h}, then: {tags: [many]}}
"""
WIDE = 800
"""Of the matrices that make a model slow."""
SPOKEN = (
    said("a", f"Lark: {ANGRY}", langs=("es",)),
    said("b", f"{HAPPY}. Pero Lark, qué vergüenza. Horrible tienda de siempre.", langs=("es",)),
    said("c", f"Lark: {PLAIN}", langs=("es",)),
    said("d", "Lark is horrible, and this is a great shame"),
)


def slow(times: int) -> bytes:
    """The tiny model, multiplying matrices on its way: the optimiser cannot know that it all comes to nothing."""
    model = onnx.load_from_string(graph(output="logits"))
    found = model.graph
    found.node[-1].output[0] = "plain"
    found.initializer.append(numpy_helper.from_array(numpy.array([WIDE, WIDE], numpy.int64), "wide"))
    names = [f"m{number}" for number in range(times + 1)]
    found.node.extend(
        [
            helper.make_node("ReduceMean", ["plain"], ["mean"], axes=[0, 1], keepdims=1),
            helper.make_node("Sub", ["mean", "mean"], ["zero"]),
            helper.make_node("Expand", ["zero", "wide"], ["m0"]),
            *(helper.make_node("MatMul", [names[i], "m0"], [names[i + 1]]) for i in range(times)),
            helper.make_node("ReduceMean", [names[-1]], ["nothing"], axes=[0, 1], keepdims=1),
            helper.make_node("Add", ["plain", "nothing"], ["logits"]),
        ]
    )
    content: bytes = model.SerializeToString()
    return content


@dataclass
class Watched:
    """A model, and on which thread it was asked what."""

    model: Classifies
    asked: list[tuple[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def method(self) -> str:
        return self.model.method

    def tone(self, text: str, brand_names: Iterable[str] = ()) -> Tone:
        began = time.monotonic()
        self.asked.append((threading.current_thread().name, text))
        tone = self.model.tone(text, brand_names)
        self.seconds.append(time.monotonic() - began)
        return tone


@dataclass
class Loop:
    """How long the loop did not turn, at the most: by the clock, and by its own work."""

    stall: float = 0.0
    work: float = 0.0

    async def watch(self) -> None:
        while True:
            clock, work = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.001)
            self.stall = max(self.stall, time.monotonic() - clock)
            self.work = max(self.work, time.thread_time() - work)


@dataclass
class Said:
    """A stream that hands over these batches and is silent then."""

    batches_: list[Batch]
    told: asyncio.Event = field(default_factory=asyncio.Event)
    key: str = "bluesky/jetstream"
    trouble: str = ""

    async def batches(self, cursor: str | None) -> AsyncIterator[Batch]:
        for batch in self.batches_:
            yield batch
        self.told.set()
        await asyncio.Event().wait()


@dataclass
class Stand:
    """A bench with one brand that listens for Lark, and the account that may be named."""

    bench: Bench
    brand_id: int
    account: Account

    @classmethod
    async def built(cls, pool: asyncpg.Pool, dsn: str, at: Path, settings: str) -> Stand:
        rules = at / "rules"
        rules.mkdir()
        (rules / "r.yaml").write_text(RULES)
        stop = Stop()
        bench = Bench(replace(read(settings, at), rules=rules), House(dsn, pool), stop, lambda: NOW)
        brand_id = await people.ensure_brand(pool, "lark", "Lark", "UTC")
        account = await people.ensure_account(pool, brand_id, "bluesky", "bluesky", "us", "us.test")
        await bench.start({"lark": brand_id}, [account])
        return cls(bench, brand_id, account)

    def watched(self) -> Watched:
        """Has its model watched from now on."""
        assert self.bench._methods is not None
        model = Watched(self.bench._methods.tones["es"])
        self.bench._methods = replace(self.bench._methods, tones={"es": model})
        self.bench.know([self.account])
        return model

    async def hear(self, *batches: tuple[Mention, ...]) -> Loop:
        """Has an ear record these; what became of the loop meanwhile."""
        stream = Said([Batch(some, f"c{number}", NOW, heard=len(some)) for number, some in enumerate(batches, 1)])
        ear = Ear(self.bench.house, stream, self.bench, Pulse(), self.bench.stop, [self.account], clock=lambda: NOW)
        loop = Loop()
        running = [asyncio.ensure_future(ear.listen()), asyncio.ensure_future(loop.watch())]
        try:
            async with asyncio.timeout(60):
                await stream.told.wait()
        finally:
            for one in running:
                one.cancel()
            for one in running:
                with contextlib.suppress(asyncio.CancelledError):
                    await one
        return loop


async def test_the_loop_turns_while_a_model_scores_and_what_is_thought_is_the_same(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    folder(tmp_path / "modelo", slow(6))
    stand = await Stand.built(pool, dsn, tmp_path, '[[tone]]\nlang = "es"\nmodel = "modelo"\n')
    await stand.hear((said("z", "Lark is great and this is only to get warm"),))
    model = stand.watched()
    changed = replace(SPOKEN[2], text=f"{ANGRY} Horrible, horrible.", revision="3b", content_id="other")
    loop = await stand.hear(SPOKEN, (*SPOKEN, changed))
    took = max(model.seconds)
    assert took > 0.05, "else this test shows nothing"
    assert loop.work < 0.05, f"the loop worked for {loop.work * 1000:.0f} ms at once"
    # By the clock it also waits for whoever else uses this machine, as the model does.
    assert loop.stall < 0.75 * took, (
        f"the loop stood for {loop.stall * 1000:.0f} ms, and a text takes {took * 1000:.0f}"
    )

    assert {name.rpartition("_")[0] for name, _ in model.asked} == {"hubbub-tone"}, "nothing is asked on the loop"
    texts = [text for _, text in model.asked]
    assert len(set(texts)) == len(texts), "nothing is asked twice, also what is heard again"
    assert {one.text for one in (*SPOKEN[:3], changed)} < set(texts), "the edit, though it names nobody any more"
    assert "Pero Lark, qué vergüenza." in texts, "and the sentences that name us, alone"

    labels = {}
    for number, name in await pool.fetch("SELECT id, external_id FROM mentions"):
        found = await judged(pool, number)
        assert found is not None
        # Judged again without any of it.
        assert stand.bench.now.judge(found.mention, found.hearings, found.context, found.at) == found.assessment
        told = record_of(found)  # for a replay
        assert model_named(told.lang, told.tone) == ("" if name in {"d", "z"} else f"es:{model.method}")
        labels[name] = found.assessment.tone.label, found.assessment.tone.about
    assert labels["a"] == labels["c"] == labels["d"] == (ToneLabel.NEGATIVE, None)
    assert labels["b"][1] is ToneLabel.NEGATIVE


async def test_without_a_model_there_is_no_thread_and_the_judge_is_the_one_there_is(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    stand = await Stand.built(pool, dsn, tmp_path, "")
    assert stand.bench._beside is None
    now = stand.bench.now
    assert await now.prepared(Batch(SPOKEN, None, NOW)) is now.judge


async def test_a_service_that_ends_leaves_the_batch_that_is_being_prepared_for_the_next_one(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    folder(tmp_path / "modelo", slow(3))
    stand = await Stand.built(pool, dsn, tmp_path, '[[tone]]\nlang = "es"\nmodel = "modelo"\n')
    model = stand.watched()
    many = tuple(said(f"n{n}", f"Lark {n} {ANGRY}", langs=("es",)) for n in range(500))
    ear = Ear(
        stand.bench.house, Said([Batch(many, "c1", NOW)]), stand.bench, Pulse(), stand.bench.stop, clock=lambda: NOW
    )
    running = asyncio.ensure_future(ear.listen())
    while not model.asked:
        await asyncio.sleep(0.01)
    stand.bench.stop.set("the test is over")
    async with asyncio.timeout(5):
        await running
    assert len(model.asked) < 50
    assert await pool.fetchval("SELECT count(*) FROM mentions") == 0
    assert await pool.fetchval("SELECT cursor FROM sources") is None
