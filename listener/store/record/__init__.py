"""What was heard, into the database: one batch, one transaction, its cursor last.

Owns the promise "twice heard is once stored, never zero times": items, versions, hearings, assessments, flags, conversations,
counters, events and the source's cursor are committed together or not at all. Refuses to fetch, to judge (`Judge` is handed in)
and to swallow a batch: what Postgres will not take is put aside as a reject, all else is an error for the caller to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import asyncpg

from listener.errors import FixMe, TryAgain
from listener.model.accounts import Account
from listener.model.heard import AuthorChanged, Batch, Deleted, Hearing, Hidden, Mention, Reason, Reject
from listener.store import limits
from listener.store.connect import store_errors
from listener.store.conversations import Event, tell
from listener.store.record.case import Judge
from listener.store.record.converse import Desk
from listener.store.record.gone import change_authors, delete, note_gaps, put_aside
from listener.store.record.hidden import hide
from listener.store.record.judge import count, judge_all
from listener.store.record.keep import cleaned, keep
from listener.store.record.measure import ask, measure
from listener.store.record.merge import reroot
from listener.store.record.outgoing import hold

__all__ = ["Hear", "Judge", "Recorded", "record"]

Hear = Callable[[Mention], Sequence[Hearing]]
"""How a message concerns whom; nothing: it may only edit what is held. Pure."""

_ACCOUNTS = "SELECT id, brand_id, source, space, external_id, handle FROM accounts"
_SOURCE = "SELECT key, cursor FROM sources WHERE id = $1 FOR UPDATE"
_BOOKMARK = """
UPDATE sources SET cursor = coalesce($2, cursor), beat_at = $3, item_at = greatest(item_at, $4), heard_at = $3,
    heard = heard + $5, stored = stored + $6,
    state = CASE WHEN $7 THEN 'finished' WHEN $2::text IS NULL THEN state ELSE 'running' END,
    problem = CASE WHEN $7 OR $2::text IS NOT NULL THEN '' ELSE problem END
WHERE id = $1
"""

_TRIES = 5
_UNFIT = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, UnicodeError, OverflowError)
"""What says that a value does not fit into Postgres, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one batch came to."""

    new: int = 0
    edited: int = 0
    deleted: int = 0
    repeated: int = 0
    """Heard before, or of no concern: changed nothing."""
    rejects: int = 0
    flagged: dict[str, int] = field(default_factory=dict)
    """Rule id -> new flags; experimental ones do not count."""
    opened: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    """Ids of the conversations that opened or moved."""
    network_times: tuple[datetime, ...] = ()
    """Of the new messages: event to committed is now minus these."""

    def __add__(self, other: Recorded) -> Recorded:
        flagged = dict(self.flagged)
        for rule, n in other.flagged.items():
            flagged[rule] = flagged.get(rule, 0) + n
        return Recorded(
            self.new + other.new, self.edited + other.edited, self.deleted + other.deleted,
            self.repeated + other.repeated, self.rejects + other.rejects, flagged, self.opened + other.opened,
            self.changed + other.changed, self.network_times + other.network_times,
        )  # fmt: skip


class CursorMoved(FixMe):
    """Somebody else moved this source's bookmark: two listeners read the same source."""


async def record(
    pool: asyncpg.Pool, source_id: int, batch: Batch, hear: Hear, judge: Judge, *, expect: str | None, now: datetime
) -> Recorded:
    """Commit the batch and its cursor; `expect` is the cursor that the source was read from.

    Raises `CursorMoved` when the bookmark is elsewhere, `TryAgain` when the database is away or busy: repeat the same batch.
    An item that Postgres refuses as data never stops the rest: it becomes a reject.
    """
    for attempt in range(_TRIES):
        try:
            with store_errors():
                return await _once(pool, source_id, batch, hear, judge, expect, now)
        except _UNFIT as error:
            return await _split(pool, source_id, batch, hear, judge, expect, now, error)
        except TryAgain as busy:
            if busy.after != 0 or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _split(
    pool: asyncpg.Pool, source_id: int, batch: Batch, hear: Hear, judge: Judge, expect: str | None, now: datetime,
    error: Exception,
) -> Recorded:  # fmt: skip
    """Halve a batch that holds something Postgres cannot, until it stands alone; the cursor moves with the last part only."""
    if not batch.items:
        raise error
    if len(batch.items) == 1:
        item = batch.items[0]
        if isinstance(item, Reject):
            raise error
        raw = item.raw if isinstance(item, Mention) else repr(item).encode()
        reject = Reject(Reason.WRONG_SHAPE, f"the database cannot hold it: {type(error).__name__}", raw)
        return await record(pool, source_id, replace(batch, items=(reject,)), hear, judge, expect=expect, now=now)
    middle = len(batch.items) // 2
    first = replace(batch, items=batch.items[:middle], cursor=None, gaps=(), heard=0, final=False, limits=())
    rest = replace(batch, items=batch.items[middle:])
    done = await record(pool, source_id, first, hear, judge, expect=expect, now=now)
    return done + await record(pool, source_id, rest, hear, judge, expect=expect, now=now)


async def _once(
    pool: asyncpg.Pool, source_id: int, batch: Batch, hear: Hear, judge: Judge, expect: str | None, now: datetime
) -> Recorded:
    async with pool.acquire() as connection, connection.transaction():
        source = await connection.fetchrow(_SOURCE, source_id)
        if source is None or (batch.cursor is not None and source["cursor"] != expect):
            raise CursorMoved(
                "this source's bookmark was moved by somebody else",
                where=source["key"] if source else str(source_id),
                hint="only one listener may read a source; stop the other one",
            )
        accounts = {(r["space"], r["external_id"]): Account(*r.values()) for r in await connection.fetch(_ACCOUNTS)}
        done = await _items(connection, source_id, source["key"], batch, hear, judge, accounts, now)
        await note_gaps(connection, source_id, batch.gaps, now)
        await limits.note(connection, source["key"], batch.limits)
        await connection.execute(
            _BOOKMARK, source_id, batch.cursor, now, batch.item_at, batch.heard, done.new, batch.final
        )
        return done


async def _items(
    connection: asyncpg.Connection, source_id: int, source_key: str, batch: Batch, hear: Hear, judge: Judge,
    accounts: dict[tuple[str, str], Account], now: datetime,
) -> Recorded:  # fmt: skip
    events: list[Event] = []
    done = Recorded(
        rejects=await put_aside(connection, source_id, (i for i in batch.items if isinstance(i, Reject)), now)
    )
    for states in _rounds([i for i in batch.items if isinstance(i, Mention)]):
        heard = [(m, tuple(hear(m))) for m in map(cleaned, states)]
        kept, repeated = await keep(connection, source_id, heard, accounts, now)
        await hold(connection, kept)
        events += await reroot(connection, kept, now)
        judgements = await judge_all(connection, kept, judge, now, history=batch.history)
        assessed = judgements.assessed
        desk = Desk(connection, now, history=batch.history)
        await desk.take(kept, assessed, accounts)
        topics = await count(connection, source_key, kept, assessed, now, history=batch.history)
        await measure(connection, source_id, kept, judgements, history=batch.history)
        asked = [e for e in judgements.events if (e.mention_id, e.brand_id) not in desk.hushed]
        await ask(connection, kept, asked)
        events += [*desk.events, *asked]
        events += [Event(brand, "mentions.heard", after={"topics": n}) for brand, n in sorted(topics.items())]
        done += Recorded(
            new=sum(k.new for k in kept), edited=sum(k.edited for k in kept), repeated=repeated, flagged=dict(judgements.flagged),
            opened=tuple(desk.opened), changed=tuple(sorted(desk.changed)),
            network_times=tuple(k.mention.network_at for k in kept if k.new and k.mention.network_at),
        )  # fmt: skip
    gone, told = await delete(connection, [i for i in batch.items if isinstance(i, Deleted)], now)
    vanished, more = await change_authors(connection, [i for i in batch.items if isinstance(i, AuthorChanged)], now)
    hidden = await hide(connection, [i for i in batch.items if isinstance(i, Hidden)])
    await tell(connection, events + told + more + hidden, now)
    return done + Recorded(deleted=gone + vanished)


def _rounds(mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Several states of one message in one batch are taken one after the other, by revision; nearly always there is one round."""
    by_key: dict[tuple[str, str], list[Mention]] = {}
    for m in mentions:
        states = by_key.setdefault((m.key.space, m.key.external_id), [])
        if all((m.revision, m.content_id) != (s.revision, s.content_id) for s in states):
            states.append(m)
    for states in by_key.values():
        states.sort(key=lambda m: m.revision)
    deepest = max((len(states) for states in by_key.values()), default=0)
    return [[states[i] for states in by_key.values() if len(states) > i] for i in range(deepest)]
