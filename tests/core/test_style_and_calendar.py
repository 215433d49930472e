"""The style guide stands once in all files; the calendar has days; no damage to any section is a crash."""

import random
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.problems import Problem
from listener.rulebook.guide import CHECKS, Word
from listener.rulebook.parse import parse
from listener.rulebook.planned import Expected
from listener.rulebook.reading.styling import STYLE
from tests.core.rulebooks import book, problems
from tests.core.test_alerting import ALERTING, STAFF
from tests.core.test_hours import HOURS
from tests.core.test_lexicon import LEXICON
from tests.core.test_people_and_replies import PEOPLE, REPLIES

STYLED = """\
style:
  voice: [Plain, never cute]
  wanted: [thank you]
  banned:
    - {word: unfortunately, because: it says nothing, use: sorry}
    - per our policy
  greeting: "Hi {author},"
  sign-off: "^{agent}"
  emoji: few:2
  links: [acme.example, Help.acme.example]
  longest: 280
  languages: [en, de]
  hard: [banned, links]
calendar:
  - key: launch
    title: The new router
    from: 2026-12-01
    to: 2026-12-03
    topics: [acme]
    expect: more
    mute: [busy]
    note: Questions about it go to sales
  - {key: fair, title: The fair, day: 2026-12-05}
alerts:
  - {key: busy, owner: care, kind: volume}
topics:
  - {key: acme, kind: brand, query: acme}
"""


def changed(old: str, new: str) -> str:
    assert STYLED.count(old) == 1, old
    return STYLED.replace(old, new)


def test_a_whole_style_guide() -> None:
    style = book(r_yaml=STYLED).style
    assert style is not None
    assert (style.voice, style.greeting, style.sign_off) == (("Plain", "never cute"), "Hi {author},", "^{agent}")
    assert style.wanted == (Word("thank you"),)
    assert style.banned == (Word("per our policy"), Word("unfortunately", "it says nothing", "sorry"))
    assert (style.emoji, style.longest, style.languages, style.tone) == (2, 280, {"en", "de"}, "")
    assert (style.links, style.hard) == ({"acme.example", "help.acme.example"}, {"banned", "links"})
    assert book(r_yaml="topics: []").style is None
    assert book(r_yaml="style: {emoji: none}").style.emoji == 0
    assert book(r_yaml="style: {emoji: any}").style.emoji is None
    assert book(r_yaml="style: {tone: not negative, hard: [tone]}").style.tone == "not negative"


def test_every_check_is_a_key_of_the_guide() -> None:
    assert set(CHECKS) <= set(STYLE.names)


def test_a_whole_calendar() -> None:
    fair, launch = book(r_yaml=STYLED).calendar
    assert (launch.title, launch.topics, launch.expect, launch.mute) == (
        "The new router",
        {"acme"},
        Expected.MORE,
        {"busy"},
    )
    assert (fair.first, fair.last, fair.expect) == (date(2026, 12, 5), date(2026, 12, 5), None)
    assert [day for day in range(1, 8) if launch.on(date(2026, 12, day))] == [1, 2, 3]
    assert [day for day in range(1, 8) if fair.on(date(2026, 12, day))] == [5]


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (changed("sign-off:", "signoff:"), (8, 3, "unknown-key"), "did you mean sign-off?"),
        (changed('"^{agent}"', '"^{agnet}"'), (8, 15, "unknown-field"), "did you mean agent?"),
        (changed("emoji: few:2", "emoji: few"), (9, 10, "unknown-value"), "few:2"),
        (changed("[acme.example,", "[https://acme.example/,"), (10, 11, "bad-domain"), "without https://"),
        (changed("longest: 280", "longest: 5"), (11, 12, "wrong-type"), "digits only"),
        (changed("[en, de]", "[en, German]"), (12, 19, "bad-lang"), "such as en"),
        (changed("hard: [banned, links]", "hard: [banned, link]"), (13, 18, "unknown-value"), "did you mean links?"),
        (changed("  longest: 280\n", "").replace("hard: [banned", "hard: [longest"), (12, 10, "nothing-to-check"),
         "add longest:"),
        (changed("- per our policy", "- Unfortunately"), (6, 7, "repeated-id"), "at r.yaml:5:7"),
        (changed("{word: unfortunately, ", "{"), (5, 7, "missing-key"), "add word: ..."),
        (changed("from: 2026-12-01", "from: 2026-12-04"), (18, 9, "backwards"), "swap from and to"),
        (changed("from: 2026-12-01", "day: 2026-12-01"), (15, 5, "one-of-both"), "such as day: 2026-12-24"),
        (changed("day: 2026-12-05", "day: 5.12.2026"), (23, 39, "bad-day"), "such as 2026-12-24"),
        (changed("day: 2026-12-05", "day: 9999-12-31"), (23, 39, "bad-day"), "such as 2026-12-24"),
        (changed("expect: more", "expect: most"), (20, 13, "unknown-value"), "more"),
        (changed("mute: [busy]", "mute: [busi]"), (21, 12, "unknown-alert"), "did you mean busy?"),
        (changed("topics: [acme]", "topics: [acne]"), (19, 14, "unknown-topic"), "did you mean acme?"),
        (changed("key: fair", "key: launch"), (23, 11, "repeated-id"), "at r.yaml:15:10"),
    ],
)  # fmt: skip
def test_one_mistake_one_place(text: str, place: tuple[int, int, str], hint: str) -> None:
    found = problems(text)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert hint in found[0].hint


def test_style_stands_once_in_all_files() -> None:
    found = problems("style:\n  emoji: any", "a.yaml", b_yaml="style:\n  emoji: none")
    assert [(one.file, one.line, one.column, one.code) for one in found] == [("b.yaml", 2, 3, "repeated-section")]
    assert found[0].hint == "at a.yaml:2:3; make one"
    assert [one.code for one in problems("style: [a]")] == ["wrong-type"]
    assert book(r_yaml="style:\n").style is None


EVERYTHING = [ALERTING, STAFF, HOURS, LEXICON, PEOPLE, REPLIES, STYLED]


RULE = """\
rules:
  - id: r
    title: R
    owner: me
    scope: {addressed: yes}
    when: down
    hours: {outside: support}
    then: {assign: mia, reply: sorry, alert: [angry]}
    examples: {fires: [down], silent: [up]}
"""


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("support", "suport", (7, 22, "unknown-hours")),
        ("mia", "mio", (8, 20, "unknown-person")),
        ("sorry", "sory", (8, 32, "unknown-reply")),
        ("[angry]", "[anger]", (8, 47, "unknown-alert")),
    ],
)
def test_a_rule_names_what_there_is(old: str, new: str, place: tuple[int, int, str]) -> None:
    others = {
        "a.yaml": ALERTING,
        "s.yaml": STAFF,
        "h.yaml": HOURS.partition("teams:")[0],
        "p.yaml": REPLIES.partition("topics:")[0],
    }
    assert not isinstance(parse({**others, "r.yaml": RULE}), list)
    found = parse({**others, "r.yaml": RULE.replace(old, new)})
    assert isinstance(found, list)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert "did you mean" in found[0].hint


MORE = """\
chains: [{key: again, steps: [{person: ben}]}]
rotas: [{key: a, zone: UTC, layers: [{people: [mia], start: 2026-11-23, hand over: 09:00}]}]
replies: [{key: b, text: Hello}]
hours: [{key: a, zone: UTC, open: {mon: 24h}}]
people: [{id: ada}]
calendar: [{key: again, title: Again, day: 2026-12-06}]
"""
REPLY = "replies: [{key: a, text: Bye}]"


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_files_and_sections_changes_nothing(chance: random.Random) -> None:
    whole = [STAFF, ALERTING, STYLED.partition("topics:")[0], HOURS.partition("teams:")[0], LEXICON, MORE, REPLY]
    parts = [part for text in whole for part in re.split(r"(?m)^(?=\w)", text) if part]
    straight = book(**{f"f{number:02}_yaml": part for number, part in enumerate(parts)})
    chance.shuffle(parts)
    shuffled = book(**{f"f{number:02}_yaml": part for number, part in enumerate(parts)})
    for name in ("hours", "people", "replies", "lexicon", "alerts", "routes", "rotas", "chains", "calendar"):
        assert list(map(unplaced, getattr(straight, name))) == list(map(unplaced, getattr(shuffled, name)))
    assert unplaced(straight.style) == unplaced(shuffled.style)


def unplaced(made: object) -> str:
    return re.sub(r"Place\([^)]*\)", "", repr(made))


def test_every_sample_is_good() -> None:
    for text in (HOURS, LEXICON, PEOPLE, REPLIES, STYLED):
        book(r_yaml=text)
    book(r_yaml=ALERTING, s_yaml=STAFF)


noise = st.text(max_size=40) | st.sampled_from(
    [
        "[]",
        "{}",
        "[[a]]",
        "~",
        "''",
        "\n",
        ": ",
        "- ",
        "0001-01-01",
        "9999-12-31",
        "24:00-24:00",
        "-0",
        "1e9",
        "{",
        "}",
        "{{{",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EVERYTHING), noise, st.integers(0, 1500), st.integers(0, 25))
def test_a_damaged_section_never_crashes(text: str, said: str, at: int, cut: int) -> None:
    at %= len(text)
    loaded = parse({"r.yaml": text[:at] + said + text[at + cut :]})
    assert not isinstance(loaded, list) or all(isinstance(one, Problem) and one.line >= 1 for one in loaded)
