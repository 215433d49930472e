"""Telegram's rich messages (blocks with tables, lists, quotations) as the plain text that a person would read, with what is marked in it. Pure.

Tolerant: a block that we do not know gives what text it has, wherever it keeps it among the keys that we know. Refuses layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MARKS = {
    "mention": "mention",
    "bot_command": "bot_command",
    "hashtag": "hashtag",
    "text_mention": "text_mention",
    "url": "text_link",
}
"""A rich text's type, and the entity that says the same of a plain one."""
_WORDS = ("label", "summary", "text", "expression")
_MEDIA = ("animation", "audio", "photo", "video", "voice_note", "location")


@dataclass(slots=True)
class Flat:
    """What was read so far."""

    parts: list[str] = field(default_factory=list)
    units: int = 0
    """UTF-16, as entities count."""
    entities: list[dict[str, Any]] = field(default_factory=list)
    media: int = 0

    def add(self, text: str) -> None:
        """Some more text."""
        self.parts.append(text)
        self.units += len(text.encode("utf-16-le", "surrogatepass")) // 2

    def text(self, node: object) -> None:
        """A rich text: a string, a list of them, or something marked."""
        if isinstance(node, str):
            self.add(node)
        elif isinstance(node, list):
            for one in node:
                self.text(one)
        elif isinstance(node, dict):
            start = self.units
            self.text(next((node[key] for key in ("text", "alternative_text", "expression") if key in node), None))
            sort = node.get("type")
            if isinstance(sort, str) and sort in _MARKS and self.units > start:
                mark = {"type": _MARKS[sort], "offset": start, "length": self.units - start}
                self.entities.append({**mark, "url": node.get("url"), "user": node.get("user")})

    def block(self, node: object) -> None:
        """A block, on a line of its own."""
        if not isinstance(node, dict):
            return
        self.media += sum(1 for word in _MEDIA if node.get(word))
        for word in _WORDS:
            self._line(node.get(word))
        for word in ("blocks", "items"):
            for one in _list(node.get(word)):
                self.block(one)
        for row in _list(node.get("cells")):
            self._line([part for cell in _list(row) for part in (cell, " ")])
        caption = node.get("caption")
        if isinstance(caption, dict) and "type" not in caption:
            self._line(caption.get("text"))
            self._line(caption.get("credit"))
        else:
            self._line(caption)
        self._line(node.get("credit"))

    def _line(self, node: object) -> None:
        if node is None:
            return
        if self.parts and not self.parts[-1].endswith("\n"):
            self.add("\n")
        self.text(node)


def flat(message: Mapping[str, Any]) -> Flat:
    """A rich message, read through."""
    found = Flat()
    for one in _list(message.get("blocks")):
        found.block(one)
    return found


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
