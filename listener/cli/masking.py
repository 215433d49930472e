"""--mask of commands that print what people write: nothing that looks private leaves the house by a terminal, a file or a pipe.

Owns which texts of a row that are. Handles and names stay, and so do our own words. Spans beside a text are left out: they are of the text as it
was said.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from listener.store.views import Opened, QueueRow


def add_mask(parser: argparse.ArgumentParser) -> None:
    """--mask."""
    parser.add_argument("--mask", action="store_true", help="print [a phone number] for what looks private in a text")


def masked_row(row: QueueRow) -> QueueRow:
    """A line of the queue."""
    from listener.private import hidden

    return row if row.snippet is None else replace(row, snippet=hidden(row.snippet))


def masked_conversation(found: Opened) -> Opened:
    """A conversation with its thread and its author."""
    from listener.private import hidden

    thread = tuple(
        one if one.ours or one.text is None else replace(one, text=hidden(one.text), flags=tuple(_placeless(one.flags)))
        for one in found.thread
    )
    because = tuple(_placeless(found.because))
    return replace(found, thread=thread, author_bio=hidden(found.author_bio), because=because)


def _placeless(some: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    return ({name: value for name, value in one.items() if name != "spans"} for one in some)
