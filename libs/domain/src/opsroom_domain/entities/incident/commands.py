"""What can be asked of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(CommandBase):
    incident_id: EntityId
    title: str
    description: str = ""
    severity: Severity = Severity.SEV3
    source: str = "person"
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeverity(CommandBase):
    seen: Severity
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(CommandBase):
    """Between acknowledged, investigating and mitigated; resolving and reopening have commands of their own."""

    seen: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote(CommandBase):
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(CommandBase):
    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(CommandBase):
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSignal(CommandBase):
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


Command: TypeAlias = (
    SharedCommand | Open | Acknowledge | ChangeSeverity | ChangeStatus | AddNote | Merge | Escalate | Resolve | Reopen | ReportSignal
)
"""Every command of an incident."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "open": Open,
    "acknowledge": Acknowledge,
    "change_severity": ChangeSeverity,
    "change_status": ChangeStatus,
    "add_note": AddNote,
    "merge": Merge,
    "escalate": Escalate,
    "resolve": Resolve,
    "reopen": Reopen,
    "report_signal": ReportSignal,
}
"""Name in logs, metrics and permissions -> class."""
