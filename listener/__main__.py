"""`python -m listener` is `hubbub`. Owns nothing else."""

import sys

from listener.cli import main

if __name__ == "__main__":
    sys.exit(main())
