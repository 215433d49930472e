"""What a query means, in the plainest way, to hold the matcher against. Shares no code with `listener.query` but the shapes of its trees.

It reads the published meaning word for word and tries everything: texts are cut by a loop over characters, NEAR and slop by trying every
choice of words. Its cutting is right for the alphabets that `tests.core.queries.texts` writes in; it does not claim more.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from listener.model.work import State
from listener.query.subject import Subject
from listener.query.tree import (
    And,
    Exact,
    Field,
    Hours,
    Moment,
    Named,
    Near,
    Node,
    Not,
    Or,
    Period,
    Phrase,
    Range,
    Raw,
    Regex,
    Sign,
    Term,
    Text,
    Value,
    Wild,
    Word,
)


def oracle(tree: Node, subject: Subject, now: datetime) -> bool:
    """Whether the query is true of the subject."""
    match tree:
        case And(parts=parts):
            return all(oracle(part, subject, now) for part in parts)
        case Or(parts=parts):
            return any(oracle(part, subject, now) for part in parts)
        case Not(part=part):
            return not oracle(part, subject, now)
        case Named(part=part):
            return oracle(part, subject, now)
        case Field(name=name, values=values):
            return any(_field(name, value, subject, now) for value in values)
        case Raw(text=wanted):
            return _raw(wanted, subject.text)
        case Regex(pattern=pattern):
            return re.search(pattern, subject.text, re.IGNORECASE) is not None
        case Sign(form=form):
            return bool(list(_places(tree, cut(subject.text)))) or form in _carried(subject.hashtags)
        case _:
            return any(True for _ in _places(tree, cut(subject.text)))


# Where a part stands -------------------------------------------------------------------------------------------------

Stretch = frozenset[int]
"""The places of the words that make a part true, counted from 0."""


def _places(tree: Node, seen: Cut) -> Iterator[Stretch]:
    match tree:
        case Word() | Wild() | Exact():
            yield from (frozenset({at}) for at, word in enumerate(seen.words) if _answers(tree, word))
        case Phrase():
            yield from _phrase_places(tree, seen)
        case Sign(form=form):
            for forms, start, end in seen.signs:
                if form in forms:
                    yield frozenset(at for at, word in enumerate(seen.words) if start <= word.start and word.end <= end)
        case Or(parts=parts):
            for part in parts:
                yield from _places(part, seen)
        case Named(part=part):
            yield from _places(part, seen)
        case Near():
            yield from _near_places(tree, seen)
        case _:
            raise AssertionError(tree)


def _phrase_places(phrase: Phrase, seen: Cut) -> Iterator[Stretch]:
    """Every choice of as many words, in every order, that fits."""
    for chosen in itertools.permutations(range(len(seen.words)), len(phrase.parts)):
        if all(_answers(part, seen.words[at]) for part, at in zip(phrase.parts, chosen, strict=True)):
            if phrase.slop is None:
                good = all(left + 1 == right for left, right in itertools.pairwise(chosen))
            else:
                good = max(chosen) - min(chosen) + 1 - len(chosen) <= phrase.slop
            if good:
                yield frozenset(chosen)


def _near_places(near: Near, seen: Cut) -> Iterator[Stretch]:
    rights = list(_places(near.right, seen))
    for one, other in itertools.product(_places(near.left, seen), rights):
        apart = one and other and not one & other
        if apart and _between(one, other) <= near.distance and (not near.ordered or max(one) < min(other)):
            yield one | other


def _between(one: Stretch, other: Stretch) -> int:
    """How many words stand between two stretches; none where they overlap."""
    first, second = sorted((one, other), key=min)
    return max(0, min(second) - max(first) - 1)


def _answers(term: Term, word: Seen) -> bool:
    match term:
        case Word(key=key):
            return key in word.forms
        case Wild(pattern=pattern):
            return any(_fits(pattern, form) for form in word.forms)
        case Exact(spelling=spelling):
            return spelling in word.spellings


def _fits(pattern: str, form: str) -> bool:
    """`*` for any characters, `?` for one: by trying every length of every star."""
    if not pattern:
        return not form
    if pattern[0] == "*":
        return any(_fits(pattern[1:], form[at:]) for at in range(len(form) + 1))
    return bool(form) and pattern[0] in ("?", form[0]) and _fits(pattern[1:], form[1:])


# What a text is made of ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """One word of a text."""

    start: int
    end: int
    written: str

    @property
    def forms(self) -> set[str]:
        """What it answers to: itself, its form without accents, those without 's or a French or Italian elision, and so on."""
        if _is_picture(self.written[0]):
            return {self.picture, plain(self.picture)}
        forms = {fold(self.written)}
        for _ in range(10):
            forms = {further for form in forms for further in (plain(form), *_bare(form))}
        return forms

    @property
    def picture(self) -> str:
        """An emoji, however it is to be drawn."""
        return self.written.replace("\ufe0e", "").replace("\ufe0f", "")

    @property
    def spellings(self) -> set[str]:
        """How it is spelled, with its case and its accents."""
        if _is_picture(self.written[0]):
            return {self.picture}
        spellings = {spell(self.written)}
        for _ in range(10):
            spellings = {further for one in spellings for further in _bare(one)}
        return spellings


def _bare(word: str) -> Iterator[str]:
    """A word, and without a possessive 's or an article before it."""
    yield word
    if word.lower().endswith("'s") and len(word) > 2:
        yield word[:-2]
    head, _, rest = word.partition("'")
    if head.lower() in ("l", "d", "j", "qu", "dell") and rest:
        yield rest


@dataclass(frozen=True)
class Cut:
    """A text in words and signs: each sign with its forms, and where it begins and ends."""

    words: list[Seen]
    signs: list[tuple[set[str], int, int]]


INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u2060\ufe0e\ufe0f\ufeff"
APOSTROPHES = "'’ʼ＇‘"
PICTURES = "😀👍❤👩💻🔥"
AROUND = '"<>'
"""Signs that no web address has in it."""
SKIN_TONES = "🏻🏼🏽🏾🏿"


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M" and char not in INVISIBLE


def _is_unspaced(char: str) -> bool:
    return unicodedata.name(char, "").startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA", "THAI"))


def _is_picture(char: str) -> bool:
    return char in PICTURES or _is_flag(char)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def cut(text: str) -> Cut:
    """A text from left to right, one thing after the other."""
    words: list[Seen] = []
    signs: list[tuple[set[str], int, int]] = []
    at = 0
    while at < len(text):
        char = text[at]
        before = text[at - 1] if at else " "
        following = text[at + 1] if at + 1 < len(text) else " "
        if text[at:].lower().startswith(("http://", "https://")):
            while at < len(text) and not text[at].isspace() and text[at] not in AROUND:
                at += 1
        elif char == "@" and not _is_letter(before) and _is_letter(following):
            end = _handle_end(text, at + 1)
            whole = text[at:end]
            first = whole.split(".")[0]
            signs.append(({fold(whole), fold(first)}, at, end))
            words += [Seen(at + 1 + one.start, at + 1 + one.end, one.written) for one in cut(first[1:]).words]
            at = end
        elif char == "#" and (_is_letter(following) or following == "_"):
            end = _run(text, at + 1, "_")
            signs.append((_both(fold(text[at:end])), at, end))
            at += 1
        elif char == "$" and following.isascii() and following.isalpha() and not _is_letter(before):
            end = _run(text, at + 1, "")
            if text[at + 1 : end].isascii() and text[at + 1 : end].isalpha() and end - at <= 11:
                signs.append(({fold(text[at:end])}, at, end))
            at += 1
        elif _is_picture(char):
            end = _picture_end(text, at)
            one = Seen(at, end, text[at:end])
            if words and _is_picture(words[-1].written[0]) and words[-1].picture == one.picture:
                words[-1] = Seen(words[-1].start, end, one.written)
            else:
                words.append(one)
            at = end
        elif _is_letter(char):
            end = _word_end(text, at)
            words.append(Seen(at, end, text[at:end]))
            at = end
        else:
            at += 1
    return Cut(words, signs)


def _word_end(text: str, at: int) -> int:
    """Behind the last letter: letters, digits and their marks; an apostrophe or something invisible between two of them."""
    end = at + 1
    alone = _is_unspaced(text[at])
    while end < len(text):
        joins = text[end] in INVISIBLE + APOSTROPHES and end + 1 < len(text) and _goes_on(text[end + 1])
        if not (_is_mark(text[end]) or (not alone and (joins or _goes_on(text[end])))):
            break
        end += 1
    return end


def _goes_on(char: str) -> bool:
    return (_is_letter(char) and not _is_unspaced(char)) or _is_mark(char)


def _handle_end(text: str, at: int) -> int:
    end = _run(text, at, "_.-")
    while text[end - 1] in ".-":
        end -= 1
    return end


def _run(text: str, at: int, also: str) -> int:
    end = at
    while end < len(text) and (_is_letter(text[end]) or _is_mark(text[end]) or text[end] in also):
        end += 1
    return end


def _picture_end(text: str, at: int) -> int:
    """Behind one emoji: a flag is two letters; tones and styles belong to it, and what a joiner joins."""
    end = at + 1
    if _is_flag(text[at]):
        return end + 1 if end < len(text) and _is_flag(text[end]) else end
    while end < len(text):
        if text[end] in SKIN_TONES or text[end] in "\ufe0e\ufe0f":
            end += 1
        elif text[end] == "\u200d" and end + 1 < len(text) and text[end + 1] in PICTURES:
            end += 2
        else:
            break
    return end


def _both(form: str) -> set[str]:
    return {form, plain(form)}


def _carried(tags: Iterable[str]) -> set[str]:
    return {form for tag in tags for form in _both("#" + fold(tag.lstrip("#")))}


def _raw(wanted: str, text: str) -> bool:
    """These characters, with an accent on its letter or behind it, and no letter beside a letter."""
    for spelling in (wanted, unicodedata.normalize("NFC", wanted), unicodedata.normalize("NFD", wanted)):
        for at in range(len(text) - len(spelling) + 1):
            end = at + len(spelling)
            if text[at:end] == spelling and not _inside(text, at) and not _inside(text, end):
                return True
    return False


def _inside(text: str, at: int) -> bool:
    """Whether a word goes on here."""
    if at == 0 or at == len(text):
        return False
    return _is_mark(text[at]) or (
        (_is_letter(text[at - 1]) or _is_mark(text[at - 1])) and _goes_on(text[at]) and not _is_unspaced(text[at - 1])
    )


def spell(word: str) -> str:
    """A word as it is shown: what is invisible is gone, apostrophes are straight, accents sit on their letters."""
    shown = "".join("'" if char in APOSTROPHES else char for char in word if char not in INVISIBLE)
    return unicodedata.normalize("NFC", shown)


def fold(word: str) -> str:
    """The same for every case and every way to write a letter."""
    known = spell(word)
    for _ in range(3):
        known = unicodedata.normalize("NFKC", known).casefold()
    return known


def plain(word: str) -> str:
    """Without accents and without skin tones. Marks of Indic scripts are vowels, those of kana other letters: they stay."""
    bare = ""
    for char in unicodedata.normalize("NFD", word):
        if "\u0300" <= char <= "\u036f" or char in SKIN_TONES:
            continue
        bare += {"ø": "o", "ł": "l", "ı": "i"}.get(char, char)
    return unicodedata.normalize("NFC", bare)


# What else is known --------------------------------------------------------------------------------------------------


def _field(name: str, value: Value, subject: Subject, now: datetime) -> bool:
    """One value of a field; what is not known is not true."""
    match value:
        case Range():
            return _number(name, value, subject, now)
        case Period(low=low, high=high):
            at = subject.at
            return (
                at is not None
                and (low is None or _moment(low, now) <= at)
                and (high is None or at < _moment(high, now))
            )
        case Hours(low=low_minute, high=high_minute, zone=zone):
            if subject.at is None:
                return False
            there = subject.at.astimezone(ZoneInfo(zone))
            minute = there.hour * 60 + there.minute
            if low_minute < high_minute:
                return low_minute <= minute < high_minute
            return minute >= low_minute or minute < high_minute
        case Text():
            return _text(name, value, subject)


def _moment(moment: Moment, now: datetime) -> datetime:
    if moment.at is not None:
        return moment.at
    if moment.day is not None:
        zone = ZoneInfo(moment.zone)
        day = now.astimezone(zone).date() + timedelta(days=moment.day)
        return datetime.combine(day, time(), zone)
    return now + timedelta(seconds=moment.seconds)


def _number(name: str, wanted: Range, subject: Subject, now: datetime) -> bool:
    held: float | None
    if name == "age":
        held = None if subject.at is None else (now - subject.at).total_seconds()
    elif name == "words":
        held = len(cut(subject.text).words)
    elif name == "tone":
        held = subject.compound
    elif name == "reach":
        held = _reach(subject)
    else:
        held = getattr(subject, name)
    if held is None:
        return False
    high_enough = wanted.low is None or held > wanted.low or (wanted.low_in and held == wanted.low)
    low_enough = wanted.high is None or held < wanted.high or (wanted.high_in and held == wanted.high)
    return high_enough and low_enough


def _reach(subject: Subject) -> float | None:
    """As the table of docs/query.md has it."""
    table = {
        "facebook": (0.05, 50, 20, 20),
        "instagram": (0.05, 50, 20, 20),
        "x": (0.05, 50, 20, 20),
        "telegram": (0.4, 100, 10, 5),
    }
    follower, share, like, reply = table.get(subject.source, (0.2, 50, 10, 10))
    told = [
        (subject.followers, follower),
        (subject.reposts, share),
        (subject.quotes, share),
        (subject.likes, like),
        (subject.replies, reply),
    ]
    known = [n * people for n, people in told if n is not None]
    return float(round(sum(known))) if known else None


def _text(name: str, value: Text, subject: Subject) -> bool:
    if name == "is":
        return _is(value.key, subject)
    if name == "has":
        return _has(value.key, subject)
    if name in ("parent", "root"):
        return bool(getattr(subject, name) == value.raw)
    if name == "link":
        return any(_bare_address(value.raw) in _bare_address(link) for link in _links(subject))
    if name == "url":
        return bool(subject.url) and _bare_address(value.raw) in _bare_address(subject.url)
    if name == "domain":
        hosts = [_bare_address(link).split("/")[0].split(":")[0] for link in _links(subject)]
        wanted = _bare_address(value.raw)
        return any(host == wanted or host.endswith("." + wanted) for host in hosts)
    if name == "assignee" and value.key == "nobody":
        return subject.assignee == ""
    if name == "assignee" and value.key == "me":
        return bool(subject.me) and subject.assignee == subject.me
    if name == "status" and value.key == "open":
        return subject.state in (State.NEW, State.OURS)
    known = [fold(one) for one in _names(name, subject) if one]
    return any(_fits(value.key, one) if value.wild else value.key == one for one in known)


def _links(subject: Subject) -> list[str]:
    """What the message carries beside its text, and what stands in it."""
    written = re.findall(rf"https?://[^\s{AROUND}]+", subject.text, re.IGNORECASE)
    return [*subject.links, *(one.rstrip(".,;:!?…") for one in written)]


def _bare_address(address: str) -> str:
    return address.casefold().removeprefix("https://").removeprefix("http://").removeprefix("www.")


def _names(name: str, subject: Subject) -> Iterable[str]:
    """What a field holds, as it could be written."""
    held: dict[str, Iterable[str | None]] = {
        "source": [subject.source],
        "author": [*_handles(subject.author_handle), subject.author_id],
        "kind": [subject.kind.value],
        "account": [name for one in subject.accounts or () for name in _handles(one)],
        "topic": subject.topics or (),
        "lang": [subject.lang],
        "verified": [{True: "yes", False: "no", None: None}[subject.verified]],
        "tone": [subject.tone.value if subject.tone else None],
        "about": [subject.about.value if subject.about else None],
        "rule": subject.rules or (),
        "tag": subject.tags or (),
        "label": subject.labels or (),
        "status": [subject.state.value if subject.state else None],
        "priority": [subject.priority.name if subject.priority else None],
        "assignee": [subject.assignee],
        "team": [subject.team],
    }
    return [one for one in held[name] if one]


def _handles(handle: str) -> list[str]:
    """A handle, with its sign, and its first label."""
    return [handle, "@" + handle, handle.split(".")[0].split("@")[0]] if handle else []


def _is(fact: str, subject: Subject) -> bool:
    if f"is:{fact}" in subject.stated:
        return True
    seen = cut(subject.text)
    pictures = [word for word in seen.words if _is_picture(word.written[0])]
    facts: dict[str, bool | None] = {
        "question": any("?" in part for part in re.split(rf"[\s{AROUND}]", subject.text) if "://" not in part),
        "only-emoji": bool(pictures) and len(pictures) == len(seen.words),
        "only-handles": _only_handles(subject.text),
        "ours": subject.ours,
        "addressed": subject.addressed,
        "verified": subject.verified,
        "unread": subject.unread,
        "open": subject.state in (State.NEW, State.OURS),
        "assigned": bool(subject.assignee),
    }
    if fact in facts:
        return facts[fact] is True
    return fact in (subject.kind.value, subject.state.value if subject.state else None)


def _only_handles(text: str) -> bool:
    seen = cut(text)
    handles = [(start, end) for forms, start, end in seen.signs if any(form[0] == "@" for form in forms)]
    return bool(handles) and all(
        any(start <= word.start and word.end <= end for start, end in handles) for word in seen.words
    )


def _has(thing: str, subject: Subject) -> bool:
    if f"has:{thing}" in subject.stated:
        return True
    seen = cut(subject.text)
    things = {
        "link": bool(_links(subject)),
        "media": subject.media > 0,
        "tag": bool(subject.hashtags) or any(form[0] == "#" for forms, _, _ in seen.signs for form in forms),
        "emoji": any(_is_picture(word.written[0]) for word in seen.words),
        "email": re.search(r"[\w.+\-]+@[\w\-]+\.\w+", subject.text) is not None,
        "flag": bool(subject.rules),
    }
    return things[thing]
