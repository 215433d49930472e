"""A house with as many conversations as one asks for, in minutes also where that is millions: for benches that ask whether size matters.

Written straight into the tables, a range of ids at a time, as the listener would have left them: every message heard by one topic and judged,
every conversation in its place in the queue. Our own triggers fire (what they keep is not made up here), keys between tables are not
looked up row by row, and indexes are built when all rows are there. Everything follows from a row's number: the same house every time.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from listener.model.accounts import Account
from listener.model.people import Person, Role
from listener.model.scales import Priority
from listener.store import people, sources, upkeep
from listener.store.connect import connect_pool
from listener.store.migrate import migrate
from listener.workflow import clocks, order
from tests.store.world import trusted

TOPIC = "acme"
SPACE = "bluesky"
AT_ONCE = 200_000
"""Conversations of one transaction."""

CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "16GB",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "1GB",
}
"""Settings of a server that only fills: nobody would miss what it loses. What is measured runs on the settings that people have."""

_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'hubbub'::regnamespace AND NOT i.indisunique ORDER BY 1
"""
# $1 the first number, $2 the one after the last. All else stands in `filling`, a table of one row.
_ROWS = (
    """INSERT INTO authors (id, space, external_id, handle, name, followers, first_at) OVERRIDING SYSTEM VALUE
       SELECT i / 4, f.space, 'did:plc:' || lpad((i / 4)::text, 16, '0'), 'author' || i / 4 || '.example', 'Author ' || i / 4, i % 100003, f.now
       FROM filling f, generate_series($1::bigint, $2::bigint - 1, 4) AS i""",
    """INSERT INTO mentions (id, space, external_id, source, author_id, ours, kind, root, lang, network_at, heard_at, at) OVERRIDING SYSTEM VALUE
       SELECT i, f.space, m.key, 'bluesky', i / 4, false, 'post', m.key, 'en', m.at, m.at, m.at
       FROM filling f, generate_series($1::bigint, $2::bigint - 1) AS i, LATERAL (
           SELECT 'at://' || lpad(i::text, 16, '0') AS key, f.now - make_interval(secs => (f.n + 4 - i) * 7776000.0 / f.n) AS at) AS m""",
    "INSERT INTO mention_keys SELECT space, external_id, id FROM mentions WHERE id >= $1 AND id < $2",
    """INSERT INTO mention_versions (mention_id, version, revision, content_id, text, words, heard_at)
       SELECT id, 1, '', '', 'my invoice is wrong, number ' || id || ', and nobody answers about item' || id % 997,
              array_to_tsvector(
                  ARRAY['my', 'invoice', 'is', 'wrong', 'number', id::text, 'and', 'nobody', 'answers', 'about', 'item' || id % 997]), at
       FROM mentions WHERE id >= $1 AND id < $2""",
    """INSERT INTO hearings (mention_id, brand_id, topic, source_id, via, at, heard_at)
       SELECT m.id, f.brand_id, f.topic, f.source_id, 'topic', m.at, m.at FROM filling f, mentions m WHERE m.id >= $1 AND m.id < $2""",
    """INSERT INTO assessments (mention_id, brand_id, version, rulebook, methods, tone, tone_compound, need, priority, because, context, at)
       SELECT m.id, f.brand_id, 1, 'bench', '{}', CASE m.id % 3 WHEN 0 THEN 'negative' WHEN 1 THEN 'neutral' ELSE 'positive' END,
              (m.id % 201 - 100) / 100.0, (m.id * 7919 % 1000) / 1000.0, 1 + m.id % 4, '[]', '{}', m.at
       FROM filling f, mentions m WHERE m.id >= $1 AND m.id < $2""",
    """INSERT INTO counter_deltas (brand_id, name, key, bucket, n)
       SELECT f.brand_id, c.name, c.key, date_trunc('hour', m.at, 'UTC'), count(*)
       FROM filling f, mentions m, LATERAL (VALUES ('heard', f.source), ('topic', f.topic), ('topic-negative', f.topic)) AS c(name, key)
       WHERE m.id >= $1 AND m.id < $2 AND (c.name <> 'topic-negative' OR m.id % 3 = 0) GROUP BY 1, 2, 3, 4""",
    """INSERT INTO conversations (id, brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, assignee_id,
              snoozed_until, next_at, unread, tone, need, sort_key, opened_at, last_at, last_mention_id, changed_at, family) OVERRIDING SYSTEM VALUE
       SELECT m.id, f.brand_id, f.account_id, m.space, m.root, m.author_id, m.source, 'addressed', s.state, s.priority, s.due_at, s.assignee_id,
              s.snoozed_until, coalesce(s.snoozed_until, s.due_at - f.soon), m.id % 3 = 0, 'neutral', 0,
              CASE WHEN s.due_at IS NOT NULL THEN (extract(epoch FROM s.due_at) * 1000000)::bigint
                   WHEN s.snoozed_until IS NOT NULL THEN (extract(epoch FROM s.snoozed_until) * 1000000)::bigint
                   WHEN s.state IN ('new', 'ours') THEN f.no_clock * (f.urgent + 1 - s.priority) + (extract(epoch FROM m.at) * 1000000)::bigint
                   ELSE - (extract(epoch FROM m.at) * 1000000)::bigint END,
              m.at, m.at, m.id, m.at, 1 + 1024 * CASE WHEN m.id % 10 = 0 THEN greatest(m.id / 200 * 200, 10) ELSE m.id END
       FROM filling f, mentions m, LATERAL (
           SELECT CASE WHEN m.id % 20 < 9 THEN 'new' WHEN m.id % 20 = 9 THEN 'ours' WHEN m.id % 20 < 12 THEN 'theirs'
                       WHEN m.id % 20 = 12 THEN 'snoozed' ELSE 'done' END AS state,
                  (1 + m.id % 4)::smallint AS priority,
                  CASE WHEN m.id % 20 IN (0, 5) THEN f.now + (m.id * 7919 % f.n) * interval '1 day' / f.n END AS due_at,
                  CASE WHEN m.id % 60 = 0 THEN f.mine END AS assignee_id,
                  CASE WHEN m.id % 20 = 12 THEN f.now + m.id % 1000 * interval '1 hour' END AS snoozed_until) AS s
       WHERE m.id >= $1 AND m.id < $2""",
    "INSERT INTO conversation_mentions SELECT id, last_mention_id FROM conversations WHERE id >= $1 AND id < $2",
)
_FAMILY = "ALTER TABLE conversations {} TRIGGER conversations_family_opened"
"""The sketches by which near-copies are known are swept by now, so families are written here: of ten messages one is among 20 copies."""

_NEXT = "SELECT setval(pg_get_serial_sequence('{0}', 'id'), (SELECT max(id) FROM {0}))"

_COUNTED = """
SELECT name, key, sum(n)::bigint AS n FROM (SELECT name, key, n FROM counters UNION ALL SELECT name, key, n FROM counter_deltas) AS c
GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2
"""
_THERE = """
SELECT 'folder' AS name, folder AS key, count(*) AS n FROM conversations GROUP BY 2
UNION ALL SELECT 'assigned', assignee_id::text, count(*) FROM conversations WHERE folder = 'open' AND assignee_id IS NOT NULL GROUP BY 2
UNION ALL SELECT 'heard', s.key, count(*) FROM hearings h JOIN sources s ON s.id = h.source_id GROUP BY 2
UNION ALL SELECT 'topic', topic, count(*) FROM hearings GROUP BY 2
UNION ALL SELECT 'topic-negative', topic, count(*) FROM hearings JOIN assessments USING (mention_id, brand_id) WHERE tone = 'negative' GROUP BY 2
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """Who and what is there."""

    brand_id: int
    mia: Person
    tom: Person
    account: Account
    source_id: int
    n: int


async def fill(dsn: str, n: int) -> Filled:
    """A brand with `n` conversations, a multiple of 4, in an empty database; raises AssertionError where a counter is not exact."""
    began = time.perf_counter()
    pool = await connect_pool(dsn, application_name="bench", max_size=2, command_timeout=None)
    try:
        async with pool.acquire() as connection:
            await migrate(connection, say=lambda _: None)
            filled = await _people(pool, n)
            await connection.execute("SET enable_seqscan = on")
            await _rows(connection, filled)
            while await upkeep.fold(pool):
                pass
            await connection.execute("VACUUM ANALYZE")
            counted, there = await connection.fetch(_COUNTED), await connection.fetch(_THERE)
            assert counted == there, f"the counters say {counted}, and there are {there}"
    finally:
        await pool.close()
    print(f"# {n:,} conversations in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return filled


async def _people(pool: asyncpg.Pool, n: int) -> Filled:
    brand_id = await people.ensure_brand(pool, "acme", "Acme")
    mia = await people.ensure_person(pool, "mia", "Mia", brand_id, Role.RESPONDER)
    tom = await people.ensure_person(pool, "tom", "Tom", brand_id, Role.LEAD)
    account = await people.ensure_account(pool, brand_id, SPACE, SPACE, "did:plc:acme", "acme.example")
    source = await sources.open_source(pool, "bluesky/jetstream", datetime.now(UTC))
    return Filled(brand_id, mia, tom, account, source.id, n)


async def _rows(connection: asyncpg.Connection, filled: Filled) -> None:
    """All rows, a range at a time, and then the indexes; on a connection that nobody else uses."""
    indexes = await connection.fetch(_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.execute(
        "CREATE TEMP TABLE filling AS SELECT $1::int AS brand_id, $2::int AS mine, $3::int AS account_id, $4::int AS source_id, $5::bigint AS n, "
        "$6::timestamptz AS now, $7::text AS topic, $8::text AS space, $9::interval AS soon, $10::bigint AS no_clock, $11::int AS urgent, "
        "'bluesky/jetstream' AS source",
        filled.brand_id, filled.mia.id, filled.account.id, filled.source_id, filled.n, datetime.now(UTC), TOPIC, SPACE,
        clocks.DUE_SOON, order._NO_CLOCK, int(Priority.URGENT),
    )  # fmt: skip
    await connection.execute(_FAMILY.format("DISABLE"))
    async with trusted(connection):
        for lo in range(4, filled.n + 4, AT_ONCE):
            async with connection.transaction():
                for statement in _ROWS:
                    await connection.execute(statement, lo, min(lo + AT_ONCE, filled.n + 4))
    await connection.execute(_FAMILY.format("ENABLE"))
    for table in ("authors", "mentions", "conversations"):
        await connection.execute(_NEXT.format(table))
    await connection.execute("DROP TABLE filling")
    for index in indexes:
        await connection.execute(index["made"])
