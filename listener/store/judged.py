"""What was judged, read back: the message and the context as they were then, and what was thought of it. Owns `Judged`.

For explaining and for replays: assessing it again at the same time, under the same rulebook, gives the same assessment. What a later
state changed (an author's handle, likes, the thread's root) is read as it was said then. Refuses to judge; a text that was blanked is
not made up again, it is said to be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Assessment, Context, Flag, Tone
from listener.model.kinds import Kind, Via
from listener.model.scales import Priority, ToneLabel
from listener.store.connect import acquired

# `picked` (mention_id, brand_id, version) has at most a page of rows; all else is fetched by key, one row at a time. The LIMITs hold the
# planner to that order. What was heard later than it was judged was not known then; context of a thread never is.
READ = """
SELECT j.mention_id, j.brand_id, b.key AS brand, j.version, j.rulebook, j.methods, coalesce(j.tone_said, j.tone) AS tone, j.tone_neg,
       j.tone_neu, j.tone_pos, j.tone_compound, j.tone_about, j.lang, coalesce(j.need_said, j.need) AS need, j.need_alone, j.priority,
       j.due_at, j.reply_within, j.tags, j.team, j.opens, j.assign, j.snooze_seconds,
       j.closes, j.hide, j.reply, j.alerts, j.because, j.context, j.said, j.at, j.resolve_by,
       m.space, m.external_id, m.source, m.kind, m.parent, m.root, m.quoted, m.url, m.langs, m.media, m.claimed_at, m.network_at,
       m.rating, m.likes, m.reposts, m.replies, m.quotes,
       v.text, v.links, v.tags AS hashtags, v.revision, v.content_id,
       w.space AS author_space, w.external_id AS author, w.handle, w.name, f.flags, h.hearings
FROM picked
JOIN LATERAL (
    SELECT * FROM assessments
    WHERE mention_id = picked.mention_id AND brand_id = picked.brand_id AND version = picked.version LIMIT 1
) AS j ON true
JOIN LATERAL (SELECT * FROM mentions WHERE id = j.mention_id LIMIT 1) AS m ON true
JOIN LATERAL (SELECT * FROM mention_versions WHERE mention_id = j.mention_id AND version = j.version LIMIT 1) AS v ON true
JOIN LATERAL (SELECT * FROM authors WHERE id = m.author_id LIMIT 1) AS w ON true
JOIN LATERAL (SELECT key FROM brands WHERE id = j.brand_id LIMIT 1) AS b ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('rule', rule, 'spans', spans, 'values', values, 'shadow', shadow, 'then', at = j.at)
                     ORDER BY shadow, rule) AS flags
    FROM flags WHERE mention_id = j.mention_id AND brand_id + 0 = j.brand_id AND version = j.version
) AS f ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(DISTINCT jsonb_build_object('via', via, 'topic', topic, 'account', account_id)) AS hearings
    FROM hearings
    WHERE mention_id = j.mention_id AND brand_id = j.brand_id AND heard_at <= j.at AND via <> 'thread' AND (via <> 'own' OR m.ours)
) AS h ON true
ORDER BY j.at, j.mention_id
"""

_ONE = f"""
WITH picked AS MATERIALIZED (
    SELECT a.mention_id, a.brand_id, a.version FROM assessments AS a
    JOIN mentions AS m ON m.id = a.mention_id JOIN brands AS b ON b.id = a.brand_id
    WHERE a.mention_id = $1 AND ($2::text IS NULL OR b.key = $2) AND ($3::int IS NULL OR a.version = $3)
    ORDER BY a.brand_id, a.version DESC LIMIT 1
) {READ}
"""  # noqa: S608 - constants


_SAID = ("handle", "root", "media", "langs", "rating", "likes", "reposts", "replies", "quotes")


@dataclass(frozen=True, slots=True)
class Judged:
    """One message as one brand judged it."""

    mention_id: int
    brand_id: int
    brand: str
    """The brand's key."""
    version: int
    mention: Mention
    """As it was judged; without raw bytes, and without text where that is gone."""
    hearings: tuple[Hearing, ...]
    """How it had reached the brand by then."""
    context: Context
    assessment: Assessment
    """As the methods gave it: what a person says instead is not in it."""
    flags: tuple[Flag, ...]
    """All flags of this version, also those that came when it was heard once more, by another way."""
    rulebook: str
    """The hash of the one that judged."""
    at: datetime
    """When it was judged, which is when this state of it was heard."""
    text_gone: bool
    """Its text was blanked: it cannot be judged again."""


async def judged(
    pool: asyncpg.Pool, mention_id: int, brand: str | None = None, version: int | None = None
) -> Judged | None:
    """The message as a brand judged it last, or in that version. Without a brand, the first that judged it. None: nobody did."""
    async with acquired(pool) as connection:
        row = await connection.fetchrow(_ONE, mention_id, brand, version)
    return None if row is None else of_row(row)


def of_row(row: Mapping[str, Any]) -> Judged:
    """The value of a row that `READ` gave."""
    flags = row["flags"] or []
    return Judged(
        mention_id=row["mention_id"],
        brand_id=row["brand_id"],
        brand=row["brand"],
        version=row["version"],
        mention=_mention(row),
        hearings=tuple(_hearing(row["brand_id"], one) for one in row["hearings"] or ()),
        context=msgspec.convert({"brand": row["brand"], **row["context"]}, Context),
        assessment=_assessment(row, flags),
        flags=tuple(_flag(one) for one in flags),
        rulebook=row["rulebook"],
        at=row["at"],
        text_gone=row["text"] is None,
    )


def _mention(row: Mapping[str, Any]) -> Mention:
    # Left out: the message did not say it. Nothing there: it was judged before that was kept, and is read as it is now.
    said = row["said"] or {name: row[name] for name in _SAID}
    network_at = said.get("network_at", row["network_at"])
    return Mention(
        key=Key(row["space"], row["external_id"]),
        source=row["source"],
        author=Author(row["author_space"], row["author"], said["handle"], row["name"]),
        text=row["text"] or "",
        kind=Kind(row["kind"]),
        raw=b"",
        revision=row["revision"],
        content_id=row["content_id"],
        parent=row["parent"],
        root=said.get("root", row["external_id"]),
        quoted=row["quoted"],
        tags=tuple(row["hashtags"] or ()),
        links=tuple(row["links"] or ()),
        media=said.get("media", 0),
        langs=tuple(said.get("langs", ())),
        url=row["url"],
        claimed_at=row["claimed_at"],
        network_at=msgspec.convert(network_at, datetime | None),
        rating=said.get("rating"),
        likes=said.get("likes"),
        reposts=said.get("reposts"),
        replies=said.get("replies"),
        quotes=said.get("quotes"),
    )


def _hearing(brand_id: int, found: Mapping[str, Any]) -> Hearing:
    return Hearing(brand_id, Via(found["via"]), found["topic"], found["account"])


def _flag(found: Mapping[str, Any]) -> Flag:
    return Flag(found["rule"], tuple(found["spans"]), found["values"], found["shadow"])


def _assessment(row: Mapping[str, Any], flags: list[Mapping[str, Any]]) -> Assessment:
    because = tuple(row["because"])
    order = {reason.get("rule"): place for place, reason in enumerate(because)}
    then = sorted((one for one in flags if one["then"]), key=lambda one: order.get(one["rule"], len(order)))
    neg, neu, pos, compound = (_short(row[f"tone_{name}"]) for name in ("neg", "neu", "pos", "compound"))
    return Assessment(
        tone=Tone(
            ToneLabel(row["tone"]), neg, neu, pos, compound, ToneLabel(row["tone_about"]) if row["tone_about"] else None
        ),
        lang=row["lang"],
        need=_short(row["need"] if row["need_alone"] is None else row["need_alone"]) or 0.0,
        priority=Priority(row["priority"]),
        reply_within=row["reply_within"],
        due_at=row["due_at"],
        tags=tuple(row["tags"]),
        team=row["team"],
        opens=row["opens"],
        flags=tuple(_flag(one) for one in then),
        because=because,
        rulebook=row["rulebook"],
        methods=row["methods"],
        assign=row["assign"],
        snooze=row["snooze_seconds"],
        closes=row["closes"],
        hide=row["hide"],
        reply=row["reply"],
        alerts=tuple(row["alerts"]),
        resolve_by=row["resolve_by"],
        learned=None if row["need_alone"] is None else _short(row["need"]),
    )


def _short(number: float | None) -> float | None:
    """A number that the database keeps as a short float, as it was said."""
    return None if number is None else round(number, 6)
