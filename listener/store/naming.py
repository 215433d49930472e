"""Which mention somebody means: by our number, by its id or address on the network, or by its conversation's number. Reads only."""

from __future__ import annotations

import re

import asyncpg

from listener.store.connect import acquired

MOST = 5
"""Mentions of one name that are told apart at all."""

_BY_ID = "SELECT id FROM mentions WHERE id = $1"

_OF_CONVERSATION = "SELECT last_mention_id FROM conversations WHERE id = $1"

# There are few spaces: the index is leapt through from one to the next.
_BY_EXTERNAL_ID = """
WITH RECURSIVE spaces AS (
    (SELECT space FROM mention_keys ORDER BY space LIMIT 1)
    UNION ALL
    SELECT (SELECT k.space FROM mention_keys AS k WHERE k.space > s.space ORDER BY k.space LIMIT 1)
    FROM spaces AS s WHERE s.space IS NOT NULL
)
SELECT k.mention_id FROM spaces AS s JOIN mention_keys AS k ON k.space = s.space
WHERE k.external_id = ANY($1::text[]) ORDER BY 1 LIMIT $2
"""

_AUTHORS = 'SELECT external_id FROM authors WHERE lower(handle COLLATE "C") = lower($1) ORDER BY 1 LIMIT $2'

_BY_ADDRESS = "SELECT id FROM mentions WHERE url = $1 ORDER BY id LIMIT $2"

_CONVERSATION = re.compile(r"c([0-9]{1,18})")
_PAGE = re.compile(r"https://bsky\.app/profile/([^/?#]+)/post/([^/?#]+)")


async def mentions_named(pool: asyncpg.Pool, name: str) -> list[int]:
    """Numbers of the mentions that a name can mean, at most five: 17, c4 (the last one of conversation 4), at://..., https://..."""
    if "\0" in name:
        return []
    async with acquired(pool) as connection:
        if name.isascii() and name.isdecimal() and len(name) <= 18:
            return [r["id"] for r in await connection.fetch(_BY_ID, int(name))]
        if found := _CONVERSATION.fullmatch(name):
            return [r["last_mention_id"] for r in await connection.fetch(_OF_CONVERSATION, int(found.group(1)))]
        names = [name]
        if page := _PAGE.match(name):
            who, key = page.groups()
            known = [r["external_id"] for r in await connection.fetch(_AUTHORS, who, MOST)]
            dids = [who] if who.startswith("did:") else known
            names += [f"at://{did}/app.bsky.feed.post/{key}" for did in dids]
        if found_ids := [r["mention_id"] for r in await connection.fetch(_BY_EXTERNAL_ID, names, MOST)]:
            return found_ids
        if "://" in name and not name.startswith("at:"):
            return [r["id"] for r in await connection.fetch(_BY_ADDRESS, name, MOST)]
        return []
