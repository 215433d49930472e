"""A person's word on tone and need, as lines: what counts, who said so and when, and what the methods had said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from inbox_tui.view import words
from inbox_tui.view.lines import Line, flow, say
from listener.model.scales import ToneLabel
from listener.store.views.listening import NEEDED, NOT_NEEDED, ByHand

NEED_WORDS = {NEEDED: "answer needed", NOT_NEEDED: "no answer needed"}

_TONES = {"n": ToneLabel.NEGATIVE, "u": ToneLabel.NEUTRAL, "p": ToneLabel.POSITIVE, "s": ToneLabel.NOT_SCORED}
ANSWERS: Mapping[str, tuple[str, str, str]] = {
    **{key: ("tone", tone.value, f"tone: {words.TONE_WORDS[tone]}") for key, tone in _TONES.items()},
    "a": ("need", NEEDED, NEED_WORDS[NEEDED]),
    "o": ("need", NOT_NEEDED, NEED_WORDS[NOT_NEEDED]),
    "t": ("tone", "", "tone: as it was scored"),
    "d": ("need", "", "need: as it was judged"),
}
"""What a person may say: what of, which value ('' : the method's own), and that in words."""


def spoken(what: str, value: str) -> str:
    """A value in words; '' is the method's own."""
    return next((said for one, other, said in ANSWERS.values() if (one, other) == (what, value)), say(value))


def by_hand_lines(
    by_hand: Iterable[ByHand], person_id: int, now: datetime, zone: tzinfo | None, width: int, indent: str = "  "
) -> list[Line]:
    """A line each: 'tone: negative, set by Ina 10:32; Hubbub said neutral'."""
    lines: list[Line] = []
    for one in by_hand:
        whom = "you" if one.person_id == person_id else say(one.person)
        said = (
            (f"✎ {spoken(one.what, one.value)}", "note"),
            (f", set by {whom} {words.clock(one.at, now, zone)}", "dim"),
        )
        lines.extend(flow((*said, (_method_said(one), "dim")), width, indent=indent, hanging=indent + "  "))
    return lines


_SAID: Mapping[str, str] = {tone.value: said for tone, said in words.TONE_WORDS.items()}


def _method_said(one: ByHand) -> str:
    if not one.said:
        return ""
    if one.what == "need":
        return f"; Hubbub said {say(one.said)} of 1"
    if one.said == ToneLabel.NOT_SCORED:
        return "; not scored by itself"
    return f"; Hubbub said {_SAID.get(one.said, say(one.said))}"


def history_words(after: Mapping[str, Any]) -> str:
    """What somebody said of a message, as the history tells it."""
    what = next((name for name in ("tone", "need") if name in after), "")
    value = after.get(what)
    if not what:
        return "said otherwise than the methods"
    if not isinstance(value, str):
        return f"took the {what} set by hand away"
    return f"set by hand: {spoken(what, value)}"
