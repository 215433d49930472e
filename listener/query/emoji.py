"""What an emoji is: which characters, and how several make one. Owns these tables; refuses to fold or to search.

Unicode's pictographs (Extended_Pictographic, UTS 51) but those that are text unless a selector says otherwise (©, ®, ™ and letters in
circles), and every character of the blocks that hold nothing but pictures. Written out as ranges: a property look-up for every character
of every text costs more than all other work on it. A test holds them to the library's Unicode.
"""

from __future__ import annotations

import re

TONES = "\U0001f3fb-\U0001f3ff"
"""Skin tones, as a range inside brackets of a regular expression; so are the next ones."""

FLAGS = "\U0001f1e6-\U0001f1ff"

PICTURES = (
    "\u2194-\u2199\u21a9-\u21aa\u231a-\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa-\u25ab\u25b6\u25c0"
    "\u25fb-\u25fe\u2600-\u2604\u260e\u2611\u2614-\u2615\u2618\u261d\u2620\u2622-\u2623\u2626\u262a"
    "\u262e-\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u265f-\u2660\u2663\u2665-\u2666\u2668\u267b"
    "\u267e-\u267f\u2692-\u2697\u2699\u269b-\u269c\u26a0-\u26a1\u26a7\u26aa-\u26ab\u26b0-\u26b1\u26bd-\u26be"
    "\u26c4-\u26c5\u26c8\u26ce-\u26cf\u26d1\u26d3-\u26d4\u26e9-\u26ea\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702"
    "\u2705\u2708-\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2728\u2733-\u2734\u2744\u2747\u274c\u274e"
    "\u2753-\u2755\u2757\u2763-\u2764\u2795-\u2797\u27a1\u27b0\u27bf\u2934-\u2935\u2b05-\u2b07\u2b1b-\u2b1c"
    "\u2b50\u2b55\U0001f004\U0001f02c-\U0001f02f\U0001f094-\U0001f09f\U0001f0af-\U0001f0b0\U0001f0c0"
    "\U0001f0cf-\U0001f0d0\U0001f0f6-\U0001f0ff\U0001f170-\U0001f171\U0001f17e-\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f1af-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a"
    "\U0001f23c-\U0001f23f\U0001f249-\U0001f25f\U0001f266-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f7dc-\U0001f7f0\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f"
    "\U0001f8ae-\U0001f8af\U0001f8bc-\U0001f8bf\U0001f8c2-\U0001f8cf\U0001f8d9-\U0001f9ff\U0001fa58-\U0001fa5f"
    "\U0001fa6e-\U0001faff\U0001fc00-\U0001fffd"
)

_ONE = f"[{PICTURES}][\ufe0e\ufe0f{TONES}\U000e0020-\U000e007f]*"

SEQUENCE = rf"(?:[{FLAGS}]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ONE}(?:\u200d{_ONE})*)"
"""One emoji as a regular expression: a flag, a keycap, or pictures joined."""

_IS = re.compile(SEQUENCE)
_SELECTORS = re.compile("[\ufe0e\ufe0f]")
_TONED = re.compile(f"[{TONES}]")


def is_emoji(word: str) -> bool:
    """Whether a word begins with an emoji; of the words that `words.segment` finds only emoji do."""
    return not word.isascii() and _IS.match(word) is not None


def plain(emoji: str) -> str:
    """An emoji without the selectors that only say how to draw it."""
    return _SELECTORS.sub("", emoji)


def toneless(emoji: str) -> str:
    """An emoji without its skin tones."""
    return _TONED.sub("", emoji)
