"""The rulebook in force: queries are looked up by what was seen to be rare, and nothing but the cost changes by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from listener import settings as reading
from listener.model import Context, Hearing, Via
from listener.query.subject import Subject
from listener.service.database import House
from listener.service.rules import FIRST_WEIGHED, Bench
from listener.service.stopping import Stop
from tests.core.test_assess import mention

NOW = datetime(2026, 11, 27, tzinfo=UTC)
RULES = """
topics:
  - {key: main, kind: brand, query: acmephone AND now}
rules:
  - {id: outage, title: Outage, owner: x, scope: {addressed: yes}, when: acmephone AND now, then: {tags: [out]}}
"""


async def test_what_was_said_so_far_decides_where_queries_stand(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RULES)
    stop = Stop()
    bench = Bench(replace(reading.load(None), rules=tmp_path), House(dsn, pool), stop, lambda: NOW)
    await bench.start({"main": 1}, ())
    first = bench.now
    here, elsewhere = mention("acmephone is down now"), mention("acmephone")
    addressed = (Hearing(1, Via.MENTION, account_id=7),)
    thought = first.judge(here, addressed, Context("main", addresses=True))
    # A guess from the word alone takes "acmephone" for rare. Here everybody says it and nobody says "now".
    assert first.rulebook._index.candidates(Subject(text="acmephone")) == [0]
    for _ in range(64 * FIRST_WEIGHED):
        assert not bench.wanted(elsewhere)
        bench._judged.hear("acmephone")
    await bench._weighed()
    assert bench.now is not first
    assert bench.now.rulebook == first.rulebook
    assert bench.now.rulebook._index.candidates(Subject(text="acmephone")) == []
    topics = bench.now.hearer.topics[1]
    assert topics._index.candidates(Subject(text="acmephone")) == []  # type: ignore[attr-defined]
    assert bench.wanted(here)
    assert bench.now.judge(here, addressed, Context("main", addresses=True)) == thought
