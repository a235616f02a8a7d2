"""Sample states of a kind, made from the types of its fields alone: what a description of its rows and tags is derived from.

They show shapes, not stories: a sample need not be a state that commands can reach. Free values are marked, so that what comes out of ``to_json``
or ``tags`` tells what is free (a text, a time, a number) and what is a word of the program.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from opsroom_domain.decider import Json, Kind

FREE_TEXT: Final = "<text>"
"""Every free text of a sample."""
FREE_NUMBER: Final = 7_654_321
FREE_TIME: Final = datetime(1970, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_ROUNDS_MIN: Final = 2
_DEPTH_MAX: Final = 12
_UNIONS: Final = (Union, UnionType)


class _There(Enum):
    """What of that which need not be there is there."""

    ALL = "all"
    OWN = "own"
    """What the state itself may have, but nothing that may be missing inside of it."""
    MEMBERS = "members"
    """Members of collections, but nothing that may be missing, in them neither."""
    NOTHING = "nothing"


class NoSample(TypeError):
    """A type that no sample can be made of; the message names the field."""


def state_types(kind: Kind[Any, Any, Any]) -> tuple[type, ...]:
    """The dataclasses that a state of ``kind`` may be, as ``from_json`` says it."""
    said: object = get_type_hints(kind.from_json)["return"]
    return tuple(cast("tuple[type, ...]", get_args(said))) if get_origin(said) in _UNIONS else (cast("type", said),)


def samples(kind: Kind[Any, Any, Any]) -> list[Any]:
    """States of every type of ``kind``: with all that may be there, with some and with nothing of it, and each word of each vocabulary at least once.

    Raises NoSample for a field of a type that is unknown here.
    """
    rounds = max(_ROUNDS_MIN, *(len(words) for words in vocabularies(kind)), 0)
    return [
        _made(state_type, number, there=there, path=kind.name, depth=0)
        for state_type in state_types(kind)
        for there in _There
        for number in range(rounds)
    ]


def vocabularies(kind: Kind[Any, Any, Any]) -> list[tuple[str, ...]]:
    """The words of each enumeration of texts that a state of ``kind`` holds, in their order."""
    found: dict[Any, tuple[str, ...]] = {}
    for state_type in state_types(kind):
        _gather(state_type, found, set())
    return list(found.values())


def _gather(hint: Any, found: dict[Any, tuple[str, ...]], seen: set[object]) -> None:
    if words := _words(hint):
        found[hint] = words
    inner: Collection[Any] = get_args(hint)
    if _is_state(hint) and hint not in seen:
        seen.add(hint)
        inner = get_type_hints(hint).values()
    for one in inner:
        _gather(one, found, seen)


def _words(hint: object) -> tuple[str, ...]:
    """The words of an enumeration of texts; nothing for any other type."""
    if not (isinstance(hint, type) and issubclass(hint, Enum)):
        return ()
    values: list[object] = [member.value for member in hint]
    return tuple(value for value in values if isinstance(value, str)) if all(isinstance(value, str) for value in values) else ()


def _is_state(hint: object) -> bool:
    return isinstance(hint, type) and is_dataclass(hint)


def _made(hint: Any, number: int, *, there: _There, path: str, depth: int) -> Any:
    """A value of the type ``hint``. ``number`` picks a word of each vocabulary, ``there`` what of that which need not be is there."""
    if depth > _DEPTH_MAX:
        raise NoSample(f"{path}: the type is nested deeper than {_DEPTH_MAX}; flatten it, or end the recursion")
    if hint == Json or hint is Any:
        return None
    if hasattr(hint, "__supertype__"):
        return _made(hint.__supertype__, number, there=there, path=path, depth=depth)
    if get_origin(hint) in _UNIONS:
        return _of_union(get_args(hint), number, there=there, path=path, depth=depth)
    if get_origin(hint) is Literal:
        return get_args(hint)[number % len(get_args(hint))]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(
            **{
                one.name: _made(hints[one.name], number, there=there, path=f"{path}.{one.name}", depth=depth + 1)
                for one in fields(hint)
                if one.init and (there is not _There.NOTHING or one.default is MISSING)
            }
        )
    if get_origin(hint) is not None:
        return _of_collection(hint, number, there=there, path=path, depth=depth)
    return _plain(hint, number, path)


def _of_union(members: tuple[Any, ...], number: int, *, there: _There, path: str, depth: int) -> Any:
    own = there is _There.OWN and depth <= 1
    if NoneType in members and there is not _There.ALL and not own:
        return None
    others = [member for member in members if member is not NoneType]
    return _made(others[number % len(others)], number, there=there, path=path, depth=depth)


def _of_collection(hint: Any, number: int, *, there: _There, path: str, depth: int) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    full = there is not _There.NOTHING
    if issubclass(origin, Mapping):
        made = [_made(part, number, there=there, path=path, depth=depth + 1) for part in inner] if full else []
        return {made[0]: made[1]} if full else {}
    if origin is tuple and not (len(inner) > 1 and inner[1] is Ellipsis):
        return tuple(_made(part, number, there=there, path=path, depth=depth + 1) for part in inner)
    if issubclass(origin, Collection):
        members = [_made(inner[0], number, there=there, path=path, depth=depth + 1)] if full else []
        return members if origin is list else frozenset(members) if issubclass(origin, (frozenset, set)) else tuple(members)
    raise NoSample(f"{path}: no sample is known of {hint}; teach opsroom_domain.samples this type")


def _plain(hint: Any, number: int, path: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = list(hint)
        return members[number % len(members)]
    known: dict[Any, Any] = {
        str: FREE_TEXT,
        bool: number % 2 == 0,
        int: FREE_NUMBER,
        float: float(FREE_NUMBER),
        Decimal: Decimal(FREE_NUMBER),
        datetime: FREE_TIME,
        timedelta: timedelta(seconds=FREE_NUMBER),
        NoneType: None,
    }
    if hint not in known:
        raise NoSample(f"{path}: no sample is known of {hint}; teach opsroom_domain.samples this type")
    return known[hint]
