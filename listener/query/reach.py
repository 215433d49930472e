"""How many people may have seen a message: a plain formula of what its network tells. Owns the formula; refuses to know what nobody told.

It is no measurement: no network says who saw a message of somebody else. It puts messages in an order of size, by hand-set weights that the docs
publish, so that a figure can be worked out on paper.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """People for each."""

    followers: float
    shared: float
    """A repost or a quote: whoever shares it has followers of their own, of whom some look."""
    liked: float
    """Far more look than like."""
    replied: float


CHRONOLOGICAL = Weights(0.2, 50, 10, 10)
"""Feeds that show all of what one follows: about every fifth follower looks in while it is on top."""
RANKED = Weights(0.05, 50, 20, 20)
"""Feeds that choose what to show show it to few followers."""
CHANNEL = Weights(0.4, 100, 10, 5)
"""Rooms whose members are told of each message."""

BY_SOURCE = {"facebook": RANKED, "instagram": RANKED, "x": RANKED, "telegram": CHANNEL}
"""The networks that are not chronological."""


def reach(
    source: str,
    followers: float | None,
    reposts: float | None,
    quotes: float | None,
    likes: float | None,
    replies: float | None,
) -> float | None:
    """People, or None where the network told none of these. What it did not tell counts nothing."""
    told = (followers, reposts, quotes, likes, replies)
    if all(one is None for one in told):
        return None
    known = [one or 0.0 for one in told]
    w = BY_SOURCE.get(source, CHRONOLOGICAL)
    each = (w.followers, w.shared, w.shared, w.liked, w.replied)
    return float(round(sum(n * people for n, people in zip(known, each, strict=True))))
