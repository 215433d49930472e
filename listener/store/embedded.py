"""The embedded Postgres: made, started, shared and stopped here. Owns one folder; refuses to guess from pids.

A data folder holds `cluster` (Postgres' own), `log`, and three lock files:

- `door.lock`    held for a moment by whoever starts or stops the server;
- `users.lock`   shared by every program that uses the server; who can have it alone was the last and stops the server;
- `server.lock`  opened for Postgres and inherited by all its processes: free means that none of them lives.

*Running* means that a connection answers. Zombies, reused pids and stale pid files therefore cannot deceive us, and the
orphans of a killed Postgres are waited for. It listens on a Unix socket only and trusts whoever can reach that: one OS user.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import signal
import stat
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from listener.errors import FixMe
from listener.store.datafolder import (
    SOCKET,
    make_folder,
    open_log,
    remove_tree,
    same_folder,
    socket_folder,
    start_failed,
    told,
)
from listener.store.locks import PATIENCE, POLL, FileLock
from listener.store.programs import Programs, programs_for

SUPERUSER = "postgres"
STOP_WITHIN = 60.0  # seconds to stop after it was asked to
ANSWERS_WITHIN = 5.0  # seconds in which a server that is ready answers a question
UNREADY_WITHIN = 5.0  # seconds for one that is still recovering to become ready to be asked
CREATE_DATABASE = 'CREATE DATABASE "{}"'
WHICH_CLUSTER = "SHOW data_directory"
DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = $1"

# Terse: the details of an error quote rows, and a person's text must not reach a log.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "client_connection_check_interval": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "on",
    "log_filename": "postgres-%w.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

Say = Callable[[str], None]


def _say_nothing(_: str) -> None:
    pass


class _Answer(enum.Enum):
    YES = "yes"  # a connection to our own cluster was made
    NOT_YET = "not yet"  # Postgres answers that it is starting, recovering or stopping, or does not answer in time
    NOBODY = "nobody"  # nobody listens


@dataclass(slots=True)
class Server:
    """A running embedded Postgres, as one program uses it."""

    data: Path
    programs: Programs
    socket_folder: Path
    _say: Say
    _settings: Mapping[str, str]
    _users: FileLock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._users = self._lock("users")

    @property
    def cluster(self) -> Path:
        """Postgres' own data folder."""
        return self.data / "cluster"

    @property
    def version(self) -> int:
        """The major version of the programs."""
        return self.programs.version

    def dsn(self, database: str = "hubbub", user: str = SUPERUSER) -> str:
        """The address of one database of this server. It holds no password: the socket's folder is the guard."""
        return f"postgresql://{quote(user)}@/{quote(database, safe='')}?host={quote(str(self.socket_folder), safe='')}"

    def postmaster(self) -> int | None:
        """The pid that Postgres wrote into its folder. It may be stale; good for a message and for tests that kill."""
        lines = self._pid_file()
        return int(lines[0]) if lines else None

    async def ensure_running(self) -> None:
        """Starts the server again if it has died under us; of several programs that ask at once, one does it."""
        async with self._door():
            await self._bring_up()

    async def ensure_database(self, database: str) -> None:
        """Creates the database if it is missing."""
        connection = await asyncpg.connect(self.dsn(SUPERUSER), timeout=60)
        try:
            if await connection.fetchval(DATABASE_EXISTS, database) is None:
                with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    await connection.execute(CREATE_DATABASE.format(database.replace('"', '""')))
        finally:
            await connection.close()

    async def join(self) -> None:
        """Becomes a user of the server, which runs when this returns. `leave` must follow."""
        async with self._door():
            self._users.try_shared()
            await self._bring_up()

    async def leave(self) -> None:
        """Stops being a user. The last one stops the server."""
        try:
            async with self._door():
                if self._users.try_exclusive():
                    await self._shut_down()
        finally:
            self._users.release()

    # -- inside: everything below runs with the door locked ---------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _door(self) -> AsyncIterator[None]:
        door = self._lock("door")
        try:
            await door.exclusive(lambda: self._say("waiting for another program that starts or stops the database"))
            yield
        finally:
            door.release()

    def _lock(self, name: str) -> FileLock:
        user = self.programs.user
        return FileLock(self.data / f"{name}.lock", (user.uid, user.gid) if user else None)

    async def _bring_up(self) -> None:
        started = False
        waiting = _Patience(self._say)
        self._check_version()
        while True:
            answer = await self._probe()
            if answer is _Answer.YES:
                return
            lock = self._lock("server")
            try:
                if lock.try_exclusive():
                    if started:
                        raise start_failed(self.data)
                    await self._prepare(lock)
                    await self._launch(lock)
                    started = True
                    waiting = _Patience(self._say)
            finally:
                lock.release()
            if answer is _Answer.NOT_YET:
                waiting.tell("waiting for the database to get ready; after a crash this can take minutes")
            elif not started:
                waiting.tell("waiting for processes of a killed database server to end")
            else:
                waiting.tell("waiting for the database server to start")
            await asyncio.sleep(POLL)

    async def _probe(self) -> _Answer:
        lines = self._pid_file()
        if len(lines) >= 5 and lines[4]:
            self.socket_folder = Path(lines[4])
        try:
            connection = await asyncpg.connect(self.dsn(SUPERUSER), timeout=ANSWERS_WITHIN)
        except asyncpg.CannotConnectNowError:
            return _Answer.NOT_YET
        except (asyncpg.TooManyConnectionsError, asyncpg.InvalidCatalogNameError):
            return _Answer.YES
        except TimeoutError:
            return _Answer.NOT_YET
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return _Answer.NOBODY
        try:
            found = await connection.fetchval(WHICH_CLUSTER, timeout=ANSWERS_WITHIN)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return _Answer.NOT_YET
        finally:
            connection.terminate()
        # A copied data folder brings along a pid file that points to the original's socket.
        return _Answer.YES if same_folder(found, self.cluster) else _Answer.NOBODY

    def _pid_file(self) -> list[str]:
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []
        return [line.strip() for line in lines] if lines and lines[0].strip().lstrip("-").isdigit() else []

    async def _prepare(self, lock: FileLock) -> None:
        """The data folder and the cluster in it, made if missing. Nobody runs in it now."""
        if not (self.cluster / "PG_VERSION").exists():
            self._say("making a new database")
            await self._initdb(lock)
        self.socket_folder = socket_folder(self.data, self.programs)
        for name in (SOCKET, f"{SOCKET}.lock"):
            (self.socket_folder / name).unlink(missing_ok=True)

    def _check_version(self) -> None:
        try:
            found = (self.cluster / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != str(self.version):
            raise FixMe(
                f"this data folder was made by Postgres {found}; this program starts Postgres {self.version}",
                where=str(self.data),
                hint=f"start it with version {found}, or back it up with that and restore into a new folder",
            )

    async def _initdb(self, lock: FileLock) -> None:
        half = self.data / "cluster.new"
        remove_tree(half)
        command = ["initdb", "--pgdata", str(half), "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8"]
        command += ["--no-locale", "--data-checksums", "--no-instructions"]
        if self._settings.get("fsync") == "off":
            command.append("--no-sync")
        code, output = await self._run(command, lock)
        if code != 0:
            remove_tree(half)
            raise told(output, self.data, "the database could not be made")
        half.rename(self.cluster)

    async def _run(self, command: list[str], lock: FileLock) -> tuple[int, str]:
        """The program gets the lock too: if we are killed, the next starter waits for it instead of tearing up its work."""
        process = await asyncio.create_subprocess_exec(
            self.programs.path(command[0]),
            *command[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock.fileno(),),
            **self._surroundings(),
        )
        try:
            output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return process.returncode or 0, output.decode(errors="replace")

    def _surroundings(self) -> dict[str, Any]:
        """Postgres gets none of our environment (it may hold secrets), and for root an OS user of its own."""
        found: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": os.defpath, "LC_ALL": "C", "PG_GRANDPARENT_PID": str(os.getpid())},
        }
        user = self.programs.user
        if user is not None:
            found |= {"user": user.uid, "group": user.gid, "extra_groups": []}
        return found

    async def _launch(self, lock: FileLock) -> None:
        """Starts Postgres in a session of its own, so that neither our death nor our Ctrl-C reaches it.

        The shell is there to die at once: Postgres is then nobody's child, and cannot become our zombie.
        """
        self._disown_pid_file()
        settings = {**SETTINGS, "log_directory": str(self.data / "log"), **self._settings}
        settings["unix_socket_directories"] = str(self.socket_folder)
        arguments = [self.programs.path("postgres"), "-D", str(self.cluster)]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        log = open_log(self.data, self.programs)
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                '"$@" &',
                "sh",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
                **self._surroundings(),
            )
        finally:
            os.close(log)
        await process.wait()

    def _disown_pid_file(self) -> None:
        """Puts our own pid into a stale pid file: Postgres takes its starter's pid for stale, whoever has the old one now.

        The file is not deleted, because Postgres also checks in it that no old process still has the shared memory.
        """
        path = self.cluster / "postmaster.pid"
        lines = self._pid_file()
        if not lines:
            path.unlink(missing_ok=True)
            return
        rest = path.read_bytes().split(b"\n", 1)[1:]
        found = path.stat()
        half = path.with_name("postmaster.pid.new")
        half.write_bytes(b"\n".join([str(os.getpid()).encode(), *rest]))
        half.chmod(stat.S_IMODE(found.st_mode))
        if os.geteuid() == 0:
            os.chown(half, found.st_uid, found.st_gid)
        half.rename(path)

    async def _shut_down(self) -> None:
        waiting = _Patience(self._say)
        asked = False
        lock = self._lock("server")
        started = time.monotonic()
        try:
            while not lock.try_exclusive():
                # Only a pid file whose server has just answered names a process that is surely Postgres.
                if not asked and await self._probe() is _Answer.YES and (pid := self.postmaster()):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGINT)
                    asked = True
                waiting.tell("waiting for the database to write everything down and stop")
                if time.monotonic() - started > (STOP_WITHIN if asked else UNREADY_WITHIN):
                    self._say("the database is not ready to stop; it is left to itself, the next program takes it over")
                    return
                await asyncio.sleep(POLL)
            if not self.socket_folder.is_relative_to(self.data):
                with contextlib.suppress(OSError):
                    self.socket_folder.rmdir()
        finally:
            lock.release()


class _Patience:
    """Says each thing once, and only when waiting has taken a while."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._since = time.monotonic()
        self._told: set[str] = set()

    def tell(self, text: str) -> None:
        if text not in self._told and time.monotonic() - self._since > PATIENCE:
            self._told.add(text)
            self._say(text)


@contextlib.asynccontextmanager
async def embedded(
    data: Path,
    *,
    version: int = 18,
    say: Say = _say_nothing,
    settings: Mapping[str, str] | None = None,
    database: str | None = "hubbub",
) -> AsyncIterator[Server]:
    """The embedded server with that data folder, running: started if need be, shared with every other program that uses it.

    `say` gets a line when something takes long. `settings` are Postgres' own and count for whoever starts the server.
    `database` is created if missing. Raises FixMe when the folder cannot be used.
    """
    server = server_in(data, version=version, say=say, settings=settings)
    try:
        await server.join()
        if database is not None:
            await server.ensure_database(database)
        yield server
    finally:
        await server.leave()


def server_in(
    data: Path, *, version: int = 18, say: Say = _say_nothing, settings: Mapping[str, str] | None = None
) -> Server:
    """The server of a data folder, not yet joined, for callers that cannot use a `with` block: `join`, then `leave`.

    `leave` alone stops a server which all its users have left by dying. Raises FixMe when the folder cannot be used.
    """
    data = data.expanduser().absolute()
    programs = programs_for(data, version)
    make_folder(data, programs)
    return Server(data, programs, data / "run", say, dict(settings or {}))
