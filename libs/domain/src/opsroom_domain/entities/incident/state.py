"""What is known of an incident after its events: what ``decide`` needs and what a board shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status, Visibility
from opsroom_domain.ids import ActorId, EntityId

LIVE = frozenset({Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED})
"""Somebody still has to do something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """Who gave a field its present value, and when: what a 409 answer says."""

    by: ActorId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal's last known episode."""

    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTo:
    """This incident's relation to another entity; one-way."""

    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSeen:
    """A note by its id and the hash of its text."""

    note_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident. Never changed in place: mappings and tuples are replaced whole."""

    id: EntityId
    title: str
    description: str
    severity: Severity
    status: Status
    visibility: Visibility
    source: str
    opened_at: datetime
    opened_by: ActorId
    field_changes: Mapping[str, FieldChange]
    """Of title, description, severity, status, assignee and visibility."""
    assignee: ActorId | None = None
    labels: tuple[str, ...] = ()
    """Sorted."""
    watchers: tuple[ActorId, ...] = ()
    """Sorted."""
    signals: Mapping[str, Signal]
    """By fingerprint."""
    links: tuple[LinkTo, ...] = ()
    """Sorted by target and relation."""
    note_count: int = 0
    recent_notes: tuple[NoteSeen, ...] = ()
    """The last ones, oldest first."""
    escalation_level: int = 0
    merged_into: EntityId | None = None
    acknowledged_at: datetime | None = None
    """Of the first acknowledgement since the incident was opened or reopened."""
    acknowledged_by: ActorId | None = None
    resolved_at: datetime | None = None
    """Set while the incident is resolved, and kept if it is then merged."""
    resolved_by: ActorId | None = None
    resolution: str | None = None
    resolved_automatically: bool = False

    @property
    def live(self) -> bool:
        """True until it is resolved or merged."""
        return self.status in LIVE

    @property
    def firing(self) -> bool:
        """True if a signal fires, as far as is known."""
        return any(signal.status is SignalStatus.FIRING for signal in self.signals.values())

    @property
    def texts(self) -> dict[str, str]:
        """The fields that ``Edit`` can change, by name."""
        return {"title": self.title, "description": self.description}
