"""`hubbub rules` as a team lead and a CI run it: every mistake at once, examples with their reasons, one text through everything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from listener.cli import main
from listener.cli.rules import ACTIONS

ROOT = Path(__file__).parents[2]
Ran = tuple[int, str, str]
Run = Callable[..., Ran]

TEAMS = "teams: [{key: ops, title: Operations}, {key: care}]\n"
OUTAGE = """\
rules:
  - id: outage
    title: Service outage
    owner: ops
    scope: {addressed: yes}
    when: (down OR outage) AND NOT "calm down"
    then: {priority: high, reply within: 1h, tags: [outage], team: ops, open: yes}
    unless: [drill]
    examples:
      fires: ["the app is down"]
      silent: ["calm down", "the drill is down"]
  - id: drill
    title: A drill
    owner: ops
    scope: {addressed: yes}
    when: drill
    then: {close: yes}
    examples: {fires: [drill], silent: [thrill]}
"""
STORM = """\
rules:
  - id: storm
    title: Many at once
    owner: ops
    status: experimental
    scope: {addressed: yes}
    when: down
    count: {mentions: 3, within: 1h, per: source}
    then: {priority: urgent}
    examples:
      fires:
        - {text: it is down, before: [{text: down here, ago: 10m}, {text: down too, ago: 59m}]}
      silent:
        - it is down
        - {text: it is down, before: [{text: down here, ago: 10m}, {text: down too, ago: 61m}]}
        - {text: it is down, before: [{text: down here, ago: 10m}, {text: down too, source: files}]}
exceptions:
  - rule: outage
    when: jacket
    reason: down jackets are warm
    examples: ["my down jacket"]
"""

TONE = """\
lexicon:
  - key: trade
    words: {craptacular: -3}
    tests: [{text: this app is so craptacular today, tone: negative}]
"""


@pytest.fixture
def hubbub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in this process: its exit code, and what it printed."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Ran:
        code = main(["rules", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path, teams=TEAMS, outage=OUTAGE, storm=STORM, tone=TONE)
    return tmp_path


def written(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def as_json(ran: Ran) -> Any:
    return json.loads(ran[1])


# check ---------------------------------------------------------------------------------------------------------------


def test_good_rules_are_fine_whichever_way_the_folder_is_named(hubbub: Run, folder: Path) -> None:
    for named in ([str(folder)], ["--rules", str(folder)]):
        code, out, _ = hubbub("check", *named)
        assert (code, out.splitlines()[-1]) == (0, "3 rules, 0 topics, 10 examples: 0 problems, 0 warnings")
    assert hubbub("check", str(folder), "--rules", str(folder))[0] == 2


def test_every_problem_of_every_file_is_told_at_once(hubbub: Run, folder: Path) -> None:
    written(folder, a=OUTAGE.replace("owner: ops", "ower: ops"), b="rules: [", c="teams: [{key: A B}]")
    code, out, _ = hubbub("check", str(folder))
    assert code == 1
    assert {line.split(":")[0].rpartition("/")[2] for line in out.splitlines()} >= {"a.yaml", "b.yaml", "c.yaml"}
    assert "did you mean owner?" in out
    assert out.splitlines()[-1].endswith(" problems; examples are tried once all files can be read")


def test_failing_examples_of_several_files_are_told_at_once(hubbub: Run, folder: Path) -> None:
    written(folder, outage=OUTAGE.replace('["the app is down"]', '["the app is up"]'))
    written(folder, storm=STORM.replace("my down jacket", "my jaket is down"))
    told = as_json(hubbub("check", str(folder), "--json"))
    places = [(one["file"], one["line"], one["code"]) for one in told["problems"]]
    assert places == [("outage.yaml", 10, "must-fire"), ("storm.yaml", 21, "must-not-fire")]
    assert not told["fine"]


def test_warnings_count_only_where_strict_is_asked_for(hubbub: Run, folder: Path) -> None:
    written(folder, more="exceptions: [{rule: outage, when: beak, reason: birds, until: 2020-01-01}]")
    code, out, _ = hubbub("check", str(folder))
    assert code == 0
    assert "more.yaml:1:14: warning: this exception ended with 2020-01-01 [ended]" in out
    assert hubbub("check", str(folder), "--strict")[0] == 1
    assert as_json(hubbub("check", str(folder), "--strict", "--json"))["fine"] is False


def test_hostile_text_of_a_rule_file_reaches_no_terminal(hubbub: Run, folder: Path) -> None:
    written(folder, outage=OUTAGE.replace("id: drill", 'id: "\\e[31mdrill"'))
    _, out, err = hubbub("check", str(folder))
    assert "\x1b" not in out + err
    assert "drill" in out


# test ----------------------------------------------------------------------------------------------------------------


def test_every_rule_passes_with_its_exceptions_and_counts(hubbub: Run, folder: Path) -> None:
    code, out, _ = hubbub("test", "--rules", str(folder))
    assert code == 0
    assert out.splitlines() == [
        "pass  drill                    1 fires, 1 silent",
        "pass  outage                   1 fires, 3 silent",
        "pass  storm                    1 fires, 3 silent, experimental",
        "pass  trade                    1 test of tone",
        "3 rules, 10 examples, 1 test of tone: 0 fail",
    ]


@pytest.mark.parametrize(
    ("old", "new", "rule", "line", "why"),
    [
        ('["the app is down"]', '["calm down, it is down"]', "outage", 10, "“calm down”"),
        ('["the app is down"]', '["the app is up"]', "outage", 10, "when: down OR outage is false"),
        ('["the app is down"]', '["a drill: down"]', "outage", 10, "silenced by rule drill"),
        ('["the app is down"]', "[{text: down, addressed: no}]", "outage", 10, "not in scope: it does not address us"),
        ('["the app is down"]', '["a down jacket"]', "outage", 10, "its query matches (down jackets are warm); jacket"),
        ('["calm down", ', '["it is down", ', "outage", 11, "when: down is true (“down”)"),
    ],
)
def test_what_fails_says_which_part_was_false(
    hubbub: Run, folder: Path, old: str, new: str, rule: str, line: int, why: str
) -> None:
    assert OUTAGE.count(old) == 1
    written(folder, outage=OUTAGE.replace(old, new))
    code, out, _ = hubbub("test", "--rules", str(folder))
    assert code == 1
    assert f"FAIL  {rule}" in out
    assert f"outage.yaml:{line}:" in out
    assert all(len(one) <= 80 for one in out.splitlines())
    told = as_json(hubbub("test", "--rules", str(folder), "--json"))
    (failed,) = [one for rule in told["rules"] for one in rule["tests"] if not one["pass"]]
    assert (failed["file"], failed["line"]) == ("outage.yaml", line)
    assert any(why in one for one in failed["why"]), failed["why"]
    assert why in " ".join(out.split())


def test_earlier_messages_count(hubbub: Run, folder: Path) -> None:
    written(folder, storm=STORM.replace("ago: 59m", "ago: 61m"))
    told = as_json(hubbub("test", "--rules", str(folder), "--json", "--failed"))
    assert [rule["rule"] for rule in told["rules"]] == ["storm"]
    (failed,) = [one for one in told["rules"][0]["tests"] if not one["pass"]]
    assert failed["must_fire"]
    assert any(one.startswith("count:") for one in failed["why"])


def test_a_test_of_tone_that_fails_is_told(hubbub: Run, folder: Path) -> None:
    written(folder, tone=TONE.replace("tone: negative", "tone: positive"))
    code, out, _ = hubbub("test", "--failed", "--rules", str(folder))
    assert code == 1
    assert "FAIL trade 1 of 1 test of tone" in " ".join(out.split())
    assert "tone.yaml:4:13: must sound positive, and sounds negative" in " ".join(out.split())
    told = as_json(hubbub("test", "--failed", "--json", "--rules", str(folder)))
    assert (told["fine"], told["rules"], [one["sounds"] for one in told["tones"]]) == (False, [], ["negative"])
    assert hubbub("check", str(folder))[0] == 1


def test_one_rule_can_be_tested_alone(hubbub: Run, folder: Path) -> None:
    code, out, _ = hubbub("test", "drill", "--rules", str(folder))
    assert (code, out.splitlines()[-1]) == (0, "1 rule, 2 examples, 0 tests of tone: 0 fail")
    code, _, err = hubbub("test", "dril", "--rules", str(folder))
    assert code == 2
    assert "did you mean drill?" in err


def test_rules_that_cannot_be_read_are_no_failing_test(hubbub: Run, folder: Path) -> None:
    written(folder, b="rules: [")
    for command in (["test"], ["try", "down"]):
        code, out, err = hubbub(*command, "--rules", str(folder), "--json")
        assert code == 2
        assert "b.yaml:1:9" in err
        assert as_json((code, out, err))["error"]["problems"][0]["file"] == "b.yaml"


# try -----------------------------------------------------------------------------------------------------------------


def test_a_text_is_judged_and_everything_that_follows_is_said(hubbub: Run, folder: Path) -> None:
    code, out, _ = hubbub("try", "The app is down", "--rules", str(folder), "--at", "2026-11-28T10:00Z", "--lang", "en")
    said = " ".join(out.split())
    assert code == 0
    assert "fires outage: Service outage (“down”)" in said
    assert "-> priority high, reply within 1h, team ops, tag outage, open" in said
    assert "comes to priority high; reply due 2026-11-28 11:00 UTC; team ops; tags outage; a conversation" in said
    assert "language en" in said
    assert "tone negative, compound 0 " in said  # an outage is a complaint
    assert "negative tone: a complaint without clear praise 0.3" in said
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_weekend_is_no_time_to_reply_in(hubbub: Run, folder: Path) -> None:
    hours = "hours: [{key: desk, zone: UTC, open: {mon-fri: 09:00-17:00}}]\n"
    written(folder, teams=hours + TEAMS.replace("key: ops,", "key: ops, hours: desk,"))
    code, out, _ = hubbub("try", "The app is down", "--rules", str(folder), "--at", "2026-11-28T10:00Z")
    said = " ".join(out.split())
    assert code == 0
    assert "tag outage, open, due in 1 opening hour of desk" in said
    assert "reply due 2026-11-30 10:00 UTC" in said


def test_what_nearly_fired_says_what_was_missing(hubbub: Run, folder: Path) -> None:
    written(
        folder, press="rules: [{id: press, title: P, owner: o, scope: {topics: [t]}, when: down, then: {tags: [p]}}]\n"
    )
    written(folder, topics="topics: [{key: t, kind: brand, query: larkspur}]\n")
    told = as_json(hubbub("try", "the drill is down", "--rules", str(folder), "--json"))
    near = {one["rule"]: " ".join(one["why"]) for one in told["nearly"]}
    assert set(near) >= {"press", "outage", "storm"}
    assert "not in scope: it was not heard by topic t" in near["press"]
    assert "silenced by rule drill" in near["outage"]
    assert "count:" in near["storm"]
    assert [one["rule"] for one in told["assessment"]["flags"]] == ["drill"]
    told = as_json(hubbub("try", "larkspur is down", "--not-addressed", "--rules", str(folder), "--json"))
    assert told["topics"] == ["t"]
    assert [one["rule"] for one in told["assessment"]["flags"]] == ["press"]


def test_what_has_nothing_to_do_with_a_text_is_not_nearly(hubbub: Run, folder: Path) -> None:
    told = as_json(hubbub("try", "what a fine day", "--rules", str(folder), "--json"))
    assert told["nearly"] == []


def test_an_experimental_rule_is_marked_and_changes_nothing(hubbub: Run, folder: Path) -> None:
    written(folder, more="rules: [{id: new, title: N, owner: o, status: experimental, scope: {addressed: yes}, when: up,"
                         " then: {priority: urgent, tags: [x]}}]\n")  # fmt: skip
    _, out, _ = hubbub("try", "the app is up", "--rules", str(folder))
    assert "new: N (experimental: changes nothing)" in " ".join(out.split())
    assert "comes to  priority normal; a conversation" in out
    told = as_json(hubbub("try", "the app is up", "--rules", str(folder), "--json"))
    assert [(one["rule"], one["shadow"]) for one in told["assessment"]["flags"]] == [("new", True)]
    assert told["assessment"]["priority"] == "normal"


def test_a_hostile_text_is_drawn_harmless(hubbub: Run, folder: Path) -> None:
    _, out, _ = hubbub("try", "\x1b[31mdown\x1b]0;x\x07 \u202edown", "--rules", str(folder))
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_brand_that_no_rule_knows_is_wrong_usage(hubbub: Run, folder: Path) -> None:
    written(folder, topics="topics: [{key: t, kind: brand, query: larkspur, brand: larkspur}]\n")
    code, _, err = hubbub("try", "x", "--brand", "larkspr", "--rules", str(folder))
    assert code == 2
    assert "did you mean larkspur?" in err
    assert as_json(hubbub("try", "larkspur", "--rules", str(folder), "--json"))["brand"] == "larkspur"


# schema and new ------------------------------------------------------------------------------------------------------


def test_the_schema_is_json_either_way(hubbub: Run) -> None:
    code, out, _ = hubbub("schema")
    assert code == 0
    assert json.loads(out) == as_json(hubbub("schema", "--json"))
    assert len(out.splitlines()) > 100


@pytest.mark.parametrize("sort", ["rule", "exception", "reply"])
def test_a_new_thing_passes_check_when_it_is_put_into_a_file(hubbub: Run, folder: Path, sort: str) -> None:
    code, out, _ = hubbub("new", sort, "--id", "my-own", "--rules", str(folder))
    assert code == 0
    written(folder, new=out)
    code, out, _ = hubbub("check", "--strict", str(folder))
    assert (code, [line for line in out.splitlines() if "new.yaml" in line]) == (0, []), out


def test_a_sort_or_a_name_that_is_none_is_wrong_usage(hubbub: Run, folder: Path) -> None:
    code, _, err = hubbub("new", "rul", "--rules", str(folder))
    assert code == 2
    assert "did you mean rule?" in err
    assert hubbub("new", "--id", "A b", "--rules", str(folder))[0] == 2


# All of them ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIONS)
def test_each_says_how_it_is_used(hubbub: Run, name: str) -> None:
    code, out, _ = hubbub(name, "--help")
    assert code == 0
    assert "examples:" in out
    assert "--json" in out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from listener.cli import main; main(['rules', '--help']);"
        "print([one for one in ('ruamel', 'vaderSentiment', 'py3langid', 'asyncpg', 'listener.rulebook') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_hooks_for_pre_commit_call_commands_that_there_are() -> None:
    hooks = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    assert [hook["id"] for hook in hooks] == ["rules-check", "rules-test"]
    for hook in hooks:
        words: list[str] = [*hook["entry"].split(), *hook["args"]]
        program, arguments = words[0], words[1:]
        assert program == "hubbub"
        assert main([*arguments[:-1], str(ROOT / "rules")]) == 0
