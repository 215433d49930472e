"""Why a rule fires: what is told agrees with the judgement, in sentences for whoever wrote the rule, with places in the original text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest

from listener.assess import assess
from listener.model.judged import Context, Window
from listener.query.subject import Subject
from listener.rulebook.explain import Part, Why, why, why_all
from listener.rulebook.shape import During, Rulebook, Scope, Status, TopicKind
from listener.rulebook.subject import Heard, heard_by, judged
from tests.core.judging import NIGHT, NOON, Said, Timed, case_of
from tests.core.rulebooks import PLAIN, book

NAMES = ["status", "ours", "scope", "when", "count", "hours", "exceptions", "unless"]


def explained(rules: Rulebook, said: Said) -> tuple[Why, ...]:
    heard = heard_by(said.hearings, said.context.brand, rules)
    subject, _ = judged(said.mention, heard, PLAIN, said.context)
    return why_all(rules, subject, heard, said.context, said.now)


def test_what_is_told_agrees_with_the_judgement_for_ten_thousand_rules_and_messages() -> None:
    asked: Counter[bool] = Counter()
    for seed in range(400):
        case = case_of(seed, many=8)
        for said in case.said:
            asked.update(_agreeing(case.rules, said))
    assert asked.total() >= 10_000
    assert 0.25 < asked[True] / asked.total() < 0.6


def _agreeing(rules: Rulebook, said: Said) -> list[bool]:
    """Whether each rule fired, once what is told was compared with the judgement."""
    found = assess(said.mention, said.hearings, said.context, rules, PLAIN, said.now)
    told = explained(rules, said)
    fired = [one for one in told if one.fires]
    assert [(one.rule.id, one.shadow) for one in fired] == [(flag.rule, flag.shadow) for flag in found.flags]
    assert list(told[: len(fired)]) == fired
    assert sorted(one.rule.id for one in told) == sorted(rule.id for rule in rules.rules)
    for one in told:
        assert one.fires == all(part.true for part in one.parts)
        assert [part.name for part in one.parts] == NAMES
        assert all(part.says for part in one.parts)
        if one.fires:
            tree = one.parts[3].tree
            assert tree is not None
            assert tree.spans == next(flag.spans for flag in found.flags if flag.rule == one.rule.id)
    return [one.fires for one in told]


# The sentences --------------------------------------------------------------------------------------------------------

RULES = """\
topics:
  - {key: acme, kind: brand, query: acme}
  - {key: fair, kind: campaign, query: fair}
rules:
  - {id: outage, title: Outage, owner: x, scope: {addressed: yes, topics: [fair], kinds: [brand]}, when: 'Café down', then: {tags: [out]}}
  - {id: spam, title: Spam, owner: x, scope: {everything: yes}, when: win, then: {tags: [spam]}}
exceptions:
  - {rule: outage, when: drill, reason: a test alarm, until: 2026-12-24}
  - {rule: outage, authors: ["@Bot.example"], reason: our own bot}
"""
BOOK = book(r_yaml=RULES)
HERE = Heard("main", True, frozenset(), frozenset(), ())


def told(
    name: str,
    text: str = "café DOWN",
    *,
    heard: Heard = HERE,
    context: Context | None = None,
    now: datetime = NOON,
    author: str = "",
    **changes: object,
) -> Part:
    """One part of what is told of the rule, changed so."""
    made = tuple(replace(rule, **changes) if rule.id == "outage" else rule for rule in BOOK.rules)  # type: ignore[arg-type]
    rules = Timed(BOOK.topics, made, (), {}, "hash", BOOK.exceptions)
    rule = rules.rule("outage")
    assert rule is not None
    subject = Subject(text=text, author_handle=author)
    found = why(rules, rule, subject, heard, context or Context("main"), now)
    part = found.parts[NAMES.index(name)]
    assert part.name == name
    return part


def test_every_place_points_into_the_original_text() -> None:
    part = told("when", "Why is my “Cafe\u0301” DOWN?")
    assert part.tree is not None
    assert (part.true, part.says) == (True, "the query matches")
    assert [(one.true, one.spans) for one in part.tree.parts] == [(True, (11, 16)), (True, (18, 22))]
    missed = told("when", "all is DOWN").tree
    assert missed is not None
    assert [(one.true, one.spans) for one in missed.parts] == [(False, ()), (True, (7, 11))]


@pytest.mark.parametrize(
    ("status", "true", "says"),
    [
        (Status.STABLE, True, "stable: what follows from it is done"),
        (Status.EXPERIMENTAL, True, "experimental: it is shown, and changes nothing"),
        (Status.DEPRECATED, False, "deprecated: it never fires"),
    ],
)
def test_the_status_is_told(status: Status, true: bool, says: str) -> None:
    part = told("status", status=status)
    assert (part.true, part.says) == (true, says)


NOBODY = replace(HERE, addressed=False)
OURS = replace(NOBODY, ours=True)


@pytest.mark.parametrize(
    ("heard", "scope", "true", "says"),
    [
        (HERE, None, True, "in scope: it addresses us"),
        (replace(NOBODY, topics=frozenset({"fair"})), None, True, "in scope: heard by topic fair"),
        (
            replace(NOBODY, topics=frozenset({"acme"}), kinds=frozenset({TopicKind.BRAND})),
            None,
            True,
            "in scope: heard by a brand topic, acme",
        ),
        (replace(NOBODY, kinds=frozenset({TopicKind.BRAND})), None, True, "in scope: heard by a brand topic"),
        (
            NOBODY,
            None,
            False,
            "not in scope: it does not address us and it was not heard by topic fair and it was not heard by a brand topic",
        ),
        (NOBODY, Scope(everything=True), True, "in scope: it looks at everything"),
        (
            HERE,
            Scope(addressed=True, brands=frozenset({"b", "a"})),
            False,
            "not in scope: for brand a or b only, and this is main",
        ),
        (OURS, Scope(addressed=True, ours=True), True, "in scope: any post of ours"),
        (OURS, None, False, "not in scope: no post of ours is"),
    ],
)
def test_the_scope_is_told(heard: Heard, scope: Scope | None, true: bool, says: str) -> None:
    part = told("scope", heard=heard) if scope is None else told("scope", heard=heard, scope=scope)
    assert (part.true, part.says) == (true, says)


def test_a_post_of_ours_is_told() -> None:
    assert told("ours").says == "not a post of ours"
    assert told("ours", heard=OURS) == Part("ours", False, "a post of ours: the scope does not say ours: yes")
    asked = told("ours", heard=OURS, scope=Scope(everything=True, ours=True))
    assert asked == Part("ours", True, "a post of ours, and the scope says ours: yes")


COUNTS = [
    ("mentions: 5, within: 15m", Window(3.0), False, "count: 3 of 5 within 15m"),
    ("mentions: 5, within: 15m", Window(5.0), True, "count: 5 of 5 within 15m"),
    ("authors: 3, within: 1h, per: topic", Window(3.0), True, "count: 3 of 3 authors within 1h for the same topic"),
    (
        "mentions: 5, within: 15m, for: 30m, per: [source, lang]",
        Window(6.0, held=900.0),
        False,
        "count: 6 of 5 within 15m for the same language and network, held for 15m of 30m",
    ),
    (
        "ratio: 0.3, within: 1d",
        Window(0.25, 40),
        False,
        "count: 25% of 40 messages in scope within 1d; it takes 30% of at least 10 messages in scope",
    ),
    (
        "ratio: 0.3, within: 1d",
        Window(1.0, 9),
        False,
        "count: 100% of 9 messages in scope within 1d; it takes 30% of at least 10 messages in scope",
    ),
    (
        "mentions: 5, within: 15m, for: 30m",
        None,
        False,
        "count: this message is not counted; it takes 5 within 15m, for 30m",
    ),
]


@pytest.mark.parametrize(("count", "window", "true", "says"), COUNTS)
def test_what_was_counted_is_told(count: str, window: Window | None, true: bool, says: str) -> None:
    text = RULES.replace("when: 'Café down',", f"when: 'Café down', count: {{{count}}},")
    made = book(r_yaml=text).rule("outage")
    assert made is not None
    context = Context("main", counts={} if window is None else {"outage": window})
    part = told("count", context=context, count=made.count)
    assert (part.true, part.says) == (true, says)
    assert told("count").says == "it does not count: one message is enough"


@pytest.mark.parametrize(
    ("during", "now", "true", "says"),
    [
        (None, NOON, True, "at any hour"),
        (During("day", True), NOON, True, "hours: day is open, and it fires during these hours only"),
        (During("day", True), NIGHT, False, "hours: day is closed, and it fires during these hours only"),
        (During("day", False), NOON, False, "hours: day is open, and it fires outside these hours only"),
        (During("day", False), NIGHT, True, "hours: day is closed, and it fires outside these hours only"),
    ],
)
def test_opening_hours_are_told(during: During | None, now: datetime, true: bool, says: str) -> None:
    part = told("hours", now=now, during=during)
    assert (part.true, part.says) == (true, says)


def test_exceptions_are_told_with_their_reason() -> None:
    assert told("exceptions").says == "none of its exceptions holds here"
    by_query = told("exceptions", "a drill: café down")
    assert (by_query.true, by_query.says) == (
        False,
        "exception: its query matches, until 2026-12-24 (a test alarm)",
    )
    assert by_query.tree is not None
    assert by_query.tree.spans == (2, 7)
    by_author = told("exceptions", author="bot.EXAMPLE")
    assert (by_author.true, by_author.says) == (False, "exception: its author is excepted (our own bot)")
    spam = BOOK.rule("spam")
    assert spam is not None
    found = why(BOOK, spam, Subject(text="win"), HERE, Context("main"), NOON)
    assert (found.fires, found.parts[6].says) == (True, "it has no exceptions")


def test_who_silences_a_rule_is_told() -> None:
    assert told("unless").says == "no rule silences it"
    by = frozenset({"spam", "gone"})
    assert told("unless", unless=by) == Part("unless", True, "rule gone or spam would silence it, and does not fire")
    assert told("unless", "win a café, down", unless=by) == Part("unless", False, "silenced by rule spam")
    circle = told("unless", unless=frozenset({"outage"}))
    assert circle.says == "rule outage fires, and silences nothing: it is experimental, or they run in a circle"


def test_the_rules_that_fired_come_first() -> None:
    order = [one.rule.id for one in why_all(BOOK, Subject(text="win"), HERE, Context("main"), NOON)]
    assert order == ["spam", "outage"]
