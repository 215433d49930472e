"""What people who come from other tools expect of a query: one test for each operator of the trade, with messages that it finds and some that
it does not. Refuses to try every corner: the oracle does.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from listener.query.fields import FIELDS, Use
from listener.query.match import match
from listener.query.names import Names
from listener.query.parse import parse
from listener.query.rows import Row, read_row
from listener.query.subject import Subject
from listener.query.tree import Node
from listener.rulebook.parse import parse as parse_rules
from listener.rulebook.shape import Rulebook

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
NAMES = Names(
    lists={"vip": ("mira.example", "cat.example"), "giveaway": ("giveaway", "claim your prize", "airdrop*")},
    queries={"trouble": "outage OR (app NEAR/3 (down OR dead))"},
)
Example = str | dict[str, Any]
"""A message: its text, or a row of a file."""


def tree_of(query: str, use: Use = Use.VIEW) -> Node:
    parsed = parse(query, use, names=NAMES)
    assert parsed.tree is not None, [str(one) for one in parsed.problems]
    return parsed.tree


def finds(query: str, example: Example) -> bool:
    written = {"text": example} if isinstance(example, str) else example
    row = read_row(json.dumps({"id": "1", **written}).encode(), 1, NOW, me="lea")
    assert isinstance(row, Row), str(row)
    assert not row.unknown, row.unknown
    return match(tree_of(query), row.subject, NOW).hit


def check(query: str, yes: list[Example], no: list[Example]) -> None:
    """The query finds all of the first and none of the others; its "not" twins find all of the others and none of the first."""
    assert yes
    assert no
    for example in yes:
        assert finds(query, example), (query, example)
        assert not finds(f"-({query})", example), (query, example)
    for example in no:
        assert not finds(query, example), (query, example)
        assert finds(f"NOT ({query})", example), (query, example)


def cases(*some: tuple[str, list[Example], list[Example]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("query", "yes", "no"), some, ids=[query for query, _, _ in some])


# Listen --------------------------------------------------------------------------------------------------------------


@cases(
    ("refund AND invoice", ["Your invoice is wrong, I want a refund"], ["I want a refund", "Where is my invoice?"]),
    ("refund invoice", ["invoice paid twice, refund please"], ["refund please"]),
    ("refund OR chargeback", ["Refund me!", "I filed a chargeback"], ["I love it"]),
    ("larkspur NOT garden", ["Larkspur is down"], ["larkspur in my garden", "my garden"]),
    ("larkspur -garden -vase", ["Larkspur is down"], ["larkspur in a vase"]),
    ("larkspur AND (bill OR invoice)", ["the larkspur bill"], ["the bill", "larkspur again"]),
    ('"no signal"', ["There's NO signal here"], ["no good signal", "signal? no"]),
    ("outage OR app crash", ["an outage", "the app had a crash"], ["the app", "a crash"]),
)
def test_boolean_core(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


def test_operators_want_capitals_and_small_ones_are_told() -> None:
    parsed = parse("refund or chargeback")
    assert [one.code for one in parsed.warnings] == ["lower-case-operator"]
    assert not finds("refund or chargeback", "refund")
    assert finds("refund or chargeback", "a refund or a chargeback")


@cases(
    ('"refund late"~2', ["refund is very late", "so late is the refund"], ["refund is so very very late"]),
    ("refund NEAR/2 late", ["refund is very late", "late again: refund"], ["refund is so very very late"]),
    ("(app OR site) NEAR/1 (down OR dead)", ["the site is down", "dead app"], ["the app worked, then it went down"]),
    ("(app NEAR/1 down) NEAR/3 today", ["app is down since early today"], ["app is down; all was well until today"]),
    ('"no signal" NEAR/40 island', ["no signal " + "none " * 38 + "on the island"], ["no signal anywhere"]),
    ("bill NEAR/0 shock", ["bill shock", "shock bill"], ["bill: what a shock"]),
)
def test_proximity(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("switch NEAR/3f brambletel", ["I will switch over to Brambletel"], ["From Brambletel I will switch"]),
    ("(leave OR cancel) NEAR/2f larkspur", ["cancel my Larkspur"], ["larkspur, cancel my contract"]),
)
def test_ordered_proximity(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("deliver*", ["delivered late", "DELIVERY?"], ["undelivered"]),
    ("organi?ation", ["organisation", "organization"], ["organist", "organiation"]),
    ("col*r", ["colour", "color"], ["colours"]),
    ('"deliver* late"', ["delivered late"], ["delivered too late"]),
)
def test_wildcards(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@pytest.mark.parametrize(
    ("query", "code", "column"),
    [
        ("refund *phone", "star-at-start", 8),
        ("app OR de*", "stem-too-short", 8),
        ("?hone", "star-at-start", 1),
        ("a*b*c*d*e", "stem-too-short", 1),
        ("in*ter*na*ti*on", "too-many-stars", 1),
    ],
)
def test_wildcards_have_limits_and_say_where(query: str, code: str, column: int) -> None:
    (told,) = parse(query).problems
    assert (told.code, told.line, told.column) == (code, 1, column)
    assert told.hint


@cases(
    ("{BT}", ["BT is down", "BT's fault"], ["bt is down", "Bt"]),
    ("{Le Monde}", ["in Le Monde today"], ["le monde est petit"]),
    ('raw:"Google+"', ["Who used Google+ at all?"], ["Google it", "google+"]),
    ("cafe", ["the cafe", "the café", "CAFÉ"], ["cafeteria"]),
    ("café", ["the Café"], ["the cafe"]),
    ("wendy's", ["Wendy's", "WENDY’S"], ["wendy", "wendys"]),
    ("wendy", ["Wendy’s", "Wendy"], ["wendys"]),
    ("strasse", ["Straße 5", "STRASSE"], ["straße-nbahn"[7:]]),
)
def test_exact_case_exact_characters_and_accents(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("#larkspurdown", ["#LarkspurDown again"], ["larkspurdown"]),
    ("@larkspur", ["@larkspur help", "@larkspur.example help"], ["larkspur", "@larkspurfan"]),
    ("@larkspur.example", ["hey @Larkspur.example"], ["hey @larkspur", "hey @larkspur.test"]),
    ("$LKS", ["sold my $lks today"], ["LKS", "$LKSX", "$5"]),
    ("😡", ["no signal 😡😡"], ["no signal 😀"]),
    ("👍", ["👍", "👍🏽"], ["👎"]),
    ("👍🏽", ["👍🏽"], ["👍", "👍🏿"]),
)
def test_hashtag_handle_cashtag_and_emoji(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


def test_a_hashtag_beside_the_text_counts() -> None:
    tagged = Subject(text="again", hashtags=("LarkspurDown",))
    assert match(tree_of("#larkspurdown"), tagged, NOW).hit
    assert not match(tree_of("larkspurdown"), tagged, NOW).hit
    assert not match(tree_of("#larkspur"), tagged, NOW).hit


@cases(
    ("障害", ["本日障害発生"], ["害障"]),
    ("/ord(er|er no)[. ]*[0-9]{5}/", ["Order 48113 is late", "order no. 48113"], ["order 481"]),
)
def test_scripts_without_spaces_and_patterns(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("source:bluesky", [{"source": "bluesky"}], [{"source": "mastodon"}, {}]),
    ("domain:shop.example", [{"links": ["https://www.shop.example/a"]}], [{"links": ["https://workshop.example"]}]),
    ("domain:example", ["see https://news.shop.example/"], ["see https://example.test/"]),
    ("link:shop.example/returns", [{"link": "https://shop.example/returns?x=1"}], [{"link": "https://shop.example"}]),
    ("url:bsky.app/profile/mira", [{"url": "https://bsky.app/profile/mira/post/3k"}], [{"url": "https://x.test"}, {}]),
    ("account:larkspur.example", [{"account": "larkspur.example"}], [{"account": "orbit.example"}, {}]),
    ("topic:larkspur", [{"topics": ["larkspur", "orbit"]}], [{"topic": "orbit"}, {}]),
)
def test_source_fields(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("author:mira.example", [{"author": "Mira.example"}], [{"author": "mira.test"}, {}]),
    ("author:mira", [{"author": "mira.example"}], [{"author": "miranda.example"}]),
    ("author:mir*", [{"author": "miranda.example"}], [{"author": "cat.example"}]),
    ("author:list:vip", [{"author": "cat.example"}], [{"author": "dog.example"}]),
    ("followers:[1000 TO 5000]", [{"followers": 1000}, {"followers": 5000}], [{"followers": 999}, {}]),
    ("followers:>=10k", [{"followers": 10000}], [{"followers": 9999}]),
    ("verified:yes", [{"verified": True}], [{"verified": False}, {}]),
)
def test_author_fields(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("kind:(comment OR reply)", [{"kind": "comment"}, {"kind": "reply"}], [{"kind": "repost"}, {"kind": "quote"}]),
    ("is:repost", [{"kind": "repost"}], [{"kind": "post"}]),
    ("parent:109501", [{"parent": "109501"}], [{"parent": "1095010"}, {"root": "109501"}, {}]),
    ("root:at://did:plc:ab/p/3k", [{"root": "at://did:plc:ab/p/3k"}], [{"root": "at://did:plc:ab/p/3K"}]),
    ("likes:>=100 reposts:>10", [{"likes": 100, "reposts": 11}], [{"likes": 99, "reposts": 11}, {"likes": 500}]),
    ("replies:<5", [{"replies": 0}], [{"replies": 5}, {}]),
    ("quotes:2", [{"quotes": 2}], [{"quotes": 3}]),
)
def test_engagement_fields(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("lang:de", [{"lang": "de"}], [{"lang": "nl"}, {}]),
    ("lang:(de OR fr)", [{"lang": "fr"}], [{"lang": "en"}]),
    ("lang:(de, fr)", [{"lang": "de"}], [{"lang": "en"}]),
)
def test_language(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("has:media", [{"has": ["media"]}], [{"has": ["link"]}]),
    ("rating:[1 TO 2]", [{"rating": 1}, {"rating": 2}], [{"rating": 2.5}, {}]),
    ("age:<2h", [{"age": "90m"}], [{"age": "2h"}, {"age": "3d"}, {}]),
    ("time:2026-11-26", [{"time": "2026-11-26T23:59:59Z"}], [{"time": "2026-11-27T00:00:00Z"}]),
    ("time:[2026-11-01 TO 2026-11-07]", [{"time": "2026-11-07T23:00Z"}], [{"time": "2026-11-08T00:00Z"}]),
    ("time:>=2026-11-27T09:30Z", [{"time": "2026-11-27T09:30:00Z"}], [{"time": "2026-11-27T09:29:59Z"}]),
    ("time:[yesterday TO yesterday Europe/Berlin]", [{"time": "2026-11-25T23:30Z"}], [{"time": "2026-11-26T23:30Z"}]),
    ("hour:9", [{"time": "2026-11-27T09:59:00Z"}], [{"time": "2026-11-27T10:00:00Z"}, {}]),
    ("hour:[22:00 TO 06:00 Europe/Berlin]", [{"time": "2026-11-26T21:30Z"}], [{"time": "2026-11-26T05:30Z"}]),
)
def test_media_reviews_and_times(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("tag:billing", [{"tags": ["billing", "vip"]}], [{"tags": ["bill"]}, {}]),
    ("status:open", [{"status": "new"}, {"status": "ours"}], [{"status": "done"}, {}]),
    ("priority:>=high", [{"priority": "urgent"}], [{"priority": "normal"}, {}]),
    ("assignee:me", [{"assignee": "lea"}], [{"assignee": "tom"}, {"assignee": ""}, {}]),
    ("assignee:nobody", [{"assignee": ""}], [{"assignee": "lea"}, {}]),
    ("team:care", [{"team": "care"}], [{"team": "network"}, {}]),
    ("is:unread", [{"is": ["unread"]}], [{}]),
    ("rule:outage", [{"rules": ["outage"]}], [{"rules": []}, {}]),
    ("tone:negative", [{"tone": "negative"}], [{"tone": "neutral"}, {}]),
    ("about:negative", [{"about": "negative"}], [{"about": "positive"}, {"tone": "negative"}]),
    ("tone:<-0.5", [{"tone": -0.8}], [{"tone": -0.5}, {"tone": "negative"}]),
    ("need:>=0.7", [{"need": 0.7}], [{"need": 0.69}, {}]),
)
def test_the_inbox_s_own_fields(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_filter_has_a_not_twin(name: str) -> None:
    """Of a message of which nothing is known each filter is false, and so each twin is true."""
    fact = FIELDS[name]
    asked = f"{name}:{fact.example}"
    nothing: Example = {"text": "some words here"}
    assert not finds(asked, nothing)
    assert finds(f"-{asked}", nothing)
    assert finds(f"NOT {asked}", nothing)


@cases(
    ("outage <<< asked for by the network team >>> OR down", ["it is down"], ["asked for by the network team"]),
    ("query:trouble", ["the app is dead", "an outage"], ["the app is fine"]),
    ("query:trouble AND -fixed", ["the app is dead"], ["outage fixed"]),
    ("query:trouble NEAR/2 again", ["outage again"], ["outage here. And there. Then again"]),
)
def test_comments_and_named_queries(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


def test_a_query_is_checked_before_it_is_saved() -> None:
    parsed = parse('refund AND (outage OR "no signal) likes:many athor:mira')
    assert parsed.tree is None
    assert all(one.code and one.hint and one.line == 1 for one in parsed.problems)
    assert [one.code for one in parsed.problems] == ["unclosed-quote", "bad-number", "unknown-field"]
    assert [one.column for one in parsed.problems] == [23, 41, 46]


@cases(
    ("larkspur -list:giveaway", ["Larkspur is down"], ["Larkspur giveaway!", "claim your prize, Larkspur fans"]),
    ("list:giveaway", ["AIRDROPS now"], ["larkspur"]),
)
def test_exclusions_as_named_lists(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


def test_ready_lists_come_with_the_rules() -> None:
    files = {one.name: one.read_text("utf-8") for one in (Path(__file__).parents[2] / "rules").glob("*.yaml")}
    book = parse_rules(files)
    assert isinstance(book, Rulebook), [str(one) for one in book]
    for name in ("giveaway", "quick-money"):
        assert book.names.lists[name]
        assert parse(f"larkspur -list:{name}", Use.TOPIC, names=book.names).tree is not None


# Flag ----------------------------------------------------------------------------------------------------------------


@cases(
    ("is:only-handles", ["@larkspur @mira.example", "@larkspur!"], ["@larkspur help", "hello"]),
    ("is:only-emoji", ["🔥🔥", "👍🏽 ❤️"], ["nice 🔥", "..."]),
    ("has:link", ["see https://shop.example", {"links": ["https://shop.example"]}], ["see shop"]),
    ("has:email", ["write to mira@larkspur.example"], ["@mira", "mira at larkspur"]),
    ("has:emoji", ["nice 🔥"], ["nice :-)"]),
    ("has:tag", ["#down"], ["down"]),
    ("words:<3", ["too late", "🔥"], ["far too late"]),
    ("words:[4 TO 6]", ["where is my refund"], ["refund?", "where is it, and where is my refund"]),
    ("is:question", ["Where is my refund?"], ["No idea", "https://shop.example/?page=2"]),
)
def test_conditions_on_the_text(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)


@cases(
    ("refund", ["Refund!"], ["bill"]),
    ("-refund", ["bill"], ["Refund!"]),
    ("is:addressed", [{"is": ["addressed"]}], [{}]),
    ("is:ours", [{"is": ["ours"]}], [{}]),
    ("is:verified followers:>10k", [{"verified": True, "followers": 20_000}], [{"verified": True, "followers": 5}]),
)
def test_conditions_of_rules(query: str, yes: list[Example], no: list[Example]) -> None:
    check(query, yes, no)
    assert tree_of(query, Use.RULE)
