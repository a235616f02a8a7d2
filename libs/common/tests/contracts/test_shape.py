"""The mapping covers what its table says, and refuses the rest when it is built, not when a record comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

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


@dataclass(frozen=True, slots=True)
class _Priced:
    price: Decimal


@pytest.mark.parametrize("text", ["0", "120.50", "-0.01", "0.000", "9" * 30 + "." + "9" * 30])
def test_a_decimal_comes_back_with_every_place(text: str) -> None:
    shape = Shape(_Priced)
    values = shape.values(_Priced(Decimal(text)))
    assert values == {"price": text}
    assert str(shape.build(values).price) == text


def test_a_decimal_has_one_spelling() -> None:
    assert Shape(_Priced).values(_Priced(Decimal("1.2e2"))) == {"price": "120"}
    for number in ("NaN", "Infinity", "-sNaN", "1e31", "1e-31"):
        with pytest.raises(ValueError, match="plain digits"):
            Shape(_Priced).values(_Priced(Decimal(number)))
    for text in ("1e2", "+1", ".5", "1.", "01", "NaN", "", "1 ", "1\n", "\u0661"):
        with pytest.raises(ValueError, match="plain digits"):
            Shape(_Priced).build({"price": text})


def test_what_has_no_avro_type_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="extend both"):
        Shape(_Unmappable)
    with pytest.raises(TypeError, match="no dataclass"):
        Shape(str)
