"""A storm of people, listener, timekeepers and deliverers on one store: whatever the order, it all fits together afterwards.

`STORM_SEED=… pytest tests/journeys/test_many_at_once.py` throws the dice of an earlier storm again; `make soak` blows longer, with more people.
"""

from __future__ import annotations

import os
import random

from listener.store.connect import connect_pool
from tests.journeys.many_at_once import storm


async def test_whatever_many_do_at_once_it_all_fits_together_afterwards(dsn: str) -> None:
    seed = int(os.environ.get("STORM_SEED") or random.randrange(2**31))
    print(f"again with: STORM_SEED={seed}")
    pool = await connect_pool(dsn, application_name="many at once", min_size=4, max_size=16)
    try:
        told = await storm(pool, seed, people_n=8, seconds=4)
    finally:
        await pool.close()
    print(told.did)
    assert not told.wrong, "\n".join(told.wrong)
    for name in ("act", "claim", "queue", "undo", "heard", "delivered", "decide", "settle", "note", "mute"):
        assert told.did.get(name, 0) > 0, f"nobody came to {name}"
