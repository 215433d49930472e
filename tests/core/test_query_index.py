"""Thousands of queries at once: the index finds what the matcher finds, its quick tests never wrongly say no, a change loses no message."""

from __future__ import annotations

import string
from collections.abc import Iterable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from listener.query.frequency import LIMIT, SPAN, Frequency, usual
from listener.query.index import Index
from listener.query.match import test_of as compiled
from listener.query.needs import Needs, needs
from listener.query.parts import Parts
from listener.query.regexes import compile_regex, fault_of
from listener.query.sieve import Sieve, squash
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Named,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Raw,
    Regex,
    Sign,
    Text,
    Wild,
    Word,
)
from listener.query.words import segment, tag_forms
from tests.core.queries import NOW, asked, hostile_texts, subjects, texts, trees


def matching(trees_asked: Iterable[Node], subject: Subject) -> list[int]:
    """The matcher, query by query."""
    return [place for place, tree in enumerate(trees_asked) if compiled(tree)(subject, NOW)]


# The index and the matcher -------------------------------------------------------------------------------------------


@settings(max_examples=250)
@given(st.lists(trees(), min_size=1, max_size=5), subjects() | subjects(hostile_texts()))
def test_the_index_finds_what_the_matcher_finds(some: list[Node], subject: Subject) -> None:
    expected = matching(some, subject)
    index = Index.build(dict(enumerate(some)))
    assert index.matching(subject, NOW) == expected
    assert set(expected) <= set(index.candidates(subject))
    assert not expected or index.may_concern(subject.text, subject.hashtags)


@settings(max_examples=250)
@given(asked(trees()))
def test_the_index_finds_what_the_matcher_finds_in_texts_of_the_querys_own_words(one: tuple[Node, str]) -> None:
    tree, text = one
    index, subject = Index.build({"a": tree}), Subject(text=text)
    expected = compiled(tree)(subject, NOW)
    assert index.matching(subject, NOW) == (["a"] if expected else [])
    assert not expected or index.may_concern(text)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Word("cafe"), "Ein CAFÉ, bitte"),
        (Word("kg"), "5 \u212ag"),
        (Word("sale"), "ſale"),
        (Word("fin"), "ﬁn"),
        (Word("istanbul"), "İSTANBUL"),
        (Word("strasse"), "die Straße"),
        (Word("down"), "d\u200bown"),
        (Word("down"), "ｄｏｗｎ"),
        (Word("don't"), "I don’t know"),
        (Word("lodz"), "Łódź"),
        (Word("app"), "app\x7fdown"),
        (Word("down"), "app№down"),
        (Word("tm"), "tm app™"),
        (Word("害"), "障害"),
        (Word("app"), "障害app障害"),
        (Word("мои"), "мой"),
        (Word("👍"), "👍🏽"),
        (Sign("#down_app"), "#Down_App"),
        (Sign("#app"), "＃app"),
        (Sign("@acme"), "hi @acme.example!"),
        (Sign("$acme"), "$ACME"),
        (Wild("caf*"), "Cafés"),
        (Wild("d?wn"), "dawn"),
        (Wild("re*ed"), "refunded"),
        (Exact("Straße"), "Straße"),
        (Raw("cafe\u0301"), "café"),
        (Raw("Google+"), "Google+ is dead"),
        (Regex("kelvin"), "\u212aelvin"),
        (Regex("sale"), "ſale"),
        (Regex("i+stanbul"), "ISTANBUL"),
        (Regex("(?-i)BT"), "BT"),
        (Regex("own"), "downtown https://x.example/OWN"),
        (Regex(r"ab[^^]cde"), "abxcde"),
    ],
)
def test_what_is_written_in_an_odd_way_is_found(tree: Node, text: str) -> None:
    assert compiled(tree)(Subject(text=text), NOW)
    index = Index.build({1: tree})
    assert index.may_concern(text)
    assert index.matching(Subject(text=text), NOW) == [1]


def test_hashtags_outside_the_text_count() -> None:
    index = Index.build({1: Sign("#launch"), 2: Sign("#cafe"), 3: Word("launch")})
    assert index.matching(Subject(text="nothing", hashtags=("Launch", "café")), NOW) == [1, 2]


def test_a_literal_that_decides_is_not_judged_again_and_one_that_does_not_is() -> None:
    index = Index.build(
        {1: And((Word("outage"), Word("now"))), 2: Or((Word("outage"), Phrase((Word("no"), Word("net")))))}
    )
    assert index.matching(Subject(text="an outage"), NOW) == [2]
    assert index.matching(Subject(text="no net"), NOW) == [2]
    assert index.matching(Subject(text="net no"), NOW) == []
    assert index.matching(Subject(text="outage now"), NOW) == [1, 2]


def test_keys_come_in_the_order_of_the_queries() -> None:
    index = Index.build({key: Word("app") for key in ("z", "a", "m")})
    assert index.matching(Subject(text="app"), NOW) == ["z", "a", "m"]
    assert index.changed({"b": Word("app"), "a": Word("app")}).matching(Subject(text="app"), NOW) == [
        "z",
        "a",
        "m",
        "b",
    ]


def test_where_nearly_every_text_holds_a_word_of_the_index_the_raw_text_is_not_asked() -> None:
    index = Index.build(dict(enumerate(map(Word, ["the", "of", "is", "on", "to", "and", "a", "in"]))))
    assert not index.may_concern("nothing")
    broad = index.changed({8: Word("it"), 9: Word("or")})
    assert broad.may_concern("nothing")
    assert not broad.changed(drop=[8]).changed(drop=[9]).may_concern("nothing")


def test_what_is_said_of_words_may_change_while_the_index_lives() -> None:
    often = 0.2
    index = Index.build({number: Word(f"word{number}") for number in range(9)}, lambda _: often)
    assert index.may_concern("nothing")
    often = 0.0
    assert not index.changed(drop=range(9)).changed({9: Word("word9")}).may_concern("nothing")
    often = 0.9
    assert not index.changed(drop=range(9)).changed({9: Word("word9")}).may_concern("nothing")


def test_a_lone_surrogate_and_a_zero_byte_are_text_like_any_other() -> None:
    index = Index.build({1: Word("app"), 2: Wild("dow*"), 3: Regex("down"), 4: Sign("#app")})
    assert index.matching(Subject(text="app\ud800 \0 down #app"), NOW) == [1, 2, 3, 4]


# What a query needs --------------------------------------------------------------------------------------------------


def test_of_an_and_the_clause_that_the_fewest_texts_hold_is_chosen() -> None:
    assert needs(And((Word("the"), Word("outage")))) == Needs(words=frozenset({"outage"}), rest=Word("the"))
    seen = Frequency()
    for _ in range(2000):
        seen.hear(["outage"])
    both = And((Word("larkspur"), Word("outage")))
    assert needs(And((Word("now"), Word("outage"))), seen.share) == Needs(words=frozenset({"now"}), rest=Word("outage"))
    assert needs(both, seen.share) == Needs(words=frozenset({"larkspur"}), rest=Word("outage"))


def test_of_near_and_a_phrase_the_rarest_word_is_chosen() -> None:
    for tree in (Phrase((Word("the"), Word("outage"))), Near(Word("the"), Word("outage"), 5)):
        found = needs(tree)
        assert found == Needs(words=frozenset({"outage"}), rest=tree)


def test_of_an_or_each_part_is_needed_and_one_without_a_need_makes_all_of_it_so() -> None:
    found = needs(Or((Word("app"), Sign("#down"), Wild("bill*"))))
    assert found is not None
    assert (found.words, found.signs, found.pieces) == ({"app"}, {"#down"}, {" bill"})
    assert needs(Or((Word("app"), Not(Word("down"))))) is None
    assert needs(Named("list:a", Or((Word("app"), Word("down"))))) == needs(Or((Word("app"), Word("down"))))


@pytest.mark.parametrize(
    "tree", [Not(Word("app")), Field("source", (Text("bluesky", "bluesky"),)), Raw("?!"), Regex(r"\d+")]
)
def test_what_has_no_literal_is_judged_always_and_says_so(tree: Node) -> None:
    assert needs(tree) is None
    index = Index.build({1: tree, 2: Word("app"), 3: And((tree, Word("app")))})
    assert index.always == (1,)
    assert index.cost(1) == 1.0
    assert 0 < index.cost(2) < 0.1
    assert index.may_concern("anything")
    assert index.candidates(Subject(text="other")) == [1]
    with pytest.raises(KeyError):
        index.cost(4)


@pytest.mark.parametrize(
    ("pattern", "inside"),
    [
        ("refund", {"refund"}),
        ("Refund(ed)?", {"refund"}),
        ("colou?r", {"colo"}),
        ("foo.*barbar", {"barbar"}),
        ("down|late", {"down", "late"}),
        ("down|l", None),
        ("(?:down|late) now", {" now"}),
        ("(down|late)", {"down", "late"}),
        ("(down|late)?x", None),
        ("(down)*x", None),
        ("(down){2,3}", {"down"}),
        ("(down){0,3}x", None),
        ("abcd{0,2}e", {"abc"}),
        ("abcd+e", {"abcd"}),
        ("abcd+?e", {"abc"}),
        (r"\bdown\b", {"down"}),
        (r"a\.b\/c", {"a.b/c"}),
        (r"\x41bcd", {"bcd"}),
        (r"\p{Greek}abc", {"abc"}),
        (r"\pLabc", {"abc"}),
        (r"[abc]", None),
        (r"[]|a]down", {"down"}),
        (r"[^]|a]down", {"down"}),
        (r"[[:alpha:]|]down", {"down"}),
        (r"[a\]|]down", {"down"}),
        (r"foo[^^]a|bar", {"foo", "bar"}),
        ("(?x) down late", None),
        ("(?i)down", {"down"}),
        ("(?P<a>down)", {"down"}),
        ("(?<a>down)", {"down"}),
        ("café", {"caf"}),
        ("ab", None),
        ("ab;cd", None),
    ],
)
def test_what_a_regular_expression_cannot_do_without(pattern: str, inside: set[str] | None) -> None:
    compile_regex(pattern)
    found = needs(Regex(pattern))
    assert (None if found is None else found.inside) == inside


ATOMS = [
    "down",
    "app",
    "k",
    "s",
    "K",
    "i",
    "ß",
    "\u212a",
    "ſ",
    "İ",
    "é",
    ".",
    r"\d",
    r"\w",
    r"\b",
    "[a-k]",
    "[^^]",
    "[]|]",
    r"\.",
    " ",
    r"\x6b",
    r"\p{L}",
]


def patterns() -> st.SearchStrategy[str]:
    """Regular expressions of many sorts."""
    return st.recursive(
        st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4).map("".join),
        lambda inner: (
            st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,1}", "+?", "{1,2}?"])).map(
                lambda two: f"({two[0]}){two[1]}"
            )
            | st.lists(inner, min_size=2, max_size=3).map(lambda some: f"(?:{'|'.join(some)})")
            | st.lists(inner, min_size=2, max_size=3).map("".join)
            | st.lists(inner, min_size=2, max_size=2).map("|".join)
        ),
        max_leaves=6,
    )


@settings(max_examples=500)
@given(
    patterns(),
    st.lists(st.sampled_from([*"aApPkKsSiIßéow\u212aſİ.D \u0301", "down", "DOWN", "app", "k"]), max_size=12).map(
        "".join
    ),
)
@example("foo[^^]a|bar", "bar")
def test_where_a_pattern_matches_one_of_its_literals_stands(pattern: str, text: str) -> None:
    assume(fault_of(pattern) is None)
    found = needs(Regex(pattern))
    if found is not None and compile_regex(pattern).is_match(text):
        assert any(part in text.casefold() for part in found.inside)


# The sieve -----------------------------------------------------------------------------------------------------------


def test_the_sieve_lets_every_single_character_pass_as_a_hashtag() -> None:
    for char in map(chr, (*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7A4, 0x10000), *range(0x1F000, 0x1FB00))):
        for sign in tag_forms(char):
            assert Sieve().with_more([Needs(signs=frozenset({sign}))]).passes("", [char]), char


@settings(max_examples=500)
@given(texts() | hostile_texts(), st.lists(st.text(min_size=1, max_size=10), max_size=2))
@example("", ["⁇"])
@example("", ["₨5"])
@example("app\x7fdown", [])
@example("№5", [])
@example("a\u0345", [])
@example("①x ½y m² Å ŀl ŉa ǆ", [])
def test_the_sieve_lets_every_form_and_sign_of_a_text_pass(text: str, tags: list[str]) -> None:
    known = segment(text)
    for form in known.vocabulary:
        assert Sieve().with_more([Needs(words=frozenset({form}))]).passes(text, tags), form
    for sign in (*known.signs, *(form for tag in tags for form in tag_forms(tag))):
        assert Sieve().with_more([Needs(signs=frozenset({sign}))]).passes(text, tags), sign


@given(st.text(string.ascii_letters + string.digits + " é’–İ😀障", min_size=3), st.data())
def test_the_sieve_lets_parts_of_a_text_pass(text: str, data: st.DataObject) -> None:
    line = f" {' '.join(segment(text).vocabulary)} "
    for haystack, sort in ((line, "pieces"), (text.casefold(), "inside")):
        start = data.draw(st.integers(0, max(0, len(haystack) - 3)))
        part = haystack[start : start + data.draw(st.integers(3, 6))]
        # A piece is a part of one form; a part of the text itself is plain ASCII.
        if part.strip() and (" " not in part.strip() if sort == "pieces" else part.isascii()):
            wanted = Needs(**{sort: frozenset({part})})  # type: ignore[arg-type]
            assert Sieve().with_more([wanted]).passes(text), part


@given(st.text())
def test_a_text_is_squashed_to_plain_runs_or_not_known(text: str) -> None:
    known = squash(text)
    assert known is None or set(known) <= set((string.ascii_lowercase + string.digits + " \x7f").encode())


def test_most_of_what_concerns_nobody_is_turned_away() -> None:
    index = Index.build({1: Word("larkspur"), 2: Sign("#launch"), 3: Word("café"), 4: Regex("fibre (cut|down)")})
    for text in (
        "Good morning 😀",
        "¿Qué pasó?",
        "L’été — déjà fini…",
        "障害が発生しました",
        "Доброе утро",
        "안녕하세요",
        "it's @mira.example",
    ):
        assert not index.may_concern(text), text
    assert not index.may_concern("no", ("launched",))
    for text in ("LARKSPUR!", "#Launch", "Café", "fibre  cut"):
        assert index.may_concern(text), text


# Changes -------------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    st.lists(
        st.dictionaries(st.integers(0, 5), trees(), max_size=3) | st.lists(st.integers(0, 5), min_size=1, max_size=3),
        max_size=6,
    ),
    subjects(),
)
def test_an_index_that_was_changed_is_one_that_was_built_so(
    steps: list[dict[int, Node] | list[int]], subject: Subject
) -> None:
    index: Index[int] = Index.build({})
    queries: dict[int, Node] = {}
    before: list[tuple[Index[int], list[int]]] = []
    for step in steps:
        before.append((index, index.matching(subject, NOW)))
        if isinstance(step, dict):
            index = index.changed(step)
            queries |= step
        else:
            index = index.changed(drop=step)
            queries = {key: tree for key, tree in queries.items() if key not in step}
    expected = [key for key, tree in queries.items() if compiled(tree)(subject, NOW)]
    assert index.matching(subject, NOW) == expected
    assert (len(index), list(index)) == (len(queries), list(queries))
    assert index.always == Index.build(queries).always
    for old, found in before:
        assert old.matching(subject, NOW) == found


def test_queries_that_come_and_go_leave_nothing_behind() -> None:
    index: Index[int] = Index.build({0: Word("app")})
    for turn in range(1, 500):
        index = index.changed({turn: Or((Word(f"word{turn}"), Wild(f"stem{turn}*"), Sign(f"#tag{turn}")))}, [turn - 1])
    assert len(index._keys) < 150
    assert set(index._words.places) == {"word499"}
    assert index.matching(Subject(text="word499"), NOW) == [499]
    assert index.matching(Subject(text="app stem3s #tag498 stem499s"), NOW) == [499]


def test_while_queries_change_each_message_is_judged_by_one_state_of_all_of_them() -> None:
    """A pair of queries always changes together: never is a message found by both words, or by none."""
    index = Index.build({place: Word(f"other{place}") for place in range(500)} | {"a": Word("now"), "b": Word("never")})
    for turn in range(50):
        held = index
        index = index.changed(
            {"a": Word("never"), "b": Word("now")} if turn % 2 == 0 else {"a": Word("now"), "b": Word("never")}
        )
        for judging, expected in ((held, "ab"[turn % 2]), (index, "ba"[turn % 2])):
            assert judging.matching(Subject(text=f"now {turn}"), NOW) == [expected]


def test_new_parts_are_found_before_and_after_the_automaton_is_built_again() -> None:
    known = Parts([b"one"])
    for number in range(100):
        known = known.with_more([b"part%d." % number])
        assert known.all_in(b"one part%d. two" % number) == {b"one", b"part%d." % number}
        assert known.any_in(b"part0.")
    assert not known.any_in(b"part")
    assert not Parts()
    assert known.with_more([b"one"]) is known


# How often words are said --------------------------------------------------------------------------------------------


def test_before_anything_was_heard_long_words_are_rare_and_the_commonest_are_known() -> None:
    assert usual("the") > usual("time") > usual("bill") > usual("outage") > usual("larkspurian")
    assert usual("害") > usual("outage")
    assert Frequency().share("outage") == usual("outage")


def test_what_is_heard_counts_more_and_more() -> None:
    seen = Frequency()
    for turn in range(1000):
        seen.hear({"larkspur", f"w{turn}"} if turn % 2 else {"other"})
    assert 0.35 < seen.share("larkspur") < 0.5
    assert seen.share("outage") < usual("outage")


def test_it_is_bounded_and_what_is_old_fades() -> None:
    seen = Frequency()
    for turn in range(LIMIT + 10):
        seen.hear({"always", f"w{turn}"})
    assert len(seen) <= LIMIT
    assert seen.share("always") > 0.9
    for _ in range(3 * SPAN):
        seen.hear(("new",))
    assert seen.share("always") < 0.2
    assert seen.share("new") > 0.8
