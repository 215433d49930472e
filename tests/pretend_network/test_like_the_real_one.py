"""The pretend network against the real one: the same story, the same observations. The real one is the judge."""

from __future__ import annotations

import aiohttp

from pretend.network import Network
from pretend.settings import Settings
from tests.peers.bluesky_network import BlueskyNetwork
from tests.pretend_network.story import Seen, tell


async def pretended() -> Seen:
    async with Network.start(settings=Settings(strict_facets=False)) as net, aiohttp.ClientSession() as http:
        return await tell(http, net.url)


async def test_the_story_can_be_told_on_the_pretend_network() -> None:
    seen = await pretended()
    assert seen.facts["puts"][1] == (200, False, "valid")
    assert len(seen.facts) > 60


async def test_the_real_network_says_the_same(bluesky_network: BlueskyNetwork) -> None:
    ours = await pretended()
    async with aiohttp.ClientSession() as http:
        real = await tell(http, bluesky_network.pds)
    assert {name: ours.facts[name] for name in real.facts} == real.facts
    # The development network leaves the DID document out of its sessions; the servers people use put it in.
    assert [one for one in invented("", ours.shapes, real.shapes) if not one.endswith(".didDoc")] == []


def invented(path: str, ours: object, real: object) -> list[str]:
    """The fields and types in our answers that the real answers do not have."""
    if isinstance(ours, dict) and isinstance(real, dict):
        return [
            wrong
            for key, inner in ours.items()
            for wrong in (invented(f"{path}.{key}", inner, real[key]) if key in real else [f"{path}.{key}"])
        ]
    if isinstance(ours, list) and isinstance(real, list):
        return invented(f"{path}[]", ours[0], real[0]) if ours and real else []
    return [] if ours == real else [f"{path}: {ours} is not {real}"]
