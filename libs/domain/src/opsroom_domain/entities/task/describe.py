"""A task's events in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.task.events import (
    Cancelled,
    Completed,
    Created,
    DueDateChanged,
    Event,
    ItemAdded,
    ItemEdited,
    ItemEvent,
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
from opsroom_domain.shared.describe import describe_shared, quote, step, with_text
from opsroom_domain.shared.new import broken_start
from opsroom_domain.shared.priority import priority_words
from opsroom_domain.shared.show import time_or_none
from opsroom_domain.times import rfc3339

_STATUS_WORDS = {Status.TO_DO: "Set back to to do", Status.IN_PROGRESS: "Started to work on it", Status.BLOCKED: "Marked as blocked"}


def describe(state: Task | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the task before it, None before Created. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Created):
        return _created(event)
    if state is None:
        raise broken_start("task", event, "Created")
    match event:
        case StatusChanged() | Completed() | Cancelled() | Reopened():
            return _moved(state, event)
        case PriorityChanged():
            diff: dict[str, Json] = {"priority": step(event.previous.value, event.priority.value)}
            return TimelineEntry(priority_words(event.previous, event.priority), diff)
        case DueDateChanged():
            words = "Took the due date away" if event.due_at is None else f"Set the due date to {rfc3339(event.due_at)}"
            return TimelineEntry(words, {"due_at": step(time_or_none(event.previous), time_or_none(event.due_at))})
        case ParentChanged():
            words = f"Took it out of {event.previous}" if event.parent is None else f"Made it a part of {event.parent}"
            return TimelineEntry(words, {"parent": step(event.previous, event.parent)})
        case ItemAdded() | ItemEdited() | ItemTicked() | ItemMoved() | ItemRemoved():
            return _item(state, event)
        case _:
            return describe_shared(state, event)


def _created(event: Created) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": step(None, event.title),
        "priority": step(None, event.priority.value),
        "status": step(None, Status.TO_DO.value),
        "visibility": step(None, event.visibility.value),
    }
    for field, value in (
        ("description", event.description or None),
        ("assignee", event.assignee),
        ("due_at", time_or_none(event.due_at)),
        ("parent", event.parent),
        ("team", event.team),
    ):
        if value is not None:
            diff[field] = step(None, value)
    if event.labels:
        diff["labels"] = step([], list(event.labels))
    return TimelineEntry(f"Created with the priority {event.priority}: {quote(event.title)}", diff)


def _moved(state: Task, event: Move) -> TimelineEntry:
    match event:
        case StatusChanged():
            words, to = with_text(_STATUS_WORDS.get(event.status, f"Changed the status to {event.status}"), event.reason), event.status
        case Completed():
            words, to = "Completed it", Status.DONE
        case Cancelled():
            words, to = with_text("Cancelled it", event.reason), Status.CANCELLED
        case Reopened():
            words, to = with_text("Reopened it", event.reason), Status.TO_DO
        case _:
            assert_never(event)
    reason = "" if isinstance(event, Completed) else event.reason
    diff: dict[str, Json] = {"status": step(state.status.value, to.value)}
    if reason != state.reason:
        diff["reason"] = step(state.reason, reason)
    return TimelineEntry(words, diff)


def _item(state: Task, event: ItemEvent) -> TimelineEntry:
    known = state.checklist.get(event.item_id)
    text = event.text if isinstance(event, ItemAdded) else "" if known is None else known.text
    told: dict[str, Json] = {"id": event.item_id}
    match event:
        case ItemAdded():
            words, told = f"Added the item {quote(text)}", {**told, **step(None, text)}
        case ItemEdited():
            words, told = f"Changed the item {quote(text)} to {quote(event.text)}", {**told, **step(text, event.text)}
        case ItemTicked():
            verb = "Ticked" if event.ticked else "Unticked"
            words, told = f"{verb} the item {quote(text)}", {**told, **step(not event.ticked, event.ticked)}
        case ItemMoved():
            after = None if event.before is None else state.checklist.get(event.before)
            place = "to the end" if after is None else f"in front of {quote(after.text)}"
            words, told = f"Moved the item {quote(text)} {place}", {**told, "before": event.before}
        case ItemRemoved():
            words, told = f"Removed the item {quote(text)}", {**told, **step(text, None)}
        case _:
            assert_never(event)
    return TimelineEntry(words, {"item": told})
