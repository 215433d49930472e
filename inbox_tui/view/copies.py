"""How a row says that it is one of several near-copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from listener.store.views.queue import Fold

COUNTED = 1_000
"""The store counts the members of a folder up to so many, and gives so many at most."""


def copies_words(fold: Fold | None, row_id: int, *, unfolded: bool, so_far: bool) -> str:
    """'+12 like this' where a row stands for others, '1 of 13 alike' where all are shown. `so_far`: perhaps not all have been read."""
    if fold is None or fold.members < 2:
        return ""
    if unfolded:
        return f"1 of {_many(fold.members)} alike"
    if fold.first != row_id:
        return "folded above"
    return f"+{_many(fold.members - 1, COUNTED - 1)} like this{' so far' if so_far else ''}"


def marked_words(n: int) -> str:
    """What `space` did to a folded row."""
    if n == COUNTED:
        return f"marked the first {n:,} of them: acts take these, then space marks the next"
    return f"marked all {n:,}: this one and {n - 1:,} like it (space lets go; = shows them)"


def _many(n: int, most: int = COUNTED) -> str:
    return f"{n:,} or more" if n == most else f"{n:,}"
