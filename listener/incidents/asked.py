"""Which messages an incident is about, as a query: what the search box, the queue and the report all ask, so that they show the same ones.

Owns the words of that query. Refuses to be another count: it asks for the topic, the source, the tone and the time that were counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from listener.incidents.shape import Incident
from listener.rulebook.alerting import Watched

URGENT = "need:>=0.66"
"""From there on a message wants an answer."""

HEARD_LATE = timedelta(minutes=15)

_PLAIN = re.compile(r"[\w](?:[\w.-]*[\w])?")
_BY_COUNTER: Mapping[str, str] = {"negative": "tone:negative", "urgent": URGENT, "mentions": ""}
_BY_WATCHED: Mapping[Watched, str] = {Watched.NEGATIVE: "tone:negative", Watched.NEED: URGENT}
_RULES = 20


def query_of(one: Incident, ended: datetime | None = None) -> str:
    """The query for the messages that made it, up to its end where it has one."""
    begin = begin_of(one)
    end = "*" if ended is None or ended <= begin else _instant(ended + timedelta(seconds=1))
    parts = [f"topic:{_value(one.topic)}"] if one.topic else []
    parts += [f"source:{_value(one.source)}"] if one.source else []
    if one.watched is Watched.RULE:
        parts += _rules(one.evidence)
    else:
        counter = one.evidence.get("counter")
        asked = _BY_COUNTER.get(counter) if isinstance(counter, str) else None
        parts.append(_BY_WATCHED.get(one.watched, "") if asked is None else asked)
    parts.append("-is:ours")
    parts.append(f"time:>={_instant(begin)}" if end == "*" else f"time:[{_instant(begin)} TO {end}]")
    return " ".join(part for part in parts if part)


def begin_of(one: Incident) -> datetime:
    """When the first of the messages that were counted can have been said: the span that surprised ends with the bucket that told it; what a
    rule handed over was said some time before it was heard.
    """
    if one.watched is Watched.RULE:
        return one.since - HEARD_LATE
    seconds, step = (_seconds(one.evidence.get(name)) for name in ("seconds", "curve_step"))
    return one.since - max(timedelta(0), seconds - step)


def _seconds(value: object) -> timedelta:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 8 * 86_400
    return timedelta(seconds=float(value)) if sound else timedelta(0)  # type: ignore[arg-type]


def _rules(evidence: Mapping[str, Any]) -> list[str]:
    found = evidence.get("rules")
    keys = [f"rule:{_value(key)}" for key in found[:_RULES] if isinstance(key, str)] if isinstance(found, list) else []
    return [keys[0]] if len(keys) == 1 else [f"({' OR '.join(keys)})"] if keys else []


def _value(key: str) -> str:
    """A value as the query language takes it; keys of rule files hold no quotes."""
    return key if _PLAIN.fullmatch(key) else '"' + "".join(one for one in key if one not in "\"'\\") + '"'


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
