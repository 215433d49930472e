"""Drafts from marks: narrow enough to leave every right hit alone, wide enough for what was marked, and put where the file's own words stay."""

from __future__ import annotations

import difflib
from datetime import UTC, date, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from listener.private import masked
from listener.query import match
from listener.query.fields import Use
from listener.query.parse import parse
from listener.query.subject import Subject
from listener.rulebook import parse as reading
from listener.rulebook.drafting import Draft, Marked, changed, drafts_for, example, phrase_of, written
from listener.rulebook.shape import Rulebook
from tests.core.rulebooks import book

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RULES = """\
# Who is in danger.
rules:
  - id: safety
    title: Safety
    owner: duty
    scope: {addressed: yes}
    when: smoke OR smoking OR "on fire"  # grows with every winter
    then: {tags: [safety]}
    examples:
      fires:
        # from the winter of 2024
        - "smoke comes out of the box"
      silent:
        - "The box is white"

  - id: praise
    title: Praise
    owner: care
    scope: {addressed: yes}
    when: lovely
    then: {tags: [praise]}
    examples: {fires: ["lovely people", "how lovely"], silent: ["the box"]}
"""


def marked(
    text: str, looked_for: str = 'smoke OR smoking OR "on fire"', rule: str = "safety", **other: object
) -> Marked:
    tree = parse(looked_for, Use.RULE).tree
    assert tree is not None
    spans = match.spans_of(tree, Subject(text=text), NOW)
    return Marked(rule, False, text, "mira.test", spans=spans, **other)  # type: ignore[arg-type]


def matches(query: str, text: str, author: str = "mira.test") -> bool:
    parsed = parse(query, Use.RULE)
    assert parsed.tree is not None, parsed.problems
    return match.test_of(parsed.tree)(Subject(text=text, author_handle=author), NOW)


def read_again(files: dict[str, str], texts: dict[str, str]) -> Rulebook:
    loaded = reading.parse({**files, **texts})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    return loaded


HITS = [marked("smoke comes out of the box"), marked("my router is smoking and smoke is everywhere in the kitchen")]


def test_an_exception_is_the_shortest_phrase_around_what_was_found_that_says_something() -> None:
    (draft,) = drafts_for([marked("We rented a smoke machine for the party")], {"safety": HITS})
    assert draft.query == '"smoke machine"'
    # `smoke in` is shorter, and says nothing: it would silence the next kitchen.
    (draft,) = drafts_for([marked("Smoke in the mountains")], {"safety": HITS})
    assert draft.query == '"smoke in the mountains"'


def test_words_that_right_hits_share_make_no_phrase() -> None:
    hits = [*HITS, Marked("safety", False, "the kitchen smoke frightened us", "tom.test")]
    (draft,) = drafts_for([marked("kitchen smoke")], {"safety": hits})
    assert draft.query == '"kitchen smoke" author:mira.test', "nothing tells it from a right hit but who says it"
    assert matches(draft.query, "kitchen smoke")
    assert not matches(draft.query, "the kitchen smoke frightened us", author="tom.test")


WORDS = st.lists(
    st.sampled_from(["smoke", "machine", "party", "kitchen", "on", "fire", "the", "sale", "wonderful", "炎", "🔥"]),
    min_size=1,
    max_size=8,
)


@given(alarm=WORDS, hits=st.lists(st.tuples(WORDS, st.sampled_from(["tom.test", "mira.test"])), max_size=6))
def test_no_draft_silences_a_right_hit(alarm: list[str], hits: list[tuple[list[str], str]]) -> None:
    text, right = " ".join(alarm), [Marked("safety", False, " ".join(one), author) for one, author in hits]
    for draft in drafts_for([marked(text)], {"safety": right}):
        if draft.query:
            assert matches(draft.query, text), draft.query
            assert not any(matches(draft.query, one.text, one.author) for one in right), draft.query


@given(alarm=WORDS)
def test_a_phrase_is_never_what_the_rule_looks_for_and_nothing_else(alarm: list[str]) -> None:
    phrase = " ".join(phrase_of(marked(" ".join(alarm)), []))
    spans = marked(phrase).spans
    found = {place for start, end in zip(spans[::2], spans[1::2], strict=True) for place in range(start, end)}
    assert not phrase or any(char != " " and place not in found for place, char in enumerate(phrase))


def test_an_author_who_only_ever_sets_it_off_wrongly_is_the_exception() -> None:
    alarms = [marked(f"{text} smoke") for text in ("stage", "party", "wedding")]
    (draft,) = drafts_for(alarms, {"safety": HITS and [Marked("safety", False, "smoke here", "tom.test")]})
    assert (draft.query, draft.authors, len(draft.marks)) == ("", ("mira.test",), 3)
    drafts = drafts_for(alarms, {"safety": [Marked("safety", False, "smoke here", "@Mira.test")]})
    assert not any(one.authors for one in drafts), "one right hit, and it is not the author"


def test_marks_that_one_phrase_covers_are_one_draft() -> None:
    alarms = [marked("a smoke machine for us"), marked("our smoke machine broke")]
    (draft,) = drafts_for(alarms, {"safety": HITS})
    assert draft.marks == tuple(alarms)


def test_addresses_and_telephone_numbers_are_masked_and_make_no_phrase() -> None:
    text = "smoke alarm sale, call +49 (170) 123 45 67 or write to mira.k@mail.test, order 12345"
    told = example(marked(text))
    assert "170" not in told
    assert "mira.k" not in told
    assert "12345" in told
    (draft,) = drafts_for([marked("smoke 0170-1234567")], {"safety": HITS})
    assert "0170" not in draft.query
    assert "1234567" not in draft.query


# Neither half a pair of surrogates nor a NUL gets as far as the database.
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_any_text_comes_back_from_its_yaml_and_hides_nothing_in_the_file(text: str) -> None:
    assume(text.strip())
    assert all(char.isprintable() for char in written(text))
    loaded = reading.parse({"r.yaml": RULES.replace('- "The box is white"', f"- {{text: {written(text)}}}")})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    rule = loaded.rule("safety")
    assert rule is not None
    assert rule.silent[0].text.split() == text.split()


def test_an_exception_goes_into_a_file_of_its_own_where_there_is_none_yet() -> None:
    files = {"people.yaml": RULES}
    drafts = drafts_for(
        [marked("We rented a smoke machine", note="a party: no danger", by="ada", on=date(2026, 11, 20))],
        {"safety": HITS},
    )
    texts, left = changed(files, {}, drafts)
    assert list(texts) == ["exceptions.yaml"]
    assert not left
    (made,) = read_again(files, texts).exceptions
    assert (made.rules, made.by) == (frozenset({"safety"}), "ada")
    assert made.reason == "a false alarm, marked on 2026-11-20: a party: no danger"
    assert [one.text for one in made.silent] == ["We rented a smoke machine"]
    assert made.when is not None
    assert made.when.text == '"smoke machine"'


EXCEPTIONS = """\
# Ours.
exceptions:
  - rule: [safety]
    when: '"smoke signal"'   # the band
    reason: a band
    examples: ["the Smoke Signal plays"]
# What we listen for.
topics: []
"""


@pytest.mark.parametrize(
    "text",
    [EXCEPTIONS, EXCEPTIONS.replace("\n", "\r\n"), EXCEPTIONS.split("# What")[0].rstrip("\n")],
    ids=["lf", "crlf", "no-end"],
)
def test_an_exception_goes_behind_those_that_are_there_and_nothing_else_changes(text: str) -> None:
    files = {"people.yaml": RULES, "ours.yaml": text}
    texts, _ = changed(files, {}, drafts_for([marked("We rented a smoke machine")], {"safety": HITS}))
    assert list(texts) == ["ours.yaml"]
    made = difflib.ndiff(text.splitlines(), texts["ours.yaml"].splitlines())
    assert not [line for line in made if line.startswith("- ")]
    plain = {name: one.replace("\r\n", "\n") for name, one in {**files, **texts}.items()}
    assert len(read_again(plain, {}).exceptions) == 2
    bare = texts["ours.yaml"].replace("\r\n", "")
    assert ("\n" in bare) is ("\r\n" not in text), "its own line ends, and no others"


@pytest.mark.parametrize(("rule", "text"), [("safety", "it smells of burning"), ("praise", "what a joy")])
def test_what_was_missed_becomes_the_first_example_to_fire_on(rule: str, text: str) -> None:
    files = {"people.yaml": RULES}
    rules = {one.id: one for one in book(people_yaml=RULES).rules}
    mark = Marked(rule, True, text, "mira.test", langs=("de",), on=date(2026, 11, 20), note="why not?")
    texts, left = changed(files, rules, [Draft(rule, True, (mark,))])
    assert not left
    again = read_again(files, texts).rule(rule)
    assert again is not None
    assert again.fires[0].text == text
    assert again.fires[0].langs == ("de",)
    assert len(again.fires) == len(rules[rule].fires) + 1
    assert "# from the winter of 2024" in texts["people.yaml"]
    assert "# grows with every winter" in texts["people.yaml"]
    if rule == "safety":
        assert "widen when: until it fires" in texts["people.yaml"]


def test_examples_of_several_rules_in_one_file_find_their_places() -> None:
    files = {"people.yaml": RULES}
    rules = {one.id: one for one in book(people_yaml=RULES).rules}
    drafts = [
        Draft(rule, True, (Marked(rule, True, f"{text} {rule}", "mira.test"),))
        for text in ("first", "second")
        for rule in rules
    ]
    texts, left = changed(files, rules, drafts)
    assert not left
    again = read_again(files, texts)
    for rule in rules:
        found = again.rule(rule)
        assert found is not None
        assert {one.text for one in found.fires} >= {f"first {rule}", f"second {rule}"}


def test_a_rule_without_a_place_for_an_example_is_told() -> None:
    bare = RULES.replace('fires: ["lovely people", "how lovely"], ', "")
    rules = {one.id: one for one in book(people_yaml=bare).rules}
    draft = Draft("praise", True, (Marked("praise", True, "what a joy", "mira.test"),))
    assert changed({"people.yaml": bare}, rules, [draft]) == ({}, [draft])


def test_masking_leaves_plain_numbers_alone() -> None:
    assert (
        masked("Charged 12.50 twice on 2026, order 4711, v1.2.3") == "Charged 12.50 twice on 2026, order 4711, v1.2.3"
    )
