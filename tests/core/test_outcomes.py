"""What counts as a message that needed an answer, and what does not; and how two scores fare on such decisions."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from listener.outcomes import Moment, Step, Why, Word, outcomes
from listener.weekly import BINS, Scored, bins, drift, figures, moved, weeks

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)

SAID, ANSWERED, CLOSED, REOPENED, RAISED, LOWERED = Step


Steps = list[tuple[float, Step] | tuple[float, Step, int]]


def told(steps: Steps, said: dict[int, Word] | None = None) -> dict[int, tuple[bool, Why]]:
    """By message: what was decided; times in minutes."""
    moments = [Moment(NOW + timedelta(minutes=at), step, *who) for at, step, *who in steps]
    random.Random(1).shuffle(moments)
    return {id_: (one.needed, one.why) for id_, one in outcomes([moments], said or {}).items()}


WEEK = 7 * 24 * 60


@pytest.mark.parametrize(
    ("steps", "decided"),
    [
        ([(0, SAID, 1), (5, ANSWERED)], {1: (True, Why.ANSWERED)}),
        ([(0, SAID, 1), (1, SAID, 2), (5, ANSWERED), (9, SAID, 3)], {1: (True, Why.ANSWERED), 2: (True, Why.ANSWERED)}),
        ([(0, SAID, 1), (WEEK + 1, ANSWERED)], {}),
        ([(0, SAID, 1), (5, CLOSED)], {1: (False, Why.CLOSED)}),
        ([(0, SAID, 1), (5, ANSWERED), (6, CLOSED), (7, SAID, 2), (8, CLOSED)], {1: (True, Why.ANSWERED), 2: (False, Why.CLOSED)}),
        ([(0, SAID, 1), (5, CLOSED), (6, SAID, 2), (7, ANSWERED)], {1: (False, Why.CLOSED), 2: (True, Why.ANSWERED)}),
        ([(0, SAID, 1), (5, CLOSED), (6, REOPENED)], {}),
        ([(0, SAID, 1), (5, CLOSED), (6, REOPENED), (7, ANSWERED)], {1: (True, Why.ANSWERED)}),
        ([(0, SAID, 1), (5, CLOSED), (7, ANSWERED)], {1: (True, Why.ANSWERED)}),
        ([(0, SAID, 1), (5, RAISED)], {1: (True, Why.RAISED)}),
        ([(0, SAID, 1), (5, RAISED), (6, LOWERED)], {1: (False, Why.LOWERED)}),
        ([(0, SAID, 1), (5, RAISED), (6, CLOSED)], {1: (False, Why.CLOSED)}),
        ([(0, SAID, 1), (1, RAISED), (2, ANSWERED), (3, SAID, 2)], {1: (True, Why.ANSWERED)}),
        ([(0, SAID, 1)], {}),
    ],
)  # fmt: skip
def test_what_happened_next_decides(steps: Steps, decided: dict[int, tuple[bool, Why]]) -> None:
    assert told(steps) == decided


def test_a_persons_word_goes_before_what_was_done_and_a_mark_before_a_closing() -> None:
    closed: Steps = [(0.0, SAID, 1), (5.0, CLOSED)]
    answered: Steps = [(0.0, SAID, 1), (5.0, ANSWERED)]
    assert told(closed, said={1: Word(needed=True)}) == {1: (True, Why.SAID)}
    assert told(answered, said={1: Word(needed=False)}) == {1: (False, Why.SAID)}
    assert told(answered, said={1: Word(false_alarm=True)}) == {1: (True, Why.ANSWERED)}
    assert told(closed, said={1: Word(missed=True)}) == {1: (True, Why.MISSED)}
    assert told([], said={9: Word(false_alarm=True)}) == {9: (False, Why.FALSE_ALARM)}


def test_of_two_conversations_an_answer_in_one_is_an_answer_and_the_first_counts() -> None:
    def talk(minutes: float | None) -> list[Moment]:
        said = Moment(NOW, SAID, 1)
        return [
            said,
            Moment(NOW + timedelta(minutes=minutes), ANSWERED)
            if minutes
            else Moment(NOW + timedelta(minutes=1), CLOSED),
        ]

    made = outcomes([talk(9), talk(None), talk(4)], {})
    assert (made[1].needed, made[1].minutes) == (True, 4)


# How scores fare -----------------------------------------------------------------------------------------------------


def decided(many: int, *, learned: bool = True, flip: bool = False, at: datetime = NOW) -> list[Scored]:
    """A model that is right, or (`flip`) always wrong; need knows half of it."""
    dice = random.Random(3)
    made = []
    for number in range(many):
        needed = number % 2 == 0
        score = (0.9 if needed != flip else 0.1) + dice.random() / 100
        need = (0.9 if needed else 0.2) if dice.random() < 0.5 else 0.5
        made.append(Scored(at, needed, need, score if learned else None, 12.0 if needed else None))
    return made


def test_figures_are_what_their_names_say() -> None:
    some = [Scored(NOW, needed, need, learned) for needed, need, learned in [
        (True, 0.9, 0.6), (True, 0.5, 0.9), (True, 0.5, 0.8), (True, 0.3, 0.7), (True, 0.1, 0.65),
        (False, 0.5, 0.1), (False, 0.4, 0.2), (False, 0.2, 0.3), (False, 0.2, 0.4), (False, 0.1, 0.5),
    ]]  # fmt: skip
    f = figures(some)
    pairs = [(yes.need, no.need) for yes in some[:5] for no in some[5:]]
    assert f.auc_need == pytest.approx(sum((a > b) + (a == b) / 2 for a, b in pairs) / 25)
    assert (f.auc, f.top_need, f.top) == (1.0, 0.4, 0.4)
    assert (f.lifted, f.lifted_needed, f.sunk_needed) == (1, 1, 1)
    assert figures(some[:9]).auc is None, "four of a kind are too few to tell"


def test_a_week_is_told_by_what_was_said_live_else_by_what_was_held_back_else_by_need_alone() -> None:
    held = decided(20, at=NOW - timedelta(weeks=1))
    live = [
        *decided(20, learned=False, at=NOW - timedelta(weeks=2)),
        *decided(20, learned=False, at=NOW - timedelta(weeks=1)),
        *decided(20),
    ]
    first, second, third = weeks(live, held)
    assert [one.begins for one in (first, second, third)] == [date(2026, 10, 19), date(2026, 10, 26), date(2026, 11, 2)]
    assert [one.compared for one in (first, second, third)] == ["", "held back", "live"]
    assert (first.figures.auc, first.figures.auc_need is None) == (None, False)
    assert second.figures.auc == third.figures.auc == 1.0
    assert sum(third.bins) == 20
    assert third.figures.minutes == 12.0


def test_drift_is_told_when_it_does_worse_than_need_or_people_write_otherwise() -> None:
    lay = bins(one.learned or 0.0 for one in decided(200))
    fine = drift(decided(200), lay, 0.95)
    assert (fine.falls, fine.worse) == (False, False)
    worse = drift(decided(200, flip=True), lay, 0.95)
    assert (worse.falls, worse.worse) == (True, True)
    few = drift(decided(60, flip=True), lay, 0.95)
    assert not few.falls
    assert "too few" in few.what
    elsewhere = drift(decided(200), (*[20] * BINS,), 0.95)
    assert (elsewhere.falls, elsewhere.worse) == (True, False)
    assert moved(lay, lay) == pytest.approx(0.0)
