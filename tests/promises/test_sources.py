"""The promise of a source, over every registered one: nothing lost from any bookmark, twice is the same, rubbish is put aside."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from listener.errors import Refused, SourceStopped
from listener.model.accounts import Account, Capability
from listener.model.handed import NetworkAct, Reply
from listener.model.heard import Author, Key
from listener.model.leaving import NEEDS, Doing
from listener.sources.registry import SOURCES
from listener.webclient.client import WebClient
from tests.promises.hearing import Heard, hear
from tests.promises.scenes import SCENES, Scene

EVERY = [pytest.param(word, name, id=f"{word}-{name}") for word, names in SCENES.items() for name in names]


@pytest.fixture
async def scene(request: pytest.FixtureRequest, web: WebClient, tmp_path: Path) -> AsyncIterator[Scene]:
    word, name = request.param
    async with SCENES[word][name](web, tmp_path) as made:
        yield made


def over_every_stream(test):  # type: ignore[no-untyped-def]
    return pytest.mark.parametrize("scene", [p.values for p in EVERY], ids=[p.id for p in EVERY], indirect=True)(test)


def test_every_source_has_a_scene() -> None:
    assert set(SCENES) == set(SOURCES)


@over_every_stream
async def test_what_is_said_is_heard_once_and_in_batches_with_a_cursor(scene: Scene) -> None:
    first = await hear(scene.stream(), None, lambda _: True) if scene.source.name != "import" else Heard()
    ids = await scene.say(30)
    heard = await hear(scene.stream(), first.cursor, lambda heard: heard.ids >= ids)
    assert heard.ids == ids | first.ids
    assert len(heard.mentions) == len({mention.key for mention in heard.mentions})
    assert heard.cursor is not None
    assert all(batch.heard_at.tzinfo is not None for batch in heard.batches)
    assert sum(batch.heard for batch in heard.batches) >= 30


@over_every_stream
async def test_resuming_from_any_cursor_loses_nothing(scene: Scene) -> None:
    """A consumer that commits a batch and dies: whatever the batches after it held must come again."""
    ids = await scene.say(25)
    everything = await hear(scene.stream(), None, lambda heard: heard.ids >= ids)
    assert len(everything.batches) >= 4
    for number, batch in enumerate(everything.batches, 1):
        after = Heard(everything.batches[number:]).ids
        assert (await hear(scene.stream(), batch.cursor, lambda heard, after=after: heard.ids >= after)).ids >= after


@over_every_stream
async def test_twice_heard_is_the_same_message(scene: Scene) -> None:
    ids = await scene.say(10)
    once = await hear(scene.stream(), None, lambda heard: heard.ids >= ids)
    twice = await hear(scene.stream(), None, lambda heard: heard.ids >= ids)
    by_id = {mention.key: mention for mention in once.mentions}
    for mention in twice.mentions:
        assert mention == by_id[mention.key]


@over_every_stream
async def test_rubbish_is_put_aside_and_the_rest_goes_on(scene: Scene) -> None:
    ids = await scene.say(20, garbage=3)
    heard = await hear(scene.stream(), None, lambda heard: heard.ids >= ids and len(heard.rejects) >= 3)
    assert heard.ids == ids
    assert len(heard.rejects) == 3
    for reject in heard.rejects:
        assert reject.raw
        assert re.fullmatch(r"[ -~]+", reject.detail), "a detail is plain words"
        assert "message" not in reject.detail, "nobody's words are in it"


@over_every_stream
async def test_keys_are_stable_names(scene: Scene) -> None:
    await scene.say(1)
    assert scene.stream().key == scene.stream().key
    assert re.fullmatch(rf"{scene.source.name}/[!-~]+", scene.stream().key)


@over_every_stream
async def test_a_foreign_bookmark_stops_the_source_instead_of_guessing(scene: Scene) -> None:
    await scene.say(1)
    with pytest.raises(SourceStopped):
        await hear(scene.stream(), "page:7", lambda _: True)


@over_every_stream
async def test_every_capability_is_there_or_says_why_not(scene: Scene) -> None:
    assert set(scene.source.capabilities) == set(Capability)
    if scene.source.capabilities[Capability.REPLY]:
        with pytest.raises(Refused):
            await scene.source.freeze(_reply(scene.source.name), datetime.now(UTC))
    for what in Doing:
        if scene.source.capabilities[NEEDS[what]]:
            with pytest.raises(Refused):
                await scene.source.freeze_act(_act(scene.source.name, what), datetime.now(UTC))
            with pytest.raises(Refused):
                await scene.source.act(_act(scene.source.name, what))
            assert await scene.source.look_up_act(_act(scene.source.name, what)) is None
    used, limit = scene.source.length("hé")
    assert used == 2
    assert limit >= 0
    await scene.source.close()


def _reply(name: str) -> Reply:
    return Reply(
        outbox_id=1,
        key="k",
        account=Account(1, 1, name, name, "us", "us"),
        parent=Key(name, "1"),
        parent_content_id="",
        root="1",
        parent_author=Author(name, "2"),
        text="hello",
        lang="en",
        private=False,
        queued_at=datetime.now(UTC),
        frozen=None,
    )


def _act(name: str, what: Doing) -> NetworkAct:
    return NetworkAct(
        outbox_id=1,
        key="k",
        account=Account(1, 1, name, name, "us", "us"),
        what=what,
        target=Key(name, "1"),
        target_content_id="",
        root="1",
        author=Author(name, "2"),
        made="",
        queued_at=datetime.now(UTC),
        frozen={},
    )
