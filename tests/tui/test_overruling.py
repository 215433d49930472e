"""A person's word on tone and need in the inbox, on the real store: said with a key, shown as theirs, taken back with another."""

from __future__ import annotations

import asyncpg

from inbox_tui.view.overruled import by_hand_lines
from listener.store.views.listening import ByHand
from tests.tui.ruled import Ruled, now, seen


async def test_a_tone_is_overruled_shown_as_such_and_taken_back(pool: asyncpg.Pool, dsn: str) -> None:
    ruled = await Ruled.built(pool)
    await ruled.say("m1", "where is my refund?")
    await ruled.say("m2", "lark came by", heard=True)
    async with seen(dsn) as s:
        await s.shows("where is my refund?")
        await s.press("enter", "J")
        await s.shows("tone: as it was scored")
        await s.press("n")
        await s.shows("tone: negative: that counts from now on (z takes it back)")
        await s.shows("✎ tone: negative, set by you")
        await s.shows("Hubbub said")
        await s.press("J", "o")
        await s.shows("✎ no answer needed, set by you")
        await s.press("h")
        await s.shows("set by hand: tone: negative")
        await s.press("z")
        await s.hides("✎ no answer needed")
        await s.press("z")
        await s.hides("✎ tone")
        await s.press("l")
        await s.until(lambda: s.app.place.place == "listening" and s.app.place.rows.loaded, "listening")
        await s.press("J", "p")
        await s.shows("✎ tone: positive, set by you")
        await s.press("z")
        await s.hides("✎")
    assert await pool.fetchval("SELECT count(*) FROM overruled") == 0


def test_who_said_it_when_and_what_the_method_said_in_harmless_words() -> None:
    at = now().replace(hour=10, minute=32)
    ina = [ByHand("tone", "negative", 7, "Ina\x1b[31m", at, "neutral"), ByHand("need", "needed", 7, "Ina", at, "0.32")]
    lines = ["".join(text for text, _ in line) for line in by_hand_lines(ina, 1, at, None, 90)]
    assert lines[0].startswith("  ✎ tone: negative, set by Ina")
    assert lines[0].endswith("10:32; Hubbub said neutral")
    assert lines[1] == "  ✎ answer needed, set by Ina 10:32; Hubbub said 0.32 of 1"
    assert "\x1b" not in lines[0]
