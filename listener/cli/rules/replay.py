"""`hubbub rules replay`: what changed rules would have done with what was heard. Owns the printing and what is compared.

The judging is a worker's, in `listener.service.replaying`. Texts of a network are made harmless before they are printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.looking import add_brand
from listener.cli.masking import add_mask
from listener.cli.rules.folder import add_folder, as_tracked, folder_asked, rulebook_asked
from listener.cli.rules.times import age_or_time, instant
from listener.errors import FixMe

if TYPE_CHECKING:
    from pathlib import Path

    from listener.rulebook.replay import Diff, Outcome
    from listener.rulebook.shape import Rulebook
    from listener.service.replaying import Kept, Replayed
    from listener.settings import Settings
    from listener.store.connect import Pool

SAMPLES = 12
"""Differing mentions that are shown with their text."""
INTERRUPTED = 130


def configure(parser: argparse.ArgumentParser) -> None:
    """What is compared, over which time."""
    parser.add_argument(
        "--from", dest="start", type=age_or_time, default="7d", metavar="T",
        help="how far back: an age (3d, 12h) or a time (2026-11-01); 7d",
    )  # fmt: skip
    parser.add_argument("--to", dest="end", type=age_or_time, default="now", metavar="T", help="until when (now)")
    parser.add_argument(
        "--against", metavar="REV|HASH",
        help="the old rules: a revision of git, or a published hash; default: the rulebook in force",
    )  # fmt: skip
    parser.add_argument(
        "--night", metavar="HOURS", help="opening hours of the rule files; night is when they are closed (22 to 7)"
    )
    parser.add_argument("--fresh", action="store_true", help="begin anew, even where an earlier run was stopped")
    add_folder(parser)
    add_brand(parser)
    add_mask(parser)
    parser.epilog = """\
examples:
  hubbub rules replay                                 the folder's rules against those in force, over a week
  hubbub rules replay --from 2026-11-01 --to 2026-11-08
  hubbub rules replay --against main --from 3d        against the rules of a branch
  hubbub rules replay --json | jq '.rules'

Mentions are judged again in the order in which they were heard, with what was known then; the database is only read. A run that is
stopped goes on with the same command. What no topic heard at the time was not stored: a wider topic finds nothing new here.
Exit codes: 0 nothing would differ, 1 something would, 2 wrong usage or rule files with mistakes, 3 the database is not reachable."""


def run(arguments: argparse.Namespace) -> int:
    """Judges; on Ctrl-C says how to go on."""
    from listener.cli.terminal import run_async, say

    try:
        return run_async(_replay(arguments))
    except KeyboardInterrupt:
        if not arguments.json:
            say("stopped; what was judged is kept: the same command goes on from there, --fresh begins anew")
        return INTERRUPTED


async def _replay(arguments: argparse.Namespace) -> int:
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import Bar, counted, print_json, say
    from listener.sentiment.onnx import version_of
    from listener.service.replaying import Asked, kept_at, replayed
    from listener.store import history, people

    now = datetime.now(UTC)
    start, end = instant(arguments.start, now), instant(arguments.end, now)
    if start >= end:
        raise wrong_usage(
            "there is no time between --from and --to", "an age is counted back from now: --from 3d --to 1d"
        )
    folder = folder_asked(arguments)
    async with opened_brand(arguments, reading=True) as (settings, house, brand_id):
        key = next(key for number, key, _ in await people.brands(house.pool) if number == brand_id)
        zone = next((brand.zone for brand in settings.brands if brand.key == key), "UTC")
        new = rulebook_asked(arguments, await as_tracked(house.pool))
        old = await _old_rules(house.pool, arguments, folder)
        if arguments.night and new.hours_named(arguments.night) is None:
            known = ", ".join(hours.key for hours in new.hours) or "none"
            raise wrong_usage(f"there are no opening hours {arguments.night!r}", f"the rule files have: {known}")
        about = {
            "database": _place(settings), "brand": key, "old": old.hash, "new": new.hash,
            "from": arguments.start, "to": arguments.end, "night": arguments.night or "", "zone": zone,
            **{f"tone {one.lang}": version_of(*one.read()) for one in settings.tones},
        }  # fmt: skip
        kept = kept_at(settings.paths.state, about, start, end, fresh=arguments.fresh)
        try:
            if kept.resumed and not arguments.json:
                say(
                    f"goes on with a run over {_span(kept)}: {counted(kept.done, 'mention')} judged so far; --fresh begins anew"
                )
            total = await history.count(house.pool, brand_id, kept.start, kept.end)
            bar = Bar(total, "mentions", quiet=arguments.json)
            asked = Asked(brand_id, key, zone, kept.start, kept.end, old, new, arguments.night or "", settings.tones)
            try:
                found = await replayed(house.pool, asked, kept, lambda done: bar.show(done, f"{done:,} of {total:,}"))
            finally:
                bar.end()
            texts = await _texts(house.pool, found.outcome, mask=arguments.mask)
            if arguments.json:
                print_json(_told(found, kept, key, old, new))
            else:
                print("\n".join(lines(found.outcome, texts, old, new)))
                rate = f", {found.mentions / found.seconds:,.0f} a second" if found.mentions and found.seconds else ""
                say(f"{_span(kept)}: {counted(kept.done, 'mention')}{rate}")
            kept.finished()
        finally:
            kept.close()
    return FINE if found.outcome.same else FINDINGS


async def _old_rules(pool: Pool, arguments: argparse.Namespace, folder: Path) -> Rulebook:
    from listener.cli.rules.revision import files_named
    from listener.rulebook.parse import parse
    from listener.rulebook.shape import Rulebook
    from listener.store import rulebooks

    if arguments.against:
        name, files = arguments.against, await files_named(pool, arguments.against, folder)
    else:
        in_force = await rulebooks.in_force(pool)
        if in_force is None:
            raise wrong_usage("no rulebook was ever in force here", "start the listener, or name one with --against")
        name, files = in_force.hash[:12], in_force.files
    loaded = parse(files)
    if not isinstance(loaded, Rulebook):
        raise FixMe(
            f"the rules of {name} cannot be read by this version",
            where=str(loaded[0]),
            hint="name others with --against",
        )
    return loaded


def _place(settings: Settings) -> str:
    """Which database: never its password."""
    from listener.store.connect import place_of

    database = settings.database
    return str(database.embedded) if database.is_embedded else place_of(database.dsn().reveal())


async def _texts(pool: Pool, outcome: Outcome, *, mask: bool) -> Mapping[int, str | None]:
    """The texts of the mentions that are shown."""
    from listener.private import hidden
    from listener.store.judged import judged

    wanted = [diff.id for diff in outcome.diffs[:SAMPLES]]
    found = {id_: await judged(pool, id_, next(d.brand for d in outcome.diffs if d.id == id_)) for id_ in wanted}
    said = {id_: None if one is None or one.text_gone else one.mention.text for id_, one in found.items()}
    return {id_: hidden(text) if mask and text is not None else text for id_, text in said.items()}


def _span(kept: Kept) -> str:
    return f"{kept.start:%Y-%m-%d %H:%M} to {kept.end:%Y-%m-%d %H:%M}"


# How it looks --------------------------------------------------------------------------------------------------------


def lines(outcome: Outcome, texts: Mapping[int, str | None], old: Rulebook, new: Rulebook) -> Iterator[str]:
    """What came of a replay, for people."""
    from listener.cli.terminal import coloured, counted, table

    yield f"{old.hash[:12]} (old) and {new.hash[:12]} (new): {_judged(outcome)}"
    if outcome.same:
        yield coloured("nothing would differ", "green")
        yield from _mute(outcome, old, new)
        return
    yield coloured(f"{counted(outcome.differing, 'mention')} would come out otherwise", "yellow")
    rows = [("RULE", "BEFORE", "AFTER", "NEW", "GONE", "")]
    for rule, fired in sorted(outcome.rules.items(), key=lambda one: (-(one[1].newly + one[1].gone), one[0])):
        if fired.newly or fired.gone or fired.experimental_before != fired.experimental_after:
            rows.append(
                (
                    rule,
                    str(fired.before),
                    str(fired.after),
                    f"+{fired.newly}" if fired.newly else "",
                    f"-{fired.gone}" if fired.gone else "",
                    _status(rule, old, new),
                )
            )
    if len(rows) > 1:
        yield ""
        yield table(rows)
    yield ""
    for words, n in sorted(outcome.changes.items(), key=lambda one: (-one[1], one[0])):
        if words not in ("a rule newly fires", "a rule stops firing"):
            yield f"  {n:,} {words}"
    night = outcome.night
    yield f"  at night: {_moved(night.alerts_before, night.alerts_after)} alerts, {_moved(night.urgent_before, night.urgent_after)} urgent"
    shown = outcome.diffs[:SAMPLES]
    yield ""
    yield table(
        (str(diff.id), f"{diff.said_at:%Y-%m-%d %H:%M}", ", ".join(_words(diff)), _cut(texts.get(diff.id)))
        for diff in shown
    )
    if outcome.differing > len(shown):
        yield f"and {outcome.differing - len(shown):,} more: --json tells them; hubbub rules explain ID --rules FOLDER says why"
    yield from _mute(outcome, old, new)


def _mute(outcome: Outcome, old: Rulebook, new: Rulebook) -> Iterator[str]:
    """Rules that somebody has just written or changed, and that fire on nothing: nearly always the scope is not what was meant."""
    from listener.rulebook.replay import Fired
    from listener.rulebook.shape import Status

    for rule in new.rules:
        before, fired = old.rule(rule.id), outcome.rules.get(rule.id, Fired())
        changed = before is None or (before.scope, before.when) != (rule.scope, rule.when)
        if outcome.judged and changed and not fired.after and rule.status is not Status.DEPRECATED:
            yield (
                f"{rule.id} is {'new' if before is None else 'changed'} and fires on nothing here; on a mention that it should fire on,"
                f" hubbub rules explain ID {rule.id} --rules FOLDER says why not"
            )


def _judged(outcome: Outcome) -> str:
    from listener.cli.terminal import counted

    told = [f"{counted(outcome.judged, 'mention')} judged"]
    if outcome.text_gone:
        told.append(f"{outcome.text_gone:,} whose text is gone")
    if outcome.unheard:
        told.append(f"{outcome.unheard:,} that no topic of theirs hears")
    if outcome.short_counts:
        told.append(f"{outcome.short_counts:,} whose counts may be too low")
    if outcome.unlearned:
        told.append(f"{outcome.unlearned:,} of whose need a model spoke that is forgotten since")
    if outcome.otherwise_scored:
        told.append(f"{outcome.otherwise_scored:,} whose tone another model found then")
    return ", ".join(told)


def _status(rule: str, old: Rulebook, new: Rulebook) -> str:
    before, after = old.rule(rule), new.rule(rule)
    if before is None or after is None:
        return "not in the old rules" if before is None else "not in the new rules"
    return "" if before.status is after.status else f"{before.status.value} before, {after.status.value} now"


def _moved(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} -> {after:,}"


def _words(diff: Diff) -> Iterator[str]:
    from listener.rulebook.replay import words_of

    yield from (f"+{rule}" for rule in diff.fires)
    yield from (f"-{rule}" for rule in diff.stops)
    for words in words_of(diff):
        if words not in ("a rule newly fires", "a rule stops firing"):
            yield words


def _cut(text: str | None) -> str:
    if text is None:
        return "(gone)"
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else f"{flat[:79]}…"


def _told(found: Replayed, kept: Kept, brand: str, old: Rulebook, new: Rulebook) -> dict[str, Any]:
    outcome = found.outcome
    return {
        "brand": brand,
        "old": old.hash,
        "new": new.hash,
        "from": kept.start,
        "to": kept.end,
        "same": outcome.same,
        "judged": outcome.judged,
        "differing": outcome.differing,
        "text_gone": outcome.text_gone,
        "unheard": outcome.unheard,
        "short_counts": outcome.short_counts,
        "unlearned": outcome.unlearned,
        "otherwise_scored": outcome.otherwise_scored,
        "rules": dict(sorted(outcome.rules.items())),
        "changes": dict(sorted(outcome.changes.items())),
        "night": outcome.night,
        "by_hour": {str(hour): paged for hour, paged in sorted(outcome.by_hour.items())},
        "mentions": outcome.diffs,
        "left_off": outcome.differing - len(outcome.diffs),
        "per_second": round(found.mentions / found.seconds, 1) if found.mentions and found.seconds else None,
    }
