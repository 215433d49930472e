"""What goes wrong from outside and from inside, and what a running listener makes of it: waits, refuses, tells; loses nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pretend.network import Network
from pretend.repo import Status
from tests.journeys.running import Running, running, until

HELD = "SELECT text FROM mention_versions AS v JOIN mentions AS m ON m.id = v.mention_id WHERE m.external_id = $1"

# A real Postgres saying in its own protocol what it says when the disk is full.
FULL = """
CREATE FUNCTION hubbub.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file "base/5/16385": No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON hubbub.mentions FOR EACH STATEMENT EXECUTE FUNCTION hubbub.full();
"""


async def command(
    house: Running, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One of our commands in this house."""
    line = [sys.executable, "-m", "listener", *arguments, "--config", str(house.folder / "hubbub.toml")]
    return await asyncio.to_thread(
        subprocess.run, line, env=environ or house.environ, capture_output=True, text=True, timeout=60, check=False
    )


async def is_ready(house: Running) -> None:
    await until(lambda: house.pool.fetchval("SELECT state = 'ready' FROM accounts"), told=house.logs)
    stream = "SELECT cursor IS NOT NULL FROM sources WHERE key = 'bluesky/jetstream'"
    await until(lambda: house.pool.fetchval(stream), told=house.logs)


async def is_held(house: Running, uri: str) -> str:
    return await until(lambda: house.pool.fetchval(HELD, uri), told=house.logs)


@pytest.mark.timeout(120)
async def test_a_full_disk_is_waited_out_and_told_and_nothing_is_lost() -> None:
    async with Network.start() as network, running(network) as house:
        listener = house.program("listener")
        await is_ready(house)
        await house.pool.execute(FULL)
        said = [network.stage.post("mira.test", f"@larkspur.test are you there? {n}") for n in range(5)]

        async def told() -> bool:
            return "disk is full" in str(await house.pool.fetchval("SELECT state->>'problem' FROM programs"))

        await until(told, told=house.logs)
        doctor = await command(house, "doctor")
        assert "the database's disk is full" in doctor.stdout
        assert await house.pool.fetchval("SELECT count(*) FROM mentions") == 0
        await house.pool.execute("DROP FUNCTION hubbub.full CASCADE")
        for post in said:
            await is_held(house, post.uri)
        assert listener.starts == 1
        assert listener.is_alive(), listener.tail()
        assert "the database is back" in listener.tail()


@pytest.mark.timeout(120)
async def test_a_bad_rule_file_is_told_with_its_place_and_a_second_listener_gives_up_loudly_and_the_first_judges_on(
    tmp_path: Path,
) -> None:
    """By the last good rules. (How long a second one waits for the first is time enough for the rest.)"""
    flagged = "SELECT f.rule FROM flags AS f JOIN mentions AS m ON m.id = f.mention_id WHERE m.external_id = $1"
    async with Network.start() as network, running(network) as house:
        first = house.program("listener")
        await is_ready(house)
        elsewhere = {**house.environ, "HUBBUB_HOME": str(tmp_path), "HUBBUB_DATABASE_URL": house.server.dsn()}
        second = asyncio.create_task(command(house, "serve", environ=elsewhere))
        path = house.folder / "rules" / "rules.yaml"
        good = path.read_text()
        path.write_text(good.replace("priority: high", "priority: hihg"))

        async def refused() -> bool:
            found = await house.pool.fetchval("SELECT problems FROM rulebook_health")
            return bool(found)

        await until(refused, told=house.logs)
        doctor = await command(house, "doctor")
        assert doctor.returncode == 1
        line = 1 + good[: good.index("priority: high")].count("\n")
        assert f"rules.yaml:{line}:" in doctor.stdout
        assert "until then the last good rulebook judges" in doctor.stdout
        check = await command(house, "rules", "check", str(house.folder / "rules"))
        assert check.returncode == 1
        assert f"rules.yaml:{line}:" in check.stdout

        still = network.stage.post("mira.test", "@larkspur.test everything is down")
        await is_held(house, still.uri)
        assert [row["rule"] for row in await house.pool.fetch(flagged, still.uri)] == ["down"]

        path.write_text(good.replace("id: down", "id: outage"))

        async def renewed() -> bool:
            return not await house.pool.fetchval("SELECT jsonb_array_length(problems) FROM rulebook_health")

        await until(renewed, told=house.logs)
        after = network.stage.post("mira.test", "@larkspur.test still down")
        await is_held(house, after.uri)
        assert [row["rule"] for row in await house.pool.fetch(flagged, after.uri)] == ["outage"]
        assert (await command(house, "rules", "check", str(house.folder / "rules"))).returncode == 0

        gave_up = await second
        assert gave_up.returncode == 1
        assert "another listener already runs bluesky/" in gave_up.stderr
        last = network.stage.post("mira.test", "@larkspur.test hello")
        await is_held(house, last.uri)
        assert first.is_alive()


@pytest.mark.timeout(120)
async def test_bad_rules_at_the_start_leave_the_shipped_ones_in_force() -> None:
    async with Network.start() as network, running(network) as house:
        (house.folder / "rules" / "rules.yaml").write_text("rules: [")
        listener = house.program("listener")
        await is_ready(house)
        post = network.stage.post("mira.test", "@larkspur.test the router is smoking, there was a burning smell")
        await is_held(house, post.uri)
        rules = {row["rule"] for row in await house.pool.fetch("SELECT rule FROM flags")}
        assert "safety" in rules
        assert "the shipped rules judge" in listener.tail()
        problems = await house.pool.fetchval("SELECT jsonb_array_length(problems) FROM rulebook_health")
        assert problems > 0


@pytest.mark.timeout(120)
async def test_an_account_that_is_taken_down_is_told_by_name_and_the_stream_goes_on() -> None:
    async with Network.start() as network, running(network, poll=0.5) as house:
        listener = house.program("listener")
        await is_ready(house)
        network.stage.status(network.account.did, Status.TAKENDOWN)

        async def stopped() -> Any:
            return await house.pool.fetchval("SELECT problem FROM accounts WHERE state = 'stopped'")

        problem = await until(stopped, told=house.logs)
        assert "AccountTakedown" in problem
        post = network.stage.post("mira.test", "larkspur has gone silent")
        await is_held(house, post.uri)
        doctor = json.loads((await command(house, "doctor", "--json")).stdout)
        bad = [check["what"] for check in doctor["checks"] if check["state"] == "bad"]
        assert any("AccountTakedown" in what for what in bad)
        assert listener.is_alive(), listener.tail()
