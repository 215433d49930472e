"""What people marked, as changes to the rule files: an exception for a false alarm, an example for what was missed.

Owns how narrow an exception is and where in a file's text a change goes; comments and everything else in the file stay as they are. Pure:
refuses to read or write files, and to decide: a draft is for a team lead to accept, change or throw away.

A phrase is taken from the false alarm itself, the shortest one around what the rule found that no right hit holds; where there is none,
that author, saying it. Addresses and telephone numbers never get into a draft.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2

from listener.harmless import harmless
from listener.model.kinds import Kind
from listener.private import masked, reaching
from listener.query import words
from listener.query.frequency import usual
from listener.rulebook.shape import Rule

SHORTEST, LONGEST = 2, 6
"""Words of a phrase."""
TELLING = 9.0
"""Bits that the words of a phrase must say, by how rare they are: one long word does, two of the commonest do not."""
SAME_AUTHOR = 3
"""So many false alarms of one rule by one author, and never a right one: it is the author."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A message with what people say of one rule on it."""

    rule: str
    missed: bool
    """It should have fired; else it should not have."""
    text: str
    author: str
    """Handle, else id."""
    source: str = "bluesky"
    kind: Kind = Kind.POST
    langs: tuple[str, ...] = ("en",)
    addressed: bool = True
    ours: bool = False
    links: int = 0
    media: int = 0
    spans: tuple[int, ...] = ()
    """Where in the text the rule found what it looks for."""
    note: str = ""
    by: str = ""
    """Who marked it first, by login,"""
    on: date | None = None
    """and when."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One change to the rule files."""

    rule: str
    missed: bool
    marks: tuple[Marked, ...]
    query: str = ""
    """Of an exception,"""
    authors: tuple[str, ...] = ()
    """or whom it is about. Neither: nothing sensible could be found."""


# How narrow ----------------------------------------------------------------------------------------------------------


def drafts_for(marked: Sequence[Marked], right: Mapping[str, Sequence[Marked]]) -> tuple[Draft, ...]:
    """A draft for every mark, marks that one exception covers together. `right`: by rule, messages on which it must go on firing."""
    made: list[Draft] = []
    for rule in dict.fromkeys(one.rule for one in marked):
        hits = right.get(rule, ())
        alarms = [one for one in marked if one.rule == rule and not one.missed]
        authors = _authors(alarms, hits)
        for author in authors:
            theirs = tuple(one for one in alarms if one.author == author)
            made.append(Draft(rule, False, theirs, authors=(author,)))
        made.extend(_phrases(rule, [one for one in alarms if one.author not in authors], hits))
    made.extend(Draft(one.rule, True, (one,)) for one in marked if one.missed)
    return tuple(made)


def _authors(alarms: Sequence[Marked], hits: Sequence[Marked]) -> tuple[str, ...]:
    right = {_bare(one.author) for one in hits}
    found = Counter(one.author for one in alarms)
    return tuple(sorted(who for who, n in found.items() if n >= SAME_AUTHOR and _bare(who) not in right))


def _phrases(rule: str, alarms: Sequence[Marked], hits: Sequence[Marked]) -> Iterator[Draft]:
    keys = [words.segment(one.text).keys for one in hits]
    left = list(alarms)
    while left:
        first, *rest = left
        phrase = phrase_of(first, keys)
        together = [one for one in rest if phrase and _holds(words.segment(one.text).keys, phrase)]
        left = [one for one in rest if one not in together]
        marks = (first, *together)
        if phrase:
            yield Draft(rule, False, marks, query=_quoted(phrase))
        else:  # nothing in it tells it from a right hit: this author, saying this
            whole = _told_by(first)
            theirs = [one for hit, one in zip(hits, keys, strict=True) if _bare(hit.author) == _bare(first.author)]
            if any(_holds(one, whole) for one in theirs):
                whole = ()  # nor even that
            query = f"{_quoted(whole)} author:{_value(_bare(first.author))}" if whole else ""
            yield Draft(rule, False, marks, query=query)


def _told_by(alarm: Marked) -> tuple[str, ...]:
    """The first words in a row of a text that may stand in a rule file."""
    known, hidden = words.segment(alarm.text), _hidden(alarm.text)
    if len(known.keys) != len(known.spans):
        return ()
    row: list[str] = []
    for key, span in zip(known.keys, known.spans, strict=True):
        if not any(_meet(span, one) for one in hidden):
            row.append(key)
        elif len(row) >= SHORTEST:
            break
        else:
            row = []
    return tuple(row[:LONGEST])


def phrase_of(alarm: Marked, hits: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The words of the shortest phrase of a false alarm that no right hit holds, around what the rule found; () where there is none.

    Of several as short, the one whose own words are the rarest; then the first. Words that right hits say too count for nothing.
    """
    known = words.segment(alarm.text)
    keys, spans = list(known.keys), known.spans
    if len(keys) != len(spans):
        return ()
    hidden = _hidden(alarm.text)
    found = list(zip(alarm.spans[::2], alarm.spans[1::2], strict=False))
    shared = {key for one in hits for key in one}
    around = [any(_meet(span, one) for one in found) for span in spans]
    barred = [any(_meet(span, one) for one in hidden) for span in spans]
    for near in (True, False):
        for size in range(SHORTEST, LONGEST + 1):
            fits: list[tuple[float, int]] = []
            for at in range(len(keys) - size + 1):
                if any(barred[at : at + size]) or (near and not any(around[at : at + size])):
                    continue
                # What the rule looks for says nothing about this message; so does what right hits say as well.
                tells = {keys[place] for place in range(at, at + size) if not around[place]} - shared
                says = sum(-log2(usual(key)) for key in tells)
                if says >= TELLING:  # so no right hit holds it: it has a word that none of them says
                    fits.append((-says, at))
            if fits:
                _, at = min(fits)
                return tuple(keys[at : at + size])
    return ()


def _holds(text: Sequence[str], phrase: Sequence[str]) -> bool:
    size = len(phrase)
    return any(list(text[at : at + size]) == list(phrase) for at in range(len(text) - size + 1))


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


_SIGN = re.compile(r"[@#＠＃$][\w.@-]+|https?://\S+")


def _hidden(text: str) -> list[tuple[int, int]]:
    """Where names and numbers of people stand, and addresses: no part of a phrase."""
    return [*reaching(text), *(found.span() for found in _SIGN.finditer(text))]


def _quoted(phrase: Sequence[str]) -> str:
    return '"' + " ".join(phrase).replace('"', " ") + '"'


def _value(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else '"' + name.replace('"', "") + '"'


def _bare(author: str) -> str:
    return author.lstrip("@").lower()


# Where it goes -------------------------------------------------------------------------------------------------------


def changed(
    files: Mapping[str, str], rules: Mapping[str, Rule], drafts: Iterable[Draft]
) -> tuple[dict[str, str], list[Draft]]:
    """The texts of the files that the drafts change, and the drafts for which no place was found.

    Exceptions go to the end of the `exceptions:` of a file that has some, else into a new file; examples to the top of their rule's `fires:`.
    """
    texts = dict(files)
    drafts = list(drafts)
    exceptions = [one for one in drafts if one.query or one.authors]
    left = [one for one in drafts if not one.missed and one not in exceptions]
    examples = [one for one in drafts if one.missed]
    # From the bottom up, so that the places of rules above stay what they are.
    for id_ in sorted({one.rule for one in examples}, key=lambda id_: _line_of(rules.get(id_)), reverse=True):
        rule, theirs = rules.get(id_), [one for one in examples if one.rule == id_]
        if rule is None or not _examples_added(texts, rule, [mark for one in theirs for mark in one.marks]):
            left += theirs
    if exceptions:
        _exceptions_added(texts, exceptions)
    return {path: text for path, text in texts.items() if files.get(path) != text}, left


def _line_of(rule: Rule | None) -> tuple[str, int]:
    return (rule.place.file, rule.place.line) if rule is not None else ("", 0)


def _exceptions_added(texts: dict[str, str], drafts: Sequence[Draft]) -> None:
    for path in sorted(texts):
        lines = texts[path].splitlines(keepends=True)
        head = next((n for n, line in enumerate(lines) if re.match(r"exceptions:\s*(#.*)?$", line)), None)
        if head is None:
            continue
        end = next((n for n in range(head + 1, len(lines)) if re.match(r"[^\s#-]", lines[n])), len(lines))
        items = [found for line in lines[head + 1 : end] if (found := re.match(r"(\s*)- ", line))]
        if not items:
            continue
        while end > head + 1 and re.match(r"\s*(#.*)?$", lines[end - 1]) and not lines[end - 1].startswith((" ", "\t")):
            end -= 1  # comments and empty lines before the next section belong to that
        newline = "\r\n" if lines[head].endswith("\r\n") else "\n"
        if not lines[end - 1].endswith("\n"):
            lines[end - 1] += newline
        made = [f"{line}{newline}" for draft in drafts for line in exception_lines(draft, items[0].group(1))]
        texts[path] = "".join([*lines[:end], *made, *lines[end:]])
        return
    path = "exceptions.yaml"
    while path in texts:
        path = f"drafted-{path}"
    made = [line for draft in drafts for line in exception_lines(draft, "  ")]
    about = "# Where rules stay silent, and why: the query says on which messages."
    texts[path] = "\n".join([about, "exceptions:", *made, ""])


def exception_lines(draft: Draft, indent: str) -> Iterator[str]:
    """An exception as lines of a rule file."""
    first = draft.marks[0]
    yield f"{indent}- rule: [{draft.rule}]"
    if draft.query:
        yield f"{indent}  when: {_single(draft.query)}"
    if draft.authors:
        yield f"{indent}  authors: [{', '.join(written(_bare(one)) for one in draft.authors)}]"
    yield f"{indent}  reason: {written(_reason(first))}"
    if first.by:
        yield f"{indent}  by: {written(first.by)}"
    yield f"{indent}  examples:"
    for mark in dict.fromkeys(draft.marks):
        whose = mark.author if draft.authors or "author:" in draft.query else ""
        yield f"{indent}    - {example(mark, whose)}"


def _reason(mark: Marked) -> str:
    told = f"a false alarm, marked on {mark.on:%Y-%m-%d}" if mark.on else "a false alarm"
    note = " ".join(masked(harmless(mark.note)).split())
    return f"{told}: {note}" if note else told


def _examples_added(texts: dict[str, str], rule: Rule, marks: Sequence[Marked]) -> bool:
    """Puts messages before the first one on which a rule fires. False: the file's layout leaves no plain place for them."""
    if not rule.fires:
        return False
    place = rule.fires[0].place
    lines = texts.get(place.file, "").splitlines(keepends=True)
    if not 0 < place.line <= len(lines):
        return False
    line = lines[place.line - 1]
    before = line[: place.column - 1]
    if found := re.fullmatch(r"(\s*)-\s+", before):
        newline = "\r\n" if line.endswith("\r\n") else "\n"
        made = [f"{found.group(1)}{one}{newline}" for mark in marks for one in (_about(mark), f"- {example(mark)}")]
        lines[place.line - 1 : place.line - 1] = made
    elif before.rstrip().endswith("["):
        lines[place.line - 1] = f"{before}{', '.join(map(example, marks))}, {line[place.column - 1 :]}"
    else:
        return False
    texts[place.file] = "".join(lines)
    return True


def _about(mark: Marked) -> str:
    told = f"marked as missed on {mark.on:%Y-%m-%d}" if mark.on else "marked as missed"
    note = " ".join(masked(harmless(mark.note)).split())
    return f"# {told}{f': {note}' if note else ''}; widen when: until it fires, or take it out"


def example(mark: Marked, author: str = "") -> str:
    """A message as an example of a rule file, on one line."""
    parts = [f"text: {written(masked(mark.text))}"]
    if not mark.addressed:
        parts.append("addressed: no")
    if mark.source != "bluesky":
        parts.append(f"source: {written(mark.source)}")
    if mark.kind is not Kind.POST:
        parts.append(f"kind: {mark.kind.value}")
    if author:
        parts.append(f"author: {written(_bare(author))}")
    if mark.langs and mark.langs != ("en",):
        parts.append(f"lang: [{', '.join(written(one) for one in mark.langs)}]")
    if mark.links:
        parts.append(f"links: {min(mark.links, 100)}")
    if mark.media:
        parts.append(f"media: {min(mark.media, 100)}")
    if mark.ours:
        parts.append("ours: yes")
    return parts[0].removeprefix("text: ") if len(parts) == 1 else f"{{{', '.join(parts)}}}"


_PLAIN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def written(text: str) -> str:
    """A text as YAML in double quotes; what nobody would see in an editor is written as its escape."""
    return '"' + "".join(_PLAIN.get(char) or (char if char.isprintable() else _escape(char)) for char in text) + '"'


def _escape(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"  # half a pair is no character: no file can hold it
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _single(text: str) -> str:
    plain = all(char.isprintable() for char in text)
    return "'" + text.replace("'", "''") + "'" if plain else written(text)
