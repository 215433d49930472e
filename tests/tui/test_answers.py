"""Answers of the past in the composer: found, read, put in, and nobody else's name goes out with them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from inbox_tui.view.answers import adapted, answer_line, answer_read
from listener.store.views.answers import Answered
from tests.store.test_answered import given
from tests.store.world import NOW, world
from tests.tui.fake import START, message
from tests.tui.stage import SMALL, stage
from tests.tui.test_postgres import now, real


def past(answer: str, *, handle: str = "bo.test", name: str = "Bonita Lind", **more: object) -> Answered:
    base: dict[str, object] = {
        "mention_id": 7, "question": "Where is my parcel?", "author_handle": handle, "author_name": name, "lang": "en", "private": False,
        "answer": answer, "at": START - timedelta(days=3), "person": "Bo Lind", "closed": True, "after": None, "shared": ("parcel",), "times": 1,
    }  # fmt: skip
    return Answered(**{**base, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "made", "replaced"),
    [
        ("Hi Bonita, it left today.", "Hi Mira, it left today.", ("Bonita",)),
        ("Dear Bonita Lind!", "Dear Mira Test!", ("Bonita Lind",)),
        ("@bo.test and @Bo.Test: bo.test", "@mira.test and @mira.test: mira.test", ("@bo.test", "bo.test")),
        ("Thanks @bo, robo.test and bo.tests stay", "Thanks @mira.test, robo.test and bo.tests stay", ("@bo",)),
        ("mail bo@bo.test", "mail bo@bo.test", ()),
        ("nobody is named", "nobody is named", ()),
    ],
)
def test_the_other_person_is_taken_out_of_an_answer(answer: str, made: str, replaced: tuple[str, ...]) -> None:
    parent = message(1, "?", START, "mira.test", author_name="Mira Test")
    found = adapted(past(answer), parent)
    assert (found.text, found.replaced) == (made, replaced)


def test_a_name_that_is_a_word_too_is_replaced_only_where_it_greets() -> None:
    parent = message(1, "?", START, "mira.test", author_name="Mira Test")
    will = past("Hi Will, we will see. Will do!", handle="will.test", name="Will Lind")
    assert adapted(will, parent).text == "Hi Mira, we will see. Will do!"
    assert adapted(past("Will do!", handle="will.test", name="Will Lind"), parent).text == "Will do!"


def test_hostile_texts_of_the_past_are_harmless_where_they_are_shown_and_put_in() -> None:
    bad = past(
        "\x1b[2J\u202eok", question="\x1b]0;x\x07", after="\x1b[1m", handle="a\x1b", name="b\u202e", shared=("c\x1b",)
    )
    shown = "".join(text for text, _ in (*answer_line(bad, START), *answer_read(bad)))
    shown += adapted(bad, message(1, "?", START, "mira.test")).text
    assert not set(shown) & set("\x1b\x07\u202e")


async def test_an_empty_result_says_so_and_an_answer_is_put_in_for_the_one_who_is_answered() -> None:
    async with stage(size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.press("ctrl+l")
        await s.shows("nothing like it was answered before")
        s.backend.like_in_time = False
        await s.press("ctrl+l")
        await s.shows("nothing like it was found in time")
        s.backend.like = (
            past("Hi Bonita, call +49 30 1234567"),
            past("other", after="Thanks a lot!", times=4, private=True),
        )
        await s.press("ctrl+l")
        await s.shows("Answered before (there may be more)")
        await s.shows("@bo.test asked: Where is my parcel?")
        await s.shows("then: closed")
        await s.press("down")
        await s.shows("then: “Thanks a lot!”")
        await s.shows("in private")
        await s.press("up", "enter")
        await s.composes("Hi Mira0, call +49 30 1234567")
        await s.shows("put in, without Bonita; read it before you send")
        await s.shows("a phone number")
        await s.press("ctrl+l")
        await s.shows("Answered before")
        await s.press("down", "enter")
        await s.shows("it was given in private: leave out what is for nobody else")


async def test_on_the_real_store_the_day_goes_the_same_way(pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await given(w, "my suitcase is broken", "Sorry, Bo! Fill in the form", author="bo", at=NOW)
    await w.conversation("a broken suitcase again", author="cleo", at=now())
    async with real(dsn) as s:
        await s.shows("a broken suitcase again")
        await s.press("r")
        await s.composes()
        await s.press("ctrl+l")
        await s.shows("in common: ")
        await s.press("enter")
        await s.composes("Sorry, Cleo! Fill in the form")
