"""`hubbub judge score IN --out OUT`: every row of a file through the whole judgement, into a file; no database. (Learning is next door.)

The judge, the methods and the rules are the service's own. Owns the dialogue and what stands in OUT; refuses to store and to judge.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from listener.cli import FINDINGS, FINE, Parser, wrong_usage
from listener.cli.judging_learn import LEARNED, add_model, configure_learn, learned_row, model_asked, run_learn
from listener.cli.judging_models import configure_models, configure_report, learn_from_brand, run_models, run_report
from listener.cli.rules.folder import add_folder

if TYPE_CHECKING:
    from listener.assess import Judge
    from listener.model.heard import Mention
    from listener.model.judged import Assessment
    from listener.rulebook.shape import Rulebook
    from listener.rulebook.subject import Methods, Topics
    from listener.sources.files.columns import Cell

COLUMNS = ("id", "label", "score", "need", "lang", "reasons")
SHOWN = 20
"""Bad lines that are told one by one; the rest are counted."""
FOLLOWERS = ("followers", "followers_count", "follower_count")
_NO = frozenset({"no", "false", "0"})


def configure_judge(parser: argparse.ArgumentParser) -> None:
    """What to do."""
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT", parser_class=Parser)
    about = "label, score, need, language and reasons of every row of a file"
    made = actions.add_parser("score", help=about, description=f"{about[0].upper()}{about[1:]}.")
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="machine-readable summary")
    made.add_argument("file", type=Path, metavar="IN", help="JSONL or CSV, plain or gzipped")
    made.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="written anew: .csv or .jsonl, and .gz behind it"
    )
    made.add_argument(
        "--score", choices=("tone", "need"), default="tone",
        help="what stands in the column score: VADER's compound (default), or need for an answer",
    )  # fmt: skip
    made.add_argument("--lang", default="", metavar="CODE", help="the language that rows claim that claim none")
    made.add_argument(
        "--brand", default="", metavar="NAME", help="the brand of rows that name none: its name is no mood"
    )
    made.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="which column is which, as hubbub import has it",
    )
    made.add_argument("--encoding", default="utf-8", metavar="NAME", help="of the text; default utf-8")
    add_model(made)
    add_folder(made)
    made.epilog = """\
examples:
  hubbub judge score mentions.jsonl --out judged.csv
  hubbub judge score tweets.csv.gz --out need.csv --score need --map id=tweet_id --lang en
  hubbub judge score mentions.jsonl --out judged.csv --model model.json

Of a row are read: id, text and, where they are there, lang, at, author, parent, brand, followers, rating, links, tags, and addressed (no: it
is only about us; else it counts as written to us). OUT has one row for each, in the same order: id, label (negative, neutral, positive,
not_scored), score, need (0 to 1), lang, reasons (JSON).
Lines that cannot be read are told with their number and left out.
Exit codes: 0 all rows judged, 1 some left out, 2 wrong usage or rules that cannot be read."""
    configure_learn(actions)
    configure_models(actions)
    configure_report(actions)
    parser.epilog = """\
examples:
  hubbub judge score mentions.jsonl --out judged.csv
  hubbub judge report
  hubbub judge models off --brand larkspur
  hubbub judge learn outcomes.jsonl --out model.json
  hubbub judge score --help"""


@dataclass(slots=True)
class Scored:
    """What a run came to."""

    rows: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    rejects: int = 0
    columns: str = ""
    shown: list[str] = field(default_factory=list)
    methods: Mapping[str, str] = field(default_factory=dict)


def run_judge(arguments: argparse.Namespace) -> int:
    """Scores the file, or learns from it (exit code 1 when lines were left out); or is about what was learned in the database."""
    from listener.cli.importing import pair
    from listener.cli.rules.folder import methods_asked, rulebook_asked
    from listener.cli.terminal import Bar, counted, print_json, say
    from listener.model.heard import Reject
    from listener.sources.files import ImportPlan, ImportStream

    if arguments.what == "models":
        return run_models(arguments)
    if arguments.what == "report":
        return run_report(arguments)
    if arguments.file is None:
        return learn_from_brand(arguments)
    if arguments.out is None:
        raise wrong_usage("where shall the model be written?", "name a file: --out model.json")
    if arguments.out.exists() and arguments.out.samefile(arguments.file):
        raise wrong_usage("IN and OUT are the same file", "write to another one")
    columns = dict(pair(text, "--map") for text in arguments.map)
    stream = ImportStream(ImportPlan(path=arguments.file, columns=columns, encoding=arguments.encoding))
    book = rulebook_asked(arguments)
    judging = Judging(book, methods_asked(arguments), arguments.brand, arguments.lang)
    if arguments.what == "learn":
        return run_learn(arguments, stream, judging.judge, book.signals.method)
    model = model_asked(arguments, book.signals.method)
    learned = {LEARNED: model.method} if model is not None and model.counts else {}
    told, bar = Scored(columns=str(stream.columns)), Bar(arguments.file.stat().st_size, "rows", quiet=arguments.json)
    with writing(arguments.out, (*COLUMNS, LEARNED) if model is not None else COLUMNS) as write:
        for item, cell in stream.rows():
            if isinstance(item, Reject) or cell is None:
                told.rejects += 1
                if isinstance(item, Reject):
                    told.shown.append(item.detail)
                continue
            found = judging.judge(item, cell)
            told.rows += 1
            told.labels[found.tone.label.value] = told.labels.get(found.tone.label.value, 0) + 1
            told.methods = {**found.methods, **learned}
            row = _row(item.key.external_id, found, arguments.score)
            write({**row, **learned_row(model, item.text, found)} if model is not None else row)
            bar.show(stream.progress[0], counted(told.rows, "row"))
    bar.end()
    if arguments.json:
        print_json(told)
        return FINDINGS if told.rejects else FINE
    labels = ", ".join(f"{many:,} {label.replace('_', ' ')}" for label, many in sorted(told.labels.items()))
    say(f"{counted(told.rows, 'row')} into {arguments.out}: {labels or 'nothing'}; columns: {told.columns}")
    if model is not None:
        say(f"{model.method}: {model.why}")
    for line in told.shown[:SHOWN]:
        say(f"  {arguments.file}: {line}")
    if told.rejects > SHOWN:
        say(f"  and {told.rejects - SHOWN} more; hubbub judge score --json lists them all")
    return FINDINGS if told.rejects else FINE


class Judging:
    """The service's judge over rows, with the brand that each names."""

    def __init__(self, rulebook: Rulebook, methods: Methods, brand: str, lang: str) -> None:
        self._rulebook = rulebook
        self._brand = brand
        self._lang = lang
        self._methods = methods.with_lexicon(rulebook.lexicon)
        self._now = datetime.now(UTC)
        self._judges: dict[str, tuple[Judge, Topics]] = {}

    def judge(self, mention: Mention, cell: Cell) -> Assessment:
        """What the service would think of a row, had it heard it now for a brand without a past."""
        from listener.model.heard import Hearing
        from listener.model.judged import Context
        from listener.model.kinds import Via

        if self._lang and not mention.langs:
            mention = replace(mention, langs=(self._lang,))
        judge, topics = self._for(_said(cell, ("brand",)) or self._brand)
        addressed = _said(cell, ("addressed",)).lower() not in _NO
        hearings = [Hearing(1, Via.TOPIC, key) for key in topics(mention, ())]
        if addressed:
            hearings.append(Hearing(1, Via.MENTION))
        followers = _said(cell, FOLLOWERS).replace(",", "")
        context = Context(
            "", addresses=addressed, followers=int(followers) if followers.isdecimal() and followers.isascii() else None
        )
        return judge(mention, hearings, context, self._now)

    def _for(self, brand: str) -> tuple[Judge, Topics]:
        """A brand's name becomes a topic's, as if it were tracked: a name is no mood."""
        if brand not in self._judges:
            from listener.assess import Judge, topics_of
            from listener.rulebook.parse import parse
            from listener.rulebook.shape import Rulebook
            from listener.rulebook.track import track_file

            book = self._rulebook
            tracked = parse({"track.yaml": track_file([brand])}) if brand else None
            if isinstance(tracked, Rulebook):
                book = replace(book, topics=tracked.topics)
            self._judges[brand] = Judge(book, self._methods, self._clock), topics_of(book, "", self._clock)
        return self._judges[brand]

    def _clock(self) -> datetime:
        return self._now


def _said(cell: Cell, columns: Iterable[str]) -> str:
    """What the first of these columns that there is says; "": none, or no single value."""
    for column in columns:
        with suppress(KeyError, ValueError):
            if said := cell(column).strip():
                return said
    return ""


def _row(id_: str, found: Assessment, score: str) -> dict[str, Any]:
    tone = "" if found.tone.compound is None else found.tone.compound
    return {
        "id": id_,
        "label": found.tone.label.value,
        "score": found.need if score == "need" else tone,
        "need": found.need,
        "lang": found.lang,
        "reasons": list(found.because),
    }


@contextmanager
def writing(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Mapping[str, Any]], object]]:
    """What writes a row into a file by its ending. The file is there whole, or as it was."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as plain:
            packed: Any = gzip.GzipFile(filename="", fileobj=plain, mode="wb") if path.suffix == ".gz" else plain
            with io.TextIOWrapper(packed, "utf-8", newline="") as text:
                yield _writer(path, text, columns)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _writer(path: Path, text: IO[str], columns: Sequence[str]) -> Callable[[Mapping[str, Any]], object]:
    if ".jsonl" in path.suffixes:
        return lambda row: text.write(json.dumps(row) + "\n")
    table = csv.DictWriter(text, columns)
    table.writeheader()
    return lambda row: table.writerow({**row, "reasons": json.dumps(row["reasons"])})
