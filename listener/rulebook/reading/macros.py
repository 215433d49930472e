"""Macros. Owns the meaning of their keys, and that no macro does what contradicts itself."""

from __future__ import annotations

import re

from listener.model.scales import Priority
from listener.rulebook.macros import ME, Macro
from listener.rulebook.nodes import Node, Text
from listener.rulebook.reading.keys import KEY, SPAN, TAG, TEXT, YES, Fragment, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader

PRIORITIES = tuple(one.name.lower() for one in Priority)
SHORTCUT: Fragment = {"type": ["string", "number"], "pattern": "^[A-Z1-9]$"}
LONGEST_NOTE = 10_000

DOES = Keys(
    "what a macro does",
    (
        Key("assign", "gives it to this person, by id; me: to whoever uses the macro", KEY),
        Key("team", "gives it to this team", KEY),
        Key("priority", "how urgent it is from now on", one_of(PRIORITIES)),
        Key("tags", "puts them on", Many(TAG)),
        Key("untag", "takes them off", Many(TAG)),
        Key("snooze", "puts it away for so long, or until they write", SPAN),
        Key("close", "closes it", YES),
        Key("note", "writes this note, which only we see", TEXT),
        Key("reply", "puts this saved reply into the composer; a person sends it", KEY),
    ),
)
MACRO = Keys(
    "a macro",
    (
        Key("key", "its name, kept for ever: the history points at it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("shortcut", "1 to 9 or a capital letter: , and this run it at once", SHORTCUT),
        Key("does", "what is done, all of it as one act that one key takes back", DOES, needed=True),
        Key("brands", "only for these brands; else shared by all", Many(KEY)),
    ),
)


def read_macro(reader: Reader, node: Node) -> None:
    """A macro."""
    found = reader.table(node, MACRO)
    if found is None:
        return
    key = reader.key(found.get("key"), "a macro's key")
    title = reader.text(found.get("title"), "title") or key
    shortcut = _shortcut(reader, found.get("shortcut"))
    brands = [reader.key(one, "a brand's key") for one in reader.items(found.get("brands"), "brands")]
    does = found.get("does")
    macro = None if does is None else _does(reader, does, key, title, shortcut, frozenset(filter(None, brands)), node)
    if shortcut:
        reader.once("macro's shortcut", shortcut, found["shortcut"])
    if reader.once("macro", key, found.get("key", node)) and macro is not None:
        reader.made.macros.append(macro)


def _shortcut(reader: Reader, node: Node | None) -> str:
    value = reader.text(node, "shortcut")
    if value and node is not None and not re.fullmatch(r"[A-Z1-9]", value):
        hint = "1 to 9, or one capital letter: small ones find macros by typing"
        reader.problem(node, "bad-shortcut", f"{value[:20]!r} cannot be a shortcut", hint)
        return ""
    return value


def _does(
    reader: Reader, node: Node, key: str, title: str, shortcut: str, brands: frozenset[str], whole: Node
) -> Macro | None:
    found = reader.table(node, DOES)
    if found is None:
        return None
    if not found:
        reader.problem(node, "does-nothing", "this macro does nothing", f"say one of: {', '.join(DOES.names)}")
    priority = reader.choice(found.get("priority"), "priority", PRIORITIES)
    macro = Macro(
        key=key,
        title=title,
        shortcut=shortcut,
        assign=_person(reader, found.get("assign")),
        team=reader.refer("team", found.get("team")),
        priority=Priority[priority.upper()] if priority else None,
        tags=reader.tags(found.get("tags")),
        untag=reader.tags(found.get("untag")),
        snooze=reader.span(found.get("snooze"), "snooze"),
        closes=reader.yes(found.get("close"), "close"),
        note=reader.text(found.get("note"), "note", longest=LONGEST_NOTE),
        reply=reader.refer("reply", found.get("reply")),
        brands=brands,
        place=reader.place(whole),
    )
    if macro.closes and macro.snooze is not None:
        hint = "keep one: what is closed does not come back by itself"
        reader.problem(found["snooze"], "close-and-snooze", "it cannot be closed and put away for a while", hint)
    if macro.reply and (macro.closes or macro.snooze is not None):
        hint = "take it out: who sends the reply chooses to close with it"
        what = found["close" if macro.closes else "snooze"]
        reader.problem(what, "done-before-reply", "the reply is only written then, not sent", hint)
    if both := sorted({*macro.tags} & {*macro.untag}):
        reader.problem(found["untag"], "tag-on-and-off", f"{both[0]} is put on and taken off", "keep one of both")
    return macro


def _person(reader: Reader, node: Node | None) -> str:
    return ME if isinstance(node, Text) and node.value.strip() == ME else reader.refer("person", node)
