"""Whatever stands in a rule file, parsing answers: with a rulebook, or with problems whose places are in the file."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from listener.model.problems import Problem
from listener.rulebook.nodes import Items, Node, Table, Text
from listener.rulebook.parse import parse
from listener.rulebook.reading import FILE
from listener.rulebook.reading.keys import Each, Keys, Many
from listener.rulebook.shape import Rulebook

SHIPPED = {path.name: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "rules").glob("*.yaml")}
BREAKS = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line, by YAML or by an editor."""


def answered(files: dict[str, str]) -> Rulebook | list[Problem]:
    loaded = parse(files)
    if isinstance(loaded, Rulebook):
        return loaded
    assert loaded, "no rulebook and no problem"
    for one in loaded:
        assert one.message
        assert one.code
        text = files[one.file]
        assert 1 <= one.line <= len(BREAKS.split(text)) + 1, one
        assert 1 <= one.column <= max(map(len, text.split("\n"))) + 2, one
    assert loaded == sorted(loaded, key=lambda one: (one.file, one.line, one.column, one.code))
    return loaded


ODD = st.sampled_from(
    [
        *"\t\0\x07\x1b\x7f\x85\u00a0\u200b\u202e\u2028\ufeff\ud800\U0001f600#:-?[]{},&*!|>'\"%@`~\\",
        "\n\n", "\r\n", ": ", "- ", " #x", "---\n", "...\n", "&a ", "*a", "<<: *a\n", "!!python/object/apply:os.system ",
        "[" * 25, "{a: " * 25, "9" * 400, "1e999", "0x7fffffffffffffff", "\\u0000", "\\x", "(" * 60, "NOT " * 60, "/(a+)+$/",
        "list:x ", "query:x ", "topic:x ", "rules:\n", "  - ", "yes", "no", "null", "08:30", "2026-02-30", "😀" * 50, "ａ" * 70_000,
    ]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, str]:
    """The shipped rule files after an accident or several."""
    name = draw(st.sampled_from(sorted(SHIPPED)))
    text = SHIPPED[name]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["cut", "insert", "noise", "swap", "double", "indent", "bytes", "end"])):
            case "cut":
                text = text[:at] + text[at + draw(st.integers(1, 200)) :]
            case "insert":
                text = text[:at] + draw(ODD) + text[at:]
            case "noise":
                text = text[:at] + draw(st.text(max_size=20)) + text[at:]
            case "swap":
                lines = text.splitlines(keepends=True)
                one, two = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
                lines[one], lines[two] = lines[two], lines[one]
                text = "".join(lines) or "x"
            case "double":
                text = text[:at] + text[max(0, at - draw(st.integers(1, 400))) :]
            case "indent":
                lines = text.splitlines(keepends=True)
                row = draw(st.integers(0, len(lines) - 1))
                lines[row] = draw(st.sampled_from(["", " ", "   ", "\t"])) + lines[row].lstrip(" ")
                text = "".join(lines) or "x"
            case "bytes":
                raw = bytearray(text.encode("utf-8", "surrogatepass"))
                random.Random(draw(st.integers(0, 9))).shuffle(raw[at : at + 8])
                raw[at : at + 3] = draw(st.binary(max_size=6))
                text = raw.decode("utf-8", "replace") or "x"
            case "end":
                text = text[: at + 1]
    return {name: text}


@settings(max_examples=120, deadline=None)
@given(mutated())
def test_a_damaged_shipped_file_is_answered(files: dict[str, str]) -> None:
    answered(files)


# From the declared keys, with anything behind them

SCALARS = st.one_of(
    st.sampled_from(["", "no", "yes", "high", "1h", "-5", "1e9", "9" * 200, "08:30", "outage OR down", "a AND", "NOT x", "acme", "[x", "\0"]),
    st.text(max_size=12),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)  # fmt: skip


def value_of(what: Any) -> st.SearchStrategy[Any]:
    """Something of the declared form, or anything else."""
    if isinstance(what, Keys):
        right: st.SearchStrategy[Any] = table_of(what)
    elif isinstance(what, Many):
        right = st.lists(value_of(what.of), max_size=3)
    elif isinstance(what, Each):
        right = st.dictionaries(st.text(max_size=6), value_of(what.of), max_size=3)
    elif "enum" in what:
        right = st.sampled_from(list(what["enum"]))
    else:
        right = SCALARS
    return st.one_of(right, right, right, ANYTHING)


def table_of(keys: Keys) -> st.SearchStrategy[Any]:
    needed = {key.name: st.deferred(lambda key=key: value_of(key.value)) for key in keys.keys if key.needed}
    others = {key.name: st.deferred(lambda key=key: value_of(key.value)) for key in keys.keys if not key.needed}
    return st.fixed_dictionaries(needed, optional=others)


@settings(max_examples=100, deadline=None)
@given(table_of(FILE))
def test_any_values_behind_the_declared_keys_are_answered(document: dict[str, Any]) -> None:
    answered({"r.yaml": json.dumps(document, ensure_ascii=False), "t.yaml": json.dumps(document)})


# Places


def texts(node: Node) -> list[Text]:
    match node:
        case Text():
            return [node]
        case Items():
            return [text for one in node.items for text in texts(one)]
        case Table():
            return [text for _, value in node.pairs for text in texts(value)]


WORDS = st.lists(st.from_regex(r"[a-zé障]{1,6}", fullmatch=True), min_size=1, max_size=8)


@given(WORDS, st.sampled_from(["plain", "folded", "literal", "single", "double", "escaped"]), st.data())
def test_every_word_of_a_text_is_found_where_it_stands(words: list[str], style: str, data: st.DataObject) -> None:
    """In every style of YAML, however the lines are broken and indented."""
    named = [f"{word}{n}" for n, word in enumerate(words)]
    indents = data.draw(st.lists(st.integers(2, 5), min_size=len(words), max_size=len(words)))
    broken = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    if style in {"folded", "literal"}:
        indents = [3] * len(words)
    head = {
        "folded": "a: >-",
        "literal": "a: |",
        "single": "a: '",
        "double": 'a: "',
        "escaped": 'a: "',
    }
    text = head.get(style, "a: ")
    places: dict[str, tuple[int, int]] = {}
    for n, word in enumerate(named):
        if style in {"folded", "literal"} and (n == 0 or broken[n]):
            text += "\n" + " " * indents[n]
        elif n and broken[n]:
            text += ("\\\n" if style == "escaped" else "\n") + " " * indents[n]
        elif n:
            text += {"single": " '' ", "double": ' \\" ', "escaped": "\\x20\\u00e9 "}.get(style, " ")
        places[word] = (text.count("\n") + 1, len(text) - text.rfind("\n"))
        text += word
    text += {"single": "'", "double": '"', "escaped": '"'}.get(style, "") + "\n"
    (found,) = texts(_document(text))
    for word, place in places.items():
        assert found.locate(found.value.index(word)) == place, (text, word)


def _document(text: str) -> Node:
    from listener.rulebook import parse as parsing

    problems: list[Problem] = []
    node = parsing._document("r.yaml", text, problems)
    assert node is not None
    assert problems == []
    return node
