"""The account's own server: ``com.atproto.*``, sessions, identity and the repo's records.

It answers as the reference PDS does, error names and oddities included: an existing key makes createRecord fail with a
500, an identical putRecord commits nothing, deleteRecord is idempotent, a reply's parent need not exist.
"""

from __future__ import annotations

from collections.abc import Mapping

from pretend.lexicon import check, images_of
from pretend.repo import Actor, Entry, Status, World
from pretend.sessions import Sessions
from pretend.settings import Settings
from pretend.wire import HANDLE, NSID, RKEY, Json, XrpcError, at_uri, bad_request, blob_cid, cid_of, did_of
from pretend.xrpc import Call, Method


class Pds:
    """The methods, over a world and its sessions."""

    def __init__(self, world: World, sessions: Sessions, settings: Settings) -> None:
        self._world = world
        self._sessions = sessions
        self._settings = settings
        self._blobs: dict[tuple[str, str], Json] = {}
        """(DID, content id) -> what was answered when it was uploaded."""

    def methods(self) -> Mapping[str, Method]:
        """All methods by name."""
        server, repo = "com.atproto.server.", "com.atproto.repo."
        return {
            server + "createAccount": Method("POST", self.create_account),
            server + "deactivateAccount": Method("POST", self.deactivate_account),
            server + "activateAccount": Method("POST", self.activate_account),
            server + "createSession": Method("POST", self.create_session),
            server + "refreshSession": Method("POST", self.refresh_session),
            server + "getSession": Method("GET", self.get_session),
            server + "deleteSession": Method("POST", self.delete_session),
            server + "describeServer": Method("GET", self.describe_server),
            "com.atproto.identity.resolveHandle": Method("GET", self.resolve_handle),
            repo + "uploadBlob": Method("POST", self.upload_blob, raw=True),
            repo + "createRecord": Method("POST", self.create_record),
            repo + "putRecord": Method("POST", self.put_record),
            repo + "deleteRecord": Method("POST", self.delete_record),
            repo + "getRecord": Method("GET", self.get_record),
            repo + "listRecords": Method("GET", self.list_records),
            repo + "describeRepo": Method("GET", self.describe_repo),
            "_health": Method("GET", lambda call: {"version": "pretend"}),
        }

    # Sessions and identity

    def create_account(self, call: Call) -> Json:
        """Sign up; any handle under ``.test`` that nobody has, any password."""
        handle, password = call.field("handle").lower(), call.field("password")
        if not HANDLE.match(handle):
            raise bad_request("Input/handle must be a valid handle")
        if not handle.endswith(".test") or handle.count(".") != 1:
            raise bad_request("Not a supported handle domain", "UnsupportedDomain")
        if self._world.find(handle) is not None:
            raise bad_request(f"Handle already taken: {handle}", "HandleNotAvailable")
        actor = self._world.admit(Actor(did_of(handle), handle, password=password))
        access, refresh = self._sessions.open(actor)
        body: Json = {"handle": handle, "did": actor.did, "didDoc": did_doc(actor, call.base_url)}
        return body | {"accessJwt": access, "refreshJwt": refresh}

    def deactivate_account(self, call: Call) -> None:
        """Leave for now: everything of the account vanishes until it is activated again."""
        self._world.set_status(self._sessions.whose(call.bearer), Status.DEACTIVATED)

    def activate_account(self, call: Call) -> None:
        """Come back."""
        self._world.set_status(self._sessions.whose(call.bearer, also_deactivated=True), Status.ACTIVE)

    def create_session(self, call: Call) -> Json:
        """Log in with an app password."""
        actor = self._sessions.log_in(call.field("identifier"), call.field("password"))
        return self._session(call, actor, self._sessions.open(actor))

    def refresh_session(self, call: Call) -> Json:
        """A new pair of tokens for the refresh token in the Authorization header."""
        actor, access, refresh = self._sessions.refresh(call.bearer)
        return self._session(call, actor, (access, refresh))

    def get_session(self, call: Call) -> Json:
        """Who the access token belongs to."""
        return self._session(call, self._sessions.whose(call.bearer, also_deactivated=True), None)

    def delete_session(self, call: Call) -> None:
        """Log out with the refresh token."""
        self._sessions.end(call.bearer)

    def _session(self, call: Call, actor: Actor, pair: tuple[str, str] | None) -> Json:
        body: Json = {"handle": actor.handle, "did": actor.did, "didDoc": did_doc(actor, call.base_url)}
        body |= {"email": f"{actor.handle}@mail.test", "emailConfirmed": True}
        if pair is not None:
            body |= {"accessJwt": pair[0], "refreshJwt": pair[1]}
        body["active"] = actor.status is Status.ACTIVE
        if actor.status is not Status.ACTIVE:
            body["status"] = actor.status.value
        return body

    def describe_server(self, call: Call) -> Json:
        """What this server is; needs no login."""
        return {
            "did": "did:web:localhost",
            "availableUserDomains": [".test"],
            "inviteCodeRequired": False,
            "links": {},
            "contact": {},
        }

    def resolve_handle(self, call: Call) -> Json:
        """The DID of a handle."""
        actor = self._world.find(call.param("handle"))
        if actor is None or actor.status is Status.DELETED:
            raise bad_request("Unable to resolve handle", "HandleNotFound")
        return {"did": actor.did}

    # Records

    def _writer(self, call: Call) -> Actor:
        actor = self._sessions.whose(call.bearer)
        if self._world.find(call.field("repo")) is not actor:
            raise XrpcError(401, "AuthenticationRequired", "Authentication Required")
        if not NSID.match(call.field("collection")):
            raise bad_request("Input/collection must be a valid nsid")
        return actor

    def _record(self, call: Call) -> Json:
        record = call.body.get("record")
        if not isinstance(record, dict):
            raise bad_request("Input/record must be an object")
        collection = call.field("collection")
        record = {"$type": collection} | record
        if call.body.get("validate", True) is not False:
            check(collection, record, strict_facets=self._settings.strict_facets)
        self._check_blobs(call, record)
        return record

    def upload_blob(self, call: Call) -> Json:
        """Keep bytes until a record names them; the same bytes have the same name."""
        actor = self._sessions.whose(call.bearer)
        if not call.raw:
            raise bad_request("A request body was expected but none was provided")
        blob: Json = {
            "$type": "blob",
            "ref": {"$link": blob_cid(call.raw)},
            "mimeType": call.media_type,
            "size": len(call.raw),
        }
        self._blobs[actor.did, blob["ref"]["$link"]] = blob
        return {"blob": blob}

    def _check_blobs(self, call: Call, record: Json) -> None:
        """What a record names must be there, and be what it is said to be."""
        actor = self._sessions.whose(call.bearer)
        for image in images_of(record):
            blob = image["image"]
            there = self._blobs.get((actor.did, blob["ref"]["$link"]))
            if there is None:
                raise bad_request(f"Could not find blob: {blob['ref']['$link']}", "BlobNotFound")
            if there["mimeType"] != blob["mimeType"]:
                raise bad_request(
                    f"Referenced Mimetype does not match stored blob. Expected: {there['mimeType']}, Got: {blob['mimeType']}",
                    "InvalidMimeType",
                )
            if there["size"] != blob["size"]:
                raise bad_request("Referenced size does not match stored blob.", "InvalidSize")

    def create_record(self, call: Call) -> Json:
        """A new record, under a key of the caller's or a fresh TID."""
        actor, record = self._writer(call), self._record(call)
        rkey = _rkey(call) if "rkey" in call.body else self._world.new_rkey()
        old = self._world.entry(actor.did, call.field("collection"), rkey)
        if old is not None and old.record is not None:
            raise XrpcError(500, "InternalServerError", "Internal Server Error")
        return self._written(call, self._world.write(actor.did, call.field("collection"), rkey, record))

    def put_record(self, call: Call) -> Json:
        """Create or replace; nothing is committed when the record is there just so."""
        actor, record = self._writer(call), self._record(call)
        collection, rkey = call.field("collection"), _rkey(call)
        old = self._world.entry(actor.did, collection, rkey)
        there = old if old is not None and old.record is not None else None
        _check_swap(call, there)
        if there is not None and there.cid == cid_of(record):
            return {"uri": there.uri, "cid": there.cid, "validationStatus": _validation(call)}
        return self._written(call, self._world.write(actor.did, collection, rkey, record))

    def _written(self, call: Call, entry: Entry) -> Json:
        commit = {"cid": cid_of([entry.did, entry.rev]), "rev": entry.rev}
        return {"uri": entry.uri, "cid": entry.cid, "commit": commit, "validationStatus": _validation(call)}

    def delete_record(self, call: Call) -> Json:
        """Delete; also fine when there is nothing."""
        actor = self._writer(call)
        collection, rkey = call.field("collection"), _rkey(call)
        there = self._world.entry(actor.did, collection, rkey)
        _check_swap(call, there if there is not None and there.record is not None else None)
        entry = self._world.erase(actor.did, collection, rkey)
        return {} if entry is None else {"commit": {"cid": cid_of([entry.did, entry.rev]), "rev": entry.rev}}

    def _repo(self, call: Call) -> Actor:
        actor = self._world.find(call.param("repo"))
        if actor is None or actor.status is not Status.ACTIVE:
            raise bad_request(f"Could not find repo: {call.param('repo')}")
        return actor

    def get_record(self, call: Call) -> Json:
        """One record; needs no login."""
        actor, collection, rkey = self._repo(call), call.param("collection"), call.param("rkey")
        entry = self._world.entry(actor.did, collection, rkey)
        wanted = call.params.get("cid")
        if entry is None or entry.record is None or wanted not in (None, entry.cid):
            uri = at_uri(actor.did, collection, rkey)
            raise bad_request(f"Could not locate record: {uri}", "RecordNotFound")
        return {"uri": entry.uri, "cid": entry.cid, "value": entry.record}

    def list_records(self, call: Call) -> Json:
        """The records of a collection, newest key first unless `reverse`."""
        actor, collection = self._repo(call), call.param("collection")
        limit, cursor = call.number("limit", 50, 1, 100), call.params.get("cursor")
        upwards = call.params.get("reverse") == "true"
        there = [entry for entry in self._world.entries(actor.did, collection) if entry.record is not None]
        there.sort(key=lambda entry: entry.rkey, reverse=not upwards)
        if cursor:
            there = [entry for entry in there if (entry.rkey > cursor if upwards else entry.rkey < cursor)]
        page = there[:limit]
        body: Json = {"records": [{"uri": one.uri, "cid": one.cid, "value": one.record} for one in page]}
        if page:
            body["cursor"] = page[-1].rkey
        return body

    def describe_repo(self, call: Call) -> Json:
        """The repo's owner and collections."""
        actor = self._repo(call)
        kinds = sorted({entry.collection for entry in self._world.entries(actor.did) if entry.record is not None})
        body: Json = {"handle": actor.handle, "did": actor.did, "didDoc": did_doc(actor, call.base_url)}
        return body | {"collections": kinds, "handleIsCorrect": True}


def did_doc(actor: Actor, base_url: str) -> Json:
    """The actor's DID document; its one service is this server."""
    return {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": actor.did,
        "alsoKnownAs": [f"at://{actor.handle}"],
        "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": base_url}],
    }


def _rkey(call: Call) -> str:
    rkey = call.field("rkey")
    if not RKEY.match(rkey) or rkey in (".", ".."):
        raise bad_request("Input/rkey must be a valid record key")
    return rkey


def _check_swap(call: Call, there: Entry | None) -> None:
    if "swapRecord" in call.body and call.body["swapRecord"] != (there.cid if there is not None else None):
        raise bad_request(f"Record was at {there.cid if there is not None else None}", "InvalidSwap")


def _validation(call: Call) -> str:
    known = call.field("collection").startswith("app.bsky.") and call.body.get("validate") is not False
    return "valid" if known else "unknown"
