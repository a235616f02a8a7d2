"""A time is written in one form, whatever was written before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_domain import times
from opsroom_domain.times import from_rfc3339, instant, rfc3339

_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 30), timezones=_OFFSETS))  # noqa: DTZ001 - the zones are drawn
def test_an_instant_has_one_text_in_whatever_zone(at: datetime) -> None:
    text = rfc3339(at)
    assert text == at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    assert rfc3339(at.astimezone(UTC)) == text
    assert from_rfc3339(text) == at
    assert instant(text) == at
    assert rfc3339(instant(text)) == text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        rfc3339(datetime(2026, 11, 24))  # noqa: DTZ001 - that is the test


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "REMEMBERED_MAX", 10)
    first = datetime(2026, 11, 24, tzinfo=UTC)
    written = [rfc3339(first + timedelta(seconds=second)) for second in range(100)]
    assert written == [(first + timedelta(seconds=second)).isoformat(timespec="microseconds")[:26] + "Z" for second in range(100)]
    assert len(times._texts) <= 10
