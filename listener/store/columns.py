"""Rows as columns: how many rows become the arrays of one `unnest` statement. Refuses nothing and knows no table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """One list a column. Rows of unequal length are a bug: ValueError."""
    return [list(column) for column in zip(*rows, strict=True)]
