"""Rooms that are read later: when, how often, by whom, and what of a room that cannot be read."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from inbox_tui.later import House


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A house of its own, whose rooms tell `sys.read_rooms` that they are read."""
    house = tmp_path / "planted"
    house.mkdir()
    (house / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [House(("planted.",)), *sys.meta_path])
    monkeypatch.setattr(sys, "read_rooms", [], raising=False)
    yield house
    for name in [one for one in sys.modules if one.partition(".")[0] == "planted"]:
        del sys.modules[name]


def plant(house: Path, name: str, text: str) -> None:
    (house / f"{name}.py").write_text(f"import sys\nsys.read_rooms.append({name!r})\n{text}")


def said() -> list[str]:
    found: list[str] = vars(sys)["read_rooms"]
    return found


def test_a_room_is_read_when_something_is_first_asked_of_it_and_once(planted: Path) -> None:
    plant(planted, "hall", "from planted import attic\ndef light(): return attic.LAMP\n")
    plant(planted, "attic", "LAMP = object()\n")
    hall = importlib.import_module("planted.hall")
    importlib.import_module("planted.hall")
    assert said() == []
    light = hall.light
    assert said() == ["hall"]
    assert light() is light()
    assert said() == ["hall", "attic"]
    assert type(hall) is ModuleType


def test_what_takes_something_out_of_a_room_reads_it_at_once(planted: Path) -> None:
    plant(planted, "hall", "from planted.attic import LAMP\n")
    plant(planted, "attic", "LAMP = 1\n")
    assert importlib.import_module("planted.hall").LAMP == 1
    assert said() == ["hall", "attic"]


def test_a_missing_name_is_missing_and_a_missing_room_is_not_found(planted: Path) -> None:
    plant(planted, "hall", "")
    hall = importlib.import_module("planted.hall")
    assert not hasattr(hall, "__nothing__")
    assert said() == []
    with pytest.raises(AttributeError, match=r"planted\.hall.*lamp"):
        _ = hall.lamp
    with pytest.raises(ModuleNotFoundError, match=r"planted\.cellar"):
        importlib.import_module("planted.cellar")


def test_a_room_that_cannot_be_read_says_so_to_everybody_who_asks(planted: Path) -> None:
    plant(planted, "hall", "LAMP = 1\n1 / 0\n")
    hall = importlib.import_module("planted.hall")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = hall.light
    assert said() == ["hall", "hall"]


def test_whoever_asks_while_another_thread_reads_waits_until_the_room_is_whole(planted: Path) -> None:
    plant(planted, "hall", "sys.begun.set()\nsys.go_on.wait(10)\nLAMP = 1\n")
    begun, go_on = threading.Event(), threading.Event()
    vars(sys).update(begun=begun, go_on=go_on)
    hall = importlib.import_module("planted.hall")
    found: list[int] = []
    readers = [threading.Thread(target=lambda: found.append(hall.LAMP)) for _ in range(3)]
    try:
        for reader in readers:
            reader.start()
        assert begun.wait(10)
        readers[-1].join(0.05)
        assert found == []
    finally:
        go_on.set()
        for reader in readers:
            reader.join(10)
        del vars(sys)["begun"], vars(sys)["go_on"]
    assert found == [1, 1, 1]
    assert said() == ["hall"]


def test_rooms_of_others_are_read_as_they_are_imported(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "neighbour", "")
    monkeypatch.delitem(sys.modules, "neighbour", raising=False)
    importlib.import_module("neighbour")
    assert said() == ["neighbour"]
