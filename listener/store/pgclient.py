"""Postgres' own client programs (pg_dump, pg_restore) against any address. Owns how they are told where to connect.

Everything goes by their environment: nothing of an address, least of all its password, shows in a list of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from listener.errors import FixMe
from listener.store.programs import VERSIONS, wheel_programs

PIECE = 1 << 20  # bytes

Take = Callable[[bytes], None]

# Parameters of an address that the client programs know by an environment variable; the aliases are asyncpg's.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "database": "PGDATABASE",
    "dbname": "PGDATABASE",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
}


def environment_for(dsn: str) -> dict[str, str]:
    """What to put around a client program so that it connects to that address."""
    url = urlsplit(dsn)
    login, _, hosts = url.netloc.rpartition("@")
    user, _, password = login.partition(":")
    names: list[str] = []
    ports: list[str] = []
    for place in filter(None, hosts.split(",")):
        match = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d*))?", place)
        if match is None:
            raise FixMe("the database's address cannot be read", hint="postgresql://user:password@host:port/database")
        names.append(unquote(match["host"].strip("[]")))
        ports.append(match["port"] or "")
    found = {
        "PGHOST": ",".join(names),
        "PGPORT": ",".join(ports) if any(ports) else "",
        "PGUSER": unquote(user),
        "PGPASSWORD": unquote(password),
        "PGDATABASE": unquote(url.path.lstrip("/")),
    }
    for name, values in parse_qs(url.query).items():
        variable = _VARIABLES.get(name)
        if variable is not None:
            found[variable] = values[-1]
    inherited = {k: v for k, v in os.environ.items() if k.startswith("PG") or k in ("PATH", "HOME", "SSL_CERT_FILE")}
    return {**inherited, **{k: v for k, v in found.items() if v}, "LC_ALL": "C"}


def client_program(name: str, major: int) -> str:
    """The program of that server's version, else the nearest newer one: the wheel's, or one on the PATH. FixMe if none."""
    for version in sorted(VERSIONS):
        if version >= major:
            return str(wheel_programs(version) / name)
    found = shutil.which(name)
    if found is not None:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
        match = re.search(r"(\d+)(\.\d+|devel|beta|rc)", said)
        if match is not None and int(match[1]) >= major:
            return found
    raise FixMe(
        f"the server is Postgres {major}, newer than the {name} that comes with this program ({max(VERSIONS)})",
        hint=f"install {name} of version {major}, so that it is on the PATH",
    )


async def run(
    command: list[str], environment: Mapping[str, str], what: str, where: Path | str, take: Take | None = None
) -> None:
    """Runs a client program to its end; `take` gets what it prints, in pieces. FixMe with its complaint when it fails.

    `what` failed and `where` are for that error. It has no terminal to ask a password from.
    """
    with tempfile.TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101  (it was asked for)
        try:
            while piece := await process.stdout.read(PIECE):
                if take is not None:
                    take(piece)
            code = await process.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if code != 0:
            complaints.seek(0)
            raise _told(complaints.read(65536).decode(errors="replace"), what, where)


async def run_chain(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], what: str, where: Path | str
) -> None:
    """Runs programs, each reading what the one before prints. FixMe with all complaints when any of them fails."""
    started: list[asyncio.subprocess.Process] = []
    with tempfile.TemporaryFile() as complaints:
        source: int = os.open(os.devnull, os.O_RDONLY)
        try:
            for number, command in enumerate(commands, start=1):
                reader, writer = os.pipe() if number < len(commands) else (-1, os.open(os.devnull, os.O_WRONLY))
                try:
                    process = await asyncio.create_subprocess_exec(
                        *command,
                        env=dict(environment),
                        stdin=source,
                        stdout=writer,
                        stderr=complaints,
                        start_new_session=True,
                    )
                finally:
                    os.close(source)
                    os.close(writer)
                    source = reader
                started.append(process)
            codes = [await process.wait() for process in started]
        except BaseException:
            for process in started:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            raise
        if any(codes):
            complaints.seek(0)
            raise _told(complaints.read(65536).decode(errors="replace"), what, where)


def _told(output: str, what: str, where: Path | str) -> FixMe:
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return FixMe(f"{what}: the disk is full", where=str(where), hint="free some space and try again", code="53100")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()] or lines or ["it said nothing"]
    return FixMe(f"{what}: {telling[0]}", where=str(where))
