"""What stands for words of a text: plain words, wildcards, exact words, phrases, hashtags, handles and cashtags. Owns how each is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from listener.query import words
from listener.query.told import Told
from listener.query.tree import Exact, Node, Phrase, Sign, Term, Wild, Word

MIN_LETTERS = 3
"""Plain letters in a word with a wildcard."""

MIN_STEM = 2
"""Letters before its first star."""

MAX_STARS = 3

MAX_COUNT = 1_000_000
"""What a bigger number of words between two parts is cut to: more than any text has."""

# While a term is cut into words its stars are letters, of a script that nobody mixes with another one: so folding, apostrophes and
# punctuation are the same for `deliver*` as for `deliver`.
_LETTER_OF = {"*": "\U00016800", "?": "\U00016801"}
_SIGN_OF = str.maketrans({letter: sign for sign, letter in _LETTER_OF.items()})
_STAR = re.compile(r"[*?](?!\ufe0f?\u20e3)")
_RUN = re.compile(r"\{([^{}]*)\}|[^{}]+|[{}]")
_STARS = re.compile(r"\*+")
_CASH = re.compile(r"[$＄][A-Za-z]")
_NOT_WORDS = re.compile(r"[+#@&$%/=_*?~^|<>\\]")
_WRITTEN = {"|": "OR", "||": "OR", "&": "AND", "&&": "AND", "!": "NOT", "+": "AND"}


def plain(raw: str, at: int, told: Told) -> Node | None:
    """A term without quotes that stands at `at`: None with its problems told."""
    end = at + len(raw)
    if len(raw) > 1 and raw[0] in "#＃":
        return _sign(raw, words.tag_form(raw), "hashtag", at, told)
    if len(raw) > 1 and raw[0] in "@＠":
        return _sign(raw, words.handle_form(raw), "handle", at, told)
    if _CASH.match(raw):
        return _sign(raw, words.cash_form(raw), "cashtag", at, told)
    if raw.lower().startswith(("http://", "https://")):
        told.problem(
            at, "nothing-to-find", "a web address is no word", f"ask for it by link: link:{raw.partition('://')[2]}"
        )
        return None
    return phrase(raw, at, at, end, told)


def entry(raw: str, at: int, told: Told) -> Node | None:
    """One entry of a named list: a term, an exact word or phrase in braces, or several words for a phrase."""
    if raw.startswith("{") and raw.endswith("}"):
        return exact(raw[1:-1], at + 1, at, at + len(raw), told)
    return plain(raw, at, told) if not re.search(r"\s", raw) else phrase(raw, at, at, at + len(raw), told)


def phrase(inside: str, inside_at: int, at: int, end: int, told: Told, slop: int | None = None) -> Node | None:
    """The words of a text in a row, wildcards and {Exact} words among them; one word alone is no phrase."""
    before = len(told.problems)
    terms: list[Term] = []
    for found in _RUN.finditer(inside):
        if found.group(1) is not None:
            terms.extend(_exact_words(found.group(1), inside_at + found.start(1), told))
        elif found.group() in "{}":
            told.problem(
                inside_at + found.start(), "bad-exact", "this brace has no partner", "write {Word}, or no brace"
            )
        else:
            terms.extend(_words(found.group(), inside_at + found.start(), told))
    if len(told.problems) > before:
        return None
    if not terms:
        shown = inside.strip()
        hint = f"write {_WRITTEN[shown]}" if shown in _WRITTEN else "a word has letters or digits, or is an emoji"
        told.problem(at, "nothing-to-find", f"there is no word in {inside!r}", hint)
        return None
    if len(terms) > 1:
        return Phrase(tuple(terms), slop, at, end)
    if slop is not None:
        told.warn(at, "slop-on-one-word", "a ~ with a number needs two words or more", "remove it")
    return _placed(terms[0], at, end)


def exact(inside: str, inside_at: int, at: int, end: int, told: Told) -> Node | None:
    """What stands in braces: words spelled exactly so. None with its problems told."""
    before = len(told.problems)
    terms = _exact_words(inside, inside_at, told)
    if len(told.problems) > before:
        return None
    return Phrase(tuple(terms), None, at, end) if len(terms) > 1 else _placed(terms[0], at, end)


def _placed(term: Term, at: int, end: int) -> Term:
    match term:
        case Word(key=key):
            return Word(key, at, end)
        case Wild(pattern=pattern):
            return Wild(pattern, at, end)
        case Exact(spelling=spelling):
            return Exact(spelling, at, end)


def _sign(raw: str, form: str, what: str, at: int, told: Told) -> Node | None:
    if form in words.segment(raw).signs:
        return Sign(form, at, at + len(raw))
    hint = "write letters, digits and _ only, without a star"
    if what == "cashtag":
        hint = "write $ and up to ten letters, as $CASH or $BRK.B"
    told.problem(at, f"bad-{what}", f"{raw} is not a {what}", hint)
    return None


def _exact_words(inside: str, at: int, told: Told) -> list[Term]:
    known = words.segment(inside)
    if not known.spans:
        told.problem(at - 1, "bad-exact", "there is no word in these braces", "write the word as it is spelled: {BT}")
    elif star := _STAR.search(inside):
        what = f"a {star.group()} is no wildcard in braces"
        told.problem(at + star.start(), "bad-exact", what, f'write the word in full, or raw:"{inside}"')
    elif lost := _NOT_WORDS.search(inside):
        what = f"{lost.group()} does not count in braces, only words do"
        told.warn(at + lost.start(), "bad-exact", what, f'for exactly these characters write raw:"{inside}"')
    return [
        Exact(spellings[0], at + start, at + end)
        for (start, end), spellings in zip(known.spans, known.spelled, strict=True)
    ]


def _words(raw: str, at: int, told: Told) -> Iterator[Term]:
    """The words of a run; a word with stars is a wildcard."""
    if not (star := _STAR.search(raw)):
        known = words.segment(raw)
        for (start, end), key in zip(known.spans, known.keys, strict=True):
            yield Word(key, at + start, at + end)
        return
    if any(letter in raw for letter in _LETTER_OF.values()):
        told.problem(at + star.start(), "star-needs-word", "a star cannot stand beside these letters", "write them out")
        return
    known = words.segment(_STAR.sub(lambda found: _LETTER_OF[found.group()], raw))
    for place, ((start, end), key) in enumerate(zip(known.spans, known.keys, strict=True)):
        pattern = key.translate(_SIGN_OF)
        if pattern == key:
            yield Word(key, at + start, at + end)
        elif pattern.strip("*?"):
            yield from _wild(_STARS.sub("*", pattern), at + start, at + end, told)
        else:
            touching = [
                words.unspaced(known.keys[other])
                for other, mine, theirs in ((place - 1, start, 1), (place + 1, end, 0))
                if 0 <= other < len(known.keys) and known.spans[other][theirs] == mine
            ]
            _lonely(pattern[0], touching, at + start, told)


def _lonely(sign: str, touching: list[bool], at: int, told: Told) -> None:
    """A star that belongs to no word: needless at an end of what is written without spaces, else a problem."""
    if touching == [True]:
        what = f"a {sign} is not needed here: this script is found anywhere in a text"
        told.warn(at, "star-not-needed", what, f"remove the {sign}")
        return
    if touching == [True, True]:
        what = f"a {sign} cannot stand inside of a script without spaces"
        told.problem(at, "star-needs-word", what, "write both parts with AND, or with NEAR/3f")
        return
    hint = 'write it as word*; for any word between two others write "one other"~1' if sign == "*" else "write w?rd"
    told.problem(at, "star-needs-word", f"a {sign} must stand in a word", hint)


def _wild(pattern: str, start: int, end: int, told: Told) -> Iterator[Term]:
    stem = pattern.partition("*")[0]
    if pattern[0] in "*?":
        told.problem(
            start, "star-at-start", f"a word cannot begin with {pattern[0]}", "write the beginning of the word"
        )
    elif _letters(pattern) < MIN_LETTERS or ("*" in pattern and _letters(stem) < MIN_STEM):
        what = f"a wildcard needs at least {MIN_LETTERS} letters, {MIN_STEM} of them before a star"
        hint = "write more of the word"
        if pattern[-1] == "?" and "*" not in pattern:
            hint = f"remove the ? to find {pattern.strip('?')}"
        told.problem(start, "stem-too-short", what, hint)
    elif pattern.count("*") > MAX_STARS:
        told.problem(start, "too-many-stars", f"a word has at most {MAX_STARS} stars", "write more of the word")
    else:
        if pattern.endswith("?"):
            what = "a ? stands for exactly one letter"
            told.warn(end - 1, "question-mark", what, f"remove it to find {pattern.strip('*?')}")
        yield Wild(pattern, start, end)


def _letters(pattern: str) -> int:
    return sum(char not in "*?'" for char in pattern)
