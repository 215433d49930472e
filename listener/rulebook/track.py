"""Words from the command line as a rule file, so that they are parsed, hashed and published like everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from listener.query.cut import QUOTES
from listener.query.fields import Use
from listener.query.parse import parse
from listener.query.tree import Sign, Wild
from listener.query.words import segment

TRACK_FILE = "track.yaml"
TOPICS_FILE = "topics.yaml"

_MEANT_OTHERWISE = str.maketrans(dict.fromkeys(f"*?{{}}{QUOTES}", " "))
"""What would not be a mere character in quotes."""


def with_track(files: Mapping[str, str], words: Iterable[str]) -> Mapping[str, str]:
    """The rule files with one brand topic for each word or phrase, in `track.yaml`.

    `topics.yaml` makes room for it: who tracks words wants to hear those, not the example brand.
    """
    return _beside(files, track_file(words))


def tracked_like(files: Mapping[str, str], in_force: Mapping[str, str]) -> Mapping[str, str]:
    """The rule files with the words that these, which are in force, were given to track; as they are where there were none."""
    return files if TRACK_FILE not in in_force or TRACK_FILE in files else _beside(files, in_force[TRACK_FILE])


def _beside(files: Mapping[str, str], track: str) -> Mapping[str, str]:
    kept = {path: text for path, text in files.items() if path.rsplit("/", 1)[-1] != TOPICS_FILE and path != TRACK_FILE}
    return {**kept, TRACK_FILE: track} if track else kept


def track_file(words: Iterable[str]) -> str:
    """The rule file for these words; "" when none of them holds a letter."""
    topics: dict[str, str] = {}
    for word in words:
        plain = " ".join("".join(char if char.isprintable() and char != '"' else " " for char in word).split())
        if not segment(plain).forms:
            continue
        key = _key(plain)
        while key in topics and topics[key] != plain:
            key = f"{key[:58]}-{len(topics) + 1}"
        topics[key] = plain
    if not topics:
        return ""
    lines = ["topics:"]
    for key, plain in sorted(topics.items()):
        shown = json.dumps(plain, ensure_ascii=False)
        query = json.dumps(_query(plain), ensure_ascii=False)
        lines += [
            f'  - key: "{key}"',  # or "null" would be nothing
            f"    title: {shown}",
            "    kind: brand",
            f"    query: {query}",
            f"    names: [{shown}]",
        ]
    return "\n".join(lines) + "\n"


def _query(plain: str) -> str:
    """One sign or word* as it is, anything else as the words in a row."""
    if plain[0] in "#@$" or plain.endswith("*"):
        parsed = parse(plain, Use.TOPIC)
        if " " not in plain and parsed.tree is not None and isinstance(parsed.tree, Sign | Wild):
            return plain
    return '"' + " ".join(plain.translate(_MEANT_OTHERWISE).split()) + '"'


def _key(plain: str) -> str:
    """A topic key that reads like the word; what is not a small Latin letter or digit is told by its number."""
    folded = "-".join(known[-1] for known in segment(plain).forms)
    ascii_only = "".join(char if char.isascii() else f"u{ord(char):x}" for char in folded)
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")[:63].strip("-") or "track"
