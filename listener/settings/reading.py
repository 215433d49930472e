"""A document read table by table: every mistake collected with its place, none raised before the end. Owns what is known and of which type."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from listener.model.problems import Problem
from listener.networks import NETWORKS, Setting, Takes, heard
from listener.settings import alerting, calendars
from listener.settings import tones as toning
from listener.settings.places import Path_, places_of
from listener.settings.values import (
    AccountSettings,
    BadSettings,
    Brand,
    Database,
    Door,
    Paths,
    Recheck,
    Secret,
    SecretRef,
    Settings,
    SourceSettings,
)

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_PLAIN_SECRETS = frozenset(
    {"password", "app_password", "secret", "token", "app_secret", "client_secret", "verify_token"}
)
_KEPT = ("env", "file", "keyring")
_ACCOUNT = ("brand", "source", "handle", "service")
_WITH_ACCOUNTS = tuple(name for name in heard() if NETWORKS[name].secret)


TABLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "database",
        "brand",
        "account",
        "source",
        "rules",
        "inbox",
        "door",
        "recheck",
        "receiver",
        "person",
        "alerts",
        "tone",
        "calendar",
    ),
    "database": ("url", "url_env", "url_file", "password_env", "password_file", "embedded"),
    "brand": ("key", "name", "zone", "learning"),
    "account": tuple(
        dict.fromkeys(
            (
                *_ACCOUNT,
                *(f"{NETWORKS[name].secret}_{kind}" for name in _WITH_ACCOUNTS for kind in _KEPT),
                *(one for name in _WITH_ACCOUNTS for one in alerting.names(NETWORKS[name].account)),
            )
        )
    ),
    "source": heard(),
    **{f"source.{name}": alerting.names(NETWORKS[name].settings) for name in heard()},
    "rules": ("folder",),
    "inbox": ("hold_seconds",),
    "door": ("listen", "public", "trusted_proxies", "metrics", "metrics_to", "per_minute", "keep_hours"),
    "recheck": ("every_hours", "days"),
    **alerting.TABLES,
    **toning.TABLES,
    **calendars.TABLES,
}
_NETWORKS_OF = {name: Setting(name, Takes.LIST, "") for name in ("trusted_proxies", "metrics_to")}
_DAYS_KEPT = 30
_TYPES = {str: "text in quotes", bool: "true or false", float: "a number", dict: "a table", list: "a list"}


def parse(text: str, file: Path, paths: Paths) -> Settings:
    """Settings from the text of a file; relative paths in it are relative to it. BadSettings lists every mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise BadSettings([_syntax_problem(text, file, err)]) from None
    reader = _Reader(file, places_of(text))
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


class _Reader:
    """Reads a document table by table and collects what is wrong instead of raising."""

    def __init__(self, file: Path, places: Mapping[Path_, tuple[int, int]]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._places = places

    def settings(self, document: Mapping[str, Any], paths: Paths) -> Settings:
        self.known("", (), document)
        database = self._database(self._table(document, (), "database"), paths)
        brands = self._brands(self._tables(document, "brand"))
        accounts = self._accounts(self._tables(document, "account"), brands)
        source = self._table(document, (), "source")
        self.known("source", ("source",), source)
        sources = {name: self._source(name, source) for name in heard()}
        rules = self._table(document, (), "rules")
        self.known("rules", ("rules",), rules)
        folder = self.text(rules, ("rules",), "folder")
        inbox = self._table(document, (), "inbox")
        self.known("inbox", ("inbox",), inbox)
        hold = self._number(inbox, ("inbox",), "hold_seconds", 5.0, 0, 3600)
        receivers = alerting.receivers(self, self._tables(document, "receiver"))
        return Settings(
            paths,
            database,
            brands,
            accounts,
            sources,
            self.path(folder) if folder else None,
            hold,
            door=self._door(self._table(document, (), "door")),
            recheck=self._recheck(self._table(document, (), "recheck")),
            receivers=receivers,
            reach=alerting.reach(self, self._tables(document, "person"), receivers),
            alerts=alerting.alerts(self, self._table(document, (), "alerts")),
            tones=toning.tones(self, self._tables(document, "tone")),
            calendars=calendars.calendars(self, self._tables(document, "calendar")),
        )

    def _door(self, table: Mapping[str, Any]) -> Door:
        at: Path_ = ("door",)
        usual, public = Door(), self._flag(table, ("door",), "public", default=False)
        self.known("door", at, table)
        listen = self.text(table, at, "listen")
        host, port = _host_and_port(listen) if listen else (usual.host, usual.port)
        if not 0 <= port <= 65535 or not host:
            self.wrong((*at, "listen"), "value", f"{listen!r} is no address to listen at", "127.0.0.1:8080")
        elif not public and not _is_this_machine(host):
            self.wrong(
                (*at, "listen"),
                "public",
                f"{host} can be reached from outside, and the door speaks plain HTTP",
                "keep 127.0.0.1 behind a proxy that speaks TLS, or say public = true",
            )
        networks = {name: self._networks(table, at, name) for name in _NETWORKS_OF}
        return Door(
            host,
            port,
            bool(listen) or self._flag(table, at, "metrics", default=False),
            networks["trusted_proxies"],
            networks["metrics_to"],
            self._number(table, at, "per_minute", usual.per_minute, 1, 1_000_000),
            self._number(table, at, "keep_hours", usual.keep_hours, 0, 24 * _DAYS_KEPT),
        )

    def _networks(self, table: Mapping[str, Any], at: Path_, name: str) -> tuple[str, ...]:
        found = self._list(_NETWORKS_OF[name], table, at)
        for text in found:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                self.wrong((*at, name), "value", f"{text!r} is no network", "10.0.0.0/8, or one address: 192.0.2.7")
        return found

    def _recheck(self, table: Mapping[str, Any]) -> Recheck:
        at: Path_ = ("recheck",)
        usual = Recheck()
        self.known("recheck", at, table)
        every = self._number(table, at, "every_hours", usual.every_hours, 0, 24 * _DAYS_KEPT)
        return Recheck(every, self._number(table, at, "days", usual.days, 0.01, _DAYS_KEPT))

    def _database(self, table: Mapping[str, Any], paths: Paths) -> Database:
        at: Path_ = ("database",)
        self.known("database", at, table)
        url, folder = self.text(table, at, "url"), self.text(table, at, "embedded")
        password = self._secret(table, at, "password")
        url_ref = self._secret(table, at, "url")
        if url and not url.startswith(("postgresql://", "postgres://")):
            self.wrong((*at, "url"), "value", "not the address of a Postgres", "postgresql://user@host:5432/hubbub")
            url = ""
        elif url and _has_password(url):
            self.wrong(
                (*at, "url"),
                "plain-secret",
                "a password stands in the settings",
                'take it out of the address and say password_env = "HUBBUB_DB_PASSWORD"',
            )
        if folder and (url or url_ref):
            self.wrong((*at, "embedded"), "both", "both an embedded database and an address", "keep one of them")
        return Database(
            self.path(folder) if folder else paths.postgres, Secret(url) if url else None, url_ref, password
        )

    def _brands(self, tables: list[Mapping[str, Any]]) -> tuple[Brand, ...]:
        found: list[Brand] = []
        for number, table in enumerate(tables):
            at: Path_ = ("brand", number)
            self.known("brand", at, table)
            key = self.key(table, at, "key")
            if key in {brand.key for brand in found}:
                self.wrong((*at, "key"), "twice", f"the brand {key!r} is there twice", "keys must differ")
            zone = self.text(table, at, "zone") or "UTC"
            if not _is_zone(zone):
                self.wrong((*at, "zone"), "value", f"{zone!r} is no time zone", "a name such as Europe/Oslo")
            learning = self._flag(table, at, "learning", default=True)
            found.append(Brand(key, self.text(table, at, "name") or key, zone, learning))
        return tuple(found) or (Brand("main", "Main"),)

    def _accounts(self, tables: list[Mapping[str, Any]], brands: tuple[Brand, ...]) -> tuple[AccountSettings, ...]:
        found: list[AccountSettings] = []
        keys = [brand.key for brand in brands]
        for number, table in enumerate(tables):
            at: Path_ = ("account", number)
            self.known("account", at, table)
            brand = self.text(table, at, "brand") or (keys[0] if len(keys) == 1 else "")
            if not brand:
                self.wrong(at, "missing", "an account needs a brand", f'say brand = "{keys[0]}"')
            elif brand not in keys:
                self.wrong((*at, "brand"), "value", f"there is no brand {brand!r}", _meant(brand, keys))
            source = self.text(table, at, "source", needed=True)
            if source and source not in _WITH_ACCOUNTS:
                self.wrong((*at, "source"), "value", f"there is no source {source!r}", _no_source(source))
                continue
            service = self._url(table, at, "service", ("https", "http"))
            handle = self.text(table, at, "handle", needed=True).removeprefix("@")
            found.append(self._account(table, at, brand, source, handle, service))
        return tuple(found)

    def _account(
        self, table: Mapping[str, Any], at: Path_, brand: str, source: str, handle: str, service: str
    ) -> AccountSettings:
        network = NETWORKS.get(source)
        word, own = (network.secret, network.account) if network else ("password", ())
        secret = self._secret(table, at, word)
        if secret is None and not _PLAIN_SECRETS & set(table):
            self.wrong(at, "missing", f"an account needs a {word}", f'say {word}_env = "NAME_OF_A_VARIABLE"')
        for name in table:
            if name in TABLES["account"] and name not in {
                *_ACCOUNT,
                *(f"{word}_{kind}" for kind in _KEPT),
                *alerting.names(own),
            }:
                self.wrong(
                    (*at, name), "unknown", f"{name} is no setting of an account on {source}", _account_hint(word, own)
                )
        values, secrets = self.values(own, table, at)
        return AccountSettings(brand, source, handle, service, secret, self.place(at), values, secrets)

    def _source(self, name: str, sources: Mapping[str, Any]) -> SourceSettings:
        at: Path_ = ("source", name)
        table = self._table(sources, ("source",), name)
        self.known(f"source.{name}", at, table)
        values, secrets = self.values(NETWORKS[name].settings, table, at)
        return SourceSettings(values, secrets, name in sources)

    def values(
        self, declared: Iterable[Setting], table: Mapping[str, Any], at: Path_
    ) -> tuple[dict[str, Any], dict[str, SecretRef]]:
        """Every declared setting, with its default where the file says nothing."""
        values: dict[str, Any] = {}
        secrets: dict[str, SecretRef] = {}
        for one in declared:
            if one.takes is Takes.SECRET:
                if (ref := self._secret(table, at, one.name)) is not None:
                    secrets[one.name] = ref
            elif one.takes is Takes.NUMBER:
                values[one.name] = self._number(table, at, one.name, float(one.default), one.low, one.high)  # type: ignore[arg-type]
            elif one.takes is Takes.FLAG:
                values[one.name] = self._flag(table, at, one.name, default=bool(one.default))
            elif one.takes is Takes.TEXT:
                values[one.name] = self.text(table, at, one.name) or one.default
            elif one.takes is Takes.ADDRESS:
                values[one.name] = self._url(table, at, one.name, one.schemes) or one.default
            else:
                values[one.name] = self._list(one, table, at) or one.default or ()
        return values, secrets

    def _list(self, one: Setting, table: Mapping[str, Any], at: Path_) -> tuple[str, ...]:
        value = table.get(one.name, [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self._type((*at, one.name), list, value)
            return ()
        if one.takes is Takes.LIST:
            return tuple(item.strip() for item in value)
        ways = tuple(f"{scheme}://" for scheme in one.schemes)
        for item in value:
            if not (item.startswith(ways) and _host_of(item)):
                self.wrong(
                    (*at, one.name), "value", f"{item!r} is no address here", " or ".join(f"{way}host" for way in ways)
                )
        return tuple(item.rstrip("/") if "/" not in item.split("://", 1)[-1].rstrip("/") else item for item in value)

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
            self.wrong((name,), "type", f"[{name}] stands alone, but there may be several", f"write [[{name}]]")
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._type((name,), list, value)
            return []
        return value

    def text(self, table: Mapping[str, Any], at: Path_, name: str, *, needed: bool = False) -> str:
        """A text, without blanks around it; '' where there is none."""
        value = table.get(name)
        if value is None:
            if needed:
                self.wrong(at, "missing", f"{name} is missing", f'say {name} = "..."')
            return ""
        if not isinstance(value, str):
            self._type((*at, name), str, value)
            return ""
        if not value.strip() or any(ord(char) < 32 for char in value):
            self.wrong((*at, name), "value", f"{name} is empty or holds control characters", "give it a value")
        return value.strip()

    def _url(self, table: Mapping[str, Any], at: Path_, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(table, at, name)
        if value and not (value.startswith(tuple(f"{scheme}://" for scheme in schemes)) and _host_of(value)):
            self.wrong((*at, name), "value", f"{name} is no address", f"{schemes[0]}://host")
        return value.rstrip("/")

    def _number(self, table: Mapping[str, Any], at: Path_, name: str, default: float, low: float, high: float) -> float:
        value = table.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._type((*at, name), float, value)
            return default
        if not low <= value <= high:
            self.wrong((*at, name), "value", f"{name} is {value:g}", f"between {low:g} and {high:g}")
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
            self.wrong((*at, extra), "both", f"both {given[0]} and {extra}", "keep one of them")
        if not given:
            return None
        name = self.text(table, at, given[0])
        kind = given[0].removeprefix(f"{what}_")
        if kind == "file" and name:
            name = str(self.path(name))
        return SecretRef(kind, name, self.place((*at, given[0]))) if name else None

    # Problems

    def known(self, shape: str, at: Path_, table: Mapping[str, Any]) -> None:
        """Tells what has no place in a table."""
        known = TABLES[shape]
        for name in table:
            if name in known:
                continue
            if name in _PLAIN_SECRETS or f"{name}_env" in known:
                word = name if f"{name}_env" in known else "password" if "password_env" in known else "token"
                hint = f'keep it in the environment and say {word}_env = "NAME", or in a file: {word}_file = "..."'
                self.wrong((*at, name), "plain-secret", f"{name}: a secret stands in the settings", hint)
            else:
                self.wrong((*at, name), "unknown", f"there is no setting {name!r} here", _meant(name, known))

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
        self.wrong(at, "type", f"{at[-1]} must be {_TYPES[wanted]}, not {found}")

    def key(self, table: Mapping[str, Any], at: Path_, name: str) -> str:
        """A name that other places use."""
        key = self.text(table, at, name, needed=True)
        if key and not _KEY.match(key):
            self.wrong((*at, name), "value", f"{key!r} is no {name}", "small letters, digits, - and _")
        return key

    def names(self, table: Mapping[str, Any], at: Path_, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return self._list(Setting(name, Takes.LIST, ""), table, at)

    def meant(self, word: str, known: Iterable[str]) -> str:
        """Which one was meant."""
        return _meant(word, known)

    def wrong(self, at: Path_, code: str, message: str, hint: str = "") -> None:
        """Collects a mistake."""
        line, column = self._position(at)
        self.problems.append(Problem(str(self._file), line, column, code, message, hint))

    def place(self, at: Path_) -> str:
        """file:line:column."""
        line, column = self._position(at)
        return f"{self._file}:{line}:{column}"

    def _position(self, at: Path_) -> tuple[int, int]:
        while at and at not in self._places:
            at = at[:-1]
        return self._places.get(at, (1, 1))

    def path(self, text: str) -> Path:
        """A path, from the folder of the settings."""
        path = Path(text).expanduser()
        return path if path.is_absolute() else (self._file.absolute().parent / path)


def _meant(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"


def _no_source(name: str) -> str:
    """What to say to somebody who names a network that has no accounts here."""
    if (network := NETWORKS.get(name)) is None:
        return _meant(name, _WITH_ACCOUNTS)
    return network.why or f"{network.title} takes no account"


def _account_hint(word: str, own: Iterable[Setting]) -> str:
    return f"there are: {', '.join((*_ACCOUNT, *(f'{word}_{kind}' for kind in _KEPT), *alerting.names(own)))}"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _host_and_port(text: str) -> tuple[str, int]:
    """('', ..) or a port below 0 where it is no such thing."""
    host, colon, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port) if colon and port.isdecimal() and len(port) < 6 else -1


def _is_this_machine(host: str) -> bool:
    """By its spelling alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
