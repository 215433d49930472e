"""A brand whose messages are judged by real rules: what stories about rules need. Recording, judging and publishing are the house's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from inbox_tui.backend.postgres import connect
from listener.assess import Judge
from listener.model.heard import Batch
from listener.model.people import Role
from listener.model.problems import Problem
from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.store import people, rulebooks
from listener.store.record import record
from tests.core.rulebooks import PLAIN
from tests.store.builders import House, said
from tests.tui.stage import Stage, stage

RULES = """\
# What our people care about.
topics:
  - {key: lark, kind: brand, title: Lark, query: lark}
rules:
  - id: billing
    title: Billing and refunds
    owner: money
    scope: {addressed: yes, kinds: [brand]}
    when: (refund OR charged) -thanks
    then: {priority: high, reply within: 2h, tags: [billing], hide: yes}
    examples:
      fires: ["where is my refund?"]
      silent: ["thanks for the refund"]

  - id: outage
    title: Service outage
    owner: network
    scope: {addressed: yes}
    when: down AND lark
    then: {priority: urgent, tags: [outage]}

  - id: praise
    title: Kind words
    owner: care
    status: experimental
    scope: {everything: yes}
    when: lovely OR refund
    then: {tags: [kind]}

  # Nobody has needed this one yet.
  - id: quiet
    title: Never yet
    owner: care
    scope: {everything: yes}
    when: hippopotamus
    then: {tags: [zoo]}
exceptions:
  - {rule: [billing], when: joke, reason: jokes are no bills, by: tom, until: 2030-01-01}
"""

BROKEN = Problem("rules/care.yaml", 9, 5, "unknown-key", "there is no key 'prioritty'", "did you mean priority?")


def now() -> datetime:
    return datetime.now(UTC)


def book(text: str = RULES) -> Rulebook:
    """A good rulebook of one file."""
    loaded = parse({"rules/care.yaml": text})
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    return loaded


@dataclass
class Ruled:
    """One brand, three people and a lead; `by` judges what is said."""

    house: House
    by: Rulebook = field(default_factory=book)

    @property
    def pool(self) -> asyncpg.Pool:
        return self.house.pool

    @classmethod
    async def built(cls, pool: asyncpg.Pool) -> Ruled:
        """With the rulebook in force, and everybody hired."""
        house = await House.built(pool)
        for login, name, role in (("vera", "Vera", Role.VIEWER), ("lea", "Lea", Role.LEAD)):
            await people.ensure_person(pool, login, name, house.brand_id, role)
        ruled = cls(house)
        await ruled.publish(git="8bc1f2e0aa", ago=3600)
        return ruled

    async def publish(self, text: str = RULES, git: str = "", ago: float = 0) -> None:
        """The listener accepts these rules; they judge from now on."""
        self.by = book(text)
        await rulebooks.publish(self.pool, self.by.hash, self.by.files, git, now() - timedelta(seconds=ago))

    async def refuse(self, *problems: Problem) -> None:
        """The listener refuses what is on disk."""
        await rulebooks.health(self.pool, problems or (BROKEN,), self.by.hash, now())

    async def say(self, name: str, text: str, *, by: str = "mira", heard: bool = False, **more: Any) -> int:
        """A message is heard and judged; it addresses us, or is `heard` by the topic. Its number."""
        if heard:
            self.house.topic(name, topic="lark")
        else:
            self.house.addressed(name)
        at = now()
        self.house.n += 1
        message = said(name, text, by=by, at=at, langs=("en",), **more)
        batch = Batch((message,), f"c{self.house.n}", at)
        judge = Judge(self.by, PLAIN, now)
        await record(
            self.pool, self.house.source_id, batch, self.house.hear, judge, expect=self.house.cursor, now=at
        )  # fmt: skip
        self.house.cursor = batch.cursor
        return int(await self.pool.fetchval("SELECT mention_id FROM mention_keys WHERE external_id = $1", name))

    async def marks(self) -> list[tuple[str, str, str, str]]:
        """Everybody's: login, rule, verdict, note."""
        rows = await self.pool.fetch(
            "SELECT p.login, k.rule, k.verdict, k.note FROM rule_marks k JOIN people p ON p.id = k.person_id ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]


@asynccontextmanager
async def seen(dsn: str, login: str = "ada", **options: Any) -> AsyncIterator[Stage]:
    """The app of one person on that brand."""
    backend = await connect(dsn, "lark", login)
    clock: Any = now
    try:
        async with stage(backend, clock=clock, **options) as s:
            yield s
    finally:
        await backend.close(now())
