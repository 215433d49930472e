"""What counting rules have counted is what a plain recount of everything finds, however it came in; and it does not grow for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.assess import Judge
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context, Tick, Window
from listener.model.kinds import Kind, Via
from listener.model.scales import ToneLabel
from listener.query import held
from listener.query.fields import FIELDS
from listener.query.parse import parse as parse_query
from listener.query.subject import Subject
from listener.query.tree import Node
from listener.rulebook.asking import Query
from listener.rulebook.shape import Count, Counted, Group, Rule, Rulebook, Scope, Status, Then
from listener.rulebook.subject import MOOD, Heard, heard_by, judged
from listener.rulebook.tally import LATE, LONGEST_GROUP, Bulk, Counting, Tally, reached, sign_of
from tests.core.rulebooks import PLAIN, book

START = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
MINUTE = 60.0
FOR_EVER = float("inf")


def tree(text: str) -> Node:
    made = parse_query(text).tree
    assert made is not None
    return made


def rule(count: Count, when: str = "down", **more: object) -> Rule:
    scope = Scope(addressed=True)
    made = Rule("many", "Many", "ops", scope, Query.of(when, tree(when)), Then(tags=("many",)), count=count)
    return replace(made, **more)  # type: ignore[arg-type]


def mentions(least: float, minutes: float, *, hold: float = 0.0) -> Rule:
    return rule(Count(Counted.MENTIONS, least, minutes * MINUTE, hold=hold * MINUTE))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def tick(one: Rule, author: str = "a", group: str = "", hit: bool = True) -> Tick:
    return Tick(one.id, sign_of(one), group, author, hit)


# The oracle ----------------------------------------------------------------------------------------------------------

Said = tuple[float, str, str, bool]
"""Minute, group, author, hit."""


def recount(count: Count, said: list[Said], group: str, minute: float) -> Window:
    """All of it counted again: one look for the value, and one for every minute before it."""
    now = _look(count, said, group, minute)
    if not _enough(count, now):
        return now
    first = minute  # nothing changes but at whole minutes
    while minute - first < 200 and _enough(count, _look(count, said, group, first - 0.01)):
        first = _whole_minute_before(first)
    return replace(now, held=min((minute - first) * MINUTE, count.hold))


def _whole_minute_before(minute: float) -> float:
    return float(-(-minute // 1) - 1)


def _look(count: Count, said: list[Said], group: str, minute: float) -> Window:
    there = [one for one in said if one[1] == group and minute - count.within / MINUTE < one[0] <= minute]
    hits = [one for one in there if one[3]]
    if count.what is Counted.RATIO:
        return Window(len(hits) / len(there) if there else 0.0, len(there))
    return Window(float(len({one[2] for one in hits}) if count.what is Counted.AUTHORS else len(hits)))


def _enough(count: Count, window: Window) -> bool:
    return window.value >= count.least and (count.what is not Counted.RATIO or window.of >= count.of_least)


@st.composite
def counts(draw: st.DrawFn) -> Count:
    what = draw(st.sampled_from(Counted))
    least = draw(st.sampled_from([0.25, 0.3, 1 / 3, 0.5, 1.0] if what is Counted.RATIO else [2.0, 2.0, 3.0]))
    within, hold = draw(st.integers(1, 7)) * MINUTE, draw(st.integers(0, 8)) * MINUTE
    return Count(what, least, within, hold=hold, of_least=draw(st.integers(1, 4)))


SAID = st.tuples(
    st.integers(0, 25).map(float), st.sampled_from(["", "", "x"]), st.sampled_from("aabc"), st.sampled_from([True, True, False])
)  # fmt: skip
ASKED = st.tuples(st.sampled_from(["", "", "x"]), st.integers(0, 60).map(lambda half: half / 2))


@settings(max_examples=200)
@given(counts(), st.lists(st.tuples(SAID, st.lists(ASKED, max_size=3)), min_size=8, max_size=30), st.booleans())
def test_a_window_holds_what_a_recount_of_everything_finds(
    count: Count, heard: list[tuple[Said, list[tuple[str, float]]]], in_order: bool
) -> None:
    if in_order:
        heard = sorted(heard, key=lambda one: one[0][0])
    one = rule(count)
    tally, known = Tally([one]), list[Said]()
    for said, asked in heard:
        tally.put([tick(one, said[2], said[1], said[3])], at(said[0]))
        known.append(said)
        for group, minute in [*asked, (said[1], said[0])]:
            assert tally.window(one.id, group, at(minute)) == recount(count, known, group, minute)


@settings(max_examples=60)
@given(counts(), st.lists(st.tuples(SAID, st.sampled_from([0, 0, 0, -1, -30, -90])), min_size=120, max_size=250))
def test_what_is_forgotten_is_never_missed(count: Count, said: list[tuple[Said, int]]) -> None:
    one = rule(replace(count, within=15 * count.within, hold=15 * count.hold))
    short, whole = Tally([one], late=90 * MINUTE), Tally([one], late=FOR_EVER)
    for number, ((_, group, author, hit), late) in enumerate(said):
        moment = at(3 * number + late)
        for tally in (short, whole):
            tally.put([tick(one, author, group, hit)], moment)
        assert short.window(one.id, group, moment) == whole.window(one.id, group, moment)


@settings(max_examples=200)
@given(counts(), st.lists(SAID, min_size=8, max_size=30), st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_what_is_in_all_windows_looked_at_may_be_counted_elsewhere(
    count: Count, said: list[Said], asked: list[int]
) -> None:
    count = replace(count, within=count.within + count.hold)
    one, hold, within = rule(count), count.hold / MINUTE, count.within / MINUTE
    first, last = 15 + min(asked), 15 + max(asked)
    in_all = [s for s in said if s[1] == "" and last - within < s[0] <= first - hold]
    hits = [s for s in in_all if s[3]]
    counted = in_all if count.what is Counted.RATIO else hits
    whole, split = Tally([one]), Tally([one])
    split.put_bulk(one.id, "", Bulk(len(counted), len(hits), frozenset(s[2] for s in hits)))
    for s in said:
        for tally in (whole, split) if s not in in_all else (whole,):
            tally.put([tick(one, s[2], s[1], s[3])], at(s[0]))
    for minute in asked:
        assert split.window(one.id, "", at(15 + minute)) == whole.window(one.id, "", at(15 + minute))


# The edges -----------------------------------------------------------------------------------------------------------


def test_a_window_ends_with_its_moment_and_begins_just_after_its_length_before() -> None:
    one = mentions(2, 15)
    tally = Tally([one])
    tally.put([tick(one)], at(0))
    just_before = at(15) - timedelta(microseconds=1)
    assert tally.window("many", "", at(0)).value == 1
    assert tally.window("many", "", just_before).value == 1
    assert tally.window("many", "", at(15)).value == 0
    assert tally.window("many", "", at(0) - timedelta(microseconds=1)).value == 0


def test_so_many_are_enough_and_one_less_is_not() -> None:
    one = mentions(3, 15)
    assert one.count is not None
    assert [reached(one.count, Window(float(n))) for n in (2, 3, 4)] == [False, True, True]
    assert not reached(one.count, None)
    share = Count(Counted.RATIO, 0.3, 60.0, of_least=10)
    assert [reached(share, Window(n / 10, 10)) for n in (2, 3, 4)] == [False, True, True]
    assert not reached(share, Window(1.0, 9))
    held = replace(one.count, hold=600.0)
    assert [reached(held, Window(3.0, held=seconds)) for seconds in (599.0, 600.0)] == [False, True]


def test_it_holds_from_the_moment_on_at_which_it_became_so() -> None:
    one = mentions(2, 10, hold=30)
    tally = Tally([one])
    for minute in range(0, 40, 4):
        tally.put([tick(one)], at(minute))
        held = max(0, minute - 4) * MINUTE  # the second made it so
        assert tally.window("many", "", at(minute)).held == min(held, 30 * MINUTE)


def test_a_window_that_empties_between_two_messages_breaks_what_held() -> None:
    one = mentions(2, 10, hold=30)
    tally = Tally([one])
    for minute in (0, 5, 9):
        tally.put([tick(one)], at(minute))
    assert tally.window("many", "", at(9)).held == 4 * MINUTE
    # At minute 15 the second leaves, and one alone is left until this one comes.
    tally.put([tick(one)], at(16))
    assert tally.window("many", "", at(16)) == Window(2.0, held=0.0)
    assert tally.window("many", "", at(14)).held == 9 * MINUTE
    # One that comes late fills the gap again.
    tally.put([tick(one)], at(7))
    assert tally.window("many", "", at(16)).held == 11 * MINUTE


def test_one_leaves_as_another_comes_and_nothing_is_broken() -> None:
    one = mentions(2, 10, hold=60)
    tally = Tally([one])
    for minute in (0, 5, 10, 15, 20):
        tally.put([tick(one)], at(minute))
    assert tally.window("many", "", at(20)) == Window(2.0, held=15 * MINUTE)


def test_a_share_may_grow_by_what_leaves() -> None:
    one = rule(Count(Counted.RATIO, 0.5, 10 * MINUTE, hold=60 * MINUTE, of_least=2))
    tally = Tally([one])
    for minute, hit in ((0, False), (1, False), (2, False), (5, True), (6, True)):
        tally.put([tick(one, hit=hit)], at(minute))
    assert tally.window("many", "", at(9)) == Window(0.4, 5)
    assert tally.window("many", "", at(13)) == Window(1.0, 2, held=3 * MINUTE)  # since minute 10, when the first left


def test_one_that_comes_late_may_break_a_share_that_was_known_to_hold() -> None:
    one = rule(Count(Counted.RATIO, 0.5, 10 * MINUTE, hold=60 * MINUTE, of_least=1))
    tally = Tally([one])
    for minute in (0, 2, 4, 6):
        tally.put([tick(one)], at(minute))
    assert tally.window("many", "", at(6)) == Window(1.0, 4, held=6 * MINUTE)
    for _ in range(3):
        tally.put([tick(one, hit=False)], at(3))
    assert tally.window("many", "", at(6)) == Window(4 / 7, 7, held=2 * MINUTE)  # at minute 3 it was two of five


def test_one_author_who_says_it_often_is_one_author() -> None:
    one = rule(Count(Counted.AUTHORS, 2, 15 * MINUTE))
    tally = Tally([one])
    for minute, author in enumerate("aaaaab"):
        tally.put([tick(one, author)], at(minute))
    assert [tally.window("many", "", at(minute)).value for minute in (0, 4, 5, 18, 19, 20)] == [1, 1, 2, 2, 1, 0]


def test_groups_are_counted_apart_and_the_fullest_speaks_for_a_message() -> None:
    one = mentions(3, 15)
    tally = Tally([one])
    tally.put([tick(one, group="x")], at(0))
    tally.put([tick(one, group="x"), tick(one, group="y")], at(1))
    own = (tick(one, group="y"), tick(one, group="x"))
    tally.put(own, at(2))
    assert tally.window("many", "y", at(2)).value == 2
    assert tally.counts(own, at(2)) == tally.counts(own[::-1], at(2)) == {"many": Window(3.0)}


def test_a_group_for_which_a_rule_may_fire_goes_before_a_fuller_one() -> None:
    one = rule(Count(Counted.RATIO, 0.5, 15 * MINUTE, of_least=4))
    tally = Tally([one])
    for hit in (True, False, True, False):
        tally.put([tick(one, group="many", hit=hit)], at(0))
    tally.put([tick(one, group="few")], at(0))
    both = [tick(one, group="few"), tick(one, group="many")]
    assert tally.counts(both, at(1)) == {"many": Window(0.5, 4)}


def test_what_is_merely_in_scope_has_no_count_of_its_own() -> None:
    one = rule(Count(Counted.RATIO, 0.5, 15 * MINUTE, of_least=1))
    tally = Tally([one])
    own = [tick(one, hit=False)]
    tally.put(own, at(0))
    assert tally.counts(own, at(0)) == {}
    assert tally.window("many", "", at(0)) == Window(0.0, 1)


def test_a_rule_that_counts_otherwise_begins_anew() -> None:
    one = mentions(2, 15)
    tally = Tally([rule(Count(Counted.MENTIONS, 2, 15 * MINUTE), when="slow")])
    tally.put([tick(one), Tick("another", "x", "", "a")], at(0))
    assert len(tally) == 0
    assert tally.counts([tick(one)], at(0)) == {}


# What is counted apart ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (lambda one: replace(one, title="Other", rank=9, then=Then(closes=True), status=Status.EXPERIMENTAL), False),
        (lambda one: replace(one, count=replace(one.count, least=7.0, within=60.0, hold=60.0, of_least=3)), False),
        (lambda one: replace(one, count=replace(one.count, what=Counted.AUTHORS)), False),
        (lambda one: replace(one, count=replace(one.count, per=(Group.SOURCE, Group.LANG))), False),
        (lambda one: replace(one, when=Query.of("  down", tree("  down   OR (list)"))), True),
        (lambda one: replace(one, when=Query.of("down  OR  slow", tree("down   OR   slow"))), False),
        (lambda one: replace(one, count=replace(one.count, what=Counted.RATIO)), True),
        (lambda one: replace(one, count=replace(one.count, per=(Group.SOURCE,))), True),
        (lambda one: replace(one, scope=Scope(addressed=True, ours=True)), True),
        (lambda one: replace(one, scope=Scope(topics=frozenset({"acme"}))), True),
    ],
)
def test_the_sign_of_a_rule_changes_with_what_it_counts_only(change: object, anew: bool) -> None:
    one = rule(Count(Counted.MENTIONS, 2, 900.0, per=(Group.LANG, Group.SOURCE)), when="down OR slow")
    assert len(sign_of(one)) == 16
    assert (sign_of(change(one)) != sign_of(one)) is anew  # type: ignore[operator]


def test_a_list_that_gets_another_word_makes_a_rule_count_anew() -> None:
    text = """\
lists: [{key: bad, words: [down]}]
rules: [{id: many, title: M, owner: x, scope: {addressed: yes}, when: 'list:bad', count: {mentions: 2, within: 15m}, then: {tags: [m]}}]
"""
    one, two = book(r_yaml=text), book(r_yaml=text.replace("[down]", "[down, slow]"))
    assert sign_of(one.rules[0]) != sign_of(two.rules[0])
    assert sign_of(replace(one.rules[0], count=None)) == ""


PER = """\
topics:
  - {key: acme, kind: brand, query: acme}
  - {key: shop, kind: campaign, query: shop}
  - {key: rival, kind: competitor, query: rival}
rules:
  - {id: each, title: E, owner: x, scope: {addressed: yes, kinds: [brand, campaign]}, when: down,
     count: {mentions: 2, within: 15m, per: [PER]}, then: {tags: [m]}}
  - {id: old, status: deprecated, title: O, owner: x, scope: {everything: yes}, when: down,
     count: {mentions: 2, within: 15m}, then: {tags: [m]}}
"""


def said(text: str, **more: object) -> Mention:
    plain = Mention(
        Key("bsky", "1"), "bluesky", Author("bsky", "did:1", "mira.example"), text, Kind.POST, b"", langs=("en",)
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def ticks(rules: Rulebook, mention: Mention, heard: Heard) -> list[tuple[str, str, str, bool]]:
    subject, _ = judged(mention, heard, PLAIN, Context("main", accounts=("us.example", "care.example")))
    made = Counting(rules).ticks(mention, subject, heard, START)
    return [(one.rule, one.group, one.author, one.hit) for one in made]


BOTH = Heard("main", True, frozenset({"acme", "shop", "rival"}), frozenset(), ())


@pytest.mark.parametrize(
    ("per", "groups"),
    [
        ("topic", ["acme", "shop"]),  # it was not looked at because of the rival
        ("source", ["bluesky"]),
        ("author", ["did:1"]),
        ("account", ["care.example", "us.example"]),
        ("lang", ["en"]),
        ("thread", ["1"]),
        ("source, topic", ["bluesky|acme", "bluesky|shop"]),
        ("topic, source", ["bluesky|acme", "bluesky|shop"]),
    ],
)
def test_a_message_counts_once_for_each_of_its_groups(per: str, groups: list[str]) -> None:
    rules = book(r_yaml=PER.replace("PER]", f"{per}]"))
    assert ticks(rules, said("down"), BOTH) == [("each", group, "did:1", True) for group in groups]
    assert ticks(rules, said("up"), BOTH) == []
    assert ticks(rules, said("down"), replace(BOTH, addressed=False, topics=frozenset({"rival"}))) == []
    assert ticks(rules, said("down"), replace(BOTH, ours=True)) == []


def test_threads_are_known_by_their_root() -> None:
    rules = book(r_yaml=PER.replace("PER]", "thread]"))
    groups = [
        ticks(rules, said("down", **more), BOTH)[0][1] for more in ({"parent": "p"}, {"parent": "p", "root": "r"})
    ]
    assert groups == ["p", "r"]


def test_groups_cannot_be_confused_and_do_not_grow() -> None:
    rules = book(r_yaml=PER.replace("PER]", "author, thread]"))
    ids = [("a|b", "c"), ("a", "b|c"), ("a\\", "|b"), ("a", "\\|b"), ("x" * 5000, "y"), ("x" * 5001, "y")]
    groups = [ticks(rules, said("down", author=Author("bsky", author), root=root), BOTH)[0][1] for author, root in ids]
    assert len(set(groups)) == len(ids)
    assert max(map(len, groups)) <= LONGEST_GROUP


def test_for_a_share_all_that_is_in_scope_is_counted() -> None:
    rules = book(r_yaml=PER.replace("{mentions: 2, within: 15m, per: [PER]}", "{ratio: 0.5, within: 15m}"))
    assert ticks(rules, said("up"), BOTH) == [("each", "", "did:1", False)]
    assert Counting(rules).may_count(said("up"), BOTH)


def test_what_an_exception_names_is_not_counted() -> None:
    exempt = "exceptions: [{rule: each, when: test, authors: [bot.example], reason: ours, until: 2026-11-27}]\n"
    for count in ("{mentions: 2, within: 15m}", "{ratio: 0.5, within: 15m}"):
        rules = book(r_yaml=PER.replace("{mentions: 2, within: 15m, per: [PER]}", count) + exempt)
        assert ticks(rules, said("down test"), BOTH) == []
        assert ticks(rules, said("down", author=Author("bsky", "did:9", "@Bot.Example")), BOTH) == []
        assert len(ticks(rules, said("down"), BOTH)) == 1
        subject, _ = judged(said("down test"), BOTH, PLAIN)
        late = START + timedelta(days=1)
        assert len(Counting(rules).ticks(said("down test"), subject, BOTH, late)) == 1


def test_the_quick_question_turns_away_only_what_nobody_counts() -> None:
    counting = Counting(book(r_yaml=PER.replace("PER]", "topic]")))
    assert counting.may_count(said("it is down"), BOTH)
    assert not counting.may_count(said("all is well"), BOTH)
    assert not counting.may_count(said("it is down"), replace(BOTH, addressed=False))
    assert not Counting(book(r_yaml="")).may_count(said("it is down"), BOTH)


# What it costs -------------------------------------------------------------------------------------------------------


def test_it_holds_no_more_than_a_window_can_ask_for() -> None:
    one = mentions(3, 60)
    tally = Tally([one], late=3600.0)
    for minute in range(20_000):
        tally.put([tick(one, group=f"g{minute % 3}" if minute < 10_000 else f"h{minute}")], at(minute))
    assert len(tally) < 4000
    assert tally.reaches == {"many": 3600.0}
    assert Tally([mentions(2, 15, hold=30)]).reaches == {"many": 45 * MINUTE}
    assert LATE == 86_400


@pytest.mark.parametrize(
    ("when", "per", "unless", "asks"),
    [
        ("down", "source", "fine", False),
        ("down AND tone:negative", "source", "fine", True),
        ("down AND (up OR NOT tone:>0.5)", "source", "fine", True),
        ("'query:spanish'", "source", "fine", True),
        ("down", "lang", "fine", True),
        ("down", "source", "lang:es", True),
    ],
)
def test_language_and_tone_are_found_where_something_asks_for_them(
    when: str, per: str, unless: str, asks: bool
) -> None:
    rules = book(
        r_yaml=PER.replace("PER]", f"{per}]").replace("when: down", f"when: {when}", 1)
        + "queries: [{key: spanish, query: 'down AND lang:es'}]\n"
        + f"exceptions: [{{rule: each, when: {unless}, reason: r, until: 2027-01-01}}]\n"
    )
    counting, judge = Counting(rules), Judge(rules, PLAIN, lambda: START)
    assert counting.asks_mood is asks
    heard_as = (Hearing(1, Via.MENTION, account_id=7), Hearing(1, Via.TOPIC, topic="acme"))
    for lang, text in (("en", "down"), ("es", "down"), ("en", "down, awful"), ("en", "down, lovely")):
        mention = said(text, langs=(lang,))
        heard = heard_by(heard_as, "main", rules)
        subject, _ = judged(mention, heard, PLAIN, Context("main"))
        assert judge.ticks(mention, heard_as, Context("main"), START) == counting.ticks(mention, subject, heard, START)


def test_no_other_field_of_a_query_asks_for_language_or_tone() -> None:
    found, not_found = Subject(lang="en", tone=ToneLabel.NEGATIVE, compound=-0.5), Subject()
    for reads in (held.NAMES, held.NUMBERS, held.IDS, held.ADDRESSES):
        assert {name for name, read in reads.items() if read(found) != read(not_found)} <= MOOD
    flags = [(name, value) for name in ("is", "has") for value in FIELDS[name].values]
    assert flags
    assert not [one for one in flags if held.flag(*one)(found) != held.flag(*one)(not_found)]
