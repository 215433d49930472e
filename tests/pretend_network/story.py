"""One story told on any Bluesky network over plain HTTP, and what was observed: the same on the pretend one as on the real one.

Observations hold no ids, times or texts of the servers' own, so that two networks can be compared: people by name, posts by name,
errors by status and name, answers by their fields.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from pretend.wire import tid
from tests.pretend_network.people import POST, REPO, SERVER, Json, Person, mention, note, ref, sign_up, stamp, until

NOTIFICATIONS = "app.bsky.notification.listNotifications"


def shape(value: object) -> object:
    """The fields of an answer, all the way down; of a list its first member."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__ if not isinstance(value, int | float) else "number"


@dataclass
class Seen:
    """What was observed: facts that must be equal, and shapes, whose fields must be a part of the real ones."""

    facts: Json = field(default_factory=dict)
    shapes: Json = field(default_factory=dict)


async def tell(http: aiohttp.ClientSession, base: str) -> Seen:
    """The whole story."""
    seen = Seen()
    brand, mira, tom = [await sign_up(http, base, name) for name in ("brand", "mira", "tom")]
    await _sessions(seen, brand)
    await _errors(seen, brand, mira)
    await _records(seen, brand)
    await _bad_records(seen, brand)
    await _notifications(seen, brand, mira, tom)
    await _threads(seen, brand, mira, tom)
    await _leaving(seen, brand, mira)
    return seen


async def _sessions(seen: Seen, brand: Person) -> None:
    body = {"identifier": brand.handle, "password": brand.password}
    status, session = await brand.ask("POST", SERVER + "createSession", "", json=body)
    assert status == 200, session
    seen.shapes["session"] = shape(session)
    brand.access, brand.refresh = session["accessJwt"], session["refreshJwt"]
    seen.shapes["getSession"] = shape(await brand.get(SERVER + "getSession"))
    status, fresh = await brand.ask("POST", SERVER + "refreshSession", brand.refresh)
    seen.shapes["refreshed"] = shape(fresh)
    again = await brand.ask("POST", SERVER + "refreshSession", brand.refresh)
    seen.facts["refresh"] = (status, again[0], fresh["refreshJwt"] != brand.refresh)
    brand.access, brand.refresh = fresh["accessJwt"], fresh["refreshJwt"]
    out = await brand.ask("POST", SERVER + "deleteSession", brand.refresh)
    late = await brand.ask("POST", SERVER + "refreshSession", brand.refresh)
    seen.facts["logged out"] = (
        out[0],
        late[0],
        late[1].get("error"),
        (await brand.ask("GET", SERVER + "getSession"))[0],
    )
    seen.shapes["server"] = shape(await brand.get(SERVER + "describeServer"))


async def _errors(seen: Seen, brand: Person, mira: Person) -> None:
    nowhere = f"at://{brand.did}/{POST}/3kaaaaaaaaa2k"
    record = note("hi")
    bodies: dict[str, tuple[Any, ...]] = {
        "wrong password": ("POST", "createSession", "", {"identifier": brand.handle, "password": "x"}),
        "stranger": ("POST", "createSession", "", {"identifier": "nobody.test", "password": "x"}),
        "password missing": ("POST", "createSession", "", {"identifier": "nobody.test"}),
        "password a number": ("POST", "createSession", "", {"identifier": "nobody.test", "password": 7}),
        "refresh with access": ("POST", "refreshSession", brand.access, None),
    }
    for name, (verb, method, bearer, body) in bodies.items():
        options = {} if body is None else {"json": body}
        status, answer = await brand.ask(verb, SERVER + method, bearer, **options)
        seen.facts[name] = (status, answer.get("error"))
    asks: dict[str, tuple[str, str | None, Json]] = {
        "no token": (NOTIFICATIONS, "", {}),
        "no token for the session": (SERVER + "getSession", "", {}),
        "rubbish token": (SERVER + "getSession", "rubbish", {}),
        "broken signature": (SERVER + "getSession", brand.access[:-3] + "abc", {}),
        "refresh token as access": (SERVER + "getSession", mira.refresh, {}),
        "limit 0": (NOTIFICATIONS, None, {"limit": 0}),
        "limit 101": (NOTIFICATIONS, None, {"limit": 101}),
        "limit many": (NOTIFICATIONS, None, {"limit": "many"}),
        "thread nowhere": ("app.bsky.feed.getPostThread", None, {"uri": nowhere}),
        "thread without uri": ("app.bsky.feed.getPostThread", None, {}),
        "posts without uris": ("app.bsky.feed.getPosts", None, {}),
        "profile of nobody": ("app.bsky.actor.getProfile", None, {"actor": "nobody.test"}),
        "unknown handle": ("com.atproto.identity.resolveHandle", None, {"handle": "nobody-at-all.test"}),
        "record nowhere": (REPO + "getRecord", None, {"repo": brand.did, "collection": POST, "rkey": "3kaaaaaaaaa2k"}),
        "repo nowhere": (REPO + "listRecords", None, {"repo": "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "collection": POST}),
        "put by GET": (REPO + "putRecord", None, {}),
    }
    for name, (method, bearer, params) in asks.items():
        status, answer = await brand.ask("GET", method, bearer, params=params)
        seen.facts[name] = (status, answer.get("error"))
    many = [
        ("uris", f"at://{brand.did}/{POST}/3kaaaaaaaaa{n:02d}".replace("0", "z").replace("1", "y")) for n in range(26)
    ]
    status, answer = await brand.ask("GET", "app.bsky.feed.getPosts", params=many)
    seen.facts["26 uris"] = (status, answer.get("error"))
    body = {"repo": brand.did, "collection": POST, "rkey": "3kaaaaaaaaa2k", "record": record}
    for name, writer, over in (
        ("another's repo", mira, {}),
        ("key with a slash", brand, {"rkey": "a/b"}),
        ("key of dots", brand, {"rkey": ".."}),
        ("no key", brand, {"rkey": None}),
        ("bad collection", brand, {"collection": "nonsense"}),
        ("record a list", brand, {"record": ["x"]}),
        ("wrong swap", brand, {"swapRecord": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}),
    ):
        sent = {key: value for key, value in {**body, **over}.items() if value is not None}
        status, answer = await writer.ask("POST", REPO + "putRecord", json=sent)
        seen.facts[f"put: {name}"] = (status, answer.get("error"))
    status, answer = await brand.ask("POST", REPO + "putRecord", "", json=body)
    seen.facts["put: no token"] = (status, answer.get("error"))


async def _records(seen: Seen, brand: Person) -> None:
    key, record = tid(time.time_ns() // 1000), note("first")
    first = await brand.put(key, record)
    same = await brand.put(key, record)
    other = await brand.put(key, {**record, "text": "second"})
    back = await brand.put(key, record)
    seen.shapes["put"] = shape(first[1])
    seen.shapes["put, nothing to do"] = shape(same[1])
    answers = (first, same, other, back)
    seen.facts["puts"] = [(status, "commit" in body, body["validationStatus"]) for status, body in answers]
    cids = [body["cid"] for _, body in answers]
    seen.facts["same record, same cid"] = [cids.index(cid) for cid in cids]
    body = {"repo": brand.did, "collection": POST, "rkey": key, "record": record}
    status, answer = await brand.ask("POST", REPO + "createRecord", json=body)
    seen.facts["create under a used key"] = (status, answer.get("error"))
    swapped = await brand.put(key, {**record, "text": "third"}, swapRecord=back[1]["cid"])
    seen.facts["right swap"] = swapped[0]
    found = await brand.get(REPO + "getRecord", repo=brand.handle, collection=POST, rkey=key)
    seen.shapes["getRecord"] = shape(found)
    listed = await brand.get(REPO + "listRecords", repo=brand.did, collection=POST)
    seen.shapes["listRecords"] = shape(listed)
    gone, twice = await brand.delete(key), await brand.delete(key)
    seen.facts["deleted twice"] = (gone[0], "commit" in gone[1], twice[0], "commit" in twice[1])
    seen.facts["nothing left"] = (await brand.get(REPO + "listRecords", repo=brand.did, collection=POST))["records"]


async def _bad_records(seen: Seen, brand: Person) -> None:
    link = {"$type": "app.bsky.richtext.facet#link", "uri": "https://x.test"}
    family, cid = "👩‍👩‍👧‍👦", "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"
    there = {"uri": f"at://{brand.did}/{POST}/3kaaaaaaaaa2k", "cid": cid}

    def facet(start: object, end: object, **feature: object) -> Json:
        return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature or link]}

    tries: dict[str, Json] = {
        "300 graphemes": note("é" * 300),
        "300 combined": note("e\u0301" * 300),
        "301 graphemes": note("x" * 301),
        "120 families": note(family * 120),
        "3025 bytes": note(family * 121),
        "empty text": note(""),
        "nul": note("a\x00b"),
        "no text": {key: value for key, value in note("x").items() if key != "text"},
        "text a number": note("x", text=7),
        "no createdAt": {key: value for key, value in note("x").items() if key != "createdAt"},
        "createdAt not a time": note("x", createdAt="yesterday"),
        "createdAt without a zone": note("x", createdAt="2026-11-02T09:20:00"),
        "createdAt of 1970": note("x", createdAt="1970-01-01T00:00:00.000Z"),
        "four langs": note("x", langs=["en", "de", "fr", "es"]),
        "facet backwards": note("abcdef", facets=[facet(3, 1)]),
        "facet outside": note("abcdef", facets=[facet(3, 99)]),
        "facets overlap": note("abcdef", facets=[facet(0, 3), facet(2, 5)]),
        "facet negative": note("abcdef", facets=[facet(-1, 3)]),
        "facet a string": note("abcdef", facets=[facet("0", 3)]),
        "facet without features": note("abcdef", facets=[{"index": {"byteStart": 0, "byteEnd": 1}}]),
        "mention of a handle": note("abc", facets=[facet(0, 3, **{"$type": link["$type"].replace("link", "mention"), "did": "x"})]),
        "reply without a parent": note("x", reply={"root": there}),
        "reply without a cid": note("x", reply={"root": there, "parent": {"uri": there["uri"]}}),
        "reply to a web page": note("x", reply={"root": there, "parent": {"uri": "https://x.test", "cid": cid}}),
        "reply to nothing there": note("x", reply={"root": there, "parent": there}),
        "another type": {**note("x"), "$type": "app.bsky.feed.like"},
    }  # fmt: skip
    for name, record in tries.items():
        key = tid(time.time_ns() // 1000)
        status, answer = await brand.put(key, record)
        seen.facts[f"record: {name}"] = (status, answer.get("error"))
        await brand.delete(key)


async def _notifications(seen: Seen, brand: Person, mira: Person, tom: Person) -> None:
    names = {brand.did: "brand", mira.did: "mira", tom.did: "tom"}
    ours = await brand.say("launch")
    await until(lambda: _shown(brand, ours["uri"]))  # an answer indexed beside its parent may notify nobody
    texts = {ours["uri"]: "launch"}

    async def lines(**params: Any) -> list[tuple[Any, ...]]:
        page = (await brand.get(NOTIFICATIONS, **params))["notifications"]
        return [
            (one["reason"], names[one["author"]["did"]], one["record"].get("text"), texts.get(one.get("reasonSubject")))
            for one in page
        ]

    async def when(count: int) -> None:
        async def enough() -> bool:
            return len(await lines()) == count

        await until(enough)

    text = f"hey @{brand.handle}!"
    first = await mira.say(text, **mention(text, brand))
    await when(1)
    reply = await tom.say("a reply", to=ours)
    await when(2)
    await mira.say("below it", to=reply)
    await when(3)
    both = f"me too @{brand.handle}"
    await tom.say(both, to=ours, **mention(both, brand))
    await when(4)
    await tom.say("quoting", embed={"$type": "app.bsky.embed.record", "record": ref(ours)})
    await when(5)
    await mira.write("app.bsky.feed.like", {"subject": ref(ours)})
    await when(6)
    await mira.write("app.bsky.feed.repost", {"subject": ref(ours)})
    await when(7)
    await mira.write("app.bsky.graph.follow", {"subject": brand.did})
    await when(8)
    seen.facts["notifications"] = [
        [str(part).replace(brand.handle, "BRAND") for part in line] for line in await lines()
    ]
    seen.facts["only replies"] = len(await lines(reasons="reply"))
    page = await brand.get(NOTIFICATIONS, reasons="mention")
    seen.shapes["notification"] = shape(page["notifications"][0])
    older = await brand.get(NOTIFICATIONS, limit=3)
    rest = await brand.get(NOTIFICATIONS, limit=50, cursor=older["cursor"])
    seen.facts["pages"] = (len(older["notifications"]), len(rest["notifications"]))
    seen.facts["unread"] = await brand.get("app.bsky.notification.getUnreadCount")

    late = f"@{brand.handle} of 2020"
    await mira.say(late, createdAt="2020-01-01T00:00:00.000Z", **mention(late, brand))
    await when(9)
    oldest = (await brand.get(NOTIFICATIONS))["notifications"][-1]
    seen.facts["backdated"] = (oldest["indexedAt"], oldest["record"]["text"].split()[-1])
    ahead = f"@{brand.handle} of 2040"
    await mira.say(ahead, createdAt="2040-01-01T00:00:00.000Z", **mention(ahead, brand))
    await when(10)
    newest = (await brand.get(NOTIFICATIONS))["notifications"][0]
    seen.facts["postdated"] = (newest["indexedAt"] < "2040", newest["record"]["text"].split()[-1])

    plain = await tom.say("nothing yet")
    await until(lambda: _shown(brand, plain["uri"]))
    named = f"now @{brand.handle}"
    await tom.put(plain["rkey"], {**plain["record"], "text": named, **mention(named, brand)})
    await when(11)
    seen.facts["mention added by an edit comes in at"] = [line[2] for line in await lines()].index(named)
    await mira.put(
        first["rkey"], {key: value for key, value in first["record"].items() if key != "facets"} | {"text": "no more"}
    )
    await when(10)
    seen.facts["mention edited away"] = "no more" in [line[2] for line in await lines()]
    await mira.delete(first["rkey"])
    seen.facts["seen"] = (await brand.ask("POST", "app.bsky.notification.updateSeen", json={"seenAt": stamp()}))[0]

    async def nothing_unread() -> bool:
        return bool((await brand.get("app.bsky.notification.getUnreadCount"))["count"] == 0)

    await until(nothing_unread)
    newest = (await brand.get(NOTIFICATIONS))["notifications"][0]
    seen.facts["read"] = newest["isRead"]


async def _threads(seen: Seen, brand: Person, mira: Person, tom: Person) -> None:
    root = await mira.say("root")
    await until(lambda: _shown(brand, root["uri"]))
    middle = await tom.say("middle", to=root)
    await until(lambda: _shown(brand, middle["uri"]))
    anchor = await brand.say("anchor", to=middle)
    await until(lambda: _shown(brand, anchor["uri"]))
    below = await mira.say("below", to=anchor)
    await until(lambda: _shown(brand, below["uri"]))
    names = {one["uri"]: one["record"]["text"] for one in (root, middle, anchor, below)}

    def tree(node: Json) -> Json:
        """A thread by types and names."""
        found: Json = {
            "type": node["$type"].rsplit("#", 1)[1],
            "name": names.get(node.get("uri", node.get("post", {}).get("uri"))),
        }
        if "parent" in node:
            found["parent"] = tree(node["parent"])
        if "replies" in node:
            found["replies"] = [tree(one) for one in node["replies"]]
        if "post" in node and node["post"].get("viewer", {}).get("replyDisabled"):
            found["closed"] = True
        return found

    async def thread(**params: Any) -> Json:
        return dict((await brand.get("app.bsky.feed.getPostThread", **params))["thread"])

    async def counted() -> bool:
        return bool((await thread(uri=anchor["uri"]))["post"].get("replyCount") == 1)

    await until(counted)
    seen.facts["thread"] = tree(await thread(uri=anchor["uri"]))
    seen.shapes["thread"] = shape(await thread(uri=anchor["uri"]))
    seen.facts["shallow thread"] = tree(await thread(uri=anchor["uri"], depth=0, parentHeight=1))
    views = (await brand.get("app.bsky.feed.getPosts", uris=root["uri"]))["posts"]
    seen.shapes["post"] = shape(views[0])
    seen.shapes["profile"] = shape(await brand.get("app.bsky.actor.getProfile", actor=mira.did))

    await tom.delete(middle["rkey"])

    async def gone() -> bool:
        return not await _shown(brand, middle["uri"])

    await until(gone)
    seen.facts["thread without its middle"] = tree(await thread(uri=anchor["uri"]))
    missing = await brand.ask("GET", "app.bsky.feed.getPostThread", params={"uri": middle["uri"]})
    seen.facts["thread of what is gone"] = (missing[0], missing[1].get("error"))

    gate = {"$type": "app.bsky.feed.threadgate", "post": root["uri"], "allow": [], "createdAt": stamp()}
    await mira.write("app.bsky.feed.threadgate", gate, rkey=root["rkey"])

    async def closed() -> bool:
        return "closed" in tree(await thread(uri=root["uri"]))

    await until(closed)
    seen.facts["closed thread"] = tree(await thread(uri=root["uri"], depth=0))

    await mira.write("app.bsky.graph.block", {"subject": brand.did})

    async def blocked() -> bool:
        status, answer = await brand.ask("GET", "app.bsky.feed.getPostThread", params={"uri": root["uri"]})
        return status != 200 or answer["thread"]["$type"].endswith("#blockedPost")

    await until(blocked)
    status, answer = await brand.ask("GET", "app.bsky.feed.getPostThread", params={"uri": root["uri"]})
    seen.facts["blocked thread"] = (status, tree(answer["thread"]) if status == 200 else answer.get("error"))
    if status == 200:
        seen.shapes["blocked"] = shape(answer["thread"])
    hidden = await brand.ask("GET", "app.bsky.feed.getPosts", params={"uris": root["uri"]})
    seen.facts["blocked post"] = (hidden[0], [names[one["uri"]] for one in hidden[1].get("posts", [])])
    await until(lambda: _no_word_of(brand, mira))
    seen.facts["who blocks us is not heard"] = True


async def _shown(viewer: Person, uri: str) -> bool:
    return bool((await viewer.get("app.bsky.feed.getPosts", uris=uri))["posts"])


async def _no_word_of(brand: Person, other: Person) -> bool:
    return all(one["author"]["did"] != other.did for one in (await brand.get(NOTIFICATIONS))["notifications"])


async def _leaving(seen: Seen, brand: Person, mira: Person) -> None:
    status, _ = await mira.ask("POST", SERVER + "deactivateAccount", json={})
    seen.facts["deactivated"] = status
    for name, method, params in (
        ("session", SERVER + "getSession", {}),
        ("records", REPO + "listRecords", {"repo": mira.did, "collection": POST}),
    ):
        status, answer = await mira.ask("GET", method, params=params)
        seen.facts[f"deactivated: {name}"] = (status, answer.get("error"))
    status, answer = await mira.put(tid(time.time_ns() // 1000), note("still here?"))
    seen.facts["deactivated: put"] = (status, answer.get("error"))

    async def vanished() -> bool:
        return (await brand.ask("GET", "app.bsky.actor.getProfile", params={"actor": mira.did}))[0] != 200

    await until(vanished)
    status, answer = await brand.ask("GET", "app.bsky.actor.getProfile", params={"actor": mira.did})
    seen.facts["deactivated: profile"] = (status, answer.get("error"))
