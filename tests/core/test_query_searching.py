"""What a network's search is asked: some of what every matching text holds, and said where that is not all."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from listener.query.match import test_of as compiled
from listener.query.parse import parse
from listener.query.searching import MOST, Searches, searches
from listener.query.subject import Subject
from listener.query.tree import And, Exact, Node, Not, Or, Phrase, Raw, Sign, Wild, Word
from tests.core.queries import NOW, asked, trees


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("larkspur OR #larkspurdown", Searches(("larkspur", "#larkspurdown"), True)),
        ('larkspur AND ("does not work" OR outage)', Searches(("larkspur",), True)),
        ('the AND "larkspur cloud"', Searches(('"larkspur cloud"',), True)),
        ("larkspur NOT weather", Searches(("larkspur",), True)),
        ("larkspur OR bill*", Searches(("larkspur",), False)),
        ("bill*", Searches((), False)),
        ("NOT weather", Searches((), False)),
        ("larkspur NEAR/3 outage", Searches(("larkspur",), True)),
        ("followers:>1000", Searches((), False)),
        ("larkspur followers:>1000", Searches(("larkspur",), True)),
        ('raw:"Google+"', Searches(("Google+",), True)),
    ],
)
def test_a_query_becomes_words_phrases_and_tags(query: str, found: Searches) -> None:
    parsed = parse(query)
    assert parsed.tree is not None
    assert searches(parsed.tree) == found


def _tree(one: str) -> Node:
    """What a network that knows words, phrases and tags finds for it."""
    if one[0] in "#@$":
        return Sign(one)
    words = one.strip('"').split()
    return Word(words[0]) if len(words) == 1 else Phrase(tuple(Word(word) for word in words))


@settings(max_examples=300)
@given(asked(trees()))
@example((And((Or((Word("app"), Wild("bill*"))), Word("down"))), "bills are down"))
@example((Or((Word("app"), Not(Word("down")))), "up"))
def test_where_they_are_whole_a_matching_text_holds_one_of_them(one: tuple[Node, str]) -> None:
    tree, text = one
    told = searches(tree)
    subject = Subject(text=text)
    if told.whole and not _spelled(tree) and compiled(tree)(subject, NOW):
        assert any(compiled(_tree(search))(subject, NOW) for search in told.asked)


def _spelled(node: Node) -> bool:
    """Whether letter case or punctuation matters in it: a search is asked for that as it is written."""
    if isinstance(node, Exact | Raw):
        return True
    parts = [getattr(node, name) for name in ("left", "right", "part") if hasattr(node, name)]
    return any(map(_spelled, [*parts, *getattr(node, "parts", ())]))


def test_a_long_list_is_not_asked_for_in_full_and_says_so() -> None:
    told = searches(Or(tuple(Word(f"word{n}") for n in range(MOST + 1))))
    assert (len(told.asked), told.whole) == (MOST, False)
