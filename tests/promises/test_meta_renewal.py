"""A login by Instagram itself ends after 60 days: it is renewed before that where its secret may be put in its place, else told."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from listener.model.accounts import Account
from listener.settings import SecretRef
from listener.settings.keeping import Kept
from listener.sources.meta import Instagram
from listener.sources.meta.instagram import LASTS
from listener.webclient.client import WebClient
from pretend import graph
from pretend.graph import GONE, Graph
from tests.promises.scenes_meta import NOW, source_of


@pytest.fixture
async def net() -> AsyncIterator[Graph]:
    async with Graph.start(clock=lambda: NOW) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "secrets" / "token"
    made.parent.mkdir()
    made.write_text(graph.GRAM_TOKEN)
    return put(made, 51)


def put(file: Path, days: float) -> Path:
    """As if it was put there so many days ago."""
    at = (NOW - timedelta(days=days)).timestamp()
    os.utime(file, (at, at))
    return file


async def made_of(net: Graph, web: WebClient, file: Path, said: list[str]) -> Instagram:
    source = source_of("instagram", net, web, token=file.read_text().strip(), login="instagram", said=said)
    source._logins = tuple(
        replace(one, kept=Kept(SecretRef("file", str(file), "hubbub.toml:1:1"))) for one in source._logins
    )
    await source.identify("larkspur.gram")
    assert isinstance(source, Instagram)
    return source


async def turn(source: Instagram, net: Graph) -> None:
    """What the sweep does once an hour."""
    await source._ground(source.seats[net.gram]).watch()


async def test_a_login_is_renewed_before_its_last_days_and_another_program_takes_it_up(
    net: Graph, web: WebClient, file: Path
) -> None:
    said: list[str] = []
    source, other = await made_of(net, web, file, said), await made_of(net, web, file, said)
    assert source.expiries() == {net.gram: NOW - timedelta(days=51) + LASTS}
    await turn(source, net)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("IGrenewed1\n", 0o600)
    assert sorted(one.name for one in file.parent.iterdir()) == ["token"], "nothing lies beside it"
    assert LASTS - (source.expiries()[net.gram] - NOW) < timedelta(minutes=2)
    await turn(source, net)
    assert net.renewed == ["IGrenewed1"]
    assert source.seats[net.gram].token == "IGrenewed1"
    assert [path for method, path in net.asked if path == "refresh_access_token"] == ["refresh_access_token"]
    account = Account(1, 1, "instagram", "instagram", net.gram, "larkspur")
    assert (await other._seat(account)).token == "IGrenewed1"
    assert "it ends 2027-01-27" in " ".join(said)
    assert "IG" not in " ".join(said), "no token in a log"


@pytest.mark.parametrize(
    "case", ["too early", "another's folder", "an environment", "the network says no", "changed meanwhile"]
)
async def test_otherwise_nothing_is_written_and_the_login_goes_on_as_it_is(
    net: Graph, web: WebClient, file: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    if case == "too early":
        put(file, 49)
    elif case == "another's folder" and os.geteuid() == 0:
        os.chown(file, 65534, 65534)
        put(file, 51)
    elif case == "another's folder":
        file.parent.chmod(0o500)
    source = await made_of(net, web, file, said)
    if case == "an environment":
        monkeypatch.setenv("IG_TOKEN", graph.GRAM_TOKEN)
        kept = Kept(SecretRef("env", "IG_TOKEN", "hubbub.toml:1:1"))
        source._logins = tuple(replace(one, kept=kept) for one in source._logins)
    elif case == "the network says no":
        net.fail("GET", "refresh_access_token", GONE)
    elif case == "changed meanwhile":
        net.renewed.append("IGother")
        file.write_text("IGother")  # somebody signed in anew
    before = file.read_text()
    await turn(source, net)
    assert file.read_text() == before
    assert source.seats[net.gram].token == before
    assert net.renewed == (["IGother"] if case == "changed meanwhile" else [])
    if case != "an environment":
        assert net.gram in source.expiries(), "whoever may renew it is told when it ends"
    file.parent.chmod(0o700)


def test_what_stands_there_by_now_is_not_written_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(SecretRef("file", str(file), "hubbub.toml:1:1"))
    assert not kept.replace("another", "new")
    assert file.read_text() == graph.GRAM_TOKEN
    link = file.parent / "link"
    link.symlink_to(file)
    assert Kept(SecretRef("file", str(link), "hubbub.toml:1:1")).replace(graph.GRAM_TOKEN, "new")
    assert (file.read_text(), link.is_symlink()) == ("new\n", True)
    monkeypatch.setenv("IG_TOKEN", "old")
    monkeypatch.chdir(file.parent)
    assert not Kept(SecretRef("env", "IG_TOKEN", "hubbub.toml:1:1")).replace("old", "new")
    assert sorted(one.name for one in file.parent.iterdir()) == ["link", "token"]
