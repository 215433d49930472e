"""Near-copies in the database: who is of one family, what edits and deletes do to it, and the queue with families folded."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from listener.model.heard import Author, AuthorChanged, Deleted, Hearing, Key, Mention
from listener.model.kinds import Via
from listener.model.scales import Priority
from listener.store import acts, inbox, upkeep
from listener.store.inbox import folded
from listener.workflow.acts import Assign, Close, SetPriority
from tests.store.builders import NOW, SPACE, House, said
from tests.store.test_inbox import nodes, plan, touched
from tests.store.world import world

STORM = "This firm took my money and never sent the parcel, order {}, avoid @{} at all costs https://x.test/{}"
OTHER = "When does the new store in Vienna open on Sunday, and can one park there with a van?"


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


def wave(n: int, *, start: int = 0) -> list[Mention]:
    """The same text by other people, with another number, name and link."""
    return [
        said(f"s{i}", STORM.format(i * 7919, f"name{i}", i), by=f"bot{i}", at=NOW + timedelta(seconds=i))
        for i in range(start, start + n)
    ]


async def heard(house: House, *items: Mention) -> None:
    house.addressed(*(item.key.external_id for item in items))
    await house.record(*items, now=NOW + timedelta(minutes=5))


async def families(pool: asyncpg.Pool) -> dict[str, int | None]:
    """By the message that came last."""
    rows = await pool.fetch(
        "SELECT m.external_id, c.family FROM conversations c JOIN mentions m ON m.id = c.last_mention_id WHERE c.merged_into IS NULL"
    )
    return {row["external_id"]: row["family"] for row in rows}


async def bands_are_those_of_the_sketches(pool: asyncpg.Pool) -> bool:
    kept = await pool.fetch("SELECT mention_id, unnest(bands) AS band FROM copies ORDER BY 1, 2")
    looked_up = await pool.fetch("SELECT mention_id, band FROM copy_bands ORDER BY 1, 2")
    return [tuple(r) for r in kept] == [tuple(r) for r in looked_up]


async def test_copies_are_of_one_family_in_one_batch_and_over_batches(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, *wave(3), said("other", OTHER, by="ana"), said("short", "avoid this firm", by="bo"))
    await heard(house, *wave(3, start=3))
    found = await families(pool)
    assert len({found[f"s{i}"] for i in range(6)}) == 1
    assert found["s0"] is not None
    assert found["other"] not in (None, found["s0"])
    assert found["short"] is None
    assert await bands_are_those_of_the_sketches(pool)
    assert await pool.fetchval("SELECT count(*) FROM copies") == 7


async def test_a_judge_is_told_how_many_others_said_the_same_to_the_brand_within_a_day(
    house: House, pool: asyncpg.Pool
) -> None:
    house.judge.asks_copies = True
    await heard(house, *wave(3), said("other", OTHER, by="ana"))
    await heard(house, *wave(2, start=3), said("again", STORM.format(1, "x", 2), by="bot0"))
    told = {name: context.copies for name, context in house.judge.judged}
    assert told == {"s0": 0, "s1": 1, "s2": 2, "other": 0, "s3": 3, "s4": 4, "again": 4}, (
        "others, not what one wrote oneself"
    )
    for name, now in (("late", NOW + timedelta(days=1, minutes=6)), ("past", NOW + timedelta(minutes=6))):
        house.addressed(name)
        await house.record(said(name, STORM.format(3, "y", 4), by=name), now=now, history=name == "past")
    other = await world(pool, "globex")
    house.hearings["theirs"] = (Hearing(other.brand_id, Via.MENTION, account_id=other.account.id),)
    await house.record(said("theirs", STORM.format(5, "z", 6), by="zoe"), now=NOW + timedelta(minutes=7))
    assert [context.copies for _, context in house.judge.judged[-3:]] == [0, 0, 0], (
        "a day later, history, another brand"
    )


async def test_what_is_only_listened_to_costs_no_sketch(house: House, pool: asyncpg.Pool) -> None:
    house.topic("s0")
    await house.record(*wave(1))
    assert await pool.fetchval("SELECT count(*) FROM copies") == 0
    mention_id = await pool.fetchval("SELECT id FROM mentions")
    await acts.open_from_mention(pool, house.person_id, house.brand_id, mention_id, NOW)
    await heard(house, *wave(1, start=1))
    found = await families(pool)
    assert found["s0"] == found["s1"] is not None, "taken in by a person, it is compared like all others"


async def test_an_edit_leaves_its_family_and_takes_no_one_along(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, *wave(3))
    before = (await families(pool))["s1"]
    await house.record(said("s0", OTHER, by="bot0", revision="3b"), now=NOW + timedelta(minutes=6))
    found = await families(pool)
    assert found["s0"] not in (None, before), "the first of its family, saying something else, begins another one"
    assert found["s1"] == found["s2"] == before
    await house.record(said("s0", STORM.format(1, "x", 2), by="bot0", revision="3c"), now=NOW + timedelta(minutes=7))
    assert (await families(pool))["s0"] == before
    assert await bands_are_those_of_the_sketches(pool)


async def test_a_blanked_text_leaves_no_sketch_behind(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, *wave(3))
    await house.record(Deleted(Key(SPACE, "s0"), revision="3b"), now=NOW + timedelta(minutes=6))
    await house.record(AuthorChanged(Author(SPACE, "bot1"), status="deleted"), now=NOW + timedelta(minutes=6))
    found = await families(pool)
    assert found["s0"] is None
    assert found["s1"] is None
    assert found["s2"] is not None
    assert await pool.fetchval("SELECT count(*) FROM copies") == 1
    assert await bands_are_those_of_the_sketches(pool)
    await heard(house, *wave(1, start=3))
    found = await families(pool)
    assert found["s3"] == found["s2"], "those that are left still find one another"


async def test_our_answer_and_their_next_words_leave_the_family(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, *wave(2))
    await heard(house, said("ours", "so sorry", by="us", parent="s0", root="s0", at=NOW + timedelta(minutes=1)))
    assert (await families(pool))["ours"] is None
    await heard(house, said("more", OTHER, by="bot1", parent="s1", root="s1", at=NOW + timedelta(minutes=2)))
    assert (await families(pool))["more"] not in (None, (await families(pool)).get("s0"))


async def test_old_sketches_are_swept_and_their_families_stay(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, *wave(2))
    assert (await upkeep.prune(pool, NOW + timedelta(days=29))).sketches == 0
    assert (await upkeep.prune(pool, NOW + timedelta(days=31))).sketches == 2
    assert await pool.fetchval("SELECT count(*) FROM copy_bands") == 0
    assert len(set((await families(pool)).values())) == 1


async def test_the_most_urgent_of_a_family_stands_for_it(house: House, pool: asyncpg.Pool) -> None:
    await heard(house, said("a", OTHER, by="ana", at=NOW), *wave(4), said("z", "something else entirely", by="zoe"))
    plain = await inbox.page(pool, house.brand_id, "open")
    page = await inbox.folded_page(pool, house.brand_id, "open")
    assert [row.id for row in page.rows] == [
        row.id for row in plain if row.family is None or row.author_handle in ("ana.test", "bot0.test")
    ]
    fold = next(fold for fold in page.folds if fold.members > 1)
    ids = await inbox.members(pool, house.brand_id, "open", fold.family)
    assert (fold.first, fold.members) == (ids[0], 4)

    await acts.do(pool, house.person_id, [ids[2]], SetPriority(Priority.URGENT), NOW)
    page = await inbox.folded_page(pool, house.brand_id, "open")
    assert ids[2] in [row.id for row in page.rows], "what becomes more urgent is never hidden"
    assert ids[0] not in [row.id for row in page.rows]
    await acts.do(pool, house.person_id, [ids[2]], Close(), NOW)
    (fold,) = await inbox.folds(pool, house.brand_id, "open", [fold.family])
    assert (fold.first, fold.members) == (ids[0], 3)
    assert [row.id for row in (await inbox.folded_page(pool, house.brand_id, "done")).rows] == [ids[2]], (
        "each folder folds its own"
    )
    counts = await inbox.counts(pool, house.brand_id, house.person_id)
    assert (counts.folders["open"], counts.folders["done"]) == (5, 1), "folders count conversations"

    await acts.do(pool, house.person_id, ids[1:2], Assign(house.person_id), NOW)
    mine = await inbox.folded_page(pool, house.brand_id, "open", person_id=house.person_id)
    assert [row.id for row in mine.rows] == [ids[1]], "what is mine is not hidden by what is not"
    assert [fold.members for fold in mine.folds] == [1]


async def test_pages_of_a_folded_queue_meet_without_a_hole(house: House, pool: asyncpg.Pool) -> None:
    others = [said(f"o{i}", f"question {i}", by=f"asker{i}", at=NOW + timedelta(seconds=2 * i)) for i in range(9)]
    await heard(house, *others, *wave(12))
    whole = [row.id for row in (await inbox.folded_page(pool, house.brand_id, "open")).rows]
    assert len(whole) == 10
    down: list[int] = []
    place = None
    while rows := (await inbox.folded_page(pool, house.brand_id, "open", after=place, limit=3)).rows:
        down += [row.id for row in rows]
        place = (rows[-1].sort_key, rows[-1].id)
    up: list[int] = []
    place = inbox.LAST
    while rows := (await inbox.folded_page(pool, house.brand_id, "open", before=place, limit=3)).rows:
        up[:0] = [row.id for row in rows]
        place = (rows[0].sort_key, rows[0].id)
    assert down == up == whole
    family = next(
        fold.family for fold in (await inbox.folded_page(pool, house.brand_id, "open")).folds if fold.members > 1
    )
    unfolded = await inbox.folded_page(pool, house.brand_id, "open", unfolded=[family])
    assert len(unfolded.rows) == 21


@pytest.mark.newest
async def test_a_folded_page_goes_by_keys_and_a_storm_is_asked_about_once(pool: asyncpg.Pool) -> None:
    """By the plan and by what it touched: pages of single messages as deep as one likes, and one that walks over 5,000 copies."""
    w = await world(pool)
    await w.many(8_000)
    await pool.execute(
        "UPDATE conversations SET family = CASE WHEN sort_key % 10 < 6 THEN 1 ELSE id * 1024 END WHERE folder = 'open'"
    )
    await pool.execute("VACUUM ANALYZE conversations")
    statement = folded._PAGE_AFTER.replace("$1", "$1::timestamptz")
    costs = []
    for offset in (0, 2_000, 5_000):
        place = await pool.fetchrow(
            "SELECT sort_key, id FROM conversations WHERE folder = 'open' ORDER BY 1, 2 OFFSET $1 LIMIT 1", offset
        )
        root = await plan(pool, statement, None, w.brand_id, "open", *place, 50, "{}")
        [scan] = [node for node in nodes(root) if node.get("Index Name") == "conversations_queue"]
        assert scan["Actual Rows"] < 300, "as many as a page and the copies between its rows"
        costs.append(touched(root))
    assert max(costs) <= 1.25 * min(costs) + 50, costs
    await pool.execute("UPDATE conversations SET family = 1 WHERE folder = 'open' AND sort_key < 990000")
    root = await plan(pool, statement, None, w.brand_id, "open", *inbox.FIRST, 50, "{}")
    asked = [node for node in nodes(root) if node.get("Index Name") == "conversations_family"]
    assert sum(node["Actual Loops"] for node in asked) < 300, "who stands for a family is remembered"
