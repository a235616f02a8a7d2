"""Records of ``ops.events``: domain events, fences, marks and skips, to bytes and back.

What was decided is what will be read: ``decode(encode_event(...))`` gives an equal event, or ``encode_event`` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from opsroom_common.contracts.avro import installed_catalogue
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, SKIPPED_TYPE, DomainRecord, Envelope, Fence, Mark, Skip
from opsroom_common.contracts.errors import Malformed, Undecodable, Unencodable
from opsroom_common.contracts.forms import Form
from opsroom_common.contracts.headers import Peek, peek, read_headers
from opsroom_common.contracts.signals import decode_signal, encode_signal
from opsroom_common.log.port import LogRecord, RawRecord
from opsroom_common.runtime.ids import is_uuid7
from opsroom_domain.copies import maker
from opsroom_domain.ids import CommandId, Version
from opsroom_domain.registry import KINDS

__all__ = [
    "Peek",
    "SkippedBody",
    "Undecodable",
    "Unencodable",
    "decode",
    "decode_signal",
    "encode_event",
    "encode_fence",
    "encode_mark",
    "encode_signal",
    "encode_skip",
    "event_forms",
    "log_forms",
    "peek",
    "type_of",
]

IN_HEADERS = frozenset({"at", "by"})
"""Fields of every event that stand in the headers ``ce_time`` and ``ce_actor`` and not in the value."""
_VERSION_MAX = 2**31 - 1
_record = maker(DomainRecord)
ENTITY_ID_BYTES_MAX = 128
"""A longer claim of whose record a malformed one is, is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceBody:
    """The value of a fence."""

    owner: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkBody:
    """The value of a mark: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedBody:
    """The value of a skip: see ``envelope.Skip``."""

    offset: int
    version: int
    reason: str
    command_id: CommandId | None
    body_hash: str | None


@dataclass(frozen=True, slots=True)
class _EventForm:
    kind: str
    form: Form[Any]


@dataclass(frozen=True, slots=True)
class _Forms:
    by_class: Mapping[tuple[str, type[Any]], _EventForm]
    """By kind and class: kinds share classes, and each has its own records of them."""
    by_type: Mapping[str, _EventForm]
    fence: Form[FenceBody]
    mark: Form[MarkBody]
    skipped: Form[SkippedBody]


@cache
def _forms() -> _Forms:
    """Every form, built once in a process. Raises FormMissing for an event without a schema, SchemasMissing, SchemaBroken."""
    schemas = installed_catalogue()
    by_class: dict[tuple[str, type[Any]], _EventForm] = {}
    for kind in KINDS.values():
        for name, cls in kind.events.items():
            form: Form[Any] = Form(f"opsroom.{kind.name}.{name}", cls, f"opsroom.{kind.name}.{cls.__name__}", schemas, IN_HEADERS)
            by_class[kind.name, cls] = _EventForm(kind.name, form)
    return _Forms(
        by_class=by_class,
        by_type={event.form.type: event for event in by_class.values()},
        fence=Form(FENCE_TYPE, FenceBody, "opsroom.log.Fence", schemas),
        mark=Form(MARK_TYPE, MarkBody, "opsroom.log.Mark", schemas),
        skipped=Form(SKIPPED_TYPE, SkippedBody, "opsroom.log.Skipped", schemas),
    )


def event_forms() -> Mapping[tuple[str, type[Any]], Form[Any]]:
    """The form of every event class of every kind, by kind and class."""
    return {known: event.form for known, event in _forms().by_class.items()}


def log_forms() -> tuple[Form[FenceBody], Form[MarkBody], Form[SkippedBody]]:
    """The forms of fences, marks and skips."""
    return _forms().fence, _forms().mark, _forms().skipped


def type_of(kind: str, event: object) -> str:
    """The ``ce_type`` of an event of this kind, e.g. ``opsroom.incident.acknowledged``. Raises Unencodable if the kind has no such event."""
    return _form_of(kind, event).form.type


def _form_of(kind: str, event: object) -> _EventForm:
    known = _forms().by_class.get((kind, type(event)))
    if known is None:
        raise Unencodable(f"{type(event).__name__} is no event of {kind}; add it to the kind's events and write its schema")
    return known


def encode_event(envelope: Envelope, kind: str, event: object) -> RawRecord:
    """The record of one event, keyed by the entity's id.

    Raises Unencodable if it could not be read back as the same event: no subject, version, command id, body hash, actor or term; a time or
    an actor that is not the event's; a header that holds more than an opaque id; a value that does not fit the schema.
    """
    known = _form_of(kind, event)
    subject = envelope.subject
    if not (subject and envelope.entity_version and envelope.command_id and envelope.body_hash and envelope.actor and envelope.term):
        raise Unencodable("an event's envelope needs subject, entity_version, command_id, body_hash, actor and term; fill them in")
    at, by = getattr(event, "at", None), getattr(event, "by", None)
    if at != envelope.time or by != envelope.actor:
        raise Unencodable("the event's at and by are not the envelope's time and actor; stamp both from one source")
    return known.form.record(envelope, event, subject.encode())


def encode_fence(envelope: Envelope, owner: str, url: str) -> RawRecord:
    """The record of a fence; ``envelope.id`` is the term that it starts (R1). Raises Unencodable."""
    return _forms().fence.record(envelope, FenceBody(owner=owner, url=url), None)


def encode_mark(envelope: Envelope) -> RawRecord:
    """The record of a mark under ``envelope.term`` (R4). Raises Unencodable."""
    if not envelope.term:
        raise Unencodable("a mark needs the term that it is written under")
    return _forms().mark.record(envelope, MarkBody(), None)


def encode_skip(envelope: Envelope, body: SkippedBody) -> RawRecord:
    """The record of a skip, keyed by the entity's id. Raises Unencodable, also if the envelope does not say whose, by whom or under which term."""
    subject = envelope.subject
    if not (subject and envelope.command_id and envelope.body_hash and envelope.actor and envelope.term) or envelope.entity_version:
        raise Unencodable("a skip's envelope needs subject, command_id, body_hash, actor and term, and no entity_version")
    return _forms().skipped.record(envelope, body, subject.encode())


def decode(record: LogRecord) -> DomainRecord | Fence | Mark | Skip:
    """Read one record, whatever published version wrote it; old shapes become new. Says nothing about voids: see ``log.fencing``.

    Raises Undecodable, and nothing else.
    """
    forms = _forms()  # outside: a broken installation is not the record's fault
    try:
        envelope, fingerprint = read_headers(record.headers)
        event = forms.by_type.get(envelope.type)
        if event is not None:
            return _domain_record(record, envelope, fingerprint, event)
        return _log_record(record, envelope, fingerprint, forms)
    except Malformed as error:
        raise Undecodable(str(error), _entity_id(record)) from None
    except Exception as error:  # noqa: BLE001 - the record is untrusted; one bad record must never stop a partition
        raise Undecodable(f"malformed ({type(error).__name__})", _entity_id(record)) from None


def _domain_record(record: LogRecord, envelope: Envelope, fingerprint: bytes, known: _EventForm) -> DomainRecord:
    entity_id, version, command_id, body_hash = envelope.subject, envelope.entity_version, envelope.command_id, envelope.body_hash
    if not (entity_id and version and command_id and body_hash and envelope.actor and envelope.term):
        raise Malformed("one of the headers ce_subject, ce_entityversion, ce_commandid, ce_bodyhash, ce_actor, ce_term is missing")
    if record.key != entity_id.encode():
        raise Malformed("the record's key is not its ce_subject")
    values = known.form.read(fingerprint, _value(record))
    values["at"] = envelope.time
    values["by"] = envelope.actor
    return _record(
        partition=record.partition,
        offset=record.offset,
        envelope=envelope,
        kind=known.kind,
        entity_id=entity_id,
        version=version,
        command_id=command_id,
        body_hash=body_hash,
        event=known.form.shape.build(values),
    )


def _log_record(record: LogRecord, envelope: Envelope, fingerprint: bytes, forms: _Forms) -> Fence | Mark | Skip:
    value = _value(record)
    if envelope.type == FENCE_TYPE:
        body = forms.fence.shape.build(forms.fence.read(fingerprint, value))
        return Fence(partition=record.partition, offset=record.offset, term=envelope.id, owner=body.owner, url=body.url, time=envelope.time)
    if envelope.type == MARK_TYPE:
        forms.mark.read(fingerprint, value)
        if not envelope.term:
            raise Malformed("header ce_term is missing")
        return Mark(partition=record.partition, offset=record.offset, id=envelope.id, term=envelope.term, time=envelope.time)
    if envelope.type == SKIPPED_TYPE:
        return _skip(record, envelope, forms.skipped.shape.build(forms.skipped.read(fingerprint, value)))
    raise Malformed("header ce_type names no record that is known here; a newer version wrote it: deploy readers before writers")


def _skip(record: LogRecord, envelope: Envelope, body: SkippedBody) -> Skip:
    entity_id, command_id, body_hash = envelope.subject, envelope.command_id, envelope.body_hash
    if not (entity_id and command_id and body_hash and envelope.actor and envelope.term):
        raise Malformed("one of the headers ce_subject, ce_commandid, ce_bodyhash, ce_actor, ce_term is missing")
    if record.key != entity_id.encode():
        raise Malformed("the record's key is not its ce_subject")
    if not (0 <= body.offset < record.offset and 0 <= body.version <= _VERSION_MAX):
        raise Malformed("a skip names an earlier record, and a version from 0")
    if not all(is_uuid7(id_) for id_ in (command_id, body.command_id or command_id)):
        raise Malformed("a command id is no UUIDv7")
    return Skip(
        partition=record.partition,
        offset=record.offset,
        envelope=envelope,
        entity_id=entity_id,
        command_id=command_id,
        body_hash=body_hash,
        skipped=body.offset,
        version=Version(body.version),
        reason=body.reason,
        skipped_command=body.command_id,
        skipped_hash=body.body_hash,
    )


def _value(record: LogRecord) -> bytes:
    if record.value is None:
        raise Malformed("the record has no value")
    return record.value


def _entity_id(record: LogRecord) -> str | None:
    """Whose record it seems to be: by its subject, else by its key."""
    for claim in (dict(record.headers).get("ce_subject"), record.key):
        if claim and len(claim) <= ENTITY_ID_BYTES_MAX and claim.isascii() and (text := claim.decode()).isprintable():
            return text
    return None
