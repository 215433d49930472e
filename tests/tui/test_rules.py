"""Rules in the inbox, on the real store and by real rules: their health, why they fire and why not, and people's word on them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest
from textual.widgets import Input

from inbox_tui.view import marks as marks_view
from inbox_tui.view.rules import RulesNow
from inbox_tui.widgets.explaining import Explaining
from listener.errors import TryAgain
from listener.model.problems import Problem
from listener.store import acts, marks, rulebooks
from listener.workflow.acts import Close
from tests.tui.fake import FakeBackend
from tests.tui.ruled import BROKEN, RULES, Ruled, now, seen
from tests.tui.stage import SMALL, WIDE, Stage, stage


@pytest.fixture
async def ruled(pool: asyncpg.Pool) -> Ruled:
    return await Ruled.built(pool)


async def asks_why(s: Stage) -> None:
    await s.press("W")
    await s.until(lambda: isinstance(s.app.screen, Explaining) and isinstance(s.app.focused, Input), "the panel")


def cursor(s: Stage) -> str:
    return str(s.app.place.rows.cursor_row.id)


# Health --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_lead_sees_a_broken_save_wherever_they_are_and_where_it_is_broken(
    ruled: Ruled, dsn: str, size: tuple[int, int]
) -> None:
    await ruled.say("m1", "where is my refund?")
    async with seen(dsn, "lea", size=size) as s:
        await s.shows("where is my refund?")
        assert not s.sees("refused")
        await ruled.refuse(BROKEN, Problem("rules/lists.yaml", 1, 1, "yaml", "not YAML: a tab", "indent with spaces"))
        await s.shows("rule files refused")
        await s.shows("2 problems (R): rules/care.yaml:9:5:")
        await s.press("l")
        await s.until(lambda: s.app.place.place == "listening" and s.app.place.rows.loaded, "listening")
        await s.shows("rule files refused")
        await s.press("R")
        await s.shows("refused, 2 problems; what is in force stays")
        await s.shows(ruled.by.hash[:12])
        await s.shows("git 8bc1f2e0aa")
        await s.shows("rules/care.yaml:9:5: there is no key 'prioritty' (did you mean priority?)")
        await s.shows("rules/lists.yaml:1:1: not YAML: a tab")
        assert cursor(s) == "billing", "the rule at line 9 comes first"
        await s.shows("✗ billing")
        await ruled.publish()
        await s.shows("accepted")
        await s.hides("prioritty")
        await s.press("escape")
        await s.until(lambda: s.app.place.place == "inbox", "the inbox")
        await s.hides("rule files refused")


async def test_a_refusal_that_is_over_goes_from_every_screen_also_when_the_old_rules_came_back(
    ruled: Ruled, dsn: str
) -> None:
    await ruled.refuse()
    async with seen(dsn, "lea") as s:
        await s.shows("rule files refused")
        await ruled.publish()
        await s.hides("rule files refused")


async def test_every_rule_with_what_it_is_worth(ruled: Ruled, dsn: str) -> None:
    first = await ruled.say("m1", "where is my refund?")
    await ruled.say("m2", "charged twice, lark", by="noor")
    await ruled.say("m3", "lark is lovely", by="ana", heard=True)
    await ruled.say("m4", "lark is down", by="olga")
    await marks.mark(
        ruled.pool, ruled.house.person_id, first, ruled.house.brand_id, "billing", "false alarm", "", now()
    )
    conversation = await ruled.pool.fetchval(
        "SELECT conversation_id FROM conversation_mentions WHERE mention_id = $1", first
    )
    await acts.do(ruled.pool, ruled.house.person_id, [conversation], Close(), now())
    async with seen(dsn, "lea") as s:
        await s.press("R")
        await s.shows("4 rules, 1 experimental")
        await s.shows("by what needs attention")
        assert [row.id for row in s.app.place.rows.window.rows] == ["billing", "quiet", "outage", "praise"]
        assert s.sees("2 today, 2 in 30 d")
        assert s.sees("1 false (50%)")
        assert s.sees("act in 0 s") or s.sees("act in 1 s") or s.sees("act in 2 s")
        assert s.sees("never fired")
        assert s.sees("praise experimental")
        assert s.sees("would have 2 in 30 d")
        for sort, first_id in (("name", "billing"), ("hits", "billing"), ("last hit", "outage")):
            await s.press("s", "g")
            await s.shows(f"by {sort}")
            await s.until(lambda first_id=first_id: cursor(s) == first_id, f"{first_id} first by {sort}")
        await s.press("s")
        await s.shows("by what needs attention")
        await s.press("m")
        await s.until(lambda: s.app.place.rows.row_height == 1, "one line a rule")
        assert s.sees("2 today, 2 in 30 d")


async def test_one_rule_shows_its_text_its_examples_and_its_latest_hits(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "where is my refund?")
    await ruled.say("m2", "charged twice, lark", by="noor", heard=True)
    async with seen(dsn, "lea", size=SMALL) as s:
        await s.press("R")
        await s.shows("by what needs attention")
        await s.press("s", "g")
        await s.until(lambda: cursor(s) == "billing", "billing")
        await s.press("enter")
        await s.shows("when: (refund OR charged) -thanks")
        await s.shows("rules/care.yaml:5")
        assert not s.sees("id: outage"), "its own text only"
        await s.press("G")
        await s.shows("must stay silent on")
        await s.shows("thanks for the refund")
        await s.shows("jokes are no bills; on: joke; until 2030-01-01; says tom")
        await s.shows("charged twice, lark")
        await s.press("enter")
        await s.shows("search rule:billing")
        await s.shows("where is my refund?")


async def test_the_latest_hits_of_a_rule_are_asked_about_and_marked_from_it(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice", by="noor")
    await ruled.say("m2", "charged again, lark", by="olga")
    async with seen(dsn, "lea") as s:
        await s.press("R")
        await s.shows("by what needs attention")
        await s.press("s", "g")
        await s.until(lambda: cursor(s) == "billing", "billing")
        await s.shows("charged again, lark")
        await asks_why(s)
        await s.shows("1 of 2  @olga.test: charged again, lark")
        await s.shows("● billing")
        await s.press("escape", "F")
        await s.shows("Which rule was wrong?")
        await s.type("twice")
        await s.press("enter")
        await s.shows("1 false (50%)")
        assert await ruled.marks() == [("lea", "billing", "false alarm", "")]
        await s.press("u")
        await s.hides("1 false")


async def test_figures_follow_what_is_heard_but_are_not_counted_for_every_message(ruled: Ruled, dsn: str) -> None:
    async with seen(dsn, "lea") as s:
        await s.press("R")
        await s.shows("0 today")
        await ruled.say("m1", "charged twice", by="noor")
        await s.until(lambda: s.app.place._moved, "the feed has told")
        s.app.place.tick()
        assert not s.sees("1 today")
        s.app.place._read_at -= timedelta(minutes=1)
        s.app.place.tick()
        await s.shows("1 today")


async def test_rules_that_come_while_somebody_looks_are_shown_and_the_cursor_stays(ruled: Ruled, dsn: str) -> None:
    async with seen(dsn, "lea") as s:
        await s.press("R")
        await s.shows("4 rules")
        await s.press("s", "g", "G")
        await s.until(lambda: cursor(s) == "quiet", "the last one")
        more = RULES.replace(
            "exceptions:",
            "  - {id: zebra, title: Z, owner: x, scope: {everything: yes}, when: z, then: {tags: [z]}}\nexceptions:",
        )
        await ruled.publish(more)
        await s.shows("5 rules")
        await s.shows("zebra")
        assert cursor(s) == "quiet"
        message = await ruled.say("m1", "hippopotamus")
        await marks.mark(ruled.pool, ruled.house.person_id, message, ruled.house.brand_id, "quiet", "right", "", now())
        await s.shows("1 right")


async def test_what_changed_while_somebody_was_elsewhere_is_there_when_they_come_back(ruled: Ruled, dsn: str) -> None:
    async with seen(dsn, "lea", size=SMALL) as s:
        await s.press("R")
        await s.shows("4 rules")
        await s.press("escape")
        await s.until(lambda: s.app.place.place == "inbox", "the inbox")
        await ruled.publish(RULES.replace("owner: network", "owner: watchmen"))
        await ruled.refuse()
        await s.shows("rule files refused")
        await s.press("R")
        await s.shows("watchmen")
        await s.shows("there is no key 'prioritty'")


async def test_what_could_not_be_read_is_read_when_the_store_is_back() -> None:
    backend = FakeBackend(3)
    async with stage(backend) as s:
        await s.press("R")
        await s.shows("no rulebook is in force yet")
        backend.fault = TryAgain("the store is away")
        backend.rules_state = RulesNow("abc", problems=(BROKEN,), tried_at=backend.clock())
        backend.ring(rulebook=True)
        await s.shows("the store is away")
        backend.fault = None
        s.hurry()
        await s.shows("in force abc")
        await s.press("escape")
        await s.shows("rule files refused")


async def test_without_a_rulebook_it_says_so(pool: asyncpg.Pool, dsn: str) -> None:
    from tests.store.builders import House

    await House.built(pool)
    async with seen(dsn) as s:
        await s.press("R")
        await s.shows("no rulebook is in force yet")
        await s.press("enter", "y", "s", "W")
        await s.shows("there is no message here")


async def test_a_rulebook_that_this_version_cannot_read_is_told(ruled: Ruled, dsn: str) -> None:
    await rulebooks.publish(ruled.pool, "later", {"rules/new.yaml": "oracles: []"}, "", now())
    async with seen(dsn) as s:
        await s.press("R")
        await s.shows("this version cannot read it: rules/new.yaml:1:1")


# Why -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_responder_asks_why_and_why_not(ruled: Ruled, dsn: str, size: tuple[int, int]) -> None:
    await ruled.say("m1", "where is my refund? lark owes me")
    async with seen(dsn, size=size) as s:
        await s.shows("where is my refund?")
        await asks_why(s)
        await s.shows("by the rules of that time")
        await s.shows("still in force")
        await s.shows("● billing Billing and refunds → priority high")
        await s.shows("✓ the query matches")
        await s.shows("✓ refund OR charged: refund (1 other not there)")
        await s.shows("✓ refund: refund")
        assert not s.sees("✗ charged"), "what need not be true is left out"
        for _ in range(30):
            await s.press("down")
        await s.shows("did not fire")
        await s.shows("○ outage ✗ the query does not match: needs down")
        for _ in range(30):
            await s.press("up")
        await s.type("why not outage?")
        await s.shows("✗ down")
        await s.shows("✓ lark: lark")
        await s.shows("in scope: it addresses us")
        assert not s.sees("billing")
        await s.press("escape")
        await s.until(lambda: not isinstance(s.app.screen, Explaining), "it is left")


async def test_experiments_are_told_apart_and_change_nothing(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "where is my refund?")
    async with seen(dsn) as s:
        await s.press("enter")
        await s.shows("would flag: rule praise Kind words")
        await s.shows("(experimental)")
        await s.shows("rules ask somebody to hide it on Bluesky")
        assert "kind" not in await ruled.pool.fetchval("SELECT tags FROM conversations")
        await asks_why(s)
        await s.shows("would flag: experimental, nothing follows")
        await s.shows("● praise Kind words")
        await s.shows("experimental: it is shown, and changes nothing")


async def test_why_is_told_by_the_rules_of_that_time_and_todays_on_request(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "where is my refund?")
    old = ruled.by.hash
    await ruled.publish(RULES.replace("when: (refund OR charged) -thanks", "when: parcel"))
    async with seen(dsn) as s:
        await s.shows("where is my refund?")
        await asks_why(s)
        await s.shows(f"by the rules of that time {old[:12]}")
        assert not s.sees("still in force")
        await s.shows("● billing")
        assert not s.sees("parcel")
        await s.press("ctrl+t")
        await s.shows(f"by today's rules {ruled.by.hash[:12]}")
        await s.shows("○ billing ✗ the query does not match: needs parcel")
        await s.press("ctrl+t")
        await s.shows("● billing")


async def test_todays_rules_are_asked_by_their_own_topics_and_say_what_they_cannot_know(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "lark charged me twice", heard=True)
    other = RULES.replace(
        "{key: lark, kind: brand, title: Lark, query: lark}", "{key: money, kind: brand, query: charged}"
    )
    counting = """  - id: storm
    title: Many at once
    owner: money
    scope: {topics: [money]}
    when: charged
    count: {mentions: 3, within: 1h}
    then: {tags: [storm]}
exceptions:"""
    await ruled.publish(other.replace("exceptions:", counting))
    async with seen(dsn, view="listening") as s:
        await s.shows("lark charged me twice")
        await asks_why(s)
        await s.shows("heard by topic lark")
        await s.shows("● billing")
        await s.press("ctrl+t")
        await s.shows("heard by topic money")
        await s.shows("tone and language are told as they were found then")
        await s.shows("what storm had counted was not kept: hubbub rules replay counts again")
        await s.shows("● billing")
        await s.type("storm")
        await s.shows("✗ count: this message is not counted")
        await s.shows("in scope: heard by topic money")


async def test_why_is_honest_when_the_text_or_the_rulebook_is_gone(ruled: Ruled, dsn: str) -> None:
    gone = await ruled.say("m1", "where is my refund?")
    lost = await ruled.say("m2", "charged twice", by="noor")
    await ruled.pool.execute("UPDATE mention_versions SET text = NULL, words = NULL WHERE mention_id = $1", gone)
    await ruled.pool.execute("UPDATE assessments SET rulebook = 'never published' WHERE mention_id = $1", lost)
    async with seen(dsn) as s:
        await s.until(lambda: len(s.app.place.rows.window.rows) == 2, "two rows")
        ids = [row.id for row in s.app.place.rows.window.rows]
        for _ in ids:
            await s.press("W")
            await s.until(lambda: isinstance(s.app.screen, Explaining), "the panel")
            await s.shows("then fired: billing")
            await s.until(
                lambda: (
                    s.sees("its text is gone: nobody can tell any more why")
                    or s.sees("the rulebook that judged it is not kept here")
                ),
                "why not",
            )
            if s.sees("is not kept here"):
                await s.press("ctrl+t")
                await s.shows("● billing")
            await s.press("escape", "j")


async def test_the_footer_opens_the_panel_too(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice")
    async with seen(dsn) as s:
        await s.shows("charged twice")
        line = s.lines()[-1]
        await s.pilot.click(offset=(line.index("W why") + 1, len(s.lines()) - 1))
        await s.until(lambda: isinstance(s.app.screen, Explaining), "the panel")
        await s.shows("● billing")


async def test_every_message_of_a_conversation_can_be_asked_about(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "where is my refund?")
    await ruled.say("m2", "lark is down as well", parent="m1", root="m1")
    async with seen(dsn) as s:
        await s.shows("lark is down as well")
        await asks_why(s)
        await s.shows("1 of 2")
        await s.shows("● outage")
        await s.press("tab")
        await s.shows("2 of 2")
        await s.shows("● billing")
        await s.press("shift+tab")
        await s.shows("● outage")


# Marks ---------------------------------------------------------------------------------------------------------------


async def test_one_key_notes_a_false_alarm_and_undo_takes_it_back(ruled: Ruled, dsn: str) -> None:
    await ruled.publish(RULES.replace("lovely OR refund", "lovely"))
    await ruled.say("m1", "where is my refund?")
    async with seen(dsn, size=SMALL) as s:
        await s.shows("where is my refund?")
        await s.press("F")
        await s.shows("noted (z undoes it); `hubbub rules drafts` writes the exception for the lead")
        assert await ruled.marks() == [("ada", "billing", "false alarm", "")]
        await s.press("enter")
        await s.shows("⚑ false alarm billing, by you, now")
        await s.press("u")
        await s.shows("taken back, billing: you say nothing of it any more")
        await s.hides("⚑ false alarm")
        assert await ruled.marks() == []


async def test_undo_goes_back_in_order_through_marks_and_acts(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice")
    async with seen(dsn) as s:
        await s.shows("charged twice")
        await s.press("enter", "p")
        await s.shows("Priority")
        await s.press("1")
        await s.shows("set to low")
        await s.press("F")
        await s.shows("⚑ false alarm billing, by you")
        await s.press("e")
        await s.shows("closed (z takes it back)")
        await s.press("z")
        await s.shows("as before: taken back")
        assert len(await ruled.marks()) == 1, "the act was younger than the mark"
        await s.press("z")
        await s.shows("taken back, billing")
        assert await ruled.marks() == []
        await s.press("z")
        await s.shows("as before: taken back")
        assert await ruled.pool.fetchval("SELECT priority_by FROM conversations") is None


async def test_where_several_rules_fired_one_is_chosen(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "where is my refund?")
    async with seen(dsn) as s:
        await s.shows("where is my refund?")
        await s.press("F")
        await s.shows("Which rule was wrong?")
        await s.shows("praise experimental")
        await s.type("kind")
        await s.press("enter")
        await s.shows("⚑ false alarm praise, by you")
        assert await ruled.marks() == [("ada", "praise", "false alarm", "")]
        await s.press("C")
        await s.shows("Which rule was right?")
        await s.type("bill")
        await s.press("enter")
        await s.shows("⚑ right billing, by you")


async def test_saying_it_again_offers_a_note_or_to_take_it_back(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice")
    async with seen(dsn) as s:
        await s.shows("charged twice")
        await s.press("F")
        await s.shows("⚑ false alarm")
        await s.press("F")
        await s.shows("You said so already")
        await s.press("n")
        await s.shows("Note to: false alarm")
        await s.type("a song title")
        await s.press("enter")
        await s.shows("⚑ false alarm billing, by you, now: a song title")
        assert await ruled.marks() == [("ada", "billing", "false alarm", "a song title")]
        await s.press("F")
        await s.shows("You said so already")
        await s.press("t")
        await s.hides("⚑ false alarm")
        assert await ruled.marks() == []
        await s.press("u")
        await s.shows("⚑ false alarm billing, by you, now: a song title")
        await s.press("C")
        await s.shows("⚑ right billing, by you")
        await s.press("u")
        await s.shows("⚑ false alarm billing, by you, now: a song title")


async def test_what_was_missed_is_noted_with_the_rule_that_should_have_fired(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "the lark app shows nothing", heard=True)
    async with seen(dsn, view="listening", size=SMALL) as s:
        await s.shows("the lark app shows nothing")
        await s.press("F")
        await s.shows("no rule fired here (M says which should have)")
        await s.press("M")
        await s.shows("Which rule should have fired?")
        await s.type("outage")
        await s.press("enter")
        await s.shows("Note to: missed")
        await s.type("it means down")
        await s.press("enter")
        await s.shows("noted (z undoes it); `hubbub rules drafts` writes the example for the lead")
        await s.press("M")
        await s.shows("Which rule should have fired?")
        await s.type("none")
        await s.press("enter")
        await s.shows("Note to: missed")
        await s.press("enter")
        await s.press("enter")
        await s.shows("⚑ missed outage, by you, now: it means down")
        await s.shows("⚑ missed by every rule, by you, now")
        assert await ruled.marks() == [
            ("ada", "(new rule)", "missed", ""),
            ("ada", "outage", "missed", "it means down"),
        ]
        await s.press("R")
        await s.shows("1 message missed by every rule")
        await s.shows("1 missed")


async def test_two_people_see_each_others_word_and_undo_only_their_own(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice")
    async with seen(dsn, "ada") as ada, seen(dsn, "bob") as bob:
        for s in (ada, bob):
            await s.shows("charged twice")
            await s.press("enter")
            await s.shows("▸ @mira.test")
        await ada.press("F")
        await ada.shows("⚑ false alarm billing, by you")
        await bob.shows("⚑ false alarm billing, by Ada")
        await bob.press("u")
        await bob.shows("there is nothing to take back")
        await bob.press("F")
        await bob.shows("⚑ false alarm billing, by you")
        await ada.shows("⚑ false alarm billing, by Bob")
        await ada.press("u")
        await ada.hides("by you")
        await bob.hides("by Ada")
        assert await ruled.marks() == [("bob", "billing", "false alarm", "")]
        await ada.press("C")
        await ada.shows("⚑ right billing, by you")
        await bob.shows("⚑ right billing, by Ada")
        await bob.press("u")
        await bob.hides("by you")
        assert await ruled.marks() == [("ada", "billing", "right", "")]


async def test_who_may_only_look_is_refused_in_the_houses_words(ruled: Ruled, dsn: str) -> None:
    await ruled.say("m1", "charged twice")
    async with seen(dsn, "vera") as s:
        await s.shows("charged twice")
        await s.press("F")
        await s.shows("you may look at this brand but not change anything (viewer)")
        assert await ruled.marks() == []
        await s.press("u")
        await s.shows("there is nothing to take back")
        await asks_why(s)
        await s.shows("● billing")
    async with seen(dsn, "ada", read_only=True) as s:
        await s.shows("charged twice")
        for key in ("F", "M", "C"):
            await s.press(key)
            await s.shows("read-only")
        assert await ruled.marks() == []
        await s.press("R")
        await s.shows("4 rules")


async def test_a_mark_on_a_message_that_was_never_judged_says_why_not(ruled: Ruled, dsn: str) -> None:
    message = await ruled.say("m1", "charged twice", heard=True)
    await ruled.pool.execute("DELETE FROM flags WHERE mention_id = $1", message)
    await ruled.pool.execute("DELETE FROM assessments WHERE mention_id = $1", message)
    async with seen(dsn, view="listening") as s:
        await s.shows("charged twice")
        await asks_why(s)
        await s.shows("no rule ever looked at this message")
        await s.press("escape", "M")
        await s.shows("Which rule should have fired?")
        await s.type("outage")
        await s.press("enter")
        await s.shows("Note to: missed")
        await s.press("enter")
        await s.shows("no rule ever looked at that message")


def test_the_screen_and_the_store_call_a_missing_rule_the_same() -> None:
    assert marks_view.NEW_RULE == marks.NEW_RULE
    assert {marks_view.FALSE_ALARM, marks_view.MISSED, marks_view.RIGHT} == set(marks.Verdict)
