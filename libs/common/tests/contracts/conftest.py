from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from opsroom_common.contracts.codec import encode_event, type_of
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.log.port import LogRecord, RawRecord
from opsroom_domain.entities.incident import Opened, Severity, SignalAttached, SignalStatus, Visibility
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
INCIDENT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
ACTOR = ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k1j")


@pytest.fixture
def envelope_of() -> Callable[..., Envelope]:
    """The envelope of an event, as command-api would write it."""

    def make(event: Any, **changes: Any) -> Envelope:
        values: dict[str, Any] = {
            "id": "019aaef2-d05c-7a3e-8c51-6f0e2b7d9a01",
            "type": type_of("incident", event),
            "source": "/command-api",
            "time": event.at,
            "term": "019aaef2-d05c-7a3e-8c51-6f0e2b7d9a02",
            "subject": INCIDENT,
            "entity_version": Version(1),
            "command_id": CommandId("019aaef2-d05c-7a3e-8c51-6f0e2b7d9a03"),
            "body_hash": "9f86d081884c7d65",
            "actor": event.by,
            "role": "operator",
        }
        return Envelope(**{**values, **changes})

    return make


@pytest.fixture
def in_log() -> Callable[..., LogRecord]:
    """A record as the log gives it back."""

    def stand(raw: RawRecord, *, topic: str = "ops.events", partition: int = 3, offset: int = 17) -> LogRecord:
        return LogRecord(topic, partition, offset, raw.timestamp_ms, raw.key, raw.value, raw.headers)

    return stand


@pytest.fixture
def opened() -> Opened:
    return Opened(
        at=NOW,
        by=ACTOR,
        incident_id=INCIDENT,
        title="Payments are slow",
        description="Since noon.\nEverywhere.",
        severity=Severity.SEV2,
        source="person",
        labels=("checkout", "payments"),
        visibility=Visibility.EVERYONE,
    )


@pytest.fixture
def attached() -> SignalAttached:
    return SignalAttached(
        at=NOW,
        by=ACTOR,
        fingerprint="5f1c0a9be2d34c77",
        status=SignalStatus.FIRING,
        starts_at=NOW,
        ends_at=None,
        name="TargetDown",
        summary="The target does not answer",
        source_url="http://127.0.0.1:9090/graph",
    )


@pytest.fixture
def opened_in_log(opened: Opened, envelope_of: Callable[..., Envelope], in_log: Callable[..., LogRecord]) -> LogRecord:
    return in_log(encode_event(envelope_of(opened), "incident", opened))


@pytest.fixture
def attached_in_log(attached: SignalAttached, envelope_of: Callable[..., Envelope], in_log: Callable[..., LogRecord]) -> LogRecord:
    return in_log(encode_event(envelope_of(attached), "incident", attached))
