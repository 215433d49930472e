"""`hubbub connect` against pretend networks: the secret by reference, the settings to the letter, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from listener import settings as reading
from listener.cli import main
from listener.networks import NETWORKS
from listener.settings.adding import block, with_block
from listener.sources.registry import CONNECTS, SOURCES
from pretend.mastodon import Mastodon
from pretend.telegram import TOKEN, BotApi

OURS = '# Ours.\r\n[[brand]]\r\nkey = "lark"   # the bird\r\n\r\n[source.telegram]\r\napi = "{api}"'


class Person:
    """Somebody in a folder of their own, whose answers are lines of stdin."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.file = home, home / "hubbub.toml"
        self._capsys, self._patch = capsys, monkeypatch

    async def connects(self, *words: str, says: str = "") -> tuple[int, str, str]:
        self._patch.setattr(sys, "stdin", io.StringIO(says))
        code = await asyncio.to_thread(main, ["connect", *words])
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def person(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path))
    for name in ("HUBBUB_CONFIG", "HUBBUB_DATABASE_URL", "HUBBUB_JETSTREAM", "HUBBUB_APPVIEW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Person(tmp_path, capsys, monkeypatch)


async def test_an_account_is_added_to_settings_that_stay_to_the_letter_and_its_secret_is_ours_alone(
    person: Person,
) -> None:
    async with BotApi.start() as api:
        before = OURS.format(api=api.url).encode()
        person.file.write_bytes(before)
        code, said, told = await person.connects("telegram", says=f"{TOKEN}\n\n")
        assert (code, person.file.read_bytes()) == (1, before), "nobody said yes"
        assert "free; a bot from @BotFather" in told
        assert "privacy mode is on" in told
        assert "--yes adds it" in told
        code, said, told = await person.connects("telegram", "--yes", says=f"{TOKEN}\n\n")
        assert (code, "Next: hubbub doctor" in said) == (0, True)
        after = person.file.read_bytes()
        assert after.startswith(before + b"\r\n\r\n[[account]]\r\n")
        assert [path.read_bytes() for path in person.home.glob("hubbub.toml.*.bak")] == [before]
        [account] = reading.load().accounts
        assert account.secret is not None
        assert (account.source, account.handle, account.secret.read().reveal()) == ("telegram", "acme_bot", TOKEN)
        secret = Path(account.secret.name)
        assert (secret.parent, stat.S_IMODE(secret.stat().st_mode)) == (person.home / "state" / "secrets", 0o600)
        assert TOKEN not in said + told + after.decode()
        # Signing in again changes the secret alone.
        secret.write_text("old")
        code, said, _ = await person.connects("telegram", says=f"{TOKEN}\n\n")
        assert (code, "is in the settings already" in said) == (0, True)
        assert (secret.read_text().strip(), person.file.read_bytes()) == (TOKEN, after)
        person.file.write_bytes(before)
        code, said, _ = await person.connects("telegram", "--print", "--json", says=f"{TOKEN}\n\n")
        assert (code, json.loads(said)["block"].startswith("[[account]]\n")) == (0, True)
        assert person.file.read_bytes() == before


async def test_every_way_in_which_it_goes_wrong_says_what_to_do_and_changes_nothing(person: Person) -> None:
    async with BotApi.start() as api, Mastodon.start() as server:
        before = OURS.format(api=api.url).encode()
        person.file.write_bytes(before)
        wrong = TOKEN[:-3] + "xyz"
        api.faults.clear()
        for words, says, code, todo in (
            (["mastadon"], "", 2, "did you mean mastodon?"),
            (["x"], "", 1, "hubbub sources capabilities x"),
            (["telegram", "--brand", "lurk"], "", 2, "there are: lark"),
            (["telegram"], "", 1, "one answer a line"),
            (["telegram"], "no token\n\n", 1, "digits, a colon, and letters"),
            (["telegram"], f"{TOKEN}\nhttp://127.0.0.1:9\n", 3, "is there a network"),
            (["mastodon"], f"{api.url}\n\n", 1, "is it a Mastodon server?"),
            (["mastodon"], f"{server.url}\n{wrong}\n", 1, "was the whole token pasted?"),
        ):
            got, _, told = await person.connects(*words, "--yes", says=says)
            assert (got, todo in told) == (code, True), (words, says, got, told)
        assert (person.file.read_bytes(), list(person.home.glob("state/secrets/*"))) == (before, [])
        long = person.home / f"{'h' * 250}.toml"  # a copy beside it has too long a name: it cannot be written
        long.write_bytes(before)
        code, _, told = await person.connects("telegram", "--yes", "--config", str(long), says=f"{TOKEN}\n\n")
        assert (code, "hubbub.toml cannot be written" in told, "--print" in told) == (1, True, True)
        assert long.read_bytes() == before
        assert not [name for name in os.listdir(person.home) if name.startswith(".hub")]


def test_every_network_with_accounts_has_a_sign_in_and_odd_values_are_toml() -> None:
    assert set(CONNECTS) == {name for name in SOURCES if name in NETWORKS and NETWORKS[name].secret}
    made = block({"handle": 'a"\\\x7f\n', "tags": ("x", "y"), "flag": True, "seconds": 2.5, "service": "", "none": ()})
    text = with_block("", made)
    [read] = tomllib.loads(text)["account"]
    assert read == {"handle": 'a"\\\x7f\n', "tags": ["x", "y"], "flag": True, "seconds": 2.5}
    assert with_block("a = 1", made).startswith("a = 1\n\n[[account]]\n")
