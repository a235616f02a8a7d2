"""What can happen to a task. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(EventBase):
    task_id: EntityId
    title: str
    description: str
    priority: Priority
    assignee: ActorId | None
    due_at: datetime | None
    parent: EntityId | None
    labels: tuple[str, ...]
    visibility: Visibility
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(EventBase):
    """Between to do, in progress and blocked. ``reason``: why, above all why it is blocked; may be empty."""

    previous: Status
    status: Status
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(EventBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(EventBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(EventBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged(EventBase):
    previous: Priority
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDateChanged(EventBase):
    previous: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentChanged(EventBase):
    previous: EntityId | None
    parent: EntityId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAdded(EventBase):
    """A new item of the checklist, in front of the item ``before``, or at the end."""

    item_id: str
    text: str
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEdited(EventBase):
    """``seen``: the text before, or its hash if it is long."""

    item_id: str
    seen: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTicked(EventBase):
    """Ticked, or with ``ticked`` false, unticked."""

    item_id: str
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemMoved(EventBase):
    item_id: str
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRemoved(EventBase):
    item_id: str


ItemEvent: TypeAlias = ItemAdded | ItemEdited | ItemTicked | ItemMoved | ItemRemoved
"""Those about the checklist."""
Move: TypeAlias = StatusChanged | Completed | Cancelled | Reopened
"""Those that change the status."""
Event: TypeAlias = SharedEvent | Created | Move | PriorityChanged | DueDateChanged | ParentChanged | ItemEvent
"""Every event of a task."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "created": Created,
    "status_changed": StatusChanged,
    "completed": Completed,
    "cancelled": Cancelled,
    "reopened": Reopened,
    "priority_changed": PriorityChanged,
    "due_date_changed": DueDateChanged,
    "parent_changed": ParentChanged,
    "item_added": ItemAdded,
    "item_edited": ItemEdited,
    "item_ticked": ItemTicked,
    "item_moved": ItemMoved,
    "item_removed": ItemRemoved,
}
"""Last part of ``ce_type`` -> class."""
