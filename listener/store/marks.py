"""What people say about a rule and a message: false alarm, missed, right. Owns `rule_marks`.

One mark a person: a later one replaces it, a colleague's stays beside it. Refuses to hold a word of the message: marks point at it, and
what is to become an example is read from the message while it is still there. The note is the staff's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from listener.errors import Refused
from listener.model.kinds import Kind
from listener.store.acts.rights import may_act
from listener.store.connect import acquired
from listener.store.conversations import Event, tell

MAX_NOTE = 1_000
"""Characters of a note."""

MAX_RULE = 200

NEW_RULE = "(new rule)"
"""What is marked missed when no rule there is should have fired; no rule can be called so."""

# What was never judged for the brand cannot be marked: no rule ever looked at it.
_JUDGED = """
SELECT a.version, a.rulebook FROM assessments AS a
WHERE a.mention_id = $1 AND a.brand_id = $2 ORDER BY a.version DESC LIMIT 1
"""

_BEFORE = """
SELECT verdict FROM rule_marks WHERE mention_id = $1 AND brand_id = $2 AND rule = $3 AND person_id = $4 FOR UPDATE
"""

_MARK = """
INSERT INTO rule_marks AS k (mention_id, brand_id, rule, person_id, version, verdict, note, rulebook, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (mention_id, brand_id, rule, person_id) DO UPDATE SET version = excluded.version, verdict = excluded.verdict,
    note = excluded.note, rulebook = excluded.rulebook, at = excluded.at
"""

_TAKE_BACK = """
DELETE FROM rule_marks WHERE mention_id = $1 AND brand_id = $2 AND rule = $3 AND person_id = $4 RETURNING verdict
"""

_COLUMNS = """
k.mention_id, k.brand_id, k.rule, k.person_id, p.login, p.name AS person, k.version, k.verdict, k.note, k.rulebook, k.at
"""

_MARKS_ON = f"""
SELECT {_COLUMNS} FROM rule_marks AS k JOIN people AS p ON p.id = k.person_id
WHERE k.mention_id = ANY($1::bigint[]) AND k.brand_id = $2 ORDER BY k.mention_id, k.rule, k.at, k.person_id
"""  # noqa: S608 - constants

_WRONG = f"""
WITH picked AS MATERIALIZED (SELECT * FROM rule_marks WHERE verdict <> 'right' ORDER BY at DESC, mention_id DESC LIMIT $1)
SELECT {_COLUMNS}, b.key AS brand, v.text, w.handle, w.external_id AS author, m.source, m.kind, m.langs, m.lang, m.at AS said_at,
       EXISTS (SELECT FROM hearings AS h WHERE h.mention_id = k.mention_id AND h.brand_id = k.brand_id
               AND h.via IN ('mention', 'reply', 'quote', 'dm')) AS addressed, m.ours
FROM picked AS k
JOIN people AS p ON p.id = k.person_id
JOIN brands AS b ON b.id = k.brand_id
JOIN LATERAL (SELECT * FROM mentions WHERE id = k.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = k.mention_id AND version = k.version LIMIT 1) AS v ON true
JOIN LATERAL (SELECT * FROM authors WHERE id = m.author_id LIMIT 1) AS w ON true
WHERE v.text IS NOT NULL
ORDER BY k.at, k.mention_id, k.rule, k.person_id
"""  # noqa: S608 - constants


class Verdict(StrEnum):
    """What a person says about a rule on a message."""

    FALSE_ALARM = "false alarm"
    """It fired and should not have."""
    MISSED = "missed"
    """It did not fire and should have."""
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Mark:
    """One person's word on one rule and one message. Ids, and the staff's own note."""

    mention_id: int
    brand_id: int
    rule: str
    person_id: int
    login: str
    person: str
    version: int
    """Of the message, as it was seen."""
    verdict: Verdict
    note: str
    rulebook: str
    """The hash of the one that judged the message."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Drafting:
    """A mark that says that a rule was wrong, with its message."""

    mark: Mark
    brand: str
    """The brand's key."""
    text: str
    author: str
    """Handle, or id where no handle is known."""
    source: str
    kind: Kind
    langs: tuple[str, ...]
    """As claimed by the author."""
    lang: str
    """As found by us; "" when unsure."""
    addressed: bool
    ours: bool
    said_at: datetime


async def mark(
    pool: asyncpg.Pool,
    person_id: int,
    mention_id: int,
    brand_id: int,
    rule: str,
    verdict: Verdict | str,
    note: str,
    now: datetime,
) -> None:
    """Keeps the person's word, in place of an earlier one of theirs, and tells everybody.

    Raises Refused for viewers, for a message that was never judged for the brand, and for a note above 1,000 characters.
    """
    note = note.strip()
    if len(note) > MAX_NOTE or "\0" in note:
        raise Refused(f"a note has at most {MAX_NOTE:,} characters")
    if not rule or len(rule) > MAX_RULE or "\0" in rule:
        raise Refused("that is not the id of a rule")
    try:
        verdict = Verdict(verdict)
    except ValueError:
        raise Refused(f"a mark says one of: {', '.join(Verdict)}") from None
    key = (mention_id, brand_id, rule, person_id)
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        judged = await connection.fetchrow(_JUDGED, mention_id, brand_id)
        if judged is None:
            raise Refused(
                "no rule ever looked at that message", hint="only what was judged for this brand can be marked"
            )
        before = await connection.fetchval(_BEFORE, *key)
        await connection.execute(_MARK, *key, judged["version"], verdict.value, note, judged["rulebook"], now)
        await tell(connection, [_event(key, before, verdict.value)], now)


async def take_back(
    pool: asyncpg.Pool, person_id: int, mention_id: int, brand_id: int, rule: str, now: datetime
) -> bool:
    """Takes the person's own mark away. False: there was none. Raises Refused for viewers."""
    key = (mention_id, brand_id, rule, person_id)
    async with acquired(pool) as connection, connection.transaction():
        await may_act(connection, person_id, brand_id)
        before = await connection.fetchval(_TAKE_BACK, *key)
        if before is not None:
            await tell(connection, [_event(key, before, None)], now)
    return before is not None


async def marks_on(pool: asyncpg.Pool, mention_ids: Collection[int], brand_id: int) -> list[Mark]:
    """What was said about the rules on some messages: one message after the other, by rule, the oldest first."""
    async with acquired(pool) as connection:
        return [_mark(row) for row in await connection.fetch(_MARKS_ON, list(mention_ids), brand_id)]


async def wrong(pool: asyncpg.Pool, limit: int = 500) -> list[Drafting]:
    """The latest marks that say that a rule was wrong, the oldest of them first; those whose message has lost its text are left out."""
    async with acquired(pool) as connection:
        rows = await connection.fetch(_WRONG, limit)
    return [
        Drafting(
            mark=_mark(row),
            brand=row["brand"],
            text=row["text"],
            author=row["handle"] or row["author"],
            source=row["source"],
            kind=Kind(row["kind"]),
            langs=tuple(row["langs"]),
            lang=row["lang"],
            addressed=row["addressed"],
            ours=row["ours"],
            said_at=row["said_at"],
        )
        for row in rows
    ]


def _event(key: tuple[int, int, str, int], before: str | None, after: str | None) -> Event:
    mention_id, brand_id, rule, person_id = key
    return Event(
        brand_id,
        "rule.marked",
        mention_id=mention_id,
        person_id=person_id,
        before={"rule": rule, "verdict": before},
        after={"rule": rule, "verdict": after},
    )


def _mark(row: Mapping[str, Any]) -> Mark:
    values = {name: row[name] for name in Mark.__slots__}
    return Mark(**{**values, "verdict": Verdict(row["verdict"])})
