"""The loop that tells the staff in time: the rules in force count at once, two of them do not double, and what arrives nowhere is in the log."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

import asyncpg
import pytest

from listener.rulebook.parse import parse
from listener.rulebook.shape import Rulebook
from listener.service.database import House
from listener.service.duties import Duties
from listener.service.escalate import LONGEST_SLEEP, Escalator
from listener.service.stopping import Stop
from listener.store import rulebooks
from tests.store.test_incidents import fire, fired, on_call, pages, settle
from tests.store.world import NOW, later

RULES = """\
people: [{{id: mia}}, {{id: tom}}]
alerts: [{{key: storm, owner: care, kind: negative}}]
routes: [{{key: all, chain: {0}}}]
chains:
  - {{key: first, steps: [{{person: mia, wait: 1h}}, {{person: tom}}]}}
  - {{key: other, steps: [{{person: tom}}]}}
"""


async def publish(pool: asyncpg.Pool, chain: str, at: datetime) -> None:
    text = RULES.format(chain)
    book = parse({"rules.yaml": text})
    assert isinstance(book, Rulebook), book
    await rulebooks.publish(pool, book.hash, book.files, "", at, book.approval)


async def test_another_rulebook_takes_effect_at_once_two_do_not_double_and_what_arrives_nowhere_is_logged(
    pool: asyncpg.Pool, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    w = await on_call(pool)
    now = [NOW]
    reach = {"mia": ("phone-mia",), "tom": ("phone-tom",)}

    def worker() -> Escalator:
        duties = Duties(("phone-mia", "phone-tom"), reach)
        return Escalator(House(dsn, pool), asyncio.Event(), Stop(), lambda: now[0], duties)

    await publish(pool, "first", NOW)
    both = worker(), worker()
    await both[0].step()
    await fire(w, fired(w), both[0].staff)
    assert await both[0].step() == LONGEST_SLEEP
    now[0] = later(seconds=30)
    await asyncio.gather(*(one.step() for one in both))
    assert await pages(w) == [("alert", "mia", 0, 0)]
    now[0] = later(seconds=60)
    await publish(pool, "other", now[0])
    await asyncio.gather(*(one.step() for one in both))
    assert await pages(w) == [("alert", "mia", 0, 0), ("again", "tom", 0, 1)]
    with caplog.at_level(logging.ERROR, "hubbub.incidents"):
        await settle(w, "phone-tom", "failed", now[0])
        now[0] += timedelta(seconds=1)
        await both[1].step()
        await both[1].step()
    assert [record.message for record in caplog.records] == [
        "incident 1 could not be delivered to anybody: hubbub incidents show 1"
    ]
