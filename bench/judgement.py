"""Judgement: what each of its methods costs a mention, beside a peer on the same texts in the same run. `--equal` counts differences, too.

Texts are the ingest bench's. Equality with the package is asked of texts that are made from its own word lists to visit every corner.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from vaderSentiment import vaderSentiment as published  # noqa: N813

from bench.ingest import line, texts
from listener import rulefiles
from listener.assess import Judge
from listener.language import Languages
from listener.learning import VERSION, Measured, Model, marks
from listener.model.heard import Author, Hearing, Key, Mention
from listener.model.judged import Context
from listener.model.kinds import Kind, Via
from listener.private import private
from listener.rulebook.parse import parse
from listener.rulebook.sentences import naming
from listener.rulebook.shape import Rulebook
from listener.sentiment import Vader
from listener.service.rules import load_methods
from tests.core.vader_texts import texts as corners

ROUNDS = 5
NAMES = ("the app", "larkspur", "larkspur.example")
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MENTION = Mention(Key("bench", "1"), "bluesky", Author("bench", "1"), "", Kind.POST, b"", langs=("en",))


def per_text(act: Callable[[str], object], said: Sequence[str]) -> float:
    """Microseconds a text."""
    began = time.perf_counter()
    for text in said:
        act(text)
    return (time.perf_counter() - began) / len(said) * 1e6


def beside(ours: Callable[[str], object], peer: Callable[[str], object], said: Sequence[str]) -> tuple[float, float]:
    """Medians of several rounds, in turn, so that a busy machine slows both."""
    pairs = [(per_text(ours, said), per_text(peer, said)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs)


def measured(many: int, equal: int) -> int:
    """All figures of this bench. The number of texts on which we differ from the package."""
    said = [text for _, text in zip(range(many), _endless(texts()), strict=False)]
    package = published.SentimentIntensityAnalyzer()
    vader, languages = Vader.load(), Languages.load()
    ours, peer = beside(vader._scorer.scores, package.polarity_scores, said)
    line("judgement: tone, the four numbers", ours, peer, "vaderSentiment", "us/mention")
    ours, peer = beside(lambda text: vader.tone(text, "en"), package.polarity_scores, said)
    line("judgement: tone, with handles and addresses out", ours, peer, "vaderSentiment alone", "us/mention")
    ours, peer = beside(languages.find, package.polarity_scores, said)
    line("judgement: language", ours, peer, "vaderSentiment alone", "us/mention")
    ours, peer = beside(lambda text: naming(text, NAMES), package.polarity_scores, said)
    line("judgement: the sentences that name us", ours, peer, "vaderSentiment alone", "us/mention")
    ours, peer = beside(private, package.polarity_scores, said)
    line("judgement: what is private in it", ours, peer, "vaderSentiment alone", "us/mention")
    ours, peer = beside(*_whole(), said)
    line("judgement: the whole, shipped rules and signals of need", ours, peer, "without the signals", "us/mention")
    ours, peer = beside(*_learned(said), said)
    line(
        "judgement: the whole, and what was learned from a team (15,000 numbers)",
        ours,
        peer,
        "without it",
        "us/mention",
    )
    ours, peer = beside(*_thousand(said), said)
    line("judgement: the whole, 1,000 rules more", 1e6 / ours, 1e6 / peer, "shipped rules", "mentions/s a core")
    differ = 0
    began = time.perf_counter()
    for text in corners(published, package, 7, equal):
        found = package.polarity_scores(text)
        differ += vader._scorer.scores(text) != (found["neg"], found["neu"], found["pos"], found["compound"])
    told = {"bench": "judgement: texts on which the four numbers differ from vaderSentiment's", "ours": differ, "of": equal,
            "seconds": round(time.perf_counter() - began, 1)}  # fmt: skip
    print(json.dumps(told), flush=True)
    return differ


def _whole() -> tuple[Callable[[str], object], Callable[[str], object]]:
    """The whole judgement of a text to us, and the same by the same rules without the section `need`."""
    book = _shipped()
    methods = load_methods().with_lexicon(book.lexicon)
    context, hearings = Context("", addresses=True), (Hearing(1, Via.MENTION),)

    def by(rulebook: Rulebook) -> Callable[[str], object]:
        judge = Judge(rulebook, methods, lambda: NOW)
        return lambda text: judge(replace(MENTION, text=text), hearings, context)

    return by(book), by(replace(book, need=()))


def _learned(said: Sequence[str]) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """The whole judgement with a model that knows nearly all that is said, and without."""
    book = _shipped()
    known = dict.fromkeys(sorted({mark for text in said for mark in marks(text)})[:15_000], 0.01)
    nothing = Measured(0, 0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0)
    model = Model(VERSION, book.signals.method, 1, 1, nothing, True, "", 0.0, 1.0, {"question": 0.1}, known)
    methods = replace(load_methods().with_lexicon(book.lexicon), models={"bench": model})
    judge = Judge(book, methods, lambda: NOW)
    hearings = (Hearing(1, Via.MENTION),)

    def by(context: Context) -> Callable[[str], object]:
        return lambda text: judge(replace(MENTION, text=text), hearings, context)

    return by(Context("", addresses=True, model="bench")), by(Context("", addresses=True))


def _thousand(said: Sequence[str]) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """The whole judgement by the shipped rules and 1,000 more that ask for words that are said here, and by the shipped ones alone."""
    dice = random.Random(7)
    words = sorted({word for text in said for word in text.casefold().split() if word.isalpha() and len(word) > 3})
    rules = [
        f"  - {{id: bench-{n}, title: B, owner: b, scope: {{addressed: yes}}, when: '({a} NEAR/5 {b}) OR \"{c} {d}\" OR ({e} AND NOT {f})', "
        f"then: {{tags: [bench]}}}}"
        for n in range(1_000)
        for a, b, c, d, e, f in (dice.sample(words, 6),)
    ]
    shipped = _shipped()
    more = parse({**shipped.files, "bench.yaml": "rules:\n" + "\n".join(rules)})
    assert isinstance(more, Rulebook), more
    context, hearings = Context("", addresses=True), (Hearing(1, Via.MENTION),)

    def by(rulebook: Rulebook) -> Callable[[str], object]:
        judge = Judge(rulebook, load_methods().with_lexicon(rulebook.lexicon), lambda: NOW)
        return lambda text: judge(replace(MENTION, text=text), hearings, context)

    return by(more), by(shipped)


def _shipped() -> Rulebook:
    book = rulefiles.load(rulefiles.default_folder())
    assert isinstance(book, Rulebook)
    return book


def _endless(said: Sequence[str]) -> Sequence[str]:
    return [*said] * (1 + 20_000 // max(1, len(said)))


def main() -> int:
    """Exit code 1 when any text differs."""
    parser = argparse.ArgumentParser(prog="python -m bench judgement", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts")
    parser.add_argument(
        "--equal", type=int, default=0, metavar="N", help="made texts to compare (1,000,000; quick 20,000)"
    )
    arguments = parser.parse_args()
    equal = arguments.equal or (20_000 if arguments.quick else 1_000_000)
    return int(bool(measured(2_000 if arguments.quick else 10_000, equal)))


if __name__ == "__main__":
    sys.exit(main())
