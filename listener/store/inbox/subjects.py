"""Stored mentions as queries see them. Owns the one statement that reads a subject; refuses to judge and to choose which ones to read.

Only what a query asks for is read: the author, how it was heard, what was thought of it and its conversation are each a look by key.
"""

# ruff: noqa: S608 - statements are put together of constants and of conditions whose values are parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from listener.harmless import storable
from listener.model.kinds import ADDRESSES, Kind
from listener.model.scales import Priority, ToneLabel
from listener.model.work import State
from listener.query.sql import condition
from listener.query.subject import Subject
from listener.query.tree import Field, Node, Text, walk

OWN = 300
"""Messages of one conversation that a view looks at, the newest ones."""

_VIAS = ", ".join(f"'{via.value}'" for via in sorted(ADDRESSES))

# Each with the columns that it gives and how it is reached from `s`, a mention that passed.
_PARTS = {
    "author": (
        "a.handle, a.external_id AS author, a.followers, a.verified",
        "JOIN LATERAL (SELECT * FROM authors WHERE id = s.author_id LIMIT 1) AS a ON true",
    ),
    "heard": (
        "h.topics, h.addressed, h.accounts",
        f"""LEFT JOIN LATERAL (
    SELECT array_agg(topic) FILTER (WHERE topic <> '') AS topics, bool_or(via IN ({_VIAS})) AS addressed,
           array_agg((SELECT handle FROM accounts WHERE id = account_id)) FILTER (WHERE via IN ({_VIAS}) AND account_id <> 0) AS accounts
    FROM hearings WHERE mention_id = s.id AND brand_id = $1
) AS h ON true""",
    ),
    "judged": (
        "j.tone, j.tone_compound, j.need, j.about",
        """LEFT JOIN LATERAL (
    SELECT tone, tone_compound, need, CASE WHEN tone_said IS NULL THEN coalesce(tone_about, tone) ELSE tone END AS about
    FROM assessments WHERE mention_id = s.id AND brand_id = $1 AND version = s.version LIMIT 1
) AS j ON true""",
    ),
    "flagged": (
        "f.rules",
        """LEFT JOIN LATERAL (
    SELECT array_agg(rule) AS rules FROM flags WHERE mention_id = s.id AND brand_id + 0 = $1 AND version = s.version AND NOT shadow
) AS f ON true""",
    ),
    "conversation": (
        "c.tags AS marks, c.state, c.priority, c.team, c.unread, p.login",
        """LEFT JOIN LATERAL (
    SELECT c.* FROM (SELECT conversation_id FROM conversation_mentions WHERE mention_id = s.id LIMIT 20) AS b
    JOIN LATERAL (SELECT * FROM conversations WHERE id = b.conversation_id LIMIT 1) AS c ON c.brand_id = $1
    WHERE c.merged_into IS NULL ORDER BY c.id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (SELECT login FROM people WHERE id = c.assignee_id LIMIT 1) AS p ON true""",
    ),
    # Of whoever asks, `{me}`, on the conversation.
    "labelled": (
        "own.labels",
        """LEFT JOIN LATERAL (
    SELECT array_agg(l.label) AS labels FROM people AS q JOIN labels AS l ON l.person_id = q.id
    WHERE q.login = {me}::text AND l.conversation_id = c.id
) AS own ON true""",
    ),
}
_GIVEN = """JOIN LATERAL (SELECT * FROM conversations WHERE id = s.conversation_id LIMIT 1) AS c ON true
LEFT JOIN LATERAL (SELECT login FROM people WHERE id = c.assignee_id LIMIT 1) AS p ON true"""

_SAID = """s.id, s.at, s.source, s.kind, s.lang, s.media, s.ours, s.url, s.parent, s.root, s.rating, s.likes, s.reposts, s.replies, s.quotes,
    s.text, s.links, s.tags"""
_VERSION = """JOIN LATERAL (
    SELECT text, links, tags, words FROM mention_versions WHERE mention_id = m.id AND version = m.version LIMIT 1
) AS v ON true"""

_NEEDED = {
    "author": "author",
    "followers": "author",
    "reach": "author",
    "verified": "author",
    "is:verified": "author",
    "topic": "heard",
    "account": "heard",
    "is:addressed": "heard",
    "tone": "judged",
    "about": "judged",
    "need": "judged",
    "rule": "flagged",
    "has:flag": "flagged",
    **dict.fromkeys(("tag", "status", "priority", "assignee", "team", "is:unread", "is:assigned"), "conversation"),
    **dict.fromkeys(("is:open", *(f"is:{state.value}" for state in State if state is not State.OURS)), "conversation"),
}


def parts_of(tree: Node) -> list[str]:
    """What a query asks for beside the message itself, in a fixed order."""
    asked: set[str] = set()
    for node in walk(tree):
        if isinstance(node, Field):
            asked.add(node.name)
            asked.update(f"{node.name}:{value.key}" for value in node.values if isinstance(value, Text))
    needed = {part for name, part in _NEEDED.items() if name in asked}
    if "label" in asked:
        needed |= {"conversation", "labelled"}
    return [part for part in _PARTS if part in needed]


class Reading:
    """How the subjects of one query are read for one brand, for one person.

    `$1` is the brand; what picks the messages comes next, the query's own values last.
    """

    def __init__(self, tree: Node, now: datetime, *, brand_id: int, me: str) -> None:
        self.brand_id = brand_id
        self._tree = tree
        self._now = now
        self._me = me
        self._parts = parts_of(tree)

    def of_mentions(self, picked: str, *values: Any) -> tuple[str, list[Any]]:
        """The statement for picked rows of `mentions`, newest first, and its values; `picked` speaks of them from $2 on."""
        wanted = condition(self._tree, self._now, brand_id=self.brand_id, me=self._me, first=2 + len(values))
        me = self._asks([*values, *wanted.parameters])
        columns = ", ".join([_SAID, *(_PARTS[part][0] for part in self._parts)])
        joins = "\n".join(_PARTS[part][1] for part in self._parts).replace("{me}", me)
        sql = f"""WITH s AS MATERIALIZED (
    SELECT m.*, v.text, v.links, v.tags FROM ({picked}) AS m {_VERSION}
    WHERE {wanted.sql} AND (SELECT true FROM hearings WHERE mention_id = m.id AND brand_id = $1 LIMIT 1)
) SELECT {columns} FROM s {joins} ORDER BY s.at DESC, s.id DESC"""
        return sql, [self.brand_id, *values, *wanted.parameters, *self._who()]

    def of_conversations(self, picked: str, *values: Any) -> tuple[str, list[Any]]:
        """The same for every message of picked `conversations`, with their ids as `conversation_id`, in no order."""
        wanted = condition(
            self._tree, self._now, brand_id=self.brand_id, me=self._me, first=2 + len(values), given=True
        )
        me = self._asks([*values, *wanted.parameters])
        given = [(_PARTS[part][0], _GIVEN if part == "conversation" else _PARTS[part][1]) for part in self._parts]
        columns = ", ".join(["s.conversation_id", _SAID, *(columns for columns, _ in given)])
        joins = "\n".join(join for _, join in given).replace("{me}", me)
        sql = f"""WITH s AS MATERIALIZED (
    SELECT m.*, v.text, v.links, v.tags, c.id AS conversation_id FROM ({picked}) AS c
    JOIN LATERAL (
        SELECT mention_id FROM conversation_mentions WHERE conversation_id = c.id ORDER BY mention_id DESC LIMIT {OWN}
    ) AS own ON true
    JOIN LATERAL (SELECT * FROM mentions WHERE id = own.mention_id LIMIT 1) AS m ON true {_VERSION}
    WHERE {wanted.sql} AND $1::int IS NOT NULL
) SELECT {columns} FROM s {joins}"""
        return sql, [self.brand_id, *values, *wanted.parameters, *self._who()]

    def _asks(self, before: Sequence[Any]) -> str:
        """The placeholder of who asks, behind the brand and these values."""
        return f"${2 + len(before)}"

    def _who(self) -> list[str]:
        """Who asks, where the statement speaks of them."""
        return [storable(self._me)] if "labelled" in self._parts else []

    def subject(self, row: Mapping[str, Any]) -> Subject:
        """A row as the matcher sees it."""
        tone, state, verified = row.get("tone"), row.get("state"), row.get("verified")
        return Subject(
            text=row["text"] or "",
            source=row["source"],
            kind=Kind(row["kind"]),
            author_handle=row.get("handle") or "",
            author_id=row.get("author") or "",
            followers=row.get("followers"),
            verified=verified,
            hashtags=tuple(row["tags"] or ()),
            links=tuple(row["links"] or ()),
            media=row["media"],
            url=row["url"],
            parent=row["parent"],
            root=row["root"],
            at=row["at"],
            rating=row["rating"],
            likes=row["likes"],
            reposts=row["reposts"],
            replies=row["replies"],
            quotes=row["quotes"],
            ours=row["ours"],
            addressed=row.get("addressed"),
            accounts=_set(row.get("accounts")),
            lang=row["lang"],
            tone=ToneLabel(tone) if tone else None,
            compound=_short(row.get("tone_compound")),
            about=ToneLabel(row["about"]) if tone else None,
            need=_short(row.get("need")),
            topics=_set(row.get("topics")),
            rules=_set(row.get("rules")),
            tags=None if state is None else frozenset(row["marks"]),
            state=None if state is None else State(state),
            priority=None if state is None else Priority(row["priority"]),
            assignee=None if state is None else row["login"] or "",
            team=row.get("team"),
            unread=row.get("unread"),
            me=self._me,
            labels=_set(row.get("labels")),
        )


def _set(values: Iterable[str] | None) -> frozenset[str]:
    return frozenset(value for value in values or () if value is not None)


def _short(number: float | None) -> float | None:
    """A number that the database keeps as a short float, as it was said."""
    return None if number is None else round(number, 6)
