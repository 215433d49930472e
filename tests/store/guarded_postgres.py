"""A Postgres that asks for passwords, and one behind TLS: what an operator's own server is like."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from listener.store.embedded import embedded

SECRET = "s3cr@t/p?w#d:%"
LOOPBACK = "127.0.0.1"


def make_certificate(file: Path) -> Path:
    """A certificate for localhost that signs itself, and its key beside it."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    command += ["-keyout", str(file.with_suffix(".key")), "-out", str(file)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl, to make a certificate with, is not installed")
    return file


@contextlib.asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[str]:
    """A server that asks the role `ann` for her password (SCRAM); the address without one."""
    async with embedded(folder, settings={"fsync": "off"}) as server:
        rules = "local all postgres trust\nlocal all all scram-sha-256\n"
        (server.cluster / "pg_hba.conf").write_text(rules)
        admin = await asyncpg.connect(server.dsn())
        await admin.execute(f"CREATE ROLE ann LOGIN PASSWORD '{SECRET}'")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()
        yield str(server.socket_folder)


@contextlib.asynccontextmanager
async def tls_front(folder: str, *certificates: Path) -> AsyncIterator[int]:
    """A port that speaks TLS as Postgres does (it is asked in the clear first) and passes on to the server behind.

    With several certificates each connection gets the next one, and all further ones the last.
    """
    contexts = []
    for certificate in certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        contexts.append(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            assert await reader.readexactly(8) == struct.pack("!ii", 8, 80877103)
            writer.write(b"S")
            await writer.start_tls(contexts.pop(0) if len(contexts) > 1 else contexts[0])
            behind = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
            await asyncio.gather(pump(reader, behind[1]), pump(behind[0], writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
