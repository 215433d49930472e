"""The sources there are: word to whoever builds it. A new network is its package and one line here; the promise suite picks it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from listener.sources import bluesky, feeds, files, mastodon, meta, telegram, webhook
from listener.sources.base import Connect, Source, Wiring
from listener.sources.meta import connect as meta_connect

SOURCES: Mapping[str, Callable[[Wiring], Source]] = {
    "bluesky": bluesky.build,
    "facebook": meta.build_facebook,
    "instagram": meta.build_instagram,
    "feeds": feeds.build,
    "import": files.build,
    "mastodon": mastodon.build,
    "telegram": telegram.build,
    "webhook": webhook.build,
}

CONNECTS: Mapping[str, Connect] = {
    "bluesky": bluesky.connect,
    "facebook": meta_connect.facebook,
    "instagram": meta_connect.instagram,
    "mastodon": mastodon.connect,
    "telegram": telegram.connect,
    "webhook": webhook.connect,
}
"""Who walks a person through the sign-in, by the same words; a network without accounts has nobody."""
