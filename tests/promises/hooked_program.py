"""A program with a door and the stream behind it, for tests that kill it: `python -m tests.promises.hooked_program DSN PORT`."""

from __future__ import annotations

import asyncio
import sys

from listener.service.hooks.door import Door, Way
from listener.service.hooks.stream import DeliveryStream
from listener.settings import Door as DoorSettings
from listener.store.connect import connect_pool
from tests.promises.hooked import HOOKED, Hall, News, now


async def main(dsn: str, port: int) -> None:
    """Until it is killed."""
    pool = await connect_pool(dsn, application_name="hooked", max_size=4)
    async with Hall.built(dsn, pool) as hall:
        bell = hall.bells.delivered(HOOKED)
        hall.ear(DeliveryStream(HOOKED, News(), hall.house, bell, hall.stop, now))
        settings = DoorSettings(port=port, per_minute=1e6)
        await Door(settings, {"news": Way(HOOKED, News())}, hall.house, hall.stop, now).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
