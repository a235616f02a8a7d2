"""Histories of incidents of many shapes, as records of a log: small, chatty, wordy, noisy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from command_api.engine.encode import Place, encode_events
from command_api.engine.port import CommandRequest
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.port import LogRecord
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.entities import incident
from opsroom_domain.ids import CommandId, EntityId
from opsroom_domain.registry import KINDS

from .harness import ANNA, EPOCH, acknowledge, note

IDS = SystemIds()


def opened(incident_id: EntityId, description: str = "") -> incident.Open:
    return incident.Open(at=EPOCH, by=ANNA, incident_id=incident_id, title="disk full on db-7", description=description)


def chatty(incident_id: EntityId, notes: int) -> Iterable[incident.CommandBase]:
    yield opened(incident_id)
    yield from (note("looking at it", f"note-{i}") for i in range(notes))
    yield acknowledge()


def wordy(incident_id: EntityId, description: str) -> Iterable[incident.CommandBase]:
    yield opened(incident_id, description)


def noisy(incident_id: EntityId, signals: int) -> Iterable[incident.CommandBase]:
    for i in range(signals):
        yield incident.ReportSignal(
            at=EPOCH,
            by=ANNA,
            fingerprint=f"fp{i:014x}",
            status=incident.SignalStatus.FIRING,
            starts_at=EPOCH + timedelta(seconds=i),
            ends_at=None,
            name="DiskFull",
            summary=f"the disk is almost full on host {i}",
            source_url=f"https://prometheus.example/graph?g0={i}",
            severity=incident.Severity.SEV2,
            source="alertmanager",
            labels=("team:core", "zone:a"),
            incident_id=incident_id,
        )


def records(incident_id: EntityId, commands: Iterable[incident.CommandBase], offset: int = 100_000) -> list[LogRecord]:
    """What a writer would append for these commands."""
    entity: Entity | None = None
    found: list[LogRecord] = []
    for command in commands:
        request = CommandRequest(
            command_id=CommandId(IDS.uuid7()),
            body_hash=IDS.uuid7().replace("-", ""),
            kind="incident",
            entity_id=incident_id,
            command=command,
            actor=command.by,
            role="operator",
            deadline=0.0,
        )
        events = KINDS["incident"].decide(entity.state if entity is not None else None, command)
        for event, raw in encode_events(request, entity, events, Place(0, offset + len(found), "term", EPOCH), IDS):
            entity = fold(entity, event)
            found.append(LogRecord("ops.events", 0, event.offset, raw.timestamp_ms, raw.key, raw.value, raw.headers))
    return found


def decoded(found: Iterable[LogRecord]) -> list[DomainRecord]:
    return [record for record in map(decode, found) if isinstance(record, DomainRecord)]
