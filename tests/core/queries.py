"""Generated queries and texts over a small vocabulary, and a naive oracle that shares no code with the matcher."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

from listener.query.tree import And, Node, Not, Or, Phrase, Prefix, Tag, Word

VOCABULARY = ["app", "down", "bill", "bills", "café", "cafe", "naïve", "障害", "害", "don't", "refund", "ill", "i'll"]
SPELLINGS = {
    "down": ["DOWN", "down", "Down!", "d\u200bown"],
    "café": ["café", "CAFÉ", "cafe\u0301"],
    "don't": ["don't", "don’t"],
}
GLUE = [" ", "  ", ", ", "\n", " — ", " 😀 "]


def _word() -> st.SearchStrategy[Node]:
    return st.sampled_from([one for one in VOCABULARY if one != "障害"]).map(lambda one: Word(one, 0, 0))


def _leaf() -> st.SearchStrategy[Node]:
    phrase = st.lists(st.sampled_from(["app", "down", "bill", "refund", "café"]), min_size=2, max_size=3)
    return (
        _word()
        | phrase.map(lambda keys: Phrase(tuple(keys), 0, 0))
        | st.just(Phrase(("障", "害"), 0, 0))
        | st.sampled_from(["bi", "re", "caf", "do"]).map(lambda stem: Prefix(stem, 0, 0))
        | st.sampled_from(["#down", "#app"]).map(lambda form: Tag(form, 0, 0))
    )


def trees() -> st.SearchStrategy[Node]:
    """Queries of words, phrases, prefixes and hashtags under AND, OR and NOT."""
    return st.recursive(
        _leaf(),
        lambda parts: (
            st.lists(parts, min_size=2, max_size=4).map(lambda some: And(tuple(some), 0, 0))
            | st.lists(parts, min_size=2, max_size=4).map(lambda some: Or(tuple(some), 0, 0))
            | parts.map(lambda one: Not(one, 0, 0))
        ),
        max_leaves=8,
    )


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts of the vocabulary, with hashtags, spelled and joined in many ways."""
    words = draw(st.lists(st.sampled_from([*VOCABULARY, "other", "#down", "#app"]), max_size=8))
    parts: list[str] = []
    for word in words:
        parts.append(draw(st.sampled_from(SPELLINGS.get(word, [word, word.upper()]))))
        parts.append(draw(st.sampled_from(GLUE)))
    return "".join(parts)


def oracle(tree: Node, text: str) -> bool:
    """What the query means, in the plainest way: cut at everything that is no letter, compare one by one."""
    words = _plain_words(text)
    match tree:
        case Word(key=key):
            return any(_same(key, word) for word in words)
        case Phrase(keys=keys):
            size = len(keys)
            return any(
                all(_same(key, word) for key, word in zip(keys, words[at : at + size], strict=True))
                for at in range(len(words) - size + 1)
            )
        case Prefix(stem=stem):
            return any(word.startswith(stem) or _bare(word).startswith(stem) for word in words)
        case Tag(form=form):
            return any(part.strip(",!").casefold() == form for part in text.split())
        case And(parts=parts):
            return all(oracle(part, text) for part in parts)
        case Or(parts=parts):
            return any(oracle(part, text) for part in parts)
        case Not(part=part):
            return not oracle(part, text)
    raise AssertionError(tree)


def _plain_words(text: str) -> list[str]:
    known = unicodedata.normalize("NFC", text.replace("\u200b", "").replace("’", "'")).casefold()
    words: list[str] = []
    run = ""
    for char in known + " ":
        if "\u4e00" <= char <= "\u9fff":
            words += [run] if run else []
            words.append(char)
            run = ""
        elif char.isalpha() or (char == "'" and run):
            run += char
        else:
            words += [run.rstrip("'")] if run else []
            run = ""
    return words


def _bare(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))


def _same(key: str, word: str) -> bool:
    """An accented word of the query stands only for itself, a plain one for its accented forms too."""
    return key == word or (key == _bare(key) and key == _bare(word))
