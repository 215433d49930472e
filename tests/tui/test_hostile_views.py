"""Every function that makes words for the screen, found by itself and fed with hostile text in every field of every type it takes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from datetime import timedelta
from functools import cache
from types import FunctionType
from typing import Any

import pytest

import inbox_tui.view
from inbox_tui.view import lines, marks
from inbox_tui.view.copying import copyables
from listener.incidents.curve import Curve
from listener.model.leaving import OutboxState
from listener.store import views
from listener.store.views.changed import Changed
from listener.store.views.health import SourceHealth
from listener.store.views.notes import NoteToMe
from listener.store.views.queue import FoldedPage, Standing, ViewPage
from listener.store.views.staff import Shift
from listener.store.views.thread import Rewording
from tests.tui.fake import START
from tests.tui.filled import each, filled, hints_of, kinds_in, texts_in, value
from tests.tui.test_hostile import HOSTILE, harmless_character

Found = tuple[str, Callable[..., object], Mapping[str, Any]]
"""A function: what it is called, itself, the types of what it takes and gives."""

GIVES_AS_IT_IS = {
    "deeds.Deed.to": "its words are harmless when it is made",
    "deeds.Sum.told": "its words are harmless when it is made",
    "history.passed_from": "the team as the store has it, for a name to be shown",
    "copying.copyables": "goes to the clipboard with its line ends, and is held to that below",
    "incidents.silence_choices": "its matchers go to the store; its words are held to below by `matched`",
    "keyfile.act_name": "of our own table",
    "keyfile.place_name": "of our own table",
    "labels.read": "goes to the store",
    "macros.by_shortcut": "keys to keys, drawn by nobody",
    "macros.deed": "the act in it goes to the store",
    "queries.pointed": "its query is what stands in the field, harmless since it was pasted",
    "rules.after": "a way to sort",
    "rules.piece_of": "the lines of a file, drawn by `rule_page`",
    "saved.Look.offers": "drawn by `Offer.line`; what is put in is harmless",
    "saved.Look.private": "drawn by `finding_line`",
    "saved.Look.styled": "drawn by `finding_line`",
    "saved.with_code": "the offer itself",
    "saved.code_before": "a part of what was typed",
    "words.words": "words of ours",
}
"""Functions that are given harmless text, or give what is not drawn; why."""

OURS = frozenset({"count", "copies", "indent", "key", "many", "one", "style", "undo", "what"})
"""Parameters that hold words of ours where they are text."""

_CURVE = Curve(
    START, timedelta(minutes=5), timedelta(minutes=5), (1.0, None, 9.0) * 40, (1.0,) * 120, (0.0,) * 120, (4.0,) * 120
)

GIVEN: Mapping[str, Mapping[str, object]] = {
    "curve.picture": {"height": 12, "curve": _CURVE},
    "curve.legend": {"curve": _CURVE},
    "handing.drafted": {"shift": filled(Shift, "", undecided=((2, OutboxState.FAILED),))},
    "marks.noted": {"verdict": marks.RIGHT},
    "queue.queue_line": {"seen": (("who looks", ""),) * 3},
    "queue.queue_lines": {"seen": (("who looks", ""),) * 3},
}
"""What takes no other text, or more than one."""


def functions() -> Iterator[Found]:
    """Every public function and method of the view that gives text."""
    for found in pkgutil.iter_modules(inbox_tui.view.__path__):
        module = importlib.import_module(f"inbox_tui.view.{found.name}")
        if module is lines:
            continue
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != module.__name__:
                continue
            yield from _of(module, f"{found.name}.{name}", thing)


def _of(module: Any, name: str, thing: object) -> Iterator[Found]:
    if isinstance(thing, FunctionType):
        hints: Mapping[str, Any] = hints_of(thing)
        if any(
            word in str(hints.get("return"))
            for word in ("str", "Offer", "Finding", "Copyable", "Adapted", "Deed", "Picture")
        ):
            yield name, thing, hints
    elif isinstance(thing, type) and is_dataclass(thing):
        for inner, method in vars(thing).items():
            plain = method.fget if isinstance(method, property) else method
            if not inner.startswith("_") and isinstance(plain, FunctionType):
                for whole, function, hints in _of(module, f"{name}.{inner}", plain):
                    yield whole, function, {"self": thing, **hints}


def said(
    called: str, function: Callable[..., object], hints: Mapping[str, Any], text: str, width: int
) -> Iterator[object]:
    """What it gives for such a world, each thing it is given being varied in turn."""
    fixed: dict[str, object] = {"width": width, **GIVEN.get(called, {})}
    fixed |= {name: "ours" for name in OURS if hints.get(name) is str}
    names = inspect.signature(function).parameters
    given = {name: fixed[name] if name in fixed else value(hints[name], text) for name in names}
    yield _called(function, given)
    for name in given.keys() - fixed.keys():
        if is_dataclass(hints[name]) and isinstance(hints[name], type):
            for other in each(hints[name], text):
                yield _called(function, {**given, name: other})
        elif hints[name] is bool:
            yield _called(function, {**given, name: False})


def _called(function: Callable[..., object], given: Mapping[str, object]) -> object:
    signature = inspect.signature(function)
    bound = signature.bind_partial()
    bound.arguments.update(given)
    made = function(*bound.args, **bound.kwargs)
    return list(made) if isinstance(made, Iterator) else made


@cache
def _all() -> tuple[Found, ...]:
    return tuple(functions())


def told(called: str, made: object) -> None:
    """Fails where something got through."""
    for _, shown in texts_in(made):
        left = [one for one in shown.replace("\n", "") if not harmless_character(one)]
        assert not left, f"{called}: {left} in {shown!r}"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_function_of_the_view_lets_it_through(name: str) -> None:
    for called, function, hints in _all():
        if called not in GIVES_AS_IT_IS:
            told(called, next(said(called, function, hints, HOSTILE[name][:300], 60)))


def test_whatever_state_it_is_in() -> None:
    text = "\x1b[2J\x9b31m\u202e\u2028\x00\ud83d\u200b\r\t"
    for called, function, hints in _all():
        if called not in GIVES_AS_IT_IS:
            for made in said(called, function, hints, text, 60):
                told(called, made)


def test_what_is_excused_is_there() -> None:
    assert set(GIVES_AS_IT_IS) <= {called for called, _, _ in _all()}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_leaves_for_the_clipboard_is_harmless_too(text: str) -> None:
    for one in copyables(text, f"https://x.test/{text}", 1):
        assert all(map(harmless_character, one.text.replace("\n", ""))), one.name


NOT_DRAWN = frozenset(
    {
        NoteToMe,
        SourceHealth,
        ViewPage,
        FoldedPage,
        Standing,
        Changed,
        Rewording,
    }
)
"""Drawn by no function of the view: the inbox's screen says the first itself, commands print the second, the others hold what is drawn; the
last is what the composer begins with, as with a draft."""


def test_every_shape_of_data_with_text_in_it_is_given_to_a_function_here() -> None:
    given = {
        kind
        for _, function, hints in _all()
        for name in inspect.signature(function).parameters
        for kind in kinds_in(value(hints[name], "x"))
    }
    rooms = [importlib.import_module(f"{views.__name__}.{one.name}") for one in pkgutil.iter_modules(views.__path__)]
    kinds = [(kind, room) for room in rooms for kind in vars(room).values() if isinstance(kind, type)]
    shapes = {kind for kind, room in kinds if is_dataclass(kind) and kind.__module__ == room.__name__}
    texts = {kind for kind in shapes if list(texts_in(filled(kind, "x")))}
    assert texts - given - NOT_DRAWN == set()
