"""Acts in words: what is asked before one, what is said after it. Pure; what an act does is the workflow's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inbox_tui.keys import KEYS, Table, sign
from inbox_tui.view.lines import say
from inbox_tui.view.words import count

if TYPE_CHECKING:
    from listener.workflow.acts import Act


@dataclass(frozen=True, slots=True)
class Deed:
    """An act, and how it is called. The words are harmless already."""

    act: Act
    done: str
    """'closed', 'given to Bo'."""
    before: str
    """'close', 'give'; then comes what it is done to."""
    after: str = ""
    """'to Bo'."""

    def to(self, whom: str) -> str:
        """'close 312 conversations in Open'."""
        return " ".join(word for word in (self.before, whom, self.after) if word)


@dataclass(frozen=True, slots=True)
class Sum:
    """What an act on very many has done by now."""

    total: int
    changed: int = 0
    overtaken: int = 0
    """Others changed them after they were counted: they stay."""
    already: int = 0
    refused: int = 0
    reason: str = ""

    def and_part(self, asked: int, changed: int, refused: Mapping[int, str], overtaken: Collection[int]) -> Sum:
        """With one part more: how many it was, and what became of them."""
        others = [reason for id_, reason in refused.items() if id_ not in overtaken]
        return Sum(
            self.total,
            self.changed + changed,
            self.overtaken + len(overtaken),
            self.already + asked - changed - len(refused),
            self.refused + len(others),
            self.reason or next((say(reason) for reason in others), ""),
        )

    @property
    def seen(self) -> int:
        """How many it came to."""
        return self.changed + self.overtaken + self.already + self.refused

    def told(self, deed: Deed, table: Table = KEYS) -> str:
        """'298 closed; 14 had changed and stay'."""
        parts = [f"{self.changed:,} {deed.done}"]
        if self.overtaken:
            parts.append(f"{self.overtaken:,} had changed and stay")
        if self.already:
            parts.append(f"{self.already:,} {'was' if self.already == 1 else 'were'} so already")
        if self.refused:
            parts.append(f"not {self.refused:,}: {self.reason}")
        if self.seen < self.total:
            parts.append(f"stopped before {count(self.total - self.seen, 'other')}")
        return "; ".join(parts) + (f" ({sign('take_back', table)} takes it back)" if self.changed else "")
