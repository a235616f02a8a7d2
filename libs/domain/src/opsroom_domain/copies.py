"""Frozen things, made quickly: what every fold and every decoding does for every event.

A frozen dataclass sets its fields one by one through a function, which takes most of the time of making one. Here each class has a twin: the
same slots, not frozen. A thing is filled as the twin and then told that it is of its class, which CPython allows between classes of one layout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, field, fields, make_dataclass
from functools import cache
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, ParamSpec, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")


def changed(thing: T, **values: object) -> T:
    """As ``dataclasses.replace``, for a frozen dataclass with slots and without ``__post_init__``, in a fifth of the time: the fields that stay
    are copied as they are. Raises AttributeError for a field that the class has not, TypeError for a class without slots.
    """
    cls = type(thing)
    get, twin = _copier(cls)
    copy = twin(*get(thing))
    for name, value in values.items():
        setattr(copy, name, value)
    copy.__class__ = cls
    return cast("T", copy)


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """What makes things of ``cls``, a frozen dataclass with slots and without ``__post_init__``, as calling it does, in a third of the time.

    Raises TypeError for a class that is none. The result raises TypeError for a field too many or too few, as the class would.
    """
    return cast("Callable[P, T]", _maker(cast("type[Any]", cls)))


def filler(cls: type[T]) -> Callable[..., T]:
    """As ``maker``, for the values of all fields, in the order in which the bases and the class declare them: half the time for many fields."""
    return cast("Callable[..., T]", _filler(cls))


@cache
def _maker(cls: type[Any]) -> type[Any]:
    return _finishing(cls, [(each.name, Any, _alike(each)) for each in _fields(cls)])


@cache
def _filler(cls: type[Any]) -> type[Any]:
    return _finishing(cls, [each.name for each in _fields(cls)])


def _finishing(cls: type[Any], like_fields: list[Any]) -> type[Any]:
    def finish(self: Any) -> None:
        self.__class__ = cls

    like = make_dataclass(cls.__name__, like_fields, namespace={"__post_init__": finish})
    return _twin(cls, {"__init__": like.__init__, "__post_init__": finish})


@cache
def _copier(cls: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], type[Any]]:
    """How the fields of a thing are read, and the twin that is made of them."""
    names = [each.name for each in _fields(cls)]
    like = make_dataclass(cls.__name__, names)
    get = attrgetter(*names)
    return (lambda thing: (get(thing),)) if len(names) == 1 else get, _twin(cls, {"__init__": like.__init__})


def _twin(cls: type[Any], namespace: dict[str, Any]) -> type[Any]:
    free = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__dict__.get("__slots__", ()), **free, **namespace})


def _fields(cls: type[Any]) -> tuple[Field[Any], ...]:
    found = fields(cls)
    if hasattr(cls, "__post_init__") or not all(isinstance(getattr(cls, each.name, None), MemberDescriptorType) for each in found):
        raise TypeError(f"{cls.__name__} has no slots or a __post_init__; use the class itself and dataclasses.replace")
    return found


def _alike(of: Field[Any]) -> Any:
    """A field with the same default, given the same way."""
    return field(default=of.default, default_factory=of.default_factory, kw_only=of.kw_only)
