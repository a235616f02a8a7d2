"""How a task becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.copies import changed
from opsroom_domain.entities.task.checklist import evolve_item
from opsroom_domain.entities.task.events import (
    Cancelled,
    Completed,
    Created,
    DueDateChanged,
    Event,
    ItemAdded,
    ItemEdited,
    ItemMoved,
    ItemRemoved,
    ItemTicked,
    Move,
    ParentChanged,
    PriorityChanged,
    Reopened,
    StatusChanged,
)
from opsroom_domain.entities.task.state import Task
from opsroom_domain.entities.task.words import Status
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched
from opsroom_domain.shared.new import broken_restart, broken_start

_TRACKED = (*TRACKED, "status", "priority", "due_at", "parent")


def evolve(state: Task | None, event: Event) -> Task:
    """The task after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Created):
        if state is not None:
            raise broken_restart(state)
        return _created(event)
    if state is None:
        raise broken_start("task", event, "Created")
    match event:
        case StatusChanged() | Completed() | Cancelled() | Reopened():
            return _moved(state, event)
        case PriorityChanged():
            return changed(state, priority=event.priority, field_changes=touched(state, event, "priority"))
        case DueDateChanged():
            return changed(state, due_at=event.due_at, field_changes=touched(state, event, "due_at"))
        case ParentChanged():
            return changed(state, parent=event.parent, field_changes=touched(state, event, "parent"))
        case ItemAdded() | ItemEdited() | ItemTicked() | ItemMoved() | ItemRemoved():
            return changed(state, checklist=evolve_item(state.checklist, event))
        case _:
            return evolve_shared(state, event)


def _created(event: Created) -> Task:
    return Task(
        id=event.task_id,
        title=event.title,
        description=event.description,
        status=Status.TO_DO,
        priority=event.priority,
        assignee=event.assignee,
        due_at=event.due_at,
        parent=event.parent,
        labels=tuple(sorted(event.labels)),
        visibility=event.visibility,
        team=event.team,
        created_at=event.at,
        created_by=event.by,
        field_changes=first_changes(event, _TRACKED),
    )


def _moved(state: Task, event: Move) -> Task:
    changes = touched(state, event, "status")
    match event:
        case StatusChanged():
            began = event.at if state.started_at is None and event.status is Status.IN_PROGRESS else state.started_at
            return changed(state, status=event.status, reason=event.reason, started_at=began, field_changes=changes)
        case Completed():
            return changed(state, status=Status.DONE, reason="", ended_at=event.at, ended_by=event.by, field_changes=changes)
        case Cancelled():
            return changed(state, status=Status.CANCELLED, reason=event.reason, ended_at=event.at, ended_by=event.by, field_changes=changes)
        case Reopened():
            return changed(state, status=Status.TO_DO, reason=event.reason, ended_at=None, ended_by=None, field_changes=changes)
        case _:
            assert_never(event)
