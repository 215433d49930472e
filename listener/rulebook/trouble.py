"""What is wrong with a text that is no YAML, in the words of whoever writes rules. Owns these words and the place that they point at.

A YAML reader tells where it gave up; what the hand did wrong often stands a line before. Refuses to read YAML itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

At = tuple[int, int]
"""Line and column; both count from 1."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A mistake in the form of a file."""

    at: At
    message: str
    hint: str


_SLIPS = (
    (re.compile(r" *(\t)"), "this line is indented with a tab", "indent with spaces, not with tabs"),
    (
        re.compile(r" *([\u00a0\u2000-\u200b\u202f\u3000\ufeff])"),
        "this line is indented with something that only looks like spaces",
        "delete it and type spaces",
    ),
    (re.compile(r" *([\u2010-\u2015\u2212])"), "this line begins with a long dash", "type a plain - and a space"),
    (re.compile(r" *(-)[a-z][a-z ]*:(?:\s|$)"), "no space stands behind this dash", "put a space behind the dash"),
    (re.compile(r" *(?:- )?[a-z][a-z ]*([\uff1a\ufe55])"), "this is not the plain colon", "type : and a space"),
    (re.compile(r" *(?:- )?[a-z][a-z ]*(:)[^\s:/]"), "no space stands behind this colon", "put a space behind the colon"),
)  # fmt: skip
"""What a hand does to a line so that the line, or the one after it, cannot be read."""

_CLOSES = {"[": "]", "{": "}"}


def trouble(text: str, problem: str, at: At, context: str = "", began: At | None = None) -> Trouble:
    """What was done wrong where a YAML reader gave up: `problem` at a place, and in what `context`, which `began` where."""
    lines, began = text.split("\n"), began or at
    if context.startswith(("while scanning a quoted", "while scanning a double")):
        return _in_quotes(problem, at, began)
    return (
        _slip(lines, (at[0], began[0], at[0] - 1))
        or _of_lines(lines, problem, at, began)
        or _of_signs(lines, problem, at, context, began)
        or Trouble(at, f"not YAML: {problem}", "check indentation, quotes and colons around here")
    )


def _slip(lines: list[str], numbers: Iterable[int]) -> Trouble | None:
    """What a hand did to one of these lines."""
    for number in numbers:
        for slip, message, hint in _SLIPS:
            if found := slip.match(_line(lines, number)):
                return Trouble((number, found.start(1) + 1), message, hint)
    return None


def _in_quotes(problem: str, at: At, began: At) -> Trouble:
    if "end of stream" in problem or "document separator" in problem:
        return Trouble(began, "this quote is never closed", "add one where the text ends")
    hint = "put the text in single quotes, or write the backslash twice"
    return Trouble((at[0], max(1, at[1] - 1)), "a backslash in double quotes means something else", hint)


def _of_lines(lines: list[str], problem: str, at: At, began: At) -> Trouble | None:
    """A line that does not go with those before it."""
    before = _line(lines, at[0])[: at[1] - 1]
    if "mapping values are not allowed" in problem:
        if ":" in before:
            return Trouble(at, "a second colon in one value", "a text with a colon and a space in it needs quotes")
        return Trouble(at, "this line belongs to nothing", "begin it in the same column as the keys beside it")
    if "could not find expected ':'" in problem:
        message = "this line is neither a key with a value nor a part of the text above it"
        return Trouble(began, message, "write key: value, or begin it further to the right than the key above")
    if problem == "expected <block end>, but found '<scalar>'":
        if before.rstrip().endswith(('"', "'")):
            hint = "put the whole text in quotes of the other sort, or write '' for a quote in single quotes"
            return Trouble(at, "the text ended at the quote before this", hint)
        if odd := re.search(r"[:-] +([*&!])", before):
            return Trouble((at[0], odd.start(1) + 1), *_cannot_begin(odd.group(1)))
        return Trouble(at, "a second value stands here", "put the whole text in quotes")
    if problem.startswith("expected <block end>"):
        hint = "begin it in the same column as the keys, or the dashes, that it belongs to"
        return Trouble(at, "this line is indented neither like the lines before it nor under them", hint)
    return None


def _of_signs(lines: list[str], problem: str, at: At, context: str, began: At) -> Trouble | None:
    """A sign that means something to YAML."""
    char = _line(lines, at[0])[at[1] - 1 : at[1]]
    if context.startswith("while parsing a flow"):
        return _flow(lines, problem, at, began, char)
    if "found undefined alias" in problem or context in {"while scanning an alias", "while scanning an anchor"}:
        return Trouble(began, *_cannot_begin(_line(lines, began[0])[began[1] - 1 : began[1]]))
    if "cannot start any token" in problem and char.strip():
        return Trouble(at, *_cannot_begin(char))
    percent = next((number for number, one in enumerate(lines, 1) if one.startswith("%")), 0)
    if "'<document start>'" in problem and percent:
        hint = "take it out, or put # before it to make it a comment"
        return Trouble((percent, 1), "a line cannot begin with %", hint)
    if context == "while scanning a block scalar":
        return Trouble(at, "nothing can stand behind | or > in the same line", "begin the text in the next line")
    if problem.startswith("expected the node content"):
        return Trouble(at, "a value is missing here", "put a text that begins with , ] or } in quotes")
    return None


def _cannot_begin(sign: str) -> tuple[str, str]:
    return f"a text cannot begin with {sign} without quotes", "put the whole text in quotes"


def _flow(lines: list[str], problem: str, at: At, began: At, char: str) -> Trouble:
    """In brackets or braces."""
    opened = _line(lines, began[0])[began[1] - 1 : began[1]]
    if opened not in _CLOSES:
        return Trouble(at, "a bracket or a brace is never closed", "add ] or } where it ends")
    closes = _CLOSES[opened]
    if at[0] != began[0] or "<stream end>" in problem:
        return Trouble(began, f"this {opened} is never closed", f"add {closes} where it ends")
    if char in _CLOSES.values():
        return Trouble(at, f"{char} cannot close what {opened} opened", f"write {closes}")
    hint = "put a comma between two entries, and quotes around a text that holds a comma or a colon"
    return Trouble(at, "a comma is missing before this", hint)


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""
