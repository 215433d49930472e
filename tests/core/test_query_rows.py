"""Rows of a JSONL file: every key of the language, every way to write it, and nothing that a line can hold ever raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.model.kinds import Kind
from listener.model.problems import Problem
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query.fields import FIELDS
from listener.query.rows import _COUNTED, _KEYS, MAX_LINE, Row, read_row, unknown_key
from listener.query.subject import Subject

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def row(**keys: Any) -> Row:
    found = read_row(json.dumps({"id": 1, **keys}).encode(), 1, NOW)
    assert isinstance(found, Row), found
    return found


def subject(**keys: Any) -> Subject:
    return row(**keys).subject


def is_known(found: Subject, **known: Any) -> bool:
    return vars(found) == vars(Subject(**{"kind": None, **known}))


def problem(raw: str | bytes, line: int = 1) -> Problem:
    found = read_row(raw.encode() if isinstance(raw, str) else raw, line, NOW, file="m.jsonl")
    assert isinstance(found, Problem), found
    return found


def wrong(**keys: Any) -> Problem:
    return problem(json.dumps({"id": 1, **keys}))


def test_every_field_of_the_language_can_be_written() -> None:
    assert set(FIELDS) - set(_KEYS) == _COUNTED


def test_nothing_but_an_id_is_a_row_of_which_nothing_is_known() -> None:
    assert is_known(subject())
    assert is_known(subject(text=None, followers=None, tag=None, lang=None, **{"is": None}))


@pytest.mark.parametrize(
    ("keys", "known"),
    [
        ({"text": "hello"}, {"text": "hello"}),
        ({"source": "bluesky"}, {"source": "bluesky"}),
        ({"author": "@mira.example"}, {"author_handle": "mira.example", "author_id": "@mira.example"}),
        ({"author": 17}, {"author_handle": "17", "author_id": "17"}),
        ({"followers": 1200}, {"followers": 1200.0}),
        ({"verified": True}, {"verified": True}),
        ({"verified": "no"}, {"verified": False}),
        ({"lang": "DE"}, {"lang": "de"}),
        ({"lang": ""}, {"lang": None}),
        ({"kind": "Reply"}, {"kind": Kind.REPLY}),
        ({"link": "https://a.example/x"}, {"links": ("https://a.example/x",)}),
        ({"links": ["https://a.example/x"], "link": "b.example"}, {"links": ("https://a.example/x", "b.example")}),
        ({"domain": "a.example"}, {"links": ("https://a.example/",)}),
        ({"domain": "a.example", "link": "https://www.A.example/x"}, {"links": ("https://www.A.example/x",)}),
        ({"domain": ["a.example"], "link": "http://[broken"}, {"links": ("http://[broken", "https://a.example/")}),
        ({"url": "https://bsky.app/x"}, {"url": "https://bsky.app/x"}),
        ({"parent": "at://x", "root": 99}, {"parent": "at://x", "root": "99"}),
        ({"tone": "negative"}, {"tone": ToneLabel.NEGATIVE}),
        ({"tone": "not scored"}, {"tone": ToneLabel.NOT_SCORED}),
        ({"tone": -0.6}, {"compound": -0.6}),
        ({"tone": ["negative", -0.6]}, {"tone": ToneLabel.NEGATIVE, "compound": -0.6}),
        ({"need": 0.7, "rating": 2}, {"need": 0.7, "rating": 2.0}),
        (
            {"likes": 1, "reposts": 2, "replies": 3, "quotes": 4},
            {"likes": 1.0, "reposts": 2.0, "replies": 3.0, "quotes": 4.0},
        ),
        ({"account": "@larkspur.example"}, {"accounts": frozenset({"larkspur.example"})}),
        ({"topic": "larkspur"}, {"topics": frozenset({"larkspur"})}),
        ({"rules": ["outage", "press"]}, {"rules": frozenset({"outage", "press"})}),
        ({"tag": [], "tags": ["billing"]}, {"tags": frozenset({"billing"})}),
        ({"tag": []}, {"tags": frozenset()}),
        ({"status": "new"}, {"state": State.NEW}),
        ({"status": "open"}, {"stated": frozenset({"is:open"})}),
        ({"priority": "high"}, {"priority": Priority.HIGH}),
        ({"assignee": "robin"}, {"assignee": "robin"}),
        ({"assignee": ""}, {"assignee": ""}),
        ({"assignee": None}, {"assignee": ""}),
        ({"assignee": "nobody"}, {"assignee": ""}),
        ({"team": "care"}, {"team": "care"}),
        ({"time": "2026-11-27T10:30:00+01:00"}, {"at": datetime(2026, 11, 27, 9, 30, tzinfo=UTC)}),
        ({"time": "2026-11-27T09:30Z"}, {"at": datetime(2026, 11, 27, 9, 30, tzinfo=UTC)}),
        ({"time": "2026-11-27"}, {"at": datetime(2026, 11, 27, tzinfo=UTC)}),
        ({"time": 86400}, {"at": datetime(1970, 1, 2, tzinfo=UTC)}),
        ({"time": 0.5}, {"at": datetime(1970, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)}),
        ({"age": "2h"}, {"at": NOW - timedelta(hours=2)}),
        ({"age": "1.5 D"}, {"at": NOW - timedelta(hours=36)}),
        ({"age": 60}, {"at": NOW - timedelta(minutes=1)}),
        ({"age": 60, "time": 0}, {"at": datetime(1970, 1, 1, tzinfo=UTC)}),
        ({"hour": "09:30"}, {"minute": 570}),
        ({"hour": 9}, {"minute": 540}),
        ({"hour": 24}, {"minute": 0}),
        ({"hour": 9, "time": 0}, {"at": datetime(1970, 1, 1, tzinfo=UTC)}),
        ({"hour": 9, "age": 0}, {"at": NOW}),
        ({"is": "question"}, {"stated": frozenset({"is:question"})}),
        (
            {"is": ["reply", "new"]},
            {"stated": frozenset({"is:reply", "is:new"}), "kind": Kind.REPLY, "state": State.NEW},
        ),
        ({"is": "reply", "kind": "dm"}, {"stated": frozenset({"is:reply"}), "kind": Kind.DM}),
        ({"is": "ours"}, {"stated": frozenset({"is:ours"}), "ours": True}),
        ({"is": "addressed"}, {"stated": frozenset({"is:addressed"}), "addressed": True}),
        ({"is": "unread"}, {"stated": frozenset({"is:unread"}), "unread": True}),
        ({"is": "verified", "verified": False}, {"stated": frozenset({"is:verified"}), "verified": False}),
        ({"has": ["link", "media"]}, {"stated": frozenset({"has:link", "has:media"}), "media": 1}),
    ],
)
def test_a_key_says_what_its_field_asks(keys: dict[str, Any], known: dict[str, Any]) -> None:
    assert is_known(subject(**keys), **known)


@pytest.mark.parametrize(
    "keys",
    [
        {"text": 5},
        {"text": ["a"]},
        {"source": 5},
        {"author": True},
        {"author": {"handle": "mira"}},
        {"followers": "1200"},
        {"followers": True},
        {"followers": 10**400},
        {"verified": "perhaps"},
        {"verified": 1},
        {"kind": "tweet"},
        {"is": "qestion"},
        {"is": [["question"]]},
        {"has": "links"},
        {"links": [None]},
        {"links": {"a": 1}},
        {"tone": "angry"},
        {"tone": 2},
        {"tone": True},
        {"tag": ["x"] * 1001},
        {"status": "closed"},
        {"priority": 3},
        {"time": "yesterday"},
        {"time": "2026-13-01"},
        {"time": "0001-01-01T00:00:00+14:00"},
        {"time": 1e300},
        {"age": "soon"},
        {"age": -5},
        {"age": 1e300},
        {"age": "999999999999w"},
        {"hour": "25:00"},
        {"hour": "24:01"},
        {"hour": -1},
    ],
)
def test_a_wrong_type_is_told_with_line_and_key(keys: dict[str, Any]) -> None:
    (key,) = keys
    found = wrong(**keys)
    assert (found.file, found.line, found.code) == ("m.jsonl", 1, "bad-row")
    assert found.message.startswith(f"{key}: ")
    assert found.column == json.dumps({"id": 1, **keys}).index(f'"{key}"') + 1


def test_what_was_probably_meant_is_told() -> None:
    assert wrong(**{"is": "qestion"}).hint == "did you mean question?"
    assert unknown_key("folowers", 3).hint == "did you mean followers?"
    assert "hubbub query fields" in unknown_key("zzz", 3).hint


@pytest.mark.parametrize(
    ("raw", "code", "column"),
    [
        ("{", "not-json", 2),
        ('{"id": 1,}', "not-json", 10),
        ("id,text", "not-json", 1),
        ('{"id": 1} {"id": 2}', "not-json", 11),
        ('{"id": 1, "need": NaN}', "not-json", 1),
        ('{"id": 1, "need": %s}' % ("9" * 5000), "not-json", 1),
        ('{"id": ' + "[" * 100_000, "not-json", 1),
        ("[1]", "not-an-object", 1),
        ("17", "not-an-object", 1),
        ("{}", "bad-row", 1),
        ('{"id": null}', "bad-row", 2),
        ('{"id": true}', "bad-row", 2),
        ('{"id": ""}', "bad-row", 2),
        (b'{"id": "\xff"}', "not-utf-8", 9),
        (b" " * (MAX_LINE + 1), "line-too-long", 1),
    ],
)
def test_a_line_that_is_no_row_is_told_with_its_place(raw: str | bytes, code: str, column: int) -> None:
    found = problem(raw, 7)
    assert (found.line, found.code, found.column) == (7, code, column)


def test_line_ends_blank_lines_and_a_byte_order_mark_are_fine() -> None:
    found = read_row('\ufeff{"id": "a", "text": "über"}\r\n'.encode(), 1, NOW)
    assert isinstance(found, Row)
    assert (found.id, found.subject.text) == ("a", "über")
    assert all(read_row(blank, 2, NOW) is None for blank in (b"", b"\n", b"\r\n", b" \t\n"))


@pytest.mark.parametrize("spelling", ["17", "-0.50", "1e5", "1E+2", "12345678901234567890123", "1.0"])
def test_an_id_keeps_its_spelling(spelling: str) -> None:
    as_number, as_text = (read_row(f'{{"id": {one}}}'.encode(), 1, NOW) for one in (spelling, f'"{spelling}"'))
    assert isinstance(as_number, Row)
    assert isinstance(as_text, Row)
    assert (as_number.id, as_number.is_number) == (spelling, True)
    assert (as_text.id, as_text.is_number) == (spelling, False)


def test_keys_that_mean_nothing_are_named_and_the_row_stands() -> None:
    found = row(text="x", folowers=5, words=9, other={"a": [1]})
    assert found.unknown == ("folowers", "other")
    assert is_known(found.subject, text="x")


def test_me_is_who_asks() -> None:
    found = read_row(b'{"id": 1}', 1, NOW, me="robin")
    assert isinstance(found, Row)
    assert found.subject.me == "robin"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(_KEYS)) | st.text(max_size=8), JSON, max_size=6))
def test_no_object_raises_and_a_refused_one_names_a_key_of_its_own(keys: dict[str, Any]) -> None:
    found = read_row(json.dumps({"id": 1, **keys}).encode("utf-8", "surrogatepass"), 1, NOW)
    assert isinstance(found, Row | Problem)
    if isinstance(found, Problem) and found.code == "bad-row":
        assert found.message.partition(":")[0] in {"id", *keys}


@given(st.binary(max_size=60), st.integers(1, 2))
def test_no_bytes_raise(raw: bytes, line: int) -> None:
    assert isinstance(read_row(raw, line, NOW), Row | Problem | None)
