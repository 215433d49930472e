"""`[[calendar]]`: calendars at addresses, by the names that rotas use. Whoever knows such an address can read it, so the whole of it is a secret.

Refuses to try an address: `hubbub doctor` tells how it fares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from listener.networks import Setting, Takes
from listener.settings.places import Path_
from listener.settings.values import CalendarSettings, SecretRef

URL = Setting("url", Takes.SECRET, "the address, such as https://calendar.google.com/calendar/ical/.../basic.ics")
TABLES: Mapping[str, tuple[str, ...]] = {"calendar": ("name", "url_env", "url_file", "url_keyring")}


class Reads(Protocol):
    """What reads a table, with its mistakes."""

    def known(self, shape: str, at: Path_, table: Mapping[str, Any]) -> None:
        """Tells what is in no shape of that name."""

    def values(
        self, declared: Iterable[Setting], table: Mapping[str, Any], at: Path_
    ) -> tuple[dict[str, Any], dict[str, SecretRef]]:
        """What is declared."""

    def key(self, table: Mapping[str, Any], at: Path_, name: str) -> str:
        """A name of small letters, digits, - and _; '' when it is none."""

    def wrong(self, at: Path_, code: str, message: str, hint: str = "") -> None:
        """A mistake."""


def calendars(reads: Reads, tables: Sequence[Mapping[str, Any]]) -> tuple[CalendarSettings, ...]:
    """Every `[[calendar]]` that is right."""
    found: dict[str, CalendarSettings] = {}
    for number, table in enumerate(tables):
        at: Path_ = ("calendar", number)
        reads.known("calendar", at, table)
        name = reads.key(table, at, "name")
        _, secrets = reads.values((URL,), table, at)
        if name in found:
            reads.wrong((*at, "name"), "twice", f"the calendar {name!r} is there twice", "names must differ")
        elif not any(one in table for one in ("url", *TABLES["calendar"][1:])):
            reads.wrong(at, "missing", "a calendar needs its address", 'say url_env = "NAME_OF_A_VARIABLE"')
        elif name and "url" in secrets:
            found[name] = CalendarSettings(name, secrets["url"])
    return tuple(found.values())
