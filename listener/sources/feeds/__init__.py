"""RSS, Atom and JSON Feed: read politely, told by hubs where a feed has one, answered by opening the link. Owns feeds, knows no network."""

from listener.sources.feeds.feed import Habits
from listener.sources.feeds.source import Feeds, build

__all__ = ["Feeds", "Habits", "build"]
