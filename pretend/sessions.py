"""Who is logged in: access and refresh tokens with the lifetimes, single use and error names of the reference PDS.

Tokens are JWTs signed with the network's own secret, which follows from its seed, so they outlive a restart. What was
issued, spent and revoked is kept in the journal. It refuses to know what a token is used for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from pretend.repo import Actor, Status, World
from pretend.settings import Settings
from pretend.wire import Json, XrpcError, bad_request, encode

ACCESS = "com.atproto.access"
APP = "com.atproto.appPass"
REFRESH = "com.atproto.refresh"
SECOND = 1_000_000


class Sessions:
    """Issues and checks tokens."""

    def __init__(self, world: World, settings: Settings, seed: int) -> None:
        self._world = world
        self._settings = settings
        self._secret = hashlib.sha256(b"pretend secret %d" % seed).digest()
        self._live: dict[str, str] = {}  # id of a refresh token -> did
        self._spent: dict[str, tuple[int, str]] = {}  # id -> when it was spent, id of its successor
        self._stale_us: dict[str, int] = {}  # did -> access tokens issued before this are over

    def restore(self) -> None:
        """Take up what the journal says; call after the world was loaded."""
        for row in self._world.lines.pop("session", []):
            self._turn(row)

    def _record(self, row: Json) -> None:
        self._world.note("session", row)
        self._turn(row)

    def _turn(self, row: Json) -> None:
        match row["did"], row["turn"]:
            case did, "issued":
                self._live[row["id"]] = did
            case _, "spent":
                self._spent[row["id"]] = (row["at"], row["next"])
                self._live.pop(row["id"], None)
            case did, "revoked":
                self._live = {key: owner for key, owner in self._live.items() if owner != did}
                self._spent = {}
            case _, "ended":
                self._live.pop(row["id"], None)
            case did, "stale":
                self._stale_us[did] = row["at"]

    def log_in(self, identifier: str, password: str) -> Actor:
        """The actor whose password this is.

        Raises:
            XrpcError: 401 AuthenticationRequired, or AccountTakedown for an account that was taken down.
        """
        actor = self._world.find(identifier)
        known = actor is not None and actor.password and actor.status is not Status.DELETED
        if actor is None or not known or not hmac.compare_digest(actor.password.encode(), password.encode()):
            raise XrpcError(401, "AuthenticationRequired", "Invalid identifier or password")
        if actor.status in (Status.TAKENDOWN, Status.SUSPENDED):
            raise XrpcError(401, "AccountTakedown", "Account has been taken down")
        return actor

    def open(self, actor: Actor) -> tuple[str, str]:
        """A new session: (access token, refresh token)."""
        return self._pair(actor.did, secrets.token_hex(16))

    def _pair(self, did: str, refresh_id: str) -> tuple[str, str]:
        if refresh_id not in self._live:
            self._record({"turn": "issued", "did": did, "id": refresh_id})
        now = self._world.log.tick()
        access = {"scope": APP if self._settings.app_passwords else ACCESS, "sub": did, "iat": now // SECOND, "us": now}
        refresh = {"scope": REFRESH, "sub": did, "iat": now // SECOND, "jti": refresh_id}
        access["exp"] = int(now / SECOND + self._settings.access_seconds)
        access["exp_us"] = now + int(self._settings.access_seconds * SECOND)
        refresh["exp"] = int(now / SECOND + self._settings.refresh_seconds)
        refresh["exp_us"] = now + int(self._settings.refresh_seconds * SECOND)
        return self._sign(access), self._sign(refresh)

    def refresh(self, token: str | None) -> tuple[Actor, str, str]:
        """(actor, new access token, new refresh token); the old refresh token is spent.

        Within the grace time a spent token gives the same successor once more, so that an answer lost on the way
        does not end the session; after it the token is revoked (400 ExpiredToken), as on the reference PDS.
        """
        claims = self._claims(token, REFRESH)
        actor = self._owner(claims, also_deactivated=True)
        old, now = claims["jti"], self._world.log.tick()
        if old in self._live:
            following = secrets.token_hex(16)
            self._record({"turn": "spent", "did": actor.did, "id": old, "at": now, "next": following})
            return (actor, *self._pair(actor.did, following))
        spent_us, following = self._spent.get(old, (0, ""))
        grace = self._settings.refresh_grace_seconds * SECOND
        if following not in self._live or now - spent_us > grace:
            raise bad_request("Token has been revoked", "ExpiredToken")
        return (actor, *self._pair(actor.did, following))

    def end(self, token: str | None) -> None:
        """Log out by refresh token."""
        claims = self._claims(token, REFRESH)
        self._record({"turn": "ended", "did": claims["sub"], "id": claims["jti"]})

    def open_count(self, actor: Actor) -> int:
        """How many sessions of an actor could be refreshed now."""
        return sum(did == actor.did for did in self._live.values())

    def revoke(self, actor: Actor) -> None:
        """End all sessions of an actor: refreshing fails from now on; access tokens live out their time."""
        self._record({"turn": "revoked", "did": actor.did})

    def expire(self, actor: Actor) -> None:
        """Every access token of this actor issued so far has expired now."""
        self._record({"turn": "stale", "did": actor.did, "at": self._world.log.tick()})

    def whose(self, token: str | None, *, also_deactivated: bool = False) -> Actor:
        """The actor of an access token.

        Raises:
            XrpcError: 401 AuthMissing, 400 ExpiredToken or InvalidToken, 401 AccountTakedown or AccountDeactivated.
        """
        return self._owner(self._claims(token, ACCESS), also_deactivated)

    def _owner(self, claims: Json, also_deactivated: bool = False) -> Actor:
        actor = self._world.find(claims["sub"])
        if actor is None or actor.status is Status.DELETED:
            raise bad_request("Account not found", "AccountNotFound")
        if actor.status in (Status.TAKENDOWN, Status.SUSPENDED):
            raise XrpcError(401, "AccountTakedown", "Account has been taken down")
        if actor.status is Status.DEACTIVATED and not also_deactivated:
            raise XrpcError(401, "AccountDeactivated", "Account is deactivated")
        return actor

    def _sign(self, claims: Json) -> str:
        head = _base64(encode({"typ": "at+jwt" if claims["scope"] != REFRESH else "refresh+jwt", "alg": "HS256"}))
        unsigned = f"{head}.{_base64(encode(claims | {'aud': 'did:web:localhost'}))}"
        return f"{unsigned}.{self._signature(unsigned)}"

    def _signature(self, unsigned: str) -> str:
        return _base64(hmac.new(self._secret, unsigned.encode(), hashlib.sha256).digest())

    def _claims(self, token: str | None, scope: str) -> Json:
        if token is None:
            raise XrpcError(401, "AuthMissing", "Authentication Required")
        unsigned, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(unsigned).encode(), signature.encode("utf-8", "replace")):
            raise bad_request("Token could not be verified", "InvalidToken")
        body = unsigned.partition(".")[2]
        claims: Json = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if (claims["scope"] == REFRESH) != (scope == REFRESH):
            raise bad_request("Bad token scope", "InvalidToken")
        stale = claims.get("us", SECOND**3) <= self._stale_us.get(claims["sub"], 0)
        if stale or claims["exp_us"] <= self._world.clock():
            raise bad_request("Token has expired", "ExpiredToken")
        return claims


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
