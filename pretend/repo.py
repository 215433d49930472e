"""The world of the pretend network: its actors and their repos, and the commits that change them.

It owns the truth (what exists, how often each record was committed) and writes every change to the log. It refuses to
judge records (`lexicon`), to know who is logged in (`sessions`) or how things look to a viewer (`index`, `appview`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pretend.log import Clock, Journal, Log
from pretend.settings import Settings
from pretend.wire import DID, HANDLE, POST, Json, at_uri, bad_request, cid_of, did_of, encode, iso, parse_datetime, tid


class Status(StrEnum):
    """What the network says of an account."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    TAKENDOWN = "takendown"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(slots=True)
class Actor:
    """Somebody with a repo. Only an actor with a password can log in."""

    did: str
    handle: str
    name: str = ""  # empty: somebody without a profile
    description: str = ""
    followers: int = 0
    born_us: int = 0
    status: Status = Status.ACTIVE
    password: str = ""


@dataclass(slots=True)
class Entry:
    """One record key of a repo through all its commits; `record` is None while it is deleted."""

    did: str
    collection: str
    rkey: str
    record: Json | None = None
    cid: str = ""
    rev: str = ""
    commits: int = 0  # creates, updates and deletes
    versions: int = 0  # creates and updates
    first_us: int = 0  # when the network first saw what is there now; an edit does not change it
    sort_us: int = 0  # what the AppView calls indexedAt: the claimed time or the first one, whichever is earlier
    history: list[Json] = field(default_factory=list)  # every version there ever was, oldest first

    @property
    def uri(self) -> str:
        """The at-URI."""
        return at_uri(self.did, self.collection, self.rkey)


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to an entry; `before` is the record it replaced or deleted."""

    entry: Entry
    operation: str
    before: Json | None


class World:
    """Actors, repos and the log. Everything happens at once and in order: there is one writer."""

    def __init__(self, settings: Settings, clock: Clock, journal: Journal | None = None) -> None:
        self.log = Log(settings, clock, journal)
        self.clock = clock
        self.watchers: list[Callable[[Change], None]] = []
        self.posts: list[Entry] = []  # every post entry in order of its first commit
        self.lines: dict[str, list[Json]] = {}  # journal lines that belong to others, by kind
        self._journal = journal
        self._actors: dict[str, Actor] = {}
        self._handles: dict[str, str] = {}
        self._repos: dict[str, dict[tuple[str, str], Entry]] = {}

    def load(self) -> None:
        """Read the journal. Call once, when all watchers are there and before anything is written."""
        for line in self._journal.lines() if self._journal else ():
            row = json.loads(line)
            kind, value = row["k"], row["v"]
            if kind == "actor":
                self._enter(Actor(**value | {"status": Status(value["status"])}))
            elif kind == "event":
                self.log.restore(value["seq"], value["frame"])
                self._replay(value["frame"])
            else:
                self.lines.setdefault(kind, []).append(value)

    def _replay(self, frame: Json) -> None:
        if frame["kind"] == "commit":
            commit = frame["commit"]
            where = (frame["did"], commit["collection"], commit["rkey"])
            self._apply(*where, commit.get("record"), commit["rev"], frame["time_us"])

    def note(self, kind: str, value: Json) -> None:
        """Keep a line for somebody else in the journal (sessions, the day's progress)."""
        if self._journal is not None:
            self._journal.write(kind, encode(value))

    # Actors

    def find(self, identifier: str) -> Actor | None:
        """The actor with this DID or handle, in any state."""
        return self._actors.get(identifier) or self._actors.get(self._handles.get(identifier.lower(), ""))

    def actor(self, identifier: str) -> Actor:
        """The actor with this DID or handle; an unknown handle is born on the spot.

        Raises:
            XrpcError: 400 for an unknown DID or what is no handle.
        """
        known = self.find(identifier)
        if known is not None:
            return known
        if DID.match(identifier) or not HANDLE.match(identifier):
            raise bad_request(f"no such actor: {identifier}")
        return self.admit(Actor(did_of(identifier.lower()), identifier.lower()))

    def admit(self, actor: Actor) -> Actor:
        """Enter a new actor, or return the one of the same DID that is there already."""
        known = self._actors.get(actor.did)
        if known is not None:
            return known
        actor.born_us = actor.born_us or self.log.tick()
        self._enter(actor)
        self._keep(actor)
        return actor

    def actors(self) -> Iterable[Actor]:
        """Everybody, in order of birth."""
        return self._actors.values()

    def _enter(self, actor: Actor) -> None:
        old = self._actors.get(actor.did)
        if old is not None and self._handles.get(old.handle) == actor.did:
            del self._handles[old.handle]
        self._actors[actor.did] = actor
        self._handles[actor.handle] = actor.did
        self._repos.setdefault(actor.did, {})

    def _keep(self, actor: Actor) -> None:
        self.note("actor", {name: getattr(actor, name) for name in Actor.__slots__})

    def set_password(self, actor: Actor, password: str) -> None:
        """Give the actor another password; sessions that are open stay so."""
        actor.password = password
        self._keep(actor)

    def set_status(self, actor: Actor, status: Status) -> None:
        """Take an account down, delete it or bring it back; the Jetstream gets an account event."""
        actor.status = status
        self._keep(actor)
        now = self.log.tick()
        body: Json = {"active": status is Status.ACTIVE, "did": actor.did, "seq": 0, "time": iso(now)}
        if status is not Status.ACTIVE:
            body["status"] = status.value
        self.log.publish(actor.did, "", {"kind": "account", "account": body})

    def rename(self, actor: Actor, handle: str) -> None:
        """Give the actor another handle; the Jetstream gets an identity event."""
        if not HANDLE.match(handle) or (self.find(handle) or actor) is not actor:
            raise bad_request(f"handle not usable: {handle}")
        self._handles.pop(actor.handle, None)
        actor.handle = handle.lower()
        self._enter(actor)
        self._keep(actor)
        body = {"did": actor.did, "handle": actor.handle, "seq": 0, "time": iso(self.log.tick())}
        self.log.publish(actor.did, "", {"kind": "identity", "identity": body})

    # Records

    def entry(self, did: str, collection: str, rkey: str) -> Entry | None:
        """The entry, also when its record was deleted; None when there never was one."""
        return self._repos.get(did, {}).get((collection, rkey))

    def at(self, uri: str) -> Entry | None:
        """The entry at an at-URI (with a DID or a handle), as `entry`; None for what is no at-URI."""
        parts = uri.removeprefix("at://").split("/")
        actor = self.find(parts[0]) if uri.startswith("at://") and len(parts) == 3 else None
        return None if actor is None else self.entry(actor.did, parts[1], parts[2])

    def entries(self, did: str, collection: str | None = None) -> list[Entry]:
        """All entries of a repo, deleted ones too, in order of their first commit."""
        repo = self._repos.get(did, {}).values()
        return [entry for entry in repo if collection in (None, entry.collection)]

    def new_rkey(self) -> str:
        """A fresh TID."""
        return tid(self.log.tick())

    def write(self, did: str, collection: str, rkey: str, record: Json) -> Entry:
        """Create or replace a record and tell the log; always a commit, also when nothing differs."""
        old = self.entry(did, collection, rkey)
        operation = "update" if old is not None and old.record is not None else "create"
        now = self.log.tick()
        entry = self._apply(did, collection, rkey, record, tid(now), now)
        commit: Json = {"rev": entry.rev, "operation": operation, "collection": collection, "rkey": rkey}
        commit |= {"record": record, "cid": entry.cid}
        self.log.publish(did, collection, {"kind": "commit", "commit": commit})
        return entry

    def erase(self, did: str, collection: str, rkey: str) -> Entry | None:
        """Delete a record and tell the log; None, and no commit, when there is none."""
        old = self.entry(did, collection, rkey)
        if old is None or old.record is None:
            return None
        now = self.log.tick()
        entry = self._apply(did, collection, rkey, None, tid(now), now)
        commit = {"rev": entry.rev, "operation": "delete", "collection": collection, "rkey": rkey}
        self.log.publish(did, collection, {"kind": "commit", "commit": commit})
        return entry

    def _apply(self, did: str, collection: str, rkey: str, record: Json | None, rev: str, now: int) -> Entry:
        repo = self._repos.setdefault(did, {})
        entry = repo.get((collection, rkey))
        if entry is None:
            entry = repo[collection, rkey] = Entry(did, collection, rkey)
            if collection == POST:
                self.posts.append(entry)
        before = entry.record
        entry.commits += 1
        entry.rev = rev
        entry.record = record
        if record is None:
            operation = "delete"
        else:
            operation = "create" if before is None else "update"
            entry.versions += 1
            entry.cid = cid_of(record)
            if before is None:
                entry.first_us = now
                claimed = parse_datetime(str(record.get("createdAt", "")))
                entry.sort_us = now if claimed is None else min(claimed, now)
            entry.history.append(record)
        change = Change(entry, operation, before)
        for watcher in self.watchers:
            watcher(change)
        return entry
