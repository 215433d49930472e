"""Problems and warnings of one query, gathered while it is read. Owns how an offset becomes a place; refuses to know what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from listener.model.problems import Problem

Locate = Callable[[int], tuple[int, int]]
"""Line and column of an offset into the query's text; both count from 1."""


@dataclass(slots=True)
class Told:
    """Problems and warnings so far."""

    file: str
    locate: Locate
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, at: int, code: str, message: str, hint: str = "") -> None:
        """Something that keeps the query from being one."""
        self.problems.append(Problem(self.file, *self.locate(at), code, message, hint))

    def warn(self, at: int, code: str, message: str, hint: str = "") -> None:
        """Something that is probably not meant."""
        self.warnings.append(Problem(self.file, *self.locate(at), code, message, hint))


def locator(text: str) -> Locate:
    """Places counted in the text itself."""

    def locate(offset: int) -> tuple[int, int]:
        return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1

    return locate
