"""How a panel over the screen looks, whichever it is: in the middle, the screen dim behind it. Its size is its own."""

from __future__ import annotations

BOX = """
    align: center middle;
    background: $background 50%;
    .box { background: $surface; border: round $secondary; padding: 0 1; }
    .box Bar { background: $surface; padding: 0; }
"""
"""The beginning of a panel's style: its name and a brace before it, the rest and a brace behind it."""
