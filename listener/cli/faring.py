"""How sources fare, and what people do to them, from a shell: `hubbub sources` and its sub-commands for sources that run.

Owns the lines, the choice of a source by part of its key, and the wait for a look back. Refuses to fetch: the listener does, when it hears the wish.
Every text from a network is made harmless before it is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.errors import FixMe, NotReachable, Refused
from listener.harmless import harmless

if TYPE_CHECKING:
    from listener.model.people import Person
    from listener.service.database import House
    from listener.store.source_views import GapRow, SourceState
    from listener.store.sources import RejectRow

ALIVE_WITHIN = timedelta(seconds=30)
LOOK_EVERY = 0.3
"""Seconds between looks at how far a look back is."""

RAW_SHOWN = 200
"""Characters of a reject's bytes that are printed."""

_SPAN = re.compile(r"(\d{1,5}(?:\.\d+)?) ?(min|[mhdw])")
_UNITS = {"min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

Read = Callable[[argparse.Namespace, "House", int, datetime], Coroutine[Any, Any, int]]
Run = Callable[[argparse.Namespace, "House", int, "Person", datetime], Coroutine[Any, Any, int]]


def add_what(what: Any) -> None:
    """The sub-commands."""

    def command(name: str, says: str, examples: str = "") -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = what.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
        made.add_argument("--brand", metavar="KEY", default=argparse.SUPPRESS, help="which brand; default: the first")
        made.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="settings to use")
        made.epilog = f"examples:\n{examples}" if examples else None
        return made

    def takes_source(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
        says = "its key as `hubbub sources` shows it, or a part that only it has"
        parser.add_argument("source", nargs=nargs, metavar="SOURCE", help=says)

    pause = command(
        "pause",
        "close a stream and keep its place; until somebody resumes it, also over restarts",
        "  hubbub sources pause bluesky/jetstream",
    )
    takes_source(pause)
    resume = command(
        "resume",
        "go on from where a stream was paused, or try one again that stopped",
        "  hubbub sources resume bluesky/jetstream",
    )
    takes_source(resume)
    rejects = command(
        "rejects",
        "what could not be used, with the reason; --replay reads it again by this version",
        "  hubbub sources rejects\n  hubbub sources rejects jetstream --reason wrong_shape --replay",
    )
    takes_source(rejects, "?")
    rejects.add_argument("--reason", metavar="REASON", help="of this reason only")
    rejects.add_argument("--limit", type=int, default=50, metavar="N", help="show at most so many (50)")
    rejects.add_argument("--replay", action="store_true", help="read them again; what still cannot be used stays")
    gaps = command("gaps", "holes in what was heard, and how far each is filled", "  hubbub sources gaps")
    takes_source(gaps, "?")
    fill = command(
        "fill",
        "have a gap filled, also one that was given up, or all of a source",
        "  hubbub sources fill 12\n  hubbub sources fill jetstream",
    )
    fill.add_argument("which", metavar="GAP|SOURCE", help="a gap's number, or a source for all of its gaps")
    deliveries = command(
        "deliveries",
        "what was delivered to webhooks; --replay reads it again, as far as its bytes are kept",
        "  hubbub sources deliveries\n  hubbub sources deliveries facebook --replay --since 2h",
    )
    takes_source(deliveries, "?")
    deliveries.add_argument("--replay", action="store_true", help="read them again; nothing is stored twice")
    deliveries.add_argument(
        "--since", type=since, metavar="TIME", help="received since: 90min, 2h, 7d, or 2026-11-27T09:30Z"
    )
    back = command(
        "look-back",
        "fetch what a stream would have brought before, for a new topic or account, and show how far it is",
        "  hubbub sources look-back jetstream --since 7d\n"
        "  hubbub sources look-back jetstream --since 90d --topic larkspur",
    )
    takes_source(back)
    back.add_argument(
        "--topic", metavar="KEY", default="", help="only this topic, by the network's own search, which reaches further"
    )
    back.add_argument(
        "--since", type=since, metavar="TIME", required=True, help="how far back: 12h, 7d, or 2026-11-27T09:30Z"
    )


def since(text: str) -> Callable[[datetime], datetime]:
    """A time of the command line: a span before now, or a moment. ArgumentTypeError: it is neither."""
    from listener.cli.asked import instant

    if found := _SPAN.fullmatch(text.strip()):
        back = timedelta(seconds=float(found[1]) * _UNITS[found[2]])
        return lambda now: now - back
    if re.match(r"\d{4}-", text) is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time; write it as 90min, 12h, 7d, or 2026-11-27T09:30Z")
    at = instant(text)
    return lambda _: at


def run(arguments: argparse.Namespace) -> int:
    """One of the sub-commands, or all sources."""
    from listener.cli.looking import me, opened_brand
    from listener.cli.terminal import run_async

    reads = arguments.what in {None, "gaps"} or (arguments.what in {"rejects", "deliveries"} and not arguments.replay)

    async def inside() -> int:
        async with opened_brand(arguments) as (settings, house, brand_id):
            now = datetime.now(UTC)
            if reads:
                return await _READS[arguments.what](arguments, house, brand_id, now)
            person = await me(settings, house, brand_id)
            return await _ACTS[arguments.what](arguments, house, brand_id, person, now)

    return run_async(inside())


# Looking -------------------------------------------------------------------------------------------------------------


async def _all(arguments: argparse.Namespace, house: House, brand_id: int, now: datetime) -> int:
    from listener.cli.terminal import print_json

    states = await _states(house, brand_id, now)
    if arguments.json:
        print_json({"at": now, "sources": [facts_of(state, now) for state in states]})
    elif not states:
        print("no source ever ran here: hubbub up (or hubbub serve) starts them")
    else:
        print("\n\n".join("\n".join(lines_of(state, now)) for state in states))
    return 1 if any(_is_bad(state, now) for state in states) else 0


def facts_of(state: SourceState, now: datetime) -> dict[str, Any]:
    """Everything about one stream, as plain values."""
    return {
        "key": state.key,
        "title": state.title,
        "state": "silent" if state.is_silent(now) else state.state,
        "said": state.said(now),
        "wanted": state.wanted,
        "wanted_by": state.wanted_by,
        "wanted_at": state.wanted_at,
        "problem": state.problem,
        "started_at": state.started_at,
        "beat_at": state.beat_at,
        "item_at": state.item_at,
        "lag_seconds": None if state.lag is None else round(state.lag.total_seconds(), 1),
        "heard": state.heard,
        "stored": state.stored,
        "an_hour": state.an_hour,
        "faults": [
            {"code": one.code, "what": one.what, "seen": one.seen, "first_at": one.first_at, "last_at": one.last_at}
            for one in state.faults
        ],
        "rejects": dict(state.rejects),
        "rejects_asked": state.rejects_asked,
        "budgets": [
            {
                "name": one.name,
                "left": round(one.left(now), 1),
                "of": one.points,
                "fills_in_seconds": one.seconds,
                "closed_until": one.closed_until,
            }
            for one in state.budgets
        ],
        "gaps": [gap_facts(gap) for gap in state.gaps],
        "login_until": state.login_until,
        "deliveries": {"waiting": state.waiting, "failed": state.failed},
    }


def gap_facts(gap: GapRow) -> dict[str, Any]:
    """One gap, as plain values."""
    return {
        "gap": gap.id,
        "source": gap.source,
        "start": gap.start,
        "end": gap.end,
        "cause": gap.cause,
        "topic": gap.topic,
        "state": gap.state,
        "problem": gap.problem,
        "found": gap.found,
        "done": None if gap.done is None else round(gap.done, 3),
    }


def lines_of(state: SourceState, now: datetime) -> list[str]:
    """One stream for a terminal: what it is and how it fares, then whatever there is to say of it."""
    from listener.cli.terminal import coloured, counted, moment

    colour = "red" if _is_bad(state, now) else "yellow" if state.concern(now) < 3 or state.wanted else "green"
    by = f" by {state.wanted_by} {moment(state.wanted_at, now)}" if state.wanted and state.wanted_by else ""
    lines = [
        coloured(harmless(state.title), "bold") + f"  ({harmless(state.key)})",
        "  " + coloured(harmless(state.said(now)), colour) + harmless(by),
        f"  last item {moment(state.item_at, now)}, {lag_words(state.lag)}, {state.an_hour:,.0f} an hour concern us; "
        f"{state.heard:,} heard, {state.stored:,} stored",
    ]
    if todo := _todo(state, now):
        lines.append(f"  -> {harmless(todo)}")
    if state.login_until is not None:
        ended = state.login_until <= now
        lines.append(f"  login {'ended' if ended else 'ends'} {moment(state.login_until, now)}")
    lines += [
        f"  fault {harmless(one.code)}: {one.seen:,} times, last {moment(one.last_at, now)}: {harmless(one.what)}"
        for one in state.faults[:5]
    ]
    if state.rejects:
        told = ", ".join(f"{n:,} {harmless(reason)}" for reason, n in state.rejects.items())
        asked = f" ({state.rejects_asked:,} are being read again)" if state.rejects_asked else ""
        lines.append(f"  rejects: {told}{asked}")
    if state.waiting or state.failed:
        lines.append(f"  deliveries: {state.waiting:,} wait, {state.failed:,} could not be read")
    for budget in state.budgets:
        closed = budget.closed_until is not None and budget.closed_until > now
        until = f", closed until {moment(budget.closed_until, now)}" if closed else ""
        lines.append(
            f"  {harmless(budget.name)}: {bar(budget.share(now))} {budget.left(now):,.0f} of {budget.points:,.0f} left{until}"
        )
    if len(state.gaps) > 5:
        lines.append(
            f"  {counted(len(state.gaps), 'gap')}, the latest five (all: hubbub sources gaps {harmless(state.key)})"
        )
    lines += [f"  {gap_line(gap)}" for gap in state.gaps[-5:]]
    return lines


def bar(share: float, width: int = 10) -> str:
    """A share in characters: '[######....]'."""
    full = round(min(1.0, max(0.0, share)) * width)
    return f"[{'#' * full}{'.' * (width - full)}]"


def lag_words(lag: timedelta | None) -> str:
    """'2 s behind', or that nothing is known."""
    if lag is None:
        return "lag not known"
    seconds = lag.total_seconds()
    return f"{seconds:.0f} s behind" if seconds < 600 else f"{seconds / 60:.0f} min behind"


def gap_line(gap: GapRow) -> str:
    """One gap for a terminal."""
    from listener.store.source_views import GAP_WORDS

    done = f", {gap.done:.0%} looked at" if gap.done is not None and gap.state != "filled" else ""
    found = f", {gap.found:,} found" if gap.found or gap.state == "filled" else ""
    why = f" ({harmless(gap.problem)})" if gap.problem else ""
    start, end = gap.start.astimezone(UTC), gap.end.astimezone(UTC)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return (
        f"gap {gap.id}: {start:%Y-%m-%d %H:%M} to {until} UTC, {GAP_WORDS.get(gap.state, gap.state)}{done}{found}{why}; "
        f"{harmless(gap.what)}"
    )


def _is_bad(state: SourceState, now: datetime) -> bool:
    return (state.state == "stopped" and not state.wanted) or state.is_silent(now)


def _todo(state: SourceState, now: datetime) -> str:
    if state.wanted == "paused":
        return f"hubbub sources resume {state.key}"
    if state.state == "stopped":
        return f"mend that, then: hubbub sources resume {state.key}"
    if state.is_silent(now):
        return "is the listener running? hubbub doctor says"
    if any(gap.can_be_asked for gap in state.gaps):
        return f"have its gaps filled: hubbub sources fill {state.key}"
    return ""


async def _gaps(arguments: argparse.Namespace, house: House, brand_id: int, now: datetime) -> int:
    from listener.cli.terminal import print_json

    states = await _states(house, brand_id, now)
    if arguments.source:
        states = [chosen(arguments.source, states)]
    found = [gap for state in states for gap in state.gaps]
    if arguments.json:
        print_json({"gaps": [gap_facts(gap) for gap in found]})
        return 0
    for state in states:
        if state.gaps:
            print("\n".join([harmless(state.title), *(f"  {gap_line(gap)}" for gap in state.gaps)]))
    if not found:
        print("no gaps: whatever was missed is filled")
    return 0


async def _rejects(arguments: argparse.Namespace, house: House, brand_id: int, now: datetime) -> int:
    from listener.cli.terminal import moment, print_json
    from listener.store import sources

    states = await _states(house, brand_id, now)
    keys = [chosen(arguments.source, states).key] if arguments.source else [state.key for state in states]
    rows: list[RejectRow] = []
    for key in keys:
        rows += await sources.rejects(house.pool, key, 10_000 if arguments.reason else max(1, arguments.limit))
    rows = [row for row in rows if arguments.reason in (None, row.reason)]
    rows = sorted(rows, key=lambda row: row.last_at, reverse=True)[: max(1, arguments.limit)]
    if arguments.json:
        print_json({"rejects": [reject_facts(row) for row in rows]})
        return 0
    for row in rows:
        print(
            f"{harmless(row.source)}  {harmless(row.reason)}, {row.seen:,} times, last {moment(row.last_at, now)}: {harmless(row.detail)}"
        )
        print(f"  {raw_words(row.raw)}")
    if not rows:
        print("no rejects: everything that was heard could be used")
    return 0


def reject_facts(row: RejectRow) -> dict[str, Any]:
    """One reject, as plain values; its bytes as text, what is none as escapes."""
    raw = row.raw.decode("utf-8", "backslashreplace")
    return {
        "source": row.source, "reason": row.reason, "detail": row.detail, "seen": row.seen, "first_at": row.first_at,
        "last_at": row.last_at, "raw": raw,
    }  # fmt: skip


def raw_words(raw: bytes) -> str:
    """The beginning of what came, on one line, as harmless as anything."""
    text = harmless(raw[: RAW_SHOWN * 4].decode("utf-8", "backslashreplace"))
    more = f" … ({len(raw):,} bytes)" if len(text) > RAW_SHOWN or len(raw) > RAW_SHOWN * 4 else ""
    return text[:RAW_SHOWN] + more


async def _deliveries(arguments: argparse.Namespace, house: House, brand_id: int, now: datetime) -> int:
    from listener.cli.terminal import print_json, table
    from listener.store import deliveries

    states = await _states(house, brand_id, now)
    keys = {chosen(arguments.source, states).key} if arguments.source else {state.key for state in states}
    rows = [row for row in await deliveries.states(house.pool) if row.hook in keys]
    if arguments.json:
        print_json({"deliveries": rows})
    elif rows:
        words = {"waiting": "wait to be read", "done": "read", "failed": "could not be read"}
        print(table([(row.hook, f"{row.n:,} {words[row.state]}", f"{row.kept:,} can be read again") for row in rows]))
    else:
        print("nothing was delivered to a webhook lately")
    return 0


# Acting --------------------------------------------------------------------------------------------------------------


async def _pause(arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime) -> int:
    from listener.store import source_acts

    state = chosen(arguments.source, await _states(house, brand_id, now))
    did = await source_acts.pause(house.pool, person.id, brand_id, state.key, now)
    words = f"paused; hubbub sources resume {state.key} goes on from where it is" if did else "it is paused already"
    return _say(arguments, state, words, did=did)


async def _resume(arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime) -> int:
    from listener.store import source_acts

    state = chosen(arguments.source, await _states(house, brand_id, now))
    did = await source_acts.resume(house.pool, person.id, brand_id, state.key, now)
    return _say(arguments, state, "it goes on from where it was" if did else "it was not paused", did=did)


async def _replay_rejects(
    arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime
) -> int:
    from listener.cli.terminal import counted, print_json
    from listener.store import source_acts

    states = await _states(house, brand_id, now)
    if arguments.source:
        states = [chosen(arguments.source, states)]
    asked = {
        state.key: await source_acts.read_again(house.pool, person.id, brand_id, state.key, arguments.reason, now)
        for state in states
    }
    n = sum(asked.values())
    if arguments.json:
        print_json({"asked": {key: one for key, one in asked.items() if one}})
    elif n:
        print(f"{counted(n, 'reject')} will be read again by the running listener; hubbub sources shows what stays")
    else:
        print("there is nothing to read again")
    return 0


async def _fill(arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime) -> int:
    from listener.cli.terminal import counted, print_json
    from listener.store import source_acts

    if arguments.which.isdecimal() and len(arguments.which) < 19:
        ids, paused = [int(arguments.which)], False
    else:
        state = chosen(arguments.which, await _states(house, brand_id, now))
        ids, paused = [gap.id for gap in state.gaps if gap.can_be_asked], state.wanted == "paused"
    for one in ids:
        await source_acts.fill(house.pool, person.id, brand_id, one, now)
    if arguments.json:
        print_json({"asked": ids})
    elif not ids:
        print("there is no gap to fill")
    else:
        later = "; the source is paused, so not before it is resumed" if paused else ""
        print(
            f"{counted(len(ids), 'gap')} will be filled by the running listener{later}; hubbub sources gaps shows how far it is"
        )
    return 0


async def _replay_deliveries(
    arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime
) -> int:
    from listener.cli import wrong_usage
    from listener.cli.terminal import counted, print_json
    from listener.store import source_acts

    if arguments.since is None:
        raise wrong_usage("since when?", "say for example: hubbub sources deliveries --replay --since 2h")
    states = [state for state in await _states(house, brand_id, now) if "/hooks/" in state.key]
    if arguments.source:
        states = [chosen(arguments.source, states)]
    start = arguments.since(now)
    asked = {
        state.key: await source_acts.replay(house.pool, person.id, brand_id, state.key, start, now, now)
        for state in states
    }
    n = sum(asked.values())
    if arguments.json:
        print_json({"asked": {key: one for key, one in asked.items() if one}})
    elif n:
        print(f"{counted(n, 'delivery', 'deliveries')} will be read again by the running listener")
    else:
        print(
            "there is nothing to read again: bytes are kept for keep_hours of [door], and of what could not be read for 90 days"
        )
    return 0


async def _searchable(arguments: argparse.Namespace, house: House, brand_id: int) -> None:
    """Says what is searched for. wrong usage: there is no such topic, or none of its words can be asked for."""
    from listener.cli import wrong_usage
    from listener.cli.terminal import say
    from listener.query.searching import searches
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook
    from listener.store import people, rulebooks

    found = await rulebooks.in_force(house.pool)
    book = parse(found.files) if found is not None else None
    brand = next((key for number, key, _ in await people.brands(house.pool) if number == brand_id), "")
    topics = {one.key: one for one in book.topics if one.brand in {"", brand}} if isinstance(book, Rulebook) else {}
    if arguments.topic not in topics:
        known = ", ".join(sorted(topics)) or "none is in force: a listener publishes them"
        raise wrong_usage(f"there is no topic {arguments.topic!r}", f"topics: {known}")
    asked = searches(topics[arguments.topic].query.tree)
    if not asked.asked:
        raise wrong_usage(
            f"no word of the topic {arguments.topic!r} can be searched for",
            "look back without --topic, as far as the network keeps its stream",
        )
    if not arguments.json:
        told = ", ".join(harmless(one) for one in asked.asked)
        say(f"searched for: {told}" + ("" if asked.whole else "; its query means more than can be searched for"))


async def _look_back(arguments: argparse.Namespace, house: House, brand_id: int, person: Person, now: datetime) -> int:
    from listener.cli import wrong_usage
    from listener.cli.terminal import Bar, counted, print_json, say
    from listener.store import alive, source_acts, sources

    state = chosen(arguments.source, await _states(house, brand_id, now))
    start = arguments.since(now)
    if start >= now:
        raise wrong_usage("that is not in the past", "say for example --since 7d")
    if arguments.topic:
        await _searchable(arguments, house, brand_id)
    programs = await alive.programs(house.pool)
    if not any(one.name == "listener" and now - one.beat_at <= ALIVE_WITHIN for one in programs):
        raise NotReachable(
            "no listener runs, and it is the listener that looks back",
            where=state.key,
            hint="hubbub up, or hubbub serve; then again",
        )
    id_ = await source_acts.look_back(house.pool, person.id, brand_id, state.key, start, now, topic=arguments.topic)
    progress, told = Bar(1000, "parts", quiet=arguments.json), None
    try:
        while True:
            gap = await sources.gap(house.pool, id_)
            if arguments.json and gap_facts(gap) != told:
                told = gap_facts(gap)
                print_json(told)
            progress.show(
                int((gap.done or 0) * 1000),
                f"{gap.found:,} found" + (f"; {harmless(gap.problem)}" if gap.problem else ""),
            )
            if gap.state not in {"open", "asked"}:
                break
            await asyncio.sleep(LOOK_EVERY)
    except asyncio.CancelledError:
        progress.end()
        await source_acts.stop_filling(house.pool, person.id, brand_id, id_, datetime.now(UTC))
        say(f"stopped; what was found stays, and hubbub sources fill {id_} goes on")
        raise
    progress.end()
    if gap.state != "filled":
        raise Refused(
            f"it was not looked back: {gap.problem or gap.state}",
            where=f"gap {id_} of {state.key}",
            hint=f"when that is mended: hubbub sources fill {id_}",
        )
    if not arguments.json:
        print(
            f"looked back to {start:%Y-%m-%d %H:%M} UTC: {counted(gap.found, 'item')} found; what was held already is not held twice"
        )
    return 0


def _say(arguments: argparse.Namespace, state: SourceState, words: str, *, did: bool) -> int:
    from listener.cli.terminal import print_json

    if arguments.json:
        print_json({"source": state.key, "changed": did})
    else:
        print(f"{harmless(state.title)}: {harmless(words)}")
    return 0


async def _states(house: House, brand_id: int, now: datetime) -> list[SourceState]:
    """What the brand sees, what needs somebody first; without files that were read to their end."""
    from listener.store import source_health

    seen = [state for state in await source_health.everything(house.pool, now) if state.is_for(brand_id)]
    return sorted(seen, key=lambda state: (state.concern(now), state.key))


def chosen(word: str, states: Sequence[SourceState]) -> SourceState:
    """The one that a person means. FixMe: none, or several."""
    from listener.cli import wrong_usage
    from listener.store.source_views import found_by

    by_key: Mapping[str, SourceState] = {state.key: state for state in states}
    found = sorted(found_by(word, by_key))
    if len(found) == 1:
        return by_key[found[0]]
    if found:
        raise wrong_usage(f"{word!r} may be {len(found)} sources", f"say which: {', '.join(found[:8])}")
    if not by_key:
        raise FixMe("no such source ever ran here", hint="hubbub up (or hubbub serve) starts them", code="no_source")
    parts = {part: key for key in by_key for part in (*key.split("/"), key)}
    close = difflib.get_close_matches(word, parts, 1, 0.5)
    hint = f"did you mean {parts[close[0]]}?" if close else f"there are: {', '.join(sorted(by_key)[:8])}"
    raise wrong_usage(f"there is no source {word!r}", hint)


_READS: Mapping[str | None, Read] = {
    None: _all,
    "gaps": _gaps,
    "rejects": _rejects,
    "deliveries": _deliveries,
}
_ACTS: Mapping[str, Run] = {
    "pause": _pause,
    "resume": _resume,
    "rejects": _replay_rejects,
    "fill": _fill,
    "deliveries": _replay_deliveries,
    "look-back": _look_back,
}
