"""What a human should fix in a file. Refuses to be raised."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a human should fix in a file: never raised, always listed, all at once."""

    file: str
    line: int
    column: int
    code: str
    """Stable, for machines and docs."""
    message: str
    hint: str = ""

    def __str__(self) -> str:
        tail = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message} [{self.code}]{tail}"
