"""Links to acknowledge, at the door: `/alerts/<token>`. GET shows what it is about and a button; only the button's POST acknowledges.

Chats and mail scanners fetch links: what fetches changes nothing. A POST counts when it comes from our own page: it brings the token in its body
too, and no other site's address. Every link that is none looks the same. Refuses scripts, frames, cookies, and to log a token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from listener.incidents.message import opening, ours
from listener.incidents.shape import IncidentState
from listener.query.clock import zone
from listener.service.database import House
from listener.store import page_links
from listener.store.page_links import Link

PATH = "/alerts/"
MOST_BODY = 1024
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")

_STYLE = "body{font:1.1rem/1.5 sans-serif;margin:2rem auto;max-width:34rem;padding:0 1rem}button{font:inherit;padding:.6rem 1.4rem}"
_ALLOWED = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_ALLOWED}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    # With less, a browser says of our own form that it comes from nowhere.
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer: a page."""

    status: int
    page: str


@dataclass(frozen=True, slots=True)
class Links:
    """All links of a house."""

    house: House
    clock: Callable[[], datetime]
    address: str
    """Where the door is reached from outside."""

    async def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: Callable[[int], Awaitable[bytes | None]]
    ) -> Shown:
        """Never raises for what is asked; errors of the database pass. `headers` by names in lower case."""
        token = path.removeprefix(PATH)
        if _TOKEN.fullmatch(token) is None:
            return _none()
        if method in {"GET", "HEAD"}:
            link = await page_links.look(self.house.pool, token, self.clock())
            return _none() if link is None else Shown(200, _asked(link, token, self.clock()))
        if method != "POST":
            return Shown(405, _page("Not so", "<p>Open the link in a browser.</p>"))
        if not self._ours(headers):
            return _refused()
        told = await body(MOST_BODY)
        if told is None or not _brings(told, token):
            return _refused()
        used = await page_links.use(self.house.pool, token, self.clock())
        if used is None:
            return _none()
        link, done = used
        return Shown(200, _done(link)) if done else Shown(409, _asked(link, token, self.clock()))

    def _ours(self, headers: Mapping[str, str]) -> bool:
        """Whether a POST comes from our own page, as far as the browser says."""
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            return False
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        asked = urlsplit(origin)
        return (
            f"{asked.scheme}://{asked.netloc}" == _origin(self.address) or asked.netloc == headers.get("host", "")
        ) and bool(asked.netloc)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _brings(body: bytes, token: str) -> bool:
    try:
        told = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
    except ValueError:
        return False
    given = told.get("token", [])
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), token.encode())


def _asked(link: Link, token: str, now: datetime) -> str:
    lines = [f"<p>{_safe(link.brand)}, {_safe(link.severity)}, since {_when(link, link.since, now)}.</p>"]
    if link.state is IncidentState.OPEN:
        lines.append(f"<p>You are {_safe(link.person)}. When you acknowledge it, nobody else is woken.</p>")
        hidden = f'<input type="hidden" name="token" value="{html.escape(token)}">'
        lines.append(f'<form method="post">{hidden}<button>Acknowledge</button></form>')
    else:
        at = f" at {_when(link, link.acknowledged_at, now)}" if link.acknowledged_at else ""
        lines.append(f"<p>{_safe(link.acknowledged_by or 'Somebody')} has it{at}.</p>")
    lines.append(f"<p>Open it: <code>{opening(link.incident_id)}</code></p>")
    return _page(f"{link.title} (incident {link.incident_id})", "".join(lines))


def _done(link: Link) -> str:
    told = f"<p>Acknowledged by {_safe(link.person)}. Nobody else is woken.</p><p>Open it: <code>{opening(link.incident_id)}</code></p>"
    return _page(f"{link.title} (incident {link.incident_id})", told)


def _none() -> Shown:
    return Shown(404, _page("Nothing here", "<p>This link is none, was used, or its time is over.</p>"))


def _refused() -> Shown:
    return Shown(403, _page("Not so", "<p>Open the link itself, and use the button there.</p>"))


def _page(title: str, inner: str) -> str:
    head = _safe(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{head}</title><style>{_STYLE}</style></head><body><h1>{head}</h1>{inner}</body></html>\n"
    )


def _safe(text: str) -> str:
    return html.escape(ours(text))


def _when(link: Link, moment: datetime, now: datetime) -> str:
    there = moment.astimezone(zone(link.zone))
    return f"{there:%H:%M}" if there.date() == now.astimezone(zone(link.zone)).date() else f"{there:%d %b %H:%M}"
