"""A draft beside the style guide, and beside what must not be said in public. Pure: gives findings, refuses to send, to stop and to change a draft.

Words are matched as a query matches them: whole words in a row, case and invisible characters folded, accents as in queries. The language of
a draft, and how it sounds, are arguments; what a network takes at most is counted by `lengths`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import log2
from urllib.parse import urlsplit

from listener.lengths import graphemes
from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.private import Sort
from listener.private import private as looks_private
from listener.query import emoji, words
from listener.query.frequency import usual
from listener.rulebook.guide import NOT_NEGATIVE, Guide, Word
from listener.rulebook.replies import FIELDS, filled

FIELD, PERSON = "field", "person"
"""Codes of findings that no style guide asks for: a field that nothing has filled, and somebody else. The others are those of
`guide.CHECKS`, and the names of `private.Sort`."""

RARE = 9.0
"""Bits by which a name of one word tells a person from a word: Sam and May are words too often."""
_LONGEST_NAME = 80

_EMOJI = re.compile(emoji.SEQUENCE)
_FIELD = re.compile(r"\{\s*(?:" + "|".join(FIELDS) + r")\s*\}")
_BARE_LINK = re.compile(r"(?<![\w@./:\-])www\.[^\s\"<>]+", re.IGNORECASE)
_AFTER = ".,;:!?)]}'’”»… \t\n"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a draft."""

    span: tuple[int, int]
    """Code points of the draft; empty where something is missing."""
    code: str
    message: str
    because: str = ""
    blocks: bool = False
    """It keeps the draft from being sent."""

    def __str__(self) -> str:
        return f"{self.message}: {self.because}" if self.because else self.message


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person in a thread, by what they can be recognised by."""

    handle: str = ""
    name: str = ""


def findings(
    draft: str,
    guide: Guide | None,
    *,
    lang: str = "",
    tone: Tone | None = None,
    first: bool = True,
    values: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """What the guide says about a draft, in the draft's order, and the fields in it that nobody has filled.

    `lang`: the language that was found, "" for none; `tone`: how it sounds, None where nobody listened; `first`: whether it is our first
    reply, which the greeting is for; `values`: of the fields of greeting and sign-off.
    """
    found = [
        Finding(one.span(), FIELD, f"{one.group()} has no value: write it", blocks=True)
        for one in _FIELD.finditer(draft)
    ]
    if guide is not None and draft.strip():
        found += [one for check in (_words, _links, _emoji) for one in check(draft, guide)]
        found += _ends(draft, guide, first, values or {})
        found += _whole(draft, guide, lang)
        found += _tone(guide, tone)
    return tuple(sorted(found, key=lambda one: (one.span, one.code)))


def _words(draft: str, guide: Guide) -> Iterator[Finding]:
    known = words.segment(draft)
    for word in guide.banned:
        for start, end in _places(known, word.word):
            use = f"say “{word.use}”" if word.use else ""
            because = "; ".join(part for part in (word.because, use) if part)
            yield _told(guide, "banned", (start, end), f"“{draft[start:end]}” is not how we say it", because)
    if guide.wanted and not any(_places(known, word.word) for word in guide.wanted):
        yield _told(
            guide, "wanted", (len(draft), len(draft)), f"we like to say {_either(guide.wanted)}", _why(guide.wanted)
        )


def _places(known: words.Words, phrase: str) -> list[tuple[int, int]]:
    """Where a text says a phrase. What holds no word, such as "!!!", is looked for as it is written."""
    wanted = words.segment(phrase).keys
    if not wanted:
        return [one.span() for one in re.finditer(re.escape(phrase.strip()), known.text)] if phrase.strip() else []
    spans = known.spans
    starts = (at for at in known.places.get(wanted[0], ()) if at + len(wanted) <= len(spans))
    hits = (at for at in starts if all(known.answers(at + place, form) for place, form in enumerate(wanted)))
    return [(spans[at][0], spans[at + len(wanted) - 1][1]) for at in hits]


def _either(some: Iterable[Word]) -> str:
    return " or ".join(f"“{word.word}”" for word in some)


def _why(some: tuple[Word, ...]) -> str:
    return some[0].because if len(some) == 1 else ""


def _links(draft: str, guide: Guide) -> Iterator[Finding]:
    if not guide.links:
        return
    whole = words.address_spans(draft)
    bare = [(one.start(), one.start() + len(one.group().rstrip(_AFTER))) for one in _BARE_LINK.finditer(draft)]
    for start, end in [*whole, *bare]:
        host = _host(draft[start:end])
        if not any(host == domain or host.endswith(f".{domain}") for domain in guide.links):
            because = f"we link to {', '.join(sorted(guide.links))}"
            yield _told(guide, "links", (start, end), f"a link to {host or 'nobody knows where'}", because)


def _host(address: str) -> str:
    """Where an address leads; "" where programs do not agree about it."""
    try:
        host = urlsplit(address if "://" in address else f"https://{address}").hostname or ""
    except ValueError:
        return ""
    return "" if "\\" in address else host.lower().rstrip(".")


def _emoji(draft: str, guide: Guide) -> Iterator[Finding]:
    if guide.emoji is None:
        return
    found = [one.span() for one in _EMOJI.finditer(draft)]
    if len(found) > guide.emoji:
        most = f"at most {guide.emoji} emoji" if guide.emoji else "no emoji"
        yield _told(guide, "emoji", found[guide.emoji], f"{len(found)} emoji", f"we use {most}")


def _ends(draft: str, guide: Guide, first: bool, values: Mapping[str, str]) -> Iterator[Finding]:
    said = " ".join(words.fold(draft).split())
    if first and guide.greeting and not re.match(rf"{_shape(guide.greeting, values)}(?!\w)", said):
        yield _told(guide, "greeting", (0, 0), f"we begin with “{filled(guide.greeting, values)}”")
    apart = r"(?<!\w)" if guide.sign_off[:1].isalnum() else ""
    if guide.sign_off and not re.search(rf"{apart}{_shape(guide.sign_off, values)}\Z", said.rstrip(_AFTER)):
        end = (len(draft), len(draft))
        yield _told(guide, "sign-off", end, f"we end with “{filled(guide.sign_off, values)}”")


def _shape(text: str, values: Mapping[str, str]) -> str:
    """A greeting or sign-off as a regular expression on folded text. Who wrote may be called anything, whoever answers by a first name."""
    hold = {name: f"\ue000{number}\ue001" for number, name in enumerate(FIELDS)}
    shape = re.escape(" ".join(words.fold(filled(text, hold)).split()).rstrip(_AFTER))
    for name, mark in hold.items():
        value = words.fold(values.get(name, "")).split() if name != "author" else []
        called = (
            "|".join(map(re.escape, dict.fromkeys([" ".join(value), value[0]])))
            if value
            else rf".{{1,{_LONGEST_NAME}}}?"
        )
        shape = shape.replace(re.escape(mark), f"(?:{called})")
    return shape


def _whole(draft: str, guide: Guide, lang: str) -> Iterator[Finding]:
    long = graphemes(draft.strip())
    if guide.longest is not None and long > guide.longest:
        span = (min(guide.longest, len(draft)), len(draft))
        yield _told(
            guide, "longest", span, f"{long - guide.longest} characters too many", f"we write at most {guide.longest}"
        )
    if guide.languages and lang and lang not in guide.languages:
        yield _told(
            guide, "languages", (0, 0), f"it is written in {lang}", f"we answer in {', '.join(sorted(guide.languages))}"
        )


def _tone(guide: Guide, tone: Tone | None) -> Iterator[Finding]:
    if not guide.tone or tone is None or tone.label is ToneLabel.NOT_SCORED:
        return
    wrong = tone.label is ToneLabel.NEGATIVE if guide.tone == NOT_NEGATIVE else tone.label is not ToneLabel.POSITIVE
    if wrong:
        score = "" if tone.compound is None else f" ({tone.compound:+.2f})".replace("-", "−")
        yield _told(guide, "tone", (0, 0), f"it sounds {tone.label.value}{score}", f"we sound {guide.tone}")


def _told(guide: Guide, code: str, span: tuple[int, int], message: str, because: str = "") -> Finding:
    return Finding(span, code, message, because, blocks=code in guide.hard)


# Private -------------------------------------------------------------------------------------------------------------


def private(
    draft: str,
    *,
    answered: Somebody,
    others: Iterable[Somebody] = (),
    ours: Iterable[str] = (),
    domains: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """What should not stand in a public draft, in its order: what `private` knows, and whoever is not answered. None of it blocks: whoever
    writes is asked.

    `others`: those of the thread, by handle and name; `ours`: handles that are ours; `domains`: e-mail addresses there are no secret. A handle
    with its @ is found whoever it is.
    """
    found = [
        Finding(one.span, one.sort.name.lower(), one.sort.value)
        for one in looks_private(draft)
        if one.sort is not Sort.MAIL or not _at_home(draft[slice(*one.span)], domains)
    ]
    known = words.segment(draft)
    fine = {words.handle_form(handle) for handle in (answered.handle, *ours) if handle}
    fine |= {words.handle_form(_first_label(handle)) for handle in (answered.handle, *ours) if handle}
    spans: dict[tuple[int, int], str] = {}
    for form, places in known.signs.items():
        if form.startswith("@"):
            for span in places:
                whole = words.handle_form(draft[slice(*span)])
                if whole not in fine:
                    spans[span] = draft[slice(*span)]
    for one in others:
        for span, called in _named(known, one, answered):
            if not any(start <= span[0] and span[1] <= end for start, end in spans):
                spans[span] = called
    found += [Finding(span, PERSON, f"{called}, who is not answered here") for span, called in spans.items()]
    return tuple(sorted(found, key=lambda one: (one.span, one.code)))


def _first_label(handle: str) -> str:
    return handle.lstrip("@").partition("@")[0].partition(".")[0]


def _at_home(address: str, domains: Iterable[str]) -> bool:
    host = address.rpartition("@")[2].lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _named(known: words.Words, one: Somebody, answered: Somebody) -> Iterator[tuple[tuple[int, int], str]]:
    """Where a draft names somebody of the thread: a handle without its sign, or the name that is shown with it."""
    handle = one.handle.lstrip("@")
    if "." in handle and words.fold(handle) != words.fold(answered.handle):
        for at in re.finditer(rf"(?<![\w@.\-]){re.escape(handle)}(?![\w\-])", known.text, re.IGNORECASE):
            yield at.span(), at.group()
    keys = words.segment(one.name).keys
    if not keys or set(keys) <= set(words.segment(answered.name).keys):
        return
    telling = len(keys) > 1 or -log2(usual(keys[0])) >= RARE
    for start, end in _places(known, one.name) if telling else ():
        said = known.text[start:end]
        if len(keys) > 1 or said[:1].isupper():
            yield (start, end), said
