"""`hubbub search`: stored mentions that a query matches, newest first, as lines, JSON or CSV. Owns how they look; refuses to judge them.

Lines and CSV are harmless: no text from a network moves a cursor, and no cell of a sheet is taken for a formula.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from listener.cli import FINDINGS, FINE
from listener.cli.asked import QUOTING, Asked, add_now, add_rules, asked_of, asks_for_names, now_of, shown, tree_of
from listener.cli.looking import add_brand, opened_brand
from listener.cli.masking import add_mask

if TYPE_CHECKING:
    from listener.query.names import Names
    from listener.query.tree import Node
    from listener.service.database import House
    from listener.store.inbox.heard import Place
    from listener.store.views.listening import ListeningRow

LIMIT, PAGE = 50, 500
"""Mentions that are shown unless --limit says otherwise, and those that --all asks for at once."""

COLUMNS = ("id", "at", "source", "author", "name", "kind", "lang", "tone", "need", "rules", "conversation", "text")

_FORMULA = frozenset("=+-@\t\r＝＋－＠")
"""What makes a spreadsheet take a cell for a formula, also in full width."""


def configure_search(parser: argparse.ArgumentParser) -> None:
    """A query, how many, in which form."""
    parser.add_argument("query", nargs="*", metavar="QUERY", help="the query; several words are joined by spaces")
    parser.add_argument("--limit", type=_count, metavar="N", help=f"at most so many ({LIMIT}; with --all: no limit)")
    parser.add_argument("--all", action="store_true", help="go on until nothing is left, however long it takes")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="how to print them (table)")
    add_mask(parser)
    add_brand(parser)
    add_rules(parser, "those that the listener judges by")
    add_now(parser)
    parser.epilog = f"""\
examples:
  hubbub search 'refund OR "money back"'
  hubbub search 'outage NEAR/5 app lang:en age:<2d' --limit 200
  hubbub search 'tone:negative -is:ours' --all --format csv > negative.csv
  hubbub search -giveaway refund --json | jq -r '.rows[].text'

It searches backwards in time for some seconds and says how far it got; --all goes on from there. In CSV, a cell that a
spreadsheet would take for a formula (= + - @) begins with a '. With --mask, e-mail addresses, phone and card numbers and
booking codes in texts are left out; handles and names stay.
Exit codes: 0 something matches, 1 nothing does, 2 a query with problems or wrong usage, 3 the database is not reachable.
{QUOTING}"""


def run_search(arguments: argparse.Namespace) -> int:
    """What matches; a bad query is drawn with its mistakes."""
    from listener.cli.terminal import run_async

    if arguments.format == "json":
        arguments.json = True

    def act(given: argparse.Namespace) -> int:
        asked = asked_of(given)
        # A query without names of the database is told its mistakes before anybody connects.
        stored = given.rules is None and asks_for_names(asked.text)
        return run_async(_search(given, asked, None if stored else tree_of(given, asked)))

    return shown(act, arguments)


async def _search(arguments: argparse.Namespace, asked: Asked, tree: Node | None) -> int:
    from listener.cli.running import login_name
    from listener.cli.terminal import say
    from listener.store import inbox

    now = now_of(arguments)
    left = arguments.limit or (sys.maxsize if arguments.all else LIMIT)
    out = _Sheet() if arguments.format == "csv" else _Document(asked.text) if arguments.json else _Lines(now)
    progress = _Progress(quiet=not arguments.all)
    found, reached = 0, None
    place: Place | None = None
    async with opened_brand(arguments) as (_, house, brand_id):
        if tree is None:
            tree = tree_of(arguments, asked, names=await _names_in_force(house))
        while left > 0:
            page = min(left, PAGE) if arguments.all else left
            part = await inbox.search(house.pool, brand_id, tree, now=now, before=place, limit=page, me=login_name())
            out.rows([_masked(row) for row in part.rows] if arguments.mask else part.rows)
            found, left = found + len(part.rows), left - len(part.rows)
            place, reached = part.place, part.searched_to
            if place is None and arguments.all and len(part.rows) == page:
                place = (part.rows[-1].at, part.rows[-1].id)
            if place is None or not arguments.all:
                break
            progress.show(place[0], found)
    out.end(reached)
    if reached is not None and not arguments.json:
        say(f"searched back to {reached:%Y-%m-%d %H:%M}; narrow the query, or let it go on with --all")
    return FINE if found else FINDINGS


def _masked(row: ListeningRow) -> ListeningRow:
    """Without what looks private in the text; handles and names stay."""
    from dataclasses import replace

    from listener.private import hidden

    return row if row.text is None else replace(row, text=hidden(row.text))


async def _names_in_force(house: House) -> Names:
    """Named lists and sub-queries of the rulebook in force: none before the first."""
    from listener.query.names import NO_NAMES
    from listener.rulebook.parse import names_in
    from listener.store import rulebooks

    found = await rulebooks.in_force(house.pool)
    return NO_NAMES if found is None else names_in(found.files)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number of mentions: write 1 or more")
    return int(text)


class _Progress:
    """How far a long search got, on stderr, at most once a second."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._said = time.monotonic()

    def show(self, at: datetime, found: int) -> None:
        from listener.cli.terminal import say

        if not self._quiet and time.monotonic() - self._said >= 1:
            self._said = time.monotonic()
            say(f"{found:,} found, searched back to {at:%Y-%m-%d %H:%M}")


# How they look -------------------------------------------------------------------------------------------------------


class _Out(Protocol):
    """One way to print what is found, as it is found."""

    def rows(self, rows: Sequence[ListeningRow]) -> None: ...

    def end(self, searched_to: datetime | None) -> None: ...


class _Lines:
    """For people."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def rows(self, rows: Sequence[ListeningRow]) -> None:
        from listener.cli.terminal import moment, table, who

        if rows:
            cells = (
                (
                    str(row.conversation_id or "-"),
                    moment(row.at, self._now),
                    who(row.author_handle, row.author_name),
                    row.tone.value,
                    row.text or "(gone)",
                )
                for row in rows
            )
            print(table(cells), flush=True)

    def end(self, searched_to: datetime | None) -> None:
        """Told on stderr instead."""


class _Document:
    """One JSON object, written as it comes: no memory for long ones."""

    def __init__(self, query: str) -> None:
        self._before = f'{{"query": {json.dumps(query)}, "rows": ['

    def rows(self, rows: Sequence[ListeningRow]) -> None:
        from listener.cli.terminal import as_json

        for row in rows:
            print(f"{self._before}{as_json(row)}", end="")
            self._before = ", "

    def end(self, searched_to: datetime | None) -> None:
        from listener.cli.terminal import as_json

        begun = "" if self._before == ", " else self._before
        print(f'{begun}], "searched_to": {as_json(searched_to)}}}', flush=True)


class _Sheet:
    """CSV with a header; every cell quoted, so that no other separator cuts it."""

    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def rows(self, rows: Sequence[ListeningRow]) -> None:
        for row in rows:
            at = row.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
            said = (row.source, row.author_handle, row.author_name, row.kind.value, row.lang, row.tone.value)
            thought = (f"{row.need:g}", " ".join(row.rules), str(row.conversation_id or ""), row.text or "")
            self._writer.writerow(neutral(cell) for cell in (str(row.id), at, *said, *thought))

    def end(self, searched_to: datetime | None) -> None:
        sys.stdout.flush()


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula and no terminal for an order: one that begins like a formula gets a ' before it."""
    from listener.harmless import harmless

    first = cell[:1] if cell[:1] in _FORMULA else cell.lstrip()[:1]
    plain = harmless(cell, lines=True)
    begins = plain.lstrip()[:1]  # what was hidden before a = is gone now
    return f"'{plain}" if {first, begins} & _FORMULA else plain
