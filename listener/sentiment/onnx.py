"""Tone by a classifier that the operator supplies: an ONNX graph, its tokenizer, and what its outputs are called. Owns how outputs become our
four numbers and a label.

The one place that names onnxruntime and tokenizers; both are loaded with the first model, never without one. It is given bytes: it opens no
file and fetches nothing, and nothing of a model is run as code. A graph holds its own weights and the runtime's own operators; what names
others is refused, since no library of them is ever registered. One thread on the processor, so the same text gets the same numbers.

A model that fails over a text leaves it not scored, and says so once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from listener.errors import FixMe
from listener.model.judged import Tone
from listener.model.scales import ToneLabel
from listener.sentiment import NOT_SCORED, scored_part

METHOD = "onnx-1"
"""The rules of this file: changes when the same outputs may come to other numbers."""
EXTRA = "pip install 'hubbub[onnx]'"

TOKENS = 128
"""Pieces of a text that a model reads; the rest is cut off. It bounds the time, which grows with them."""
LONGEST = "a " * (4 * TOKENS)
"""More than is read of any."""
CLEAR = 0.75
"""The least chance of either side, where a model knows no neutral, for a text not to be called so."""
KEPT = 16
"""Texts whose tone is remembered: one message is asked about several times in a row."""

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = {"logits": False, "probabilities": True}
"""Output -> whether it is probabilities already."""
_INTEGERS = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
_NOWHERE = "/dev/null"
"""Nothing lies below it: weights beside a graph are found nowhere."""
_MEMORY = b"_ORT_MEM_ADDR_"
"""By which a graph could name a place in memory as its weights."""

_WORTH: Mapping[str, float] = {
    "very negative": -1.0, "negative": -1.0, "neg": -1.0, "neutral": 0.0, "neu": 0.0, "positive": 1.0, "pos": 1.0, "very positive": 1.0,
    "1 star": -1.0, "2 stars": -0.5, "3 stars": 0.0, "4 stars": 0.5, "5 stars": 1.0,
}  # fmt: skip
"""What labels are understood, and what each counts in the compound score."""
_HALF = {"negative": -0.5, "positive": 0.5}
"""Where there is a stronger label beside them."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """A model that is loaded."""

    run: Callable[[list[str], dict[str, Any]], Any]
    encode: Callable[[str], Any]
    inputs: Mapping[str, str]
    """Names, with the kind of integer that each takes."""
    output: str
    worths: tuple[float, ...]


class Classifier:
    """One model, ready. Never raises over a text, and may be asked on several threads at once: the runtime lets others run meanwhile."""

    __slots__ = ("_graph", "_kept", "_tell", "method")

    def __init__(self, graph: _Graph, method: str, tell: Callable[[str], None]) -> None:
        self._graph = graph
        self._kept: dict[str, Tone] = {}
        self._tell: Callable[[str], None] | None = tell
        self.method = method

    @classmethod
    def load(cls, model: bytes, tokenizer: bytes, config: bytes, tell: Callable[[str], None]) -> Classifier:
        """From the bytes of `model.onnx`, `tokenizer.json` and `config.json`. `tell` hears, once, that it failed over a text.

        FixMe: the extra is not there, the files are none of that kind, or their labels are not understood. Takes up to seconds.
        """
        worths = worths_of(config)
        graph = _loaded(model, tokenizer, worths)
        return cls(graph, version_of(model, tokenizer, config), tell)

    def tone(self, text: str, brand_names: Iterable[str] = ()) -> Tone:
        """The tone of a text in the model's language: what VADER's four numbers are called, and a label. Not scored where it fails."""
        plain = scored_part(text, tuple(brand_names))
        if not plain:
            return NOT_SCORED
        known = self._kept.get(plain)
        if known is not None:
            return known
        try:
            tone = tone_of(self._shares(plain), self._graph.worths)
        except Exception as err:  # whatever the runtime, the tokenizer or the outputs come to
            tell, self._tell = self._tell, None
            if tell is not None:
                tell(_short(err))
            return NOT_SCORED
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[plain] = tone
        return tone

    def trouble(self) -> str:
        """What it fails over, tried with a short text and one as long as any; "": nothing."""
        try:
            for text in ("a", LONGEST):
                tone_of(self._shares(text), self._graph.worths)
        except Exception as err:
            self._tell = None  # who asked knows
            return _short(err)
        return ""

    def longest(self) -> None:
        """Scores a text as long as any, for whoever wants to know how long that takes; raises where that fails."""
        self._shares(LONGEST)

    def _shares(self, plain: str) -> list[float]:
        """The probability of each output."""
        import numpy

        graph = self._graph
        pieces = graph.encode(plain)
        columns = {"input_ids": pieces.ids, "attention_mask": pieces.attention_mask, "token_type_ids": pieces.type_ids}
        given = {name: numpy.array([columns[name]], dtype=kind) for name, kind in graph.inputs.items()}
        (found,) = graph.run([graph.output], given)
        if found.shape != (1, len(graph.worths)):
            raise ValueError(f"its output has the shape {tuple(found.shape)}, not (1, {len(graph.worths)})")
        row = [float(value) for value in found[0]]
        return row if _OUTPUTS[graph.output] else softmax(row)


def version_of(*files: bytes) -> str:
    """The method's name for a model of these three files: another one where a single byte of them is another."""
    digests = b"".join(hashlib.sha256(held).digest() for held in files)
    return f"{METHOD}+{hashlib.sha256(digests).hexdigest()[:12]}"


def softmax(row: Sequence[float]) -> list[float]:
    """Logits as probabilities."""
    top = max(row)
    powers = [math.exp(value - top) for value in row]
    return [power / sum(powers) for power in powers]


def tone_of(shares: Sequence[float], worths: Sequence[float]) -> Tone:
    """Probabilities as our numbers: negative, neutral and positive are those of their labels, the compound is the mean worth, and the likeliest
    of the three is the label. A model without a neutral label is neutral where neither side is clear.

    ValueError: these are no probabilities.
    """
    if not all(-1e-4 <= share <= 1.0001 for share in shares) or abs(sum(shares) - 1) > 1e-3:
        raise ValueError("its outputs are no probabilities")
    neg = sum(share for share, worth in zip(shares, worths, strict=True) if worth < 0)
    pos = sum(share for share, worth in zip(shares, worths, strict=True) if worth > 0)
    compound = sum(share * worth for share, worth in zip(shares, worths, strict=True))
    neg, pos = round(min(1.0, max(0.0, neg)), 4), round(min(1.0, max(0.0, pos)), 4)
    neu = round(max(0.0, 1 - neg - pos), 4)
    least = neu if 0.0 in worths else CLEAR
    label = ToneLabel.NEUTRAL
    if max(neg, pos) > least and neg != pos:
        label = ToneLabel.NEGATIVE if neg > pos else ToneLabel.POSITIVE
    return Tone(label, neg, neu, pos, round(min(1.0, max(-1.0, compound)), 4))


def worths_of(config: bytes) -> tuple[float, ...]:
    """What each output of a model counts, -1 to 1, by `id2label` of its configuration. FixMe: it says nothing that is understood."""
    where, example = "config.json", '"id2label": {"0": "negative", "1": "neutral", "2": "positive"}'
    try:
        document = json.loads(config)
    except ValueError as err:  # also what is not UTF-8
        at = f" at line {err.lineno}, column {err.colno}" if isinstance(err, json.JSONDecodeError) else ""
        raise FixMe(f"{where} is not JSON{at}", hint="take the file that stands beside the model") from None
    except RecursionError:
        raise FixMe(f"{where} is not JSON of a model", hint="take the file that stands beside the model") from None
    labels = document.get("id2label") if isinstance(document, dict) else None
    if not isinstance(labels, dict) or set(labels) != {str(number) for number in range(len(labels))} or not labels:
        raise FixMe(f"{where} says in no id2label what the outputs 0, 1, ... mean", hint=f"say {example}")
    if document.get("problem_type") == "multi_label_classification":
        raise FixMe(f"{where}: a model of several labels at once finds no tone", hint="take one of a single label")
    said = [_plain(labels[str(number)]) for number in range(len(labels))]
    for number, word in enumerate(said):
        if word not in _WORTH:
            known = ", ".join(_WORTH)
            told = ascii(labels[str(number)])[:60]
            raise FixMe(f"{where}: the label {told} of output {number} is not understood", hint=f"say one of: {known}")
        if word in said[:number]:
            raise FixMe(f"{where}: the label {word!r} is there twice", hint=f"say {example}")
    strong = {word.removeprefix("very ") for word in said if word.startswith("very ")}
    worths = tuple(_HALF[word] if word in strong else _WORTH[word] for word in said)
    if not min(worths) < 0 < max(worths):
        raise FixMe(f"{where}: its labels are not both negative and positive", hint=f"say {example}")
    return worths


def _plain(label: object) -> str:
    """A label as it is looked up: "Very_Negative", "LABEL-1", "1 Stars"."""
    words = str(label).casefold().replace("_", " ").replace("-", " ").split()
    if len(words) == 2 and words[1] in {"star", "stars"}:
        words[1] = "star" if words[0] == "1" else "stars"
    return " ".join(words)


def _loaded(model: bytes, tokenizer: bytes, worths: tuple[float, ...]) -> _Graph:
    try:
        import onnxruntime
        import tokenizers
    except ImportError as err:
        raise FixMe(f"a model of tone needs {err.name or 'a library'}, which is not there", hint=EXTRA) from None
    try:
        cutter = tokenizers.Tokenizer.from_str(tokenizer.decode("utf-8"))
        cutter.no_padding()
        cutter.enable_truncation(TOKENS)
    except Exception as err:  # the library has no error of its own
        hint = "take the tokenizer.json that stands beside the model"
        raise FixMe(f"tokenizer.json is none: {_short(err)}", hint=hint) from None
    if _MEMORY in model:
        raise FixMe("model.onnx names a place in memory as its weights", hint="take another model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what it has to say is raised; it must not write on a screen
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as err:
        hint = "it must be one ONNX file that holds its own weights, of the runtime's own operators"
        raise FixMe(f"model.onnx cannot be loaded: {_short(err)}", hint=hint) from None
    inputs = {one.name: _INTEGERS.get(one.type, "") for one in session.get_inputs()}
    if "input_ids" not in inputs or not set(inputs) <= set(_INPUTS) or not all(inputs.values()):
        told = ", ".join(f"{one.name[:40]} {one.type}" for one in session.get_inputs()[:5])
        raise FixMe(f"model.onnx takes {told!a}", hint=f"a text model takes {', '.join(_INPUTS)} and nothing else")
    names = [one.name for one in session.get_outputs()]
    output = next((name for name in _OUTPUTS if name in names), None)
    if output is None:
        told = ascii(", ".join(name[:40] for name in names[:5]))
        raise FixMe(f"model.onnx gives {told}", hint=f"its output must be called {' or '.join(_OUTPUTS)}")
    return _Graph(session.run, cutter.encode, inputs, output, worths)


def _short(err: Exception) -> str:
    """An error in one line: it comes from a file of others."""
    return f"{type(err).__name__}: {ascii(' '.join(str(err).split()))[1:-1][:200]}"
