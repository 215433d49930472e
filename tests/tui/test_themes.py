"""Themes: enough contrast everywhere, kept across starts, and nothing told by colour alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from textual.color import Color

from inbox_tui.looks import Looks
from inbox_tui.widgets.themes import CONTRAST_DARK, CONTRAST_LIGHT, DARK, LIGHT, THEMES, Colours
from tests.tui.fake import FakeBackend
from tests.tui.stage import SMALL, Stage, stage

LEAST = {DARK.name: 4.5, LIGHT.name: 4.5, CONTRAST_DARK.name: 7.0, CONTRAST_LIGHT.name: 7.0}
"""WCAG AA for text, AAA for high contrast."""

LINES = frozenset("─│┃━╭╮╰╯▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐▔▕╸╺ ")
"""What borders and scroll bars are drawn with; it is no text."""


def luminance(colour: Color) -> float:
    r, g, b = (x / 3294.6 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4 for x in colour.rgb)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: Color, other: Color) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("of", THEMES.values(), ids=lambda of: of.name)
def test_every_ink_can_be_read_on_every_ground(of: Colours) -> None:
    poor = {
        f"{ink} on {ground}": round(contrast(Color.parse(a), Color.parse(b)), 2)
        for ink, a in of.inks.items()
        for ground, b in of.grounds.items()
        if contrast(Color.parse(a), Color.parse(b)) < LEAST[of.name]
    }
    assert poor == {}


def drawn(s: Stage) -> list[Segment]:
    height = s.app.size.height
    strips = s.app.screen._compositor.render_strips()[:height]
    box: Any = s.app.screen.query(".box")
    if box:
        region = box.first().region.shrink((1, 1, 1, 1))
        strips = [strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom]]
    return [segment for strip in strips for segment in strip if set(segment.text) - LINES]


def poorly_drawn(s: Stage) -> dict[str, float]:
    found = {}
    for segment in drawn(s):
        style = segment.style
        assert style is not None
        if style.color is None or style.bgcolor is None:
            continue
        fore, back = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
        if style.reverse:
            fore, back = back, fore
        if contrast(fore, back) < LEAST[s.app.theme]:
            found[f"{segment.text!r} {fore.hex} on {back.hex}"] = round(contrast(fore, back), 2)
    return found


async def test_what_is_on_the_screens_can_be_read_in_every_theme() -> None:
    backend = FakeBackend()
    async with stage(backend) as s:
        for keys, seen in (
            ((), "@mira0.test"),
            (("space", "enter"), "Where is my refund?"),
            (("slash",), "Search"),
            (("escape", "a"), "type to narrow"),
            (("escape", "r"), "PUBLIC reply"),
        ):
            await s.press(*keys)
            await s.shows(seen)
            for name in THEMES:
                s.app.theme = name
                await s.pilot.pause()
                assert poorly_drawn(s) == {}, (name, seen)


async def test_one_key_goes_through_the_themes_and_the_last_one_is_there_at_the_next_start(tmp_path: Path) -> None:
    looks = Looks(tmp_path / "state", "ana")
    assert looks.theme() == ""
    Looks(tmp_path / "state", "bo").keep_theme(LIGHT.name)
    async with stage(keep_theme=looks.keep_theme) as s:
        seen = []
        for _ in range(4):
            await s.press("d")
            await s.shows(THEMES[s.app.theme].says)
            seen.append(s.app.theme)
        assert seen == [LIGHT.name, CONTRAST_DARK.name, CONTRAST_LIGHT.name, DARK.name]
        await s.press("d", "d")
        await s.shows("High contrast, dark")
    assert Looks(tmp_path / "state", "ana").theme() == CONTRAST_DARK.name
    assert Looks(tmp_path / "state", "bo").theme() == LIGHT.name
    (tmp_path / "state" / "looks.json").write_text("[broken")
    assert looks.theme() == ""
    async with stage(theme="a-theme-of-long-ago") as s:
        assert s.app.theme == DARK.name


async def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    async with stage(keep_theme=Looks(tmp_path / "state", "ana").keep_theme) as s:
        await s.press("d")
        await s.shows("Light; not kept for the next start")


async def test_without_any_colour_every_state_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(size=SMALL) as s:
        await s.press("space", "j")
        await s.shows("1 marked")
        first = s.line_of("@mira0.test")
        assert s.lines()[first][1] == "✓", "marked"
        cursor = [line for line in s.lines() if line.startswith("▌")]
        assert len(cursor) == 2, "the row under the cursor, two lines"
        await s.press("p")
        await s.shows("Priority")
        (here,) = [line for line in s.lines() if "›" in line]
        assert "urgent" in here
        await s.press("j")
        await s.until(lambda: any("›" in line and "high" in line for line in s.lines()), "the choice under the cursor")
        await s.press("escape", "f")
        await s.until(lambda: any("»Open" in line for line in s.lines()), "what is in force, under the cursor")
        assert any("▏" in line for line in s.lines()), "the queue's cursor, without the focus"
        await s.press("j")
        await s.until(lambda: any("›Mine" in line for line in s.lines()), "the cursor")
        assert any("▌Open" in line for line in s.lines()), "what is in force"
