"""Runs the benches one after the other, each in a process of its own: `python -m bench [NAME ...] [--quick]`.

What else is given goes to the one bench that is named: `python -m bench inbox --rows 1000 100000`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> int:
    """The exit code: 1 when a bench failed."""
    here = Path(__file__).parent
    known = sorted(p.stem for p in here.glob("*.py") if not p.stem.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of: {', '.join(known)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a first look")
    arguments, more = parser.parse_known_args()
    if more and len(arguments.names) != 1:
        parser.error(f"{' '.join(more)}: for which bench?")
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    failed = 0
    for name in arguments.names or known:
        print(f"# {name}", file=sys.stderr, flush=True)
        quick = ["--quick"] if arguments.quick else []
        failed |= subprocess.run([sys.executable, "-m", f"bench.{name}", *quick, *more], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
