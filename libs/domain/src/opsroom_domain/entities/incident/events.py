"""What can happen to an incident. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident.words import Duty, Review, Severity, SignalStatus, Status, TakenWhy
from opsroom_domain.ids import ActorId, EntityId
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
    """This incident is a duplicate of ``into``, and is being merged into it. From then on people cannot change it."""

    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCompleted(EventBase):
    """``into`` has everything that this incident had; terminal."""

    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRefused(EventBase):
    """``into`` did not take it over: this incident is again what it was before. ``code`` is the refusal's, ``reason`` its words."""

    into: EntityId
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStarted(EventBase):
    """The signals ``fingerprints`` are to move to the new incident ``into``."""

    into: EntityId
    title: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCompleted(EventBase):
    """``into`` has the signals, and this incident no longer."""

    into: EntityId
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRefused(EventBase):
    """The new incident could not be opened; the signals stay."""

    into: EntityId
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCopy:
    """A signal as another incident knew it."""

    fingerprint: str
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TookOver(EventBase):
    """What this incident took from ``source``, and had not yet. ``left`` names what there was no room for."""

    source: EntityId
    why: TakenWhy
    signals: tuple[SignalCopy, ...]
    labels: tuple[str, ...]
    watchers: tuple[ActorId, ...]
    services: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicesChanged(EventBase):
    """Affected services, by their ids in the organisation."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyChanged(EventBase):
    duty: Duty
    previous: ActorId | None
    actor: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemStarted(EventBase):
    """``sections`` are the names of the template's, in order."""

    template: str
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemEdited(EventBase):
    """``changes`` name sections."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPicked(EventBase):
    """The incident's own event of this version belongs into the postmortem."""

    version: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUnpicked(EventBase):
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpAsked(EventBase):
    """Something is to be done: a process makes the task ``task_id`` of it."""

    task_id: EntityId
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpSettled(EventBase):
    """The task exists, or could not be made for ``reason``, if that is not empty."""

    task_id: EntityId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAsked(EventBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed(EventBase):
    """``verdict`` is approved or changes_requested."""

    verdict: Review
    note: str


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


PostmortemEvent: TypeAlias = (
    PostmortemStarted | PostmortemEdited | EventPicked | EventUnpicked | FollowUpAsked | FollowUpSettled | ReviewAsked | Reviewed
)

Event: TypeAlias = (
    SharedEvent
    | Opened
    | Acknowledged
    | SeverityChanged
    | StatusChanged
    | Noted
    | Merged
    | MergeCompleted
    | MergeRefused
    | SplitStarted
    | SplitCompleted
    | SplitRefused
    | TookOver
    | ServicesChanged
    | DutyChanged
    | PostmortemEvent
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
    "merge_completed": MergeCompleted,
    "merge_refused": MergeRefused,
    "split_started": SplitStarted,
    "split_completed": SplitCompleted,
    "split_refused": SplitRefused,
    "took_over": TookOver,
    "services_changed": ServicesChanged,
    "duty_changed": DutyChanged,
    "postmortem_started": PostmortemStarted,
    "postmortem_edited": PostmortemEdited,
    "event_picked": EventPicked,
    "event_unpicked": EventUnpicked,
    "follow_up_asked": FollowUpAsked,
    "follow_up_settled": FollowUpSettled,
    "review_asked": ReviewAsked,
    "reviewed": Reviewed,
    "escalated": Escalated,
    "resolved": Resolved,
    "reopened": Reopened,
    "signal_attached": SignalAttached,
}
"""Last part of ``ce_type`` -> class."""
