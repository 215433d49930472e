"""The words: ages, due times, counts, and how lines are cut and flowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox_tui import keys
from inbox_tui.view import lines, words
from inbox_tui.view.history import history_sentence
from inbox_tui.view.keymap import help_lines
from inbox_tui.view.times import snooze_choices
from listener.model.scales import Priority
from listener.store.views.thread import HistoryLine
from tests.house import keys_page

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("seconds", "said", "style"),
    [
        (8 * 60 + 59, "8 min left", "soon"),
        (59, "59 s left", "soon"),
        (0, "0 s left", "soon"),
        (15 * 60, "15 min left", "soon"),
        (16 * 60, "16 min left", ""),
        (2 * 3600 + 1, "2 h left", ""),
        (47 * 3600, "47 h left", ""),
        (49 * 3600, "2 d left", ""),
        (-1, "1 s over", "late"),
        (-2 * 3600, "2 h over", "late"),
    ],
)
def test_due_times_are_said_as_people_say_them(seconds: int, said: str, style: str) -> None:
    assert words.due(NOW + timedelta(seconds=seconds), NOW) == (said, style)


def test_no_clock_and_ages() -> None:
    assert words.due(None, NOW) == ("no clock", "dim")
    assert words.age(NOW + timedelta(hours=1), NOW) == "now", "a clock that runs ahead"
    assert words.age(NOW - timedelta(seconds=61), NOW) == "1 min"


def test_moments_are_in_the_readers_zone() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    assert words.clock(NOW, NOW, vienna) == "10:30"
    assert words.clock(NOW - timedelta(days=1), NOW, vienna) == "Sun 22 Nov 10:30"
    assert words.clock(NOW - timedelta(days=400), NOW, vienna) == "19 Oct 2025 11:30"


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (34_000, "34k"), (999_499, "999k"), (1_200_000, "1.2M")],
)
def test_short_counts(n: int, said: str) -> None:
    assert words.short_count(n) == said


def test_priorities_outside_of_the_scale_do_not_break_a_line() -> None:
    assert words.priority_words(9) == "urgent"
    assert words.priority_sign(-3)[0] == words.priority_sign(Priority.LOW)[0]


def test_snoozing_offers_sensible_times_only() -> None:
    late = NOW.replace(hour=22)
    assert [key for key, _, _ in snooze_choices(NOW, UTC)] == ["1h", "4h", "evening", "tomorrow", "monday", "week"]
    assert [key for key, _, _ in snooze_choices(late, UTC)] == ["1h", "4h", "tomorrow", "monday", "week"]
    tomorrow = next(when for key, _, when in snooze_choices(NOW, ZoneInfo("America/New_York")) if key == "tomorrow")
    assert tomorrow == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


TEXT = st.text(alphabet=st.sampled_from("ab c\n宽é👩🏽🇦🇹.,-"), max_size=120)


@given(st.lists(st.tuples(TEXT, st.sampled_from(["", "dim", "mark"])), max_size=6), st.integers(6, 50))
def test_flowing_keeps_every_word_and_stays_within_the_width(pieces: list[lines.Piece], width: int) -> None:
    flowed = lines.flow(pieces, width, indent="  ")
    for line in flowed:
        assert lines.line_cells(line) <= width
    before = "".join(text for text, _ in pieces).split()
    after = "".join("".join(text for text, _ in line) for line in flowed)
    assert "".join(before) == "".join(after.split())


@given(st.lists(st.tuples(TEXT.filter(lambda t: "\n" not in t), st.just("")), max_size=5), st.integers(0, 40))
def test_cut_lines_fit(pieces: list[lines.Piece], width: int) -> None:
    assert lines.line_cells(lines.cut(pieces, width)) <= width
    line = lines.spread(pieces, (("right", "dim"),), width)
    assert lines.line_cells(line) <= width


@given(st.lists(st.tuples(TEXT.filter(lambda t: "\n" not in t), st.just("")), max_size=8), st.integers(8, 50))
def test_parts_flow_within_the_width_and_lose_nothing(parts: list[lines.Piece], width: int) -> None:
    flowed = lines.flow_parts([(part,) for part in parts if part[0]], width)
    assert all(lines.line_cells(line) <= width for line in flowed)
    before = "".join("".join(text.split()) for text, _ in parts)
    after = "".join(
        "".join("" if piece == (" · ", "dim") else "".join(piece[0].split()) for piece in line) for line in flowed
    )
    assert before == after


@given(TEXT, st.lists(st.integers(-5, 200), max_size=8))
def test_marked_words_never_change_the_text(text: str, spans: list[int]) -> None:
    pieces = lines.paragraphs(text, spans)
    assert "".join(piece for piece, _ in pieces) == lines.typed(text)


def test_marks_are_where_the_rule_found_them() -> None:
    assert lines.paragraphs("where is my refund?", (12, 18)) == [("where is my ", ""), ("refund", "mark"), ("?", "")]
    assert lines.paragraphs("a\x1b[31m refund", (7, 13)) == [("a␛[31m ", ""), ("refund", "mark")]
    assert lines.paragraphs("abcd", (2, 3, 0, 3)) == [("abc", "mark"), ("d", "")], "overlapping spans are one"


def test_history_is_told_in_sentences() -> None:
    def said(kind: str, after: dict[str, object], before: dict[str, object] | None = None) -> str:
        return history_sentence(HistoryLine(1, NOW, kind, "Ana", None, before or {}, after), {7: "Bo"}, NOW, UTC)

    assert said("act.assign", {"assignee_id": 7}) == "Ana gave it to Bo"
    assert said("act.assign", {"assignee_id": None, "team": "care"}) == "Ana gave it to the team care"
    assert said("act.tag", {"tags": ["a", "b"]}, {"tags": ["b", "c"]}) == "Ana put on #a and took off #c"
    assert said("act.priority", {"priority": 4}) == "Ana set the priority to urgent"
    assert said("act.snooze", {"snoozed_until": "2026-11-23T12:00:00+00:00"}) == "Ana snoozed it until 12:00"
    assert said("something.new", {}) == "Ana something new"


# The key map ----------------------------------------------------------------------------------------------------------


def test_no_key_means_two_things_in_one_place() -> None:
    assert keys.clashes() == []


def test_every_act_of_the_key_map_can_be_done_where_it_is_offered() -> None:
    from inbox_tui.app import Inbox
    from inbox_tui.screens.inbox import InboxScreen
    from inbox_tui.screens.listening import ListeningScreen
    from inbox_tui.screens.rules import RulesScreen
    from inbox_tui.screens.sources import SourcesScreen
    from inbox_tui.widgets.authors import AuthorCard
    from inbox_tui.widgets.composer import Composer
    from inbox_tui.widgets.explaining import Explaining
    from inbox_tui.widgets.post import PostView
    from inbox_tui.widgets.searching import Searching

    places = (
        (keys.INBOX, InboxScreen),
        (keys.LISTENING, ListeningScreen),
        (keys.RULES, RulesScreen),
        (keys.SOURCES, SourcesScreen),
        (keys.COMPOSER, Composer),
        (keys.SEARCHING, Searching),
        (keys.WHY, Explaining),
        (keys.POST, PostView),
        (keys.CARD, AuthorCard),
    )
    for place, screen in places:
        for key in keys.here(place):
            name = "action_" + key.act.partition("(")[0]
            assert hasattr(screen, name) or (
                place not in (keys.COMPOSER, keys.SEARCHING, keys.WHY, keys.POST, keys.CARD) and hasattr(Inbox, name)
            ), f"{place}: {key.act}"


def test_help_names_every_act() -> None:
    text = "\n".join("".join(t for t, _ in line) for line in help_lines(200, keys.INBOX))
    for key in keys.KEYS:
        assert key.words in text
        for one in key.keys:
            assert keys.shown(one) in text


def test_the_page_about_the_inbox_names_every_key_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "inbox-keys.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("<!-- keys:")[2].splitlines() if line.startswith("| `")]
    expected = [row for group in keys.GROUPS for row in keys_page.rows(group)]
    assert rows == expected, "python -m tests.house.keys_page writes them anew"
