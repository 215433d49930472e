"""`hubbub incidents` and `hubbub alerts route` from a shell: what stands, who would be told; acts by whoever is logged in; nothing drawn raw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from listener.cli import main
from listener.cli.running import login_name
from listener.query.clock import zone
from listener.rulebook.parse import parse
from listener.rulebook.published import Published
from listener.rulebook.turns import Turn
from listener.store import calendars, incident_lists, rulebooks, sources
from tests.store.test_incidents import due, fire, fired, on_call, settle

Run = Callable[..., Awaitable[tuple[int, str, str]]]

RULES = """\
topics: [{key: yoghurt, title: Yoghurt, kind: brand, query: yoghurt}]
people:
  - {id: mia, quiet: {mon-sun: 22:00-07:00}}
  - {id: tom}
alerts:
  - {key: storm, title: Bad mood, owner: care, kind: negative, scope: {topics: [yoghurt]}}
  - {key: lone, owner: care, kind: volume, severity: note}
routes:
  - {key: all, match: {alerts: [storm]}, receivers: [room], chain: duty}
chains: [{key: duty, steps: [{person: mia, wait: 10m}, {person: tom}]}]
"""
SETTINGS = """\
[[brand]]
key = "acme"
name = "Acme"
zone = "UTC"

[rules]
folder = "rules"
"""
RECEIVER = '[[receiver]]\nname = "{0}"\nkind = "webhook"\naddress = "http://127.0.0.1:9/"\nsecret_env = "S"\n'
PERSON = '[[person]]\nlogin = "{0}"\nreceivers = ["phone-{0}"]\n'


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Commands on this test's database, with rules and settings of their own."""
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path))
    monkeypatch.delenv("HUBBUB_CONFIG", raising=False)
    monkeypatch.setenv("HUBBUB_DATABASE_URL", dsn)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    receivers = "".join(RECEIVER.format(name) for name in ("phone-mia", "phone-tom"))
    (tmp_path / "hubbub.toml").write_text(SETTINGS + receivers + "".join(map(PERSON.format, ("mia", "tom"))))

    async def call(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


async def test_what_stands_is_listed_shown_acknowledged_noted_and_resolved_by_whoever_is_logged_in(
    run: Run, pool: asyncpg.Pool
) -> None:
    w = await on_call(pool)
    assert (await run("incidents"))[0] == 0
    at = datetime.now(UTC) - timedelta(minutes=2)
    id_ = await fire(w, replace(fired(w, at=at), evidence={"why": "48 negative \x1b[31m of 60"}))
    await due(w, at + timedelta(seconds=31))
    await settle(w, "phone-mia", "accepted", at)
    code, out, _ = await run("incidents")
    assert (code, "Bad mood" in out) == (1, True)
    assert (await run("incidents", "ack", str(id_)))[0] == 0
    assert (await run("incidents", "ack", str(id_)))[0] == 1
    assert (await run("incidents", "assign", str(id_), "tom"))[0] == 0
    assert (await run("incidents", "assign", str(id_), "nobody-here"))[0] == 2
    assert (await run("incidents", "note", str(id_), "the carrier \x1b]0;knows"))[0] == 0
    code, out, _ = await run("incidents", "show", str(id_))
    assert code == 0
    assert "\x1b" not in out
    for text in (
        f"acknowledged by {login_name()}",
        "given to Tom",
        "told: mia, room",
        "by phone-mia, the alert: taken after",
        "notes: the carrier",
        "48 negative",
    ):
        assert text in out, out
    told = json.loads((await run("incidents", "show", str(id_), "--json"))[1])
    assert [page["state"] for page in told["pages"] if page["receiver"] == "phone-mia"] == ["accepted", "queued"]
    assert (await run("incidents"))[0] == 0
    assert (await run("incidents", "resolve", str(id_)))[0] == 0
    assert json.loads((await run("incidents", "--all", "--json"))[1])["incidents"][0]["resolved_by"] == login_name()
    assert (await run("incidents", "show", "999"))[0] == 2
    await pool.execute("UPDATE memberships SET role = 'viewer'")
    code, _, err = await run("incidents", "note", str(id_), "more")
    assert (code, "viewer" in err) == (1, True)


async def test_silences_are_made_listed_and_taken_away(run: Run, pool: asyncpg.Pool) -> None:
    w = await on_call(pool)
    code, out, _ = await run(
        "incidents", "silence", "topic=yoghurt", "severity=note,warning", "--for", "2h", "--note", "known"
    )
    assert (code, "silence 1" in out) == (0, True)
    told = json.loads((await run("incidents", "silences", "--json"))[1])["silences"]
    assert [(one["matchers"], one["note"]) for one in told] == [("topic=yoghurt severity=note,warning", "known")]
    for wrong in (("colour=red", "--for", "2h"), ("topic=a",), ("topic=a", "--for", "soon")):
        assert (await run("incidents", "silence", *wrong, "--note", "x"))[0] in (1, 2)
    id_ = await fire(w, fired(w, at=datetime.now(UTC)))
    code, out, _ = await run("incidents")
    assert (code, "open, silent: silence 1 until" in out) == (0, True)
    assert (await run("incidents", "unsilence", "1"))[0] == 0
    assert (await run("incidents", "unsilence", "1"))[0] == 1
    await due(w, datetime.now(UTC) + timedelta(minutes=1))
    assert await pool.fetchval("SELECT count(*) > 0 FROM pages WHERE incident_id = $1", id_)


async def test_a_route_is_told_with_why_who_when_by_what_who_is_quiet_and_which_silence_holds(
    run: Run, pool: asyncpg.Pool
) -> None:
    await on_call(pool)
    night = (datetime.now(UTC) + timedelta(days=1)).replace(hour=23, minute=0, second=0, microsecond=0)
    ends = (night + timedelta(days=1)).isoformat()
    await run("incidents", "silence", "topic=yoghurt", "--until", ends, "--note", "known")
    code, out, _ = await run(
        "alerts", "route", "--topic", "yoghurt", "--policy", "storm", "--at", night.isoformat(), "--json"
    )
    [told] = json.loads(out)["routes"]
    assert code == 0
    assert (told["routes"], told["why"], told["unknown_receivers"]) == (
        ["all"], ["all: it matches this alert"], ["room"],
    )  # fmt: skip
    assert told["silence"]["note"] == "known"
    first = f"{night:%Y-%m-%dT23:00:30Z}"
    assert [(one["at"], one["people"], one["passed"]) for one in told["told"]] == [
        (first, {}, {"mia": "quiet until 07:00"}),
        (first, {"tom": ["phone-tom"]}, {}),
    ]
    code, out, _ = await run("alerts", "route")
    assert code == 1  # nobody would be told of one of them
    assert "nobody would be told of the alert lone: no route takes it" in out
    assert "the route all names the receiver room, which the settings do not know" in out
    assert (await run("alerts", "route", "--topic", "yogurt"))[0] == 2
    code, out, _ = await run("doctor")
    assert "none waits for somebody" in out


_COUNT = """
INSERT INTO series (brand_id, topic, source, at, history, mentions, negative, urgent, reach)
SELECT $1, 'yoghurt', 'bluesky', at, false, CASE WHEN storm THEN 90 ELSE 10 END, CASE WHEN storm THEN 80 ELSE 2 END, 0, 0
FROM generate_series($2::timestamptz - interval '9 days', $2::timestamptz + interval '3 hours', '5 minutes') AS at,
     LATERAL (SELECT at >= $2 AND at < $2 + interval '20 minutes') AS n(storm)
"""


async def test_a_trial_says_whom_each_page_would_have_told_by_their_clock_and_from_whom_it_would_have_been_kept(
    run: Run, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    w = await on_call(pool)
    night = (datetime.now(UTC) - timedelta(days=1)).replace(hour=1, minute=0, second=0, microsecond=0)
    await sources.open_source(pool, "bluesky/jetstream", datetime.now(UTC))
    await pool.execute("UPDATE sources SET born_at = $1, stored = 100", night - timedelta(days=9))
    await pool.execute(_COUNT, w.brand_id, night)
    rules = tmp_path / "rules" / "rules.yaml"
    rules.write_text(
        RULES.replace("{id: mia,", "{id: mia, zone: Europe/Berlin,").replace(
            "kind: negative,", "kind: negative, severity: note,"
        )
    )
    span = (
        "--from",
        (night - timedelta(hours=2)).isoformat(),
        "--to",
        (night + timedelta(hours=2)).isoformat(),
        "--policy",
        "storm",
    )
    code, out, _ = await run("alerts", "try", *span)
    assert code == 1, out
    assert "keeps from mia" in out
    assert "    tells tom, " in out
    told = json.loads((await run("alerts", "try", *span, "--json"))[1])
    [one] = told["alerts"]
    assert [(who["person"], who["receivers"], who["quiet"], who["night"]) for who in one["people"]] == [
        ("tom", ["phone-tom"], False, True)
    ]
    [kept] = one["kept_from"]
    at = datetime.fromisoformat(kept["there"])
    assert at.utcoffset() == night.astimezone(zone("Europe/Berlin")).utcoffset()
    assert (kept["person"], kept["why"], night < at < night + timedelta(minutes=20)) == (
        "mia",
        "quiet until 07:00",
        True,
    )
    assert (told["pages"], told["at_night"], told["people"]["mia"]) == (
        1,
        1,
        {"told": 0, "at_night": 0, "kept_from": 1},
    )
    rules.write_text(RULES.replace("kind: negative,", "kind: negative, severity: critical,"))
    [one] = json.loads((await run("alerts", "try", *span, "--json"))[1])["alerts"]
    assert [(who["person"], who["quiet"], who["why"]) for who in one["people"]] == [
        ("mia", True, "critical passes them")
    ]
    assert one["kept_from"] == []


async def test_an_incident_that_could_not_be_delivered_stands_out_until_something_arrives(pool: asyncpg.Pool) -> None:
    w = await on_call(pool)
    at = datetime.now(UTC)
    id_ = await fire(w, fired(w, at=at))
    await due(w, at + timedelta(seconds=31))
    for receiver in ("room", "phone-mia", "phone-tom"):
        await settle(w, receiver, "failed", at + timedelta(seconds=32))
        await due(w, at + timedelta(seconds=32))
    assert (await incident_lists.standing(pool)).undelivered == (id_,)


async def test_the_report_is_printed_written_and_harmless(run: Run, pool: asyncpg.Pool, tmp_path: Path) -> None:
    w = await on_call(pool)
    at = datetime.now(UTC) - timedelta(minutes=2)
    id_ = await fire(w, replace(fired(w, at=at), evidence={"why": "48 negative \x1b[31m of 60 | <b>"}))
    await run("incidents", "note", str(id_), "# the \x1b]0;carrier | [knows](http://x.test)")
    code, out, _ = await run("incidents", "report", str(id_))
    assert (code, out.startswith(f"# Incident {id_}: Bad mood\n")) == (0, True)
    assert "\x1b" not in out
    assert "\\| \\<b\\>" in out, "nothing of theirs is a table's"
    assert "> \\# the" in out
    assert "\\[knows\\]\\(http" in out, "nor a heading or a link"
    file = tmp_path / "report.md"
    assert (await run("incidents", "report", str(id_), "--out", str(file)))[0] == 0
    assert "Who was told" not in file.read_text(), "nobody was"
    told = json.loads((await run("incidents", "report", str(id_), "--json"))[1])
    assert told["markdown"].startswith(f"# Incident {id_}")
    assert (await run("incidents", "report", "999"))[0] == 2
    assert (await run("incidents", "report", str(id_), "--out", str(tmp_path / "none" / "x")))[0] == 2


async def test_a_calendar_at_an_address_is_told_with_its_age_its_trouble_and_who_is_on_duty_by_it(
    run: Run, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    rules = RULES.replace("{person: mia, wait: 10m}", "{rota: support, wait: 10m}")
    rules += "rotas: [{key: support, zone: UTC, calendar: duty, layers: [{people: [mia], start: 2026-01-01, hand over: 09:00}]}]\n"
    (tmp_path / "rules" / "rules.yaml").write_text(rules)
    _, out, _ = await run("rules", "check", "--json")
    [strange] = [one for one in json.loads(out)["warnings"] if one["code"] == "unknown-calendar"]
    assert (strange["line"], "settings know no calendar 'duty'" in strange["message"]) == (11, True)
    with (tmp_path / "hubbub.toml").open("a") as settings:
        settings.write('[[calendar]]\nname = "duty"\nurl_env = "NOT_SET"\n')
    assert "unknown-calendar" not in (await run("rules", "check", "--json"))[1]
    await on_call(pool)
    now = datetime.now(UTC).replace(microsecond=0)
    day = timedelta(days=1)

    async def told() -> tuple[list[str], list[str], str]:
        asked = ("alerts", "route", "--policy", "storm", "--severity", "critical", "--at", (now + day).isoformat())
        first = json.loads((await run(*asked, "--json"))[1])
        people = [name for one in first["routes"][0]["told"][:1] for name in one["people"]]
        return people, first["calendars"][0]["says"], (await run(*asked))[1]

    assert (await told())[:2] == (["mia"], ["it was never read: the layers decide"])
    turns = (Turn("Tom", now, now + 3 * day), Turn("Doctor \x1b[31m", now, now + day))
    await calendars.know(pool, ["duty"], now)
    await calendars.keep(pool, "duty", Published(turns, now - day, now + 9 * day), now - timedelta(minutes=5), now)
    people, says, out = await told()
    assert (people, says[0]) == (["tom"], "read 5 min ago, 1 turn to come")
    assert "calendar duty (rota support): read 5 min ago" in out
    assert "\x1b" not in out
    await calendars.failed(pool, "duty", "it answered a web page", now - 2 * day, now)
    people, says, out = await told()
    assert (people, says[0]) == (["tom"], "it answered a web page, since 2 d ago")
    book = parse({"rules.yaml": rules})
    await rulebooks.publish(pool, book.hash, book.files, "", now)
    found = json.loads((await run("doctor", "--json"))[1])["checks"]
    [seen] = [one for one in found if one["name"] == "calendar"]
    assert (seen["state"], "as it was 5 min ago it is used, 1 turn to come" in seen["what"]) == ("bad", True)
