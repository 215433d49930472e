"""Several texts for one reply, in words: for who writes them, and for who chooses one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view.lines import ONE_LINE, Line, say
from inbox_tui.view.pictures import picture_words

if TYPE_CHECKING:
    from listener.store.views.approvals import ApprovalRow

ANOTHER, AWAY, BACK, LEAVE = "a", "t", "r", "l"
"""Keys beside the numbers."""


def option_lines(option: int, many: int, table: Table = KEYS) -> list[Line]:
    """Which one is on the page; nothing where there is one."""
    if many < 2:
        return []
    return [((f"option {option} of {many}", "accent"), (f"  {sign('options', table)} goes between them", "dim"))]


def _choice(number: int, text: str, more: Line = ()) -> tuple[str, Line]:
    first = say(" ".join(text[: 2 * ONE_LINE].split())) or "(empty)"
    return (str(number), ((f"{number} ", "accent"), (first, ""), *more))


def writers_choices(texts: Sequence[str], option: int, most: int) -> list[tuple[str, Line]]:
    """To go to, to add, to take away."""
    here: Line = (("  (here)", "dim"),)
    choices = [_choice(n, text, here if n == option else ()) for n, text in enumerate(texts, start=1)]
    if len(texts) < most:
        choices.append((ANOTHER, ((f"{ANOTHER} ", "accent"), ("add another option", ""))))
    choices.append((AWAY, ((f"{AWAY} ", "accent"), (f"take option {option} away, with its pictures", ""))))
    return choices


def approvers_choices(row: ApprovalRow) -> list[tuple[str, Line]]:
    """To choose, to send back, to leave."""
    choices = []
    for number, text in enumerate(row.texts, start=1):
        many = len(row.pictures_of(number))
        choices.append(_choice(number, text, ((f"  ▣ {many}", "accent"),) if many else ()))
    choices.append((BACK, ((f"{BACK} ", "accent"), ("send all of them back with a note", ""))))
    choices.append((LEAVE, ((f"{LEAVE} ", "accent"), ("leave them waiting", ""))))
    return choices


def read_whole(row: ApprovalRow, key: str) -> Line:
    """An option, to read under the list."""
    if not key.isdigit():
        return ()
    beside = row.pictures_of(int(key))
    carried = [(f"  ▣ {say(one.name)} ({picture_words(one)}): “{say(one.alt)}”", "dim") for one in beside]
    return ((say(row.texts[int(key) - 1]), ""), *carried)
