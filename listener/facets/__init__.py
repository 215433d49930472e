"""What a network makes of the names, addresses and tags in a text of ours, as each does it. Owns what a writer is told before it is sent.

Bluesky is told by us what is what: there whoever sends asks the same functions. All others find it by themselves in the text that they get,
and here is what they were seen to find. A name is only a name: whether anybody has it is known when it is sent. Refuses to change a text.
"""

from __future__ import annotations

from listener.facets import bluesky, others
from listener.facets.bluesky import clean_handle, find_spans
from listener.facets.shapes import Mark, Plain, Span

__all__ = ["Mark", "Plain", "Span", "clean_handle", "find_spans", "marks", "shown_link", "stays_plain"]


def marks(source: str, text: str, *, aside: bool = False) -> tuple[Mark, ...]:
    """Links, names and tags that a text will have on a network, in order. `aside`: as a private message. () where nothing is known of it."""
    return bluesky.marks(text) if source == "bluesky" else others.marks(source, text, aside=aside)


def stays_plain(source: str, text: str, *, aside: bool = False) -> tuple[Plain, ...]:
    """Words that a reader would take for a link or a name, and that will be neither; each once, in order."""
    return bluesky.stays_plain(text) if source == "bluesky" else others.stays_plain(source, text, aside=aside)


def shown_link(source: str, url: str) -> str:
    """An address as people will see it there."""
    return bluesky.shown_link(url) if source == "bluesky" else others.shown_link(source, url)
