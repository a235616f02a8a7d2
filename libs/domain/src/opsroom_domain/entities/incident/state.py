"""What is known of an incident after its events: what ``decide`` needs and what a board shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.state import SharedState

LIVE = frozenset({Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED})
"""Somebody still has to do something."""


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
class NoteSeen:
    """A note by its id and the hash of its text."""

    note_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(SharedState):
    """One incident. Never changed in place: mappings and tuples are replaced whole."""

    severity: Severity
    status: Status
    source: str
    opened_at: datetime
    opened_by: ActorId
    signals: Mapping[str, Signal]
    """By fingerprint."""
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
