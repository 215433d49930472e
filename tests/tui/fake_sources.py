"""Sources in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listener.errors import Refused
from listener.store.source_views import SourceState


class FakeSources:
    """The part of the fake backend that obeys `SourcesBackend`."""

    shares: bool

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, SourceState] = {}
        self.asked_of_sources: list[tuple[str, object]] = []

    async def sources_now(self, now: datetime) -> Sequence[SourceState]:
        return list(self.streams.values())

    async def sources_stopped(self) -> Sequence[str]:
        return [one.title for one in self.streams.values() if one.state == "stopped" and not one.wanted]

    async def pause_source(self, key: str, now: datetime) -> bool:
        self._ask("pause", key)
        self.streams[key] = replace(
            self.streams[key], wanted="paused", state="paused", wanted_by="Ana Sol", wanted_at=now
        )
        return True

    async def resume_source(self, key: str, now: datetime) -> bool:
        self._ask("resume", key)
        self.streams[key] = replace(self.streams[key], wanted="", state="running", wanted_by="Ana Sol", wanted_at=now)
        return True

    async def fill_gap(self, gap_id: int, now: datetime) -> None:
        self._ask("fill", gap_id)

    async def read_rejects_again(self, key: str, now: datetime) -> int:
        self._ask("read again", key)
        return sum(self.streams[key].rejects.values())

    def _ask(self, what: str, of: object) -> None:
        if not self.shares:
            raise Refused("only a lead or an admin does this to sources", hint="ask one of them")
        self.asked_of_sources.append((what, of))
