"""What every test may ask for: a fresh database (`dsn`, `pool`, `empty_dsn`), and on which Postgres it runs."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from listener.store.connect import connect_pool
from tests.postgres import TestServer, TestServers, make_corner, make_home, remove_home

NEWEST = 18
CHOICES = {"16": (16,), "18": (18,), "both": (16, 18)}
pytest_plugins = ["tests.peers.bluesky_network"]
# The machine is shared and noisy: how long an example took says nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
HOME = pytest.StashKey[Path | None]()
# Hundreds of programs are started here. Where what was compiled may not be kept, each compiles all that it imports once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        choices=sorted(CHOICES),
        default=None,
        help="which Postgres the tests run on (default: both for tests/store, 18 for the rest)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "own_schema: says nothing about the schema of a later commit (see test_last_release)"
    )
    config.addinivalue_line("markers", "newest: runs on the newest Postgres only, unless another one is asked for")
    config.stash[HOME] = make_home()
    # Under nohup, and in the background of a script, ^C is ignored from the beginning, by whatever is started too. Here it must be heard.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Six thousand tests and what they import stay until the end: no use in looking through them again and again for what may go."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(HOME, None)
    if home is not None:
        remove_home(home)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server_version" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--postgres")
    if chosen is None:
        chosen = "both" if Path(__file__).parent / "store" in metafunc.definition.path.parents else str(NEWEST)
    if chosen == "both" and metafunc.definition.get_closest_marker("newest"):
        chosen = str(NEWEST)
    versions = CHOICES[chosen]
    if versions != (NEWEST,):
        ids = [f"pg{version}" for version in versions]
        metafunc.parametrize("server_version", versions, indirect=True, ids=ids, scope="session")


@pytest.fixture(scope="session")
def server_version(request: pytest.FixtureRequest) -> int:
    """The major version of the Postgres that this test runs on."""
    return int(getattr(request, "param", NEWEST))


@pytest.fixture(scope="session")
def postgres_servers() -> Iterator[TestServers]:
    """All servers of this test run; most tests want `dsn` or `pool`."""
    servers = TestServers()
    yield servers
    servers.close()


@pytest.fixture
def postgres_server(postgres_servers: TestServers, server_version: int) -> TestServer:
    """The embedded server that this test runs on."""
    return postgres_servers.of(server_version)


@pytest.fixture
def dsn(postgres_server: TestServer) -> Iterator[str]:
    """The address of a fresh, migrated database of this test's own."""
    name = postgres_server.create()
    yield postgres_server.dsn(name)
    postgres_server.drop(name)


@pytest.fixture
def empty_dsn(postgres_server: TestServer) -> Iterator[str]:
    """The address of a fresh database without our schema."""
    name = postgres_server.create("template0")
    yield postgres_server.dsn(name)
    postgres_server.drop(name)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of connections into a fresh, migrated database."""
    pool = await connect_pool(dsn, application_name="tests", max_size=8)
    yield pool
    await pool.close()


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """An empty folder for an embedded server of the test's own, where also root's Postgres can reach it."""
    home = make_corner()
    yield home / "postgres"
    shutil.rmtree(home, ignore_errors=True)
