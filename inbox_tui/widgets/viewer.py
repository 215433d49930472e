"""A picture in the system's own viewer, from a private file that is gone afterwards. Refuses to draw one, and to choose what it is opened with.

The file is what was read from the database: nothing of it is interpreted here. Its name is ours; a name from elsewhere is never an argument.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from listener.errors import Refused
from listener.pictures import JPEG, PNG, WEBP

ENDINGS = {JPEG: ".jpg", PNG: ".png", WEBP: ".webp"}

STAYS = 60.0
"""Seconds for which the file stays once the opener has ended: most hand it on to a viewer, which takes a moment to read it."""


def opener() -> str:
    """The program that opens a file with whatever the desktop shows pictures with. Raises `Refused` where there is none."""
    name = "open" if sys.platform == "darwin" else "xdg-open"
    found = shutil.which(name)
    if found is None:
        raise Refused(
            f"a picture cannot be shown from here: there is no program {name}", hint="its words say what is on it"
        )
    return found


async def show(media_type: str, content: bytes) -> None:
    """Until it has been shown, and its file is gone. Raises `Refused` where it cannot be. Cancelled, the file goes at once."""
    program = opener()
    folder = Path(tempfile.mkdtemp(prefix="hubbub-"))
    try:
        file = folder / f"picture{ENDINGS[media_type]}"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
            to.write(content)
        code = await _opened(program, file)
        if code:
            raise Refused(f"the picture was not shown: {Path(program).name} ended with {code}")
        await asyncio.sleep(STAYS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _opened(program: str, file: Path) -> int:
    """Its exit code. It has no part of the terminal, and outlives nobody who waits for it."""
    nothing = asyncio.subprocess.DEVNULL
    try:
        child = await asyncio.create_subprocess_exec(
            program, str(file), stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
    except OSError as err:
        raise Refused(f"the picture was not shown: {err.strerror}") from None
    return await child.wait()
