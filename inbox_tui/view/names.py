"""Networks and accounts as people write them, harmless. Pure."""

from __future__ import annotations

from inbox_tui.view.lines import fit, say
from listener import networks

_SHORT = 8


def network(source: str) -> str:
    """A network in a sentence: 'Facebook'."""
    return say(networks.called(source))


def short(source: str) -> str:
    """The same where there is little room: 'fb'."""
    return fit(say(networks.short(source)), _SHORT)


def account(handle: str) -> str:
    """An account by its handle: with an @, where it is one."""
    return networks.at(say(handle))
