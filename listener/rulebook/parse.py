"""Rule files to a rulebook, or to every problem in them at once. The one place in here that names ruamel.yaml.

YAML 1.2, and every scalar stays the words that were written: `no` is a word, 09:30 is a time, nothing is guessed. Repeated keys, too
many aliases, too much nesting and too much text are problems, never a crash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from listener.model.problems import Problem
from listener.query.names import Names
from listener.rulebook.ical import SUFFIX as CALENDAR
from listener.rulebook.nodes import Items, Node, Table, Text, locator
from listener.rulebook.reading import read_documents, read_names
from listener.rulebook.shape import Rulebook
from listener.rulebook.signals import Signal
from listener.rulebook.trouble import trouble

MAX_FILE = 1_000_000
MAX_ALL = 5_000_000
MAX_FILES = 500
MAX_DEPTH = 20
MAX_ALIASES = 100
MAX_NODES = 200_000
MAX_REPEATED = 10_000
"""What aliases may add."""

SHIPPED_NEED = "shipped/need.yaml"
"""As this the shipped signals of need stand among the files of whoever has none of their own. It stands by itself: its lists are nobody else's."""

_DEFINING = ("lists", "queries", "\\")
"""A file that defines names has one of these somewhere: in quotes a key may be spelled with escapes."""

_HASHTAG = re.compile(r"\s*#\w")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What YAML does not take as it is."""
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""What the database does not take, not even where an escape sequence stands for it."""


def parse(files: Mapping[str, str]) -> Rulebook | list[Problem]:
    """The rulebook that these files (path to text) make together; or all their problems, by file, line and column."""
    problems: list[Problem] = []
    documents: dict[str, Node] = {}
    complete = True
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_ALL:
        first = min(files)
        hint = f"at most {MAX_FILES} files and {MAX_ALL:,} characters together"
        return [Problem(first, 1, 1, "too-much", "the rule files are too many or too big", hint)]
    for path in sorted(files.keys() - {SHIPPED_NEED}):
        try:
            if path.endswith(CALENDAR):
                _plain(path, files[path])
                continue
            document = _document(path, files[path], problems)
        except _Wrong as wrong:
            problems.append(wrong.problem)
            complete = False
        except RecursionError:
            problems.append(Problem(path, 1, 1, "too-deep", "the file is nested too deeply", "rules need four levels"))
            complete = False
        else:
            if document is not None:
                documents[path] = document
    signals: tuple[Signal, ...] = ()
    if (shipped := files.get(SHIPPED_NEED)) is not None:
        told = _shipped_need(shipped)
        problems.extend(told if isinstance(told, list) else ())
        signals = told if isinstance(told, tuple) else ()
    found = read_documents(documents, files, complete=complete, shipped=signals)
    if isinstance(found, list):
        problems.extend(found)
    if problems:
        return sorted(problems, key=lambda one: (one.file, one.line, one.column, one.code))
    assert isinstance(found, Rulebook), "without problems there is a rulebook"  # noqa: S101
    return found


@lru_cache(maxsize=2)
def _shipped_need(text: str) -> tuple[Signal, ...] | list[Problem]:
    """The signals of a text that is always the same: it is long, and nobody edits it."""
    problems: list[Problem] = []
    try:
        document = _document(SHIPPED_NEED, text, problems)
    except _Wrong as wrong:
        return [*problems, wrong.problem]
    found = read_documents({SHIPPED_NEED: document} if document is not None else {}, {SHIPPED_NEED: text})
    return (
        found.need
        if isinstance(found, Rulebook) and not problems
        else [*problems, *(found if isinstance(found, list) else ())]
    )


def names_in(files: Mapping[str, str]) -> Names:
    """The named lists and sub-queries of an accepted rulebook's files, at the cost of the files that may define any.

    Tells no problem: what cannot be read defines nothing, and whoever uses a definition with mistakes is told.
    """
    documents: dict[str, Node] = {}
    for path, text in files.items():
        if path == SHIPPED_NEED or path.endswith(CALENDAR) or not any(sign in text for sign in _DEFINING):
            continue
        try:
            document = _document(path, text, [])
        except (_Wrong, RecursionError):
            continue
        if document is not None:
            documents[path] = document
    return read_names(documents)


class _Wrong(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _document(path: str, text: str, problems: list[Problem]) -> Node | None:
    """One file's content, with the problems that leave it readable told; None when it holds nothing but comments."""
    _plain(path, text)
    try:
        events = _events(path, text, problems)
        root = _composed(events)
    except MarkedYAMLError as error:
        problem, context = (" ".join(str(one or "").split()) for one in (error.problem, error.context))
        began = _at(error.context_mark)
        found = trouble(text, problem or context, _at(error.problem_mark) or began or (1, 1), context, began)
        raise _Wrong(Problem(path, *found.at, "yaml", found.message, found.hint)) from None
    except (YAMLError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise _Wrong(Problem(path, 1, 1, "yaml", f"not YAML: {what}", "save it as plain text")) from None
    if root is None:
        return None
    return _Converter(path, text, 2 * len(events) + MAX_REPEATED, problems).convert(root, 0)


def _plain(path: str, text: str) -> None:
    """Refuses what is too big, and characters that no file of ours may hold."""
    if len(text) > MAX_FILE:
        raise _Wrong(Problem(path, 1, 1, "too-big", "the file is too big", f"at most {MAX_FILE:,} characters"))
    if bad := _FORBIDDEN.search(text):
        at = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        raise _Wrong(Problem(path, *at, "bad-character", *_says_forbidden(bad.group())))


def _at(mark: Any) -> tuple[int, int] | None:
    return None if mark is None else (mark.line + 1, mark.column + 1)


def _events(path: str, text: str, problems: list[Problem]) -> list[Any]:
    """What is written. Refuses what would cost too much, before anything is built of it, and tells what would get lost."""
    depth = aliases = documents = 0
    anchors: dict[str, tuple[int, int]] = {}
    used: set[str] = set()
    events: list[Any] = []
    for seen, event in enumerate(YAML(typ="safe", pure=True).parse(StringIO(text))):
        events.append(event)
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        elif isinstance(event, AliasEvent):
            aliases += 1
            used.add(event.anchor)
        if isinstance(event, CollectionStartEvent | ScalarEvent):
            if event.anchor is not None and isinstance(event, ScalarEvent):  # of a text it would take a word away
                anchors.setdefault(event.anchor, place)
            if event.tag is not None:
                problems.append(
                    Problem(path, *place, "yaml-tag", "YAML takes what begins with ! here for a tag", _QUOTE_IT)
                )
        documents += isinstance(event, DocumentStartEvent)
        if depth > MAX_DEPTH:
            raise _Wrong(Problem(path, *place, "too-deep", "the file is nested too deeply", "rules need four levels"))
        if aliases > MAX_ALIASES:
            raise _Wrong(Problem(path, *place, "too-many-aliases", f"more than {MAX_ALIASES} aliases", "write it out"))
        if seen > MAX_NODES:
            raise _Wrong(Problem(path, *place, "too-big", "the file holds too much", "split it"))
        if documents > 1:
            raise _Wrong(Problem(path, *place, "two-documents", "a second document begins here", "use a file for each"))
    for name in anchors.keys() - used:
        what = f"YAML takes &{name} for the name of an anchor, which nothing uses"
        problems.append(Problem(path, *anchors[name], "unused-anchor", what, _QUOTE_IT))
    return events


def _composed(events: Iterable[Any]) -> Any:
    """The library's nodes of one document, without the tags: every scalar stays the words that were written. None: it is empty."""
    anchored: dict[str, Any] = {}
    written = iter(events)
    for event in written:
        if isinstance(event, ScalarEvent | CollectionStartEvent | AliasEvent):
            return _node(event, written, anchored)
    return None


def _node(event: Any, written: Iterator[Any], anchored: dict[str, Any]) -> Any:
    """The node that begins with an event; its other events are taken from those `written`."""
    if isinstance(event, AliasEvent):
        if event.anchor not in anchored:
            raise ComposerError(None, None, f"found undefined alias {event.anchor!r}", event.start_mark)
        return anchored[event.anchor]
    node: Any
    if isinstance(event, ScalarEvent):
        node = ScalarNode(None, event.value, event.start_mark, event.end_mark, style=event.style)
    else:
        kind = MappingNode if isinstance(event, MappingStartEvent) else SequenceNode
        node = kind(None, [], event.start_mark)
    if event.anchor is not None:
        anchored[event.anchor] = node  # already now: an alias within it may mean it
    if isinstance(node, MappingNode):
        while not isinstance(key := next(written), CollectionEndEvent):
            named = _node(key, written, anchored)
            node.value.append((named, _node(next(written), written, anchored)))
    elif isinstance(node, SequenceNode):
        while not isinstance(one := next(written), CollectionEndEvent):
            node.value.append(_node(one, written, anchored))
    return node


_QUOTE_IT = "put the whole text in quotes"


class _Converter:
    """From the library's nodes to ours. Aliases are followed as often as they are written, up to a limit."""

    def __init__(self, path: str, text: str, limit: int, problems: list[Problem]) -> None:
        self.path = path
        self.text = text
        self.limit = limit
        self.problems = problems
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
            return Text("", line, column, True, lambda _: (line, column), self._hashtag(key.end_mark.index + 1))
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
            locate = locator(self.text, start + 1, line, column + 1, node.value, escapes=style == '"')
        elif style in {"|", ">"}:
            begin = self.text.find("\n", start) + 1
            locate = locator(self.text, begin, line + 1, 1, node.value)
        else:
            locate = locator(self.text, start, line, column, node.value)
        value = str(node.value)
        if bad := _UNSTORABLE.search(value):
            self.problems.append(
                Problem(self.path, *locate(bad.start()), "bad-character", *_says_forbidden(bad.group()))
            )
            value = _UNSTORABLE.sub("\ufffd", value)  # other problems may show it
        return Text(value, line, column, not style, locate, not style and self._hashtag(node.end_mark.index))

    def _hashtag(self, index: int) -> bool:
        """Whether what follows here is a comment that looks like a hashtag."""
        rest = self.text[index : self.text.find("\n", index) % (len(self.text) + 1)]
        return _HASHTAG.match(rest) is not None


def _says_forbidden(char: str) -> tuple[str, str]:
    shown = f"U+{ord(char):04X}"
    return f"the character {shown} cannot stand in a rule file", "delete it: it is invisible, and was probably pasted"
