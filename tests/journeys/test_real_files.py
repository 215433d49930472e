"""Real exports, imported by the command as a person would: counted independently, joined into threads, harmless when run twice.

The files lie beside the project and are not part of it; without them these tests skip.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"


def rows_of(name: str) -> list[dict[str, str]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data beside the project: ../shared/data/{name} is absent")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def imported(dsn: str, home: Path, name: str, *options: str) -> Mapping[str, Any]:
    """What `hubbub import --json` said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listener", "import", str(DATA / name), *options, "--json",
        env={**os.environ, "HUBBUB_HOME": str(home), "HUBBUB_DATABASE_URL": dsn}, stdout=-1, stderr=-1,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    print(
        f"{name}: {told['rows']} rows in {told['seconds']:.1f} s, {told['rows'] / max(told['seconds'], 0.001):.0f} rows/s"
    )
    return told


async def fingerprint(pool: asyncpg.Pool) -> list[int]:
    tables = (
        "mentions",
        "mention_versions",
        "hearings",
        "assessments",
        "flags",
        "conversations",
        "conversation_mentions",
        "authors",
    )
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def test_airline_every_row_once_and_no_work_made_of_history(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    rows = rows_of("airline/airline.csv.gz")
    told = await imported(dsn, tmp_path, "airline/airline.csv.gz", "--topic", "airline")
    assert (told["new"], told["rejects"]) == (len({r["tweet_id"] for r in rows}), 0)
    held = await pool.fetch(
        "SELECT m.external_id, v.text FROM mentions m JOIN mention_versions v ON v.mention_id = m.id"
    )
    assert {r["external_id"]: r["text"] for r in held} == {r["tweet_id"]: r["text"] for r in rows}
    assert await pool.fetchval("SELECT count(DISTINCT mention_id) FROM hearings WHERE topic = 'airline'") == len(rows)
    assert await pool.fetchval("SELECT count(*) FROM authors") == len({r["author"] for r in rows})
    work = "SELECT count(*) FROM conversations WHERE state <> 'done' OR unread OR due_at IS NOT NULL"
    assert await pool.fetchval(work) == 0
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    before = await fingerprint(pool)
    assert (await imported(dsn, tmp_path, "airline/airline.csv.gz", "--topic", "airline"))["new"] == 0
    assert await fingerprint(pool) == before


async def test_support_threads_are_joined_as_an_independent_reading_joins_them(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    rows = {r["tweet_id"]: r for r in rows_of("support/support_tweets.csv.gz")}

    def root(tweet_id: str) -> str:
        seen = set()
        while (row := rows.get(tweet_id)) and row["in_response_to_tweet_id"] and tweet_id not in seen:
            seen.add(tweet_id)
            tweet_id = row["in_response_to_tweet_id"]
        return tweet_id

    answered = set()  # (thread, customer): we answered them there, or they answered us
    for row in rows.values():
        parent = rows.get(row["in_response_to_tweet_id"])
        if parent is not None and parent["inbound"] != row["inbound"]:
            customer = row if row["inbound"] == "true" else parent
            answered.add((root(customer["tweet_id"]), customer["author_id"]))

    told = await imported(dsn, tmp_path, "support/support_tweets.csv.gz", "--ours", "inbound=false")
    assert (told["new"], told["rejects"]) == (len(rows), 0)
    held = {r["external_id"]: r for r in await pool.fetch("SELECT external_id, root, ours FROM mentions")}
    assert {i for i, r in held.items() if r["ours"]} == {i for i, r in rows.items() if r["inbound"] == "false"}
    assert {i: r["root"] for i, r in held.items()} == {i: root(i) for i in rows}
    found = {
        (r["root"], r["external_id"], r["origin_rule"])
        for r in await pool.fetch(
            "SELECT c.root, a.external_id, c.account_id = 0 AS origin_rule FROM conversations c"
            " JOIN authors a ON a.id = c.author_id WHERE c.merged_into IS NULL"
        )
    }
    assert {(thread, author) for thread, author, by_rule in found if not by_rule} == answered
    by_rule = {
        r["external_id"]
        for r in await pool.fetch("SELECT m.external_id FROM flags JOIN mentions m ON m.id = mention_id")
    }
    assert {thread for thread, _, free in found if free} <= {root(i) for i in by_rule}
    # Whatever the customer said in an answered thread is in one of its conversations.
    joined = {
        r["external_id"]
        for r in await pool.fetch(
            "SELECT DISTINCT m.external_id FROM conversation_mentions j JOIN mentions m ON m.id = j.mention_id WHERE NOT m.ours"
        )
    }
    said = {i for i, r in rows.items() if r["inbound"] == "true" and (root(i), r["author_id"]) in answered}
    assert said <= joined
    before = await fingerprint(pool)
    assert (await imported(dsn, tmp_path, "support/support_tweets.csv.gz", "--ours", "inbound=false"))["new"] == 0
    assert await fingerprint(pool) == before
