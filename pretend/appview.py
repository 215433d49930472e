"""What the network looks like to a viewer: ``app.bsky.*``, notifications, threads, posts, search and profiles.

Read-only but for `updateSeen`. It sees only what is indexed by now (the AppView runs behind by a setting), hides
accounts that are gone and blocks between viewer and author, and needs a login where the real one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

from pretend.index import Index, Notice
from pretend.lexicon import mentioned_dids, reply_uri
from pretend.repo import Actor, Entry, Status, World
from pretend.sessions import Sessions
from pretend.settings import Settings
from pretend.wire import POST, PROFILE, Json, XrpcError, bad_request, iso, parse_datetime, repo_of
from pretend.xrpc import Call, Method

MAX_URIS = 25
MAX_REPLIES = 200  # shown under one post, as a guard
THREAD = "app.bsky.feed.defs#"


class AppView:
    """The methods, over a world and its index."""

    def __init__(self, world: World, index: Index, sessions: Sessions, settings: Settings) -> None:
        self._world = world
        self._index = index
        self._sessions = sessions
        self._settings = settings
        self._seen_us: dict[str, int] = {}
        for row in world.lines.pop("seen", []):
            self._seen_us[row["did"]] = row["at"]

    def methods(self) -> Mapping[str, Method]:
        """All methods by name."""
        notification, feed, actor = "app.bsky.notification.", "app.bsky.feed.", "app.bsky.actor."
        return {
            notification + "listNotifications": Method("GET", self.list_notifications),
            notification + "getUnreadCount": Method("GET", self.get_unread_count),
            notification + "updateSeen": Method("POST", self.update_seen),
            feed + "getPostThread": Method("GET", self.get_post_thread),
            feed + "getPosts": Method("GET", self.get_posts),
            feed + "searchPosts": Method("GET", self.search_posts),
            actor + "getProfile": Method("GET", self.get_profile),
            actor + "getProfiles": Method("GET", self.get_profiles),
        }

    def _now(self) -> int:
        """The network's time as the AppView knows it."""
        return self._world.clock() - int(self._settings.appview_lag_seconds * 1_000_000)

    def _viewer(self, call: Call) -> Actor | None:
        return None if call.bearer is None else self._sessions.whose(call.bearer)

    # Notifications

    def list_notifications(self, call: Call) -> Json:
        """The viewer's notifications, newest first; the cursor pages backwards in time."""
        viewer = self._sessions.whose(call.bearer)
        limit, cursor = call.number("limit", 50, 1, 100), call.params.get("cursor", "")
        reasons = set(call.params.getall("reasons", []))
        seen = self._seen_us.get(viewer.did, 0)
        page: list[Notice] = []
        for notice in self._index.notices(viewer.did):
            older = not cursor or _notice_key(notice) < cursor
            if older and (not reasons or notice.reason in reasons) and self._visible(notice, viewer):
                page.append(notice)
                if len(page) == limit:
                    break
        body: Json = {"notifications": [self._notice_view(one, seen) for one in page], "priority": False}
        if len(page) == limit:
            body["cursor"] = _notice_key(page[-1])
        return body | ({"seenAt": iso(seen)} if seen else {})

    def _visible(self, notice: Notice, viewer: Actor) -> bool:
        author = self._world.find(notice.entry.did)
        if author is None or author.status is not Status.ACTIVE or notice.entry.first_us > self._now():
            return False
        return notice.entry.record is not None and not self._index.blocked(viewer.did, author.did)

    def _notice_view(self, notice: Notice, seen_us: int) -> Json:
        entry = notice.entry
        view: Json = {"uri": entry.uri, "cid": entry.cid, "author": self._person(entry.did), "reason": notice.reason}
        if notice.subject is not None:
            view["reasonSubject"] = notice.subject
        view |= {
            "record": entry.record,
            "isRead": notice.at_us // 1000 <= seen_us // 1000,
            "indexedAt": iso(notice.at_us),
        }
        return view | {"labels": []}

    def get_unread_count(self, call: Call) -> Json:
        """How many notifications are newer than the last updateSeen."""
        viewer = self._sessions.whose(call.bearer)
        seen = self._seen_us.get(viewer.did, 0)
        notices = self._index.notices(viewer.did)
        return {"count": sum(one.at_us // 1000 > seen // 1000 and self._visible(one, viewer) for one in notices)}

    def update_seen(self, call: Call) -> None:
        """Everything up to this time was seen."""
        viewer = self._sessions.whose(call.bearer)
        at_us = parse_datetime(call.field("seenAt"))
        if at_us is None:
            raise bad_request("Input/seenAt must be a valid atproto datetime")
        self._seen_us[viewer.did] = at_us
        self._world.note("seen", {"did": viewer.did, "at": at_us})

    # Posts

    def get_posts(self, call: Call) -> Json:
        """Up to 25 posts; what is gone is missing from the answer."""
        uris = call.params.getall("uris", [])
        if not uris:
            raise bad_request('Params must have the property "uris"')
        if len(uris) > MAX_URIS:
            raise bad_request(f"Params/uris must not have more than {MAX_URIS} elements")
        viewer, now = self._viewer(call), self._now()
        found = [self._index.shown(uri, now) for uri in dict.fromkeys(uris)]
        return {"posts": [self._post(one, viewer) for one in found if one and not self._hidden(one, viewer)]}

    def _hidden(self, entry: Entry, viewer: Actor | None) -> bool:
        return viewer is not None and self._index.blocked(viewer.did, entry.did)

    def get_post_thread(self, call: Call) -> Json:
        """A post with what is above and below it."""
        uri = call.param("uri")
        depth, height = call.number("depth", 6, 0, 1000), call.number("parentHeight", 80, 0, 1000)
        viewer = self._viewer(call)
        entry = self._index.shown(uri, self._now())
        if entry is None:
            raise bad_request(f"Post not found: {uri}", "NotFound")
        thread = self._node(entry, viewer)
        if thread["$type"] == THREAD + "threadViewPost":
            self._add_parents(thread, entry, height, viewer)
            self._add_replies(thread, entry, depth, viewer)
        return {"thread": thread}

    def _node(self, entry: Entry, viewer: Actor | None) -> Json:
        if self._hidden(entry, viewer):
            author = {"did": entry.did, "viewer": {"blockedBy": True}}
            return {"$type": THREAD + "blockedPost", "uri": entry.uri, "blocked": True, "author": author}
        return {"$type": THREAD + "threadViewPost", "post": self._post(entry, viewer)}

    def _add_parents(self, node: Json, entry: Entry, height: int, viewer: Actor | None) -> None:
        seen = {entry.uri}
        for _ in range(height):
            uri = reply_uri(entry.record or {}, "parent")
            if uri is None or uri in seen:
                return
            seen.add(uri)
            above = self._index.shown(uri, self._now())
            if above is None:
                node["parent"] = {"$type": THREAD + "notFoundPost", "uri": uri, "notFound": True}
                return
            node["parent"] = self._node(above, viewer)
            if "blocked" in node["parent"]:
                return
            node, entry = node["parent"], above

    def _add_replies(self, node: Json, entry: Entry, depth: int, viewer: Actor | None) -> None:
        if depth == 0:
            return
        node["replies"] = []
        for uri in islice(self._index.replies[entry.uri], MAX_REPLIES):
            below = self._index.shown(uri, self._now())
            if below is not None:
                child = self._node(below, viewer)
                node["replies"].append(child)
                if "blocked" not in child:
                    self._add_replies(child, below, min(depth - 1, 50), viewer)

    def _post(self, entry: Entry, viewer: Actor | None) -> Json:
        uri, index = entry.uri, self._index
        view: Json = {"uri": uri, "cid": entry.cid, "author": self._person(entry.did), "record": entry.record}
        view |= {"replyCount": len(index.replies[uri]), "repostCount": len(index.reposts[uri])}
        view |= {"likeCount": len(index.likes[uri]), "quoteCount": len(index.quotes[uri])}
        view |= {"indexedAt": iso(entry.sort_us), "labels": []}
        if viewer is not None:
            view["viewer"] = {"threadMuted": False, "embeddingDisabled": False}
            if index.gated(reply_uri(entry.record or {}, "root") or uri, viewer.did):
                view["viewer"]["replyDisabled"] = True
            view["viewer"] |= _own("like", index.likes[uri], viewer)
        return view

    # Search

    def search_posts(self, call: Call) -> Json:
        """Posts that hold all words and quoted phrases of `q`, newest first; the cursor is an offset."""
        viewer = self._viewer(call)
        if viewer is None and self._settings.search_needs_login:
            raise XrpcError(401, "AuthMissing", "Authentication Required")
        terms = _terms(call.param("q"))
        limit = call.number("limit", 25, 1, 100)
        start = call.number("cursor", 0, 0, 10_000)
        found = (
            entry for entry in self._newest() if self._fits(entry, terms, call) and not self._hidden(entry, viewer)
        )
        page = list(islice(found, start, start + limit))
        body: Json = {"posts": [self._post(entry, viewer) for entry in page]}
        return body | ({"cursor": str(start + limit)} if len(page) == limit else {})

    def _newest(self) -> Iterable[Entry]:
        now = self._now()
        posts = sorted(self._world.posts, key=lambda entry: entry.sort_us)[::-1]
        return (entry for entry in posts if self._index.shown(entry.uri, now))

    def _fits(self, entry: Entry, terms: list[str], call: Call) -> bool:
        record, asked = entry.record or {}, call.params
        text = str(record.get("text", "")).casefold()
        since, until = parse_datetime(asked.get("since", "")), parse_datetime(asked.get("until", ""))
        who = self._world.find(asked.get("author", "")), self._world.find(asked.get("mentions", ""))
        return (
            all(re.search(rf"(?<!\w){re.escape(term)}(?!\w)", text) for term in terms)
            and (since is None or entry.sort_us >= since)
            and (until is None or entry.sort_us < until)
            and ("author" not in asked or (who[0] is not None and who[0].did == entry.did))
            and ("mentions" not in asked or (who[1] is not None and who[1].did in mentioned_dids(record)))
            and ("lang" not in asked or asked["lang"] in (record.get("langs") or []))
        )

    # People

    def get_profile(self, call: Call) -> Json:
        """One person in detail."""
        actor = self._world.find(call.param("actor"))
        if actor is None or actor.status is Status.DELETED:
            raise bad_request("Profile not found")
        if actor.status in (Status.TAKENDOWN, Status.SUSPENDED):
            raise bad_request("Account has been suspended", "AccountTakedown")
        if actor.status is Status.DEACTIVATED:
            raise bad_request("Account is deactivated", "AccountDeactivated")
        viewer = self._viewer(call)
        view = self._profile(actor)
        if viewer is not None:
            view["viewer"] = {"muted": False, "blockedBy": actor.did in self._index.blockers(viewer.did)}
            view["viewer"] |= _own("blocking", self._index.blocks(viewer.did, actor.did), viewer)
        return view

    def get_profiles(self, call: Call) -> Json:
        """Up to 25 people; who is gone is missing from the answer."""
        names = call.params.getall("actors", [])
        if not 0 < len(names) <= MAX_URIS:
            raise bad_request(f"Params/actors must have 1 to {MAX_URIS} elements")
        found = [self._world.find(name) for name in dict.fromkeys(names)]
        return {"profiles": [self._profile(one) for one in found if one and one.status is Status.ACTIVE]}

    def _profile(self, actor: Actor) -> Json:
        posts = self._world.entries(actor.did, POST)
        view = self._person(actor.did) | {
            "followersCount": actor.followers + len(self._index.followers[actor.did]),
            "followsCount": actor.followers // 3,
            "postsCount": sum(entry.record is not None for entry in posts),
        }
        if "displayName" in view:
            born = iso(actor.born_us)
            view |= {"description": actor.description, "indexedAt": born, "createdAt": born}
        return view

    def _person(self, did: str) -> Json:
        """A person in brief; name and picture only where there is a profile, as on the real network."""
        actor = self._world.find(did)
        view: Json = {"did": did, "handle": actor.handle if actor is not None else "handle.invalid"}
        profile = self._world.entry(did, PROFILE, "self")
        written = profile.record if profile is not None else None
        name = str(written.get("displayName", "")) if written is not None else actor.name if actor is not None else ""
        if name:
            view |= {"displayName": name, "avatar": f"https://cdn.invalid/avatar/{did}"}
        return view | {"viewer": {}, "labels": []}


def _own(name: str, records: Iterable[str], viewer: Actor) -> Json:
    """The viewer's own record among these, under a name; nothing where there is none."""
    found = next((uri for uri in records if repo_of(uri) == viewer.did), None)
    return {} if found is None else {name: found}


def _notice_key(notice: Notice) -> str:
    return f"{iso(notice.at_us)}::{notice.entry.first_us}"


def _terms(query: str) -> list[str]:
    return [(phrase or word).casefold() for phrase, word in re.findall(r'"([^"]+)"|(\S+)', query)]
