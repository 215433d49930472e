"""Several acts in one key: found by typing or run by its shortcut, on a row, marked rows or all, and one z takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import asyncpg

from inbox_tui.view import macros
from inbox_tui.view.macros import Using
from inbox_tui.view.saved import Voice
from listener.model.scales import Priority
from listener.model.work import State
from listener.rulebook.macros import ME, Macro
from listener.rulebook.replies import SavedReply
from tests.store.world import NOW
from tests.tui.fake import FakeBackend
from tests.tui.ruled import RULES, Ruled, seen
from tests.tui.stage import SMALL, stage

REFUND = Macro("refund", "Refund on its way", "1", ME, "care", Priority.HIGH, ("refund",), reply="late")
DONE = Macro("thanks", "Thanks, nothing to do", "T", tags=("praise",), closes=True)
WAIT = Macro("wait", "Wait for details", assign="bo", snooze=7200, note="Asked.")
STRANGE = Macro("zoe", "To Zoe", assign="zoe")


def using() -> FakeBackend:
    backend = FakeBackend()
    backend.has_macros = (REFUND, DONE, WAIT, STRANGE)
    backend.speaks = Voice(None, (SavedReply("late", "Late", "It is late, {author}."),))
    return backend


def test_each_says_in_plain_words_what_it_will_do() -> None:
    backend = using()
    by = Using(backend.me, backend.staff, NOW, UTC)

    def said(macro: Macro, *, many: bool = False) -> str:
        return "".join(text for text, _ in macros.sentences(macro, by, many=many))

    assert said(REFUND) == (
        "It gives it to you in the team care, sets it to high, tags it #refund and puts the reply late before you. "
        "Nothing is sent: you send it."
    )
    assert said(REFUND, many=True).endswith("The reply is for one at a time and is left out here.")
    assert said(replace(DONE, untag=("spam",))) == "It tags it #praise, takes #spam off and closes it."
    assert said(WAIT) == "It gives it to Bo Lind, puts it away until 14:00 and writes a note. The note: “Asked.”"
    assert macros.deed(STRANGE, by) == "nobody here is called zoe: the macro is for other people"


async def test_a_shortcut_runs_it_on_marked_rows_as_one_act_and_dot_uses_it_again() -> None:
    async with stage(using()) as s:
        await s.press("space", "space", "comma")
        await s.shows("T Thanks, nothing to do")
        await s.press("T")
        await s.shows("2 conversations done with “Thanks, nothing to do” (z takes it back)")
        rows = [s.backend.talk(id_).conversation for id_ in (1, 2)]
        assert [(row.state, "praise" in row.tags) for row in rows] == [(State.DONE, True)] * 2
        assert len(s.backend.acts) == 1
        await s.press("full_stop")
        await s.shows("done with “Thanks, nothing to do” (z takes it back)")
        assert len(s.backend.acts) == 2
        await s.press("z")
        await s.shows("as before: taken back")
        await s.press("z")
        await s.shows("2 conversations as before: taken back")
        rows = [s.backend.talk(id_).conversation for id_ in (1, 2)]
        assert [(row.state, "praise" in row.tags) for row in rows] == [(State.NEW, False)] * 2


async def test_one_is_found_by_typing_and_its_reply_waits_in_the_composer() -> None:
    async with stage(using(), size=SMALL) as s:
        await s.press("comma")
        await s.shows("Macros")
        await s.type("on its")
        await s.hides("Wait for details")
        await s.shows("Nothing is sent: you send it.")
        await s.press("enter")
        await s.composes("It is late, Mira0.")
        c = s.backend.talk(1).conversation
        assert (c.assignee_id, c.team, c.priority, c.tags) == (1, "care", Priority.HIGH, ("refund",))
        assert s.backend.talk(1).replies == []


async def test_on_all_it_asks_first_and_leaves_the_reply_out() -> None:
    async with stage(using()) as s:
        await s.press("asterisk", "comma")
        await s.shows("The reply is for one at a time and is left out here.")
        await s.press("1")
        await s.shows("Use “Refund on its way” on 40 conversations in Open?")
        await s.press("y")
        await s.shows("40 done with “Refund on its way” (z takes it back)")
        assert not s.app.place.composer.is_open
        assert len(s.backend.acts) == 1


async def test_the_macros_are_those_of_the_published_rules_of_the_brand(pool: asyncpg.Pool, dsn: str) -> None:
    ruled = await Ruled.built(pool)
    await ruled.publish(
        RULES
        + """
macros:
  - {key: mine, title: Ours alone, shortcut: 1, does: {tags: [vip], note: Look twice}, brands: [lark]}
  - {key: other, title: Of another brand, does: {close: yes}, brands: [finch]}
"""
    )
    await ruled.say("m1", "where is my refund?")
    async with seen(dsn) as s:
        await s.shows("where is my refund?")
        await s.press("comma")
        await s.shows("Ours alone")
        assert not s.sees("Of another brand")
        await s.press("1", "enter")
        await s.shows("done with “Ours alone”")
        await s.shows("Look twice")
        await s.press("h")
        await s.shows("used the macro mine")
        await s.press("z")
        await s.hides("Look twice")
    assert await pool.fetchval("SELECT tags FROM conversations") == ["billing"]
