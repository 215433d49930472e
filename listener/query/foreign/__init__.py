"""Queries for other systems, and from them: what cannot be said there is said here. Owns conversion; refuses to ask anybody anything.

Whatever a conversion cannot express is left out so that more is found, never less, and our own matcher decides afterwards. Where the other
side answers by its own lights, the loss says that something may be missed.
"""

from listener.query.foreign.bluesky import to_bluesky
from listener.query.foreign.brandwatch import from_brandwatch
from listener.query.foreign.mastodon import to_mastodon
from listener.query.foreign.relax import Converted, Effect, Loss
from listener.query.foreign.x import to_x

__all__ = ["Converted", "Effect", "Loss", "from_brandwatch", "to_bluesky", "to_mastodon", "to_x"]
