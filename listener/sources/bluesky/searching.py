"""What was said of a topic before we listened, by the network's own search (app.bsky.feed.searchPosts). Owns the windows and the pages.

Backwards in time, window by window, so that a search that was cut goes on where it was; within a window each search page by page, the newest
first. The search is the AppView's: what it hides or has lost is not found. It asks for an account of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.errors import TryAgain
from listener.model.heard import Batch, Gap, Item, Mention, Reject
from listener.sources.base import Wanted
from listener.sources.bluesky.convert import convert_post_view, sane_time
from listener.sources.bluesky.session import body_of
from listener.webclient.client import Params

Ask = Callable[[str, Params], Awaitable[bytes]]
"""The body of a query; Refused with the network's error name."""

METHOD = "app.bsky.feed.searchPosts"
PAGE = 100
DEEPEST = 50
"""Pages by one cursor; further back it is asked anew, for what is older than the oldest that was shown."""
WINDOW = timedelta(days=7)
TICK = timedelta(milliseconds=1)


async def search(
    ask: Ask, searches: Sequence[str], start: datetime, end: datetime, wanted: Wanted, clock: Callable[[], datetime]
) -> AsyncIterator[Batch]:
    """As `Source.search`. Errors of `ask` pass; TryAgain for an answer that is none."""
    until = end
    while until > start:
        since = max(start, until - WINDOW)
        rest = (Gap(start, since, "not read yet"),) if since > start else ()
        for number, one in enumerate(searches):
            last = number == len(searches) - 1
            async for items, heard in _found(ask, one, since, until, wanted, clock):
                yield Batch(items, None, clock(), gaps=(Gap(start, until, "not read yet"),), heard=heard, history=True)
            if last:
                yield Batch((), None, clock(), gaps=rest, history=True)
        until = since


async def _found(
    ask: Ask, words: str, since: datetime, until: datetime, wanted: Wanted, clock: Callable[[], datetime]
) -> AsyncIterator[tuple[tuple[Item, ...], int]]:
    """Pages of one search in one window."""
    while True:
        cursor, oldest = "", until
        for _ in range(DEEPEST):
            views, cursor = _read(await ask(METHOD, _params(words, since, until, cursor)))
            now = clock()
            made = [convert_post_view(view, now) for view in views if isinstance(view, dict)]
            items = tuple(one for one in made if isinstance(one, Reject) or (isinstance(one, Mention) and wanted(one)))
            yield items, len(views)
            times = [at for view in views if (at := _said_at(view)) is not None and since <= at < oldest]
            oldest = min(times, default=oldest)
            if not views or not cursor:
                return
        if oldest + TICK >= until:
            return
        until = oldest + TICK  # another of the same moment may not have been shown yet


def _params(words: str, since: datetime, until: datetime, cursor: str) -> Params:
    asked = [("q", words), ("sort", "latest"), ("limit", str(PAGE)), ("since", _iso(since)), ("until", _iso(until))]
    return [*asked, ("cursor", cursor)] if cursor else asked


def _read(body: bytes) -> tuple[list[Any], str]:
    told = body_of(body)
    posts, cursor = told.get("posts"), told.get("cursor")
    if not isinstance(posts, list):
        raise TryAgain("the search's answer has no posts", where=METHOD, code="no_posts")
    return posts[:PAGE], cursor if isinstance(cursor, str) and len(cursor) < 2_000 else ""


def _said_at(view: Any) -> datetime | None:
    """By what the search sorts: the earlier of what its author claims and what the network saw."""
    record = view.get("record") if isinstance(view, dict) else None
    if not isinstance(record, dict):
        return None
    told = [sane_time(one) for one in (view.get("indexedAt"), record.get("createdAt")) if isinstance(one, str)]
    return min((one for one in told if one is not None), default=None)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
