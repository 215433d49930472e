"""Models learned from brands' own decisions: kept by version, put into force, switched off, forgotten. Owns `learned_models` and `learning`.

A model is numbers; which messages they came from is kept as ids, for as long as the numbers are, so that erasing a person takes them along (a
trigger does that, in the statement that blanks the text). Refuses to learn, and to keep a model of which a lesson has gone meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from listener.errors import Refused
from listener.learning import Measured, Model
from listener.model.people import Role
from listener.store.acts.rights import may_act, who
from listener.store.connect import acquired
from listener.store.conversations import Event, tell
from listener.weekly import Scored

KEPT = timedelta(days=90)
"""How long the numbers of a model are kept that another has replaced: a replay needs them."""

_IN_FORCE = "SELECT brand_id, version FROM learned_models WHERE in_force"

_NUMBERS = """
SELECT DISTINCT ON (version) version, numbers FROM learned_models WHERE version = ANY($1::text[]) AND numbers IS NOT NULL
"""
_HELD_VERSIONS = (
    "SELECT version FROM learned_models WHERE brand_id = $1 AND numbers IS NOT NULL ORDER BY made_at DESC, id DESC"
)

_MODELS = """
SELECT version, made_at, need, decisions, answered, measured, counts, why, in_force, retired_at, retired_why, stale_at, forgotten_at,
       forgotten_why, numbers IS NOT NULL AS held
FROM learned_models WHERE brand_id = $1 ORDER BY made_at DESC, id DESC LIMIT $2
"""

_HELD_BACK = "SELECT held_back FROM learned_models WHERE brand_id = $1 ORDER BY made_at DESC, id DESC LIMIT 1"
_HELD_BACK_OF = "SELECT held_back FROM learned_models WHERE brand_id = $1 AND version = $2"

_STATE = """
SELECT l.in_settings, l.wanted, p.name AS wanted_by, l.wanted_at, l.due, l.tried_at, l.told, l.decisions
FROM learning AS l LEFT JOIN people AS p ON p.id = l.wanted_by WHERE l.brand_id = $1
"""

# Atomic: of several programs that look at the same moment, one gets it.
_CLAIM = """
INSERT INTO learning AS l (brand_id, tried_at) VALUES ($1, $2)
ON CONFLICT (brand_id) DO UPDATE SET tried_at = excluded.tried_at WHERE l.tried_at IS NULL OR l.tried_at <= $3
RETURNING true
"""
_TOLD = """
INSERT INTO learning AS l (brand_id, told, decisions, due) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id) DO UPDATE SET told = excluded.told, decisions = excluded.decisions, due = excluded.due
"""

_ALONE = "SELECT pg_advisory_xact_lock(7502739027)"

# Blanked since they were read; whoever blanks from here on finds the model, since they wait for us.
_GONE = """
SELECT count(*) FROM unnest($1::bigint[]) AS i(id)
JOIN LATERAL (SELECT version FROM mentions WHERE id = i.id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = i.id AND version = m.version LIMIT 1) AS v ON v.text IS NULL
"""

_LOCK_BRAND = "SELECT in_settings AND wanted FROM learning WHERE brand_id = $1 FOR UPDATE"

_KEEP = """
INSERT INTO learned_models AS l (brand_id, version, made_at, numbers, lessons, need, decisions, answered, measured, held_back, counts, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (brand_id, version) DO UPDATE SET made_at = excluded.made_at, numbers = excluded.numbers, lessons = excluded.lessons,
    measured = excluded.measured, held_back = excluded.held_back, stale_at = NULL, forgotten_at = NULL, forgotten_why = '',
    retired_at = NULL, retired_why = ''
"""

_RETIRE = """
UPDATE learned_models SET in_force = false, retired_at = $2, retired_why = $3 WHERE brand_id = $1 AND in_force AND version <> $4 RETURNING version
"""
_ENFORCE = """
UPDATE learned_models SET in_force = true WHERE brand_id = $1 AND version = $2 AND NOT in_force RETURNING version
"""
_OUT_OF_FORCE = "UPDATE learned_models SET in_force = false WHERE brand_id = $1 AND in_force RETURNING version"

_BACK = """
UPDATE learned_models SET in_force = true WHERE id = (
    SELECT id FROM learned_models WHERE brand_id = $1 AND counts AND numbers IS NOT NULL AND retired_at IS NULL AND stale_at IS NULL
    ORDER BY made_at DESC, id DESC LIMIT 1) AND NOT EXISTS (SELECT FROM learned_models WHERE brand_id = $1 AND in_force)
RETURNING version
"""

_WANT = """
INSERT INTO learning AS l (brand_id, wanted, wanted_by, wanted_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id) DO UPDATE SET wanted = excluded.wanted, wanted_by = excluded.wanted_by, wanted_at = excluded.wanted_at
RETURNING in_settings AND wanted AS on
"""
_IN_SETTINGS = """
INSERT INTO learning AS l (brand_id, in_settings) SELECT $1, $2 WHERE NOT $2 OR EXISTS (SELECT FROM learning WHERE brand_id = $1)
ON CONFLICT (brand_id) DO UPDATE SET in_settings = excluded.in_settings WHERE l.in_settings <> excluded.in_settings
RETURNING in_settings AND wanted AS on
"""

_FORGET = """
UPDATE learned_models SET numbers = NULL, lessons = '{}', in_force = false, forgotten_at = $2, forgotten_why = $3
WHERE brand_id = $1 AND numbers IS NOT NULL AND ($4 OR stale_at IS NOT NULL OR (NOT in_force AND NOT counts) OR retired_at < $5)
RETURNING version
"""


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """One model and its figures, without its numbers."""

    version: str
    made_at: datetime
    need: str
    decisions: int
    answered: int
    measured: Measured
    counts: bool
    why: str
    in_force: bool
    retired_at: datetime | None
    retired_why: str
    stale_at: datetime | None
    """A message that it was learned from has gone since."""
    forgotten_at: datetime | None
    forgotten_why: str
    held: bool
    """Its numbers are there."""

    @property
    def stands(self) -> str:
        """Whether it is in force, or why not, in words."""
        if self.in_force:
            return (
                "in force"
                if self.stale_at is None
                else "in force; a message that it learned from is gone: it is learned anew soon"
            )
        if not self.counts:
            return "not in force: it did not beat need"
        if not self.held:
            return f"forgotten: {self.forgotten_why}"
        return f"not in force: {self.retired_why or 'switched off'}"


@dataclass(frozen=True, slots=True)
class Learning:
    """Whether a brand's decisions are learned from, and what the last look came to."""

    in_settings: bool = True
    wanted: bool = True
    wanted_by: str | None = None
    wanted_at: datetime | None = None
    due: bool = False
    """Something that it learned from is gone: it is to learn anew soon."""
    tried_at: datetime | None = None
    told: str = ""
    decisions: int = 0

    @property
    def is_on(self) -> bool:
        """Both the settings and the people want it."""
        return self.in_settings and self.wanted

    @property
    def stands(self) -> str:
        """That in words."""
        if not self.in_settings:
            return "off: the settings say learning = false"
        if not self.wanted:
            return f"off: {self.wanted_by or 'somebody'} switched it off"
        return "on"


async def in_force(pool: asyncpg.Pool) -> dict[int, str]:
    """By brand: the version that speaks now."""
    async with acquired(pool) as connection:
        return {row["brand_id"]: row["version"] for row in await connection.fetch(_IN_FORCE)}


async def numbers(pool: asyncpg.Pool, versions: Collection[str]) -> dict[str, Model]:
    """The models of these versions, as far as they are kept whole and this program reads them."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_NUMBERS, sorted(versions)) if versions else []
    return {row["version"]: model for row in rows if (model := _model(row)) is not None}


async def kept(pool: asyncpg.Pool, brand_id: int) -> dict[str, Model]:
    """All models of a brand that are kept."""
    async with acquired(pool) as connection:
        versions = [row["version"] for row in await connection.fetch(_HELD_VERSIONS, brand_id)]
    return await numbers(pool, versions)


async def models(pool: asyncpg.Pool, brand_id: int, limit: int = 20) -> list[LearnedModel]:
    """A brand's models, the latest first."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_MODELS, brand_id, limit)
    return [LearnedModel(**{**row, "measured": msgspec.convert(row["measured"], Measured)}) for row in map(dict, rows)]


async def held_back(pool: asyncpg.Pool, brand_id: int, version: str = "") -> tuple[Scored, ...]:
    """What a model (the newest) was measured on: decisions by the day with both scores, before it had learned from them."""
    async with acquired(pool) as connection:
        found = await (
            connection.fetchval(_HELD_BACK_OF, brand_id, version)
            if version
            else connection.fetchval(_HELD_BACK, brand_id)
        )
    return () if found is None else msgspec.convert(found, tuple[Scored, ...])


async def state(pool: asyncpg.Pool, brand_id: int) -> Learning:
    """Whether this brand's decisions are learned from."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_STATE, brand_id)
    return Learning() if row is None else Learning(**dict(row))


async def claim(pool: asyncpg.Pool, brand_id: int, now: datetime, every: timedelta) -> bool:
    """Whether it is this caller's to look now: nobody did within `every`."""
    async with acquired(pool) as connection:
        return bool(await connection.fetchval(_CLAIM, brand_id, now, now - every))


async def told(pool: asyncpg.Pool, brand_id: int, what: str, decisions: int, *, due: bool = False) -> None:
    """What the look came to. `due`: it is to be done anew soon."""
    async with acquired(pool) as connection:
        await connection.execute(_TOLD, brand_id, what, decisions, due)


async def keep(
    pool: asyncpg.Pool, brand_id: int, model: Model, lessons: Sequence[int], held: Sequence[Scored], now: datetime
) -> None:
    """Keeps a model, and puts it into force where it counts and the brand wants it; what was in force before is retired by it.

    Raises Refused when the text of a lesson went while it was learned: it would remember what is to be forgotten.
    """
    async with acquired(pool) as connection, connection.transaction():
        await connection.execute(_ALONE)
        if await connection.fetchval(_GONE, list(lessons)):
            raise Refused("a message went while it was learned from", hint="it is learned anew without it")
        wanted = await connection.fetchval(_LOCK_BRAND, brand_id)
        version = model.method
        await connection.execute(
            _KEEP, brand_id, version, now, msgspec.to_builtins(model, str_keys=True), list(lessons), model.need, model.decisions,
            model.answered, msgspec.to_builtins(model.measured), msgspec.to_builtins(list(held)), model.counts, model.why,
        )  # fmt: skip
        if model.counts and wanted is not False:
            before = await connection.fetchval(_RETIRE, brand_id, now, f"{version} came after it", version)
            await connection.fetchval(_ENFORCE, brand_id, version)
            await _tell(connection, brand_id, "learning.in-force", before, version, now)


async def retire(pool: asyncpg.Pool, brand_id: int, why: str, now: datetime) -> None:
    """What is in force no longer is, for good."""
    async with acquired(pool) as connection, connection.transaction():
        if (before := await connection.fetchval(_RETIRE, brand_id, now, why, "")) is not None:
            await _tell(connection, brand_id, "learning.retired", before, None, now)


async def switch(pool: asyncpg.Pool, person_id: int, brand_id: int, wanted: bool, now: datetime) -> str:
    """A lead or an admin wants that it is learned from the brand's decisions and what was learned speaks, or no longer. What speaks from now
    on, by its version; "": nothing. Raises Refused for all others.
    """
    async with acquired(pool) as connection, connection.transaction():
        await _may_decide(connection, person_id, brand_id)
        is_on = await connection.fetchval(_WANT, brand_id, wanted, person_id, now)
        return await _switched(connection, brand_id, is_on, person_id, now)


async def by_settings(pool: asyncpg.Pool, brand_id: int, wanted: bool, now: datetime) -> None:
    """The same by the operator's settings, which stand beside what people want: both must."""
    async with acquired(pool) as connection, connection.transaction():
        is_on = await connection.fetchval(_IN_SETTINGS, brand_id, wanted)
        if is_on is not None:
            await _switched(connection, brand_id, is_on, None, now)


async def forget(pool: asyncpg.Pool, person_id: int, brand_id: int, now: datetime) -> int:
    """Deletes the numbers of all models of the brand; how many there were. Their figures stay. Raises Refused unless a lead or an admin asks."""
    async with acquired(pool) as connection, connection.transaction():
        await _may_decide(connection, person_id, brand_id)
        gone = await connection.fetch(_FORGET, brand_id, now, "a person had it forgotten", True, now)
        await _tell(connection, brand_id, "learning.forgotten", None, None, now, person_id, len(gone))
    return len(gone)


async def sweep(pool: asyncpg.Pool, brand_id: int, now: datetime) -> int:
    """Forgets what nobody needs: models of which a lesson has gone, those that never counted, and those replaced 90 days ago."""
    async with acquired(pool) as connection, connection.transaction():
        why = "a message that it was learned from is gone, or nobody needs it any more"
        gone = await connection.fetch(_FORGET, brand_id, now, why, False, now - KEPT)
        if gone:
            await _tell(connection, brand_id, "learning.forgotten", None, None, now, None, len(gone))
    return len(gone)


async def _switched(
    connection: asyncpg.Connection, brand_id: int, is_on: bool, person_id: int | None, now: datetime
) -> str:
    speaks = None if is_on else await connection.fetchval(_OUT_OF_FORCE, brand_id)
    version = (await connection.fetchval(_BACK, brand_id)) or "" if is_on else ""
    kind = "learning.on" if is_on else "learning.off"
    await _tell(connection, brand_id, kind, speaks, version or None, now, person_id)
    return version


async def _may_decide(connection: asyncpg.Connection, person_id: int, brand_id: int) -> None:
    await may_act(connection, person_id, brand_id)
    if (await who(connection, person_id)).roles.get(brand_id) not in {Role.LEAD, Role.ADMIN}:
        raise Refused("only a lead or an admin decides what is learned", hint="ask one of them")


async def _tell(
    connection: asyncpg.Connection,
    brand_id: int,
    kind: str,
    before: str | None,
    after: str | None,
    now: datetime,
    person_id: int | None = None,
    models: int | None = None,
) -> None:
    became: dict[str, Any] = {"version": after} if models is None else {"models": models}
    await tell(connection, [Event(brand_id, kind, person_id=person_id, before={"version": before}, after=became)], now)


def _model(row: Mapping[str, Any]) -> Model | None:
    """None: of another version of this program, or not what it was kept as; then it is as good as forgotten."""
    try:
        model = msgspec.convert(row["numbers"], Model, str_keys=True)
    except msgspec.ValidationError:
        return None
    return model if model.method == row["version"] else None
