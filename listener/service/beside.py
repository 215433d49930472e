"""Tone that takes long, found beside the loop: models of tone are asked by one thread of its own, before the messages are recorded.

A batch is prepared, then recorded, then the next one of its stream is asked for, so memory grows with nothing; several streams take turns,
text by text. Judging stays what it is: it finds these answers at hand, and comes to the same as without them. Refuses to keep them: they go
with the batch. Without a model of tone there is no thread, and nothing is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from listener.assess import Judge
from listener.model.accounts import Account
from listener.model.heard import Batch, Hearing, Mention
from listener.model.judged import Context, Tone
from listener.model.kinds import ADDRESSES, Via
from listener.rulebook.subject import ToneAsked
from listener.service.database import House
from listener.service.stopping import Stop
from listener.store.record import Hear
from listener.store.record.ahead import to_judge
from listener.store.record.keep import cleaned


@dataclass(frozen=True, slots=True)
class Beside:
    """The one thread for models of tone, and what their being asked needs."""

    house: House
    stop: Stop
    thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "hubbub-tone"), repr=False, compare=False
    )
    """One: a model is one of the machine's cores, and the rest of them is not ours alone."""

    async def prepared(
        self, judge: Judge, batch: Batch, hear: Hear, brands: Mapping[int, str], accounts: Sequence[Account]
    ) -> Judge:
        """The judge for this batch, with all at hand that takes long. Raises Stopped when the service ends meanwhile."""
        heard = []
        for item in batch.items:
            if isinstance(item, Mention) and judge.by_model(mention := cleaned(item)):
                heard.append((mention, hear(mention)))
            await asyncio.sleep(0)  # finding languages takes its time, too
        if not heard:
            return judge
        said = await self.stop.unless(self._said(judge, heard, brands, accounts))
        return judge.knowing(said) if said else judge

    async def _said(
        self,
        judge: Judge,
        heard: Sequence[tuple[Mention, Sequence[Hearing]]],
        brands: Mapping[int, str],
        accounts: Sequence[Account],
    ) -> dict[ToneAsked, Tone]:
        handles = {account.id: account.handle for account in accounts}
        loop = asyncio.get_running_loop()
        due = await self.house.persistently(lambda: to_judge(self.house.pool, heard), self.stop, "tone")
        said: dict[ToneAsked, Tone] = {}
        for mention, brand_id, ways in due:
            if brand_id not in brands or (any(way.via is Via.OWN for way in ways) and not judge.judges_ours):
                continue
            ours = {handles[way.account_id] for way in ways if way.via in ADDRESSES and way.account_id in handles}
            for asked in judge.asks(mention, ways, Context(brands[brand_id], accounts=tuple(sorted(ours)))):
                if asked not in said:
                    said[asked] = await loop.run_in_executor(self.thread, judge.tone, asked)
        return said
