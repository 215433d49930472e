"""A storm of people, listener, timekeepers and deliverers on one store: whatever the order, it all fits together afterwards."""

from __future__ import annotations

import random

from listener.store.connect import connect_pool
from tests.journeys.many_at_once import storm


async def test_whatever_many_do_at_once_it_all_fits_together_afterwards(dsn: str) -> None:
    seed = random.randrange(2**31)
    pool = await connect_pool(dsn, application_name="many at once", min_size=4, max_size=16)
    try:
        told = await storm(pool, seed)
    finally:
        await pool.close()
    print(f"seed {told.seed}", told.did)
    assert not told.wrong, "\n".join(told.wrong)
    for name in ("act", "claim", "queue", "undo", "heard", "delivered", "decide", "settle", "note", "mute"):
        assert told.did.get(name, 0) > 0, f"nobody came to {name}"
