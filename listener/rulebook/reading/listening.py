"""Named lists, sub-queries and topics: what we listen for. Owns the meaning of their keys."""

from __future__ import annotations

from listener.query.fields import Use
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import KEY, QUERY, TEXT, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import Topic, TopicKind

KINDS = tuple(kind.value for kind in TopicKind)

LIST = Keys(
    "a list",
    (
        Key("key", "its name: queries use it as list:NAME", KEY, needed=True),
        Key("title", "what it is, in a few words", TEXT),
        Key(
            "words", 'its entries: words, several words in a row, word*, "#tag", "@handle", "{Exact}"', Many(TEXT), True
        ),
    ),
)
NAMED_QUERY = Keys(
    "a query",
    (
        Key("key", "its name: queries use it as query:NAME", KEY, needed=True),
        Key("title", "what it finds, in a few words", TEXT),
        Key("query", "the query itself", QUERY, needed=True),
    ),
)
TOPIC = Keys(
    "a topic",
    (
        Key("key", "its name: scopes and topic:NAME use it", KEY, needed=True),
        Key("title", "what is shown; else the key", TEXT),
        Key("brand", "the brand that it belongs to; else each", KEY),
        Key(
            "kind", "brand: about us; competitor: about others; campaign: about one thing of ours", one_of(KINDS), True
        ),
        Key("query", "what a message must say; only what the message itself tells can be asked", QUERY, needed=True),
        Key("sources", "networks that it listens on; else all", Many(TEXT)),
        Key(
            "accounts", "handles of ours: it hears only what addresses one of them; else whatever it finds", Many(TEXT)
        ),
        Key("names", "names that are left out when tone is scored", Many(TEXT)),
    ),
)


def read_list(reader: Reader, node: Node) -> None:
    """A named list."""
    found = reader.table(node, LIST)
    if found is None:
        return
    key = reader.key(found.get("key"), "a list's key")
    reader.text(found.get("title"), "title")
    words = reader.items(found.get("words"), "words")
    if "words" in found and not words:
        reader.problem(found["words"], "empty-value", "words is empty", "write at least one word")
    entries = [reader.written(one, "an entry") for one in words]
    if reader.once("list", key, found.get("key", node)):
        reader.lists[key] = tuple(one for one in entries if one is not None)


def read_named_query(reader: Reader, node: Node) -> None:
    """A sub-query."""
    found = reader.table(node, NAMED_QUERY)
    if found is None:
        return
    key = reader.key(found.get("key"), "a query's key")
    reader.text(found.get("title"), "title")
    query = reader.written(found.get("query"), "query")
    if reader.once("query", key, found.get("key", node)) and query is not None:
        reader.queries[key] = query


def read_topic(reader: Reader, node: Node) -> None:
    """A topic."""
    found = reader.table(node, TOPIC)
    if found is None:
        return
    key = reader.key(found.get("key"), "a topic's key")
    kind = reader.choice(found.get("kind"), "kind", KINDS)
    query = reader.query(found.get("query"), "query", Use.TOPIC)
    title = reader.text(found.get("title"), "title") or key
    brand = reader.key(found.get("brand"), "a brand's key")
    sources = frozenset(value for value, _ in reader.texts(found.get("sources"), "source"))
    names = tuple(sorted({value for value, _ in reader.texts(found.get("names"), "name")}))
    accounts = frozenset(value.lstrip("@").lower() for value, _ in reader.texts(found.get("accounts"), "account"))
    if reader.once("topic", key, found.get("key", node)) and kind and query is not None:
        place = reader.place(node)
        reader.made.topics.append(Topic(key, TopicKind(kind), title, query, brand, sources, names, place, accounts))
