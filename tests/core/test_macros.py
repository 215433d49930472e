"""Macros: what a file may say of them, and that several acts move a conversation as one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from listener.errors import Refused
from listener.model.scales import Priority
from listener.model.work import State
from listener.rulebook.macros import ME, Macro
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.workflow.acts import Assign, Close, SetPriority, Snooze, Tag
from listener.workflow.acts import Macro as MacroAct
from listener.workflow.moves import apply, opened
from tests.core.test_rulebook import shipped_files

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_a_macro_says_what_it_does() -> None:
    book = parse(
        {
            "m.yaml": """
people: [{id: mia}]
teams: [{key: care}]
replies: [{key: sorry, text: Sorry}]
macros:
  - key: b
    shortcut: 7
    does: {assign: mia, team: care, priority: urgent, tags: [x], untag: [y], note: Why, reply: sorry}
    brands: [lark]
  - {key: a, title: Away, shortcut: A, does: {assign: me, snooze: 2h}}
"""
        }
    )
    assert isinstance(book, Rulebook)
    away, both = book.macros
    assert (away.title, away.shortcut, away.assign, away.snooze) == ("Away", "A", ME, 7200)
    assert both == Macro(
        "b", "b", "7", "mia", "care", Priority.URGENT, ("x",), ("y",), None, False, "Why", "sorry", frozenset({"lark"}),
        place=both.place,
    )  # fmt: skip


def test_the_shipped_macros_offer_replies_that_there_are() -> None:
    book = parse(shipped_files())
    assert isinstance(book, Rulebook)
    offered = [macro.reply for macro in book.macros if macro.reply]
    assert offered
    assert all(book.reply(key) for key in offered)
    assert len({macro.shortcut for macro in book.macros}) == len(book.macros)


def test_all_parts_move_it_as_one_and_one_refusal_leaves_it_whole() -> None:
    c = opened(None, brand_id=1, at=NOW, history=False)
    parts = (Assign(7, "care"), Tag(("x",)), SetPriority(Priority.HIGH), Close())
    after = apply(c, MacroAct("m", parts), 7, NOW)
    assert (after.assignee_id, after.team, after.tags, after.priority) == (7, "care", ("x",), Priority.HIGH)
    assert (after.state, after.version) == (State.DONE, c.version + 1)
    with pytest.raises(Refused, match="already passed"):
        apply(c, MacroAct("m", (Tag(("x",)), Snooze(NOW - timedelta(hours=1)))), 7, NOW)
    again = apply(after, MacroAct("m", parts), 7, NOW)
    assert again == after, "what is so already is no reason to refuse"
