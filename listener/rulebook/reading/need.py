"""What says that somebody should answer, in the section `need`. Owns the meaning of its keys."""

from __future__ import annotations

from listener.query.fields import Use, did_you_mean
from listener.rulebook.asking import Example
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import KEY, QUERY, TEXT, YES, Fragment, Key, Keys, Many
from listener.rulebook.reading.reader import Reader
from listener.rulebook.reading.rules import EXAMPLE, several
from listener.rulebook.signals import BUILT_IN, Signal

MOST = 0.95
"""Nothing alone makes it certain that somebody should answer, or that nobody need."""
WEIGHT: Fragment = {"type": "number", "minimum": -MOST, "maximum": MOST}

TESTS = Keys(
    "tests of a signal",
    (
        Key("must", "messages in which it must be seen", Many(EXAMPLE)),
        Key("must not", "messages in which it must not be seen", Many(EXAMPLE)),
    ),
)
SIGNAL = Keys(
    "a signal",
    (
        Key("key", "its name; or one that is built in: " + ", ".join(BUILT_IN), KEY, needed=True),
        Key("title", "the reason that people read; else the key", TEXT),
        Key("when", "the messages that it is in; one that is built in has none", QUERY),
        Key("weight", "how much it alone says that somebody should answer, 0 to 0.95; below 0: it takes that share away", WEIGHT),
        Key("why", "the reason of the weight, for whoever reads it later", TEXT),
        Key("on", "whether it counts; else yes", YES),
        Key("lang", "it counts in texts of this language only, and where nobody can tell the language; else in all", TEXT),
        Key("complaint", "it says that something went wrong for whoever writes: with it, a text that sounds like nothing is negative", YES),
        Key("tests", "messages in which it must be seen, or must not", TESTS),
    ),
)  # fmt: skip


def read_signal(reader: Reader, node: Node) -> None:
    """A signal."""
    found = reader.table(node, SIGNAL)
    if found is None:
        return
    key = reader.key(found.get("key"), "a signal's key")
    built = BUILT_IN.get(key)
    title = reader.text(found.get("title"), "title")
    when = reader.query(found.get("when"), "when", Use.RULE)
    weight = _weight(reader, found.get("weight"))
    why = reader.text(found.get("why"), "why")
    lang = reader.text(found.get("lang"), "lang")
    on = reader.yes(found.get("on"), "on", otherwise=True)
    complaint = reader.yes(found.get("complaint"), "complaint")
    must, must_not = _tests(reader, found.get("tests"))
    if not key:
        return
    if built is None and "when" not in found:
        hint = did_you_mean(key, BUILT_IN) or "add when: QUERY; built in are: " + ", ".join(BUILT_IN)
        reader.problem(node, "missing-key", f"signal {key} needs when, for nothing of this name is built in", hint)
        return
    if built is not None:
        for name in ("when", "lang", "complaint", "tests"):
            if name in found:
                reader.problem(
                    found[name],
                    "built-in",
                    f"{key} is built in, and has no {name}",
                    "take it out, or give the signal another key",
                )
    for name in ("weight", "why"):
        if name not in found and (built is None or "weight" in found):
            reader.problem(node, "missing-key", f"signal {key} needs {name}", f"add {name}: ...")
    if built is None and on and not (must and must_not):
        reader.warn(node, "no-examples", f"signal {key} is not tried", "add tests: {must: [...], must not: [...]}")
    if reader.once("signal", key, found.get("key", node)):
        base = built or Signal(key, key, 0.0)
        reader.made.need.append(
            Signal(
                key,
                title or base.title,
                base.weight if weight is None else weight,
                why or base.why,
                when,
                on,
                lang.lower(),
                complaint,
                must,
                must_not,
                reader.place(node),
            )
        )


def _weight(reader: Reader, node: Node | None) -> float | None:
    if node is None:
        return None
    weight = reader.decimal(node, "weight", -MOST, MOST)
    if weight == 0:
        reader.problem(node, "weighs-nothing", "a signal of weight 0 changes nothing", "write on: no to switch it off")
    return weight


def _tests(reader: Reader, node: Node | None) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    found = None if node is None else reader.table(node, TESTS)
    if found is None:
        return (), ()
    return several(reader, found.get("must"), "must"), several(reader, found.get("must not"), "must not")
