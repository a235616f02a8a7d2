"""What was decided is what will be read: the codec gives back an equal event, or refuses to write it."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_common.contracts.codec import (
    Unencodable,
    decode,
    encode_event,
    encode_fence,
    encode_mark,
    event_forms,
    peek,
)
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, DomainRecord, Envelope, Fence, Mark
from opsroom_common.contracts.headers import HEADER_NAMES, HEADERS_CHARACTERS_MAX
from opsroom_common.log.port import LogRecord
from opsroom_domain.changes import Change
from opsroom_domain.entities.incident import Edited, Opened, SignalAttached
from opsroom_domain.registry import KINDS

_EVENT_CLASSES = sorted({cls for kind, cls in event_forms() if kind == "incident"}, key=lambda cls: cls.__name__)
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
_TIMES = st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda time: time.replace(fold=0)  # means nothing in UTC
)
_OPAQUE = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789_-:/."), min_size=1, max_size=60)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    hint = getattr(hint, "__supertype__", hint)
    if hint is datetime:
        return _TIMES
    if hint is str:
        return _TEXT
    if hint is int:
        return st.integers(-(2**63), 2**63 - 1)
    if get_origin(hint) is tuple:
        return st.lists(_values(get_args(hint)[0]), max_size=4).map(tuple)
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of(*(st.none() if part is NoneType else _values(part) for part in get_args(hint)))
    return _record(hint) if is_dataclass(hint) else st.from_type(hint)


def _record(cls: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: _values(hints[field.name]) for field in fields(cls)})


def _events(cls: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    given_fields = {field.name: _values(hints[field.name]) for field in fields(cls)}
    return st.builds(cls, **{**given_fields, "by": _OPAQUE})


_ANY_EVENT = st.sampled_from(_EVENT_CLASSES).flatmap(_events)
_OPTIONAL_HEADERS = st.fixed_dictionaries(
    {name: st.none() | _OPAQUE for name in ("role", "correlation_id", "causation_id", "reason", "proposal_id", "traceparent")}
)


def test_every_event_of_every_kind_has_a_form() -> None:
    assert {(kind.name, cls) for kind in KINDS.values() for cls in kind.events.values()} == set(event_forms())
    for kind in KINDS.values():
        assert {f"opsroom.{kind.name}.{name}" for name in kind.events} == {
            event_forms()[kind.name, cls].type for cls in kind.events.values()
        }


@pytest.mark.parametrize("cls", _EVENT_CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_event_comes_back_equal_and_of_the_same_types(
    cls: type[Any], data: st.DataObject, envelope_of: Callable[..., Envelope], in_log: Callable[..., LogRecord]
) -> None:
    event = data.draw(_events(cls))
    envelope = envelope_of(event, **data.draw(_OPTIONAL_HEADERS))
    record = decode(in_log(encode_event(envelope, "incident", event)))
    assert isinstance(record, DomainRecord)
    assert record.event == event
    # Equality alone would let a plain string pass for a StrEnum, and a list for a tuple.
    assert repr(record.event) == repr(event)
    assert record.envelope == envelope
    assert (record.partition, record.offset, record.kind) == (3, 17, "incident")
    assert (record.entity_id, record.version) == (envelope.subject, envelope.entity_version)
    assert (record.command_id, record.body_hash) == (envelope.command_id, envelope.body_hash)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=_ANY_EVENT)
def test_equal_events_are_equal_bytes_and_the_key_is_the_entity(event: Any, envelope_of: Callable[..., Envelope]) -> None:
    one, two = (encode_event(envelope_of(event), "incident", replace(event)) for _ in range(2))
    assert one == two
    assert one.key == str(envelope_of(event).subject).encode()
    assert one.timestamp_ms == (event.at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=_ANY_EVENT)
def test_no_field_of_an_event_ever_lands_in_a_header(event: Any, envelope_of: Callable[..., Envelope]) -> None:
    """Each free text is made unmistakable first; then it is looked for in every header."""
    secret = "Ada Lovelace of 12 St James's Square"
    marked = {field.name: secret for field in fields(event) if isinstance(getattr(event, field.name), str) and field.type in {"str", str}}
    event = replace(event, **marked)
    raw = encode_event(envelope_of(event), "incident", event)
    assert {name for name, _ in raw.headers} <= set(HEADER_NAMES)
    assert not [name for name, value in raw.headers if b"Ada" in value or b" " in value or b"@" in value]
    assert not marked or secret.encode() in raw.value


def test_the_header_names_are_the_fixed_ones(opened: Opened, envelope_of: Callable[..., Envelope]) -> None:
    full = envelope_of(opened, correlation_id="a", causation_id="b", reason="c", proposal_id="d", traceparent="00-e-f-01")
    headers = encode_event(full, "incident", opened).headers
    expected = (
        "content-type ce_specversion ce_id ce_type ce_source ce_subject ce_time ce_entityversion ce_commandid ce_bodyhash ce_actor ce_role "
        "ce_correlationid ce_causationid ce_reason ce_proposalid ce_term ce_traceparent avro-fingerprint"
    )
    assert sorted(name for name, _ in headers) == sorted(expected.split()) == sorted(HEADER_NAMES)
    found = dict(headers)
    assert found["content-type"] == b"application/avro"
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_type"] == b"opsroom.incident.opened"
    assert found["ce_time"] == b"2026-11-23T10:00:00.123456Z"
    assert found["ce_entityversion"] == b"1"
    assert found["avro-fingerprint"] == event_forms()["incident", Opened].schema.fingerprint.encode()


@pytest.mark.parametrize("value", ["Ada Lovelace", "ada@example.org", "Zoë", "line\nbreak", "tab\tbed", "", "a\udc80", "nul\x00"])
@pytest.mark.parametrize("name", ["id", "role", "reason", "correlation_id", "causation_id", "proposal_id", "source", "body_hash"])
def test_a_header_takes_no_name_address_or_free_text(name: str, value: str, opened: Opened, envelope_of: Callable[..., Envelope]) -> None:
    with pytest.raises(Unencodable):
        encode_event(envelope_of(opened, **{name: value}), "incident", opened)


def test_headers_are_bounded(opened: Opened, envelope_of: Callable[..., Envelope]) -> None:
    with pytest.raises(Unencodable, match="more than"):
        encode_event(envelope_of(opened, reason="r" * HEADERS_CHARACTERS_MAX), "incident", opened)


@pytest.mark.parametrize("name", ["subject", "entity_version", "command_id", "body_hash", "actor", "term"])
def test_an_event_without_its_envelope_is_not_written(name: str, opened: Opened, envelope_of: Callable[..., Envelope]) -> None:
    with pytest.raises(Unencodable):
        encode_event(envelope_of(opened, **{name: None}), "incident", opened)


def test_an_event_that_would_come_back_different_is_not_written(
    opened: Opened, attached: SignalAttached, envelope_of: Callable[..., Envelope]
) -> None:
    elsewhere = timezone(timedelta(hours=2))
    later = opened.at + timedelta(microseconds=1)
    for envelope, kind, event in (
        (envelope_of(opened, time=later), "incident", opened),
        (envelope_of(opened, actor="usr_other"), "incident", opened),
        (envelope_of(opened, entity_version=-1), "incident", opened),
        (envelope_of(opened, type="opsroom.incident.acknowledged"), "incident", opened),
        (envelope_of(opened), "task", opened),
        (envelope_of(opened), "incident", replace(opened, title="nul\x00")),
        (envelope_of(opened), "incident", replace(opened, title="half a pair \ud83d")),
        (envelope_of(opened), "incident", replace(opened, title=7)),
        (envelope_of(opened), "incident", replace(opened, severity="sev9")),
        (envelope_of(attached), "incident", replace(attached, starts_at=attached.at.astimezone(elsewhere))),
        (envelope_of(attached), "incident", replace(attached, starts_at=attached.at.replace(tzinfo=None))),
        (envelope_of(opened), "incident", Change(field="a", seen="b", to="c")),
    ):
        with pytest.raises(Unencodable):
            encode_event(envelope, kind, event)
    away = replace(opened, at=opened.at.astimezone(elsewhere))
    with pytest.raises(Unencodable, match="UTC"):
        encode_event(envelope_of(away), "incident", away)


def test_a_nested_change_keeps_its_three_values(
    envelope_of: Callable[..., Envelope], in_log: Callable[..., LogRecord], opened: Opened
) -> None:
    edited = Edited(
        at=opened.at, by=opened.by, changes=(Change(field="title", seen="a", to="b"), Change(field="description", seen="", to="é"))
    )
    record = decode(in_log(encode_event(envelope_of(edited), "incident", edited)))
    assert isinstance(record, DomainRecord)
    assert record.event == edited
    assert isinstance(record.event.changes, tuple)
    assert all(isinstance(change, Change) for change in record.event.changes)


def test_a_fence_starts_the_term_of_its_own_id(in_log: Callable[..., LogRecord], opened: Opened) -> None:
    envelope = Envelope(id="019aaef2-d05c-7a3e-8c51-6f0e2b7d9a02", type=FENCE_TYPE, source="/command-api", time=opened.at)
    raw = encode_fence(envelope, "command-api-1", "http://127.0.0.1:8401")
    assert raw.key is None
    assert decode(in_log(raw)) == Fence(
        partition=3, offset=17, term=envelope.id, owner="command-api-1", url="http://127.0.0.1:8401", time=opened.at
    )
    assert peek(raw.headers) == (FENCE_TYPE, envelope.id, None)


def test_a_mark_has_a_term_and_no_entity(in_log: Callable[..., LogRecord], opened: Opened) -> None:
    envelope = Envelope(id="m-1", type=MARK_TYPE, source="/command-api", time=opened.at, term="t-1")
    raw = encode_mark(envelope)
    assert raw.key is None
    assert decode(in_log(raw)) == Mark(partition=3, offset=17, id="m-1", term="t-1", time=opened.at)
    assert peek(raw.headers) == (MARK_TYPE, "m-1", "t-1")
    with pytest.raises(Unencodable):
        encode_mark(replace(envelope, term=None))


def test_peek_says_none_for_what_is_absent_or_no_text() -> None:
    assert peek(()) == (None, None, None)
    assert peek((("ce_type", b"x"), ("ce_id", b"\xff"), ("other", b"y"))) == ("x", None, None)
