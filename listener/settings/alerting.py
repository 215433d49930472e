"""Where alerts go, read from the settings: `[[receiver]]`, `[[person]]` and `[alerts]`. Owns what each kind of receiver may be told.

An address of Apprise holds its password, so the whole of it is a secret. Refuses to try an address: `hubbub alerts page-test` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from listener.networks import Setting, Takes
from listener.settings.places import Path_
from listener.settings.values import AlertSettings, ReceiverSettings, SecretRef

PAGERDUTY = "https://events.pagerduty.com"


@dataclass(frozen=True, slots=True)
class ReceiverKind:
    """One way to tell somebody."""

    says: str
    settings: tuple[Setting, ...]
    needed: tuple[str, ...]
    """Names of settings without which it tells nobody."""


KINDS: Mapping[str, ReceiverKind] = MappingProxyType(
    {
        "apprise": ReceiverKind(
            "chat, e-mail and phones, by an address of Apprise",
            (Setting("url", Takes.SECRET, "the address, such as slack://..., mailtos://... or ntfys://..."),),
            ("url",),
        ),
        "pagerduty": ReceiverKind(
            "PagerDuty, by its Events API v2",
            (
                Setting("key", Takes.SECRET, "the integration's routing key"),
                Setting("address", Takes.ADDRESS, "where its events API is", PAGERDUTY),
            ),
            ("key",),
        ),
        "alertmanager": ReceiverKind(
            "Prometheus Alertmanager, by its API v2",
            (
                Setting("address", Takes.ADDRESS, "where it is, without /api/v2"),
                Setting("user", Takes.TEXT, "who we are, where it asks (basic)"),
                Setting("password", Takes.SECRET, "the password of that user"),
                Setting("token", Takes.SECRET, "a bearer token instead"),
                Setting("watchdog", Takes.FLAG, "keep one alert firing there for as long as all is well", False),
                Setting(
                    "hours", Takes.NUMBER, "how long an alert fires there without news of it", 24.0, 0.1, 24 * 30.0
                ),
            ),
            ("address",),
        ),
        "webhook": ReceiverKind(
            "a program of yours, by a signed POST",
            (
                Setting("address", Takes.ADDRESS, "where it is"),
                Setting("secret", Takes.SECRET, "with what is signed"),
            ),
            ("address", "secret"),
        ),
    }
)

_KEPT = ("env", "file", "keyring")


def names(settings: Iterable[Setting]) -> tuple[str, ...]:
    """As they stand in the file: a secret by its three ways."""
    found: list[str] = []
    for one in settings:
        found += [f"{one.name}_{kind}" for kind in _KEPT] if one.takes is Takes.SECRET else [one.name]
    return tuple(found)


ALERTS = (
    Setting("address", Takes.ADDRESS, "where the door is reached from outside: links to acknowledge begin with it"),
    Setting("heartbeat", Takes.SECRET, "an address that is called for as long as all is well"),
    Setting("heartbeat_seconds", Takes.NUMBER, "how often", 60.0, 5.0, 3600.0),
    Setting("heartbeat_post", Takes.FLAG, "by POST instead of GET", False),
)

TABLES: Mapping[str, tuple[str, ...]] = {
    "receiver": tuple(
        dict.fromkeys(("name", "kind", *(name for kind in KINDS.values() for name in names(kind.settings))))
    ),
    "person": ("login", "receivers"),
    "alerts": names(ALERTS),
}


class Reads(Protocol):
    """What reads a table, with its mistakes."""

    def known(self, shape: str, at: Path_, table: Mapping[str, Any]) -> None:
        """Tells what is in no shape of that name."""

    def text(self, table: Mapping[str, Any], at: Path_, name: str, *, needed: bool = False) -> str:
        """A text."""

    def names(self, table: Mapping[str, Any], at: Path_, name: str) -> tuple[str, ...]:
        """A list of texts."""

    def values(
        self, declared: Iterable[Setting], table: Mapping[str, Any], at: Path_
    ) -> tuple[dict[str, Any], dict[str, SecretRef]]:
        """What is declared."""

    def key(self, table: Mapping[str, Any], at: Path_, name: str) -> str:
        """A name of small letters, digits, - and _; '' when it is none."""

    def wrong(self, at: Path_, code: str, message: str, hint: str = "") -> None:
        """A mistake."""

    def meant(self, word: str, known: Iterable[str]) -> str:
        """Which one was meant."""

    def place(self, at: Path_) -> str:
        """file:line:column."""


def receivers(reads: Reads, tables: Sequence[Mapping[str, Any]]) -> tuple[ReceiverSettings, ...]:
    """Every `[[receiver]]` that is right."""
    found: dict[str, ReceiverSettings] = {}
    for number, table in enumerate(tables):
        at: Path_ = ("receiver", number)
        reads.known("receiver", at, table)
        name, word = reads.key(table, at, "name"), reads.text(table, at, "kind", needed=True)
        if name in found:
            reads.wrong((*at, "name"), "twice", f"the receiver {name!r} is there twice", "names must differ")
        kind = KINDS.get(word)
        if kind is None:
            if word:
                reads.wrong((*at, "kind"), "value", f"there is no kind of receiver {word!r}", reads.meant(word, KINDS))
            continue
        own = ("name", "kind", *names(kind.settings))
        for other in table:
            if other in TABLES["receiver"] and other not in own:
                hint = f"there are: {', '.join(own)}"
                reads.wrong((*at, other), "unknown", f"{other} is no setting of a receiver of kind {word}", hint)
        values, secrets = reads.values(kind.settings, table, at)
        for need in kind.needed:
            if need not in secrets and not values.get(need) and not _is_tried(table, need):
                by = f'{need}_env = "NAME_OF_A_VARIABLE"' if need not in values else f'{need} = "https://host"'
                reads.wrong(at, "missing", f"a receiver of kind {word} needs {_article(need)}", f"say {by}")
        if name:
            found.setdefault(name, ReceiverSettings(name, word, values, secrets, reads.place(at)))
    return tuple(found.values())


def reach(
    reads: Reads, tables: Sequence[Mapping[str, Any]], known: Sequence[ReceiverSettings]
) -> Mapping[str, tuple[str, ...]]:
    """Every `[[person]]`: by which receivers somebody is told, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    by_name = [one.name for one in known]
    for number, table in enumerate(tables):
        at: Path_ = ("person", number)
        reads.known("person", at, table)
        login = reads.text(table, at, "login", needed=True)
        if login in found:
            reads.wrong((*at, "login"), "twice", f"the person {login!r} is there twice", "logins must differ")
        ways = tuple(dict.fromkeys(reads.names(table, at, "receivers")))
        if not ways:
            reads.wrong(at, "missing", "a person is told by receivers", 'say receivers = ["name-of-a-receiver"]')
        for way in ways:
            if way not in by_name:
                reads.wrong((*at, "receivers"), "value", f"there is no receiver {way!r}", reads.meant(way, by_name))
        if login:
            found.setdefault(login, tuple(way for way in ways if way in by_name))
    return found


def alerts(reads: Reads, table: Mapping[str, Any]) -> AlertSettings:
    """`[alerts]`."""
    at: Path_ = ("alerts",)
    reads.known("alerts", at, table)
    values, secrets = reads.values(ALERTS, table, at)
    return AlertSettings(
        values["address"], secrets.get("heartbeat"), values["heartbeat_seconds"], bool(values["heartbeat_post"])
    )


def _is_tried(table: Mapping[str, Any], name: str) -> bool:
    """Whether it is said, however wrongly: that is told already."""
    return any(one in table for one in (name, *(f"{name}_{kind}" for kind in _KEPT)))


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
