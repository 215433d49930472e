"""Words that a reader would take for an address."""

from __future__ import annotations

import re

WORD = re.compile(r"\S+")
SCHEME = re.compile(r"https?:/", re.IGNORECASE)
_DOMAIN = re.compile(
    r"(?:www\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9-]{1,63}){0,6}\.[a-z]{2,24}", re.IGNORECASE
)
_USUAL = frozenset({
    "com", "org", "net", "edu", "gov", "info", "biz", "io", "app", "dev", "shop", "help", "social", "online", "eu", "de", "at", "ch",
    "uk", "fr", "es", "it", "nl", "be", "pl", "pt", "se", "dk", "no", "fi", "ie", "us", "ca", "au", "jp", "example", "test",
})  # fmt: skip
"""Ends of names that make a word an address, where it has neither www before nor a path behind it."""
AROUND = "\"'“”‘’«»<>[]{}(),;:!?…."


def looks_like_address(word: str) -> bool:
    """Whether a word without https:// is meant as an address."""
    name, slash, _ = word.partition("/")
    if "@" in word or not _DOMAIN.fullmatch(name):
        return False
    return bool(slash) or name.lower().startswith("www.") or name.rpartition(".")[2].lower() in _USUAL
