"""What every section of a rule file is read with: values with their types, references, and every problem with its place.

Owns the one reading under way. Refuses to know a section. Nothing is taken silently: an unknown key, a wrong type, a repeated id or a name
that is nowhere defined is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from difflib import SequenceMatcher

from listener.model.problems import Problem
from listener.query.fields import Use, did_you_mean, nearest
from listener.query.moments import is_zone, nearest_zone
from listener.query.parse import parse as parse_query
from listener.query.told import Locate
from listener.query.tree import Field, Named, parts_of
from listener.query.tree import Node as QueryNode
from listener.query.tree import Text as Name
from listener.rulebook.alerting import Chain, Policy, Rota, Route
from listener.rulebook.asking import Query
from listener.rulebook.definitions import Definitions, Written, define
from listener.rulebook.guide import Guide
from listener.rulebook.hours import Hours
from listener.rulebook.lexicon import Overlay
from listener.rulebook.macros import Macro
from listener.rulebook.nodes import Items, Node, Place, Table, Text
from listener.rulebook.people import OurAccount, Person
from listener.rulebook.planned import Planned
from listener.rulebook.reading.keys import Keys
from listener.rulebook.replies import SavedReply
from listener.rulebook.shape import Exemption, Rule, Team, Topic
from listener.rulebook.signals import Signal

LONGEST_SECONDS = 60 * 86_400
YEARS = range(1970, 3000)
"""Of days and times: far from the calendar's ends, so that they can be counted from."""
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_TAG = re.compile(r"[^\W_A-Z][\w:-]{0,62}\Z")
_DURATION = re.compile(r"([0-9]{1,6}) ?([a-z]+)\Z")
_SECONDS = {"m": 60, "min": 60, "h": 3600, "d": 86_400}
_SHORT = {"s": 1, **_SECONDS}
SURELY_MEANT = 0.8
"""So like each other are a word and the one that was meant, where it is the right word elsewhere."""
TYPOGRAPHIC = frozenset("“”„‟‘’‚‛«»")
_YES = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(slots=True)
class Made:
    """What was read so far, in no order."""

    topics: list[Topic] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    exceptions: list[Exemption] = field(default_factory=list)
    teams: list[Team] = field(default_factory=list)
    hours: list[Hours] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    accounts: list[OurAccount] = field(default_factory=list)
    replies: list[SavedReply] = field(default_factory=list)
    macros: list[Macro] = field(default_factory=list)
    lexicon: list[Overlay] = field(default_factory=list)
    alerts: list[Policy] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    rotas: list[Rota] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    calendar: list[Planned] = field(default_factory=list)
    need: list[Signal] = field(default_factory=list)
    style: Guide | None = None


class Reader:
    """One reading under way."""

    def __init__(self, *, complete: bool, homes: Mapping[str, tuple[str, ...]]) -> None:
        self.complete = complete
        """False: a file is missing, so a name that is nowhere defined may be in it."""
        self.homes = homes
        """Which tables have a key of a name, for whoever wrote it into another."""
        self.file = ""
        self.beside: Mapping[str, str] = {}
        """Calendars: path to text."""
        self.lists: dict[str, tuple[Written, ...]] = {}
        self.queries: dict[str, Written] = {}
        self.defined: Definitions = define({}, {})
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.made = Made()
        self.escalates: dict[str, Place] = {}
        """Where a team says to which it escalates."""
        self._referred: list[tuple[str, str, Place]] = []
        self._ids: dict[tuple[str, str], Place] = {}

    # What everything is made of

    def problem(self, node: Node, code: str, message: str, hint: str = "") -> None:
        """Tell what is wrong at a value."""
        self.problems.append(Problem(self.file, node.line, node.column, code, message, hint))

    def warn(self, node: Node, code: str, message: str, hint: str = "") -> None:
        """Tell what is probably not meant at a value."""
        self.warnings.append(Problem(self.file, node.line, node.column, code, message, hint))

    def place(self, node: Node) -> Place:
        """Where a value stands."""
        return Place(self.file, node.line, node.column)

    def table(self, node: Node, keys: Keys) -> dict[str, Node] | None:
        """A table's values by key, with unknown, repeated and missing keys told; None, and told, when it is no table."""
        known = keys.names
        if not isinstance(node, Table):
            hint = f"keys: {', '.join(known)}"
            self.problem(node, "wrong-type", f"{keys.what} must be a table of keys and values", hint)
            return None
        found: dict[str, Node] = {}
        written: dict[str, Text] = {}
        for key, value in node.pairs:
            name = key.value
            if name not in known:
                self.problem(key, "unknown-key", f"{keys.what} has no key {_shown(name)}", self._meant_key(name, keys))
            elif name in found:
                hint = f"the first is in line {written[name].line}; keep one, with all that belongs under it"
                self.problem(key, "repeated-key", f"{name} stands here twice", hint)
            else:
                found[name], written[name] = value, key
        for name in keys.needed:
            if name not in found and name not in {nearest(key.value, known) for key, _ in node.pairs}:
                self.problem(node, "missing-key", f"{keys.what} needs {name}", f"add {name}: ...")
        return found

    def _meant_key(self, name: str, keys: Keys) -> str:
        """What to do about a key that a table does not have."""
        known = keys.names
        before, colon, _ = name.partition(":")
        if colon and before in known:
            return f"put a space behind the colon: {before}: ..."
        if plain := _without_quotes(name):
            return plain
        if name == "<<":
            return "tables are not merged here: write the keys out"
        if under := keys.under(name):
            return f"it belongs under {under}:"
        close = nearest(name, known)
        homes = self.homes.get(name)
        if homes and (not close or SequenceMatcher(None, name, close).ratio() < SURELY_MEANT):
            return f"it is a key of {' or '.join(homes[:3])}; here there are: {', '.join(known)}"
        return f"did you mean {close}?" if close else f"keys: {', '.join(known)}"

    def pairs(self, node: Node | None, what: str) -> list[tuple[Text, Node]]:
        """A table whose keys are anybody's, each once."""
        if node is None or (isinstance(node, Text) and node.empty):
            return []
        if not isinstance(node, Table):
            self.problem(node, "wrong-type", f"{what} must be a table of keys and values", "write key: value")
            return []
        found: dict[str, tuple[Text, Node]] = {}
        for key, value in node.pairs:
            if key.value in found:
                self.problem(key, "repeated-key", f"{key.value} stands here twice", "keep one of them")
            else:
                found[key.value] = (key, value)
        return list(found.values())

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
            hint = "put it in quotes, on one line"
            if isinstance(node, Items):
                hint = "write one value only, without brackets and dashes"
            self.problem(node, "wrong-type", f"{what} must be a text", hint)
            return ""
        value = node.value.strip()
        if (not value or node.empty) and not empty:
            if not self._cut_by_hashtag(node, what):
                self.problem(node, "empty-value", f"{what} is empty", "write something, or take it out")
            return ""
        if node.cut_by_hashtag:
            line, column = node.locate(len(node.value))
            message = f"YAML takes the # here for a comment, so {what} ends before it"
            hint = "put the text in quotes; or a space behind the # of a comment"
            self.warnings.append(Problem(self.file, line, column, "hashtag-is-comment", message, hint))
        if len(value) > longest:
            self.problem(node, "too-long", f"{what} is longer than {longest} characters", "shorten it")
            return ""
        return value

    def texts(self, node: Node | None, what: str) -> list[tuple[str, Node]]:
        """A list's texts with their nodes; what is none is told."""
        found = [(self.text(one, what), one) for one in self.items(node, what)]
        return [(value, one) for value, one in found if value]

    def key(self, node: Node | None, what: str) -> str:
        """A name in small letters, digits and hyphens; "" when there is none."""
        value = self.text(node, what)
        if value and node is not None and not _KEY.match(value):
            hint = _without_quotes(value) or "small letters, digits and hyphens only, at most 63"
            self.problem(node, "bad-key", f"{_shown(value)} cannot be {what}", hint)
            return ""
        return value

    def choice(self, node: Node | None, what: str, known: Iterable[str]) -> str:
        """One of some words; "" when it is none of them."""
        value = self.text(node, what)
        if value and node is not None and value not in (choices := list(known)):
            hint = _without_quotes(value) or did_you_mean(value, choices) or f"one of: {', '.join(choices)}"
            self.problem(node, "unknown-value", f"{what} cannot be {_shown(value)}", hint)
            return ""
        return value

    def yes(self, node: Node | None, what: str, *, otherwise: bool = False) -> bool:
        """Yes or no."""
        if node is None:
            return otherwise
        value = self.text(node, what)
        if value and value not in _YES:
            self.problem(node, "wrong-type", f"{what} must be yes or no", "write yes or no")
        return _YES.get(value, otherwise)

    def number(self, node: Node | None, what: str, low: int, high: int, *, otherwise: int = 0) -> int:
        """A whole number."""
        if node is None:
            return otherwise
        value = self.text(node, what)
        if not value:
            return otherwise
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", value) or not low <= int(value) <= high:
            self.problem(node, "wrong-type", f"{what} must be a whole number from {low} to {high}", "write digits only")
            return otherwise
        return int(value)

    def decimal(self, node: Node | None, what: str, low: float, high: float) -> float | None:
        """A number with or without a point; None when there is none."""
        value = self.text(node, what)
        if not value or node is None:
            return None
        if not re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?", value) or not low <= float(value) <= high:
            self.problem(node, "wrong-type", f"{what} must be a number from {low:g} to {high:g}", "such as 0.25")
            return None
        return float(value)

    def span(self, node: Node | None, what: str, *, low: float = 60, high: float = LONGEST_SECONDS) -> float | None:
        """A time span in seconds; a whole number of minutes, unless less than one is enough. None when there is none."""
        value = self.text(node, what)
        if not value or node is None:
            return None
        units = _SECONDS if low >= 60 else _SHORT
        found = _DURATION.match(value)
        if found is None or found.group(2) not in units:
            hint = f"a number with {'' if units is _SECONDS else 's, '}m, h or d: 30m, 2h, 1d"
            self.problem(node, "bad-duration", f"{_shown(value)} is not a time span", hint)
            return None
        seconds = float(int(found.group(1)) * units[found.group(2)])
        if not low <= seconds <= high:
            least = f"{int(low // 60)}m" if low >= 60 else f"{int(low)}s"
            message = f"{what} must be at least {least} and at most {int(high // 86_400)}d"
            self.problem(node, "bad-duration", message, "use a span such as 2h")
            return None
        return seconds

    def moment(self, node: Node | None, what: str, zone: tzinfo = UTC) -> datetime | None:
        """A time with its zone, or in this one; None when there is none."""
        value = self.text(node, what)
        if not value or node is None:
            return None
        try:
            found = datetime.fromisoformat(value)
            if found.year not in YEARS:
                raise ValueError
        except ValueError:
            self.problem(node, "bad-time", f"{_shown(value)} is not a time", "such as 2026-11-28T09:30+01:00")
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)

    def day(self, node: Node | None, what: str) -> date | None:
        """A day of the calendar; None when there is none."""
        value = self.text(node, what)
        if not value or node is None:
            return None
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                raise ValueError
            if (found := date.fromisoformat(value)).year not in YEARS:
                raise ValueError
            return found
        except ValueError:
            self.problem(node, "bad-day", f"{_shown(value)} is not a day", "such as 2026-12-24")
            return None

    def days(self, found: Mapping[str, Node]) -> tuple[date, date] | None:
        """The days `from` and `to` of a table, both included; None, and told, when they are none."""
        first, last = self.day(found.get("from"), "from"), self.day(found.get("to"), "to")
        if first is None or last is None:
            return None
        if last < first:
            self.problem(found["to"], "backwards", "this ends before it begins", "swap from and to")
            return None
        return first, last

    def zone(self, node: Node | None) -> str:
        """A time zone's name; "" when there is none."""
        value = self.text(node, "zone")
        if not value or node is None:
            return ""
        if not is_zone(value):
            meant = nearest_zone(value)
            hint = f"did you mean {meant}?" if meant else "a name such as Europe/Berlin"
            self.problem(node, "unknown-zone", f"there is no time zone {value!r}", hint)
            return ""
        return value

    def tags(self, node: Node | None) -> tuple[str, ...]:
        """Tags, each once, in order."""
        good: set[str] = set()
        for value, at in self.texts(node, "tag"):
            if _TAG.match(value):
                good.add(value)
            else:
                hint = "one word in small letters; - and : may be in it"
                self.problem(at, "bad-tag", f"{_shown(value)} cannot be a tag", hint)
        return tuple(sorted(good))

    # Queries

    def query(self, node: Node | None, what: str, use: Use) -> Query | None:
        """A query for a use, with everything that is wrong in it told."""
        if node is None:
            return None
        if not isinstance(node, Text):
            hint = "put the whole query in one text, in quotes if need be"
            self.problem(node, "wrong-type", f"{what} must be a query", hint)
            return None
        if self._cut_by_hashtag(node, what):
            return None
        parsed = parse_query(node.value, use, file=self.file, locate=node.locate, names=self.defined.usable)
        self.tell(parsed.problems, parsed.warnings)
        if parsed.tree is None:
            return None
        self.note_topics(parsed.tree, self.file, node.locate)
        return Query.of(node.value.rstrip(), parsed.tree)

    def written(self, node: Node | None, what: str) -> Written | None:
        """A text of a definition, trimmed, with the places of its characters."""
        if isinstance(node, Text) and self._cut_by_hashtag(node, what):
            return None
        value = self.text(node, what)
        if not value or not isinstance(node, Text):
            return None
        locate, before = node.locate, len(node.value) - len(node.value.lstrip())
        return Written(value, self.file, lambda offset: locate(before + offset))

    def _cut_by_hashtag(self, node: Text, what: str) -> bool:
        if not node.cut_by_hashtag:
            return False
        line, column = node.locate(len(node.value))
        message = f"YAML takes the # here for a comment, so {what} ends before it"
        hint = f"put the {_NOUN.get(what, 'text')} in quotes"
        self.problems.append(Problem(self.file, line, column, "hashtag-is-comment", message, hint))
        return True

    def tell(self, problems: Iterable[Problem], warnings: Iterable[Problem]) -> None:
        """What is wrong with a query. Names that may stand in a file that could not be read are not missed."""
        missed = () if self.complete else ("unknown-list", "unknown-query")
        self.problems.extend(one for one in problems if one.code not in missed)
        self.warnings.extend(warnings)

    def note_topics(self, tree: QueryNode, file: str, locate: Locate) -> None:
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
                        self._referred.append(("topic", value.key, Place(file, *locate(value.start))))

    # Names that are defined and used

    def refer(self, sort: str, node: Node | None) -> str:
        """The key of something of this sort ('team'), which must be defined somewhere in these files; "" when nothing is written."""
        name = self.key(node, f"a {sort}'s key")
        if name and node is not None:
            self._referred.append((sort, name, self.place(node)))
        return name

    def refer_all(self, sort: str, node: Node | None) -> frozenset[str]:
        """The keys of some of this sort."""
        return frozenset(name for one in self.items(node, f"{sort}s") if (name := self.refer(sort, one)))

    def once(self, sort: str, name: str, node: Node) -> bool:
        """Note that this name is taken; a problem when it was."""
        if not name:
            return False
        before = self._ids.setdefault((sort, name), self.place(node))
        if before != self.place(node):
            self.problem(node, "repeated-id", f"there is already a {sort} {name!r}", f"at {before}; rename one of them")
            return False
        return True

    def check_references(self) -> None:
        """Once everything is read: names that are used must be defined somewhere in these files."""
        if not self.complete:
            return
        known: dict[str, set[str]] = {}
        for sort, name in self._ids:
            known.setdefault(sort, set()).add(name)
        for sort, name, place in self._referred:
            if name not in (there := known.get(sort, set())):
                hint = did_you_mean(name, there) or f"define it under {SECTION_OF.get(sort, sort + 's')}:"
                message = f"there {'are' if sort == 'hours' else 'is'} no {sort} {name!r}"
                self.problems.append(Problem(place.file, place.line, place.column, f"unknown-{sort}", message, hint))


_NOUN = {"an entry": "entry", "when": "query", "query": "query"}


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:79] + "…")


def _without_quotes(value: str) -> str:
    """A hint for a word in typographic quotes, which are letters to YAML; "" when there are none."""
    return "use plain quotes, or none" if value[:1] in TYPOGRAPHIC or value[-1:] in TYPOGRAPHIC else ""


SECTION_OF = {"query": "queries", "person": "people", "reply": "replies", "hours": "hours", "rota": "rotas"}
"""Where a sort of thing is defined, where that is not its plural."""
