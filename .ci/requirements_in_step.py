"""Are pyproject.toml, uv.lock and the two requirements files in step? Needs neither uv nor a network.

Owns: the comparison by name, version and hash. A requirements file must hold exactly what the lock says its roots need, each with exactly the
lock's hashes; and the lock must have been made from the dependencies that pyproject.toml names now. Refuses to repair anything: `make lock` does.

Exit codes: 0 in step, 1 not (each difference on a line of its own).
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROJECT = "hubbub"
FILES = {"requirements.txt": ("backend",), "requirements-dev.txt": ("dev",)}
Pinned = dict[tuple[str, str], frozenset[str]]
Table = dict[str, Any]


def normal(name: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named_by_project(project: Table) -> dict[str, set[tuple[str, str]]]:
    """What pyproject.toml asks for: group -> (name, specifier); the group "" is what the program itself needs."""
    groups: Table = project.get("dependency-groups", {})
    asked = {"": {split(text) for text in project["project"]["dependencies"]}}
    for extra, texts in project["project"].get("optional-dependencies", {}).items():
        asked[f"extra:{extra}"] = {split(text) for text in texts}

    def flat(group: str) -> Iterable[str]:
        for entry in groups[group]:
            if isinstance(entry, str):
                yield entry
            else:
                yield from flat(entry["include-group"])

    for group in groups:
        asked[f"group:{group}"] = {split(text) for text in flat(group)}
    return asked


def split(requirement: str) -> tuple[str, str]:
    """`Name>=1,<2` as (name, specifiers in a fixed order). Extras and markers are not used by this project and are refused."""
    found = re.fullmatch(r"([A-Za-z0-9._-]+)\s*((?:[<>=!~]=?[^,;\[]+,?)*)", requirement.strip())
    if not found:
        raise ValueError(f"{requirement!r}: only a name and version bounds are understood here")
    return normal(found[1]), ",".join(sorted(found[2].replace(" ", "").split(",")))


def named_by_lock(lock: Table) -> dict[str, set[tuple[str, str]]]:
    """What the lock was made from, in the same form."""
    metadata = root_of(lock)["metadata"]
    asked: dict[str, set[tuple[str, str]]] = {"": set()}

    def add(group: str, entry: Table) -> None:
        specifier = ",".join(sorted(entry.get("specifier", "").replace(" ", "").split(",")))
        asked.setdefault(group, set()).add((normal(entry["name"]), specifier))

    for entry in metadata["requires-dist"]:
        extra = re.fullmatch(r"extra == '([^']+)'", entry.get("marker", ""))
        add(f"extra:{extra[1]}" if extra else "", entry)
    for group, entries in metadata.get("requires-dev", {}).items():
        for entry in entries:
            add(f"group:{group}", entry)
    return asked


def root_of(lock: Table) -> Table:
    """The project's own entry in the lock."""
    root: Table = next(package for package in lock["package"] if package["name"] == PROJECT)
    return root


def pinned_by_lock(lock: Table, groups: Iterable[str]) -> Pinned:
    """Everything that the program and these groups need, on any platform: (name, version) -> hashes."""
    packages: dict[str, list[Table]] = {}
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    root = root_of(lock)
    waiting: list[Table] = list(root["dependencies"])
    for group in groups:
        waiting += root["dev-dependencies"][group]
    pinned: Pinned = {}
    done: set[tuple[str, str, str]] = set()
    while waiting:
        need = waiting.pop()
        for package in packages[need["name"]]:
            if need.get("version", package["version"]) != package["version"]:
                continue
            wheels = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
            pinned[package["name"], package["version"]] = frozenset(wheel["hash"] for wheel in wheels)
            for extra in ["", *need.get("extra", [])]:
                step = (package["name"], package["version"], extra)
                if step not in done:
                    done.add(step)
                    optional = package.get("optional-dependencies", {}).get(extra, [])
                    waiting += optional if extra else package.get("dependencies", [])
    return pinned


def pinned_by_file(text: str) -> Pinned:
    """What a requirements file pins, in the same form."""
    pinned: Pinned = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
        if not found:
            raise ValueError(f"not a pinned requirement: {line[:80]}")
        pinned[normal(found[1]), found[2]] = frozenset(re.findall(r"--hash=(\S+)", line))
    return pinned


def differences(folder: Path) -> list[str]:
    """Every way in which the files of `folder` are out of step, in words; empty when they agree."""
    lock = tomllib.loads((folder / "uv.lock").read_text())
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    found: list[str] = []
    asked, locked = named_by_project(project), named_by_lock(lock)
    for group in sorted(asked.keys() | locked.keys()):
        for name, specifier in sorted(asked.get(group, set()) ^ locked.get(group, set())):
            where = (
                "pyproject.toml, not uv.lock"
                if (name, specifier) in asked.get(group, set())
                else "uv.lock, not pyproject.toml"
            )
            found.append(f"{name} {specifier} ({group or 'the program'}): in {where}")
    for file, groups in FILES.items():
        wanted, there = pinned_by_lock(lock, groups), pinned_by_file((folder / file).read_text())
        for name, version in sorted(wanted.keys() | there.keys()):
            key = (name, version)
            if key not in there:
                found.append(f"{file}: {name}=={version} is in the lock and missing here")
            elif key not in wanted:
                found.append(f"{file}: {name}=={version} is not in the lock")
            elif wanted[key] != there[key]:
                found.append(f"{file}: {name}=={version} has other hashes than the lock")
    return found


def main() -> int:
    """Say what is out of step, if anything."""
    found = differences(Path(__file__).resolve().parent.parent)
    for line in found:
        print(line)
    print("out of step: run `make lock`" if found else "requirements in step with uv.lock")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
