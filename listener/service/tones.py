"""The operator's models of tone, read and tried before anything is judged by them. Owns what is said of one that does not do.

Files that are missing, or are none of a model, are a mistake of the settings: told with its place, and nothing starts without them. A model
that loads and then fails stops nothing: its texts are not scored, and that is told once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from listener.errors import FixMe
from listener.sentiment.onnx import Classifier
from listener.settings import ToneSettings

log = logging.getLogger("hubbub.tones")

SLOW_SECONDS = 0.5
"""For the longest text, alone on one core. What was heard with it waits so long."""
_TRIES = 3
"""Others use this machine too: the fastest counts."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How a model does on this machine."""

    trouble: str
    """What it fails over; "": nothing."""
    seconds: float = 0.0
    """The longest text takes."""

    @property
    def slow(self) -> bool:
        """It holds up what is heard."""
        return self.seconds > SLOW_SECONDS


def load_tones(tones: Sequence[ToneSettings]) -> dict[str, Classifier]:
    """Each language's model, ready; a folder is loaded once. FixMe, with the place of the setting, where its files are no model."""
    found: dict[str, Classifier] = {}
    folders: dict[str, Classifier] = {}
    for one in tones:
        if one.folder not in folders:
            folders[one.folder] = model = read_tone(one, _telling(one.folder))
            how = tried(model)
            if how.trouble:
                log.error("the model in %s fails over any text, and none is scored by it: %s", one.folder, how.trouble)
            elif how.slow:
                log.warning("the model in %s takes %.1f s for a long text: take a smaller one", one.folder, how.seconds)
        found[one.lang] = folders[one.folder]
    return found


def read_tone(tone: ToneSettings, tell: Callable[[str], None]) -> Classifier:
    """One model, not tried yet. `tell` hears once that it failed over a text. FixMe, with the place of the setting."""
    held = tone.read()
    try:
        return Classifier.load(*held, tell)
    except FixMe as err:
        raise FixMe(f"{tone.folder}: {err.what}", where=tone.place, hint=err.hint) from None


def tried(model: Classifier) -> Tried:
    """How it does, by scoring a few texts."""
    if trouble := model.trouble():
        return Tried(trouble)
    took = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        model.longest()
        took.append(time.perf_counter() - began)
    return Tried("", min(took))


def _telling(folder: str) -> Callable[[str], None]:
    return lambda trouble: log.warning("the model in %s failed over a text, which is not scored: %s", folder, trouble)
