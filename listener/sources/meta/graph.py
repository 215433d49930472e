"""Calls to the Graph API: tokens kept out of addresses, errors by their code, and the usage that Meta tells as budgets.

Owns what an error's code and sub-code mean for whoever called, never its words, and how long a limit is waited out. A token goes in a
header or a body, never into an address. Refuses to know what is asked for. Sources: Meta's pages on error handling and rate limiting;
sub-codes and some codes are not on them, and only decide between two ways of saying no.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from listener.errors import HubbubError, Refused, SourceStopped, TryAgain, Uncertain
from listener.webclient.client import Answer, Params, WebClient
from listener.webclient.patience import Budget, Retry

LONGEST_LIMIT = 6 * 3600.0
"""Seconds that a rate limit is waited for at most before it is tried again, whatever Meta says."""
UNTOLD_LIMIT = 300.0
"""Seconds that a rate limit is waited for where Meta does not say how long."""
ABUSE = 24 * 3600.0
"""Seconds without a post of ours after Meta took one for abuse."""
SLOW_FROM = 80.0
"""Percent of a limit from which on reading slows down, so that answers still go out."""

_TOKEN = frozenset({102, 190})
_LIMITS = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_PASSING = frozenset({1, 2})
_GONE = frozenset({803})
_ABUSE, _DUPLICATE, _PRIVATE_ONCE, _AWAY = 368, 506, 10900, 551
_WINDOW = frozenset({2018278, 2534022})
"""Sub-codes of 10: a private message outside the time in which it is allowed."""
_TAKEN_OVER = frozenset({2018300, 2534037})
"""Sub-codes of 10: another program has taken the conversation over."""
_NOBODY = frozenset({2018001, 2534014})
"""Sub-codes of 100: whoever a private message goes to is not there, or not for us."""
_PATIENT = Retry(attempts=3)


class Usage:
    """How much of what Meta allows is used up, by its own headers. Reading slows down before the limit, writing stops only at it."""

    def __init__(self) -> None:
        self.reads = Budget(600, 60)
        self.writes = Budget(120, 60)
        self.budgets: Mapping[str, Budget] = {"reading": self.reads, "answers and acts": self.writes}
        self.closed_by = ""
        """Why nothing is written now, where that is Meta's doing, in words."""

    def told(self, headers: Mapping[str, str]) -> None:
        """What an answer's headers say."""
        percent, regain = usage_of(headers)
        if percent >= SLOW_FROM:
            self.reads.close_for(min(LONGEST_LIMIT, regain or (percent - SLOW_FROM) * 15.0))
        if percent >= 100.0:
            self.writes.close_for(min(LONGEST_LIMIT, regain or UNTOLD_LIMIT))

    def limited(self, headers: Mapping[str, str]) -> float:
        """Seconds to wait after an error that said that there is nothing left."""
        seconds = min(LONGEST_LIMIT, usage_of(headers)[1] or UNTOLD_LIMIT)
        self.reads.close_for(seconds)
        self.close_writes(seconds, "the network's limit is reached")
        return seconds

    def close_writes(self, seconds: float, why: str) -> None:
        """Nothing is written for so long."""
        self.writes.close_for(seconds)
        self.closed_by = why

    async def spend(self) -> None:
        """Take what one write costs. TryAgain with Meta's reason where it closed the door."""
        try:
            await self.writes.spend()
        except TryAgain as full:
            if self.closed_by:
                raise TryAgain(self.closed_by, after=full.after, code="closed") from None
            raise
        self.closed_by = ""


def usage_of(headers: Mapping[str, str]) -> tuple[float, float]:
    """(percent of the limit that is used most, seconds until there is something again; 0.0: not said). Never raises."""
    percent = minutes = 0.0
    told = [_loaded(headers.get(name, "").encode()) for name in ("x-app-usage", "x-page-usage")]
    business = _loaded(headers.get("x-business-use-case-usage", "").encode())
    if isinstance(business, dict):
        told += [one for many in business.values() if isinstance(many, list) for one in many]
    for one in told:
        if isinstance(one, dict):
            percent = max(percent, *(_number(one.get(name)) for name in ("call_count", "total_time", "total_cputime")))
            minutes = max(minutes, _number(one.get("estimated_time_to_regain_access")))
    return percent, minutes * 60.0


def _number(value: object) -> float:
    fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if fine else 0.0  # type: ignore[arg-type]


def _loaded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def fault_of(answer: Answer, where: str, usage: Usage, *, write: bool, network: str) -> HubbubError:
    """What an answer that says no means, by code and sub-code."""
    body = _loaded(answer.body)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        if answer.status in {401, 403}:
            return SourceStopped(f"the network answered {answer.status}", where=where, code=f"http_{answer.status}")
        return Refused(f"the network answered {answer.status}", where=where, code=f"http_{answer.status}")
    code, sub = int(_number(error.get("code"))), int(_number(error.get("error_subcode")))
    told = f"graph_{code}" + (f"_{sub}" if sub else "")
    if code in _TOKEN:
        return SourceStopped(
            f"{network} no longer takes this login (error {code}{f', {sub}' if sub else ''})",
            where=where,
            hint=f"sign in again: hubbub connect {network.lower()}",
            code=told,
        )
    if code in _LIMITS:
        after = usage.limited(answer.headers)
        return TryAgain(f"{network}'s limit is reached (error {code})", after=after, where=where, code=told)
    if code == _ABUSE:
        told_why = f"{network} took a post of ours for abuse and lets nothing in: nothing is sent for 24 hours"
        usage.close_writes(ABUSE, told_why)
        return TryAgain(
            told_why,
            after=ABUSE,
            where=where,
            hint="look into the network's own app for what it objects to",
            code=told,
        )
    if code == _DUPLICATE:
        return Uncertain(f"{network} says that this was sent already", where=where, code="duplicate")
    if code in _PASSING:
        kind = Uncertain if write else TryAgain
        return kind(f"{network} could not do it now (error {code})", where=where, code=told)
    if code == _PRIVATE_ONCE:
        return Refused("it was answered in private already: the network takes one", where=where, code="private_once")
    if sub in _WINDOW:
        return Refused("the network's time for a private answer is over", where=where, code="window_closed")
    if sub in _TAKEN_OVER:
        return Refused(
            "another program has taken the conversation over", where=where, hint="it has to hand it back", code="taken_over"
        )  # fmt: skip
    if code == _AWAY or sub in _NOBODY:
        return Refused(
            "the person cannot be written to: they blocked the account, or are gone", where=where, code="unreachable"
        )
    if code in _GONE or (code == 100 and sub == 33):
        return Refused("the network does not have it, or no longer for us", where=where, code="gone")
    if code == 10 or 200 <= code <= 299:
        return SourceStopped(
            f"a permission is missing for this (error {code})",
            where=where,
            hint=f"hubbub connect {network.lower()} tells which are there",
            code="permission",
        )
    return Refused(f"{network} said no (error {code}{f', {sub}' if sub else ''})", where=where, code=told)


class Graph:
    """One Graph API by one app of the operator's."""

    def __init__(
        self, web: WebClient, base: str, version: str, *, network: str, app_secret: str = "", usage: Usage | None = None
    ) -> None:
        self._web = web
        self._base = f"{base.rstrip('/')}/{version.strip('/')}" if version else base.rstrip("/")
        self._network = network
        self._app_secret = app_secret
        self.usage = usage or Usage()

    async def get(self, path: str, token: str, params: Params = (), *, hurry: bool = False) -> dict[str, Any]:
        """An object or an edge. Errors as the table of this module says; Refused (code 'gone') where it is not there.

        `hurry`: an answer or an act of ours waits for it, so it is not slowed down.
        """
        head = {"Authorization": f"Bearer {token}"}
        asked = [*params, *self._proof(token)]
        budget = None if hurry else self.usage.reads
        answer = await self._web.get(self._url(path), params=asked, headers=head, retry=_PATIENT, budget=budget)
        return self._body(answer, path, write=False)

    async def ask(self, path: str, token: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """The same where a parameter is a secret: it goes in the body, which Graph takes for a GET when it is told so."""
        body = urlencode({**fields, "method": "GET", **dict(self._proof(token))}).encode()
        answer = await self._web.post(
            self._url(path), body, write=False, headers=self._form(token), retry=_PATIENT, budget=self.usage.reads
        )
        return self._body(answer, path, write=False)

    async def post(self, path: str, token: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """A write. `Uncertain` where it may have been taken."""
        body = urlencode({**fields, **dict(self._proof(token))}).encode()
        await self.usage.spend()
        answer = await self._web.post(self._url(path), body, write=True, headers=self._form(token))
        return self._body(answer, path, write=True)

    async def delete(self, path: str, token: str, params: Params = ()) -> dict[str, Any]:
        """A removal. `Uncertain` where it may have been taken."""
        await self.usage.spend()
        head = {"Authorization": f"Bearer {token}"}
        answer = await self._web.send(
            "DELETE", self._url(path), write=True, params=[*params, *self._proof(token)], headers=head
        )
        return self._body(answer, path, write=True)

    async def pages(
        self, path: str, token: str, params: Params = (), *, most: int = 50, hurry: bool = False
    ) -> AsyncIterator[tuple[list[dict[str, Any]], bool]]:
        """The pages of an edge, each with whether it is the last that we take although there are more."""
        after = ""
        for number in range(1, most + 1):
            body = await self.get(path, token, [*params, *([("after", after)] if after else [])], hurry=hurry)
            rows = body.get("data")
            paging = body.get("paging")
            cursors = paging.get("cursors") if isinstance(paging, dict) else None
            more = bool(paging.get("next")) if isinstance(paging, dict) else False
            was, after = after, str(cursors.get("after") or "") if isinstance(cursors, dict) else ""
            more = more and bool(after) and after != was
            yield (
                [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else [],
                more and number == most,
            )
            if not more:
                return

    def _url(self, path: str) -> str:
        return f"{self._base}/{quote(path, safe='/_')}"

    def _proof(self, token: str) -> list[tuple[str, str]]:
        """That the call comes from whoever holds the app's secret: a stolen token alone is of no use then."""
        if not self._app_secret:
            return []
        made = hmac.new(self._app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        return [("appsecret_proof", made)]

    def _form(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/x-www-form-urlencoded"}

    def _body(self, answer: Answer, path: str, *, write: bool) -> dict[str, Any]:
        self.usage.told(answer.headers)
        where = f"{self._network} {path}"
        if not 200 <= answer.status < 300:
            raise fault_of(answer, where, self.usage, write=write, network=self._network)
        body = _loaded(answer.body)
        if not isinstance(body, dict):
            kind = Uncertain if write else TryAgain
            raise kind("the network's answer is not understood", where=where, code="not_decoded")
        if "error" in body:  # said with a 200, as some of its parts do
            raise fault_of(answer, where, self.usage, write=write, network=self._network)
        return body
