"""The sources there are: word to whoever builds it. A new network is its package and one line here; the promise suite picks it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from listener.sources import bluesky, feeds, files, mastodon
from listener.sources.base import Source, Wiring

SOURCES: Mapping[str, Callable[[Wiring], Source]] = {
    "bluesky": bluesky.build,
    "feeds": feeds.build,
    "import": files.build,
    "mastodon": mastodon.build,
}
