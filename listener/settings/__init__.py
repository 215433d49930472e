"""The operator's settings: `hubbub.toml` as frozen values. Owns the search for the file, what the environment overrides, and where things live.

Every mistake is found in one go and told with file, line and column. Secrets come by reference only. It refuses to open a connection
or to know what a network is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import platformdirs

from listener.errors import FixMe
from listener.model.problems import Problem
from listener.settings.reading import TABLES, parse
from listener.settings.tones import ToneSettings
from listener.settings.values import (
    AccountSettings,
    AlertSettings,
    BadSettings,
    Brand,
    CalendarSettings,
    Database,
    Door,
    Paths,
    ReceiverSettings,
    Recheck,
    Secret,
    SecretRef,
    Settings,
    SourceSettings,
)

__all__ = [
    "TABLES",
    "AccountSettings",
    "AlertSettings",
    "BadSettings",
    "Brand",
    "CalendarSettings",
    "Database",
    "Door",
    "Paths",
    "ReceiverSettings",
    "Recheck",
    "Secret",
    "SecretRef",
    "Settings",
    "SourceSettings",
    "ToneSettings",
    "find_file",
    "find_paths",
    "load",
    "parse",
]

FILE = "hubbub.toml"
ROOTS_HOME = Path("/var/lib/hubbub")
_MAX_FILE = 1 << 20


def find_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """Where things live: $HUBBUB_HOME for all of it, else the system's usual places (for root's database /var/lib/hubbub)."""
    environ = os.environ if environ is None else environ
    if given := environ.get("HUBBUB_HOME"):
        home = Path(given).expanduser().absolute()
        return Paths(home, home / "state", home / "log", home / "postgres", home / FILE)
    home = ROOTS_HOME if os.geteuid() == 0 else platformdirs.user_data_path("hubbub")
    state, logs = platformdirs.user_state_path("hubbub"), platformdirs.user_log_path("hubbub")
    return Paths(home, state, logs, home / "postgres", platformdirs.user_config_path("hubbub") / FILE)


def find_file(given: Path | None, environ: Mapping[str, str], paths: Paths) -> Path | None:
    """The settings file: `--config`, $HUBBUB_CONFIG, ./hubbub.toml, the user's own; None when there is none at all."""
    if given is not None:
        return given.expanduser()
    if named := environ.get("HUBBUB_CONFIG"):
        return Path(named).expanduser()
    return next((path for path in (Path.cwd() / FILE, paths.config) if path.is_file()), None)


def load(given: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. BadSettings (a FixMe) lists every mistake of the file; FixMe when it cannot be read."""
    environ = os.environ if environ is None else environ
    paths = find_paths(environ)
    file = find_file(given, environ, paths)
    if file is None:
        return _with_environ(parse("", Path(FILE), paths), environ, None)
    try:
        raw = file.read_bytes()
    except OSError as err:
        raise FixMe(
            f"the settings cannot be read: {err.strerror}", where=str(file), hint="check the name and the permissions"
        ) from None
    if len(raw) > _MAX_FILE:
        raise FixMe("the settings file is too big", where=str(file), hint="is this really a hubbub.toml?")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as err:
        line = raw.count(b"\n", 0, err.start) + 1
        raise BadSettings(
            [Problem(str(file), line, 1, "not-text", "not UTF-8 text", "save the file as UTF-8")]
        ) from None
    return _with_environ(parse(text, file, paths), environ, file.absolute())


def _with_environ(settings: Settings, environ: Mapping[str, str], file: Path | None) -> Settings:
    """What the environment overrides: the database's address, the Jetstream hosts and the AppView, for containers and tests."""
    database, sources = settings.database, dict(settings.sources)
    if environ.get("HUBBUB_DATABASE_URL"):
        database = Database(database.embedded, url_ref=SecretRef("env", "HUBBUB_DATABASE_URL", "HUBBUB_DATABASE_URL"))
    bluesky = dict(sources["bluesky"].values)
    if hosts := environ.get("HUBBUB_JETSTREAM", "").replace(",", " ").split():
        if wrong := [host for host in hosts if not host.startswith(("ws://", "wss://"))]:
            raise FixMe(
                f"{wrong[0]!r} is not a websocket address", where="HUBBUB_JETSTREAM", hint="ws://host or wss://host"
            )
        bluesky["jetstream"] = tuple(hosts)
    if appview := environ.get("HUBBUB_APPVIEW", "").strip():
        if not appview.startswith(("https://", "http://")):
            raise FixMe(f"{appview!r} is not an address", where="HUBBUB_APPVIEW", hint="https://host")
        bluesky["appview"] = appview.rstrip("/")
    sources["bluesky"] = replace(sources["bluesky"], values=bluesky)
    return replace(settings, database=database, sources=sources, file=file)
