"""What a server lets into a text of ours reaches whoever writes there, and a private message of an account reaches that account."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from listener.lengths import Terms, measures
from listener.model.heard import Batch, Limits, Mention
from listener.model.kinds import Via
from listener.parts import split
from listener.service.hearing import Hearer
from listener.sources.mastodon.convert import convert, packed
from listener.store import inbox, limits, people, sources
from listener.store.record import record
from tests.core.test_mastodon_convert import STATUS, US
from tests.store.builders import NOW, ByHand


@pytest.mark.newest
async def test_what_a_server_takes_is_known_to_whoever_answers(pool: asyncpg.Pool) -> None:
    brand = await people.ensure_brand(pool, "lark", "Lark", "UTC")
    account = await people.ensure_account(pool, brand, "mastodon", "mastodon", US.external_id, "acme@brand.example")
    source = await sources.open_source(pool, f"mastodon/user/{US.external_id}", NOW)
    whisper = convert(packed(US, {**STATUS, "visibility": "direct"}), NOW)
    assert isinstance(whisper, Mention)
    hearer = Hearer([account], {})
    assert [heard.via for heard in hearer.hear(whisper)] == [Via.DM]
    other = replace(
        whisper,
        key=replace(whisper.key, space="mastodon/https://elsewhere.example/us"),
        named=("https://elsewhere.example/us",),
    )
    assert hearer.hear(other) == ()

    told = (Limits(US.external_id, 5000, 30), Limits("a stranger", 1, 1))
    batch = Batch((whisper,), "m1:{}", NOW, limits=told)
    done = await record(pool, source.id, batch, hearer.hear, ByHand(), expect=None, now=NOW)
    opened = await inbox.open(pool, done.opened[0], None, NOW)
    assert opened is not None
    assert (opened.terms, opened.account_id) == (Terms(5000, 30), account.id)

    again = Batch((), "m1:{}", NOW, limits=(Limits(US.external_id, 70, 23),))
    await record(pool, source.id, again, hearer.hear, ByHand(), expect="m1:{}", now=NOW)
    async with pool.acquire() as connection:
        network, terms = await limits.of_reply(connection, account.id, opened.thread[0].id)
    assert (network, terms) == ("mastodon", Terms(70, 23, "mira@social.example", private=True))
    parts = split(network, "We are sorry that your parcel is late. " * 3, terms)
    assert len(parts) > 1
    assert not any(one.over for part in parts for one in measures(network, part.text, terms))
