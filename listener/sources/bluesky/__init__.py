"""Bluesky (AT Protocol): the public stream, notifications, threads, profiles, replies and acts. Owns this network, knows no other."""

from listener.sources.bluesky.connect import connect
from listener.sources.bluesky.firehose import Firehose
from listener.sources.bluesky.jetstream import Jetstream
from listener.sources.bluesky.notifications import Notifications
from listener.sources.bluesky.public import Habits
from listener.sources.bluesky.session import Login
from listener.sources.bluesky.source import Bluesky, Options, build

__all__ = ["Bluesky", "Firehose", "Habits", "Jetstream", "Login", "Notifications", "Options", "build", "connect"]
