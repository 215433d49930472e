"""Panes fold and unfold at every width, by key and by mouse; read-only is entered and left, but not where it was started so."""

from __future__ import annotations

import pytest

from listener.model.work import State
from tests.tui.stage import WIDE, Stage, stage

MIDDLE, SMALL = (110, 30), (80, 24)


def panes(s: Stage) -> str:
    """Which panes can be seen: f(olders), q(ueue), c(onversation)."""
    ids = {"f": "#folders", "q": "#queue-pane", "c": "#conversation-pane"}
    return "".join(sign for sign, id_ in ids.items() if s.app.screen.query_one(id_).region.width > 0)


async def turns(s: Stage, key: str, becomes: str) -> None:
    await s.press(key)
    await s.until(lambda: panes(s) == becomes, f"{becomes!r}, and not {panes(s)!r}")


@pytest.mark.parametrize(
    ("size", "steps"),
    [
        (WIDE, "fqc [qc [fqc ]fq [q enter:c escape:q ]qc enter:qc"),
        (MIDDLE, "qc [fqc ]fq enter:fc ]fqc ]fq [q ]qc"),
        (SMALL, "q [fq [q ]c ]q f:fq [q"),
    ],
    ids=["wide", "middle", "small"],
)
async def test_panes_fold_and_come_back_at_every_width(size: tuple[int, int], steps: str) -> None:
    async with stage(size=size) as s:
        first, *rest = steps.split()
        await s.until(lambda: panes(s) == first, first)
        for step in rest:
            key, becomes = step.split(":") if ":" in step else (step[0], step[1:])
            await turns(s, {"[": "left_square_bracket", "]": "right_square_bracket"}.get(key, key), becomes)


async def test_the_session_remembers_what_is_folded_and_other_screens_follow() -> None:
    async with stage() as s:
        await turns(s, "left_square_bracket", "qc")
        await turns(s, "right_square_bracket", "q")
        await s.press("l")
        await s.shows("Listening")
        await s.until(lambda: s.app.screen.query_one("#mention").region.width == 0, "folded there too")
        assert s.app.screen.query_one("#folders").region.width == 0
        await s.press("m")
        assert s.app.place.rows.row_height == 1
        await s.press("l")
        await s.until(lambda: s.app.screen.query("#queue-pane").__len__() == 1 and panes(s) == "q", "still folded")
        assert s.app.place.rows.row_height == 1, "one line a row there too"


async def test_the_ends_of_the_title_fold_by_mouse() -> None:
    async with stage() as s:
        await s.shows("«")
        await s.pilot.click("#queue-title", offset=(2, 0))
        await s.until(lambda: panes(s) == "qc", "the left one is folded")
        await s.shows(" » Open")
        title = s.app.screen.query_one("#queue-title")
        await s.pilot.click("#queue-title", offset=(title.region.width - 3, 0))
        await s.until(lambda: panes(s) == "q", "the right one is folded")
        await s.shows("‹‹")
        await s.pilot.click("#queue-title", offset=(s.app.screen.query_one("#queue-title").region.width - 3, 0))
        await s.until(lambda: panes(s) == "qc", "and back")


async def test_read_only_is_entered_and_left() -> None:
    async with stage() as s:
        await s.shows(" e close")
        await s.press("percent_sign")
        await s.shows("read-only: nothing is changed from here (% ends it)")
        await s.hides(" e close")
        await s.press("e")
        assert s.backend.talk(1).conversation.state is State.NEW
        await s.press("percent_sign")
        await s.shows(" e close")
        await s.press("r")
        await s.composes()
        await s.press("escape", "e")
        await s.until(lambda: s.backend.talk(1).conversation.state is State.DONE, "acts are done again")
    async with stage(read_only=True) as s:
        await s.press("percent_sign")
        await s.shows("it was started with --read-only: start it without to act")
        assert s.desk.read_only
