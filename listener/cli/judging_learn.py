"""`hubbub judge learn OUTCOMES --out MODEL`: what a team's own decisions teach, into a file of plain numbers; and `score --model MODEL`.

Owns the dialogue, and which score is taken: the learned one where it counts, else need. Refuses to learn and to score by itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, wrong_usage
from listener.cli.rules.folder import add_folder

if TYPE_CHECKING:
    from listener.learning import Decision, Measured, Model
    from listener.model.heard import Mention
    from listener.model.judged import Assessment
    from listener.sources.files.columns import Cell
    from listener.sources.files.stream import ImportStream

LEARNED = "learned"
"""The column of OUT in which a model's own number stands, whether or not it counts."""
SHOWN = 20
MAX_SEED = (1 << 32) - 1
MAX_MODEL = 8 << 20
"""Bytes of a model's file: one with as many marks as there may be has less than 1 MB."""
_SAID: Mapping[str, bool] = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def configure_learn(actions: argparse._SubParsersAction[Any]) -> None:
    """`learn`."""
    about = "what your team answered and what not, as a small model that counts only where it beats need"
    made = actions.add_parser("learn", help=about, description=f"{about[0].upper()}{about[1:]}.")
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable summary")
    made.add_argument(
        "file", type=Path, nargs="?", metavar="OUTCOMES",
        help="JSONL or CSV, plain or gzipped: id, text, answered; without it, what the brand's people decided, from the database",
    )  # fmt: skip
    made.add_argument("--out", type=Path, metavar="MODEL", help="with OUTCOMES: written anew: JSON, plain numbers")
    made.add_argument(
        "--answered", default="answered", metavar="COLUMN", help="which column says it: 1 or 0; default answered"
    )
    made.add_argument("--seed", type=int, default=0, help="the same decisions and seed make the same model; default 0")
    made.add_argument("--lang", default="", metavar="CODE", help="the language that rows claim that claim none")
    made.add_argument(
        "--brand",
        default="",
        metavar="NAME",
        help="the brand of rows that name none; without OUTCOMES, whose decisions (its key)",
    )
    made.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help="as hubbub import has it")
    made.add_argument("--encoding", default="utf-8", metavar="NAME", help="of the text; default utf-8")
    add_folder(made)
    made.epilog = """\
examples:
  hubbub judge learn --brand larkspur          from the brand's own decisions, into force where it beats need
  hubbub judge learn outcomes.jsonl --out model.json
  hubbub judge learn tweets.csv.gz --out model.json --map id=tweet_id --answered replied --lang en

Of a row are read what `hubbub judge score` reads, and whether it was answered (1, 0, yes, no, true, false). With a time in every row the
latest 30 % are held back to measure on, else the last 30 % of the file. Give the author where you can: words count that three people said.
It needs the extra: pip install 'hubbub[learn]'. Scoring by a model does not.
Exit codes: 0 the model counts, 1 it does not, rows were left out or are too few to learn from, 2 wrong usage."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """--model, of `score`."""
    parser.add_argument(
        "--model", type=Path, metavar="MODEL",
        help="score by what hubbub judge learn made, where it counts, else by need; its own number stands in the column learned",
    )  # fmt: skip


def model_asked(arguments: argparse.Namespace, need: str) -> Model | None:
    """The model of --model. FixMe: it cannot be read, or was learned beside another need than this."""
    from listener.errors import FixMe
    from listener.learning import model_from

    if arguments.model is None:
        return None
    where = str(arguments.model)
    try:
        with arguments.model.open("rb") as file:
            held = file.read(MAX_MODEL + 1)
    except OSError as err:
        raise wrong_usage(f"the model cannot be read: {err.strerror}", "hubbub judge learn makes one", where) from None
    if len(held) > MAX_MODEL:
        raise FixMe("this is no model: it is too large", where=where, hint="make it anew with: hubbub judge learn")
    model = model_from(held, where)
    if model.need != need:
        raise FixMe(
            f"this model was learned beside {model.need}, and these rules judge by {need}",
            where=where,
            hint="learn it anew with these rules, or give --rules those that it was learned with",
        )
    return model


def learned_row(model: Model, text: str, found: Assessment) -> dict[str, Any]:
    """What a model changes in a row of OUT."""
    from listener.learning import opinion, titles

    thinks = opinion(model, text, found.need, titles(found.because))
    reasons = [*found.because, *thinks.because]
    return {"score": thinks.score if model.counts else found.need, LEARNED: thinks.score, "reasons": reasons}


@dataclass(slots=True)
class Taught:
    """What a run came to."""

    decisions: int = 0
    answered: int = 0
    rejects: int = 0
    columns: str = ""
    shown: list[str] = field(default_factory=list)
    counts: bool = False
    why: str = ""
    method: str = ""
    measured: Measured | None = None


def run_learn(
    arguments: argparse.Namespace, stream: ImportStream, judge: Callable[[Mention, Cell], Assessment], need: str
) -> int:
    """Learns from a file's rows, judged out of the box by `judge`; exit code 1 when the model does not count or lines were left out."""
    from listener.cli.terminal import counted, print_json, run_async, say
    from listener.service.learner import Lessons, learn

    if not 0 <= arguments.seed <= MAX_SEED:
        raise wrong_usage(f"--seed is a number from 0 to {MAX_SEED}", "without it, it is 0")
    told = Taught(columns=str(stream.columns))
    decisions = _decisions(stream, judge, arguments.answered, told)

    async def learning() -> int:
        model = await learn(Lessons(tuple(decisions), need, arguments.seed))
        write_whole(arguments.out, model.to_json())
        told.counts, told.why, told.method, told.measured = model.counts, model.why, model.method, model.measured
        return FINE if model.counts and not told.rejects else FINDINGS

    code = run_async(learning())
    if arguments.json:
        print_json(told)
        return code
    say(
        f"{counted(told.decisions, 'decision')}, {told.answered:,} of them answered, into {arguments.out}; {told.columns}"
    )
    say(told.why)
    if told.measured is not None:
        say(f"of the answered, the upper fifth holds {told.measured.top:.0%}; by need {told.measured.top_need:.0%}")
    for line in told.shown[:SHOWN]:
        say(f"  {arguments.file}: {line}")
    if told.rejects > SHOWN:
        say(f"  and {told.rejects - SHOWN:,} more; hubbub judge learn --json lists them all")
    return code


def _decisions(
    stream: ImportStream, judge: Callable[[Mention, Cell], Assessment], column: str, told: Taught
) -> list[Decision]:
    from listener.cli.terminal import Bar, counted
    from listener.learning import Decision, titles
    from listener.model.heard import Reject

    decisions: list[Decision] = []
    bar = Bar(stream.plan.path.stat().st_size, "rows")
    for item, cell in stream.rows():
        if isinstance(item, Reject) or cell is None:
            told.rejects += 1
            if isinstance(item, Reject):
                told.shown.append(item.detail)
            continue
        answered = _SAID.get(_said(cell, column).strip().lower().removesuffix(".0"))
        if answered is None:
            told.rejects += 1
            told.shown.append(f"id {item.key.external_id}: {column} is neither 1 nor 0")
            continue
        found = judge(item, cell)
        author = item.author.external_id
        decisions.append(
            Decision(
                item.text,
                answered,
                found.need,
                titles(found.because),
                "" if author == "unknown" else author,
                item.network_at,
            )
        )
        bar.show(stream.progress[0], counted(len(decisions), "row"))
    bar.end()
    told.decisions, told.answered = len(decisions), sum(one.answered for one in decisions)
    return decisions


def _said(cell: Cell, column: str) -> str:
    try:
        return cell(column)
    except (KeyError, ValueError):
        return ""


def write_whole(path: Path, text: str) -> None:
    """The file is there whole, or as it was."""
    import os

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
