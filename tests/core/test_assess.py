"""The judgement: equal input, equal assessment; tone where it fits, need with its reasons, due times that no clock can fool."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.assess import Judge, TopicEar, assess, topics_of
from listener.model.accounts import Account
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Assessment, Context
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority, ToneLabel
from listener.query.match import match
from listener.query.subject import Subject
from listener.service.hearing import Hearer
from tests.core.queries import texts
from tests.core.rulebooks import PLAIN, book

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RULES = """\
topics:
  - {key: acme, kind: brand, query: 'acme -garden', names: [Acme]}
  - {key: rival, kind: competitor, query: rival, sources: [bluesky]}
  - {key: other, kind: brand, brand: elsewhere, query: acme}
  - {key: cafe, kind: campaign, query: 'cafe OR 障害 OR #launch OR "grand opening" OR open*'}
teams:
  - key: ops
rules:
  - {id: outage, title: Outage, owner: x, scope: {addressed: yes, kinds: [brand]}, when: down,
     then: {priority: high, reply within: 1h, team: ops, tags: [out]}}
  - {id: fire, title: Fire, owner: x, scope: {addressed: yes}, when: smoke OR tone:negative, then: {priority: urgent, reply within: 30m, open: yes}}
  - {id: praise, title: Praise, owner: x, scope: {addressed: yes}, when: tone:positive, then: {priority: low, tags: [praise]}}
"""
BOOK = book(r_yaml=RULES)
MENTIONED = (Hearing(1, Via.MENTION, account_id=7),)
BY_TOPIC = (Hearing(1, Via.TOPIC, topic="acme"),)


def mention(text: str, **more: object) -> Mention:
    plain = Mention(
        Key("bsky", "1"), "bluesky", Author("bsky", "did:1", "mira.example"), text, Kind.POST, b"{}", langs=("en",)
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def judged(
    text: str, hearings: tuple[Hearing, ...] = MENTIONED, context: Context | None = None, **more: object
) -> Assessment:
    return assess(
        mention(text, **more), hearings, context or Context("main", addresses=hearings == MENTIONED), BOOK, PLAIN, NOW
    )


def test_a_rule_fires_with_its_spans_and_reasons() -> None:
    found = judged("Acme is DOWN", network_at=NOW - timedelta(minutes=5))
    assert found.priority is Priority.HIGH
    assert (found.team, found.tags, found.opens) == ("ops", ("out",), False)
    assert found.reply_within == 3600
    assert found.due_at == NOW + timedelta(minutes=55)
    assert [(flag.rule, flag.spans) for flag in found.flags] == [("outage", (8, 12))]
    assert found.because[0] == {
        "rule": "outage",
        "title": "Outage",
        "then": ["priority high", "reply within 1h", "team ops", "tag out"],
        "spans": [8, 12],
    }
    assert found.rulebook == BOOK.hash
    assert found.methods == {
        "tone": "two-words-1",
        "lang": "claimed-1",
        "about": "sentences-1",
        "need": BOOK.signals.method,
    }


def test_reasons_hold_no_words_of_the_text() -> None:
    found = judged("zyxwv is down and awful?")
    told = json.dumps([*found.because, *(dict(flag.values) for flag in found.flags)])
    assert "zyxwv" not in told


def test_reasons_come_in_order_of_weight() -> None:
    found = judged("smoke, down, awful?")
    assert [one.get("rule", one.get("signal")) for one in found.because] == [
        *("fire", "outage"),
        *("a rule says urgent", "addressed to us", "negative tone", "question"),
    ]
    values = [one["value"] for one in found.because if "signal" in one]
    assert values == sorted(values, reverse=True)


def test_a_language_that_no_method_fits_is_not_scored() -> None:
    found = judged("awful", langs=("es",))
    assert found.tone.label is ToneLabel.NOT_SCORED
    assert found.tone.compound is None
    assert found.flags == ()  # tone:negative must not take it for anything
    assert found.lang == "es"


@pytest.mark.parametrize(
    ("network_at", "due"),
    [
        (None, NOW + timedelta(hours=1)),
        (NOW - timedelta(hours=3), NOW - timedelta(hours=2)),
        (NOW + timedelta(days=400), NOW + timedelta(hours=1)),  # from the future: counted from now
    ],
)
def test_due_times_count_from_the_networks_time(network_at: datetime | None, due: datetime) -> None:
    assert judged("down", network_at=network_at).due_at == due


def test_history_has_no_clock() -> None:
    found = judged("down", context=Context("main", addresses=True, history=True), network_at=NOW)
    assert found.due_at is None
    assert found.reply_within == 3600
    assert [flag.rule for flag in found.flags] == ["outage"]


def test_need_grows_with_every_signal_and_stays_below_one() -> None:
    steps = [
        judged("acme, fine", BY_TOPIC),
        judged("fine"),
        judged("fine?"),
        judged("fine?", context=Context("main", addresses=True, answers_us=True)),
        judged("fine? down", context=Context("main", addresses=True, answers_us=True)),
        judged("awful? down smoke", context=Context("main", addresses=True, answers_us=True, replied_before=True)),
    ]
    needs = [one.need for one in steps]
    assert needs == sorted(needs)
    assert len(set(needs)) == len(needs)
    assert needs[0] == 0
    assert needs[-1] < 1


def test_praise_that_asks_nothing_can_wait() -> None:
    assert judged("lovely").need < judged("fine").need
    assert judged("lovely").priority is Priority.LOW
    assert judged("lovely? down").need > judged("down").need


def test_priority_without_a_rule() -> None:
    assert judged("hello").priority is Priority.NORMAL
    assert judged("hello acme", BY_TOPIC).priority is Priority.LOW


@given(st.text(max_size=60) | texts(), st.booleans(), st.booleans(), st.integers(0, 5))
def test_equal_input_equal_assessment(text: str, by_topic: bool, answers: bool, before: int) -> None:
    context = Context("main", addresses=not by_topic, answers_us=answers, author_before=before)
    hearings = BY_TOPIC if by_topic else MENTIONED
    one = assess(mention(text), hearings, context, BOOK, PLAIN, NOW)
    two = Judge(book(r_yaml=RULES), PLAIN, lambda: NOW)(mention(text), hearings[::-1], context)
    assert one == two
    assert 0 <= one.need <= 1
    assert all(0 <= at <= len(text) for flag in one.flags for at in flag.spans)


# Topics


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("Acme rocks", ["acme"]),
        ("acme garden", []),
        ("ACME’s rival", ["acme", "rival"]),
        ("le Café", ["cafe"]),
        ("本日障害発生", ["cafe"]),
        ("#Launch", ["cafe"]),
        ("Ｇｒａｎｄ opening", ["cafe"]),
        ("we opened", ["cafe"]),
        ("a\u200bcme", ["acme"]),
        ("https://acme.example", []),
        ("macme", []),
        ("", []),
        ("nothing here", []),
    ],
)
def test_topics_of_a_text(text: str, topics: list[str]) -> None:
    assert list(topics_of(BOOK, "main", lambda: NOW)(mention(text))) == topics


def test_a_topic_for_some_accounts_hears_only_what_addresses_them() -> None:
    topics = "topics:\n  - {key: desk, kind: brand, query: acme, accounts: ['@Acme.Help', acme-care]}\n"
    ear = topics_of(book(r_yaml=topics), "main", lambda: NOW)
    assert ear(mention("acme is down")) == ()
    assert ear(mention("acme is down"), ["acme.test"]) == ()
    assert ear(mention("acme is down"), ["acme.test", "@ACME.help"]) == ("desk",)
    assert ear(mention("nothing"), ["acme-care"]) == ()
    account = Account(7, 1, "bluesky", "bsky", "did:us", "acme.help")
    hearer = Hearer([account, replace(account, id=8, external_id="did:other", handle="acme.test")], {1: ear})
    to_desk = hearer.hear(mention("acme is down", named=("did:us",)))
    assert [one.topic for one in to_desk if one.via is Via.TOPIC] == ["desk"]
    assert not any(one.via is Via.TOPIC for one in hearer.hear(mention("acme is down", named=("did:other",))))


def test_topics_belong_to_brands_and_sources() -> None:
    assert list(topics_of(BOOK, "elsewhere", lambda: NOW)(mention("acme"))) == ["acme", "other"]
    assert list(topics_of(BOOK, "main", lambda: NOW)(mention("rival", source="mastodon"))) == []
    assert list(topics_of(BOOK, "main", lambda: NOW)(mention("nothing", tags=("Launch",)))) == ["cafe"]


@given(
    st.text(max_size=80)
    | texts()
    | st.sampled_from(["acme", "CAFÉ", "障害"]).flatmap(lambda word: st.text(max_size=5).map(lambda t: t + word))
)
def test_the_quick_way_to_topics_equals_the_slow_one(text: str) -> None:
    slow = [
        topic.key
        for topic in BOOK.topics
        if topic.brand == "" and match(topic.query.tree, Subject(text=text, source="bluesky"), NOW).hit
    ]
    assert list(topics_of(BOOK, "main", lambda: NOW)(mention(text))) == slow


def test_no_topics_hear_nothing() -> None:
    assert TopicEar((), lambda: NOW)(mention("anything")) == ()
