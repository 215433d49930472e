"""The style guide. Owns the meaning of its keys; it stands once in all files."""

from __future__ import annotations

import re

from listener.rulebook.guide import CHECKS, TONES, Guide, Word
from listener.rulebook.nodes import Node, Text
from listener.rulebook.reading.keys import TEXT, Fragment, Key, Keys, Many, number, one_of
from listener.rulebook.reading.reader import Reader
from listener.rulebook.reading.replies import LANG, SAYS_FIELDS, read_lang, read_text

EMOJI: Fragment = {"type": "string", "pattern": "^(none|any|few:[0-9]{1,2})$"}
DOMAIN: Fragment = {"type": "string", "pattern": "^[a-z0-9-]+([.][a-z0-9-]+)+$"}

WORD = Keys(
    "a word",
    (
        Key("word", "the word, or several in a row", TEXT, needed=True),
        Key("because", "why", TEXT),
        Key("use", "what to say instead", TEXT),
    ),
    short=TEXT,
)
STYLE = Keys(
    "style",
    (
        Key("voice", "how we sound, in words, for whoever answers", Many(TEXT)),
        Key("wanted", "words that we like to use", Many(WORD)),
        Key("banned", "words that we do not use", Many(WORD)),
        Key("greeting", f"how a first reply begins; fields: {SAYS_FIELDS}", TEXT),
        Key("sign-off", f"how a reply ends; fields: {SAYS_FIELDS}", TEXT),
        Key("emoji", "none, any, or few:2 for at most two", EMOJI),
        Key("links", "domains that a reply may lead to, with all below them; else any", Many(DOMAIN)),
        Key("longest", "so many characters at most, whatever the network takes", number(10, 100_000)),
        Key("languages", "the languages in which we answer, such as en", Many(LANG)),
        Key("tone", "how a reply must sound, where its language is one that can be scored", one_of(TONES)),
        Key("hard", "the checks that keep a reply from being sent: " + ", ".join(CHECKS), Many(one_of(CHECKS))),
    ),
)

_EMOJI = re.compile(r"few:([0-9]{1,2})\Z")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+\Z")


def read_style(reader: Reader, node: Node) -> None:
    """The style guide."""
    found = reader.table(node, STYLE)
    if found is None:
        return
    langs = [read_lang(reader, one) for one in reader.items(found.get("languages"), "languages")]
    hard = [(reader.choice(one, "hard", CHECKS), one) for one in reader.items(found.get("hard"), "hard")]
    for name, one in hard:
        if name and name not in found:
            reader.problem(one, "nothing-to-check", f"{name} is hard, and nothing says how it must be", f"add {name}:")
    guide = Guide(
        voice=tuple(value for value, _ in reader.texts(found.get("voice"), "voice")),
        wanted=_words(reader, found.get("wanted"), "wanted"),
        banned=_words(reader, found.get("banned"), "banned"),
        greeting=read_text(reader, found.get("greeting"), "greeting"),
        sign_off=read_text(reader, found.get("sign-off"), "sign-off"),
        emoji=_emoji(reader, found.get("emoji")),
        links=frozenset(_domain(reader, value, one) for value, one in reader.texts(found.get("links"), "link")),
        longest=reader.number(found["longest"], "longest", 10, 100_000) if "longest" in found else None,
        languages=frozenset(lang for lang in langs if lang),
        tone=reader.choice(found["tone"], "tone", TONES) if "tone" in found else "",
        hard=frozenset(name for name, _ in hard if name),
        place=reader.place(node),
    )
    if reader.made.style is not None:
        reader.problem(node, "repeated-section", "there is a style already", f"at {reader.made.style.place}; make one")
        return
    reader.made.style = guide


def _words(reader: Reader, node: Node | None, what: str) -> tuple[Word, ...]:
    words: list[Word] = []
    for one in reader.items(node, what):
        if isinstance(one, Text):
            word, because, use = reader.text(one, "word"), "", ""
        elif (found := reader.table(one, WORD)) is not None:
            word = reader.text(found.get("word"), "word")
            because, use = (reader.text(found.get(name), name) for name in ("because", "use"))
        else:
            continue
        if word and reader.once("word of the style guide", word.casefold(), one):
            words.append(Word(word, because, use))
    return tuple(sorted(words, key=lambda known: known.word))


def _emoji(reader: Reader, node: Node | None) -> int | None:
    value = reader.text(node, "emoji")
    if not value or node is None or value == "any":
        return None
    few = _EMOJI.match(value)
    if few is None and value != "none":
        reader.problem(node, "unknown-value", f"emoji cannot be {value!r}", "none, any, or few:2")
    return int(few.group(1)) if few else 0


def _domain(reader: Reader, value: str, node: Node) -> str:
    if not _DOMAIN.match(value.lower()):
        reader.problem(node, "bad-domain", f"{value!r} is not a domain", "such as acme.example, without https://")
    return value.lower()
