"""`hubbub alerts score`: files in, files out, exit codes, and mistakes told with their lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from listener.cli import FINDINGS, FINE, USAGE, main

CALM = [f"2026-03-02 {h:02}:{m:02}:00,{20 + (h * 7 + m) % 5}" for h in range(24) for m in range(0, 60, 5)]


def written(path: Path, lines: list[str], header: str = "timestamp,value") -> Path:
    text = "\n".join([header, *lines, ""])
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


def test_a_calm_file_is_scored_row_by_row_and_a_storm_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert main(["alerts", "score", "--in", str(written(tmp_path / "calm.csv", CALM)), "--out", str(out)]) == FINE
    scored = out.read_text("utf-8").splitlines()
    assert scored[0] == "timestamp,anomaly_score,alert"
    assert [line.split(",")[0] for line in scored[1:]] == [line.split(",")[0] for line in CALM]
    assert all(line.endswith(",0") and 0 <= float(line.split(",")[1]) <= 1 for line in scored[1:])
    stormy = written(tmp_path / "storm.csv.gz", [*CALM, "2026-03-03T00:00:00Z,900", "2026-03-03 00:05:00,20"])
    out = tmp_path / "out.csv.gz"
    capsys.readouterr()
    assert main(["alerts", "score", "--in", str(stormy), "--out", str(out), "--json"]) == FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == len(CALM) + 2
    assert [alarm["kind"] for alarm in told["alarms"]] == ["volume"]
    assert 900 <= told["alarms"][0]["seen"] < 960
    again = gzip.decompress(out.read_bytes()).decode().splitlines()
    assert again[: len(scored)] == scored, "what came later changed nothing"
    assert again[-2].endswith(",1")
    assert again[-1].endswith(",0")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("header", "line", "where", "says"),
    [
        ("timestamp,value", "yesterday,5", "line 3", "'yesterday' is no time"),
        ("timestamp,value", "2026-03-02 10:00:00,-4", "line 3", "value -4 is no count"),
        ("timestamp,value", "2026-03-02 10:00:00,nan", "line 3", "value nan is no count"),
        ("timestamp,value", "2026-03-02 10:00:00,many", "line 3", "value 'many' is no number"),
        ("timestamp,value", "2026-03-02 10:00:00", "line 3", "the row has 1 cells"),
        ("timestamp,value,negative", "2026-03-02 10:00:00,4,5", "line 3", "negative 5 of 4"),
        ("time,value", "2026-03-02 10:00:00,4", "line 1", "there is no column timestamp"),
        ("timestamp,value", "2026-05-02 10:00:00,4", "days apart", "--bucket"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line_and_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str, line: str, where: str, says: str
) -> None:
    lines = ["2026-03-02 09:55:00,3,1" if "negative" in header else "2026-03-02 09:55:00,3", line]
    source = written(tmp_path / "in.csv", lines, header)
    assert main(["alerts", "score", "--in", str(source), "--out", str(tmp_path / "out.csv")]) == USAGE
    told = capsys.readouterr().err
    assert where in told
    assert says in told
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_files_that_are_none_are_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out.csv")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "half.csv.gz").write_bytes(gzip.compress(b"timestamp,value\n" + b"\n" * 99)[:-9])
    (tmp_path / "latin.csv").write_bytes(b"timestamp,value\n\xff\xfe,1\n")
    said = []
    for name in ("absent.csv", "empty.csv", "half.csv.gz", "latin.csv"):
        assert main(["alerts", "score", "--in", str(tmp_path / name), "--out", out]) == USAGE
        said.append(capsys.readouterr().err)
    assert ["cannot be read" in said[0], "is empty" in said[1], "gzip" in said[2], "UTF-8" in said[3]] == [True] * 4
    calm = str(written(tmp_path / "calm.csv", CALM))
    for option in (["--false-pages", "0"], ["--bucket", "90000"]):
        assert main(["alerts", "score", "--in", calm, "--out", out, *option]) == USAGE
