"""Rule files to a rulebook, or to every problem in them at once. The one place in here that names ruamel.yaml.

YAML 1.2, and every scalar stays the words that were written: `no` is a word, 09:30 is a time, nothing is guessed. Repeated keys, too
many aliases, too much nesting and too much text are problems, never a crash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from listener.model import Problem
from listener.query.names import Names
from listener.rulebook.nodes import Items, Node, Table, Text, locator
from listener.rulebook.reading import read_documents, read_names
from listener.rulebook.shape import Rulebook

MAX_FILE = 1_000_000
MAX_ALL = 5_000_000
MAX_FILES = 500
MAX_DEPTH = 20
MAX_ALIASES = 100
MAX_NODES = 200_000
MAX_REPEATED = 10_000
"""What aliases may add."""

_DEFINING = ("lists", "queries", "\\")
"""A file that defines names has one of these somewhere: in quotes a key may be spelled with escapes."""

_HASHTAG = re.compile(r"\s*#\w")


def parse(files: Mapping[str, str]) -> Rulebook | list[Problem]:
    """The rulebook that these files (path to text) make together; or all their problems, by file, line and column."""
    problems: list[Problem] = []
    documents: dict[str, Node] = {}
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_ALL:
        first = min(files)
        hint = f"at most {MAX_FILES} files and {MAX_ALL:,} characters together"
        return [Problem(first, 1, 1, "too-much", "the rule files are too many or too big", hint)]
    for path in sorted(files):
        try:
            document = _document(path, files[path])
        except _Wrong as wrong:
            problems.append(wrong.problem)
        except RecursionError:
            problems.append(Problem(path, 1, 1, "too-deep", "the file is nested too deeply", "rules need four levels"))
        else:
            if document is not None:
                documents[path] = document
    found = read_documents(documents, files, complete=not problems)
    if isinstance(found, list):
        problems.extend(found)
    if problems:
        return sorted(problems, key=lambda one: (one.file, one.line, one.column, one.code))
    assert isinstance(found, Rulebook), "without problems there is a rulebook"  # noqa: S101
    return found


def names_in(files: Mapping[str, str]) -> Names:
    """The named lists and sub-queries of an accepted rulebook's files, at the cost of the files that may define any.

    Tells no problem: what cannot be read defines nothing, and whoever uses a definition with mistakes is told.
    """
    documents: dict[str, Node] = {}
    for path, text in files.items():
        if not any(sign in text for sign in _DEFINING):
            continue
        try:
            document = _document(path, text)
        except (_Wrong, RecursionError):
            continue
        if document is not None:
            documents[path] = document
    return read_names(documents)


class _Wrong(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _document(path: str, text: str) -> Node | None:
    """One file's content; None when it holds nothing but comments."""
    if len(text) > MAX_FILE:
        raise _Wrong(Problem(path, 1, 1, "too-big", "the file is too big", f"at most {MAX_FILE:,} characters"))
    try:
        written = _check_events(path, text)
        root = _yaml().compose(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = " ".join(str(error.problem or error.context or "not YAML").split())
        raise _Wrong(Problem(path, line, column, "yaml", f"not YAML: {what}", _yaml_hint(text, line, what))) from None
    except (YAMLError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise _Wrong(
            Problem(path, *_bad_character(text), "yaml", f"not YAML: {what}", "save it as plain text")
        ) from None
    if root is None:
        return None
    return _Converter(path, text, 2 * written + MAX_REPEATED).convert(root, 0)


def _yaml() -> Any:
    return YAML(typ="safe", pure=True)


def _check_events(path: str, text: str) -> int:
    """Refuse what would cost too much, before anything is built of it. How much is written."""
    depth = aliases = documents = seen = 0
    for seen, event in enumerate(_yaml().parse(StringIO(text))):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        elif isinstance(event, AliasEvent):
            aliases += 1
        documents += type(event).__name__ == "DocumentStartEvent"
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if depth > MAX_DEPTH:
            raise _Wrong(Problem(path, *place, "too-deep", "the file is nested too deeply", "rules need four levels"))
        if aliases > MAX_ALIASES:
            raise _Wrong(Problem(path, *place, "too-many-aliases", f"more than {MAX_ALIASES} aliases", "write it out"))
        if seen > MAX_NODES:
            raise _Wrong(Problem(path, *place, "too-big", "the file holds too much", "split it"))
        if documents > 1:
            raise _Wrong(Problem(path, *place, "two-documents", "a second document begins here", "use a file for each"))
    return seen


class _Converter:
    """From the library's nodes to ours. Aliases are followed as often as they are written, up to a limit."""

    def __init__(self, path: str, text: str, limit: int) -> None:
        self.path = path
        self.text = text
        self.limit = limit
        self.seen = 0

    def convert(self, node: Any, depth: int) -> Node:
        self.seen += 1
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if self.seen > self.limit or depth > 2 * MAX_DEPTH:
            what = "aliases make this file too big, or endless"
            raise _Wrong(Problem(self.path, line, column, "too-many-aliases", what, "write it out"))
        if isinstance(node, MappingNode):
            pairs = tuple((self._key(key, depth), self._value(key, value, depth)) for key, value in node.value)
            return Table(pairs, line, column)
        if isinstance(node, SequenceNode):
            return Items(tuple(self.convert(one, depth + 1) for one in node.value), line, column)
        return self._text(node, line, column)

    def _value(self, key: Any, node: Any, depth: int) -> Node:
        if isinstance(node, ScalarNode) and node.value == "" and not node.style:
            # Nothing was written: the library's mark is at whatever comes next.
            line, column = key.end_mark.line + 1, key.end_mark.column + 2
            return Text("", line, column, True, lambda _: (line, column))
        return self.convert(node, depth + 1)

    def _key(self, node: Any, depth: int) -> Text:
        key = self.convert(node, depth + 1)
        if isinstance(key, Text):
            return key
        raise _Wrong(Problem(self.path, key.line, key.column, "bad-key", "a key must be a word", "put it in quotes"))

    def _text(self, node: Any, line: int, column: int) -> Text:
        if not isinstance(node, ScalarNode):
            raise _Wrong(Problem(self.path, line, column, "yaml", "not a word, a list or a table"))
        start = node.start_mark.index
        style = node.style or ""
        if style in {'"', "'"}:
            locate = locator(self.text, start + 1, line, column + 1, node.value)
        elif style in {"|", ">"}:
            begin = self.text.find("\n", start) + 1
            locate = locator(self.text, begin, line + 1, 1, node.value)
        else:
            locate = locator(self.text, start, line, column, node.value)
        rest = self.text[node.end_mark.index : self.text.find("\n", node.end_mark.index) % (len(self.text) + 1)]
        return Text(str(node.value), line, column, not style, locate, not style and bool(_HASHTAG.match(rest)))


def _yaml_hint(text: str, line: int, what: str) -> str:
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or "\\t" in what:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in what:
        return "a text with a colon in it needs quotes, or the indentation is off"
    if "while scanning" in what or "found unexpected end" in what or "quoted scalar" in what:
        return "a quote may be missing"
    return "check indentation, quotes and colons around here"


def _bad_character(text: str) -> tuple[int, int]:
    """Where the first character stands that YAML does not allow."""
    for line, row in enumerate(text.split("\n"), 1):
        for column, char in enumerate(row, 1):
            if (ord(char) < 0x20 and char not in "\t\r") or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000:
                return line, column
    return 1, 1
