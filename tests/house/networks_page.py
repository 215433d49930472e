"""The tables of docs/networks.md, made from what the networks declare. `python -m tests.house.networks_page` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

from listener.cli.sources import WORDS, facts
from listener.model.accounts import Capability
from listener.networks import NETWORKS
from listener.sources.registry import SOURCES

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"
MARKED = re.compile(
    r"(<!-- networks: made from listener/networks[^\n]* -->\n)(.*?)(<!-- end of networks -->)", re.DOTALL
)


def tables() -> str:
    """Every network, and then what each that is heard can do and why not."""
    rows = ["| network | how far | why no further | tried against |", "| --- | --- | --- | --- |"]
    told = [facts(name) for name in NETWORKS]
    rows += [f"| {one['title']} | {WORDS[one['reach']]} | {one['why']} | {', '.join(one['tried'])} |" for one in told]
    heard = [one for one in told if one["name"] in SOURCES]
    can = ["", "| what | " + " | ".join(one["title"] for one in heard) + " |", "| --- |" + " --- |" * len(heard)]
    for name in Capability:
        cells = [one["capabilities"][name.value] for one in heard]
        can.append(f"| {name.value} | " + " | ".join("yes" if cell["can"] else cell["why"] for cell in cells) + " |")
    return "\n".join([*rows, *can, ""])


def main() -> None:
    """Writes the page."""
    page = PAGE.read_text("utf-8")
    PAGE.write_text(MARKED.sub(lambda found: found[1] + tables() + found[3], page), "utf-8")


if __name__ == "__main__":
    main()
