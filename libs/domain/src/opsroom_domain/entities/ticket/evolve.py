"""How a ticket becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.changes import hash_of
from opsroom_domain.copies import changed
from opsroom_domain.entities.ticket.events import (
    Closed,
    Created,
    Event,
    Move,
    Noted,
    PriorityChanged,
    Reopened,
    Replied,
    SlaBreached,
    Solved,
    StatusChanged,
)
from opsroom_domain.entities.ticket.sla import Clock
from opsroom_domain.entities.ticket.state import Ticket, Written
from opsroom_domain.entities.ticket.words import RECENT_MAX, RUNNING, SlaGoal, Status
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched
from opsroom_domain.shared.new import broken_restart, broken_start

_TRACKED = (*TRACKED, "status", "priority")


def evolve(state: Ticket | None, event: Event) -> Ticket:
    """The ticket after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Created):
        if state is not None:
            raise broken_restart(state)
        return _created(event)
    if state is None:
        raise broken_start("ticket", event, "Created")
    match event:
        case StatusChanged() | Solved() | Reopened() | Closed():
            return _moved(state, event)
        case Replied():
            written = (*state.recent_replies, Written(id=event.reply_id, hash=hash_of(event.text)))[-RECENT_MAX:]
            first = event.at if state.first_response_at is None and not event.from_requester else state.first_response_at
            return changed(state, reply_count=state.reply_count + 1, recent_replies=written, first_response_at=first)
        case Noted():
            written = (*state.recent_notes, Written(id=event.note_id, hash=hash_of(event.text)))[-RECENT_MAX:]
            return changed(state, note_count=state.note_count + 1, recent_notes=written)
        case PriorityChanged():
            return changed(state, priority=event.priority, field_changes=touched(state, event, "priority"))
        case SlaBreached():
            return changed(state, breached=tuple(goal for goal in SlaGoal if goal in {*state.breached, *event.goals}))
        case _:
            return evolve_shared(state, event)


def _created(event: Created) -> Ticket:
    return Ticket(
        id=event.ticket_id,
        title=event.title,
        description=event.description,
        requester=event.requester,
        channel=event.channel,
        status=Status.NEW,
        priority=event.priority,
        targets=event.targets,
        clock=Clock(since=event.at),
        assignee=event.assignee,
        labels=tuple(sorted(event.labels)),
        visibility=event.visibility,
        team=event.team,
        created_at=event.at,
        created_by=event.by,
        field_changes=first_changes(event, _TRACKED),
    )


def _moved(state: Ticket, event: Move) -> Ticket:
    """Everything that changes the status, and with it whether the clock runs."""
    match event:
        case StatusChanged():
            moved = changed(state, status=event.status)
        case Solved():
            moved = changed(state, status=Status.SOLVED, solved_at=event.at, solved_by=event.by, resolution=event.resolution)
        case Reopened():
            count = state.reopened_count + 1
            moved = changed(state, status=Status.OPEN, solved_at=None, solved_by=None, resolution=None, reopened_count=count)
        case Closed():
            moved = changed(state, status=Status.CLOSED)
        case _:
            assert_never(event)
    clock = state.clock.running(event.at, run=moved.status in RUNNING)
    return changed(moved, clock=clock, field_changes=touched(state, event, "status"))
