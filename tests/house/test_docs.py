"""What the pages name is there: links lead somewhere, make targets and hubbub's commands and options exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from listener.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if page.name != "CHANGELOG.md")
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def shell_lines(text: str) -> Iterator[str]:
    """Every line of a shell block without its comment, and every piece of code in running text."""
    for block in re.findall(r"^```(?:sh|bash|console|text)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from (line.split(" #")[0].strip().removeprefix("$ ") for line in block.splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@cache
def help_of(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "listener", command, "--help"], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_make_targets_exist(page: Path) -> None:
    named = {
        words[1] for line in shell_lines(page.read_text()) if len(words := line.split()) > 1 and words[0] == "make"
    }
    assert {name for name in named if "=" not in name} <= targets()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_their_options_exist(page: Path) -> None:
    known = {command.name for command in COMMANDS}
    strange = []
    for line in shell_lines(page.read_text()):
        words = line.split()
        if len(words) < 2 or words[0] != "hubbub" or words[1].startswith("-"):
            continue
        if words[1] not in known:
            strange.append(line)
            continue
        options = {word.split("=")[0] for word in words[2:] if re.match(r"--[a-z]", word)}
        strange += [line for option in options if not re.search(rf"{option}\b", help_of(words[1]))]
    assert strange == []


def test_the_pages_were_found() -> None:
    assert ROOT / "README.md" in PAGES
