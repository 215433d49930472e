"""What the fixtures promise every other test: a database of one's own, migrated, empty, and gone afterwards."""

from __future__ import annotations

import asyncpg
import pytest

from listener.store.connect import connect
from tests.postgres import TestServer

ADD = "INSERT INTO people (login, name) VALUES ('ann', 'Ann')"


@pytest.mark.parametrize("time", [1, 2])
async def test_a_fresh_database_is_migrated_and_empty(pool: asyncpg.Pool, time: int) -> None:
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM people") == 0
        await connection.execute(ADD)
        assert await connection.fetchval("SELECT name FROM people WHERE login = 'ann'") == "Ann"


async def test_the_chosen_postgres_is_the_one_that_runs(pool: asyncpg.Pool, server_version: int) -> None:
    async with pool.acquire() as connection:
        assert connection.get_server_version().major == server_version


def test_databases_do_not_pile_up(postgres_server: TestServer) -> None:
    one = postgres_server.create()
    other = postgres_server.create()
    assert one != other
    for name in (one, other):
        postgres_server.drop(name)
    assert not {one, other} & set(postgres_server.databases())


async def test_a_database_goes_away_whoever_is_connected(postgres_server: TestServer) -> None:
    name = postgres_server.create()
    connection = await connect(postgres_server.dsn(name), application_name="tests")
    postgres_server.drop(name)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()
