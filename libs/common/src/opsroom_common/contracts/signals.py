"""Records of ``ops.signals``: what came from outside, as it came, before it becomes a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from opsroom_common.contracts.avro import installed_catalogue
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.errors import Malformed, Undecodable
from opsroom_common.contracts.forms import Form
from opsroom_common.contracts.headers import FINGERPRINT, to_envelope
from opsroom_common.log.port import LogRecord, RawRecord
from opsroom_domain.entities.incident import SignalStatus

ALERTMANAGER_TYPE = "opsroom.signal.alertmanager"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerAlert:
    """One alert of Alertmanager's webhook, version 4, with what its group says. Times are UTC, cut to microseconds."""

    version: str
    receiver: str
    group_key: str
    external_url: str
    fingerprint: str
    """Alertmanager's hash of the labels; the record's key."""
    status: SignalStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    """None while it fires (Alertmanager writes the year 1)."""
    generator_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecord:
    """A decoded record of ``ops.signals``, at its place."""

    partition: int
    offset: int
    envelope: Envelope
    alert: AlertmanagerAlert


@cache
def alertmanager_form() -> Form[AlertmanagerAlert]:
    """The form of an alert; built once in a process."""
    return Form(ALERTMANAGER_TYPE, AlertmanagerAlert, "opsroom.signal.AlertmanagerAlert", installed_catalogue())


def encode_signal(envelope: Envelope, alert: AlertmanagerAlert) -> RawRecord:
    """The record of an alert, keyed by its fingerprint. ``envelope.type`` is ALERTMANAGER_TYPE. Raises Unencodable."""
    return alertmanager_form().record(envelope, alert, alert.fingerprint.encode())


def decode_signal(record: LogRecord) -> SignalRecord:
    """Raises Undecodable, and nothing else; ``entity_id`` is None, for a signal belongs to no entity yet."""
    form = alertmanager_form()
    try:
        return _signal_record(record, form)
    except Malformed as error:
        raise Undecodable(str(error)) from None
    except Exception as error:  # noqa: BLE001 - the record is untrusted; one bad record must never stop a partition
        raise Undecodable(f"malformed ({type(error).__name__})") from None


def _signal_record(record: LogRecord, form: Form[AlertmanagerAlert]) -> SignalRecord:
    headers = dict(record.headers)
    envelope = to_envelope(headers)
    if envelope.type != form.type:
        raise Malformed("header ce_type names no signal that is known here")
    if record.value is None:
        raise Malformed("the record has no value")
    alert = form.shape.build(form.read(headers.get(FINGERPRINT, b""), record.value))
    if record.key != alert.fingerprint.encode():
        raise Malformed("the record's key is not the alert's fingerprint")
    return SignalRecord(partition=record.partition, offset=record.offset, envelope=envelope, alert=alert)
