"""Answers of ours to messages like one that waits for an answer. Owns what *like* means: rare words in common; refuses to walk through history.

It goes down three steps, each one look into the index of words with a limit of its own: messages that share three of the telling words, two,
one. Of those that were found it takes the answered ones. So in a brand of many millions some are missed, and none costs more than another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log2
from typing import Any

import asyncpg

from listener.query.frequency import usual
from listener.query.words import index_words, unspaced
from listener.store.connect import acquired
from listener.store.inbox.lookup import in_time
from listener.store.views.answers import Answered

TELLING, RARE = 6.0, 10.0
"""Bits of a word that says something about a text, and of one that says enough alone."""

WORDS = 6
"""Words of a message that are looked up, the rarest."""

LOOKED_AT = 2_000
"""Messages of one step at most."""

MOST = 8
SECONDS = 1.5
TEXT = 3_000
"""Code points of a text that are handed over."""

# Who we are, as authors, and what we are called: that says nothing about a message to us.
_OURS = """
SELECT w.id, a.handle AS called FROM accounts AS a
LEFT JOIN authors AS w ON w.space = a.space AND w.external_id = a.external_id WHERE a.brand_id = $1
UNION ALL SELECT NULL, name FROM brands WHERE id = $1
"""

# Who answers in the network's own app answers too: our posts below the message. What was deleted is no answer any more.
_FOUND = """
SELECT m.id, m.lang, m.at, a.reply_id, a.post_id, a.answered_at,
       ARRAY(SELECT word FROM unnest($3::text[]) AS word WHERE word = ANY (tsvector_to_array(v.words))) AS shared
FROM (SELECT mention_id, version, words FROM mention_versions WHERE words @@ $2::text::tsquery LIMIT $5) AS v
JOIN LATERAL (
    SELECT * FROM mentions WHERE id = v.mention_id AND version = v.version AND state = 'live' AND NOT ours LIMIT 1
) AS m ON true
JOIN LATERAL (
    SELECT * FROM (
        (SELECT r.id AS reply_id, NULL::bigint AS post_id, r.at AS answered_at FROM replies AS r
         JOIN outbox AS o ON o.reply_id = r.id AND o.state IN ('accepted', 'seen')
         WHERE r.parent_id = m.id AND r.brand_id = $1
           AND NOT EXISTS (SELECT FROM mentions AS d WHERE d.id = r.mention_id AND d.state = 'deleted')
         ORDER BY r.id DESC LIMIT 1)
        UNION ALL
        (SELECT NULL, p.id, p.at FROM mentions AS p
         WHERE p.space = m.space AND p.parent = m.external_id AND p.state = 'live' AND p.author_id = ANY ($4::bigint[])
         ORDER BY p.id DESC LIMIT 1)
    ) AS either LIMIT 1
) AS a ON true
WHERE NOT EXISTS (SELECT FROM conversation_mentions AS j WHERE j.conversation_id = $6 AND j.mention_id = m.id)
"""

_WHOLE = """
SELECT f.number, m.id AS mention_id, left(v.text, $3) AS question, q.handle AS author_handle, q.name AS author_name, m.lang,
       coalesce(m.kind = 'dm' OR p.kind = 'dm' OR r.visibility = 'private', false) AS private,
       left(coalesce(r.body, pv.text), $3) AS answer, coalesce(r.at, p.at) AS at,
       coalesce(w.name, '') AS person, coalesce(c.state = 'done', false) AS closed, left(n.text, 300) AS after
FROM unnest($2::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS f(mention_id, reply_id, post_id, number)
JOIN LATERAL (SELECT * FROM mentions WHERE id = f.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1) AS v ON true
JOIN LATERAL (SELECT handle, name FROM authors WHERE id = m.author_id LIMIT 1) AS q ON true
LEFT JOIN LATERAL (SELECT body, at, person_id, visibility FROM replies WHERE id = f.reply_id LIMIT 1) AS r ON true
LEFT JOIN people AS w ON w.id = r.person_id
LEFT JOIN LATERAL (SELECT id, version, at, kind FROM mentions WHERE id = f.post_id LIMIT 1) AS p ON true
LEFT JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = p.id AND version = p.version LIMIT 1) AS pv ON true
LEFT JOIN LATERAL (
    SELECT s.id, s.state FROM conversation_mentions AS j
    JOIN LATERAL (SELECT coalesce(merged_into, id) AS id FROM conversations WHERE id = j.conversation_id AND brand_id = $1 LIMIT 1) AS t ON true
    JOIN LATERAL (SELECT id, state FROM conversations WHERE id = t.id LIMIT 1) AS s ON true
    WHERE j.mention_id = m.id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT nv.text FROM (
        SELECT mention_id FROM conversation_mentions WHERE conversation_id = c.id ORDER BY mention_id LIMIT 300
    ) AS j
    JOIN LATERAL (
        SELECT id, version, at FROM mentions WHERE id = j.mention_id AND author_id = m.author_id AND state = 'live' LIMIT 1
    ) AS nm ON nm.at > coalesce(r.at, p.at)
    JOIN LATERAL (SELECT text FROM mention_versions WHERE mention_id = nm.id AND version = nm.version LIMIT 1) AS nv ON true
    ORDER BY nm.at, nm.id LIMIT 1
) AS n ON true
ORDER BY f.number
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, the most alike first."""

    found: tuple[Answered, ...]
    in_time: bool = True
    """False: time was up before all was looked at that may be."""


async def answered(
    pool: asyncpg.Pool,
    brand_id: int,
    conversation_id: int,
    text: str,
    lang: str,
    *,
    most: int = MOST,
    seconds: float = SECONDS,
) -> Answers:
    """Answers of the brand to messages like this text, none of them in the conversation itself; those in its language first.

    An answer was accepted by the network or seen there, or given in the network's own app, and is not deleted. One that was given often
    comes once. Ends after about `seconds`.
    """
    until = asyncio.get_running_loop().time() + seconds
    rows: dict[int, Mapping[str, Any]] = {}
    complete = True
    async with acquired(pool) as connection:
        known = await connection.fetch(_OURS, brand_id)
        ours = [row["id"] for row in known if row["id"] is not None]
        telling = telling_words(text, but=(row["called"] for row in known))
        for query in steps(telling):
            left = until - asyncio.get_running_loop().time()
            values = [brand_id, query, telling, ours, LOOKED_AT, conversation_id]
            found = await in_time(connection, left, _FOUND, values) if left > 0 else None
            if found is None:
                complete = False
                break
            for row in found:
                rows.setdefault(row["id"], row)
            if len(rows) >= most * 4:
                break
        best = sorted(rows.values(), key=lambda row: _order(row, lang))[: most * 4]
        whole = await connection.fetch(
            _WHOLE, brand_id, *([row[name] for row in best] if name else TEXT for name in ("id", "", "reply_id", "post_id"))
        )  # fmt: skip
    shared = {row["id"]: tuple(row["shared"]) for row in best}
    return Answers(_each_once(whole, shared)[:most], complete)


def telling_words(text: str, but: Iterable[str] = ()) -> list[str]:
    """The words of a message by which others like it are looked up, the rarest first: no handles, nothing that everybody says, nothing
    of what we are called.
    """
    ours = {form.lstrip("#@") for called in but for form in index_words(called.replace(".", " "))}
    forms = [form for form in index_words(text) if _tells(form) and form.lstrip("#") not in ours]
    known = [(-log2(usual(form.lstrip("#$"))), form) for form in forms]
    found: list[str] = []
    for bits, form in sorted(known, key=lambda one: (-one[0], one[1])):
        if bits >= TELLING and len(found) < WORDS:
            found.append(form)
    return found


def _tells(form: str) -> bool:
    return not form.startswith("@") and not form.isdecimal() and not (len(form) == 1 and unspaced(form))


def steps(telling: Sequence[str]) -> Iterable[str]:
    """Queries from the narrowest to the widest: three words in common, two, one that says enough alone."""
    quoted = ["'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in telling]
    for many in (3, 2):
        if len(quoted) >= many:
            yield " | ".join(f"({' & '.join(some)})" for some in combinations(quoted, many))
    alone = [sign for sign, word in zip(quoted, telling, strict=True) if -log2(usual(word.lstrip("#$"))) >= RARE]
    if alone:
        yield " | ".join(alone)


def _order(row: Mapping[str, Any], lang: str) -> tuple[bool, float, float]:
    score = sum(-log2(usual(word.lstrip("#$"))) for word in row["shared"])
    return bool(lang) and row["lang"] != lang, -score, -row["answered_at"].timestamp()


def _each_once(rows: Sequence[Mapping[str, Any]], shared: Mapping[int, Collection[str]]) -> tuple[Answered, ...]:
    """The first of those that answer with the same words, with how many did."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["answer"] and row["question"] is not None:
            found.setdefault(" ".join(row["answer"].split()).casefold(), []).append(row)
    return tuple(
        Answered(
            **{name: value for name, value in same[0].items() if name != "number"},
            shared=tuple(shared[same[0]["mention_id"]]),
            times=len(same),
        )
        for same in found.values()
    )
