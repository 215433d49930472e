"""Saved replies. Owns the meaning of their keys: each field known, each text short enough for its network."""

from __future__ import annotations

import re
from collections.abc import Mapping

from listener.lengths import LIMITED, length
from listener.query.fields import did_you_mean
from listener.rulebook.nodes import Node, Text
from listener.rulebook.reading.keys import KEY, TAG, TEXT, Each, Fragment, Key, Keys, Many
from listener.rulebook.reading.reader import Reader
from listener.rulebook.replies import FIELDS, SavedReply, fields_of, filled

LANG: Fragment = {"type": "string", "pattern": "^[a-z]{2,3}$"}
SAYS_FIELDS = ", ".join(f"{{{name}}}" for name in FIELDS)

REPLY = Keys(
    "a saved reply",
    (
        Key("key", "its name: rules offer it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("code", "a few letters that find it when they are typed", KEY),
        Key("text", f"what is said; fields: {SAYS_FIELDS}; {{{{ and }}}} are braces", TEXT, needed=True),
        Key("on", "a text of its own for a network, by the network's name", Each(TEXT)),
        Key("lang", "the language that it is written in, such as en", LANG),
        Key("topics", "offered first on what was heard by these topics", Many(KEY)),
        Key("tags", "words to find it by", Many(TAG)),
        Key("team", "offered first to this team", KEY),
        Key("brands", "only for these brands; else shared by all", Many(KEY)),
    ),
)


def read_reply(reader: Reader, node: Node) -> None:
    """A saved reply."""
    found = reader.table(node, REPLY)
    if found is None:
        return
    key = reader.key(found.get("key"), "a reply's key")
    title = reader.text(found.get("title"), "title") or key
    code = reader.key(found.get("code"), "a reply's code")
    text = read_text(reader, found.get("text"), "text")
    texts = {network.value: value for network, value in reader.pairs(found.get("on"), "on")}
    on = tuple((network, read_text(reader, value, "text")) for network, value in sorted(texts.items()))
    lang = read_lang(reader, found.get("lang"))
    brands = [reader.key(one, "a brand's key") for one in reader.items(found.get("brands"), "brands")]
    reply = SavedReply(
        key=key,
        title=title,
        text=text,
        code=code,
        on=on,
        lang=lang,
        topics=reader.refer_all("topic", found.get("topics")),
        tags=reader.tags(found.get("tags")),
        team=reader.refer("team", found.get("team")),
        brands=frozenset(brand for brand in brands if brand),
        place=reader.place(node),
    )
    if code:
        reader.once("code", code, found["code"])
    if reader.once("reply", key, found.get("key", node)):
        reader.made.replies.append(reply)
        _warn_of_length(reader, reply, found, texts)


def read_lang(reader: Reader, node: Node | None) -> str:
    """A language by its tag; "" when there is none."""
    value = reader.text(node, "lang")
    if value and node is not None and not re.fullmatch(r"[a-z]{2,3}", value):
        reader.problem(node, "bad-lang", f"{value!r} is not a language", "two or three small letters, such as en")
        return ""
    return value


def read_text(reader: Reader, node: Node | None, what: str) -> str:
    """A text whose every field is known; a problem at the column of each that is not."""
    value = reader.text(node, what)
    if not value or not isinstance(node, Text):
        return ""
    before = len(node.value) - len(node.value.lstrip())
    for name, offset in fields_of(value):
        if name in FIELDS:
            continue
        line, column = node.locate(before + offset)
        at = Text("", line, column)
        if name is None:
            reader.problem(at, "lone-brace", "this brace belongs to no field", "write {{ or }} for a brace")
        else:
            hint = did_you_mean(name, FIELDS) + "; {{ for a brace"
            reader.problem(at, "unknown-field", f"there is no field {{{name}}}", hint)
    return value


def _warn_of_length(reader: Reader, reply: SavedReply, found: Mapping[str, Node], texts: Mapping[str, Node]) -> None:
    for network in LIMITED:
        used, limit = length(network, filled(reply.text_on(network), dict.fromkeys(FIELDS, "")))
        if used > limit:
            message = f"reply {reply.key} has {used} of the {limit} that {network} takes, its fields not counted"
            hint = "shorten it" if network in texts else f"shorten it, or add on: {{{network}: a shorter text}}"
            reader.warn(texts.get(network, found["text"]), "too-long-there", message, hint)
