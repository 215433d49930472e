"""What was said that made an incident: words against the usual ones, authors, networks, samples, and what is missing. Read when it is told.

Never more than a window's newest messages are looked at, however big a storm is. Private messages are counted and never shown. Texts leave here
masked; whoever draws them makes them harmless for its own screen. Refuses to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from listener.harmless import harmless
from listener.incidents.message import MOST_NAMED, SAMPLES, Evidence, Sample, Voice
from listener.incidents.words import standing_out
from listener.private import hidden, private
from listener.query.frequency import usual
from listener.query.words import segment
from listener.rulebook.alerting import Watched
from listener.store.source_views import LOOK_BACK

MOST = 1000
"""Messages looked at, the newest."""
LONGEST = timedelta(hours=24)
"""How far back, however long it has been going on."""
BEFORE = timedelta(days=7)
LONGEST_TEXT = 500
DAY = timedelta(days=1)
ALIKE = 0.7
"""Share of their words that two messages have in common when they say the same."""

_INCIDENT = "SELECT brand_id, watched, topic, source, since, coalesce(over_at, told_at) AS until, evidence FROM incidents WHERE id = $1"

_COLUMNS = (
    "m.id, m.at, m.source, m.kind, m.author_id, a.handle, a.name, a.followers, v.text, j.tone, j.tone_compound, j.need"
)
_JOINS = """
JOIN authors AS a ON a.id = m.author_id
LEFT JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
LEFT JOIN assessments AS j ON j.mention_id = m.id AND j.brand_id = $1 AND j.version = m.version
WHERE NOT m.ours AND m.state = 'live'
"""

# A topic's messages stand in an index of their own; a brand's are found by time.
_OF_TOPIC = f"""
WITH h AS MATERIALIZED (
    SELECT DISTINCT mention_id FROM (
        SELECT mention_id FROM hearings WHERE brand_id = $1 AND topic = $2 AND via = 'topic' AND at >= $4 AND at < $5
        ORDER BY at DESC, mention_id DESC LIMIT $6::int * 2
    ) AS newest
)
SELECT {_COLUMNS} FROM h JOIN mentions AS m ON m.id = h.mention_id AND ($3 = '' OR m.source = $3)
{_JOINS} ORDER BY m.at DESC, m.id DESC LIMIT $6
"""  # noqa: S608 - constants
_OF_BRAND = f"""
WITH m AS MATERIALIZED (
    SELECT m.* FROM mentions AS m WHERE m.at >= $4 AND m.at < $5 AND ($3 = '' OR m.source = $3) AND $2 = ''
      AND EXISTS (SELECT FROM hearings AS h WHERE h.mention_id = m.id AND h.brand_id = $1)
    ORDER BY m.at DESC, m.id DESC LIMIT $6
)
SELECT {_COLUMNS} FROM m {_JOINS} ORDER BY m.at DESC, m.id DESC
"""  # noqa: S608 - constants

_ONE = f"SELECT {_COLUMNS} FROM (SELECT * FROM mentions WHERE id = $2) AS m {_JOINS}"  # noqa: S608 - constants

# Of each stream that brought any of it: which part of the day lies in holes that were not filled.
_MISSING = """
WITH s AS (
    SELECT id FROM sources WHERE split_part(key, '/', 1) = ANY ($1::text[]) AND key NOT LIKE 'import/%'
), holes AS (
    SELECT g.source_id, range_agg(tstzrange(greatest(g.start_at, $2), least(g.end_at, $3))) AS spans
    FROM gaps AS g JOIN s ON s.id = g.source_id
    WHERE g.state <> 'filled' AND g.cause <> $4 AND g.end_at > $2 AND g.start_at < $3 GROUP BY g.source_id
)
SELECT coalesce(sum(extract(epoch FROM upper(one) - lower(one))), 0)::float8 AS seconds, (SELECT count(*) FROM s)::int AS streams
FROM holes, unnest(spans) AS one
"""


async def evidence(connection: asyncpg.Connection, incident_id: int) -> Evidence:
    """What was said, as far as it may be shown. Empty where there is no such incident, or nothing was said."""
    row = await connection.fetchrow(_INCIDENT, incident_id)
    if row is None:
        return Evidence()
    until = row["until"] + timedelta(seconds=1)
    since = max(row["since"], until - LONGEST)
    watched = Watched(row["watched"])
    asked = (row["brand_id"], row["topic"], row["source"])
    said = await _said(connection, asked, since, until)
    if watched is Watched.NEGATIVE:
        said = [one for one in said if one["tone"] == "negative"] or said
    before = await _said(connection, asked, since - BEFORE, since)
    first = await _first(connection, row)
    sources = Counter(one["source"] for one in said)
    heard = [row["source"]] if row["source"] else [*{*sources, *(one["source"] for one in before)}]
    return Evidence(
        seen=len(said),
        words=standing_out(_words(said), _words(before), usual),
        authors=tuple(Voice(name, n) for name, n in Counter(map(_author, said)).most_common(MOST_NAMED)),
        sources=tuple(Voice(name, n) for name, n in sources.most_common(MOST_NAMED)),
        samples=_samples([*first, *sorted(said, key=_weight(watched))]),
        missing=await _missing(connection, heard, until),
    )


async def _said(
    connection: asyncpg.Connection, asked: tuple[int, str, str], since: datetime, until: datetime
) -> list[asyncpg.Record]:
    statement = _OF_TOPIC if asked[1] else _OF_BRAND
    return list(await connection.fetch(statement, *asked, since, until, MOST))


async def _first(connection: asyncpg.Connection, row: asyncpg.Record) -> list[asyncpg.Record]:
    """The message that a rule handed over, before all others."""
    mention = (row["evidence"] or {}).get("mention")
    if not isinstance(mention, int) or isinstance(mention, bool):
        return []
    return list(await connection.fetch(_ONE, row["brand_id"], mention))


async def _missing(connection: asyncpg.Connection, sources: Sequence[str], until: datetime) -> float:
    found = await connection.fetchrow(_MISSING, list(sources), until - DAY, until, LOOK_BACK)
    return min(1.0, found["seconds"] / (DAY.total_seconds() * found["streams"])) if found["streams"] else 0.0


def _shown(row: asyncpg.Record) -> bool:
    return row["kind"] != "dm" and bool(row["text"])


def _words(rows: Sequence[asyncpg.Record]) -> list[list[str]]:
    """Of each message its words, none of an address, of a name that is called, or of what looks private."""
    found = []
    for row in rows:
        if _shown(row):
            text = _public(row["text"][: 4 * LONGEST_TEXT])
            text = " ".join(one for one in text.split() if "://" not in one and one[:1] != "@")
            found.append(list(segment(text).vocabulary))
    return found


def _public(text: str) -> str:
    for start, end in reversed([one.span for one in private(text)]):
        text = f"{text[:start]} {text[end:]}"
    return text


def _author(row: asyncpg.Record) -> str:
    return str(row["handle"] or row["name"] or f"author {row['author_id']}")


def _weight(watched: Watched) -> Any:
    """Which posts show best what it is about: the worst, those that want an answer most, those that most people see."""

    def weight(row: asyncpg.Record) -> tuple[float, float, int]:
        followers = float(row["followers"] or 0)
        first = {
            Watched.NEGATIVE: row["tone_compound"] if row["tone_compound"] is not None else 0.0,
            Watched.NEED: -(row["need"] or 0.0),
        }.get(watched, 0.0)
        return round(first, 1), -followers, -row["id"]

    return weight


def _samples(rows: Sequence[asyncpg.Record]) -> tuple[Sample, ...]:
    """The first few of different authors: those that say something else before those that nearly repeat one."""
    different: list[Sample] = []
    alike: list[Sample] = []
    authors: set[int] = set()
    told: list[frozenset[str]] = []
    for row in rows:
        if not _shown(row) or row["author_id"] in authors or len(different) == SAMPLES:
            continue
        text = hidden(harmless(row["text"][: 4 * LONGEST_TEXT]))[:LONGEST_TEXT]
        words = frozenset(segment(text).vocabulary)
        repeats = any(len(words & one) >= ALIKE * len(words | one) for one in told)
        if repeats and len(alike) == SAMPLES:
            continue
        authors.add(row["author_id"])
        told.append(words)
        (alike if repeats else different).append(Sample(row["id"], _author(row), text, row["at"]))
    return (*different, *alike)[:SAMPLES]
