"""Silence outside pages people: the heartbeat is told only while all is well, and says what is wrong with it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from listener.service.heartbeat import Heartbeat, Signs, calling, hearts
from listener.service.notify import building
from listener.service.stopping import Stop
from listener.settings import AlertSettings, ReceiverSettings, SecretRef
from listener.webclient.client import WebClient
from tests.promises.paged import ear, now


@pytest.fixture
async def web() -> AsyncIterator[WebClient]:
    made = WebClient("test")
    yield made
    await made.close()


async def test_it_is_told_while_all_is_well_and_silent_when_not(
    web: WebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble = [""]

    async def fares() -> str:
        return trouble[0]

    async with ear(200, 200, 404, 200) as watcher:
        monkeypatch.setenv("BEAT", f"{watcher.address}/ping/a-secret-uuid")
        ref = SecretRef("env", "BEAT", "hubbub.toml:1:1")
        heart = Heartbeat("the heartbeat", calling(web, ref, post=False), 60.0, fares, Stop(), now)
        await heart.once()
        assert ([asked for asked, *_ in watcher.heard], heart.problem) == (["GET /ping/a-secret-uuid"], "")
        trouble[0] = "the watch hangs"
        await heart.once()
        assert (len(watcher.heard), heart.problem) == (1, "not told, as it is not well: the watch hangs")
        trouble[0] = ""
        await heart.once()
        assert (len(watcher.heard), heart.problem) == (2, "")
        await heart.once()
        assert "404" in heart.problem
        assert "a-secret-uuid" not in heart.problem
    await heart.once()
    assert "no clear answer" in heart.problem
    assert "a-secret-uuid" not in heart.problem


async def test_a_watchdog_renews_an_alert_that_ends_by_itself(web: WebClient) -> None:
    async def well() -> str:
        return ""

    async with ear(200) as alertmanager:
        one = ReceiverSettings("ops", "alertmanager", {"address": alertmanager.address, "watchdog": True})
        build = building(web, now, "test")
        found = hearts(AlertSettings(), [one], web, build, well, Stop(), now)
        await found["watchdog at ops"].once()
        ((alert,),) = alertmanager.told()
    assert alert["labels"]["alertname"] == "HubbubIsWell"
    assert alert["startsAt"] < alert["endsAt"]


def test_a_part_that_has_had_no_turn_for_long_hangs() -> None:
    at = [0.0]
    signs = Signs(lambda: at[0])
    signs.sign("pages to ops")
    signs.sign("the watch", within=600)
    at[0] = 80
    assert signs.hangs() == ""
    at[0] = 100
    assert signs.hangs() == "pages to ops"
    signs.sign("pages to ops")
    at[0] = 180
    assert signs.hangs() == ""
