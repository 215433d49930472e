"""What the pieces of a query mean, in one or two plain sentences each. Owns these words; refuses to parse, and to say whether a query is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from listener.query.fields import FIELDS, FieldFact, Sort, Use, did_you_mean, fields_for
from listener.query.glance import QUOTES, Glimpse, Mark, glance
from listener.query.names import NO_NAMES, Names

LONGEST = 200
"""Characters of a query or a definition that are repeated in words about it."""

SHOWN = 12
"""Entries of a named list that are told."""


@dataclass(frozen=True, slots=True)
class Hover:
    """What stands from `start` to `end`: a title, which repeats some of the query's text, and what it means."""

    start: int
    end: int
    title: str
    body: str


def hover(text: str, offset: int, use: Use, names: Names = NO_NAMES) -> Hover | None:
    """What stands at `offset`, or ends there; None where nothing does that has a meaning of its own. Never raises, whatever the text."""
    pieces = glance(text).pieces
    inside = [one for one in pieces if one.start <= offset < one.end]
    touching = inside or [one for one in reversed(pieces) if one.start < offset == one.end]
    if not touching:
        return None
    told = _told(text, touching[0], use, names)
    return None if told is None else Hover(touching[0].start, touching[0].end, *told)


def _told(text: str, one: Glimpse, use: Use, names: Names) -> tuple[str, str] | None:
    """Title and body of a piece."""
    written = text[one.start : one.end]
    if one.mark is Mark.FIELD:
        return _field(one.field, use)
    if one.mark is Mark.NAMED:
        sort, _, name = written.partition(":")
        return shortened(written), about_named(sort.lower(), _bare(name), names)
    if one.mark in {Mark.VALUE, Mark.RANGE}:
        fact = FIELDS.get(one.field)
        if fact is None or use not in fact.uses:
            return _field(one.field, use)
        return f"{fact.name}:{shortened(written)}", _value(fact, written)
    says = _SAYS.get(one.mark)
    return None if says is None else (shortened(written), says(written))


# Operators and names -------------------------------------------------------------------------------------------------

_NEAR = re.compile(r"NEAR(?:/([0-9]*)([fF]?))?\Z", re.IGNORECASE)
_OPERATORS = {
    "AND": "Both sides must be there. AND may be left out: words side by side must all be there.",
    "OR": "One side is enough. OR binds loosest: a b OR c is (a b) OR c.",
    "NOT": "What follows must not be there: one word, a phrase, a field, or all that stands in brackets.",
}


def about_operator(written: str) -> str:
    """What an operator asks for; of NEAR, what its number counts."""
    if written in _OPERATORS:
        return _OPERATORS[written]
    found = _NEAR.match(written)
    digits = (found.group(1) or "").lstrip("0") if found else ""
    if found is None or not found.group(1):
        return "NEAR needs a number: NEAR/5 lets at most five other words stand between its two sides."
    count = f"{digits} other words" if digits not in {"", "1"} else "1 other word" if digits else "no other word"
    between = "with nothing between" if not digits else f"with at most {count} between"
    order = "the left one first" if found.group(2) else "in either order"
    return f"Both sides, {order}, {between} the end of one and the beginning of the other."


def about_named(sort: str, name: str, names: Names) -> str:
    """What a name of the rule files stands for; for an unknown one, the nearest."""
    known: Mapping[str, object] = names.lists if sort == "list" else names.queries
    if name not in known:
        meant = did_you_mean(name, known)
        return _with_hint(f"The rule files define no {sort} of this name", meant)
    if sort != "list":
        return f"Stands for: {shortened(' '.join(names.queries[name].split()))}"
    entries = names.lists[name]
    told = ", ".join(shortened(entry, 40) for entry in entries[:SHOWN])
    more = f", and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return f"Any of {len(entries)}: {told}{more}" if len(entries) > 1 else f"Stands for: {told or 'nothing yet'}"


# Terms ---------------------------------------------------------------------------------------------------------------

_FOLDING = "Capitals do not matter; a letter without an accent also finds it with one."
_WILD = re.compile(r"[*?]")


def _word(written: str) -> str:
    if written[0] in "#＃":
        return "The hashtag, whole: not the word without #, and not a longer hashtag."
    if written[0] in "@＠" and len(written) > 1:
        return "The handle where somebody writes it in a text; author: asks who wrote it."
    if re.match(r"[$＄][A-Za-z]", written):
        return "The cashtag, whole: not the word without $."
    if _WILD.search(written):
        return f"{_wild(written)} {_FOLDING}"
    return f"The word, anywhere in the text. {_FOLDING}"


def _wild(written: str) -> str:
    many, one = "*" in written, "?" in written
    if many and one:
        return "* stands for any number of letters, also none; ? for exactly one."
    return "* stands for any number of letters, also none." if many else "? stands for exactly one letter."


def _quoted(written: str) -> str:
    slop = re.search(r"~([0-9]+)\Z", written)
    if slop is None:
        wild = f" {_wild(written)}" if _WILD.search(written) else ""
        return f"These words in a row, in this order.{wild} {_FOLDING}"
    count = slop.group(1).lstrip("0") or "0"
    others = "1 other word" if count == "1" else "no other words" if count == "0" else f"at most {count} other words"
    return f"All of these words, in any order, with {others} among them."


_SAYS: Mapping[Mark, Callable[[str], str]] = {
    Mark.WORD: _word,
    Mark.QUOTED: _quoted,
    Mark.EXACT: lambda _: "Spelled exactly so: capitals and accents count.",
    Mark.REGEX: lambda _: (
        "A regular expression over the text as it was written; capitals do not matter unless it begins with (?-i)."
    ),
    Mark.RAW: lambda _: "Exactly these characters, and not inside a longer word.",
    Mark.COMMENT: lambda _: "A comment: it asks for nothing.",
    Mark.OPERATOR: about_operator,
    Mark.MINUS: lambda _: "What follows must not be there.",
}


# Fields and values ---------------------------------------------------------------------------------------------------


def _field(name: str, use: Use) -> tuple[str, str]:
    fact = FIELDS.get(name)
    if fact is None:
        meant = did_you_mean(name, (known.name for known in fields_for(use)))
        return f"{shortened(name)}:", _with_hint("There is no such field", meant or "in quotes it is a word to find")
    if use not in fact.uses:
        uses = " or ".join(f"{'an' if known is Use.ALERT else 'a'} {known}" for known in Use if known in fact.uses)
        return f"{name}:", f"{_sentence(fact.about)} Only {uses} can ask for it."
    return f"{name}:", f"{_sentence(fact.about)} For example {name}:{fact.example}"


_ABOUT = {
    "is:question": "it asks something: there is a question mark, outside of addresses",
    "is:only-emoji": "there is nothing in it but emoji",
    "is:only-handles": "there is nothing in it but handles",
    "is:ours": "one of our accounts wrote it",
    "is:addressed": "it mentions, answers, quotes or writes to an account of ours",
    "is:verified": "the network vouches for its author",
    "is:unread": "nobody of us has read all of the conversation",
    "is:open": "the conversation is ours to answer",
    "is:new": "the conversation is new: nobody has answered",
    "is:theirs": "the conversation waits for them",
    "is:snoozed": "the conversation is out of sight for a while",
    "is:done": "the conversation is closed",
    "is:assigned": "the conversation was given to a person",
    "has:link": "there is a web address in it or beside it",
    "has:media": "it carries pictures, sound or film",
    "has:tag": "there is a hashtag in it or beside it",
    "has:emoji": "there is an emoji in it",
    "has:email": "there is an e-mail address in it",
    "has:flag": "a rule has flagged it",
    "status:open": "new or ours: it waits for an answer of ours",
    "status:new": "nobody has answered yet",
    "status:ours": "it is ours to answer, again",
    "status:theirs": "we have answered and wait for them",
    "status:snoozed": "out of sight for a while",
    "status:done": "closed: nothing more to do",
    "priority:low": "it matters little",
    "priority:normal": "it matters as much as most do",
    "priority:high": "it matters more than most",
    "priority:urgent": "it cannot wait",
    "tone:negative": "it sounds negative",
    "tone:neutral": "it sounds neither negative nor positive",
    "tone:positive": "it sounds positive",
    "tone:not_scored": "no tone was found out: another language, or too little text",
    "about:negative": "what it says of us sounds negative",
    "about:neutral": "what it says of us sounds neither negative nor positive",
    "about:positive": "what it says of us sounds positive",
    "about:not_scored": "no tone was found out: another language, or too little text",
    "verified:yes": "the network vouches for the author",
    "verified:no": "the network does not vouch for the author",
    "assignee:me": "given to whoever asks",
    "assignee:nobody": "given to nobody",
}


def about_value(field: str, value: str) -> str:
    """What one value of a closed list says, in a few words."""
    known = _ABOUT.get(f"{field}:{value}")
    if known is not None:
        return known
    return "it is a direct message" if value == "dm" else f"it is a {value}"


_COMPARED = re.compile(r"(>=|<=|=>|=<|>|<|=)?\s*(.*)", re.DOTALL)
_HOW: Mapping[Sort, Mapping[str, str]] = {
    Sort.AGE: {">=": "{} ago or longer", "<=": "at most {} ago", ">": "more than {} ago", "<": "less than {} ago"},
    Sort.TIME: {">=": "from {} on", "<=": "up to and with {}", ">": "after {}", "<": "before {}"},
    Sort.HOUR: {">=": "from {} on", "<=": "up to and with {}", ">": "after {}", "<": "before {}"},
}
_COUNTED = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}


def _value(fact: FieldFact, written: str) -> str:
    value = _bare(written)
    if fact.sort is Sort.CHOICE and value.casefold() in fact.values:
        return _sentence(about_value(fact.name, value.casefold()))
    about = _ABOUT.get(f"{fact.name}:{value.casefold()}")
    if about is not None:
        return _sentence(about)
    said = _sentence(fact.about)
    if fact.sort in {Sort.NUMBER, Sort.AGE, Sort.TIME, Sort.HOUR} or fact.order or fact.numbers:
        compared = _compared(fact, written) if value else f"For example {fact.name}:{fact.example}"
        return f"{said} {_sentence(compared)}" if value else f"{said} {compared}"
    if fact.sort is Sort.DOMAIN:
        return f"{said} Hosts below it are found too."
    if fact.sort is Sort.NAME and _WILD.search(value) and written[:1] not in {*QUOTES}:
        return f"{said} {_wild(value)}"
    return said


def _compared(fact: FieldFact, written: str) -> str:
    """`>=10k`, `[1 TO 5]` in words."""
    zoned = " (by UTC where no zone is written)" if fact.sort in {Sort.TIME, Sort.HOUR} and "/" not in written else ""
    if written.startswith("["):
        low, _, high = re.sub(r"\s+", " ", written.strip("[]")).partition(" TO ")
        if low.strip() == "*":
            return f"up to {shortened(high, 40)}, counted in{zoned}"
        if high.strip() in {"", "*"}:
            return f"from {shortened(low, 40)} on, counted in{zoned}"
        return f"from {shortened(low, 40)} to {shortened(high, 40)}, both counted in{zoned}"
    found = _COMPARED.match(written)
    sign, bound = (found.group(1) or "", found.group(2)) if found else ("", written)
    sign = {"=>": ">=", "=<": "<="}.get(sign, sign)
    how = _HOW.get(fact.sort, _COUNTED).get(sign, "exactly {}" if fact.sort is Sort.NUMBER else "{}")
    return how.format(shortened(bound, 40)) + zoned


def _bare(written: str) -> str:
    return written.strip().strip(QUOTES).strip()


def shortened(written: str, most: int = LONGEST) -> str:
    """A text in at most so many characters."""
    return written if len(written) <= most else f"{written[: most - 1]}…"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _with_hint(told: str, hint: str) -> str:
    end = "" if hint.endswith("?") else "."
    return f"{told}; {hint}{end}" if hint else f"{told}."
