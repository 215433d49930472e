"""The sources there are: word to class. A new network is its package and one line here; the promise suite picks it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from listener.sources.base import Source
from listener.sources.bluesky import Bluesky
from listener.sources.files import Files

SOURCES: Mapping[str, Callable[..., Source]] = {
    "bluesky": Bluesky,
    "import": Files,
}
