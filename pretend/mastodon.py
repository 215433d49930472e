"""A pretend Mastodon server, and by its ways its relatives: just enough of the client API to listen to it and to answer there.

Owns the oddities that real servers were seen to have, each a switch of `Ways`: only a web socket, only lists, keys against repeats ignored,
400 in plain text, ids that are no numbers, 404 for a tag that nobody used. It misbehaves on a script: faults before or after a write, limits,
garbage, cut streams, events that come twice or not at all. Refuses to be more: one process, everything in memory.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import WSMsgType, web

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HIDES = frozenset({"private", "direct"})


@dataclass
class Ways:
    """How this server is."""

    socket: bool = True
    events: bool = True
    keeps_keys: bool = True
    plain_400: bool = False
    """A bad token, and a text that is too long, are 400; the first in plain text."""
    ulids: bool = False
    unknown_tag_404: bool = False
    strict_types: bool = False
    """A type of notification that it does not know is refused."""
    search: bool = True
    instance_v2: bool = True
    slow_media: int = 0
    """How often a picture is still worked on when it is asked for."""
    most: int = 500
    page: int = 40


@dataclass
class Fault:
    """What goes wrong with the next `times` calls that match."""

    method: str
    path: str
    """As a regular expression."""
    how: str
    """before: 500 and nothing done; after: done, and then 500; limit: 429; garbage: half of an answer."""
    times: int = 1


@dataclass
class Person:
    """One account."""

    id: str
    name: str
    host: str = ""
    """'' : of this server."""
    token: str = ""
    blocks: set[str] = field(default_factory=set)


@dataclass
class Said:
    """One status."""

    id: str
    by: Person
    text: str
    visibility: str
    at: datetime
    above: str = ""
    warning: str = ""
    language: str = "en"
    edited: datetime | None = None
    named: list[Person] = field(default_factory=list)
    liked: set[str] = field(default_factory=set)
    media: list[dict[str, Any]] = field(default_factory=list)
    quotes: str = ""


class Mastodon:
    """The server. `stage` methods (say, edit, delete, …) are what people do; all else is the API."""

    def __init__(self, ways: Ways | None = None) -> None:
        self.ways = ways or Ways()
        self.url = ""
        self.people: dict[str, Person] = {}
        self.statuses: dict[str, Said] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.media: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.pushes = True
        """False: nothing is pushed."""
        self.twice = False
        """Every event is pushed twice."""
        self.asked: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        """(method, path, names of parameters, names in the body) of every call."""
        self._streams: list[tuple[Person, set[str], asyncio.Queue[tuple[str, str, str] | None]]] = []
        self._number = 0
        self._clock = datetime.now(UTC) - timedelta(minutes=5)
        self._asked_media: dict[str, int] = {}
        self.us = self.join("acme")

    # People ----------------------------------------------------------------------------------------------------------

    def join(self, name: str, host: str = "") -> Person:
        """An account, once."""
        acct = f"{name}@{host}" if host else name
        if acct not in self.people:
            self.people[acct] = Person(self._mint(), name, host, f"token-of-{acct}")
            self.notes[acct] = []
        return self.people[acct]

    def say(
        self,
        name: str,
        text: str,
        *,
        host: str = "",
        visibility: str = "public",
        above: str = "",
        warning: str = "",
        quotes: str = "",
    ) -> str:
        """Somebody says something; its uri."""
        by = self.join(name, host)
        said = Said(self._mint(), by, text, visibility, self._now(), above, warning, quotes=quotes)
        self.statuses[said.id] = said
        self._tell(said)
        return self.uri(said)

    def edit(self, uri: str, text: str) -> None:
        """It is edited: those whom it names are told, and streams that show it."""
        said = self.find(uri)
        said.text, said.edited = text, self._now()
        self._name(said)
        for one in said.named:
            self._note(one, "update", said)
        self._push("status.update", said)

    def delete(self, uri: str) -> None:
        """It is gone, and with it the notifications of it."""
        said = self.find(uri)
        del self.statuses[said.id]
        for one in self.statuses.values():
            one.above = "" if one.above == said.id else one.above
        for notes in self.notes.values():
            notes[:] = [note for note in notes if note["status_id"] != said.id]
        self._push("delete", said)

    def cut(self) -> None:
        """All streams break."""
        for _, _, queue in self._streams:
            queue.put_nowait(None)

    def find(self, uri: str) -> Said:
        """A status by its uri."""
        return next(said for said in self.statuses.values() if self.uri(said) == uri)

    def answers_to(self, uri: str) -> list[Said]:
        """What was answered to it."""
        above = self.find(uri).id
        return [said for said in self.statuses.values() if said.above == above]

    def uri(self, said: Said) -> str:
        """What it is called everywhere."""
        return f"{self._home(said.by)}/users/{said.by.name}/statuses/{said.id}"

    def external_id(self, person: Person) -> str:
        """What an account is called everywhere."""
        return f"{self._home(person)}/users/{person.name}"

    def _home(self, person: Person) -> str:
        return f"https://{person.host}" if person.host else self.url

    def _mint(self) -> str:
        self._number += 1
        if not self.ways.ulids:
            return str(115_480_000_000_000_000 + self._number)
        number, made = self._number, ""
        for _ in range(6):
            number, rest = divmod(number, 32)
            made = _LETTERS[rest] + made
        return f"01HZZZZZZZZZZZZZZZZZ{made}"

    def _now(self) -> datetime:
        self._clock = max(self._clock + timedelta(milliseconds=1), self._clock)
        return self._clock

    # Telling ---------------------------------------------------------------------------------------------------------

    def _name(self, said: Said) -> None:
        named = re.findall(r"@(\w+(?:@[\w.:-]+\w)?)", said.text)
        said.named = [self.people[one] for one in dict.fromkeys(n.partition("@")[0] if self._local(n) else n for n in named)
                      if one in self.people]  # fmt: skip

    def _local(self, acct: str) -> bool:
        return acct.partition("@")[2] in {"", self.url.partition("://")[2]}

    def _tell(self, said: Said) -> None:
        self._name(said)
        for one in said.named:
            if one is not said.by:
                self._note(one, "mention", said)
        if said.quotes:
            quoted = self.find(said.quotes)
            self._note(quoted.by, "quote", said)
        self._push("update", said)

    def spoil(self, lacking: str) -> None:
        """A mention whose status lacks something that every status has."""
        by = self.join("fan0")
        said = Said(self._mint(), by, "@acme message", "public", self._now(), named=[self.us])
        shown = {name: value for name, value in self.status(said).items() if name != lacking}
        note = {
            "id": self._mint(),
            "type": "mention",
            "by": by,
            "status_id": "",
            "at": self._now(),
            "extra": {"status": shown},
        }
        self.notes["acme"].append(note)
        self._event(self.us, "user", "notification", json.dumps(self._note_json(note)))

    def note(self, kind: str, by: str) -> None:
        """A notification of another sort, about nothing that anybody said."""
        note = {"id": self._mint(), "type": kind, "by": self.join(by), "status_id": "", "at": self._now()}
        self.notes["acme"].append(note)
        self._event(self.us, "user", "notification", json.dumps(self._note_json(note)))

    def _note(self, person: Person, kind: str, said: Said) -> None:
        if person.host:
            return
        note = {"id": self._mint(), "type": kind, "by": said.by, "status_id": said.id, "at": self._now()}
        self.notes[person.name].append(note)
        self._event(person, "user", "notification", json.dumps(self._note_json(note)))

    def _push(self, name: str, said: Said) -> None:
        payload = said.id if name == "delete" else json.dumps(self.status(said))
        for person in {id(one): one for one, _, _ in self._streams}.values():
            if person is said.by or (name != "update" and person in said.named):
                self._event(person, "user", name, payload)
            if said.visibility == "public":
                for tag in self.tags(said):
                    self._event(person, f"hashtag {tag}", name, payload)

    def _event(self, person: Person, stream: str, name: str, payload: str) -> None:
        if not self.pushes:
            return
        for one, streams, queue in self._streams:
            if one is person and stream in streams:
                for _ in range(2 if self.twice else 1):
                    queue.put_nowait((stream, name, payload))

    # Shapes ----------------------------------------------------------------------------------------------------------

    def tags(self, said: Said) -> list[str]:
        """Those in its text."""
        return [tag.lower() for tag in re.findall(r"#(\w+)", said.text)]

    def account(self, person: Person) -> dict[str, Any]:
        """As the API shows it."""
        acct = f"{person.name}@{person.host}" if person.host else person.name
        page = f"{self._home(person)}/@{person.name}"
        mine = [said for said in self.statuses.values() if said.by is person]
        return {
            "id": person.id, "username": person.name, "acct": acct, "display_name": person.name.title(), "locked": False, "bot": False,
            "group": False, "created_at": "2024-01-01T00:00:00.000Z", "note": f"<p>I am {person.name}</p>", "url": page,
            "uri": self.external_id(person), "avatar": "", "avatar_static": "", "header": "", "header_static": "", "followers_count": 812,
            "following_count": 3, "statuses_count": len(mine), "emojis": [], "fields": [], "indexable": False,
        }  # fmt: skip

    def status(self, said: Said) -> dict[str, Any]:
        """As the API shows it."""
        above = self.statuses.get(said.above)
        quote = self.statuses.get(self.find(said.quotes).id) if said.quotes else None
        return {
            "id": said.id, "uri": self.uri(said), "url": f"{self._home(said.by)}/@{said.by.name}/{said.id}",
            "created_at": _stamp(said.at), "edited_at": None if said.edited is None else _stamp(said.edited),
            "in_reply_to_id": said.above or None, "in_reply_to_account_id": above.by.id if above else None,
            "visibility": said.visibility, "sensitive": bool(said.warning), "spoiler_text": said.warning, "language": said.language,
            "content": self._html(said), "account": self.account(said.by), "reblog": None,
            "mentions": [
                {"id": one.id, "username": one.name, "url": f"{self._home(one)}/@{one.name}", "acct": self.account(one)["acct"]}
                for one in said.named
            ],
            "tags": [{"name": tag, "url": f"{self.url}/tags/{tag}"} for tag in self.tags(said)], "emojis": [],
            "media_attachments": said.media, "card": None, "poll": None, "replies_count": 0, "reblogs_count": 0,
            "favourites_count": len(said.liked), "favourited": self.us.id in said.liked,
            "quote": None if quote is None else {"state": "accepted", "quoted_status": {**self.status(quote), "quote": None}},
        }  # fmt: skip

    def _html(self, said: Said) -> str:
        text = html.escape(said.text, quote=False)
        for one in said.named:
            acct = self.account(one)["acct"]
            link = f'<span class="h-card"><a href="{self._home(one)}/@{one.name}" class="u-url mention">@<span>{one.name}</span></a></span>'
            local = f"@{one.name}@{self.url.partition('://')[2]}"
            text = text.replace(local if local in text else f"@{acct}", link)
        return "<p>" + text.replace("\n\n", "</p><p>").replace("\n", "<br />") + "</p>"

    def _note_json(self, note: Mapping[str, Any]) -> dict[str, Any]:
        said = self.statuses.get(note["status_id"])
        about = {} if said is None else {"status": self.status(said)}
        return {
            "id": note["id"], "type": note["type"], "group_key": f"ungrouped-{note['id']}", "created_at": _stamp(note["at"]),
            "account": self.account(note["by"]), **about, **note.get("extra", {}),
        }  # fmt: skip

    # The API ---------------------------------------------------------------------------------------------------------

    @classmethod
    @asynccontextmanager
    async def start(cls, ways: Ways | None = None, port: int = 0) -> AsyncIterator[Mastodon]:
        """The server on a port of this machine."""
        server = cls(ways)
        app = web.Application(middlewares=[server._middleware])
        app.add_routes(server._routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        found = runner.addresses[0][1]
        server.url = f"http://127.0.0.1:{found}"
        try:
            yield server
        finally:
            server.cut()
            await runner.cleanup()

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/apps", self._apps),
            web.post("/oauth/token", self._token),
            web.get("/api/v1/apps/verify_credentials", self._app),
            web.get("/api/v1/accounts/verify_credentials", self._me),
            web.get("/api/v1/accounts/lookup", self._lookup),
            web.get("/api/v1/accounts/relationships", self._relationships),
            web.get("/api/v1/accounts/{id}", self._account),
            web.get("/api/v1/accounts/{id}/statuses", self._own),
            web.post("/api/v1/accounts/{id}/{what:block|unblock}", self._block),
            web.get("/api/v2/instance", self._instance),
            web.get("/api/v1/instance", self._old_instance),
            web.get("/api/v1/notifications", self._notifications),
            web.get("/api/v1/timelines/tag/{tag}", self._tag),
            web.get("/api/v2/search", self._search),
            web.post("/api/v1/statuses", self._post),
            web.get("/api/v1/statuses/{id}", self._get),
            web.put("/api/v1/statuses/{id}", self._put),
            web.delete("/api/v1/statuses/{id}", self._delete),
            web.get("/api/v1/statuses/{id}/context", self._context),
            web.get("/api/v1/statuses/{id}/source", self._source),
            web.post("/api/v1/statuses/{id}/{what:favourite|unfavourite}", self._favourite),
            web.post("/api/v2/media", self._upload),
            web.get("/api/v1/media/{id}", self._media),
            web.get("/api/v1/streaming", self._socket),
            web.get("/api/v1/streaming/user", self._events),
            web.get("/api/v1/streaming/hashtag", self._events),
        ]

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.read() if request.content_type == "application/json" else b""
        names = tuple(sorted(json.loads(body))) if body else ()
        self.asked.append((request.method, request.path, tuple(sorted(request.query)), names))
        fault = self._fault(request)
        if fault is not None and fault.how == "before":
            return web.json_response({"error": "An unexpected error occurred"}, status=500)
        if fault is not None and fault.how == "limit":
            heads = {
                "X-RateLimit-Limit": "300",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": _stamp(datetime.now(UTC), micro=True),
            }
            return web.json_response({"error": "Too many requests"}, status=429, headers=heads)
        open_to_all = request.path.startswith(("/api/v1/apps", "/oauth", "/api/v1/instance", "/api/v2/instance"))
        if not open_to_all or request.path.endswith("verify_credentials"):
            self._who(request)
        answer: web.StreamResponse = await handler(request)
        if fault is not None and fault.how == "after":
            return web.json_response({"error": "An unexpected error occurred"}, status=500)
        if fault is not None and fault.how == "garbage":
            return web.Response(text='{"error": "trunc', content_type="application/json")
        return answer

    def _fault(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.method == request.method and re.fullmatch(fault.path, request.path):
                fault.times -= 1
                return fault
        return None

    def _who(self, request: web.Request) -> Person:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        for person in self.people.values():
            if person.token and person.token == token:
                return person
        if self.ways.plain_400:
            raise web.HTTPBadRequest(text="invalid_token")
        raise _no(401, "The access token is invalid")

    def _seen(self, request: web.Request) -> Said:
        """The status that is asked for, where this account may see it."""
        said, me = self.statuses.get(request.match_info["id"]), self._who(request)
        if said is None or (said.visibility in _HIDES and me is not said.by and me not in said.named):
            raise _no(404, "Record not found")
        return said

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        """A page of rows that are in order of their ids, the oldest first."""
        asked = request.query
        limit = min(int(asked.get("limit", "20")), self.ways.page)
        if low := asked.get("min_id") or asked.get("since_id"):
            rows = [row for row in rows if row["id"] > low]
        if high := asked.get("max_id"):
            rows = [row for row in rows if row["id"] < high]
        part = rows[:limit] if asked.get("min_id") else rows[-limit:]
        part = part[::-1]
        heads = {}
        if part:
            others = [(k, v) for k, v in parse_qsl(request.query_string) if k not in {"min_id", "max_id", "since_id"}]
            older = urlencode([*others, ("max_id", part[-1]["id"])])
            newer = urlencode([*others, ("min_id", part[0]["id"])])
            where = f"{self.url}{request.path}"
            heads["Link"] = f'<{where}?{older}>; rel="next", <{where}?{newer}>; rel="prev"'
        return web.json_response(part, headers=heads)

    async def _apps(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.scopes = asked["scopes"].split()
        return web.json_response({"id": "1", "name": asked["client_name"], "client_id": "app", "client_secret": "hush"})

    async def _token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked.get("code") != "the-code":
            raise _no(400, "invalid_grant")
        scope = " ".join(self.scopes)
        return web.json_response(
            {"access_token": self.us.token, "token_type": "Bearer", "scope": scope, "created_at": 1}
        )

    scopes: list[str] = ["read", "write"]  # noqa: RUF012 - one server in one test

    async def _app(self, request: web.Request) -> web.Response:
        return web.json_response({"name": "Hubbub", "scopes": self.scopes})

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({**self.account(self._who(request)), "source": {}})

    async def _lookup(self, request: web.Request) -> web.Response:
        acct = request.query.get("acct", "")
        person = self.people.get(acct.partition("@")[0] if self._local(acct) else acct)
        if person is None:
            raise _no(404, "Record not found")
        return web.json_response(self.account(person))

    async def _relationships(self, request: web.Request) -> web.Response:
        me = self._who(request)
        return web.json_response(
            [{"id": one, "blocking": one in me.blocks} for one in request.query.getall("id[]", [])]
        )

    async def _account(self, request: web.Request) -> web.Response:
        for person in self.people.values():
            if person.id == request.match_info["id"]:
                return web.json_response(self.account(person))
        raise _no(404, "Record not found")

    async def _own(self, request: web.Request) -> web.Response:
        rows = [self.status(said) for said in self.statuses.values() if said.by.id == request.match_info["id"]]
        return self._page(request, rows)

    async def _block(self, request: web.Request) -> web.Response:
        person, blocks = request.match_info["id"], self._who(request).blocks
        (blocks.add if request.match_info["what"] == "block" else blocks.discard)(person)
        return web.json_response({"id": person, "blocking": person in blocks})

    async def _instance(self, request: web.Request) -> web.Response:
        if not self.ways.instance_v2:
            raise _no(404, "Record not found")
        host = self.url.partition("://")[2]
        statuses = {"max_characters": self.ways.most, "characters_reserved_per_url": 23, "max_media_attachments": 4}
        urls = {"streaming": f"ws://{host}"}
        return web.json_response(
            {"domain": host, "version": "4.5.0", "configuration": {"urls": urls, "statuses": statuses}}
        )

    async def _old_instance(self, request: web.Request) -> web.Response:
        host = self.url.partition("://")[2]
        return web.json_response(
            {"uri": host, "urls": {"streaming_api": f"ws://{host}"}, "max_toot_chars": self.ways.most}
        )

    async def _notifications(self, request: web.Request) -> web.Response:
        types = request.query.getall("types[]", [])
        if self.ways.strict_types and set(types) - {"mention", "status", "update"}:
            raise _no(400, "a type of notification that is not known")
        rows = [
            self._note_json(note) for note in self.notes[self._who(request).name] if not types or note["type"] in types
        ]
        return self._page(request, rows)

    async def _tag(self, request: web.Request) -> web.Response:
        tag = request.match_info["tag"].lower()
        rows = [
            self.status(said)
            for said in self.statuses.values()
            if tag in self.tags(said) and said.visibility == "public"
        ]
        if not rows and self.ways.unknown_tag_404:
            raise _no(404, "Record not found")
        return self._page(request, rows)

    async def _search(self, request: web.Request) -> web.Response:
        if not self.ways.search:
            raise _no(404, "Record not found")
        asked, me = request.query["q"], self._who(request)
        words = asked.strip('"').casefold()
        found = [s for s in reversed(self.statuses.values()) if self.uri(s) == asked or words in s.text.casefold()]
        if before := request.query.get("max_id"):
            found = found[next((n + 1 for n, s in enumerate(found) if s.id == before), len(found)) :]
        statuses = [s for s in found if (s.visibility not in _HIDES or me in [s.by, *s.named])][: self.ways.page]
        people = [person for person in self.people.values() if self.external_id(person) == asked]
        return web.json_response({
            "statuses": [self.status(said) for said in statuses], "accounts": [self.account(person) for person in people], "hashtags": [],
        })  # fmt: skip

    async def _post(self, request: web.Request) -> web.Response:
        asked, me, key = await request.json(), self._who(request), request.headers.get("Idempotency-Key", "")
        if self.ways.keeps_keys and key in self.keys:
            return web.json_response(self.status(self.statuses[self.keys[key]]))
        above = str(asked.get("in_reply_to_id") or "")
        if above and above not in self.statuses:
            raise _no(404, "Record not found")
        if any(self.media[one]["url"] is None for one in asked.get("media_ids", [])):
            raise _no(422, "Cannot attach files that have not finished processing. Try again in a moment!")
        if len(asked["status"]) > self.ways.most:
            raise _no(400 if self.ways.plain_400 else 422, "Validation failed: Text character limit exceeded")
        said = Said(
            self._mint(), me, asked["status"], asked.get("visibility", "public"), self._now(), above, asked.get("spoiler_text", ""),
            asked.get("language", "en"), media=[self.media[one] for one in asked.get("media_ids", [])],
        )  # fmt: skip
        self.statuses[said.id] = said
        self.keys[key] = said.id
        self._tell(said)
        return web.json_response(self.status(said))

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self.status(self._seen(request)))

    async def _put(self, request: web.Request) -> web.Response:
        said = self._seen(request)
        body = await request.json()
        said.warning = body.get("spoiler_text", "")  # an edit replaces all of it
        said.media = [self.media[name] for name in body.get("media_ids", [])]
        self.edit(self.uri(said), body["status"])
        return web.json_response(self.status(said))

    async def _delete(self, request: web.Request) -> web.Response:
        said = self._seen(request)
        if said.by is not self._who(request):
            raise _no(404, "Record not found")
        shown = self.status(said)
        self.delete(self.uri(said))
        return web.json_response({**shown, "text": said.text})

    async def _context(self, request: web.Request) -> web.Response:
        said = self._seen(request)
        above: list[dict[str, Any]] = []
        up = self.statuses.get(said.above)
        while up is not None:
            above.insert(0, self.status(up))
            up = self.statuses.get(up.above)
        below, ids = [], {said.id}
        for one in self.statuses.values():
            if one.above in ids:
                ids.add(one.id)
                below.append(self.status(one))
        return web.json_response({"ancestors": above, "descendants": below})

    async def _source(self, request: web.Request) -> web.Response:
        said = self._seen(request)
        return web.json_response({"id": said.id, "text": said.text, "spoiler_text": said.warning})

    async def _favourite(self, request: web.Request) -> web.Response:
        said, me = self._seen(request), self._who(request)
        (said.liked.add if request.match_info["what"] == "favourite" else said.liked.discard)(me.id)
        return web.json_response(self.status(said))

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = self._mint()
        file = form["file"]
        size = len(file.file.read()) if isinstance(file, web.FileField) else 0
        self.media[name] = {
            "id": name,
            "type": "image",
            "url": None,
            "description": form.get("description"),
            "meta": {"size": size},
        }
        self._asked_media[name] = self.ways.slow_media
        if self.ways.slow_media:
            return web.json_response(self.media[name], status=202)
        self.media[name]["url"] = f"{self.url}/media/{name}"
        return web.json_response(self.media[name])

    async def _media(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        self._asked_media[name] -= 1
        if self._asked_media[name] > 0:
            return web.json_response(self.media[name], status=206)
        self.media[name]["url"] = f"{self.url}/media/{name}"
        return web.json_response(self.media[name])

    # Streams ---------------------------------------------------------------------------------------------------------

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if not self.ways.socket:
            raise _no(404, "Not found")
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        streams = {"user"} if request.query.get("stream") == "user" else set[str]()
        queue: asyncio.Queue[tuple[str, str, str] | None] = asyncio.Queue()
        self._streams.append((self._who(request), streams, queue))

        async def listen() -> None:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    asked = json.loads(message.data)
                    streams.add(f"{asked['stream']} {asked['tag'].lower()}" if "tag" in asked else asked["stream"])
            queue.put_nowait(None)

        task = asyncio.ensure_future(listen())
        try:
            while (event := await queue.get()) is not None:
                stream, name, payload = event
                await socket.send_str(json.dumps({"stream": stream.split(), "event": name, "payload": payload}))
        finally:
            task.cancel()
            self._forget(queue)
            await socket.close()
        return socket

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self.ways.events:
            raise _no(404, "Not found")
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        tag = request.query.get("tag", "").lower()
        queue: asyncio.Queue[tuple[str, str, str] | None] = asyncio.Queue()
        self._streams.append((self._who(request), {f"hashtag {tag}" if tag else "user"}, queue))
        await answer.write(b":)\n\n")
        try:
            while (event := await queue.get()) is not None:
                _, name, payload = event
                await answer.write(f":thump\nevent: {name}\ndata: {payload}\n\n".encode())
        finally:
            self._forget(queue)
        return answer

    def _forget(self, queue: asyncio.Queue[tuple[str, str, str] | None]) -> None:
        self._streams[:] = [one for one in self._streams if one[2] is not queue]


def _no(status: int, words: str) -> web.HTTPException:
    kind = {
        400: web.HTTPBadRequest,
        401: web.HTTPUnauthorized,
        404: web.HTTPNotFound,
        422: web.HTTPUnprocessableEntity,
    }[status]
    return kind(text=json.dumps({"error": words}), content_type="application/json")


def _stamp(at: datetime, *, micro: bool = False) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds" if micro else "milliseconds").replace("+00:00", "Z")
