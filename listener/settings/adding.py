"""An account more in the text of a settings file: what is there stays as it is, to the letter. Refuses to touch a disk."""

from __future__ import annotations

import json
from collections.abc import Mapping

Value = str | float | bool | tuple[str, ...]


def block(values: Mapping[str, Value]) -> str:
    """`[[account]]` as TOML, a line each, in the order given; what is empty is left out."""
    lines = [f"{name} = {_written(value)}" for name, value in values.items() if value not in ("", ())]
    return "\n".join(["[[account]]", *lines]) + "\n"


def with_block(text: str, added: str) -> str:
    """The text with the block behind it, an empty line between, with the line ends that it has."""
    if "\r\n" in text:
        added = added.replace("\n", "\r\n")
    end = "\r\n" if "\r\n" in text else "\n"
    if not text.strip():
        return text + added
    return text + ("" if text.endswith("\n") else end) + end + added


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return f"[{', '.join(_written(one) for one in value)}]"
    return f"{value:g}"
