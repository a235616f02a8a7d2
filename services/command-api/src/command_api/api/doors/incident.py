"""The doors of an incident."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, patch, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.changes import Change
from opsroom_domain.entities import incident as i
from opsroom_domain.entities.incident import TEMPLATES, Duty, Review, Severity, SignalStatus, Status, Visibility
from opsroom_domain.entities.incident.limits import SIGNALS_MAX
from opsroom_domain.entities.incident.template import DEFAULT_TEMPLATE
from opsroom_domain.ids import CommandId, EntityId

KIND = "incident"
NOTE_PREFIX = "note"
TASK_PREFIX = "tsk"


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


class SplitBody(b.Body):
    """The incident's own signals by their fingerprints; they go to a new incident."""

    into: b.IncidentId = Field(description="The new incident's id, minted by the client.")
    title: str
    fingerprints: tuple[str, ...] = Field(min_length=1, max_length=SIGNALS_MAX)


class ServicesBody(b.Body):
    add: tuple[b.ServiceId, ...] = ()
    remove: tuple[b.ServiceId, ...] = ()


class DutyBody(b.SeenToBody[b.Actor | None]):
    """``null`` is nobody."""

    duty: Duty


class PostmortemBody(b.Body):
    template: str = Field(default=DEFAULT_TEMPLATE, examples=list(TEMPLATES))


class PostmortemEditBody(b.Body):
    """By section, each with the text that the editor saw."""

    changes: dict[str, b.FieldChange] = Field(min_length=1, max_length=16)


class PickBody(b.Body):
    version: int = Field(ge=1, le=b.VERSION_MAX, description="Of one of the incident's own events.")
    note: str = ""


class UnpickBody(b.Body):
    version: int = Field(ge=1, le=b.VERSION_MAX)


class FollowUpBody(b.Body):
    title: str


class AskReviewBody(b.Body):
    pass


class ReviewBody(b.Body):
    verdict: Literal[Review.APPROVED, Review.CHANGES_REQUESTED]
    note: str = Field(default="", description="What is to be changed, if that is the verdict.")


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


def task_id_of(command_id: CommandId) -> EntityId:
    """A follow-up's task takes its id from the command that asks for it, so that a repeated command makes no second task."""
    return type_id(TASK_PREFIX, command_id)


def _edit_postmortem(a: Asked, x: PostmortemEditBody) -> i.EditPostmortem:
    return i.EditPostmortem(**a.common, changes=tuple(Change(field=name, seen=e.seen, to=e.to) for name, e in x.changes.items()))


def _split(a: Asked, x: SplitBody) -> i.Split:
    return i.Split(**a.common, into=EntityId(x.into), title=x.title, fingerprints=x.fingerprints)


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


_POSTMORTEM: tuple[Door[Any], ...] = (
    post(
        KIND,
        "start_postmortem",
        "postmortem",
        PostmortemBody,
        lambda a, x: i.StartPostmortem(**a.common, template=x.template),
        "Start the postmortem of a resolved incident",
    ),
    patch(KIND, "edit_postmortem", PostmortemEditBody, _edit_postmortem, "Write in the postmortem's sections", part="postmortem"),
    post(
        KIND,
        "pick_event",
        "postmortem/picks",
        PickBody,
        lambda a, x: i.PickEvent(**a.common, version=x.version, note=x.note),
        "Take an event of the timeline into the postmortem",
    ),
    post(
        KIND,
        "unpick_event",
        "postmortem/unpick",
        UnpickBody,
        lambda a, x: i.UnpickEvent(**a.common, version=x.version),
        "Leave an event out of the postmortem",
    ),
    post(
        KIND,
        "ask_follow_up",
        "postmortem/follow-ups",
        FollowUpBody,
        lambda a, x: i.AskFollowUp(**a.common, task_id=task_id_of(a.command_id), title=x.title),
        "Ask for a task that follows from it",
    ),
    post(
        KIND,
        "ask_review",
        "postmortem/ask-review",
        AskReviewBody,
        lambda a, _: i.AskReview(**a.common),
        "Hand the postmortem to the others",
    ),
    post(
        KIND,
        "review_postmortem",
        "postmortem/review",
        ReviewBody,
        lambda a, x: i.ReviewPostmortem(**a.common, verdict=x.verdict, note=x.note),
        "Approve the postmortem, or ask for changes",
    ),
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
    post(KIND, "split", "split", SplitBody, _split, "Move signals to a new incident"),
    post(
        KIND,
        "change_services",
        "services",
        ServicesBody,
        lambda a, x: i.ChangeServices(**a.common, add=x.add, remove=x.remove),
        "Add and remove affected services",
    ),
    post(
        KIND,
        "change_duty",
        "duties",
        DutyBody,
        lambda a, x: i.ChangeDuty(**a.common, duty=x.duty, seen=b.actor(x.seen), actor=b.actor(x.to)),
        "Make somebody commander or communications lead, or nobody",
    ),
    *_POSTMORTEM,
    post(KIND, "escalate", "escalate", EscalateBody, lambda a, x: i.Escalate(**a.common, reason=x.reason), "Escalate to the next level"),
    post(KIND, "resolve", "resolve", ResolveBody, lambda a, x: i.Resolve(**a.common, resolution=x.resolution), "Resolve it"),
    post(KIND, "reopen", "reopen", ReopenBody, lambda a, x: i.Reopen(**a.common, reason=x.reason), "Reopen a resolved incident"),
    post(KIND, "report_signal", "signals", SignalBody, _signal, "Attach a signal"),
)
