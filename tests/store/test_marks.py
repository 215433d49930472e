"""What people say about rules, and what rules are worth."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.errors import Refused
from listener.model.heard import Deleted, Key
from listener.model.judged import Flag
from listener.store import acts, marks, rulebooks, rulestats
from listener.store.marks import Verdict
from listener.workflow.acts import Close, Read
from tests.store.builders import NOW, SPACE, House, said


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


async def mention(house: House, name: str, text: str = "bad", *, at: datetime = NOW, **other: object) -> int:
    house.addressed(name)
    await house.record(said(name, text, at=at, by=name, **other), now=at)
    return int(await house.pool.fetchval("SELECT id FROM mentions WHERE external_id = $1", name))


async def told(pool: asyncpg.Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch("SELECT * FROM events WHERE kind = 'rule.marked' ORDER BY id")
    return [(r["person_id"], r["mention_id"], r["before"]["verdict"], r["after"]["verdict"]) for r in rows]


async def test_a_mark_is_one_persons_and_the_later_one_counts(house: House, pool: asyncpg.Pool) -> None:
    id_ = await mention(house, "a")
    ada, bob, brand = house.person_id, house.colleague_id, house.brand_id
    await marks.mark(pool, ada, id_, brand, "rule-bad", Verdict.FALSE_ALARM, " about a dog ", NOW)
    await marks.mark(pool, bob, id_, brand, "rule-bad", "right", "", later(1))
    await marks.mark(pool, ada, id_, brand, "other", "missed", "", later(2))
    await marks.mark(pool, ada, id_, brand, "rule-bad", "right", "", later(3))
    found = [
        (m.login, m.rule, m.verdict, m.note, m.rulebook, m.version) for m in await marks.marks_on(pool, [id_], brand)
    ]
    assert found == [
        ("ada", "other", Verdict.MISSED, "", "hash", 1),
        ("bob", "rule-bad", Verdict.RIGHT, "", "hash", 1),
        ("ada", "rule-bad", Verdict.RIGHT, "", "hash", 1),
    ]
    assert await told(pool) == [
        (ada, id_, None, "false alarm"), (bob, id_, None, "right"), (ada, id_, None, "missed"), (ada, id_, "false alarm", "right"),
    ]  # fmt: skip
    assert await pool.fetchval("SELECT count(*) FROM events e WHERE row_to_json(e)::text LIKE '%dog%'") == 0


async def test_a_mark_is_taken_back_by_whom_it_is_of(house: House, pool: asyncpg.Pool) -> None:
    id_ = await mention(house, "a")
    for person in (house.person_id, house.colleague_id):
        await marks.mark(pool, person, id_, house.brand_id, "rule-bad", "right", "", NOW)
    assert await marks.take_back(pool, house.person_id, id_, house.brand_id, "rule-bad", later(1))
    assert not await marks.take_back(pool, house.person_id, id_, house.brand_id, "rule-bad", later(1))
    assert [m.login for m in await marks.marks_on(pool, [id_], house.brand_id)] == ["bob"]
    assert (await told(pool))[-1] == (house.person_id, id_, "right", None)


async def test_viewers_mark_nothing_nor_does_anybody_what_the_brand_never_judged(
    house: House, pool: asyncpg.Pool
) -> None:
    id_ = await mention(house, "a")
    vera = await pool.fetchval("INSERT INTO people (login, name) VALUES ('vera', 'Vera') RETURNING id")
    await pool.execute("INSERT INTO memberships VALUES ($1, $2, 'viewer')", vera, house.brand_id)
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    await pool.execute("INSERT INTO memberships VALUES ($1, $2, 'lead')", house.person_id, other)
    ada, brand = house.person_id, house.brand_id
    for person, mention_id, brand_id, rule, verdict, note in (
        (vera, id_, brand, "r", "right", ""),
        (house.colleague_id, id_, other, "r", "right", ""),
        (ada, id_, other, "r", "right", ""),
        (ada, id_ + 1, brand, "r", "right", ""),
        (ada, id_, brand, "", "right", ""),
        (ada, id_, brand, "r\0", "right", ""),
        (ada, id_, brand, "r", "perhaps", ""),
        (ada, id_, brand, "r", "right", "x" * 1001),
        (ada, id_, brand, "r", "right", "\0"),
    ):
        with pytest.raises(Refused):
            await marks.mark(pool, person, mention_id, brand_id, rule, verdict, note, NOW)
    with pytest.raises(Refused):
        await marks.take_back(pool, vera, id_, brand, "r", NOW)
    assert await pool.fetchval("SELECT count(*) FROM rule_marks") == 0


async def test_what_a_rule_got_wrong_comes_with_its_message(house: House, pool: asyncpg.Pool) -> None:
    first = await mention(house, "a", "bad app", langs=("en",))
    second = await mention(house, "b", "bad secret")
    ada, brand = house.person_id, house.brand_id
    await marks.mark(pool, ada, first, brand, "rule-bad", "false alarm", "", NOW)
    await marks.mark(pool, ada, second, brand, "rule-bad", "missed", "", later(1))
    one, two = await marks.wrong(pool)
    assert (one.text, one.author, one.source, one.lang, one.langs, one.addressed, one.ours, one.brand) == (
        "bad app", "a.test", "bluesky", "en", ("en",), True, False, "lark",
    )  # fmt: skip
    assert (one.mark.rule, one.mark.verdict, one.said_at) == ("rule-bad", Verdict.FALSE_ALARM, NOW)
    assert two.mark.verdict is Verdict.MISSED
    assert [d.mark.mention_id for d in await marks.wrong(pool, 1)] == [second], "the latest ones"
    await house.record(Deleted(Key(SPACE, "b"), "3b"))
    assert [d.mark.mention_id for d in await marks.wrong(pool)] == [first], "what is gone becomes no example"
    await marks.mark(pool, ada, first, brand, "rule-bad", "right", "", later(4))
    assert await marks.wrong(pool) == []


async def test_an_edit_is_marked_as_it_was_seen(house: House, pool: asyncpg.Pool) -> None:
    id_ = await mention(house, "a", "bad first")
    await marks.mark(pool, house.person_id, id_, house.brand_id, "r", "missed", "", NOW)
    await house.record(said("a", "bad second", by="a", revision="3b"), now=later(1))
    assert [d.text for d in await marks.wrong(pool)] == ["bad first"]


# Figures -------------------------------------------------------------------------------------------------------------


async def test_a_rule_is_worth_what_it_found(house: House, pool: asyncpg.Pool) -> None:
    """NOW is Monday 09:00 UTC, which is 10:00 in Berlin: midnight there was at 23:00."""
    await pool.execute("UPDATE brands SET zone = 'Europe/Berlin'")
    ids = []
    for i, hours in enumerate((-40, -11, -9, -2, 0)):
        ids.append(await mention(house, f"m{i}", at=NOW + timedelta(hours=hours)))
    await house.record(said("m4", "bad still", by="m4", revision="3b"))
    house.judge.says = {"t": {"flags": (Flag("trial", shadow=True), Flag("rule-bad", shadow=True))}}
    await mention(house, "t", "quiet")
    ada, brand = house.person_id, house.brand_id
    await marks.mark(pool, ada, ids[4], brand, "rule-bad", "right", "", NOW)
    await marks.mark(pool, house.colleague_id, ids[4], brand, "rule-bad", "right", "", NOW)
    await marks.mark(pool, ada, ids[3], brand, "rule-bad", "false alarm", "", NOW)
    await marks.mark(pool, ada, ids[3], brand, "silent", "missed", "", NOW)
    # One was acted on after 10 minutes, one after 30; reading is no act, nor is what was done before it was flagged.
    conversations = {
        r["last_mention_id"]: r["id"] for r in await pool.fetch("SELECT id, last_mention_id FROM conversations")
    }
    await acts.do(pool, ada, [conversations[ids[3]]], Read(), NOW - timedelta(hours=1, minutes=59))
    await acts.do(pool, ada, [conversations[ids[3]]], Close(), NOW - timedelta(hours=1, minutes=50))
    await acts.do(pool, ada, [conversations[ids[2]]], Close(), NOW - timedelta(hours=8, minutes=30))
    found = {s.rule: s for s in await rulestats.stats(pool, brand, NOW - timedelta(hours=24), NOW)}
    bad = found["rule-bad"]
    assert (bad.hits, bad.shadow_hits, bad.today) == (4, 1, 3)
    assert (bad.right, bad.false_alarms, bad.missed, bad.minutes, bad.last_at) == (1, 1, 0, 20.0, NOW)
    trial, silent = found["trial"], found["silent"]
    assert (trial.hits, trial.shadow_hits, trial.today, trial.minutes, trial.last_at) == (0, 1, 0, None, NOW)
    assert (silent.hits, silent.missed, silent.last_at) == (0, 1, None)
    (early,) = [s for s in await rulestats.stats(pool, None, NOW - timedelta(hours=1), NOW) if s.rule == "rule-bad"]
    assert (early.hits, early.today) == (1, 3), "today began before that hour did"
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    assert await rulestats.stats(pool, other, NOW - timedelta(days=9), NOW) == ()


async def test_figures_read_only_the_time_asked_for(house: House, pool: asyncpg.Pool) -> None:
    """50,000 old flags of 50 rules: none of them is read."""
    id_ = await mention(house, "a")
    await pool.execute(
        "INSERT INTO flags (mention_id, brand_id, version, rule, rulebook, spans, at)"
        " SELECT $1, $2, i, 'rule' || i % 50, 'h', '{}', $3::timestamptz - i * interval '1 minute' FROM generate_series(2, 50001) AS i",
        id_, house.brand_id, NOW - timedelta(days=40),
    )  # fmt: skip
    await pool.execute("ANALYZE flags")
    plan = await pool.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {rulestats._STATS}",
        house.brand_id, NOW - timedelta(days=1), NOW, rulestats.SOONEST,
    )  # fmt: skip
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan on flags" not in text, text
    assert "Seq Scan on rule_marks" not in text, text
    blocks = int(text.partition("shared hit=")[2].split()[0])
    assert blocks < 1500, text
    found = await rulestats.stats(pool, house.brand_id, NOW - timedelta(days=1), NOW)
    assert len(found) == 51


async def test_published_rulebooks_are_listed_with_the_one_in_force_first(pool: asyncpg.Pool, house: House) -> None:
    assert await rulebooks.published(pool) == []
    for minute, name in enumerate(("one", "two", "one")):
        await rulebooks.publish(pool, name, {"a.yaml": name}, f"git-{minute}", later(minute))
    assert await rulebooks.published(pool) == [("one", "git-2", later(2)), ("two", "git-1", later(1))]
    assert [one.hash for one in await rulebooks.published(pool, 1)] == ["one"]
