"""Mastodon and its relatives (GoToSocial, Pleroma, takahe, …): what addresses us, tags, threads, profiles, replies and acts."""

from listener.sources.mastodon.connect import connect
from listener.sources.mastodon.source import Mastodon, build

__all__ = ["Mastodon", "build", "connect"]
