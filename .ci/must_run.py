"""Lists what a test run skipped, with the reasons, and fails if something that must run did not.

Owns: reading pytest's JUnit file and `.ci/must-run.txt` (one node id prefix a line, # comments). A prefix with no test at all, or with any test
skipped, is a failure: a suite that silently stopped running looks just like one that passes.

    python .ci/must_run.py JUNIT_XML        exit code 0 fine, 1 findings
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

LIST = Path(__file__).with_name("must-run.txt")


def outcomes(junit: Path) -> list[tuple[str, str | None]]:
    """Every test of the run as (node id, reason why it was skipped or None). JUnit names files as modules; node ids are built from that."""
    found: list[tuple[str, str | None]] = []
    for case in ElementTree.parse(junit).getroot().iter("testcase"):  # noqa: S314 - our own file
        modules = (case.get("classname") or "").split(".")
        file = next((place for place, part in enumerate(modules) if part.startswith("test_")), len(modules) - 1)
        node = "::".join(["/".join(modules[: file + 1]) + ".py", *modules[file + 1 :], case.get("name") or ""])
        skipped = case.find("skipped")
        found.append((node, None if skipped is None else skipped.get("message") or "no reason given"))
    return found


def problems(ran: list[tuple[str, str | None]], prefixes: list[str]) -> list[str]:
    """What of the must-run list did not run, in words."""
    found: list[str] = []
    for prefix in prefixes:
        matching = [(node, reason) for node, reason in ran if node.startswith(prefix)]
        if not matching:
            found.append(f"{prefix}: no such test was in the run")
        found += [f"{node}: skipped ({reason})" for node, reason in matching if reason is not None]
    return found


def main() -> int:
    """Print the skipped and judge the run."""
    ran = outcomes(Path(sys.argv[1]))
    prefixes = [line.strip() for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    reasons = Counter(reason for _, reason in ran if reason is not None)
    print(f"{len(ran)} tests, {reasons.total()} skipped")
    for node, reason in ran:
        if reason is not None:
            print(f"  skipped {node}: {reason}")
    found = problems(ran, prefixes)
    for line in found:
        print(f"  MUST RUN {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
