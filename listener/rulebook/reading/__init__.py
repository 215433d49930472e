"""From documents with places to a rulebook: which sections there are, and in which order they are read.

A file may hold any of them; by habit each has a file of its own. Lists and queries are read before all that may use them, whichever file
they are in. Owns the sections' register; the meaning of a section's keys is in a room of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from listener.model.problems import Problem
from listener.query.names import Names
from listener.rulebook.definitions import as_written, define
from listener.rulebook.ical import SUFFIX
from listener.rulebook.nodes import Node, Text
from listener.rulebook.reading import (
    alerting,
    lexicon,
    listening,
    macros,
    need,
    planning,
    replies,
    rules,
    staff,
    styling,
)
from listener.rulebook.reading.keys import Key, Keys, Many, homes
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Rulebook, content_hash
from listener.rulebook.signals import Signal


@dataclass(frozen=True, slots=True)
class Section:
    """A list of things of one sort in a rule file, and what reads one of them; or a single table."""

    says: str
    keys: Keys
    read: Callable[[Reader, Node], None]
    defines: bool = False
    """Read before the others, which may use it in their queries."""
    once: bool = False
    """A table instead of a list, and in one file only."""

    @property
    def value(self) -> Many | Keys:
        """What stands behind its name."""
        return self.keys if self.once else Many(self.keys)


SECTIONS: Mapping[str, Section] = {
    "lists": Section("named lists of words, for any query", listening.LIST, listening.read_list, defines=True),
    "queries": Section("named queries, for any query", listening.NAMED_QUERY, listening.read_named_query, defines=True),
    "topics": Section("what we listen for", listening.TOPIC, listening.read_topic),
    "rules": Section("what a message means for the team", rules.RULE, rules.read_rule),
    "exceptions": Section("where rules stay silent, and why", rules.EXCEPTION, rules.read_exception),
    "teams": Section("who answers for what", staff.TEAM, staff.read_team),
    "people": Section("who answers", staff.PERSON, staff.read_person),
    "accounts": Section("as whom we answer", staff.ACCOUNT, staff.read_account),
    "hours": Section("when somebody is there", planning.HOURS, planning.read_hours),
    "replies": Section("saved replies, offered to whoever answers", replies.REPLY, replies.read_reply),
    "macros": Section("several acts of a person in one key", macros.MACRO, macros.read_macro),
    "lexicon": Section("words whose tone is another in this trade", lexicon.OVERLAY, lexicon.read_overlay),
    "need": Section("what says that somebody should answer, and how much", need.SIGNAL, need.read_signal),
    "alerts": Section("what is worth telling somebody at once", alerting.ALERT, alerting.read_alert),
    "routes": Section("which alerts go where", alerting.ROUTE, alerting.read_route),
    "rotas": Section("who is on duty when", alerting.ROTA, alerting.read_rota),
    "chains": Section("who is told when nobody answers", alerting.CHAIN, alerting.read_chain),
    "calendar": Section("what is planned", planning.PLANNED, planning.read_planned),
    "style": Section("how we sound; once in all files", styling.STYLE, styling.read_style, once=True),
}

FILE = Keys("a rule file", tuple(Key(name, one.says, one.value) for name, one in SECTIONS.items()))
_HOMES = homes(FILE)


def read_documents(
    documents: Mapping[str, Node],
    files: Mapping[str, str],
    *,
    complete: bool = True,
    shipped: tuple[Signal, ...] = (),
) -> Rulebook | list[Problem]:
    """The rulebook of these documents, or their problems. Without `complete` a file is missing, so unknown names are not told.

    `shipped`: signals of need that were read before.
    """
    reader = Reader(complete=complete, homes=_HOMES)
    reader.beside = {path: text for path, text in files.items() if path.endswith(SUFFIX)}
    found = {path: _sections(reader, path, documents[path]) for path in sorted(documents)}
    _read(reader, found, defining=True)
    _define(reader)
    _read(reader, found, defining=False)
    reader.check_references()
    staff.check_escalation(reader)
    alerting.name_turns(reader)
    if reader.problems:
        return reader.problems
    made = reader.made
    return Rulebook(
        topics=tuple(sorted(made.topics, key=lambda topic: topic.key)),
        rules=tuple(sorted(made.rules, key=lambda rule: rule.id)),
        exceptions=tuple(sorted(made.exceptions, key=lambda one: (sorted(one.rules), one.place.file, one.place.line))),
        teams=tuple(sorted(made.teams, key=lambda team: team.key)),
        hours=tuple(sorted(made.hours, key=lambda hours: hours.key)),
        people=tuple(sorted(made.people, key=lambda person: person.id)),
        accounts=tuple(sorted(made.accounts, key=lambda account: account.handle)),
        replies=tuple(sorted(made.replies, key=lambda reply: reply.key)),
        macros=tuple(sorted(made.macros, key=lambda macro: macro.key)),
        alerts=tuple(sorted(made.alerts, key=lambda policy: policy.key)),
        routes=tuple(sorted(made.routes, key=lambda route: route.key)),
        rotas=tuple(sorted(made.rotas, key=lambda rota: rota.key)),
        chains=tuple(sorted(made.chains, key=lambda one: one.key)),
        calendar=tuple(sorted(made.calendar, key=lambda planned: planned.key)),
        style=made.style,
        need=tuple(sorted((*made.need, *shipped), key=lambda one: one.key)),
        lexicon=tuple(sorted(made.lexicon, key=lambda overlay: overlay.key)),
        files=MappingProxyType(dict(files)),
        hash=content_hash(files),
        warnings=tuple(sorted(reader.warnings, key=lambda one: (one.file, one.line, one.column, one.code))),
        names=reader.defined.names,
    )


def read_names(documents: Mapping[str, Node]) -> Names:
    """What these documents define for queries to use. Tells no problem: what cannot be read defines nothing."""
    reader = Reader(complete=False, homes=_HOMES)
    _read(reader, {path: _sections(reader, path, documents[path]) for path in sorted(documents)}, defining=True)
    return as_written(reader.lists, reader.queries)


def _sections(reader: Reader, file: str, document: Node) -> dict[str, Node]:
    reader.file = file
    return reader.table(document, FILE) or {}


def _read(reader: Reader, found: Mapping[str, Mapping[str, Node]], *, defining: bool) -> None:
    for file, sections in found.items():
        reader.file = file
        for name, section in SECTIONS.items():
            if section.defines is defining:
                for node in _parts(reader, section, name, sections.get(name)):
                    section.read(reader, node)


def _parts(reader: Reader, section: Section, name: str, node: Node | None) -> tuple[Node, ...]:
    if section.once:
        return () if node is None or (isinstance(node, Text) and node.empty) else (node,)
    return reader.items(node, name)


def _define(reader: Reader) -> None:
    """Once all lists and queries are read, look at them together."""
    reader.defined = define(reader.lists, reader.queries)
    reader.tell(reader.defined.problems, reader.defined.warnings)
    for key, parsed in reader.defined.queries.items():
        if parsed.tree is not None:
            reader.note_topics(parsed.tree, reader.queries[key].file, reader.queries[key].locate)
