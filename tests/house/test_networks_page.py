"""What docs/networks.md says of every network is what the code declares."""

from __future__ import annotations

from listener.networks import NETWORKS, Reach, heard
from listener.sources.registry import SOURCES
from tests.house.networks_page import MARKED, PAGE, tables


def test_the_page_says_what_is_declared() -> None:
    found = MARKED.search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[2] == tables(), "python -m tests.house.networks_page writes it anew"


def test_what_is_heard_has_a_source_and_what_is_not_says_why() -> None:
    assert set(heard()) == set(SOURCES) - {"import"}
    for network in NETWORKS.values():
        assert network.reach is Reach.WHOLE or network.why, network.name
        assert bool(network.tried) == (network.name in SOURCES), network.name
