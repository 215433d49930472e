"""A deliverer whose leases run out after seconds, for journeys that kill it: what it was sending is looked up that much sooner.

Run as `python -m tests.journeys.short_lease --config FILE --only deliver`, in place of `hubbub serve`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from listener import settings
from listener.service import logs
from listener.service.run import serve

LEASE_SECONDS = 6.0
"""Longer than any call of a journey takes; it is renewed every third of it."""

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--lease", type=float, default=LEASE_SECONDS)
    arguments = parser.parse_args()
    logs.set_up(None)
    told = settings.load(arguments.config)
    sys.exit(asyncio.run(serve(told, only=arguments.only, lease_seconds=arguments.lease)))
