"""From a query's characters to its pieces: terms, fields, operators, brackets and comments. Owns where each begins and ends.

Every problem is told with its place and reading goes on behind it, so that all are told at once. What a term or a value means is for
`terms` and `values`; how pieces combine is for `parse`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from listener.query import terms
from listener.query.fields import FIELDS, FieldFact, Use, did_you_mean, fields_for
from listener.query.names import NO_NAMES, Names, unknown_name
from listener.query.regexes import fault_of
from listener.query.told import Told
from listener.query.tree import Field, Node, Raw, Regex, Value
from listener.query.values import Written, value_of

MAX_REGEXES = 20
"""Regular expressions in one query: each is asked of every text that comes so far."""

QUOTES = '"“”„‟'

_SPACE = re.compile(r"\s+")
_COMMENT = re.compile(r"<<<(.*?)>>>", re.DOTALL)
_QUOTE = re.compile(f"[{QUOTES}]")
_PLAIN = re.compile(rf"(?:(?!<<<)[^\s(){{}}{QUOTES}])+|[{{}}]")
_VALUE = re.compile(rf"(?:(?!<<<)[^\s(){QUOTES}])+")
_LISTED = re.compile(rf"(?:(?!<<<)[^\s(),{QUOTES}])+")
_FIELD = re.compile(r"([A-Za-z_]+):(?!//)")
_NEAR = re.compile(r"NEAR(?:/(?:([0-9]+)([fF]?))?.*)?\Z", re.DOTALL)
_NEAR_WHOLE = re.compile(r"NEAR/[0-9]+[fF]?\Z")
_SLOP = re.compile(r"~([0-9]*)")
_EXACT = re.compile(rf"\{{([^{{}}\n(){QUOTES}]*)\}}")
_REGEX = re.compile(r"/((?:[^/\\\n]|\\[^\n]|/(?![\s()]|<<<|\Z))+)/(?=[\s()]|<<<|\Z)")
_RANGE = re.compile(r"\[([^\[\]\n]*)\]")
_OPERATOR = re.compile(r"\s(AND|OR|NOT|NEAR/[0-9]+f?)(?=\s)")
# Where a quote that is never closed should probably end: before what can only stand outside of one.
_LIKELY_END = re.compile(
    rf"(?<!\s)(?:\s+(?:AND|OR|NOT|NEAR/[0-9]+f?)(?=[\s(]|\Z)|\s+-?(?:{'|'.join(FIELDS)}):|\s+-(?=\w)|\s*(?:[()\n]|<<<)|\s*\Z)"
)


class Sort(Enum):
    """What a piece is."""

    OPEN = 1
    CLOSE = 2
    AND = 3
    OR = 4
    NOT = 5
    NEAR = 6
    TERM = 7
    COMMENT = 8
    END = 9


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece, and where it stands in the query's text."""

    sort: Sort
    start: int
    end: int
    node: Node | None = None
    """What a term means; None for one with a problem, or with a name."""
    name: str = ""
    """'list:giveaway', 'query:outage': what the rule files define."""
    distance: int = 0
    ordered: bool = False


def cut(text: str, use: Use, told: Told, names: Names = NO_NAMES) -> list[Piece]:
    """The pieces of a query, comments among them, in order. A term with a problem is a piece without a node."""
    problems, warnings = len(told.problems), len(told.warnings)
    cutter = _Cutter(text, use, told, names)
    cutter.cut()
    if cutter.unclosed is not None:
        # An earlier quote runs across an operator: it is the one that lacks its end, and what follows was read inside out.
        del told.problems[problems:], told.warnings[warnings:]
        cutter = _Cutter(text, use, told, names, open_at=cutter.unclosed)
        cutter.cut()
    return cutter.pieces


class _Cutter:
    """One query being cut."""

    def __init__(self, text: str, use: Use, told: Told, names: Names, open_at: int | None = None) -> None:
        self.text = text
        self.use = use
        self.told = told
        self.problem = told.problem
        self.names = names
        self.open_at = open_at
        """A quote that is known to be never closed."""
        self.unclosed: int | None = None
        """A quote that probably is the one that is never closed, found when reading came to the end."""
        self.crossing: int | None = None
        """The first quote with an operator inside."""
        self.pieces: list[Piece] = []
        self.regexes = 0

    def cut(self) -> None:
        at = 0
        while at < len(self.text) and self.unclosed is None:
            if space := _SPACE.match(self.text, at):
                at = space.end()
            else:
                before, count = at, len(self.pieces)
                at = self._next(at)
                if len(self.pieces) == count:  # a term with a problem still stands where it stands
                    self.pieces.append(Piece(Sort.TERM, before, at))

    def _next(self, at: int) -> int:
        char = self.text[at]
        if char in "()":
            self.pieces.append(Piece(Sort.OPEN if char == "(" else Sort.CLOSE, at, at + 1))
            return at + 1
        if char in QUOTES:
            return self._quoted(at)
        if char == "{":
            return self._exact(at)
        if char == "/":
            return self._regex(at)
        if self.text.startswith("<<<", at):
            return self._comment(at)
        return self._plain(at)

    def _add(self, node: Node | None, at: int, end: int) -> int:
        self.pieces.append(Piece(Sort.TERM, at, end, node))
        return end

    # What has a beginning and an end of its own

    def _comment(self, at: int) -> int:
        if found := _COMMENT.match(self.text, at):
            self.pieces.append(Piece(Sort.COMMENT, at, found.end()))
            return found.end()
        self.problem(at, "unclosed-comment", "this comment is never closed", "add >>> where it ends")
        return len(self.text)

    def _quoted(self, at: int) -> int:
        inside, end = self._inside_quotes(at)
        if inside is None:
            return end
        behind, slop = end, None
        if written := _SLOP.match(self.text, end):
            behind = written.end()
            if written.group(1):
                slop = _count(written.group(1))
            else:
                self.problem(end, "bad-slop", "a ~ behind a phrase needs a number", 'write "one two"~5')
        return self._add(terms.phrase(inside, at + 1, at, behind, self.told, slop), at, behind)

    def _inside_quotes(self, at: int) -> tuple[str | None, int]:
        """What stands between the quote at `at` and the next one, and where to go on."""
        closing = None if at == self.open_at else _QUOTE.search(self.text, at + 1)
        if closing is not None:
            if self.crossing is None and _OPERATOR.search(self.text, at + 1, closing.start()):
                self.crossing = at
            return self.text[at + 1 : closing.start()], closing.end()
        if self.open_at is None and self.crossing is not None:
            self.unclosed = self.crossing
            return None, len(self.text)
        likely = _LIKELY_END.search(self.text, at + 1)
        end = likely.start() if likely else len(self.text)
        said = self.text[at + 1 : end].strip()
        hint = 'write the phrase, and a " behind it' if said else "remove it"
        if said:
            line, column = self.told.locate(end)
            last = said if len(said) <= 30 else f"…{said[-29:]}"
            hint = f'it should probably end behind {last!r}: add a " at line {line}, column {column}'
        self.problem(at, "unclosed-quote", "this quote is never closed", hint)
        return None, max(end, at + 1)

    def _exact(self, at: int) -> int:
        if found := _EXACT.match(self.text, at):
            return self._add(terms.exact(found.group(1), at + 1, at, found.end(), self.told), at, found.end())
        self.problem(at, "unclosed-exact", "this brace is never closed", "add a } behind the word: {BT}")
        rest = _PLAIN.match(self.text, at + 1)
        return rest.end() if rest else at + 1

    def _regex(self, at: int) -> int:
        found = _REGEX.match(self.text, at)
        if not found:
            hint = 'add a / at its end; write "/" in quotes for words with a slash before them'
            self.problem(at, "unclosed-regex", "this regular expression is never closed", hint)
            rest = _PLAIN.match(self.text, at)
            return rest.end() if rest else at + 1
        pattern = found.group(1)
        self.regexes += 1
        if self.regexes > MAX_REGEXES:
            what = f"a query has at most {MAX_REGEXES} regular expressions"
            self.problem(at, "too-many-regexes", what, "put several into one: /one|other/")
        elif fault := fault_of(pattern):
            self.problem(at + 1 + fault.at, "bad-regex", fault.message, fault.hint)
        else:
            self._add(Regex(pattern, at, found.end()), at, found.end())
        return found.end()

    # Words, signs and operators

    def _plain(self, at: int) -> int:
        found = _PLAIN.match(self.text, at)
        raw, end = (found.group(), found.end()) if found else (self.text[at], at + 1)
        if raw in {"AND", "OR", "NOT"}:
            self.pieces.append(Piece(Sort[raw], at, end))
        elif near := _NEAR.match(raw):
            self._near(near, at, end)
        elif raw[0] == "-" and self.text[at + 1 : at + 2].strip(" \t\r\n)"):
            self.pieces.append(Piece(Sort.NOT, at, at + 1))
            return at + 1
        elif field := _FIELD.match(raw):
            return self._field(at, field.group(1))
        elif (bare := _RANGE.match(self.text, at)) and " TO " in bare.group():
            hint = f"write it right behind a field: followers:{bare.group()}"
            self.problem(at, "bad-range", "a range belongs to a field", hint)
            return bare.end()
        elif raw == "}":
            self.problem(at, "bad-exact", "this brace closes nothing", "write {Word}, or remove it")
        elif raw.startswith(">>>"):
            self.problem(at, "unopened-comment", "no comment ends here", "remove it, or add <<< before")
        elif raw == "-":
            self.problem(at, "nothing-to-find", "a minus stands alone", "write -word without a space")
        else:
            self._add(terms.plain(raw, at, self.told), at, end)
        return end

    def _near(self, near: re.Match[str], at: int, end: int) -> None:
        if not _NEAR_WHOLE.match(near.string):
            hint = "write NEAR/5 for at most five words between, NEAR/5f for that order"
            self.problem(at, "near-without-number", "NEAR needs the number of words that may stand between", hint)
        distance = _count(near.group(1)) if near.group(1) else 0
        self.pieces.append(Piece(Sort.NEAR, at, end, distance=distance, ordered=bool(near.group(2))))

    # Fields

    def _field(self, at: int, written: str) -> int:
        name = written.lower()
        value_at = at + len(written) + 1
        if name in {"raw", "list", "query"}:
            return self._named(at, name, value_at)
        fact = self._known_field(at, name)
        before = len(self.told.problems)
        if self.text[value_at : value_at + 1] == "(":
            found, end = self._value_list(value_at)
        else:
            one, end = self._value(value_at, _VALUE)
            found = [] if one is None else [one]
        if fact is None:
            return end
        if not found and len(self.told.problems) == before:
            what = "needs a value right behind the colon" if end == value_at else "has no value"
            self.problem(at, "no-value", f"{name}: {what}", f"write {name}:{fact.example}")
        values = [value for one in found for value in self._values(fact, one)]
        if len(self.told.problems) > before:
            return end
        return self._add(Field(name, tuple(values), at, end), at, end)

    def _known_field(self, at: int, name: str) -> FieldFact | None:
        fact = FIELDS.get(name)
        known = [one.name for one in fields_for(self.use)]
        if fact is None:
            hint = did_you_mean(name, [*known, "raw", "list", "query"]) or f'write "{name}" in quotes to find the word'
            self.problem(at, "unknown-field", f"there is no field {name}", hint)
        elif self.use not in fact.uses:
            article = "an" if self.use is Use.ALERT else "a"
            what = f"{article} {self.use} cannot ask for {name}"
            self.problem(at, "field-not-here", what, f"it may ask for: {', '.join(known)}")
            return None
        return fact

    def _named(self, at: int, name: str, value_at: int) -> int:
        """`raw:"Google+"`, `list:giveaway`, `query:outage`: written like fields, but parts of their own."""
        before = len(self.told.problems)
        if self.text[value_at : value_at + 1] == "(":
            hint = f"write {name}:one OR {name}:other"
            self.problem(value_at, "value-list", f"{name}: takes one value", hint)
            return self._value_list(value_at)[1]
        one, end = self._value(value_at, _VALUE)
        if one is None or not one.raw.strip():
            if len(self.told.problems) == before:
                example = {"raw": 'raw:"Google+"', "list": "list:giveaway", "query": "query:outage"}[name]
                self.problem(at, "no-value", f"{name}: needs a value right behind the colon", f"write {example}")
            return end
        if name == "raw":
            return self._add(Raw(one.raw.strip(), at, end), at, end)
        self.pieces.append(Piece(Sort.TERM, at, end, name=f"{name}:{one.raw.strip()}"))
        return end

    def _value(self, at: int, plain: re.Pattern[str]) -> tuple[Written | None, int]:
        """The value that begins at `at`, and where to go on; None when there is none."""
        char = self.text[at : at + 1]
        if char and char in QUOTES:
            inside, end = self._inside_quotes(at)
            return (None if inside is None else Written(inside, at, end, at + 1, quoted=True)), end
        if char == "[":
            return self._ranged(at)
        found = plain.match(self.text, at)
        if not found:
            return None, at
        raw, end = found.group(), found.end()
        if raw in {"list:", ">", ">=", "<", "<="} and self.text[end : end + 1] in {*QUOTES}:
            inside, end = self._inside_quotes(end)
            return (None if inside is None else Written(raw + inside, at, end, at)), end
        return Written(raw, at, end, at), end

    def _ranged(self, at: int) -> tuple[Written | None, int]:
        if found := _RANGE.match(self.text, at):
            return Written(found.group(1), at, found.end(), at + 1, ranged=True), found.end()
        self.problem(at, "unclosed-bracket", "this range is never closed", "write [low TO high]")
        rest = _VALUE.match(self.text, at)
        return None, rest.end() if rest else at + 1

    def _value_list(self, at: int) -> tuple[list[Written], int]:
        """The values in brackets, with OR or commas between them."""
        found: list[Written] = []
        wanted, place = True, at + 1
        while (place := self._skip(place)) < len(self.text):
            char = self.text[place]
            if char == ")":
                return found, place + 1
            if char == ",":
                wanted, place = True, place + 1
                continue
            one, end = self._value(place, _LISTED)
            if one is not None and one.raw == "OR" and not one.quoted:
                wanted, place = True, end
                continue
            if (one is None and end == place) or not wanted or (one and one.raw in {"AND", "NOT"} and not one.quoted):
                what = "values in brackets are separated by OR, or by commas"
                self.problem(place, "value-list", what, "write field:(one OR other); -field:value for what must not be")
                end = max(end, place + 1)
            elif one is not None:
                found.append(one)
            wanted, place = one is not None and one.raw in {"AND", "NOT"}, end
        if self.unclosed is None and self.text.find(")", at) < 0:
            self.problem(at, "unclosed-bracket", "this bracket is never closed", "add a ) behind the last value")
        return [], len(self.text)

    def _skip(self, at: int) -> int:
        """Behind spaces and comments."""
        while found := _SPACE.match(self.text, at) or _COMMENT.match(self.text, at):
            at = found.end()
        return at

    def _values(self, fact: FieldFact, written: Written) -> list[Value]:
        """What one written value stands for: itself, or all that a named list holds."""
        if written.quoted or not written.raw.startswith("list:"):
            value = value_of(fact, self.use, written, self.told)
            return [] if value is None else [value]
        name = written.raw.removeprefix("list:").strip()
        entries = self.names.lists.get(name)
        if entries is None:
            unknown_name(f"list:{name}", self.names, written.start, self.told)
            return []
        inner = Told("", lambda offset: (1, offset + 1))
        found = [value_of(fact, self.use, _entry(entry, written), inner) for entry in entries]
        if inner.problems:
            first = inner.problems[0]
            what = f"list:{name} has entries that {fact.name} does not take: {first.message}"
            self.problem(written.start, "broken-name", what, first.hint)
        elif not entries:
            self.problem(written.start, "broken-name", f"list:{name} is empty", "add an entry to it")
        return [value for value in found if value is not None]


def _entry(entry: str, written: Written) -> Written:
    ranged = entry.startswith("[") and entry.endswith("]")
    return Written(entry[1:-1] if ranged else entry, written.start, written.end, written.start, ranged=ranged)


def _count(digits: str) -> int:
    return terms.MAX_COUNT if len(digits.lstrip("0")) > 6 else int(digits)
