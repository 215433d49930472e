"""`[[tone]]`: languages whose tone a model of the operator's finds, and the reading of its three files.

Owns where they are and how large they may be. Only folders on this machine, and nothing in them is run. Refuses to know what the files say, as
`listener.sentiment.onnx` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from listener.errors import FixMe
from listener.settings.places import Path_

TABLES: Mapping[str, tuple[str, ...]] = {"tone": ("lang", "model")}
FILES: Mapping[str, int] = {"model.onnx": 2 << 30, "tokenizer.json": 64 << 20, "config.json": 1 << 20}
"""What a model's folder must hold, and how many bytes of each are read at most: no graph can be larger."""
ENGLISH = "en"

_LANG = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True, slots=True)
class ToneSettings:
    """`[[tone]]`: one language, and the folder of the model that finds its tone. Plain enough to be handed to a worker process."""

    lang: str
    folder: str
    place: str
    """file:line:column of the setting that says so."""

    def read(self) -> tuple[bytes, bytes, bytes]:
        """The model, its tokenizer and its configuration, whole. Reads the disk; FixMe, with the setting's place, where one cannot be read."""
        model, tokenizer, config = (self._file(name, most) for name, most in FILES.items())
        return model, tokenizer, config

    def _file(self, name: str, most: int) -> bytes:
        file = Path(self.folder) / name
        try:
            with file.open("rb") as stream:
                held = stream.read(most + 1)
        except OSError as err:
            hint = f"the folder of a model holds {', '.join(FILES)}"
            raise FixMe(f"{file} cannot be read: {err.strerror}", where=self.place, hint=hint) from None
        if len(held) > most:
            raise FixMe(f"{file} is larger than {most >> 20} MB", where=self.place, hint="give it a smaller model")
        return held


class Reads(Protocol):
    """What reads a table, with its mistakes."""

    def known(self, shape: str, at: Path_, table: Mapping[str, Any]) -> None:
        """Tells what is in no shape of that name."""

    def text(self, table: Mapping[str, Any], at: Path_, name: str, *, needed: bool = False) -> str:
        """A text."""

    def path(self, text: str) -> Path:
        """A path, from the folder of the settings."""

    def wrong(self, at: Path_, code: str, message: str, hint: str = "") -> None:
        """A mistake."""

    def place(self, at: Path_) -> str:
        """file:line:column."""


def tones(reads: Reads, tables: Sequence[Mapping[str, Any]]) -> tuple[ToneSettings, ...]:
    """Every `[[tone]]` that is right. Whether the files are there is seen when they are read."""
    found: dict[str, ToneSettings] = {}
    for number, table in enumerate(tables):
        at: Path_ = ("tone", number)
        reads.known("tone", at, table)
        lang, model = reads.text(table, at, "lang", needed=True), reads.text(table, at, "model", needed=True)
        if lang and not _LANG.match(lang):
            reads.wrong((*at, "lang"), "value", f"{lang!r} is no language", "a tag of two or three small letters: es")
        elif lang == ENGLISH:
            hint = "take it out; words of your trade go into the rules: lexicon"
            reads.wrong((*at, "lang"), "value", "the tone of English is VADER's", hint)
        elif lang in found:
            reads.wrong((*at, "lang"), "twice", f"the language {lang!r} is there twice", "keep one model for it")
        if "://" in model:
            hint = "nothing is fetched: put the model into a folder and name that"
            reads.wrong((*at, "model"), "value", f"{model!r} is an address, not a folder", hint)
        elif lang and model:
            found.setdefault(lang, ToneSettings(lang, str(reads.path(model)), reads.place((*at, "model"))))
    return tuple(found.values())
