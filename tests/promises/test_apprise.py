"""Pages by Apprise, each against a real listener on loopback: an HTTP receiver, and a mail server. At most once, whatever happens."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from typing import Any

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP, Envelope

from listener.receivers import apprised
from listener.receivers.apprised import Apprised
from listener.receivers.base import Wiring
from listener.service import notify
from tests.promises.paged import Post, ear, fixed, incident, now, page, post
from tests.store.world import world


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that our log would hold. (pytest's own capture also hears loggers that pass nothing on.)"""
    kept = io.StringIO()
    handler, root = logging.StreamHandler(kept), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield kept
    root.setLevel(level)
    root.removeHandler(handler)


def by(url: str) -> Apprised:
    return Apprised(Wiring("chat", {"url": url}, None, now))  # type: ignore[arg-type]


async def due(desk: Post, incident_id: int) -> bool:
    return bool(await desk.w.pool.fetchval("SELECT next_at <= now() FROM incidents WHERE id = $1", incident_id))


async def test_what_is_sure_is_sure_and_all_else_is_sent_once_and_counts_as_not_told(
    desk: Post, log: io.StringIO
) -> None:
    for number, (answers, state, code, heard) in enumerate(
        (
            ([200], "accepted", "", 1),
            ([429, 200], "accepted", "", 2),
            ([401], "failed", "auth", 1),
            ([404], "failed", "refused", 1),
            ([500, 200], "unknown", "no_answer", 1),
            (["cut", 200], "unknown", "no_answer", 1),
        )
    ):
        one = await incident(desk.w, policy=f"p{number}", title="error=401 Connection refused")
        async with ear(*answers) as chat:
            row = await page(desk.w, one, f"chat{number}")
            host = chat.address.removeprefix("http://")
            desk.start(f"chat{number}", "apprise", build=fixed(by(f"ntfy://s3cret:t0ken@{host}/a-topic")))
            settled = await desk.until(row, "accepted", "failed", "unknown")
            await asyncio.sleep(0.1)
            assert (settled["state"], settled["code"], len(chat.heard)) == (state, code, heard), answers
        assert await due(desk, one) == (state != "accepted")
        assert await desk.kinds(one) == [{"accepted": "page.sent"}.get(state, f"page.{state}")]
    one = await incident(desk.w, policy="both")
    async with ear(200, 429) as chat:
        row = await page(desk.w, one, "both")
        desk.start("both", "apprise", build=fixed(by(f"ntfy://{chat.address.removeprefix('http://')}/one/two")))
        assert (await desk.until(row, "accepted", "failed", "unknown"))["state"] == "unknown", "one of two has got it"
        assert len(chat.heard) == 2
    assert "s3cret" not in log.getvalue() + str(await desk.w.pool.fetch("SELECT * FROM outbox"))
    assert "t0ken" not in log.getvalue()
    assert "to chat1 is queued" in log.getvalue()


async def test_who_was_never_reached_is_tried_again_and_who_hangs_is_left_after_a_time(
    desk: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apprised, "SECONDS", 0.3)
    one, two = await incident(desk.w, policy="a"), await incident(desk.w, policy="b")
    late = await page(desk.w, one, "away", at=now() - notify.PATIENCE)
    desk.start("away", "apprise", build=fixed(by("ntfy://127.0.0.1:9/a-topic")))
    assert (await desk.until(late, "failed"))["code"] == "not_reachable"
    async with ear(3.0) as chat:
        row = await page(desk.w, two, "slow")
        desk.start("slow", "apprise", build=fixed(by(f"ntfy://{chat.address.removeprefix('http://')}/a-topic")))
        assert (await desk.until(row, "unknown"))["code"] == "no_answer"
        assert "counts as not told" in (await desk.state(row))["problem"]


async def test_slack_gets_markdown_and_a_phone_the_short_form(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear((200, {}, b"ok")) as slack:
        receiver = by("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general")
        receiver.service.webhook_url = f"{slack.address}/services"
        row = await page(desk.w, one, "slack")
        desk.start("slack", "apprise", build=fixed(receiver))
        await desk.until(row, "accepted")
        told = slack.told()[0]
        text = str(told)
        assert slack.heard[0][0] == "POST /services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
        assert f"hubbub inbox --incident {one}" in text
        assert "WARNING: Anger about Larkspur" in text
        assert "http" not in text, "no picture of anybody's"
    async with ear(200) as phone:
        receiver = by(f"json://{phone.address.removeprefix('http://')}/sms")
        receiver.service.body_maxlen = 160
        row = await page(desk.w, one, "phone")
        desk.start("phone", "apprise", build=fixed(receiver))
        await desk.until(row, "accepted")
        (told,) = phone.told()
        assert told["message"].startswith("WARNING Anger about Larkspur: 48 seen, 4.2 expected, since ")
        assert "\n" not in told["message"]


@dataclass
class Mailbox:
    """A mail server that answers as it is told."""

    answers: list[str] = field(default_factory=lambda: ["250 OK"])
    got: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.got.append(envelope)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_mail_is_plain_text_and_a_greylist_is_waited_for(desk: Post) -> None:
    box = Mailbox(["451 4.7.1 greylisted", "250 OK"])
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        one = await incident(desk.w)
        row = await page(desk.w, one, "mail")
        url = f"mailto://127.0.0.1:{port}/?from=hubbub@larkspur.example&to=mia@larkspur.example&mode=insecure"
        courier = desk.start("mail", "apprise", build=fixed(by(url)))
        settled = await desk.until(row, "accepted", "failed", "unknown")
        assert (settled["state"], settled["attempts"]) == ("accepted", 2)
        mail = message_from_bytes(bytes(box.got[-1].original_content or b""), policy=default)
        assert (mail["to"], mail.get_content_type()) == ("mia@larkspur.example", "text/plain")
        assert mail["subject"] == f"WARNING: Anger about Larkspur (incident {one})"
        assert "usually 0 to 9" in mail.get_content()
        box.answers[:] = ["554 no"]
        row = await page(desk.w, one, "mail", what="worse")
        courier.bell.set()
        assert (await desk.until(row, "failed"))["code"] == "refused"
