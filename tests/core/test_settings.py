"""The settings file: what is read, and that every mistake is told with its place, all at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from listener.errors import FixMe
from listener.settings import BadSettings, Door, Recheck, Secret, SecretRef, Settings, find_paths, load, parse

GOOD = """\
# a comment with [brackets] and = signs
[database]
url = "postgresql://hubbub@db.internal:5432/hubbub?sslmode=verify-full"
password_env = "DB_PASSWORD"

[[brand]]
key = "larkspur"
name = "Larkspur"
zone = "Europe/Oslo"

[[brand]]
key = "teasel"

[[account]]
brand = "larkspur"
source = "bluesky"
handle = "@larkspur.example"
password_file = "secrets/bluesky"
service = "https://pds.example/"

[source.bluesky]
jetstream = [
    "wss://one.example/",
    "wss://two.example",
]
poll_seconds = 5

[rules]
folder = "our-rules"

[inbox]
hold_seconds = 8
"""


def read(text: str, tmp_path: Path) -> Settings:
    return parse(text, tmp_path / "hubbub.toml", find_paths({"HUBBUB_HOME": str(tmp_path / "home")}))


def mistakes(text: str, tmp_path: Path) -> list[tuple[int, int, str, str]]:
    with pytest.raises(BadSettings) as caught:
        read(text, tmp_path)
    assert all(problem.file == str(tmp_path / "hubbub.toml") for problem in caught.value.problems)
    return [(p.line, p.column, p.code, f"{p.message} ({p.hint})") for p in caught.value.problems]


def test_a_good_file(tmp_path: Path) -> None:
    settings = read(GOOD, tmp_path)
    assert [(b.key, b.name, b.zone) for b in settings.brands] == [
        ("larkspur", "Larkspur", "Europe/Oslo"),
        ("teasel", "teasel", "UTC"),
    ]
    (account,) = settings.accounts
    assert (account.handle, account.service) == ("larkspur.example", "https://pds.example")
    assert account.secret is not None
    assert (account.secret.kind, account.secret.name) == ("file", str(tmp_path / "secrets/bluesky"))
    assert settings.sources["bluesky"].values["jetstream"] == ("wss://one.example", "wss://two.example")
    assert (settings.sources["bluesky"].values["poll_seconds"], settings.hold_seconds) == (5.0, 8.0)
    assert settings.rules == tmp_path / "our-rules"
    assert not settings.database.is_embedded
    dsn = settings.database.dsn({"DB_PASSWORD": "s/ecret:@"})
    assert dsn.reveal() == "postgresql://hubbub:s%2Fecret%3A%40@db.internal:5432/hubbub?sslmode=verify-full"


def test_nothing_at_all_is_enough(tmp_path: Path) -> None:
    settings = read("", tmp_path)
    assert settings.database.is_embedded
    assert settings.database.embedded == tmp_path / "home" / "postgres"
    assert [brand.key for brand in settings.brands] == ["main"]
    assert settings.rules is None
    assert settings.tracking(" larkspur ,  larkspur  support,larkspur").track == ("larkspur", "larkspur support")
    with pytest.raises(FixMe):
        settings.tracking(" , ")


def test_every_mistake_at_once_with_its_place(tmp_path: Path) -> None:
    text = """\
[database]
ulr = "postgresql://x@y/z"

[[brand]]
key = "larkspur"
zone = "Mars/Olympus"

[[account]]
brand = "larkspurr"
source = "bluesky"
handle = "a.example"
  password = "hunter2"

[source.bluesky]
jetstream = "https://not-a-websocket"
poll_seconds = "often"

[inbox]
hold_seconds = true
"""
    found = mistakes(text, tmp_path)
    assert [(line, column, code) for line, column, code, _ in found] == [
        (2, 1, "unknown"),
        (6, 1, "value"),
        (9, 1, "value"),
        (12, 3, "plain-secret"),
        (15, 1, "value"),
        (16, 1, "type"),
        (19, 1, "type"),
    ]
    told = "\n".join(text for *_, text in found)
    assert "did you mean 'url'?" in told
    assert "did you mean 'larkspur'?" in told
    assert "poll_seconds must be a number, not text" in told
    assert "hold_seconds must be a number, not true or false" in told
    assert "password_env" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [
        ("[database\n", 1, 10, "toml"),
        ("a = 1\na = 2\n", 2, 6, "toml"),
        ('x = """open', 1, 12, "toml"),
        ("database = 3\n", 1, 1, "type"),
        ('database.url = "mysql://x"\n', 1, 1, "value"),
        ('[database]\nurl = "postgresql://u:pw@h/d"\n', 2, 1, "plain-secret"),
        ("[brand]\nkey = 'a'\n", 1, 1, "type"),
        ("[[brand]]\nname = 'a'\n", 1, 1, "missing"),
        ("[[brand]]\nkey='a'\n[[brand]]\nkey='a'\n", 4, 1, "twice"),
        ("source = { bluesky = { polls = 1 } }\n", 1, 12, "unknown"),
        ('[source.friendster]\nurl = "x"\n', 1, 1, "unknown"),
        ('[rules]\nfolder = """\n[inbox]\n"""\n[inbox]\nhold_seconds = -1\n', 6, 1, "value"),
        ("[inbox]\nhold_seconds = 1979-05-27\n", 2, 1, "type"),
    ],
)
def test_places(tmp_path: Path, text: str, line: int, column: int, code: str) -> None:
    assert (line, column, code) in [found[:3] for found in mistakes(text, tmp_path)]


def test_an_account_without_a_password_is_told_what_to_say(tmp_path: Path) -> None:
    ((line, _, code, told),) = mistakes("[[account]]\nsource = 'bluesky'\nhandle = 'a.example'\n", tmp_path)
    assert (line, code) == (1, "missing")
    assert "password_env" in told


def test_a_missing_secret_names_the_setting(tmp_path: Path) -> None:
    ref = SecretRef("env", "NOT_THERE", "hubbub.toml:3:1")
    with pytest.raises(FixMe, match=r"hubbub.toml:3:1: the environment variable NOT_THERE is not set"):
        ref.read({})
    with pytest.raises(FixMe, match="is empty"):
        ref.read({"NOT_THERE": "  "})
    with pytest.raises(FixMe, match="cannot be read: No such file"):
        SecretRef("file", str(tmp_path / "none"), "x:1:1").read({})
    (tmp_path / "secret").write_text("pass word\n")
    assert SecretRef("file", str(tmp_path / "secret"), "x:1:1").read({}).reveal() == "pass word"


def test_secrets_do_not_show(tmp_path: Path) -> None:
    settings = read('[database]\nurl = "postgresql://hubbub@secrethost/hubbub"\n', tmp_path)
    assert "secrethost" not in repr(settings)
    assert "hunter2" not in f"{Secret('hunter2')} {Secret('hunter2')!r} {[Secret('hunter2')]}"


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HUBBUB_HOME": str(home)}

    def hold(seconds: int, path: Path) -> None:
        path.write_text(f"[inbox]\nhold_seconds = {seconds}\n")

    assert load(None, environ).file is None
    hold(1, home / "hubbub.toml")
    assert load(None, environ).hold_seconds == 1
    hold(2, tmp_path / "hubbub.toml")
    assert load(None, environ).hold_seconds == 2
    hold(3, tmp_path / "named.toml")
    assert load(None, environ | {"HUBBUB_CONFIG": str(tmp_path / "named.toml")}).hold_seconds == 3
    hold(4, tmp_path / "given.toml")
    assert load(tmp_path / "given.toml", environ | {"HUBBUB_CONFIG": "named.toml"}).hold_seconds == 4
    with pytest.raises(FixMe, match="cannot be read"):
        load(tmp_path / "absent.toml", environ)
    (tmp_path / "binary.toml").write_bytes(b"# fine\n\xff\xfe")
    with pytest.raises(BadSettings, match=r"binary.toml:2:1: not UTF-8"):
        load(tmp_path / "binary.toml", environ)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "closed.toml"
    path.write_text("")
    path.chmod(0)
    with pytest.raises(FixMe, match="Permission denied"):
        load(path, {"HUBBUB_HOME": str(tmp_path)})


def test_the_environment_overrides_hosts_and_database(tmp_path: Path) -> None:
    environ = {
        "HUBBUB_HOME": str(tmp_path),
        "HUBBUB_JETSTREAM": "ws://127.0.0.1:1, ws://127.0.0.1:2",
        "HUBBUB_APPVIEW": "http://127.0.0.1:3/",
        "HUBBUB_DATABASE_URL": "postgresql://u:pw@h/d",
    }
    settings = load(None, environ)
    assert settings.sources["bluesky"].values["jetstream"] == ("ws://127.0.0.1:1", "ws://127.0.0.1:2")
    assert settings.sources["bluesky"].values["appview"] == "http://127.0.0.1:3"
    assert settings.database.dsn(environ).reveal() == "postgresql://u:pw@h/d"
    assert "pw@h" not in repr(settings)
    with pytest.raises(FixMe, match="not a websocket"):
        load(None, environ | {"HUBBUB_JETSTREAM": "http://x"})


def test_the_door_is_on_this_machine_unless_it_is_meant_otherwise(tmp_path: Path) -> None:
    assert (read("", tmp_path).door, read("", tmp_path).recheck) == (Door(), Recheck())
    told = read('[door]\nlisten = "[::1]:8081"\ntrusted_proxies = ["10.0.0.0/8"]\nkeep_hours = 2', tmp_path).door
    assert told == Door("::1", 8081, wanted=True, trusted_proxies=("10.0.0.0/8",), keep_hours=2)
    [(line, column, code, words)] = mistakes('[door]\nlisten = "0.0.0.0:80"', tmp_path)
    assert (line, column, code) == (2, 1, "public")
    assert "public = true" in words
    assert read('[door]\nlisten = "0.0.0.0:80"\npublic = true', tmp_path).door.host == "0.0.0.0"
    for text in ('listen = "8080"', 'listen = "127.0.0.1:99999"', 'metrics_to = ["here"]', "per_minute = 0"):
        assert [code for _, _, code, _ in mistakes(f"[door]\n{text}", tmp_path)] == ["value"]


def test_receivers_and_who_is_told_by_them(tmp_path: Path) -> None:
    text = """
[[receiver]]
name = "chat"
kind = "apprise"
url = "slack://TokenA/TokenB/TokenC"
[[receiver]]
name = "hook"
kind = "webhook"
address = "ftp://x"
key_env = "X"
[[receiver]]
name = "hook"
kind = "pager"
[[receiver]]
name = "am"
kind = "alertmanager"
[[person]]
login = "mia"
receivers = ["chta"]
[[person]]
login = "tom"
[alerts]
heartbeat_seconds = 1
"""
    found = mistakes(text, tmp_path)
    assert [(line, code) for line, _, code, _ in found] == [
        (5, "plain-secret"), (6, "missing"), (9, "value"), (10, "unknown"), (12, "twice"), (13, "value"), (14, "missing"),
        (19, "value"), (20, "missing"), (23, "value"),
    ]  # fmt: skip
    told = "\n".join(text for *_, text in found)
    assert "TokenA" not in told
    assert "did you mean 'chat'?" in told
    assert "did you mean 'pagerduty'?" in told
    right = read(
        '[[receiver]]\nname = "chat"\nkind = "apprise"\nurl_env = "CHAT"\n[[person]]\nlogin = "mia"\nreceivers = "chat"\n'
        '[alerts]\naddress = "https://h.example/"\n',
        tmp_path,
    )
    (chat,) = right.receivers
    assert (chat.name, chat.kind, right.reach, right.alerts.address) == (
        "chat",
        "apprise",
        {"mia": ("chat",)},
        "https://h.example",
    )
    with pytest.raises(FixMe, match="CHAT is not set"):
        chat.options({})
    assert chat.options({"CHAT": "slack://x"}) == {"url": "slack://x"}


def test_calendars_by_where_their_addresses_are_kept(tmp_path: Path) -> None:
    text = """
[[calendar]]
name = "duty"
url = "https://calendar.example/private-1234/basic.ics"
[[calendar]]
name = "Duty!"
url_env = "X"
[[calendar]]
name = "night"
[[calendar]]
name = "day"
url_env = "X"
[[calendar]]
name = "day"
url_file = "y"
"""
    found = mistakes(text, tmp_path)
    assert [(line, code) for line, _, code, _ in found] == [
        (4, "plain-secret"), (6, "value"), (8, "missing"), (14, "twice"),
    ]  # fmt: skip
    assert "private-1234" not in str(found)
    (duty,) = read('[[calendar]]\nname = "duty"\nurl_env = "DUTY"\n', tmp_path).calendars
    assert (duty.name, duty.url.read({"DUTY": " https://x/y.ics\n"}).reveal()) == ("duty", "https://x/y.ics")
