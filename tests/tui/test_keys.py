"""A person's own keys: what a file may say, every mistake at its place, and that everything that shows or hears a key follows."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inbox_tui import keys
from inbox_tui.keyboard import give_keys, loaded
from inbox_tui.keys import KEYS, shown
from inbox_tui.screens.base import Desk
from inbox_tui.view.keyfile import key_named, read_keys, template, told_in_a_line
from listener.cli import main
from tests.tui.fake import START, FakeBackend
from tests.tui.stage import stage

OWN = """
[inbox]
claim = "f6"
close = ["f7", "alt+e"]
[everywhere]
take_back = "ctrl+z"
command_palette = "f2"
[composer]
send = "f5"
"""


def problems(text: str) -> list[tuple[int, int, str, str]]:
    table, found = read_keys(text, "keys.toml")
    assert table is KEYS or not found
    return [(one.line, one.column, one.code, one.message) for one in found]


def test_the_template_taken_whole_is_the_shipped_map() -> None:
    text = template()
    assert read_keys(text, "f") == (KEYS, ())
    live = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    assert live.count("\n") == text.count("\n")
    assert live != text
    table, found = read_keys(live, "f")
    assert not found
    assert table == KEYS


@pytest.mark.parametrize("key", sorted({one for key in KEYS for one in key.keys}))
def test_every_shipped_key_is_read_by_its_own_name_and_by_its_sign(key: str) -> None:
    assert key_named(key) == key
    assert key_named(shown(key)) == key


def test_every_mistake_is_told_at_once_and_at_its_place() -> None:
    text = "\n".join(
        [
            "[inbocks]",  # 1
            'claim = "T"',
            "[inbox]",
            'clame = "T"',  # 4
            'snooze = "shift+x"',  # 5
            "tag = []",  # 6
            'reply = "e"',  # 7: close has it
            "close = 5",  # 8
            'down = "j"',  # 9: stands elsewhere
            "[composer]",
            'send = "x"',  # 11: typed
            'discard = "ctrl+i"',  # 12: is tab
            "  [everywhere]",
            '  help = "nokey"',  # 14
        ]
    )
    found = problems(text)
    assert [(line, column, code) for line, column, code, _ in found] == [
        (1, 2, "unknown-place"),
        (4, 1, "unknown-act"),
        (5, 1, "unknown-key"),
        (6, 1, "no-key"),
        (7, 1, "clash"),
        (8, 1, "not-keys"),
        (9, 1, "unknown-act"),
        (11, 1, "needed-by-field"),
        (12, 1, "unknown-key"),
        (14, 3, "unknown-key"),
    ]
    hints = [one.hint for one in read_keys(text, "f")[1]]
    assert hints[0] == "did you mean 'inbox'?"
    assert hints[1] == "did you mean 'claim'?"
    assert hints[2] == "a big letter is written 'X'"
    assert "it stands under [everywhere]" in hints[6]


def test_two_acts_with_one_key_clash_where_both_work_and_only_there() -> None:
    assert [code for *_, code, _ in problems('[inbox]\nclaim = "W"')] == ["clash"]  # with what works everywhere
    assert problems('[inbox]\nclaim = "f9"\n[listening]\nkeep = "f9"') == []
    assert problems('[inbox]\nclaim = "e"\nclose = "c"') == []  # changed for one another
    (told,) = problems('[inbox]\nclaim = "f9"\nclose = "f9"')
    assert told == (3, 1, "clash", "f9 cannot be close in inbox: it is claim, which line 2 gives it to")


@pytest.mark.parametrize("place", ["composer", "search_box", "why"])
def test_no_key_is_taken_from_a_text_field(place: str) -> None:
    act = {"composer": "send", "search_box": "keep_query", "why": "by_today"}[place]
    for key in ("x", "7", "?", "space", "left", "backspace"):
        assert [code for *_, code, _ in problems(f'[{place}]\n{act} = "{key}"')] == ["needed-by-field"], key
        assert "needed-by-field" in [code for *_, code, _ in problems(f'[everywhere]\ncommand_palette = "{key}"')]
    assert problems(f'[{place}]\n{act} = "f9"') == []


def test_what_is_heard_above_all_clashes_also_where_somebody_writes() -> None:
    assert [code for *_, code, _ in problems('[everywhere]\ncommand_palette = "ctrl+s"')] == [
        "clash"
    ] * 2  # the composer and the search box


def test_a_file_that_is_no_toml_says_where() -> None:
    ((line, column, code, _),) = problems('[inbox]\nclaim = "T')
    assert (line, code) == (2, "not-toml")
    assert column > 1


def test_a_file_that_cannot_be_read_leaves_the_shipped_keys(tmp_path: Path) -> None:
    binary, huge = tmp_path / "binary", tmp_path / "huge"
    binary.write_bytes(b"\xff\xfe")
    huge.write_bytes(b"#" * 300_000)
    for file in (binary, huge, tmp_path / "none", tmp_path):
        table, (problem,) = loaded(file)
        assert table is KEYS
        assert told_in_a_line((problem,)).startswith(f"your keys are not used: {file.name}:1: it ")


async def test_a_bad_file_opens_the_inbox_with_the_shipped_keys_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('[inbox]\nclaim = "f6"\nclame = "T"\nnote = []\n')
    desk = Desk(FakeBackend(), lambda: START)
    give_keys(desk, file)
    async with stage(desk.backend, clock=desk.clock, table=desk.table, said=desk.said, said_at=desk.said_at) as s:
        await s.shows(
            "your keys are not used: keys.toml:3: there is no act 'clame' in inbox and 1 more (hubbub keys tells all)"
        )
        await s.press("c")
        await s.shows("you are on it (c lets go)")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inbox_tui.keyboard", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_checks_and_shows(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(OWN)
    bad.write_text('[inbox]\nclame = "T"\nclaim = "\\u001bX"\n')
    done = run("--check", str(good))
    assert (done.returncode, done.stdout) == (0, f"{good}: fine, 5 acts have keys of your own\n")
    done = run("--check", str(bad))
    assert done.returncode == 1
    assert f"{bad}:2:1: there is no act 'clame' in inbox [unknown-act] (did you mean 'claim'?)" in done.stderr
    assert "\x1b" not in done.stderr
    told = json.loads(run("--keys", str(good), "--json").stdout)
    assert {one["act"] for one in told["keys"] if one["own"]} == {
        "claim",
        "close",
        "take_back",
        "command_palette",
        "send",
    }
    assert len(json.loads(run("--check", str(bad), "--json").stdout)["problems"]) == 2
    assert main(["keys", "--check", str(bad)]) == 1


async def test_footer_help_palette_sentences_and_keys_follow_a_file() -> None:
    table, found = read_keys(OWN, "f")
    assert not found
    async with stage(table=table) as s:
        await s.shows(" f6 claim")
        await s.press("c")  # nobody's key any more
        await s.press("f6")
        await s.shows("you are on it (f6 lets go)")
        await s.press("f7")
        await s.shows("closed (^z takes it back)")
        await s.press("ctrl+z")
        await s.shows("as before")
        await s.press("question_mark")
        (words,) = [key.words for key in KEYS if key.act == "take_back"]
        await s.shows(words)
        assert s.lines()[s.line_of(words)].partition(words)[0].split()[-1] == "^z"
        await s.press("escape")
        await s.press("f2")
        await s.until(lambda: len(s.app.screen_stack) > 1, "the palette")
        for letter in "nothing more":
            await s.press("space" if letter == " " else letter)
        await s.shows("key f7 or alt+e")
        await s.press("escape")
        await s.press("r")
        await s.composes()
        await s.type("Thank you")
        await s.shows("f5 sends · ^e sends")
        await s.press("f5")
        await s.shows("^z takes it back")


NAMED = re.compile(
    r"(?:^|[(\s·;])(\^[a-z]|[A-Za-z/\\*.]) (?:says|takes|lets|undoes|goes|shows|sends|ends|opens|deletes|finds|chooses|sorts|keeps|mutes|reads)\b"
    r"|\((?:\^[a-z]|[A-Za-z/\\*.])[:)]"
)
"""A sentence that names a key by itself: 'z takes it back', '(f: folders)'."""


FIXED = ("widgets/dialogs.py", "widgets/handing.py", "view/keyfile.py")
"""Where keys are nobody's to change."""


def test_no_sentence_on_the_screen_names_a_key_by_itself() -> None:
    """Say `desk.sign(ACT)` or `sign(ACT, table)` instead, so that the sentence follows a person's own keys. Dialogs have fixed keys."""
    found = []
    for path in sorted(Path(keys.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found += [
            f"{path.name}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
            if NAMED.search(node.value) and path.relative_to(Path(keys.__file__).parent).as_posix() not in FIXED
        ]
    assert found == []


def test_the_example_of_the_page_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "inbox.md").read_text("utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    table, found = read_keys(text, "keys.toml")
    assert not found
    assert keys.sign("claim", table) == "f6"
