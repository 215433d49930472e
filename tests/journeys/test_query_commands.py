"""`hubbub query` as people and programs use it: queries from words and files, rows from files and pipes, mistakes under the right character."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from listener.cli import main
from listener.query.fields import FIELDS, Use, fields_for

ROOT = Path(__file__).parents[2]
NOW = ("--now", "2026-11-27T12:00Z")
ROWS = [
    {"id": "a", "text": "Where is my REFUND?", "lang": "en", "likes": 3, "age": "1h"},
    {"id": 2, "text": "the app owes me a refund", "likes": 30, "hour": "09:30"},
    {"id": 4.50, "text": "\x1b[31mall is well\x1b[0m", "status": "open", "links": ["https://shop.example/x"]},
]

RULES = """\
lists:
  - key: giveaway
    words: [raffle, "win a phone"]
queries:
  - key: broken
    query: crash OR outage
"""

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def hubbub(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process: its exit code, and what it printed."""

    def run(*arguments: str) -> Ran:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def rows(tmp_path: Path) -> str:
    return written(tmp_path, *(json.dumps(row).replace("4.5,", "4.50,") for row in ROWS))


def written(folder: Path, *lines: str, name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    return str(path)


def under(err: str) -> str:
    """The character above the first mark."""
    lines = err.splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip() == "^")
    return lines[at - 1][lines[at].index("^")]


# match ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (["refund"], "a\n2\n"),
        (["-refund"], "4.50\n"),
        (["-refund", "app", "OR", "well"], "4.50\n"),
        (["--", "-refund", "-app"], "4.50\n"),
        (["-hello", "well"], "4.50\n"),
        (["refund", "likes:>10"], "2\n"),
        (["refund -likes:>10"], "a\n"),
        (["lang:en"], "a\n"),
        (["-lang:en"], "2\n4.50\n"),
        (["status:open"], "4.50\n"),
        (["-kind:post"], "a\n2\n4.50\n"),
        (["domain:shop.example"], "4.50\n"),
        (["age:<2h"], "a\n"),
        (["hour:[09:00 TO 10:00]"], "2\n"),
        (["app NEAR/2 refund"], ""),
        (["app NEAR/3 refund"], "2\n"),
    ],
)
def test_match_prints_the_ids_as_they_are_written(hubbub: Run, rows: str, query: list[str], ids: str) -> None:
    assert hubbub("query", "match", "--in", rows, *NOW, *query)[:2] == (0 if ids else 1, ids)
    code, out, _ = hubbub("query", "match", *NOW, "--json", "--in", rows, *query)
    assert (code, [str(one) for one in json.loads(out, parse_float=str)]) == (0 if ids else 1, ids.split())


def test_options_may_stand_anywhere_around_the_query(hubbub: Run, rows: str) -> None:
    for line in (
        ["refund", "--in", rows, "likes:>10"],
        ["--in", rows, "refund", "likes:>10"],
        [f"--in={rows}", "refund likes:>10"],
    ):
        assert hubbub("query", "match", *line)[:2] == (0, "2\n")


def test_a_mistyped_option_is_no_query(hubbub: Run, rows: str) -> None:
    code, _, err = hubbub("query", "match", "refund", "--in", rows, "--jsno")
    assert code == 2
    assert "there is no option --jsno; did you mean --json?" in err


def test_a_bad_query_is_drawn_on_stderr_with_a_mark_under_the_character(hubbub: Run, rows: str) -> None:
    code, out, err = hubbub("query", "match", 'refund "money back', "--in", rows)
    assert (code, out) == (2, "")
    assert under(err) == '"'
    assert "[unclosed-quote]" in err
    code, out, err = hubbub("query", "match", 'refund "money back', "--in", rows, "--json")
    assert code == 2
    assert json.loads(out)["error"]["problems"][0]["column"] == 8


@pytest.mark.parametrize(
    "line",
    [["refund"], ["--in", "rows"], ["refund", "--in", "no/such/file"], ["refund", "--in", "x", "--now", "soon"], ["a", "--file", "b", "--in", "x"]],
)  # fmt: skip
def test_wrong_usage_is_2(hubbub: Run, line: list[str]) -> None:
    assert hubbub("query", "match", *line)[0] == 2


def test_rows_that_cannot_be_read_are_skipped_and_told_with_line_and_key(hubbub: Run, tmp_path: Path) -> None:
    good = '{"id": 1, "text": "refund", "folowers": 5}'
    path = written(tmp_path, good, "", '{"id": 2, "text": 5}', "not json", good)
    code, out, err = hubbub("query", "match", "refund", "--in", path)
    assert (code, out) == (1, "1\n1\n")
    assert err.splitlines() == [
        f"{path}:1:1: warning: folowers is no field: it is not looked at [unknown-key] (did you mean followers?)",
        f"{path}:3:11: skipped: text: needs a text [bad-row] (write it in quotes)",
        f"{path}:4:1: skipped: not JSON: expecting value [not-json] (one JSON object a line)",
    ]


def test_of_very_many_bad_rows_the_first_are_told_and_the_rest_counted(hubbub: Run, tmp_path: Path) -> None:
    path = written(tmp_path, *["{"] * 500, '{"id": 1, "text": "refund"}')
    code, out, err = hubbub("query", "match", "refund", "--in", path)
    assert (code, out) == (1, "1\n")
    assert len(err.splitlines()) == 21
    assert err.endswith("500 rows were skipped\n")


def test_a_huge_line_is_one_bad_row(hubbub: Run, tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"id": 1, "text": "refund " * 600_000}), '{"id": 2, "text": "refund"}')
    code, out, err = hubbub("query", "match", "refund", "--in", path)
    assert (code, out) == (1, "2\n")
    assert f"{path}:1:1: skipped: a line has at most" in err
    assert len(err.splitlines()) == 1


def test_an_id_that_is_no_line_is_made_one(hubbub: Run, tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps({"id": "a\nb\x1b[2J", "text": "refund"}), '{"id": "\\ud800", "text": "refund"}')
    assert hubbub("query", "match", "refund", "--in", path)[:2] == (0, "a b␛[2J\n\ufffd\n")
    assert json.loads(hubbub("query", "match", "refund", "--in", path, "--json")[1]) == ["a\nb\x1b[2J", "\ud800"]


def test_rows_come_through_a_pipe_and_their_ids_leave_at_once() -> None:
    line = [sys.executable, "-m", "listener", "query", "match", "refund", "--in", "-"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        line, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write('{"id": 1, "text": "refund"}\n')
        process.stdin.flush()
        assert process.stdout.readline() == "1\n", "it is said while the pipe is open"
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.slow
def test_a_long_file_needs_no_memory(tmp_path: Path) -> None:
    text = "where is my refund " + "x" * 900
    short, long = (
        written(tmp_path, *(f'{{"id": {n}, "text": "{text} {n}"}}' for n in range(rows)), name=f"{rows}")
        for rows in (10, 20_000)
    )

    def peak(path: str) -> int:
        program = (
            "import resource, sys; from listener.cli import main; sys.stdout = open('/dev/null', 'w');"
            f"main(['query', 'match', 'refund', '--in', {path!r}]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.__stdout__)"
        )
        return int(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT))

    assert peak(long) < peak(short) + 8_000, "kilobytes: the file is 18 MB long"


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    path = written(tmp_path, *(f'{{"id": {n}, "text": "refund"}}' for n in range(20_000)))
    line = [sys.executable, "-m", "listener", "query", "match", "refund", "--in", path]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""


# check ---------------------------------------------------------------------------------------------------------------


def test_check_says_fine_or_what_is_wrong_and_where(hubbub: Run) -> None:
    assert hubbub("query", "check", "refund", "NEAR/5", "app") == (0, "fine\n", "")
    code, out, err = hubbub("query", "check", 'refund "money back')
    assert (code, err) == (1, "")
    assert under(out) == '"'


def test_all_problems_are_told_at_once_also_to_programs(hubbub: Run) -> None:
    code, out, _ = hubbub("query", "check", "--json", "folowers:>5 (status:clsed", "--use", "view")
    told = json.loads(out)
    assert (code, told["fine"], told["use"]) == (1, False, "view")
    assert {"unknown-field", "unclosed-bracket", "unknown-value"} <= {one["code"] for one in told["problems"]}
    assert any("followers" in one["hint"] for one in told["problems"])


def test_check_knows_what_a_query_is_for(hubbub: Run) -> None:
    assert hubbub("query", "check", "refund status:open")[0] == 0
    code, out, _ = hubbub("query", "check", "refund status:open", "--use", "topic")
    assert code == 1
    assert "[field-not-here]" in out


def test_warnings_count_only_when_asked_to(hubbub: Run) -> None:
    code, out, _ = hubbub("query", "check", "refund or app")
    assert code == 0
    assert "warning: " in out
    assert hubbub("query", "check", "refund or app", "--strict")[0] == 1


def test_a_query_in_a_file_is_told_by_its_name_and_line(hubbub: Run, tmp_path: Path) -> None:
    path = tmp_path / "topic.query"
    path.write_bytes('\ufeffrefund OR\r\n  "money back\r\n'.encode())
    code, out, _ = hubbub("query", "check", "--file", str(path))
    assert code == 1
    assert f"{path}:2:3: problem: " in out
    assert under(out) == '"'
    assert hubbub("query", "check", "--file", str(tmp_path / "none"))[0] == 2
    path.write_bytes(b"\xff")
    assert "not UTF-8" in hubbub("query", "check", "--file", str(path))[2]


@pytest.mark.parametrize(
    "before",
    ["日本語 ", "e\u0301te\u0301 ", "👩‍👩‍👧 ", "x " * 300, "a\tb ", "\u202ex\u202c "],
    ids=["wide", "marks", "joined", "long", "tab", "turned"],
)
def test_the_mark_stands_under_the_character_as_a_terminal_draws_it(hubbub: Run, before: str) -> None:
    from listener.cli.asked import _columns

    _, out, _ = hubbub("query", "check", f'{before}"open')
    text, mark = out.splitlines()[1:3]
    column = mark.index("^")
    at = next(n for n in range(len(text)) if sum(map(_columns, text[:n])) == column and text[n] == '"')
    assert text[at:] == '"open'
    assert len(text) < 130


def test_no_query_reaches_a_terminal_raw(hubbub: Run) -> None:
    _, out, err = hubbub("query", "check", '\x1b[2J\u202e "open')
    assert not {"\x1b", "\u202e"} & set(out + err)


def test_names_come_from_the_rule_files(hubbub: Run, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "names.yaml").write_text(RULES)
    rows = written(tmp_path, '{"id": 1, "text": "win a phone"}', '{"id": 2, "text": "it did crash"}')
    for query, ids in (("list:giveaway", "1\n"), ("query:broken", "2\n"), ("-list:giveaway", "2\n")):
        assert hubbub("query", "match", query, "--in", rows, "--rules", str(folder))[:2] == (0, ids)
    code, out, _ = hubbub("query", "check", "list:givaway", "--rules", str(folder))
    assert code == 1
    assert "did you mean giveaway?" in out
    (folder / "names.yaml").write_text("lists: 5")
    code, _, err = hubbub("query", "match", "list:giveaway", "--in", rows, "--rules", str(folder))
    assert code == 2
    assert "names.yaml:1:" in err
    assert hubbub("query", "check", "list:giveaway")[0] == 0, "the shipped rule files define it"


# format --------------------------------------------------------------------------------------------------------------


def test_format_keeps_what_a_query_means_and_its_comments(hubbub: Run) -> None:
    assert hubbub("query", "format", "refund   <<< why >>> ( app   OR  crash )") == (
        0,
        "refund <<< why >>> (app OR crash)\n",
        "",
    )
    told = json.loads(hubbub("query", "format", "-refund    app", "--json")[1])
    assert told == {"query": "-refund    app", "formatted": "-refund app", "changed": True}
    code, out, err = hubbub("query", "format", "refund (app")
    assert (code, out) == (2, "")
    assert under(err) == "("


def test_format_writes_a_file_only_when_it_is_a_query(hubbub: Run, tmp_path: Path) -> None:
    path = tmp_path / "topic.query"
    path.write_text("refund   app\n")
    path.chmod(0o640)
    assert hubbub("query", "format", "--file", str(path), "--write") == (0, "", "")
    assert path.read_text() == "refund app\n"
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_text("refund   (app\n")
    assert hubbub("query", "format", "--file", str(path), "--write")[0] == 2
    assert path.read_text() == "refund   (app\n"
    assert list(tmp_path.iterdir()) == [path]
    assert hubbub("query", "format", "refund", "--write")[0] == 2


# convert -------------------------------------------------------------------------------------------------------------


def test_convert_prints_what_to_ask_and_tells_what_is_lost(hubbub: Run) -> None:
    assert hubbub("query", "convert", "@larkspur", "is:reply", "--to", "x") == (0, "@larkspur is:reply\n", "")
    code, out, err = hubbub("query", "convert", "@larkspur wish*", "--to", "x")
    assert (code, out) == (1, "@larkspur\n")
    assert "lost: " in err
    assert "finds more" in err
    assert under(err) == "w"
    for network in ("mastodon", "bluesky"):
        told = json.loads(hubbub("query", "convert", "#refund wish*", "--to", network, "--json")[1])
        assert told["texts"]
        assert "wildcard" in {loss["code"] for loss in told["losses"]}
    code, out, err = hubbub("query", "convert", "-refund", "--to", "x")
    assert (code, out) == (1, "")
    assert "not converted" in err
    assert hubbub("query", "convert", "(refund", "--to", "x")[0] == 2
    assert hubbub("query", "convert", "refund")[0] == 2


def test_convert_from_brandwatch(hubbub: Run) -> None:
    code, out, _ = hubbub("query", "convert", "(apple NEAR/5 iphone) AND country:us", "--from", "brandwatch")
    assert (code, out) == (1, "apple NEAR/5 iphone\n")
    code, out, err = hubbub("query", "convert", "(apple AND", "--from", "brandwatch")
    assert (code, out) == (2, "")
    assert "problem: " in err


# explain -------------------------------------------------------------------------------------------------------------


def test_explain_shows_every_part_and_marks_the_words_in_the_text(hubbub: Run) -> None:
    code, out, _ = hubbub("query", "explain", '(refund OR "money back") -outage', "--text", "Where is my REFUND?")
    assert code == 0
    assert out.splitlines() == [
        "matches",
        '  yes  (refund OR "money back") -outage  REFUND',
        '  yes    refund OR "money back"          REFUND',
        "  yes      refund                        REFUND",
        '  no       "money back"',
        "  yes    -outage",
        "  no       outage",
        "  Where is my [REFUND]?",
    ]
    assert hubbub("query", "explain", "outage", "--text", "Where is my REFUND?")[0] == 1


def test_explain_for_programs_has_spans_of_the_original_text(hubbub: Run) -> None:
    text = "\x1b Où? REFUND \ud800"
    code, out, _ = hubbub("query", "explain", "refund ou", "--json", "--text", text)
    told = json.loads(out)
    assert code == 0
    assert told["text"] == text
    assert [text[start:end] for start, end in zip(told["spans"][::2], told["spans"][1::2], strict=True)] == [
        "Où",
        "REFUND",
    ]
    assert [part["words"] for part in told["tree"]["parts"]] == [["REFUND"], ["Où"]]
    assert [part["query"] for part in told["tree"]["parts"]] == ["refund", "ou"]


def test_explain_of_rows(hubbub: Run, rows: str) -> None:
    code, out, _ = hubbub("query", "explain", "refund likes:>10", "--in", rows)
    assert code == 0
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "a: does not match",
        "2: matches",
        "4.50: does not match",
    ]
    assert "\x1b" not in out
    code, out, _ = hubbub("query", "explain", "-refund", "--in", rows, "--id", "a", "--json")
    assert (code, json.loads(out)["id"]) == (1, "a")
    code, _, err = hubbub("query", "explain", "refund", "--in", rows, "--id", "zzz")
    assert code == 1
    assert "there is no row with the id 'zzz'" in err


def test_nothing_of_a_row_that_is_explained_reaches_a_terminal_raw(hubbub: Run, tmp_path: Path) -> None:
    hostile = "a\nb\x1b[2J\u202e"
    row = {"id": hostile, "text": f"refund {hostile}", hostile: 1}
    path = written(tmp_path, json.dumps(row), json.dumps({"id": 2, "kind": hostile}))
    code, out, err = hubbub("query", "explain", f'refund OR raw:"{hostile}"', "--in", path)
    assert code == 1
    assert out.startswith("a b␛[2J: matches\n")
    assert "skipped" in err
    _, _, missing = hubbub("query", "explain", "refund", "--in", path, "--id", hostile + "x")
    assert "there is no row with the id" in missing
    assert not {"\x1b", "\u202e"} & set(out + err + missing)


@pytest.mark.parametrize("line", [[], ["--text", "a", "--in", "b"], ["--text", "a", "--id", "b"]])
def test_explain_needs_one_thing_to_judge(hubbub: Run, line: list[str]) -> None:
    assert hubbub("query", "explain", "refund", *line)[0] == 2


def test_a_text_may_begin_with_a_minus(hubbub: Run) -> None:
    assert hubbub("query", "explain", "refund", "--text", "- refund")[0] == 0


# fields --------------------------------------------------------------------------------------------------------------


def test_fields_are_those_of_the_language(hubbub: Run) -> None:
    code, out, _ = hubbub("query", "fields")
    assert code == 0
    assert {line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]} == set(FIELDS)
    for use in Use:
        told: list[dict[str, Any]] = json.loads(hubbub("query", "fields", "--use", use.value, "--json")[1])
        assert [one["name"] for one in told] == [fact.name for fact in fields_for(use)]
    topic = {one["name"]: one for one in told}
    assert "ours" not in json.loads(hubbub("query", "fields", "--use", "topic", "--json")[1])[0]["values"]
    assert topic["status"]["example"] == "status:open"


def test_every_example_of_a_field_is_a_query(hubbub: Run) -> None:
    for one in json.loads(hubbub("query", "fields", "--json")[1]):
        for use in one["uses"]:
            assert hubbub("query", "check", f"refund {one['example']}", "--use", use)[0] == 0, one


# help ----------------------------------------------------------------------------------------------------------------


EXITS = {
    ("check", 0): ["refund"],
    ("check", 1): ["refund OR"],
    ("check", 2): ["refund", "--use", "nothing"],
    ("format", 0): ["refund"],
    ("format", 2): ["refund OR"],
    ("explain", 0): ["refund", "--in", "ROWS"],
    ("explain", 1): ["nothing", "--in", "ROWS"],
    ("explain", 2): ["refund OR", "--in", "ROWS"],
    ("match", 0): ["refund", "--in", "ROWS"],
    ("match", 1): ["nothing", "--in", "ROWS"],
    ("match", 2): ["refund OR", "--in", "ROWS"],
    ("convert", 0): ["@acme", "--to", "x"],
    ("convert", 1): ["refund*", "--to", "x"],
    ("convert", 2): ["refund OR", "--to", "x"],
}


def test_exit_codes_are_those_that_the_page_tells(hubbub: Run, rows: str) -> None:
    page = (ROOT / "docs" / "query.md").read_text("utf-8")
    cells = re.findall(
        r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$",
        page.partition("| command | exit code 0")[2].partition("\n\n")[0],
        re.MULTILINE,
    )
    assert {(what, code) for what, *told in cells for code, one in enumerate(told) if one != "never"} == set(EXITS)
    for (what, code), line in EXITS.items():
        assert hubbub("query", what, *(rows if one == "ROWS" else one for one in line))[0] == code, (what, line)


@pytest.mark.parametrize("what", ["check", "format", "explain", "fields", "match", "convert"])
def test_every_help_has_examples_and_exit_codes(hubbub: Run, what: str) -> None:
    code, out, _ = hubbub("query", what, "--help")
    assert code == 0
    assert f"hubbub query {what}" in out.partition("examples:")[2]
    assert what == "fields" or "Exit codes: 0" in out


def test_what_is_not_there_is_wrong_usage(hubbub: Run) -> None:
    assert hubbub("query")[0] == 2
    assert hubbub("query", "nope")[0] == 2
    code, _, err = hubbub("list", "refund", "app")
    assert code == 2
    assert "hubbub search 'refund app'" in err
