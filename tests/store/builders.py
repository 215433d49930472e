"""Builders of what a source would hand over: short words for the few fields a test is about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from listener.model.accounts import Account
from listener.model.heard import Author, Batch, Hearing, Item, Key, Mention
from listener.model.judged import Assessment, Context, Flag, Tick, Tone
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority, ToneLabel
from listener.rulebook.shape import Counted, Rule
from listener.rulebook.tally import sign_of
from listener.store.record import Recorded, record

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SPACE = "bluesky"


def said(name: str, text: str = "hello", *, by: str = "mira", at: datetime | None = None, **other: Any) -> Mention:
    """A message called `name`; `parent` and `root` are names too."""
    revision = other.pop("revision", "3a")
    return Mention(
        key=Key(SPACE, name),
        source="bluesky",
        author=Author(SPACE, by, handle=f"{by}.test"),
        text=text,
        kind=other.pop("kind", Kind.REPLY if other.get("parent") else Kind.POST),
        raw=text.encode("utf-8", "replace"),
        revision=revision,
        content_id=other.pop("content_id", f"cid-{name}-{revision}"),
        network_at=at or NOW,
        **other,
    )


@dataclass
class ByHand:
    """A judge whose rules are written in the test: what is bad fires one; `says` changes what is thought of the messages named."""

    judged: list[tuple[str, Context]] = field(default_factory=list)
    opens: bool = False
    judges_ours: bool = False
    asks_copies: bool = False
    says: dict[str, dict[str, Any]] = field(default_factory=dict)
    counting: tuple[Rule, ...] = ()
    """Counting ones: each counts every message that has its id in the text; a share is one of all messages."""

    def __call__(self, mention: Mention, hearings: object, context: Context, now: datetime) -> Assessment:
        self.judged.append((mention.key.external_id, context))
        negative = "bad" in mention.text
        due = mention.network_at + timedelta(hours=1) if negative and mention.network_at else None
        thought = Assessment(
            tone=Tone(ToneLabel.NEGATIVE if negative else ToneLabel.NEUTRAL, 0.5, 0.5, 0.0, -0.5),
            lang="en", need=0.5, priority=Priority.HIGH if negative else Priority.NORMAL, reply_within=3600.0, due_at=due,
            tags=("angry",) if negative else (), team="", opens=self.opens, rulebook="hash", methods={"tone": "test"},
            flags=(Flag("rule-bad", (0, 3)),) if negative else (), because=({"rule": "rule-bad"},) if negative else (),
        )  # fmt: skip
        return replace(thought, **self.says.get(mention.key.external_id, {}))

    @property
    def counts(self) -> bool:
        return bool(self.counting)

    def knows(self, model: str) -> bool:
        return False

    def ticks(self, mention: Mention, hearings: object, context: Context, now: datetime) -> tuple[Tick, ...]:
        author = mention.author.external_id
        return tuple(
            Tick(rule.id, sign_of(rule), author if rule.count.per else "", author, rule.id in mention.text)
            for rule in self.counting
            if rule.count is not None and (rule.id in mention.text or rule.count.what is Counted.RATIO)
        )


@dataclass
class House:
    """One brand with one account, a source, and a way to record that says who is concerned by hand."""

    pool: asyncpg.Pool
    brand_id: int
    account: Account
    source_id: int
    person_id: int
    colleague_id: int
    cursor: str | None = None
    hearings: dict[str, tuple[Hearing, ...]] = field(default_factory=dict)
    judge: ByHand = field(default_factory=ByHand)
    n: int = 0

    @classmethod
    async def built(cls, pool: asyncpg.Pool) -> House:
        brand_id = await pool.fetchval("INSERT INTO brands (key, name) VALUES ('lark', 'Lark') RETURNING id")
        row = await pool.fetchrow(
            "INSERT INTO accounts (brand_id, source, space, external_id, handle, state)"
            " VALUES ($1, 'bluesky', $2, 'us', 'us.test', 'ready') RETURNING id, brand_id, source, space, external_id, handle",
            brand_id, SPACE,
        )  # fmt: skip
        source_id = await pool.fetchval("INSERT INTO sources (key) VALUES ('bluesky/jetstream') RETURNING id")
        ada = await pool.fetchval("INSERT INTO people (login, name) VALUES ('ada', 'Ada') RETURNING id")
        bob = await pool.fetchval("INSERT INTO people (login, name) VALUES ('bob', 'Bob') RETURNING id")
        for person_id in (ada, bob):
            await pool.execute("INSERT INTO memberships VALUES ($1, $2, 'responder')", person_id, brand_id)
        return cls(pool, brand_id, Account(*row.values()), source_id, ada, bob)

    def addressed(self, *names: str, via: Via = Via.MENTION) -> None:
        for name in names:
            self.hearings[name] = (Hearing(self.brand_id, via, account_id=self.account.id),)

    def topic(self, *names: str, topic: str = "brand") -> None:
        for name in names:
            self.hearings[name] = (*self.hearings.get(name, ()), Hearing(self.brand_id, Via.TOPIC, topic=topic))

    def hear(self, mention: Mention) -> tuple[Hearing, ...]:
        if mention.author.external_id == "us":
            return (Hearing(self.brand_id, Via.OWN, account_id=self.account.id),)
        return self.hearings.get(mention.key.external_id, ())

    async def record(self, *items: Item, now: datetime = NOW, history: bool = False, **other: Any) -> Recorded:
        self.n += 1
        cursor = f"c{self.n}"
        batch = Batch(items=items, cursor=cursor, heard_at=now, history=history, **other)
        done = await record(self.pool, self.source_id, batch, self.hear, self.judge, expect=self.cursor, now=now)
        self.cursor = cursor
        return done
