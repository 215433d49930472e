"""How the inbox looked last, by person, in one small file of this computer's user. Owns that file; without it nothing is lost but a choice."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE = "looks.json"


@dataclass(frozen=True, slots=True)
class Looks:
    """What is kept for one person. `folder` None: nothing is."""

    folder: Path | None
    person: str

    def theme(self) -> str:
        """The theme that was chosen last; '' for none, or where the file cannot be read."""
        return self._all().get(self.person, "")

    def keep_theme(self, name: str) -> str:
        """Keep it for the next start; why it could not be kept, '' when it was."""
        if self.folder is None:
            return ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, written = tempfile.mkstemp(dir=self.folder, prefix=FILE)
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(self._all() | {self.person: name}, file)
            os.replace(written, self.folder / FILE)
        except OSError as err:
            return f"not kept for the next start: {err.strerror}"
        return ""

    def _all(self) -> dict[str, str]:
        try:
            found = json.loads((self.folder / FILE).read_text("utf-8")) if self.folder is not None else {}
        except (OSError, ValueError):
            return {}
        return {str(person): str(name) for person, name in found.items()} if isinstance(found, dict) else {}
