"""The pretend network as a program: its one line, its state file, its control door, its end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pretend.__main__ import main
from pretend.log import Journal
from pretend.network import Network
from tests.pretend_network.wire_client import POST, Wire, until

ROOT = Path(__file__).parents[2]


class Program:
    """A pretend network in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self.process = process
        self.ready = ready
        self._http = http

    async def get(self, path: str) -> Any:
        async with self._http.get(self.ready["url"] + path) as answer:
            return await answer.json()

    async def post(self, path: str, body: object) -> tuple[int, Any]:
        async with self._http.post(self.ready["url"] + path, json=body) as answer:
            return answer.status, await answer.json()

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 10)


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "pretend", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        async with aiohttp.ClientSession() as http:
            yield Program(process, json.loads(line), http)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def test_one_line_when_ready_and_a_quick_end_with_subscribers(tmp_path: Path) -> None:
    async with program("--port", "0", "--seed", "7") as run:
        ready = run.ready
        assert set(ready) == {"url", "jetstream", "pds", "account", "seed"}
        assert ready["jetstream"].startswith("ws://127.0.0.1:")
        assert ready["account"]["handle"] == "larkspur.test"
        async with aiohttp.ClientSession() as http, http.ws_connect(ready["jetstream"]):
            started = asyncio.get_running_loop().time()
            assert await run.end(signal.SIGTERM) == 0
            assert asyncio.get_running_loop().time() - started < 3


async def test_a_killed_network_keeps_its_history(tmp_path: Path) -> None:
    state = str(tmp_path / "state.jsonl")
    async with program("--state", state) as run:
        _, one = await run.post(
            "/_pretend/act", {"act": "post", "as": "mira.test", "text": "@larkspur.test \u0000 nul"}
        )
        await run.post("/_pretend/act", {"act": "edit", "uri": one["uri"], "text": "@larkspur.test edited"})
        _, two = await run.post("/_pretend/act", {"act": "post", "as": "tom.test", "text": "gone"})
        await run.post("/_pretend/act", {"act": "delete", "uri": two["uri"]})
        await run.post("/_pretend/act", {"act": "account", "as": "gwen.test", "status": "deleted"})
        await run.post("/_pretend/act", {"act": "identity", "as": "mira.test", "handle": "mira-new.test"})
        login = {"identifier": "larkspur.test", "password": run.ready["account"]["password"]}
        _, session = await run.post("/xrpc/com.atproto.server.createSession", login)
        before = await run.get("/_pretend/records?repo=*"), await run.get("/_pretend/ledger")
        events = await _history(run)
        await run.end(signal.SIGKILL)
    _append(Path(state), b'{"k":"event","v":{"seq":99,"fra')  # a torn last line
    async with program("--state", state) as run:
        assert (await run.get("/_pretend/records?repo=*"), await run.get("/_pretend/ledger")) == before
        assert await _history(run) == events
        _, again = await run.post("/_pretend/act", {"act": "post", "as": "mira-new.test", "text": "still here"})
        assert again["uri"].split("/")[2] == one["uri"].split("/")[2]
        last = (await _history(run))[-1]
        assert last["cursor"] == events[-1]["cursor"] + 1
        assert last["time_us"] > events[-1]["time_us"]
        async with aiohttp.ClientSession() as http:
            headers = {"Authorization": f"Bearer {session['refreshJwt']}"}
            url = run.ready["url"] + "/xrpc/com.atproto.server.refreshSession"
            async with http.post(url, headers=headers) as answer:
                assert answer.status == 200
            headers = {"Authorization": f"Bearer {session['accessJwt']}"}
            url = run.ready["url"] + "/xrpc/app.bsky.notification.listNotifications"
            async with http.get(url, headers=headers) as answer:
                notices = (await answer.json())["notifications"]
        assert [(one["reason"], one["record"]["text"]) for one in notices] == [("mention", "@larkspur.test edited")]


def _append(path: Path, body: bytes) -> None:
    with path.open("ab") as file:
        file.write(body)


async def _history(run: Program) -> list[dict[str, Any]]:
    count = (await run.get("/_pretend/state"))["events"]
    async with aiohttp.ClientSession() as http, http.ws_connect(run.ready["jetstream"] + "?cursor=0") as socket:
        return [json.loads((await socket.receive(5)).data) for _ in range(count)]


def test_a_torn_journal_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"k":"a","v":1}\n{"k":"b"')
    journal = Journal(path)
    assert list(journal.lines()) == [b'{"k":"a","v":1}\n']
    journal.write("c", b"2")
    journal.close()
    assert path.read_bytes() == b'{"k":"a","v":1}\n{"k":"c","v":2}\n'


async def test_the_day_goes_on_where_it_was_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    async with Network.start(state=state, day="product-launch", speed=20_000, trickle_seconds=0) as net:
        assert net.day is not None
        await until(lambda: net.day is not None and net.day.progress["played"] > 60)
        half = net.day.progress["played"]
    async with Network.start(state=state, day="product-launch", speed=0, trickle_seconds=0) as net:
        assert net.day is not None
        assert net.day.progress["played"] >= half
        await asyncio.wait_for(net.day.done.wait(), 20)
        interrupted = [row["text"] for row in net.ledger(everything=True)]
    async with Network.start(day="product-launch", speed=0, trickle_seconds=0) as net:
        assert net.day is not None
        await asyncio.wait_for(net.day.done.wait(), 20)
        whole = [row["text"] for row in net.ledger(everything=True)]
    assert interrupted == whole


async def test_the_control_door(wire: Wire) -> None:
    async def control(verb: str, path: str, **options: Any) -> Any:
        answer = await wire.call(verb, f"/_pretend/{path}", **options)
        assert answer.status == 200, answer
        return answer.body

    acts = [
        {"act": "post", "as": "mira.test", "text": "larkspur is down", "langs": ["en"], "rkey": "3kaaaaaaaaa2k"},
        {"act": "follow", "as": "mira.test"},
    ]
    ref, _ = await control("POST", "act", json=acts)
    assert ref["uri"].endswith("/3kaaaaaaaaa2k")
    await control("POST", "act", json={"act": "like", "as": "tom.test", "uri": ref["uri"]})
    rows = (await control("GET", "ledger"))["posts"]
    assert [(row["uri"], row["versions"], row["deleted"], row["because"]) for row in rows] == [
        (ref["uri"], 1, False, ["word"])
    ]
    assert (await control("GET", "ledger?words=tulip"))["posts"] == []
    records = (await control("GET", f"records?repo=mira.test&collection={POST}"))["records"]
    assert [(row["rkey"], row["commits"]) for row in records] == [("3kaaaaaaaaa2k", 1)]
    await control("POST", "faults", json=[{"where": "_health", "effect": "status", "status": 502}])
    assert (await control("GET", "faults"))["faults"][0]["where"] == "_health"
    assert (await wire.get("_health")).status == 502
    assert (await control("GET", "faults"))["faults"] == []
    await control("POST", "faults", json={"where": "*", "effect": "cut", "times": 0})
    assert (await control("DELETE", "faults"))["faults"] == []
    state = await control("POST", "settings", json={"lookback_seconds": 5, "search_needs_login": False})
    assert (state["settings"]["lookback_seconds"], state["settings"]["search_needs_login"]) == (5.0, False)
    log = (await control("GET", "log?method=_health"))["requests"]
    assert [(line["verb"], line["status"], line["fault"]) for line in log] == [("GET", 502, "status")]
    burst = await control("POST", "burst", json={"posts": 50, "per_second": 0, "wait": True})
    assert (burst["posted"], burst["done"]) == (50, True)
    assert (await control("GET", "burst"))["bursts"] == [burst]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("act", {"act": "explode"}),
        ("act", {"act": "post", "text": "by nobody"}),
        ("act", {"act": "post", "as": "mira.test", "text": "x", "colour": "red"}),
        ("act", {"act": "post", "as": "mira.test", "text": "x" * 301}),
        ("act", {"act": "account", "as": "mira.test", "status": "bored"}),
        ("act", "post"),
        ("act", {"act": "post", "as": 7, "text": "x"}),
        ("act", {"act": "edit", "uri": "at://mira.test/app.bsky.feed.post/none", "text": "x"}),
        ("burst", ["posts"]),
        ("settings", ["lookback_seconds"]),
        ("faults", {"where": "*"}),
        ("burst", {"posts": "many"}),
        ("burst", {"pots": 5}),
        ("settings", {"lookback_seconds": "long"}),
        ("settings", {"look_back": 1}),
        ("settings", {"first_seq": -1}),
        ("settings", {"seq_in_events": 1}),
    ],
)
async def test_the_control_door_refuses_what_it_does_not_understand(wire: Wire, path: str, body: object) -> None:
    answer = await wire.call("POST", f"/_pretend/{path}", json=body)
    assert answer.status == 400
    assert answer.body["message"]


async def test_a_log_since_nonsense_is_refused(wire: Wire) -> None:
    assert (await wire.call("GET", "/_pretend/log?since=lunch")).status == 400


def test_usage_errors_and_taken_ports_have_exit_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (["--day", "none"], ["--speed", "-1"], ["--speed", "slow"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert main(["--faults", '[{"where": "*"}]']) == 2
    assert main(["--set", "lookback=1"]) == 2
    folder = tmp_path / "folder"
    folder.mkdir()
    assert main(["--state", str(folder)]) == 3
    assert "pretend:" in capsys.readouterr().err
