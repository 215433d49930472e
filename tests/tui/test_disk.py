"""Whatever a person names as a file, the inbox neither waits, nor reads without end, nor touches a device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inbox_tui.disk import read_bytes
from inbox_tui.keyboard import LARGEST, loaded
from inbox_tui.keys import KEYS
from inbox_tui.widgets.files import entries, read_file
from listener.errors import Refused


def test_what_is_no_file_is_not_read_and_a_long_one_only_so_far(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("pipe", "endless", "loop", "", "gone"):
        with pytest.raises(OSError):
            read_bytes(tmp_path / name, 100)
    (tmp_path / "long").write_bytes(b"x" * 200)
    assert len(read_bytes(tmp_path / "long", 100)) == 101
    (tmp_path / "meant").symlink_to(tmp_path / "long")
    assert len(read_bytes(tmp_path / "meant", 1000)) == 200, "a link to a file is as good as the file"


@pytest.mark.parametrize(
    "text",
    [
        b"x" * (LARGEST + 1),
        b"[inbox]\nclaim = " + b"9" * 5_000,
        b"[inbox]\nclaim = " + b"[" * 50_000,
        b"[" + b" " * 100_000,
        b"a = [\n[" + b" " * 100_000 + b"\n]]\n",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf[inbox]\nclaim = 'Q'",
    ],
)
def test_no_file_of_keys_stops_the_inbox(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(text)
    table, problems = loaded(file)
    assert table is KEYS
    assert problems


def test_a_file_of_keys_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, Path("nul\0")):
        table, (problem,) = loaded(name)
        assert table is KEYS
        assert "it cannot be read" in problem.message


def test_a_folder_is_listed_whatever_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "to nowhere.png").symlink_to(tmp_path / "gone")
    (tmp_path / "round.png").symlink_to(tmp_path / "round.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dot.png").write_bytes(b"x")
    assert [Path(one.path).name for one in entries(f"{tmp_path}/")] == ["dot.png"]
    for typed in ("~nobody-is-called-so/", "nul\0/", f"{tmp_path}/dot.png/"):
        assert entries(typed) == []
    for typed in ("~nobody-is-called-so/a.png", "", f"{tmp_path}/zero.png", f"{tmp_path}/round.png"):
        with pytest.raises(Refused, match="cannot be read"):
            read_file(typed)
