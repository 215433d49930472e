"""A query's text becomes a tree, or all of its problems at once, each at its place; never an exception."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.query.fields import FIELDS, Use, fields_for
from listener.query.match import Subject, match
from listener.query.parse import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, parse
from listener.query.tree import And, Field, Handle, Node, Not, Or, Phrase, Prefix, Tag, Word


def shown(node: Node | None) -> str:
    """A tree in the shortest unmistakable form."""
    match node:
        case Word(key=key):
            return key
        case Prefix(stem=stem):
            return f"{stem}*"
        case Phrase(keys=keys):
            return '"' + " ".join(keys) + '"'
        case Tag(form=form) | Handle(form=form):
            return form
        case Field(name=name, values=values):
            return f"{name}:" + "|".join(value.text + "*" * value.prefix for value in values)
        case And(parts=parts):
            return "(" + " & ".join(map(shown, parts)) + ")"
        case Or(parts=parts):
            return "(" + " | ".join(map(shown, parts)) + ")"
        case Not(part=part):
            return "!" + shown(part)
    return "nothing"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("down", "down"),
        ("App Down", "(app & down)"),
        ("app AND down OR refund", "((app & down) | refund)"),
        ("app AND (down OR refund)", "(app & (down | refund))"),
        ("app -down", "(app & !down)"),
        ("app NOT down", "(app & !down)"),
        ("app AND NOT (down OR up)", "(app & !(down | up))"),
        ("NOT NOT app", "app"),
        ("-(app down)", "!(app & down)"),
        ('-"app down"', '!"app down"'),
        ('"The App’s down"', '"the app\'s down"'),
        ("“typographic quotes”", '"typographic quotes"'),
        ("e-mail", '"e mail"'),
        ("障害", '"障 害"'),
        ("bill*", "bill*"),
        ("Café", "café"),
        ("#Fail @acme.bsky.social", "(#fail & @acme.bsky.social)"),
        ("source:bluesky lang:(en OR de)", "(source:bluesky & lang:en|de)"),
        ('author:"did:plc:abc" AUTHOR:acme*', "(author:did:plc:abc & author:acme*)"),
        ("author:did:plc:abc", "author:did:plc:abc"),
        ("-is:ours has:link", "(!is:ours & has:link)"),
        ("status:open priority:urgent assignee:me", "(status:open & priority:urgent & assignee:me)"),
        ("a or b", "(a & or & b)"),
        ("http://example.com/x down", None),
        ("((((a))))", "a"),
    ],
)
def test_trees(text: str, tree: str | None) -> None:
    parsed = parse(text)
    if tree is None:
        assert parsed.tree is None
    else:
        assert [str(one) for one in parsed.problems] == []
        assert shown(parsed.tree) == tree


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", [(1, 1, "empty")]),
        ("   ", [(1, 1, "empty")]),
        ("app AND", [(1, 5, "missing-operand")]),
        ("OR app", [(1, 1, "missing-operand")]),
        ("app AND OR down", [(1, 5, "missing-operand")]),
        ("app NOT", [(1, 5, "missing-operand")]),
        ("(app", [(1, 1, "unclosed-bracket")]),
        ("app)", [(1, 4, "unopened-bracket")]),
        ("app ()", [(1, 5, "empty-brackets")]),
        ('app "down now', [(1, 5, "unclosed-quote")]),
        ("😀", [(1, 1, "nothing-to-find")]),
        ("a*", [(1, 1, "stem-too-short")]),
        ("*", [(1, 1, "star-needs-word")]),
        ("w*rd", [(1, 2, "star-inside")]),
        ('"app* down"', [(1, 5, "star-in-quotes")]),
        ("sorce:bluesky", [(1, 1, "unknown-field")]),
        ("kind:pst", [(1, 6, "unknown-value")]),
        ("kind:(post OR repply)", [(1, 15, "unknown-value")]),
        ("kind:", [(1, 1, "no-value")]),
        ("kind: post", [(1, 1, "no-value")]),
        ("kind:()", [(1, 1, "no-value")]),
        ("kind:(post", [(1, 6, "unclosed-bracket")]),
        ("lang:(en de)", [(1, 10, "value-list")]),
        ("a NEAR/5 bb", [(1, 3, "not-yet")]),
        ("/reg.ex/", [(1, 1, "not-yet")]),
        ("{BT}", [(1, 1, "not-yet")]),
        ("$CASH", [(1, 1, "not-yet")]),
        ("#tag*", [(1, 1, "bad-hashtag")]),
        ("@who*", [(1, 1, "bad-handle")]),
        ("good\n  sorce:x\nAND", [(2, 3, "unknown-field"), (3, 1, "missing-operand")]),
        ('sorce:x AND ()\n"never', [(1, 1, "unknown-field"), (1, 13, "empty-brackets"), (2, 1, "unclosed-quote")]),
    ],
)
def test_every_problem_at_its_place(text: str, places: list[tuple[int, int, str]]) -> None:
    parsed = parse(text)
    assert parsed.tree is None
    assert [(one.line, one.column, one.code) for one in parsed.problems] == places
    assert all(one.message for one in parsed.problems)


def test_hints_name_the_nearest_word() -> None:
    assert parse("sorce:bluesky").problems[0].hint == "did you mean source?"
    assert parse("kind:pst").problems[0].hint == "did you mean post?"


def test_a_topic_cannot_ask_for_what_is_judged_later() -> None:
    assert [one.code for one in parse("app status:open", Use.TOPIC).problems] == ["field-not-here"]
    assert [one.code for one in parse("app tone:negative", Use.TOPIC).problems] == ["field-not-here"]
    assert [one.code for one in parse("app is:unread", Use.RULE).problems] == ["unknown-value"]
    assert parse("app tone:negative", Use.RULE).problems == ()
    assert {one.name for one in fields_for(Use.TOPIC)} < {one.name for one in fields_for(Use.SEARCH)} == set(FIELDS)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("app or down", ["lower-case-operator"]),
        ("not app", ["lower-case-operator"]),
        ("this and that", ["lower-case-operator"]),
        ("app AND down OR refund", ["mixed-operators"]),
        ("app down OR refund", ["mixed-operators"]),
        ("(app AND down) OR refund", []),
        ('"this and that"', []),
        ("and", []),
    ],
)
def test_warnings_do_not_stop_a_query(text: str, codes: list[str]) -> None:
    parsed = parse(text)
    assert parsed.tree is not None
    assert [one.code for one in parsed.warnings] == codes


def test_limits() -> None:
    assert [one.code for one in parse("a" * (MAX_LENGTH + 1)).problems] == ["too-long"]
    assert [one.code for one in parse("a " * (MAX_TERMS + 1)).problems] == ["too-many-terms"]
    deep = "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1)
    assert [one.code for one in parse(deep).problems] == ["too-deep"]
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH).tree is not None
    assert parse("(" * 1900).tree is None
    assert parse("NOT " * 1900 + "a").tree is not None


PIECES = st.sampled_from(
    [
        *(
            "a",
            "bb",
            "AND",
            "OR",
            "NOT",
            "-",
            "(",
            ")",
            '"',
            "“",
            "kind:",
            "kind:post",
            "x:y",
            "is:(",
            "#t",
            "@h",
            "b*",
            "*",
            "😀",
        ),
        *("\n", "障", "\0", "\ud800", ":", "~2"),
    ]
)


@given(st.lists(PIECES, max_size=30), st.sampled_from(list(Use)), st.booleans())
def test_any_text_is_answered(pieces: list[str], use: Use, glued: bool) -> None:
    text = ("" if glued else " ").join(pieces)
    parsed = parse(text, use)
    assert (parsed.tree is None) == bool(parsed.problems)
    lines = text.split("\n")
    for one in (*parsed.problems, *parsed.warnings):
        assert 1 <= one.line <= len(lines)
        assert 1 <= one.column <= len(lines[one.line - 1]) + 1
    if parsed.tree is not None:
        match_subject(parsed.tree)


@given(st.text(max_size=200))
def test_any_characters_are_answered(text: str) -> None:
    parsed = parse(text)
    assert (parsed.tree is None) == bool(parsed.problems)


def match_subject(tree: Node) -> None:
    found = match(tree, Subject(text="a bb 障 #t @h"))
    assert len(found.spans) % 2 == 0
