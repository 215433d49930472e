"""Facebook Pages and Instagram, both by Meta's Graph API. Owns these two networks, knows no other.

One package for two sources: what they share (calls, errors, signatures, the order of states, the sweep, the care that an answer needs)
speaks the promise of a source, so it cannot stand below the sources, and siblings do not know one another.
"""

from listener.sources.base import Wiring
from listener.sources.meta.facebook import Facebook
from listener.sources.meta.instagram import Instagram

__all__ = ["Facebook", "Instagram", "build_facebook", "build_instagram"]


def build_facebook(wiring: Wiring) -> Facebook:
    """From an operator's settings."""
    return Facebook(wiring)


def build_instagram(wiring: Wiring) -> Instagram:
    """From an operator's settings."""
    return Instagram(wiring)
