"""Patterns with * and ?: any number of characters, exactly one. Owns their meaning; refuses to take more than linear time."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Fits = Callable[[str], bool]


@lru_cache(maxsize=4096)
def globbed(pattern: str) -> Fits:
    """Whether a whole form fits a pattern."""
    stem = pattern[:-1]
    if pattern.endswith("*") and "*" not in stem and "?" not in stem:
        return lambda form: form.startswith(stem)
    first, *rest = ["".join("." if char == "?" else re.escape(char) for char in part) for part in pattern.split("*")]
    if not rest:
        whole = re.compile(first, re.DOTALL).fullmatch
        return lambda form: whole(form) is not None
    *middle, last = rest
    # The leftmost place for each part is never a worse one, so that nothing need be tried twice.
    inner = "".join(f"(?>.*?{part})" for part in middle)
    fits = re.compile(f"{first}{inner}.*{last}", re.DOTALL).fullmatch
    return lambda form: fits(form) is not None
