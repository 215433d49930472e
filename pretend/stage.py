"""What people do on the pretend network: post, answer, edit, delete, like, follow, block, close a thread, vanish.

Every act is an ordinary commit in the actor's own repo. It refuses to log in: on the stage everybody is trusted, which
is how a test or the scripted day plays hundreds of people at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from pretend.lexicon import check, facets_of, post_record, reply_uri
from pretend.repo import Actor, Entry, Status, World
from pretend.wire import BLOCK, FOLLOW, GATE, LIKE, POST, REPOST, Json, bad_request, cid_of, iso


@dataclass(frozen=True, slots=True)
class Ref:
    """A strong reference: where a record is and which version of it."""

    uri: str
    cid: str

    def shown(self) -> Json:
        """As it stands in records and answers."""
        return {"uri": self.uri, "cid": self.cid}


class Stage:
    """Acts of actors, by handle or DID; unknown handles are born at their first act."""

    def __init__(self, world: World) -> None:
        self._world = world

    def post(
        self,
        by: str,
        text: str,
        *,
        reply_to: str | None = None,
        quote: str | None = None,
        langs: tuple[str, ...] = (),
        created_at: str | None = None,
        rkey: str | None = None,
        extra: Json | None = None,
        validate: bool = True,
    ) -> Ref:
        """Publish a post; ``@handle``, links and ``#tags`` in the text become facets.

        `created_at` is what the author claims. `extra` is laid over the record last. With `validate` off the record
        goes out as it is: the stream carries what other servers accepted.

        Raises:
            XrpcError: When the record is not valid.
        """
        actor = self._world.actor(by)
        record = post_record(
            text,
            created_at or iso(self._world.log.tick()),
            resolve=self._resolve,
            langs=langs,
            reply=self._reply(reply_to) if reply_to else None,
            quote=self.ref(quote).shown() if quote else None,
        )
        record |= extra or {}
        if validate:
            check(POST, record)
        return _ref(self._world.write(actor.did, POST, rkey or self._world.new_rkey(), record))

    def edit(self, uri: str, text: str) -> Ref:
        """Replace a post's text, keeping its place in the thread and its claimed time."""
        entry = self._there(uri)
        record = {key: value for key, value in (entry.record or {}).items() if key != "facets"} | {"text": text}
        facets = facets_of(text, self._resolve)
        if facets:
            record["facets"] = facets
        return _ref(self._world.write(entry.did, entry.collection, entry.rkey, record))

    def delete(self, uri: str) -> bool:
        """Delete any record; False when it is not there."""
        entry = self._world.at(uri)
        return entry is not None and self._world.erase(entry.did, entry.collection, entry.rkey) is not None

    def like(self, by: str, uri: str) -> Ref:
        """Like a post."""
        return self._point(by, LIKE, self.ref(uri).shown())

    def repost(self, by: str, uri: str) -> Ref:
        """Repost a post."""
        return self._point(by, REPOST, self.ref(uri).shown())

    def follow(self, by: str, whom: str) -> Ref:
        """Follow somebody."""
        return self._point(by, FOLLOW, self._world.actor(whom).did)

    def block(self, by: str, whom: str) -> Ref:
        """Block somebody: neither sees the other any more."""
        return self._point(by, BLOCK, self._world.actor(whom).did)

    def _point(self, by: str, collection: str, subject: object) -> Ref:
        actor = self._world.actor(by)
        record = {"$type": collection, "subject": subject, "createdAt": iso(self._world.log.tick())}
        return _ref(self._world.write(actor.did, collection, self._world.new_rkey(), record))

    def close_thread(self, uri: str, allow: tuple[str, ...] = ()) -> Ref:
        """Put a threadgate on a post of one's own; `allow` holds rule names, e.g. ``mentionRule``."""
        entry = self._there(uri)
        rules = [{"$type": f"{GATE}#{rule}"} for rule in allow]
        record = {"$type": GATE, "post": entry.uri, "allow": rules, "createdAt": iso(self._world.log.tick())}
        return _ref(self._world.write(entry.did, GATE, entry.rkey, record))

    def status(self, who: str, status: Status | str) -> Actor:
        """Deactivate, take down, delete or bring back an account."""
        actor = self._world.actor(who)
        try:
            self._world.set_status(actor, Status(status))
        except ValueError:
            raise bad_request(f"no such status: {status}; there are {', '.join(Status)}") from None
        return actor

    def rename(self, who: str, handle: str) -> Actor:
        """Give somebody another handle."""
        actor = self._world.actor(who)
        self._world.rename(actor, handle)
        return actor

    def ref(self, uri: str) -> Ref:
        """A strong reference to a record; also to one that is gone or never was."""
        entry = self._world.at(uri)
        return Ref(uri, entry.cid if entry is not None and entry.cid else cid_of(uri))

    def _reply(self, parent: str) -> Json:
        entry = self._world.at(parent)
        above = (entry.record or {}).get("reply") if entry is not None else None
        parent_ref = self.ref(parent).shown()
        rooted = entry is not None and reply_uri(entry.record or {}, "root") is not None
        root = above["root"] if rooted and isinstance(above, dict) else parent_ref
        return {"root": root, "parent": parent_ref}

    def _resolve(self, handle: str) -> str | None:
        actor = self._world.find(handle)
        return actor.did if actor is not None else None

    def _there(self, uri: str) -> Entry:
        entry = self._world.at(uri)
        if entry is None or entry.record is None:
            raise bad_request(f"Could not locate record: {uri}", "RecordNotFound")
        return entry


def _ref(entry: Entry) -> Ref:
    return Ref(entry.uri, entry.cid)
