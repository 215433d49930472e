"""A post with its comments: every comment is counted once, as it stands, and can be read page by page."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import asyncpg
import pytest

from listener.model.heard import Deleted, Hidden, Key
from listener.model.scales import ToneLabel
from listener.store import acts, inbox
from listener.store.inbox import posts
from listener.store.views.posts import CommentStanding, PostShown
from listener.workflow.acts import Close
from tests.store.builders import NOW, SPACE, House, said

pytestmark = pytest.mark.newest


@pytest.fixture
async def house(pool: asyncpg.Pool) -> House:
    """Our post `p` with comments: one to answer, one answered, one answered that asks again, one closed, one only listened to, one gone."""
    house = await House.built(pool)
    minute = timedelta(minutes=1)
    await house.record(said("p", "We launch today", by="us", likes=12, replies=6), now=NOW)
    names = ("waits", "answered", "again", "closed", "gone")
    house.addressed(*names, "again2")
    house.topic("heard")
    comments = [
        said(
            name,
            f"{name} is bad" if name == "waits" else f"{name} text",
            by=name,
            parent="closed" if name == "heard" else "p",
            root="p",
            at=NOW + i * minute,
        )
        for i, name in enumerate((*names, "heard"), 1)
    ]
    await house.record(*comments, now=NOW + 10 * minute)
    ours = [
        said(f"r-{name}", "thanks", by="us", parent=name, root="p", at=NOW + 11 * minute)
        for name in ("answered", "again")
    ]
    await house.record(*ours, now=NOW + 12 * minute)
    await house.record(
        said("again2", "and more", by="again", parent="r-again", root="p", at=NOW + 13 * minute), now=NOW + 14 * minute
    )
    await house.record(Deleted(Key(SPACE, "gone"), revision="3z"), now=NOW + 15 * minute)
    closed = await pool.fetchval(
        "SELECT c.id FROM conversations c JOIN authors a ON a.id = c.author_id WHERE a.external_id = 'closed'"
    )
    await acts.do(pool, house.person_id, [closed], Close(), NOW + 15 * minute)
    return house


async def shown(house: House, name: str) -> PostShown:
    mention_id = await house.pool.fetchval("SELECT mention_id FROM mention_keys WHERE external_id = $1", name)
    found = await inbox.post(house.pool, house.brand_id, mention_id)
    assert found is not None
    return found


async def test_every_comment_is_counted_once_as_it_stands(house: House) -> None:
    post = await shown(house, "waits")
    assert post == await shown(house, "p") == await shown(house, "again2"), "from wherever in the thread it is asked"
    assert (post.text, post.ours, post.author_handle, post.likes, post.replies) == (
        "We launch today",
        True,
        "us.test",
        12,
        6,
    )
    assert post.counts.standing == {
        CommentStanding.TO_ANSWER: 2,
        CommentStanding.ANSWERED: 2,
        CommentStanding.ASIDE: 1,
        CommentStanding.ELSEWHERE: 1,
        CommentStanding.DELETED: 1,
    }
    assert post.counts.comments == 7
    assert not post.counts.more
    assert post.counts.tones[ToneLabel.NEGATIVE] == 1
    assert sum(post.counts.tones.values()) == 6


async def test_comments_are_read_page_by_page_both_ways(house: House) -> None:
    post = await shown(house, "p")
    whole = await inbox.comments(house.pool, house.brand_id, SPACE, post.root)
    assert [row.author_handle for row in whole] == [
        f"{name}.test" for name in ("again", "heard", "gone", "closed", "again", "answered", "waits")
    ]
    assert [row.snippet for row in whole if row.standing is CommentStanding.DELETED] == [None]
    assert [row.author_handle for row in whole if row.conversation_id is None] == ["heard.test"]
    older = await inbox.comments(
        house.pool, house.brand_id, SPACE, post.root, before=(whole[2].at, whole[2].id), limit=2
    )
    assert older == whole[3:5]
    newer = await inbox.comments(
        house.pool, house.brand_id, SPACE, post.root, after=(whole[4].at, whole[4].id), limit=2
    )
    assert newer == whole[2:4], "right after it, not the newest of all"


async def test_those_to_answer_alone(house: House) -> None:
    whole = await inbox.comments(house.pool, house.brand_id, SPACE, "p", to_answer=True)
    assert [row.author_handle for row in whole] == ["again.test", "waits.test"]
    place = (whole[0].at, whole[0].id)
    assert await inbox.comments(house.pool, house.brand_id, SPACE, "p", to_answer=True, before=place) == whole[1:]
    place = (whole[1].at, whole[1].id)
    assert await inbox.comments(house.pool, house.brand_id, SPACE, "p", to_answer=True, after=place) == whole[:1]


async def test_a_post_that_nobody_has_heard_is_known_by_its_comments(house: House) -> None:
    house.addressed("lost")
    await house.record(said("lost", "what is this?", by="lost", parent="unheard", root="unheard"))
    post = await shown(house, "lost")
    assert (post.id, post.root, post.counts.comments) == (None, "unheard", 1)
    assert await inbox.post(house.pool, house.brand_id, 10**9) is None


async def test_another_brand_sees_the_comments_and_none_of_our_work(house: House, pool: asyncpg.Pool) -> None:
    other = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('other', 'Other') RETURNING id")
    rows = await inbox.comments(pool, other, SPACE, "p")
    assert {row.conversation_id for row in rows} == {None}


async def test_a_post_with_more_comments_than_are_counted_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "COUNTED", 3)
    post = await shown(house, "p")
    assert (post.counts.comments, post.counts.more) == (3, True)


async def test_what_we_have_hidden_is_counted_until_it_is_shown_again(house: House, pool: asyncpg.Pool) -> None:
    async def asked(what: str, state: str, key: str) -> tuple[int, list[str]]:
        await pool.execute(
            "WITH a AS (INSERT INTO network_acts (brand_id, conversation_id, account_id, mention_id, author_id, person_id, what, thing, at)"
            " SELECT $1, c.id, $2, c.last_mention_id, c.author_id, $3, $4, 'x', $5 FROM conversations c JOIN authors w ON w.id = c.author_id"
            " WHERE w.external_id = 'waits' RETURNING id)"
            " INSERT INTO outbox (brand_id, lane, network_act_id, key, state, not_before, queued_at, changed_at)"
            " SELECT $1, 'network', id, $6, $7, $5, $5, $5 FROM a",
            house.brand_id, house.account.id, house.person_id, what, NOW, key, state,
        )  # fmt: skip
        rows = await inbox.comments(pool, house.brand_id, SPACE, "p")
        return (await shown(house, "p")).counts.hidden, [row.author_handle for row in rows if row.hidden]

    assert await asked("hide", "queued", "1") == (0, []), "asked for, and not agreed to yet"
    assert await asked("hide", "accepted", "2") == (1, ["waits.test"])
    assert await asked("like", "accepted", "3") == (1, ["waits.test"])
    assert await asked("show", "failed", "4") == (1, ["waits.test"])
    assert await asked("show", "seen", "5") == (0, [])
    # Of what we did and what the network told, the later counts.
    for minutes, hidden in ((-1, 0), (1, 1)):
        await house.record(Hidden(Key(SPACE, "waits"), True, NOW + timedelta(minutes=minutes)))
        assert (await shown(house, "p")).counts.hidden == hidden
    assert (await shown(house, "p")).counts.comments == 7


async def test_what_the_network_says_is_hidden_counts_in_whatever_order_it_comes(house: House) -> None:
    def told(name: str, minutes: int, hidden: bool = True) -> Hidden:
        return Hidden(Key(SPACE, name), hidden, NOW + timedelta(minutes=minutes))

    states = (told("waits", 21), told("waits", 22, hidden=False), told("waits", 23))
    for order in permutations(states):
        await house.pool.execute("DELETE FROM hidden_messages")
        for one in order:
            await house.record(one)
        post = await shown(house, "p")
        assert post.counts.hidden == 1, order
    # Before the message itself, and never of one that is gone.
    await house.record(told("later", 20), told("gone", 20), told("answered", 20, hidden=False))
    house.addressed("later")
    await house.record(said("later", "late", by="later", parent="p", root="p", at=NOW), now=NOW)
    rows = await inbox.comments(house.pool, house.brand_id, SPACE, "p")
    assert {row.author_handle for row in rows if row.hidden} == {"waits.test", "later.test"}
    kinds = await house.pool.fetch(
        "SELECT kind FROM events WHERE kind IN ('conversation.hidden', 'conversation.shown')"
    )
    assert len(kinds) >= 2
