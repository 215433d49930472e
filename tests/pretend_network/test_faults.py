"""Scripted misbehaviour, on requests and on the stream."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise

import aiohttp
import pytest

from pretend import garbage
from pretend.faults import Effect, Fault
from pretend.network import Network
from tests.pretend_network.wire_client import POST, Wire, everything, until

PUT = "com.atproto.repo.putRecord"
KEY = "3mxyzreply22k"


async def test_a_write_can_be_accepted_and_its_answer_cut_off(net: Network, wire: Wire) -> None:
    await wire.log_in()
    net.faults.add(Fault(PUT, Effect.CUT, carried_out=True))
    with pytest.raises(aiohttp.ClientError):
        await wire.put(KEY, "did it arrive?")
    assert [(row["rkey"], row["commits"]) for row in net.records()] == [(KEY, 1)]
    again = await wire.put(KEY, "did it arrive?")
    assert again.status == 200
    assert "commit" not in again.body
    assert [row["commits"] for row in net.records()] == [1]
    cut, whole = net.requests.since(0, PUT)
    assert (cut.key, cut.status, cut.carried_out, cut.fault) == (f"{wire.us}/{POST}/{KEY}", 0, True, "cut")
    assert (whole.key, whole.status, whole.fault) == (cut.key, 200, "")


async def test_a_write_can_be_lost_before_it_was_accepted(net: Network, wire: Wire) -> None:
    await wire.log_in()
    net.faults.add(Fault(PUT, Effect.CUT))
    with pytest.raises(aiohttp.ClientError):
        await wire.put(KEY, "lost")
    assert net.records() == []
    assert not net.requests.since(0, PUT)[0].carried_out
    assert "commit" in (await wire.put(KEY, "lost")).body


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_server_errors_with_and_without_the_work_done(net: Network, wire: Wire, status: int) -> None:
    await wire.log_in()
    net.faults.add(Fault(PUT, Effect.STATUS, status=status), Fault(PUT, Effect.STATUS, status=status, carried_out=True))
    first = await wire.put(KEY, "hm")
    assert (first.status, set(first.body)) == (status, {"error", "message"})
    assert net.records() == []
    assert (await wire.put(KEY, "hm")).status == status
    assert [row["commits"] for row in net.records()] == [1]
    assert (await wire.put(KEY, "hm")).status == 200
    assert [row["commits"] for row in net.records()] == [1]


async def test_429_says_when_to_come_back(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("*", Effect.STATUS, status=429, retry_after=7))
    answer = await wire.get("com.atproto.server.describeServer")
    assert (answer.status, answer.error) == (429, "RateLimitExceeded")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert 5 < int(answer.headers["RateLimit-Reset"]) - time.time() < 9


async def test_any_error_name_can_be_scripted(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("com.atproto.*", Effect.STATUS, status=400, error="ExpiredToken", message="Token has expired"))
    answer = await wire.get("com.atproto.server.describeServer")
    assert (answer.status, answer.body) == (400, {"error": "ExpiredToken", "message": "Token has expired"})


async def test_answers_can_be_late_but_the_work_is_done_at_once(net: Network, wire: Wire) -> None:
    await wire.log_in()
    net.faults.add(Fault(PUT, Effect.LATE, seconds=0.3))
    started = time.monotonic()
    call = asyncio.create_task(wire.put(KEY, "late"))
    await until(net.records)
    assert time.monotonic() - started < 0.25
    assert (await call).status == 200
    assert time.monotonic() - started >= 0.3


async def test_malformed_answers(net: Network, wire: Wire) -> None:
    await wire.log_in()
    net.faults.add(Fault(PUT, Effect.MALFORMED))
    with pytest.raises(json.JSONDecodeError):
        await wire.put(KEY, "garbled")
    assert len(net.records()) == 1


async def test_faults_skip_repeat_and_run_out(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("com.atproto.server.describeServer", Effect.STATUS, skip=2, every=2, times=2))
    statuses = [(await wire.get("com.atproto.server.describeServer")).status for _ in range(7)]
    assert statuses == [200, 200, 503, 200, 503, 200, 200]
    assert (await wire.get("_health")).status == 200
    net.faults.add(Fault("*", Effect.STATUS, times=0))
    assert [(await wire.get("_health")).status for _ in range(3)] == [503, 503, 503]
    net.faults.clear()
    assert (await wire.get("_health")).status == 200


async def test_the_stream_is_refused_before_the_upgrade(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.STATUS, times=2))
    for _ in range(2):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with wire.stream():
                pass
        assert refused.value.status == 503
    async with wire.stream():
        pass


async def test_the_stream_is_cut_after_some_events_and_can_be_taken_up_again(net: Network, wire: Wire) -> None:
    for n in range(6):
        net.stage.post("mira.test", f"post {n}")
    net.faults.add(Fault("subscribe", Effect.CUT, skip=3))
    async with wire.stream(cursor=0) as stream:
        events = await stream.events(3)
        assert (await stream.raw()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    async with wire.stream(cursor=events[-1]["cursor"]) as stream:
        assert await stream.texts(4) == ["post 2", "post 3", "post 4", "post 5"]


async def test_an_event_comes_twice(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.TWICE, skip=1))
    async with wire.stream() as stream:
        for n in range(3):
            net.stage.post("mira.test", f"post {n}")
        events = await stream.events(4)
    assert events[1] == events[2]
    assert [event["cursor"] for event in events] == [1, 2, 2, 3]


async def test_order_is_kept_within_a_did_and_lost_across(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.SHUFFLE, window=12, seconds=0.2))
    async with wire.stream() as stream:
        refs = [net.stage.post(f"p{n % 3}.test", f"post {n}") for n in range(12)]
        events = await stream.events(12)
    numbers = [int(event["commit"]["record"]["text"].split()[1]) for event in events]
    assert sorted(numbers) == list(range(12))
    assert numbers != list(range(12))
    for person in range(3):
        assert [n for n in numbers if n % 3 == person] == list(range(person, 12, 3))
    assert all(one["cursor"] < other["cursor"] and one["time_us"] < other["time_us"] for one, other in pairwise(events))
    assert len(net.records("*")) == len(refs)


async def test_a_shuffle_that_finds_no_company_lets_go_in_time(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.SHUFFLE, window=50, seconds=0.1))
    async with wire.stream() as stream:
        net.stage.post("mira.test", "alone")
        assert await stream.texts(1) == ["alone"]


async def test_a_shuffle_never_holds_back_what_we_were_told_is_accepted(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.SHUFFLE, window=50, seconds=60, times=0))
    async with wire.stream() as stream:
        net.stage.post("mira.test", "held")
        net.stage.post("larkspur.test", "ours")
        assert await stream.texts(1) == ["ours"]
        await wire.call("DELETE", "/_pretend/faults")
        assert await stream.texts(1) == ["held"]


async def test_garbage_of_every_kind_comes_before_the_event(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.GARBAGE))
    async with wire.stream() as stream:
        net.stage.post("mira.test", "good")
        frames = [(await stream.raw()).data for _ in garbage.FRAMES]
        assert await stream.texts(1) == ["good"]
    assert frames[0] == ""
    assert max(map(len, frames)) > 1_000_000
    broken = 0
    for frame in frames:
        try:
            json.loads(frame)
        except (ValueError, RecursionError):
            broken += 1
    assert broken >= 4
    everything = "".join(frames)
    for sign in ("\\u0000", "\\ud83d", "NaN", "1000000000000000000000000000000", '"time_us":-'):
        assert sign in everything
    assert all(row["did"] != garbage.GARBAGE_DID for row in [{"did": one.did} for one in net.world.actors()])


async def test_garbage_can_be_chosen_by_name_or_written_out(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.GARBAGE, frames=("null", '{"kind":')))
    async with wire.stream() as stream:
        net.stage.post("mira.test", "good")
        assert [(await stream.raw()).data for _ in range(2)] == ["null", '{"kind":']


@pytest.mark.parametrize("pongs", [True, False])
async def test_a_stalled_stream_neither_speaks_nor_closes(net: Network, wire: Wire, pongs: bool) -> None:
    net.settings.change({"ping_seconds": 0.05})
    net.faults.add(Fault("subscribe", Effect.STALL, pongs=pongs))
    address = net.url + "/subscribe"
    async with wire.session.ws_connect(address, autoping=False) as socket:
        net.stage.post("mira.test", "never sent")
        await until(lambda: not net.faults.shown())  # the stall has begun
        await socket.ping(b"?")
        seen = await everything(socket, 0.3)
        assert (aiohttp.WSMsgType.PONG in seen) is pongs
        assert aiohttp.WSMsgType.TEXT not in seen
        assert not socket.closed


async def test_a_stall_of_some_seconds_ends(net: Network, wire: Wire) -> None:
    net.faults.add(Fault("subscribe", Effect.STALL, seconds=0.2))
    async with wire.stream() as stream:
        net.stage.post("mira.test", "at last")
        assert await stream.texts(1) == ["at last"]


@pytest.mark.parametrize(
    "bad",
    [
        "a string",
        {},
        {"where": "*", "effect": "explode"},
        {"where": "*", "effect": "cut", "tiems": 3},
        {"where": "*", "effect": "cut", "times": "3"},
        {"where": "*", "effect": "cut", "times": -1},
        {"where": "*", "effect": "cut", "carried_out": 1},
        {"where": "*", "effect": "late", "seconds": True},
        {"where": "subscribe", "effect": "garbage", "frames": "null"},
    ],
)
def test_a_fault_that_is_not_understood_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Fault.read(bad)


def test_a_fault_reads_back_as_it_was_written() -> None:
    fault = Fault.read({"where": "subscribe", "effect": "garbage", "frames": ["null"], "times": 0, "seconds": 2})
    assert Fault.read(fault.shown()) == fault
