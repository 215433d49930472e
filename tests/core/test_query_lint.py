"""What is probably not meant: found where it stands, and never claimed of a text or a subject for which it is not so."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from listener.query.fields import Use
from listener.query.match import match
from listener.query.match import test_of as match_of
from listener.query.names import Names
from listener.query.parse import parse
from listener.query.spelling import print_tree
from listener.query.subject import Subject
from listener.query.tree import And, Field, Near, Node, Not, Or
from tests.core.queries import NAMES, subjects, trees
from tests.core.test_query_match import NOW
from tests.core.test_query_proof import related


@pytest.mark.parametrize(
    ("query", "code", "column"),
    [
        ("app AND NOT app", "never-true", 9),
        ("down app (refund OR bill) -(app)", "never-true", 27),
        ("followers:>5 followers:<3", "never-true", 14),
        ("kind:reply is:post", "never-true", 12),
        ("app OR (down AND NOT down)", "never-true", 18),
        ("app AND -(down OR -down)", "never-true", 19),
        ("app AND (down OR NOT down)", "always-true", 18),
        ("app OR NOT app", "always-true", 8),
        ("-followers:>5 OR followers:>=2 OR app", "always-true", 18),
        ("bills OR bill* OR refund", "shadowed-branch", 1),
        ("cafe OR café", "shadowed-branch", 9),
        ('app OR "app down"', "shadowed-branch", 8),
        ("app OR (app AND down)", "shadowed-branch", 9),
        ("refund refund", "shadowed-branch", 8),
        ("(app OR down) AND app", "shadowed-branch", 2),
        ("app -down -(down AND late)", "shadowed-branch", 11),
        ("app is:open -status:done", "shadowed-branch", 13),
        ("(bill* OR bills) NEAR/3 late", "shadowed-branch", 11),
        ("(app AND down) OR (app AND NOT down) OR app", "shadowed-branch", 2),
        ("followers:[1 TO 5] OR followers:<=3 OR followers:>2", "shadowed-branch", 1),
        ("lang:(de OR fr OR de)", "repeated-value", 19),
        ("status:(open OR new)", "shadowed-branch", 17),
        (r"/\d+/", "full-scan-regex", 1),
        (r"app OR -/\d+/", "full-scan-regex", 9),
    ],
)
def test_each_finding_has_its_place(query: str, code: str, column: int) -> None:
    parsed = parse(query)
    assert parsed.tree is not None
    assert (code, column) in [(one.code, one.column) for one in parsed.warnings if one.code == code]
    assert all(one.hint and one.message for one in parsed.warnings)


def test_it_says_which_parts_are_at_odds() -> None:
    (warning,) = parse("app lang:de (down OR bill) lang:fr").warnings
    assert warning.message == "nothing can match this query: lang:de and lang:fr exclude each other"
    (warning,) = parse("refund OR bills OR bill*").warnings
    assert warning.message == "bills finds nothing more: bill* covers it"
    (warning,) = parse('"app down" app').warnings
    assert warning.message == 'app changes nothing: "app down" already says so'
    (warning,) = parse("app OR (down AND\n  NOT down)").warnings
    assert warning.message == "nothing can match down AND NOT down: down and NOT down exclude each other"
    assert (warning.line, warning.column) == (2, 3)


@pytest.mark.parametrize(
    "query",
    [
        "app OR down",
        "café OR caffè",
        "followers:>5 OR followers:<=5",  # somebody whose followers nobody knows
        "tag:a AND tag:b",
        '"app down" OR "down app"',
        "is:question AND NOT is:open",
        "/refund(ed)?/",
        "source:a OR source:b",
        "#app OR app",  # a tag may be carried outside the text
        '("app down" OR app) NEAR/1f late',  # of the shorter one it is farther to what follows
        r"app /\d+/",  # only tried on what has the word
        "lark -(lark ascending)",
        "author:(mira OR lea) -author:mira",
    ],
)
def test_nothing_is_said_of_what_may_be_meant(query: str) -> None:
    assert [one.code for one in parse(query).warnings] == []


def test_a_useless_query_is_a_problem_where_it_works_by_itself() -> None:
    for use in (Use.TOPIC, Use.RULE, Use.ALERT):
        assert [one.code for one in parse("app AND NOT app", use).problems] == ["never-true"]
    assert parse("app AND NOT app", Use.VIEW).problems == ()
    for broad in (
        "NOT app",
        "has:link",
        "app OR NOT down",
        "source:bluesky",
        "source:(feeds OR bluesky)",
        "source:feed*",
    ):
        assert "too-broad" in [one.code for one in parse(broad, Use.TOPIC).problems], broad
    for narrow in (
        "app has:link",
        "source:feeds",
        "source:FEEDS -app",
        "app OR source:feeds",
    ):  # of feeds only those come that were chosen
        assert parse(narrow, Use.TOPIC).problems == (), narrow
    for use, told in ((Use.RULE, ["too-broad"]), (Use.ALERT, ["too-broad"]), (Use.VIEW, [])):
        assert [one.code for one in parse("-app -kind:repost", use).warnings] == told


def test_a_name_is_told_where_it_is_used_and_its_definition_where_it_is_written() -> None:
    names = Names(lists={"words": ("bill*", "refund", "refund")}, queries={"odd": "app AND NOT app"})
    assert [(one.code, one.column) for one in parse("list:words app", names=names).warnings] == []
    (warning,) = parse("refund OR list:words", names=names).warnings
    assert (warning.code, warning.column) == ("shadowed-branch", 1)
    assert "list:words covers it" in warning.message
    (warning,) = parse("app OR query:odd", names=names).warnings
    assert (warning.code, warning.column) == ("never-true", 8)


def test_a_long_query_costs_little_and_tells_a_few() -> None:
    parsed = parse(" OR ".join(["bill*", *(f"bill{one}" for one in range(900))]))
    assert 0 < len([one for one in parsed.warnings if one.code == "shadowed-branch"]) <= 20


@settings(max_examples=150)
@given(trees(), subjects())
def test_no_claim_is_false(tree: Node, subject: Subject) -> None:
    parsed = parse(print_tree(tree), names=NAMES)
    if parsed.tree is None:
        return
    hit = match(parsed.tree, subject, NOW).hit
    for warning in parsed.warnings:
        if warning.message.startswith("nothing can match this query"):
            assert not hit
        if warning.message.startswith("every message matches this query"):
            assert hit


def without(tree: Node, at: int, shown: str) -> Node:
    """The tree less the part, or the value, that begins at a place; a part is written so, too: an AND begins where its first part does."""
    match tree:
        case And(parts=parts) | Or(parts=parts):
            kept = tuple(without(one, at, shown) for one in parts if one.start != at or print_tree(one) != shown)
            return type(tree)(kept or parts, tree.start, tree.end)
        case Not(part=part):
            return Not(without(part, at, shown), tree.start, tree.end)
        case Near(left=left, right=right):
            return replace(tree, left=without(left, at, shown), right=without(right, at, shown))
        case Field(values=values) if tree.start != at:
            kept_values = tuple(one for one in values if one.start != at)
            return replace(tree, values=kept_values or values)
        case _:
            return tree


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(related(), subjects())
def test_what_is_said_to_change_nothing_changes_nothing(pair: tuple[Node, Node], subject: Subject) -> None:
    parsed = parse(print_tree(Or(pair)), names=NAMES)
    told = [one for one in parsed.warnings if one.code == "shadowed-branch"]
    if parsed.tree is None or len(told) != 1:
        return
    shown = re.split(" finds nothing more| changes nothing| stands here twice", told[0].message)[0]
    less = without(parsed.tree, told[0].column - 1, shown)
    assert (less == parsed.tree) is shown.endswith("…")
    assert match_of(less)(subject, NOW) == match_of(parsed.tree)(subject, NOW)
