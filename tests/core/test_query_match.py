"""One query on one mention: spans in the original text, every field, unknown values, and the quick ways that must equal the plain one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query import match as matching
from listener.query import near
from listener.query.fields import FIELDS, Sort, Use
from listener.query.held import asks
from listener.query.match import match
from listener.query.parse import parse
from listener.query.subject import Subject
from listener.query.tree import Near, Node, Or, Phrase, Word

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def tree_of(query: str) -> Node:
    parsed = parse(query)
    assert parsed.tree is not None, [str(one) for one in parsed.problems]
    return parsed.tree


def hit(query: str, subject: Subject) -> bool:
    return match(tree_of(query), subject, NOW).hit


KEYS = st.sampled_from("abcde")
SIDES = KEYS.map(Word) | st.lists(KEYS, min_size=2, max_size=3).map(lambda keys: Or(tuple(map(Word, keys))))
QUICK = st.builds(Near, SIDES, SIDES, st.integers(0, 4), st.booleans()) | st.lists(KEYS, min_size=2, max_size=3).map(
    lambda keys: Phrase(tuple(map(Word, keys)))
)


@settings(max_examples=500)
@given(QUICK, st.lists(KEYS, max_size=10))
def test_the_quick_ways_equal_the_plain_one(tree: Near | Phrase, said: list[str]) -> None:
    subject = Subject(text=" ".join(said))
    assert matching.test_of(tree)(subject, NOW) == any(True for _ in near.stretches(tree, subject.words))


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("down", "It is DOWN again", ["DOWN"]),
        ("cafe", "Le Café, le cafe", ["Café", "cafe"]),
        ("café", "Le Café, le cafe", ["Café"]),
        ('"app down"', "the App   down!", ["App   down"]),
        ("障害", "本日障害発生", ["障害"]),
        ("bill*", "bills and Billing", ["bills", "Billing"]),
        ("b?ll", "bell, ball, bll", ["bell", "ball"]),
        ("organi*ation", "an Organisation, organization, organist", ["Organisation", "organization"]),
        ("#down", "It is #Down, down", ["#Down"]),
        ("@acme", "hi @Acme.bsky.social", ["@Acme.bsky.social"]),
        ("$tsla", "buy $TSLA, not tsla", ["$TSLA"]),
        ("brand", "the brand’s app", ["brand’s"]),
        ("heure", "à l’heure", ["l’heure"]),
        ("bill", "b\u200bi\u200bll", ["b\u200bi\u200bll"]),
        ("app AND NOT bill", "app bills", ["app"]),
        ("app OR (down AND bill)", "app down", ["app"]),
        ("strasse", "die Straße", ["Straße"]),
        ("app app", "app", ["app"]),
        ("ok", "😀👩‍💻 ok", ["ok"]),
        ("😡", "no 😡😡 no", ["😡😡"]),
        ("👍", "well 👍🏽 done", ["👍🏽"]),
        ("{BT}", "BT, bt and BT's", ["BT", "BT's"]),
        ("{Le Monde}", "le monde, Le Monde", ["Le Monde"]),
        ('raw:"C++"', "C++ and c++, not C+", ["C++"]),
        ("/colou?r/", "Colour or color", ["Colour", "color"]),
        ("/caf.\\b/", "😀 un café.", ["café"]),
        ("refund NEAR/2 late", "refund is so late, refund", ["refund", "late", "refund"]),
        ("(bad OR poor) NEAR/3f service", "service bad as ever, poor service", ["bad", "poor", "service"]),
        ('"money back now"~3', "now I want my money back", ["now", "money", "back"]),
        ('"deliver* late"', "delivered late, late delivery", ["delivered late"]),
        ('no OR cafe OR "cafe down" OR "no such"', "un café, Café DOWN", ["café", "Café DOWN"]),
        ('cafe AND ("cafe down" OR "down cafe"~3)', "down, un café", ["down", "café"]),
        ('"café* down" OR "{BT} down"', "BT down", ["BT down"]),
    ],
)
def test_spans_mark_the_original_text(query: str, text: str, marked: list[str]) -> None:
    found = match(tree_of(query), Subject(text=text), NOW)
    shown = [text[start:end] for start, end in zip(found.spans[::2], found.spans[1::2], strict=True)]
    assert found.hit
    assert shown == marked


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("café", "cafe"),
        ("ill", "I'll come"),
        ('"app down"', "down app"),
        ('"app down"', "app is down"),
        ('"app down"', "app 😡 down"),
        ("down", "https://example.com/down"),
        ("down", "downtown"),
        ("#down", "down"),
        ("#down", "#downtown"),
        ("$tsla", "tsla"),
        ("social", "@acme.bsky.social"),
        ("障害", "害障"),
        ("app AND down", "app"),
        ("NOT app", "app"),
        ("b?ll", "bll"),
        ("b?ll", "belll"),
        ("{BT}", "bt"),
        ("{café}", "cafe"),
        ('raw:"Goog"', "Google+"),
        ('raw:"Google+"', "google+"),
        ("👍🏽", "👍"),
        ("/^down$/", "down again"),
        ("bill NEAR/5 bill*", "one bill only"),
        ("refund NEAR/1 late", "refund is so late"),
        ("refund NEAR/5f late", "late refund"),
        ('"money money"~5', "money"),
        ('"money back now"~2', "now I want my money back"),
    ],
)
def test_what_does_not_match(query: str, text: str) -> None:
    assert hit(query, Subject(text=text)) is False


def test_raw_characters_are_not_found_inside_a_word_or_beside_its_mark() -> None:
    assert hit('raw:"C+"', Subject(text="C++"))  # a sign parts; only letters and digits go on
    assert hit('raw:"é"', Subject(text="e\u0301 bien"))
    assert not hit("raw:e", Subject(text="e\u0301 bien"))
    assert not hit('raw:"="', Subject(text="a =\u0338 b"))
    assert hit("raw:害", Subject(text="障害発生"))


KNOWN = Subject(
    text="Is the app down? See https://www.Status.example/today or mail help@acme.example",
    source="bluesky",
    kind=Kind.REPLY,
    author_handle="Mira.example",
    author_id="did:plc:Mira",
    followers=12_000,
    verified=True,
    hashtags=("Launch",),
    links=("https://news.acme.example/a?B=1",),
    media=0,
    url="https://bsky.app/profile/mira.example/post/3k",
    parent="at://did:plc:Us/app.bsky.feed.post/3kA",
    root="at://did:plc:Us/app.bsky.feed.post/3kR",
    at=NOW - timedelta(hours=3),
    rating=2,
    likes=40,
    reposts=3,
    replies=0,
    quotes=1,
    addressed=True,
    accounts=frozenset({"Acme.example"}),
    lang="en",
    tone=ToneLabel.NEGATIVE,
    about=ToneLabel.POSITIVE,
    compound=-0.6,
    need=0.8,
    topics=frozenset({"larkspur"}),
    rules=frozenset({"outage"}),
    tags=frozenset({"billing"}),
    labels=frozenset({"callback"}),
    state=State.OURS,
    priority=Priority.HIGH,
    assignee="lea",
    team="care",
    unread=True,
    me="lea",
)


ASKED = [
    ("source:bluesky", "source:mastodon"),
    ("author:mira.example", "author:other"),
    ("author:@mira.example", "author:mira.exampl"),
    ("author:mira", "author:example"),
    ("author:did:plc:mira", "author:did:plc"),
    ("author:mir*", "author:mora*"),
    ("followers:>10k", "followers:<=10k"),
    ("followers:[1000 TO 20k]", "followers:[1 TO 2]"),
    ("verified:yes", "verified:no"),
    ("kind:reply", "kind:post"),
    ("is:reply", "is:post"),
    ("is:unread", "is:done"),
    ("is:open", "is:snoozed"),
    ("is:assigned", "is:new"),
    ("is:addressed", "is:ours"),
    ("is:question", "is:theirs"),
    ("is:verified", "is:only-emoji"),
    ("has:link", "has:media"),
    ("has:tag has:flag has:email", "has:emoji"),
    ("words:>5", "words:<3"),
    ("link:acme.example/a?b", "link:acme.example/b"),
    ("link:status.example", "link:status.example/tomorrow"),
    ("domain:acme.example", "domain:cme.example"),
    ("domain:status.example", "domain:today"),
    ("url:bsky.app/profile/mira", "url:status.example"),
    ("parent:at://did:plc:Us/app.bsky.feed.post/3kA", "parent:at://did:plc:us/app.bsky.feed.post/3ka"),
    ("root:at://did:plc:Us/app.bsky.feed.post/3kR", "root:at://did:plc:Us/app.bsky.feed.post/3kA"),
    ("rating:<=2", "rating:>2"),
    ("likes:40", "likes:>40"),
    ("reposts:>=3", "reposts:0"),
    ("replies:0", "replies:>0"),
    ("quotes:[1 TO *]", "quotes:[* TO 0]"),
    ("age:<4h", "age:<2h"),
    ("age:[1h TO 1d]", "age:>1d"),
    ("time:today", "time:yesterday"),
    ("time:2026-11-27", "time:2026-11-26"),
    ("time:[2026-11-01 TO 2026-11-27]", "time:[2026-11-01 TO 2026-11-26]"),
    ("time:>=now-4h", "time:<now-4h"),
    ("hour:9", "hour:10"),
    ("hour:[09:00 TO 17:30]", "hour:[09:00 TO 17:30 Asia/Tokyo]"),
    ("hour:[22:00 TO 10:00]", "hour:[10:00 TO 09:00]"),
    ("account:acme", "account:other"),
    ("lang:en", "lang:de"),
    ("lang:(de OR en)", "lang:(de OR fr)"),
    ("topic:larkspur", "topic:orbit"),
    ("tone:negative", "tone:neutral"),
    ("about:positive", "about:negative"),
    ("reach:>=10", "reach:<10"),
    ("tone:<-0.5", "tone:>0"),
    ("need:>=0.7", "need:<0.5"),
    ("tag:billing", "tag:bill"),
    ("label:callback", "label:call"),
    ("status:ours", "status:new"),
    ("status:open", "status:done"),
    ("priority:high", "priority:urgent"),
    ("priority:>=high", "priority:>high"),
    ("assignee:me", "assignee:nobody"),
    ("assignee:lea", "assignee:le"),
    ("team:care", "team:legal"),
    ("rule:outage", "rule:spam"),
    ("#launch", "#other"),
]


@pytest.mark.parametrize(("yes", "no"), ASKED)
def test_every_field(yes: str, no: str) -> None:
    assert hit(yes, KNOWN)
    assert not hit(no, KNOWN)
    assert hit(f"-({no})", KNOWN)


def test_every_published_field_is_asked() -> None:
    assert {yes.split(":")[0] for yes, _ in ASKED} >= set(FIELDS)


def test_an_unknown_value_does_not_match_and_its_negation_does() -> None:
    known = {"kind", "words"}  # every message has these
    for fact in FIELDS.values():
        if fact.name in known:
            continue
        value = fact.example if fact.sort is not Sort.CHOICE else min(fact.values - {kind.value for kind in Kind})
        assert not hit(f"{fact.name}:{value}", Subject()), fact.name
        assert hit(f"-{fact.name}:{value}", Subject()), fact.name


def test_every_published_value_can_be_asked() -> None:
    for fact in FIELDS.values():
        for use in fact.uses:
            for value in (*fact.values_for(use), fact.example):
                parsed = parse(f"app {fact.name}:{value}", use)  # a topic needs a word
                assert parsed.tree is not None, (fact.name, value, [str(one) for one in parsed.problems])
                assert match(parsed.tree, KNOWN, NOW).hit in {True, False}


def test_only_emoji_and_only_handles() -> None:
    assert hit("is:only-emoji", Subject(text="😡 😡👍🏽!"))
    assert not hit("is:only-emoji", Subject(text="no 😡"))
    assert not hit("is:only-emoji", Subject(text="..."))
    assert hit("is:only-handles", Subject(text="@acme.example @bo"))
    assert not hit("is:only-handles", Subject(text="@acme.example help"))
    assert not hit("is:only-handles", Subject(text=""))


def test_what_a_row_states_counts() -> None:
    assert hit("is:question has:media", Subject(text="so", stated=frozenset({"is:question", "has:media"})))


def test_a_question_is_told_from_an_address() -> None:
    assert asks("why?")
    assert asks("¿Cuándo?")
    assert asks("いつですか？")
    assert not asks("see https://example.com/?page=2 now")
    assert not asks('<a href="https://example.com/?page=2">page two</a>')
    assert asks('<a href="https://example.com/">why?</a>')
    assert not asks("why")


def test_time_is_when_somebody_says_it_is() -> None:
    tree = tree_of("age:<1h")
    said = Subject(at=NOW)
    assert match(tree, said, NOW + timedelta(minutes=59)).hit
    assert not match(tree, said, NOW + timedelta(minutes=61)).hit


def test_a_text_that_repeats_itself_costs_no_more_than_it_must() -> None:
    """No cap on n, and texts are hostile: the work stays bounded, and the answer right."""
    loud = Subject(text="win " * 20_000 + "prize")
    assert hit("win NEAR/100000 (win NEAR/100000 (win NEAR/100000 prize))", loud)
    assert hit('"win win win win prize"~100000', loud)
    assert not hit("(win NEAR/5 win) NEAR/5 lose", loud)
    assert not hit('"win win win win prize lose"~100000', Subject(text="win " * 20_000 + "prize"))


def test_uses_differ_in_what_they_know() -> None:
    assert all(Use.VIEW in fact.uses for fact in FIELDS.values())
