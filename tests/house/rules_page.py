"""The tables of every key in docs/rules.md, made from the keys that the reader checks by. `python -m tests.house.rules_page` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

from listener.rulebook.reading import FILE, SECTIONS
from listener.rulebook.reading.keys import (
    DAY,
    KEY,
    MOMENT,
    QUERY,
    SHORT_SPAN,
    SPAN,
    TAG,
    TEXT,
    YES,
    Each,
    Fragment,
    Keys,
    Many,
)

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
MARKED = re.compile(
    r"(<!-- keys: made from listener/rulebook/reading [^\n]* -->\n)(.*?)(<!-- end of keys -->)", re.DOTALL
)
_WORDS: tuple[tuple[Fragment, str], ...] = (
    (KEY, "a name"),
    (QUERY, "a query"),
    (YES, "yes or no"),
    (SPAN, "a time span"),
    (SHORT_SPAN, "a time span, also in seconds: 30s"),
    (DAY, "a day: 2026-12-24"),
    (MOMENT, "a time: 2026-12-24T09:30+01:00"),
    (TAG, "a tag"),
    (TEXT, "a text"),
)


def tables() -> str:
    """All tables: a section and then what stands in it, each sort of table once."""
    told: dict[str, str] = {}
    for name, section in SECTIONS.items():
        _tell(told, section.keys, f"### Section {name}\n\n{section.says[0].upper()}{section.says[1:]}.")
    return "\n".join(told.values())


def _tell(told: dict[str, str], keys: Keys, head: str) -> None:
    if keys.what in told:
        return
    rows = [
        f"| {f'**{key.name}**' if key.needed else key.name} | {key.says.replace('|', '/')} | {_value(key.value)} |"
        for key in keys.keys
    ]
    told[keys.what] = "\n".join([head, "", "| key | what it is for | value |", "| --- | --- | --- |", *rows, ""])
    for key in keys.keys:
        if (inner := _inner(key.value)) is not None:
            _tell(told, inner, f"#### {inner.what}")


def _inner(value: Fragment | Keys | Many | Each) -> Keys | None:
    while isinstance(value, Many | Each):
        value = value.of
    return value if isinstance(value, Keys) else None


def _value(value: Fragment | Keys | Many | Each) -> str:
    match value:
        case Keys():
            place = re.sub(r"[^\w -]", "", value.what).replace(" ", "-")  # as GitHub makes it of the heading
            table = f"[{value.what}](#{place})"
            return f"{table}, or {_value(value.short)}" if value.short is not None else table
        case Many(of=of):
            return f"a list: {_value(of)}"
        case Each(of=of):
            return f"keys of your own, each with: {_value(of)}"
    for known, words in _WORDS:
        if value is known:
            return words
    if "enum" in value:
        return ", ".join(str(one) for one in value["enum"])
    if "minimum" in value:
        return f"{value['minimum']:,} to {value['maximum']:,}"
    return {"number": "a number", "integer": "a whole number"}.get(str(value.get("type")), "a text")


def with_tables(page: str) -> str:
    """The page with its tables made anew."""
    assert MARKED.search(page), "the page has lost its marks"
    return MARKED.sub(lambda found: f"{found.group(1)}\n{tables()}\n{found.group(3)}", page)


assert FILE.names == tuple(SECTIONS)

if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
