"""An independent account of what was said: for every post that concerns us, how often and whether it is still there.

For skeptics: it is computed from the repos themselves, never from what was delivered to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pretend.lexicon import mentioned_dids, quoted_uri, reply_uri
from pretend.repo import Entry, Status, World
from pretend.wire import Json, repo_of


def concerns(record: Json, ours: str, words: Iterable[str]) -> set[str]:
    """Why one version of a post concerns us: ``mention``, ``reply``, ``root``, ``quote``, ``word``."""
    found = set()
    if ours in mentioned_dids(record):
        found.add("mention")
    for end, reason in (("parent", "reply"), ("root", "root")):
        if repo_of(reply_uri(record, end)) == ours:
            found.add(reason)
    if repo_of(quoted_uri(record)) == ours:
        found.add("quote")
    text = str(record.get("text", "")).casefold()
    if any(re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text) for word in words):
        found.add("word")
    return found


def rows(world: World, ours: str, words: Iterable[str], *, everything: bool = False) -> list[Json]:
    """One row for each post of somebody else that in any version concerned us, in order of its first commit.

    `because` is over all versions, `because_now` for the one that is there now (empty when deleted).
    """
    words = list(words)
    return [
        row
        for entry in world.posts
        if entry.did != ours
        for row in [_row(world, entry, ours, words)]
        if everything or row["because"]
    ]


def _row(world: World, entry: Entry, ours: str, words: list[str]) -> Json:
    because = set().union(*(concerns(record, ours, words) for record in entry.history))
    author = world.find(entry.did)
    return {
        "uri": entry.uri,
        "versions": entry.versions,
        "commits": entry.commits,
        "deleted": entry.record is None,
        "author_status": author.status.value if author is not None else Status.DELETED.value,
        "because": sorted(because),
        "because_now": sorted(concerns(entry.record, ours, words)) if entry.record is not None else [],
        "cid": entry.cid if entry.record is not None else None,
        "rev": entry.rev,
        "text": entry.record.get("text") if entry.record is not None else None,
    }


def records(world: World, repos: Iterable[str], collection: str | None) -> list[Json]:
    """Every record key of these repos that was ever used, with its number of commits."""
    return [
        {
            "uri": entry.uri,
            "repo": entry.did,
            "collection": entry.collection,
            "rkey": entry.rkey,
            "cid": entry.cid if entry.record is not None else None,
            "rev": entry.rev,
            "commits": entry.commits,
            "versions": entry.versions,
            "deleted": entry.record is None,
            "record": entry.record,
        }
        for did in repos
        for entry in world.entries(did, collection)
    ]
