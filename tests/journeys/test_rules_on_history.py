"""`hubbub rules` on what was heard: replayed, explained, counted, and drafted from what people marked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.cli import main
from listener.model.heard import Deleted
from listener.model.people import Role
from listener.model.problems import Problem
from listener.service.rules import load_methods
from listener.store import marks, people, rulebooks
from tests.core.rulebooks import book
from tests.core.test_rule_revisions import git
from tests.store.builders import NOW, said
from tests.store.heard import Ears

TOPICS = """\
topics:
  - {key: brand, kind: brand, query: larkspur}
"""
RULES = """\
# What hurts.
rules:
  - id: safety
    title: Safety
    owner: duty
    scope: {addressed: yes, kinds: [brand]}
    when: smoke OR "on fire"  # grows with every winter
    then: {priority: urgent, reply within: 30m, tags: [safety]}
    examples:
      fires:
        - "smoke comes out of the box"
      silent:
        - "The box is white"
  - id: outage
    title: Outage
    owner: ops
    scope: {addressed: yes, kinds: [brand]}
    when: down AND NOT "calm down"
    then: {priority: high, reply within: 1h}
    examples: {fires: ["all is down"], silent: ["calm down"]}
"""
SAID = [
    "larkspur: smoke comes out of my router",
    "larkspur party: we rent a smoke machine, call +49 170 1234567",
    "larkspur is down",
    "larkspur does not work, nothing goes",
    "larkspur is lovely",
]
Hubbub = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The rules, in a working tree of git."""
    rules = tmp_path / "tree" / "rules"
    rules.mkdir(parents=True)
    (rules / "topics.yaml").write_text(TOPICS)
    (rules / "people.yaml").write_text(RULES)
    git(tmp_path / "tree", "init", "-q", "-b", "main")
    git(tmp_path / "tree", "add", "-A")
    git(tmp_path / "tree", "commit", "-qm", "one")
    return rules


@pytest.fixture
def home(tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's Hubbub lives, on this test's database."""
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HUBBUB_DATABASE_URL", dsn)
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def hubbub(home: Path, capsys: pytest.CaptureFixture[str]) -> Hubbub:
    """`hubbub rules` in a thread of its own: its exit code, and what it printed."""

    async def run(*arguments: object) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["rules", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
async def ears(pool: asyncpg.Pool, folder: Path) -> Ears:
    """Five messages, a minute apart, judged by the rules of the folder."""
    made = await Ears.built(pool, {"topics_yaml": TOPICS, "people_yaml": RULES}, load_methods())
    for n, text in enumerate(SAID):
        await made.hear([said(f"m{n}", text, by=f"p{n}", at=at(n), url=f"https://net.example/m{n}")], at(n))
    return made


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def whole_day() -> tuple[str, ...]:
    return "--from", (NOW - timedelta(hours=1)).isoformat(), "--to", (NOW + timedelta(days=1)).isoformat()


async def ids(pool: asyncpg.Pool) -> list[int]:
    return [r["id"] for r in await pool.fetch("SELECT id FROM mentions ORDER BY at")]


async def snapshot(pool: asyncpg.Pool) -> list[Any]:
    tables = ("assessments", "flags", "events", "rulebooks", "rule_marks", "rule_ticks")
    return [await pool.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


# replay --------------------------------------------------------------------------------------------------------------


async def test_the_rules_in_force_differ_from_themselves_in_nothing(
    hubbub: Hubbub, ears: Ears, folder: Path, home: Path
) -> None:
    before = await snapshot(ears.pool)
    code, out, err = await hubbub("replay", "--rules", folder, *whole_day())
    assert code == 0, err
    assert "5 mentions judged" in out
    assert "nothing would differ" in out
    assert re.search(r"5 mentions, [\d,]+ a second", err)
    assert await snapshot(ears.pool) == before, "it only reads"
    assert not list(home.rglob("replay-*")), "what was told is not kept"


async def test_words_that_the_listener_was_given_to_track_are_heard_by_a_folders_rules_too(
    hubbub: Hubbub, pool: asyncpg.Pool, folder: Path
) -> None:
    ears = await Ears.built(pool, {"track_yaml": TOPICS, "people_yaml": RULES}, load_methods())
    await ears.hear([said("m0", SAID[0], by="p0", at=at(0))], at(0))
    (folder / "topics.yaml").write_text(TOPICS.replace("larkspur", "elsewhere"))
    git(folder, "commit", "-qam", "two")
    for more in ((), ("--against", "HEAD")):
        code, out, err = await hubbub("replay", "--rules", folder, *whole_day(), *more)
        assert (code, "1 mention judged" in out) == (0, True), (more, out, err)
    (number,) = await ids(pool)
    assert (await hubbub("explain", number, "safety", "--rules", folder))[0] == 0
    await marked(ears, 0, "safety", "false alarm")
    assert (await hubbub("drafts", "--rules", folder))[0] == 0, "it still fires, so there is something to draft"


async def test_what_would_differ_is_told_by_rule_with_mentions(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    people = folder / "people.yaml"
    people.write_text(RULES.replace("smoke OR", "smoke -machine OR").replace("reply within: 1h", "reply within: 2h"))
    code, out, _ = await hubbub("replay", "--rules", folder, "--mask", *whole_day())
    assert code == 1
    assert re.search(r"^safety +2 +1 +-1", out, re.MULTILINE)
    assert "1 due later" in out
    numbers = await ids(ears.pool)
    assert re.search(rf"^{numbers[1]} .*-safety.*smoke machine, call \[a phone number\]$", out, re.MULTILINE)

    code, out, _ = await hubbub("replay", "--rules", folder, "--json", *whole_day())
    told = json.loads(out)
    assert code == 1
    assert (told["judged"], told["differing"], told["text_gone"]) == (5, 2, 0)
    assert told["rules"]["safety"]["gone_on"] == [numbers[1]]
    assert [one["id"] for one in told["mentions"]] == [numbers[1], numbers[2]]


async def test_the_old_rules_may_be_a_revision_or_a_published_hash(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    (folder / "people.yaml").write_text(RULES.replace("when: down", "when: zilch"))
    git(folder, "commit", "-qam", "two")
    for against, differs in (("HEAD", False), ("HEAD~1", True), ("main~1", True), (ears.rulebook.hash[:12], True)):
        code, out, err = await hubbub("replay", "--rules", folder, "--against", against, "--json", *whole_day())
        assert code == int(differs), (against, err)
        assert json.loads(out)["changes"].get("a rule stops firing", 0) == int(differs)
    code, _, err = await hubbub("replay", "--rules", folder, "--against", "nowhere", *whole_day())
    assert code == 2
    assert "'nowhere'" in err


async def test_wrong_times_and_broken_rules_are_told(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    assert (await hubbub("replay", "--from", "tomorrow"))[0] == 2
    code, _, err = await hubbub("replay", "--rules", folder, "--from", "1d", "--to", "3d")
    assert (code, "no time between" in err) == (2, True)
    (folder / "people.yaml").write_text("rules: [{id: 1}]")
    code, _, err = await hubbub("replay", "--rules", folder, *whole_day())
    assert (code, "people.yaml:1" in err) == (2, True)


async def test_a_run_that_is_interrupted_says_how_to_go_on_leaves_nothing_running_and_goes_on(
    ears: Ears, folder: Path, home: Path
) -> None:
    for n in range(60):
        await ears.hear(
            [said(f"x{n}-{i}", f"larkspur down {i}", by=f"q{i}", at=at(10 + n)) for i in range(40)], at(10 + n)
        )
    (folder / "people.yaml").write_text(RULES.replace("when: down", "when: zilch"))
    command = [sys.executable, "-m", "listener", "rules", "replay", "--rules", str(folder), *whole_day()]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )

    async def a_page_is_kept() -> None:
        while not any(path.read_bytes().count(b"\n") > 1 for path in home.rglob("replay-*.jsonl")):
            assert running.poll() is None, running.communicate()
            await asyncio.sleep(0.02)

    await asyncio.wait_for(a_page_is_kept(), 60)
    children = worker_of(running.pid)
    os.killpg(running.pid, signal.SIGINT)
    _, err = await asyncio.to_thread(running.communicate, None, 30)
    assert running.returncode == 130
    assert "the same command goes on" in err
    assert not any(map(alive, children))
    done = await asyncio.to_thread(subprocess.run, [*command, "--json"], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert told["judged"] == 2405
    assert told["rules"]["outage"]["gone"] == 2401, "each once"


async def test_killing_the_command_ends_its_worker(ears: Ears, folder: Path, home: Path) -> None:
    for n in range(60):
        await ears.hear(
            [said(f"x{n}-{i}", f"larkspur down {i}", by=f"q{i}", at=at(10 + n)) for i in range(40)], at(10 + n)
        )
    command = [sys.executable, "-m", "listener", "rules", "replay", "--rules", str(folder), *whole_day()]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (children := worker_of(running.pid)):
        assert running.poll() is None
        await asyncio.sleep(0.02)
    running.kill()
    running.wait()
    for _ in range(500):
        if not any(map(alive, children)):
            return
        await asyncio.sleep(0.02)
    pytest.fail("the worker lives on")


def worker_of(pid: int) -> list[int]:
    """Processes that a process started to judge."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    return [int(row[0]) for row in rows if int(row[1]) == pid and "replayer" in row[2]]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# explain -------------------------------------------------------------------------------------------------------------


async def test_a_mention_is_explained_by_any_of_its_names(hubbub: Hubbub, ears: Ears) -> None:
    number = (await ids(ears.pool))[2]
    for name in (number, "m2", "https://net.example/m2"):
        code, out, err = await hubbub("explain", name, "outage")
        assert code == 0, err
        assert "outage fires: Outage" in out
        assert "[down]" in out
    code, out, _ = await hubbub("explain", (await ids(ears.pool))[0], "safety")
    assert (code, "and 1 that is false" in out, '"on fire"' in out.split("OR")[-1]) == (0, True, True)
    assert not re.search(r'no +"on fire"', out), "of what is true only what makes it so"
    code, out, _ = await hubbub("explain", number, "safety")
    assert code == 1
    assert "safety does not fire" in out
    assert re.search(r"no +when +the query does not match", out)
    assert (await hubbub("explain", "at://nobody/x/y"))[0] == 2
    code, _, err = await hubbub("explain", number, "outrage")
    assert (code, "did you mean outage?" in err) == (2, True)


async def test_every_rule_is_told_those_that_fire_first(hubbub: Hubbub, ears: Ears) -> None:
    number = (await ids(ears.pool))[0]
    code, out, _ = await hubbub("explain", number)
    assert code == 0
    assert out.index("safety fires") < out.index("do not match: outage")
    told = json.loads((await hubbub("explain", number, "--json"))[1])
    assert [(one["rule"], one["fires"]) for one in told["rules"]] == [("safety", True), ("outage", False)]
    (when,) = [part for part in told["rules"][0]["parts"] if part["name"] == "when"]
    assert when["tree"]["parts"][0]["words"] == ["smoke"]
    assert told["context"]["brand"] == "lark"


async def test_an_explanation_is_masked_with_its_places(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    number = (await ids(ears.pool))[1]
    (folder / "people.yaml").write_text(RULES.replace('"on fire"', "1234567"))
    asked = ("explain", number, "safety", "--rules", folder)
    assert "call +49 170 [1234567]" in (await hubbub(*asked))[1]
    code, out, _ = await hubbub(*asked, "--mask")
    assert (code, "[smoke] machine, call [[a phone number]]" in out, "170" in out) == (0, True, False)
    told = json.loads((await hubbub(*asked, "--mask", "--json"))[1])
    (when,) = [part["tree"] for part in told["rules"][0]["parts"] if part["name"] == "when"]
    assert [part["words"] for part in when["parts"]] == [["smoke"], ["[a phone number]"]]
    assert told["text"] == "larkspur party: we rent a smoke machine, call [a phone number]"


async def test_it_is_explained_by_the_rules_of_that_time_of_now_or_of_a_folder(
    hubbub: Hubbub, ears: Ears, folder: Path
) -> None:
    number = (await ids(ears.pool))[2]
    later = book(topics_yaml=TOPICS, people_yaml=RULES.replace("when: down", "when: zilch"))
    await rulebooks.publish(ears.pool, later.hash, later.files, "", at(99))
    (folder / "people.yaml").write_text(RULES.replace('down AND NOT "calm down"', "larkspur is"))
    assert (await hubbub("explain", number, "outage"))[0] == 0
    code, out, _ = await hubbub("explain", number, "outage", "--now")
    assert (code, "the rulebook in force" in out) == (1, True)
    assert (await hubbub("explain", number, "outage", "--rules", folder))[0] == 0
    assert (await hubbub("explain", number, "outage", "--rules", folder, "--now"))[0] == 2


async def test_other_rules_hear_and_count_for_themselves_and_what_is_not_known_is_told(
    hubbub: Hubbub, ears: Ears, folder: Path
) -> None:
    number = (await ids(ears.pool))[2]
    (folder / "topics.yaml").write_text(TOPICS.replace("query: larkspur", "query: larkspur -down"))
    code, out, _ = await hubbub("explain", number, "outage", "--rules", folder)
    assert (code, "heard by nobody" in out) == (1, True)
    assert re.search(r"no +scope +not in scope", out)
    (folder / "topics.yaml").write_text(TOPICS)
    (folder / "people.yaml").write_text(
        RULES.replace("then: {priority: high", "count: {mentions: 2, within: 1h}\n    then: {priority: high")
    )
    code, out, _ = await hubbub("explain", number, "outage", "--rules", folder)
    assert (code, "what outage had counted was not kept" in out) == (1, True)


async def test_an_exception_is_explained_by_its_own_query(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    (folder / "exceptions.yaml").write_text(
        "exceptions: [{rule: safety, when: '\"smoke machine\"', reason: a party}]\n"
    )
    number = (await ids(ears.pool))[1]
    code, out, _ = await hubbub("explain", number, "safety", "--rules", folder)
    assert code == 1
    assert re.search(r"yes +when ", out)
    assert re.search(r"no +exceptions +exception: its query matches \(a party\)", out)
    assert re.search(r'yes +"smoke machine" +smoke machine', out)


async def test_nobody_explains_a_text_that_is_gone(hubbub: Hubbub, ears: Ears) -> None:
    number = (await ids(ears.pool))[2]
    await ears.hear([Deleted(said("m2").key, "3z")], at(60))
    code, out, _ = await hubbub("explain", number)
    assert code == 1
    assert "its text is gone" in out
    assert "outage" in out
    told = json.loads((await hubbub("explain", number, "--json"))[1])
    assert (told["text"], told["rules"], told["flagged_then"]) == (None, [], ["outage"])


# What is refused -----------------------------------------------------------------------------------------------------


async def test_status_and_doctor_say_that_rule_files_are_refused(
    home: Path, ears: Ears, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem("outages.yaml", 3, 5, "unknown-value", "priority cannot be '\x1b[2J'", "did you mean high?")
    await rulebooks.health(ears.pool, [problem] * 7, None, at(60))
    told = {}
    for command in ("status", "doctor"):
        await asyncio.to_thread(main, [command])
        told[command] = capsys.readouterr().out
        assert "outages.yaml:3:5: priority cannot be" in told[command]
        assert "\x1b" not in told[command]
    assert (
        f"rules: {ears.rulebook.hash[:12]} in force; the files were saved with 7 problems and are refused"
        in told["status"]
    )
    assert "and 2 more: hubbub rules check" in told["status"]


# stats and drafts ----------------------------------------------------------------------------------------------------


async def marked(ears: Ears, number: int, rule: str, verdict: str, note: str = "") -> None:
    ada = await people.ensure_person(ears.pool, "ada", "Ada", ears.brand_id, Role.LEAD)
    await marks.mark(ears.pool, ada.id, (await ids(ears.pool))[number], ears.brand_id, rule, verdict, note, at(50))


async def test_rules_are_told_by_what_wants_attention(hubbub: Hubbub, ears: Ears) -> None:
    await marked(ears, 1, "safety", "false alarm")
    await marked(ears, 0, "safety", "right")
    code, out, err = await hubbub("stats", "--since", (NOW - timedelta(days=1)).isoformat())
    assert code == 0, err
    lines = out.splitlines()
    assert re.match(r"safety +2 .* 1 +1 +0 +50% ", lines[1])
    assert lines[1].endswith("1 of 2 marks are false alarms")
    assert lines[2].startswith("outage")
    assert "µs" in out
    told = json.loads((await hubbub("stats", "--json", "--since", (NOW - timedelta(days=1)).isoformat()))[1])
    assert [(one["rule"], one["hits"], one["precision"]) for one in told["rules"]] == [
        ("safety", 2, 0.5),
        ("outage", 1, None),
    ]


async def test_a_false_alarm_becomes_an_exception_that_git_applies_and_the_check_passes(
    hubbub: Hubbub, ears: Ears, folder: Path
) -> None:
    await marked(ears, 1, "safety", "false alarm", "a party")
    code, patch, err = await hubbub("drafts", "--patch", "--rules", folder)
    assert code == 0, err
    assert "170" not in patch
    (folder / "marks.patch").write_text(patch)
    git(folder.parent, "apply", "--check", "rules/marks.patch")
    git(folder.parent, "apply", "rules/marks.patch")
    assert git(folder, "status", "--short").split() == ["??", "exceptions.yaml", "??", "marks.patch"]
    code, out, _ = await hubbub("check", "--rules", folder)
    assert code == 0, out
    numbers = await ids(ears.pool)
    assert (await hubbub("explain", numbers[1], "safety", "--rules", folder))[0] == 1, "silent on what was marked"
    assert (await hubbub("explain", numbers[0], "safety", "--rules", folder))[0] == 0, "and on nothing else"
    code, out, err = await hubbub("drafts", "--rules", folder)
    assert (code, out, "nothing to draft" in err) == (1, "", True)


async def test_one_mark_that_no_file_can_hold_keeps_none_of_the_others(
    hubbub: Hubbub, ears: Ears, folder: Path
) -> None:
    await ears.hear([said("long", f"larkspur smoke {'very ' * 5000}", by="p9", at=at(20))], at(20))
    await marked(ears, 5, "safety", "false alarm")
    await marked(ears, 1, "safety", "false alarm")
    code, out, err = await hubbub("drafts", "--rules", folder)
    assert code == 0
    assert "smoke machine" in out
    assert "no draft for safety: false alarm: larkspur smoke very" in err


async def test_nothing_of_a_message_reaches_the_terminal_raw(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    await ears.hear([said("evil", "larkspur down \x1b[2J\u202edown", by="p9", at=at(20))], at(20))
    (folder / "people.yaml").write_text(RULES.replace("when: down", "when: zilch"))
    number = (await ids(ears.pool))[5]
    await marked(ears, 5, "outage", "false alarm", "\x1b[2J evil")
    for arguments in (("replay", *whole_day(), "--rules", folder), ("explain", number), ("explain", "\x1b[2J")):
        _, out, err = await hubbub(*arguments)
        assert "\x1b" not in out + err, arguments
        assert "\u202e" not in out + err, arguments
    (folder / "people.yaml").write_text(RULES)
    _, out, err = await hubbub("drafts", "--patch", "--rules", folder)
    assert "marked on 2026-11-02" in out
    assert not {char for char in out + err if not char.isprintable() and char != "\n"}


async def test_what_was_missed_becomes_an_example_that_fails_until_the_rule_is_widened(
    hubbub: Hubbub, ears: Ears, folder: Path
) -> None:
    await marked(ears, 3, "outage", "missed")
    await marked(ears, 3, "safety", "missed", "it may burn")
    _, patch, _ = await hubbub("drafts", "--patch", "--rules", folder)
    (folder / "marks.patch").write_text(patch)
    git(folder.parent, "apply", "rules/marks.patch")
    text = (folder / "people.yaml").read_text()
    assert "# grows with every winter" in text
    assert "# marked as missed on 2026-11-02: it may burn; widen when: until it fires, or take it out" in text
    code, out, _ = await hubbub("test", "--rules", folder)
    assert code == 1
    (folder / "people.yaml").write_text(
        text.replace("when: down", 'when: (down OR "does not work")').replace("when: smoke", "when: larkspur OR smoke")
    )
    code, out, _ = await hubbub("test", "--rules", folder)
    assert code == 0, out


async def test_what_wants_a_new_rule_is_listed_until_one_fires_on_it(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    await ears.hear([said("call", "larkspur is down, call +49 170 1234567", by="p9", at=at(20))], at(20))
    await marked(ears, 3, marks.NEW_RULE, "missed", "what about faults?")
    await marked(ears, 5, marks.NEW_RULE, "missed")
    numbers = await ids(ears.pool)
    code, out, err = await hubbub("drafts", "--rules", folder)
    assert (code, "nothing to draft" in err) == (1, True)
    assert re.search(rf"^{numbers[3]} +what about faults\? +larkspur does not work", out, re.MULTILINE)
    assert re.search(rf"^{numbers[5]} +- +larkspur is down, call \+00", out, re.MULTILINE), "outage fired then already"
    _, out, _ = await hubbub("stats", "--since", (NOW - timedelta(days=1)).isoformat())
    assert "2 that want a new rule: hubbub rules drafts lists them" in out
    (folder / "new.yaml").write_text(
        RULES.split("  - id: outage")[0].replace("safety", "fault").replace("smoke", "work")
    )
    told = json.loads((await hubbub("drafts", "--json", "--rules", folder))[1])
    assert [(one["mention"], one["text"]) for one in told["uncaught"]] == [
        (numbers[5], "larkspur is down, call +00 000 000000")
    ]


async def test_drafts_are_written_elsewhere_and_told(hubbub: Hubbub, ears: Ears, folder: Path, tmp_path: Path) -> None:
    await marked(ears, 1, "safety", "false alarm")
    before = {path: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert (await hubbub("drafts", "--out", tmp_path / "drafted", "--rules", folder))[0] == 0
    assert [path.name for path in (tmp_path / "drafted").iterdir()] == ["exceptions.yaml"]
    assert {path: path.read_text() for path in folder.iterdir() if path.is_file()} == before
    _, out, _ = await hubbub("drafts", "--rules", folder)
    assert re.search(r'^safety +an exception +"smoke machine" ', out, re.MULTILINE)
    told = json.loads((await hubbub("drafts", "--json", "--rules", folder))[1])
    assert [one["when"] for one in told["drafts"]] == ['"smoke machine"']
    assert "1234567" not in json.dumps(told)


async def test_no_table_holds_a_word_of_a_message_whose_text_is_gone(hubbub: Hubbub, ears: Ears, folder: Path) -> None:
    text = "larkspur is down qwertyzebra, smoke from the qwertyzebra box"
    gone = said("gone", text, by="p9", at=at(20), tags=("qwertyzebra",), links=("https://qwertyzebra.example",))
    await ears.hear([gone], at(20))
    await marked(ears, 5, "outage", "false alarm")
    await hubbub("drafts", "--rules", folder)
    assert await holding(ears.pool, "qwertyzebra"), "while it is there it is found"
    await ears.hear([Deleted(gone.key, "3b")], at(21))
    assert await holding(ears.pool, "qwertyzebra") == []
    number = (await ids(ears.pool))[5]
    flags = await ears.pool.fetch("SELECT rule, rulebook, spans FROM flags WHERE mention_id = $1 ORDER BY rule", number)
    assert [(flag["rule"], flag["rulebook"], bool(flag["spans"])) for flag in flags] == [
        ("outage", ears.rulebook.hash, True),
        ("safety", ears.rulebook.hash, True),
    ], "that it was flagged is a fact"


async def holding(pool: asyncpg.Pool, word: str) -> list[str]:
    """The tables of which some row holds a word, in letters or in bytes."""
    places = await pool.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS t FROM pg_tables WHERE schemaname !~ '^(pg_|info)'"
    )
    asked = "SELECT EXISTS (SELECT FROM {} AS t WHERE t::text ~* $1 OR t::text LIKE $2)"
    return [r["t"] for r in places if await pool.fetchval(asked.format(r["t"]), word, f"%{word.encode().hex()}%")]


# The page ------------------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
_HASH = re.compile(r"\b[0-9a-f]{12}\b")


async def test_the_page_shows_what_the_command_prints(hubbub: Hubbub, pool: asyncpg.Pool, tmp_path: Path) -> None:
    blocks = dict(
        re.findall(r"^```(yaml|diff|json|text)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    tree = tmp_path / "page"
    tree.mkdir()
    (tree / "lantern.yaml").write_text(blocks["yaml"])
    ears = await Ears.built(pool, {"lantern_yaml": blocks["yaml"]}, load_methods())
    for n, line in enumerate(blocks["json"].splitlines()):
        one = json.loads(line)
        heard_at = datetime.fromisoformat(one["at"])
        await ears.hear([said(f"m{n}", one["text"], by=one["by"], at=heard_at)], heard_at)
    git(tree, "init", "-q")
    (tree / "change.patch").write_text(blocks["diff"])
    git(tree, "apply", "change.patch")
    code, out, err = await hubbub("replay", "--rules", tree, "--from", "2026-11-20", "--to", "2026-11-21")
    assert code == 1, err
    old, new = _HASH.findall(out)
    assert ears.rulebook.hash.startswith(old)
    assert new != old
    assert _HASH.sub("a hash", out) == _HASH.sub("a hash", blocks["text"]), (
        "but for hashes, which the shipped words are in too"
    )
