# ruff: noqa: S608 - what is put together here are constants and numbered placeholders; values are parameters
"""What each field asks of a stored mention, in SQL. Owns the columns by which fields are answered; refuses to combine them.

Every condition here is true or false, never NULL: what is not known does not match. Stored names fold in SQL only where they are ASCII,
as nearly all are; the others pass as they are, and the matcher folds them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from listener.model.kinds import ADDRESSES, Kind
from listener.model.scales import Priority
from listener.model.work import State
from listener.query import clock
from listener.query.fields import FIELDS
from listener.query.glob import globbed
from listener.query.tree import Field, Moment, Period, Range, Text, Value

TRUE, FALSE = "true", "false"

SLACK = 1e-6
"""Need and tone's number are stored as short floats; the matcher sees them rounded."""

MOMENT = timedelta(milliseconds=1)
"""An age in seconds is a float."""

_PLACEHOLDER = re.compile(r"\$(\d+)::")
_BIGGEST = 2**63 - 1
_OPEN = [State.NEW.value, State.OURS.value]
_QUESTIONS = ["%?%", "%？%", "%؟%", "%⁇%", "%⁉%", "%❓%", "%❔%", "%\u037e%"]


class Values:
    """The values that a statement speaks of, and who asks when about which brand."""

    def __init__(self, now: datetime, brand_id: int, me: str, first: int, *, given: bool = False) -> None:
        self.now = now
        self.me = me
        self.given = given
        self._put: list[Any] = []
        self._brand_id = brand_id
        self._brand = ""
        self._first = first

    def put(self, value: Any, type_: str) -> str:
        """A value as its placeholder."""
        self._put.append(value)
        return f"${len(self._put)}::{type_}"

    def brand(self) -> str:
        """The brand's placeholder, one for all."""
        self._brand = self._brand or self.put(self._brand_id, "int")
        return self._brand

    def finished(self, sql: str) -> tuple[str, tuple[Any, ...]]:
        """The statement with its placeholders numbered from the first one on, and their values: only what it still speaks of."""
        used: dict[str, int] = {}
        numbered = _PLACEHOLDER.sub(lambda found: f"${self._first + used.setdefault(found[1], len(used))}::", sql)
        return numbered, tuple(self._put[int(number) - 1] for number in used)


def joined(parts: Iterable[str], word: str) -> str:
    """Conditions under AND or OR; without those that say nothing."""
    nothing, everything = (TRUE, FALSE) if word == "AND" else (FALSE, TRUE)
    known = [part for part in parts if part != nothing]
    if everything in known:
        return everything
    if len(known) < 2:
        return known[0] if known else nothing
    return "(" + f" {word} ".join(known) + ")"


def negated(part: str) -> str:
    """The opposite."""
    return {TRUE: FALSE, FALSE: TRUE}.get(part) or f"NOT ({part})"


def unknown(*, over: bool) -> str:
    """Where SQL cannot tell."""
    return TRUE if over else FALSE


def holds_raw(wanted: str, values: Values) -> str:
    """Exactly these characters stand in the text, composed or not."""
    spellings = {wanted, unicodedata.normalize("NFC", wanted), unicodedata.normalize("NFD", wanted)}
    found = [f"strpos(v.text, {values.put(one, 'text')}) > 0" for one in sorted(filter(storable, spellings))]
    return _known(" OR ".join(found)) if found else FALSE


def field(node: Field, values: Values, *, over: bool) -> str:
    """A field as a condition: over, it holds wherever the field matches; else only where it does."""
    name = node.name
    texts = [value for value in node.values if isinstance(value, Text)]
    parts = [_range(name, value, values, over=over) for value in node.values if not isinstance(value, Text)]
    if name in {"is", "has"}:
        parts += [_flag(name, value.key, values, over=over) for value in texts]
    elif texts:
        parts.append(_ASK[name](texts, values, over))
    return joined(parts, "OR")


# Where things stand --------------------------------------------------------------------------------------------------
# Scalar subqueries with a LIMIT are asked row by row, by key: the planner cannot turn them into a join over a whole table.


def _known(condition: str) -> str:
    return f"coalesce({condition}, false)"


def _author(condition: str) -> str:
    return _known(f"(SELECT {condition} FROM authors a WHERE a.id = m.author_id)")


def _judged(condition: str, values: Values) -> str:
    return _known(
        f"(SELECT {condition} FROM assessments j"
        f" WHERE j.mention_id = m.id AND j.brand_id = {values.brand()} AND j.version = m.version)"
    )


def _heard(condition: str, values: Values, join: str = "") -> str:
    return _known(
        f"(SELECT true FROM hearings h {join} WHERE h.mention_id = m.id AND h.brand_id = {values.brand()} AND {condition} LIMIT 1)"
    )


def _flagged(condition: str, values: Values) -> str:
    return _known(
        f"(SELECT true FROM flags f WHERE f.mention_id = m.id AND f.brand_id + 0 = {values.brand()} AND f.version = m.version"
        f" AND NOT f.shadow AND {condition} LIMIT 1)"
    )


def _conversation(condition: str, values: Values) -> str:
    if values.given:
        return _known(f"({condition})")
    return _known(
        f"(SELECT {condition} FROM (SELECT conversation_id FROM conversation_mentions WHERE mention_id = m.id LIMIT 20) AS b"
        f" JOIN LATERAL (SELECT * FROM conversations WHERE id = b.conversation_id LIMIT 1) AS c ON c.brand_id = {values.brand()}"
        " WHERE c.merged_into IS NULL ORDER BY c.id LIMIT 1)"
    )


# Names ---------------------------------------------------------------------------------------------------------------


def storable(text: str) -> bool:
    """Whether Postgres can hold it: what it cannot hold, no stored value is equal to."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _keys(texts: Sequence[Text]) -> list[str]:
    return [text.key for text in texts if not text.wild and storable(text.key)]


def _likes(texts: Sequence[Text]) -> list[str]:
    """Patterns as LIKE writes them."""
    escaped = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})
    return [text.key.translate(escaped) for text in texts if text.wild and storable(text.key)]


def _lower(column: str) -> str:
    return f'lower({column} COLLATE "C")'


def _unusual(column: str) -> str:
    """Not ASCII: folding it takes more than lower()."""
    return f"octet_length({column}) <> length({column})"


def _alike(column: str, texts: Sequence[Text], values: Values, *, over: bool) -> str:
    """A stored name is one of these."""
    parts = []
    if keys := _keys(texts):
        parts.append(f"{_lower(column)} = ANY({values.put(keys, 'text[]')})")
    if likes := _likes(texts):
        parts.append(f"{_lower(column)} LIKE ANY({values.put(likes, 'text[]')})")
    if over:
        return joined([*parts, _unusual(column)], "OR")
    return joined([joined(parts, "OR"), f"NOT ({_unusual(column)})", f"{column} <> ''"], "AND")


def _handle(column: str, texts: Sequence[Text], values: Values, *, over: bool) -> str:
    """An account answers to its handle, with or without @, and to its first label."""
    parts = []
    handle = _lower(column)
    label = f"split_part(translate({handle}, '@', '.'), '.', 1)"
    if keys := _keys(texts):
        asked = values.put(keys, "text[]")
        parts += [f"{name} = ANY({asked})" for name in (handle, f"'@' || {handle}", label)]
    if over and (likes := _likes(texts)):
        asked = values.put(likes, "text[]")
        parts += [f"{name} LIKE ANY({asked})" for name in (handle, f"'@' || {handle}", label)]
    if over:
        return joined([*parts, _unusual(column)], "OR")
    return joined([joined(parts, "OR"), f"NOT ({_unusual(column)})", f"{column} <> ''"], "AND")


def _ask_author(texts: Sequence[Text], values: Values, over: bool) -> str:
    return _author(
        joined([_handle("a.handle", texts, values, over=over), _alike("a.external_id", texts, values, over=over)], "OR")
    )


def _ask_account(texts: Sequence[Text], values: Values, over: bool) -> str:
    named = _handle("t.handle", texts, values, over=over)
    return _heard(f"{_addresses()} AND {named}", values, "JOIN accounts t ON t.id = h.account_id")


def _addresses() -> str:
    return f"h.via IN ({', '.join(repr(via.value) for via in sorted(ADDRESSES))})"


def _ask_assignee(texts: Sequence[Text], values: Values, over: bool) -> str:
    login = "(SELECT p.login FROM people p WHERE p.id = c.assignee_id)"
    parts = [_alike(login, texts, values, over=over)]
    if _any_fits(texts, "nobody"):
        parts.append("c.assignee_id IS NULL")
    if values.me and _any_fits(texts, "me") and storable(values.me):
        parts.append(f"{login} = {values.put(values.me, 'text')}")
    return _conversation(joined(parts, "OR"), values)


def _ask_label(texts: Sequence[Text], values: Values, over: bool) -> str:
    """Of whoever asks; who is nobody has none."""
    if not values.me or not storable(values.me):
        return FALSE
    return _conversation(
        f"(SELECT bool_or({_alike('l.label', texts, values, over=over)}) FROM people p JOIN labels l ON l.person_id = p.id"
        f" WHERE p.login = {values.put(values.me, 'text')} AND l.conversation_id = c.id)",
        values,
    )


def _any_fits(texts: Sequence[Text], value: str) -> bool:
    return any(globbed(text.key)(value) if text.wild else text.key == value for text in texts)


def _choices(name: str, texts: Sequence[Text]) -> list[str]:
    """Those of a field's closed list that are meant."""
    return sorted(value for value in FIELDS[name].values if _any_fits(texts, value))


def _states(texts: Sequence[Text]) -> list[str]:
    asked = set(_choices("status", texts))
    if "open" in asked:
        asked |= set(_OPEN)
    return sorted(asked - {"open"})


def _priorities(texts: Sequence[Text]) -> list[int]:
    return [int(Priority[value.upper()]) for value in _choices("priority", texts)]


def _ask_verified(texts: Sequence[Text], values: Values, over: bool) -> str:
    asked = [value == "yes" for value in _choices("verified", texts)]
    return _author(f"a.verified = ANY({values.put(asked, 'boolean[]')})")


def _address_in(column: str, texts: Sequence[Text], values: Values) -> str:
    keys = [text.key for text in texts if storable(text.key)]
    return joined([f"strpos({_lower(column)}, {values.put(key, 'text')}) > 0" for key in keys], "OR")


def _ask_link(texts: Sequence[Text], values: Values, over: bool) -> str:
    if not over:
        return FALSE
    links = "array_to_string(v.links, ' ')"
    beside = joined([_address_in(links, texts, values), _unusual(links), rf"{links} ~ '[\t\n\r]'"], "OR")
    inside = joined([_address_in("v.text", texts, values), _unusual("v.text")], "OR")
    return joined([_known(beside), _known(f"strpos(v.text, '://') > 0 AND {inside}")], "OR")


def _ask_url(texts: Sequence[Text], values: Values, over: bool) -> str:
    return joined([_address_in("m.url", texts, values), _unusual("m.url")], "OR") if over else FALSE


def _ids(texts: Sequence[Text]) -> list[str]:
    return [text.raw for text in texts if storable(text.raw)]


# Who says what the tone of a message is says it of all of it.
_ABOUT = "CASE WHEN j.tone_said IS NULL THEN coalesce(j.tone_about, j.tone) ELSE j.tone END"

_Ask = Callable[[Sequence[Text], Values, bool], str]

_ASK: dict[str, _Ask] = {
    "source": lambda texts, values, over: _alike("m.source", texts, values, over=over),
    "lang": lambda texts, values, over: _alike("m.lang", texts, values, over=over),
    "author": _ask_author,
    "account": _ask_account,
    "verified": _ask_verified,
    "kind": lambda texts, values, over: f"m.kind = ANY({values.put(_choices('kind', texts), 'text[]')})",
    "topic": lambda texts, values, over: _heard(f"h.topic <> '' AND {_alike('h.topic', texts, values, over=over)}", values),
    "rule": lambda texts, values, over: _flagged(_alike("f.rule", texts, values, over=over), values),
    "tone": lambda texts, values, over: _judged(f"j.tone = ANY({values.put(_choices('tone', texts), 'text[]')})", values),
    "about": lambda texts, values, over: _judged(f"{_ABOUT} = ANY({values.put(_choices('about', texts), 'text[]')})", values),
    "tag": lambda texts, values, over: _conversation(
        f"(SELECT bool_or({_alike('t', texts, values, over=over)}) FROM unnest(c.tags) AS t)", values
    ),
    "label": _ask_label,
    "team": lambda texts, values, over: _conversation(_alike("c.team", texts, values, over=over), values),
    "assignee": _ask_assignee,
    "status": lambda texts, values, over: _conversation(f"c.state = ANY({values.put(_states(texts), 'text[]')})", values),
    "priority": lambda texts, values, over: _conversation(
        f"c.priority = ANY({values.put(_priorities(texts), 'int[]')})", values
    ),
    "parent": lambda texts, values, over: _known(f"m.parent = ANY({values.put(_ids(texts), 'text[]')})"),
    "root": lambda texts, values, over: f"m.root = ANY({values.put(_ids(texts), 'text[]')})",
    "link": _ask_link,
    "domain": _ask_link,
    "url": _ask_url,
}  # fmt: skip

# Flags ---------------------------------------------------------------------------------------------------------------


def _flag(name: str, value: str, values: Values, *, over: bool) -> str:
    said = f"{name}:{value}"
    make = _FLAGS.get(said) or (_HINTS if over else _SURELY).get(said)
    return make(values) if make is not None else unknown(over=over)


def _is_kind(kind: Kind) -> Callable[[Values], str]:
    return lambda values: f"m.kind = {values.put(kind.value, 'text')}"


def _is_state(*states: str) -> Callable[[Values], str]:
    return lambda values: _conversation(f"c.state = ANY({values.put(list(states), 'text[]')})", values)


_FLAGS: dict[str, Callable[[Values], str]] = {
    **{f"is:{kind.value}": _is_kind(kind) for kind in Kind},
    **{f"is:{state.value}": _is_state(state.value) for state in State},
    "is:open": _is_state(*_OPEN),
    "is:ours": lambda values: "m.ours",
    "is:addressed": lambda values: _heard(_addresses(), values),
    "is:verified": lambda values: _author("a.verified"),
    "is:unread": lambda values: _conversation("c.unread", values),
    "is:assigned": lambda values: _conversation("c.assignee_id IS NOT NULL", values),
    "has:media": lambda values: "m.media > 0",
    "has:flag": lambda values: _flagged(TRUE, values),
}
"""Facts that SQL knows exactly."""

_HINTS: dict[str, Callable[[Values], str]] = {
    "is:question": lambda values: _known(f"v.text LIKE ANY({values.put(_QUESTIONS, 'text[]')})"),
    "is:only-emoji": lambda values: _known(_unusual("v.text")),
    "is:only-handles": lambda values: _known("strpos(v.text, '@') > 0 OR strpos(v.text, '＠') > 0"),
    "has:emoji": lambda values: _known(_unusual("v.text")),
    "has:email": lambda values: _known("strpos(v.text, '@') > 0"),
    "has:link": lambda values: joined([_known("strpos(v.text, '://') > 0"), _known("v.links <> '{}'")], "OR"),
    "has:tag": lambda values: joined([_known("v.words @@ '''#'':*'::tsquery"), _known("v.tags <> '{}'")], "OR"),
}
"""What must be so where a fact holds."""

_SURELY: dict[str, Callable[[Values], str]] = {
    "has:link": lambda values: _known("v.links <> '{}'"),
    "has:tag": lambda values: _known("v.tags <> '{}'"),
}
"""Where a fact surely holds."""

# Numbers and times ---------------------------------------------------------------------------------------------------

_COUNTS = frozenset({"likes", "reposts", "replies", "quotes"})


def _range(name: str, value: Value, values: Values, *, over: bool) -> str:
    match value:
        case Period():
            return _between("m.at", *ends(value, values.now), values)
        case Range() if name == "age":
            return _aged(value, values, over=over)
        case Range() if name == "priority":
            return _conversation(
                f"c.priority = ANY({values.put([int(one) for one in Priority if value.holds(one)], 'int[]')})", values
            )
        case Range() if name in _COUNTS:
            return _known(_whole(f"m.{name}", value, values))
        case Range() if name == "followers":
            return _author(_whole("a.followers", value, values))
        case Range() if name == "rating":
            return _known(_real("m.rating", value, values, slack=0.0))
        case Range() if name == "need":
            return _judged(_real("j.need", value, values, slack=SLACK if over else -SLACK), values)
        case Range() if name == "tone":
            return _judged(_real("j.tone_compound", value, values, slack=SLACK if over else -SLACK), values)
        case _:
            return unknown(over=over)


def _whole(column: str, wanted: Range, values: Values) -> str:
    """A whole number in a range; both ends in, so that an index on it serves."""
    parts = [f"{column} IS NOT NULL"]
    if wanted.low is not None and wanted.low != -math.inf:
        if wanted.low > _BIGGEST:
            return FALSE
        low = max(math.ceil(wanted.low), -_BIGGEST)
        low += low == wanted.low and not wanted.low_in
        parts.append(f"{column} >= {values.put(min(low, _BIGGEST), 'bigint')}")
    if wanted.high is not None and wanted.high != math.inf:
        if wanted.high < -_BIGGEST:
            return FALSE
        high = min(math.floor(wanted.high), _BIGGEST)
        high -= high == wanted.high and not wanted.high_in
        parts.append(f"{column} <= {values.put(max(high, -_BIGGEST), 'bigint')}")
    return joined(parts, "AND")


def _real(column: str, wanted: Range, values: Values, *, slack: float) -> str:
    parts = [f"{column} IS NOT NULL"]
    if wanted.low is not None:
        sign = ">=" if wanted.low_in or slack else ">"
        parts.append(f"{column} {sign} {values.put(wanted.low - slack, 'float8')}")
    if wanted.high is not None:
        sign = "<=" if wanted.high_in or slack else "<"
        parts.append(f"{column} {sign} {values.put(wanted.high + slack, 'float8')}")
    return joined(parts, "AND")


def _aged(wanted: Range, values: Values, *, over: bool) -> str:
    period = aged(wanted, values.now, MOMENT if over else -MOMENT)
    return FALSE if period is None else _between("m.at", *period, values, closed=True)


def _between(column: str, low: datetime | None, high: datetime | None, values: Values, *, closed: bool = False) -> str:
    parts = []
    if low is not None:
        parts.append(f"{column} >= {values.put(low, 'timestamptz')}")
    if high is not None:
        parts.append(f"{column} {'<=' if closed else '<'} {values.put(high, 'timestamptz')}")
    return joined(parts, "AND")


def aged(wanted: Range, now: datetime, slack: timedelta) -> tuple[datetime | None, datetime | None] | None:
    """The times (both in) that are so long before now; None: before all times."""
    low = high = None
    if wanted.high is not None:
        low = _before(now, wanted.high, -slack)
    if wanted.low is not None:
        high = _before(now, wanted.low, slack)
        if high is None and wanted.low > 0:
            return None
    return low, high


def _before(now: datetime, seconds: float, slack: timedelta) -> datetime | None:
    """Beyond the calendar's ends: None."""
    try:
        return (now - timedelta(seconds=seconds) + slack).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def ends(period: Period, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From (in) and to (out); None: no bound, or beyond the calendar."""
    return _instant(period.low, now), _instant(period.high, now)


def _instant(moment: Moment | None, now: datetime) -> datetime | None:
    if moment is None:
        return None
    try:
        return clock.instant(moment, now).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


# Seeds ---------------------------------------------------------------------------------------------------------------

# Ids are unique within a space, and the indexes begin with it: spaces are found by hopping from one to the next, and are few.
_SPACES = """WITH RECURSIVE s AS (
    (SELECT space FROM mentions ORDER BY space LIMIT 1)
    UNION ALL
    SELECT (SELECT m.space FROM mentions m WHERE m.space > s.space ORDER BY m.space LIMIT 1) FROM s WHERE s.space IS NOT NULL
)"""


def seed(asked: Field, values: Values) -> str | None:
    """A statement for the ids of all mentions that may match a field, by an index; None: no index serves it."""
    texts = [value for value in asked.values if isinstance(value, Text)]
    ranges = [value for value in asked.values if isinstance(value, Range)]
    if texts and not ranges and not any(text.wild for text in texts):
        make = _LOOKUPS.get(asked.name)
        return make(texts, values) if make is not None else None
    if ranges and not texts:
        if asked.name == "followers" and all(one.low is not None or one.high is not None for one in ranges):
            some = joined([_whole("a.followers", one, values) for one in ranges], "OR")
            return f"SELECT m.id FROM authors a JOIN mentions m ON m.author_id = a.id WHERE {some}"
        if asked.name == "need" and all(one.low is not None for one in ranges):
            some = joined([_real("j.need", one, values, slack=SLACK) for one in ranges], "OR")
            return f"SELECT j.mention_id AS id FROM assessments j WHERE j.brand_id = {values.brand()} AND {some}"
    return None


def _seed_author(texts: Sequence[Text], values: Values) -> str:
    keys = values.put([name for key in _keys(texts) for name in {key, key.removeprefix("@")}], "text[]")
    handle = _lower("a.handle")
    return f"""SELECT m.id FROM (
    SELECT a.id FROM authors a WHERE {handle} = ANY({keys})
    UNION SELECT a.id FROM unnest({keys}) AS k JOIN authors a ON {handle} >= k || '.' AND {handle} < k || '/'
    UNION SELECT a.id FROM unnest({keys}) AS k JOIN authors a ON {handle} >= k || '@' AND {handle} < k || 'A'
    UNION SELECT a.id FROM authors a WHERE lower(a.external_id) = ANY({keys})
    UNION SELECT a.id FROM authors a WHERE {_unusual("a.handle")} OR {_unusual("a.external_id")}
) AS w JOIN mentions m ON m.author_id = w.id"""


def _seed_assignee(texts: Sequence[Text], values: Values) -> str | None:
    if _any_fits(texts, "nobody"):
        return None
    keys = values.put([*_keys(texts), values.me] if values.me and _any_fits(texts, "me") else _keys(texts), "text[]")
    return f"""SELECT j.mention_id AS id FROM people p
JOIN conversations c ON c.brand_id = {values.brand()} AND c.assignee_id = p.id AND c.merged_into IS NULL
JOIN conversation_mentions j ON j.conversation_id = c.id
WHERE p.login = ANY({keys}) OR {_lower("p.login")} = ANY({keys}) OR {_unusual("p.login")}"""


def _seed_label(texts: Sequence[Text], values: Values) -> str | None:
    if not values.me or not storable(values.me):
        return None
    keys = values.put(_keys(texts), "text[]")
    return f"""SELECT j.mention_id AS id FROM people p JOIN labels l ON l.person_id = p.id
JOIN conversations c ON c.id = l.conversation_id AND c.brand_id = {values.brand()} AND c.merged_into IS NULL
JOIN conversation_mentions j ON j.conversation_id = c.id
WHERE p.login = {values.put(values.me, "text")} AND ({_lower("l.label")} = ANY({keys}) OR {_unusual("l.label")})"""


_LOOKUPS: dict[str, Callable[[Sequence[Text], Values], str | None]] = {
    "author": _seed_author,
    "assignee": _seed_assignee,
    "label": _seed_label,
    # Keys of rules and topics are their own folding: the rulebook takes no others.
    "rule": lambda texts, values: (
        f"SELECT f.mention_id AS id FROM flags f WHERE f.brand_id = {values.brand()} AND f.rule = ANY({values.put(_keys(texts), 'text[]')})"
        " AND NOT f.shadow"
    ),
    "topic": lambda texts, values: (
        f"SELECT h.mention_id AS id FROM hearings h WHERE h.brand_id = {values.brand()}"
        f" AND h.topic = ANY({values.put(_keys(texts), 'text[]')}) AND h.via = 'topic'"
    ),
    "parent": lambda texts, values: (
        f"{_SPACES} SELECT m.id FROM s JOIN mentions m ON m.space = s.space AND m.parent = ANY({values.put(_ids(texts), 'text[]')})"
    ),
    "root": lambda texts, values: (
        f"{_SPACES} SELECT m.id FROM s JOIN mentions m ON m.space = s.space AND m.root = ANY({values.put(_ids(texts), 'text[]')})"
    ),
}
