"""A language by a model of the operator's: a tiny real one is made here, of a few words of Spanish. What it cannot score is not scored."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from listener.cli import main
from listener.cli.rules.explain import scored_otherwise
from listener.errors import FixMe
from listener.model.scales import ToneLabel
from listener.rulebook.subject import Methods
from listener.sentiment import NOT_SCORED, Vader
from listener.sentiment.onnx import Classifier, softmax, tone_of, worths_of
from listener.service.replayer import Order, framed
from listener.service.replayer import read as frame
from listener.service.rules import load_methods
from listener.settings import BadSettings, Settings, ToneSettings, find_paths, parse
from tests.core.rulebooks import PlainLanguages

WORDS = ["[UNK]", "horrible", "vergüenza", "gracias", "encantada", "tienda", "agujero", "abismo"]
WEIGHTS: list[list[float]] = [[0, 2, 0], [9, 0, 0], [9, 0, 0], [0, 0, 9], [0, 0, 9], [0, 2, 0], [float("nan")] * 3]
"""Of each word: negative, neutral, positive. The last but one breaks the arithmetic, the last has no row at all."""
LABELS = {"id2label": {"0": "NEG", "1": "NEU", "2": "POS"}}
ANGRY, HAPPY, PLAIN = "¡Qué horrible, es una vergüenza!", "muchas gracias, estoy encantada", "la tienda"


def graph(weights: Sequence[Sequence[float]] = WEIGHTS, output: str = "probabilities", **told: Any) -> bytes:
    """The mean of the words' weights, as probabilities. `told`: `domain` of its first operator, `outside`: a file of
    weights, `inputs` besides.
    """
    table = numpy_helper.from_array(numpy.array(weights, numpy.float32), "table")
    if "outside" in told:
        table.ClearField("raw_data")
        table.data_location = TensorProto.EXTERNAL
        table.external_data.add(key="location", value=told["outside"])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"], axis=0, domain=told.get("domain", "")),
        helper.make_node("ReduceMean", ["words"], ["logits"], axes=[1], keepdims=0),
        helper.make_node("Softmax", ["logits"], [output], axis=-1),
    ]
    if output == "logits":
        nodes.pop()
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "length"])
    more = [helper.make_tensor_value_info(name, kind, [1, "length"]) for name, kind in told.get("inputs", {}).items()]
    found = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, len(weights[0])])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("others", 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "words", [ids, *more], [found], [table]), opset_imports=opsets, ir_version=8
    )
    content: bytes = model.SerializeToString()
    return content


def tokenizer() -> bytes:
    cutter = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    cutter.normalizer = Lowercase()
    cutter.pre_tokenizer = Whitespace()
    return cutter.to_str().encode()


def folder(at: Path, model: bytes | None = None, config: Mapping[str, Any] = LABELS) -> Path:
    at.mkdir(exist_ok=True)
    (at / "model.onnx").write_bytes(graph() if model is None else model)
    (at / "tokenizer.json").write_bytes(tokenizer())
    (at / "config.json").write_text(json.dumps(config), "utf-8")
    return at


def read(text: str, at: Path) -> Settings:
    return parse(text, at / "hubbub.toml", find_paths({"HUBBUB_HOME": str(at)}))


def spanish(at: Path) -> Methods:
    return load_methods(read('[[tone]]\nlang = "es"\nmodel = "modelo"\n', at).tones)


def test_spanish_is_scored_by_the_model_and_english_by_vader(tmp_path: Path) -> None:
    folder(tmp_path / "modelo")
    methods = spanish(tmp_path)
    angry, happy, plain = (methods.tone(text, "es") for text in (ANGRY, HAPPY, PLAIN))
    assert [angry.label, happy.label, plain.label] == [ToneLabel.NEGATIVE, ToneLabel.POSITIVE, ToneLabel.NEUTRAL]
    assert (angry.compound or 0) < -0.5
    assert (happy.compound or 0) > 0.5
    for one in (angry, happy, plain):
        assert one.neg + one.neu + one.pos == pytest.approx(1, abs=1e-3)  # type: ignore[operator]
    assert methods.tone("gracias tienda", "es", ["gracias"]) == plain, "a brand's name is no mood"
    english = "this is horrible, what a great shame"
    assert methods.tone(english, "en") == Vader.load().tone(english, "en")
    assert methods.tone(ANGRY, "pt") == methods.tone(ANGRY, "") == methods.tone("@somebody", "es") == NOT_SCORED
    assert methods.tone("gracias " * 200 + "horrible " * 2000, "es") == methods.tone("gracias", "es"), "cut at 128"
    german = {"schlecht": -2.0}
    assert methods.with_lexicon(()).tone(ANGRY, "es") == angry
    assert Methods(PlainLanguages(), Vader.load().with_words(german), tones=methods.tones).tone(ANGRY, "es") == angry


def test_a_model_as_it_is_exported_takes_masks_and_gives_logits(tmp_path: Path) -> None:
    folder(tmp_path / "modelo")
    plain = spanish(tmp_path)
    masks = {"attention_mask": TensorProto.INT32, "token_type_ids": TensorProto.INT64}
    folder(tmp_path / "modelo", graph(output="logits", inputs=masks))
    for text in (ANGRY, HAPPY, PLAIN):
        assert spanish(tmp_path).tone(text, "es") == plain.tone(text, "es")


def test_the_version_in_an_assessment_is_of_every_byte_of_the_model(tmp_path: Path) -> None:
    names = []
    for change in (None, "model.onnx", "tokenizer.json", "config.json"):
        at = folder(tmp_path / "modelo")
        if change == "model.onnx":
            (at / change).write_bytes(graph([[0, 2.5, 0], *WEIGHTS[1:]]))
        elif change is not None:
            (at / change).write_bytes((at / change).read_bytes() + b"\n")
        names.append(spanish(tmp_path).names()["tone"])
    assert all(name.startswith("vader-3.3.2 es:onnx-1+") for name in names)
    assert len(set(names)) == 4
    folder(tmp_path / "modelo")
    assert spanish(tmp_path).names()["tone"] == names[0]


def test_a_text_that_breaks_the_model_is_not_scored_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder(tmp_path / "modelo")
    methods = spanish(tmp_path)
    with caplog.at_level(logging.WARNING, "hubbub.tones"):
        assert methods.tone("un agujero", "es") == methods.tone("un abismo", "es") == NOT_SCORED
        assert methods.tone(ANGRY, "es").label is ToneLabel.NEGATIVE, "the next one is scored again"
    (said,) = caplog.messages
    assert "its outputs are no probabilities" in said
    assert "agujero" not in said, "never the words themselves"


@pytest.mark.parametrize(
    ("made", "what", "hint"),
    [
        (lambda at: folder(at, b"not a graph"), "model.onnx cannot be loaded", "one ONNX file"),
        (lambda at: folder(at, graph(domain="others")), "model.onnx cannot be loaded", "the runtime's own operators"),
        (lambda at: folder(at, graph(outside="weights")), "model.onnx cannot be loaded", "holds its own weights"),
        (lambda at: folder(at, graph(output="result")), "model.onnx gives 'result'", "logits or probabilities"),
        (
            lambda at: folder(at, graph(inputs={"pixels": TensorProto.FLOAT})),
            "takes 'input_ids tensor(int64), pixels",
            "text",
        ),
        (lambda at: folder(at, config={"id2label": {"0": "LABEL_0"}}), "the label 'LABEL_0' of output 0", "say one of"),
        (lambda at: folder(at, config={}), "no id2label", "negative"),
        (lambda at: (folder(at) / "tokenizer.json").write_text("{}"), "tokenizer.json is none", "beside the model"),
        (lambda at: (folder(at) / "config.json").write_text("{\n ]"), "not JSON at line 2, column 2", "beside"),
        (lambda at: (folder(at) / "config.json").unlink(), "config.json cannot be read", "model.onnx, tokenizer.json"),
    ],
)
def test_what_is_no_model_of_tone_is_told_with_the_place_of_the_setting(
    made: Callable[[Path], object], what: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights").write_bytes(numpy.array(WEIGHTS, numpy.float32).tobytes())
    made(tmp_path / "modelo")
    with pytest.raises(FixMe) as caught:
        spanish(tmp_path)
    assert caught.value.where == f"{tmp_path}/hubbub.toml:3:1"
    assert what in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(("row", "why"), [([float("nan")] * 3, "no probabilities"), ([0.0, 1.0], "the shape (1, 2)")])
def test_a_model_that_scores_nothing_stops_nothing(
    row: list[float], why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder(tmp_path / "modelo", graph([row] * len(WORDS)))
    with caplog.at_level(logging.WARNING, "hubbub.tones"):
        methods = spanish(tmp_path)
    assert methods.tone(ANGRY, "es") == NOT_SCORED
    assert methods.tone("this is horrible", "en").label is ToneLabel.NEGATIVE
    assert [why in said for said in caplog.messages] == [True]


def test_labels_in_words_and_stars_become_our_numbers() -> None:
    def worths(*labels: str) -> tuple[float, ...]:
        return worths_of(json.dumps({"id2label": dict(enumerate(labels))}).encode())

    stars = worths("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    assert list(stars) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert stars == worths("Very Negative", "negative", "neutral", "POSITIVE", "very_positive")
    tone = tone_of((0.1, 0.3, 0.35, 0.2, 0.05), stars)
    assert (tone.label, tone.neg, tone.neu, tone.pos, tone.compound) == (ToneLabel.NEGATIVE, 0.4, 0.35, 0.25, -0.1)
    two = worths("positive", "negative")
    sides = [tone_of((share, 1 - share), two).label for share in (0.2, 0.5, 0.7, 0.8)]
    assert sides == [ToneLabel.NEGATIVE, ToneLabel.NEUTRAL, ToneLabel.NEUTRAL, ToneLabel.POSITIVE]
    assert softmax([1000.0, 1000.0]) == [0.5, 0.5]
    for bad in (["negative", "neutral"], ["negative", "neg", "negative"], []):
        with pytest.raises(FixMe):
            worths(*bad)


def test_mistakes_of_the_settings_are_told_at_their_place(tmp_path: Path) -> None:
    text = '[[tone]]\nlang = "en"\nmodel = "a"\n[[tone]]\nlang = "es"\nmodel = "https://hub.example/m"\n[[tone]]\nlang = "Spanish"\n'
    with pytest.raises(BadSettings) as caught:
        read(text, tmp_path)
    assert [(one.line, one.column, one.code) for one in caught.value.problems] == [
        (2, 1, "value"),
        (6, 1, "value"),
        (7, 1, "missing"),
        (8, 1, "value"),
    ]


def test_a_file_is_scored_by_the_settings_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder(tmp_path / "modelo")
    config = tmp_path / "hubbub.toml"
    config.write_text('[[tone]]\nlang = "es"\nmodel = "modelo"\n')
    said = [ANGRY, HAPPY, "this is a great shop and I love it"]
    rows = tmp_path / "rows.jsonl"
    langs = ("es", "es", "en")
    rows.write_text("".join(json.dumps({"id": str(n), "text": t, "lang": langs[n]}) + "\n" for n, t in enumerate(said)))
    out = tmp_path / "out.jsonl"
    assert main(["judge", "score", str(rows), "--out", str(out), "--config", str(config), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert " es:onnx-1+" in told["methods"]["tone"]
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(one["lang"], one["label"]) for one in found] == [
        ("es", "negative"),
        ("es", "positive"),
        ("en", "positive"),
    ]


def test_nothing_of_it_is_loaded_without_a_model_and_what_could_fetch_never_is(tmp_path: Path) -> None:
    folder(tmp_path / "modelo")
    code = """if True:
        import sys
        from listener.service.rules import load_methods
        from listener.service.tones import load_tones
        from listener.settings import ToneSettings
        load_methods()
        before = {"onnxruntime", "tokenizers"} & set(sys.modules)
        load_tones([ToneSettings("es", sys.argv[1], "here")])
        print(before or "nothing", "huggingface_hub" in sys.modules, "onnxruntime" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "modelo")], capture_output=True, text=True)
    assert done.stdout.split() == ["nothing", "False", "True"], done.stderr


def test_that_another_model_scored_a_message_then_is_told() -> None:
    then, now = "vader-3.3.2 es:onnx-1+aaaa", "vader-3.3.2+cccc es:onnx-1+bbbb pt:onnx-1+dddd"
    assert list(scored_otherwise("es", then, then)) == list(scored_otherwise("en", then, now)) == []
    assert list(scored_otherwise("es", then, now)) == [
        "its tone was found by es:onnx-1+aaaa then, and is asked of es:onnx-1+bbbb now"
    ]
    assert list(scored_otherwise("pt", then, now)) == [
        "its tone was found by no model then, and is asked of pt:onnx-1+dddd now"
    ]


def test_the_doctor_tries_each_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUBBUB_HOME", str(tmp_path / "home"))
    folder(tmp_path / "modelo")
    config = tmp_path / "hubbub.toml"
    config.write_text(
        '[[tone]]\nlang = "es"\nmodel = "modelo"\n[[tone]]\nlang = "pt"\nmodel = "nowhere"\n[[tone]]\nlang = "it"\nmodel = "broken"\n'
    )
    folder(tmp_path / "broken", graph([[float("nan")] * 3] * 7))
    main(["doctor", "--config", str(config), "--json"])
    checks = [one for one in json.loads(capsys.readouterr().out)["checks"] if one["name"] == "tone"]
    assert [one["state"] for one in checks] == ["fine", "bad", "bad"]
    assert "ms for the longest text" in checks[0]["what"]
    assert f"{config}:6:1" in checks[1]["what"]
    assert "scores nothing" in checks[2]["what"]


def test_a_text_that_was_scored_is_remembered_for_a_moment() -> None:
    model = Classifier.load(graph(), tokenizer(), json.dumps(LABELS).encode(), print)
    assert model.tone(ANGRY) is model.tone(ANGRY)


def test_settings_of_a_model_go_to_a_worker_process_as_they_are() -> None:
    order = Order(
        {}, {}, datetime(2026, 11, 2, tzinfo=UTC), {}, tones=(ToneSettings("es", "/models/es", "hubbub.toml:2:1"),)
    )
    assert frame(io.BytesIO(framed(order)), Order) == order
