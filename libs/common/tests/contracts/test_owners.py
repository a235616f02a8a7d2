"""A line of ops.control says what was meant, or is refused; nothing that stands there stops its reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_common.contracts.codec import Undecodable, Unencodable, encode_mark
from opsroom_common.contracts.envelope import MARK_TYPE, Envelope
from opsroom_common.contracts.owners import OWNER_TYPE, Owner, decode_owner, encode_owner
from opsroom_common.log.port import LogRecord, RawRecord

TERM = "01a20e1b-0e4f-7342-82e5-fd45500ec760"
LINE = Owner(partition=3, owner="command-api-2", url="http://10.0.0.2:8401", term=TERM, serving=True)


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)


def envelope(type_: str = OWNER_TYPE, term: str | None = TERM) -> Envelope:
    return Envelope(id=TERM, type=type_, source="/command-api", time=datetime(2026, 11, 24, tzinfo=UTC), term=term)


def stands(raw: RawRecord) -> LogRecord:
    return LogRecord("ops.control", 0, 0, raw.timestamp_ms, raw.key, raw.value, raw.headers)


@given(partition=st.integers(0, 1023), owner=TEXTS, url=TEXTS, serving=st.booleans())
def test_what_was_written_is_read(partition: int, owner: str, url: str, serving: bool) -> None:
    line = Owner(partition=partition, owner=owner, url=url, term=TERM, serving=serving)
    raw = encode_owner(envelope(), line)
    assert decode_owner(stands(raw)) == line
    assert raw.key == str(partition).encode(), "compaction keeps the latest of each partition"


def test_a_line_under_another_term_is_refused() -> None:
    with pytest.raises(Unencodable):
        encode_owner(envelope(term=None), LINE)


@pytest.mark.parametrize(
    "raw",
    [
        RawRecord(b"3", b"", (), 0),
        RawRecord(b"3", b"\xff", encode_owner(envelope(), LINE).headers, 0),
        RawRecord(None, encode_owner(envelope(), LINE).value, (), 0),
        encode_mark(envelope(MARK_TYPE)),
    ],
)
def test_what_is_no_line_is_undecodable(raw: RawRecord) -> None:
    with pytest.raises(Undecodable):
        decode_owner(stands(raw))
