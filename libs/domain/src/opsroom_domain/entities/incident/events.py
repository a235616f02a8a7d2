"""What can happen to an incident. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status, Visibility
from opsroom_domain.ids import ActorId, EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """Common to all: ``at`` (the record's ce_time, stamped by the partition's owner) and ``by`` (ce_actor); not in the Avro value."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(IncidentEvent):
    incident_id: EntityId
    title: str
    description: str
    severity: Severity
    source: str
    labels: tuple[str, ...]
    visibility: Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(IncidentEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned(IncidentEvent):
    previous: ActorId | None
    assignee: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityChanged(IncidentEvent):
    previous: Severity
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(IncidentEvent):
    previous: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(IncidentEvent):
    """``changes`` name per field the old and the new value; only ``title`` and ``description`` today."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(IncidentEvent):
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(IncidentEvent):
    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked(IncidentEvent):
    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged(IncidentEvent):
    """This incident is a duplicate of ``into``; terminal."""

    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(IncidentEvent):
    level: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(IncidentEvent):
    resolution: str
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(IncidentEvent):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalAttached(IncidentEvent):
    """A signal of one source, known by its fingerprint; one episode starts at ``starts_at``."""

    fingerprint: str
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsChanged(IncidentEvent):
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchersChanged(IncidentEvent):
    added: tuple[ActorId, ...]
    removed: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityChanged(IncidentEvent):
    previous: Visibility
    visibility: Visibility


Event: TypeAlias = (
    Opened
    | Acknowledged
    | Assigned
    | SeverityChanged
    | StatusChanged
    | Edited
    | Noted
    | Linked
    | Unlinked
    | Merged
    | Escalated
    | Resolved
    | Reopened
    | SignalAttached
    | LabelsChanged
    | WatchersChanged
    | VisibilityChanged
)
"""Every event of an incident."""

EVENTS: Mapping[str, type[Event]] = {
    "opened": Opened,
    "acknowledged": Acknowledged,
    "assigned": Assigned,
    "severity_changed": SeverityChanged,
    "status_changed": StatusChanged,
    "edited": Edited,
    "noted": Noted,
    "linked": Linked,
    "unlinked": Unlinked,
    "merged": Merged,
    "escalated": Escalated,
    "resolved": Resolved,
    "reopened": Reopened,
    "signal_attached": SignalAttached,
    "labels_changed": LabelsChanged,
    "watchers_changed": WatchersChanged,
    "visibility_changed": VisibilityChanged,
}
"""Last part of ``ce_type`` -> class."""
