"""The settings as frozen values, with their defaults. Owns what never shows a secret in a repr, a log or a traceback."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from listener.errors import FixMe
from listener.model.problems import Problem
from listener.settings.tones import ToneSettings


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
    learning: bool = True
    """What its people decide may teach a model."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """An identity of ours on a source, and where its password is kept."""

    brand: str
    source: str
    handle: str
    service: str
    """The account's own server; '' takes the network's."""
    secret: SecretRef | None
    """Where its password or token is kept."""
    place: str
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the network declares for its accounts, defaults filled in."""
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)

    def options(self, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Values, and the further secrets as they are now. FixMe, with its place, where one is not there."""
        return {**self.values, **{name: ref.read(environ).reveal() for name, ref in self.secrets.items()}}


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[source.<name>]`: every setting that the network declares, defaults filled in."""

    values: Mapping[str, Any]
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    named: bool = False
    """The file has such a table."""

    def options(self, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Values, and the secrets as they are now. FixMe, with its place, where one is not there."""
        return {**self.values, **{name: ref.read(environ).reveal() for name, ref in self.secrets.items()}}


@dataclass(frozen=True, slots=True)
class Door:
    """`[door]`: HTTP in, for webhooks, health and metrics."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any that is free."""
    wanted: bool = False
    """Named by `listen`, or for its metrics: it is open also where no source has a webhook."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose `X-Forwarded-For` counts."""
    metrics_to: tuple[str, ...] = ()
    """Networks that may read `/metrics`, beside this machine."""
    per_minute: float = 3000.0
    """Deliveries that one sender may make."""
    keep_hours: float = 0.0
    """For how long the bytes of deliveries that were read are kept; 0: not at all."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """`[recheck]`: how old messages of open work are compared with the network."""

    every_hours: float = 24.0
    """0: never."""
    days: float = 7.0
    """How far back."""


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """`[[receiver]]`: where alerts go, by the name that routes use."""

    name: str
    kind: str
    """apprise, pagerduty, alertmanager or webhook."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What its kind declares, defaults filled in."""
    secrets: Mapping[str, SecretRef] = field(default_factory=dict)
    place: str = ""

    def options(self, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Values, and the secrets as they are now. FixMe, with its place, where one is not there."""
        return {**self.values, **{name: ref.read(environ).reveal() for name, ref in self.secrets.items()}}


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """`[alerts]`: links to acknowledge, and whom to tell that all is well."""

    address: str = ""
    """Where the door is reached from outside; '': there are no links."""
    heartbeat: SecretRef | None = None
    """Where the address is kept that is called for as long as all is well."""
    heartbeat_seconds: float = 60.0
    heartbeat_post: bool = False


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """`[[calendar]]`: a calendar by the name that rotas use, and where its address is kept."""

    name: str
    url: SecretRef


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator may set, with defaults for the rest."""

    paths: Paths
    database: Database
    brands: tuple[Brand, ...]
    accounts: tuple[AccountSettings, ...] = ()
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    """By network, all that are heard, whether named or not."""
    rules: Path | None = None
    """None: the shipped rules."""
    hold_seconds: float = 5.0
    """How long a reply can be taken back."""
    track: tuple[str, ...] = ()
    """Words from the command line to listen for, instead of the rulebook's topics."""
    file: Path | None = None
    door: Door = field(default_factory=Door)
    recheck: Recheck = field(default_factory=Recheck)
    receivers: tuple[ReceiverSettings, ...] = ()
    reach: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Login -> names of the receivers by which that person is told, in their order."""
    alerts: AlertSettings = field(default_factory=AlertSettings)
    tones: tuple[ToneSettings, ...] = ()
    """Languages whose tone a model of the operator's finds."""
    calendars: tuple[CalendarSettings, ...] = ()
    """That say who is on duty."""

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


def _with_password(url: Secret, password: Secret) -> Secret:
    parts = urlsplit(url.reveal())
    user, _, host = parts.netloc.rpartition("@")
    login = f"{user.partition(':')[0]}:{quote(password.reveal(), safe='')}"
    return Secret(urlunsplit(parts._replace(netloc=f"{login}@{host}")))
