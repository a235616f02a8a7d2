"""Ids: UUIDv7 inside, TypeIDs outside, and derived ones are the same wherever they are derived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_common.log.entity import mint_ms
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.ids import SeededIds, SystemIds, derived_uuid7, is_uuid7, type_id, unix_ms, uuid7_of, uuid_of
from opsroom_domain.ids import prefix_of

UUIDS = st.uuids().map(str)


@given(UUIDS)
def test_a_type_id_holds_the_uuid(uuid: str) -> None:
    written = type_id("inc", uuid)
    assert prefix_of(written) == "inc"
    assert uuid_of(written) == uuid


@given(UUIDS, UUIDS)
def test_type_ids_sort_as_their_uuids(a: str, b: str) -> None:
    assert (type_id("inc", a) < type_id("inc", b)) == (a < b)


def test_the_form_is_the_one_of_the_typeid_specification() -> None:
    """The example of the specification (github.com/jetify-com/typeid, spec/valid.yml)."""
    assert type_id("prefix", "01890a5d-ac96-774b-bcce-b302099a8057") == "prefix_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    "text", ["", "inc_", "inc_1", "INC_01h455vb4pex5vsknk084sn02q", "inc_81h455vb4pex5vsknk084sn02q", "inc_01h455vb4pex5vsknk084sn02l"]
)
def test_what_is_no_type_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base32"):
        uuid_of(text)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=32))
def test_a_uuid7_holds_its_time(at_ms: int, randomness: bytes) -> None:
    made = uuid7_of(at_ms, randomness)
    assert is_uuid7(made)
    assert mint_ms(made) == at_ms
    assert UUID(made).version == 7


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1)), st.lists(st.text(max_size=8), max_size=4))  # noqa: DTZ001
def test_a_derived_id_is_a_function_of_its_cause(naive: datetime, cause: list[str]) -> None:
    at = naive.replace(tzinfo=UTC)
    made = derived_uuid7(at, *cause)
    assert is_uuid7(made)
    assert made == derived_uuid7(at, *cause)
    assert made != derived_uuid7(at, *cause, "")
    assert mint_ms(made) == unix_ms(at)


def test_the_borders_between_the_parts_of_a_cause_count() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert derived_uuid7(at, "ab", "c") != derived_uuid7(at, "a", "bc")


def test_a_derived_id_never_changes() -> None:
    """Ids derived by an older version are in the log for ever."""
    at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert derived_uuid7(at, "incident", "alertmanager", "f1") == "01a20320-a200-7c3a-a418-ef7ae0ad5a48"


def test_minted_ids_are_new_valid_and_ordered() -> None:
    ids = SystemIds()
    made = [ids.uuid7() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(map(is_uuid7, made))
    assert made == sorted(made)


def test_a_seed_and_a_clock_decide_seeded_ids() -> None:
    clock = ManualClock()
    assert [SeededIds(1, clock).uuid7() for _ in range(2)] == [SeededIds(1, clock).uuid7()] * 2
    before = SeededIds(1, clock).uuid7()
    clock.advance(1)
    assert SeededIds(1, clock).uuid7() > before


def test_milliseconds_are_exact_before_and_after_1970() -> None:
    assert unix_ms(datetime(1970, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)) == -1
    assert unix_ms(datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC)) % 1000 == 999
