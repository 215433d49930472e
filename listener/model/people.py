"""The staff, and what they may do for a brand. Refuses authors, who write to us."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do for a brand."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    LEAD = "lead"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Person:
    """One of the staff."""

    id: int
    login: str
    name: str
