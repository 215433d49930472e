"""The worker that learns: a process of its own, `python -m listener.service.learner`, and the one place that names scikit-learn.

It reads one order from stdin and writes what came of it to stdout, framed as the replayer's are. Owns how a model is fitted, measured and
found good enough; refuses to score a message (`listener.learning` does), and to keep a text: it opens no database, writes no file, and ends.

The same decisions and seed make the same model. Fitted is a logistic regression with an L2 penalty, which suits a few hundred decisions and is
plain numbers in the end. Marks are scaled by how much oftener answered messages hold them (Wang and Manning, "Baselines and Bigrams", 2012). How
strong the penalty is, and how log-odds become a chance (Platt), is found by cross-validation that keeps what one author said together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from listener.assess import Judge
from listener.errors import FixMe
from listener.learning import (
    FEWEST_AUTHORS,
    MOST_MARKS,
    VERSION,
    Decision,
    Measured,
    Model,
    log_odds,
    marks,
    opinion,
    share_of,
    titles,
)
from listener.rulebook.replay import Record
from listener.rulebook.subject import Methods
from listener.service.replayer import book_of, framed, read, receive
from listener.settings import ToneSettings
from listener.weekly import Scored

FEWEST = 200
"""Decisions that are needed,"""
FEWEST_PEOPLE = 20
"""and whose messages were answered, and not, among the earlier ones and among those held back: one person's say little of another's."""
MOST = 5_000
"""The latest so many are learned from: a team changes, and a worker has to come to an end."""
HELD = 0.3
"""Share of the decisions that is held back: the latest ones."""
REDRAWS = 1_000
LUCK = 2.5
"""Of 100 redraws, so many may say that nothing is gained."""
_PENALTIES = (0.01, 0.03, 0.1, 0.3)
"""Tried from strong to weak (scikit-learn's C)."""
_MARKS_WEIGH = 8.0
"""All marks of a text together have the length 1. Beside the signals, a 1 each, the penalty would keep them from being heard."""
_PARTS = 5
_TOP = 0.2


@dataclass(frozen=True, slots=True)
class Past:
    """A message of a brand's history, with what the team decided."""

    record: Record
    needed: bool


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from, said once: decisions that are judged already, or history that is judged first, by one rulebook for all of it."""

    decisions: tuple[Decision, ...]
    need: str
    """The method of need that judged them."""
    seed: int = 0
    rules: Mapping[str, str] = field(default_factory=dict)
    """Rule files by path, that judge `past`."""
    past: tuple[Past, ...] = ()
    tones: tuple[ToneSettings, ...] = ()
    """Models of tone that judge it with them."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it; with `problem` there is no model, and `hint` says what to do."""

    model: Model | None = None
    problem: str = ""
    hint: str = ""
    held_back: tuple[Scored, ...] = ()
    """The decisions it was measured on, with what was said of them before it learned from them; by the day."""


async def learn(lessons: Lessons) -> Model:
    """The model of these decisions, by a worker that is gone when this returns. FixMe: there are too few, or the library is not there."""
    done = await learned(lessons)
    assert done.model is not None  # noqa: S101
    return done.model


async def learned(lessons: Lessons) -> Learned:
    """The same, with what the model was measured on."""
    errors = None if os.environ.get("HUBBUB_DEBUG") else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listener.service.learner",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        with contextlib.suppress(ConnectionError):
            process.stdin.write(framed(lessons))
            await process.stdin.drain()
        done = await receive(process.stdout, Learned)
        if done is None:
            code = await process.wait()
            ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            raise FixMe(f"the process that learns ended: {ended}", hint="HUBBUB_DEBUG=1 shows what it said")
        if done.model is None:
            raise FixMe(done.problem, hint=done.hint)
        return done
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it holds nothing that could be lost
        await process.wait()


def serve(source: BinaryIO, sink: BinaryIO, load: Callable[[Sequence[ToneSettings]], Methods]) -> int:
    """Learns once. `load`: the methods that judge history."""
    lessons = read(source, Lessons)
    if lessons is None:
        return 0
    try:
        done = learned_of(_judged(lessons, load) if lessons.past else lessons)
    except FixMe as err:
        done = Learned(problem=err.what, hint=err.hint)
    except Exception as err:
        done = Learned(problem=f"the process that learns could not go on: {type(err).__name__}: {err}"[:2000])
    with contextlib.suppress(BrokenPipeError):
        sink.write(framed(done))
        sink.flush()
    return 0


def _judged(lessons: Lessons, load: Callable[[Sequence[ToneSettings]], Methods]) -> Lessons:
    """History as decisions: each message judged at its time, with what was known then, by these rules; nothing learned speaks."""
    book = book_of(lessons.rules)
    now = [datetime.min.replace(tzinfo=UTC)]
    judge = Judge(book, load(lessons.tones).with_lexicon(book.lexicon), lambda: now[0])
    decisions: list[Decision] = []
    for one in lessons.past:
        record, author = one.record, one.record.mention.author
        now[0] = record.judged_at
        found = judge(record.mention, record.hearings, replace(record.context, model=""))
        by = f"{author.space}/{author.external_id}"
        said = titles(found.because)
        decisions.append(Decision(record.mention.text, one.needed, found.need, said, by, record.said_at))
    return Lessons((*lessons.decisions, *decisions), book.signals.method, lessons.seed)


def model_of(lessons: Lessons) -> Model:
    """Learned from all of the decisions, and measured by one that was learned from the earlier ones alone. FixMe: too few."""
    done = learned_of(lessons)
    assert done.model is not None  # noqa: S101
    return done.model


def learned_of(lessons: Lessons) -> Learned:
    """The same, with what it was measured on."""
    decisions = _by_time(lessons.decisions)[-MOST:]
    cut = round(len(decisions) * (1.0 - HELD))
    earlier, held = decisions[:cut], decisions[cut:]
    for some, which in ((earlier, "earlier ones"), (held, f"latest {HELD:.0%}, which are held back")):
        told = [(one.answered, author) for one, author in zip(some, _authors(some), strict=True)]
        people = [len({author for answered, author in told if answered is kind}) for kind in (True, False)]
        if len(decisions) < FEWEST or min(people) < FEWEST_PEOPLE:
            of = f"among the {which} {people[0]:,} people were answered and {people[1]:,} were not"
            raise FixMe(
                f"too few decisions to learn from: there are {len(decisions):,}, and {of}",
                hint=f"{FEWEST} are needed, and {FEWEST_PEOPLE} people of each kind in either part",
            )
    try:
        import sklearn.linear_model  # noqa: F401 - what is limited must be there
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise FixMe("learning needs scikit-learn, which is not there", hint="pip install 'hubbub[learn]'") from None
    with threadpool_limits(1):  # sums in one order: the same model, and one core for everybody else
        measured, scores = _measured(_Fit(earlier, lessons), held, lessons.seed)
        counts = measured.gain_low > 0
        model = _Fit(decisions, lessons).model(measured, counts=counts, why=_why(measured, counts=counts))
        return Learned(model, held_back=tuple(_by_day(held, scores)))


def _by_day(held: Sequence[Decision], scores: Sequence[float]) -> Iterator[Scored]:
    for one, score in zip(held, scores, strict=True):
        if one.at is not None:
            day = one.at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            yield Scored(day, one.answered, one.need, score)


def _why(measured: Measured, *, counts: bool) -> str:
    told = f"AUC {measured.auc:.3f} against {measured.auc_need:.3f} of need on the latest {measured.held:,} decisions"
    span = f"a gain of {measured.gain_low:+.3f} to {measured.gain_high:+.3f} in {100 - 2 * LUCK:g} of 100 redraws"
    return f"it counts: {told}, {span}" if counts else f"it does not count: {told}, {span}: that may be luck"


def _by_time(decisions: Sequence[Decision]) -> list[Decision]:
    if any(one.at is None for one in decisions):
        return list(decisions)
    beginning = datetime.min.replace(tzinfo=UTC)
    return sorted(decisions, key=lambda one: one.at or beginning)


# Fitting -------------------------------------------------------------------------------------------------------------


class _Fit:
    """One regression over some decisions, found by cross-validation among them."""

    def __init__(self, decisions: Sequence[Decision], lessons: Lessons) -> None:
        import numpy
        from sklearn.model_selection import StratifiedGroupKFold

        self._lessons = lessons
        self.decisions = decisions
        said = [marks(one.text) for one in decisions]
        self._marks = _common(decisions, said)
        self._signals = sorted({title for one in decisions for title in one.signals})
        self._rows = _matrix(self._marks, said), self._told()
        self._answered = numpy.array([one.answered for one in decisions])
        groups = numpy.array(_authors(decisions))
        parts = StratifiedGroupKFold(_PARTS, shuffle=True, random_state=lessons.seed)
        self._parts = list(parts.split(self._rows[1], self._answered, groups))
        self.penalty, odds = self._best()
        self.slope, self.shift = _platt(odds, self._answered)

    def _told(self) -> Any:
        """Need and signals, as columns."""
        import numpy

        column = {title: place for place, title in enumerate(self._signals, 1)}
        told = numpy.zeros((len(self.decisions), len(column) + 1))
        for row, one in enumerate(self.decisions):
            told[row, 0] = log_odds(one.need)
            told[row, [column[title] for title in one.signals]] = 1.0
        return told

    def _best(self) -> tuple[float, Any]:
        """The penalty that does best on parts that were left out, with the log-odds it gave them."""
        import numpy

        found, once = [], numpy.ones(len(self.decisions))
        for penalty in _PENALTIES:
            odds = numpy.zeros(len(self.decisions))
            for learned, left_out in self._parts:
                start, by_mark, by_told = self._regress(penalty, learned)
                odds[left_out] = start + self._rows[0][left_out] @ by_mark + self._rows[1][left_out] @ by_told
            found.append((_Order(odds, self._answered).auc(once), -penalty, odds))
        _, penalty, odds = max(found, key=lambda one: one[:2])  # the stronger one, where two do as well
        return -penalty, odds

    def _regress(self, penalty: float, rows: Any) -> tuple[float, Any, Any]:
        """Start, weights of marks, weights of need and signals; by these rows alone."""
        import numpy
        from scipy.sparse import csr_matrix, hstack
        from sklearn.linear_model import LogisticRegression

        said, told, answered = self._rows[0][rows], self._rows[1][rows], self._answered[rows]
        held = said > 0
        yes, no = (numpy.asarray(held[answered == kind].sum(axis=0)).ravel() + 1.0 for kind in (True, False))
        oftener = numpy.log((yes / (answered.sum() + 2.0)) / (no / ((~answered).sum() + 2.0))) * _MARKS_WEIGH
        table = csr_matrix(hstack([said.multiply(oftener), csr_matrix(told)]))
        fitted = LogisticRegression(C=penalty, max_iter=1000, random_state=self._lessons.seed).fit(table, answered)
        weights = fitted.coef_[0]
        return float(fitted.intercept_[0]), weights[: len(oftener)] * oftener, weights[len(oftener) :]

    def model(self, measured: Measured, *, counts: bool, why: str) -> Model:
        """As plain numbers, made a chance."""
        import numpy

        start, by_mark, by_told = self._regress(self.penalty, numpy.arange(len(self.decisions)))
        weights = {mark: _short(self.slope * one) for mark, one in zip(self._marks, by_mark, strict=True)}
        signals = {one: _short(self.slope * by) for one, by in zip(self._signals, by_told[1:], strict=True)}
        return Model(
            version=VERSION,
            need=self._lessons.need,
            decisions=len(self.decisions),
            answered=int(self._answered.sum()),
            measured=measured,
            counts=counts,
            why=why,
            start=_short(self.slope * start + self.shift),
            by_need=_short(self.slope * by_told[0]),
            by_signal=signals,
            by_mark=weights,
        )


def _short(number: float) -> float:
    return float(f"{number:.5g}") + 0.0  # a database knows no -0


def _authors(decisions: Sequence[Decision]) -> list[str]:
    return [f"a{one.author}" if one.author else f"n{row}" for row, one in enumerate(decisions)]


def _common(decisions: Sequence[Decision], said: Sequence[frozenset[int]]) -> list[int]:
    """The marks that enough people said, in order."""
    pairs = {(author, mark) for author, some in zip(_authors(decisions), said, strict=True) for mark in some}
    people = Counter(mark for _, mark in pairs)
    enough = sorted((-many, mark) for mark, many in people.items() if many >= FEWEST_AUTHORS)
    return sorted(mark for _, mark in enough[:MOST_MARKS])


def _matrix(known: Sequence[int], said: Sequence[frozenset[int]]) -> Any:
    """Which decision holds which mark, each row as `learning.opinion` counts it."""
    from scipy.sparse import csr_matrix

    column = {mark: place for place, mark in enumerate(known)}
    columns: list[int] = []
    ends, values = [0], []
    for some in said:
        held = sorted(column[mark] for mark in some if mark in column)
        columns += held
        values += [share_of(len(held))] * len(held)
        ends.append(len(columns))
    return csr_matrix((values, columns, ends), shape=(len(said), len(known)))


def _platt(odds: Any, answered: Any) -> tuple[float, float]:
    """By how much log-odds of what was left out are to be stretched and shifted to be chances."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(odds.reshape(-1, 1), answered)
    return max(0.0, float(fitted.coef_[0][0])), float(fitted.intercept_[0])


# Measuring -----------------------------------------------------------------------------------------------------------


def _measured(fit: _Fit, held: Sequence[Decision], seed: int) -> tuple[Measured, list[float]]:
    """Need and the model of the earlier decisions on those held back, with its scores; authors are redrawn whole, since one's messages are alike."""
    import numpy

    nothing = Measured(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    model = fit.model(nothing, counts=False, why="")
    answered = numpy.array([one.answered for one in held])
    need = numpy.array([one.need for one in held])
    learned = numpy.array([opinion(model, one.text, one.need, one.signals).score for one in held])
    by_need, by_model = _Order(need, answered), _Order(learned, answered)
    _, author = numpy.unique(_authors(held), return_inverse=True)
    people = int(author.max()) + 1
    dice = numpy.random.default_rng(seed)
    gains: list[float] = []
    while len(gains) < REDRAWS:
        times = numpy.bincount(dice.integers(0, people, people), minlength=people)[author]
        if 0 < (times * answered).sum() < times.sum():
            gains.append(by_model.auc(times) - by_need.auc(times))
    low, high = numpy.percentile(gains, [LUCK, 100.0 - LUCK])
    once = numpy.ones(len(held))
    told = Measured(
        held=len(held),
        answered=int(answered.sum()),
        auc_need=round(by_need.auc(once), 4),
        auc=round(by_model.auc(once), 4),
        top_need=_top(need, answered),
        top=_top(learned, answered),
        gain_low=round(float(low), 4),
        gain_high=round(float(high), 4),
    )
    return told, [float(one) for one in learned]


class _Order:
    """Scores in order, made once for many redraws."""

    def __init__(self, scores: Any, answered: Any) -> None:
        import numpy

        _, self._place = numpy.unique(scores, return_inverse=True)
        self._answered = answered

    def auc(self, times: Any) -> float:
        """The area under the curve (ties count half) where each row is there so many times."""
        import numpy

        yes = numpy.bincount(self._place, times * self._answered)
        no = numpy.bincount(self._place, times * ~self._answered)
        return float((yes * (numpy.cumsum(no) - no / 2.0)).sum() / (yes.sum() * no.sum()))


def _top(scores: Any, answered: Any) -> float:
    import numpy

    upper = numpy.argsort(-scores, kind="stable")[: max(1, round(len(scores) * _TOP))]
    return round(float(answered[upper].sum() / answered.sum()), 4)


def main() -> int:
    """The process."""
    from listener.service.rules import load_methods

    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not get between the frames
    code = serve(sys.stdin.buffer, sink, load_methods)
    os._exit(code)  # no thread of a library may keep it alive


if __name__ == "__main__":
    main()
