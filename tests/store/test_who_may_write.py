"""Whatever people write goes through functions of the store that refuse whoever may only look, whoever has nothing to do with the brand,
and what is another brand's. One table calls every one of them; a function that is not in it fails the house."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from listener.errors import Refused
from listener.incidents.silences import parse
from listener.model.accounts import Capability
from listener.model.leaving import Doing
from listener.pictures import PNG, Picture
from listener.store import (
    acts,
    approvals,
    attachments,
    attendance,
    capabilities,
    claims,
    handovers,
    inbox,
    incident_acts,
    learned,
    marks,
    network_acts,
    outbox,
    presence,
    source_acts,
)
from listener.store.acts import Done
from listener.workflow.acts import Close
from tests.store.world import NOW, World, later, world

STORE = Path(acts.__file__).parents[1]

QUIET_TOPIC = parse(["topic=yoghurt"])

DOT = Picture(PNG, 3, 2, b"\x89PNG\r\n\x1a\n and so on")

READS = {
    "acts.undoing.last_act", "acts.undoing.last_undo", "approvals.needed", "asking.unseen", "attachments.content",
    "attachments.of_draft", "attendance.untouched", "handovers.shift", "labels.labels",
    "inbox.folded.folded_page", "inbox.folded.folds", "inbox.folded.members",
    "inbox.opened.open", "inbox.queue.page", "inbox.queue.counts", "inbox.saved.saved_views", "inbox.standing.in_folder", "people.role",
}  # fmt: skip
"""They write nothing."""

THEIR_OWN = {"acts.drafts.drop_draft", "attachments.drop", "asking.seen", "labels.label"}
"""They change what is the person's alone, which nobody is refused who may look at the brand."""

QUIET = {"acts.authors.unmute", "acts.doing.mark_read", "handovers.mark_read", "marks.take_back", "presence.attend"}
"""Where there is nothing that they may do they do nothing, without a word."""

OF_NO_THING = {
    "attendance.away", "attendance.back", "handovers.hand_over", "incident_acts.silence", "learned.forget", "learned.switch",
    "presence.attend",
}  # fmt: skip
"""They change nothing that another brand could have."""


@dataclass(frozen=True, slots=True)
class Things:
    """What is acted on: a conversation with one message, and whatever else the function asks for."""

    conversation: int
    mention: int
    author: int
    account: int
    id: Any = None
    """The row that the function is named."""


Make = Callable[[World, int], Awaitable[Things]]
"""In that brand; where it has to be somebody's own, that person's."""

Call = Callable[[World, int, Things], Awaitable[object]]
"""As a person, in the name of that brand."""


async def conversation(w: World, _: int, id_: Any = None) -> Things:
    one = await w.conversation(author=uuid.uuid4().hex)
    row = await w.pool.fetchrow(
        "SELECT last_mention_id AS mention, author_id AS author FROM conversations WHERE id = $1", one
    )
    return Things(one, row["mention"], row["author"], w.account.id, id_)


def with_id(t: Things, id_: Any) -> Things:
    return Things(t.conversation, t.mention, t.author, t.account, id_)


async def listened_to(w: World, by: int) -> Things:
    t = await conversation(w, by)
    return Things(t.conversation, await w.mention("what a brand", topic="brand"), t.author, t.account)


async def judged(w: World, by: int) -> Things:
    t = await conversation(w, by)
    mention = await w.mention(tone="negative")
    mark = "INSERT INTO rule_marks (mention_id, brand_id, rule, person_id, version, verdict, note, rulebook, at)"
    await w.pool.execute(f"{mark} VALUES ($1, $2, 'outage', $3, 1, 'right', '', 'h', $4)", mention, w.brand_id, by, NOW)
    return Things(t.conversation, mention, t.author, t.account)


async def overruled(w: World, by: int) -> Things:
    t = await conversation(w, by)
    mention = await w.mention(tone="negative", topic="brand")
    done = await acts.overrule(w.pool, w.mia.id, w.brand_id, mention, "tone", "positive", NOW)
    return Things(t.conversation, mention, t.author, t.account, done.act_id)


def replied(state: str, planned: bool = False) -> Make:
    async def make(w: World, by: int) -> Things:
        t = await conversation(w, by)
        row = await outbox.queue_reply(
            w.pool, w.mia.id, t.conversation, t.account, t.mention, "We look into it", visibility="public", lang="", fence=1,
            hold_seconds=5, close_after=False, now=NOW, planned=later(hours=1) if planned else None,
        )  # fmt: skip
        await w.pool.execute("UPDATE outbox SET state = $2 WHERE id = $1", row.id, state)
        return with_id(t, row.id)

    return make


async def asked(w: World, by: int) -> Things:
    t = await conversation(w, by)
    row = await approvals.ask(
        w.pool, w.mia.id, t.conversation, t.account, t.mention, "We look into it", visibility="public", lang="", fence=1,
        close_after=False, now=NOW,
    )  # fmt: skip
    return with_id(t, row.id)


async def asked_by(w: World, by: int) -> Things:
    t = await asked(w, by)
    await w.pool.execute("UPDATE approvals SET person_id = $2 WHERE id = $1", t.id, by)
    return t


async def decided_by(w: World, by: int) -> Things:
    t = await asked(w, by)
    await approvals.reject(w.pool, t.id, w.tom.id, "kinder", NOW)
    await w.pool.execute("UPDATE approvals SET decided_by = $2 WHERE id = $1", t.id, by)
    return t


def liked(state: str) -> Make:
    async def make(w: World, by: int) -> Things:
        t = await conversation(w, by)
        row = await network_acts.queue(
            w.pool, w.mia.id, t.conversation, t.mention, Doing.LIKE, account_id=t.account, hold_seconds=5, now=NOW
        )
        await w.pool.execute("UPDATE outbox SET state = $2 WHERE id = $1", row.id, state)
        return with_id(t, row.id)

    return make


async def pictured(w: World, by: int) -> Things:
    t = await conversation(w, by)
    id_ = await attachments.attach(w.pool, w.mia.id, t.conversation, "case.png", DOT, "a suitcase", NOW)
    await w.pool.execute("UPDATE attachments SET person_id = $2 WHERE id = $1", id_, by)
    return with_id(t, id_)


async def muted(w: World, by: int) -> Things:
    t = await conversation(w, by)
    await acts.mute(w.pool, w.mia.id, w.brand_id, [t.author], NOW)
    return t


async def closed(w: World, by: int) -> Things:
    t = await conversation(w, by)
    return with_id(t, (await acts.do(w.pool, w.mia.id, [t.conversation], Close(), NOW)).act_id)


async def author_noted(w: World, by: int) -> Things:
    t = await conversation(w, by)
    return with_id(t, (await acts.note_author(w.pool, w.mia.id, w.brand_id, t.author, "kind", NOW)).act_id)


async def away(w: World, by: int) -> Things:
    left = "INSERT INTO attendance (person_id, brand_id, away_since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    await w.pool.execute(left, by, w.brand_id, NOW)
    return await conversation(w, by)


def handed_over(writer: str) -> Make:
    async def make(w: World, by: int) -> Things:
        id_ = await handovers.hand_over(w.pool, w.mia.id, w.brand_id, "all quiet", NOW, NOW)
        if writer == "by them":
            await w.pool.execute("UPDATE handovers SET person_id = $2 WHERE id = $1", id_, by)
        return with_id(await conversation(w, by), id_)

    return make


async def viewed(w: World, by: int) -> Things:
    view = await inbox.save_view(w.pool, w.tom.id, w.brand_id, uuid.uuid4().hex, "is:open", True, NOW)
    return with_id(await conversation(w, by), view.id)


async def run_source(w: World, by: int) -> Things:
    """The stream of the brand's own account, with a gap, a reject and a delivery; `id` are its key and the gap's number."""
    key = f"bluesky/hooks/{w.account.external_id}"
    source = await w.pool.fetchval(
        "INSERT INTO sources (key) VALUES ($1) ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING id", key
    )
    gap = await w.pool.fetchval(
        "INSERT INTO gaps (source_id, start_at, end_at, cause, noted_at) VALUES ($1, $2, $3, $4, $3) RETURNING id",
        source, later(hours=-1), NOW, uuid.uuid4().hex,
    )  # fmt: skip
    digest = uuid.uuid4().bytes
    await w.pool.execute(
        "INSERT INTO rejects (source_id, digest, reason, detail, raw, first_at, last_at) VALUES ($1, $2, 'bad_id', '', '', $3, $3)",
        source, digest, NOW,
    )  # fmt: skip
    await w.pool.execute(
        "INSERT INTO deliveries (hook, digest, received_at, packed, size, state) VALUES ($1, $2, $3, '', 0, 'done')",
        key, digest, later(hours=-1),
    )  # fmt: skip
    return with_id(await conversation(w, by), (key, gap))


_INCIDENT = """
INSERT INTO incidents (brand_id, key, policy, watched, state, severity, title, since, opened_at, told_at, evidence)
VALUES ($1, $2, $2, 'volume', 'open', 'warning', 'Loud', $3, $3, $3, '{}') RETURNING id
"""


async def incident(w: World, by: int) -> Things:
    id_ = await w.pool.fetchval(_INCIDENT, w.brand_id, uuid.uuid4().hex, NOW)
    return with_id(await conversation(w, by), id_)


async def silenced(w: World, by: int) -> Things:
    id_ = await incident_acts.silence(w.pool, w.brand_id, QUIET_TOPIC, NOW, later(hours=2), "known", w.mia.id, NOW)
    return with_id(await conversation(w, by), id_)


def a_reply(w: World, t: Things) -> tuple[object, ...]:
    return (t.conversation, w.account.id, t.mention, "hello")


TABLE: dict[str, tuple[Make, Call]] = {
    "acts.authors.mute": (conversation, lambda w, by, t: acts.mute(w.pool, by, w.brand_id, [t.author], NOW)),
    "acts.authors.unmute": (muted, lambda w, by, t: acts.unmute(w.pool, by, w.brand_id, [t.author], NOW)),
    "acts.authors.note_author": (conversation, lambda w, by, t: acts.note_author(w.pool, by, w.brand_id, t.author, "!", NOW)),
    "acts.doing.do": (conversation, lambda w, by, t: acts.do(w.pool, by, [t.conversation], Close(), NOW)),
    "acts.doing.note": (conversation, lambda w, by, t: acts.note(w.pool, by, t.conversation, "look", NOW)),
    "acts.doing.mark_read": (conversation, lambda w, by, t: acts.mark_read(w.pool, by, t.conversation, NOW)),
    "acts.drafts.save_draft": (conversation, lambda w, by, t: acts.save_draft(w.pool, by, t.conversation, "hm", 1, NOW)),
    "acts.opening.open_from_mention": (
        listened_to, lambda w, by, t: acts.open_from_mention(w.pool, by, w.brand_id, t.mention, NOW),
    ),
    "acts.overruling.overrule": (
        overruled, lambda w, by, t: acts.overrule(w.pool, by, w.brand_id, t.mention, "tone", "neutral", NOW),
    ),
    "acts.undoing.undo of what was said of a message": (overruled, lambda w, by, t: acts.undo(w.pool, by, t.id, NOW)),
    "acts.undoing.undo": (closed, lambda w, by, t: acts.undo(w.pool, by, t.id, NOW)),
    "acts.undoing.undo of what was said of an author": (author_noted, lambda w, by, t: acts.undo(w.pool, by, t.id, NOW)),
    "approvals.ask": (
        conversation,
        lambda w, by, t: approvals.ask(
            w.pool, by, *a_reply(w, t), visibility="public", lang="", fence=1, close_after=False, now=NOW  # type: ignore[arg-type]
        ),
    ),
    "approvals.approve": (asked, lambda w, by, t: approvals.approve(w.pool, t.id, by, fence=1, hold_seconds=5, now=NOW)),
    "approvals.reject": (asked, lambda w, by, t: approvals.reject(w.pool, t.id, by, "kinder", NOW)),
    "approvals.take_back": (asked_by, lambda w, by, t: approvals.take_back(w.pool, t.id, by, NOW)),
    "approvals.reconsider": (decided_by, lambda w, by, t: approvals.reconsider(w.pool, t.id, by, NOW)),
    "attachments.attach": (
        conversation, lambda w, by, t: attachments.attach(w.pool, by, t.conversation, "a.png", DOT, "a case", NOW),
    ),
    "attachments.describe": (pictured, lambda w, by, t: attachments.describe(w.pool, by, t.id, "a bag")),
    "attendance.away": (conversation, lambda w, by, t: attendance.away(w.pool, by, w.brand_id, None, NOW)),
    "attendance.back": (away, lambda w, by, t: attendance.back(w.pool, by, w.brand_id, NOW)),
    "claims.claim": (conversation, lambda w, by, t: claims.claim(w.pool, t.conversation, by, uuid.uuid4().hex, NOW)),
    "handovers.hand_over": (conversation, lambda w, by, t: handovers.hand_over(w.pool, by, w.brand_id, "done", NOW, NOW)),
    "handovers.mark_read": (handed_over("by Mia"), lambda w, by, t: handovers.mark_read(w.pool, by, [t.id])),
    "handovers.take_back": (handed_over("by them"), lambda w, by, t: handovers.take_back(w.pool, t.id, by, NOW)),
    "inbox.saved.save_view": (
        viewed, lambda w, by, t: inbox.save_view(w.pool, by, w.brand_id, "Late", "is:open", True, NOW, view_id=t.id),
    ),
    "inbox.saved.delete_view": (viewed, lambda w, by, t: inbox.delete_view(w.pool, by, t.id, NOW)),
    "incident_acts.acknowledge": (incident, lambda w, by, t: incident_acts.acknowledge(w.pool, t.id, by, NOW)),
    "incident_acts.assign": (incident, lambda w, by, t: incident_acts.assign(w.pool, t.id, by, w.mia.id, NOW)),
    "incident_acts.note": (incident, lambda w, by, t: incident_acts.note(w.pool, t.id, by, "the carrier knows", NOW)),
    "incident_acts.resolve": (incident, lambda w, by, t: incident_acts.resolve(w.pool, t.id, by, NOW)),
    "incident_acts.silence": (
        incident,
        lambda w, by, t: incident_acts.silence(w.pool, w.brand_id, QUIET_TOPIC, NOW, later(hours=2), "known", by, NOW),
    ),
    "incident_acts.end_silence": (silenced, lambda w, by, t: incident_acts.end_silence(w.pool, t.id, by, NOW)),
    "learned.forget": (conversation, lambda w, by, t: learned.forget(w.pool, by, w.brand_id, NOW)),
    "learned.switch": (conversation, lambda w, by, t: learned.switch(w.pool, by, w.brand_id, False, NOW)),
    "marks.mark": (judged, lambda w, by, t: marks.mark(w.pool, by, t.mention, w.brand_id, "outage", "missed", "", NOW)),
    "marks.take_back": (judged, lambda w, by, t: marks.take_back(w.pool, by, t.mention, w.brand_id, "outage", NOW)),
    "network_acts.queue": (
        conversation,
        lambda w, by, t: network_acts.queue(
            w.pool, by, t.conversation, t.mention, Doing.LIKE, account_id=w.account.id, hold_seconds=5, now=NOW
        ),
    ),
    "network_acts.withdraw": (liked("queued"), lambda w, by, t: network_acts.withdraw(w.pool, t.id, by, NOW)),
    "network_acts.retry": (liked("failed"), lambda w, by, t: network_acts.retry(w.pool, t.id, by, NOW)),
    "outbox.queue_reply": (
        conversation,
        lambda w, by, t: outbox.queue_reply(
            w.pool, by, *a_reply(w, t), visibility="public", lang="", fence=1, hold_seconds=5, close_after=False, now=NOW  # type: ignore[arg-type]
        ),
    ),
    "outbox.withdraw": (replied("queued"), lambda w, by, t: outbox.withdraw(w.pool, t.id, by, NOW)),
    "outbox.retry": (replied("failed"), lambda w, by, t: outbox.retry(w.pool, t.id, by, NOW, fence=1)),
    "outbox.plan": (replied("queued", planned=True), lambda w, by, t: outbox.plan(w.pool, t.id, by, None, NOW)),
    "outbox.resolve_unknown": (replied("unknown"), lambda w, by, t: outbox.resolve_unknown(w.pool, t.id, by, "sent", NOW)),
    "presence.attend": (
        conversation,
        lambda w, by, t: presence.attend(w.pool, uuid.uuid4().hex, w.brand_id, by, t.conversation, False, NOW),
    ),
    "source_acts.fill": (run_source, lambda w, by, t: source_acts.fill(w.pool, by, w.brand_id, t.id[1], NOW)),
    "source_acts.look_back": (
        run_source, lambda w, by, t: source_acts.look_back(w.pool, by, w.brand_id, t.id[0], later(hours=-2), NOW),
    ),
    "source_acts.pause": (run_source, lambda w, by, t: source_acts.pause(w.pool, by, w.brand_id, t.id[0], NOW)),
    "source_acts.read_again": (
        run_source, lambda w, by, t: source_acts.read_again(w.pool, by, w.brand_id, t.id[0], None, NOW),
    ),
    "source_acts.replay": (
        run_source, lambda w, by, t: source_acts.replay(w.pool, by, w.brand_id, t.id[0], later(hours=-2), NOW, NOW),
    ),
    "source_acts.resume": (run_source, lambda w, by, t: source_acts.resume(w.pool, by, w.brand_id, t.id[0], NOW)),
    "source_acts.stop_filling": (
        run_source, lambda w, by, t: source_acts.stop_filling(w.pool, by, w.brand_id, t.id[1], NOW),
    ),
}  # fmt: skip
"""By module and function, where a comment may follow: what it is called with, and how."""


async def everything(pool: asyncpg.Pool) -> dict[str, object]:
    """All rows of all tables, as one figure a table."""
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'hubbub'")
    each = " UNION ALL ".join(
        f"SELECT '{t['tablename']}', (count(*), sum(hashtextextended(x::text, 0)))::text FROM {t['tablename']} AS x"
        for t in tables
    )
    return {row[0]: row[1] for row in await pool.fetch(each)}


async def refused(name: str, call: Awaitable[object]) -> None:
    """It says so, or does nothing where that is its way."""
    try:
        said = await call
    except Refused:
        return
    done = said.changed or said.authors if isinstance(said, Done) else said
    told = isinstance(said, Done) and (said.refused or said.kept)
    assert not done, f"{name} was not refused: {said}"
    assert told or name in QUIET, f"{name} says nothing"


async def two_brands(pool: asyncpg.Pool) -> tuple[World, World]:
    acme, globex = await world(pool), await world(pool, "globex")
    await pool.execute("UPDATE accounts SET state = 'ready'")
    for w in (acme, globex):
        await capabilities.publish(pool, w.account.id, dict.fromkeys(Capability, ""))
    return acme, globex


async def test_who_may_only_look_a_stranger_and_another_brands_things_are_refused_by_every_function_that_writes(
    pool: asyncpg.Pool,
) -> None:
    acme, globex = await two_brands(pool)
    calls: list[tuple[str, Awaitable[object]]] = []
    for name, (make, call) in TABLE.items():
        for outsider in (acme.vera, globex.tom):
            calls.append((name, call(acme, outsider.id, await make(acme, outsider.id))))
        if name not in OF_NO_THING:
            calls.append((name, call(acme, acme.tom.id, await make(globex, acme.tom.id))))
    before = await everything(pool)
    for name, called in calls:
        await refused(name, called)
        now = await everything(pool)
        changed = [table for table, was in before.items() if now[table] != was]
        assert not changed, f"{name} was refused and has written: {changed}"


async def test_whoever_may_write_does_by_every_one_of_them(pool: asyncpg.Pool) -> None:
    acme, _ = await two_brands(pool)
    things = {name: await make(acme, acme.tom.id) for name, (make, _) in TABLE.items()}
    before = await everything(pool)
    for name, (_, call) in TABLE.items():
        await call(acme, acme.tom.id, things[name])
        now = await everything(pool)
        assert now != before, name
        before = now


def test_every_function_that_takes_a_person_is_known_to_read_or_is_in_the_table() -> None:
    found = set()
    for path in STORE.rglob("*.py"):
        for one in ast.parse(path.read_text()).body:
            if isinstance(one, ast.AsyncFunctionDef) and not one.name.startswith("_"):
                named = {argument.arg for argument in (*one.args.args, *one.args.kwonlyargs)}
                if {"pool", "person_id"} <= named:
                    found.add(".".join((*path.relative_to(STORE).with_suffix("").parts, one.name)))
    assert found == READS | THEIR_OWN | {name.split()[0] for name in TABLE}
    assert set(TABLE) >= QUIET | OF_NO_THING
