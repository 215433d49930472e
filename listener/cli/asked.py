"""A query as commands are given it: from words or a file, with the rule files' names, and its problems drawn under it. Refuses to judge."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.model.problems import Problem
    from listener.query.fields import Use
    from listener.query.names import Names
    from listener.query.parse import Parsed
    from listener.query.tree import Node

QUOTING = """\
Quote a query for the shell, best in single quotes: 'refund OR "money back"'. Several words are one query; it may begin with a minus."""

MAX_QUERY = 1 << 20
"""Bytes of a query's file that are read: the language itself allows far less."""

_NAMED = re.compile(r"\b(?:list|query):", re.IGNORECASE)


def add_query(parser: argparse.ArgumentParser, *, file: bool = True) -> None:
    """QUERY, or the file that holds it, and where the names in it come from."""
    parser.add_argument("query", nargs="*", metavar="QUERY", help="the query; several words are joined by spaces")
    if file:
        parser.add_argument("--file", metavar="FILE", help="read the query from a file; - is stdin")
    add_rules(parser, "the settings'")


def add_rules(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Where list:NAME and query:NAME are looked up."""
    parser.add_argument(
        "--rules",
        type=Path,
        metavar="FOLDER",
        help=f"rule files that define list:NAME and query:NAME; default: {otherwise}",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to use")


def add_now(parser: argparse.ArgumentParser) -> None:
    """What counts as now."""
    parser.add_argument("--now", type=instant, metavar="TIME", help="what counts as now (ISO 8601); default: the clock")


def now_of(arguments: argparse.Namespace) -> datetime:
    """The time that was given, else the clock's."""
    return arguments.now or datetime.now(UTC)


def instant(text: str) -> datetime:
    """A time of the command line, in UTC where it says no zone. ArgumentTypeError: it is none."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time; write it as 2026-11-27T09:30Z") from None


# A query and its problems --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's text and what its problems call it."""

    text: str
    file: str = "query"


class BadNames(FixMe):
    """Rule files with mistakes, so that nobody knows what a name in a query stands for."""

    def __init__(self, problems: Iterable[Problem], folder: Path) -> None:
        self.problems = tuple(problems)
        super().__init__(f"the rule files in {folder} cannot be read", hint=f"hubbub rules check {folder}")


class BadQuery(FixMe):
    """A query with mistakes, each with its place."""

    def __init__(self, problems: Iterable[Problem], asked: Asked) -> None:
        self.problems = tuple(problems)
        self.asked = asked
        super().__init__("the query cannot be read", hint="hubbub query fields lists the fields")


def asked_of(arguments: argparse.Namespace) -> Asked:
    """The query that was given. FixMe when there is none, or two."""
    from listener.cli.terminal import USAGE_CODE

    words = " ".join(arguments.query)
    file = getattr(arguments, "file", None)
    if (file is not None) == bool(words):
        what = "give a query or a file, not both" if words else "there is no query"
        raise FixMe(what, hint="write it behind the command, or name a file with --file", code=USAGE_CODE)
    if file is None:
        return Asked(words)
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(MAX_QUERY + 1)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(MAX_QUERY + 1)
        text = raw.decode("utf-8-sig")
    except OSError as err:
        raise FixMe(f"the query's file cannot be read: {err.strerror or err}", where=file, code=USAGE_CODE) from None
    except UnicodeDecodeError:
        raise FixMe(
            "the query's file is not UTF-8 text", where=file, hint="save it as UTF-8", code=USAGE_CODE
        ) from None
    if len(raw) > MAX_QUERY:
        raise FixMe("the query's file is too big", where=file, hint=f"at most {MAX_QUERY:,} bytes", code=USAGE_CODE)
    return Asked(text.replace("\r\n", "\n"), "stdin" if file == "-" else file)


def asks_for_names(text: str) -> bool:
    """Whether a query may use a named list or sub-query."""
    return bool(_NAMED.search(text))


def names_of(arguments: argparse.Namespace, text: str) -> Names:
    """Named lists and sub-queries: of --rules, else, where the query asks for one, of the settings' rule files. BadNames: those are wrong."""
    from listener.query.names import NO_NAMES

    if arguments.rules is None and not asks_for_names(text):
        return NO_NAMES
    from listener import rulefiles
    from listener import settings as reading
    from listener.rulebook.shape import Rulebook
    from listener.service.rules import folder_of

    folder = arguments.rules or folder_of(reading.load(arguments.config))
    loaded = rulefiles.load(folder)
    if not isinstance(loaded, Rulebook):
        raise BadNames(loaded, folder)
    return loaded.names


def parsed_of(
    arguments: argparse.Namespace, asked: Asked, use: Use | None = None, *, names: Names | None = None
) -> Parsed:
    """The query as a tree or its problems, by these names, else by those of the rule files."""
    from listener.query.fields import Use
    from listener.query.parse import parse

    known = names_of(arguments, asked.text) if names is None else names
    return parse(asked.text, use or Use.VIEW, file=asked.file, names=known)


def tree_of(arguments: argparse.Namespace, asked: Asked, *, names: Names | None = None) -> Node:
    """The query's tree, its warnings told on stderr. BadQuery where it has none."""
    parsed = parsed_of(arguments, asked, names=names)
    if parsed.tree is None:
        raise BadQuery(parsed.problems, asked)
    if not arguments.json:
        for warning in parsed.warnings:
            print("\n".join(drawn(warning, asked, sys.stderr, "warning")), file=sys.stderr)
    return parsed.tree


def shown(act: Any, arguments: argparse.Namespace) -> int:
    """The exit code of an act; a bad query is drawn on stderr with a mark under each mistake, and ends it with 2."""
    from listener.cli import USAGE
    from listener.cli.terminal import describe, print_json

    try:
        return int(act(arguments))
    except BadQuery as bad:
        if arguments.json:
            print_json({"error": describe(bad)})
        for problem in bad.problems:
            print("\n".join(drawn(problem, bad.asked, sys.stderr)), file=sys.stderr)
        return USAGE


def drawn(problem: Problem, asked: Asked, stream: IO[str], sort: str = "problem") -> list[str]:
    """A problem as lines: what, the line of the query, a mark under the character, what to do. No outside text reaches the terminal raw."""
    from listener.cli.terminal import coloured
    from listener.harmless import harmless

    colour = "red" if sort == "problem" else "yellow"
    place = f"{problem.file}:{problem.line}:{problem.column}"
    head = f"{harmless(place)}: {coloured(sort, colour, stream)}: {harmless(problem.message)} [{problem.code}]"
    lines = [head]
    written = asked.text.split("\n")
    if problem.file == asked.file and 1 <= problem.line <= len(written):
        text, before = _window(written[problem.line - 1], problem.column - 1)
        lines += [f"    {text}".rstrip(), f"    {' ' * before}{coloured('^', colour, stream)}"]
    return [*lines, f"    {coloured(harmless(problem.hint), 'dim', stream)}"] if problem.hint else lines


def _window(line: str, at: int) -> tuple[str, int]:
    """As much of a line around a place as fits, and how many columns of the terminal stand before the place in it."""
    from listener.harmless import harmless, harmless_spans

    room = max(20, shutil.get_terminal_size((110, 24)).columns - 6)
    if at > room - 10:
        start = at - room // 2
        line, at = f"…{line[start:]}", at - start + 1
    clipped = line if len(line) <= room else f"{line[: room - 1]}…"
    text, (place,) = harmless_spans(clipped, (min(at, len(clipped)),))
    return harmless(text), sum(map(_columns, text[:place]))


def _columns(char: str) -> int:
    """How wide a terminal draws a character."""
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
