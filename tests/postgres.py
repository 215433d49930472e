"""The Postgres of the tests: one embedded server per version and test run, one fresh database per test.

All workers of a run share the server (a second initdb costs more than sharing does). A migrated template is made once and
cloned per test. Everything lies in one temp folder that the run deletes; what killed runs left behind is swept up. That
folder is in memory (/dev/shm) where there is room: cloning a database makes 350 files, which is 15 ms there and 30 to 400 ms
on a disk, depending on who else writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from listener.errors import HubbubError
from listener.store.connect import connect
from listener.store.embedded import Server, server_in
from listener.store.migrate import migrate, shipped
from listener.store.programs import scratch_folder

T = TypeVar("T")

PREFIX = "hubbub-tests-"
ENVIRONMENT = "HUBBUB_TEST_POSTGRES"
# A folder of migrations to use instead of this commit's own: how the store tests of a release are run on a newer schema.
MIGRATIONS = "HUBBUB_TEST_MIGRATIONS"
TEMPLATE = "template_hubbub"
MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes free, for a run with many databases at once
# Fast and careless: a test database that dies with the machine is no loss.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "150",
    "shared_buffers": "128MB",
    "log_statement": "none",
}


class TestServer:
    """One embedded server, worked from a thread of its own, so that any test's event loop may use it."""

    __test__ = False
    _names = itertools.count(1)

    def __init__(self, data: Path, version: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"postgres-{version}", daemon=True)
        self._thread.start()
        self.version = version
        self.server: Server = server_in(data, version=version, settings=SETTINGS)
        self._admin = self._do(self._begin())

    def dsn(self, database: str) -> str:
        """The address of a database."""
        return self.server.dsn(database)

    def create(self, template: str = TEMPLATE) -> str:
        """A fresh database; returns its name. `template0` gives an empty one."""
        name = f"t{os.getpid()}_{next(self._names)}"
        self._do(self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
        return name

    def drop(self, name: str) -> None:
        """Deletes a database, whoever is still connected."""
        self._do(self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def databases(self) -> list[str]:
        """The names of all databases there are."""
        return [row[0] for row in self._do(self._admin.fetch("SELECT datname FROM pg_database"))]

    def close(self) -> None:
        """Leaves the server; the last worker stops it."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    async def _begin(self) -> asyncpg.Connection:
        await self.server.join()
        admin = await asyncpg.connect(self.server.dsn("postgres"))
        await admin.execute("SELECT pg_advisory_lock(1)")
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            await self._make_template(admin)
        await admin.execute("SELECT pg_advisory_unlock(1)")
        return admin

    async def _make_template(self, admin: asyncpg.Connection) -> None:
        half = f"{TEMPLATE}_half"
        await admin.execute(f"DROP DATABASE IF EXISTS {half} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {half} TEMPLATE template0")
        connection = await connect(self.server.dsn(half), application_name="tests")
        newer = os.environ.get(MIGRATIONS)
        await migrate(connection, known=shipped(Path(newer)) if newer else None)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()
        await admin.execute(f"ALTER DATABASE {half} RENAME TO {TEMPLATE}")
        await admin.execute(f"ALTER DATABASE {TEMPLATE} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true")

    async def _end(self) -> None:
        await self._admin.close()
        await self.server.leave()


class TestServers:
    """The servers that this worker has joined."""

    __test__ = False

    def __init__(self) -> None:
        self._running: dict[int, TestServer] = {}

    def of(self, version: int) -> TestServer:
        """The server of that version, started at the first call."""
        if version not in self._running:
            self._running[version] = TestServer(Path(os.environ[ENVIRONMENT]) / f"pg{version}", version)
        return self._running[version]

    def close(self) -> None:
        """Leaves them all."""
        for server in self._running.values():
            server.close()


def make_home() -> Path | None:
    """The run's folder, made by its first process and handed down by the environment; None in all others."""
    if ENVIRONMENT in os.environ:
        return None
    _sweep()
    home = scratch_folder(PREFIX, under=memory())
    home.chmod(0o711)  # for root: the database's own user must get through
    (home / "run.pid").write_text(str(os.getpid()))
    os.environ[ENVIRONMENT] = str(home)
    return home


def make_corner() -> Path:
    """A new folder in the run's, for a test with a server of its own: what it leaves running is stopped with the rest."""
    corner = Path(tempfile.mkdtemp(prefix="own-", dir=os.environ[ENVIRONMENT]))
    corner.chmod(0o711)
    return corner


def remove_home(home: Path) -> None:
    """Deletes the run's folder, after its last server stopped."""
    os.environ.pop(ENVIRONMENT, None)
    _stop_all(home)
    shutil.rmtree(home, ignore_errors=True)


def memory() -> Path | None:
    """The folder in memory, unless TMPDIR says where to be, or it is small (in containers it often is)."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize > ROOM and os.access(MEMORY, os.W_OK)
    return MEMORY if roomy and "TMPDIR" not in os.environ else None


def _sweep() -> None:
    for home in [*Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), *MEMORY.glob(f"{PREFIX}*")]:
        try:
            os.kill(int((home / "run.pid").read_text()), 0)
        except ProcessLookupError:
            remove_home(home)
        except (OSError, ValueError):
            continue


def _stop_all(home: Path) -> None:
    for found in home.rglob("cluster/PG_VERSION"):
        with contextlib.suppress(HubbubError, ValueError):
            asyncio.run(server_in(found.parents[1], version=int(found.read_text())).leave())
