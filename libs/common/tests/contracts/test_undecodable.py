"""A record that no reader can understand is Undecodable, whatever is wrong with it; nothing else is ever raised."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_common.contracts.codec import Undecodable, decode, decode_signal
from opsroom_common.contracts.envelope import DomainRecord, Fence, Mark
from opsroom_common.contracts.headers import HEADER_NAMES
from opsroom_common.log.port import LogRecord

_FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_NEEDED = [
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_subject",
    "ce_entityversion",
    "ce_commandid",
    "ce_bodyhash",
    "ce_actor",
    "ce_term",
    "avro-fingerprint",
]


def _with(record: LogRecord, name: str, value: bytes) -> LogRecord:
    return replace(record, headers=tuple((known, value if known == name else old) for known, old in record.headers))


def _without(record: LogRecord, name: str) -> LogRecord:
    return replace(record, headers=tuple(header for header in record.headers if header[0] != name))


def _reason(record: LogRecord) -> str:
    with pytest.raises(Undecodable) as caught:
        decode(record)
    assert caught.value.reason == str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("name", _NEEDED)
def test_a_missing_or_empty_header_is_named(name: str, opened_in_log: LogRecord) -> None:
    for broken in (_without(opened_in_log, name), _with(opened_in_log, name, b"")):
        reason = _reason(broken)
        assert name in reason or (name == "ce_subject" and "key" in reason) or (name == "avro-fingerprint" and "fingerprint" in reason)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ce_type", b"opsroom.incident.exploded", "ce_type"),
        ("ce_type", b"opsroom.incident.acknowledged", "fingerprint"),
        ("ce_specversion", b"0.3", "ce_specversion"),
        ("content-type", b"application/json", "content-type"),
        ("avro-fingerprint", b"0123456789abcdef", "deploy readers before writers"),
        ("avro-fingerprint", b"\xff\xfe", "fingerprint"),
        ("ce_entityversion", b"0", "ce_entityversion"),
        ("ce_entityversion", b"01", "ce_entityversion"),
        ("ce_entityversion", b"-1", "ce_entityversion"),
        ("ce_entityversion", b"\xd9\xa1", "header"),
        ("ce_entityversion", b"9" * 19, "ce_entityversion"),
        ("ce_subject", b"inc_other", "key"),
        ("ce_actor", b"Ada Lovelace", "header"),
        ("ce_actor", b"nul\x00", "header"),
        ("ce_time", b"2026-11-23T10:00:00Z", "ce_time"),
        ("ce_time", b"2026-11-23T10:00:00.123456+00:00", "ce_time"),
        ("ce_time", b"2026-02-30T10:00:00.123456Z", "ce_time"),
        ("ce_time", b"2026-11-23T25:00:00.123456Z", "ce_time"),
        ("ce_time", b"0000-11-23T10:00:00.123456Z", "ce_time"),
        ("ce_time", b"yesterday", "ce_time"),
    ],
)
def test_a_malformed_header_is_named(name: str, value: bytes, reason: str, opened_in_log: LogRecord) -> None:
    assert reason in _reason(_with(opened_in_log, name, value))


def test_a_malformed_value_is_refused_without_quoting_it(opened_in_log: LogRecord, attached_in_log: LogRecord) -> None:
    value = opened_in_log.value
    assert value is not None
    for broken in (value + b"\x00", value[:-1], b"", b"\x01" + value, value.replace(b"Payments", b"Paym\xffnts"), None):
        reason = _reason(replace(opened_in_log, value=broken))
        assert "Paym" not in reason
    nul = value.replace(b"Payments", b"Paym\x00nts")
    assert "ValueError" in _reason(replace(opened_in_log, value=nul))
    assert "Avro" in _reason(replace(attached_in_log, value=value))


def test_the_reader_learns_whose_record_it_was(opened_in_log: LogRecord) -> None:
    def claimed(record: LogRecord) -> str | None:
        with pytest.raises(Undecodable) as caught:
            decode(record)
        return caught.value.entity_id

    broken = replace(opened_in_log, value=b"")
    subject = dict(broken.headers)["ce_subject"].decode()
    assert claimed(broken) == subject
    assert claimed(_without(broken, "ce_subject")) == subject
    assert claimed(replace(_without(broken, "ce_subject"), key=None)) is None
    for no_id in (b"\xff", b"nul\x00", b"x" * 129):
        assert claimed(replace(_with(broken, "ce_subject", no_id), key=None)) is None


_HEADER = st.tuples(st.sampled_from(HEADER_NAMES) | st.text(max_size=10), st.binary(max_size=40))


@_FUZZ
@given(value=st.none() | st.binary(max_size=200), key=st.none() | st.binary(max_size=30), headers=st.lists(_HEADER, max_size=20))
def test_noise_is_undecodable(value: bytes | None, key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    record = LogRecord("ops.events", 0, 0, 0, key, value, tuple(headers))
    for read in (decode, decode_signal):
        with pytest.raises(Undecodable):
            read(record)


@_FUZZ
@given(data=st.data())
def test_a_damaged_record_is_read_or_undecodable_and_nothing_else(
    data: st.DataObject, opened_in_log: LogRecord, attached_in_log: LogRecord
) -> None:
    record = data.draw(st.sampled_from([opened_in_log, attached_in_log]))
    assert record.value is not None
    value = bytearray(record.value)
    for _ in range(data.draw(st.integers(0, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    del value[data.draw(st.integers(0, 2 * len(value))) :]
    headers = list(record.headers)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(headers) - 1))
        headers[at] = (headers[at][0], data.draw(st.binary(max_size=40) | st.sampled_from([old for _, old in record.headers])))
    damaged = replace(record, value=bytes(value), headers=tuple(headers))
    try:
        assert isinstance(decode(damaged), DomainRecord | Fence | Mark)
    except Undecodable as error:
        assert "Payments" not in error.reason


def test_a_damaged_header_object_is_undecodable_too(opened_in_log: LogRecord, in_log: Callable[..., LogRecord]) -> None:
    """Some clients write a header without a value; ours reads that as None, whatever the types say."""
    headers = tuple((name, None if name == "ce_actor" else value) for name, value in opened_in_log.headers)
    assert "malformed" in _reason(replace(opened_in_log, headers=headers))
