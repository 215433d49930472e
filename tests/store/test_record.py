"""Twice heard is once stored, never zero times; states merge by revision; conversations are who they are."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.model.heard import Author, AuthorChanged, Batch, Deleted, Gap, Item, Key, Mention, Reason, Reject
from listener.model.judged import Assessment, Context
from listener.model.kinds import Kind, Via
from listener.store import inbox
from listener.store.record import CursorMoved, record
from tests.store.builders import NOW, SPACE, ByHand, House, said


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    return await House.built(pool)


async def state(pool: asyncpg.Pool) -> list[tuple[object, ...]]:
    """Everything that must not depend on the order of arrival."""
    rows = await pool.fetch(
        "SELECT m.external_id, m.state, m.content_id, v.text, m.root, (v.raw IS NULL) AS bare FROM mentions m"
        " JOIN mention_versions v ON v.mention_id = m.id AND v.version = m.version ORDER BY 1"
    )
    return [tuple(r.values()) for r in rows]


async def conversations(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    return list(
        await pool.fetch(
            "SELECT c.*, (SELECT array_agg(m.external_id ORDER BY m.at, m.id) FROM conversation_mentions j"
            " JOIN mentions m ON m.id = j.mention_id WHERE j.conversation_id = c.id) AS messages"
            " FROM conversations c WHERE merged_into IS NULL ORDER BY id"
        )
    )


async def test_heard_twice_is_stored_once(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    first = await house.record(said("a"))
    again = await house.record(said("a"), said("a"))
    assert (first.new, again.new) == (1, 0)
    assert await pool.fetchval("SELECT count(*) FROM mentions") == 1
    assert await pool.fetchval("SELECT count(*) FROM conversations") == 1
    assert await pool.fetchval("SELECT count(*) FROM hearings") == 1
    assert [name for name, _ in house.judge.judged] == ["a"]
    assert await pool.fetchval("SELECT cursor FROM sources") == "c2"


async def test_what_concerns_nobody_is_not_stored(house: House, pool: asyncpg.Pool) -> None:
    await house.record(said("noise"), heard=1)
    assert await pool.fetchval("SELECT count(*) FROM mentions") == 0
    assert await pool.fetchval("SELECT heard FROM sources") == 1


async def test_data_and_cursor_are_one_transaction(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")

    class Broken(ByHand):
        def __call__(self, mention: Mention, hearings: object, context: Context, now: datetime) -> Assessment:
            raise ZeroDivisionError

    batch = Batch((said("a"),), "c9", NOW)
    with pytest.raises(ZeroDivisionError):
        await record(pool, house.source_id, batch, house.hear, Broken(), expect=None, now=NOW)
    assert await pool.fetchval("SELECT cursor FROM sources") is None
    assert await pool.fetchval("SELECT count(*) FROM mentions") == 0


async def test_a_second_listener_is_noticed(house: House) -> None:
    await house.record(said("a"))
    house.cursor = "somewhere else"
    with pytest.raises(CursorMoved):
        await house.record(said("b"))


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_of_arrival_ends_in_the_same_state(house: House, pool: asyncpg.Pool, seed: int) -> None:
    """Creates, edits and deletes of three messages, shuffled, doubled and cut into batches at random."""
    house.addressed("a", "b", "c")
    story: list[Item] = [
        said("a", "first", revision="3a"), said("a", "second", revision="3b"), said("a", "third", revision="3c"),
        said("b", "alive", revision="3a"), Deleted(Key(SPACE, "b"), "3b"),
        said("c", "one", revision="3a"), Deleted(Key(SPACE, "c"), "3b"), said("c", "reborn", revision="3c"),
    ]  # fmt: skip
    rng = random.Random(seed)
    items: list[Item] = story * 2
    rng.shuffle(items)
    while items:
        n = rng.randint(1, 5)
        await house.record(*items[:n])
        items = items[n:]
    assert [row[:4] for row in await state(pool) if row[1] == "live"] == [
        ("a", "live", "cid-a-3c", "third"),
        ("c", "live", "cid-c-3c", "reborn"),
    ]
    assert await pool.fetchval("SELECT count(*) FROM mention_versions v JOIN mentions m ON m.id = v.mention_id"
                               " WHERE m.external_id = 'b' AND (text IS NOT NULL OR raw IS NOT NULL)") == 0  # fmt: skip


async def test_an_edit_is_a_version_and_is_judged_again(house: House, pool: asyncpg.Pool) -> None:
    house.topic("a")
    await house.record(said("a", "fine", revision="3a"))
    del house.hearings["a"]  # its new words match no topic any more: it still concerns whom it reached
    await house.record(said("a", "bad now", revision="3b"))
    texts = await pool.fetch("SELECT version, text FROM mention_versions ORDER BY version")
    assert [tuple(r.values()) for r in texts] == [(1, "fine"), (2, "bad now")]
    assert await pool.fetchval("SELECT tone FROM assessments WHERE version = 2") == "negative"


async def test_a_source_that_knows_no_revision_never_undoes_one_that_does(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a", "polled", revision="", content_id="c1"))
    await house.record(said("a", "polled", revision="3a", content_id="c1"))
    assert await pool.fetchval("SELECT count(*) FROM mention_versions") == 1
    await house.record(said("a", "edited", revision="3b", content_id="c2"))
    await house.record(said("a", "polled", revision="", content_id="c1"))
    assert (await state(pool))[0][3] == "edited"


async def test_delete_blanks_text_words_and_raw_but_keeps_the_fact(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a", "bad secret", revision="3a"))
    done = await house.record(Deleted(Key(SPACE, "a"), "3b"))
    assert done.deleted == 1
    row = await pool.fetchrow("SELECT text, words, raw FROM mention_versions")
    assert tuple(row.values()) == (None, None, None)
    conversation = (await conversations(pool))[0]
    assert (conversation["state"], conversation["due_at"], conversation["thread_version"]) == ("done", None, 2)
    dump = await pool.fetch("SELECT row_to_json(e)::text AS t FROM events e UNION ALL SELECT row_to_json(f)::text FROM flags f"
                            " UNION ALL SELECT row_to_json(a)::text FROM assessments a")  # fmt: skip
    assert not [r["t"] for r in dump if "secret" in r["t"]]


async def test_an_account_that_vanishes_takes_its_messages_along(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    await house.record(said("a", by="gone"), said("b", by="stays"))
    await house.record(
        AuthorChanged(Author(SPACE, "gone"), "deleted"), AuthorChanged(Author(SPACE, "stranger"), "deleted")
    )
    assert [r[:2] for r in await state(pool)] == [("a", "deleted"), ("b", "live")]
    assert await pool.fetchval("SELECT status FROM authors WHERE external_id = 'gone'") == "deleted"


async def test_rejects_and_gaps_are_kept_once(house: House, pool: asyncpg.Pool) -> None:
    reject = Reject(Reason.NOT_DECODED, "not JSON", b"\x00\xff{")
    gap = Gap(NOW - timedelta(hours=40), NOW - timedelta(hours=36), "the cursor was too old")
    await house.record(reject, gaps=(gap,))
    await house.record(reject, gaps=(gap,))
    assert await pool.fetchval("SELECT seen FROM rejects") == 2
    assert await pool.fetchval("SELECT count(*) FROM gaps") == 1


async def test_hostile_text_is_stored_and_never_stops_the_batch(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    await house.record(said("a", "nul \x00 and \ud800 lone"), said("b", "\x1b]8;;http://x\x07 link"))
    texts = [r["text"] for r in await pool.fetch("SELECT text FROM mention_versions ORDER BY mention_id")]
    assert texts == ["nul ␀ and \ufffd lone", "\x1b]8;;http://x\x07 link"]


async def test_what_postgres_refuses_becomes_a_reject_and_the_rest_is_stored(house: House, pool: asyncpg.Pool) -> None:
    rng = random.Random(5)
    names = [f"m{i}" for i in range(6)]
    endless = "".join(chr(rng.randrange(33, 55000)) for _ in range(9000))  # no index entry can be this long
    house.addressed(*names, endless)
    done = await house.record(*(said(n) for n in (*names[:3], endless, *names[3:])))
    assert (done.new, done.rejects) == (6, 1)
    assert await pool.fetchval("SELECT cursor FROM sources") == "c1"
    assert await pool.fetchval("SELECT reason FROM rejects") == "wrong_shape"


async def test_clocks_that_jump_lose_nothing_and_sort_sanely(house: House, pool: asyncpg.Pool) -> None:
    """The network's clock an hour ahead, ours thrown back by a day and on again: all stored, none sorted into the future."""
    house.addressed("a", "b", "c", "d")
    yesterday = NOW - timedelta(days=1)
    await house.record(said("a", at=NOW + timedelta(hours=1)), now=NOW)
    await house.record(said("b", at=NOW), now=yesterday)
    await house.record(said("c", at=NOW), said("a", "edited", revision="3b", at=NOW), now=yesterday)
    await house.record(said("d", at=None), Deleted(Key(SPACE, "b"), "3b"), now=NOW)
    rows = {r["external_id"]: r for r in await pool.fetch("SELECT external_id, at, state, version FROM mentions")}
    assert {name: (r["at"], r["state"], r["version"]) for name, r in rows.items()} == {
        "a": (NOW, "live", 2),
        "b": (yesterday, "deleted", 1),
        "c": (yesterday, "live", 1),
        "d": (NOW, "live", 1),
    }
    assert await pool.fetchval("SELECT heard_at FROM sources") == NOW


# Conversations -------------------------------------------------------------------------------------------------------


async def test_one_conversation_per_thread_and_author(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b", "c")
    await house.record(
        said("a", at=NOW), said("b", by="noor", parent="a", root="a", at=NOW + timedelta(minutes=1)),
        said("c", "bad", parent="a", root="a", at=NOW + timedelta(minutes=2)), now=NOW + timedelta(minutes=3),
    )  # fmt: skip
    found = await conversations(pool)
    assert [c["messages"] for c in found] == [["a", "c"], ["b"]]
    assert found[0]["tags"] == ["angry"]
    assert found[0]["due_at"] == NOW + timedelta(hours=1, minutes=2)
    assert [c["state"] for c in found] == ["new", "new"]
    last = "SELECT m.external_id FROM conversations c JOIN mentions m ON m.id = c.last_mention_id ORDER BY c.id"
    assert [r["external_id"] for r in await pool.fetch(last)] == ["c", "b"]


async def test_a_topic_alone_is_listened_to(house: House, pool: asyncpg.Pool) -> None:
    house.topic("a")
    await house.record(said("a", "bad"))
    assert await conversations(pool) == []
    assert await pool.fetchval("SELECT sum(n) FROM counter_deltas WHERE name = 'topic' AND key = 'brand'") == 1
    assert await pool.fetchval("SELECT sum(n) FROM counter_deltas WHERE name = 'topic-negative'") == 1
    house.judge.opens = True
    house.topic("b")
    await house.record(said("b", "bad"))
    assert [(c["origin"], c["messages"]) for c in await conversations(pool)] == [("rule", ["b"])]


@pytest.mark.parametrize("cut", [1, 2])
async def test_a_conversation_that_a_rule_opened_is_the_same_when_it_addresses_us(
    house: House, pool: asyncpg.Pool, cut: int
) -> None:
    """Whether the two messages come in one batch or in two."""
    house.judge.opens = True
    house.topic("a")
    house.addressed("b")
    story = [said("a", "bad", at=NOW), said("b", "well?", parent="a", root="a", at=NOW + timedelta(minutes=1))]
    await house.record(*story[:cut], now=NOW + timedelta(minutes=2))
    await house.record(*story[cut:], now=NOW + timedelta(minutes=2))
    assert [(c["messages"], c["account_id"]) for c in await conversations(pool)] == [(["a", "b"], house.account.id)]


@pytest.mark.parametrize("addressed", [True, False])
async def test_what_calls_for_a_conversation_twice_in_one_batch_opens_it_once_and_with_the_first_message(
    house: House, pool: asyncpg.Pool, addressed: bool
) -> None:
    house.judge.opens = True
    (house.addressed if addressed else house.topic)("a")
    house.topic("b")
    await house.record(
        said("b", "bad", parent="a", root="a", at=NOW + timedelta(minutes=1)), said("a", "bad", at=NOW), now=NOW + timedelta(minutes=2)
    )  # fmt: skip
    found = [(c["messages"], c["account_id"], c["opened_at"]) for c in await conversations(pool)]
    assert found == [(["a", "b"], house.account.id if addressed else 0, NOW)]


async def test_a_conversation_that_a_rule_opened_belongs_to_the_account_that_answers(
    house: House, pool: asyncpg.Pool
) -> None:
    house.judge.opens = True
    house.topic("a")
    await house.record(said("a", "bad"))
    await house.record(said("b", by="us", parent="a", root="a", at=NOW))
    assert [(c["messages"], c["account_id"]) for c in await conversations(pool)] == [(["a", "b"], house.account.id)]


async def test_our_answer_moves_it_and_their_answer_brings_it_back(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "c")
    await house.record(said("a", "bad"))
    await house.record(
        said("b", by="us", parent="a", root="a", at=NOW + timedelta(minutes=5)), now=NOW + timedelta(minutes=5)
    )
    c = (await conversations(pool))[0]
    assert (c["state"], c["due_at"], c["messages"]) == ("theirs", None, ["a", "b"])
    await house.record(said("c", parent="b", root="a", at=NOW + timedelta(minutes=9)), now=NOW + timedelta(minutes=9))
    c = (await conversations(pool))[0]
    assert (c["state"], c["messages"], c["unread"]) == ("ours", ["a", "b", "c"], True)


async def test_our_answer_heard_before_the_message_finds_its_place(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    later = NOW + timedelta(minutes=5)
    await house.record(said("b", by="us", parent="a", root="a", at=later), now=later)
    await house.record(said("a"), now=later)
    c = (await conversations(pool))[0]
    assert (c["state"], c["messages"]) == ("theirs", ["a", "b"])


async def test_an_answer_given_elsewhere_to_a_listened_mention_makes_the_conversation(
    house: House, pool: asyncpg.Pool
) -> None:
    house.topic("a", "c")
    after = [NOW + timedelta(minutes=m) for m in range(10)]
    await house.record(
        said("a"),
        said("c", parent="b", root="a", at=after[5]),
        said("b", by="us", parent="a", root="a", at=after[2]),
        now=after[6],
    )
    c = (await conversations(pool))[0]
    assert (c["messages"], c["state"] in ("new", "ours")) == (["a", "b", "c"], True)


async def test_thread_context_calls_for_nothing(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("c")
    for name in ("a", "b"):
        house.addressed(name, via=Via.THREAD)
    later = NOW + timedelta(minutes=9)
    await house.record(said("c", parent="b", root="a", at=later), now=later)
    before = (await conversations(pool))[0]
    await house.record(said("a", at=NOW), said("b", by="noor", parent="a", root="a", at=NOW), now=later)
    after = (await conversations(pool))[0]
    assert after["messages"] == ["a", "c"]
    assert (after["thread_version"], after["state"]) == (before["thread_version"], "new")
    assert len(await conversations(pool)) == 1


async def test_history_calls_for_nothing(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a")
    await house.record(said("a", "bad"), history=True)
    c = (await conversations(pool))[0]
    assert (c["state"], c["due_at"], c["unread"], c["origin"]) == ("done", None, False, "import")
    assert await pool.fetchval("SELECT due_at FROM assessments") is None


async def test_a_topic_of_history_can_be_listened_to_but_is_not_todays_traffic(
    house: House, pool: asyncpg.Pool
) -> None:
    house.topic("a", topic="airlines")
    await house.record(said("a", "bad"), history=True)
    (topic,) = await inbox.topics(pool, house.brand_id, NOW)
    assert (topic.topic, topic.today, topic.negative_today) == ("airlines", 0, 0)
    assert [row.text for row in await inbox.listening(pool, house.brand_id, "airlines", limit=5)] == ["bad"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_threads_join_whatever_the_order_when_the_network_names_no_root(
    house: House, pool: asyncpg.Pool, order: tuple[int, ...]
) -> None:
    """a <- b(us) <- c <- d: roots are found from parents only; one message a batch, in every order."""
    at = [NOW + timedelta(minutes=m) for m in range(4)]
    story = [
        said("a", at=at[0]), said("b", by="us", parent="a", at=at[1]),
        said("c", parent="b", at=at[2]), said("d", parent="c", at=at[3]),
    ]  # fmt: skip
    house.addressed("a", "c", "d")
    for i in order:
        await house.record(story[i], now=at[3])
    assert {row[4] for row in await state(pool)} == {"a"}
    found = await conversations(pool)
    assert [c["messages"] for c in found] == [["a", "b", "c", "d"]]
    assert found[0]["root"] == "a"
    merged = await pool.fetch("SELECT merged_into FROM conversations WHERE merged_into IS NOT NULL")
    assert all(r["merged_into"] == found[0]["id"] for r in merged)
    assert await pool.fetchval("SELECT sum(n) FROM counter_deltas WHERE name = 'folder'") == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_an_answer_to_a_post_of_ours_addresses_us_in_any_order(
    house: House, pool: asyncpg.Pool, order: tuple[int, ...]
) -> None:
    """us: "news" <- noor: "and Norway?" <- noor: "hello?"; the bytes do not say whose post is answered."""
    at = [NOW + timedelta(minutes=m) for m in range(3)]
    story = [
        said("news", by="us", at=at[0]),
        said("q", by="noor", parent="news", at=at[1]),
        said("q2", by="noor", parent="q", at=at[2]),
    ]
    house.topic("q", "q2")
    for i in order:
        await house.record(story[i], now=at[2])
    found = await conversations(pool)
    assert [(c["messages"], c["state"] in ("new", "ours"), c["account_id"]) for c in found] == [
        (["q", "q2"], True, house.account.id)
    ]


async def test_two_sources_hear_the_same_at_once(house: House, pool: asyncpg.Pool) -> None:
    """Overlapping batches in opposite orders, concurrently: once each, no deadlock to the caller."""
    names = [f"m{i}" for i in range(40)]
    house.addressed(*names)
    other = await pool.fetchval("INSERT INTO sources (key) VALUES ('bluesky/notifications') RETURNING id")
    messages = [said(n, by=f"p{i % 7}", root="r") for i, n in enumerate(names)]

    async def read(source_id: int, items: list[Mention]) -> None:
        cursor = None
        for i in range(0, len(items), 8):
            batch = Batch(tuple(items[i : i + 8]), f"c{i}", NOW)
            await record(pool, source_id, batch, house.hear, house.judge, expect=cursor, now=NOW)
            cursor = f"c{i}"

    await asyncio.gather(read(house.source_id, messages), read(other, messages[::-1]))
    assert await pool.fetchval("SELECT count(*) FROM mentions") == 40
    found = await conversations(pool)
    assert sorted(len(c["messages"]) for c in found) == [5, 5, 6, 6, 6, 6, 6]


async def test_counters_follow_every_move(house: House, pool: asyncpg.Pool) -> None:
    house.addressed("a", "b")
    await house.record(said("a"), said("b", by="noor"))
    await house.record(
        said("x", by="us", parent="a", root="a", at=NOW + timedelta(minutes=1)), now=NOW + timedelta(minutes=1)
    )
    rows = await pool.fetch(
        "SELECT key, sum(n)::int AS n FROM counter_deltas WHERE name = 'folder' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(r.values()) for r in rows] == [("open", 1), ("theirs", 1)]


async def test_a_repost_is_linked_and_counted_and_opens_and_moves_nothing(house: House) -> None:
    house.judge.opens = True
    house.addressed("a", "r")
    house.topic("a", "r")
    await house.record(said("a", "bad"), now=NOW)
    later = NOW + timedelta(minutes=1)
    await house.record(said("r", "bad", at=later, kind=Kind.REPOST, quoted="a", root="a"), now=later)
    assert await house.pool.fetchval("SELECT count(*) FROM conversations") == 1
    assert await house.pool.fetchval("SELECT version FROM conversations") == 1, "nor does it move the original's"
    linked = (
        "SELECT o.external_id FROM mentions m JOIN mention_keys k ON k.space = m.space AND k.external_id = m.quoted"
    )
    assert await house.pool.fetchval(f"{linked} JOIN mentions o ON o.id = k.mention_id WHERE m.kind = 'repost'") == "a"
    assert await house.pool.fetchval("SELECT sum(n) FROM counter_deltas WHERE name = 'topic'") == 2
