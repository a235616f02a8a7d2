"""Amounts are exact, and equal amounts are equal text."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_domain.decider import Invalid
from opsroom_domain.money import DIGITS_MAX, PLACES, amount_text, exact_amount


@pytest.mark.parametrize(
    ("text", "currency", "shown"),
    [
        ("120.5", "EUR", "120.50"),
        ("120", "EUR", "120.00"),
        ("1e2", "EUR", "100.00"),
        ("120.500", "EUR", "120.50"),
        ("-0", "EUR", "0.00"),
        ("120", "JPY", "120"),
        ("120.5", "KWD", "120.500"),
        ("0.0001", "CLF", "0.0001"),
        ("9" * DIGITS_MAX + ".99", "USD", "9" * DIGITS_MAX + ".99"),
    ],
)
def test_an_amount_has_the_places_of_its_currency(text: str, currency: str, shown: str) -> None:
    assert amount_text(exact_amount("amount", Decimal(text), currency)) == shown


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("120.505", "EUR", "bad-amount"),
        ("120.5", "JPY", "bad-amount"),
        ("-0.01", "EUR", "bad-amount"),
        ("NaN", "EUR", "bad-amount"),
        ("sNaN", "EUR", "bad-amount"),
        ("Infinity", "EUR", "bad-amount"),
        ("1" + "0" * DIGITS_MAX, "EUR", "bad-amount"),
        ("1e400000", "EUR", "bad-amount"),
        ("1", "eur", "unknown-currency"),
        ("1", "XXX", "unknown-currency"),
    ],
)
def test_nothing_is_rounded_and_nothing_else_is_an_amount(text: str, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        exact_amount("amount", Decimal(text), currency)
    assert refused.value.code == code


@given(units=st.integers(0, 10 ** (DIGITS_MAX - 1)), currency=st.sampled_from(sorted(PLACES)), more=st.integers(0, 3))
def test_equal_amounts_are_equal_text_however_they_are_written(units: int, currency: str, more: int) -> None:
    value = Decimal(units).scaleb(-PLACES[currency])
    one = exact_amount("amount", value, currency)
    other = exact_amount("amount", Decimal(f"{value:f}" + ("0" * more if "." in f"{value:f}" else "")), currency)
    assert amount_text(one) == amount_text(other)
    assert exact_amount("amount", Decimal(amount_text(one)), currency).as_tuple() == one.as_tuple()
