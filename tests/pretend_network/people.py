"""People on any Bluesky network, pretend or real, over plain HTTP: they sign up, log in, say things and look around."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from pretend.wire import iso, tid

Json = dict[str, Any]
POST = "app.bsky.feed.post"
REPO = "com.atproto.repo."
SERVER = "com.atproto.server."


@dataclass
class Person:
    """Somebody with a session."""

    base: str
    http: aiohttp.ClientSession
    handle: str
    password: str
    did: str = ""
    access: str = ""
    refresh: str = ""

    async def ask(self, verb: str, method: str, bearer: str | None = None, /, **options: Any) -> tuple[int, Json]:
        token = self.access if bearer is None else bearer
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(verb, f"{self.base}/xrpc/{method}", headers=headers, **options) as answer:
            body = (
                await answer.json() if answer.content_type == "application/json" and answer.content_length != 0 else {}
            )
            return answer.status, body or {}

    async def get(self, method: str, **params: Any) -> Json:
        status, body = await self.ask("GET", method, params=params)
        assert status == 200, (method, status, body)
        return body

    async def put(self, rkey: str, record: Json, **more: Any) -> tuple[int, Json]:
        body = {"repo": self.did, "collection": POST, "rkey": rkey, "record": record, **more}
        return await self.ask("POST", REPO + "putRecord", json=body)

    async def say(self, text: str, /, *, to: Json | None = None, **more: Any) -> Json:
        """A post under a fresh key; `to` is the record answered."""
        record = note(text, **more)
        if to is not None:
            above = to["record"].get("reply", {}).get("root", ref(to))
            record["reply"] = {"root": above, "parent": ref(to)}
        rkey = tid(time.time_ns() // 1000)
        status, body = await self.put(rkey, record)
        assert status == 200, body
        return {**ref(body), "rkey": rkey, "record": record}

    async def write(self, collection: str, record: Json, **more: Any) -> Json:
        record = {"$type": collection, "createdAt": stamp(), **record}
        body = {"repo": self.did, "collection": collection, "record": record, **more}
        status, answer = await self.ask("POST", REPO + "createRecord", json=body)
        assert status == 200, answer
        return answer

    async def delete(self, rkey: str) -> tuple[int, Json]:
        body = {"repo": self.did, "collection": POST, "rkey": rkey}
        return await self.ask("POST", REPO + "deleteRecord", json=body)


def stamp() -> str:
    return iso(time.time_ns() // 1000)


def note(text: str, /, **more: Any) -> Json:
    return {"$type": POST, "text": text, "createdAt": stamp(), **more}


def ref(one: Json) -> Json:
    return {"uri": one["uri"], "cid": one["cid"]}


def mention(text: str, person: Person) -> Json:
    """The facets of a text that names this person once."""
    start = text.encode().index(b"@" + person.handle.encode())
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": person.did}
    index = {"byteStart": start, "byteEnd": start + len(person.handle) + 1}
    return {"facets": [{"index": index, "features": [feature]}]}


async def sign_up(http: aiohttp.ClientSession, base: str, name: str) -> Person:
    handle = f"{name}-{secrets.token_hex(3)}.test"
    person = Person(base, http, handle, secrets.token_urlsafe(9))
    body = {"handle": handle, "email": f"{handle}@mail.test", "password": person.password}
    status, answer = await person.ask("POST", SERVER + "createAccount", json=body)
    assert status == 200, answer
    person.did, person.access, person.refresh = answer["did"], answer["accessJwt"], answer["refreshJwt"]
    return person


async def until(ask: Callable[[], Awaitable[Any]], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.05)
    return found
