"""The palette knows every act of the key map, with its keys, and does it."""

from __future__ import annotations

from typing import Any

from inbox_tui import keys
from inbox_tui.keys import (
    CARD,
    COMPOSER,
    EVERYWHERE,
    INBOX,
    INCIDENTS,
    KEYS,
    LISTENING,
    POST,
    RULES,
    SEARCHING,
    SOURCES,
    WHY,
    Key,
)
from inbox_tui.widgets.authors import AuthorCard
from inbox_tui.widgets.explaining import Explaining
from inbox_tui.widgets.post import PostView
from inbox_tui.widgets.searching import Searching
from listener.model.work import State
from tests.tui.stage import Stage, stage


def offered(s: Stage, panel: Any = None) -> dict[str, str]:
    """What the palette offers on what is shown, or would over a panel: words to keys."""
    over = s.app.get_system_commands(panel or s.app.screen)
    return {one.title: one.help for one in over if not one.title.startswith("Theme: ")}


def wanted(*places: str) -> dict[str, str]:
    found = [key for key in KEYS if key.where in places and key.act != "command_palette"]
    return {key.words: "key " + " or ".join(keys.shown(one) for one in key.keys) for key in found}


async def test_every_act_is_in_the_palette_where_it_works_with_its_keys() -> None:
    seen: dict[str, str] = {}
    async with stage() as s:
        assert offered(s) == wanted(INBOX, EVERYWHERE)
        seen |= offered(s)
        await s.press("r")
        await s.composes()
        assert offered(s) == wanted(INBOX, EVERYWHERE, COMPOSER)
        seen |= offered(s)
        for panel, place in ((Searching, SEARCHING), (Explaining, WHY), (AuthorCard, CARD), (PostView, POST)):
            assert offered(s, panel) == wanted(place)
            seen |= offered(s, panel)
        await s.press("escape", "p")
        await s.shows("Priority")
        assert offered(s) == {}, "a question is answered, not gone round"
        await s.press("escape", "l")
        await s.until(lambda: s.app.place.place == LISTENING, "Listening")
        assert offered(s) == wanted(LISTENING, EVERYWHERE)
        seen |= offered(s)
        await s.press("R")
        await s.until(lambda: s.app.place.place == RULES, "the rules")
        assert offered(s) == wanted(RULES, EVERYWHERE)
        seen |= offered(s)
        await s.press("N")
        await s.until(lambda: s.app.place.place == SOURCES, "the sources")
        assert offered(s) == wanted(SOURCES, EVERYWHERE)
        seen |= offered(s)
        await s.press("#")
        await s.until(lambda: s.app.place.place == INCIDENTS, "the incidents")
        assert offered(s) == wanted(INCIDENTS, EVERYWHERE)
        seen |= offered(s)
    every: tuple[Key, ...] = KEYS
    assert set(seen) == {key.words for key in every if key.act != "command_palette"}


async def test_what_is_chosen_is_done_also_in_the_composer() -> None:
    async with stage() as s:
        await s.press("ctrl+p")
        await s.shows("Search for commands")
        await s.type("nothing more to do")
        await s.shows("key e")
        await s.press("enter", "enter")
        await s.until(lambda: s.backend.talk(1).conversation.state is State.DONE, "closed")
        await s.press("j", "r")
        await s.composes()
        await s.type("on it")
        await s.press("ctrl+p")
        await s.shows("Search for commands")
        await s.type("send: it waits")
        await s.shows("key ^s")
        await s.press("enter", "enter")
        await s.shows("goes out in 8 s")


async def test_read_only_offers_no_act_that_writes() -> None:
    async with stage(read_only=True) as s:
        words = offered(s)
        assert [key.words for key in KEYS if key.writes and key.words in words] == []
        assert "Read-only, or not any more" in words
