"""The staff by the rulebook in force: to whom goes what nobody takes, and among whom work is shared out. Owns keeping it up to date.

Both halves of the service ask the database, not the files, so that they agree whichever of them keeps the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from listener.rulebook.parse import parse
from listener.rulebook.roster import Roster
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.store import rulebooks, sharing, upkeep
from listener.workflow.moves import Escalation


@dataclass(slots=True)
class Staffing:
    """What time does to people's work. Each step may be repeated, and done by several programs at once."""

    house: House
    roster: Roster = field(default_factory=Roster)
    _hash: str = ""

    async def wake(self, now: datetime) -> int:
        """`upkeep.wake`, by the rules of now."""
        await self.look(now)
        return await upkeep.wake(self.house.pool, now, escalations(self.roster))

    async def share_out(self, now: datetime) -> int:
        """`sharing.share_out`, by the rules of now."""
        return await sharing.share_out(self.house.pool, now, self.roster)

    async def look(self, now: datetime) -> None:
        """Takes up another rulebook; one that this version cannot read leaves the staff as it was."""
        found = await rulebooks.in_force(self.house.pool, unless=self._hash)
        if found is None:
            return
        book = await asyncio.to_thread(parse, found.files)
        if isinstance(book, Rulebook):
            self.roster = Roster.of(book)
            await upkeep.look_again(self.house.pool, now, list(escalations(self.roster)))
        self._hash = found.hash


def escalations(roster: Roster) -> Mapping[str, Escalation]:
    """To which team each team's goes, by its key."""
    return {
        team.key: Escalation(team.escalate_to, timedelta(seconds=team.escalate_after))
        for team in roster.teams.values()
        if team.escalate_to
    }
