"""The mapping between a frozen dataclass and the values of its Avro record, built once for each class from its type hints.

| Python | Avro |
|---|---|
| ``str`` and its NewTypes | string |
| ``int`` | long |
| ``Decimal``, finite | string, in plain digits with every place that it has: ``120.50`` |
| ``bool`` | boolean |
| ``StrEnum`` | enum of the same name, with the members' values as symbols, in order |
| ``datetime``, UTC | long, timestamp-micros |
| ``X | None`` | union of null and X |
| ``tuple[X, ...]`` | array of X |
| ``Mapping[str, str]`` | map of string |
| dataclass | record of the same name |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from opsroom_common.contracts.avro import Values
from opsroom_domain.copies import maker

T = TypeVar("T")
_Convert = Callable[[Any], Any]
_ZERO = timedelta(0)
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?", re.ASCII)


class Shape(Generic[T]):
    """Turns things of one class into Avro values and back. ``in_headers`` names the fields that are not in the value."""

    def __init__(self, cls: type[T], in_headers: frozenset[str] = frozenset()) -> None:
        if not is_dataclass(cls):
            raise TypeError(f"{cls.__name__} is no dataclass; only dataclasses have a schema")
        hints = get_type_hints(cls)
        self._cls = cls
        self._make = maker(cls)
        self._names = tuple(field.name for field in fields(cls) if field.name not in in_headers)
        conversions = [(name, *_conversions(hints[name])) for name in self._names]
        self._outward = tuple((name, outward) for name, outward, _ in conversions if outward is not None)
        self._inward = tuple((name, inward) for name, _, inward in conversions if inward is not None)

    def values(self, thing: T) -> Values:
        """The Avro values of ``thing``. Raises ValueError for a time that is not UTC, a text with NUL or a decimal that is not
        finite, TypeError for a text that is none.
        """
        values = {name: getattr(thing, name) for name in self._names}
        for name, outward in self._outward:
            values[name] = outward(values[name])
        return values

    def build(self, values: Values) -> T:
        """The thing of these values, which must hold every field, those of ``in_headers`` too; ``values`` is used up.

        Raises KeyError for an unknown symbol, TypeError for a field too many or too few, ValueError for a text with NUL or no decimal.
        """
        for name, inward in self._inward:
            values[name] = inward(values[name])
        return self._make(**values)


def _conversions(hint: Any) -> tuple[_Convert | None, _Convert | None]:
    """To Avro and from Avro; None where the value stays as it is."""
    hint = getattr(hint, "__supertype__", hint)
    if hint is str:
        return _text, _text
    if hint in {int, bool}:
        return None, None
    if hint is datetime:
        return _utc, None
    if hint is Decimal:
        return _decimal_text, _decimal
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        # fastavro finds a symbol by equality, and a StrEnum member equals its value.
        return None, {member.value: member for member in hint}.__getitem__
    if isinstance(hint, type) and is_dataclass(hint):
        nested = Shape(cast("type[Any]", hint))
        return nested.values, nested.build
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType} and len(arguments) == 2 and arguments[1] is NoneType:  # noqa: PLR2004
        outward, inward = _conversions(arguments[0])
        return _unless_none(outward), _unless_none(inward)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:  # noqa: PLR2004
        outward, inward = _conversions(arguments[0])
        return _each(outward) if outward else None, _each_of_tuple(inward) if inward else tuple
    if origin is Mapping and arguments == (str, str):
        return _text_map, _text_map
    raise TypeError(f"{hint!r} has no Avro type here; see the table of this module, and extend both")


def _text(value: str) -> str:
    # Postgres stores no NUL: one such record would stop a projection.
    if "\x00" in value:
        raise ValueError("a text holds a NUL character; remove it where it enters")
    return value


def _decimal_text(value: Decimal) -> str:
    text = f"{value:f}"
    _decimal(text)
    return text


def _decimal(text: str) -> Decimal:
    # One spelling for each: 1e2, +1, .5 and Infinity are no amounts, and what comes back must be what was written.
    if not _DECIMAL.fullmatch(text):
        raise ValueError("a decimal is not in plain digits like 120.50, up to 30 on each side of the point; correct it where it enters")
    return Decimal(text)


def _text_map(values: Mapping[str, str]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in values.items()}


def _utc(time: datetime) -> datetime:
    # Another zone would come back as UTC: the same instant, but other text in a row than the writer's own state gives.
    if time.utcoffset() != _ZERO:
        raise ValueError("a time is not UTC; convert it where it enters")
    return time


def _unless_none(convert: _Convert | None) -> _Convert | None:
    if convert is None:
        return None
    return lambda value: None if value is None else convert(value)


def _each(convert: _Convert) -> _Convert:
    return lambda values: [convert(value) for value in values]


def _each_of_tuple(convert: _Convert) -> _Convert:
    return lambda values: tuple(convert(value) for value in values)
