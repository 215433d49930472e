"""The list of tests that must run notices one that was skipped and one that is gone."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no such server here")
def test_skipped(): pass

class TestInside:
    @pytest.mark.parametrize("number", [1, 2])
    def test_both(self, number): pass
"""


def must_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("must_run", ROOT / ".ci" / "must_run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_skipped_and_missing_are_told(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_some.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    junit = tmp_path / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}", "tests"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    ran = must_run().outcomes(junit)
    nodes = [node for node, _ in ran]
    assert "tests/test_some.py::test_runs" in nodes
    assert "tests/test_some.py::TestInside::test_both[1]" in nodes
    problems = must_run().problems
    assert problems(ran, ["tests/test_some.py::test_runs", "tests/test_some.py::TestInside::"]) == []
    (skipped,) = problems(ran, ["tests/test_some.py::test_skipped"])
    assert "no such server here" in skipped
    (missing,) = problems(ran, ["tests/test_gone.py"])
    assert "no such test" in missing


def test_every_line_of_the_list_names_a_file_that_is_there() -> None:
    lines = [line.strip() for line in (ROOT / ".ci" / "must-run.txt").read_text().splitlines()]
    files = [line.split("::")[0] for line in lines if line and not line.startswith("#")]
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
