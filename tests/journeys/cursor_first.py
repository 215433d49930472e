"""A listener with a planted bug, for one test: it saves the bookmark before the data, so a kill between the two loses mentions.

Run as `python -m tests.journeys.cursor_first --config FILE --only listen`, in place of `hubbub serve`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from listener import settings
from listener.model.heard import Batch
from listener.service import logs
from listener.service.run import serve
from listener.store.connect import Pool
from listener.store.record import Hear, Judge, Recorded, record

BETWEEN = 0.3


async def cursor_first(
    pool: Pool, source_id: int, batch: Batch, hear: Hear, judge: Judge, *, expect: str | None, now: datetime
) -> Recorded:
    """What other programs do: bookmark, then, a little later, the items."""
    if batch.cursor is not None:
        empty = replace(batch, items=(), gaps=(), heard=0)
        await record(pool, source_id, empty, hear, judge, expect=expect, now=now)
        await asyncio.sleep(BETWEEN)
    return await record(pool, source_id, replace(batch, cursor=None), hear, judge, expect=None, now=now)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    logs.set_up(None)
    sys.exit(asyncio.run(serve(settings.load(arguments.config), only=arguments.only, recorder=cursor_first)))
