"""Several ways to run a query, one meaning: the matcher is what the naive oracle says; so are what was printed and read again, the index,
and the explanation. The way through the database is held to the matcher in tests/store.
"""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.query.explain import Explained, explain
from listener.query.fields import FIELDS
from listener.query.index import Index
from listener.query.match import match
from listener.query.parse import parse
from listener.query.spelling import print_tree
from listener.query.subject import Subject
from listener.query.tree import And, Named, Near, Node, Not, Or, Phrase, Word
from tests.core.oracle import oracle
from tests.core.queries import (
    ADDRESSES,
    NAMES,
    NOW,
    PICTURES,
    SIGNS,
    TERMS,
    WORDS,
    asked,
    few_words,
    fields,
    hostile_texts,
    positionals,
    subjects,
    texts,
    trees,
)


@settings(max_examples=300)
@given(trees(), subjects())
def test_the_matcher_means_what_is_published(tree: Node, subject: Subject) -> None:
    assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW)


@settings(max_examples=300)
@given(asked(trees() | positionals()))
def test_the_matcher_means_what_is_published_on_texts_of_the_query_s_own_words(one: tuple[Node, str]) -> None:
    tree, text = one
    subject = Subject(text=text)
    assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW)


def test_every_term_means_what_is_published_of_every_word() -> None:
    for text in (*WORDS, *PICTURES, *SIGNS, *ADDRESSES):
        subject = Subject(text=text)
        for tree in TERMS:
            assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW), (tree, text)


@pytest.mark.parametrize("glue", ["", " "])
def test_emoji_in_quotes_and_braces_are_found_however_they_are_joined(glue: str) -> None:
    """The same one again right behind itself is the same word, in the query as in the text."""
    rows = [*product(PICTURES, repeat=2), *product(PICTURES[:4], repeat=3)]
    for own, marks in product(rows, ('""', "{}")):
        parsed = parse(f"{marks[0]}{glue.join(own)}{marks[1]}")
        assert parsed.tree is not None
        assert parse(print_tree(parsed.tree)).tree == parsed.tree
        for text in ("".join(own), " ".join(own), ", ".join(own)):
            assert match(parsed.tree, Subject(text=text), NOW).hit, (own, text)
        for text in map(" ".join, rows):
            subject = Subject(text=text)
            assert match(parsed.tree, subject, NOW).hit == oracle(parsed.tree, subject, NOW), (own, text)


def test_near_means_what_is_published_of_every_short_text() -> None:
    a, b, c = map(Word, "abc")
    pairs = list(product((0, 1), (False, True)))
    trees = [Near(Near(a, b, *inner), c, *outer) for inner, outer in product(pairs, pairs)]
    trees += [Near(c, Near(a, Phrase((b, a), 1), *inner), *outer) for inner, outer in product(pairs, pairs)]
    for some in (some for size in range(6) for some in product("abcx", repeat=size) if {"a", "b", "c"} <= {*some}):
        text = " ".join(some)
        subject = Subject(text=text)
        for tree in trees:
            assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW), (tree, text)


@settings(max_examples=500)
@given(few_words())
def test_near_means_what_is_published(one: tuple[Node, str]) -> None:
    tree, text = one
    subject = Subject(text=text)
    assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW)


@pytest.mark.parametrize("name", sorted(FIELDS))
@settings(max_examples=50)
@given(st.data())
def test_a_field_means_what_is_published(name: str, data: st.DataObject) -> None:
    tree = data.draw(fields(only=FIELDS[name]))
    subject = data.draw(subjects(texts(3), about=name))
    assert match(tree, subject, NOW).hit == oracle(tree, subject, NOW)


@settings(max_examples=300)
@given(trees())
def test_a_query_that_is_printed_and_read_again_is_the_same(tree: Node) -> None:
    written = print_tree(tree)
    parsed = parse(written, names=NAMES)
    assert parsed.tree == tree, written


@settings(max_examples=80)
@given(st.lists(trees(), min_size=1, max_size=4), st.data())
def test_an_index_of_many_queries_finds_those_that_match(some: list[Node], data: st.DataObject) -> None:
    own = st.sampled_from(some).flatmap(lambda tree: asked(st.just(tree))).map(lambda one: one[1])
    subject = data.draw(subjects(own | texts() | hostile_texts()))
    index = Index.build(dict(enumerate(some)))
    hits = [place for place, tree in enumerate(some) if match(tree, subject, NOW).hit]
    assert index.matching(subject, NOW) == hits
    assert set(hits) <= set(index.candidates(subject))
    if hits:
        assert index.may_concern(subject.text, subject.hashtags)


def test_the_quick_question_knows_what_was_put_in_later_and_what_was_there_before() -> None:
    """Every sort of part, changed into an index of another one, and the other way round."""
    found = [Subject(text=text) for text in (*WORDS, *PICTURES, *SIGNS, *ADDRESSES)]
    for tree in TERMS:
        matching = [subject for subject in found if match(tree, subject, NOW).hit]
        for known, put in ((Word("zebra"), tree), (tree, Word("zebra"))):
            index = Index.build({"known": known}).changed({"put": put})
            assert index.may_concern("a zebra")
            for subject in matching:
                assert index.may_concern(subject.text), (known, put, subject.text)


@settings(max_examples=100)
@given(trees(), subjects(texts() | hostile_texts()))
def test_the_explanation_says_what_the_matcher_says(tree: Node, subject: Subject) -> None:
    told = explain(tree, subject, NOW)
    found = match(tree, subject, NOW)
    assert told.true == found.hit
    assert told.spans == found.spans
    assert consistent(told)


def consistent(told: Explained) -> bool:
    """Whether every part is what its own parts make of it."""
    below = [part.true for part in told.parts]
    match told.node:
        case And():
            whole = all(below)
        case Or():
            whole = any(below)
        case Not():
            whole = not below[0]
        case Named():
            whole = below[0]
        case Near():
            whole = told.true and all(below)
        case _:
            whole = told.true
    return told.true == whole and all(map(consistent, told.parts))


@settings(max_examples=100)
@given(trees(), subjects(texts() | hostile_texts()))
def test_spans_are_in_order_and_inside_the_text(tree: Node, subject: Subject) -> None:
    spans = match(tree, subject, NOW).spans
    assert all(one < other for one, other in pairwise(spans))
    assert all(0 <= at <= len(subject.text) for at in spans)


@settings(max_examples=100)
@given(trees(), st.lists(subjects(hostile_texts()), min_size=1, max_size=3))
def test_a_negation_is_the_opposite_on_any_text(tree: Node, some: list[Subject]) -> None:
    for subject in some:
        assert match(Not(tree), subject, NOW).hit != match(tree, subject, NOW).hit
