"""`hubbub judge score`: a file in, a file out, the same judge as the service's, and no database."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from listener.cli import main

ROWS = [
    {"id": "a", "text": "My flight was cancelled, two hours on hold", "lang": "en"},
    {"id": "b", "text": "Thank you, lovely crew!", "lang": "en", "followers": "12,000"},
    {"id": "c", "text": "mein Paket ist nicht da", "lang": "de", "addressed": "no"},
    {"id": "d", "text": "Flying with Lovely Air tomorrow", "lang": "en", "brand": "Lovely Air"},
]


@pytest.fixture
def rules(tmp_path: Path) -> list[str]:
    """Rules without any signal of their own."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "teams.yaml").write_text("teams: [{key: care}]\n")
    return ["--rules", str(tmp_path / "rules")]


def scored(path: Path) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in csv.DictReader(path.open(newline=""))}


def test_every_row_is_judged_and_a_bad_line_is_told_and_left_out(
    tmp_path: Path, rules: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "in.jsonl.gz", tmp_path / "out.csv"
    lines = [json.dumps(row) for row in ROWS]
    file.write_bytes(gzip.compress("\n".join([*lines[:2], "{broken", *lines[2:]]).encode()))
    assert main(["judge", "score", str(file), "--out", str(out), *rules]) == 1
    assert "line 3: not JSON" in capsys.readouterr().err
    found = scored(out)
    assert list(found) == ["a", "b", "c", "d"]
    assert [row["label"] for row in found.values()] == ["negative", "positive", "not_scored", "neutral"]
    assert (found["a"]["score"], found["b"]["score"], found["c"]["score"]) == ("-0.25", "0.7644", "")
    assert float(found["a"]["need"]) > 0.9 > float(found["b"]["need"])
    assert {one["signal"] for one in json.loads(found["b"]["reasons"]) if "signal" in one} >= {"many follow them"}
    assert "addressed to us" not in found["c"]["reasons"]


def test_csv_in_need_as_the_score_and_json_lines_out(
    tmp_path: Path, rules: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    file.write_text('tweet_id,text\n1,"Where is my order,\nplease?"\n2,ok\n')
    line = ["judge", "score", str(file), "--out", str(out), "--score", "need", "--lang", "en", "--json", *rules]
    assert main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["rejects"]) == (2, 0)
    assert told["methods"]["need"].startswith("need-2+")
    rows = [json.loads(one) for one in out.read_text().splitlines()]
    assert [one["id"] for one in rows] == ["1", "2"]
    assert all(one["score"] == one["need"] for one in rows)
    assert main(["judge", "score", str(out), "--out", str(out)]) == 2
