"""What a person says of a message in place of the methods: it counts everywhere, through edits and new topics, until it is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.query.fields import Use
from listener.query.parse import parse
from listener.store import acts, inbox
from listener.store.judged import judged
from listener.store.views.listening import ByHand
from tests.store.builders import NOW, House, said


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def negative(house: House, topic: str = "brand") -> int:
    """As the topic is counted."""
    found = await inbox.topics(house.pool, house.brand_id, later(30))
    return next((one.negative_today for one in found if one.topic == topic), 0)


async def found(house: House, query: str) -> list[str]:
    tree = parse(query, Use.VIEW).tree
    assert tree is not None
    answer = await inbox.search(house.pool, house.brand_id, tree, later(30), limit=10)
    return sorted(row.text or "" for row in answer.rows)


async def test_a_persons_word_counts_everywhere_survives_an_edit_and_another_topic_and_is_taken_back(
    house: House,
) -> None:
    pool, brand, ada, bob = house.pool, house.brand_id, house.person_id, house.colleague_id
    house.addressed("a")
    house.topic("a")
    house.topic("b")
    await house.record(said("a", "bad luck, great brand"), said("b", "fine", by="bo"))
    id_ = await pool.fetchval("SELECT id FROM mentions WHERE external_id = 'a'")
    assert await negative(house) == 1
    assert (await acts.overrule(pool, ada, brand, id_, "tone", "positive", NOW)).mentions == (id_,)
    done = await acts.overrule(pool, ada, brand, id_, "need", "not_needed", NOW)
    assert not (await acts.overrule(pool, bob, brand, id_, "need", "not_needed", NOW)).mentions, "it is so already"

    (row,) = await inbox.page(pool, brand, "open")
    assert (row.tone, row.need) == (ToneLabel.POSITIVE, 0.0)
    opened = await inbox.open(pool, row.id, ada, NOW)
    assert opened is not None
    assert opened.thread[0].by_hand == (
        ByHand("tone", "positive", ada, "Ada", NOW, "negative"), ByHand("need", "not_needed", ada, "Ada", NOW, "0.50"),
    )  # fmt: skip
    assert [(line.tone, line.need) for line in await inbox.listening(pool, brand, "brand") if line.by_hand] == [
        ("positive", 0.0)
    ]
    assert await found(house, "tone:positive need:<0.1") == ["bad luck, great brand"]
    assert await found(house, "tone:negative") == []
    assert await found(house, "need:>=0.4") == ["fine"]
    assert await negative(house) == 0
    then = await judged(pool, id_, "lark")
    assert then is not None
    assert (then.assessment.tone.label, then.assessment.need) == (ToneLabel.NEGATIVE, 0.5)

    # An edit is judged anew and another topic hears it: what the person said stands, what the methods say is kept beside it.
    house.topic("a", topic="trade")
    await house.record(said("a", "bad, still great", revision="3b"), now=later(1))
    (row,) = await inbox.page(pool, brand, "open")
    assert (row.tone, row.need, await negative(house, "trade")) == (ToneLabel.POSITIVE, 0.0, 0)
    said_now = await pool.fetch(
        "SELECT version, tone, tone_said, need_said FROM assessments WHERE mention_id = $1", id_
    )
    assert sorted(tuple(one) for one in said_now) == [(v, "positive", "negative", 0.5) for v in (1, 2)]

    # A colleague says otherwise: the act asks before it takes that back; then all is as the methods say.
    await acts.overrule(pool, bob, brand, id_, "need", "needed", later(2))
    asked = await acts.undo(pool, ada, done.act_id, later(3))
    assert (asked.mentions, [*asked.refused.values()]) == (
        (),
        ["Bob set its tone or need by hand 1 minute ago; undo all the same?"],
    )
    undone = await acts.undo(pool, ada, done.act_id, later(3), anyway=True)
    last = await acts.last_act(pool, ada)
    assert last is not None
    assert last != done.act_id, "the one before, on its tone"
    await acts.undo(pool, ada, last, later(4))
    (row,) = await inbox.page(pool, brand, "open")
    assert (row.tone, row.need) == (ToneLabel.NEGATIVE, 0.5)
    assert (await negative(house), await negative(house, "trade")) == (1, 1)
    assert await pool.fetchval("SELECT count(*) FROM overruled") == 0
    assert (
        await pool.fetchval("SELECT count(*) FROM assessments WHERE tone_said IS NOT NULL OR need_said IS NOT NULL")
        == 0
    )
    assert (await acts.undo(pool, ada, undone.act_id, later(5))).mentions == (id_,), "done again"
    assert (await inbox.page(pool, brand, "open"))[0].need == 1.0


async def test_not_scored_is_never_neutral_whoever_says_it(house: House) -> None:
    pool, brand = house.pool, house.brand_id
    house.topic("a", "b")
    await house.record(said("a", "bad"), said("b", "fine", by="bo"))
    a, b = [row["id"] for row in await pool.fetch("SELECT id FROM mentions ORDER BY external_id")]
    for id_ in (a, b):
        await acts.overrule(pool, house.person_id, brand, id_, "tone", "not_scored", NOW)
    assert await negative(house) == 0
    assert await found(house, "tone:neutral") == []
    assert await found(house, "tone:not_scored") == ["bad", "fine"]
    assert await found(house, "-tone:neutral -tone:negative") == ["bad", "fine"]


async def test_the_tone_about_us_is_kept_beside_the_whole_and_a_person_speaks_of_all_of_it(house: House) -> None:
    pool, brand = house.pool, house.brand_id
    house.topic("a", "b")
    house.judge.says["a"] = {"tone": Tone(ToneLabel.POSITIVE, 0.1, 0.5, 0.4, 0.6, ToneLabel.NEGATIVE)}
    await house.record(said("a", "sunny. you are late"), said("b", "bad", by="bo"))
    rows = {row.text: row.about for row in await inbox.listening(pool, brand, "brand")}
    assert rows == {"sunny. you are late": ToneLabel.NEGATIVE, "bad": None}
    assert await found(house, "about:negative") == ["bad", "sunny. you are late"]
    assert await found(house, "about:positive") == []
    id_ = await pool.fetchval("SELECT id FROM mentions WHERE external_id = 'a'")
    then = await judged(pool, id_, "lark")
    assert then is not None
    assert then.assessment.tone == house.judge.says["a"]["tone"]
    await acts.overrule(pool, house.person_id, brand, id_, "tone", "positive", NOW)
    assert await found(house, "about:positive") == ["sunny. you are late"]
    assert [row.about for row in await inbox.listening_rows(pool, brand, [id_])] == [None]


async def test_our_own_posts_and_what_was_never_judged_are_not_overruled(house: House) -> None:
    house.addressed("a")
    await house.record(said("ours", "hello", by="us"), said("a"))
    ours = await house.pool.fetchval("SELECT id FROM mentions WHERE ours")
    theirs = await house.pool.fetchval("SELECT id FROM mentions WHERE NOT ours")
    for id_, what, value in (
        (ours, "tone", "neutral"),
        (theirs + 99, "tone", "neutral"),
        (theirs, "tone", "odd"),
        (theirs, "lang", "en"),
    ):
        with pytest.raises(Refused):
            await acts.overrule(house.pool, house.person_id, house.brand_id, id_, what, value, NOW)
