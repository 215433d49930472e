"""The house that benches fill: as the listener would have left it, or its figures say nothing."""

from __future__ import annotations

import pytest

from bench._filling import fill
from listener.query.words import index_words
from listener.store.connect import connect_pool
from listener.store.conversations import COLUMNS, of_row
from listener.workflow import clocks, order

_SCHEMA = """
SELECT 'index' AS kind, indexname AS name, indexdef AS made FROM pg_indexes WHERE schemaname = 'hubbub'
UNION ALL SELECT 'trigger', tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2
"""
_OPEN_WORDS = "SELECT conversation_id, mention_id, version, brand_id, at, words FROM open_words ORDER BY 1"
_AGAIN = "DELETE FROM open_words"


@pytest.mark.newest
async def test_a_filled_house_stands_as_the_listener_would_have_left_it(dsn: str) -> None:
    pool = await connect_pool(dsn, application_name="tests", max_size=2)
    before = await pool.fetch(_SCHEMA)
    filled = await fill(dsn, 400)  # its counters are held against the tables in there
    assert await pool.fetch(_SCHEMA) == before
    assert await pool.fetchval("SELECT count(*) FROM conversations") == 400
    for row in await pool.fetch(f"SELECT {COLUMNS}, sort_key, next_at FROM conversations"):
        assert row["sort_key"] == order.sort_key(of_row(row))
        assert row["next_at"] == clocks.next_at(of_row(row))
    for row in await pool.fetch("SELECT text, tsvector_to_array(words) AS words FROM mention_versions"):
        assert sorted(row["words"]) == sorted(index_words(row["text"]))
    kept = await pool.fetch(_OPEN_WORDS)
    assert len(kept) == 200
    await pool.execute(_AGAIN)
    await pool.execute("SELECT open_words_fill(array_agg(id)) FROM conversations")
    assert await pool.fetch(_OPEN_WORDS) == kept
    # What comes afterwards gets numbers of its own, and every key between tables holds.
    assert await pool.fetchval("SELECT nextval(pg_get_serial_sequence('conversations', 'id'))") > 400
    loose = await pool.fetch(
        "SELECT conrelid::regclass::text AS of, conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'hubbub'::regnamespace"
    )
    for key in loose:
        made = await pool.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND contype = 'f'", key["conname"]
        )
        await pool.execute(
            f"ALTER TABLE {key['of']} DROP CONSTRAINT {key['conname']}, ADD CONSTRAINT {key['conname']} {made}"
        )
    assert filled.n == 400
    await pool.close()
