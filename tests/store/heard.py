"""A house whose judge is the real one: messages are heard by topics and accounts, judged by rule files, and recorded in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from listener.assess import Judge, topics_of
from listener.model.accounts import Account
from listener.model.heard import Batch, Deleted, Mention
from listener.rulebook.shape import Rulebook
from listener.rulebook.subject import Methods
from listener.service.hearing import Hearer
from listener.store import people, rulebooks, sources
from listener.store.record import Recorded, record
from tests.core.rulebooks import book
from tests.store.builders import NOW


@dataclass
class Ears:
    """One brand, `lark`, with the account `us`, and what it hears under one rulebook."""

    pool: asyncpg.Pool
    brand_id: int
    account: Account
    source_id: int
    rulebook: Rulebook
    methods: Methods
    now: datetime = NOW
    cursor: str | None = None
    n: int = 0

    @classmethod
    async def built(cls, pool: asyncpg.Pool, files: Mapping[str, str], methods: Methods, zone: str = "UTC") -> Ears:
        """The files are published: they are in force."""
        rulebook = book(**files)
        await rulebooks.publish(pool, rulebook.hash, rulebook.files, "", NOW)
        brand_id = await people.ensure_brand(pool, "lark", "Lark", zone)
        account = await people.ensure_account(pool, brand_id, "bluesky", "bluesky", "us", "us.test")
        source = await sources.open_source(pool, "bluesky/jetstream", NOW)
        return cls(pool, brand_id, account, source.id, rulebook, methods)

    async def hear(self, mentions: Sequence[Mention | Deleted], now: datetime, *, history: bool = False) -> Recorded:
        """Records one batch, heard `now`."""
        self.now = now
        self.n += 1
        cursor = f"c{self.n}"
        hearer = Hearer([self.account], {self.brand_id: topics_of(self.rulebook, "lark", lambda: self.now)})
        judge = Judge(self.rulebook, self.methods, lambda: self.now)
        batch = Batch(tuple(mentions), cursor, now, history=history)
        done = await record(self.pool, self.source_id, batch, hearer.hear, judge, expect=self.cursor, now=now)
        self.cursor = cursor
        return done
