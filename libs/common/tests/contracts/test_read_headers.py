"""The quick way to read headers says what the slow one says, of whatever headers: also why they are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.errors import Malformed
from opsroom_common.contracts.headers import FINGERPRINT, HEADER_NAMES, read_headers, to_envelope, to_headers
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

FULL = Envelope(
    id="0190", type="opsroom.incident.opened", source="/command-api", time=datetime(2026, 11, 24, 1, 2, 3, 4, tzinfo=UTC), term="t1",
    subject=EntityId("inc_1"), entity_version=Version(7), command_id=CommandId("c"), body_hash="h", actor=ActorId("usr_a"), role="operator",
    correlation_id="co", causation_id="ca", reason="r", proposal_id="p", traceparent="00-1-2-01",
)  # fmt: skip
WHOLE = to_headers(FULL, b"0123456789abcdef")
_VALUES = st.sampled_from([b"", b"x", b"0", b"12", b"a b", b"\xff", b"a@b", b"2026-02-31T00:00:00.000000Z", b"opsroom.log.fence", None])
_CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("drop"), st.sampled_from(HEADER_NAMES), st.none()),
        st.tuples(st.just("set"), st.sampled_from(HEADER_NAMES), _VALUES),
        st.tuples(st.just("add"), st.sampled_from([*HEADER_NAMES, "other"]), _VALUES),
    ),
    max_size=3,
)


def said(read: Any) -> object:
    try:
        return read()
    except (Malformed, TypeError) as error:
        return type(error), str(error) if isinstance(error, Malformed) else ""


@given(order=st.permutations(WHOLE), changes=_CHANGES)
def test_the_quick_way_says_what_the_slow_one_says(order: list[tuple[str, Any]], changes: list[tuple[str, str, bytes | None]]) -> None:
    headers: list[tuple[str, Any]] = list(order)
    for what, name, value in changes:
        if what == "drop":
            headers = [header for header in headers if header[0] != name]
        elif what == "set":
            headers = [(known, value if known == name else old) for known, old in headers]
        else:
            headers.append((name, value))
    slowly = said(lambda: (to_envelope(dict(headers)), dict(headers).get(FINGERPRINT, b"")))
    assert said(lambda: read_headers(tuple(headers))) == slowly


@given(order=st.permutations(WHOLE))
def test_the_headers_of_ours_in_any_order_are_read_back(order: list[tuple[str, bytes]]) -> None:
    assert read_headers(tuple(order)) == (FULL, b"0123456789abcdef")
