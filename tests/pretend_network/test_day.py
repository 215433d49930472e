"""The scripted day and the bursts."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest

from pretend import day
from pretend.burst import Plan
from pretend.lexicon import graphemes
from pretend.network import Network
from tests.pretend_network.wire_client import Wire, until


async def test_the_day_has_everything_an_inbox_should_meet() -> None:
    async with Network.start(day="product-launch", speed=0, trickle_seconds=0) as net:
        assert net.day is not None
        await asyncio.wait_for(net.day.done.wait(), 20)
        events = [json.loads(event.frame) for event in net.world.log.events]
        ledger, everything = net.ledger(), net.ledger(everything=True)
    assert 200 <= len(events) <= 400
    operations = [event["commit"]["operation"] for event in events if event["kind"] == "commit"]
    assert {"create", "update", "delete"} <= set(operations)
    assert {event["kind"] for event in events} == {"commit", "account", "identity"}
    assert {event["account"].get("status") for event in events if event["kind"] == "account"} >= {
        "deleted",
        "takendown",
    }
    because = {reason for row in ledger for reason in row["because"]}
    assert because == {"mention", "reply", "root", "quote", "word"}
    assert sum(row["because"] == ["word"] for row in ledger) >= 10
    assert len(everything) - len(ledger) >= 40
    assert sum(row["deleted"] for row in ledger) >= 3
    assert sum(row["versions"] > 1 for row in ledger) >= 3
    langs = {
        lang for e in events if e["kind"] == "commit" for lang in (e["commit"].get("record") or {}).get("langs", [])
    }
    assert {"en", "es", "de", "fr", "ja", "ar", "pt"} <= langs
    texts = [row["text"] or "" for row in everything]
    for nasty in ("\x1b[", "\x1b]8;;", "\x1b]52;", "\u202e", "\u200b", "\x00", "[bold red]", "👩🏽‍🚒", "ＷＩＤＥ"):
        assert any(nasty in text for text in texts), nasty
    claimed = [e["commit"]["record"]["createdAt"] for e in events if e["kind"] == "commit" and "record" in e["commit"]]
    assert any(one.startswith("1970") for one in claimed)
    assert max(map(graphemes, texts)) <= 300


@pytest.mark.parametrize(
    ("label", "pattern", "least"),
    [
        ("outage", r"no service|outage|is down|down again|offline", 5),
        ("billing", r"charged twice|double (bill|charge)|refund|billed twice", 10),
        ("safety", r"burning smell|smoke|electric shock|burned two fingers", 2),
        ("legal threat", r"court|solicitor|lawyer|ombudsman", 3),
        ("abuse", r"\bidiot\b|moron|shut up|screw you", 3),
        ("delivery", r"parcel|courier|tracking|colis", 3),
        ("login", r"log ?in|locked out|password|ログイン", 3),
        ("praise", r"excellent|brilliant|wonderful|amazing|love it|thank you", 5),
        ("spam", r"click here|crypto|free phone", 3),
    ],
)
def test_every_kind_of_rule_has_something_to_find(label: str, pattern: str, least: int) -> None:
    script = day.read("product-launch", seed=1)
    said = [step.act["say"] for step in script.steps if "say" in step.act]
    assert sum(bool(re.search(pattern, text, re.IGNORECASE)) for text in said) >= least, label


def test_the_same_seed_is_the_same_day() -> None:
    one, same, other = (day.read("product-launch", seed) for seed in (1, 1, 2))
    assert one.steps == same.steps
    assert one.steps != other.steps


def test_the_afternoon_turns_ugly() -> None:
    steps = day.read("product-launch", seed=1).steps
    hours = [step.at // 3600 for step in steps if "@larkspur.test" in step.act.get("say", "")]
    assert hours.count(14) > 3 * max(hours.count(hour) for hour in (8, 9, 10, 11, 12, 16, 17))


async def test_the_first_mentions_arrive_within_two_seconds_at_the_default_speed() -> None:
    started = time.monotonic()
    async with Network.start(day="product-launch") as net:
        await until(lambda: len(net.index.notices(net.account.did)) >= 2, seconds=2)
        assert net.day is not None
        steps = day.read("product-launch", 1).steps
        assert 60 <= (steps[-1].at - steps[0].at) / day.DEFAULT_SPEED <= 90
        assert time.monotonic() - started < 2
        assert not net.day.done.is_set()


async def test_people_react_to_our_answers_and_the_day_ends_in_a_trickle() -> None:
    async with Network.start(day="product-launch", speed=0, trickle_seconds=0.02) as net:
        assert net.day is not None
        await asyncio.wait_for(net.day.done.wait(), 20)
        said = len(net.world.posts)
        await until(lambda: len(net.world.posts) >= said + 3)
        mira = next(row for row in net.ledger() if row["text"] and "phone line adapter" in row["text"])
        answer = net.stage.post("larkspur.test", "The old one fits.", reply_to=mira["uri"])
        await until(lambda: net.index.replies[answer.uri])
        reaction = next(iter(net.index.replies[answer.uri].values()))
        assert reaction.did == mira["uri"].split("/")[2]
        assert reaction.record is not None
        assert reaction.record["reply"]["root"]["uri"] == net.world.at(answer.uri).record["reply"]["root"]["uri"]


@pytest.mark.parametrize(
    "line",
    [
        '{"at":"08:00","by":"mira"}',
        '{"at":"08:00","by":"mira","say":"x","tone":"bad"}',
        '{"at":"8 am","by":"mira","say":"x"}',
        '{"at":"08:00","by":"mira","say":"x"',
        '{"storm":"x","at":"08:00","minutes":1,"text":["x"]}',
    ],
)
def test_a_broken_line_of_a_script_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        day.parse(f"{line}\n", seed=1)


def test_a_script_may_not_refer_to_what_was_not_said_yet() -> None:
    text = '{"at":"08:00","by":"mira","say":"x","to":"later"}\n{"at":"09:00","by":"tom","say":"y","id":"later"}\n'
    with pytest.raises(ValueError, match="later"):
        day.parse(text, seed=1)


async def test_a_burst_is_the_same_for_the_same_seed_and_its_ledger_adds_up(wire: Wire) -> None:
    books = []
    for _ in range(2):
        async with Network.start() as net:
            burst = net.burst(Plan(posts=400, per_second=0, seed=11))
            await net.burst_over(burst)
            assert (burst.posted, burst.done) == (400, True)
            everything = net.ledger(everything=True)
            assert len(everything) == 400
            assert sum(row["deleted"] for row in everything) == burst.deleted
            assert sum(row["versions"] - 1 for row in everything) == burst.edited
            assert min(burst.deleted, burst.edited) > 5
            assert 200 < len(net.ledger()) < 400
            events = [json.loads(event.frame)["commit"] for event in net.world.log.events]
            assert sum(event["operation"] == "create" for event in events) == 400
            books.append([(row["text"], row["versions"], row["deleted"], row["because"]) for row in everything])
    assert books[0] == books[1]


async def test_a_burst_keeps_its_pace() -> None:
    async with Network.start() as net:
        started = time.monotonic()
        await net.burst_over(net.burst(Plan(posts=100, per_second=200)))
        assert 0.4 < time.monotonic() - started < 3


async def test_the_day_goes_on_when_somebody_deletes_what_it_wanted_to_change() -> None:
    skipped: list[object] = []
    async with Network.start(day="product-launch", speed=20_000, trickle_seconds=0, told=skipped.append) as net:
        await until(lambda: net.records())
        await until(lambda: any("landline" in (row["text"] or "") for row in net.ledger()))
        net.stage.delete(next(row["uri"] for row in net.ledger() if "landline" in (row["text"] or "")))
        assert net.day is not None
        await asyncio.wait_for(net.day.done.wait(), 20)
        assert "one line: sold out" in net.ledger()[-1]["text"]
    assert [row["why"].split(":")[0] for row in skipped if "why" in row] == ["Could not locate record"]  # type: ignore[operator]
