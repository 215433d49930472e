"""A whole Hubbub on a pretend network, as real processes: started, killed, watched. Owns folders and processes; refuses to judge.

The database is the embedded one, in a folder of the journey's own (in memory where there is room), durable against kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import asyncpg

from listener.errors import HubbubError
from listener.store.connect import connect_pool
from listener.store.embedded import Server, server_in
from listener.store.programs import scratch_folder
from pretend.network import Network
from tests.postgres import memory

T = TypeVar("T")
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    HubbubError,
    asyncpg.UndefinedTableError,
)
"""What a database that was killed, or has no schema yet, makes of a question. Anything else is a mistake."""
SERVE = ("-m", "listener", "serve")

RULES = """\
topics:
  - key: larkspur
    title: Larkspur
    kind: brand
    query: larkspur
rules:
  - id: down
    title: Something is down
    owner: care
    scope: {addressed: yes, kinds: [brand]}
    when: down OR "works again"
    then: {priority: high, tags: [outage], reply within: 1h}
"""

SETTINGS = """\
[[brand]]
key = "larkspur"
name = "Larkspur"

[[account]]
brand = "larkspur"
source = "bluesky"
handle = "{handle}"
service = "{url}"
password_env = "LARKSPUR_PASSWORD"

[source.bluesky]
jetstream = "{stream}"
appview = "{url}"
pds = "{url}"
poll_seconds = {poll}

[rules]
folder = "rules"

[inbox]
hold_seconds = 0.5
"""


@dataclass(slots=True)
class Program:
    """One process of ours that is started again whenever it dies, as a supervisor would."""

    name: str
    arguments: Sequence[str]
    environ: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        """Starts it (again)."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self.environ,
                start_new_session=True,
                cwd=Path(__file__).parents[2],
            )
        self.starts += 1

    def is_alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, now."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def end(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, 30)

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


@dataclass(slots=True)
class Running:
    """Everything of one journey."""

    folder: Path
    network: Network
    server: Server
    environ: dict[str, str]
    programs: dict[str, Program] = field(default_factory=dict)
    _pool: asyncpg.Pool | None = None

    @property
    def pool(self) -> asyncpg.Pool:
        """The journey's own connections."""
        assert self._pool is not None
        return self._pool

    def program(self, name: str, *arguments: str, serve: Sequence[str] = SERVE) -> Program:
        """A listener, or a half of one, started."""
        config = ("--config", str(self.folder / "hubbub.toml"))
        made = Program(name, (*serve, *config, *arguments), self.environ, self.folder / f"{name}.log")
        self.programs[name] = made
        made.start()
        return made

    def postmaster(self) -> int:
        """The pid of Postgres."""
        pid = self.server.postmaster()
        assert pid is not None
        return pid

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster; its processes end by themselves."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.postmaster(), signal.SIGKILL)

    def supervise(self) -> list[str]:
        """Starts again whatever has died; their names."""
        dead = [program for program in self.programs.values() if not program.is_alive()]
        for program in dead:
            program.start()
        return [program.name for program in dead]

    def logs(self) -> str:
        """The ends of all logs, for a failing test."""
        return "\n".join(f"--- {name}\n{program.tail()}" for name, program in self.programs.items())


async def until(
    ask: Callable[[], Awaitable[T]], *, within: float = 60.0, every: float = 0.05, told: Callable[[], str] = str
) -> T:
    """The first true answer. Fails, with what `told` says, when there is none in time. A database that is away is no answer."""
    deadline = time.monotonic() + within
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = await ask()
            if last:
                return last
        except AWAY as err:
            last = err
        await asyncio.sleep(every)
    raise AssertionError(f"not within {within:g} s; last answer: {last!r}\n{told()}")


@contextlib.contextmanager
def _folder() -> Any:
    folder = scratch_folder("hubbub-journey-", under=memory())
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def running(
    network: Network, *, poll: float = 1.0, more: str = "", secrets: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Running]:
    """A house beside this network: settings written (and `more`), Postgres running, nothing else started yet. Ends whatever was started.

    `secrets` are put into the environment of what is started.
    """
    with _folder() as folder:
        (folder / "rules").mkdir()
        (folder / "rules" / "rules.yaml").write_text(RULES)
        stream = network.url.replace("http://", "ws://", 1)
        account = network.account
        text = SETTINGS.format(handle=account.handle, url=network.url, stream=stream, poll=poll)
        (folder / "hubbub.toml").write_text(text + more)
        environ = {**os.environ, **secrets, "HUBBUB_HOME": str(folder), "LARKSPUR_PASSWORD": account.password}
        for name in ("HUBBUB_DATABASE_URL", "HUBBUB_CONFIG", "HUBBUB_JETSTREAM"):
            environ.pop(name, None)
        server = server_in(folder / "postgres")
        house = Running(folder, network, server, environ)
        await server.join()
        try:
            await server.ensure_database("hubbub")
            house._pool = await connect_pool(server.dsn(), application_name="journey", min_size=0, max_size=4)
            yield house
        finally:
            for program in house.programs.values():
                program.kill()
            if house._pool is not None:
                house._pool.terminate()
            await server.leave()
