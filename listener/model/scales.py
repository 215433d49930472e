"""What a judgement is told on: tone, priority, severity. Refuses to say how anything comes to stand there."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ToneLabel(StrEnum):
    """The verdict; `not_scored` is a value of its own and never counts as neutral."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    NOT_SCORED = "not_scored"


class Priority(IntEnum):
    """How much it matters; higher is more urgent."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class Severity(StrEnum):
    """How bad what is told to the staff is, from a note to what wakes them at night."""

    NOTE = "note"
    WARNING = "warning"
    CRITICAL = "critical"
