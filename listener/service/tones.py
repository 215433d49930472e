"""The operator's models of tone, read and tried before anything is judged by them. Owns what is said of one that cannot be used.

A model in the settings that is missing, broken or slow is a mistake of the settings: told with its place, and nothing starts without it. One
that fails later, over a text, leaves that text not scored and is told once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from listener.errors import FixMe
from listener.sentiment.onnx import Classifier
from listener.settings import ToneSettings

log = logging.getLogger("hubbub.tones")

SLOWEST_SECONDS = 1.0
"""For the longest text, alone on one core. Streams wait while a text is judged."""
_TRIES = 3
"""Others use this machine too: the fastest counts."""


def load_tones(tones: Sequence[ToneSettings], slowest: float = SLOWEST_SECONDS) -> dict[str, Classifier]:
    """Each language's model, ready; a folder is loaded once. FixMe, with the place of the setting, where one cannot be used or is slower."""
    found: dict[str, Classifier] = {}
    folders: dict[str, Classifier] = {}
    for one in tones:
        if one.folder not in folders:
            folders[one.folder] = _load(one, slowest)
        found[one.lang] = folders[one.folder]
    return found


def seconds_of(model: Classifier) -> float:
    """How long the longest text takes on this machine."""
    took = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        model.longest()
        took.append(time.perf_counter() - began)
    return min(took)


def _load(tone: ToneSettings, slowest: float) -> Classifier:
    def tell(trouble: str) -> None:
        log.warning("the model in %s failed over a text, which is not scored: %s", tone.folder, trouble)

    held = tone.read()
    try:
        model = Classifier.load(*held, tell)
    except FixMe as err:
        raise FixMe(f"{tone.folder}: {err.what}", where=tone.place, hint=err.hint) from None
    took = seconds_of(model)
    if took > slowest:
        hint = "take a smaller model, or one in 8 bits"
        raise FixMe(
            f"{tone.folder}: the model takes {took:.1f} s for a long text, and may take {slowest:g}",
            where=tone.place,
            hint=hint,
        )
    return model
