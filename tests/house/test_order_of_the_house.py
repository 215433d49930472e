"""The house keeps its own habits: docstrings, names, honest tests, numbered migrations, quick help, a wing that only thinks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("listener", "inbox_tui", "pretend")
# Words that say nothing about what is inside; DESIGN's words exist for everything here.
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "handlers", "data", "info"}
NO_CLASSES = re.compile(r"(Utils?|Helpers?|Common|Misc|Manager|Handler)$")
HEAVY = {"textual", "aiohttp", "asyncpg", "vaderSentiment", "py3langid", "numpy", "ruamel"}
# What a thinking module could still do without an import that the floor plan forbids.
CLOCKS = {"now", "utcnow", "today"}
HANDS = {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"}


def modules() -> Iterator[Path]:
    for program in PROGRAMS:
        yield from sorted((ROOT / program).rglob("*.py"))


def files_of_tests() -> Iterator[Path]:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if "node_modules" not in path.parts:
            yield path


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in modules() if len(ast.get_docstring(tree(path)) or "") < 20]
    assert not silent


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = [
        path
        for path in modules()
        if NO_NAMES & set(path.with_suffix("").relative_to(ROOT).parts[-1].lower().split("_"))
    ]
    assert not named


def test_no_class_has_a_name_that_says_nothing() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and NO_CLASSES.search(node.name)
    ]
    assert not named


def test_no_test_patches_what_it_tests() -> None:
    patched = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files_of_tests()
        for node in ast.walk(tree(path))
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith(("unittest.mock", "mock", "pytest_mock"))
        )
        or (isinstance(node, ast.Import) and any(name.name in ("mock", "unittest.mock") for name in node.names))
        or (isinstance(node, ast.arg) and node.arg == "mocker")
    ]
    assert not patched


def test_migrations_are_numbered_without_holes() -> None:
    files = sorted((ROOT / "listener" / "store" / "migrations").glob("*.sql"))
    numbers = [int(re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", file.name)[1]) for file in files]
    assert numbers == list(range(1, len(files) + 1))
    assert numbers


def thinking() -> Iterator[Path]:
    """The files of the thinking wing, as the floor plan names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    wing = next(contract for contract in contracts if contract["id"] == "thinking-wing")
    for name in wing["source_modules"]:
        place = ROOT.joinpath(*name.split("."))
        if place.is_dir():
            yield from sorted(place.rglob("*.py"))
        else:
            yield place.with_suffix(".py")


def worldly_calls(source: ast.Module) -> Iterator[str]:
    """Calls that look at a clock, a disk or a terminal without importing one."""
    for node in ast.walk(source):
        if not isinstance(node, ast.Call):
            continue
        call = node.func
        if isinstance(call, ast.Name) and call.id in HANDS:
            yield f"{call.id}() in line {node.lineno}"
        on_time = isinstance(call, ast.Attribute) and isinstance(call.value, (ast.Name, ast.Attribute))
        if on_time and call.attr in CLOCKS and ast.unparse(call.value).split(".")[-1] in ("datetime", "date"):  # type: ignore[attr-defined]
            yield f"{ast.unparse(call)}() in line {node.lineno}"


@pytest.mark.parametrize(
    "line", ["datetime.now(UTC)", "datetime.datetime.utcnow()", "date.today()", "open('x')", "print(1)"]
)
def test_a_look_at_the_world_is_seen(line: str) -> None:
    assert list(worldly_calls(ast.parse(line)))


def test_the_thinking_wing_looks_at_no_clock_and_opens_no_file() -> None:
    found = {str(path.relative_to(ROOT)): list(worldly_calls(tree(path))) for path in thinking()}
    assert found
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize("command", [["--help"], ["version", "--help"]])
def test_help_loads_nothing_heavy(command: list[str], tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from listener.cli import main\n"
        "try: main(json.loads(sys.argv[1]))\n"
        "except SystemExit: pass\n"
        "print('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(command)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    loaded = set(json.loads(done.stdout.strip().splitlines()[-1]))
    assert "listener" in loaded
    assert not loaded & HEAVY


def test_a_group_of_tests_stays_on_one_worker(tmp_path: Path) -> None:
    """What starts a whole network is grouped; were groups not kept (as happened once, silently), each worker would start its own."""
    suite = "import pytest\n@pytest.mark.xdist_group('one')\n@pytest.mark.parametrize('n', range(8))\ndef test_it(n, worker_id):\n"
    suite += f"    open({str(tmp_path / 'workers')!r}, 'a').write(worker_id + chr(10))\n"
    (tmp_path / "test_grouped.py").write_text(suite)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-p",
        "no:cacheprovider",
        "test_grouped.py",
    ]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 8
    assert len(set(workers)) == 1
