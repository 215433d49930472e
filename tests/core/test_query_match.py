"""One query on one mention: equal to a naive oracle, spans in the original text, every field, the cheap test never wrongly says no."""

import pytest
from hypothesis import given, settings

from listener.model import Kind, Priority, State, ToneLabel
from listener.query.fields import FIELDS, Use
from listener.query.index import Index, loose, may_match, needs
from listener.query.match import Explained, Subject, asks, explain, match
from listener.query.parse import parse
from listener.query.sql import condition
from listener.query.tree import And, Node, Not, Or
from tests.core.queries import oracle, texts, trees


def tree_of(query: str) -> Node:
    parsed = parse(query)
    assert parsed.tree is not None, [str(one) for one in parsed.problems]
    return parsed.tree


@settings(max_examples=500)
@given(trees(), texts())
def test_the_matcher_agrees_with_the_oracle(tree: Node, text: str) -> None:
    assert match(tree, Subject(text=text)).hit == oracle(tree, text)


@settings(max_examples=500)
@given(trees(), texts())
def test_the_cheap_test_never_wrongly_says_no(tree: Node, text: str) -> None:
    subject = Subject(text=text)
    if match(tree, subject).hit:
        wanted = needs(tree)
        assert wanted is None or may_match(wanted.literals, loose(text))
        assert Index([tree]).candidates(subject) == [0]


@given(trees(), texts())
def test_the_explanation_agrees_with_the_match(tree: Node, text: str) -> None:
    subject = Subject(text=text)
    told = explain(tree, subject)
    found = match(tree, subject)
    assert told.true == found.hit
    assert told.spans == found.spans
    assert consistent(told)


def consistent(told: Explained) -> bool:
    below = [part.true for part in told.parts]
    match told.node:
        case And():
            whole = all(below)
        case Or():
            whole = any(below)
        case Not():
            whole = not below[0]
        case _:
            whole = told.true
    return told.true == whole and all(map(consistent, told.parts))


@given(trees(), texts())
def test_spans_are_merged_in_order_and_inside_the_text(tree: Node, text: str) -> None:
    spans = match(tree, Subject(text=text)).spans
    assert list(spans) == sorted(spans)
    assert all(0 <= at <= len(text) for at in spans)
    assert all(start < end for start, end in zip(spans[::2], spans[1::2], strict=True))


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("down", "It is DOWN again", ["DOWN"]),
        ("cafe", "Le Café, le cafe", ["Café", "cafe"]),
        ("café", "Le Café, le cafe", ["Café"]),
        ('"app down"', "the App   down!", ["App   down"]),
        ("障害", "本日障害発生", ["障害"]),
        ("bill*", "bills and Billing", ["bills", "Billing"]),
        ("#down", "It is #Down, down", ["#Down"]),
        ("@acme", "hi @Acme.bsky.social", ["@Acme.bsky.social"]),
        ("brand", "the brand’s app", ["brand’s"]),
        ("heure", "à l’heure", ["l’heure"]),
        ("bill", "b\u200bi\u200bll", ["b\u200bi\u200bll"]),
        ("app AND NOT bill", "app bills", ["app"]),
        ("app OR (down AND bill)", "app down", ["app"]),
        ("strasse", "die Straße", ["Straße"]),
        ("app app", "app", ["app"]),
        ("ok", "😀👩‍💻 ok", ["ok"]),
    ],
)
def test_spans_mark_the_original_text(query: str, text: str, marked: list[str]) -> None:
    found = match(tree_of(query), Subject(text=text))
    assert found.hit
    assert [text[start:end] for start, end in zip(found.spans[::2], found.spans[1::2], strict=True)] == marked


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("café", "cafe"),
        ("ill", "I'll come"),
        ('"app down"', "down app"),
        ('"app down"', "app is down"),
        ("down", "https://example.com/down"),
        ("down", "downtown"),
        ("#down", "down"),
        ("#down", "#downtown"),
        ("social", "@acme.bsky.social"),
        ("障害", "害障"),
        ("app AND down", "app"),
        ("NOT app", "app"),
    ],
)
def test_what_does_not_match(query: str, text: str) -> None:
    assert match(tree_of(query), Subject(text=text)).hit is False


KNOWN = Subject(
    text="Is the app down?",
    source="bluesky",
    kind=Kind.REPLY,
    author_handle="Mira.example",
    author_id="did:plc:Mira",
    hashtags=("Launch",),
    links=1,
    media=0,
    addressed=True,
    lang="en",
    tone=ToneLabel.NEGATIVE,
    topics=frozenset({"larkspur"}),
    rules=frozenset({"outage"}),
    tags=frozenset({"billing"}),
    state=State.OURS,
    priority=Priority.HIGH,
    assignee="lea",
    team="care",
    unread=True,
    me="lea",
)


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("source:bluesky", "source:mastodon"),
        ("author:mira.example", "author:other"),
        ("author:@mira.example", "author:mira.exampl"),
        ("author:mira", "author:example"),
        ("author:did:plc:mira", "author:did:plc"),
        ("author:mir*", "author:mora*"),
        ("kind:reply", "kind:post"),
        ("is:reply", "is:post"),
        ("is:unread", "is:done"),
        ("is:open", "is:snoozed"),
        ("is:assigned", "is:new"),
        ("is:addressed", "is:ours"),
        ("is:question", "is:theirs"),
        ("has:link", "has:media"),
        ("has:tag has:flag", "has:media"),
        ("lang:en", "lang:de"),
        ("lang:(de OR en)", "lang:(de OR fr)"),
        ("topic:larkspur", "topic:orbit"),
        ("tone:negative", "tone:neutral"),
        ("tag:billing", "tag:bill"),
        ("status:ours", "status:new"),
        ("status:open", "status:done"),
        ("priority:high", "priority:urgent"),
        ("assignee:me", "assignee:nobody"),
        ("assignee:lea", "assignee:le"),
        ("team:care", "team:legal"),
        ("rule:outage", "rule:spam"),
        ("#launch", "#other"),
    ],
)
def test_every_field(yes: str, no: str) -> None:
    assert match(tree_of(yes), KNOWN).hit
    assert not match(tree_of(no), KNOWN).hit
    assert match(tree_of(f"-({no})"), KNOWN).hit


def test_an_unknown_value_does_not_match_and_its_negation_does() -> None:
    for fact in FIELDS.values():
        value = min(fact.values or {"x"}) if fact.name not in {"is", "has", "kind"} else ""
        if value:
            assert not match(tree_of(f"{fact.name}:{value}"), Subject()).hit
            assert match(tree_of(f"-{fact.name}:{value}"), Subject()).hit


def test_every_published_value_can_be_asked() -> None:
    for fact in FIELDS.values():
        for use in fact.uses:
            for value in fact.values_for(use):
                parsed = parse(f"{fact.name}:{value}", use)
                assert parsed.tree is not None
                assert match(parsed.tree, KNOWN).hit in {True, False}


def test_a_question_is_told_from_an_address() -> None:
    assert asks("why?")
    assert asks("¿Cuándo?")
    assert asks("いつですか？")
    assert not asks("see https://example.com/?page=2 now")
    assert not asks("why")


def test_what_no_index_can_serve_is_told() -> None:
    for query in ("NOT app", "source:bluesky", "app OR NOT down", "app OR is:open"):
        assert condition(tree_of(query)) is None
        assert needs(tree_of(query)) is None
        assert Index([tree_of(query)]).candidates(Subject(text="other")) == [0]
    asked = condition(tree_of("it's (app OR 障害) down* -down"), first=3)
    assert asked is not None
    assert asked.sql == "v.words @@ $3::text::tsquery"
    assert asked.parameters == ("('it''s' & ('app' | ('障' & '害' & '障害')) & 'down':*)",)


def test_the_index_turns_away_what_cannot_match() -> None:
    queries = [
        "app",
        "down OR bill*",
        '"money back"',
        "#launch",
        "@acme",
        "NOT app",
        "app AND down",
        "zebra OR is:question",
    ]
    index = Index([tree_of(query) for query in queries])
    assert index.candidates(Subject(text="nothing here")) == [5, 7]
    assert index.candidates(Subject(text="my bills, my money")) == [1, 2, 5, 7]  # the longest word of a phrase
    assert index.candidates(Subject(text="money back")) == [2, 5, 7]
    assert index.candidates(Subject(text="@acme.example #Launch")) == [3, 4, 5, 7]
    assert index.candidates(Subject(text="", hashtags=("launch",))) == [3, 5, 7]


def test_uses_differ_in_what_they_know() -> None:
    assert all(Use.SEARCH in fact.uses for fact in FIELDS.values())
