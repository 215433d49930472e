"""Signing in on a Mastodon server: registers Hubbub there, sends a person to the server's own page, and takes the code; or takes a token.

Owns which scopes are needed and why. What a token may do is told by the server where it says it, else found out by harmless reads; what it may
write is then said to be unknown. Nothing is stored here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from listener.errors import FixMe, Refused, SourceStopped, TryAgain
from listener.model.heard import Author
from listener.sources.base import Asking, Connected, Login
from listener.sources.mastodon.convert import SPACE, decoded, host_of, text_of
from listener.sources.mastodon.server import Server, base_of, query, said_no
from listener.webclient.addresses import check_url
from listener.webclient.client import Answer

_HOST = re.compile(r"[\w.-]{1,253}(?::\d{1,5})?")

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
WEBSITE = "https://joinmastodon.org/apps"

SCOPES: Mapping[str, str] = {
    "read:accounts": "who we are, and who writes",
    "read:notifications": "what addresses us",
    "read:statuses": "threads, and what we said ourselves",
    "read:search": "finding a message again by its address",
    "read:follows": "whether somebody is blocked",
    "write:statuses": "answering, deleting what we said",
    "write:media": "pictures with an answer",
    "write:favourites": "favourites",
    "write:blocks": "blocking",
}
"""What a token must be allowed, and what for."""

_PROBES = {
    "read:notifications": "/api/v1/notifications?limit=1",
    "read:statuses": "/api/v1/accounts/{}/statuses?limit=1",
    "read:search": "/api/v2/search?q=hubbub&limit=1",
    "read:follows": "/api/v1/accounts/relationships?id[]={}",
}


async def connect(asking: Asking) -> Connected:
    """As `Connect`."""
    told = (
        await asking.ask("The server, like mastodon.social, or your whole handle, like name@mastodon.social")
    ).strip()
    service = server_of(told)
    pasted = (
        await asking.ask(
            "A token, if you made one there (Preferences, Development); empty: sign in on its page", secret=True
        )
    ).strip()
    token, granted = (pasted, "") if pasted else await _signed_in(asking, service)
    server = Server(asking.web, Login(told if "@" in told.lstrip("@") else "", token, service))
    try:
        us = await server.start()
    except SourceStopped as no:
        raise Refused(no.what, where=server.host, hint="was the whole token pasted?", code=no.code) from None
    handle = server.handle or us.external_id
    lines = [f"{server.host} lets {server.customs.terms.characters} characters into a message"]
    lines += await _told_of_scopes(server, us.id, granted)
    return Connected(handle, service, token, Author(SPACE, us.external_id, handle), {}, tuple(lines))


def server_of(told: str) -> str:
    """https://host of what a person wrote: an address, a host, or a whole handle. Refused when it is none of them."""
    written = told.strip().rstrip("/")
    if "://" not in written:
        host = written.lstrip("@").rpartition("@")[2]
        written = f"https://{host}"
    try:
        if not _HOST.fullmatch(host_of(written)):
            raise FixMe("not the name of a host")
        check_url(written)
    except FixMe as no:
        raise Refused(f"{told[:60]!r} is no server: {no.what}", hint="write it like mastodon.social") from None
    return base_of(Login("", service=written))


async def _signed_in(asking: Asking, service: str) -> tuple[str, str]:
    """(token, scopes) after a person let us in on the server's own page."""
    scopes = " ".join(SCOPES)
    asked = {"client_name": "Hubbub", "redirect_uris": OUT_OF_BAND, "scopes": scopes, "website": WEBSITE}
    app = await _posted(asking, service, "/api/v1/apps", asked)
    proof = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(proof.encode()).digest()).decode().rstrip("=")
    page = query(
        f"{service}/oauth/authorize",
        [
            ("response_type", "code"),
            ("client_id", app["client_id"]),
            ("redirect_uri", OUT_OF_BAND),
            ("scope", scopes),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ],
    )
    asking.say(f"Open this page, sign in as the account that is to answer, and allow it:\n\n{page}\n")
    code = (await asking.ask("The code that the page shows then", secret=True)).strip()
    answer = await _posted(
        asking,
        service,
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "redirect_uri": OUT_OF_BAND,
            "scope": scopes,
            "code_verifier": proof,
        },
    )
    return answer["access_token"], text_of(answer, "scope")


_NEEDED = {"/api/v1/apps": ("client_id", "client_secret"), "/oauth/token": ("access_token",)}


async def _posted(asking: Asking, service: str, path: str, body: Mapping[str, str]) -> dict[str, Any]:
    answer: Answer = await asking.web.post(service + path, json.dumps(body).encode(), write=False)
    if answer.status != 200:
        told = said_no(answer) or f"the server answered {answer.status}"
        hint = "ask for a new code: each is taken once" if path == "/oauth/token" else "is it a Mastodon server?"
        raise Refused(told, where=service + path, hint=hint, code=f"http_{answer.status}")
    found = decoded(answer.body)
    if not isinstance(found, dict) or not all(text_of(found, name) for name in _NEEDED[path]):
        raise TryAgain("an answer that is not understood", where=service + path, code="wrong_shape")
    return found


def missing(granted: Iterable[str]) -> Sequence[str]:
    """The scopes that are needed and not covered; `read` and `write` cover all of their kind."""
    held = set(granted)
    return [scope for scope in SCOPES if scope not in held and scope.partition(":")[0] not in held]


async def _told_of_scopes(server: Server, us: str, granted: str) -> list[str]:
    """Which scopes are missing, and what does not work then."""
    if not granted:
        try:
            body = (await server.get("/api/v1/apps/verify_credentials")).body
        except Refused:
            body = None
        scopes = body.get("scopes") if isinstance(body, dict) else None
        granted = " ".join(one for one in scopes if isinstance(one, str)) if isinstance(scopes, list) else ""
    if granted:
        lacking = missing(granted.split())
        return [f"missing: {scope} ({SCOPES[scope]})" for scope in lacking] or ["all scopes that are needed are there"]
    lines = []
    for scope, path in _PROBES.items():
        try:
            await server.get(path.format(us))
        except Refused as no:
            if no.code == "http_403":
                lines.append(f"missing: {scope} ({SCOPES[scope]})")
    return [*lines, "the server does not say what the token may write: the first answer will show it"]
