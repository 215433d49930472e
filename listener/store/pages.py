"""Pages as rows: what is told of incidents, to whom, with one outbox row each; digests for whoever is told too much; and how each fared.

Owns `pages`. Who is told, and when, is decided by `listener.incidents`; `incidents` asks. Refuses to send.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from listener.incidents.escalation import Fate, Telling
from listener.incidents.shape import Page, PageKind
from listener.incidents.storm import WITHIN, digest_at, too_much
from listener.model.scales import Severity
from listener.store.conversations import Event, tell

# A page that was told in a digest fares as the digest does.
# What may have left and is sent again, as that is one, is still underway: nobody else is told because its sender died.
_TELLINGS = """
SELECT p.what, p.receiver, p.person, p.step, p.round, p.at,
       CASE WHEN o.state = 'unknown' AND o.frozen ->> 'again' = 'true' THEN 'sending' ELSE o.state END AS state,
       CASE WHEN o.attempts = 0 THEN o.not_before END AS leaves
FROM pages AS p LEFT JOIN outbox AS o ON o.page_id = COALESCE(p.digest_id, p.id)
WHERE p.incident_id = $1 ORDER BY p.id
"""

_PAGE = """
INSERT INTO pages (brand_id, incident_id, what, receiver, person, step, round, about, at, digest_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10) ON CONFLICT DO NOTHING RETURNING id
"""

_OUT = """
INSERT INTO outbox (brand_id, lane, page_id, key, state, not_before, queued_at, changed_at)
VALUES ($1, 'alert', $2, $3, 'queued', $4, $5, $5) RETURNING id
"""

# What is being claimed at this moment leaves, and is not waited for: whoever claims waits for nothing of ours either.
_SAID_ANEW = """
UPDATE outbox AS o SET state = 'withdrawn', problem = 'not sent: the same is said anew', code = 'overtaken', changed_at = $6
FROM (SELECT x.id, p.id AS page_id, p.what, p.receiver, p.person, p.step, p.round FROM pages AS p JOIN outbox AS x ON x.page_id = p.id
      WHERE p.incident_id = $1 AND p.receiver = $2 AND p.person = $3 AND p.what = ANY($4::text[]) AND p.id < $5
        AND x.state = 'queued' AND x.attempts = 0 ORDER BY x.id FOR UPDATE OF x SKIP LOCKED) AS old
WHERE o.id = old.id RETURNING old.*
"""

_LATELY = """
SELECT at FROM pages WHERE person = $1 AND receiver = $2 AND at > $3 AND what NOT IN ('digest', 'undelivered', 'test') AND digest_id IS NULL
"""

_SOONER = "UPDATE outbox SET not_before = LEAST(not_before, $2) WHERE page_id = $1"

_SEVERITY = "SELECT severity FROM incidents WHERE id = $1"

_DIGESTS = "SELECT o.not_before FROM pages AS p JOIN outbox AS o ON o.page_id = p.id WHERE p.person = $1 AND p.receiver = $2 AND p.what = 'digest' AND p.at > $3"  # noqa: E501

_WAITING_DIGEST = """
SELECT p.id, p.about::text AS about FROM pages AS p JOIN outbox AS o ON o.page_id = p.id
WHERE p.person = $1 AND p.receiver = $2 AND p.brand_id = $3 AND p.what = 'digest' AND p.at > $4 AND o.state = 'queued' AND o.attempts = 0
ORDER BY p.id DESC LIMIT 1 FOR UPDATE OF p, o SKIP LOCKED
"""

_INTO_DIGEST = "UPDATE pages SET about = $2::text::jsonb WHERE id = $1"


def key_of(page: Page, id_: int) -> str:
    """The idempotency key of a page: made of what makes it once, or of its row where nothing does."""
    if page.incident_id is None:
        return f"page/{page.what}/{id_}"
    return "/".join(
        ("page", str(page.incident_id), page.what.value, page.receiver, page.person, str(page.step), str(page.round))
    )


async def enqueue(connection: asyncpg.Connection, pages: Sequence[Page], now: datetime) -> list[int]:
    """Writes pages with one outbox row each, in the lane 'alert', and tells so; the ids of those that are new. What was written before
    is left as it is. A person who is told too much gets a digest instead.
    """
    made: list[int] = []
    for page in pages:
        if page.person and page.incident_id is not None and page.what is not PageKind.UNDELIVERED:
            times = [row["at"] for row in await connection.fetch(_LATELY, page.person, page.receiver, now - WITHIN)]
            if too_much(times, now):
                made += await _in_digest(connection, page, now)
                continue
        made += await _page(connection, page, now)
    return made


async def _page(
    connection: asyncpg.Connection,
    page: Page,
    now: datetime,
    leaves: datetime | None = None,
    digest_id: int | None = None,
) -> list[int]:
    about = msgspec.json.encode({"incidents": list(page.about), "note": page.note}).decode()
    id_ = await connection.fetchval(
        _PAGE, page.brand_id, page.incident_id, page.what.value, page.receiver, page.person, page.step, page.round, about, now, digest_id
    )  # fmt: skip
    if id_ is None:
        return []
    outbox_id = None
    if digest_id is None:
        outbox_id = await connection.fetchval(_OUT, page.brand_id, id_, key_of(page, id_), leaves or now, now)
    after = {
        "page_id": id_, "what": page.what.value, "receiver": page.receiver, "person": page.person, "step": page.step, "round": page.round,
        **({"digest": digest_id} if digest_id is not None else {}),
    }  # fmt: skip
    events = [Event(page.brand_id, "page.queued", outbox_id=outbox_id, after=after, incident_id=page.incident_id)]
    if said_before := _SAYS_ANEW.get(page.what):
        about_the_same = (page.incident_id, page.receiver, page.person, list(said_before))
        for old in await connection.fetch(_SAID_ANEW, *about_the_same, id_, now):
            gone = {
                **{name: value for name, value in old.items() if name != "id"},
                "state": "withdrawn",
                "code": "overtaken",
            }
            events.append(
                Event(
                    page.brand_id,
                    "page.withdrawn",
                    outbox_id=old["id"],
                    before={"state": "queued"},
                    after=gone,
                    incident_id=page.incident_id,
                )
            )
    await tell(connection, events, now)
    return [id_]


_SAYS_ANEW = {
    PageKind.AGAIN: (PageKind.ALERT, PageKind.AGAIN),
    PageKind.STILL: (PageKind.STILL,),
    PageKind.UNDELIVERED: (PageKind.UNDELIVERED,),
}
"""What need not leave any more to somebody by a receiver, once they are told this by it: after a time in which nothing left they are told once."""


async def _in_digest(connection: asyncpg.Connection, page: Page, now: datetime) -> list[int]:
    """The page is told with others: in the digest that waits to leave, else in a new one."""
    since = now - WITHIN
    critical = await connection.fetchval(_SEVERITY, page.incident_id) == Severity.CRITICAL
    times = [row["not_before"] for row in await connection.fetch(_DIGESTS, page.person, page.receiver, since - WITHIN)]
    leaves = digest_at([at for at in times if since < at <= now], now, critical=critical)
    row = await connection.fetchrow(_WAITING_DIGEST, page.person, page.receiver, page.brand_id, since - WITHIN)
    if row is not None:
        digest_id = row["id"]
        about = msgspec.json.decode(row["about"])
        about["incidents"] = sorted({*about["incidents"], page.incident_id})
        await connection.execute(_INTO_DIGEST, digest_id, msgspec.json.encode(about).decode())
        await connection.execute(_SOONER, digest_id, leaves)
    else:
        assert page.incident_id is not None  # noqa: S101
        digest = Page(page.brand_id, None, PageKind.DIGEST, page.receiver, page.person, about=(page.incident_id,))
        [digest_id] = await _page(connection, digest, now, leaves)
    return await _page(connection, page, now, digest_id=digest_id)


async def tellings_of(connection: asyncpg.Connection, incident_id: int) -> list[Telling]:
    """What was told of an incident, and how that fared."""
    return [
        Telling(
            PageKind(row["what"]),
            row["receiver"],
            row["person"],
            row["step"],
            row["round"],
            row["at"],
            _fate(row["state"]),
            row["leaves"],
        )
        for row in await connection.fetch(_TELLINGS, incident_id)
    ]


def _fate(state: str | None) -> Fate:
    if state in ("queued", "sending"):
        return Fate.UNDERWAY
    return Fate.DELIVERED if state in ("accepted", "seen") else Fate.LOST
