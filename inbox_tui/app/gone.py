"""The terminal is gone: its window was closed, its connection fell. The inbox keeps what is being written and ends by itself.

A hang-up is told by a signal, but not to everybody (under nohup, and where the terminal belongs to another session, nobody hears of it):
so the terminal is looked at as well. Left alone, the app would be given the end of its input again and again, which keeps a core busy,
and would wait for ever for somebody to take what it draws.
Owns how it is noticed and that nothing waits for such a terminal; refuses to know what is kept.
"""

from __future__ import annotations

import contextlib
import select
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.driver import Driver

GONE = 129
"""Exit code: the terminal was gone. (What a shell says of a program that a hang-up ended.)"""


def is_gone(fileno: int) -> bool:
    """Whether nobody holds the other end of this terminal any more."""
    poll = select.poll()
    poll.register(fileno, 0)  # a hang-up is told whatever is asked for
    return bool(poll.poll(0))


class Takes:
    """A file that takes everything: what a terminal that is gone cannot be told is nobody's loss."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


def noticing(driver: type[Driver]) -> type[Driver]:
    """The same driver, which says when its terminal is gone (`is_gone`) and never waits for it."""

    class Noticing(driver):  # type: ignore[valid-type, misc]
        _file: Any

        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self._file = Takes(self._file)
            self._lent = False

        @property
        def is_gone(self) -> bool:
            """Not while an editor has the terminal: it is told first, and then we are."""
            return not self._lent and is_gone(self.fileno)

        def suspend_application_mode(self) -> None:
            self._lent = True
            super().suspend_application_mode()

        def resume_application_mode(self) -> None:
            super().resume_application_mode()
            self._lent = False

        def run_input_thread(self) -> None:
            with contextlib.suppress(OSError):
                super().run_input_thread()

    return Noticing
