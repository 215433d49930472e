"""Telegram (Bot API): what a bot hears in groups, in channels' discussions and in private, replies and acts. Owns this network."""

from listener.sources.telegram.connect import connect
from listener.sources.telegram.source import Telegram, build

__all__ = ["Telegram", "build", "connect"]
