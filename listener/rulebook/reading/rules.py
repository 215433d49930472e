"""Rules and the exceptions to them. Owns the meaning of their keys."""

from __future__ import annotations

from listener.model.kinds import Kind
from listener.model.scales import Priority
from listener.query.fields import Use
from listener.rulebook.asking import Example
from listener.rulebook.nodes import Node, Table, Text
from listener.rulebook.reading.keys import (
    DAY,
    KEY,
    MOMENT,
    QUERY,
    SPAN,
    TAG,
    TEXT,
    YES,
    Key,
    Keys,
    Many,
    number,
    one_of,
)
from listener.rulebook.reading.listening import KINDS
from listener.rulebook.reading.reader import Reader
from listener.rulebook.shape import (
    Count,
    Counted,
    During,
    Exemption,
    Group,
    Rule,
    Scope,
    Status,
    Then,
    TopicKind,
)

PRIORITIES = tuple(one.name.lower() for one in Priority)
MESSAGE_KINDS = tuple(one.value for one in Kind)
GROUPS = tuple(one.value for one in Group)
LONGEST_WINDOW = 7 * 86_400

SCOPE = Keys(
    "scope",
    (
        Key("addressed", "messages that name, answer or quote an account of ours", YES),
        Key("topics", "messages heard by one of these topics", Many(KEY)),
        Key("kinds", "messages heard by a topic of one of these kinds", Many(one_of(KINDS))),
        Key("everything", "every message that reaches us", YES),
        Key("brands", "only for these brands; else for each", Many(KEY)),
        Key("ours", "our own posts as well, which else fire no rule", YES),
    ),
)
COUNT = Keys(
    "count",
    (
        Key("mentions", "fires from so many matching messages on", number(2, 100_000)),
        Key("authors", "fires from so many different authors of matching messages on", number(2, 100_000)),
        Key("ratio", "fires where this share, 0 to 1, of the messages in scope match", {"type": "number"}),
        Key("of at least", "for ratio: not before there are so many messages in scope", number(1, 100_000)),
        Key("within", "the window that is counted over, at most 7d", SPAN, needed=True),
        Key("per", "counted apart for each of these: " + ", ".join(GROUPS), Many(one_of(GROUPS))),
        Key("for", "it must hold so long before it fires", SPAN),
    ),
)
HOURS = Keys(
    "hours",
    (
        Key("during", "only while these opening hours are open", KEY),
        Key("outside", "only while they are closed", KEY),
    ),
)
THEN = Keys(
    "then",
    (
        Key("priority", "how urgent it is; the highest of all rules counts", one_of(PRIORITIES)),
        Key("reply within", "due so long after it was said; the shortest of all rules counts", SPAN),
        Key("tags", "put on the conversation", Many(TAG)),
        Key("team", "who answers; the rule of the highest rank says", KEY),
        Key("assign", "the person who answers; the rule of the highest rank says", KEY),
        Key("snooze", "put away for so long, unless a rule asks for a reply", SPAN),
        Key("hide", "ask somebody to hide it on the network; nothing is hidden by itself", YES),
        Key("close", "done at once, unless a rule asks for a reply", YES),
        Key("reply", "the saved reply that is offered to whoever answers", KEY),
        Key("alert", "the alert policies that are told", Many(KEY)),
        Key("open", "it becomes a conversation even though it addresses nobody", YES),
    ),
)
_MESSAGE = (
    Key("text", "what is said", TEXT, needed=True),
    Key("addressed", "whether it addresses us; else yes", YES),
    Key("source", "the network; else bluesky", TEXT),
    Key("kind", "what sort of message it is; else post", one_of(MESSAGE_KINDS)),
    Key("author", "who says it; else someone.example", TEXT),
    Key("followers", "how many follow them", number(0, 999_999_999)),
    Key("verified", "whether the network vouches for them", YES),
    Key("rating", "the stars of a review", {"type": "number", "minimum": 0, "maximum": 100}),
    Key("lang", "its languages as claimed; else en", Many(TEXT)),
    Key("links", "how many links it carries", number(0, 100)),
    Key("media", "how many pictures or films", number(0, 100)),
    Key("ours", "it is a post of ours", YES),
)
EARLIER = Keys("an earlier message", (*_MESSAGE, Key("ago", "so long before the example", SPAN)), short=TEXT)
EXAMPLE = Keys(
    "an example",
    (
        *_MESSAGE,
        Key("at", "when it is said, with its zone, where the time matters", MOMENT),
        Key("before", "what was said before it, for rules that count", Many(EARLIER)),
    ),
    short=TEXT,
)
EXAMPLES = Keys(
    "examples",
    (
        Key("fires", "messages on which the rule must fire", Many(EXAMPLE)),
        Key("silent", "messages on which it must stay silent", Many(EXAMPLE)),
    ),
)
RULE = Keys(
    "a rule",
    (
        Key("id", "its name, kept for ever: flags and marks point at it", KEY, needed=True),
        Key("title", "what is shown when it fires", TEXT, needed=True),
        Key("owner", "who answers for the rule itself", TEXT, needed=True),
        Key("status", "stable; experimental: judges and counts but changes nothing; deprecated: kept, never fires",
            one_of(one.value for one in Status)),
        Key("scope", "which messages it looks at: there is no silent everywhere", SCOPE, needed=True),
        Key("when", "the query that a message must match", QUERY, needed=True),
        Key("count", "fires on many together instead of on one", COUNT),
        Key("hours", "fires only in, or only outside, opening hours", HOURS),
        Key("then", "what follows", THEN, needed=True),
        Key("rank", "settles what can have one value only; the highest wins", number(-1000, 1000)),
        Key("unless", "rules that silence this one when they fire", Many(KEY)),
        Key("examples", "messages with what must come of them: the rule's own tests", EXAMPLES),
        Key("false positives", "what it is known to fire on wrongly, in words", Many(TEXT)),
        Key("references", "where to read more: pages, tickets, decisions", Many(TEXT)),
    ),
)  # fmt: skip
EXCEPTION = Keys(
    "an exception",
    (
        Key("rule", "the rules that stay silent", Many(KEY), needed=True),
        Key("when", "on messages that match this query", QUERY),
        Key("authors", "or by these authors: handles or ids", Many(TEXT)),
        Key("reason", "why, for whoever reads it later", TEXT, needed=True),
        Key("by", "who asked for it", TEXT),
        Key("until", "the last day on which it holds", DAY),
        Key("examples", "messages on which these rules must stay silent", Many(EXAMPLE)),
    ),
)


def read_rule(reader: Reader, node: Node) -> None:
    """A rule."""
    found = reader.table(node, RULE)
    if found is None:
        return
    id_ = reader.key(found.get("id"), "a rule's id")
    title = reader.text(found.get("title"), "title")
    owner = reader.text(found.get("owner"), "owner")
    status = reader.choice(found.get("status"), "status", [one.value for one in Status]) if "status" in found else ""
    scope = _scope(reader, found.get("scope"))
    when = reader.query(found.get("when"), "when", Use.RULE)
    count = _count(reader, found.get("count"))
    during = _hours(reader, found.get("hours"))
    then = _then(reader, found.get("then"))
    rank = reader.number(found.get("rank"), "rank", -1000, 1000)
    unless = reader.refer_all("rule", found.get("unless"))
    fires, silent = _examples(reader, found.get("examples"))
    false_positives = tuple(value for value, _ in reader.texts(found.get("false positives"), "false positive"))
    references = tuple(value for value, _ in reader.texts(found.get("references"), "reference"))
    if not fires or not silent:
        message = f"rule {id_} has no example that must {'stay silent' if fires else 'fire'}"
        reader.warn(node, "no-examples", message, "add examples: fires: [...] and silent: [...]")
    if reader.once("rule", id_, found.get("id", node)) and when is not None:
        rule = Rule(
            id=id_, title=title, owner=owner, scope=scope, when=when, then=then, rank=rank, fires=fires, silent=silent,
            place=reader.place(node), status=Status(status) if status else Status.STABLE, count=count, during=during,
            unless=unless, false_positives=false_positives, references=references,
        )  # fmt: skip
        reader.made.rules.append(rule)


def _scope(reader: Reader, node: Node | None) -> Scope:
    found = None if node is None else reader.table(node, SCOPE)
    if node is None or found is None:
        return Scope()
    kinds = [reader.choice(one, "kind", KINDS) for one in reader.items(found.get("kinds"), "kinds")]
    brands = [reader.key(one, "a brand's key") for one in reader.items(found.get("brands"), "brands")]
    scope = Scope(
        addressed=reader.yes(found.get("addressed"), "addressed"),
        topics=reader.refer_all("topic", found.get("topics")),
        kinds=frozenset(TopicKind(kind) for kind in kinds if kind),
        everything=reader.yes(found.get("everything"), "everything"),
        brands=frozenset(brand for brand in brands if brand),
        ours=reader.yes(found.get("ours"), "ours"),
    )
    if not (scope.addressed or scope.topics or scope.kinds or scope.everything or {"topics", "kinds"} & set(found)):
        hint = "say addressed: yes, topics: [...] or kinds: [brand]"
        reader.problem(node, "empty-scope", "the scope lets nothing in", hint)
    return scope


def _count(reader: Reader, node: Node | None) -> Count | None:
    found = None if node is None else reader.table(node, COUNT)
    if node is None or found is None:
        return None
    ways = [way for way in Counted if way.value in found]
    if len(ways) != 1:
        what = "count says nothing to count" if not ways else "count can count one thing only"
        reader.problem(node, "what-to-count", what, "one of mentions: 5, authors: 3 or ratio: 0.3")
        return None
    what = ways[0]
    if what is Counted.RATIO:
        least = reader.decimal(found["ratio"], "ratio", 0.001, 1.0) or 1.0
    else:
        least = float(reader.number(found[what.value], what.value, 2, 100_000, otherwise=2))
    if "of at least" in found and what is not Counted.RATIO:
        reader.problem(found["of at least"], "only-for-ratio", "of at least goes with ratio only", "take it out")
    groups = [reader.choice(one, "per", GROUPS) for one in reader.items(found.get("per"), "per")]
    within = reader.span(found.get("within"), "within", high=LONGEST_WINDOW)
    hold = reader.span(found.get("for"), "for", high=LONGEST_WINDOW)
    return Count(
        what=what,
        least=least,
        within=within or 3600.0,
        per=tuple(Group(one) for one in dict.fromkeys(groups) if one),
        hold=hold or 0.0,
        of_least=reader.number(found.get("of at least"), "of at least", 1, 100_000, otherwise=10),
    )


def _hours(reader: Reader, node: Node | None) -> During | None:
    found = None if node is None else reader.table(node, HOURS)
    if node is None or found is None:
        return None
    if len(found) != 1:
        reader.problem(
            node, "one-of-both", "hours needs one of during and outside", "such as hours: {outside: support}"
        )
        return None
    inside = "during" in found
    name = reader.refer("hours", found["during" if inside else "outside"])
    return During(name, inside=inside) if name else None


def _then(reader: Reader, node: Node | None) -> Then:
    found = None if node is None else reader.table(node, THEN)
    if node is None or found is None:
        return Then()
    if not found and isinstance(node, Table) and not node.pairs:
        reader.problem(node, "does-nothing", "nothing follows from this rule", f"say one of: {', '.join(THEN.names)}")
    priority = reader.choice(found.get("priority"), "priority", PRIORITIES)
    return Then(
        priority=Priority[priority.upper()] if priority else None,
        reply_within=reader.span(found.get("reply within"), "reply within"),
        tags=reader.tags(found.get("tags")),
        team=reader.refer("team", found.get("team")),
        opens=reader.yes(found.get("open"), "open"),
        assign=reader.refer("person", found.get("assign")),
        snooze=reader.span(found.get("snooze"), "snooze"),
        hide=reader.yes(found.get("hide"), "hide"),
        closes=reader.yes(found.get("close"), "close"),
        reply=reader.refer("reply", found.get("reply")),
        alerts=reader.refer_all("alert", found.get("alert")),
    )


def _examples(reader: Reader, node: Node | None) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    found = None if node is None else reader.table(node, EXAMPLES)
    if found is None:
        return (), ()
    return several(reader, found.get("fires"), "fires"), several(reader, found.get("silent"), "silent")


def several(reader: Reader, node: Node | None, what: str) -> tuple[Example, ...]:
    """Examples, one or more."""
    return tuple(made for one in reader.items(node, what) if (made := _example(reader, one, EXAMPLE)) is not None)


def _example(reader: Reader, node: Node, keys: Keys) -> Example | None:
    place = reader.place(node)
    if isinstance(node, Text):
        text = reader.text(node, "example")
        return Example(text, place) if text else None
    found = reader.table(node, keys)
    if found is None:
        return None
    kind = reader.choice(found.get("kind"), "kind", MESSAGE_KINDS) if "kind" in found else ""
    langs = tuple(value for value, _ in reader.texts(found.get("lang"), "lang"))
    before = [_example(reader, one, EARLIER) for one in reader.items(found.get("before"), "before")]
    return Example(
        text=reader.text(found.get("text"), "text", empty=True),
        place=place,
        addressed=reader.yes(found.get("addressed"), "addressed", otherwise=True),
        source=reader.text(found.get("source"), "source") or "bluesky",
        kind=Kind(kind) if kind else Kind.POST,
        author=reader.text(found.get("author"), "author") or "someone.example",
        langs=langs or ("en",),
        links=reader.number(found.get("links"), "links", 0, 100),
        media=reader.number(found.get("media"), "media", 0, 100),
        followers=reader.number(found["followers"], "followers", 0, 999_999_999) if "followers" in found else None,
        verified=reader.yes(found["verified"], "verified") if "verified" in found else None,
        rating=reader.decimal(found["rating"], "rating", 0, 100) if "rating" in found else None,
        ours=reader.yes(found.get("ours"), "ours"),
        at=reader.moment(found.get("at"), "at"),
        ago=reader.span(found.get("ago"), "ago") or 0.0,
        before=tuple(one for one in before if one is not None),
    )


def read_exception(reader: Reader, node: Node) -> None:
    """An exception: rules that stay silent on some messages."""
    found = reader.table(node, EXCEPTION)
    if found is None:
        return
    when = reader.query(found.get("when"), "when", Use.RULE)
    authors = frozenset(value.lstrip("@").lower() for value, _ in reader.texts(found.get("authors"), "author"))
    if "when" not in found and not authors:
        message = "this exception would silence its rules altogether"
        reader.problem(node, "empty-exception", message, "say when: QUERY or authors: [...]; or deprecate the rule")
    exemption = Exemption(
        rules=reader.refer_all("rule", found.get("rule")),
        when=when,
        authors=authors,
        reason=reader.text(found.get("reason"), "reason"),
        by=reader.text(found.get("by"), "by"),
        until=reader.day(found.get("until"), "until"),
        silent=several(reader, found.get("examples"), "examples"),
        place=reader.place(node),
    )
    if exemption.rules and (exemption.when is not None or exemption.authors):
        reader.made.exceptions.append(exemption)
