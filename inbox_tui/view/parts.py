"""Numbered parts of a text that is too long, as somebody sees them before they are sent: where each begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from inbox_tui.view.lines import Line, say
from listener.model.kinds import Kind

if TYPE_CHECKING:
    from listener.lengths import Terms
    from listener.parts import Part
    from listener.store.views.thread import Opened, ThreadMessage

_SHOWN = 110
"""Characters of a part that are shown whole."""
_HEAD, _TAIL = 60, 44


def terms_of(opened: Opened, parent: ThreadMessage) -> Terms:
    """How long an answer to a message may be: the account's server says so, and who is answered may have to be named."""
    whom = "" if parent.ours else parent.author_handle
    return replace(opened.terms, whom=whom, private=parent.kind is Kind.DM)


def part_lines(parts: Sequence[Part]) -> list[Line]:
    """A line for each, with its beginning, its end and its number."""
    lines: list[Line] = []
    for part in parts:
        body, _, number = part.text.rpartition(" ")
        text = " ".join(say(body).split())
        if len(text) > _SHOWN:
            text = f"{text[:_HEAD].rstrip()} … {text[-_TAIL:].lstrip()}"
        lines.append(((f"{say(number)} ", "accent"), (text, "")))
    return lines


def offered(parts: Sequence[Part]) -> str:
    """The answer that sends them."""
    return f"send as {len(parts)} numbered parts"
