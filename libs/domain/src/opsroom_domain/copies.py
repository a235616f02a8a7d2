"""A changed copy of a frozen thing: what every fold does for every event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from types import MemberDescriptorType
from typing import Any, TypeVar

T = TypeVar("T")
_new = object.__new__
_set = object.__setattr__


def changed(thing: T, **values: object) -> T:
    """As ``dataclasses.replace``, for a frozen dataclass with slots and without ``__post_init__``, in under half the time: the fields that stay
    are copied as they are. Raises AttributeError for a field that the class has not, TypeError for a class without slots.
    """
    copy = _new(type(thing))
    for get, put in _members(type(thing)):
        put(copy, get(thing))
    for name, value in values.items():
        _set(copy, name, value)
    return copy


@cache
def _members(cls: type[Any]) -> tuple[tuple[Callable[[Any], Any], Callable[[Any, Any], None]], ...]:
    """How each slot is read and written."""
    names = [field.name for field in fields(cls)]
    members = [member for name in names if isinstance(member := getattr(cls, name, None), MemberDescriptorType)]
    if hasattr(cls, "__post_init__") or len(members) < len(names):
        raise TypeError(f"{cls.__name__} has no slots or a __post_init__; use dataclasses.replace")
    return tuple((member.__get__, member.__set__) for member in members)
