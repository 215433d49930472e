"""Jump mode: one key, then the letter that stands on what is meant."""

from __future__ import annotations

from inbox_tui.widgets.jumping import Jumping
from tests.tui.stage import SMALL, Stage, stage


async def jumps(s: Stage) -> None:
    await s.press("apostrophe")
    await s.until(lambda: isinstance(s.app.screen, Jumping), "the letters")


def letter_on(s: Stage, text: str) -> str:
    """The letter that stands at the beginning of a target's line, or of the part of it that holds a text."""
    line = s.lines()[s.line_of(text)]
    before = line[: line.index(text)].split()
    return next(part for part in reversed(before) if len(part) == 1 and part.isalpha())


async def test_a_letter_goes_to_a_row_a_folder_and_a_pane() -> None:
    async with stage() as s:
        rows = s.app.place.rows
        await jumps(s)
        await s.press(letter_on(s, "@yuki3.test"))
        await s.until(lambda: rows.cursor_id == 4 and rows.has_focus, "the row")
        assert not s.app.place.reading, "jumping opens nothing"
        await jumps(s)
        await s.press(letter_on(s, "g for them"))
        await s.shows("Waiting for them", 5)
        await s.until(lambda: s.app.place.folder == "theirs", "the folder")
        await s.press("1")
        await s.shows("@mira0.test")
        await jumps(s)
        await s.press("escape")
        await s.until(lambda: s.app.screen is s.app.place, "left")
        await jumps(s)
        await s.press("question_mark")
        await s.until(lambda: s.app.screen is s.app.place, "any other key leaves, and does nothing")
        paper = s.app.screen.query_one("#conversation")
        await jumps(s)
        await s.press(letter_on(s, "we, as @larkspur.test"))
        await s.until(lambda: s.app.focused is paper, "the pane")


async def test_only_what_is_in_sight_has_a_letter() -> None:
    async with stage(size=SMALL) as s:
        await jumps(s)
        letters = list(s.app.screen.query("Static"))
        assert len(letters) == s.app.place.rows.size.height // 2, (
            "one a row of two lines; folders and conversation are not in sight"
        )
