"""A corpus of broken rule files: each tells what is wrong with it, at its place and with what to do about it, and nothing else.

`broken/*.yaml` hold one mistake each, or ten. Their first lines say what must be told:

    # expect: 7:22 unknown-value "did you mean high?"

that is line, column, code and hint (which may end in ...); `warning` before it where the file is good all the same. Beside each lies
`broken/beside/beside.yaml`, which is right and holds what they may name, and what has its own name in there.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from listener import rulefiles
from listener.model.problems import Problem
from listener.rulebook.shape import Rulebook

FOLDER = Path(__file__).parent / "broken"
BROKEN = sorted(FOLDER.glob("*.yaml"))
BESIDE = (FOLDER / "beside" / "beside.yaml").read_bytes()
EXPECTED = re.compile(r'^# expect: (warning )?(\d+):(\d+) ([a-z0-9-]+) "(.*)"\r?$', re.MULTILINE)
Told = tuple[str, int, int, str, str]
HOUSE = Path(__file__).parents[2] / "listener"


def expected(raw: bytes) -> list[Told]:
    text = raw.decode("utf-8", "replace")
    found = [(kind or "", int(line), int(col), code, hint) for kind, line, col, code, hint in EXPECTED.findall(text)]
    assert len(found) == text.count("# expect"), "an expectation is not in its form"
    return found


def told(folder: Path, raw: bytes, name: str = "") -> list[tuple[str, Problem]]:
    (folder / "broken.yaml").write_bytes(raw)
    (folder / "beside.yaml").write_bytes(BESIDE)
    if name and (own := FOLDER / "beside" / f"{name}.yaml").exists():
        (folder / f"beside-{own.name}").write_bytes(own.read_bytes())
    loaded = rulefiles.load(folder)
    if isinstance(loaded, Rulebook):
        return [("warning ", one) for one in loaded.warnings]
    return [("", one) for one in loaded]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_tells_its_mistakes_and_nothing_else(path: Path, tmp_path: Path) -> None:
    raw = path.read_bytes()
    wanted = expected(raw)
    found = told(tmp_path, raw, path.stem)
    assert all(one.file == "broken.yaml" and one.message for _, one in found)
    full = [(kind, one.line, one.column, one.code, one.hint) for kind, one in found]
    shortened = [
        (*one[:4], want[4] if want[4].endswith("...") and one[4].startswith(want[4][:-3]) else one[4])
        for one, want in zip(full, wanted, strict=False)
    ]
    assert shortened + full[len(wanted) :] == wanted
    assert wanted, "a broken file expects something"
    assert len(wanted) >= 10 if path.stem.startswith("ten-") else len(wanted) <= 3


def test_what_lies_beside_is_right(tmp_path: Path) -> None:
    assert told(tmp_path, b"# nothing\n") == []


def test_the_corpus_is_large_and_says_what_each_mistake_is() -> None:
    assert len(BROKEN) >= 100
    assert sum(path.stem.startswith("ten-") for path in BROKEN) >= 5
    for path in BROKEN:
        first = path.read_bytes().removeprefix("\ufeff".encode()).splitlines()[0].decode()
        assert re.fullmatch(r"# .+\.", first), path.name


def test_every_hint_says_what_to_do() -> None:
    empty = [path.name for path in BROKEN if any(not hint for *_, hint in expected(path.read_bytes()))]
    assert empty == []


# Every code

ELSEWHERE = {
    "too-big": "a file of a megabyte: test_rulebook",
    "too-much": "made of hundreds of files: test_rulebook",
    "too-many-files": "made of hundreds of files: test_rulefiles",
    "unreadable": "a folder, no file: test_rulefiles",
    "no-rules": "a folder, no file: test_rulefiles",
    "bad-calendar": "a second file: test_ical",
    "unknown-turns": "a second file: test_ical",
}
"""Codes that one file of reasonable size cannot give."""

NOT_OF_RULES = {"listener/query/rows.py"}
"""Reads JSON rows of mentions, never a rule file."""

MADE_OF_PARTS = {
    "code": {"repeated-value", "shadowed-branch"},
    "unknown-{sort}": {
        "unknown-list",
        "unknown-query",
        "unknown-topic",
        "unknown-team",
        "unknown-rule",
        "unknown-hours",
    },
    "bad-{what}": {"bad-hashtag", "bad-handle", "bad-cashtag"},
}


def codes_in(path: Path) -> set[str]:
    """Every code of a problem or warning that a module can give: the text before the message, wherever one is told."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Problem":
            at = next((n for n, one in enumerate(node.args) if isinstance(one, ast.Starred)), 2) + 1
        elif name in {"problem", "warn", "_warn", "tell"} and len(node.args) >= 3:
            at = 1
        else:
            continue
        found |= {text for one in node.args[at : at + 1] for text in texts_of(one)}
    return found


def texts_of(node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr():
            pattern = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
                for part in node.values
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )
            return MADE_OF_PARTS[pattern]
        case ast.Name(id="code"):
            return MADE_OF_PARTS["code"]
    return set()


def test_every_code_of_the_reader_and_the_parser_is_in_the_corpus() -> None:
    modules = [
        *(HOUSE / "rulebook" / "reading").glob("*.py"),
        *(HOUSE / "query").glob("*.py"),
        HOUSE / "rulebook" / "parse.py",
        HOUSE / "rulefiles.py",
    ]
    known: set[str] = set()
    for path in modules:
        if path.relative_to(HOUSE.parent).as_posix() not in NOT_OF_RULES:
            known |= codes_in(path)
    assert len(known) > 70
    shown = {code for path in BROKEN for *_, code, _ in expected(path.read_bytes())}
    assert known - shown - ELSEWHERE.keys() == set(), "codes without a broken file"
    assert ELSEWHERE.keys() & shown == set(), "codes that have a broken file now"
