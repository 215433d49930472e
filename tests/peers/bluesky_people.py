"""People on a real AT Protocol network, and what they can do there, over plain XRPC.

Owns: an independent client for tests. It knows nothing of `listener`, so what it reads back is a second opinion on what the listener wrote.
Refuses: retries, token refresh and patience beyond `until`; a test that needs those is testing something else.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp

POST = "app.bsky.feed.post"
Json = dict[str, Any]
T = TypeVar("T")


class XrpcRefused(Exception):
    """The server said no; `name` is the error's name in the answer's body, which is what a client must go by."""

    def __init__(self, method: str, status: int, name: str, message: str) -> None:
        super().__init__(f"{method}: {status} {name}: {message}")
        self.method = method
        self.status = status
        self.name = name


@dataclass(frozen=True, slots=True)
class Ref:
    """A strong reference: where a record is (at-URI) and which version of it (CID)."""

    uri: str
    cid: str

    @property
    def rkey(self) -> str:
        return self.uri.rsplit("/", 1)[1]

    def wire(self) -> Json:
        return {"uri": self.uri, "cid": self.cid}


def now_text() -> str:
    """The present in the form that the network's own clients write."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def facets_of(text: str, people: dict[str, str]) -> list[Json]:
    """Mention facets for every `@handle` of `people` (handle -> DID) in `text`, in UTF-8 byte offsets."""
    found: list[Json] = []
    octets = text.encode()
    for handle, did in people.items():
        needle = f"@{handle}".encode()
        start = octets.find(needle)
        while start >= 0:
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": did}
            found.append({"index": {"byteStart": start, "byteEnd": start + len(needle)}, "features": [feature]})
            start = octets.find(needle, start + len(needle))
    return sorted(found, key=lambda facet: facet["index"]["byteStart"])


@dataclass(slots=True)
class Person:
    """Somebody with an account on the network; the password is known so that a program under test can log in as them."""

    pds: str
    handle: str
    did: str
    password: str
    http: aiohttp.ClientSession
    access: str
    written: dict[str, Json] = field(default_factory=dict)

    async def query(self, method: str, params: list[tuple[str, str]] | None = None) -> Json:
        """An XRPC query (GET) as this person."""
        return await _call(self.http, "GET", self.pds, method, self.access, params=params or [])

    async def procedure(self, method: str, body: Json) -> Json:
        """An XRPC procedure (POST) as this person."""
        return await _call(self.http, "POST", self.pds, method, self.access, body=body)

    async def post(self, text: str, *, mentions: tuple[Person, ...] = (), **more: Any) -> Ref:
        """Publish a post; every `@handle` of `mentions` in the text becomes a facet. `more` are further record fields."""
        record = {"$type": POST, "text": text, "createdAt": now_text(), "langs": ["en"], **more}
        facets = facets_of(text, {person.handle: person.did for person in mentions})
        if facets:
            record["facets"] = facets
        answer = await self.procedure(
            "com.atproto.repo.createRecord", {"repo": self.did, "collection": POST, "record": record}
        )
        ref = Ref(answer["uri"], answer["cid"])
        self.written[ref.uri] = record
        return ref

    async def reply(self, text: str, parent: Ref, root: Ref | None = None, *, mentions: tuple[Person, ...] = ()) -> Ref:
        """Answer `parent`; the root is the parent itself unless the parent is an answer already."""
        tree = {"root": (root or parent).wire(), "parent": parent.wire()}
        return await self.post(text, mentions=mentions, reply=tree)

    async def edit(self, ref: Ref, text: str, *, mentions: tuple[Person, ...] = ()) -> Ref:
        """Put another text into a post of ours: same key, same claimed time, new CID."""
        record = {**self.written[ref.uri], "text": text}
        record.pop("facets", None)
        facets = facets_of(text, {person.handle: person.did for person in mentions})
        if facets:
            record["facets"] = facets
        answer = await self.procedure(
            "com.atproto.repo.putRecord", {"repo": self.did, "collection": POST, "rkey": ref.rkey, "record": record}
        )
        self.written[ref.uri] = record
        return Ref(answer["uri"], answer["cid"])

    async def delete(self, ref: Ref) -> None:
        """Take a post of ours back."""
        await self.procedure("com.atproto.repo.deleteRecord", {"repo": self.did, "collection": POST, "rkey": ref.rkey})

    async def set_name(self, name: str) -> None:
        """Give this person a display name (a profile record)."""
        record = {"$type": "app.bsky.actor.profile", "displayName": name, "createdAt": now_text()}
        body = {"repo": self.did, "collection": "app.bsky.actor.profile", "rkey": "self", "record": record}
        await self.procedure("com.atproto.repo.putRecord", body)

    async def deactivate(self) -> None:
        """Take the whole account off the network (deletion proper needs a token sent by mail)."""
        await self.procedure("com.atproto.server.deactivateAccount", {})

    async def record(self, uri: str) -> Json:
        """A record as its own repository holds it: `uri`, `cid`, `value`. Needs no AppView."""
        repo, collection, rkey = uri.removeprefix("at://").split("/")
        params = [("repo", repo), ("collection", collection), ("rkey", rkey)]
        return await self.query("com.atproto.repo.getRecord", params)

    async def records(self) -> list[Json]:
        """Every post in this person's own repository, newest first, all pages."""
        found: list[Json] = []
        cursor = ""
        while True:
            params = [("repo", self.did), ("collection", POST), ("limit", "100")]
            page = await self.query("com.atproto.repo.listRecords", params + ([("cursor", cursor)] if cursor else []))
            found += page["records"]
            cursor = page.get("cursor", "")
            if not cursor:
                return found

    async def notifications(self, *reasons: str) -> list[Json]:
        """The first page of what the AppView would show this person, newest first."""
        params = [("limit", "100"), *(("reasons", reason) for reason in reasons)]
        found: list[Json] = (await self.query("app.bsky.notification.listNotifications", params))["notifications"]
        return found

    async def thread(self, uri: str, *, depth: int = 10) -> Json:
        """A post with its parents and replies, as the AppView shows it."""
        params = [("uri", uri), ("depth", str(depth))]
        found: Json = (await self.query("app.bsky.feed.getPostThread", params))["thread"]
        return found

    async def posts(self, *uris: str) -> list[Json]:
        """The AppView's views of these posts; what is gone or hidden is simply not in the answer."""
        found: list[Json] = (await self.query("app.bsky.feed.getPosts", [("uris", uri) for uri in uris]))["posts"]
        return found


async def sign_up(http: aiohttp.ClientSession, pds: str, name: str) -> Person:
    """Create an account called `name-xxxxxx.test` (3 to 11 letters of yours, the rest keeps handles apart)."""
    if not 1 <= len(name) <= 11 or not name.isascii() or not name.isalnum():
        raise ValueError(f"{name!r}: one to eleven ASCII letters and digits, the network allows no more")
    handle = f"{name.lower()}-{secrets.token_hex(3)}.test"
    password = secrets.token_urlsafe(12)
    body = {"handle": handle, "email": f"{handle}@mail.test", "password": password}
    answer = await _call(http, "POST", pds, "com.atproto.server.createAccount", None, body=body)
    return Person(pds, handle, answer["did"], password, http, answer["accessJwt"])


async def until(
    ask: Callable[[], Awaitable[T | None]], *, seconds: float = 20.0, every: float = 0.05, what: str = "the answer"
) -> T:
    """Ask until something true comes back; TimeoutError, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = await ask()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(every)


async def _call(
    http: aiohttp.ClientSession,
    verb: str,
    pds: str,
    method: str,
    access: str | None,
    *,
    params: list[tuple[str, str]] | None = None,
    body: Json | None = None,
) -> Json:
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    async with http.request(verb, f"{pds}/xrpc/{method}", params=params, json=body, headers=headers) as answer:
        if "json" in answer.content_type:
            said: Json = await answer.json()
        else:
            said = {"message": (await answer.text())[:200]}
        if answer.status != 200:
            raise XrpcRefused(method, answer.status, said.get("error", "?"), said.get("message", ""))
        return said
