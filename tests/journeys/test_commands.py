"""The commands on a house that works: list, search, show, reply, backup and restore, by hand and for programs."""

from __future__ import annotations

import json

import pytest

from pretend.network import Network
from tests.journeys.running import running, until
from tests.journeys.test_trouble import command, is_held, is_ready

HOSTILE = (
    "\x1b[2J\x1b[1;31m hello @larkspur.test is it down?\x1b]8;;http://evil.test\x07 \u202edesrever\u202c [bold]x[/bold]"
)


@pytest.mark.timeout(180)
async def test_list_show_reply_backup_and_restore() -> None:
    async with Network.start() as network, running(network) as house:
        listener = house.program("listener")
        await is_ready(house)
        post = network.stage.post("mira.test", HOSTILE)
        await is_held(house, post.uri)
        await until(lambda: house.pool.fetchval("SELECT id FROM conversations"), told=house.logs)

        queue = json.loads((await command(house, "list", "--json")).stdout)
        (row,) = queue["rows"]
        number = str(row["id"])
        for arguments in (["list"], ["search", "down"], ["search", "down", "--format", "csv"], ["show", number]):
            shown = await command(house, *arguments)
            assert shown.returncode == 0, shown.stderr
            assert "is it down?" in shown.stdout
            assert not {"\x1b", "\x07", "\u202e", "\u202c"} & set(shown.stdout), arguments
        assert (await command(house, "search", "nothing-of-the-kind")).returncode == 1
        assert (
            json.loads((await command(house, "search", "-nothing", "down", "--json")).stdout)["rows"][0]["text"]
            == HOSTILE
        )
        bad = await command(house, "search", 'down "open')
        assert (bad.returncode, bad.stdout) == (2, "")
        assert bad.stderr.splitlines()[1:3] == ['    down "open', "         ^"]
        whole = json.loads((await command(house, "show", number, "--json")).stdout)
        assert whole["thread"][0]["text"] == HOSTILE, "programs get the text as it is"

        said = await command(
            house, "reply", number, "No, all is well: https://larkspur.test/status", "--wait", "--json"
        )
        assert said.returncode == 0, said.stdout + said.stderr
        assert json.loads(said.stdout)["state"] in ("accepted", "seen")
        (record,) = network.records()
        assert record["record"]["text"].startswith("No, all is well")
        assert record["record"]["reply"]["parent"]["uri"] == post.uri
        too_long = await command(house, "reply", number, "x" * 301)
        assert too_long.returncode == 1
        assert "too long: 301 of 300" in too_long.stderr
        wrong = await command(house, "reply", number, "hello", "--as", "nobody.test")
        assert "there is no account 'nobody.test'" in wrong.stderr

        saved = house.folder / "saved.backup"
        backup = await command(house, "backup", str(saved), "--json")
        assert backup.returncode == 0, backup.stderr
        assert (await command(house, "backup", str(saved))).returncode == 1, "it overwrote a backup"
        running_still = await command(house, "restore", str(saved), "--replace")
        assert running_still.returncode == 1
        assert "hubbub down first" in running_still.stderr
        await listener.end()

        later = network.stage.post("mira.test", "@larkspur.test said while nobody listened")
        await house.pool.execute("DELETE FROM conversation_mentions")
        await house.pool.expire_connections()
        await house.pool.close()
        back = await command(house, "restore", str(saved), "--replace")
        assert back.returncode == 0, back.stderr
        shown = await command(house, "show", number)
        assert "No, all is well" in shown.stdout

        # From the backup's bookmark the listener hears what was said meanwhile, and says nothing again.
        house.program("listener")

        async def heard() -> bool:
            done = await command(house, "search", "nobody", "listened")
            return "said while nobody listened" in done.stdout

        await until(heard, every=0.5, told=house.logs)
        assert later.uri
        assert len(network.records()) == 1
        assert network.records()[0]["commits"] == 1
