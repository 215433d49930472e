"""A person's own keys: the text of a file becomes a key table, or a list of all that is wrong in it, each with its place.

Owns how keys, places and acts are written in the file. A table comes only from a text without a mistake; opens no file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from inbox_tui.keys import (
    ABOVE_ALL,
    COMPOSER,
    EVERYWHERE,
    KEYS,
    PLACES,
    SEARCHING,
    WHY,
    Key,
    Table,
    clashes,
    shown,
)
from inbox_tui.view.lines import say
from listener.model.problems import Problem

_NAMED = {
    "esc": "escape",
    "return": "enter",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
    "ins": "insert",
    "↑": "up",
    "↓": "down",
    "←": "left",
    "→": "right",
}
_PLAIN = frozenset(
    [
        "escape",
        "enter",
        "tab",
        "space",
        "backspace",
        "delete",
        "insert",
        "home",
        "end",
        "pageup",
        "pagedown",
        "up",
        "down",
        "left",
        "right",
    ]
    + [f"f{number}" for number in range(1, 25)]
)
_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""As Textual calls them, where that is not what Unicode does."""

_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}
"""What a terminal cannot tell apart."""

_LINE_KEYS = frozenset({"space", "backspace", "delete", "left", "right", "home", "end"})
_NEEDED = {
    COMPOSER: _LINE_KEYS | {"enter", "up", "down", "pageup", "pagedown"},
    SEARCHING: _LINE_KEYS,
    WHY: _LINE_KEYS,
}
"""What the text field of a place needs beside the letters and signs."""

_HEADER = re.compile(r"\s*+\[\s*+([^\s\[\]]++)\s*+\]")
_ASSIGN = re.compile(r"""\s*+(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")

Spot = tuple[int, int]
"""Line and column, from 1."""


def place_name(place: str) -> str:
    """A place as the file calls it: 'search_box'."""
    return place.replace(" ", "_")


def act_name(act: str) -> str:
    """An act as the file calls it: 'folder_open' for folder('open')."""
    return "_".join(re.findall(r"\w+", act))


def key_named(written: str) -> str | None:
    """A key as Textual calls it, from what people write: '?', '^s', 'ctrl+s', 'esc', 'question_mark'. None: there is no such key."""
    if len(written) == 1:
        return _sign_named(written)
    if written.startswith("^"):
        written = f"ctrl+{written[1:].lower() if len(written) == 2 else written[1:]}"
    *mods, last = written.split("+") if not written.endswith("++") else [*written[:-2].split("+"), "+"]
    base = _named(last)
    if base is None or not set(mods) <= {"ctrl", "alt", "shift"} or len(set(mods)) < len(mods):
        return None
    if mods == ["shift"] and base not in _PLAIN:
        return None
    return "+".join([*(mod for mod in ("ctrl", "alt", "shift") if mod in mods), base])


def _named(word: str) -> str | None:
    word = _NAMED.get(word, word)
    if word in _PLAIN:
        return word
    if len(word) == 1:
        return _sign_named(word)
    if word in _RENAMED.values():
        return word
    try:
        sign = unicodedata.lookup(word.replace("_", " "))
    except (KeyError, UnicodeEncodeError):
        return None
    return _sign_named(sign) if sign.isprintable() else None


def _sign_named(sign: str) -> str | None:
    if sign == " ":
        return "space"
    if sign in _NAMED:
        return _NAMED[sign]
    if not sign.isprintable():
        return None
    if sign.isalnum():
        return sign
    name = unicodedata.name(sign, "").lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name) or None


def _types(key: str) -> bool:
    """Whether a key puts a character into a text field."""
    return "+" not in key and key not in _PLAIN


def needed_by_field(place: str, key: str) -> bool:
    """Whether the text field of a place could not do without a key."""
    return place in _NEEDED and (_types(key) or key.removeprefix("shift+") in _NEEDED[place])


def read_keys(text: str, file: str, table: Table = KEYS) -> tuple[Table, tuple[Problem, ...]]:
    """The table with a person's keys in it, and what is wrong with the text. Where anything is, the table is as it was."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        found = re.search(r"(.*) \(at line (\d+), column (\d+)\)", str(err))
        end = (text.rstrip().count("\n") + 1, len(text.rstrip().rpartition("\n")[2]) + 1)
        what, spot = (found[1], (int(found[2]), int(found[3]))) if found else (str(err).partition(" (at")[0], end)
        hint = 'lines are like  claim = "T"  under a place like  [inbox]'
        return table, (Problem(file, *spot, "not-toml", what[:1].lower() + what[1:], hint),)
    except (ValueError, RecursionError):  # a number, or brackets in brackets, beyond what Python reads
        return table, (
            Problem(file, 1, 1, "not-toml", "something in it is too long or too deep", "keys are short texts"),
        )
    reading = _Reading(file, table, dict(_spots(text)))
    made = reading.read(said)
    problems = sorted(reading.problems, key=lambda one: (one.line, one.column, one.code))
    return (table if problems else made), tuple(problems)


def _spots(text: str) -> Iterator[tuple[tuple[str, str], Spot]]:
    """Where places and acts stand: (place, act), or (place, '') for its heading."""
    place = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            place = header[1].strip("\"'")
            yield (place, ""), (number, header.start(1) + 1)
        elif assign := _ASSIGN.match(line):
            name = next(group for group in assign.groups() if group is not None)
            yield (place, name), (number, len(line) - len(line.lstrip()) + 1)


class _Reading:
    """One file being read."""

    def __init__(self, file: str, table: Table, spots: Mapping[tuple[str, str], Spot]) -> None:
        self.file, self.table, self.spots = file, table, spots
        self.problems: list[Problem] = []
        self.given: dict[tuple[str, str], Spot] = {}
        """(where, act) of the table that the file gives keys to, and where."""

    def tell(self, spot: Spot, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, *spot, code, message, hint))

    def read(self, said: Mapping[str, object]) -> Table:
        wheres = {place_name(key.where): key.where for key in self.table}
        new: dict[tuple[str, str], tuple[str, ...]] = {}
        for name, acts in said.items():
            spot = self.spots.get((name, ""), self.spots.get(("", name), (1, 1)))
            if name not in wheres or not isinstance(acts, dict):
                self.tell(spot, "unknown-place", f"there is no place {name!r}", _near(name, wheres, "places are"))
                continue
            self.read_place(wheres[name], name, acts, new)
        made = tuple(replace(key, keys=new.get((key.where, key.act), key.keys)) for key in self.table)
        self.look_for_clashes(made)
        return made

    def read_place(
        self, where: str, written: str, acts: Mapping[str, object], new: dict[tuple[str, str], tuple[str, ...]]
    ) -> None:
        known = {act_name(key.act): key for key in self.table if key.where == where}
        for name, value in acts.items():
            spot = self.spots.get((written, name), self.spots.get((written, ""), (1, 1)))
            if name not in known:
                elsewhere = [place_name(key.where) for key in self.table if act_name(key.act) == name]
                hint = f"it stands under [{elsewhere[0]}]" if elsewhere else _near(name, known, "acts here are")
                self.tell(spot, "unknown-act", f"there is no act {name!r} in {where}", hint)
                continue
            entry = known[name]
            found = self.read_value(entry, value, spot)
            if found:
                self.given[(where, entry.act)] = spot
                new[(where, entry.act)] = found

    def read_value(self, entry: Key, value: object, spot: Spot) -> tuple[str, ...]:
        name = act_name(entry.act)
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            self.tell(spot, "not-keys", f"the keys of {name} are not text", f'{name} = "x"  or  {name} = ["x", "^x"]')
            return ()
        if not [one for one in listed if one]:
            self.tell(
                spot, "no-key", f"{name} would have no key", f"give it one, or leave the line out for {_signs(entry)}"
            )
            return ()
        found: list[str] = []
        for written in listed:
            key = key_named(written)
            if key is None:
                hint = "a letter, a sign, f1 to f24, esc, enter, tab, space, up, pgdn, ctrl+x or ^x, alt+x"
                if written.lower().startswith("shift+") and len(written) == 7:
                    hint = f"a big letter is written {written[-1].upper()!r}"
                self.tell(spot, "unknown-key", f"there is no key {written!r}", hint)
            elif key in _SAME:
                hint = f"a terminal cannot tell them apart; say {_SAME[key]}, or choose another"
                self.tell(spot, "unknown-key", f"{written!r} is the same key as {_SAME[key]}", hint)
            elif stolen := self.stolen_from(entry, key):
                hint = "ctrl with a letter is free in most places"
                self.tell(spot, "needed-by-field", f"{stolen} needs {written!r} for typing", hint)
            elif key not in found:
                found.append(key)
        return tuple(found)

    def stolen_from(self, entry: Key, key: str) -> str:
        """The place whose text field would lose a key."""
        places = _NEEDED if entry.act in ABOVE_ALL else (entry.where,)
        return next((f"the {place}" for place in places if needed_by_field(place, key)), "")

    def look_for_clashes(self, made: Table) -> None:
        told: set[tuple[str, str, str]] = set()
        for place, key, one, other in clashes(made):
            mine, theirs = (other, one) if (other.where, other.act) in self.given else (one, other)
            spot = self.given.get((mine.where, mine.act))
            if spot is None or (key, mine.act, theirs.act) in told:
                continue
            told.add((key, mine.act, theirs.act))
            line = self.given.get((theirs.where, theirs.act))
            stands = f"which line {line[0]} gives it to" if line else "which has it already"
            hint = f"choose another key, or give {act_name(theirs.act)} another under [{place_name(theirs.where)}]"
            message = f"{shown(key)} cannot be {act_name(mine.act)} in {place}: it is {act_name(theirs.act)}, {stands}"
            self.tell(spot, "clash", message, hint)


def _signs(entry: Key) -> str:
    return " ".join(shown(key) for key in entry.keys)


def _near(name: str, known: Iterable[str], are: str) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"{are} {', '.join(names)}"


def told_in_a_line(problems: tuple[Problem, ...]) -> str:
    """What is said on the screen of a file that cannot be used: how many mistakes, the first one, and what to do."""
    first, more = problems[0], len(problems) - 1
    where = f"{first.file.rpartition('/')[2]}:{first.line}"
    others = f" and {more} more" if more else ""
    return say(f"your keys are not used: {where}: {first.message}{others} (hubbub keys tells all)")


def template(table: Table = KEYS) -> str:
    """The table as a file to begin one's own with: every line commented out."""
    lines = [
        "# Your own keys of the inbox. Take the # from a line and change what stands behind the =.",
        "# A key is a letter or sign, f1 to f24, esc, enter, tab, space, up, pgdn and so on, ctrl+x or ^x, alt+x;",
        '# several stand in brackets: ["j", "down"]. The first is the one that is shown. hubbub keys --check says what is wrong.',
    ]
    for where in dict.fromkeys((EVERYWHERE, *PLACES)):
        lines += ["", f"[{place_name(where)}]"]
        for key in table:
            if key.where == where:
                written = [_written(one) for one in key.keys]
                value = written[0] if len(written) == 1 else f"[{', '.join(written)}]"
                lines.append(f"# {act_name(key.act)} = {value}  # {key.words}")
    return "\n".join(lines) + "\n"


def _written(key: str) -> str:
    sign = shown(key) if "+" not in key else key
    sign = sign if sign.isascii() else key
    return "'\"'" if sign == '"' else '"\\\\"' if sign == "\\" else f'"{sign}"'
