"""`.ci/requirements_in_step.py` finds every way in which the locked files can drift apart."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements_in_step", ROOT / ".ci" / "requirements_in_step.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_are_in_step() -> None:
    assert checker().differences(ROOT) == []


def without_first(text: str) -> str:
    """A requirements file that lost its first package."""
    return re.sub(r"\A(?:#.*\n)*\S.*\n(?:[ ]+.*\n)*", "", text, count=1)


@pytest.mark.parametrize(
    ("file", "spoil", "says"),
    [
        ("requirements.txt", without_first, "missing here"),
        ("requirements-dev.txt", without_first, "missing here"),
        ("requirements.txt", lambda text: text + "left-pad==1.0 --hash=sha256:00\n", "not in the lock"),
        ("requirements.txt", lambda text: re.sub(r"sha256:\w{10}", "sha256:0123456789", text, count=1), "other hashes"),
        (
            "requirements-dev.txt",
            lambda text: re.sub(r"^(pytest==)\S+", r"\g<1>0.1", text, flags=re.MULTILINE),
            "pytest==0.1",
        ),
        ("pyproject.toml", lambda text: text.replace('"msgspec>=', '"msgspec!=0.1,>='), "pyproject.toml, not uv.lock"),
        ("pyproject.toml", lambda text: text.replace('"hypothesis>=', '"hypothesis>=1'), "uv.lock, not pyproject.toml"),
    ],
)
def test_a_drift_is_told(file: str, spoil: Callable[[str], str], says: str, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "uv.lock", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    text = (tmp_path / file).read_text()
    spoilt = spoil(text)
    assert spoilt != text
    (tmp_path / file).write_text(spoilt)
    assert any(says in line for line in checker().differences(tmp_path))
