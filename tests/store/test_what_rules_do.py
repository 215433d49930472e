"""What rules do when a message is recorded: assign, put away, ask for alerts, count; and what experimental ones do not do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from listener.model.heard import Batch, Deleted, Hearing, Key, Mention
from listener.model.judged import Context, Flag, Tick, Window
from listener.model.kinds import Via
from listener.query.parse import parse
from listener.rulebook.asking import Query
from listener.rulebook.shape import Count, Counted, Group, Rule, Scope, Then
from listener.rulebook.tally import Tally
from listener.store import acts, inbox, summary, upkeep
from listener.store.record import record
from listener.store.record.counting import _EARLIER, _HOW_MANY, _WHO
from listener.workflow.acts import Assign, Snooze
from tests.store.builders import NOW, SPACE, House, said


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def counting(name: str, *, per: tuple[Group, ...] = (), hold: float = 0.0, what: Counted = Counted.MENTIONS) -> Rule:
    """A rule that counts, within an hour, the messages that hold its id."""
    tree = parse(name).tree
    assert tree is not None
    count = Count(what, least=3, within=3600.0, per=per, hold=hold)
    return Rule(name, name, "ops", Scope(everything=True), Query.of(name, tree), Then(), count=count)


async def conversation(pool: asyncpg.Pool) -> asyncpg.Record:
    (row,) = await pool.fetch("SELECT * FROM conversations")
    return row


def counts(house: House) -> dict[str, Mapping[str, Window]]:
    """What was counted when each message was judged last."""
    return {name: context.counts for name, context in house.judge.judged}


def values(house: House) -> dict[str, float]:
    return {name: found["storm"].value for name, found in counts(house).items() if "storm" in found}


# Assigning and putting away ------------------------------------------------------------------------------------------


async def test_a_rule_assigns_what_nobody_has(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    house.judge.says = {"a": {"assign": "ada"}, "b": {"assign": "bob"}}
    await house.record(said("a"))
    assert (await conversation(pool))["assignee_id"] == house.person_id
    await house.record(said("b", parent="a", root="a", at=later(1)), now=later(1))
    assert (await conversation(pool))["assignee_id"] == house.person_id, "the second rule finds somebody there"
    assert await pool.fetchval("SELECT sum(n) FROM counter_deltas WHERE name = 'assigned'") == 1
    told = await pool.fetchval("SELECT after FROM events WHERE kind = 'conversation.opened'")
    assert told == {"origin": "addressed", "assignee_id": house.person_id}


async def test_a_rule_never_takes_it_from_whom_a_person_gave_it_to(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    house.judge.says = {"b": {"assign": "ada"}}
    await house.record(said("a"))
    await acts.do(pool, house.person_id, [(await conversation(pool))["id"]], Assign(house.colleague_id), NOW)
    await house.record(said("b", parent="a", root="a", at=later(1)), now=later(1))
    assert (await conversation(pool))["assignee_id"] == house.colleague_id


@pytest.mark.parametrize("login", ["nobody", "vera", "elsewhere"])
async def test_whom_the_brand_does_not_know_as_a_responder_gets_nothing(
    house: House, pool: asyncpg.Pool, login: str
) -> None:
    vera = await pool.fetchval("INSERT INTO people (login, name) VALUES ('vera', 'Vera') RETURNING id")
    await pool.execute("INSERT INTO memberships VALUES ($1, $2, 'viewer')", vera, house.brand_id)
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    person = await pool.fetchval("INSERT INTO people (login, name) VALUES ('elsewhere', 'E') RETURNING id")
    await pool.execute("INSERT INTO memberships VALUES ($1, $2, 'lead')", person, other)
    house.addressed("a")
    house.judge.says = {"a": {"assign": login}}
    await house.record(said("a"))
    assert (await conversation(pool))["assignee_id"] is None


async def test_a_rule_closes_what_its_message_opens_and_they_open_it_again(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    house.judge.says = {"a": {"closes": True}}
    await house.record(said("a"))
    c = await conversation(pool)
    assert (c["state"], c["unread"], c["due_at"], c["next_at"]) == ("done", False, None, None)
    await house.record(said("b", parent="a", root="a", at=later(1)), now=later(1))
    c = await conversation(pool)
    assert (c["state"], c["unread"]) == ("ours", True)


async def test_a_rule_snoozes_and_the_timekeeper_wakes(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    house.judge.says = {"a": {"snooze": 7200.0}}
    await house.record(said("a"))
    c = await conversation(pool)
    assert (c["state"], c["snoozed_until"], c["next_at"]) == ("snoozed", later(120), later(120))
    assert await upkeep.next_at(pool) == later(120)
    assert await upkeep.wake(pool, later(120)) == 1
    assert (await conversation(pool))["state"] == "ours"


async def test_what_waits_for_an_answer_is_not_put_away_by_a_later_message(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b", "c")
    house.judge.says = {"b": {"closes": True}, "c": {"snooze": 60.0}}
    for minute, name in enumerate("abc"):
        await house.record(said(name, root="a", at=later(minute)), now=later(minute))
        assert (await conversation(pool))["state"] in ("new", "ours")


async def test_a_persons_snooze_outlives_a_rule_that_would_put_it_away(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b", "c")
    house.judge.says = {"b": {"closes": True}, "c": {"snooze": 60.0}}
    await house.record(said("a"))
    await acts.do(pool, house.person_id, [(await conversation(pool))["id"]], Snooze(later(600)), NOW)
    for minute, name in enumerate("bc", start=1):
        await house.record(said(name, root="a", at=later(minute)), now=later(minute))
        c = await conversation(pool)
        assert (c["state"], c["snoozed_until"], c["next_at"]) == ("snoozed", later(600), later(600))


async def test_after_our_answer_a_closing_message_closes(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "thanks")
    house.judge.says = {"thanks": {"closes": True}}
    await house.record(said("a"))
    await house.record(said("answer", by="us", parent="a", root="a", at=later(1)), now=later(1))
    assert (await conversation(pool))["state"] == "theirs"
    await house.record(said("thanks", parent="answer", root="a", at=later(2)), now=later(2))
    assert (await conversation(pool))["state"] == "done"


@pytest.mark.parametrize("asked", [{"closes": True}, {"snooze": 60.0}, {"assign": "ada"}, {"alerts": ("crisis",)}])
async def test_history_is_never_moved_by_a_rule(house: House, pool: asyncpg.Pool, asked: dict[str, Any]) -> None:
    """Neither what an import opens, nor what is open when an import brings more of it."""
    house.addressed("a", "b", "c")
    rule = {"flags": (Flag("r"),), "because": ({"rule": "r", "then": ["alert crisis"]},)}
    house.judge.says = {"a": {**asked, **rule}, "c": {**asked, **rule}}
    await house.record(said("a", by="old"), history=True)
    c = await conversation(pool)
    assert (c["state"], c["assignee_id"], c["next_at"]) == ("done", None, None)
    await house.record(said("b", by="new"))
    before = await pool.fetchrow("SELECT * FROM conversations WHERE root = 'b'")
    await house.record(said("c", by="new", root="b", at=later(1)), history=True, now=later(1))
    after = await pool.fetchrow("SELECT * FROM conversations WHERE root = 'b'")
    for name in ("state", "assignee_id", "snoozed_until", "next_at", "unread", "due_at"):
        assert before[name] == after[name], name
    assert await pool.fetchval("SELECT count(*) FROM events WHERE kind = 'alert.asked'") == 0


# Alerts --------------------------------------------------------------------------------------------------------------

ALARMED = {
    "alerts": ("crisis", "night"),
    "flags": (Flag("fire"), Flag("smoke")),
    "because": (
        {"rule": "fire", "then": ["alert crisis"]},
        {"rule": "smoke", "then": ["alert crisis", "alert night"]},
        {"signal": "question", "value": 0.3},
    ),
}


async def alerts(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("SELECT mention_id, after FROM events WHERE kind = 'alert.asked' ORDER BY id")
    assert all(row["mention_id"] for row in rows)
    return [(row["after"]["rule"], row["after"]["policy"]) for row in rows]


async def test_an_alert_is_asked_once_for_a_message_and_a_policy(house: House, pool: asyncpg.Pool) -> None:
    """By the weightiest rule; however often the message is heard, by whatever way, and when it is edited."""
    house.topic("a")
    house.judge.says = {"a": ALARMED}
    once = [("fire", "crisis"), ("smoke", "night")]
    await house.record(said("a"))
    assert await alerts(pool) == once
    await house.record(said("a"))
    house.topic("a", topic="another")
    await house.record(said("a"))
    house.addressed("a")
    await house.record(said("a"))
    await house.record(said("a", "edited", revision="3b"))
    assert await alerts(pool) == once


async def test_an_edit_asks_for_what_was_not_asked_before(house: House, pool: asyncpg.Pool) -> None:
    house.topic("a")
    house.judge.says = {"a": {"alerts": ("crisis",), "flags": (Flag("fire"),), "because": ALARMED["because"][:1]}}
    await house.record(said("a"))
    house.judge.says = {"a": ALARMED}
    await house.record(said("a", "edited", revision="3b"))
    assert await alerts(pool) == [("fire", "crisis"), ("smoke", "night")]


async def test_what_was_asked_when_it_was_heard_once_more_is_not_asked_again_by_an_edit(
    house: House, pool: asyncpg.Pool
) -> None:
    house.topic("a")
    await house.record(said("a"))
    house.addressed("a")
    house.judge.says = {"a": ALARMED}
    await house.record(said("a"))
    once = [("fire", "crisis"), ("smoke", "night")]
    assert await alerts(pool) == once
    await house.record(said("a", "edited", revision="3b"))
    assert await alerts(pool) == once


# Experiments ---------------------------------------------------------------------------------------------------------


async def test_an_experimental_flag_counts_nowhere(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    house.topic("a")
    house.judge.says = {"a": {"flags": (Flag("real", (0, 5)), Flag("trial", (0, 5), shadow=True))}}
    done = await house.record(said("a"))
    assert done.flagged == {"real": 1}
    rows = await pool.fetch("SELECT rule, shadow FROM flags ORDER BY rule")
    assert [tuple(row) for row in rows] == [("real", False), ("trial", True)]
    (row,) = await inbox.listening(pool, house.brand_id, "brand", limit=10)
    assert row.rules == ("real",)
    for query, found in {
        "rule:real": 1,
        "rule:trial": 0,
        "has:flag": 1,
        "is:open rule:trial": 0,
        "-rule:trial": 1,
    }.items():
        tree = parse(query).tree
        assert tree is not None
        assert len((await inbox.search(pool, house.brand_id, tree, NOW)).rows) == found, query
    opened = await inbox.open(pool, (await conversation(pool))["id"], house.person_id, NOW)
    assert opened is not None
    assert [(flag["rule"], flag["shadow"]) for flag in opened.thread[0].flags] == [("real", False), ("trial", True)]
    whole = await summary.whole(pool)
    assert (whole["flagged"], whole["rules"]) == (1, {"real": 1})


async def test_a_message_with_experimental_flags_alone_is_not_flagged(house: House, pool: asyncpg.Pool) -> None:
    house.topic("a")
    house.judge.says = {"a": {"flags": (Flag("trial", shadow=True),)}}
    assert (await house.record(said("a"))).flagged == {}
    tree = parse("has:flag").tree
    assert tree is not None
    assert (await inbox.search(pool, house.brand_id, tree, NOW)).rows == ()
    assert (await summary.whole(pool))["flagged"] == 0


async def test_a_flag_is_new_once(house: House) -> None:
    house.topic("a")
    assert (await house.record(said("a", "bad"))).flagged == {"rule-bad": 1}
    house.topic("a", topic="another")
    assert (await house.record(said("a", "bad"))).flagged == {}


# Posts of our own ----------------------------------------------------------------------------------------------------


async def test_our_own_posts_are_judged_only_where_a_rule_asks_and_open_nothing(
    house: House, pool: asyncpg.Pool
) -> None:
    house.judge.opens = True
    await house.record(said("post", "bad", by="us"))
    assert house.judge.judged == []
    house.judge.judges_ours = True
    house.judge.says = {"slip": {"closes": True, "assign": "ada"}}
    done = await house.record(said("slip", "bad", by="us"))
    assert [name for name, _ in house.judge.judged] == ["slip"]
    assert (done.flagged, done.opened, done.changed) == ({"rule-bad": 1}, (), ())
    assert await pool.fetchval("SELECT count(*) FROM conversations") == 0
    assert await pool.fetchval("SELECT count(*) FROM counter_deltas WHERE name LIKE 'topic%'") == 0


async def test_our_own_answer_moves_a_conversation_as_ever_whatever_a_rule_says(
    house: House, pool: asyncpg.Pool
) -> None:
    house.addressed("a")
    await house.record(said("a"))
    house.judge.judges_ours = True
    house.judge.says = {"answer": {"closes": True, "assign": "ada", "tags": ("slip",)}}
    await house.record(said("answer", "bad", by="us", parent="a", root="a", at=later(1)), now=later(1))
    c = await conversation(pool)
    assert (c["state"], c["assignee_id"], c["tags"]) == ("theirs", None, [])
    assert await pool.fetchval("SELECT count(*) FROM flags") == 1


# Counting ------------------------------------------------------------------------------------------------------------


async def test_a_window_counts_what_was_heard_before_and_the_message_itself(house: House) -> None:
    house.topic(*"abcdef")
    house.judge.counting = (counting("storm"),)
    await house.record(said("b", "storm", at=later(10)), said("a", "storm", at=later(0)), now=later(10))
    await house.record(said("c", "storm", at=later(60)), said("d", "calm", at=later(61)), now=later(61))
    await house.record(said("e", "storm", at=later(75)), now=later(75))
    assert values(house) == {"a": 1, "b": 2, "c": 2, "e": 2}
    # Said long before it was heard: its window ends with it.
    await house.record(said("f", "storm", at=later(5)), now=later(76))
    assert values(house)["f"] == 2


async def test_groups_and_brands_are_counted_apart(house: House, pool: asyncpg.Pool) -> None:
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    house.judge.counting = (counting("storm", per=(Group.AUTHOR,)),)
    house.topic("a", "b")
    house.hearings["c"] = (Hearing(other, Via.TOPIC, topic="brand"),)
    await house.record(said("a", "storm", by="mira"), said("b", "storm", by="noor"), said("c", "storm", by="mira"))
    house.topic("d")
    await house.record(said("d", "storm", by="mira"))
    assert values(house) == {"a": 1, "b": 1, "c": 1, "d": 2}


async def test_how_long_it_has_held_is_counted_over_what_was_heard_before(house: House) -> None:
    """Three within the hour from minute 4 on, each in a batch of its own; at minute 100 few are left in the window."""
    house.judge.counting = (counting("storm", hold=600.0),)
    for name, minute in {"a": 0, "b": 2, "c": 4, "d": 9, "e": 14, "f": 30, "g": 100}.items():
        house.topic(name)
        await house.record(said(name, "storm", at=later(minute)), now=later(minute))
    held = {name: found["storm"].held for name, found in counts(house).items()}
    assert held == {"a": 0, "b": 0, "c": 0, "d": 300, "e": 600, "f": 600, "g": 0}


async def ticks(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await pool.fetch("SELECT * FROM rule_ticks ORDER BY mention_id, brand_id, rule, grp")]


async def test_twice_heard_is_once_ticked(house: House, pool: asyncpg.Pool) -> None:
    """The same batch again, the same messages by another way, by another source: the counts that follow are the same."""
    house.judge.counting = (counting("storm"),)
    house.topic("a", "b")
    batch = [said("a", "storm"), said("b", "storm", at=later(1))]
    await house.record(*batch, now=later(1))
    before = await ticks(pool)
    await house.record(*batch, now=later(2))
    house.topic("a", "b", topic="another")
    await house.record(*batch, now=later(3))
    assert values(house) == {"a": 1, "b": 2}, "judged once more, they count the same"
    assert await ticks(pool) == before
    house.topic("c")
    await house.record(*batch, said("c", "storm", at=later(4)), now=later(4))
    assert values(house)["c"] == 3


async def test_a_batch_that_was_rolled_back_leaves_no_tick(house: House, pool: asyncpg.Pool) -> None:
    house.judge.counting = (counting("storm"),)
    house.topic("a", "b")

    async def failing(item: Any) -> None:
        house.judge.says = {"a": {"priority": "no number"}}
        with pytest.raises(Exception, match="no number"):
            await house.record(item)
        house.judge.says = {}

    await failing(said("a", "storm"))
    assert await ticks(pool) == []
    house.n -= 1
    await house.record(said("a", "storm"))
    assert values(house)["a"] == 1


async def test_an_edit_counts_for_what_it_says_now(house: House, pool: asyncpg.Pool) -> None:
    house.judge.counting = (counting("storm"), counting("flood"))
    house.topic("a", "b", "c")
    await house.record(said("a", "storm"))
    await house.record(said("a", "flood", revision="3b"))
    assert [row[2] for row in await ticks(pool)] == ["flood"]
    await house.record(said("b", "storm", at=later(1)), said("c", "flood", at=later(1)), now=later(1))
    assert (counts(house)["b"]["storm"].value, counts(house)["c"]["flood"].value) == (1, 2)


async def test_a_rule_that_counts_otherwise_begins_anew(house: House) -> None:
    house.topic("a", "b", "c")
    house.judge.counting = (counting("storm"),)
    await house.record(said("a", "storm"))
    house.judge.counting = (counting("storm", per=(Group.AUTHOR,)),)
    await house.record(said("b", "storm", at=later(1)), now=later(1))
    assert values(house)["b"] == 1
    # Back again: what was counted so before is still there.
    house.judge.counting = (counting("storm"),)
    await house.record(said("c", "storm", at=later(2)), now=later(2))
    assert values(house)["c"] == 2


async def test_two_writers_at_once_lose_no_tick(house: House, pool: asyncpg.Pool) -> None:
    """Each may miss what the other has not committed yet; whoever comes later counts them all."""
    house.judge.counting = (counting("storm"),)
    names = [f"m{i}" for i in range(40)]
    house.topic(*names, "last")
    other = await pool.fetchval("INSERT INTO sources (key) VALUES ('bluesky/notifications') RETURNING id")

    async def read(source_id: int, some: list[str]) -> None:
        cursor = None
        for i in range(0, len(some), 5):
            batch = Batch(tuple(said(name, "storm", by=name) for name in some[i : i + 5]), f"c{i}", NOW)
            await record(pool, source_id, batch, house.hear, house.judge, expect=cursor, now=NOW)
            cursor = f"c{i}"

    await asyncio.gather(read(house.source_id, names), read(other, names[::-1]))
    assert await pool.fetchval("SELECT count(*) FROM rule_ticks") == 40
    house.cursor = await pool.fetchval("SELECT cursor FROM sources WHERE id = $1", house.source_id)
    await house.record(said("last", "storm", at=later(1)), now=later(1))
    assert values(house)["last"] == 41


@pytest.mark.parametrize("seed", range(4))
async def test_every_count_is_that_of_a_tally_that_holds_all_ticks(house: House, seed: int) -> None:
    """However late a message comes, at the very edge of a window, edited, heard again by another topic: whatever SQL counts, it counts the same."""
    rng = random.Random(seed)
    rules = (
        counting("storm"),
        counting("flood", per=(Group.AUTHOR,)),
        counting("hail", what=Counted.AUTHORS),
        counting("frost", what=Counted.RATIO),
        counting("fog", what=Counted.RATIO, per=(Group.AUTHOR,)),
        counting("dry", hold=1200.0),
        counting("haze", hold=2400.0, what=Counted.RATIO),
        counting("mist", hold=300.0, what=Counted.AUTHORS),
    )
    house.judge.counting = rules
    ticked: dict[str, dict[Tick, datetime]] = {}
    states: dict[str, Mention] = {}
    for number in range(14):
        batch: dict[str, Mention] = {}
        for _ in range(rng.choice([1, 1, 3, 9])):
            way = rng.choice(["new", "new", "new", "edited", "again"])
            name = f"m{len(states):03}" if way == "new" or not states else rng.choice(sorted(states))
            minute = rng.choice([10 * number + rng.randrange(6), 10 * number, 10 * number - rng.randrange(90)])
            if way == "again" and name in states:
                batch.setdefault(name, states[name])
                house.topic(name, topic=f"topic-{number}")
            elif name not in batch:
                text = " ".join(rule.id for rule in rules if rng.random() < 0.6) or "calm"
                was = states.get(name)
                by, at = (was.author.external_id, was.network_at) if was else (rng.choice("abcdef"), later(minute))
                house.topic(name)
                batch[name] = states[name] = said(name, text, by=by, at=at, revision=f"3{number:03}")
                ticked[name] = {}
        house.judge.judged.clear()
        await house.record(*batch.values(), now=later(10 * number + 6))
        found = counts(house)
        assert found.keys() == batch.keys()
        tally = Tally(rules, late=float("inf"))
        for made in ticked.values():
            for tick, at in made.items():
                tally.put([tick], at)
        for name, mention in sorted(batch.items(), key=lambda one: (one[1].network_at, one[0])):
            assert mention.network_at is not None
            ticks = house.judge.ticks(mention, (), Context("lark"), NOW)
            if not ticked[name]:
                tally.put(ticks, mention.network_at)
                ticked[name] = dict.fromkeys(ticks, mention.network_at)
            assert found[name] == tally.counts(ticks, mention.network_at), (seed, number, name)


async def test_ticks_hold_no_word_and_outlive_the_text(house: House, pool: asyncpg.Pool) -> None:
    house.judge.counting = (counting("storm"),)
    house.topic("a", "b")
    await house.record(said("a", "a secret storm", tags=("secret",), links=("https://secret.example",)))
    await house.record(Deleted(Key(SPACE, "a"), "3b"))
    for table in ("assessments", "rule_ticks", "flags", "events"):
        assert not [
            r for r in await pool.fetch(f"SELECT row_to_json(t)::text AS t FROM {table} AS t") if "secret" in r["t"]
        ]
    await house.record(said("b", "storm", at=later(1)), now=later(1))
    assert values(house)["b"] == 2, "that it was said is a fact"


async def test_ticks_that_no_window_reaches_are_swept(house: House, pool: asyncpg.Pool) -> None:
    house.judge.counting = (counting("storm"),)
    house.topic("a", "b")
    await house.record(said("a", "storm"), said("b", "storm", at=later(60 * 24)), now=later(60 * 24))
    assert (await upkeep.prune(pool, NOW + timedelta(days=14, minutes=1))).ticks == 1
    assert [row[0] for row in await ticks(pool)] == [
        await pool.fetchval("SELECT id FROM mentions WHERE external_id = 'b'")
    ]


async def test_the_window_is_loaded_by_its_index(house: House, pool: asyncpg.Pool) -> None:
    for statement in (_EARLIER, _HOW_MANY, _WHO):
        plan = await pool.fetch(f"EXPLAIN {statement}", [1], ["r"], ["s"], [""], [NOW], [later(60)])
        told = "\n".join(row[0] for row in plan)
        assert "rule_ticks_window" in told, told
        assert "Seq Scan on rule_ticks" not in told
