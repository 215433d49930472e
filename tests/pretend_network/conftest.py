"""One network and one client for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from pretend.network import Network
from pretend.settings import Settings
from tests.pretend_network.wire_client import Wire


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    async with Network.start(settings=Settings()) as network:
        yield network


@pytest.fixture
async def wire(net: Network) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        yield Wire(session, net)
