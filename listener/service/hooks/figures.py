"""What the door tells about us: Prometheus' text, and whether we are well. Pure: figures in, text out. Owns names of metrics.

The format is a few lines of text, written here: a client library would bring a registry of its own for figures that are all read from elsewhere.
Nothing secret and nobody's words are in it: keys of streams, codes, counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from listener.store.alert_lane import Told
from listener.store.source_views import SourceState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of figures."""

    name: str
    kind: str
    """counter or gauge."""
    says: str
    values: tuple[tuple[Labels, float], ...]


METRICS: Mapping[str, tuple[str, str]] = {
    "hubbub_database_up": ("gauge", "Whether the database answers."),
    "hubbub_items_total": ("counter", "Items since the start of this program, by what became of them."),
    "hubbub_flags_total": ("counter", "Flags since the start of this program, by rule."),
    "hubbub_latency_milliseconds": ("gauge", "From a message's time on the network to its commit, since the start of this program."),
    "hubbub_deliveries_total": ("counter", "Deliveries to a webhook since the start of this program, by what its sender was told."),
    "hubbub_stream_state": ("gauge", "1 for the state in which a stream is."),
    "hubbub_stream_heard_total": ("counter", "Items looked at since ever."),
    "hubbub_stream_stored_total": ("counter", "Messages stored since ever."),
    "hubbub_stream_an_hour": ("gauge", "Messages that concern us within the last hour, about."),
    "hubbub_stream_lag_seconds": ("gauge", "How late the last item was heard."),
    "hubbub_stream_silence_seconds": ("gauge", "Since the last sign of life."),
    "hubbub_stream_faults_total": ("counter", "Faults since ever, by the network's error name."),
    "hubbub_stream_rejects_total": ("counter", "Items that could not be used and are still kept, by reason."),
    "hubbub_stream_gaps": ("gauge", "Holes that are not filled, by state."),
    "hubbub_stream_deliveries": ("gauge", "Deliveries to a webhook that wait, or that could not be read."),
    "hubbub_budget_left": ("gauge", "What is left of what a network allows."),
    "hubbub_pages": ("gauge", "Pages of the last day, by receiver, what became of them, and why."),
    "hubbub_login_seconds": ("gauge", "Until the login of the account whose stream this is ends by itself."),
}  # fmt: skip
"""Every metric: its kind, and what it says."""


def metrics(
    pulse: Mapping[str, Any],
    answered: Mapping[tuple[str, str], int],
    streams: Sequence[SourceState] | None,
    now: datetime,
    pages: Sequence[Told] = (),
) -> bytes:
    """All of it as Prometheus reads it. `streams` None: the database does not answer."""
    rows: dict[str, list[tuple[Labels, float]]] = {name: [] for name in METRICS}
    rows["hubbub_database_up"] = [((), 0.0 if streams is None else 1.0)]
    for what in ("looked_at", "new", "edited", "deleted", "repeated", "rejects", "opened"):
        rows["hubbub_items_total"].append(((("what", what),), float(pulse.get(what, 0))))
    rows["hubbub_flags_total"] = [((("rule", k),), float(n)) for k, n in sorted(pulse.get("flagged", {}).items())]
    latency = pulse.get("latency_ms", {})
    rows["hubbub_latency_milliseconds"] = [
        ((("quantile", word),), float(latency[key]))
        for key, word in (("p50", "0.5"), ("p99", "0.99"), ("max", "1"))
        if key in latency
    ]
    rows["hubbub_deliveries_total"] = [
        ((("stream", key), ("told", told)), float(n)) for (key, told), n in sorted(answered.items())
    ]
    for stream in streams or ():
        for name, labels, value in _of_stream(stream, now):
            rows[name].append(((("stream", stream.key), *labels), value))
    budgets = {(b.source, b.name): b for stream in streams or () for b in stream.budgets}
    rows["hubbub_budget_left"] = [
        ((("source", source), ("budget", name)), round(b.left(now), 3)) for (source, name), b in sorted(budgets.items())
    ]
    rows["hubbub_pages"] = [
        ((("receiver", one.receiver), ("state", one.state), ("code", one.code)), float(one.n)) for one in pages
    ]
    return _text(Metric(name, *METRICS[name], tuple(found)) for name, found in rows.items() if found)


def _of_stream(stream: SourceState, now: datetime) -> Iterable[tuple[str, Labels, float]]:
    yield "hubbub_stream_state", (("state", stream.state),), 1.0
    yield "hubbub_stream_heard_total", (), float(stream.heard)
    yield "hubbub_stream_stored_total", (), float(stream.stored)
    yield "hubbub_stream_an_hour", (), stream.an_hour
    if stream.lag is not None:
        yield "hubbub_stream_lag_seconds", (), stream.lag.total_seconds()
    if stream.beat_at is not None:
        yield "hubbub_stream_silence_seconds", (), max(0.0, (now - stream.beat_at).total_seconds())
    for fault in stream.faults:
        yield "hubbub_stream_faults_total", (("code", fault.code),), float(fault.seen)
    for reason, n in stream.rejects.items():
        yield "hubbub_stream_rejects_total", (("reason", reason),), float(n)
    for state in sorted({gap.state for gap in stream.gaps}):
        yield "hubbub_stream_gaps", (("state", state),), float(sum(gap.state == state for gap in stream.gaps))
    if "/hooks/" in stream.key:
        yield "hubbub_stream_deliveries", (("state", "waiting"),), float(stream.waiting)
        yield "hubbub_stream_deliveries", (("state", "failed"),), float(stream.failed)
    if stream.login_until is not None:
        yield "hubbub_login_seconds", (), (stream.login_until - now).total_seconds()


def health(database: bool, states: Sequence[str]) -> tuple[bool, dict[str, Any]]:
    """Whether we are well, and what is told: the database answers, and not every stream is stopped."""
    streams = {state: states.count(state) for state in sorted(set(states))}
    well = database and (not states or any(state != "stopped" for state in states))
    return well, {"ok": well, "database": database, "streams": streams}


def _text(families: Iterable[Metric]) -> bytes:
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {family.says}", f"# TYPE {family.name} {family.kind}"]
        for labels, value in family.values:
            told = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
            lines.append(f"{family.name}{{{told}}} {value:.15g}" if told else f"{family.name} {value:.15g}")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
