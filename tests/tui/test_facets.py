"""What is said below a draft of what the network will make of it."""

from __future__ import annotations

import pytest

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


def told(source: str, draft: str, whom: str = "", **more: bool) -> str:
    return " / ".join("".join(text for text, _ in line) for line in facet_lines(source, draft, whom, **more))


SAID = "Look: https://www.larkspur.example/returns/of/what/was/bought, acme.com, @mira, @ana@far.example and #help"


@pytest.mark.parametrize(
    ("source", "becomes", "plain"),
    [
        ("mastodon", "a link shown as larkspur.example/returns/of/wh…, a mention of @mira on our own server if anybody is called that, "
         "a mention of @ana@far.example if anybody is called that, the tag #help", {"acme.com": "write https:// before it"}),
        ("facebook", "a link shown as https://www.larkspur.example/returns/of/what/was/bought, a link shown as acme.com, the tag #help",
         {"@mira": "a program cannot name anybody", "@ana@far.example": "a program cannot name anybody"}),
        ("instagram", "a mention of @mira if anybody is called that, a mention of @ana if anybody is called that, the tag #help",
         {"acme.com": "nothing in a comment on Instagram can be clicked",
          "https://www.larkspur.example/returns/of/what/was/bought": "nothing in a comment on Instagram can be clicked"}),
        ("telegram", "a link shown as https://www.larkspur.example/returns/of/what/was/bought, a link shown as acme.com, "
         "a mention of @mira if anybody is called that, the tag #help", {"@ana@far.example": "a name on Telegram has 4 characters or more"}),
        ("webhook", "", {}),
        ("feeds", "", {}),
    ],
)  # fmt: skip
def test_each_network_is_told_of_by_its_own_rules(source: str, becomes: str, plain: dict[str, str]) -> None:
    said = told(source, SAID)
    assert said.endswith(f"becomes: {becomes}" if becomes else ""), said
    assert said.count("stays plain text") == len(plain), said
    for word, why in plain.items():
        assert f"{word} stays plain text: {why}" in said


def test_who_must_be_named_is_and_a_private_answer_goes_by_other_rules() -> None:
    assert (
        told("mastodon", "on its way", "ana@far.example")
        == "becomes: a mention of @ana@far.example if anybody is called that"
    )
    assert told("mastodon", "  ", "ana@far.example") == "", "nothing is sent yet"
    assert (
        told("instagram", "https://larkspur.example", aside=True) == "becomes: a link shown as https://larkspur.example"
    )
    assert told("facebook", "see #help", aside=True) == "", "a message has no tags"
