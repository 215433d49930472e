"""The rulebook in force: queries are looked up by what was seen to be rare, and nothing but the cost changes by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from listener import settings as reading
from listener.model.heard import Hearing
from listener.model.judged import Context
from listener.model.kinds import Via
from listener.model.scales import ToneLabel
from listener.query.subject import Subject
from listener.service.database import House
from listener.service.rules import FIRST_WEIGHED, Bench
from listener.service.stopping import Stop
from listener.store import rulebooks
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


LEXICON = """
lexicon:
  - {key: trade, words: {killer feature: 2}, tests: [{text: this is a killer feature, tone: positive}]}
"""


async def test_tone_is_labelled_with_the_words_of_the_rulebook_in_force(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(RULES + LEXICON)
    bench = Bench(replace(reading.load(None), rules=tmp_path), House(dsn, pool), Stop(), lambda: NOW)
    await bench.start({"main": 1}, ())
    here, addressed = mention("this is a killer feature"), (Hearing(1, Via.MENTION, account_id=7),)
    overlaid = bench.now.judge(here, addressed, Context("main", addresses=True))
    assert overlaid.tone.label is ToneLabel.POSITIVE
    assert overlaid.methods["tone"].startswith("vader-3.3.2+")
    (tmp_path / "r.yaml").write_text(RULES)
    await bench._taken(bench._load())
    plain = bench.now.judge(here, addressed, Context("main", addresses=True))
    assert plain.tone.label is ToneLabel.NEGATIVE
    assert plain.methods["tone"] == "vader-3.3.2"
    assert plain.tone.compound == overlaid.tone.compound


async def test_rules_whose_words_sound_otherwise_than_their_tests_say_are_refused(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "r.yaml").write_text(RULES)
    bench = Bench(replace(reading.load(None), rules=tmp_path), House(dsn, pool), Stop(), lambda: NOW)
    await bench.start({"main": 1}, ())
    good = bench.now.rulebook.hash
    (tmp_path / "r.yaml").write_text(RULES + LEXICON.replace("tone: positive", "tone: negative"))
    await bench._taken(bench._load())
    assert bench.now.rulebook.hash == good


@pytest.mark.parametrize("bad", ["rules: [", RULES.replace("when: acmephone", "when: acmephone ("), LEXICON, None])
async def test_a_bad_folder_at_the_start_leaves_the_last_good_rulebook_in_force(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path, bad: str | None
) -> None:
    def bench() -> Bench:
        return Bench(replace(reading.load(None), rules=tmp_path), House(dsn, pool), Stop(), lambda: NOW)

    (tmp_path / "r.yaml").write_text(RULES)
    before = bench()
    await before.start({"main": 1}, ())
    (tmp_path / "r.yaml").unlink()  # None: the folder is empty
    if bad is not None:
        (tmp_path / "r.yaml").write_text(bad.replace("tone: positive", "tone: negative"))
    after = bench()
    await after.start({"main": 1}, ())
    assert after.now.rulebook == before.now.rulebook
    health, in_force = await rulebooks.last_health(pool), await rulebooks.in_force(pool)
    assert health is not None
    assert in_force is not None
    assert health.problems
    assert health.hash == in_force.hash == before.now.rulebook.hash
    (tmp_path / "r.yaml").write_text(RULES)
    await after._taken(after._load())
    health = await rulebooks.last_health(pool)
    assert health is not None
    assert not health.problems, "the next good save mends it"
