"""Signing in on Bluesky by an app password: finds the account's own server by its handle, logs in once, and says what the login may do.

Owns telling an app password from the account's own one, which it refuses: that one may do everything, also what we never want to be able to.
Nothing is stored here, and the session that it opens for the look is closed again.
"""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from listener.errors import FixMe, Refused, TryAgain
from listener.facets import clean_handle
from listener.model.heard import Author
from listener.sources.base import Asking, Connected
from listener.sources.bluesky.convert import SPACE
from listener.sources.bluesky.session import endpoint_of, xrpc_error
from listener.webclient.addresses import check_url
from listener.webclient.client import Params
from listener.webclient.patience import ONCE, Retry

_LOOK = Retry(attempts=2)
_OWN = "com.atproto.access"
_MAY = {
    "com.atproto.appPass": "an app password: it may read, answer, like, hide, delete and block, and no private messages",
    "com.atproto.appPassPrivileged": "an app password that may also read private messages: Hubbub does not, so one without would do",
}
"""What a login may do, by the scope that its token names."""
_HOW = "in Bluesky's app: Settings, Privacy and security, App passwords, Add"


async def connect(asking: Asking) -> Connected:
    """As `Connect`."""
    written = await asking.ask("The handle of the account, like name.bsky.social")
    handle = clean_handle(written.strip().removeprefix("@").lower())
    if not handle:
        raise Refused(f"{written[:60]!r} is no handle", hint="write it like name.bsky.social", code="no_handle")
    found = await _server_of(asking, handle)
    told = (
        f"The account's own server is {urlsplit(found).netloc}." if found else "Its server was not found by its handle."
    )
    asking.say(told)
    service = (found or await asking.ask("The account's server (PDS)", default=str(asking.options["pds"]))).rstrip("/")
    try:
        check_url(service)
    except FixMe as no:
        raise Refused(no.what, where=service[:60], hint=no.hint or "write it like https://bsky.social") from None
    asking.say(f"An app password is needed, not the account's own. Make one {_HOW}.")
    password = (await asking.ask("App password", secret=True)).strip()
    body = await _logged_in(asking, service, handle, password)
    scope = _scope(body.get("accessJwt"))
    await _log_out(asking, service, body)
    if scope == _OWN:
        raise Refused(
            "that is the account's own password, which may do everything",
            where=handle,
            hint=f"make an app password, {_HOW}, and give that one: it can be taken back by itself",
            code="own_password",
        )
    if body.get("active") is False:
        raise Refused(
            "the account is not active", where=handle, hint="activate it in the network's app", code="inactive"
        )
    named = body.get("handle")
    handle = clean_handle(named) if isinstance(named, str) and clean_handle(named) else handle
    may = _MAY.get(scope, "the server does not say what the password may do")
    lines = (may, "app passwords do not end by themselves; they are taken back in the network's app")
    return Connected(handle, service, password, Author(SPACE, str(body["did"]), handle), {}, lines)


async def _server_of(asking: Asking, handle: str) -> str:
    """The account's own server by its DID document; '' where the network does not say."""
    did = await _did_of(asking, handle)
    if not did.startswith("did:plc:"):
        return ""  # it names its own web server: a stranger's address, which we do not call
    directory = str(asking.options["directory"]).rstrip("/")
    url = endpoint_of(await _read(asking, f"{directory}/{did}"), str(asking.options["pds"]))
    # Accounts that the network itself hosts log in at its one entrance.
    return str(asking.options["pds"]) if (urlsplit(url).hostname or "").endswith(".host.bsky.network") else url


async def _did_of(asking: Asking, handle: str) -> str:
    """Who has a handle; '' where nobody says. The entrance knows its own accounts before the views do."""
    for name in ("appview", "pds"):
        url = f"{str(asking.options[name]).rstrip('/')}/xrpc/com.atproto.identity.resolveHandle"
        did = (await _read(asking, url, [("handle", handle)])).get("did")
        if isinstance(did, str):
            return did
    return ""


async def _read(asking: Asking, url: str, params: Params = ()) -> dict[str, Any]:
    try:
        answer = await asking.web.get(url, params=params, retry=_LOOK)
        body = json.loads(answer.body) if answer.status == 200 else None
    except (TryAgain, FixMe, ValueError, RecursionError):
        body = None  # then a person is asked
    return body if isinstance(body, dict) else {}


async def _logged_in(asking: Asking, service: str, handle: str, password: str) -> dict[str, Any]:
    url = f"{service}/xrpc/com.atproto.server.createSession"
    wire = json.dumps({"identifier": handle, "password": password}).encode()
    answer = await asking.web.post(url, wire, write=False, retry=ONCE)
    if answer.status != 200:
        name, message = xrpc_error(answer)
        hint = {
            "AuthenticationRequired": "check the handle and paste the whole app password",
            "AuthFactorTokenRequired": f"that is the account's own password: make an app password, {_HOW}",
        }.get(name, "is this the account's server?")
        raise Refused(message or name, where=service, hint=hint, code=name)
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("did"), str):
        raise TryAgain("the login's answer is not one", where=service, code="wrong_shape")
    return body


async def _log_out(asking: Asking, service: str, body: dict[str, Any]) -> None:
    heads = {"Authorization": f"Bearer {body.get('refreshJwt')}"}
    with suppress(TryAgain):  # it ends by itself
        await asking.web.post(f"{service}/xrpc/com.atproto.server.deleteSession", b"", write=False, headers=heads)


def _scope(token: object) -> str:
    """The scope that a token names; '' where it names none that can be read."""
    parts = token.split(".") if isinstance(token, str) else []
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        scope = claims.get("scope")
    except (IndexError, ValueError, binascii.Error, AttributeError, RecursionError):
        return ""
    return scope if isinstance(scope, str) else ""
