"""--mask of commands that print what people write: nothing that looks private leaves the house by a terminal, a file or a pipe.

Owns which texts of a row that are. Handles and names stay, and so do our own words. Spans beside a text are left out, as they are of the text as it
was said; where they are what is asked for, they move with the masks.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from listener.query.explain import Explained
    from listener.rulebook.explain import Why
    from listener.store.views.queue import QueueRow
    from listener.store.views.thread import Opened


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


def masked_why(why: Why, text: str) -> Why:
    """Why a rule fires on a text, with the places of words as they are in the text when it is masked."""
    return replace(
        why,
        parts=tuple(
            part if part.tree is None else replace(part, tree=_masked_tree(part.tree, text)) for part in why.parts
        ),
    )


def _masked_tree(found: Explained, text: str) -> Explained:
    from listener.private import hidden_spans

    parts = tuple(_masked_tree(part, text) for part in found.parts)
    return replace(found, spans=hidden_spans(text, found.spans)[1], parts=parts)


def _placeless(some: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    return ({name: value for name, value in one.items() if name != "spans"} for one in some)
