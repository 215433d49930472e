"""Programs at work: who listens, since when, last sign of life, and its figures. Owns the `programs` table.

A row says what a program last told of itself; whether it still lives is the reader's to judge by `beat_at`. Refuses text of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.store.connect import acquired

_BEAT = """
INSERT INTO programs AS p (name, host, pid, version, started_at, beat_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version,
    started_at = excluded.started_at, beat_at = excluded.beat_at, state = excluded.state
"""

_GONE = "DELETE FROM programs WHERE name = $1 AND host = $2 AND pid = $3"

_PROGRAMS = "SELECT name, host, pid, version, started_at, beat_at, state FROM programs ORDER BY name"


@dataclass(frozen=True, slots=True)
class Program:
    """A program's row."""

    name: str
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    state: Mapping[str, Any]


async def beat(pool: asyncpg.Pool, program: Program) -> None:
    """A sign of life, with the program's figures."""
    row = (program.name, program.host, program.pid, program.version, program.started_at, program.beat_at)
    async with acquired(pool) as connection:
        await connection.execute(_BEAT, *row, dict(program.state))


async def answers(pool: asyncpg.Pool) -> None:
    """Whether the database answers: TryAgain or FixMe when it does not."""
    async with acquired(pool) as connection:
        await connection.execute("SELECT 1")


async def gone(pool: asyncpg.Pool, name: str, host: str, pid: int) -> None:
    """The program ended in good order; another one's row stays."""
    async with acquired(pool) as connection:
        await connection.execute(_GONE, name, host, pid)


async def programs(pool: asyncpg.Pool) -> list[Program]:
    """All programs that did not end in good order, dead or alive."""
    async with acquired(pool) as connection:
        return [Program(**dict(row)) for row in await connection.fetch(_PROGRAMS)]
