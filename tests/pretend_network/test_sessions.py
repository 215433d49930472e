"""Logging in, refreshing, expiring, being thrown out: names and statuses of the reference server."""

from __future__ import annotations

import pytest

from pretend.network import Network
from tests.pretend_network.wire_client import Wire

SERVER = "com.atproto.server."


async def test_a_session_has_what_a_client_needs(net: Network, wire: Wire) -> None:
    session = await wire.log_in()
    assert (session["did"], session["handle"], session["active"]) == (net.account.did, "larkspur.test", True)
    assert session["didDoc"]["service"][0]["serviceEndpoint"] == net.url
    me = await wire.get(SERVER + "getSession")
    assert (me.status, me.body["did"]) == (200, net.account.did)
    assert "accessJwt" not in me.body


async def test_wrong_passwords_and_strangers_are_refused_alike(wire: Wire) -> None:
    for identifier in ("larkspur.test", "nobody.test"):
        answer = await wire.post(SERVER + "createSession", identifier=identifier, password="nope")
        assert (answer.status, answer.error) == (401, "AuthenticationRequired")


async def test_the_error_names_of_bad_tokens(net: Network, wire: Wire) -> None:
    await wire.log_in()
    missing = await wire.get(SERVER + "getSession", token="")
    assert (missing.status, missing.error) == (401, "AuthMissing")
    for bad in ("rubbish", "a.b.c", wire.token[:-2] + "xx", wire.token + "é"):
        answer = await wire.get(SERVER + "getSession", token=bad)
        assert (answer.status, answer.error) == (400, "InvalidToken")
    scope = await wire.get(SERVER + "getSession", token=wire.refresh)
    assert (scope.status, scope.error) == (400, "InvalidToken")
    net.sessions.expire(net.account)
    expired = await wire.get(SERVER + "getSession")
    assert (expired.status, expired.error) == (400, "ExpiredToken")


async def test_access_tokens_live_as_long_as_the_setting_says(net: Network, wire: Wire) -> None:
    net.settings.change({"access_seconds": 0})
    await wire.log_in()
    assert (await wire.get(SERVER + "getSession")).error == "ExpiredToken"
    net.settings.change({"access_seconds": 60})
    await wire.log_in()
    assert (await wire.get(SERVER + "getSession")).status == 200


async def test_a_refresh_token_is_good_once(net: Network, wire: Wire) -> None:
    net.settings.change({"refresh_grace_seconds": 0})
    await wire.log_in()
    fresh = await wire.post(SERVER + "refreshSession", token=wire.refresh)
    assert fresh.status == 200
    assert fresh.body["refreshJwt"] != wire.refresh
    assert (await wire.get(SERVER + "getSession", token=fresh.body["accessJwt"])).status == 200
    again = await wire.post(SERVER + "refreshSession", token=wire.refresh)
    assert (again.status, again.error) == (400, "ExpiredToken")
    assert (await wire.post(SERVER + "refreshSession", token=fresh.body["refreshJwt"])).status == 200


async def test_within_the_grace_time_a_lost_refresh_can_be_asked_again(net: Network, wire: Wire) -> None:
    await wire.log_in()
    first = await wire.post(SERVER + "refreshSession", token=wire.refresh)
    second = await wire.post(SERVER + "refreshSession", token=wire.refresh)
    assert (first.status, second.status) == (200, 200)
    net.settings.change({"refresh_grace_seconds": 0})
    assert (await wire.post(SERVER + "refreshSession", token=second.body["refreshJwt"])).status == 200
    # Both answers carried the same successor, and it is spent now.
    assert (await wire.post(SERVER + "refreshSession", token=first.body["refreshJwt"])).error == "ExpiredToken"


async def test_an_access_token_does_not_refresh(wire: Wire) -> None:
    await wire.log_in()
    answer = await wire.post(SERVER + "refreshSession", token=wire.token)
    assert (answer.status, answer.error) == (400, "InvalidToken")


async def test_logging_out_and_being_revoked_end_refreshing(net: Network, wire: Wire) -> None:
    await wire.log_in()
    assert (await wire.post(SERVER + "deleteSession", token=wire.refresh)).status == 200
    assert (await wire.post(SERVER + "refreshSession", token=wire.refresh)).error == "ExpiredToken"
    await wire.log_in()
    net.sessions.revoke(net.account)
    assert (await wire.post(SERVER + "refreshSession", token=wire.refresh)).error == "ExpiredToken"
    assert (await wire.get(SERVER + "getSession")).status == 200
    net.world.set_password(net.account, "another")
    answer = await wire.post(SERVER + "createSession", identifier="larkspur.test", password="lark-spur-test-pass")
    assert answer.error == "AuthenticationRequired"


@pytest.mark.parametrize(("status", "name"), [("takendown", "AccountTakedown"), ("suspended", "AccountTakedown")])
async def test_an_account_taken_down_is_told_so_everywhere(net: Network, wire: Wire, status: str, name: str) -> None:
    await wire.log_in()
    net.stage.status("larkspur.test", status)
    assert (await wire.get(SERVER + "getSession")).error == name
    assert (await wire.put("3mxyzreply22k", "hello?")).error == name
    assert (await wire.post(SERVER + "refreshSession", token=wire.refresh)).error == name
    again = await wire.post(SERVER + "createSession", identifier="larkspur.test", password="lark-spur-test-pass")
    assert (again.status, again.error) == (401, name)
    net.stage.status("larkspur.test", "active")
    assert (await wire.get(SERVER + "getSession")).status == 200


async def test_a_deactivated_account_may_log_in_but_do_nothing(net: Network, wire: Wire) -> None:
    net.stage.status("larkspur.test", "deactivated")
    session = await wire.log_in()
    assert (session["active"], session["status"]) == (False, "deactivated")
    answer = await wire.put("3mxyzreply22k", "hello?")
    assert (answer.status, answer.error) == (401, "AccountDeactivated")
    assert (await wire.get(SERVER + "getSession")).body["status"] == "deactivated"
    assert (await wire.post(SERVER + "activateAccount")).status == 200
    assert (await wire.put("3mxyzreply22k", "hello?")).status == 200


async def test_anybody_can_sign_up_once(wire: Wire) -> None:
    body = {"handle": "Fresh.test", "email": "f@mail.test", "password": "pw"}
    answer = await wire.post(SERVER + "createAccount", **body)
    assert (answer.status, answer.body["handle"]) == (200, "fresh.test")
    assert (await wire.get(SERVER + "getSession", token=answer.body["accessJwt"])).body["did"] == answer.body["did"]
    assert (await wire.post(SERVER + "createAccount", **body)).error == "HandleNotAvailable"
    assert (await wire.post(SERVER + "createAccount", **body | {"handle": "a.example"})).error == "UnsupportedDomain"


async def test_too_many_logins_are_refused_with_the_rate_limit_headers(net: Network, wire: Wire) -> None:
    net.settings.change({"logins_per_five_minutes": 2})
    await wire.log_in()
    await wire.log_in()
    answer = await wire.post(SERVER + "createSession", identifier="larkspur.test", password="x")
    assert (answer.status, answer.error) == (429, "RateLimitExceeded")
    assert answer.headers["RateLimit-Limit"] == "2"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["RateLimit-Policy"] == "2;w=300"
    assert 0 < int(answer.headers["Retry-After"]) <= 300


async def test_handles_resolve_and_the_server_describes_itself(net: Network, wire: Wire) -> None:
    answer = await wire.get("com.atproto.identity.resolveHandle", handle="larkspur.test")
    assert answer.body == {"did": net.account.did}
    unknown = await wire.get("com.atproto.identity.resolveHandle", handle="nobody.test")
    assert (unknown.status, unknown.error) == (400, "HandleNotFound")
    assert (await wire.get(SERVER + "describeServer")).body["availableUserDomains"] == [".test"]


async def test_unknown_methods_wrong_verbs_and_bad_bodies(wire: Wire) -> None:
    assert (await wire.get("com.example.nothing")).status == 501
    assert (await wire.get("com.atproto.repo.putRecord")).status == 400
    answer = await wire.call("POST", "/xrpc/com.atproto.server.createSession", data=b"{half")
    assert (answer.status, answer.error) == (400, "InvalidRequest")
    answer = await wire.call("POST", "/xrpc/com.atproto.server.createSession", json=["no", "object"])
    assert (answer.status, answer.error) == (400, "InvalidRequest")
    answer = await wire.post("com.atproto.server.createSession", identifier=7, password="x")
    assert answer.body["message"] == "Input/identifier must be a string"
