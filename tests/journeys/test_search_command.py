"""`hubbub search` on a house full of mentions: the same ones as lines, JSON and CSV, page after page, and no cell that is a formula."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.cli import main
from listener.cli.searching import _FORMULA, COLUMNS, neutral
from listener.store import rulebooks
from tests.store.world import NOW, World, later, world

HOSTILE = '=HYPERLINK("http://evil.example" ; "refund")\x1b[2J\nsecond line, "quoted"; and more'


Search = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def search(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Search:
    """The command on this test's database, in a thread of its own: its exit code, and what it printed."""
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path))
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)

    async def run(*arguments: str, now: datetime = NOW, dsn: str = dsn) -> tuple[int, str, str]:
        monkeypatch.setenv("HUBBUB_DATABASE_URL", dsn)
        code = await asyncio.to_thread(main, ["search", "--now", now.isoformat(), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    monkeypatch.chdir(tmp_path)
    return run


async def refunds(w: World, n: int) -> list[int]:
    """Mentions of refunds between others, newest first."""
    found = [await w.mention(f"refund {i}", topic="acme", at=later(seconds=-i)) for i in range(n)]
    await w.mention("nothing of the kind", topic="acme", at=later(seconds=-n // 2))
    return found


async def test_the_same_mentions_as_lines_json_and_csv(search: Search, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    hits = await refunds(w, 3)
    hostile = await w.mention(HOSTILE, topic="acme", author="mira", at=later(seconds=-10))
    code, lines, err = await search("refund", "-nothing")
    assert (code, err) == (0, "")
    assert [line.split()[-1] for line in lines.splitlines()[:3]] == ["0", "1", "2"]
    assert len(lines.splitlines()) == 4
    assert "\x1b" not in lines

    told = json.loads((await search("refund -nothing", "--json"))[1])
    assert [row["id"] for row in told["rows"]] == [*hits, hostile]
    assert (told["query"], told["searched_to"]) == ("refund -nothing", None)
    assert told["rows"][-1]["text"] == HOSTILE, "programs get it as it is"

    _, sheet, _ = await search("refund -nothing", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["id"]) for row in rows] == [*hits, hostile]
    assert rows[-1]["text"] == "'" + HOSTILE.replace("\x1b", "␛")
    assert rows[-1]["author"] == "mira"


async def test_all_goes_on_from_page_to_page_and_a_limit_is_kept(search: Search, pool: asyncpg.Pool) -> None:
    w = await world(pool)
    await w.many(1_200)
    await pool.execute(
        "INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at) "
        "SELECT id, $1, 'acme', $2, 'topic', at, at FROM mentions", w.brand_id, w.source_id,
    )  # fmt: skip
    order = [row["id"] for row in await pool.fetch("SELECT id FROM mentions ORDER BY at DESC, id DESC")]
    for arguments, expected in (
        (["--all"], 1_200),
        (["--all", "--limit", "700"], 700),
        (["--limit", "7"], 7),
        ([], 50),
    ):
        _, found, _ = await search("-nothing", "--json", *arguments)
        assert [row["id"] for row in json.loads(found)["rows"]] == order[:expected], arguments


async def test_exit_codes_say_what_came_of_it(search: Search, pool: asyncpg.Pool) -> None:
    await refunds(await world(pool), 1)
    for arguments in ((), ("--json",), ("--format", "csv")):
        assert (await search("zebra", *arguments))[0] == 1
    assert json.loads((await search("zebra", "--json"))[1])["rows"] == []
    code, out, err = await search('refund "open')
    assert (code, out) == (2, "")
    assert err.splitlines()[1:3] == ['    refund "open', "           ^"]
    assert (await search())[0] == 2
    assert (await search("refund", "--limit", "0"))[0] == 2
    assert (await search("refund", dsn="postgresql://127.0.0.1:1/none"))[0] == 3


async def test_names_are_those_of_the_rulebook_in_force_or_of_the_folder_that_is_given(
    search: Search, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await refunds(await world(pool), 2)
    code, _, err = await search("list:money")
    assert (code, "no list 'money'" in err) == (2, True), "nothing is in force yet"
    await rulebooks.publish(pool, "a", {"x.yaml": "lists: [{key: money, words: [refund]}]"}, "", NOW)
    assert len((await search("list:money"))[1].splitlines()) == 2
    assert (await search("zebra OR list:monney", "--json"))[0] == 2
    await rulebooks.publish(pool, "b", {"x.yaml": "queries: [{key: calm, query: nothing}]"}, "", later(seconds=1))
    code, out, err = await search("list:money")
    assert (code, out) == (2, "")
    assert err.splitlines()[1:3] == ["    list:money", "    ^"]
    assert len((await search("query:calm"))[1].splitlines()) == 1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.yaml").write_text("lists: [{key: money, words: [refund]}]")
    assert len((await search("list:money", "--rules", "mine"))[1].splitlines()) == 2
    code, _, err = await search("query:calm", "--rules", "mine")
    assert (code, "no query 'calm'" in err) == (2, True), "only those of the folder"


async def test_now_is_the_clock_or_what_is_given(search: Search, pool: asyncpg.Pool) -> None:
    await refunds(await world(pool), 1)
    assert (await search("refund age:<2h"))[0] == 0
    assert (await search("refund age:<2h", now=NOW + timedelta(days=1)))[0] == 1


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n\n-1", "＝1", "\u200b=1", "\u202e@x", "\x00"]
)
def test_a_cell_that_begins_like_a_formula_is_one_no_more(cell: str) -> None:
    assert neutral(cell)[:1] == "'" or cell == "\x00"


@given(st.text(max_size=30))
def test_no_cell_is_a_formula_and_others_stay(cell: str) -> None:
    made = neutral(cell)
    assert made.lstrip()[:1] not in _FORMULA
    assert made[:1] not in _FORMULA
    if cell.isascii() and cell.isprintable() and cell.lstrip()[:1] not in _FORMULA:
        assert made == cell
