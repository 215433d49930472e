"""`hubbub judge learn --brand KEY`, `judge models` and `judge report`: what a brand's own decisions have taught, and how that fares.

Owns the dialogue and the lines. Refuses to learn and to measure: `listener.service.school` and `listener.weekly` do.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.looking import add_where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from listener.service.database import House
    from listener.store.decisions import Fared
    from listener.store.learned import LearnedModel, Learning
    from listener.weekly import Drift, Figures, Week

DOES = ("list", "on", "off", "forget", "export")
WEEKS = 12
MOST_WEEKS = 520


def configure_models(actions: argparse._SubParsersAction[Any]) -> None:
    """`models`."""
    about = "what was learned from a brand's decisions, and whether it speaks; switch it on or off, forget it, write it into a file"
    made = actions.add_parser("models", help=about, description=f"{about[0].upper()}{about[1:]}.")
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
    made.add_argument("do", nargs="?", choices=DOES, default="list", help="default: list")
    made.add_argument(
        "--out", type=Path, metavar="MODEL", help="for export: the model in force, as JSON, plain numbers"
    )
    add_where(made)
    made.epilog = """\
examples:
  hubbub judge models
  hubbub judge models off --brand larkspur        nothing learned speaks, and nothing is learned
  hubbub judge models export --out model.json     the one in force, for hubbub judge score --model
  hubbub judge models forget --brand larkspur     delete all numbers that were learned; figures stay

A lead or an admin of the brand switches and forgets. learning = false under [[brand]] in the settings switches it off as well.
Exit code 1 when nothing that was learned speaks."""


def configure_report(actions: argparse._SubParsersAction[Any]) -> None:
    """`report`."""
    about = "how need and what was learned fare on the team's own decisions, week by week"
    made = actions.add_parser("report", help=about, description=f"{about[0].upper()}{about[1:]}.")
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable output")
    made.add_argument("--weeks", type=int, default=WEEKS, metavar="N", help=f"the latest so many ({WEEKS})")
    add_where(made)
    made.epilog = """\
examples:
  hubbub judge report
  hubbub judge report --brand larkspur --weeks 4 --json

AUC: the chance that of two messages, one that the team found to need an answer and one that it did not, the score puts the first above; 0.5 is
a coin. TOP 20 %: how many of those that needed one stand in the upper fifth. What counts as needing one: docs/judgement.md.
Exit code 1 when what was learned falls behind."""


# Learning ------------------------------------------------------------------------------------------------------------


def learn_from_brand(arguments: argparse.Namespace) -> int:
    """Learns from what the brand's people decided, now."""
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import counted, print_json, run_async, say

    async def inside() -> int:
        from listener.service.school import look
        from listener.store import learned

        async with opened_brand(arguments) as (settings, house, brand_id):
            state = await learned.state(house.pool, brand_id)
            if not state.is_on:
                raise wrong_usage(
                    f"learning is {state.stands}", "hubbub judge models on, and the settings, switch it on"
                )
            now = datetime.now(UTC)
            await learned.claim(house.pool, brand_id, now, timedelta(0))  # the listener's next look is a day from now
            found = await look(house.pool, brand_id, now, tones=settings.tones)
            speaks = (await learned.in_force(house.pool)).get(brand_id, "")
        if arguments.json:
            print_json(
                {
                    "decisions": found.decisions,
                    "told": found.told,
                    "version": found.version,
                    "counts": found.counts,
                    "in_force": speaks,
                }
            )
        else:
            say(f"{counted(found.decisions, 'decision')}; {found.told}")
            print(f"{speaks} speaks" if speaks else "nothing that was learned speaks")
        return FINE if found.counts else FINDINGS

    return run_async(inside())


# Models --------------------------------------------------------------------------------------------------------------


def run_models(arguments: argparse.Namespace) -> int:
    """Lists, switches, forgets or exports."""
    from listener.cli.looking import me, opened_brand
    from listener.cli.terminal import counted, print_json, run_async, say
    from listener.store import learned

    if (arguments.do == "export") != (arguments.out is not None):
        raise wrong_usage(
            "--out goes with export, and export with --out", "hubbub judge models export --out model.json"
        )

    async def inside() -> int:
        async with opened_brand(arguments, reading=arguments.do in {"list", "export"}) as (settings, house, brand_id):
            now = datetime.now(UTC)
            if arguments.do == "export":
                return await _export(house, brand_id, arguments)
            if arguments.do != "list":
                person = await me(settings, house, brand_id)
                if arguments.do == "forget":
                    gone = await learned.forget(house.pool, person.id, brand_id, now)
                    if not arguments.json:
                        say(f"{counted(gone, 'model')} forgotten; their figures stay")
                else:
                    await learned.switch(house.pool, person.id, brand_id, arguments.do == "on", now)
            state, models = await learned.state(house.pool, brand_id), await learned.models(house.pool, brand_id)
        if arguments.json:
            rows = [{**_facts(one), "measured": one.measured} for one in models]
            print_json(
                {
                    "learning": state.stands,
                    "on": state.is_on,
                    "tried_at": state.tried_at,
                    "told": state.told,
                    "models": rows,
                }
            )
        else:
            print("\n".join(_model_lines(state, models, now)))
        return FINE if any(one.in_force for one in models) or arguments.do != "list" else FINDINGS

    return run_async(inside())


async def _export(house: House, brand_id: int, arguments: argparse.Namespace) -> int:
    from listener.cli.judging_learn import write_whole
    from listener.cli.terminal import print_json
    from listener.errors import FixMe
    from listener.store import learned

    version = (await learned.in_force(house.pool)).get(brand_id, "")
    model = (await learned.numbers(house.pool, [version] if version else [])).get(version)
    if model is None:
        raise FixMe("nothing that was learned is in force here", hint="hubbub judge models says why")
    write_whole(arguments.out, model.to_json())
    if arguments.json:
        print_json({"version": version, "out": str(arguments.out)})
    else:
        print(f"{version} into {arguments.out}")
    return FINE


def _facts(one: LearnedModel) -> Mapping[str, Any]:
    return {
        "version": one.version,
        "made_at": one.made_at,
        "need": one.need,
        "decisions": one.decisions,
        "answered": one.answered,
        "counts": one.counts,
        "why": one.why,
        "in_force": one.in_force,
        "stands": one.stands,
        "held": one.held,
    }


def _model_lines(state: Learning, models: Sequence[LearnedModel], now: datetime) -> Iterator[str]:
    from listener.cli.terminal import coloured, counted, moment

    yield f"learning is {state.stands}; looked {moment(state.tried_at, now)}{f': {state.told}' if state.told else ''}"
    if not models:
        yield "nothing was learned yet; hubbub judge learn --brand KEY does it now"
    for one in models:
        yield ""
        yield f"{coloured(one.version, 'bold')}, {moment(one.made_at, now)}, of {counted(one.decisions, 'decision')}, {one.answered:,} answered"
        yield f"  {coloured(one.stands, 'green' if one.in_force else 'dim')}"
        yield f"  {one.why}"


# The report ----------------------------------------------------------------------------------------------------------


def run_report(arguments: argparse.Namespace) -> int:
    """Both scores, week by week."""
    from listener.cli.looking import opened_brand
    from listener.cli.terminal import print_json, run_async
    from listener.service.learner import MOST
    from listener.service.school import how_it_fares
    from listener.store import decisions, learned
    from listener.weekly import figures, weeks

    if not 1 <= arguments.weeks <= MOST_WEEKS:
        raise wrong_usage(f"--weeks is a number from 1 to {MOST_WEEKS}", f"without it, it is {WEEKS}")

    async def inside() -> int:
        now = datetime.now(UTC)
        since = now - timedelta(weeks=arguments.weeks)
        async with opened_brand(arguments, reading=True) as (_, house, brand_id):
            found = await decisions.fared(house.pool, brand_id, MOST, since)
            held = [one for one in await learned.held_back(house.pool, brand_id) if one.at >= since]
            speaking, fares = await how_it_fares(house.pool, brand_id)
        rows = weeks([one.scored for one in found], held)
        all_of_it = figures([one.scored for one in found])
        decided = _by_why(found)
        if arguments.json:
            print_json({
                "decisions": len(found), "needed": sum(one.outcome.needed for one in found), "by": decided, "weeks": rows,
                "figures": all_of_it, "model": _facts(speaking) if speaking else None, "drift": fares,
            })  # fmt: skip
        else:
            print("\n".join(_report_lines(rows, decided, all_of_it, speaking, fares)))
        return FINDINGS if fares is not None and fares.falls else FINE

    return run_async(inside())


def _by_why(found: Sequence[Fared]) -> dict[str, int]:
    told: dict[str, int] = {}
    for one in found:
        told[one.outcome.why.value] = told.get(one.outcome.why.value, 0) + 1
    return dict(sorted(told.items(), key=lambda pair: (-pair[1], pair[0])))


def _report_lines(
    rows: Sequence[Week],
    decided: Mapping[str, int],
    all_of_it: Figures,
    speaking: LearnedModel | None,
    fares: Drift | None,
) -> Iterator[str]:
    from listener.cli.terminal import coloured, counted, table

    if not rows:
        yield "nothing was decided in these weeks: nothing was answered, closed or marked by a person"
        return
    yield f"{counted(sum(decided.values()), 'decision')}: {', '.join(f'{n:,} {why}' for why, n in decided.items())}"
    lines = [("WEEK OF", "DECIDED", "NEEDED", "AUC NEED", "LEARNED", "TOP 20 % NEED", "LEARNED", "SCORED")]
    for week in rows:
        f = week.figures
        told = (_figure(f.auc_need), _figure(f.auc), _share(f.top_need), _share(f.top))
        lines.append(
            (f"{week.begins}", f"{week.decisions:,}", f"{week.needed:,}", *told, week.compared or "by need alone")
        )
    yield table(lines)
    if all_of_it.minutes is not None:
        yield f"half of the answered were answered within {all_of_it.minutes:,.0f} minutes"
    for week in rows:
        if week.compared and week.figures.lifted:
            f = week.figures
            did = "put" if week.compared == "live" else "would have put"
            yield (
                f"week of {week.begins}: it {did} {f.lifted} others into the upper fifth, of which {f.lifted_needed} needed an answer; "
                f"of those it took out {f.sunk_needed} did"
            )
    if speaking is None or fares is None:
        yield "nothing that was learned speaks: hubbub judge models says why"
    else:
        yield coloured(f"{speaking.version}: {fares.what}", "yellow" if fares.falls else "green")
        if fares.falls:
            yield f"  what to do: {TODO}"


TODO = "learn anew with hubbub judge learn --brand KEY; or switch it off with hubbub judge models off --brand KEY"


def _figure(number: float | None) -> str:
    return "-" if number is None else f"{number:.3f}"


def _share(number: float | None) -> str:
    return "-" if number is None else f"{number:.0%}"
