"""Overlays on the tone scorer's word list. Owns the meaning of their keys."""

from __future__ import annotations

import re
import string

from listener.model.scales import ToneLabel
from listener.rulebook.lexicon import Overlay, Sounds
from listener.rulebook.nodes import Node
from listener.rulebook.reading.keys import KEY, TEXT, Each, Fragment, Key, Keys, Many, one_of
from listener.rulebook.reading.reader import Reader

ENGLISH = "en"
"""What the scorer's own list fits."""
METHODS = ("lexicon",)
TONES = tuple(one.value for one in ToneLabel)
LANG: Fragment = {"type": "string", "pattern": "^[a-z]{2,3}$"}
BOOST: Fragment = {"type": "number", "minimum": -1, "maximum": 1}
WORTH: Fragment = {"type": "number", "minimum": -4, "maximum": 4}
LONGEST_ROW = 4

_LANG = re.compile("[a-z]{2,3}")

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
        Key("lang", "the language of its words: en, unless `method` is given; a tag of two or three letters", LANG),
        Key("method", "lexicon: score this language by these words alone, which else has no tone", one_of(METHODS)),
        Key("words", "a word, or up to four in a row, and its worth: -4 (awful) to 4 (wonderful)", Each(WORTH)),
        Key("negations", "with `method`: words that turn round what follows: nicht", Many(TEXT)),
        Key(
            "boosters",
            "with `method`: words that make what follows stronger, or below 0 weaker, and by how much: -1 to 1",
            Each(BOOST),
        ),
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
    lang = reader.text(found.get("lang"), "lang") if "lang" in found else ENGLISH
    whole = "method" in found and bool(reader.choice(found.get("method"), "method", METHODS))
    before = len(reader.problems)
    if whole == (lang == ENGLISH) or not _LANG.fullmatch(lang):
        hint = (
            "give method: lexicon, or leave lang: en"
            if not whole and lang != ENGLISH
            else "write lang: de, or leave method: out"
        )
        reader.problem(found.get("lang", node), "unknown-value", f"{lang!r} cannot be scored so", hint)
    if not whole and (extra := found.get("negations", found.get("boosters"))) is not None:
        reader.problem(
            extra, "does-nothing", "English has its own negations and boosters", "give lang: and method: lexicon"
        )
    if whole and "remove" in found:
        reader.problem(found["remove"], "does-nothing", "there is no list to remove from", "leave remove: out")
    sort = "word" if lang == ENGLISH else f"word of {lang}"
    words = {_word(reader, word, LONGEST_ROW, sort): reader.decimal(value, "a word's worth", -4.0, 4.0)
             for word, value in reader.pairs(found.get("words"), "words")}  # fmt: skip
    negations = tuple(
        sorted({reader.text(one, "word").lower() for one in reader.items(found.get("negations"), "negations")} - {""})
    )
    boosters = {reader.text(word, "word").lower(): reader.decimal(value, "a booster", -1.0, 1.0)
                for word, value in reader.pairs(found.get("boosters"), "boosters")}  # fmt: skip
    removed = {_word(reader, one, 1, sort) for one in reader.items(found.get("remove"), "remove")}
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
            whole=whole,
            negations=negations,
            boosters=tuple(sorted((word, add) for word, add in boosters.items() if word and add is not None)),
            tests=tuple(one for one in tests if one is not None),
            place=reader.place(node),
        )
        reader.made.lexicon.append(overlay)


def _word(reader: Reader, node: Node, longest: int, sort: str) -> str:
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
    return word if reader.once(sort, word, node) else ""


def _sounds(reader: Reader, node: Node) -> Sounds | None:
    found = reader.table(node, SOUNDS)
    if found is None:
        return None
    text = reader.text(found.get("text"), "text")
    tone = reader.choice(found.get("tone"), "tone", TONES)
    return Sounds(text, ToneLabel(tone), reader.place(node)) if text and tone else None
