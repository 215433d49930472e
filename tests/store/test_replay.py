"""A replay by the rulebook that judged says what was said then: live judging and judging again are one and the same."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from listener.errors import FixMe
from listener.model.heard import Deleted, Mention
from listener.rulebook.replay import Record
from listener.service import replaying
from listener.service.replayer import Order, Work, side_of
from listener.service.replaying import Asked, Kept, kept_at, replayed, working
from listener.service.rules import load_methods
from listener.store import history
from tests.core.rulebooks import PLAIN, book
from tests.store.builders import NOW, said
from tests.store.heard import Ears

pytestmark = pytest.mark.newest
BEGINNING = datetime.min.replace(tzinfo=UTC)
TOPICS = """\
topics:
  - {key: brand, kind: brand, query: larkspur}
  - {key: launch, kind: campaign, query: orbit}
"""
RULES = """\
rules:
  - {id: outage, title: Outage, owner: ops, scope: {addressed: yes, kinds: [brand]}, when: down, then: {priority: high, reply within: 1h, open: yes},
     unless: [flood]}
  - {id: flood, title: Flood, owner: ops, scope: {kinds: [brand, campaign]}, when: down OR slow,
     count: {mentions: 3, within: 10m, per: [topic]}, then: {priority: urgent, tags: [flood]}}
  - {id: crowd, title: Crowd, owner: ops, scope: {everything: yes}, when: awful, count: {authors: 3, within: 20m, for: 5m}, then: {tags: [crowd]}}
  - {id: mood, title: Mood, owner: ops, scope: {everything: yes}, when: tone:negative, count: {ratio: 0.4, of at least: 4, within: 15m},
     then: {tags: [mood]}}
  - {id: ours, title: Ours, owner: ops, scope: {addressed: yes, ours: yes}, when: sorry, then: {tags: [sorry]}}
  - {id: fresh, title: Fresh, owner: ops, scope: {everything: yes}, when: 'age:<10m AND larkspur', then: {snooze: 1h}}
  - {id: trial, title: Trial, owner: ops, status: experimental, scope: {everything: yes}, when: slow, then: {tags: [slow]}}
exceptions:
  - {rule: outage, when: '"calm down"', reason: a word}
"""
FILES = {"topics_yaml": TOPICS, "rules_yaml": RULES}
WORDS = ["larkspur", "orbit", "down", "slow", "awful", "lovely", "sorry", "calm", "ok"]


def varied(dice: random.Random, n: int) -> list[Mention]:
    """Messages said within three hours, some answering us, some ours."""
    made = []
    for i in range(n):
        text = " ".join(dice.sample(WORDS, 4))
        by = dice.choice(["mira", "tom", "noor", "ada", "us"])
        named = ("us",) if dice.random() < 0.2 and by != "us" else ()
        at = NOW + timedelta(minutes=dice.randrange(180))
        if i % 40 < 5:  # a crowd that is in a bad mood at once
            text, at = f"awful slow {text}", NOW + timedelta(minutes=i // 40 * 20 + i % 5)
        made.append(said(f"m{i}", text, by=by, at=at, named=named, langs=("en",)))
    return made


async def heard_at_random(ears: Ears, dice: random.Random, n: int) -> None:
    """In batches of any size; what is said late is heard with what is said early, as after a gap that was filled."""
    mentions = varied(dice, n)
    mentions.sort(key=lambda one: (one.network_at or NOW) + timedelta(minutes=dice.randrange(-40, 40)))
    now = NOW
    while mentions:
        size = dice.randrange(1, 12)
        batch, mentions = mentions[:size], mentions[size:]
        now = max([now + timedelta(seconds=1), *(one.network_at for one in batch if one.network_at)])
        await ears.hear(batch, now, history=dice.random() < 0.1)
        if dice.random() < 0.2:  # twice heard is once stored, and once counted
            await ears.hear(batch, now + timedelta(milliseconds=5))


async def everything(pool: asyncpg.Pool, brand_id: int) -> list[Record]:
    found: list[Record] = []
    async for page in replaying._pages(pool, brand_id, BEGINNING, NOW + timedelta(days=9), None):
        found += page.records
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_judging_again_by_the_rulebook_in_force_says_what_was_said_live(pool: asyncpg.Pool, seed: int) -> None:
    ears = await Ears.built(pool, FILES, PLAIN)
    await heard_at_random(ears, random.Random(seed), 200)
    side = side_of(ears.rulebook, BEGINNING, PLAIN)
    stored = {
        one.mention_id: one
        for one in await history.heard(pool, ears.brand_id, BEGINNING, NOW + timedelta(days=9), limit=1000)
    }
    records = await everything(pool, ears.brand_id)
    assert len(records) == len(stored) > 150
    fired: dict[str, int] = {}
    for one in records:
        made = side.judge(one)
        assert made is not None, one
        live = stored[one.id].assessment
        assert [flag.rule for flag in made.flags] == [flag.rule for flag in live.flags], one
        assert made == live
        for flag in made.flags:
            fired[flag.rule] = fired.get(flag.rule, 0) + 1
    assert sorted(fired) == ["crowd", "flood", "fresh", "mood", "ours", "outage", "trial"], "every rule had its say"


async def test_the_order_in_which_it_was_heard_decides_what_was_counted(pool: asyncpg.Pool) -> None:
    ears = await Ears.built(pool, FILES, PLAIN)
    say = [said(f"m{n}", "larkspur down", by=f"p{n}", at=NOW + timedelta(minutes=n), langs=("en",)) for n in range(3)]
    for n, one in enumerate([say[2], say[0], say[1]]):
        await ears.hear([one], NOW + timedelta(minutes=30 + n))
    side = side_of(ears.rulebook, BEGINNING, PLAIN)
    by_heard = [side.judge(one) for one in await everything(pool, ears.brand_id)]
    assert all(one is not None and "flood" not in [flag.rule for flag in one.flags] for one in by_heard)
    assert await pool.fetchval("SELECT count(*) FROM flags WHERE rule = 'flood'") == 0


async def test_what_was_heard_at_once_stays_together_however_small_the_pages_are(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = await Ears.built(pool, FILES, PLAIN)
    dice = random.Random(5)
    await heard_at_random(ears, dice, 120)
    whole = await everything(pool, ears.brand_id)
    monkeypatch.setattr(replaying, "PAGE", 7)
    pages = [page async for page in replaying._pages(pool, ears.brand_id, BEGINNING, NOW + timedelta(days=9), None)]
    assert [one for page in pages for one in page.records] == whole
    times = [{one.judged_at for one in page.records} for page in pages]
    assert all(not (a & b) for a, b in itertools.pairwise(times))
    for page in pages:  # from any place on, the rest
        rest = [p async for p in replaying._pages(pool, ears.brand_id, BEGINNING, NOW + timedelta(days=9), page.last)]
        place = whole.index(page.records[-1]) + 1
        assert [one for p in rest for one in p.records] == whole[place:]


# With the worker -----------------------------------------------------------------------------------------------------


def asked(
    ears: Ears, rules: str, start: datetime = NOW - timedelta(days=1), end: datetime = NOW + timedelta(days=9)
) -> Asked:
    new = book(topics_yaml=TOPICS, rules_yaml=rules)
    return Asked(ears.brand_id, "lark", "UTC", start, end, ears.rulebook, new)


def kept(folder: Path) -> Kept:
    return kept_at(folder, {"a": "test"}, NOW - timedelta(days=1), NOW + timedelta(days=9), fresh=False)


WIDER = RULES.replace("mentions: 3", "mentions: 2").replace("when: down,", "when: down OR awful,")


class Stop(Exception):
    """Stopped by a test."""


def stopping(after: int) -> Callable[[int], None]:
    left = [after]

    def show(done: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise Stop

    return show


async def test_a_run_that_was_stopped_comes_to_the_same_as_one_that_was_not(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = await Ears.built(pool, FILES, load_methods())
    await heard_at_random(ears, random.Random(3), 150)
    same = kept(tmp_path / "same")
    assert (await replayed(pool, asked(ears, RULES), same, lambda _: None)).outcome.same
    same.close()
    whole = kept(tmp_path / "whole")
    expected = (await replayed(pool, asked(ears, WIDER), whole, lambda _: None)).outcome
    whole.close()
    assert expected.differing > 5
    monkeypatch.setattr(replaying, "PAGE", 20)
    for stopped in (1, 2):
        one = kept(tmp_path / "cut")
        with pytest.raises(Stop):
            await replayed(pool, asked(ears, WIDER), one, stopping(stopped))
        one.close()
    last = kept(tmp_path / "cut")
    assert last.resumed
    found = await replayed(pool, asked(ears, WIDER), last, lambda _: None)
    last.close()
    assert found.outcome == expected
    assert last.done == await history.count(pool, ears.brand_id, BEGINNING, NOW + timedelta(days=9))


async def test_a_part_of_history_counts_what_came_before_it(pool: asyncpg.Pool, tmp_path: Path) -> None:
    ears = await Ears.built(pool, FILES, load_methods())
    for n in range(3):
        await ears.hear(
            [said(f"m{n}", "larkspur down", by=f"p{n}", at=NOW + timedelta(minutes=n))], NOW + timedelta(minutes=n)
        )
    one = kept(tmp_path)
    found = await replayed(pool, asked(ears, RULES, NOW + timedelta(minutes=1.5)), one, lambda _: None)
    one.close()
    assert (found.outcome.judged, found.outcome.rules["flood"].before) == (1, 1)
    assert found.outcome.short_counts == 0


async def test_a_text_that_is_gone_is_counted_as_gone(pool: asyncpg.Pool, tmp_path: Path) -> None:
    ears = await Ears.built(pool, FILES, load_methods())
    say = [said(f"m{n}", "larkspur down", by=f"p{n}", at=NOW) for n in range(2)]
    await ears.hear(say, NOW)
    await ears.hear([Deleted(say[0].key, "3z")], NOW + timedelta(minutes=1))
    one = kept(tmp_path)
    found = (await replayed(pool, asked(ears, "rules: []"), one, lambda _: None)).outcome
    one.close()
    assert (found.judged, found.text_gone) == (1, 1)
    assert (found.rules["outage"].before, found.rules["outage"].gone) == (1, 1)


async def test_a_worker_that_is_killed_is_told_and_what_was_judged_is_kept() -> None:
    empty = {"topics.yaml": TOPICS}
    async with working(Order(empty, empty, BEGINNING, {})) as worker:
        await worker.take(Work(()))
        worker.process.kill()
        with pytest.raises(FixMe, match=r"ended: SIGKILL") as caught:
            await worker.take(Work(()))
    assert "the same command goes on" in caught.value.hint


async def test_a_worker_ends_when_whoever_started_it_lets_go() -> None:
    empty = {"topics.yaml": TOPICS}
    async with working(Order(empty, empty, BEGINNING, {})) as worker:
        await worker.take(Work(()))
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert await asyncio.wait_for(worker.process.wait(), 20) == 0


async def test_a_worker_that_cannot_judge_says_why(pool: asyncpg.Pool, tmp_path: Path) -> None:
    ears = await Ears.built(pool, FILES, load_methods())
    await ears.hear([said("m", "larkspur down", at=NOW)], NOW)
    one = kept(tmp_path)
    broken = replace(ears.rulebook, files={"a.yaml": "rules: [{id: 1"})
    with pytest.raises(FixMe, match="could not go on"):
        await replayed(pool, replace(asked(ears, RULES), new=broken), one, lambda _: None)
    one.close()
