"""What is known of a task after its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_domain.entities.task.words import LIVE, Priority, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.state import SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the checklist; who ticked it and when, or None."""

    text: str
    ticked_by: ActorId | None = None
    ticked_at: datetime | None = None

    @property
    def ticked(self) -> bool:
        return self.ticked_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(SharedState):
    """One task. Never changed in place: mappings and tuples are replaced whole.

    That other tasks block it is known to the dependencies alone, not here: ``Status.BLOCKED`` is what a person says.
    """

    status: Status
    priority: Priority
    created_at: datetime
    created_by: ActorId
    due_at: datetime | None = None
    parent: EntityId | None = None
    reason: str = ""
    """Why it has its present status."""
    started_at: datetime | None = None
    """When work on it began first."""
    ended_at: datetime | None = None
    """Set while it is done or cancelled."""
    ended_by: ActorId | None = None
    checklist: Mapping[str, Item] = field(default_factory=dict[str, Item])
    """By id, in the order of the list."""

    @property
    def live(self) -> bool:
        """True until it is done or cancelled."""
        return self.status in LIVE
