"""A pretend network and a web client for each test of a promise."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from listener.webclient.client import WebClient
from pretend.network import Network
from pretend.settings import Settings


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    async with Network.start(settings=Settings()) as network:
        yield network


@pytest.fixture
async def web() -> AsyncIterator[WebClient]:
    client = WebClient("0.0.test")
    yield client
    await client.close()
