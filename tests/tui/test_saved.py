"""Who writes is told what the style guide says, is asked before private things go public, and puts saved replies in by code or by finding them."""

from __future__ import annotations

from dataclasses import replace

from inbox_tui.view import saved
from inbox_tui.view.saved import Voice
from listener.model.kinds import Kind
from listener.model.leaving import OutboxState
from listener.rulebook.guide import Guide, Word
from listener.rulebook.replies import SavedReply
from listener.store.views.thread import Opened
from tests.tui.fake import FakeBackend, message
from tests.tui.stage import SMALL, Stage, stage

GUIDE = Guide(
    banned=(
        Word("unfortunately", "it says nothing", "I am sorry"),
        Word("valued customer", "nobody feels valued by it"),
    ),
    links=frozenset({"larkspur.example"}),
    hard=frozenset({"links"}),
)
REPLIES = (
    SavedReply(
        "late",
        "It is late",
        "Hello {author}, it is late. {agent} of {brand}",
        code="late",
        on=(("other", "{author}: late"),),
    ),
    SavedReply(
        "refund",
        "The refund",
        "Your refund is on its way, {author}.",
        code="ref",
        on=(("bluesky", "Refund soon, {author}!"),),
    ),
    SavedReply("thanks", "Thank you", "Thank you, {author}.", code="thx", lang="en"),
    SavedReply("gracias", "Gracias", "Gracias, {author}.", lang="es"),
)


def speaking(guide: Guide | None = GUIDE, replies: tuple[SavedReply, ...] = REPLIES) -> FakeBackend:
    backend = FakeBackend()
    backend.speaks = Voice(guide, replies)
    return backend


async def writing(s: Stage, text: str = "") -> None:
    await s.press("r")
    await s.composes()
    await s.until(lambda: s.app.place.composer.knows, "the style guide and the saved replies")
    if text:
        await s.type(text)


async def test_what_the_guide_says_is_shown_while_typing_and_a_soft_word_asks_nothing() -> None:
    async with stage(speaking(), size=SMALL) as s:
        await writing(s, "unfortunately so")
        await s.shows("“unfortunately” is not how we say it: it says nothing; say “I am sorry”")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        assert s.backend.talk(1).replies[0].body == "unfortunately so"


async def test_what_is_hard_is_not_sent_by_any_key_and_says_why() -> None:
    async with stage(speaking()) as s:
        await writing(s, "see https://evil.example")
        await s.shows("✗ https://evil.example a link to evil.example: we link to")
        for key in ("ctrl+s", "ctrl+e"):
            await s.press(key)
            await s.shows("not sent: a link to evil.example: we link to larkspur.example")
        assert s.backend.talk(1).replies == []
        assert s.app.place.composer.is_open
        for _ in "https://evil.example":
            await s.press("backspace")
        await s.hides("✗")
        await s.press("ctrl+s")
        await s.shows("z takes it back")


async def test_the_guide_in_force_when_it_is_sent_is_the_one_that_counts() -> None:
    async with stage(speaking()) as s:
        await writing(s, "Sadly")
        s.backend.speaks = Voice(Guide(banned=(Word("sadly"),), hard=frozenset({"banned"})))
        await s.press("ctrl+s")
        await s.shows("not sent: “Sadly” is not how we say it")
        assert s.backend.talk(1).replies == []


async def test_private_things_in_public_are_asked_about_and_going_back_sends_nothing() -> None:
    async with stage(speaking()) as s:
        await writing(s, "call 0301234567 or ask @someone.test")
        await s.shows("? 0301234567 a phone number")
        await s.press("ctrl+s")
        await s.shows("This is public and holds a phone number and names")
        await s.shows("send anyway")
        await s.press("enter")
        await s.composes("call 0301234567 or ask @someone.test")
        assert s.backend.talk(1).replies == []
        await s.press("ctrl+s")
        await s.shows("send anyway")
        await s.press("s")
        await s.shows("z takes it back")
        assert len(s.backend.talk(1).replies) == 1


async def test_in_private_it_is_told_and_not_asked() -> None:
    backend = speaking()
    talk = backend.talk(1)
    talk.thread.append(message(1999, "secret question", backend.clock(), talk.handle, kind=Kind.DM))
    async with stage(backend) as s:
        await writing(s, "your code is X7K2PQ")
        await s.shows("· X7K2PQ a booking code")
        await s.press("ctrl+s")
        await s.shows("z takes it back")
        assert talk.replies[0].state is OutboxState.QUEUED


async def test_a_code_and_tab_put_in_the_networks_own_text_filled() -> None:
    async with stage(speaking()) as s:
        await writing(s, "Sure. REF")
        await s.press("tab")
        await s.composes("Sure. Refund soon, Mira0!")
        await s.type(" nope")
        await s.press("tab")
        await s.shows("no saved reply has the code “nope”")
        assert s.app.place.composer.text == "Sure. Refund soon, Mira0! nope"


async def test_they_are_found_by_typing_what_a_rule_offers_first_with_the_whole_text_to_read() -> None:
    async with stage(speaking(), size=SMALL) as s:
        opened = s.backend.open

        async def offering(conversation_id: int, now: object) -> Opened | None:
            found = await opened(conversation_id, now)
            return None if found is None else replace(found, saved_reply="thanks")

        s.backend.open = offering
        await writing(s)
        await s.press("ctrl+r")
        await s.shows("Saved replies")
        await s.shows("Thank you thx a rule offers it")
        assert s.line_of("Thank you thx") < s.line_of("It is late late") < s.line_of("Gracias"), "another language last"
        assert sum("Thank you, Mira0." in line for line in s.lines()) == 2, "in the list, and to read"
        await s.type("late")
        await s.hides("Gracias")
        await s.shows("Hello Mira0, it is late. Ana Sol of Larkspur")
        await s.press("enter")
        await s.composes("Hello Mira0, it is late. Ana Sol of Larkspur")


async def test_a_field_without_a_value_is_seen_and_keeps_the_reply_until_it_is_filled() -> None:
    backend = speaking(guide=None)
    talk = backend.talk(1)
    talk.thread[-1] = replace(talk.thread[-1], author_handle="", author_name="")
    async with stage(backend) as s:
        await writing(s, "thx")
        await s.press("tab")
        await s.composes("Thank you, {author}.")
        await s.shows("✗ {author} has no value: write it")
        await s.press("ctrl+s")
        await s.shows("not sent: {author} has no value")
        assert talk.replies == []


async def test_rules_that_this_version_cannot_read_are_said_and_stop_nobody() -> None:
    backend = speaking()
    backend.speaks = Voice(problem="no style guide and no saved replies: too new")
    async with stage(backend) as s:
        await writing(s, "hi")
        await s.shows("no style guide and no saved replies: too new")
        await s.press("ctrl+r")
        await s.shows("there are no saved replies for this brand")
        await s.press("ctrl+s")
        await s.shows("z takes it back")


def test_a_name_with_braces_or_control_characters_is_text() -> None:
    one = replace(message(1, "x", FakeBackend().clock()), author_name="{brand}\x1b[2J")
    known = saved.values(one, "", "Larkspur")
    assert set(known) == {"author", "brand"}
    assert "\x1b" not in known["author"]
    assert saved.code_before("Hello there, ref") == "ref"
    assert saved.code_before("ref ") == ""
