"""What can be asked of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status, Visibility
from opsroom_domain.ids import ActorId, EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCommand:
    """Common to all. ``at`` is stamped by the engine just before deciding."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(IncidentCommand):
    incident_id: EntityId
    title: str
    description: str = ""
    severity: Severity = Severity.SEV3
    source: str = "person"
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(IncidentCommand):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(IncidentCommand):
    seen: ActorId | None
    assignee: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeverity(IncidentCommand):
    seen: Severity
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(IncidentCommand):
    """Between acknowledged, investigating and mitigated; resolving and reopening have commands of their own."""

    seen: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(IncidentCommand):
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote(IncidentCommand):
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(IncidentCommand):
    target: EntityId
    relation: str = "related"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink(IncidentCommand):
    target: EntityId
    relation: str = "related"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(IncidentCommand):
    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(IncidentCommand):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(IncidentCommand):
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(IncidentCommand):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSignal(IncidentCommand):
    """From ingest: opens the incident if it does not exist, attaches the signal, resolves when the last firing one resolves."""

    incident_id: EntityId
    fingerprint: str
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    severity: Severity
    source: str
    source_url: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLabels(IncidentCommand):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWatchers(IncidentCommand):
    add: tuple[ActorId, ...] = ()
    remove: tuple[ActorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeVisibility(IncidentCommand):
    seen: Visibility
    visibility: Visibility


Command: TypeAlias = (
    Open
    | Acknowledge
    | Assign
    | ChangeSeverity
    | ChangeStatus
    | Edit
    | AddNote
    | Link
    | Unlink
    | Merge
    | Escalate
    | Resolve
    | Reopen
    | ReportSignal
    | ChangeLabels
    | ChangeWatchers
    | ChangeVisibility
)
"""Every command of an incident."""

COMMANDS: Mapping[str, type[Command]] = {
    "open": Open,
    "acknowledge": Acknowledge,
    "assign": Assign,
    "change_severity": ChangeSeverity,
    "change_status": ChangeStatus,
    "edit": Edit,
    "add_note": AddNote,
    "link": Link,
    "unlink": Unlink,
    "merge": Merge,
    "escalate": Escalate,
    "resolve": Resolve,
    "reopen": Reopen,
    "report_signal": ReportSignal,
    "change_labels": ChangeLabels,
    "change_watchers": ChangeWatchers,
    "change_visibility": ChangeVisibility,
}
"""Name in logs, metrics and permissions -> class."""
