"""`python -m tests.journeys.soak --kills 100 [--seed N]`: the journey that kills, for as long as one likes.

Prints its seed first; the same seed plays the same victims, moments and load again. Exit codes: 0 nothing lost and nothing said twice,
1 something was.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import secrets
import sys

from tests.journeys.kills import Journey

KILLS_OF_ONE = 10


async def soak(kills: int, seed: int) -> int:
    """Journeys of ten kills each until there were so many; how many journeys came out wrong."""
    chance, wrong, done = random.Random(seed), 0, 0
    while done < kills:
        of_one = min(KILLS_OF_ONE, kills - done)
        told = await Journey(chance.randrange(2**31), of_one).play()
        done += of_one
        print(f"{done:>4}/{kills}  {told}", flush=True)
        if told.differences:
            wrong += 1
            print("\n".join(f"      {difference}" for difference in told.differences), flush=True)
    return wrong


def main() -> int:
    """Reads the arguments, plays, and says how it came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="of an earlier soak, to play it again")
    arguments = parser.parse_args()
    seed = secrets.randbelow(2**31) if arguments.seed is None else arguments.seed
    logging.disable(logging.WARNING)
    print(f"seed {seed}; again with: python -m tests.journeys.soak --kills {arguments.kills} --seed {seed}", flush=True)
    wrong = asyncio.run(soak(arguments.kills, seed))
    print("nothing was lost, nothing was said twice" if not wrong else f"{wrong} journeys came out WRONG")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
