"""What is said below a draft of what the network will make of it."""

from __future__ import annotations

from inbox_tui.view.facets import facet_lines
from tests.tui.stage import SMALL, stage


async def test_the_preview_comes_with_what_is_typed_and_folds_away_with_it() -> None:
    async with stage(size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.type("no")
        assert not s.sees("becomes:")
        await s.type(" https://shop.example/returns/now/please for @mira.test and #help, not acme.com")
        await s.shows("acme.com stays plain text: write https:// before it")
        await s.until(
            lambda: (
                "becomes: a link shown as shop.example/returns/now/..., a mention of @mira.test if anybody is called that"
                in " ".join(s.text().split())
            ),
            "what it becomes",
        )
        s.app.place.composer.put_all("nothing")
        await s.hides("becomes:")
        await s.hides("stays plain text")


async def test_nothing_is_said_where_nobody_marks_anything_and_nothing_draws_what_it_should_not() -> None:
    assert facet_lines("mail", "https://shop.example acme.com") == []
    assert facet_lines("bluesky", "Hello Mira.test, thanks", "mira.test") == [], (
        "a greeting by the handle is meant as no link"
    )
    shown = "".join(
        text
        for line in facet_lines("bluesky", "https://a.example/\x1b[2J #x\u202eq www.\u202eacme.com/\x1b")
        for text, _ in line
    )
    assert "\x1b" not in shown
    assert "\u202e" not in shown
