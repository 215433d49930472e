"""Stored mentions of every sort, and queries that ask for everything about them: what the SQL of a query is held to."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.model.work import State
from listener.query.fields import FIELDS, Sort
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Regex,
    Sign,
    Text,
    Value,
    Wild,
    Word,
)
from listener.query.words import index_words
from listener.store import labels
from tests.store.world import NOW, World

LABELS = ["callback", "Größe", "vip"]
WORDS = ["app", "down", "bills", "café", "cafe", "東", "京", "don't", "refund", "i'll", "brand's", "😀", "bt"]
SPELLED = [
    "app", "DOWN", "Down!", "d\u200bown", "bills", "café", "cafe\u0301", "CAFE", "東京", "東 京", "don't", "don’t", "refund", "i'll",
    "Brand's", "😀", "😀😀", "👍🏽", "BT", "bt", "#down", "#Café", "$APP", "@mira", "@mira.example", "Google+", "C++", "a@b.example", "?",
    "https://shop.example/Returns?x=1", "http://www.müller.example", "other", "it's & | ! ( ) <-> :* 'quoted' \\' \\\\", "x" * 70, "x" * 64,
]  # fmt: skip
HANDLES = [
    "mira.example",
    "Mira@social.example",
    "@odd",
    "Ünal.example",
    "İSTANBUL",
    "ana",
    "",
    "mira",
    "ﬁsh.example",
    "bo%_b",
]
NAMES = [
    "mira",
    "@mira.example",
    "odd",
    "ünal",
    "unal.example",
    "i̇stanbul",
    "ana",
    "did:1",
    "fish",
    "bo%_b",
    "mi*",
    "m?ra",
    "*.example",
]
TOPICS, RULES, TAGS = ["acme", "rival"], ["outage", "praise"], ["billing", "Größe", "vip"]
TEAMS, LANGS, SOURCES = ["care", ""], ["en", "de", ""], ["bluesky", "mastodon"]
LINKS = [
    "https://www.Shop.example/returns",
    "https://sub.shop.example:8080/x",
    "http://MÜLLER.example/",
    "https://sh\top.example/",
]

_MENTION = """
WITH m AS (
    INSERT INTO mentions (space, external_id, source, author_id, ours, kind, parent, root, url, lang, media, heard_at, at, version, rating,
                          likes, reposts, replies, quotes)
    VALUES ('stock', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 2, $12, $13, $14, $15, $16) RETURNING id
), old AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)
    SELECT id, 1, '', '', 'before', array_to_tsvector('{before,app,down}'), $11 FROM m
), v AS (
    INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, links, tags, heard_at)
    SELECT id, 2, '', '', $17, array_to_tsvector($18::text[]), $19::text[], $20::text[], $11 FROM m
)
SELECT id FROM m
"""


async def stocked(w: World, dice: random.Random, n: int) -> list[int]:
    """`n` mentions, as different as they come; their ids."""
    pool = w.pool
    authors = [
        await pool.fetchval(
            "INSERT INTO authors (space, external_id, handle, followers, verified, first_at) VALUES ('stock', $1, $2, $3, $4, $5) RETURNING id",
            f"DID:{i}", handle, dice.choice([None, 0, 10, 1000, 10_000, 2**40]), dice.choice([None, True, False]), NOW,
        )
        for i, handle in enumerate(HANDLES)
    ]  # fmt: skip
    made = []
    for i in range(n):
        text = " ".join(dice.choice(SPELLED) for _ in range(dice.randrange(7)))
        tags = dice.choice([None, [], ["Down"], ["café", "app"]])
        blank = dice.random() < 0.05
        author = dice.randrange(len(authors))

        def number() -> int | None:
            return dice.choice([None, 0, 3, 5, 100])

        id_ = await pool.fetchval(
            _MENTION, f"s{i}", dice.choice(SOURCES), authors[author], dice.random() < 0.1, dice.choice(list(Kind)).value,
            dice.choice([None, "s0", "s1"]), dice.choice([f"s{i}", "s0"]), dice.choice(["", "https://www.bsky.app/Profile/1"]),
            dice.choice(LANGS), dice.choice([0, 0, 2]), NOW - timedelta(minutes=dice.randrange(6000)), number(), number(), number(),
            number(), number(), None if blank else text, None if blank else index_words(text, tags or ()),
            None if blank else dice.choice([None, [], LINKS[:1], LINKS[1:2], LINKS[2:]]), None if blank else tags,
        )  # fmt: skip
        made.append(id_)
        for topic in dice.sample([*TOPICS, ""], dice.randrange(1, 3)):
            account = 0 if topic else w.account.id
            via = "topic" if topic else dice.choice(["mention", "reply", "own", "import"])
            await pool.execute(
                "INSERT INTO hearings (mention_id, brand_id, topic, account_id, source_id, via, at, heard_at)"
                " SELECT id, $2, $3, $4, $5, $6, at, at FROM mentions WHERE id = $1",
                id_, w.brand_id, topic, account, w.source_id, via,
            )  # fmt: skip
        if dice.random() < 0.6:
            tone = dice.choice(["negative", "neutral", "positive", "not_scored"])
            await pool.execute(
                "INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_compound, need, priority, because,"
                " context, at, tone_about, tone_said) VALUES ($1, $2, $3, 'h', '{}', $4, $5, $6, 2, '[]', '{}', $7, $8, $9)",
                id_, w.brand_id, dice.choice([1, 2, 2]), tone, dice.choice([None, -0.7, 0.3]), dice.choice([0.0, 0.1, 0.7, 1.0]), NOW,
                dice.choice([None, "negative", "positive"]), dice.choice([None, None, "neutral"]),
            )  # fmt: skip
        for rule in dice.sample(RULES, dice.randrange(2)):
            await pool.execute(
                "INSERT INTO flags VALUES ($1, $2, 2, $3, 'h', '{}', '{}', $4)", id_, w.brand_id, rule, NOW
            )
        if dice.random() < 0.5:
            await _converse(w, dice, id_, authors[author], i)
    return made


async def _converse(w: World, dice: random.Random, mention_id: int, author_id: int, i: int) -> None:
    for account_id in range(dice.randrange(1, 3)):
        id_ = await w.pool.fetchval(
            "INSERT INTO conversations (brand_id, account_id, space, root, author_id, source, origin, state, priority, assignee_id, team,"
            " tags, unread, sort_key, opened_at, last_at, last_mention_id, changed_at)"
            " VALUES ($1, $2, 'stock', $3, $4, 'bluesky', 'addressed', $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $12) RETURNING id",
            w.brand_id, account_id, f"s{i}", author_id, dice.choice(list(State)).value, dice.randrange(1, 5),
            dice.choice([None, w.mia.id, w.tom.id]), dice.choice(TEAMS), dice.sample(TAGS, dice.randrange(3)), dice.random() < 0.5,
            dice.randrange(1000), NOW, mention_id,
        )  # fmt: skip
        await w.pool.execute("INSERT INTO conversation_mentions VALUES ($1, $2)", id_, mention_id)
        for person in (w.mia, w.tom):
            own = [(id_, text) for text in LABELS if dice.random() < 0.3]
            await labels.label(w.pool, person.id, own, [], NOW)


# Queries -------------------------------------------------------------------------------------------------------------


def _text(raw: str) -> Text:
    return Text(raw, raw.lower() if raw.isascii() else raw, wild="*" in raw or "?" in raw)


_LISTS: dict[str, list[str]] = {
    "source": [*SOURCES, "BLUE*", "other"],
    "author": NAMES,
    "account": ["acme", "acme.example", "@acme.example", "ac*", "other"],
    "topic": [*TOPICS, "ri*", "other"],
    "rule": [*RULES, "out*"],
    "lang": ["en", "de", "d?"],
    "label": ["callback", "größe", "v*"],
    "tag": ["billing", "größe", "v*"],
    "team": ["care", "c*"],
    "assignee": ["me", "nobody", "mia-acme", "tom*", "n*"],
    "parent": ["s0", "S0", "s1"],
    "root": ["s0", "s3"],
    "link": ["shop.example", "shop.example/returns", "müller", "x=1"],
    "domain": ["shop.example", "müller.example", "example"],
    "url": ["bsky.app/profile", "www", "profile/1"],
}
_NUMBERS = [-0.7, 0.0, 0.1, 0.3, 0.7, 0.70001, 1.0, 2.5, 3.0, 5.0, 10.0, 99.5, 1000.0, 1e13, 1e300]


@st.composite
def _ranges(draw: st.DrawFn) -> Range:
    low, high = draw(st.none() | st.sampled_from(_NUMBERS)), draw(st.none() | st.sampled_from(_NUMBERS))
    return Range(low, high, draw(st.booleans()), draw(st.booleans()))


@st.composite
def _moments(draw: st.DrawFn) -> Moment:
    if draw(st.booleans()):
        return Moment(at=NOW - timedelta(minutes=draw(st.integers(-10, 6000))))
    if draw(st.booleans()):
        return Moment(seconds=draw(st.sampled_from([0.0, -3600.0, -86400.5, -1e12, 1e12])))
    return Moment(day=draw(st.integers(-4, 1)), zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"])))


def _values(name: str) -> st.SearchStrategy[Value]:
    fact = FIELDS[name]
    ages = st.sampled_from([0.0, 60.0, 3600.0, 86_400.0, 1e12, 1e300])
    match fact.sort:
        case Sort.TIME:
            return st.builds(Period, st.none() | _moments(), st.none() | _moments())
        case Sort.HOUR:
            return st.builds(Hours, st.integers(0, 1439), st.integers(0, 1440), st.sampled_from(["UTC", "Asia/Tokyo"]))
        case Sort.AGE:
            return st.builds(Range, st.none() | ages, st.none() | ages, st.booleans(), st.booleans())
        case Sort.NUMBER:
            return _ranges()
        case Sort.CHOICE:
            chosen: st.SearchStrategy[Any] = st.sampled_from(sorted(fact.values)).map(_text)
            return chosen | _ranges() if fact.order or fact.numbers else chosen
        case _:
            return st.sampled_from(_LISTS[name]).map(_text)


def fields() -> st.SearchStrategy[Node]:
    """Every field with one or two of its values."""
    return st.sampled_from(sorted(FIELDS)).flatmap(
        lambda name: st.lists(_values(name), min_size=1, max_size=2).map(lambda some: Field(name, tuple(some)))
    )


def _terms() -> st.SearchStrategy[Any]:
    return (
        st.sampled_from(WORDS).map(Word)
        | st.sampled_from(["app*", "d?wn", "caf*", "refu*d", "bran*s"]).map(Wild)
        | st.sampled_from(["BT", "café", "cafe", "Brand's", "Brand"]).map(Exact)
    )


def words() -> st.SearchStrategy[Node]:
    """Everything that asks for a text."""
    terms = _terms()
    phrases = st.builds(
        lambda parts, slop: Phrase(tuple(parts), slop),
        st.lists(terms, min_size=2, max_size=3),
        st.none() | st.integers(0, 3),
    )
    signs = st.sampled_from(["#down", "#café", "#cafe", "$app", "@mira", "@mira.example"]).map(Sign)
    places = st.one_of(terms, phrases, signs, st.builds(lambda a, b: Or((a, b)), terms, terms))
    near = st.builds(Near, places, places, st.integers(0, 5), st.booleans())
    return st.one_of(
        terms,
        phrases,
        signs,
        near,
        st.builds(Near, near, places, st.integers(0, 5), st.booleans()),
        st.sampled_from(["Google+", "C++", "?", "café", "cafe\u0301", "oogle", "nul\0", "'; --"]).map(Raw),
        st.sampled_from(["down", "c.f", r"\bapp\b"]).map(Regex),
        st.sampled_from(["x" * 70, "x" * 64, "x" * 65]).map(Word),
    )


def trees(leaves: st.SearchStrategy[Node] | None = None) -> st.SearchStrategy[Node]:
    """Queries of words and fields under AND, OR, NOT and names."""
    return st.recursive(
        words() | fields() if leaves is None else leaves,
        lambda parts: (
            st.lists(parts, min_size=2, max_size=3).map(lambda some: And(tuple(some)))
            | st.lists(parts, min_size=2, max_size=3).map(lambda some: Or(tuple(some)))
            | parts.map(Not)
            | parts.map(lambda part: Named("query:x", part))
        ),
        max_leaves=6,
    )


EVERYTHING = Or((
    Regex("x"),
    *(Field(name, ()) for name in FIELDS),
    Field("is", (_text("addressed"), _text("open"), _text("verified"))),
    Field("has", (_text("flag"),)),
))  # fmt: skip
"""A query whose subjects are read whole and whose SQL keeps none of them back."""
