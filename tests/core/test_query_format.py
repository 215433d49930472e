"""Formatting changes the layout and nothing else: same tree, same comments, and twice is once. A tree printed reads as itself."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.query.format import format_query
from listener.query.parse import parse
from listener.query.spelling import print_tree
from tests.core.queries import trees

PIECES = ["app", "down", "OR", "AND", "NOT", "-", "(", ")", '"money back"', '"a b"~3', "NEAR/5", "#tag", "lang:(de OR fr)", "<<< why  so >>>",
          "<<<>>>", "{BT}", "bill*", "\n", "  ", "/colou?r/", "-(", "followers:>5", "or", "障害", "longer" * 6]  # fmt: skip
WRITTEN = st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join) | trees().map(print_tree)


def comments(text: str) -> list[str]:
    return [" ".join(one.split()) for one in re.findall(r"<<<(.*?)>>>", text, re.DOTALL)]


@settings(max_examples=200)
@given(WRITTEN, st.sampled_from([20, 60, 100]))
def test_it_means_the_same_and_is_done_once(text: str, width: int) -> None:
    once = format_query(text, width=width)
    assert format_query(once, width=width) == once
    if (tree := parse(text).tree) is None:
        assert once == text
    else:
        assert parse(once).tree == tree
        assert comments(once) == comments(text)


@settings(max_examples=200)
@given(trees())
def test_a_printed_tree_reads_as_itself(tree: object) -> None:
    """Trees that no text makes (an AND in an AND without brackets) are read once to become such."""
    read = parse(print_tree(tree)).tree  # type: ignore[arg-type]
    if read is not None:
        assert parse(print_tree(read)).tree == read


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("refund   or ( app AND  crash )", "refund or (app AND crash)"),
        ("a  -b   -( c )", "a -b -(c)"),
        ("a <<< why >>> b", "a <<< why >>> b"),
        ('"open', '"open'),
        ("( a OR b )AND c", "(a OR b) AND c"),
    ],
)
def test_what_it_looks_like(text: str, laid_out: str) -> None:
    assert format_query(text) == laid_out


def test_a_long_choice_gets_a_line_for_each_branch() -> None:
    words = [f"word{n}" for n in range(30)]
    told = format_query(f"app AND ({' OR '.join(words)}) AND NOT spam").splitlines()
    assert told[:3] == ["app AND (", "  word0", "  OR word1"]
    assert told[-1] == ") AND NOT spam"
