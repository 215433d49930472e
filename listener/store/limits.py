"""How long a text of each account of ours may be, where its server says so. Owns the table by which the composer counts what the network counts.

Told with what the account's stream brings, in the same transaction, at each new connection; an account without a row has its network's usual
limit, which `lengths` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from listener.lengths import Terms
from listener.model.heard import Limits
from listener.store.columns import columns

_NOTE = """
INSERT INTO account_limits AS l (account_id, characters, per_link)
SELECT a.id, n.characters, n.per_link FROM unnest($2::text[], $3::int[], $4::int[]) AS n(external_id, characters, per_link)
JOIN accounts AS a ON a.source = $1 AND a.external_id = n.external_id
ON CONFLICT (account_id) DO UPDATE SET characters = excluded.characters, per_link = excluded.per_link
WHERE (l.characters, l.per_link) IS DISTINCT FROM (excluded.characters, excluded.per_link)
"""

_OF_REPLY = """
SELECT a.source, l.characters, l.per_link, CASE WHEN m.ours THEN '' ELSE coalesce(w.handle, '') END AS whom,
       coalesce(m.kind = 'dm', false) AS private
FROM accounts AS a LEFT JOIN account_limits AS l ON l.account_id = a.id
LEFT JOIN mentions AS m ON m.id = $2 LEFT JOIN authors AS w ON w.id = m.author_id
WHERE a.id = $1
"""


async def note(connection: asyncpg.Connection, source_key: str, limits: Sequence[Limits]) -> None:
    """What a stream of that source told; accounts that are not ours are left out."""
    if limits:
        rows = sorted({one.external_id: (one.external_id, one.characters, one.per_link) for one in limits}.values())
        await connection.execute(_NOTE, source_key.partition("/")[0], *columns(rows))


async def of_reply(connection: asyncpg.Connection, account_id: int, parent_id: int) -> tuple[str, Terms]:
    """The network on which an account answers a message, and the terms on which it does."""
    row = await connection.fetchrow(_OF_REPLY, account_id, parent_id)
    if row is None:
        return "", Terms()
    return row["source"], replace(terms(row["characters"], row["per_link"], row["whom"]), private=row["private"])


def terms(characters: int | None, per_link: int | None, whom: str = "") -> Terms:
    """Terms out of a row; what is not known is as usual."""
    usual = Terms()
    return Terms(characters or usual.characters, usual.per_link if per_link is None else per_link, whom)
