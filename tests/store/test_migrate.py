"""Forward-only migrations: applied once, by one of many, and never onto a database that this program does not know."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from listener.errors import FixMe
from listener.store.connect import connect
from listener.store.migrate import migrate, require_current, schema_version, shipped

FIRST = "CREATE TABLE things (id int PRIMARY KEY);"
SECOND = "ALTER TABLE things ADD COLUMN name text; INSERT INTO things VALUES (1, 'one');"


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(sql)
    return folder


@pytest.mark.own_schema
async def test_the_shipped_schema_is_current_after_migrating(dsn: str) -> None:
    connection = await connect(dsn, application_name="tests")
    assert await schema_version(connection) == len(shipped()) >= 1
    await require_current(connection)
    await connection.close()


async def test_each_migration_is_applied_once_and_recorded(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    assert await schema_version(connection) == 0
    said: list[str] = []
    folder = write(tmp_path, m0001_first=FIRST)
    assert await migrate(connection, known=shipped(folder), say=said.append) == 1
    write(tmp_path, m0002_then_more=SECOND)
    assert await migrate(connection, known=shipped(folder), say=said.append) == 2
    assert await migrate(connection, known=shipped(folder), say=said.append) == 2
    assert said == ["schema 1: first", "schema 2: then more"]
    rows = await connection.fetch("SELECT number, name, length(sha256) AS digits, program FROM migrations ORDER BY 1")
    assert [(row["number"], row["name"], row["digits"]) for row in rows] == [(1, "first", 64), (2, "then_more", 64)]
    assert all(row["program"] for row in rows)
    assert await connection.fetchval("SELECT count(*) FROM things") == 1
    await connection.close()


async def test_a_failing_migration_leaves_nothing_behind(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    folder = write(tmp_path, m0001_first=FIRST, m0002_bad="CREATE TABLE half (id int); SELECT 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(connection, known=shipped(folder))
    assert await schema_version(connection) == 1
    assert await connection.fetchval("SELECT to_regclass('hubbub.half')") is None
    # The lock is free again: another program gets on.
    other = await connect(empty_dsn, application_name="tests")
    write(tmp_path, m0002_bad=SECOND)
    assert await asyncio.wait_for(migrate(other, known=shipped(folder)), 10) == 2
    await connection.close()
    await other.close()


async def test_a_migration_that_cannot_be_recorded_is_not_applied(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    spoiler = "CREATE TABLE half (id int); ALTER TABLE migrations ADD CHECK (number < 2);"
    with pytest.raises(Exception, match="check constraint"):
        await migrate(connection, known=shipped(write(tmp_path, m0001_first=FIRST, m0002_spoils=spoiler)))
    assert await schema_version(connection) == 1
    assert await connection.fetchval("SELECT to_regclass('hubbub.half')") is None
    await connection.close()


async def test_a_database_newer_than_the_program_is_refused(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    newer = shipped(write(tmp_path, m0001_first=FIRST, m0002_second=SECOND))
    await migrate(connection, known=newer)
    for refused in (migrate(connection, known=newer[:1]), require_current(connection, newer[:1])):
        with pytest.raises(FixMe, match=r"made by a newer Hubbub \(schema 2, this program knows 1\)") as caught:
            await refused
        assert caught.value.hint == "upgrade the program"
    await connection.close()


async def test_a_database_older_than_the_program_is_told(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    known = shipped(write(tmp_path, m0001_first=FIRST, m0002_second=SECOND))
    await migrate(connection, known=known[:1])
    with pytest.raises(FixMe, match="has schema 1, this program needs 2"):
        await require_current(connection, known)
    await connection.close()


async def test_a_changed_migration_is_refused(empty_dsn: str, tmp_path: Path) -> None:
    connection = await connect(empty_dsn, application_name="tests")
    folder = write(tmp_path, m0001_first=FIRST)
    await migrate(connection, known=shipped(folder))
    write(tmp_path, m0001_first=FIRST + "-- a second thought", m0002_second=SECOND)
    with pytest.raises(FixMe, match="0001_first was changed after it had been applied"):
        await migrate(connection, known=shipped(folder))
    assert await schema_version(connection) == 1
    await connection.close()


async def test_line_ends_of_a_checkout_do_not_count_as_a_change(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = shipped(tmp_path)
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert shipped(tmp_path) == unix


@pytest.mark.parametrize(
    "names", [["0001_a", "0003_c"], ["0002_b"], ["0001_a", "0001_b"], ["1_a"]], ids=["hole", "start", "double", "name"]
)
def test_a_folder_with_holes_is_refused(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / f"{name}.sql").write_text("SELECT 1;")
    with pytest.raises(FixMe):
        shipped(tmp_path)


async def test_of_five_programs_at_once_one_migrates(empty_dsn: str, tmp_path: Path) -> None:
    slow = "SELECT pg_sleep(0.3); CREATE TABLE things (id int PRIMARY KEY);"
    known = shipped(write(tmp_path, m0001_slow=slow, m0002_second=SECOND))
    said: list[str] = []
    connections = [await connect(empty_dsn, application_name=f"program {n}") for n in range(5)]
    assert await asyncio.gather(*(migrate(c, known=known, say=said.append) for c in connections)) == [2] * 5
    assert said == ["schema 1: slow", "schema 2: second"]
    assert await connections[0].fetchval("SELECT count(*) FROM things") == 1
    for connection in connections:
        await connection.close()
