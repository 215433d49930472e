"""People are ids that nobody can be reached by; saved replies have known fields only and fit where they are sent."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.lengths import LIMITED, length
from listener.rulebook.people import Away
from listener.rulebook.replies import FIELDS, SavedReply, fields_of, fill, filled
from tests.core.rulebooks import book, problems

PEOPLE = """\
people:
  - id: mia
    name: Mia Okafor
    teams: [care, duty]
    zone: Pacific/Auckland
    hours: support
    away:
      - {from: 2026-12-24, to: 2026-12-26, title: holiday}
  - id: ben
teams:
  - {key: care}
  - {key: duty}
hours:
  - {key: support, zone: Europe/Berlin, open: {mon-fri: 09:00-17:00}}
"""

REPLIES = """\
replies:
  - key: sorry
    title: Sorry, and where to write
    code: srry
    text: "Sorry, {author}! Write to us and {agent} will look. {{really}} {brand}"
    on:
      bluesky: "Sorry, {author}!"
    lang: en
    topics: [acme]
    tags: [first, care]
    team: care
    brands: [acme]
  - key: thanks
    text: Thank you!
topics:
  - {key: acme, kind: brand, query: acme}
teams:
  - key: care
"""


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_whole_people() -> None:
    rules = book(r_yaml=PEOPLE)
    assert [one.id for one in rules.people] == ["ben", "mia"]
    mia = rules.person("mia")
    assert mia is not None
    assert rules.person("mio") is None
    assert (mia.name, mia.teams, mia.zone, mia.hours) == (
        "Mia Okafor",
        frozenset({"care", "duty"}),
        "Pacific/Auckland",
        "support",
    )
    assert mia.away == (Away(date(2026, 12, 24), date(2026, 12, 26), "holiday"),)
    assert (rules.people[0].name, rules.people[0].zone) == ("ben", "UTC")


def test_days_away_are_days_of_the_persons_own_zone() -> None:
    mia = book(r_yaml=PEOPLE).people[1]
    assert not mia.away_at(datetime(2026, 12, 23, 10, 59, tzinfo=UTC))
    assert mia.away_at(datetime(2026, 12, 23, 11, 0, tzinfo=UTC))  # midnight in Auckland
    assert mia.away_at(datetime(2026, 12, 26, 10, 59, tzinfo=UTC))
    assert not mia.away_at(datetime(2026, 12, 26, 11, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (changed(PEOPLE, "id: mia", "id: mia@acme.example"), (2, 9, "private"), "belong in hubbub.toml"),
        (changed(PEOPLE, "name: Mia Okafor", "name: Mia <mia@acme.example>"), (3, 11, "private"), "hubbub.toml"),
        (changed(PEOPLE, "name: Mia Okafor", "name: +49 170 1234567"), (3, 11, "private"), "hubbub.toml"),
        (changed(PEOPLE, "title: holiday", "title: (0170) 123-4567"), (8, 51, "private"), "hubbub.toml"),
        (changed(PEOPLE, "id: mia", "id: Mia"), (2, 9, "bad-key"), "small letters"),
        (changed(PEOPLE, "[care, duty]", "[care, dutty]"), (4, 19, "unknown-team"), "did you mean duty?"),
        (changed(PEOPLE, "zone: Pacific/Auckland", "zone: Auckland"), (5, 11, "unknown-zone"), "Pacific/Auckland?"),
        (changed(PEOPLE, "hours: support", "hours: sport"), (6, 12, "unknown-hours"), "did you mean support?"),
        (changed(PEOPLE, "to: 2026-12-26", "to: 2026-12-23"), (8, 32, "backwards"), "swap from and to"),
        (changed(PEOPLE, "to: 2026-12-26", "to: tomorrow"), (8, 32, "bad-day"), "such as 2026-12-24"),
        (changed(PEOPLE, "id: ben", "id: mia"), (9, 9, "repeated-id"), "at r.yaml:2:9"),
        (changed(PEOPLE, "name: Mia Okafor", "nam: Mia Okafor"), (3, 5, "unknown-key"), "did you mean name?"),
        (changed(REPLIES, "Sorry, {author}! Write", "Sorry, {autor}! Write"), (5, 19, "unknown-field"), "mean author?"),
        (changed(REPLIES, '"Sorry, {author}!"', '"Sorry, {first_name}!"'), (7, 24, "unknown-field"), "agent, author"),
        (changed(REPLIES, "{{really}}", "really}"), (5, 70, "lone-brace"), "write {{ or }} for a brace"),
        (changed(REPLIES, "text: Thank you!", "text: >\n      Thank\n      you {me}"), (16, 11, "unknown-field"), "agent"),
        (changed(REPLIES, "text: Thank you!", "text: Thank you!\n    code: srry"), (15, 11, "repeated-id"), "4:11"),
        (changed(REPLIES, "text: Thank you!", "title: Thank you!"), (13, 5, "missing-key"), "add text: ..."),
        (changed(REPLIES, "code: srry", "code: S!"), (4, 11, "bad-key"), "small letters"),
        (changed(REPLIES, "lang: en", "lang: English"), (8, 11, "bad-lang"), "such as en"),
        (changed(REPLIES, "topics: [acme]", "topics: [acne]"), (9, 14, "unknown-topic"), "did you mean acme?"),
        (changed(REPLIES, "team: care", "team: car"), (11, 11, "unknown-team"), "did you mean care?"),
        (changed(REPLIES, "key: thanks", "key: sorry"), (13, 10, "repeated-id"), "at r.yaml:2:10"),
    ],
)  # fmt: skip
def test_one_mistake_one_place(text: str, place: tuple[int, int, str], hint: str) -> None:
    found = problems(text)
    assert [(one.line, one.column, one.code) for one in found] == [place]
    assert hint in found[0].hint


def test_a_whole_reply() -> None:
    rules = book(r_yaml=REPLIES)
    sorry = rules.reply("sorry")
    assert sorry is not None
    assert rules.reply("sorri") is None
    assert (sorry.title, sorry.code, sorry.lang, sorry.team) == ("Sorry, and where to write", "srry", "en", "care")
    assert (sorry.topics, sorry.tags, sorry.brands) == (frozenset({"acme"}), ("care", "first"), frozenset({"acme"}))
    values = {"author": "Ola", "agent": "Mia", "brand": "Acme"}
    assert fill(sorry, "mastodon", values) == "Sorry, Ola! Write to us and Mia will look. {really} Acme"
    assert fill(sorry, "bluesky", values) == "Sorry, Ola!"
    assert fill(sorry, "bluesky", {}) == "Sorry, {author}!"


def test_a_reply_longer_than_its_network_takes_is_warned_about() -> None:
    long = "x" * 295
    text = REPLIES.replace("text: Thank you!", f"text: {long} {{author}}")
    assert book(r_yaml=text).warnings == ()  # 296 and whatever the name is
    [told] = book(r_yaml=text.replace(long, long + "xxxxx")).warnings
    assert (told.line, told.column, told.code) == (14, 11, "too-long-there")
    assert told.message == "reply thanks has 301 of the 300 that bluesky takes, its fields not counted"
    assert told.hint == "shorten it, or add on: {bluesky: a shorter text}"
    [there] = book(r_yaml=REPLIES.replace('bluesky: "Sorry,', f'bluesky: "{long} Sorry,')).warnings
    assert (there.line, there.column, there.hint) == (7, 16, "shorten it")
    shorter = text.replace(long, long * 2).replace("    text: xxx", "    on: {bluesky: hm}\n    text: xxx")
    assert book(r_yaml=shorter).warnings == ()


def test_the_networks_with_a_limit_are_those_that_have_one() -> None:
    assert [
        name for name in ("bluesky", "facebook", "instagram", "telegram", "rss", "") if length(name, "")[1]
    ] == list(LIMITED)


braces = st.text(alphabet="{}ab ", max_size=20)


@given(braces, st.dictionaries(st.sampled_from(sorted(FIELDS)), braces))
def test_what_is_filled_in_is_text(text: str, values: dict[str, str]) -> None:
    whole = text.replace("{", "{{").replace("}", "}}")
    assert filled(whole, values) == text  # doubled braces are braces
    assert list(fields_of(whole)) == []
    said = {name: values.get(name, "{" + name + "}") for name in FIELDS}
    reply = SavedReply("k", "K", whole + "|{author}|{agent}|{brand}")
    assert fill(reply, "x", values) == f"{text}|{said['author']}|{said['agent']}|{said['brand']}"
