"""The mapping covers what its table says, and refuses the rest when it is built, not when a record comes."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from opsroom_common.contracts.shape import Shape


@dataclass(frozen=True, slots=True)
class _Inner:
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Outer:
    inner: _Inner | None
    many: tuple[_Inner, ...]
    words: Mapping[str, str]
    yes: bool


@dataclass(frozen=True, slots=True)
class _Unmappable:
    ratio: float


@pytest.mark.parametrize("inner", [None, _Inner((3,))])
def test_values_come_back_as_the_same_thing(inner: _Inner | None) -> None:
    shape = Shape(_Outer)
    thing = _Outer(inner, (_Inner((1, 2)), _Inner(())), {"a": "b"}, yes=True)
    values = shape.values(thing)
    values["many"] = [{"counts": list(each["counts"])} for each in values["many"]]  # as Avro gives arrays back
    assert shape.build(values) == thing


def test_what_has_no_avro_type_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="extend both"):
        Shape(_Unmappable)
    with pytest.raises(TypeError, match="no dataclass"):
        Shape(str)
