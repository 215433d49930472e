"""History judged again: in heard order, by both rulebooks, with nothing counted twice and nothing that is gone taken for silence."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Assessment, Context
from listener.model.kinds import Kind, Via
from listener.rulebook.replay import Diff, Due, Nights, Outcome, Record, Turn, differs, reach, replay, words_of
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import heard_anew
from listener.service.replayer import side_of
from tests.core.rulebooks import PLAIN, book

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BEGINNING = datetime.min.replace(tzinfo=UTC)
TOPICS = """\
topics:
  - {key: brand, kind: brand, query: larkspur}
  - {key: launch, kind: campaign, query: orbit}
"""
RULES = """\
rules:
  - {id: outage, title: Outage, owner: ops, scope: {addressed: yes, kinds: [brand]}, when: down, then: {priority: high, reply within: 1h, open: yes}}
  - {id: flood, title: Flood, owner: ops, scope: {kinds: [brand, campaign]}, when: down OR slow, count: {mentions: 3, within: 10m},
     then: {priority: urgent, tags: [flood]}}
  - {id: mood, title: Mood, owner: ops, scope: {everything: yes}, when: tone:negative, count: {ratio: 0.5, of at least: 4, within: 1h},
     then: {tags: [mood]}}
  - {id: trial, title: Trial, owner: ops, status: experimental, scope: {everything: yes}, when: slow, then: {tags: [slow]}}
"""


def rulebook(rules: str = RULES, topics: str = TOPICS) -> Rulebook:
    return book(topics_yaml=topics, rules_yaml=rules)


def record(
    number: int, text: str, *, minutes: float = 0, heard: float | None = None, addressed: bool = False, by: str = "mira",
    gone: bool = False, history: bool = False, brand: str = "lark",
) -> Record:  # fmt: skip
    """A message said so many minutes after noon, and heard then or later."""
    said_at = NOW + timedelta(minutes=minutes)
    heard_at = NOW + timedelta(minutes=minutes if heard is None else heard)
    mention = Mention(
        Key("at", f"m{number}"),
        "bluesky",
        Author("at", by, f"{by}.test"),
        text,
        Kind.POST,
        b"",
        network_at=said_at,
        langs=("en",),
    )
    hearings = (
        (Hearing(1, Via.MENTION, account_id=1),) if addressed else (Hearing(1, Via.TOPIC, topic="whatever then"),)
    )
    return Record(
        number, 1, brand, mention, hearings, Context(brand, addressed, history=history), said_at, heard_at, gone
    )


def run(records: Sequence[Record], old: Rulebook, new: Rulebook, nights: Nights = Nights({})) -> Outcome:  # noqa: B008 - frozen
    return replay(records, side_of(old, BEGINNING, PLAIN), side_of(new, BEGINNING, PLAIN), nights)


def test_the_same_rulebook_differs_in_nothing() -> None:
    dice = random.Random(7)
    records = [
        record(n, " ".join(dice.sample(["larkspur", "orbit", "down", "slow", "awful", "ok"], 3)), minutes=n / 2)
        for n in range(200)
    ]
    found = run(records, rulebook(), rulebook())
    assert found.same
    assert found.judged + found.unheard == 200
    assert found.rules["flood"].before == found.rules["flood"].after > 0
    assert found.changes == {}


def test_counts_go_by_what_was_heard_before_and_not_by_what_was_said_before() -> None:
    # Said third, heard first: the backfill came late.
    late = [
        record(1, "larkspur down", minutes=8),
        record(2, "larkspur down", minutes=1, heard=9),
        record(3, "larkspur down", minutes=2, heard=10),
    ]
    side = side_of(rulebook(), BEGINNING, PLAIN)
    fired = [[flag.rule for flag in found.flags] if (found := side.judge(one)) else None for one in late]
    assert fired == [["outage"], ["outage"], ["outage"]], "when it was heard, nobody had heard the others"
    side = side_of(rulebook(), BEGINNING, PLAIN)
    in_order = sorted(late, key=lambda one: one.said_at)
    last = [side.judge(one) for one in in_order][-1]
    assert last is not None
    assert sorted(flag.rule for flag in last.flags) == ["flood", "outage"]


def test_what_came_before_the_part_that_is_asked_for_counts() -> None:
    records = [record(n, "larkspur down", minutes=n) for n in range(4)]
    side = side_of(rulebook(), BEGINNING, PLAIN)
    for one in records[:3]:
        side.count(one)
    made = side.judge(records[3])
    assert made is not None
    assert "flood" in [flag.rule for flag in made.flags]


def test_a_count_that_reaches_behind_what_was_read_is_told() -> None:
    one = record(1, "larkspur down")
    new = side_of(rulebook(), one.judged_at - timedelta(minutes=5), PLAIN)
    assert replay([one], side_of(rulebook(), BEGINNING, PLAIN), new, Nights({})).short_counts == 1
    plain = record(1, "larkspur is fine")
    assert run([plain], rulebook(), rulebook()).short_counts == 0


def test_history_is_read_so_far_back_as_the_longest_rule_counts() -> None:
    assert reach(rulebook()) == timedelta(days=1, hours=1, minutes=5)
    assert reach(rulebook("rules: []")) == timedelta(0)


def test_a_text_that_is_gone_is_no_text_that_did_not_match() -> None:
    records = [record(1, "larkspur down"), record(2, "", gone=True)]
    found = run(records, rulebook(), rulebook("rules: []"))
    assert (found.judged, found.text_gone) == (1, 1)
    assert (found.rules["outage"].before, found.rules["outage"].gone) == (1, 1)
    assert [diff.id for diff in found.diffs] == [1]


def test_what_a_forgotten_model_said_is_told_as_what_cannot_be_said_again() -> None:
    one = record(1, "larkspur is down")
    then = replace(one, context=replace(one.context, model="learned-1+abc"))
    sides = side_of(rulebook(), BEGINNING, PLAIN), side_of(rulebook(), BEGINNING, PLAIN)
    assert replay([one, then], *sides, Nights({})).unlearned == 1
    assert replay([one, then], *sides, Nights({}), ["learned-1+abc"]).unlearned == 0
    assert (Outcome(unlearned=2) + Outcome(unlearned=1)).unlearned == 3


def test_whose_tone_another_model_found_then_is_told() -> None:
    then, now = "vader-3.3.2 es:onnx-1+aaaa", "vader-3.3.2+cccc es:onnx-1+bbbb pt:onnx-1+dddd"
    langs = {"es": then, "pt": then, "en": then, "": then}
    said = [replace(record(n, "larkspur"), lang=lang, tone=by) for n, (lang, by) in enumerate(langs.items(), 1)]
    sides = side_of(rulebook(), BEGINNING, PLAIN), side_of(rulebook(), BEGINNING, PLAIN)
    assert replay(said, *sides, Nights({}), tone=now).otherwise_scored == 2, "the Spanish one, and where none did"
    assert replay(said[:1], *sides, Nights({}), tone=then).otherwise_scored == 0
    assert replay(said[:1], *sides, Nights({}), tone="vader-3.3.2").otherwise_scored == 1, "none is asked any more"
    assert (Outcome(otherwise_scored=2) + Outcome(otherwise_scored=1)).otherwise_scored == 3


def test_topics_are_asked_anew_and_addresses_stay() -> None:
    narrow = TOPICS.replace("query: larkspur", "query: larkspur -sale")
    records = [
        record(1, "larkspur down"),
        record(2, "larkspur sale down"),
        record(3, "sale down", addressed=True),
        record(4, "lupin"),
    ]
    found = run(records, rulebook(), rulebook(topics=narrow))
    assert (found.judged, found.unheard) == (3, 1)
    (diff,) = found.diffs
    assert (diff.id, diff.heard, diff.stops) == (2, Turn.GONE, ("outage",))
    assert run(records, rulebook(topics=narrow), rulebook()).diffs[0].heard is Turn.NEW


def test_a_post_of_ours_is_no_topics() -> None:
    ours = replace(record(1, "larkspur down"), hearings=(Hearing(1, Via.OWN, account_id=1),))
    found = run([ours], rulebook(), rulebook())
    assert (found.judged, found.unheard) == (0, 1), "nobody asked to have it judged"
    asks = rulebook(RULES.replace("{addressed: yes, kinds: [brand]}", "{addressed: yes, ours: yes}"))
    assert run([ours], rulebook(), asks).rules["outage"].newly == 1


def made(rules: str, *records: Record) -> list[Diff]:
    return list(run(records, rulebook(), rulebook(rules)).diffs)


def test_what_becomes_of_a_mention_is_told_in_words() -> None:
    one = record(1, "larkspur down")
    for change, words in {
        ("reply within: 1h", "reply within: 2h"): ["due later"],
        ("reply within: 1h", "reply within: 30m"): ["due earlier"],
        (", reply within: 1h", ""): ["no longer due"],
        ("open: yes", "tags: [x]"): ["no longer opens by itself", "other tags"],
        ("priority: high", "priority: low"): ["less urgent"],
        ("priority: high, reply within: 1h, open: yes", "close: yes"): [
            "no longer due",
            "less urgent",
            "no longer opens by itself",
            "closed at once",
        ],
        ("priority: high, reply within: 1h, open: yes", "snooze: 2h"): [
            "no longer due",
            "less urgent",
            "no longer opens by itself",
            "snoozed",
        ],
    }.items():
        (diff,) = made(RULES.replace(*change, 1), one)
        assert list(words_of(diff)) == words, change


def test_other_hours_of_the_team_that_answers_move_what_is_due() -> None:
    hours = "hours: [{key: desk, zone: UTC, open: {mon-sun: 24h}}]\nteams: [{key: care, hours: desk}]\n"
    rules = hours + RULES.replace("reply within: 1h", "reply within: 1h, team: care")
    one = record(1, "larkspur down")
    closed = rules.replace("open: {mon-sun: 24h}", f"open: {{mon-sun: 24h}}, holidays: [{one.said_at.date()}]")
    for old, new, words in ((rules, closed, "due later"), (closed, rules, "due earlier")):
        (diff,) = run([one], rulebook(old), rulebook(new)).diffs
        assert list(words_of(diff)) == [words]


def test_an_experiment_counts_apart_until_it_is_promoted() -> None:
    one = record(1, "larkspur slow")
    before = run([one], rulebook(), rulebook()).rules["trial"]
    assert (before.before, before.experimental_before) == (1, 1)
    found = run([one], rulebook(), rulebook(RULES.replace("status: experimental, ", "")))
    assert (found.rules["trial"].newly, found.rules["trial"].experimental_after) == (0, 0)
    assert found.changes == {"other tags": 1}


def test_the_night_is_counted_by_the_brands_own_clock() -> None:
    records = [record(n, "larkspur down", minutes=60 * n) for n in range(24)]
    urgent = rulebook(RULES.replace("priority: high", "priority: urgent"))
    utc = run(records, rulebook(), urgent, Nights({"lark": "UTC"}))
    assert (utc.night.urgent_before, utc.night.urgent_after) == (0, 9)
    assert sum(one.urgent_after for one in utc.by_hour.values()) == 24
    tokyo = run(records, rulebook(), urgent, Nights({"lark": "Asia/Tokyo"}))
    assert {hour for hour, one in tokyo.by_hour.items() if one.urgent_after} == set(range(24))
    assert run([replace(records[0], brand="lark")], urgent, urgent, Nights({"lark": "Asia/Tokyo"})).by_hour.keys() == {
        21
    }


def test_where_opening_hours_are_given_it_is_night_when_they_are_closed() -> None:
    hours = "hours: [{key: desk, title: Desk, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}]\n"
    urgent = rulebook(RULES.replace("priority: high", "priority: urgent"), TOPICS + hours)
    records = [record(n, "larkspur down", minutes=60 * n) for n in range(24)]  # from Friday noon, which is 13:00 there
    found = run(records, urgent, urgent, Nights({}, urgent.hours_named("desk")))
    assert found.night.urgent_after == 24 - 4
    assert found.by_hour.keys() == set(range(24))


def test_what_was_imported_pages_nobody() -> None:
    urgent = rulebook(RULES.replace("priority: high", "priority: urgent"))
    assert run([record(1, "larkspur down", history=True)], urgent, urgent).by_hour == {}


def test_parts_of_history_add_up_to_the_whole_whatever_they_are() -> None:
    dice = random.Random(11)
    words = ["larkspur", "orbit", "down", "slow", "awful", "ok"]
    records = [
        record(n, " ".join(dice.sample(words, 3)), minutes=n / 3, gone=dice.random() < 0.1, addressed=n % 5 == 0)
        for n in range(300)
    ]
    new = rulebook(RULES.replace("mentions: 3", "mentions: 2").replace("when: down,", "when: down OR awful,"))
    whole = run(records, rulebook(), new)
    assert whole.differing > 10
    sides = side_of(rulebook(), BEGINNING, PLAIN), side_of(new, BEGINNING, PLAIN)
    parts, at = Outcome(), 0
    while at < len(records):
        size = dice.randrange(1, 40)
        parts += replay(records[at : at + size], *sides, Nights({}))
        at += size
    assert parts == whole


def test_two_assessments_that_are_alike_are_no_difference() -> None:
    side = side_of(rulebook(), BEGINNING, PLAIN)
    one = record(1, "larkspur down")
    first = side.judge(one)
    assert isinstance(first, Assessment)
    assert differs(one, first, replace(first, rulebook="another", need=0.1)) is None
    assert differs(one, None, None) is None
    told = differs(one, None, first)
    assert told is not None
    assert (told.heard, told.fires, told.due) == (Turn.NEW, ("outage",), Due.NEW)


def test_by_other_topics_addresses_stay_and_a_post_of_ours_is_heard_by_none() -> None:
    mention, old, thread = Hearing(1, Via.MENTION), Hearing(1, Via.TOPIC, topic="old"), Hearing(1, Via.THREAD)
    assert heard_anew([mention, old, thread], 1, lambda: ["new"]) == (mention, Hearing(1, Via.TOPIC, topic="new"))
    assert heard_anew([Hearing(1, Via.OWN), old], 1, lambda: ["new"]) == (Hearing(1, Via.OWN),)
