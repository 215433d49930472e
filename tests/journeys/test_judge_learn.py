"""`hubbub judge learn` and `score --model`: a team's habits are learned, luck is not, and the file holds nobody's words."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from listener.cli import main
from listener.errors import FixMe
from listener.learning import Decision, Model, model_from, opinion
from listener.service.learner import Lessons, model_of

FILLER = [
    "the",
    "shop",
    "on",
    "the",
    "corner",
    "has",
    "a",
    "blue",
    "door",
    "and",
    "a",
    "tall",
    "lamp",
    "by",
    "the",
    "river",
    "near",
    "the",
    "old",
    "mill",
    "road",
]
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def hubbub(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, Any]:
        code = main([*map(str, arguments), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def outcomes(many: int, *, habit: bool) -> list[dict[str, Any]]:
    """Of a team that answers whoever speaks of the larkspur, which need knows nothing of; or of one that throws a coin."""
    dice = random.Random(7)
    rows = []
    for number in range(many):
        asked = dice.random() < 0.4
        words = dice.sample(FILLER, 8) + (["larkspur"] if asked else [])
        dice.shuffle(words)
        if number % 50 == 0:
            words.append("quixenholt")  # said by one person only
        author = "one" if number % 50 == 0 else f"a{number % 150}"
        answered = (asked if habit else dice.random() < 0.4) ^ (dice.random() < 0.1)
        at = f"2026-11-{1 + number * 27 // many:02}T12:00:00Z"
        rows.append(
            {"id": f"r{number}", "text": " ".join(words), "answered": int(answered), "author": author, "at": at}
        )
    return rows


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rules(folder: Path, weight: float) -> Path:
    """A rulebook that is read at once."""
    folder.mkdir()
    (folder / "need.yaml").write_text(f"need:\n  - {{key: question, weight: {weight}, why: they wait}}\n")
    return folder


def test_a_habit_is_learned_told_and_scored_by(tmp_path: Path, hubbub: Run) -> None:
    ours, out, made = rules(tmp_path / "rules", 0.3), tmp_path / "out.jsonl", tmp_path / "model.json"
    rows = outcomes(300, habit=True)
    file = written(tmp_path / "outcomes.jsonl", [*rows, {**rows[0], "id": "x", "answered": "maybe"}])
    code, told = hubbub("judge", "learn", file, "--out", made, "--lang", "en", "--rules", ours)
    assert (code, told["decisions"], told["rejects"]) == (1, 300, 1)
    assert told["shown"] == ["id x: answered is neither 1 nor 0"]
    assert told["counts"]
    assert told["measured"]["held"] == 90
    assert told["measured"]["auc"] > 0.8 > 0.6 > told["measured"]["auc_need"]
    assert "larkspur" not in made.read_text()  # numbers and titles of signals: nobody's words

    texts = ("a larkspur by the door", "a lamp by the door")
    fresh = written(tmp_path / "in.jsonl", [{"id": number, "text": text} for number, text in enumerate(texts)])
    scoring = ("judge", "score", fresh, "--out", out, "--model", made, "--lang", "en", "--rules")
    code, told = hubbub(*scoring, ours)
    yes, no = map(json.loads, out.read_text().splitlines())
    assert code == 0
    assert told["methods"]["learned"].startswith("learned-1+")
    assert yes["score"] == yes["learned"] > 0.6 > 0.4 > no["learned"]
    assert [2, 10] in [one["spans"] for one in yes["reasons"] if one.get("signal") == "learned: these words"]

    made.write_text(json.dumps({**json.loads(made.read_text()), "counts": False}))
    assert hubbub(*scoring, ours)[0] == 0
    shown = json.loads(out.read_text().splitlines()[0])
    assert shown["score"] == shown["need"] != shown["learned"] == yes["learned"]  # told, not taken

    assert hubbub(*scoring, rules(tmp_path / "others", 0.9))[0] == 1  # it was learned beside another need


def test_too_few_decisions_make_no_model(tmp_path: Path, hubbub: Run) -> None:
    file = written(tmp_path / "outcomes.jsonl", outcomes(100, habit=True))
    arguments = ("--out", tmp_path / "model.json", "--rules", rules(tmp_path / "rules", 0.3))
    assert hubbub("judge", "learn", file, *arguments)[0] == 1
    assert not (tmp_path / "model.json").exists()
    of_few = [Decision("anything", number % 2 == 0, 0.5, (), f"a{number % 30}") for number in range(900)]
    with pytest.raises(FixMe, match="15 people were answered and 15 were not"):
        model_of(Lessons(tuple(of_few), "need"))


def learned(*, habit: bool, shuffled: bool = False) -> Model:
    rows = outcomes(260, habit=habit)
    decisions = [Decision(row["text"], bool(row["answered"]), 0.5, (), row["author"]) for row in rows]
    return model_of(Lessons(tuple(decisions), "need"))


def test_luck_does_not_count_and_the_same_decisions_make_the_same_model() -> None:
    coin, habit = learned(habit=False), learned(habit=True)
    assert not coin.counts
    assert "may be luck" in coin.why
    assert habit.counts
    assert learned(habit=True).to_json() == habit.to_json() == model_from(habit.to_json()).to_json()
    scores = [opinion(habit, row["text"], 0.5, ()).score for row in outcomes(260, habit=True)]
    assert abs(sum(scores) / 260 - habit.answered / 260) < 0.03  # a chance, not only an order
    of_one = opinion(habit, "quixenholt", 0.5, ()).score, opinion(habit, "zzyzx", 0.5, ()).score
    assert of_one[0] == of_one[1]  # what only one person says is not known
