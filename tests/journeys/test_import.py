"""History taken in by the command: a kill half-way and a second run change nothing, and what cannot be used is told by its line."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from listener.store.embedded import Server, embedded
from tests.journeys.running import until
from tests.journeys.test_up_down import environment, home, hubbub

ROWS = 2_500
__all__ = ["home"]

FINGERPRINT = """
SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (
    SELECT format('%s %s %s %s %s', m.external_id, m.root, m.state, m.version, md5(v.text)) AS line
    FROM mentions AS m JOIN mention_versions AS v ON v.mention_id = m.id
    UNION ALL SELECT format('c %s %s %s', c.root, c.state, c.unread) FROM conversations AS c
    UNION ALL SELECT format('j %s %s', conversation_id, mention_id) FROM conversation_mentions
    UNION ALL SELECT format('n %s %s %s', name, key, sum(n)) FROM (
        SELECT name, key, n FROM counters UNION ALL SELECT name, key, n FROM counter_deltas) AS n
    WHERE name = 'folder' GROUP BY name, key HAVING sum(n) <> 0
) AS lines
"""


async def asked(server: Server, *questions: str) -> list[Any]:
    """Plain SQL, by a connection of the test's own."""
    connection = await asyncpg.connect(server.dsn(), server_settings={"search_path": "hubbub"})
    try:
        return [await connection.fetch(question) for question in questions]
    finally:
        await connection.close()


@contextmanager
def importing(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "listener", "import", *arguments]
    process = subprocess.Popen(
        command, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(180)
async def test_a_kill_half_way_and_the_same_rows_in_another_file_lose_and_double_nothing(home: Path) -> None:
    path = home / "history.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "author", "at", "text", "in_reply_to"])
        for number in range(ROWS):
            at = f"2026-01-{1 + number % 28:02}T10:00:00Z"
            writer.writerow(
                [
                    f"m{number}",
                    f"p{number % 300}",
                    at,
                    f"the line is down, says {number}",
                    f"m{number - 1}" if number % 3 else "",
                ]
            )
    command = ["import", str(path), "--topic", "lines"]
    async with embedded(home / "postgres") as server:
        with importing(home, *command[1:]) as process:
            await until(lambda: _half_way(server, process), within=90, every=0.02)
            process.kill()
            assert process.wait() == -9, "it was too quick to be killed half-way"
        second = await asyncio.to_thread(hubbub, home, *command, "--json")
        assert second.returncode == 0, second.stderr
        assert 0 < json.loads(second.stdout)["rows"] < ROWS, "it did not go on where it was"
        texts, threads, before = await asked(
            server,
            "SELECT m.external_id, v.text FROM mentions AS m JOIN mention_versions AS v ON v.mention_id = m.id",
            "SELECT count(DISTINCT root) AS n FROM mentions",
            FINGERPRINT,
        )
        assert {row["external_id"]: row["text"] for row in texts} == {
            f"m{n}": f"the line is down, says {n}" for n in range(ROWS)
        }
        assert len(texts) == ROWS
        assert threads[0]["n"] == (ROWS + 2) // 3
        third = await asyncio.to_thread(hubbub, home, *command)
        assert "imported before" in third.stdout
        # The same rows under the same name, in a file that was never seen: every one is known, and nothing changes.
        copy = home / "copy.csv"
        copy.write_text(path.read_text() + "\n")
        told = json.loads(
            (
                await asyncio.to_thread(hubbub, home, "import", str(copy), "--name", "history", *command[2:], "--json")
            ).stdout
        )
        assert (told["rows"], told["new"], told["repeated"]) == (ROWS, 0, ROWS)
        assert (await asked(server, FINGERPRINT))[0] == before


async def _half_way(server: Server, process: subprocess.Popen[str]) -> bool:
    """Whether some of it is stored and not all, or it has ended already."""
    if process.poll() is not None:
        return True
    ((row,),) = await asked(server, "SELECT coalesce(max(stored), 0) AS n FROM sources")
    return bool(0 < row["n"] < ROWS)


def test_rows_that_cannot_be_used_are_told_with_their_lines(home: Path) -> None:
    path = home / "broken.csv"
    path.write_text(
        'id,text,at\n1,"fine",2026-01-01\n2,"no time",yesterday\n3,"too","many","cells"\n,"no id",2026-01-01\n4,"also fine",2026-01-02\n'
    )
    done = hubbub(home, "import", str(path))
    assert done.returncode == 1, done.stderr
    assert "2 new" in done.stdout
    assert "3 rejected" in done.stdout
    for line in (
        "line 3: column 'at' is not a time",
        "line 4: 4 columns where the first line has 3",
        "line 5: column 'id' is empty",
    ):
        assert line in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
