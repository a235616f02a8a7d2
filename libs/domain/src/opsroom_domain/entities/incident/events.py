"""What can happen to an incident. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(EventBase):
    incident_id: EntityId
    title: str
    description: str
    severity: Severity
    source: str
    labels: tuple[str, ...]
    visibility: Visibility
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(EventBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityChanged(EventBase):
    previous: Severity
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(EventBase):
    previous: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(EventBase):
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged(EventBase):
    """This incident is a duplicate of ``into``; terminal."""

    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(EventBase):
    level: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(EventBase):
    resolution: str
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(EventBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalAttached(EventBase):
    """A signal of one source, known by its fingerprint; one episode starts at ``starts_at``."""

    fingerprint: str
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


Event: TypeAlias = (
    SharedEvent
    | Opened
    | Acknowledged
    | SeverityChanged
    | StatusChanged
    | Noted
    | Merged
    | Escalated
    | Resolved
    | Reopened
    | SignalAttached
)
"""Every event of an incident."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "opened": Opened,
    "acknowledged": Acknowledged,
    "severity_changed": SeverityChanged,
    "status_changed": StatusChanged,
    "noted": Noted,
    "merged": Merged,
    "escalated": Escalated,
    "resolved": Resolved,
    "reopened": Reopened,
    "signal_attached": SignalAttached,
}
"""Last part of ``ce_type`` -> class."""
