"""Pictures in the composer: chosen by their path, described, shown, changed, taken off, and sent with the reply."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from inbox_tui.screens.inbox.composing import Composing
from inbox_tui.view.pictures import carried_lines
from inbox_tui.widgets.files import entries, read_file
from listener.errors import Refused
from listener.model.kinds import Kind
from listener.store.views.approvals import AttachedRow
from tests.core.test_pictures import SECRET, jpeg, png
from tests.store.world import world
from tests.tui.fake import START, FakeBackend, message
from tests.tui.stage import SMALL, Stage, stage
from tests.tui.test_postgres import now, ready, real


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures; the composer looks there first."""
    (tmp_path / "Case.JPG").write_bytes(jpeg(turn=6))
    (tmp_path / "dot.png").write_bytes(png())
    (tmp_path / "letter.png").write_bytes(b"Dear all")
    (tmp_path / "notes.txt").write_text("not offered")
    (tmp_path / "bad\x1b[2J.png").write_bytes(png())
    (tmp_path / ".hidden.png").write_bytes(png())
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "beach.webp").write_bytes(b"")
    monkeypatch.setattr(Composing, "_folder", f"{tmp_path}/")
    return tmp_path


async def chosen(s: Stage, name: str, alt: str) -> None:
    await s.shows("Attach a picture")
    await s.type(name)
    await s.press("enter")
    await s.shows("What can be seen on")
    await s.type(alt)
    await s.press("enter")


async def test_a_picture_is_chosen_described_shown_changed_and_taken_off(album: Path) -> None:
    async with stage(size=SMALL) as s:
        await s.press("r")
        await s.composes()
        await s.press("ctrl+f")
        await s.shows("Case.JPG")
        assert s.sees("holidays/")
        assert not s.sees("notes.txt")
        await s.type("C")
        await s.hides("dot.png")
        await s.press("tab", "enter")
        await s.shows("What can be seen on Case.JPG?")
        await s.press("enter")
        await s.shows("A picture without these words is not attached")
        await s.type("a broken suitcase")
        await s.press("enter")
        await s.shows("▣ Case.JPG  1 kB  30×40  “a broken suitcase”")
        await s.shows("attached, without what its file told beside the picture")
        await s.press("ctrl+f")
        await s.shows("Pictures of this reply")
        await s.press("a")
        await chosen(s, "dot.png", "a dot")
        await s.shows("▣ dot.png  1 kB  3×2  “a dot”")
        await s.press("ctrl+f")
        await s.shows("attach another")
        await s.press("1")
        await s.shows("take it off")
        await s.press("t")
        await s.hides("Case.JPG")
        await s.press("ctrl+f", "1", "w")
        await s.shows("What can be seen on dot.png?")
        await s.press("end")
        await s.type(", red")
        await s.press("enter")
        await s.shows("“a dot, red”")
        await s.composes()
        await s.press("ctrl+x")
        await s.shows("draft thrown away")
        assert await s.backend.attached(1) == []


async def test_what_is_no_picture_or_cannot_go_is_told(album: Path) -> None:
    async with stage() as s:
        await s.press("r")
        await s.composes()
        await s.press("ctrl+f")
        await s.shows("Attach a picture")
        await s.type("letter.png")
        await s.press("enter")
        await s.shows("it is no JPEG, PNG or WebP picture")
        await s.composes()
    for source, kind, said in [
        ("feed", Kind.POST, "sent to Feed from here"),
        ("bluesky", Kind.DM, "sent in private from"),
    ]:
        backend = FakeBackend()
        backend.talk(1).source = source
        backend.talk(1).thread = [message(1, "hello", START, kind=kind)]
        async with stage(backend) as s:
            await s.press("r")
            await s.composes()
            await s.press("ctrl+f")
            await s.shows(f"pictures cannot be {said}")


async def test_the_reply_takes_its_picture_along_and_brings_it_back(album: Path, pool: asyncpg.Pool, dsn: str) -> None:
    w = await world(pool)
    await ready(w)
    await w.conversation("what did it look like?", at=now())
    async with real(dsn) as s:
        await s.shows("what did it look like?")
        await s.press("r")
        await s.composes()
        await s.type("like this")
        await s.press("ctrl+f")
        await chosen(s, "Case.JPG", "a broken suitcase")
        await s.shows("▣ Case.JPG")
        await s.composes("like this")
        await s.press("ctrl+s")
        await s.shows("goes out in 8 s")
        row = await pool.fetchrow(
            "SELECT a.alt, a.content, r.body FROM attachments a JOIN replies r ON r.id = a.reply_id"
        )
        assert (row["alt"], row["body"]) == ("a broken suitcase", "like this")
        assert SECRET not in row["content"]
        await s.press("z")
        await s.shows("taken back; nothing was sent")
        await s.shows("▣ Case.JPG")
        await s.press("escape")
        await s.shows("draft kept")
        assert await pool.fetchval("SELECT count(*) FROM attachments WHERE reply_id IS NULL") == 1


def test_only_what_may_be_a_picture_is_offered_and_nothing_that_a_terminal_obeys(album: Path) -> None:
    assert [Path(one.path).name for one in entries(f"{album}/")] == ["holidays", "Case.JPG", "dot.png", "letter.png"]
    assert [Path(one.path).name for one in entries(f"{album}/.h")] == [".hidden.png"]
    assert [one.path for one in entries(f"{album}/HOL")] == [f"{album}/holidays/"]
    assert entries(f"{album}/nowhere/x") == []


def test_what_is_no_file_is_never_waited_for(album: Path) -> None:
    os.mkfifo(album / "pipe.png")
    for name, said in [
        ("pipe.png", "is no file"),
        ("holidays", "cannot be read: Is a directory"),
        ("gone.png", "cannot be read: No such"),
        ("nul\0.png", "cannot be read"),
    ]:
        with pytest.raises(Refused, match=said):
            read_file(f"{album}/{name}")
    assert read_file(f" {album}/dot.png ")[0] == "dot.png"


def test_many_pictures_share_a_line_and_hostile_names_are_harmless() -> None:
    row = AttachedRow(1, "a\x1b[2J.png", "image/png", 3, 2, 1_200_000, "b\u202ec")
    assert "1.2 MB" in str(carried_lines([row]))
    for many in (1, 2, 4):
        lines = carried_lines([row] * many)
        assert len(lines) == (many if many <= 2 else 1)
        assert not set("".join(text for line in lines for text, _ in line)) & set("\x1b\u202e")
