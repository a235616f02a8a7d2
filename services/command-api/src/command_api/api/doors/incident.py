"""The doors of an incident."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.entities import incident as i
from opsroom_domain.entities.incident import Severity, SignalStatus, Status, Visibility
from opsroom_domain.ids import CommandId, EntityId

KIND = "incident"
NOTE_PREFIX = "note"


class OpenBody(StrictBody):
    id: b.IncidentId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = ""
    severity: Severity = Severity.SEV3
    source: str = "person"
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: b.TeamId | None = None


class AcknowledgeBody(b.Body):
    pass


class SeverityBody(b.SeenToBody[Severity]):
    pass


class StatusBody(b.SeenToBody[Status]):
    pass


class NoteBody(b.Body):
    text: str


class MergeBody(b.Body):
    into: b.IncidentId


class EscalateBody(b.Body):
    reason: str


class ResolveBody(b.Body):
    resolution: str = ""


class ReopenBody(b.Body):
    reason: str


class SignalBody(b.Body):
    """A signal that is already known to belong to this incident. ``severity``, ``source`` and ``labels`` count if it opens it."""

    fingerprint: str = Field(min_length=1, max_length=128)
    status: SignalStatus
    starts_at: b.Instant
    ends_at: b.Instant | None = None
    name: str
    summary: str = ""
    severity: Severity = Severity.SEV3
    source: str
    source_url: str = ""
    labels: tuple[str, ...] = ()


def note_id_of(command_id: CommandId) -> str:
    """A note takes its id from the command that adds it, so that a repeated command adds no second note."""
    return type_id(NOTE_PREFIX, command_id)


def _open(a: Asked, x: OpenBody) -> i.Open:
    return i.Open(
        **a.common,
        incident_id=a.entity_id,
        title=x.title,
        description=x.description,
        severity=x.severity,
        source=x.source,
        labels=x.labels,
        visibility=x.visibility,
        team=x.team,
    )


def _signal(a: Asked, x: SignalBody) -> i.ReportSignal:
    return i.ReportSignal(
        **a.common,
        incident_id=a.entity_id,
        fingerprint=x.fingerprint,
        status=x.status,
        starts_at=x.starts_at,
        ends_at=x.ends_at,
        name=x.name,
        summary=x.summary,
        severity=x.severity,
        source=x.source,
        source_url=x.source_url,
        labels=x.labels,
    )


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "open", OpenBody, _open, "Open an incident"),
    post(KIND, "acknowledge", "acknowledge", AcknowledgeBody, lambda a, _: i.Acknowledge(**a.common), "Say that somebody looks after it"),
    post(
        KIND,
        "change_severity",
        "severity",
        SeverityBody,
        lambda a, x: i.ChangeSeverity(**a.common, seen=x.seen, severity=x.to),
        "Change the severity",
    ),
    post(
        KIND,
        "change_status",
        "status",
        StatusBody,
        lambda a, x: i.ChangeStatus(**a.common, seen=x.seen, status=x.to),
        "Move between acknowledged, investigating and mitigated",
    ),
    post(
        KIND,
        "add_note",
        "notes",
        NoteBody,
        lambda a, x: i.AddNote(**a.common, note_id=note_id_of(a.command_id), text=x.text),
        "Add a note",
    ),
    post(KIND, "merge", "merge", MergeBody, lambda a, x: i.Merge(**a.common, into=EntityId(x.into)), "Declare it a duplicate of another"),
    post(KIND, "escalate", "escalate", EscalateBody, lambda a, x: i.Escalate(**a.common, reason=x.reason), "Escalate to the next level"),
    post(KIND, "resolve", "resolve", ResolveBody, lambda a, x: i.Resolve(**a.common, resolution=x.resolution), "Resolve it"),
    post(KIND, "reopen", "reopen", ReopenBody, lambda a, x: i.Reopen(**a.common, reason=x.reason), "Reopen a resolved incident"),
    post(KIND, "report_signal", "signals", SignalBody, _signal, "Attach a signal"),
)
