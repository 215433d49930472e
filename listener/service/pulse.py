"""How the listener is doing, in figures: items heard, stored, rejected, and how long from event to commit. Owns the arithmetic.

Kept in memory, written to the `programs` row with every sign of life. Refuses to keep ids or text.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from listener.model.heard import Batch
from listener.store.record import Recorded

SAMPLE = 4000
"""Latencies kept: an even sample of all, so that memory does not grow."""


@dataclass(slots=True)
class Pulse:
    """Figures since the start."""

    looked_at: int = 0
    batches: int = 0
    new: int = 0
    edited: int = 0
    deleted: int = 0
    repeated: int = 0
    rejects: int = 0
    opened: int = 0
    flagged: Counter[str] = field(default_factory=Counter)
    since: datetime | None = None
    """Only what was said later is timed: catching up is not latency."""
    _latencies: list[float] = field(default_factory=list)
    _measured: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(0))

    def committed(self, batch: Batch, recorded: Recorded | None, at: datetime) -> None:
        """A batch is in the database since `at`. None: it had been already, and its answer was lost."""
        self.batches += 1
        self.looked_at += batch.heard
        if recorded is None:
            return
        self.new += recorded.new
        self.edited += recorded.edited
        self.deleted += recorded.deleted
        self.repeated += recorded.repeated
        self.rejects += recorded.rejects
        self.opened += len(recorded.opened)
        self.flagged.update(recorded.flagged)
        if not batch.history:
            for moment in recorded.network_times:
                if self.since is not None and moment < self.since:
                    continue
                self._measure(max(0.0, (at - moment).total_seconds()))

    def _measure(self, seconds: float) -> None:
        self._measured += 1
        if len(self._latencies) < SAMPLE:
            self._latencies.append(seconds)
        elif (place := self._chance.randrange(self._measured)) < SAMPLE:
            self._latencies[place] = seconds

    def shown(self) -> dict[str, Any]:
        """For the row: counts, and milliseconds from event to commit."""
        counts = ("looked_at", "batches", "new", "edited", "deleted", "repeated", "rejects", "opened")
        found: dict[str, Any] = {name: getattr(self, name) for name in counts}
        return found | {"flagged": dict(self.flagged), "latency_ms": percentiles(self._latencies)}


def percentiles(seconds: list[float]) -> dict[str, float | int]:
    """p50, p99 and the worst in milliseconds, with how many were measured. Nearest rank; empty: only n = 0."""
    if not seconds:
        return {"n": 0}
    found = sorted(seconds)

    def rank(share: float) -> float:
        return round(found[min(len(found) - 1, int(share * len(found)))] * 1000, 1)

    return {"n": len(found), "p50": rank(0.5), "p99": rank(0.99), "max": round(found[-1] * 1000, 1)}
