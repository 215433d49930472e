"""Overlays on the tone scorer's word list. Owns the meaning of their keys."""

from __future__ import annotations

import string

from listener.model import ToneLabel
from listener.rulebook.lexicon import Overlay, Sounds
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import KEY, TEXT, Each, Fragment, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader

LANGS = ("en",)
"""What the scorer fits."""
TONES = tuple(one.value for one in ToneLabel)
WORTH: Fragment = {"type": "number", "minimum": -4, "maximum": 4}
LONGEST_ROW = 4

SOUNDS = Keys(
    "a test of tone",
    (
        Key("text", "what is said", TEXT, needed=True),
        Key("tone", "how it must sound: " + ", ".join(TONES), one_of(TONES), needed=True),
    ),
)
OVERLAY = Keys(
    "an overlay",
    (
        Key("key", "its name", KEY, needed=True),
        Key("title", "what it is, in a few words", TEXT),
        Key("lang", "the language of its words; only English has tone", one_of(LANGS)),
        Key("words", "a word, or up to four in a row, and its worth: -4 (awful) to 4 (wonderful)", Each(WORTH)),
        Key("remove", "words of the scorer's list that are no mood here", Many(TEXT)),
        Key("tests", "texts with how they must sound", Many(SOUNDS)),
    ),
)


def read_overlay(reader: Reader, node: Node) -> None:
    """An overlay."""
    found = reader.table(node, OVERLAY)
    if found is None:
        return
    key = reader.key(found.get("key"), "an overlay's key")
    title = reader.text(found.get("title"), "title") or key
    lang = reader.choice(found.get("lang"), "lang", LANGS) if "lang" in found else LANGS[0]
    before = len(reader.problems)
    words = {_word(reader, word, LONGEST_ROW): reader.decimal(value, "a word's worth", -4.0, 4.0)
             for word, value in reader.pairs(found.get("words"), "words")}  # fmt: skip
    removed = {_word(reader, one, 1) for one in reader.items(found.get("remove"), "remove")}
    tests = [_sounds(reader, one) for one in reader.items(found.get("tests"), "tests")]
    if not words and not removed and len(reader.problems) == before:
        reader.problem(node, "does-nothing", "this overlay changes nothing", "add words: or remove:")
    if not tests:
        reader.warn(node, "no-examples", f"overlay {key} has no test", "add tests: [{text: ..., tone: negative}]")
    if reader.once("overlay", key, found.get("key", node)):
        overlay = Overlay(
            key=key,
            title=title,
            lang=lang,
            words=tuple(sorted((word, worth) for word, worth in words.items() if word and worth is not None)),
            removed=frozenset(removed - {""}),
            tests=tuple(one for one in tests if one is not None),
            place=reader.place(node),
        )
        reader.made.lexicon.append(overlay)


def _word(reader: Reader, node: Node, longest: int) -> str:
    """A word as the scorer meets it, in small letters; "" with a problem when it never would, or when it is there already."""
    written = reader.text(node, "word").lower().split()
    word = " ".join(written)
    if not word:
        return ""
    if len(written) > longest:
        many = "one word" if longest == 1 else f"at most {longest} words"
        reader.problem(node, "too-long", f"{word!r} is too many words", f"{many} in a row")
        return ""
    bare = word.strip(string.punctuation)
    if len(bare) > 2 and bare != word:  # what is shorter may be a smiley
        hint = f"write {bare}: the scorer takes signs off both ends of a word"
        reader.problem(node, "never-met", f"{word!r} is never met in a text", hint)
        return ""
    return word if reader.once("word", word, node) else ""


def _sounds(reader: Reader, node: Node) -> Sounds | None:
    found = reader.table(node, SOUNDS)
    if found is None:
        return None
    text = reader.text(found.get("text"), "text")
    tone = reader.choice(found.get("tone"), "tone", TONES)
    return Sounds(text, ToneLabel(tone), reader.place(node)) if text and tone else None
