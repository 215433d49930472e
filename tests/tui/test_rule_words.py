"""The words about rules: pieces of files, ways to sort, what a message would have needed, what is narrowed, what a mark says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox_tui.backend.shelf import Shelf, rule_rows
from inbox_tui.view import marks, rules, thread, whys
from inbox_tui.view.lines import Line, line_cells
from inbox_tui.view.rules import SORTS, RuleRow, RulesNow
from inbox_tui.view.whys import Branch, Explanation, Part, RuleWhy
from listener.model.problems import Problem
from listener.query.explain import written
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from tests.tui.fake import FakeBackend
from tests.tui.ruled import RULES, book

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SHIPPED = Path(__file__).parents[2] / "rules"


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def row(name: str, **more: object) -> RuleRow:
    return RuleRow(**{"id": name, "title": "T", "owner": "o", "status": "stable", "file": "a.yaml", "line": 1, **more})  # type: ignore[arg-type]


# Pieces of files -----------------------------------------------------------------------------------------------------


def test_the_piece_of_a_rule_is_its_own_text_without_what_stands_before_the_next() -> None:
    pieces = {one.id: one.piece for one in rule_rows(book(), (), ())}
    assert pieces["billing"][0] == "  - id: billing"
    assert pieces["billing"][-1] == '      silent: ["thanks for the refund"]'
    assert pieces["praise"][-1] == "    then: {tags: [kind]}", "the comment belongs to the next one"
    assert "exceptions:" not in pieces["quiet"]


def test_a_rule_on_one_line_is_that_line() -> None:
    one = "  - {{id: {0}, title: A, owner: x, scope: {{everything: yes}}, when: {0}, then: {{tags: [a]}}}}"
    loaded = parse({"r.yaml": "\n".join(["rules:", one.format("a"), one.format("b"), ""])})
    assert isinstance(loaded, Rulebook)
    assert [len(found.piece) for found in rule_rows(loaded, (), ())] == [1, 1]


def test_every_shipped_rule_is_found_whole() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.yaml")}
    loaded = parse(files)
    assert isinstance(loaded, Rulebook)
    for found in rule_rows(loaded, (), ()):
        assert found.piece[0].strip() in (f"- id: {found.id}", f"- {{id: {found.id},") or found.id in found.piece[0]
        assert sum(line.lstrip(" -").startswith("id:") for line in found.piece) == 1, found.id
        alone = parse({"r.yaml": "rules:\n" + "\n".join(found.piece) + "\n"})
        told = [] if isinstance(alone, Rulebook) else [one for one in alone if one.code == "yaml"]
        assert told == [], found.id


def test_a_problem_on_disk_is_shown_at_the_rule_that_stands_there() -> None:
    at = RULES.splitlines().index("  - id: outage") + 3
    problems = (Problem("rules/care.yaml", at, 1, "x", "m"), Problem("other.yaml", at, 1, "x", "m"))
    found = {one.id: one.problems for one in rule_rows(book(), (), problems)}
    assert found == {"billing": (), "outage": problems[:1], "praise": (), "quiet": ()}


@given(st.text(alphabet="ab -:#\n{}[]", max_size=80), st.integers(1, 12), st.integers(1, 9))
def test_no_file_and_no_place_breaks_a_piece(content: str, line: int, column: int) -> None:
    piece = rules.piece_of(content, line, column)
    assert all(one in content.splitlines() for one in piece)


# Sorting and figures -------------------------------------------------------------------------------------------------


def test_what_needs_attention_comes_first() -> None:
    problem = Problem("a.yaml", 1, 1, "x", "m")
    fine = {"hits": 10, "last_at": NOW}
    rows = [
        row("fine", **fine),
        row("old", status="deprecated", problems=(problem,)),
        row("warned", warnings=(problem,), **fine),
        row("never"),
        row("missing", missed=1, **fine),
        row("half", false_alarms=5, **fine),
        row("all-false", false_alarms=10, **fine),
        row("broken", problems=(problem,), **fine),
    ]
    found = [one.id for one in sorted(rows, key=SORTS["what needs attention"])]
    assert found == ["broken", "all-false", "half", "missing", "never", "warned", "fine", "old"]
    assert [one.id for one in sorted(rows, key=SORTS["name"])] == sorted(one.id for one in rows)


def test_the_ways_to_sort_go_round() -> None:
    names = [sort := next(iter(SORTS))]
    names += [sort := rules.after(sort) for _ in SORTS]
    assert names == [*SORTS, next(iter(SORTS))]


def test_the_share_of_false_alarms_is_never_more_than_all() -> None:
    assert row("a", hits=2, false_alarms=1).false_share == 0.5
    assert row("a", false_alarms=3).false_share == 1.0, "marked after its time"
    assert row("a").false_share == 0.0
    assert row("a", shadow_hits=4, false_alarms=1).false_share == 0.25, (
        "an experiment is judged by what it would have flagged"
    )


def test_health_says_what_is_in_force_since_when_and_what_the_last_reload_found() -> None:
    state = RulesNow(
        "abcdef0123456789",
        "8bc1f2e",
        NOW - timedelta(hours=2),
        NOW,
        (),
        None,
        (row("a"), row("b", status="experimental")),
    )
    told = text(rules.health_lines(state, NOW, UTC, 120))
    assert "in force abcdef012345 · git 8bc1f2e · since 07:30 (2 h) · 2 rules, 1 experimental" in told
    assert "✓ last reload 09:30: accepted" in told
    assert "git unknown" in text(rules.health_lines(RulesNow("abc"), NOW, UTC, 120))


@pytest.mark.parametrize("width", [30, 58, 78, 120])
def test_lines_of_a_rule_fit(width: int) -> None:
    full = row(
        "a-rule-with-a-rather-long-name-for-a-rule", title="And a title that is long as well, as titles are", today=1234, hits=98765,
        right=321, false_alarms=4321, missed=54, minutes=181.5, last_at=NOW - timedelta(days=3),
    )  # fmt: skip
    for one in (full, row("b", status="experimental", shadow_hits=12), row("c", status="deprecated")):
        for line in (*rules.rule_lines(one, width, NOW), *rules.rule_line(one, width, NOW)):
            assert line_cells(line) <= width
    told = text(list(rules.rule_lines(full, width, NOW)))
    assert width < 58 or ("a-rule-with" in told and "fired 3 d ago" in told)


# Why -----------------------------------------------------------------------------------------------------------------


def why(name: str, *, fires: bool = False, shadow: bool = False, parts: tuple[Part, ...] = ()) -> RuleWhy:
    return RuleWhy(name, f"About {name}", fires, shadow, parts)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["billing", "outage"]),
        ("why not billing?", ["billing"]),
        ("BILL", ["billing"]),
        ("about outage", ["outage"]),
        ("why?", ["billing", "outage"]),
        ("nothing", []),
    ],
)
def test_typing_narrows_the_rules(typed: str, found: list[str]) -> None:
    assert [one.rule for one in whys.narrowed([why("billing"), why("outage")], typed)] == found


def test_what_a_message_would_have_needed_is_the_one_part_that_is_false() -> None:
    tree = (
        Branch(0, "a (b OR c) d", False),
        Branch(1, "a", True),
        Branch(1, "b OR c", False, (), 2),
        Branch(1, "d", True),
    )
    missing = whys.first_missing(tree)
    assert missing is not None
    assert missing.written == "b OR c"
    both = (Branch(0, "a b", False), Branch(1, "a", False), Branch(1, "b", False))
    missing = whys.first_missing(both)
    assert missing is not None
    assert missing.written == "a b", "where several are, it is the whole"
    deep = (Branch(0, "a -b", False), Branch(1, "a", True), Branch(1, "-b", False), Branch(2, "b", True))
    missing = whys.first_missing(deep)
    assert missing is not None
    assert missing.written == "-b", "a NOT is told as it stands"
    assert whys.first_missing(()) is None


def test_a_part_of_a_query_gets_back_the_brackets_that_its_place_leaves_out() -> None:
    query = "(a OR b) AND c"
    assert written(query, 1, len(query)) == "(a OR b) AND c"
    assert written("a AND (b OR c)", 0, 13) == "a AND (b OR c)"
    assert written("a  OR\n b", 0, 8) == "a OR b"


def test_by_name_a_rule_that_did_not_fire_is_shown_with_all_parts() -> None:
    parts = (
        Part("status", True, "stable: fine"),
        Part("when", False, "the query does not match", (Branch(0, "zebra", False),)),
    )
    told = Explanation(
        "a text", NOW, "abc", today=False, same=True, rules=(why("billing", fires=True), why("zoo", parts=parts))
    )
    everything = text(whys.why_lines(told, "", NOW, UTC, 100))
    assert "○ zoo ✗ the query does not match: needs zebra" in everything
    assert "stable: fine" not in everything
    asked = text(whys.why_lines(told, "why not zoo?", NOW, UTC, 100))
    assert "✓ stable: fine" in asked
    assert "✗ zebra" in asked
    assert "billing" not in asked


async def test_what_rules_ask_for_and_what_experiments_would_flag_is_told_apart() -> None:
    backend = FakeBackend(1)
    talk = backend.talk(1)
    trial = {"rule": "trial", "title": "On trial", "then": ["tag x"], "spans": [0, 5], "shadow": True}
    talk.because = (*talk.because, {"signal": "question", "value": 0.35}, trial)
    talk.thread[-1] = replace(talk.thread[-1], flags=({"rule": "trial", "spans": [0, 5], "shadow": True},))
    opened = await backend.open(1, NOW)
    assert opened is not None
    reader = thread.Reader(NOW, UTC, 1, {}, 100)
    told = text(thread.head_lines(replace(opened, hide=True, saved_reply="refund-late"), reader))
    assert "rules offer the saved reply refund-late · rules ask somebody to hide it on Bluesky" in told
    assert "would flag: rule trial On trial → tag x (experimental)" in told
    assert told.index("billing.refund") < told.index("would flag") < told.index("question 0.35")
    assert "offer" not in text(thread.head_lines(opened, reader))
    marked = [
        piece
        for line in thread.thread_lines(opened, reader)
        for piece, style in line
        if style == "mark" and piece.strip()
    ]
    assert marked == ["refund"], "the words of an experiment are not marked"


# Marks ---------------------------------------------------------------------------------------------------------------


def test_a_mark_says_who_when_and_why_and_what_follows() -> None:
    mine = marks.Marked(1, "billing", 7, "Ada", marks.FALSE_ALARM, "a song", NOW - timedelta(minutes=5))
    theirs = marks.Marked(1, marks.NEW_RULE, 8, "Bob", marks.MISSED, "", NOW)
    assert text(marks.mark_lines([mine, theirs], 7, NOW, 100)) == (
        "  ⚑ false alarm billing, by you, 5 min ago: a song\n  ⚑ missed by every rule, by Bob, now"
    )
    said = marks.noted("billing", marks.FALSE_ALARM)
    assert said.startswith("noted (z undoes it); `hubbub rules drafts` writes the exception for the lead")
    assert said.index("lead") < 78, "what follows fits a small screen"
    new = marks.noted(marks.NEW_RULE, marks.MISSED)
    assert "`hubbub rules drafts` lists it" in new, "nobody drafts a rule from one message"


# The shelf -----------------------------------------------------------------------------------------------------------


async def test_a_rulebook_is_read_once_and_few_are_kept() -> None:
    asked: list[str] = []

    async def files_of(hash_: str) -> dict[str, str] | None:
        asked.append(hash_)
        return None if hash_ == "lost" else {"r.yaml": RULES if hash_ != "odd" else "rules: {"}

    in_force = ""

    async def latest() -> str:
        return in_force

    shelf = Shelf(files_of, latest)
    assert await shelf.in_force() is None, "none is yet"
    in_force = "a"
    assert isinstance(await shelf.in_force(), Rulebook)
    assert isinstance(await shelf.book("a"), Rulebook)
    assert await shelf.book("a") is await shelf.book("a")
    assert asked == ["a"]
    assert isinstance(await shelf.book("odd"), Problem)
    assert await shelf.book("lost") is None
    for name in "bcdef":
        await shelf.book(name)
    await shelf.book("a")
    assert asked.count("a") == 2, "memory does not grow with history"
