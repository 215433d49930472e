"""From the settings to the sources that run: which networks are needed, with which logins and secrets. Owns that step only.

The one place that hands a secret to a source. It refuses to know any network by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from listener.errors import FixMe
from listener.model.accounts import Capability
from listener.networks import NETWORKS, Setting, Takes
from listener.settings import AccountSettings, Settings
from listener.settings.keeping import Kept
from listener.sources.base import Login, Source, Wanted, Wiring
from listener.sources.registry import SOURCES
from listener.webclient.client import WebClient


def needed(settings: Settings) -> tuple[str, ...]:
    """Names of the networks that these settings ask for: by an account, by a table of their own, or by default."""
    with_account = {account.source for account in settings.accounts}
    return tuple(
        name
        for name, own in settings.sources.items()
        if name in SOURCES and (name in with_account or own.named or NETWORKS[name].by_default)
    )


def build(
    settings: Settings, web: WebClient, wanted: Wanted, clock: Callable[[], datetime], *, listens: bool = True
) -> dict[str, Source]:
    """The sources, by name. `listens` False: none reads in public. FixMe, with its place, where a secret is missing."""
    return {name: _one(settings, name, web, wanted, clock, listens) for name in needed(settings)}


def _one(
    settings: Settings, name: str, web: WebClient, wanted: Wanted, clock: Callable[[], datetime], listens: bool
) -> Source:
    options = settings.sources[name].options()
    if not listens and "listen" in options:
        options["listen"] = False
    return SOURCES[name](
        Wiring(
            web,
            settings.paths.state / "sessions",
            tuple(_login(account) for account in settings.accounts if account.source == name),
            options,
            wanted,
            logging.getLogger(f"hubbub.{name}").warning,
            clock,
        )
    )


def declared(name: str) -> Mapping[Capability, str]:
    """What a network could do for an account of ours, with its settings as they are by default: for docs and `hubbub sources capabilities`."""
    network = NETWORKS[name]
    logins = (Login("you", "-", "", _defaults(network.account)),) if network.secret else ()
    options = _defaults(network.settings)
    return SOURCES[name](Wiring(WebClient(""), Path("-"), logins, options)).capabilities


def _defaults(settings: Iterable[Setting]) -> dict[str, Any]:
    return {one.name: one.default for one in settings if one.takes is not Takes.SECRET}


def _login(account: AccountSettings) -> Login:
    if account.secret is None:
        raise FixMe(f"an account needs a {NETWORKS[account.source].secret}", where=account.place)
    kept = Kept(account.secret)
    return Login(account.handle, account.secret.read().reveal(), account.service, account.options(), kept)
