"""Prose that nothing executes drifts: settings, commands, links and examples in the docs are held against the code."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from listener.cli import COMMANDS
from listener.cli.rules import ACTIONS
from listener.rulebook.parse import parse as parse_rules
from listener.rulebook.shape import Rulebook
from listener.service.hooks.figures import METRICS
from listener.settings import TABLES, find_paths, parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.name, text) for page in PAGES for lang, text in BLOCK.findall(page.read_text("utf-8")) if lang == language
    ]


def commands() -> list[tuple[str, str]]:
    lines = [(name, line.split(" #")[0].strip()) for name, text in blocks("sh") for line in text.splitlines()]
    return [(name, line) for name, line in lines if line.startswith("hubbub ") and line != "hubbub --help"]


def test_every_setting_is_told_and_every_told_setting_exists() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    told = set(re.findall(r"`([a-z_]+)`", "\n".join(row.split("|")[2] for row in rows)))
    known = {name for table, names in TABLES.items() if table not in ("", "source") for name in names}
    assert told == known


def test_the_example_of_all_settings_is_right() -> None:
    (text,) = [text for page, text in blocks("toml") if page == "settings.md"]
    settings = parse(text, Path("hubbub.toml"), find_paths({"HUBBUB_HOME": "/nowhere"}))
    assert [account.handle for account in settings.accounts] == ["larkspur.example"]


def test_the_examples_of_rules_are_right() -> None:
    files = {p.name: p.read_text("utf-8") for p in (ROOT / "rules").glob("*.yaml") if p.stem in ("topics", "teams")}
    for page, text in blocks("yaml"):
        loaded = parse_rules({**files, "example.yaml": text})
        assert isinstance(loaded, Rulebook), (page, loaded)


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value)
def test_every_command_in_the_docs_is_understood(page: str, line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    by_name = {command.name: command for command in COMMANDS}
    assert name in by_name, f"{page}: {line}"
    module = importlib.import_module(f"listener.cli.{by_name[name].module}")
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    getattr(module, f"configure_{name}")(parser)
    parser.add_argument("--json", action="store_true")
    parser.parse_args(arguments)


def test_every_metric_is_told() -> None:
    page = (ROOT / "docs" / "door.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(hubbub_\w+)`", page, re.MULTILINE)) == set(METRICS)


def test_every_code_of_what_rules_do_to_one_another_is_told() -> None:
    page = (ROOT / "docs" / "rules-ci.md").read_text("utf-8")
    told = set(re.findall(r"`([a-z-]+)`", "\n".join(row for row in page.splitlines() if row.startswith("| `"))))
    source = (ROOT / "listener" / "rulebook" / "conflicts.py").read_text("utf-8")
    codes = set(re.findall(r'"([a-z-]+)", (?:message|f")', source))
    assert len(codes) > 5
    assert codes <= told


def test_every_sub_command_about_rules_is_told_somewhere() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in ACTIONS if f"hubbub rules {name}" not in pages] == []


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
