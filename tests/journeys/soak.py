"""`python -m tests.journeys.soak --kills 100 --storms 3 [--seed N]`: the journey that kills, and the storm of many at once, for as long as one likes.

Prints its seed first; the same seed plays the same victims, moments and load again, and throws the same dice in the storms. Exit codes:
0 nothing lost, nothing said twice and all fits together, 1 something did not.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from listener.store.connect import connect_pool
from tests.conftest import NEWEST
from tests.journeys.kills import Journey
from tests.journeys.many_at_once import storm
from tests.postgres import TestServer, TestServers, make_home, remove_home

KILLS_OF_ONE = 10
PEOPLE, SECONDS = 20, 60.0
"""How many a storm is made of, and how long it blows."""


async def kill(kills: int, chance: random.Random) -> int:
    """Journeys of ten kills each until there were so many; how many journeys came out wrong."""
    wrong, done = 0, 0
    while done < kills:
        of_one = min(KILLS_OF_ONE, kills - done)
        told = await Journey(chance.randrange(2**31), of_one).play()
        done += of_one
        print(f"{done:>4}/{kills}  {told}", flush=True)
        wrong += bool(told.differences)
        tell(told.differences)
    return wrong


async def blow(storms: int, chance: random.Random, server: TestServer) -> int:
    """So many storms, each in a database of its own; how many came out wrong."""
    wrong = 0
    for n in range(storms):
        name = server.create()
        pool = await connect_pool(server.dsn(name), application_name="many at once", min_size=4, max_size=16)
        try:
            told = await storm(pool, chance.randrange(2**31), people_n=PEOPLE, seconds=SECONDS)
        finally:
            await pool.close()
            server.drop(name)
        did = sum(told.did.values())
        print(f"{n + 1:>4}/{storms}  storm {told.seed}: {did} acts of {PEOPLE}, {len(told.wrong)} wrong", flush=True)
        wrong += bool(told.wrong)
        tell(told.wrong)
    return wrong


def tell(found: Sequence[str]) -> None:
    """What did not come out right, a line each."""
    for line in found:
        print(f"      {line}", flush=True)


@contextmanager
def server() -> Iterator[TestServer]:
    """The tests' own Postgres, for the storms."""
    home, servers = make_home(), TestServers()
    try:
        yield servers.of(NEWEST)
    finally:
        servers.close()
        if home is not None:
            remove_home(home)


def main() -> int:
    """Reads the arguments, plays, and says how it came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--storms", type=int, default=3, help="of a minute each, after the kills")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier soak, to play it again")
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    logging.disable(logging.WARNING)
    again = f"python -m tests.journeys.soak --kills {given.kills} --storms {given.storms} --seed {seed}"
    print(f"seed {seed}; again with: {again}", flush=True)
    wrong = asyncio.run(kill(given.kills, random.Random(seed)))
    if given.storms:
        with server() as postgres:
            wrong += asyncio.run(blow(given.storms, random.Random(f"storms {seed}"), postgres))
    print("nothing was lost, nothing was said twice, all fits together" if not wrong else f"{wrong} came out WRONG")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
