"""From what was decided to records: each event under its envelope, at the place that it is expected to get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from command_api.engine.port import CommandRequest
from command_api.engine.recovery import SOURCE
from opsroom_common.contracts.codec import encode_event, encode_mark
from opsroom_common.contracts.envelope import MARK_TYPE, DomainRecord, Envelope
from opsroom_common.log.entity import Entity
from opsroom_common.log.port import RawRecord
from opsroom_common.runtime.ids import Ids
from opsroom_domain.ids import Version
from opsroom_domain.registry import KINDS


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when the first event will stand."""

    partition: int
    offset: int
    term: str
    time: datetime


def encode_events(
    request: CommandRequest, before: Entity | None, events: Sequence[Any], place: Place, ids: Ids, passed: int = 0
) -> list[tuple[DomainRecord, RawRecord]]:
    """One command's events, in order, as folds see them and as the log takes them. ``passed``: versions of an entity that has no event (R10)."""
    names = event_names(request.kind)
    version = before.version if before is not None else passed
    encoded: list[tuple[DomainRecord, RawRecord]] = []
    for i, event in enumerate(events):
        envelope = Envelope(
            id=ids.uuid7(),
            type=f"opsroom.{request.kind}.{names[type(event)]}",
            source=SOURCE,
            time=place.time,
            term=place.term,
            subject=request.entity_id,
            entity_version=Version(version + i + 1),
            command_id=request.command_id,
            body_hash=request.body_hash,
            actor=request.actor,
            role=request.role,
            correlation_id=request.correlation_id,
            causation_id=request.causation_id,
            reason=request.reason,
            proposal_id=request.proposal_id,
            traceparent=request.traceparent,
        )
        record = DomainRecord(
            partition=place.partition,
            offset=place.offset + i,
            envelope=envelope,
            kind=request.kind,
            entity_id=request.entity_id,
            version=Version(version + i + 1),
            command_id=request.command_id,
            body_hash=request.body_hash,
            event=event,
        )
        encoded.append((record, encode_event(envelope, request.kind, event)))
    return encoded


def mark_record(place: Place, ids: Ids) -> RawRecord:
    """A record that only says "up to here" (R4)."""
    return encode_mark(Envelope(id=ids.uuid7(), type=MARK_TYPE, source=SOURCE, time=place.time, term=place.term))


@cache
def event_names(kind: str) -> dict[type, str]:
    """Event class to the last part of its ``ce_type``."""
    return {cls: name for name, cls in KINDS[kind].events.items()}
