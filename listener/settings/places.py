"""Where things stand in TOML text: tomllib tells no places, so the text is scanned once for headers and keys. The text is valid TOML."""

from __future__ import annotations

import re

Path_ = tuple[str | int, ...]
"""A key or table: names, and numbers in lists of tables."""

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*\]")
_ASSIGN = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=\s*")
_PARTS = re.compile(_NAME)
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]')
_INNER = re.compile(rf"[{{,]\s*({_NAME})\s*=")


def places_of(text: str) -> dict[Path_, tuple[int, int]]:
    """Path of a key or table to its (line, column), counted from 1. The text is valid TOML."""
    places: dict[Path_, tuple[int, int]] = {}
    counts: dict[Path_, int] = {}
    table: Path_ = ()
    open_string, depth = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not open_string and depth == 0:
            if header := _HEADER.match(line):
                table = _table_path(header, counts)
                places.setdefault(table, (number, header.start(1) + 1))
                continue
            if assign := _ASSIGN.match(line):
                path = table + tuple(part.strip("\"'") for part in _PARTS.findall(assign[1]))
                places.setdefault(path, (number, assign.start(1) + 1))
                if line[assign.end() :].startswith("{"):
                    for inner in _INNER.finditer(line, assign.end()):
                        places.setdefault((*path, inner[1].strip("\"'")), (number, inner.start(1) + 1))
        open_string, depth = _nesting(line, open_string, depth)
    return places


def _table_path(header: re.Match[str], counts: dict[Path_, int]) -> Path_:
    path: Path_ = ()
    parts = [part.strip("\"'") for part in _PARTS.findall(header[2])]
    for position, part in enumerate(parts):
        path = (*path, part)
        last = position == len(parts) - 1
        if last and header[1] == "[[":
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _nesting(line: str, open_string: str, depth: int) -> tuple[str, int]:
    """Whether a string of several lines or a bracket is still open after this line."""
    position = 0
    while position < len(line):
        if open_string:
            end = line.find(open_string, position)
            if end < 0:
                return open_string, depth
            position, open_string = end + 3, ""
            continue
        token = _TOKEN.search(line, position)
        if token is None:
            return "", depth
        position = token.end()
        if token[0] in ('"""', "'''"):
            open_string = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
    return open_string, depth
