"""The independent model: what the pretend network's own ledger says was said and received, against what the database holds.

Computed from repositories and plain SQL, never with Hubbub's own readers. Every difference is one line of words; none is forgiven
because a process died.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from pretend.ledger import concerns
from pretend.network import Network
from pretend.wire import LIKE

ADDRESSES = frozenset({"mention", "reply", "root", "quote"})

MESSAGES = """
SELECT m.id, m.external_id, m.state, m.version, m.ours, v.text,
       (SELECT array_agg(w.text ORDER BY w.version) FROM mention_versions AS w WHERE w.mention_id = m.id) AS texts,
       (SELECT count(*) FROM mention_versions AS w WHERE w.mention_id = m.id AND (w.text IS NOT NULL OR w.raw IS NOT NULL)) AS legible,
       (SELECT count(*) FROM hearings AS h WHERE h.mention_id = m.id AND h.via NOT IN ('thread')) AS hearings,
       (SELECT count(*) FROM assessments AS a WHERE a.mention_id = m.id AND a.version = m.version) AS assessed,
       (SELECT count(*) FROM conversation_mentions AS c WHERE c.mention_id = m.id) AS conversations
FROM mentions AS m LEFT JOIN mention_versions AS v ON v.mention_id = m.id AND v.version = m.version
"""

TWICE = "SELECT external_id, count(*) AS n FROM mentions GROUP BY external_id HAVING count(*) > 1"

KEYS = "SELECT (SELECT count(*) FROM mention_keys) AS keys, (SELECT count(*) FROM mentions) AS mentions"

OUTBOX = """
SELECT o.id, o.state, o.external_id, o.problem, r.body,
       ARRAY(SELECT alt FROM attachments AS a WHERE a.reply_id = r.id ORDER BY a.id) AS alts
FROM outbox AS o JOIN replies AS r ON r.id = o.reply_id ORDER BY o.id
"""

ACTS = """
SELECT o.id, o.state, o.problem, m.external_id FROM outbox AS o JOIN network_acts AS n ON n.id = o.network_act_id
JOIN mentions AS m ON m.id = n.mention_id WHERE n.what = 'like' ORDER BY o.id
"""

OPENED = """
SELECT c.id, (SELECT count(*) FROM events AS e WHERE e.conversation_id = c.id AND e.kind = 'conversation.opened') AS told FROM conversations AS c
"""

FOLDERS = "SELECT folder, count(*) AS n FROM conversations WHERE merged_into IS NULL GROUP BY folder"

COUNTERS = """
SELECT key, sum(n.n)::bigint AS n FROM (
    SELECT key, n FROM counters WHERE name = 'folder' UNION ALL SELECT key, n FROM counter_deltas WHERE name = 'folder'
) AS n GROUP BY key HAVING sum(n.n) <> 0
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """How a journey came out."""

    posts: int
    replies: Mapping[str, int]
    acts: int
    differences: tuple[str, ...]
    waiting: tuple[str, ...]
    """What may still come right: not yet stored, not yet sent."""


async def compare(network: Network, pool: asyncpg.Pool, acknowledged: Sequence[str]) -> Compared:
    """Everything of the ledger and every reply, against the database. `acknowledged`: texts of replies that were surely queued."""
    ledger = network.ledger("larkspur")
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        held = {row["external_id"]: row for row in await connection.fetch(MESSAGES)}
        differences = [f"{row['external_id']} is stored {row['n']} times" for row in await connection.fetch(TWICE)]
        keys = await connection.fetchrow(KEYS)
        outbox = await connection.fetch(OUTBOX)
        acts = await connection.fetch(ACTS)
        opened = await connection.fetch(OPENED)
        folders = {row["folder"]: row["n"] for row in await connection.fetch(FOLDERS)}
        counters = {row["key"]: row["n"] for row in await connection.fetch(COUNTERS)}
    waiting: list[str] = []
    for row in ledger:
        problem, late = _message(row, _said(network, row["uri"]), held.get(row["uri"]))
        (waiting if late else differences).extend(problem)
    if keys["keys"] != keys["mentions"]:
        differences.append(f"{keys['keys']} keys for {keys['mentions']} mentions")
    differences += [
        f"conversation {row['id']} was told as opened {row['told']} times" for row in opened if row["told"] != 1
    ]
    if folders != counters:
        differences.append(f"counters say {counters}, the conversations are {folders}")
    found, late_replies = _replies(network, outbox, acknowledged)
    wrong, late_acts = _acts(network, acts)
    states = Counter(row["state"] for row in outbox)
    return Compared(
        len(ledger),
        dict(states),
        len(acts),
        tuple(differences + found + wrong),
        tuple(waiting + late_replies + late_acts),
    )


def _said(network: Network, uri: str) -> tuple[list[str], list[str]]:
    """All texts of a post before the first that concerned us, and from it on; NUL as Postgres can hold it."""
    entry = network.world.at(uri)
    assert entry is not None
    versions = [record for record in entry.history if record is not None]
    first = next(i for i, record in enumerate(versions) if concerns(record, network.account.did, ["larkspur"]))
    texts = [legible(record["text"]) for record in versions]
    return texts[:first], texts[first:]


def legible(text: str) -> str:
    """NUL is the one character that Postgres refuses; it is shown as its picture."""
    return text.replace("\0", "␀")


def _message(row: Mapping[str, Any], texts: tuple[list[str], list[str]], held: Any) -> tuple[list[str], bool]:
    """What is wrong with one post, and whether waiting may still mend it."""
    uri, gone = row["uri"], row["deleted"] or row["author_status"] == "deleted"
    if held is None:
        return [f"missing: {uri} ({', '.join(row['because'])}{', deleted' if gone else ''})"], True
    if gone != (held["state"] == "deleted"):
        return [f"{uri} is {'deleted' if gone else 'there'} on the network, {held['state']} here"], True
    if gone:
        return (
            [f"{uri} is deleted, but {held['legible']} versions can still be read"] if held["legible"] else []
        ), False
    if held["text"] != legible(row["text"]):
        return [f"{uri} says {row['text']!r} on the network, {held['text']!r} here"], True
    # Notifications show the newest text only, and may be quicker than the stream: an order of versions is not promised, a loss is none.
    before, said = texts
    # (What it said before it concerned us may be held as the context of somebody else's thread.)
    if not set(said) <= set(held["texts"]) <= {*before, *said}:
        return [f"{uri} had the texts {said} on the network, {held['texts']} here"], True
    if not held["hearings"] or not held["assessed"]:
        return [f"{uri} has {held['hearings']} hearings and {held['assessed']} assessments"], False
    if ADDRESSES & set(row["because_now"]) and held["conversations"] != 1:
        return [f"{uri} addresses us and is in {held['conversations']} conversations"], False
    return [], False


def _replies(network: Network, outbox: Sequence[Any], acknowledged: Sequence[str]) -> tuple[list[str], list[str]]:
    """Every reply once or marked unknown; nothing on the network that nobody wrote."""
    problems: list[str] = []
    waiting: list[str] = []
    sent = [entry for entry in network.records() if entry["record"] is not None]
    on_network = Counter(entry["record"]["text"] for entry in sent)
    commits = {entry["record"]["text"]: entry["commits"] for entry in sent}
    wanted = Counter(row["body"] for row in outbox)
    for text, n in on_network.items():
        if n > 1:
            problems.append(f"said {n} times: {text!r}")
        if commits[text] > 1:
            problems.append(f"written {commits[text]} times under one key: {text!r}")
        if text not in wanted:
            problems.append(f"on the network, but nobody wrote it: {text!r}")
    carried = {row["body"]: row["alts"] for row in outbox}
    for entry in sent:
        text, images = entry["record"]["text"], entry["record"].get("embed", {}).get("images", [])
        if text in carried and [one["alt"] for one in images] != carried[text]:
            problems.append(f"{text!r} went out with {images}, it carries {carried[text]}")
    for text in acknowledged:
        if text not in wanted:
            problems.append(f"queued, acknowledged, and gone: {text!r}")
    for row in outbox:
        there = on_network[row["body"]]
        state = row["state"]
        if state in ("queued", "sending", "accepted"):
            waiting.append(f"reply {row['id']} is {state} ({there} on the network): {row['problem']}")
        elif state == "seen" and there != 1:
            problems.append(f"reply {row['id']} is seen, but {there} times on the network: {row['body']!r}")
        elif state in ("failed", "stopped", "withdrawn") and there:
            problems.append(f"reply {row['id']} is {state} ({row['problem']}), but on the network")
        elif state == "unknown":
            waiting.append(f"reply {row['id']} is unknown ({there} on the network): {row['problem']}")
    return problems, waiting


def _acts(network: Network, acts: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Every like once or marked unknown; none on the network that nobody asked for."""
    problems: list[str] = []
    waiting: list[str] = []
    likes = [entry for entry in network.records(collection=LIKE) if entry["record"] is not None]
    given = Counter(entry["record"]["subject"]["uri"] for entry in likes)
    problems += [f"a like was written {one['commits']} times under one key" for one in likes if one["commits"] > 1]
    problems += [
        f"liked, but nobody asked for it: {uri}" for uri in given.keys() - {row["external_id"] for row in acts}
    ]
    for row in acts:
        there, state = given[row["external_id"]], row["state"]
        if state in ("queued", "sending", "unknown"):
            waiting.append(f"act {row['id']} is {state} ({there} on the network): {row['problem']}")
        elif there != (1 if state == "accepted" else 0):
            problems.append(f"act {row['id']} is {state} ({row['problem']}), and {there} times on the network")
    return problems, waiting
