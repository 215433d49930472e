"""Things made by their types alone, with one text in every field that holds text: a field that is added tomorrow is hostile tomorrow."""

from __future__ import annotations

import ast
import collections.abc as abc
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from inbox_tui.keys import KEYS, Table
from inbox_tui.view.lines import Line, Piece
from tests.tui.fake import START

T = TypeVar("T")


@cache
def named_for_types(module: str) -> dict[str, Any]:
    """What a module imports for the type checker alone."""
    found: dict[str, Any] = {}
    for part in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING":
            exec("\n".join(map(ast.unparse, part.body)), found)
    return found


@cache
def hints_of(thing: Any) -> dict[str, Any]:
    """The types of a class' fields, or of what a function takes and gives."""
    return get_type_hints(thing, named_for_types(thing.__module__) | vars(sys.modules[thing.__module__]))


def filled(kind: type[T], text: str, **over: object) -> T:
    """One of them, whose texts all say this; `over`: fields by name."""
    hints = hints_of(cast(Any, kind))
    values = {one.name: value(hints[one.name], text) for one in fields(kind) if one.init}  # type: ignore[arg-type]
    return kind(**{**values, **over})


def each(kind: type[T], text: str, **over: object) -> Iterator[T]:
    """That, and it again with each other value of every enum, flag and moment, and without what may be missing."""
    whole = filled(kind, text, **over)
    yield whole
    hints = hints_of(cast(Any, kind))
    for one in fields(kind):  # type: ignore[arg-type]
        if one.init and one.name not in over:
            for other in _others(hints[one.name]):
                yield replace(whole, **{one.name: other})  # type: ignore[type-var]


def _others(hint: Any) -> Iterator[object]:
    some = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    for one in some:
        if one is type(None):
            yield None
        elif one is bool:
            yield False
        elif one is datetime:
            yield from (START - timedelta(days=3), START + timedelta(seconds=5), START + timedelta(days=300))
        elif isinstance(one, type) and issubclass(one, Enum):
            yield from one
        elif one is int:
            yield from (0, 1)


def value(hint: Any, text: str) -> Any:
    """What such a field holds."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _OURS:
        return _OURS[hint]
    if origin in (Union, types.UnionType):
        return value(next(one for one in inner if one is not type(None)), text)
    if origin is tuple:
        return (value(inner[0], text),) if inner[-1] is Ellipsis else tuple(value(one, text) for one in inner)
    if origin in (abc.Sequence, abc.Collection, abc.Iterable, list, frozenset, set):
        return (frozenset if origin in (frozenset, set) else tuple)([value(inner[0], text)])
    if origin in (abc.Mapping, dict):
        keys = list(inner[0]) if isinstance(inner[0], type) and issubclass(inner[0], Enum) else [value(inner[0], text)]
        return {key: value(inner[1], text) for key in keys}
    if origin is abc.Callable:
        given = value(inner[-1], text)
        return lambda *_: given
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        return filled(hint, text)
    return _PLAIN[hint](text)


_OURS: dict[Any, object] = {Table: KEYS, Piece: ("ours", ""), Line: (("ours", ""),)}
"""What only we make: harmless already."""

_PLAIN: dict[Any, Callable[[str], object]] = {
    str: lambda text: text,
    Any: lambda text: text,
    object: lambda text: text,
    bool: lambda _: True,
    int: lambda _: 2,
    float: lambda _: 0.5,
    datetime: lambda _: START,
    date: lambda _: START.date(),
    timedelta: lambda _: timedelta(minutes=5),
    tzinfo: lambda _: UTC,
    bytes: lambda text: text.encode("utf-8", "replace"),
}


def texts_in(thing: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in it, with the class and field in which it stands."""
    if isinstance(thing, Enum):
        return
    if isinstance(thing, str):
        yield path, thing
    elif is_dataclass(thing) and not isinstance(thing, type):
        for one in fields(thing):
            yield from texts_in(getattr(thing, one.name), f"{type(thing).__name__}.{one.name}")
    elif isinstance(thing, abc.Mapping):
        for inner in (*thing.keys(), *thing.values()):
            yield from texts_in(inner, path)
    elif isinstance(thing, abc.Collection) and not isinstance(thing, bytes):
        for inner in thing:
            yield from texts_in(inner, path)


def kinds_in(thing: object) -> Iterator[type]:
    """The classes of everything in it."""
    if is_dataclass(thing) and not isinstance(thing, type):
        yield type(thing)
        for one in fields(thing):
            yield from kinds_in(getattr(thing, one.name))
    elif isinstance(thing, abc.Mapping):
        for inner in thing.values():
            yield from kinds_in(inner)
    elif isinstance(thing, abc.Collection) and not isinstance(thing, str | bytes):
        for inner in thing:
            yield from kinds_in(inner)
