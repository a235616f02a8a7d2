"""The row of each kind as a pydantic model, for OpenAPI and for clients made from it: derived from what ``to_json`` makes of sample states.

So a row is described once, by the code that makes it. What several samples show at one place is put together: a value that may be missing is
nullable, a word of a vocabulary is a choice, a mapping is known by its free keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from opsroom_common.rows import row_of
from opsroom_domain.decider import Json, Kind
from opsroom_domain.samples import FREE_TEXT, FREE_TIME, samples, vocabularies
from opsroom_domain.times import rfc3339

_TIME: Final = rfc3339(FREE_TIME)
_NOTES: Final = {"code": "what people call it by", "version": "number of its last event", "updated_by": "who changed it last"}


class Shown(BaseModel):
    """A part of an answer: it has these members and no others."""

    model_config = ConfigDict(extra="forbid")


def row_model(kind: Kind[Any, Any, Any]) -> type[Shown]:
    """The model of this kind's rows. Raises NoSample."""
    rows = [_row(kind, state) for state in samples(kind)]
    name = f"{camel(kind.name)}Row"
    return _object(name, rows, vocabularies(kind), f"One {kind.name}, whole: the same bytes here, in the change feed and on a socket.")


def camel(name: str) -> str:
    """``change_request`` as a class is called."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_ ]", name))


def _row(kind: Kind[Any, Any, Any], state: Any) -> dict[str, Any]:
    return {
        **row_of(
            kind.to_json(state),
            entity_id=FREE_TEXT,
            kind=kind.name,
            version=1,
            created_at=FREE_TIME,
            updated_at=FREE_TIME,
            updated_by=FREE_TEXT,
        ),
    }


def _object(name: str, values: Sequence[Mapping[str, Json]], words: list[tuple[str, ...]], doc: str | None = None) -> type[Shown]:
    members: dict[str, Any] = {}
    for member in sorted({member for value in values for member in value}):
        there = [value[member] for value in values if member in value]
        hint: Any = _type(f"{name.removesuffix('Row')}{camel(member)}", there, words)
        if member == "updated_by":
            hint = str | None
        if member == "kind" and name.endswith("Row"):
            hint = Literal[str(there[0])]
        if member in _NOTES and name.endswith("Row"):
            hint = Annotated[hint, Field(description=_NOTES[member])]
        members[member] = (hint, ...) if len(there) == len(values) else (hint | None, None)
    return create_model(name, __base__=Shown, __doc__=doc, **members)


def _type(name: str, values: Sequence[Json], words: list[tuple[str, ...]]) -> Any:
    """The type that holds all of ``values``, which stand at one place of the samples."""
    kinds: list[Any] = []
    texts = [value for value in values if isinstance(value, str)]
    lists = [value for value in values if isinstance(value, list)]
    objects = [value for value in values if isinstance(value, dict)]
    if any(isinstance(value, bool) for value in values):
        kinds.append(bool)
    if any(isinstance(value, int) and not isinstance(value, bool) for value in values):
        kinds.append(int)
    if any(isinstance(value, float) for value in values):
        kinds.append(float)
    if texts:
        kinds.append(_text(texts, words))
    if lists:
        inner = [member for value in lists for member in value]
        kinds.append(list[_type(name, inner, words)] if inner else list[Any])
    if objects:
        kinds.append(_mapping(name, objects, words))
    if not kinds:
        return Any
    found = kinds[0]
    for more in kinds[1:]:
        found |= more
    return found | None if None in values else found


def _text(texts: Sequence[str], words: list[tuple[str, ...]]) -> Any:
    if all(text == _TIME for text in texts):
        return datetime
    seen = frozenset(texts)
    whole = next((vocabulary for vocabulary in words if seen == frozenset(vocabulary)), None)
    return str if whole is None else Literal[whole]


def _mapping(name: str, objects: Sequence[Mapping[str, Json]], words: list[tuple[str, ...]]) -> Any:
    keys = {key for value in objects for key in value}
    if not keys:
        return dict[str, Any]
    if keys == {FREE_TEXT}:
        return dict[str, _type(name, [value[FREE_TEXT] for value in objects if value], words)]
    return _object(name, objects, words)
