"""`hubbub query`: check, format, explain, fields, match and convert. Owns what they print and their exit codes; refuses to touch a database.

Text from a file or a network is made harmless before it is printed; --json gives it as it is, escaped by JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, USAGE, Parser, wrong_usage
from listener.cli.asked import (
    QUOTING,
    Asked,
    add_now,
    add_query,
    asked_of,
    drawn,
    names_of,
    now_of,
    parsed_of,
    shown,
    tree_of,
)
from listener.errors import FixMe

if TYPE_CHECKING:
    from listener.model.problems import Problem
    from listener.query.explain import Explained
    from listener.query.foreign import Loss
    from listener.query.rows import Row
    from listener.query.subject import Subject

USES = ("topic", "rule", "alert", "view")
TOLD = 20
"""Lines of a file with mistakes that are told one by one; the rest are counted."""

_PLACES = """\
Rows of FILE are JSON objects, one a line: {"id": "17", "text": "...", "lang": "en", "likes": 3}. Keys are the query's own field
names, also in the plural; `hubbub query fields` lists them. What a row does not say is not known: it does not match. \
FILE may be - for stdin."""


def configure_query(parser: argparse.ArgumentParser) -> None:
    """What to do with a query."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)

    def add(name: str, about: str, epilog: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=epilog)
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
        return made

    _configure_check(add("check", "what is wrong with a query, and where", _CHECK))
    _configure_format(add("format", "a query in its plainest spelling; comments stay", _FORMAT))
    _configure_explain(add("explain", "why a query matches a text, or does not, part by part", _EXPLAIN))
    _configure_fields(add("fields", "the fields that a query may ask for", _FIELDS))
    _configure_match(add("match", "the ids of the rows of a file that a query matches, one a line", _MATCH))
    _configure_convert(add("convert", "a query for another system, or from one, and what gets lost", _CONVERT))
    parser.epilog = f"""\
examples:
  hubbub query check 'refund NEAR/5 app'
  hubbub query explain 'refund -outage' --text "Where is my refund?"
  hubbub query match 'refund lang:en' --in mentions.jsonl
  hubbub query match --help

{QUOTING}"""


def run_query(arguments: argparse.Namespace) -> int:
    """One of them."""
    return shown(_RUN[arguments.what], arguments)


# check ---------------------------------------------------------------------------------------------------------------

_CHECK = f"""\
examples:
  hubbub query check 'refund or "money back'
  hubbub query check --file topic.query --use topic
  hubbub query check 'list:giveaway -is:ours' --rules ./rules --json

Problems keep a query from being one; warnings say what is probably not meant. Each has a stable [code].
Exit codes: 0 no problems (with --strict: nothing at all), 1 problems, 2 wrong usage.
{QUOTING}"""


def _configure_check(parser: argparse.ArgumentParser) -> None:
    add_query(parser)
    parser.add_argument("--use", choices=USES, default="view", help="what it is written for (view)")
    parser.add_argument("--strict", action="store_true", help="warnings count as problems")


def _check(arguments: argparse.Namespace) -> int:
    from listener.cli.terminal import print_json
    from listener.query.fields import Use

    asked = asked_of(arguments)
    parsed = parsed_of(arguments, asked, Use(arguments.use))
    warnings = parsed.warnings
    fine = not parsed.problems and not (arguments.strict and warnings)
    if arguments.json:
        told = {"query": asked.text, "use": arguments.use, "fine": fine}
        print_json(told | {"problems": _plain(parsed.problems), "warnings": _plain(warnings)})
        return FINE if fine else FINDINGS
    for problem in parsed.problems:
        print("\n".join(drawn(problem, asked, sys.stdout)))
    for warning in warnings:
        print("\n".join(drawn(warning, asked, sys.stdout, "warning")))
    if not parsed.problems and not warnings:
        print("fine")
    return FINE if fine else FINDINGS


def _plain(problems: Any) -> list[dict[str, Any]]:
    return [dataclasses.asdict(problem) for problem in problems]


# format --------------------------------------------------------------------------------------------------------------

_FORMAT = f"""\
examples:
  hubbub query format 'refund   or ( app AND  crash )'
  hubbub query format --file topic.query --write

It means the same afterwards, and comments (<<< ... >>>) stay. --write replaces the file, when the query is one.
Exit codes: 0 formatted, 2 a query with problems (told, and nothing is written) or wrong usage.
{QUOTING}"""


def _configure_format(parser: argparse.ArgumentParser) -> None:
    add_query(parser)
    parser.add_argument("--write", action="store_true", help="write it back into --file")


def _format(arguments: argparse.Namespace) -> int:
    from listener.cli.terminal import print_json
    from listener.harmless import harmless
    from listener.query.format import format_query

    if arguments.write and arguments.file in (None, "-"):
        raise wrong_usage("--write needs a file to write", "name it with --file FILE")
    asked = asked_of(arguments)
    tree_of(arguments, asked)  # tells what is wrong with it
    text = format_query(asked.text, names=names_of(arguments, asked.text))
    changed = text != asked.text.rstrip("\n")
    if arguments.write and changed:
        _replace(Path(arguments.file), f"{text}\n")
    if arguments.json:
        print_json({"query": asked.text, "formatted": text, "changed": changed})
    elif not arguments.write:
        print(harmless(text, lines=True))
    return FINE


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: a full disk leaves the file as it was. A link stays one, and what it leads to is replaced."""
    path = path.resolve()
    written = path.with_name(f".{path.name}.formatted")
    try:
        written.write_text(text, "utf-8", newline="\n")
        shutil.copymode(path, written)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


# explain -------------------------------------------------------------------------------------------------------------

_EXPLAIN = f"""\
examples:
  hubbub query explain '(refund OR "money back") -outage' --text "Where is my REFUND?"
  hubbub query explain 'refund likes:>10' --in mentions.jsonl --id 17
  hubbub query explain 'refund NEAR/3 app' --text "the app owes me a refund" --json | jq .spans

Every part of the query is yes or no, with the words that made it so; in the text they are marked.
{_PLACES}
Exit codes: 0 it matches (one of the rows does), 1 it does not, or rows were skipped, 2 a query with problems or wrong usage.
{QUOTING}"""


def _configure_explain(parser: argparse.ArgumentParser) -> None:
    add_query(parser)
    parser.add_argument("--text", metavar="TEXT", help="the text to judge")
    parser.add_argument("--in", dest="rows", metavar="FILE", help="rows to judge, as JSON lines")
    parser.add_argument("--id", metavar="ID", help="only the row with this id")
    parser.add_argument("--me", default="", metavar="LOGIN", help="who asks, for assignee:me")
    add_now(parser)


def _explain(arguments: argparse.Namespace) -> int:
    from listener.query.explain import explain
    from listener.query.subject import Subject

    if (arguments.text is None) == (arguments.rows is None):
        raise wrong_usage("say what to judge", 'with --text "..." or --in FILE')
    if arguments.id is not None and arguments.rows is None:
        raise wrong_usage("--id is about the rows of a file", "name it with --in FILE")
    asked, now = asked_of(arguments), now_of(arguments)
    tree = tree_of(arguments, asked)
    show = _explained_json if arguments.json else _explained_lines
    if arguments.text is not None:
        subject = Subject(text=arguments.text, kind=None, me=arguments.me)
        found = explain(tree, subject, now)
        show(None, subject, found, asked.text)
        return FINE if found.true else FINDINGS
    matched = seen = False
    with _rows_of(arguments.rows, now, arguments.me) as rows:
        for row in rows:
            if arguments.id is not None and row.id != arguments.id:
                continue
            found = explain(tree, row.subject, now)
            show(row, row.subject, found, asked.text)
            matched, seen = matched or found.true, True
            if arguments.id is not None:
                return FINE if found.true else FINDINGS
    if arguments.id is not None and not seen:
        raise FixMe(f"there is no row with the id {arguments.id!r}", where=arguments.rows)
    return FINE if matched and not rows.skipped else FINDINGS


def _explained_json(row: Row | None, subject: Subject, found: Explained, query: str) -> None:
    from listener.cli.terminal import print_json

    told: dict[str, Any] = {} if row is None else {"id": row.id}
    told |= {
        "matches": found.true,
        "text": subject.text,
        "spans": found.spans,
        "tree": part_told(found, subject.text, query),
    }
    print_json(told)


def part_told(found: Explained, text: str, query: str) -> dict[str, Any]:
    """One part for programs: what it is, where it stands in the query, whether it is true, and where it stands in the text."""
    from listener.query.explain import written
    from listener.query.tree import Named

    node = found.node
    inside = node.text if isinstance(node, Named) else query
    return {
        "sort": type(node).__name__.lower(),
        "query": written(query, node.start, node.end),
        "start": node.start,
        "end": node.end,
        "true": found.true,
        "spans": found.spans,
        "words": [text[start:end] for start, end in _pairs(found.spans)],
        "parts": [part_told(part, text, inside) for part in found.parts],
    }


def _pairs(spans: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(spans[::2], spans[1::2], strict=True))


def _explained_lines(row: Row | None, subject: Subject, found: Explained, query: str) -> None:
    from listener.cli.terminal import coloured, table
    from listener.harmless import harmless

    head = "matches" if found.true else "does not match"
    name = "" if row is None else f"{harmless(row.id)}: "
    print(coloured(f"{name}{head}", "green" if found.true else "red"))
    print(table(lines_of(found, subject.text, query, 1), indent="  "))
    if subject.text:
        print("\n".join(f"  {line}" for line in marked(subject.text, found.spans).split("\n")))


def lines_of(
    found: Explained, text: str, query: str, depth: int, *, whole: bool = True
) -> Iterator[tuple[str, str, str]]:
    """The parts of an explained query as rows: yes or no, the part itself, and its words in the text. Not `whole`: those that say why."""
    from listener.query.explain import left_out, telling, written
    from listener.query.tree import Named

    node = found.node
    said = written(query, node.start, node.end)
    short = said if len(said) <= 60 else f"{said[:59]}…"
    words = list(dict.fromkeys(text[start:end] for start, end in _pairs(found.spans)))
    yield ("yes" if found.true else "no", f"{'  ' * (depth - 1)}{short}", ", ".join(words[:20]))
    inside = node.text if isinstance(node, Named) else query
    for part in found.parts if whole else telling(found):
        yield from lines_of(part, text, inside, depth + 1, whole=whole)
    if not whole and (more := left_out(found)):
        yield "", f"{'  ' * depth}and {more} {'that is' if more == 1 else 'that are'} false", ""


def marked(text: str, spans: tuple[int, ...]) -> str:
    """The text, harmless, with its matched parts in colour, or in [brackets] where there is no colour."""
    from listener.cli.terminal import coloured
    from listener.harmless import harmless_spans

    plain, moved = harmless_spans(text, spans, lines=True)
    parts, at = [], 0
    for start, end in _pairs(moved):
        part = plain[start:end]
        painted = coloured(part, "green")
        parts += [plain[at:start], painted if painted != part else f"[{part}]"]
        at = end
    return "".join([*parts, plain[at:]])


# fields --------------------------------------------------------------------------------------------------------------

_FIELDS = """\
examples:
  hubbub query fields
  hubbub query fields --use topic
  hubbub query fields --json | jq -r '.[] | select(.sort == "number") | .name'

These are also the keys of a row that `hubbub query match` reads. A topic hears before anything is judged, so it knows fewer."""


def _configure_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--use", choices=USES, help="only those that a query for this may ask for")


def _fields(arguments: argparse.Namespace) -> int:
    from listener.cli.terminal import print_json, table
    from listener.query.fields import FIELDS, Use, fields_for

    use = Use(arguments.use) if arguments.use else None
    facts = fields_for(use) if use else sorted(FIELDS.values(), key=lambda fact: fact.name)
    rows: list[dict[str, Any]] = [
        {
            "name": fact.name,
            "sort": fact.sort.value,
            "about": fact.about,
            "example": f"{fact.name}:{fact.example}",
            "values": list(fact.order) or sorted(fact.values_for(use) if use else fact.values),
            "many": fact.many,
            "uses": [one.value for one in Use if one in fact.uses],
        }
        for fact in facts
    ]
    if arguments.json:
        print_json(rows)
        return FINE
    lines = [("FIELD", "SORT", "USES", "EXAMPLE", "ABOUT")]
    for row in rows:
        values = f": {', '.join(row['values'])}" if row["values"] else ""
        used = "".join(one.value[0] if one.value in row["uses"] else "-" for one in Use)
        lines.append((row["name"], row["sort"], used, row["example"], f"{row['about']}{values}"))
    print(table(lines))
    print(f"\nUSES: {', '.join(f'{one.value[0]} {one.value}' for one in Use)}")
    return FINE


# match ---------------------------------------------------------------------------------------------------------------

_MATCH = f"""\
examples:
  hubbub query match 'refund OR "money back"' --in mentions.jsonl
  hubbub query match 'outage age:<2h' --in mentions.jsonl --now 2026-11-27T12:00Z
  hubbub query match -refund app --in mentions.jsonl            a query may begin with a minus
  tail -f mentions.jsonl | hubbub query match 'likes:>100' --in -
  hubbub query match 'list:giveaway -is:ours' --in mentions.jsonl --rules ./rules --json

{_PLACES}
It needs no database, and no memory for long files: rows are judged as they are read. Rows that cannot be read are skipped and told on
stderr, with their line; a key that is no field is told once. With --json the ids are one list, spelled as in the file.
Exit codes: 0 something matched, 1 nothing did, or rows were skipped, 2 a query with problems (drawn on stderr) or wrong usage.
{QUOTING}"""


def _configure_match(parser: argparse.ArgumentParser) -> None:
    add_query(parser)
    parser.add_argument(
        "--in", dest="rows", required=True, metavar="FILE", help="rows to judge, as JSON lines; - is stdin"
    )
    parser.add_argument("--me", default="", metavar="LOGIN", help="who asks, for assignee:me")
    add_now(parser)


def _match(arguments: argparse.Namespace) -> int:
    from listener.harmless import harmless
    from listener.query.match import test_of

    asked, now = asked_of(arguments), now_of(arguments)
    test = test_of(tree_of(arguments, asked))
    live = arguments.rows == "-"
    matched = 0
    with _rows_of(arguments.rows, now, arguments.me) as rows:
        if arguments.json:
            print("[", end="")
        for row in rows:
            if not test(row.subject, now):
                continue
            matched += 1
            if arguments.json:
                print(f"{', ' if matched > 1 else ''}{row.id if row.is_number else json.dumps(row.id)}", end="")
            else:
                print(harmless(row.id), flush=live)
        if arguments.json:
            print("]")
    return FINE if matched and not rows.skipped else FINDINGS


class _Rows:
    """The rows of a stream that can be read; what cannot is told on stderr as it comes."""

    def __init__(self, stream: IO[bytes], file: str, now: datetime, me: str) -> None:
        self._stream, self._file, self._now, self._me = stream, file, now, me
        self._unknown: set[str] = set()
        self.skipped = 0

    def __iter__(self) -> Iterator[Row]:
        from listener.model.problems import Problem
        from listener.query.rows import MAX_LINE, read_row, unknown_key

        line = 0
        while raw := self._stream.readline(MAX_LINE + 1):
            line += 1
            row = read_row(raw, line, self._now, file=self._file, me=self._me)
            while len(raw) > MAX_LINE and not raw.endswith(b"\n"):
                raw = self._stream.readline(MAX_LINE + 1)
            if isinstance(row, Problem):
                self.skipped += 1
                self._tell(row, "red")
            elif row is not None:
                for key in row.unknown:
                    if key not in self._unknown and len(self._unknown) < TOLD:
                        self._unknown.add(key)
                        self._tell(unknown_key(key, line, self._file), "yellow")
                yield row
        if self.skipped > TOLD:
            print(f"{self.skipped} rows were skipped", file=sys.stderr)

    def _tell(self, problem: Problem, colour: str) -> None:
        from listener.cli.terminal import coloured
        from listener.harmless import harmless

        if colour == "red" and self.skipped > TOLD:
            return
        sort = coloured("skipped" if colour == "red" else "warning", colour, sys.stderr)
        hint = f" ({problem.hint})" if problem.hint else ""
        place = f"{problem.file}:{problem.line}:{problem.column}"
        told = f"{harmless(place)}: {sort}: {harmless(problem.message)} [{problem.code}]{harmless(hint)}"
        print(told, file=sys.stderr, flush=True)


@contextmanager
def _rows_of(file: str, now: datetime, me: str) -> Iterator[_Rows]:
    if file == "-":
        yield _Rows(sys.stdin.buffer, "stdin", now, me)
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115
    except OSError as err:
        raise wrong_usage(
            f"the rows cannot be read: {err.strerror or err}", "name a file of JSON lines", file
        ) from None
    with stream:
        yield _Rows(stream, file, now, me)


# convert -------------------------------------------------------------------------------------------------------------

_CONVERT = f"""\
examples:
  hubbub query convert '(refund OR "money back") lang:en' --to x          rules for X's filtered stream
  hubbub query convert 'refund -is:repost' --to bluesky                   searches for Bluesky
  hubbub query convert 'refund* NEAR/5 app' --to mastodon --json
  hubbub query convert '(apple NEAR/5 iphone) AND country:us' --from brandwatch

What the other side cannot express is told on stderr, and what that does: it finds more than the query wants, so that Hubbub's own
matcher can decide, or it may miss something. Several lines are several rules or searches that find everything together.
Exit codes: 0 all of it was expressed, 1 something was lost (told) or nothing is left, 2 a query with problems or wrong usage.
{QUOTING}"""


def _configure_convert(parser: argparse.ArgumentParser) -> None:
    add_query(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--to", choices=("x", "mastodon", "bluesky"), help="from our language to theirs")
    which.add_argument("--from", dest="source", choices=("brandwatch",), help="from theirs to our language")
    add_now(parser)
    parser.add_argument("--use", choices=USES, default="view", help="with --from: what it is written for (view)")
    parser.add_argument("--strict", action="store_true", help="leave out what the two sides answer by different lights")


def _convert(arguments: argparse.Namespace) -> int:
    from listener.cli.terminal import print_json
    from listener.harmless import harmless
    from listener.query.fields import Use
    from listener.query.foreign import from_brandwatch, to_bluesky, to_mastodon, to_x

    asked = asked_of(arguments)
    if arguments.source:
        found = from_brandwatch(asked.text, use=Use(arguments.use), strict=arguments.strict)
    else:
        tree = tree_of(arguments, asked)
        if arguments.to == "x":
            found = to_x(tree, strict=arguments.strict)
        else:
            convert = to_mastodon if arguments.to == "mastodon" else to_bluesky
            found = convert(tree, now=now_of(arguments), strict=arguments.strict)
    unread = any(loss.code == "not-read" for loss in found.losses)
    if arguments.json:
        print_json(
            {"query": asked.text, "from": arguments.source or "hubbub", "to": arguments.to or "hubbub"}
            | dataclasses.asdict(found)
        )
    else:
        for text in found.texts:
            print(harmless(text, lines=True))
        for loss in found.losses:
            print(
                "\n".join(drawn(_problem(loss, asked), asked, sys.stderr, "problem" if unread else "lost")),
                file=sys.stderr,
            )
    if unread:
        return USAGE
    return FINE if found.texts and not found.losses else FINDINGS


def _problem(loss: Loss, asked: Asked) -> Problem:
    """A loss as it is drawn under the query."""
    from listener.model.problems import Problem

    before = asked.text[: loss.start]
    column = loss.start - (before.rfind("\n") + 1) + 1
    return Problem(asked.file, before.count("\n") + 1, column, loss.code, loss.message, str(loss.effect))


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "format": _format,
    "explain": _explain,
    "fields": _fields,
    "match": _match,
    "convert": _convert,
}
