"""The writer's own editor: what comes back from it, and that nothing is lost where nothing can."""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from textual.drivers.headless_driver import HeadlessDriver

from inbox_tui.widgets.editor import LARGEST, command
from listener.errors import Refused
from listener.store import acts
from tests.journeys.terminal import Terminal
from tests.store.world import world
from tests.tui.fake import FakeBackend
from tests.tui.stage import Stage, stage


class Lending(HeadlessDriver):
    """A terminal that can be handed over: it is none at all."""

    @property
    def can_suspend(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where private files go during the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def editor(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """An editor with an argument of its own, in Python: `path` is the file."""
    program = f"import os, stat, sys, time\nfrom pathlib import Path\npath = Path(sys.argv[-1])\nassert sys.argv[1] == '--wait'\n{code}"
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, "-c", program, "--wait"]))


async def begun(s: Stage, text: str) -> None:
    assert s.app._driver is not None
    s.app._driver.__class__ = Lending
    await s.press("r")
    await s.composes()
    await s.type(text)


async def test_the_draft_comes_back_as_the_editor_left_it_and_its_file_was_private_and_is_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(
        monkeypatch,
        "mode = stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)\n"
        "said = path.read_text() + f'{mode[0]:o} {mode[1]:o} \\x1b[2Jüñ\\n'\n"
        "other = path.with_suffix('.new'); other.write_text(said); other.replace(path)",
    )
    async with stage() as s:
        await begun(s, "first words")
        await s.press("ctrl+o")
        await s.until(lambda: "600 700" in s.app.place.composer.text, "the editor's text")
        assert "\x1b" not in s.app.place.composer.text, "an editor's text is as hostile as any"
        assert s.app.place.composer.text.startswith("first words\n600 700")
        await s.until(lambda: "600 700" in s.backend.talk(1).drafts[1][0], "the draft to be kept")
        assert list(folder.iterdir()) == []
        await s.composes(s.app.place.composer.text)
        await s.press("ctrl+z")
        await s.composes("first words")


BAD = [
    ("", "the editor ended at once, the text is as it was; if it has a window, let it wait", False),
    ("path.unlink(); os.mkfifo(path)", "the editor left no file: the text is as it was", False),
    ("path.unlink(); path.symlink_to('/dev/zero')", "the editor left no file: the text is as it was", False),
    ("sys.exit(3)", "the editor ended with 3, the text is as it was", False),
    ("path.write_text('precious'); sys.exit(1)", "the editor ended with 1, the text is as it was; what it", True),
    ("path.unlink()", "the editor left no file: the text is as it was", False),
    ("path.write_bytes(b'\\xff\\xfe')", "what the editor left is not text in UTF-8; what it saved is kept in", True),
    (f"path.write_text('x' * {LARGEST + 1})", "the editor left more than 1 MB; what it saved is kept in", True),
]


async def test_nothing_is_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as s:
        await begun(s, "words")
        for code, said, kept in BAD:
            editor(monkeypatch, f"path.with_name('ran').touch()\nos.kill(os.getppid(), 2)  # ^C in the editor\n{code}")
            claims, before = s.backend.calls["claim"], set(folder.iterdir())
            await s.press("ctrl+o")
            looked = claims + 1
            await s.until(lambda looked=looked: s.backend.calls["claim"] == looked, "the claim to be looked at again")
            if said:
                await s.shows(said)
            await s.composes("words")
            assert len(set(folder.iterdir()) - before) == kept, code
        assert len(list(folder.glob("*/draft.txt"))) == 3


async def test_a_colleague_who_took_over_meanwhile_is_named_and_the_text_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, "path.write_text('long thought')")
    backend = FakeBackend()
    async with stage(backend) as s:
        await begun(s, "")
        backend.talk(1).claimed_by = (backend.staff[1], "another terminal")
        await s.press("ctrl+o")
        await s.shows("Bo Lind holds this conversation right now")
        await s.press("l")
        await s.until(lambda: not s.app.place.composer.is_open, "the composer to fold away")
        assert backend.talk(1).drafts[1][0] == "long thought"
        assert backend.talk(1).claimed_by == (backend.staff[1], "another terminal")


async def test_a_note_is_written_in_it_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(monkeypatch, "path.write_text('a long note\\n')")
    async with stage() as s:
        assert s.app._driver is not None
        s.app._driver.__class__ = Lending
        await s.press("n")
        await s.shows("^o editor")
        await s.press("ctrl+o")
        await s.shows("a long note")
        await s.press("ctrl+s")
        await s.until(lambda: [note.body for note in s.backend.talk(1).notes] == ["a long note"], "the note")


async def test_on_a_real_terminal_the_editor_has_it_alone_and_the_app_goes_on_behind(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    w = await world(pool)
    await pool.execute("UPDATE accounts SET state = 'ready'")
    one = await w.conversation("where is my parcel?", at=datetime.now(UTC))
    script = tmp_path / "tiny"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nprint('TINY OPEN', flush=True)\nline = input()\n"
        "open(sys.argv[-1], 'a').write(line + '\\n')\nprint('TINY DONE', flush=True)\n"
    )
    script.chmod(0o700)
    environ = {
        **os.environ,
        "HUBBUB_DSN": dsn,
        "TERM": "xterm-256color",
        "EDITOR": f"{script} -x",
        "TMPDIR": str(tmp_path),
    }
    environ.pop("VISUAL", None)
    command = [sys.executable, "-m", "inbox_tui", "--brand", "acme", "--person", "mia-acme"]

    loop = asyncio.get_running_loop()

    def journey() -> None:
        with Terminal(command, environ) as inbox:
            inbox.until("where is my parcel?")
            inbox.press("r")
            inbox.until("PUBLIC reply")
            inbox.press("begun")
            inbox.until("5 of 300 characters")
            inbox.press("\x0f")
            inbox.until("TINY OPEN")
            before = len(inbox.shown)
            for i in range(16):  # more than the app's queue of writes holds while nobody writes them
                noted = acts.note(pool, w.tom.id, one, f"look here {i}", datetime.now(UTC))
                asyncio.run_coroutine_threadsafe(noted, loop).result(20)
                inbox._read()
            assert inbox.shown[before:].strip() == b"", "nobody draws over an editor"
            inbox.press("typed in the editor\r")
            inbox.until("TINY DONE")
            inbox.until("taken from the editor", 15)
            inbox.press("\x13")
            inbox.until("goes out in")
            inbox.press("q")
            assert inbox.ended() == 0

    await loop.run_in_executor(None, journey)
    body = await pool.fetchval("SELECT body FROM replies WHERE conversation_id = $1", one)
    assert body == "begun\ntyped in the editor"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_the_editor_is_what_the_environment_says_with_its_arguments(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text("")
    code.chmod(code.stat().st_mode | stat.S_IXUSR)
    path = {"PATH": f"{tmp_path}{os.pathsep}/bin"}
    assert command({**path, "EDITOR": "code --wait 'a b'"}) == [str(code), "--wait", "a b"]
    assert command({**path, "VISUAL": "code", "EDITOR": "nothing"}) == [str(code)]
    for wrong, said in [
        ({}, "no editor is chosen"),
        ({"EDITOR": " "}, "no editor is chosen"),
        ({"EDITOR": "'open"}, r"\$EDITOR is no command"),
        ({"VISUAL": "nothing-there -x"}, "there is no program “nothing-there”"),
    ]:
        with pytest.raises(Refused, match=said):
            command({**path, **wrong})
