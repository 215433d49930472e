"""Pages reach who is told: once by their key, never twice where that cannot be known, and one dead receiver holds up nobody."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from listener.cli import main, telling
from listener.incidents.escalation import Staffed
from listener.incidents.shape import Fired
from listener.model.scales import Severity
from listener.rulebook.alerting import Chain, Notified, Policy, Route, Step
from listener.rulebook.alerting import Watched as Alert
from listener.service import notify
from listener.settings import AlertSettings, Database, ReceiverSettings, Settings, find_paths
from listener.signing import sign
from listener.spikes.paging import Told
from listener.store import incidents
from listener.store.alert_lane import PAGES
from tests.promises.paged import Post, ear, incident, now, page, post
from tests.store.world import world

SECRET = "a secret of enough characters"


@pytest.fixture
async def desk(pool: asyncpg.Pool, dsn: str) -> AsyncIterator[Post]:
    async with post(await world(pool), dsn) as made:
        yield made


async def due(desk: Post, incident_id: int) -> bool:
    """Whether the escalation looks at it now."""
    at: datetime = await desk.w.pool.fetchval("SELECT next_at FROM incidents WHERE id = $1", incident_id)
    return at <= now()


async def test_a_webhook_is_told_once_by_its_key_signed_and_again_after_an_unclear_end(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear(500, "cut", 200) as shop:
        row = await page(desk.w, one)
        desk.start("ops", "webhook", address=shop.address, secret=SECRET)
        settled = await desk.until(row, "accepted")
    assert settled["attempts"] == len(shop.heard) == 3
    assert {heads["Idempotency-Key"] for _, heads, _ in shop.heard} == {settled["key"]}
    _, heads, body = shop.heard[-1]
    assert heads["X-Signature-256"] == sign(SECRET, heads["X-Timestamp"], body)
    told = shop.told()[-1]
    assert (told["what"], told["incident"]["id"], told["figures"]["seen"]) == ("alert", one, 48)
    assert "usually 0 to 9" in told["text"]
    assert await desk.kinds(one) == ["page.sent"], "what was tried again is no news"
    assert not await due(desk, one)


async def test_who_is_refused_or_not_reached_for_long_makes_the_incident_due_at_once(desk: Post) -> None:
    first, second, third = [await incident(desk.w, policy=f"p{n}") for n in range(3)]
    long_ago = now() - notify.PATIENCE
    async with (
        ear((401, {}, b'{"error": "bad a secret of enough characters"}')) as shut,
        ear((429, {"Retry-After": "600"}, b"")) as busy,
    ):
        rows = [
            await page(desk.w, first, "shut"),
            await page(desk.w, second, "busy"),
            await page(desk.w, third, "away", at=long_ago),
        ]
        for name, address in (("shut", shut.address), ("busy", busy.address), ("away", "http://127.0.0.1:9")):
            desk.start(name, "webhook", address=address, secret=SECRET)
        settled = [await desk.until(row, "failed") for row in rows]
    assert [row["code"] for row in settled] == ["auth", "rate_limit", "not_reachable"]
    assert not any(SECRET in row["problem"] for row in settled)
    assert len(busy.heard) == 1, "it asked for ten minutes, which is too long to wait for"
    for one in (first, second, third):
        assert await desk.kinds(one) == ["page.failed"]
        assert await due(desk, one)


async def test_a_receiver_that_hangs_holds_up_no_other_and_pages_go_in_their_order(desk: Post) -> None:
    one = await incident(desk.w)
    async with ear(30.0) as dead, ear(500, 200) as good:
        stuck = await page(desk.w, one, "dead")
        desk.start("dead", "webhook", address=dead.address, secret=SECRET)
        await dead.came.wait()
        rows = [
            await page(desk.w, one, "good", what=what, step=step)
            for step, what in enumerate(("alert", "worse", "again"))
        ]
        desk.start("good", "webhook", address=good.address, secret=SECRET)
        for row in rows:
            await desk.until(row, "accepted")
        assert [told["what"] for told in good.told()] == ["alert", "alert", "worse", "again"], (
            "also where the first was refused once"
        )
        assert (await desk.state(stuck))["state"] == "sending"
        desk.stop.set("over")


async def test_what_is_not_true_any_more_is_not_told(desk: Post) -> None:
    over, known = (
        await incident(desk.w, policy="over", state="resolved"),
        await incident(desk.w, policy="known", state="acknowledged"),
    )
    async with ear() as shop:
        skipped = [
            await page(desk.w, over), await page(desk.w, known, person=desk.w.mia.login), await page(desk.w, known, what="again", person="x"),
        ]  # fmt: skip
        told = [
            await page(desk.w, over, what="resolved"),
            await page(desk.w, known),
            await page(desk.w, known, what="still", person="x"),
        ]
        desk.start("ops", "webhook", address=shop.address, secret=SECRET)
        for row in skipped:
            assert (await desk.until(row, "withdrawn"))["code"] == "overtaken"
        for row in told:
            await desk.until(row, "accepted")
    assert sorted(one["what"] for one in shop.told()) == ["alert", "resolved", "still"]


async def test_a_digest_tells_what_still_stands(desk: Post) -> None:
    ids = [
        await incident(desk.w, policy=f"p{n}", state=state)
        for n, state in enumerate(("open", "resolved", "acknowledged"))
    ]
    async with ear() as shop:
        row = await page(desk.w, None, what="digest", person=desk.w.mia.login, about={"incidents": ids, "note": ""})
        desk.start("ops", "webhook", address=shop.address, secret=SECRET)
        await desk.until(row, "accepted")
    (told,) = shop.told()
    assert told["figures"]["incidents"] == [ids[0], ids[2]]
    assert told["title"] == "2 incidents at once: Acme"


async def test_a_page_for_a_receiver_that_the_settings_do_not_name_fails_when_nobody_takes_it(desk: Post) -> None:
    one = await incident(desk.w)
    row = await page(desk.w, one, "gone", at=now() - notify.UNCLAIMED)
    fresh = await page(desk.w, one, "another's")
    lost = notify.Lost(["ops"], desk.house, asyncio.Event(), desk.stop, lambda: datetime.now(UTC))
    task = asyncio.ensure_future(lost.watch())
    assert (await desk.until(row, "failed"))["code"] == "no_receiver"
    assert await due(desk, one)
    assert (await desk.state(fresh))["state"] == "queued", "another listener may know it"
    desk.stop.set("over")
    await task


async def test_doctor_says_which_receiver_fails_and_why_and_that_nobody_would_notice_our_end(desk: Post) -> None:
    one = await incident(desk.w)
    settings = Settings(
        find_paths({"HUBBUB_HOME": "/nowhere"}), Database(Path("/nowhere")), (), receivers=(ReceiverSettings("ops", "webhook"),)
    )  # fmt: skip
    for row, state, code in (
        (await page(desk.w, one), "accepted", ""),
        (await page(desk.w, one, what="worse"), "failed", "auth"),
    ):
        await desk.w.pool.execute(
            "UPDATE outbox SET state = $2, code = $3, changed_at = now() WHERE id = $1", row, state, code
        )
    (found,) = await telling.pages(settings, desk.house, now())
    assert found[1:3] == ("bad", "ops: 1 told, 1 failed (auth) within a day")
    assert found[3].endswith("hubbub alerts page-test ops")
    assert [one[1:3] for one in telling.outside(settings, ())] == [
        ("warning", "when Hubbub itself is gone, nobody is told")
    ]
    told = replace(settings, alerts=AlertSettings(address="https://h.example"), reach={desk.w.mia.login: ("ops",)})
    assert await telling.links(told, desk.house) == []
    (found,) = await telling.links(replace(told, reach={"nobody": ("ops",), **told.reach}), desk.house)
    assert found[2].startswith("pages to nobody have no link")


async def test_a_page_whose_fate_is_unknown_counts_as_not_told_and_the_next_person_is_told_at_once(desk: Post) -> None:
    policy = Policy("angry", "Anger about us", "mia", Alert.NEGATIVE)
    steps = (Step(Notified.PERSON, desk.w.mia.login, 900.0), Step(Notified.PERSON, desk.w.tom.login, 0.0))
    staff = Staffed(
        {"angry": policy}, (Route("all", "All", chain="duty", wait=0.0),), {"duty": Chain("duty", "Duty", steps)},
        reach={desk.w.mia.login: ("chat",), desk.w.tom.login: ("own",)}, receivers=frozenset({"chat", "own"}),
    )  # fmt: skip
    async with ear("cut", 200) as chat, ear(200) as own:
        fired = Fired(
            desk.w.brand_id,
            "angry",
            Alert.NEGATIVE,
            Told.BEGUN,
            Severity.WARNING,
            now(),
            now(),
            evidence={"why": "storm"},
        )
        async with desk.w.pool.acquire() as connection, connection.transaction():
            one = await incidents.fire(connection, fired, policy, staff, now())
        assert one is not None
        desk.start("chat", "apprise", url=f"ntfy://{chat.address.removeprefix('http://')}/mia")
        courier = desk.start("own", "webhook", address=own.address, secret=SECRET)
        async with asyncio.timeout(15):
            while not own.heard:
                async with desk.w.pool.acquire() as connection:
                    await incidents.due(connection, staff, now())
                courier.bell.set()
                await asyncio.sleep(0.1)
    assert (len(chat.heard), own.told()[0]["person"]) == (1, "Tom")
    kinds = await desk.kinds(one)
    assert kinds.index("page.unknown") < len(kinds) - 1 - kinds[::-1].index("page.queued"), (
        "first it was lost, then he was told"
    )


def test_page_test_says_what_the_receiver_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[bytes] = []

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if len(heard) == 1 else 403)
            self.end_headers()
            self.wfile.write(b'{"status": "thank you"}')

        def log_message(self, *_: object) -> None:
            pass

    settings = tmp_path / "hubbub.toml"
    monkeypatch.setenv("WHSECRET", SECRET)
    with http.server.HTTPServer(("127.0.0.1", 0), Shop) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        settings.write_text(
            f'[[receiver]]\nname = "own"\nkind = "webhook"\naddress = "{address}"\nsecret_env = "WHSECRET"\n'
            '[[receiver]]\nname = "away"\nkind = "webhook"\naddress = "http://127.0.0.1:9"\nsecret_env = "WHSECRET"\n'
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def said(name: str, *more: str) -> tuple[int, str]:
            code = main(["alerts", "page-test", name, "--config", str(settings), *more])
            return code, "".join(capsys.readouterr())

        code, told = said("own", "--json")
        assert (code, json.loads(told)["said"]) == (0, "thank you")
        assert json.loads(heard[0])["what"] == "test"
        code, told = said("own")
        assert code == 1
        assert "own: refused: own: it said 403: thank you" in told
        assert said("away")[0] == 3
        assert said("nobody") == (2, "hubbub: there is no receiver 'nobody'\n  what to do: there are: own, away\n")
        server.shutdown()


async def test_a_lease_that_ran_out_is_not_taken_from_who_has_it_anew(desk: Post) -> None:
    one = await incident(desk.w)
    row = await page(desk.w, one, at=now() - timedelta(minutes=2))
    pool, first, second = desk.w.pool, uuid.uuid4(), uuid.uuid4()
    assert await PAGES.claim_next(pool, first, now() - timedelta(minutes=1), 1.0, "ops")
    async with pool.acquire() as holder:
        async with holder.transaction():
            await holder.execute("SELECT FROM outbox WHERE id = $1 FOR UPDATE", row)
            late = asyncio.ensure_future(PAGES.expired(pool, now()))
            await asyncio.sleep(0.2)
            await holder.execute(
                "UPDATE outbox SET attempt = $2, lease_until = now() + interval '1 min' WHERE id = $1", row, second
            )
        assert await late == 0
    settled = await desk.state(row)
    assert (settled["state"], settled["attempt"]) == ("sending", second)
