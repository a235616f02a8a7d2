"""A ticket's events in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.decider import Json, TimelineEntry
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
from opsroom_domain.entities.ticket.evolve import evolve
from opsroom_domain.entities.ticket.state import Ticket
from opsroom_domain.entities.ticket.words import Status
from opsroom_domain.shared.describe import describe_shared, quote, step, with_text
from opsroom_domain.shared.new import broken_start
from opsroom_domain.shared.priority import priority_words

_STATUS_WORDS = {
    Status.OPEN: "Opened it",
    Status.PENDING: "Set it to pending: it waits for the requester",
    Status.ON_HOLD: "Put it on hold",
}


def describe(state: Ticket | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the ticket before it, None before Created. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Created):
        return _created(event)
    if state is None:
        raise broken_start("ticket", event, "Created")
    match event:
        case StatusChanged() | Solved() | Reopened() | Closed():
            return _moved(state, event)
        case Replied():
            diff: dict[str, Json] = {"reply": {"id": event.reply_id, "from_requester": event.from_requester, **step(None, event.text)}}
            return TimelineEntry(with_text("The requester replied" if event.from_requester else "Replied", event.text), diff)
        case Noted():
            return TimelineEntry(with_text("Noted", event.text), {"note": {"id": event.note_id, **step(None, event.text)}})
        case PriorityChanged():
            diff = {"priority": step(event.previous.value, event.priority.value)}
            return TimelineEntry(priority_words(event.previous, event.priority), diff)
        case SlaBreached():
            before: list[Json] = [goal.value for goal in state.breached]
            after: list[Json] = [goal.value for goal in evolve(state, event).breached]
            words = f"The promised time for the {' and the '.join(event.goals)} is over"
            return TimelineEntry(words, {"breached": step(before, after)})
        case _:
            return describe_shared(state, event)


def _created(event: Created) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": step(None, event.title),
        "requester": step(None, event.requester),
        "channel": step(None, event.channel.value),
        "priority": step(None, event.priority.value),
        "status": step(None, Status.NEW.value),
        "visibility": step(None, event.visibility.value),
    }
    for field, value in (("description", event.description or None), ("assignee", event.assignee), ("team", event.team)):
        if value is not None:
            diff[field] = step(None, value)
    if event.labels:
        diff["labels"] = step([], list(event.labels))
    return TimelineEntry(f"Created for {event.requester} with the priority {event.priority}: {quote(event.title)}", diff)


def _moved(state: Ticket, event: Move) -> TimelineEntry:
    match event:
        case StatusChanged():
            words, to = _STATUS_WORDS.get(event.status, f"Changed the status to {event.status}"), event.status
        case Solved():
            words, to = with_text("Solved it", event.resolution), Status.SOLVED
        case Reopened():
            words, to = with_text("Reopened it", event.reason), Status.OPEN
        case Closed():
            words, to = "Closed it", Status.CLOSED
        case _:
            assert_never(event)
    diff: dict[str, Json] = {"status": step(state.status.value, to.value)}
    after = evolve(state, event).resolution
    if after != state.resolution:
        diff["resolution"] = step(state.resolution, after)
    return TimelineEntry(words, diff)
