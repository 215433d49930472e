"""A program that uses an embedded server, for tests that kill it. Speaks lines: reads commands, answers each with one line.

`python -m tests.store.embedded_client FOLDER VERSION [--adopt]`: joins, says `ready PID`; then `ensure` (starts the server again
if it died), `leave`, end of input likewise. What the server says to people is passed on as `said TEXT`. With --adopt the
program becomes the parent of orphans, so that a killed Postgres stays a zombie for as long as the program lives. With --block
it uses the server in a `with` block, as the house's own programs do, and only waits.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from pathlib import Path

from listener.errors import HubbubError
from listener.store.embedded import embedded, server_in

PR_SET_CHILD_SUBREAPER = 36


def said(text: str) -> None:
    print("said", text, flush=True)


async def main(folder: str, version: str, *options: str) -> None:
    if "--adopt" in options:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        if "--block" in options:
            async with embedded(Path(folder), version=int(version), say=said, settings={"fsync": "off"}) as server:
                print("ready", server.postmaster(), server.socket_folder, flush=True)
                await asyncio.Event().wait()
        server = server_in(Path(folder), version=int(version), say=said, settings={"fsync": "off"})
        await server.join()
        print("ready", server.postmaster(), server.socket_folder, flush=True)
        while (line := await asyncio.to_thread(sys.stdin.readline)).strip() == "ensure":
            await server.ensure_running()
            print("ready", server.postmaster(), server.socket_folder, flush=True)
        await server.leave()
        print("left", line.strip() or "alone", flush=True)
    except HubbubError as err:
        print("refused", type(err).__name__, str(err).replace("\n", " "), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
