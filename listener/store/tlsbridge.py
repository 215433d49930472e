"""TLS for Postgres' client programs: the wheel's are built without. Owns a private socket that leads through our own TLS.

The bridge goes exactly where a connection of ours has already been, with the same trust and the same host name; so pg_dump is
never less guarded than we are, also where the address leaves it to the server. Refuses to carry anything unencrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from listener.errors import FixMe
from listener.store.pgclient import environment_for

ASK_FOR_TLS = struct.pack("!ii", 8, 80877103)
PIECE = 1 << 16


@contextlib.asynccontextmanager
async def surroundings(connection: asyncpg.Connection, dsn: str) -> AsyncIterator[dict[str, str]]:
    """The environment for client programs, good for the length of the block: by the bridge if `connection` is encrypted."""
    environment = environment_for(dsn)
    tls = connection._transport.get_extra_info("ssl_object")  # asyncpg has no public way to ask
    if tls is None:
        yield environment
        return
    host, port = connection._addr
    with tempfile.TemporaryDirectory(prefix="hubbub-tls-") as folder:  # 0700
        bridge = _Bridge(host, port, tls.context, tls.server_hostname)
        server = await asyncio.start_unix_server(bridge.carry, Path(folder) / ".s.PGSQL.5432")
        async with server:
            plain = {name: value for name, value in environment.items() if not name.startswith("PGSSL")}
            yield {**plain, "PGHOST": folder, "PGPORT": "5432", "PGTARGETSESSIONATTRS": "any"}


class _Bridge:
    def __init__(self, host: str, port: int, trust: ssl.SSLContext, name: str | None) -> None:
        self._host = host
        self._port = port
        self._trust = trust
        self._name = name

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client program, to its end."""
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            try:
                far_writer.write(ASK_FOR_TLS)
                if await far_reader.readexactly(1) != b"S":
                    raise FixMe("the server does not offer TLS any more", where=f"{self._host}:{self._port}")
                await far_writer.start_tls(self._trust, server_hostname=self._name)
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            finally:
                far_writer.close()
        except (OSError, FixMe, asyncio.IncompleteReadError):
            pass  # the client program tells that its connection broke, and its caller tells the person
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
