"""Every incident command: its address, its body, and how the body becomes a command of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar

from command_api.api import bodies as b
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.changes import Change
from opsroom_domain.entities import incident as i
from opsroom_domain.ids import ActorId, CommandId, EntityId

KIND = "incident"
NOTE_PREFIX = "note"
_B = TypeVar("_B", bound=StrictBody)


class Common(TypedDict):
    """What every command of the domain has."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: everything beside the body that a command may be made of."""

    incident_id: EntityId
    command_id: CommandId
    actor: ActorId
    at: datetime

    @property
    def common(self) -> Common:
        return Common(at=self.at, by=self.actor)


@dataclass(frozen=True, slots=True)
class Door(Generic[_B]):
    """One command over HTTP. ``name`` is the command's name in the domain's registry and in permissions."""

    name: str
    method: str
    path: str
    body: type[_B]
    build: Callable[[Asked, _B], i.IncidentCommand]
    summary: str


def note_id_of(command_id: CommandId) -> str:
    """A note takes its id from the command that adds it, so that a repeated command adds no second note."""
    return type_id(NOTE_PREFIX, command_id)


def _open(a: Asked, x: b.OpenBody) -> i.Open:
    return i.Open(
        **a.common,
        incident_id=a.incident_id,
        title=x.title,
        description=x.description,
        severity=x.severity,
        source=x.source,
        labels=x.labels,
        visibility=x.visibility,
    )


def _edit(a: Asked, x: b.EditBody) -> i.Edit:
    return i.Edit(**a.common, changes=tuple(Change(field=name, seen=c.seen, to=c.to) for name, c in x.changes.items()))


def _signal(a: Asked, x: b.SignalBody) -> i.ReportSignal:
    return i.ReportSignal(
        **a.common,
        incident_id=a.incident_id,
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


def _actors(names: Sequence[str]) -> tuple[ActorId, ...]:
    return tuple(ActorId(name) for name in names)


def _actor(name: str | None) -> ActorId | None:
    return None if name is None else ActorId(name)


ONE = "/v1/incidents/{incident_id}"


def _post(name: str, last: str, body: type[_B], build: Callable[[Asked, _B], i.IncidentCommand], summary: str) -> Door[_B]:
    return Door(name, "POST", f"{ONE}/{last}", body, build, summary)


DOORS: tuple[Door[Any], ...] = (
    Door("open", "POST", "/v1/incidents", b.OpenBody, _open, "Open an incident"),
    Door("edit", "PATCH", ONE, b.EditBody, _edit, "Edit fields, each with the value that was seen"),
    _post("acknowledge", "acknowledge", b.AcknowledgeBody, lambda a, _: i.Acknowledge(**a.common), "Say that somebody looks after it"),
    _post(
        "assign",
        "assign",
        b.AssignBody,
        lambda a, x: i.Assign(**a.common, seen=_actor(x.seen), assignee=_actor(x.to)),
        "Give it to somebody, or to nobody",
    ),
    _post(
        "change_severity",
        "severity",
        b.SeverityBody,
        lambda a, x: i.ChangeSeverity(**a.common, seen=x.seen, severity=x.to),
        "Change the severity",
    ),
    _post(
        "change_status",
        "status",
        b.StatusBody,
        lambda a, x: i.ChangeStatus(**a.common, seen=x.seen, status=x.to),
        "Move between acknowledged, investigating and mitigated",
    ),
    _post(
        "add_note",
        "notes",
        b.NoteBody,
        lambda a, x: i.AddNote(**a.common, note_id=note_id_of(a.command_id), text=x.text),
        "Add a note",
    ),
    _post(
        "link",
        "links",
        b.LinkBody,
        lambda a, x: i.Link(**a.common, target=EntityId(x.target), relation=x.relation),
        "Link it to another entity",
    ),
    _post(
        "unlink",
        "unlink",
        b.LinkBody,
        lambda a, x: i.Unlink(**a.common, target=EntityId(x.target), relation=x.relation),
        "Remove a link",
    ),
    _post("merge", "merge", b.MergeBody, lambda a, x: i.Merge(**a.common, into=EntityId(x.into)), "Declare it a duplicate of another"),
    _post("escalate", "escalate", b.EscalateBody, lambda a, x: i.Escalate(**a.common, reason=x.reason), "Escalate to the next level"),
    _post("resolve", "resolve", b.ResolveBody, lambda a, x: i.Resolve(**a.common, resolution=x.resolution), "Resolve it"),
    _post("reopen", "reopen", b.ReopenBody, lambda a, x: i.Reopen(**a.common, reason=x.reason), "Reopen a resolved incident"),
    _post(
        "change_labels",
        "labels",
        b.LabelsBody,
        lambda a, x: i.ChangeLabels(**a.common, add=x.add, remove=x.remove),
        "Add and remove labels",
    ),
    _post(
        "change_watchers",
        "watchers",
        b.WatchersBody,
        lambda a, x: i.ChangeWatchers(**a.common, add=_actors(x.add), remove=_actors(x.remove)),
        "Add and remove watchers",
    ),
    _post(
        "change_visibility",
        "visibility",
        b.VisibilityBody,
        lambda a, x: i.ChangeVisibility(**a.common, seen=x.seen, visibility=x.to),
        "Change who may see it",
    ),
    _post("report_signal", "signals", b.SignalBody, _signal, "Attach a signal"),
)
BY_NAME: Mapping[str, Door[Any]] = {door.name: door for door in DOORS}
