"""Held messages as they are now: asked for by the lot, and what is not shown is looked for before it is called gone.

Owns what missing means. The AppView leaves out of its answer what was deleted, but also what it hides, what an author who left took along for a
while, and what it has not seen yet; only the first is a delete. Refuses to say anything of what it is not sure of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from listener.errors import Refused
from listener.model.heard import Author, AuthorChanged, Deleted, Item, Key
from listener.sources.bluesky.convert import POST, SPACE, convert_post_view
from listener.sources.bluesky.reply import mint_tid, read_tid
from listener.sources.bluesky.session import body_of
from listener.webclient.client import Params

Ask = Callable[[str, Params], Awaitable[bytes]]
"""The body of a query; Refused with the network's error name."""

AT_ONCE = 25
"""Posts that the network shows by one call."""
BEHIND = timedelta(minutes=10)
"""How far the AppView may be behind: a state that it shows counts as one of that long ago, so that it undoes nothing that we heard since."""
SETTLED = timedelta(hours=1)
"""A post that is younger and not shown may not have been seen by the AppView yet."""

_LEFT = {
    "AccountDeactivated": "deactivated",
    "AccountSuspended": "suspended",
    "AccountTakedown": "takendown",
    "RepoDeactivated": "deactivated",
    "RepoSuspended": "suspended",
    "RepoTakendown": "takendown",
}
"""Error names to what became of an author: they may come back, so nothing of theirs is called deleted."""


async def recheck(ask: Ask, keys: Sequence[Key], now: datetime) -> tuple[Item, ...]:
    """As `Source.recheck`. Errors of `ask` pass."""
    posts = [key for key in keys if key.space == SPACE and f"/{POST}/" in key.external_id]
    revision = mint_tid(_us(now - BEHIND), 0)
    items: list[Item] = []
    authors: dict[str, str | None] = {}
    for start in range(0, len(posts), AT_ONCE):
        lot = posts[start : start + AT_ONCE]
        views = body_of(await ask("app.bsky.feed.getPosts", [("uris", key.external_id) for key in lot])).get("posts")
        shown: set[str] = set()
        for view in views if isinstance(views, list) else ():
            if isinstance(view, dict) and (item := convert_post_view(view, now, revision)) is not None:
                items.append(item)
                shown.add(str(view.get("uri")))
        for key in lot:
            if key.external_id not in shown and isinstance(views, list):
                items += await _missing(ask, key, now, authors)
    return tuple(dict.fromkeys(items))


async def _missing(ask: Ask, key: Key, now: datetime, authors: dict[str, str | None]) -> list[Item]:
    repo, _, rkey = key.external_id.removeprefix("at://").partition(f"/{POST}/")
    born = read_tid(rkey)
    if born is not None and born > _us(now - SETTLED):
        return []
    params = [("repo", repo), ("collection", POST), ("rkey", rkey)]
    try:
        await ask("com.atproto.repo.getRecord", params)
    except Refused as no:
        gone = (
            no.code in {"RecordNotFound", "RepoNotFound"}
            or "not locate record" in no.what
            or "not find repo" in no.what
        )
        if not gone and no.code not in _LEFT:
            raise
    else:
        return []  # it is there, and not shown to us: blocked, labelled, hidden
    if repo not in authors:
        authors[repo] = await _status(ask, repo)
    status = authors[repo]
    if status is None:
        return []
    return [AuthorChanged(Author(SPACE, repo), status)] if status else [Deleted(key)]


async def _status(ask: Ask, did: str) -> str | None:
    """What became of an author: '' for one who is there, or gone for good; None where the network does not say."""
    try:
        await ask("app.bsky.actor.getProfile", [("actor", did)])
    except Refused as no:
        return "" if "not found" in no.what.lower() else _LEFT.get(no.code)
    return ""


def _us(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
