"""Messages into conversations: which one a message belongs to, which ones it opens, and what it moves.

Owns the identity of a conversation (brand, account or none, thread root as first known, author) and its merging when the real
root turns up. Refuses to decide a move: that is `listener.workflow`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from listener.errors import TryAgain
from listener.model.accounts import Account
from listener.model.heard import Author, Key, Mention
from listener.model.judged import Assessment
from listener.model.kinds import ADDRESSES, Kind, Via
from listener.model.work import Conversation, Origin
from listener.store.columns import columns
from listener.store.conversations import Event, changes, follow, lock, save
from listener.store.copies import keep_sketches
from listener.store.record.hush import Hushed, hushed
from listener.store.record.judge import Assessed
from listener.store.record.keep import Kept
from listener.workflow import clocks, moves, order

_OF_THREADS = """
SELECT c.id, c.brand_id, c.account_id, c.space, c.root, c.author_id
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS n(space, root, author_id)) AS n
JOIN conversations AS c ON c.space = n.space AND c.root = n.root AND c.author_id = n.author_id
WHERE c.merged_into IS NULL
ORDER BY c.id
"""

_OF_MENTIONS = """
SELECT m.mention_id, coalesce(c.merged_into, c.id) AS conversation_id, c.brand_id
FROM conversation_mentions AS m JOIN conversations AS c ON c.id = m.conversation_id
WHERE m.mention_id = ANY($1::bigint[]) ORDER BY 2
"""

_PARENTS = """
SELECT n.id AS child_id, p.id, p.external_id, p.ours, p.space, p.root, p.author_id, p.source, p.at, p.state
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n(id, space, parent)
JOIN mention_keys AS k ON k.space = n.space AND k.external_id = n.parent
JOIN mentions AS p ON p.id = k.mention_id
"""

# A private message of ours that names none answers the newest one of theirs before it in its thread: so the networks' own apps do it.
_TALKED_TO = """
SELECT n.id AS child_id, p.id, p.external_id, p.ours, p.space, p.root, p.author_id, p.source, p.at, p.state
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) AS n(id, space, root, at)
JOIN LATERAL (
    SELECT * FROM mentions AS m WHERE m.space = n.space AND m.root = n.root AND m.at <= n.at AND m.kind = 'dm' AND NOT m.ours
    ORDER BY m.at DESC, m.id DESC LIMIT 1
) AS p ON true
"""

_SAID = """
SELECT n.conversation_id, m.id, m.external_id, m.at, m.author_id, false AS ours
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) AS n(conversation_id, space, root, author_id)
JOIN mentions AS m ON m.space = n.space AND m.root = n.root AND m.author_id = n.author_id
UNION ALL
SELECT n.conversation_id, a.id, a.external_id, a.at, a.author_id, true
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) AS n(conversation_id, space, root, author_id)
JOIN mentions AS m ON m.space = n.space AND m.root = n.root AND m.author_id = n.author_id
JOIN mentions AS a ON a.space = m.space AND a.parent = m.external_id AND a.ours
ORDER BY 4, 2
"""

# Asked of conversations in private alone: a public thread may be very long.
_SAID_IN_PRIVATE = """
SELECT n.conversation_id, a.id, a.external_id, a.at, a.author_id, true AS ours
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) AS n(conversation_id, space, root, author_id)
JOIN mentions AS a ON a.space = n.space AND a.root = n.root AND a.kind = 'dm' AND a.parent IS NULL AND a.ours
"""

_ANSWERS = """
SELECT n.id AS parent_id, m.id, m.external_id, m.author_id, m.at
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n(id, space, external_id)
JOIN mentions AS m ON m.space = n.space AND m.parent = n.external_id AND m.ours AND m.state = 'live'
ORDER BY m.at, m.id
"""

_OPEN = """
INSERT INTO conversations (brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, assignee_id, team,
                           tags, snoozed_until, next_at, unread, sort_key, opened_at, last_at, last_mention_id, changed_at, reply_until,
                           resolve_by)
SELECT brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, assignee_id, team,
       string_to_array(tags, E'\\x1f'), snoozed_until, next_at, unread, sort_key, at, at, mention_id, $1, reply_until, resolve_by
FROM unnest($2::int[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::smallint[], $11::timestamptz[], $12::int[], $13::text[], $14::text[], $15::timestamptz[],
            $16::timestamptz[], $17::boolean[], $18::bigint[], $19::timestamptz[], $20::bigint[],
            $21::timestamptz[], $22::timestamptz[])
     AS n(brand_id, account_id, space, root, author_id, source, origin, state, priority, due_at, assignee_id, team, tags,
          snoozed_until, next_at, unread, sort_key, at, mention_id, reply_until, resolve_by)
ON CONFLICT (brand_id, account_id, space, root, author_id) DO NOTHING
RETURNING id, brand_id, account_id, space, root, author_id
"""

_ADOPT = """
UPDATE conversations SET account_id = $2, origin = CASE WHEN origin = 'rule' THEN 'addressed' ELSE origin END
WHERE id = $1 AND account_id = 0
"""

_JOIN = """
INSERT INTO conversation_mentions (conversation_id, mention_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING
RETURNING conversation_id, mention_id
"""

_LAST = """
UPDATE conversations AS c SET last_mention_id = n.mention_id
FROM unnest($1::bigint[], $2::bigint[]) AS n(id, mention_id) WHERE c.id = n.id
"""

# Messages of others, heard by this brand before our post that they answer was, and without a conversation so far.
_WAITING = """
SELECT n.brand_id, n.account_id, m.id, m.space, m.external_id, m.root, m.author_id, m.source, m.at
FROM unnest($1::int[], $2::int[], $3::text[], $4::text[]) AS n(brand_id, account_id, space, external_id)
JOIN mentions AS m ON m.space = n.space AND m.parent = n.external_id AND NOT m.ours AND m.state = 'live'
WHERE EXISTS (SELECT FROM hearings AS h WHERE h.mention_id = m.id AND h.brand_id = n.brand_id AND h.via <> 'thread')
  AND NOT EXISTS (SELECT FROM conversation_mentions AS j JOIN conversations AS c ON c.id = j.conversation_id
                  WHERE j.mention_id = m.id AND c.brand_id = n.brand_id)
ORDER BY m.at, m.id
"""

# A network's ids count within its space, so the account that said it is asked for too.
_OUTBOX_SEEN = """
UPDATE outbox AS o SET state = 'seen', changed_at = $1, problem = '', code = '', lease_until = NULL
FROM (SELECT x.id, x.state, n.mention_id FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
             AS n(mention_id, external_id, space, author)
      JOIN outbox AS x ON x.external_id = n.external_id AND x.state <> 'seen'
      JOIN accounts AS a ON a.id = x.account_id AND a.space = n.space AND a.external_id = n.author
      ORDER BY x.id FOR UPDATE OF x) AS was
WHERE o.id = was.id
RETURNING o.id, was.mention_id, o.reply_id, o.conversation_id, o.brand_id, was.state AS was,
    (SELECT close_after FROM replies WHERE replies.id = o.reply_id) AS close_after,
    (SELECT person_id FROM replies WHERE replies.id = o.reply_id) AS person_id
"""

# Seen already; `reply_id` where a look on the network was faster than the message itself.
_OUTBOX_KNOWN = """
SELECT n.mention_id, (SELECT r.id FROM replies AS r WHERE r.id = x.reply_id AND r.mention_id IS NULL) AS reply_id
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n(mention_id, external_id, space, author)
JOIN outbox AS x ON x.external_id = n.external_id AND x.state = 'seen'
JOIN accounts AS a ON a.id = x.account_id AND a.space = n.space AND a.external_id = n.author
"""

_RESPONDERS = """
SELECT m.brand_id, p.login, p.id FROM people AS p JOIN memberships AS m ON m.person_id = p.id
WHERE p.login = ANY($1::text[]) AND m.role <> 'viewer'
"""

_REPLY_IS = """
UPDATE replies AS r SET mention_id = n.mention_id
FROM unnest($1::bigint[], $2::bigint[]) AS n(id, mention_id) WHERE r.id = n.id
"""

Place = tuple[int, int, str, str, int]
"""A conversation's key: brand, account or 0, space, root, author id."""
Thread = tuple[str, str, int]
"""What one author says in one thread: space, root, author id."""


@dataclass(slots=True)
class Step:
    """One thing that a message does to one conversation, in order of time."""

    at: datetime
    kept: Kept
    assessment: Assessment | None
    ours: bool
    outbox: Settled | None = None
    """Our post left through the outbox."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What the outbox knows of a post of ours that is now seen on the network."""

    counted: bool
    """It has moved the conversation before, when it was accepted: now it joins, and moves nothing."""
    close: bool = False
    person_id: int = 0


class Desk:
    """The conversations that one batch touches: found, opened, moved, told. One a transaction."""

    def __init__(self, connection: asyncpg.Connection, now: datetime, *, history: bool) -> None:
        self._connection = connection
        self._now = now
        self._history = history
        self._places: dict[Place, int] = {}
        self._threads: dict[Thread, dict[Place, int]] = {}
        """The same by thread."""
        self._of_mention: dict[int, list[tuple[int, int]]] = {}
        self._steps: dict[int, list[Step]] = {}
        self._responders: dict[tuple[int, str], int] = {}
        self.hushed: Hushed = set()
        """What was heard while its author was muted: it joins conversations, and opens and moves none."""
        self.events: list[Event] = []
        self.changed: set[int] = set()
        self.opened: dict[int, int] = {}
        """Conversation id -> the message that opened it."""

    async def take(self, kept: Sequence[Kept], assessed: Assessed, accounts: Mapping[tuple[str, str], Account]) -> None:
        """Put every message where it belongs, opening what must be opened, and move the conversations."""
        # Who passes a message on says nothing that could be answered: it counts, and belongs to no conversation.
        kept = [k for k in kept if k.ours or k.mention.kind is not Kind.REPOST]
        theirs = [k for k in kept if not k.ours and (k.new or k.edited or k.heard_new)]
        ours = [k for k in kept if k.ours and k.new]
        if not theirs and not ours:
            return
        await self._know_responders({a.assign for a in assessed.values()} - {""})
        self.hushed = await hushed(
            self._connection, {k.id: k.author_id for k in theirs}, {k.author_id for k in theirs if not k.new}
        )
        await self._find((k.mention.key.space, k.root, k.author_id) for k in theirs)
        await self._sketch(theirs, assessed)
        await self._open_addressed(theirs, assessed)
        for k in theirs:
            self._place_theirs(k, assessed)
        await self._place_ours(ours, accounts)
        await self._place_answers([k for k in theirs if k.new])
        await self._place_waiting(ours, accounts)
        await self._move()

    async def _know_responders(self, logins: Collection[str]) -> None:
        """The people whom rules ask for, as far as they may answer for the brand."""
        if logins:
            rows = await self._connection.fetch(_RESPONDERS, sorted(logins))
            self._responders = {(r["brand_id"], r["login"]): r["id"] for r in rows}

    async def _sketch(self, theirs: Sequence[Kept], assessed: Assessed) -> None:
        """What near-copies are found by, of messages that are or become somebody's work; before those conversations are written."""
        work = [
            k
            for k in theirs
            if (k.new or k.edited)
            and ((k.mention.key.space, k.root, k.author_id) in self._threads or any(self._opens(k, assessed)))
        ]
        for edited in (False, True):
            texts = [(k.id, k.version, k.mention.text) for k in work if k.edited is edited]
            await keep_sketches(self._connection, texts, self._now, anew=edited)

    # Finding and opening ------------------------------------------------------------------------------------------

    async def _find(self, threads: Iterable[tuple[str, str, int]]) -> None:
        """Learn which conversations there are for (space, root, author id)."""
        rows = sorted(set(threads))
        if rows:
            for r in await self._connection.fetch(_OF_THREADS, *columns(rows)):
                self._put((r["brand_id"], r["account_id"], r["space"], r["root"], r["author_id"]), r["id"])

    def _put(self, place: Place, conversation_id: int) -> None:
        self._places[place] = conversation_id
        self._threads.setdefault(place[2:], {})[place] = conversation_id

    async def _open_addressed(self, kept: Sequence[Kept], assessed: Assessed) -> None:
        wanted: dict[Place, tuple[Kept, Assessment | None, Origin]] = {}
        begun: set[Place] = set()
        for k in sorted(kept, key=lambda k: (k.at, k.id)):
            for place, origin in self._opens(k, assessed):
                await self._adopt(place)
                free = (place[0], 0, *place[2:])
                if place == free and free in begun:
                    continue
                wanted.pop(free, None)
                if place not in self._places and place not in wanted:
                    wanted[place] = (k, assessed.get((k.id, place[0])), origin)
                    begun.add(free)
        await self._open(wanted)

    def _opens(self, k: Kept, assessed: Assessed) -> list[tuple[Place, Origin]]:
        """The conversations that this message calls for: one for each account it addresses, else one when a rule says so."""
        if self._history and not k.heard_new:
            return []
        space = k.mention.key.space
        found: list[tuple[Place, Origin]] = []
        for brand_id in sorted({h.brand_id for h in k.hearings if (k.id, h.brand_id) not in self.hushed}):
            addressed = sorted({h.account_id for h in k.hearings if h.brand_id == brand_id and h.via in ADDRESSES})
            origin = Origin.IMPORT if self._history else Origin.ADDRESSED
            found += [((brand_id, account_id, space, k.root, k.author_id), origin) for account_id in addressed]
            assessment = assessed.get((k.id, brand_id))
            elsewhere = any(p[0] == brand_id for p in self._threads.get((space, k.root, k.author_id), ()))
            if not addressed and not elsewhere and assessment is not None and assessment.opens:
                found.append(
                    ((brand_id, 0, space, k.root, k.author_id), Origin.IMPORT if self._history else Origin.RULE)
                )
        return found

    async def _adopt(self, place: Place) -> None:
        """A conversation that a rule opened belongs to the account that it addresses later, or that answers it: no second one."""
        free = (place[0], 0, *place[2:])
        if place[1] == 0 or place in self._places or free not in self._places:
            return
        conversation_id = self._places.pop(free)
        del self._threads[free[2:]][free]
        try:
            async with self._connection.transaction():
                await self._connection.execute(_ADOPT, conversation_id, place[1])
        except asyncpg.UniqueViolationError:
            raise TryAgain("the account opened a conversation of its own at the same moment", after=0) from None
        self._put(place, conversation_id)
        self.changed.add(conversation_id)
        self.events.append(Event(place[0], "conversation.addressed", conversation_id, after={"account": place[1]}))

    async def _open(self, wanted: Mapping[Place, tuple[Kept, Assessment | None, Origin]]) -> None:
        if not wanted:
            return
        rows = []
        followed: dict[Place, Mapping[str, Any]] = {}
        for place, (k, assessment, origin) in sorted(wanted.items(), key=lambda item: item[0]):
            until = k.mention.reply_until
            opened = moves.opened(assessment, brand_id=place[0], at=k.at, history=self._history, until=until)
            c = self._ruled(None, opened, assessment)
            followed[place] = changes(opened, c)[1]
            rows.append((
                *place, k.mention.source, origin.value, c.state.value, int(c.priority), c.due_at, c.assignee_id, c.team,
                "\x1f".join(c.tags), c.snoozed_until, clocks.next_at(c), c.unread, order.sort_key(c), k.at, k.id,
                c.reply_until, c.resolve_by,
            ))  # fmt: skip
        created = await self._connection.fetch(_OPEN, self._now, *columns(rows))
        if len(created) != len(wanted):
            # Somebody opened one of them since we looked: the whole batch is done again, and finds it.
            raise TryAgain("a conversation was opened by another writer at the same moment", after=0)
        for r in created:
            place = (r["brand_id"], r["account_id"], r["space"], r["root"], r["author_id"])
            self._put(place, r["id"])
            self.opened[r["id"]] = wanted[place][0].id
            self.events.append(
                Event(
                    r["brand_id"],
                    "conversation.opened",
                    r["id"],
                    wanted[place][0].id,
                    after={"origin": wanted[place][2], **followed[place]},
                )
            )
        talks = {self._places[place] for place, (k, _, _) in wanted.items() if k.mention.kind is Kind.DM}
        await self._gather({self._places[place]: place for place in wanted}, talks)

    async def _gather(self, opened: Mapping[int, Place], talks: Collection[int]) -> None:
        """What this author said in this thread before it became a conversation belongs to it, and so do our answers."""
        rows = [(c, place[2], place[3], place[4]) for c, place in opened.items()]
        said = await self._connection.fetch(_SAID, *columns(rows))
        if in_private := [row for row in rows if row[0] in talks]:
            said += await self._connection.fetch(_SAID_IN_PRIVATE, *columns(in_private))
            said.sort(key=lambda r: (r["at"], r["id"]))
        self.hushed |= await hushed(self._connection, {r["id"]: r["author_id"] for r in said if not r["ours"]})
        for r in said:
            self._remember(r["conversation_id"], opened[r["conversation_id"]], r, ours=r["ours"])

    def _remember(self, conversation_id: int, place: Place, r: asyncpg.Record, *, ours: bool) -> None:
        if any(s.kept.id == r["id"] for s in self._steps.get(conversation_id, [])):
            return
        author = Author(place[2], "")
        mention = Mention(Key(place[2], r["external_id"]), "", author, "", Kind.POST, b"")
        known = Kept(
            id=r["id"], mention=mention, hearings=(), author_id=r["author_id"], root=place[3], at=r["at"],
            version=1, ours=ours,
        )  # fmt: skip
        self._step(conversation_id, Step(r["at"], known, None, ours=ours))
        self._of_mention.setdefault(r["id"], []).append((conversation_id, place[0]))

    # Placing ------------------------------------------------------------------------------------------------------

    def _place_theirs(self, k: Kept, assessed: Assessed) -> None:
        """Their message goes to every conversation of theirs in this thread; mere repetition moves nothing."""
        brands = {h.brand_id for h in k.hearings}
        for place, conversation_id in self._threads.get((k.mention.key.space, k.root, k.author_id), {}).items():
            if place[0] in brands:
                self._replace(conversation_id, Step(k.at, k, assessed.get((k.id, place[0])), ours=False))
                self._of_mention.setdefault(k.id, []).append((conversation_id, place[0]))

    async def _place_ours(self, ours: Sequence[Kept], accounts: Mapping[tuple[str, str], Account]) -> None:
        """Our post joins the conversations of the message that it answers; an answer given elsewhere opens one if need be."""
        if not ours:
            return
        by_id = {k.id: k for k in ours}
        seen = await self._settle(ours)
        rows = [(k.id, k.mention.key.space, k.mention.parent) for k in ours if k.mention.parent]
        parents = {}
        if rows:
            parents = {r["child_id"]: r for r in await self._connection.fetch(_PARENTS, *columns(rows))}
        if talks := [
            (k.id, k.mention.key.space, k.root, k.at)
            for k in ours
            if k.mention.kind is Kind.DM and not k.mention.parent
        ]:
            found = await self._connection.fetch(_TALKED_TO, *columns(talks))
            parents |= {r["child_id"]: r for r in found}
        await self._recall([r["id"] for r in parents.values()])
        await self._find((r["space"], r["root"], r["author_id"]) for r in parents.values() if not r["ours"])
        for k in sorted(ours, key=lambda k: (k.at, k.id)):
            parent = parents.get(k.id)
            if parent is None:
                continue
            account = accounts[(k.mention.author.space, k.mention.author.external_id)]
            joined = [c for c, brand in self._of_mention.get(parent["id"], []) if brand == account.brand_id]
            if not parent["ours"]:
                await self._adopt((account.brand_id, account.id, parent["space"], parent["root"], parent["author_id"]))
            if not joined and not parent["ours"] and k.id not in seen:
                joined = [await self._answered_elsewhere(by_id[k.id], parent, account)]
            for conversation_id in joined:
                self._replace(conversation_id, Step(k.at, k, None, ours=True, outbox=seen.get(k.id)))
                self._of_mention.setdefault(k.id, []).append((conversation_id, account.brand_id))

    async def _place_waiting(self, ours: Sequence[Kept], accounts: Mapping[tuple[str, str], Account]) -> None:
        """Answers to a post of ours that were heard before the post was: they address us, as it turns out."""
        rows = []
        for k in ours:
            account = accounts[(k.mention.author.space, k.mention.author.external_id)]
            rows.append((account.brand_id, account.id, k.mention.key.space, k.mention.key.external_id))
        if not rows:
            return
        wanted: dict[Place, tuple[Kept, Assessment | None, Origin]] = {}
        waiting = await self._connection.fetch(_WAITING, *columns(rows))
        await self._find((r["space"], r["root"], r["author_id"]) for r in waiting)
        said = {r["id"]: r["author_id"] for r in waiting}
        self.hushed |= await hushed(self._connection, said, said.values())
        for r in waiting:
            place = (r["brand_id"], r["account_id"], r["space"], r["root"], r["author_id"])
            stepped = any(brand == r["brand_id"] for _, brand in self._of_mention.get(r["id"], []))
            if place in self._places and not stepped:
                self._remember(self._places[place], place, r, ours=False)
            elif place not in wanted and not stepped and (r["id"], r["brand_id"]) not in self.hushed:
                wanted[place] = (self._ghost(r), None, Origin.IMPORT if self._history else Origin.ADDRESSED)
        await self._open(wanted)

    @staticmethod
    def _ghost(r: asyncpg.Record) -> Kept:
        """A message that is held already, as far as opening a conversation with it needs."""
        key, author = Key(r["space"], r["external_id"]), Author(r["space"], "")
        return Kept(
            id=r["id"], mention=Mention(key, r["source"], author, "", Kind.POST, b""), hearings=(), author_id=r["author_id"],
            root=r["root"], at=r["at"], version=1, ours=False,
        )  # fmt: skip

    async def _answered_elsewhere(self, k: Kept, parent: asyncpg.Record, account: Account) -> int:
        """We answered, in the network's own app, a message that was only listened to: that is a conversation."""
        place = (account.brand_id, account.id, parent["space"], parent["root"], parent["author_id"])
        if place not in self._places:
            await self._open({place: (self._ghost(parent), None, Origin.IMPORT if self._history else Origin.ADDRESSED)})
        conversation_id = self._places[place]
        self._remember(conversation_id, place, parent, ours=False)
        return conversation_id

    async def _place_answers(self, theirs: Sequence[Kept]) -> None:
        """Our answer may have been heard before the message that it answers: now it finds its place."""
        rows = [(k.id, k.mention.key.space, k.mention.key.external_id) for k in theirs]
        if not rows:
            return
        by_id = {k.id: k for k in theirs}
        for r in await self._connection.fetch(_ANSWERS, *columns(rows)):
            k = by_id[r["parent_id"]]
            for conversation_id, brand_id in self._of_mention.get(k.id, []):
                self._remember(conversation_id, (brand_id, 0, k.mention.key.space, k.root, k.author_id), r, ours=True)

    async def _settle(self, ours: Sequence[Kept]) -> dict[int, Settled]:
        """Our posts that the outbox knows, now seen on the network: by mention id."""
        said = columns(
            [(k.id, k.mention.key.external_id, k.mention.author.space, k.mention.author.external_id) for k in ours]
        )
        settled: dict[int, Settled] = {}
        if not ours:
            return settled
        rows = await self._connection.fetch(_OUTBOX_SEEN, self._now, *said)
        for r in rows:
            settled[r["mention_id"]] = Settled(r["was"] == "accepted", bool(r["close_after"]), r["person_id"] or 0)
            self.events.append(
                Event(
                    r["brand_id"],
                    "reply.seen",
                    r["conversation_id"],
                    r["mention_id"],
                    r["id"],
                    before={"state": r["was"]},
                    after={"state": "seen"},
                )
            )
        known = await self._connection.fetch(_OUTBOX_KNOWN, *said)
        for r in known:
            settled.setdefault(r["mention_id"], Settled(counted=True))
        replies = [(r["reply_id"], r["mention_id"]) for r in (*rows, *known) if r["reply_id"]]
        if replies:
            await self._connection.execute(_REPLY_IS, *columns(replies))
        return settled

    async def _recall(self, mention_ids: Sequence[int]) -> None:
        if mention_ids:
            for r in await self._connection.fetch(_OF_MENTIONS, list(mention_ids)):
                pairs = self._of_mention.setdefault(r["mention_id"], [])
                if (r["conversation_id"], r["brand_id"]) not in pairs:
                    pairs.append((r["conversation_id"], r["brand_id"]))

    # Moving -------------------------------------------------------------------------------------------------------

    def _step(self, conversation_id: int, step: Step) -> None:
        self._steps.setdefault(conversation_id, []).append(step)

    def _replace(self, conversation_id: int, step: Step) -> None:
        """The batch knows more about its own messages than what was gathered."""
        steps = self._steps.setdefault(conversation_id, [])
        steps[:] = [s for s in steps if s.kept.id != step.kept.id]
        steps.append(step)

    async def _move(self) -> None:
        """Join the messages, and let each that is new here move its conversation, in order of time."""
        if not self._steps:
            return
        pairs = sorted({(c, s.kept.id) for c, steps in self._steps.items() for s in steps})
        # Locked before they are joined: whether one is open decides what the search's index of open words gets.
        before = await lock(self._connection, self._steps)
        joined = {
            (r["conversation_id"], r["mention_id"])
            for r in await self._connection.fetch(_JOIN, [p[0] for p in pairs], [p[1] for p in pairs])
        }
        after: list[Conversation] = []
        last: list[tuple[int, int]] = []
        for conversation_id, steps in sorted(self._steps.items()):
            c = before[conversation_id]
            newest: tuple[datetime, int] | None = None
            for step in sorted(steps, key=lambda s: (s.at, s.kept.id)):
                is_new = (conversation_id, step.kept.id) in joined
                if not is_new and not step.kept.edited:
                    continue
                if step.at >= before[conversation_id].last_at and is_new:
                    newest = (step.at, step.kept.id)
                if self.opened.get(conversation_id) == step.kept.id:
                    continue  # the message that opened it is in the row already
                if step.outbox is not None and step.outbox.counted:
                    continue
                if step.at <= c.last_at and _only_context(step):
                    continue  # it was said before what we know already: it is shown, and calls for nothing
                was, c = c, self._moved(c, step)
                if step.outbox is not None:
                    await follow(self._connection, was, c, step.outbox.person_id)
                self._tell(was, c, step)
            if newest is not None and newest[1] != self.opened.get(conversation_id):
                last.append((conversation_id, newest[1]))
            if c != before[conversation_id]:
                after.append(c)
            if c != before[conversation_id] or conversation_id in self.opened:
                self.changed.add(conversation_id)
        await save(self._connection, after, self._now)
        if last:
            await self._connection.execute(_LAST, [x[0] for x in last], [x[1] for x in last])

    def _tell(self, was: Conversation, became: Conversation, step: Step) -> None:
        kind = "replied" if step.ours else "edited" if step.kept.edited else "heard"
        before, after = changes(was, became)
        if (step.kept.id, was.brand_id) in self.hushed:
            after["muted"] = True
        self.events.append(
            Event(was.brand_id, f"conversation.{kind}", was.id, step.kept.id, before=before, after=after)
        )

    def _moved(self, c: Conversation, step: Step) -> Conversation:
        if step.ours:
            close = step.outbox is not None and step.outbox.close
            return moves.replied(c, step.at, close=close, history=self._history)
        muted = (step.kept.id, c.brand_id) in self.hushed
        until = step.kept.mention.reply_until
        heard = moves.heard(c, step.assessment, step.at, history=self._history, muted=muted, until=until)
        return heard if muted else self._ruled(c, heard, step.assessment)

    def _ruled(self, was: Conversation | None, became: Conversation, assessment: Assessment | None) -> Conversation:
        asked = assessment.assign if assessment is not None else ""
        assignee_id = self._responders.get((became.brand_id, asked))
        return moves.ruled(was, became, assessment, assignee_id, self._now, history=self._history)


def _only_context(step: Step) -> bool:
    """An answer of ours that did not leave by the outbox, or a message that was read along with its thread."""
    if step.ours:
        return step.outbox is None
    return not step.kept.edited and all(h.via is Via.THREAD for h in step.kept.hearings)
