"""Signing in on Bluesky: the server is found, an app password is told from the account's own, and nothing stays open."""

from __future__ import annotations

import pytest

from listener.errors import Refused
from listener.sources.bluesky import connect
from listener.webclient.client import WebClient
from pretend.network import Network
from tests.promises.hearing import Answering


def person(net: Network, web: WebClient, **answers: str) -> Answering:
    options = {"pds": net.url, "appview": net.url, "directory": f"{net.url}/plc"}
    known = {"handle": f"@{net.account.handle.upper()} ", "server": "", "password": net.account.password}
    return Answering(web, options, known | answers)


@pytest.mark.parametrize("known", [True, False], ids=["by-the-directory", "asked"])
async def test_the_server_is_found_by_the_handle_or_asked_for(net: Network, web: WebClient, known: bool) -> None:
    net.settings.directory = known
    us = person(net, web)
    made = await connect(us)
    assert (made.handle, made.service, made.secret) == (net.account.handle, net.url, net.account.password)
    assert (made.who.external_id, made.who.handle) == (net.account.did, net.account.handle)
    assert any("server" in one for one in us.asked) is not known
    assert "no private messages" in made.told[0]
    assert net.account.password not in repr(made)
    assert not any(net.account.password in one for one in us.said)
    assert net.sessions.open_count(net.account) == 0, "the look leaves no session behind"


async def test_the_accounts_own_password_is_refused_and_a_wrong_one_is_told_from_it(
    net: Network, web: WebClient
) -> None:
    net.settings.app_passwords = False
    with pytest.raises(Refused) as own:
        await connect(person(net, web))
    assert own.value.code == "own_password"
    assert "app password" in own.value.hint
    assert net.sessions.open_count(net.account) == 0
    with pytest.raises(Refused) as wrong:
        await connect(person(net, web, password="nonsense"))
    assert wrong.value.code == "AuthenticationRequired"
    with pytest.raises(Refused) as nobody:
        await connect(person(net, web, handle="not a handle"))
    assert nobody.value.code == "no_handle"
    net.settings.directory = False
    with pytest.raises(Refused) as plain:
        await connect(person(net, web, server="http://pds.example.org"))
    assert "plain http" in plain.value.what
