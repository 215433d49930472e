"""A small Graph API: one Page, one professional account linked to it, their webhooks, and the ways in which Meta misbehaves.

Owns posts, comments, who said what, and the notices of all of it, signed as Meta signs. Errors, broken answers after a write and rate limits
come by script (`fail`); notices are handed out late, twice and in another order by whoever tests. Refuses a token in an address.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from pretend.talks import No, Talks

VERSION = "v26.0"
APP, SECRET, WORD = "990001", "app-secret-of-tests", "our-own-word"
PERSON_TOKEN, PAGE_TOKEN, GRAM_TOKEN = "EAAperson", "EAApage", "IGaccount"

Fault = tuple[int, dict[str, Any], Mapping[str, str]]

_FIELDS = {
    "page": {"id", "name", "username", "category", "instagram_business_account", "access_token", "tasks"},
    "person": {"id", "name"},
    "post": {
        "id", "from", "message", "created_time", "updated_time", "permalink_url", "is_hidden", "is_published", "message_tags", "shares",
        "attachments", "comments",
    },
    "comment": {
        "id", "from", "message", "created_time", "parent", "permalink_url", "is_hidden", "can_hide", "can_remove", "can_comment", "can_like",
        "can_reply_privately", "user_likes", "comment_count", "like_count", "attachment", "message_tags", "private_reply_conversation",
    },
    "media": {
        "id", "caption", "timestamp", "permalink", "username", "like_count", "comments_count", "media_type", "media_product_type",
    },
    "gram": {"id", "text", "timestamp", "username", "from", "like_count", "hidden", "parent_id", "media", "replies"},
    "account": {"user_id", "id", "username", "name", "mentioned_comment", "mentioned_media"},
}  # fmt: skip
_NAME = re.compile(r"\.\w+\([^)]*\)")


def error(code: int, sub: int = 0, status: int = 400, headers: Mapping[str, str] | None = None) -> Fault:
    """An answer that says no."""
    told = {"message": "words that nobody may read", "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return status, {"error": {**told, **({"error_subcode": sub} if sub else {})}}, headers or {}


GONE = error(100, 33)


@dataclass
class Graph:
    """The whole of it. Times are the clock's."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    page: str = "104200000000001"
    gram: str = "17841400000000001"
    url: str = ""
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Posts, comments, media and comments under them, by id; `_kind` and `_under` are ours."""
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What was not handed out yet: what it is about, and the entry."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=lambda: ["feed", "mention", "comments", "live_comments", "mentions"])
    answered_aside: set[str] = field(default_factory=set)
    named: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What others said of us elsewhere: reached by the edges for that alone."""
    under_others: list[dict[str, str]] = field(default_factory=list)
    ends_at: int = 0
    renewed: list[str] = field(default_factory=list)
    """Tokens of Instagram's own login that took the place of older ones; those go on."""
    _faults: list[tuple[str, str, Fault | None, bool]] = field(default_factory=list)
    _next: int = 1000

    def __post_init__(self) -> None:
        owners = {"messenger": (self.page, "Larkspur"), "instagram": (self.gram, "larkspur.gram")}
        self.talks = Talks(
            lambda: self.clock(), owners, lambda kind, entry: self.notices.append((kind, entry)), self._number
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, **settings: Any) -> AsyncIterator[Graph]:
        """Running on loopback."""
        made = cls(**settings)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", made._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield made
        finally:
            await runner.cleanup()

    # The script

    def fail(self, method: str, path: str, fault: Fault | None = None, *, after: bool = False) -> None:
        """The next call of that method whose path ends so goes wrong; `after`: once it has been done. No fault: a plain 500."""
        self._faults.append((method, path, fault, after))

    def post(self, text: str, *, by: str = "", published: bool = True, quiet: bool = True) -> str:
        """A post on the Page, ours unless somebody else wrote it."""
        made = f"{self.page}_{self._number()}"
        self.things[made] = {
            "_kind": "post", "_under": "", "id": made, "message": text, "created_time": self._now(), "updated_time": self._now(),
            "from": self._person(by), "is_hidden": False, "is_published": published, "permalink_url": f"https://www.facebook.com/{made}",
        }  # fmt: skip
        if not quiet:
            self._feed(made, "add", item="status", post_id=made)
        return made

    def comment(self, under: str, text: object, *, by: str = "mira", quiet: bool = False, **other: Any) -> str:
        """A comment under a post, or under a comment: two levels, as on the real one."""
        above = self.things[under]
        if above.get("parent"):
            above = self.things[above["parent"]["id"]]
        post = above if above["_kind"] == "post" else self.things[above["_under"]]
        made = f"{post['id'].partition('_')[2]}_{self._number()}"
        parent = {"parent": {"id": above["id"]}} if above is not post else {}
        self.things[made] = {
            "_kind": "comment", "_under": post["id"], "id": made, "message": text, "created_time": self._now(), "from": self._person(by),
            "is_hidden": False, "can_hide": by != "", "can_comment": True, "can_like": True, "can_reply_privately": by != "",
            "user_likes": False, "comment_count": 0, "like_count": 0, "permalink_url": f"https://www.facebook.com/{made}", **parent, **other,
        }  # fmt: skip
        post["updated_time"] = self._now()
        if not quiet:
            self._feed(made, "add")
        return made

    def edit(self, external_id: str, text: str, *, quiet: bool = False) -> None:
        """Its writer changes a comment."""
        self.things[external_id]["message"] = text
        if not quiet:
            self._feed(external_id, "edited")

    def hide(self, external_id: str, *, hidden: bool = True, quiet: bool = False) -> None:
        """Somebody hides it in the network's own app, or shows it again."""
        self.things[external_id]["is_hidden"] = hidden
        if not quiet:
            self._feed(external_id, "hide" if hidden else "unhide")

    def remove(self, external_id: str, *, quiet: bool = False) -> None:
        """A comment or a post goes."""
        if not quiet:
            self._feed(external_id, "remove")
        del self.things[external_id]

    def medium(self, caption: str = "") -> str:
        """A picture of ours on Instagram."""
        made = f"1799{self._number():013d}"
        self.things[made] = {
            "_kind": "media", "_under": "", "id": made, "caption": caption, "timestamp": self._now(), "username": "larkspur.gram",
            "permalink": f"https://www.instagram.com/p/{made}/", "like_count": 0, "comments_count": 0, "media_type": "IMAGE",
            "media_product_type": "FEED",
        }  # fmt: skip
        return made

    def gram_comment(
        self, under: str, text: object, *, by: str = "mira", quiet: bool = False, bare: bool = False, live: bool = False
    ) -> str:
        """A comment on Instagram. `bare`: its notice stands in the entry itself, as logins by Instagram have it."""
        above = self.things[under]
        media = above if above["_kind"] == "media" else self.things[above["_under"]]
        made = f"1803{self._number():013d}"
        parent = {"parent_id": above.get("parent_id") or above["id"]} if above is not media else {}
        who = (
            {"id": f"90000{sum(by.encode()):06d}", "username": by}
            if by
            else {"id": "555000111", "username": "larkspur.gram"}
        )
        self.things[made] = {
            "_kind": "gram", "_under": media["id"], "id": made, "text": text, "timestamp": self._now(), "username": who["username"],
            "from": who, "like_count": 0, "hidden": False, "media": {"id": media["id"]}, **parent,
        }  # fmt: skip
        media["comments_count"] += 1
        if not quiet:
            value = {
                "id": made,
                "from": who,
                "text": text,
                "media": {"id": media["id"], "media_product_type": "FEED"},
                **parent,
            }
            change = {"field": "live_comments" if live else "comments", "value": value}
            self._tell("instagram", self.gram, change, bare=bare)
        return made

    def gram_mention(self, text: str, *, by: str = "ola", comment: bool = True) -> str:
        """Somebody names our account under a picture of their own, or in its caption. The notice holds ids only."""
        media = f"1788{self._number():013d}"
        made = f"1803{self._number():013d}" if comment else media
        told = {"id": made, "timestamp": self._now()}
        if comment:
            self.named[made] = {**told, "text": text, "like_count": 0, "media": {"id": media}, "from": {"username": by}}
        else:
            self.named[made] = {
                **told,
                "caption": text,
                "username": by,
                "media_type": "IMAGE",
                "permalink": "https://www.instagram.com/p/x/",
            }
        value = {"media_id": media, **({"comment_id": made} if comment else {})}
        self._tell("instagram", self.gram, {"field": "mentions", "value": value})
        return made

    # Webhooks

    def deliveries(
        self, *, order: random.Random | None = None, twice: bool = False, together: int = 1, secret: str = SECRET
    ) -> list[tuple[dict[str, str], bytes]]:
        """All notices that were not handed out yet, as headers and bytes; in a random order, twice, or several together."""
        notices, self.notices = self.notices * (2 if twice else 1), []
        if order is not None:
            order.shuffle(notices)
        made = []
        for kind in ("page", "instagram"):
            entries = [entry for about, entry in notices if about == kind]
            for start in range(0, len(entries), together):
                body = written({"object": kind, "entry": entries[start : start + together]})
                made.append((signed(body, secret), body))
        return made

    async def push(self, address: str, deliveries: Sequence[tuple[dict[str, str], bytes]]) -> list[int]:
        """Hands deliveries over by HTTP; what was answered."""
        async with aiohttp.ClientSession() as session:
            found = []
            for headers, body in deliveries:
                async with session.post(address, data=body, headers=headers) as answer:
                    found.append(answer.status)
            return found

    def _tell(self, kind: str, account: str, change: dict[str, Any], *, bare: bool = False) -> None:
        head = {"id": account, "time": int(self.clock().timestamp())}
        self.notices.append((kind, {**head, **change} if bare else {**head, "changes": [change]}))

    def _feed(self, external_id: str, verb: str, **told: Any) -> None:
        thing = self.things[external_id]
        ids = {
            "comment_id": external_id,
            "post_id": thing["_under"],
            "parent_id": (thing.get("parent") or {"id": thing["_under"]})["id"],
        }
        value = {
            "verb": verb,
            **(
                {"item": "comment", **ids}
                if thing["_kind"] == "comment"
                else {"item": "status", "post_id": external_id}
            ),
        }
        if verb in {"add", "edited"}:
            value |= {
                "message": thing["message"],
                "created_time": int(datetime.fromisoformat(thing["created_time"]).timestamp()),
            }
        value |= {**({"from": thing["from"]} if thing.get("from") else {}), **told}
        self._tell("page", self.page, {"field": "feed", "value": value})

    # The wire

    async def _serve(self, request: web.Request) -> web.Response:
        form = dict(await request.post()) if request.method == "POST" else {}
        method = str(form.pop("method", request.method))
        path = request.path.removeprefix(f"/{VERSION}").strip("/")
        self.asked.append((method, path))
        asked = {**request.query, **{name: str(value) for name, value in form.items()}}
        fault = self._script(method, path, after=False)
        if fault is not None:
            return _answer(fault)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        status, body, headers = self._judge(method, path, asked, token, in_address="access_token" in request.query)
        late = self._script(method, path, after=True)
        return _answer(late if late is not None else (status, body, headers))

    def _script(self, method: str, path: str, *, after: bool) -> Fault | None:
        for one in self._faults:
            wanted, ending, fault, is_after = one
            if wanted == method and path.endswith(ending) and is_after is after:
                self._faults.remove(one)
                return fault or (500, {}, {})
        return None

    def _judge(self, method: str, path: str, asked: Mapping[str, str], token: str, *, in_address: bool) -> Fault:
        proof = hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if in_address or token not in {PERSON_TOKEN, PAGE_TOKEN, GRAM_TOKEN, f"{APP}|{SECRET}", *self.renewed}:
            return error(190, 463, 400)
        if asked.get("appsecret_proof") != proof:
            return error(100, 0, 400)
        name, _, edge = path.partition("/")
        try:
            if method == "GET":
                return 200, self._read(name, edge, asked, token), {}
            return 200, self._write(method, name, edge, asked), {}
        except KeyError:
            return GONE
        except No as no:
            return error(*no.args)

    def _read(self, name: str, edge: str, asked: Mapping[str, str], token: str) -> dict[str, Any]:
        fields = asked.get("fields", "id")
        if edge in {"conversations", "blocked"} or name[:2] in {"t_", "m_"}:
            return self._read_private(name, edge, asked, fields)
        if name in {"debug_token", "oauth", "refresh_access_token"}:
            return self._read_login(name, asked, token)
        if name == "me" and not edge:
            return self._me(fields, token)
        if (name, edge) == ("me", "accounts"):
            if token != PERSON_TOKEN:
                raise No(100)
            return {
                "data": [
                    self._shown("page", {**self._page(), "access_token": PAGE_TOKEN, "tasks": ["MODERATE"]}, fields)
                ]
            }
        if edge == "subscribed_apps":
            return {"data": [{"id": APP, "subscribed_fields": list(self.subscribed)}] if self.subscribed else []}
        if name == self.page:
            return self._listed("post", [one for one in self._of("post") if self._on(one, edge)], fields, asked)
        if name == self.gram and edge in {"media", "tags"}:
            return self._listed("media", self._of("media") if edge == "media" else [], fields, asked)
        if name == self.gram:
            found = re.fullmatch(r"(mentioned_comment|mentioned_media)\.\w+\((\w+)\)\{.*\}", fields)
            if found and ("text" in self.named[found[2]]) != (found[1] == "mentioned_comment"):
                raise KeyError(found[2])
            return {"id": self.gram, found[1]: self.named[found[2]]} if found else {"id": self.gram}
        thing = self.things[name]
        if edge in {"comments", "replies"}:
            return self._comments(thing, edge, fields, asked)
        return self._shown(thing["_kind"], thing, fields)

    def _read_login(self, name: str, asked: Mapping[str, str], token: str) -> dict[str, Any]:
        if name == "debug_token":
            kept = asked["input_token"] in {PERSON_TOKEN, PAGE_TOKEN, GRAM_TOKEN}
            scopes = ["pages_show_list", "pages_read_engagement", "pages_manage_engagement"]
            return {"data": {"is_valid": kept, "app_id": APP, "expires_at": self.ends_at, "scopes": scopes}}
        if name == "refresh_access_token":
            if (asked["grant_type"], asked["access_token"]) != ("ig_refresh_token", token):
                raise No(100)
            self.renewed.append(f"IGrenewed{len(self.renewed) + 1}")
            return {"access_token": self.renewed[-1], "token_type": "bearer", "expires_in": 5_183_944}
        if asked["fb_exchange_token"] != PERSON_TOKEN:
            raise No(190, 463)
        return {"access_token": PERSON_TOKEN, "expires_in": 5_183_944}

    def _read_private(self, name: str, edge: str, asked: Mapping[str, str], fields: str) -> dict[str, Any]:
        if edge == "conversations":
            return self.talks.conversations(asked)
        if edge == "blocked":
            return {"data": [{"id": one} for one in self.talks.blocked if one == asked["user"]]}
        return self.talks.conversation(name, fields) if name.startswith("t_") else self.talks.one(name)

    def _me(self, fields: str, token: str) -> dict[str, Any]:
        if token == PERSON_TOKEN:
            return self._shown("person", {"id": "77", "name": "Somebody"}, fields)
        if token in {GRAM_TOKEN, *self.renewed}:
            return self._shown(
                "account", {"id": "1", "user_id": self.gram, "username": "larkspur.gram", "name": "Larkspur"}, fields
            )
        return self._shown("page", self._page(), fields)

    def _page(self) -> dict[str, Any]:
        linked = {"id": self.gram, "username": "larkspur.gram", "name": "Larkspur"}
        return {
            "id": self.page,
            "name": "Larkspur",
            "username": "larkspur.page",
            "category": "Florist",
            "instagram_business_account": linked,
        }

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in reversed(self.things.values()) if one["_kind"] == kind]

    def _on(self, post: dict[str, Any], edge: str) -> bool:
        ours = post["from"]["id"] == self.page
        match edge:
            case "published_posts":
                return ours and bool(post["is_published"])
            case "ads_posts":
                return ours and not post["is_published"]
            case "visitor_posts":
                return not ours
            case _:
                return False

    def _comments(self, thing: dict[str, Any], edge: str, fields: str, asked: Mapping[str, str]) -> dict[str, Any]:
        kind = "gram" if thing["_kind"] in {"media", "gram"} else "comment"
        if (edge == "replies") != (thing["_kind"] == "gram"):
            raise No(100)
        rows = [
            one
            for one in self.things.values()
            if one["_kind"] == kind and self._stands(one, thing, asked.get("filter", "toplevel"))
        ]
        if "since" in asked:
            rows = [
                one for one in rows if datetime.fromisoformat(one["created_time"]).timestamp() >= int(asked["since"])
            ]
        if asked.get("order") == "reverse_chronological" or thing["_kind"] == "media":
            rows.reverse()
        return self._listed(kind, rows, fields, asked)

    def _stands(self, comment: dict[str, Any], thing: dict[str, Any], wanted: str) -> bool:
        above = (comment.get("parent") or {}).get("id") or comment.get("parent_id")
        if thing["_kind"] in {"post", "media"}:
            return bool(comment["_under"] == thing["id"]) and (wanted == "stream" or not above)
        return bool(above == thing["id"])

    def _listed(
        self, kind: str, rows: Sequence[dict[str, Any]], fields: str, asked: Mapping[str, str]
    ) -> dict[str, Any]:
        start, limit = int(asked.get("after", "0")), int(asked.get("limit", "25"))
        shown = [self._shown(kind, one, fields) for one in rows[start : start + limit]]
        cursors = {"cursors": {"after": str(start + limit)}}
        return {"data": shown, "paging": {**cursors, **({"next": "https://x"} if len(rows) > start + limit else {})}}

    def _shown(self, kind: str, thing: dict[str, Any], fields: str) -> dict[str, Any]:
        names = [re.split(r"[.{(]", one)[0] for one in _split(fields)]
        if not set(names) <= _FIELDS[kind]:
            raise No(100)
        shown = {name: thing[name] for name in names if name in thing and thing[name] is not None}
        if kind == "post" and "comments" in names:
            under = [one for one in self.things.values() if one["_kind"] == "comment" and one["_under"] == thing["id"]]
            newest = [{"id": one["id"], "created_time": one["created_time"]} for one in under[-1:]]
            shown["comments"] = {"data": newest, "summary": {"total_count": len(under)}}
        if kind == "gram" and "replies" in names:
            under = [
                one for one in self.things.values() if one["_kind"] == "gram" and one.get("parent_id") == thing["id"]
            ]
            shown["replies"] = {
                "data": [
                    self._shown("gram", one, "id,text,timestamp,username,from,like_count,hidden,parent_id")
                    for one in under
                ]
            }
        return {"id": thing["id"], **shown}

    def _write(self, method: str, name: str, edge: str, asked: Mapping[str, str]) -> dict[str, Any]:
        if edge == "blocked":
            people = {asked["user"]}
            self.talks.blocked = self.talks.blocked | people if method == "POST" else self.talks.blocked - people
            return {"success": True}
        if edge == "messages" and "id" in json.loads(asked["recipient"]):
            told = self.talks.said.get(("instagram", json.loads(asked["recipient"])["id"]))
            return self.talks.send("instagram" if name == self.gram or told else "messenger", asked)
        if edge == "subscribed_apps":
            self.subscribed = asked["subscribed_fields"].split(",")
            return {"success": True}
        if edge == "messages":
            return self._aside(asked)
        if edge == "mentions":
            self.under_others.append(
                {name: asked[name] for name in ("media_id", "comment_id", "message") if name in asked}
            )
            return {"id": f"1803{self._number():013d}"}
        thing = self.things[name]
        if edge == "likes":
            thing["user_likes"] = method == "POST"
        elif edge == "comments" and thing["_kind"] in {"post", "comment"}:
            return {"id": self.comment(name, asked["message"].strip(), by="")}
        elif edge in {"comments", "replies"}:
            return {"id": self.gram_comment(name, asked["message"].strip(), by="")}
        elif method == "DELETE":
            self.remove(name, quiet=thing["_kind"] == "gram")
        elif "message" in asked:
            self.edit(name, asked["message"])
        elif "hide" in asked:
            thing["hidden"] = asked["hide"] == "true"
        else:
            self.hide(name, hidden=asked["is_hidden"] == "true")
        return {"success": True}

    def _aside(self, asked: Mapping[str, str]) -> dict[str, Any]:
        comment = json.loads(asked["recipient"])["comment_id"]
        if comment in self.answered_aside:
            raise No(10900)
        self.answered_aside.add(comment)
        thing = self.things[comment]
        platform, person = "instagram" if thing["_kind"] == "gram" else "messenger", thing["from"]["id"]
        made = self.talks.aside(platform, person, json.loads(asked["message"])["text"])
        talk = {"id": self.talks.id_of((platform, person))}
        thing |= {"can_reply_privately": False, "private_reply_conversation": talk}
        return {"recipient_id": person, "message_id": made}

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _now(self) -> str:
        return self.clock().strftime("%Y-%m-%dT%H:%M:%S+0000")

    def _person(self, by: str) -> dict[str, str]:
        return (
            {"id": f"690000{sum(by.encode()):06d}", "name": by.title()} if by else {"id": self.page, "name": "Larkspur"}
        )


def written(envelope: Mapping[str, Any]) -> bytes:
    """JSON as Meta writes it: plain ASCII, and slashes escaped too."""
    return json.dumps(envelope, separators=(",", ":")).replace("/", "\\/").encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={made}"}


def _answer(fault: Fault) -> web.Response:
    status, body, headers = fault
    return web.json_response(body, status=status, headers=dict(headers))


def _split(fields: str) -> list[str]:
    """Names of fields at the first level: commas inside of brackets do not count."""
    found, depth, at = [], 0, 0
    for place, sign in enumerate(fields):
        depth += (sign in "{(") - (sign in "})")
        if sign == "," and not depth:
            found.append(fields[at:place])
            at = place + 1
    return [*found, fields[at:]]
