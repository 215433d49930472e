"""The operator's settings: `hubbub.toml` as frozen values. Owns names, defaults, places and the search for the file.

Every mistake is found in one go and told with file, line and column. Secrets come by reference only; what this module hands
out never shows them in a repr, a log or a traceback. It refuses to open a connection or to know what a network is.
"""

from __future__ import annotations

import difflib
import importlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import platformdirs

from listener.errors import FixMe
from listener.model import Problem

FILE = "hubbub.toml"
SOURCES = ("bluesky",)
ROOTS_HOME = Path("/var/lib/hubbub")
PUBLIC_JETSTREAM = ("wss://jetstream1.us-east.bsky.network", "wss://jetstream2.us-west.bsky.network")
PUBLIC_APPVIEW = "https://public.api.bsky.app"
PUBLIC_PDS = "https://bsky.social"

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_PLAIN_SECRETS = frozenset({"password", "app_password", "secret", "token"})
_MAX_FILE = 1 << 20


class Secret:
    """A password or an address that holds one. Only `reveal` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: for the wire, never for a message."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept: an environment variable, a file, or the desktop's keyring."""

    kind: str
    """env, file or keyring."""
    name: str
    place: str
    """file:line:column of the setting that says so."""

    def read(self, environ: Mapping[str, str] | None = None) -> Secret:
        """The secret now. FixMe, with the setting's place, when it is not there."""
        value = {"env": self._from_env, "file": self._from_file, "keyring": self._from_keyring}[self.kind](
            os.environ if environ is None else environ
        )
        if not value:
            raise FixMe(
                f"the secret in {self.kind} {self.name!r} is empty", where=self.place, hint="put the password there"
            )
        return Secret(value)

    def _from_env(self, environ: Mapping[str, str]) -> str:
        if self.name not in environ:
            raise FixMe(
                f"the environment variable {self.name} is not set",
                where=self.place,
                hint=f"export {self.name}=... before starting Hubbub, or use password_file",
            )
        return environ[self.name].strip()

    def _from_file(self, _: Mapping[str, str]) -> str:
        try:
            return Path(self.name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as err:
            told = err.strerror if isinstance(err, OSError) else "not text"
            raise FixMe(f"the secret's file cannot be read: {told}", where=self.place, hint=self.name) from None

    def _from_keyring(self, _: Mapping[str, str]) -> str:
        try:
            keyring = importlib.import_module("keyring")  # the extra `hubbub[keyring]`; rarely there
        except ImportError:
            raise FixMe(
                "password_keyring needs the keyring extra", where=self.place, hint="pip install 'hubbub[keyring]'"
            ) from None
        service, user = self.name.split("/", 1) if "/" in self.name else ("hubbub", self.name)
        found: str | None = keyring.get_password(service, user)
        if found is None:
            raise FixMe(
                f"the keyring has nothing for {self.name!r}", where=self.place, hint=f"keyring set {service} {user}"
            )
        return found


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things live on this machine. Under $HUBBUB_HOME all of them, when that is set."""

    home: Path
    state: Path
    logs: Path
    postgres: Path
    config: Path
    """The user's own hubbub.toml, which need not be there."""

    @property
    def log_file(self) -> Path:
        """The listener's log when it runs in the background."""
        return self.logs / "listener.log"


@dataclass(frozen=True, slots=True)
class Database:
    """Any Postgres 16 or newer by its address, else the embedded one in a folder."""

    embedded: Path
    url: Secret | None = None
    url_ref: SecretRef | None = None
    password: SecretRef | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether Hubbub starts and stops Postgres itself."""
        return self.url is None and self.url_ref is None

    def dsn(self, environ: Mapping[str, str] | None = None) -> Secret:
        """The address with its password. Only for a database by URL; FixMe when its secret is missing."""
        url = self.url or (self.url_ref.read(environ) if self.url_ref else None)
        if url is None:
            raise FixMe("the embedded database has no address before it runs")
        return url if self.password is None else _with_password(url, self.password.read(environ))


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand as the operator names it."""

    key: str
    name: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """An identity of ours on a source, and where its password is kept."""

    brand: str
    source: str
    handle: str
    service: str
    """The account's own server (Bluesky: its PDS or entryway); '' takes the source's."""
    password: SecretRef | None
    place: str


@dataclass(frozen=True, slots=True)
class BlueskySettings:
    """Hosts and habits for Bluesky. Every address can be another one: a mirror, a test network."""

    jetstream: tuple[str, ...] = PUBLIC_JETSTREAM
    appview: str = PUBLIC_APPVIEW
    pds: str = PUBLIC_PDS
    look_back_hours: float = 36.0
    poll_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator may set, with defaults for the rest."""

    paths: Paths
    database: Database
    brands: tuple[Brand, ...]
    accounts: tuple[AccountSettings, ...] = ()
    bluesky: BlueskySettings = field(default_factory=BlueskySettings)
    listen_bluesky: bool = True
    """Whether the public stream is read at all."""
    rules: Path | None = None
    """None: the shipped rules."""
    hold_seconds: float = 5.0
    """How long a reply can be taken back."""
    track: tuple[str, ...] = ()
    """Words from the command line to listen for, instead of the rulebook's topics."""
    file: Path | None = None

    def tracking(self, words: str | None) -> Settings:
        """The same settings, listening for these comma-separated words. FixMe when there is no word among them."""
        if words is None:
            return self
        found = tuple(dict.fromkeys(word for part in words.split(",") if (word := " ".join(part.split()))))
        if not found:
            raise FixMe(
                "--track needs a word", hint='for example: hubbub up --track "larkspur, larkspur support"', code="usage"
            )
        return replace(self, track=found)


class BadSettings(FixMe):
    """A settings file with mistakes: all of them, each with its place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        word = "a mistake" if count == 1 else f"{count} mistakes"
        super().__init__(f"the settings have {word}", where=self.problems[0].file, hint="mend and start again")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


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
    database, bluesky = settings.database, settings.bluesky
    if environ.get("HUBBUB_DATABASE_URL"):
        database = Database(database.embedded, url_ref=SecretRef("env", "HUBBUB_DATABASE_URL", "HUBBUB_DATABASE_URL"))
    if hosts := environ.get("HUBBUB_JETSTREAM", "").replace(",", " ").split():
        if wrong := [host for host in hosts if not host.startswith(("ws://", "wss://"))]:
            raise FixMe(
                f"{wrong[0]!r} is not a websocket address", where="HUBBUB_JETSTREAM", hint="ws://host or wss://host"
            )
        bluesky = replace(bluesky, jetstream=tuple(hosts))
    if appview := environ.get("HUBBUB_APPVIEW", "").strip():
        if not appview.startswith(("https://", "http://")):
            raise FixMe(f"{appview!r} is not an address", where="HUBBUB_APPVIEW", hint="https://host")
        bluesky = replace(bluesky, appview=appview.rstrip("/"))
    return replace(settings, database=database, bluesky=bluesky, file=file)


def parse(text: str, file: Path, paths: Paths) -> Settings:
    """Settings from the text of a file; relative paths in it are relative to it. BadSettings lists every mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise BadSettings([_syntax_problem(text, file, err)]) from None
    reader = _Reader(file, _places(text))
    settings = reader.settings(document, paths)
    if reader.problems:
        raise BadSettings(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return settings


def _syntax_problem(text: str, file: Path, err: tomllib.TOMLDecodeError) -> Problem:
    message = str(err)
    if found := re.search(r" \(at line (\d+), column (\d+)\)", message):
        line, column = int(found[1]), int(found[2])
        message = message.replace(found[0], "")
    else:
        line, column = text.count("\n") + 1, len(text.rsplit("\n", 1)[-1]) + 1
        message = message.replace(" (at end of document)", "")
    return Problem(str(file), line, column, "toml", message, "this is not TOML; see toml.io")


# Reading with places -------------------------------------------------------------------------------------------------

Path_ = tuple[str | int, ...]

_TABLES: Mapping[str, tuple[str, ...]] = {
    "": ("database", "brand", "account", "source", "rules", "inbox"),
    "database": ("url", "url_env", "url_file", "password_env", "password_file", "embedded"),
    "brand": ("key", "name", "zone"),
    "account": ("brand", "source", "handle", "service", "password_env", "password_file", "password_keyring"),
    "source": SOURCES,
    "source.bluesky": ("jetstream", "appview", "pds", "look_back_hours", "poll_seconds", "listen"),
    "rules": ("folder",),
    "inbox": ("hold_seconds",),
}
_TYPES = {str: "text in quotes", bool: "true or false", float: "a number", dict: "a table", list: "a list"}


class _Reader:
    """Reads a document table by table and collects what is wrong instead of raising."""

    def __init__(self, file: Path, places: Mapping[Path_, tuple[int, int]]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._places = places

    def settings(self, document: Mapping[str, Any], paths: Paths) -> Settings:
        self._known("", (), document)
        database = self._database(self._table(document, (), "database"), paths)
        brands = self._brands(self._tables(document, "brand"))
        accounts = self._accounts(self._tables(document, "account"), brands)
        source = self._table(document, (), "source")
        self._known("source", ("source",), source)
        bluesky, listen = self._bluesky(self._table(source, ("source",), "bluesky"))
        rules = self._table(document, (), "rules")
        self._known("rules", ("rules",), rules)
        folder = self._text(rules, ("rules",), "folder")
        inbox = self._table(document, (), "inbox")
        self._known("inbox", ("inbox",), inbox)
        hold = self._number(inbox, ("inbox",), "hold_seconds", 5.0, 0, 3600)
        return Settings(
            paths, database, brands, accounts, bluesky, listen, self._path(folder) if folder else None, hold
        )

    def _database(self, table: Mapping[str, Any], paths: Paths) -> Database:
        at: Path_ = ("database",)
        self._known("database", at, table)
        url, folder = self._text(table, at, "url"), self._text(table, at, "embedded")
        password = self._secret(table, at, "password")
        url_ref = self._secret(table, at, "url")
        if url and not url.startswith(("postgresql://", "postgres://")):
            self._wrong((*at, "url"), "value", "not the address of a Postgres", "postgresql://user@host:5432/hubbub")
            url = ""
        elif url and _has_password(url):
            self._wrong(
                (*at, "url"),
                "plain-secret",
                "a password stands in the settings",
                'take it out of the address and say password_env = "HUBBUB_DB_PASSWORD"',
            )
        if folder and (url or url_ref):
            self._wrong((*at, "embedded"), "both", "both an embedded database and an address", "keep one of them")
        return Database(
            self._path(folder) if folder else paths.postgres, Secret(url) if url else None, url_ref, password
        )

    def _brands(self, tables: list[Mapping[str, Any]]) -> tuple[Brand, ...]:
        found: list[Brand] = []
        for number, table in enumerate(tables):
            at: Path_ = ("brand", number)
            self._known("brand", at, table)
            key = self._text(table, at, "key", needed=True)
            if key and not _KEY.match(key):
                self._wrong((*at, "key"), "value", f"{key!r} is no key", "small letters, digits, - and _")
            if key in {brand.key for brand in found}:
                self._wrong((*at, "key"), "twice", f"the brand {key!r} is there twice", "keys must differ")
            zone = self._text(table, at, "zone") or "UTC"
            if not _is_zone(zone):
                self._wrong((*at, "zone"), "value", f"{zone!r} is no time zone", "a name such as Europe/Oslo")
            found.append(Brand(key, self._text(table, at, "name") or key, zone))
        return tuple(found) or (Brand("main", "Main"),)

    def _accounts(self, tables: list[Mapping[str, Any]], brands: tuple[Brand, ...]) -> tuple[AccountSettings, ...]:
        found: list[AccountSettings] = []
        keys = [brand.key for brand in brands]
        for number, table in enumerate(tables):
            at: Path_ = ("account", number)
            self._known("account", at, table)
            brand = self._text(table, at, "brand") or (keys[0] if len(keys) == 1 else "")
            if not brand:
                self._wrong(at, "missing", "an account needs a brand", f'say brand = "{keys[0]}"')
            elif brand not in keys:
                self._wrong((*at, "brand"), "value", f"there is no brand {brand!r}", _meant(brand, keys))
            source = self._text(table, at, "source", needed=True)
            if source and source not in SOURCES:
                self._wrong((*at, "source"), "value", f"there is no source {source!r}", _meant(source, SOURCES))
            service = self._url(table, at, "service", ("https", "http"))
            handle = self._text(table, at, "handle", needed=True).removeprefix("@")
            secret = self._secret(table, at, "password")
            if secret is None and not _PLAIN_SECRETS & set(table):
                self._wrong(at, "missing", "an account needs a password", 'say password_env = "NAME_OF_A_VARIABLE"')
            found.append(AccountSettings(brand, source, handle, service, secret, self._place(at)))
        return tuple(found)

    def _bluesky(self, table: Mapping[str, Any]) -> tuple[BlueskySettings, bool]:
        at: Path_ = ("source", "bluesky")
        self._known("source.bluesky", at, table)
        hosts = self._hosts(table, at)
        plain = BlueskySettings()
        return BlueskySettings(
            hosts or plain.jetstream,
            self._url(table, at, "appview", ("https", "http")) or plain.appview,
            self._url(table, at, "pds", ("https", "http")) or plain.pds,
            self._number(table, at, "look_back_hours", plain.look_back_hours, 0.01, 24 * 365),
            self._number(table, at, "poll_seconds", plain.poll_seconds, 0.05, 86400),
        ), self._flag(table, at, "listen", default=True)

    def _hosts(self, table: Mapping[str, Any], at: Path_) -> tuple[str, ...]:
        value = table.get("jetstream", [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(host, str) for host in value):
            self._type((*at, "jetstream"), list, value)
            return ()
        for host in value:
            if not host.startswith(("ws://", "wss://")):
                self._wrong(
                    (*at, "jetstream"), "value", f"{host!r} is not a websocket address", "ws://host or wss://host"
                )
        return tuple(host.rstrip("/") for host in value)

    # Values

    def _table(self, parent: Mapping[str, Any], at: Path_, name: str) -> Mapping[str, Any]:
        value = parent.get(name, {})
        if isinstance(value, dict):
            return value
        self._type((*at, name), dict, value)
        return {}

    def _tables(self, parent: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        value = parent.get(name, [])
        if isinstance(value, dict):
            self._wrong((name,), "type", f"[{name}] stands alone, but there may be several", f"write [[{name}]]")
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._type((name,), list, value)
            return []
        return value

    def _text(self, table: Mapping[str, Any], at: Path_, name: str, *, needed: bool = False) -> str:
        value = table.get(name)
        if value is None:
            if needed:
                self._wrong(at, "missing", f"{name} is missing", f'say {name} = "..."')
            return ""
        if not isinstance(value, str):
            self._type((*at, name), str, value)
            return ""
        if not value.strip() or any(ord(char) < 32 for char in value):
            self._wrong((*at, name), "value", f"{name} is empty or holds control characters", "give it a value")
        return value.strip()

    def _url(self, table: Mapping[str, Any], at: Path_, name: str, schemes: tuple[str, ...]) -> str:
        value = self._text(table, at, name)
        if value and not (value.startswith(tuple(f"{scheme}://" for scheme in schemes)) and _host_of(value)):
            self._wrong((*at, name), "value", f"{name} is no address", f"{schemes[0]}://host")
        return value.rstrip("/")

    def _number(self, table: Mapping[str, Any], at: Path_, name: str, default: float, low: float, high: float) -> float:
        value = table.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._type((*at, name), float, value)
            return default
        if not low <= value <= high:
            self._wrong((*at, name), "value", f"{name} is {value:g}", f"between {low:g} and {high:g}")
            return default
        return float(value)

    def _flag(self, table: Mapping[str, Any], at: Path_, name: str, *, default: bool) -> bool:
        value = table.get(name, default)
        if not isinstance(value, bool):
            self._type((*at, name), bool, value)
            return default
        return value

    def _secret(self, table: Mapping[str, Any], at: Path_, what: str) -> SecretRef | None:
        given = [name for kind in ("env", "file", "keyring") if (name := f"{what}_{kind}") in table]
        for extra in given[1:]:
            self._wrong((*at, extra), "both", f"both {given[0]} and {extra}", "keep one of them")
        if not given:
            return None
        name = self._text(table, at, given[0])
        kind = given[0].removeprefix(f"{what}_")
        if kind == "file" and name:
            name = str(self._path(name))
        return SecretRef(kind, name, self._place((*at, given[0]))) if name else None

    # Problems

    def _known(self, shape: str, at: Path_, table: Mapping[str, Any]) -> None:
        known = _TABLES[shape]
        for name in table:
            if name in known:
                continue
            if name in _PLAIN_SECRETS:
                hint = 'keep it in the environment and say password_env = "NAME", or in a file: password_file = "..."'
                self._wrong((*at, name), "plain-secret", f"{name}: a secret stands in the settings", hint)
            else:
                self._wrong((*at, name), "unknown", f"there is no setting {name!r} here", _meant(name, known))

    def _type(self, at: Path_, wanted: type, value: object) -> None:
        names = {
            str: "text",
            bool: "true or false",
            int: "a number",
            float: "a number",
            list: "a list",
            dict: "a table",
        }
        found = names.get(type(value), "a date or time")
        self._wrong(at, "type", f"{at[-1]} must be {_TYPES[wanted]}, not {found}")

    def _wrong(self, at: Path_, code: str, message: str, hint: str = "") -> None:
        line, column = self._position(at)
        self.problems.append(Problem(str(self._file), line, column, code, message, hint))

    def _place(self, at: Path_) -> str:
        line, column = self._position(at)
        return f"{self._file}:{line}:{column}"

    def _position(self, at: Path_) -> tuple[int, int]:
        while at and at not in self._places:
            at = at[:-1]
        return self._places.get(at, (1, 1))

    def _path(self, text: str) -> Path:
        path = Path(text).expanduser()
        return path if path.is_absolute() else (self._file.absolute().parent / path)


def _meant(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password) or "password=" in parts.query


def _with_password(url: Secret, password: Secret) -> Secret:
    parts = urlsplit(url.reveal())
    user, _, host = parts.netloc.rpartition("@")
    login = f"{user.partition(':')[0]}:{quote(password.reveal(), safe='')}"
    return Secret(urlunsplit(parts._replace(netloc=f"{login}@{host}")))


# Places in TOML text: tomllib tells none, so the text is scanned once for headers and keys -----------------------------

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*\]")
_ASSIGN = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=\s*")
_PARTS = re.compile(_NAME)
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')
_INNER = re.compile(rf"[{{,]\s*({_NAME})\s*=")


def _places(text: str) -> dict[Path_, tuple[int, int]]:
    """Path of a key or table to its (line, column), counted from 1. The text is valid TOML."""
    places: dict[Path_, tuple[int, int]] = {}
    counts: dict[Path_, int] = {}
    table: Path_ = ()
    open_string, depth = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not open_string and depth == 0:
            if header := _HEADER.match(line):
                table = _table_path(header, counts)
                places.setdefault(table, (number, header.start(1) + 1))
                continue
            if assign := _ASSIGN.match(line):
                path = table + tuple(part.strip("\"'") for part in _PARTS.findall(assign[1]))
                places.setdefault(path, (number, assign.start(1) + 1))
                if line[assign.end() :].startswith("{"):
                    for inner in _INNER.finditer(line, assign.end()):
                        places.setdefault((*path, inner[1].strip("\"'")), (number, inner.start(1) + 1))
        open_string, depth = _nesting(line, open_string, depth)
    return places


def _table_path(header: re.Match[str], counts: dict[Path_, int]) -> Path_:
    path: Path_ = ()
    parts = [part.strip("\"'") for part in _PARTS.findall(header[2])]
    for position, part in enumerate(parts):
        path = (*path, part)
        last = position == len(parts) - 1
        if last and header[1] == "[[":
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _nesting(line: str, open_string: str, depth: int) -> tuple[str, int]:
    """Whether a string of several lines or a bracket is still open after this line."""
    position = 0
    while position < len(line):
        if open_string:
            end = line.find(open_string, position)
            if end < 0:
                return open_string, depth
            position, open_string = end + 3, ""
            continue
        token = _TOKEN.search(line, position)
        if token is None:
            return "", depth
        position = token.end()
        if token[0] in ('"""', "'''"):
            open_string = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
    return open_string, depth
