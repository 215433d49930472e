"""One reading of a feed's address: conditional, through at most five redirects, never into a private network.

Owns what an address is trusted with: a feed may be read by plain http, and may send us on, but not from https to http. Refuses to parse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

from listener.errors import FixMe, Refused
from listener.sources.feeds.document import MAX_BODY
from listener.webclient.addresses import Trust
from listener.webclient.client import Answer, WebClient

MOST_REDIRECTS = 5
TIMEOUT = 20.0
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    "application/json;q=0.8, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave us to ask again with, word for word."""

    etag: str = ""
    modified: str = ""
    given_by: str = ""
    """The address that gave them; they are shown to no other."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, and where it came from."""

    answer: Answer
    url: str
    moved: str
    """Where every redirect on the way says that the feed is for good; '' : where it was asked."""
    asked_with: bool
    """A validator was shown, so that 304 means something."""

    @property
    def validators(self) -> Validators:
        """Those to ask with next time; none of an answer that broke off, whose rest is still to come."""
        if not self.answer.whole:
            return Validators()
        return Validators(_short(self.answer.headers, "etag"), _short(self.answer.headers, "last-modified"), self.url)


def _short(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    return value if len(value) <= 1024 and value.isprintable() else ""


async def fetch(
    web: WebClient, url: str, validators: Validators, trust: Trust, *, agent: str = "", timeout: float = TIMEOUT
) -> Fetched:
    """The answer at the end of the redirects. TryAgain for a passing fault; Refused for an address that we do not call."""
    at, moved, for_good = url, "", True
    for _ in range(MOST_REDIRECTS + 1):
        head = {"Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"}
        if agent:
            head["User-Agent"] = agent
        ours = validators.given_by == at
        if ours and validators.etag:
            head["If-None-Match"] = validators.etag
        if ours and validators.modified:
            head["If-Modified-Since"] = validators.modified
        try:
            answer = await web.get(at, headers=head, timeout=timeout, max_body=MAX_BODY, trust=trust, partly=True)
        except FixMe as err:
            raise Refused(
                err.what, where=err.where, hint="a feed's address is a public one", code="bad_address"
            ) from None
        if answer.status not in {301, 302, 303, 307, 308} or "location" not in answer.headers:
            return Fetched(answer, at, moved, ours and bool(validators.etag or validators.modified))
        following = _next(at, answer.headers["location"])
        for_good = for_good and answer.status in {301, 308}
        at = following
        moved = at if for_good else moved
    raise Refused(f"more than {MOST_REDIRECTS} redirects", where=urlsplit(url).hostname or "", code="redirects")


def _next(at: str, location: str) -> str:
    try:
        following = urldefrag(urljoin(at, location.strip())).url
        scheme = urlsplit(following).scheme
    except ValueError:
        following = scheme = ""
    host = urlsplit(at).hostname or ""
    if scheme not in {"http", "https"} or len(following) > 2048:
        raise Refused("it redirects to what is no address", where=host, code="redirects")
    if scheme == "http" and at.startswith("https:"):
        raise Refused("it redirects from https to http", where=host, code="downgrade")
    return following
