"""`hubbub incidents report`: the report after an incident, as Markdown. Owns where it goes; `listener.incidents.report` has the words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from listener.cli.looking import opened_brand
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.rulebook.planned import Planned
    from listener.service.database import House


def configure_report(parser: argparse.ArgumentParser) -> None:
    """Where the report goes."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it here; a file that is there goes")
    parser.epilog = """\
examples:
  hubbub incidents report 12
  hubbub incidents report 12 --out incident-12.md
  hubbub incidents report 12 --json | jq -r .markdown

Numbers, the curve as a line of signs, who was told when and who knew after how long, what was missed, and the notes. Posts
are named by number and address; their words are not in it. Incidents that go on have one too: it says so."""


async def report(arguments: argparse.Namespace) -> int:
    """Print it, or write it."""
    from listener.cli.terminal import USAGE_CODE, print_json
    from listener.store.incident_report import report_on

    async with opened_brand(arguments, reading=True) as (_, house, brand_id):
        calendar = await _calendar(house)
        text = await report_on(house.pool, brand_id, arguments.id, datetime.now(UTC), calendar=calendar)
    if text is None:
        hint = "hubbub incidents lists them; --brand KEY looks at another brand"
        raise FixMe(f"there is no incident {arguments.id}", hint=hint, code=USAGE_CODE)
    if arguments.out is not None:
        try:
            arguments.out.write_text(text, encoding="utf-8")
        except OSError as err:
            raise FixMe(f"cannot write it: {err.strerror}", where=str(arguments.out), code=USAGE_CODE) from err
    if arguments.json:
        print_json(
            {
                "incident": arguments.id,
                "out": None if arguments.out is None else str(arguments.out),
                "markdown": text,
            }
        )
    elif arguments.out is None:
        print(text, end="")
    else:
        print(f"written: {arguments.out}")
    return 0


async def _calendar(house: House) -> Sequence[Planned]:
    """What is planned by the rulebook in force; nothing where there is none, or none that this version reads."""
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook
    from listener.store import rulebooks

    found = await rulebooks.in_force(house.pool)
    book = None if found is None else parse(found.files)
    return book.calendar if isinstance(book, Rulebook) else ()
