"""Dataclasses to and from JSON values, strictly, by their type hints.

A dataclass is a JSON object with a key per field; a field left out takes its default. Those in
ARRAYS, of which there are many, are arrays of all their fields in order. The conversions are made
once from the hints int, float, str, bool, None, unions, Literal, tuples and nested dataclasses, so
a new field of a message needs no word here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from sockview.model.clean_text import clean
from sockview.model.query import Age, GroupRow, SocketRow
from sockview.model.trend import Trend

#: Without names they are a third of the size, and twice as fast to read.
ARRAYS: Final[frozenset[type]] = frozenset({SocketRow, GroupRow, Age, Trend})


class Wrong(Exception):
    """What is wrong with a value; the path to it grows while this passes outwards."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def inside(self, step: str) -> Wrong:
        joint = "." if self.path and not self.path.startswith("[") else ""
        self.path = step + joint + self.path
        return self


#: Turns a decoded JSON value into a field's value, or raises Wrong.
Convert = Callable[[Any], Any]
#: The JSON types that a hint admits, each with its conversion; None: the value is taken as it is.
_Shape = dict[type, Convert | None]

_JSON_NAMES: Final[dict[type, str]] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    NoneType: "null",
    list: "a list",
    dict: "an object",
}


# ------------------------------------------------------------------ from type hints to conversions
def _shape_of(hint: Any) -> _Shape:
    """The shape of one type hint. TypeError for a hint that the wire has no form for."""
    origin = get_origin(hint)
    if hint in (int, str, bool, NoneType):
        return {hint: None}
    if hint is float:
        return {float: _finite, int: _finite}
    if origin in (Union, UnionType):
        return _union(_shape_of(part) for part in get_args(hint))
    if origin is Literal:
        return {str: _one_of(get_args(hint))}
    if origin is tuple:
        return {list: _tuple_of(get_args(hint))}
    if isinstance(hint, type) and is_dataclass(hint):
        return {list: _from_array(hint)} if hint in ARRAYS else {dict: from_object(hint)}
    raise TypeError(f"the wire has no form for {hint!r}")


def _union(parts: Iterable[_Shape]) -> _Shape:
    merged: _Shape = {}
    for part in parts:
        if merged.keys() & part.keys():
            raise TypeError("two members of a union look alike on the wire")
        merged.update(part)
    return merged


def _take(value: Any, shape: _Shape) -> Any:
    """The value in its shape. `type(value)` is exact, so true is no whole number."""
    try:
        convert = shape[type(value)]
    except KeyError:
        kinds = shape.keys() - {int} if float in shape else shape.keys()
        wanted = " or ".join(sorted(_JSON_NAMES[kind] for kind in kinds))
        raise Wrong(f"is {_JSON_NAMES[type(value)]} where {wanted} belongs") from None
    return value if convert is None else convert(value)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Wrong("is a number too large")
    return number


def _one_of(words: tuple[str, ...]) -> Convert:
    def convert(value: str) -> str:
        if value not in words:
            raise Wrong(f"is none of {', '.join(words)}")
        return value

    return convert


def _tuple_of(hints: tuple[Any, ...]) -> Convert:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return _tuple_of_any_length(_shape_of(hints[0]))
    shapes = tuple(_shape_of(hint) for hint in hints)

    def convert(values: list[Any]) -> tuple[Any, ...]:
        if len(values) != len(shapes):
            raise Wrong(f"has {len(values)} items where {len(shapes)} belong")
        return tuple(_take_field(f"[{at}]", value, shapes[at]) for at, value in enumerate(values))

    return convert


def _tuple_of_any_length(shape: _Shape) -> Convert:
    plain = {kind for kind, convert in shape.items() if convert is None}

    def convert(values: list[Any]) -> tuple[Any, ...]:
        if plain.issuperset(map(type, values)):
            return tuple(values)
        at = 0
        taken = []
        try:
            for at, value in enumerate(values):  # noqa: B007 (where the loop stopped is where the wrong item is)
                taken.append(_take(value, shape))
        except Wrong as wrong:
            raise wrong.inside(f"[{at}]") from None
        return tuple(taken)

    return convert


def _from_array(kind: type) -> Convert:
    """The conversion of a dataclass written as an array of all its fields."""
    hints = get_type_hints(kind)
    names = tuple(field.name for field in fields(kind))
    shapes = tuple(_shape_of(hints[name]) for name in names)
    deep = tuple(
        (at, name, shape)
        for at, (name, shape) in enumerate(zip(names, shapes, strict=True))
        if any(convert is not None for convert in shape.values())
    )
    # Rows are many and their types repeat: a row whose types were right once needs one look-up.
    # Only combinations that passed are kept, so this is as bounded as the unions of the fields.
    known: set[tuple[type, ...]] = set()

    def convert(values: list[Any]) -> Any:
        types = tuple(map(type, values))
        if types not in known:
            if len(values) != len(names):
                raise Wrong(f"has {len(values)} fields where {len(names)} belong")
            taken = [_take_field(name, value, shape) for name, value, shape in zip(names, values, shapes, strict=True)]
            known.add(types)
            return kind(*taken)
        for at, name, shape in deep:
            if values[at] is not None:
                values[at] = _take_field(name, values[at], shape)
        return kind(*values)

    return convert


def _take_field(name: str, value: Any, shape: _Shape) -> Any:
    try:
        return _take(value, shape)
    except Wrong as wrong:
        raise wrong.inside(name) from None


def from_object(kind: type) -> Convert:
    """The conversion of a dataclass written as an object; absent fields take their defaults."""
    hints = get_type_hints(kind)
    shapes = {field.name: _shape_of(hints[field.name]) for field in fields(kind)}
    required = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}

    def convert(values: dict[str, Any]) -> Any:
        if not shapes.keys() >= values.keys():
            unknown = next(name for name in values if name not in shapes)
            raise Wrong(f"has an unknown field {clean(unknown, 40)!r}")
        if not required <= values.keys():
            raise Wrong(f"lacks the field {min(required - values.keys())}")
        return kind(**{name: _take_field(name, value, shapes[name]) for name, value in values.items()})

    return convert


# ------------------------------------------------------------------ from values to JSON
def _field_getter(kind: type) -> Callable[[Any], Any]:
    names = [field.name for field in fields(kind)]
    if kind in ARRAYS:
        return attrgetter(*names)
    return lambda value: {name: getattr(value, name) for name in names}


_getters: Final[dict[type, Callable[[Any], Any]]] = {}


def to_json(value: Any) -> Any:
    """What json does not know is one of our dataclasses: its fields, as an array or an object."""
    kind = type(value)
    getter = _getters.get(kind)
    if getter is None:
        if not is_dataclass(kind):
            raise TypeError(f"the wire has no form for {kind.__name__}")
        getter = _getters[kind] = _field_getter(kind)
    return getter(value)
