"""What can happen to a ticket. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import Channel, Priority, SlaGoal, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(EventBase):
    ticket_id: EntityId
    title: str
    description: str
    requester: ActorId
    channel: Channel
    priority: Priority
    targets: tuple[SlaTarget, ...]
    assignee: ActorId | None
    labels: tuple[str, ...]
    visibility: Visibility
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied(EventBase):
    """Public: the requester reads it, or wrote it (``from_requester``)."""

    reply_id: str
    text: str
    from_requester: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(EventBase):
    """Internal: the requester does not read it."""

    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(EventBase):
    previous: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved(EventBase):
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(EventBase):
    """``by_reply``: the requester replied to what was solved."""

    reason: str
    by_reply: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(EventBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged(EventBase):
    previous: Priority
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaBreached(EventBase):
    """At the time of this event these were overdue."""

    goals: tuple[SlaGoal, ...]


Move: TypeAlias = StatusChanged | Solved | Reopened | Closed
"""Those that change the status."""
Event: TypeAlias = SharedEvent | Created | Replied | Noted | Move | PriorityChanged | SlaBreached
"""Every event of a ticket."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "created": Created,
    "replied": Replied,
    "noted": Noted,
    "status_changed": StatusChanged,
    "solved": Solved,
    "reopened": Reopened,
    "closed": Closed,
    "priority_changed": PriorityChanged,
    "sla_breached": SlaBreached,
}
"""Last part of ``ce_type`` -> class."""
