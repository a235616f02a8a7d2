"""How an incident becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.changes import hash_of
from opsroom_domain.copies import changed
from opsroom_domain.entities.incident.events import (
    Acknowledged,
    DutyChanged,
    Escalated,
    Event,
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    MergeCompleted,
    Merged,
    MergeRefused,
    Noted,
    Opened,
    PostmortemEdited,
    PostmortemEvent,
    PostmortemStarted,
    Reopened,
    Resolved,
    ReviewAsked,
    Reviewed,
    ServicesChanged,
    SeverityChanged,
    SignalAttached,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    StatusChanged,
    TookOver,
)
from opsroom_domain.entities.incident.evolve_moves import Moving, evolve_moves, signal_attached
from opsroom_domain.entities.incident.evolve_postmortem import evolve_postmortem
from opsroom_domain.entities.incident.limits import RECENT_NOTES
from opsroom_domain.entities.incident.state import Incident, NoteSeen
from opsroom_domain.entities.incident.words import Status
from opsroom_domain.shared.events import SharedEvent
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched, with_members

_TRACKED = (*TRACKED, "severity", "status", "commander", "communications")


def evolve(state: Incident | None, event: Event) -> Incident:
    """The incident after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Opened):
        if state is not None:
            raise ValueError(f"{state.id} is opened a second time; its history is broken")
        return _opened(event)
    if state is None:
        raise ValueError(f"an incident's history starts with {type(event).__name__} instead of Opened; it is broken")
    return changed(_evolved(state, event), event_count=state.event_count + 1)


def _opened(event: Opened) -> Incident:
    return Incident(
        id=event.incident_id,
        title=event.title,
        description=event.description,
        severity=event.severity,
        status=Status.OPEN,
        visibility=event.visibility,
        team=event.team,
        source=event.source,
        labels=tuple(sorted(event.labels)),
        opened_at=event.at,
        opened_by=event.by,
        field_changes=first_changes(event, _TRACKED),
        signals={},
    )


def _evolved(state: Incident, event: _Later) -> Incident:
    match event:
        case Acknowledged() | StatusChanged() | Resolved() | Reopened():
            return _moved(state, event)
        case SeverityChanged():
            return changed(state, severity=event.severity, field_changes=touched(state, event, "severity"))
        case Noted():
            note = NoteSeen(note_id=event.note_id, hash=hash_of(event.text))
            return changed(state, note_count=state.note_count + 1, recent_notes=(*state.recent_notes, note)[-RECENT_NOTES:])
        case Escalated():
            return changed(state, escalation_level=event.level)
        case SignalAttached():
            return signal_attached(state, event)
        case Merged() | MergeCompleted() | MergeRefused() | TookOver() | SplitStarted() | SplitCompleted() | SplitRefused():
            return evolve_moves(state, event)
        case ServicesChanged():
            return changed(state, services=with_members(state.services, event.added, event.removed))
        case DutyChanged():
            return changed(state, **{event.duty.value: event.actor}, field_changes=touched(state, event, event.duty.value))
        case (
            PostmortemStarted()
            | PostmortemEdited()
            | EventPicked()
            | EventUnpicked()
            | FollowUpAsked()
            | FollowUpSettled()
            | ReviewAsked()
            | Reviewed()
        ):
            return evolve_postmortem(state, event)
        case _:
            return evolve_shared(state, event)


def _moved(state: Incident, event: _Move) -> Incident:
    """Everything that changes the status."""
    changes = touched(state, event, "status")
    match event:
        case Acknowledged():
            return changed(state, status=Status.ACKNOWLEDGED, acknowledged_at=event.at, acknowledged_by=event.by, field_changes=changes)
        case StatusChanged():
            return changed(state, status=event.status, field_changes=changes)
        case Resolved():
            return changed(
                state,
                status=Status.RESOLVED,
                resolved_at=event.at,
                resolved_by=event.by,
                resolution=event.resolution,
                resolved_automatically=event.automatic,
                field_changes=changes,
            )
        case Reopened():
            return changed(
                state,
                status=Status.OPEN,
                acknowledged_at=None,
                acknowledged_by=None,
                resolved_at=None,
                resolved_by=None,
                resolution=None,
                resolved_automatically=False,
                field_changes=changes,
            )
        case _:
            assert_never(event)


_Move = Acknowledged | StatusChanged | Resolved | Reopened
_Later = (
    SharedEvent | _Move | Moving | SeverityChanged | Noted | Escalated | SignalAttached | ServicesChanged | DutyChanged | PostmortemEvent
)
"""Every event but Opened."""
