"""What was judged is read back so whole that judging it again says the same."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.assess import Judge, assess
from listener.language import Languages
from listener.model.heard import AuthorChanged, Batch, Deleted, Hearing, Item, Key, Mention
from listener.model.judged import Context
from listener.model.kinds import Kind, Via
from listener.rulebook.subject import Methods
from listener.sentiment import Vader
from listener.store import history, judged
from listener.store.record import record
from tests.core.rulebooks import book
from tests.store.builders import NOW, SPACE, House, said

RULES = """\
topics:
  - {key: brand, kind: brand, query: lark, names: [Lark]}
  - {key: rival, kind: competitor, query: rival}
teams:
  - {key: care, title: Care}
rules:
  - {id: down, title: Down, owner: x, scope: {everything: yes}, when: down, then: {priority: high, reply within: 1h, team: care, tags: [out]}}
  - {id: mood, title: Mood, owner: x, scope: {addressed: yes}, when: tone:negative, then: {priority: urgent, open: yes}}
  - {id: loud, title: Loud, owner: x, scope: {kinds: [brand, competitor]}, when: 'followers:>=1000 OR likes:>5 OR rating:<3', then: {tags: [loud]}}
  - {id: who, title: Who, owner: x, scope: {everything: yes}, when: 'author:mira.test OR author:noor.test', then: {tags: [known]}}
  - {id: where, title: Where, owner: x, scope: {everything: yes}, when: 'root:m1 OR parent:m2 OR has:media OR is:reply', then: {tags: [thread]}}
  - {id: tongue, title: Tongue, owner: x, scope: {everything: yes}, when: 'lang:de OR domain:shop.example OR #sale', then: {priority: low}}
  - {id: fresh, title: Fresh, owner: x, scope: {everything: yes, ours: yes}, when: 'age:<10m', then: {tags: [fresh]}}
  - {id: trial, title: Trial, owner: x, status: experimental, scope: {everything: yes}, when: lark, then: {tags: [never]}}
  - {id: storm, title: Storm, owner: x, scope: {everything: yes}, when: lark OR rival, count: {mentions: 3, within: 1h, per: [author]},
     then: {priority: urgent, tags: [storm]}}
"""
TEXTS = [
    "lark is down again, awful", "I love lark!", "rival does better", "der Zug von lark ist leider schon wieder verspätet", "ok",
    "lark lark down?", "why is nobody answering, this is terrible", "#sale at lark", "",
]  # fmt: skip


RULEBOOK = book(r_yaml=RULES)


def elsewhen() -> datetime:
    """A clock that nobody may look at: what is kept with a time is judged at that time."""
    raise AssertionError("the judge looked at its own clock")


@pytest.fixture(scope="module")
def methods() -> Methods:
    return Methods(Languages.load(), Vader.load())


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


async def recorded(house: House, judge: Judge, items: list[Item], now: datetime, *, history: bool = False) -> None:
    house.n += 1
    batch = Batch(tuple(items), f"c{house.n}", now, history=history)
    await record(house.pool, house.source_id, batch, house.hear, judge, expect=house.cursor, now=now)
    house.cursor = f"c{house.n}"


def varied(dice: random.Random, house: House, n: int) -> list[Mention]:
    """Messages as different as they come, with all that queries may ask."""
    made = []
    for i in range(n):
        name, us = f"m{i}", dice.random() < 0.1
        ways = [
            (Via.TOPIC, "brand", 0),
            (Via.TOPIC, "rival", 0),
            (Via.MENTION, "", house.account.id),
            (Via.REPLY, "", house.account.id),
        ]
        house.hearings[name] = tuple(
            Hearing(house.brand_id, via, topic, account)
            for via, topic, account in dice.sample(ways, dice.randrange(1, 4))
        )
        parent = f"m{dice.randrange(n)}" if dice.random() < 0.3 else None
        at = dice.choice([None, NOW - timedelta(minutes=dice.randrange(90))])
        more = {
            "parent": parent,
            "root": dice.choice([None, "m1"]) if parent else None,
            "kind": dice.choice([Kind.POST, Kind.REPLY, Kind.REVIEW]),
            "media": dice.choice([0, 0, 2]),
            "langs": dice.choice([(), ("en",), ("de", "en")]),
            "tags": dice.choice([(), ("sale",)]),
            "links": dice.choice([(), ("https://shop.example/x",)]),
            "likes": dice.choice([None, 0, 9]),
            "rating": dice.choice([None, 1.5]),
            "reposts": dice.choice([None, 3]),
            "url": f"https://net.example/{name}",
            "quoted": dice.choice([None, "q"]),
        }
        made.append(
            said(name, dice.choice(TEXTS), by="us" if us else dice.choice(["mira", "noor", "ana"]), at=at, **more)
        )
        if dice.random() < 0.3:
            made[-1] = replace(made[-1], author=replace(made[-1].author, handle=""))
        if dice.random() < 0.1:
            made[-1] = replace(made[-1], network_at=None)
    return made


@pytest.mark.parametrize("seed", range(2))
async def test_judged_again_at_the_same_time_it_is_the_same(
    house: House, pool: asyncpg.Pool, methods: Methods, seed: int
) -> None:
    """Also after likes, handles, followers and the thread have changed, after edits, and when it was heard once more by another way."""
    dice = random.Random(seed)
    judge = Judge(RULEBOOK, methods, elsewhen)
    everything = varied(dice, house, 60)
    now = NOW

    async def hear(items: list[Mention], **more: Any) -> None:
        nonlocal now
        now += timedelta(minutes=7, microseconds=dice.randrange(10**6))
        await recorded(house, judge, list(items), now, **more)

    for i in range(0, 60, 12):
        await hear(everything[i : i + 12], history=i == 12)
    before = {j.mention_id: j for j in await history.heard(pool, house.brand_id, NOW, now + timedelta(days=1))}
    assert len(before) == 60
    # The world moves on.
    for m in dice.sample(everything, 20):
        await hear([replace(m, likes=50, reposts=dice.choice([None, 9]))])
    for m in dice.sample(everything, 10):
        house.hearings[m.key.external_id] = (Hearing(house.brand_id, Via.DM, account_id=house.account.id),)
        await hear([m])
    edits = dice.sample(everything, 10)
    for m in edits:
        await hear(
            [
                replace(
                    m, text=dice.choice(TEXTS), revision="3z", content_id="z", media=1, likes=7, langs=("de",), tags=()
                )
            ]
        )
    changed = [AuthorChanged(replace(m.author, handle=f"other-{m.author.external_id}"), "") for m in everything[:20]]
    now += timedelta(minutes=1)
    await recorded(house, judge, list(changed), now)
    await pool.execute("UPDATE authors SET followers = 5000, verified = true")
    await pool.execute("UPDATE mentions SET root = 'elsewhere' WHERE id % 3 = 0")

    seen: list[judged.Judged] = []
    while page := await history.heard(
        pool,
        house.brand_id,
        NOW,
        now + timedelta(days=1),
        (seen[-1].at, seen[-1].mention_id) if seen else None,
        limit=7,
    ):
        seen += page
    assert sorted(j.mention_id for j in seen) == sorted(before), "each once"
    assert [(j.at, j.mention_id) for j in seen] == sorted((j.at, j.mention_id) for j in seen), "in heard order"
    assert sum(j.version == 2 for j in seen) == 10
    for j in [*seen, *before.values()]:
        found = await judged.judged(pool, j.mention_id, "lark", j.version)
        assert found is not None
        again = assess(found.mention, found.hearings, found.context, RULEBOOK, methods, found.at)
        assert again == found.assessment, (found.mention, found.hearings)
        if j.version == 1:
            assert found.assessment == before[j.mention_id].assessment
    assert {flag.rule for j in seen for flag in j.flags} == {rule.id for rule in RULEBOOK.rules}, (
        "each fired once at least"
    )
    assert any(not flag.shadow and flag.rule == "storm" for j in seen for flag in j.assessment.flags), (
        "something was counted"
    )


async def test_a_text_that_was_blanked_is_said_to_be_gone_and_stays_in_its_place(
    house: House, pool: asyncpg.Pool, methods: Methods
) -> None:
    judge = Judge(RULEBOOK, methods, elsewhen)
    house.topic("a", "b")
    await recorded(house, judge, [said("a", "lark is down, secret"), said("b", "lark")], NOW)
    await recorded(house, judge, [Deleted(Key(SPACE, "a"), "3b")], NOW + timedelta(minutes=1))
    one, two = await history.heard(pool, house.brand_id, NOW, NOW + timedelta(days=1))
    assert (one.text_gone, one.mention.text, one.mention.tags, two.text_gone) == (True, "", (), False)
    assert "down" in [flag.rule for flag in one.assessment.flags], "what was thought of it stays"
    assert "secret" not in str(one)


async def test_each_brand_has_its_own_judgement(house: House, pool: asyncpg.Pool, methods: Methods) -> None:
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    judge = Judge(RULEBOOK, methods, elsewhen)
    house.hearings["a"] = (
        Hearing(house.brand_id, Via.TOPIC, topic="brand"),
        Hearing(other, Via.THREAD),
        Hearing(other, Via.TOPIC, topic="rival"),
    )
    await recorded(house, judge, [said("a", "lark down")], NOW)
    (id_,) = [r["id"] for r in await pool.fetch("SELECT id FROM mentions")]
    first, second = await judged.judged(pool, id_), await judged.judged(pool, id_, "other")
    assert first is not None
    assert second is not None
    assert (first.brand, first.hearings) == ("lark", (Hearing(house.brand_id, Via.TOPIC, topic="brand"),))
    assert (second.brand, second.hearings) == ("other", (Hearing(other, Via.TOPIC, topic="rival"),))
    assert second.context.brand == "other"
    assert await judged.judged(pool, id_, "third") is None
    assert await judged.judged(pool, id_, "lark", 2) is None
    assert [j.brand for j in await history.heard(pool, other, NOW, NOW + timedelta(days=1))] == ["other"]


async def test_what_nobody_judged_is_not_there(house: House, pool: asyncpg.Pool, methods: Methods) -> None:
    judge = Judge(book(r_yaml=RULES.replace(", ours: yes", "")), methods, elsewhen)
    house.hearings["a"] = (Hearing(house.brand_id, Via.THREAD),)
    await recorded(house, judge, [said("a"), said("post", by="us")], NOW)
    assert [await judged.judged(pool, id_) for id_ in (1, 2, 999)] == [None, None, None]
    await recorded(house, Judge(RULEBOOK, methods, elsewhen), [said("other post", by="us")], NOW)
    found = await judged.judged(pool, await pool.fetchval("SELECT max(id) FROM mentions"))
    assert found is not None
    assert [one.via for one in found.hearings] == [Via.OWN]


async def test_a_stretch_of_time_has_its_bounds(house: House, pool: asyncpg.Pool, methods: Methods) -> None:
    judge = Judge(RULEBOOK, methods, elsewhen)
    house.topic("a", "b", "c")
    for minute, name in enumerate("abc"):
        await recorded(house, judge, [said(name)], NOW + timedelta(minutes=minute))
    start, end = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    found = await history.heard(pool, house.brand_id, start, end)
    assert [j.mention.key.external_id for j in found] == ["b"]
    assert await history.count(pool, house.brand_id, start, end) == 1
    assert await history.count(pool, house.brand_id, NOW, end) == 2


async def test_a_page_of_history_is_cut_from_an_index(house: House, pool: asyncpg.Pool) -> None:
    """Even in a big table of which the brand has nearly nothing to show in that hour."""
    await pool.execute(
        """WITH a AS (INSERT INTO authors (space, external_id, first_at) VALUES ('x', 'x', $1) RETURNING id),
           m AS (INSERT INTO mentions (space, external_id, source, author_id, ours, kind, root, heard_at, at)
                 SELECT 'x', i::text, 'x', a.id, false, 'post', i::text, $1, $1 + i * interval '1 s' FROM a, generate_series(1, 20000) AS i
                 RETURNING id, at),
           v AS (INSERT INTO mention_versions (mention_id, version, revision, content_id, text, heard_at)
                 SELECT id, 1, '', '', 'x', at FROM m)
           INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, priority, because, context, at)
           SELECT id, $2, 1, 'h', '{}', 'neutral', 2, '[]', '{}', at FROM m""",
        NOW, house.brand_id,
    )  # fmt: skip
    for analyzed in (False, True):
        if analyzed:
            await pool.execute("ANALYZE")
        place = (NOW + timedelta(hours=2), 0)
        plan = await pool.fetch(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {history._HEARD}",
            house.brand_id, NOW, NOW + timedelta(days=1), *place, 50,
        )  # fmt: skip
        told = plan[0][0] if not isinstance(plan[0][0], str) else json.loads(plan[0][0])
        read = {node["Relation Name"]: node for node in nodes(told[0]["Plan"]) if "Relation Name" in node}
        for name, node in read.items():
            assert node["Actual Rows"] * node["Actual Loops"] <= 51, (analyzed, name, node)
        assert not any(node["Node Type"] == "Seq Scan" and node["Relation Name"] != "brands" for node in read.values())


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def test_what_was_judged_before_that_was_kept_is_read_as_it_is_now(
    house: House, pool: asyncpg.Pool, methods: Methods
) -> None:
    house.topic("a")
    m = said("a", "lark", likes=3, media=2, langs=("en",), root="m1", parent="m1")
    await recorded(house, Judge(RULEBOOK, methods, elsewhen), [m], NOW)
    await pool.execute("UPDATE assessments SET said = '{}', context = '{}'")
    (found,) = await history.heard(pool, house.brand_id, NOW, NOW + timedelta(days=1))
    assert found.mention == replace(m, raw=b"")
    assert found.context == Context("lark")
