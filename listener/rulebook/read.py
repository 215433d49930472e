"""From documents with places to a rulebook: the meaning of every key. Owns keys, types and references, and collects all problems.

A file may hold lists, queries, topics, rules and teams; by habit each has a file of its own. Lists and queries are read before all that
may use them, whichever file they are in. Nothing is taken silently: an unknown key, a wrong type,
a repeated id or a name that is nowhere defined is a problem with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from listener.model import Kind, Priority, Problem
from listener.query.fields import Use, did_you_mean, nearest
from listener.query.names import Names
from listener.query.parse import parse as parse_query
from listener.query.told import Locate
from listener.query.tree import Field, Named, parts_of
from listener.query.tree import Node as QueryNode
from listener.query.tree import Text as Name
from listener.rulebook.definitions import Written, as_written, define
from listener.rulebook.nodes import Items, Node, Table, Text
from listener.rulebook.shape import (
    Example,
    Place,
    Query,
    Rule,
    Rulebook,
    Scope,
    Team,
    Then,
    Topic,
    TopicKind,
    content_hash,
)

SECTIONS = ("lists", "queries", "topics", "rules", "teams")
LIST_KEYS = ("key", "title", "words")
QUERY_KEYS = ("key", "title", "query")
TOPIC_KEYS = ("key", "title", "brand", "kind", "query", "sources", "names")
RULE_KEYS = ("id", "title", "owner", "scope", "when", "then", "rank", "examples")
SCOPE_KEYS = ("addressed", "topics", "kinds", "everything", "brands")
THEN_KEYS = ("priority", "reply within", "tags", "team", "open")
TEAM_KEYS = ("key", "title")
EXAMPLE_KEYS = ("text", "addressed", "source", "kind", "author", "lang", "links", "media")

LONGEST_REPLY_SECONDS = 60 * 86_400
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_TAG = re.compile(r"[^\W_A-Z][\w:-]{0,62}\Z")
_DURATION = re.compile(r"([0-9]{1,6}) ?([a-z]+)\Z")
_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86_400}
_YES = {"yes": True, "true": True, "no": False, "false": False}


def read_documents(
    documents: Mapping[str, Node], files: Mapping[str, str], *, complete: bool = True
) -> Rulebook | list[Problem]:
    """The rulebook of these documents, or their problems. Without `complete` a file is missing, so unknown names are not told."""
    reader = _Reader(complete=complete)
    for path in sorted(documents):
        reader.define(path, documents[path])
    reader.check_definitions()
    for path in sorted(documents):
        reader.read(path)
    reader.check_references()
    if reader.problems:
        return reader.problems
    warnings = tuple(sorted(reader.warnings, key=lambda one: (one.file, one.line, one.column, one.code)))
    return Rulebook(
        topics=tuple(sorted(reader.topics, key=lambda topic: topic.key)),
        rules=tuple(sorted(reader.rules, key=lambda rule: rule.id)),
        teams=tuple(sorted(reader.teams, key=lambda team: team.key)),
        files=MappingProxyType(dict(files)),
        hash=content_hash(files),
        warnings=warnings,
        names=reader.defined.names,
    )


def read_names(documents: Mapping[str, Node]) -> Names:
    """What these documents define for queries to use. Tells no problem: what cannot be read defines nothing."""
    reader = _Reader(complete=False)
    for path in sorted(documents):
        reader.define(path, documents[path])
    return as_written(reader.lists, reader.queries)


class _Reader:
    """One reading under way."""

    def __init__(self, *, complete: bool) -> None:
        self.complete = complete
        self.file = ""
        self.sections: dict[str, dict[str, Node]] = {}
        self.lists: dict[str, tuple[Written, ...]] = {}
        self.queries: dict[str, Written] = {}
        self.defined = define({}, {})
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.topics: list[Topic] = []
        self.rules: list[Rule] = []
        self.teams: list[Team] = []
        self.named: list[tuple[str, str, Place]] = []
        """What is referred to: sort of thing, its name, where."""
        self.ids: dict[tuple[str, str], Place] = {}

    # What everything is made of

    def problem(self, node: Node, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, node.line, node.column, code, message, hint))

    def place(self, node: Node) -> Place:
        return Place(self.file, node.line, node.column)

    def table(
        self, node: Node, what: str, known: tuple[str, ...], needed: Iterable[str] = ()
    ) -> dict[str, Node] | None:
        """A table's values by key, with unknown, repeated and missing keys told."""
        if not isinstance(node, Table):
            self.problem(node, "wrong-type", f"{what} must be a table of keys and values", f"keys: {', '.join(known)}")
            return None
        found: dict[str, Node] = {}
        for key, value in node.pairs:
            name = key.value
            if name not in known:
                hint = did_you_mean(name, known)
                self.problem(key, "unknown-key", f"{what} has no key {name!r}", hint or f"keys: {', '.join(known)}")
            elif name in found:
                self.problem(key, "repeated-key", f"{name} stands here twice", "keep one of them")
            else:
                found[name] = value
        for name in needed:
            if name not in found and name not in {nearest(key.value, known) for key, _ in node.pairs}:
                self.problem(node, "missing-key", f"{what} needs {name}", f"add {name}: ...")
        return found

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """A list's items; a single value counts as a list of one."""
        if node is None or (isinstance(node, Text) and node.empty):
            return ()
        if isinstance(node, Items):
            return node.items
        if isinstance(node, Text):
            return (node,)
        self.problem(node, "wrong-type", f"{what} must be a list", "begin each item with a dash")
        return ()

    def text(self, node: Node | None, what: str, *, empty: bool = False, longest: int = 20_000) -> str:
        """A text, trimmed; "" with a problem when there is none."""
        if node is None:
            return ""
        if not isinstance(node, Text):
            self.problem(node, "wrong-type", f"{what} must be a text", "put it on one line, in quotes if need be")
            return ""
        value = node.value.strip()
        if (not value or node.empty) and not empty:
            self.problem(node, "empty-value", f"{what} is empty", f"write the {what}")
            return ""
        if len(value) > longest:
            self.problem(node, "too-long", f"{what} is longer than {longest} characters", "shorten it")
            return ""
        return value

    def texts(self, node: Node | None, what: str) -> list[tuple[str, Node]]:
        found = [(self.text(one, what), one) for one in self.items(node, what)]
        return [(value, one) for value, one in found if value]

    def key(self, node: Node | None, what: str) -> str:
        value = self.text(node, what)
        if value and node is not None and not _KEY.match(value):
            self.problem(
                node, "bad-key", f"{value!r} cannot be {what}", "small letters, digits and hyphens only, at most 63"
            )
            return ""
        return value

    def choice(self, node: Node | None, what: str, known: Iterable[str]) -> str:
        value = self.text(node, what)
        if value and node is not None and value not in (choices := list(known)):
            self.problem(node, "unknown-value", f"{what} cannot be {value!r}", did_you_mean(value, choices))
            return ""
        return value

    def yes(self, node: Node | None, what: str, *, otherwise: bool = False) -> bool:
        if node is None:
            return otherwise
        value = self.text(node, what)
        if value and value not in _YES:
            self.problem(node, "wrong-type", f"{what} must be yes or no", "write yes or no")
        return _YES.get(value, otherwise)

    def number(self, node: Node | None, what: str, low: int, high: int) -> int:
        if node is None:
            return 0
        value = self.text(node, what)
        if not value:
            return 0
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", value) or not low <= int(value) <= high:
            self.problem(node, "wrong-type", f"{what} must be a whole number from {low} to {high}", "write digits only")
            return 0
        return int(value)

    def query(self, node: Node | None, what: str, use: Use) -> Query | None:
        if node is None:
            return None
        if not isinstance(node, Text):
            self.problem(
                node, "wrong-type", f"{what} must be a query", "put the whole query in one text, in quotes if need be"
            )
            return None
        if self._cut_by_hashtag(node, what):
            return None
        parsed = parse_query(node.value, use, file=self.file, locate=node.locate, names=self.defined.usable)
        self._tell(parsed.problems, parsed.warnings)
        if parsed.tree is None:
            return None
        self._note_topics(parsed.tree, self.file, node.locate)
        return Query.of(node.value.rstrip(), parsed.tree)

    def _cut_by_hashtag(self, node: Text, what: str) -> bool:
        if not node.cut_by_hashtag:
            return False
        line, column = node.locate(len(node.value))
        message = f"YAML takes the # here for a comment, so {what} ends before it"
        hint = f"put the {'entry' if what == 'an entry' else 'query'} in quotes"
        self.problems.append(Problem(self.file, line, column, "hashtag-is-comment", message, hint))
        return True

    def _tell(self, problems: Iterable[Problem], warnings: Iterable[Problem]) -> None:
        """What is wrong with a query. Names that may stand in a file that could not be read are not missed."""
        missed = () if self.complete else ("unknown-list", "unknown-query")
        self.problems.extend(one for one in problems if one.code not in missed)
        self.warnings.extend(warnings)

    def _note_topics(self, tree: QueryNode, file: str, locate: Locate) -> None:
        """Topics that a query names must exist; what its names stand for was looked at where it is defined."""
        waiting = [tree]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Named):
                continue
            waiting.extend(parts_of(part))
            if isinstance(part, Field) and part.name == "topic":
                for value in part.values:
                    if isinstance(value, Name) and not value.wild:
                        self.named.append(("topic", value.key, Place(file, *locate(value.start))))

    def once(self, sort: str, name: str, node: Node) -> bool:
        """Note that this name is taken; a problem when it was."""
        if not name:
            return False
        before = self.ids.setdefault((sort, name), self.place(node))
        if before != self.place(node):
            self.problem(node, "repeated-id", f"there is already a {sort} {name!r}", f"at {before}; rename one of them")
            return False
        return True

    # The sections

    def define(self, file: str, document: Node) -> None:
        """Read a file's lists and queries, and find its other sections."""
        self.file = file
        sections = self.table(document, "a rule file", SECTIONS) or {}
        for node in self.items(sections.get("lists"), "lists"):
            self._list(node)
        for node in self.items(sections.get("queries"), "queries"):
            self._named_query(node)
        self.sections[file] = sections

    def check_definitions(self) -> None:
        """Once all lists and queries are read, look at them together."""
        self.defined = define(self.lists, self.queries)
        self._tell(self.defined.problems, self.defined.warnings)
        for key, parsed in self.defined.queries.items():
            if parsed.tree is not None:
                self._note_topics(parsed.tree, self.queries[key].file, self.queries[key].locate)

    def read(self, file: str) -> None:
        """Read what a file says with the help of all definitions."""
        self.file = file
        sections = self.sections[file]
        for node in self.items(sections.get("topics"), "topics"):
            self._topic(node)
        for node in self.items(sections.get("rules"), "rules"):
            self._rule(node)
        for node in self.items(sections.get("teams"), "teams"):
            self._team(node)

    def _list(self, node: Node) -> None:
        found = self.table(node, "a list", LIST_KEYS, ("key", "words"))
        if found is None:
            return
        key = self.key(found.get("key"), "a list's key")
        self.text(found.get("title"), "title")
        words = self.items(found.get("words"), "words")
        if "words" in found and not words:
            self.problem(found["words"], "empty-value", "words is empty", "write at least one word")
        entries = [self._written(one, "an entry") for one in words]
        if self.once("list", key, found.get("key", node)):
            self.lists[key] = tuple(one for one in entries if one is not None)

    def _named_query(self, node: Node) -> None:
        found = self.table(node, "a query", QUERY_KEYS, ("key", "query"))
        if found is None:
            return
        key = self.key(found.get("key"), "a query's key")
        self.text(found.get("title"), "title")
        query = self._written(found.get("query"), "query")
        if self.once("query", key, found.get("key", node)) and query is not None:
            self.queries[key] = query

    def _written(self, node: Node | None, what: str) -> Written | None:
        """A text of a definition, trimmed, with the places of its characters."""
        value = self.text(node, what)
        if not value or not isinstance(node, Text) or self._cut_by_hashtag(node, what):
            return None
        locate, before = node.locate, len(node.value) - len(node.value.lstrip())
        return Written(value, self.file, lambda offset: locate(before + offset))

    def _team(self, node: Node) -> None:
        found = self.table(node, "a team", TEAM_KEYS, ("key",))
        if found is None:
            return
        key = self.key(found.get("key"), "a team's key")
        title = self.text(found.get("title"), "title") or key
        if self.once("team", key, found.get("key", node)):
            self.teams.append(Team(key, title, self.place(node)))

    def _topic(self, node: Node) -> None:
        found = self.table(node, "a topic", TOPIC_KEYS, ("key", "kind", "query"))
        if found is None:
            return
        key = self.key(found.get("key"), "a topic's key")
        kind = self.choice(found.get("kind"), "kind", [one.value for one in TopicKind])
        query = self.query(found.get("query"), "query", Use.TOPIC)
        title = self.text(found.get("title"), "title") or key
        brand = self.key(found.get("brand"), "a brand's key")
        sources = frozenset(value for value, _ in self.texts(found.get("sources"), "source"))
        names = tuple(sorted({value for value, _ in self.texts(found.get("names"), "name")}))
        if self.once("topic", key, found.get("key", node)) and kind and query is not None:
            self.topics.append(Topic(key, TopicKind(kind), title, query, brand, sources, names, self.place(node)))

    def _rule(self, node: Node) -> None:
        found = self.table(node, "a rule", RULE_KEYS, ("id", "title", "owner", "scope", "when", "then"))
        if found is None:
            return
        id_ = self.key(found.get("id"), "a rule's id")
        title = self.text(found.get("title"), "title")
        owner = self.text(found.get("owner"), "owner")
        scope = self._scope(found.get("scope"))
        when = self.query(found.get("when"), "when", Use.RULE)
        then = self._then(found.get("then"))
        rank = self.number(found.get("rank"), "rank", -1000, 1000)
        fires, silent = self._examples(found.get("examples"))
        if not fires or not silent:
            message = f"rule {id_} has no example that must {'stay silent' if fires else 'fire'}"
            hint = "add examples: fires: [...] and silent: [...]"
            self.warnings.append(Problem(self.file, node.line, node.column, "no-examples", message, hint))
        if self.once("rule", id_, found.get("id", node)) and when is not None:
            self.rules.append(Rule(id_, title, owner, scope, when, then, rank, fires, silent, self.place(node)))

    def _scope(self, node: Node | None) -> Scope:
        found = None if node is None else self.table(node, "scope", SCOPE_KEYS)
        if node is None or found is None:
            return Scope()
        topics: list[str] = []
        for value, at in self.texts(found.get("topics"), "topic"):
            self.named.append(("topic", value, self.place(at)))
            topics.append(value)
        kinds = [
            self.choice(one, "kind", [k.value for k in TopicKind]) for one in self.items(found.get("kinds"), "kinds")
        ]
        brands = [self.key(one, "a brand's key") for one in self.items(found.get("brands"), "brands")]
        scope = Scope(
            addressed=self.yes(found.get("addressed"), "addressed"),
            topics=frozenset(topics),
            kinds=frozenset(TopicKind(kind) for kind in kinds if kind),
            everything=self.yes(found.get("everything"), "everything"),
            brands=frozenset(brand for brand in brands if brand),
        )
        if not (scope.addressed or scope.topics or scope.kinds or scope.everything or {"topics", "kinds"} & set(found)):
            self.problem(
                node, "empty-scope", "the scope lets nothing in", "say addressed: yes, topics: [...] or kinds: [brand]"
            )
        return scope

    def _then(self, node: Node | None) -> Then:
        found = None if node is None else self.table(node, "then", THEN_KEYS)
        if node is None or found is None:
            return Then()
        if not found and isinstance(node, Table) and not node.pairs:
            self.problem(node, "does-nothing", "nothing follows from this rule", f"say one of: {', '.join(THEN_KEYS)}")
        priority = self.choice(found.get("priority"), "priority", [one.name.lower() for one in Priority])
        team = self.key(found.get("team"), "a team's key")
        if team:
            self.named.append(("team", team, self.place(found["team"])))
        return Then(
            priority=Priority[priority.upper()] if priority else None,
            reply_within=self._duration(found.get("reply within")),
            tags=self._tags(found.get("tags")),
            team=team,
            opens=self.yes(found.get("open"), "open"),
        )

    def _tags(self, node: Node | None) -> tuple[str, ...]:
        good: set[str] = set()
        for value, at in self.texts(node, "tag"):
            if _TAG.match(value):
                good.add(value)
            else:
                self.problem(
                    at, "bad-tag", f"{value!r} cannot be a tag", "one word in small letters; - and : may be in it"
                )
        return tuple(sorted(good))

    def _duration(self, node: Node | None) -> float | None:
        if node is None:
            return None
        value = self.text(node, "reply within")
        if not value:
            return None
        found = _DURATION.match(value)
        if found is None or found.group(2) not in _SECONDS:
            self.problem(node, "bad-duration", f"{value!r} is not a time span", "a number with m, h or d: 30m, 2h, 1d")
            return None
        seconds = int(found.group(1)) * _SECONDS[found.group(2)]
        if not 0 < seconds <= LONGEST_REPLY_SECONDS:
            self.problem(node, "bad-duration", "a reply is due within a minute to 60 days", "use a span such as 2h")
            return None
        return float(seconds)

    def _examples(self, node: Node | None) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        found = None if node is None else self.table(node, "examples", ("fires", "silent"))
        if found is None:
            return (), ()
        fires = [self._example(one) for one in self.items(found.get("fires"), "fires")]
        silent = [self._example(one) for one in self.items(found.get("silent"), "silent")]
        return tuple(one for one in fires if one), tuple(one for one in silent if one)

    def _example(self, node: Node) -> Example | None:
        place = self.place(node)
        if isinstance(node, Text):
            text = self.text(node, "example")
            return Example(text, place) if text else None
        found = self.table(node, "an example", EXAMPLE_KEYS, ("text",))
        if found is None:
            return None
        text = self.text(found.get("text"), "text", empty=True)
        kind = self.choice(found.get("kind"), "kind", [one.value for one in Kind]) if "kind" in found else ""
        langs = tuple(value for value, _ in self.texts(found.get("lang"), "lang"))
        return Example(
            text=text,
            place=place,
            addressed=self.yes(found.get("addressed"), "addressed", otherwise=True),
            source=self.text(found.get("source"), "source") or "bluesky",
            kind=Kind(kind) if kind else Kind.POST,
            author=self.text(found.get("author"), "author") or "someone.example",
            langs=langs or ("en",),
            links=self.number(found.get("links"), "links", 0, 100),
            media=self.number(found.get("media"), "media", 0, 100),
        )

    # What can only be known at the end

    def check_references(self) -> None:
        """Names that are used must be defined somewhere in these files."""
        if not self.complete:
            return
        known = {sort: {name for one, name in self.ids if one == sort} for sort in ("topic", "team")}
        for sort, name, place in self.named:
            if name not in known[sort]:
                message = f"there is no {sort} {name!r}"
                hint = did_you_mean(name, known[sort]) or f"define it under {sort}s:"
                self.problems.append(Problem(place.file, place.line, place.column, f"unknown-{sort}", message, hint))
