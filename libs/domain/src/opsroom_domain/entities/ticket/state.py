"""What is known of a ticket after its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsroom_domain.entities.ticket.sla import Clock, SlaTarget, target_of
from opsroom_domain.entities.ticket.words import LIVE, Channel, Priority, SlaGoal, Status
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.state import SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A reply or a note by its id and the hash of its text."""

    id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket(SharedState):
    """One ticket. Never changed in place: mappings and tuples are replaced whole."""

    requester: ActorId
    channel: Channel
    status: Status
    priority: Priority
    created_at: datetime
    created_by: ActorId
    targets: tuple[SlaTarget, ...]
    clock: Clock
    breached: tuple[SlaGoal, ...] = ()
    """What was once overdue, as far as an event says so; it stays."""
    first_response_at: datetime | None = None
    """Of the first public reply that was not the requester's."""
    reply_count: int = 0
    recent_replies: tuple[Written, ...] = ()
    """The last ones, oldest first."""
    note_count: int = 0
    recent_notes: tuple[Written, ...] = ()
    solved_at: datetime | None = None
    """Set while it is solved, and kept when it is closed."""
    solved_by: ActorId | None = None
    resolution: str | None = None
    reopened_count: int = 0

    @property
    def live(self) -> bool:
        """True until it is solved."""
        return self.status in LIVE

    @property
    def response_due_at(self) -> datetime | None:
        """When the first public reply is due; None if it was given, nothing is promised or the clock stands."""
        return None if self.first_response_at is not None else self.clock.due_at(target_of(self.targets, self.priority).response_s)

    @property
    def resolution_due_at(self) -> datetime | None:
        """When the solution is due; None if nothing is promised or the clock stands."""
        return self.clock.due_at(target_of(self.targets, self.priority).resolution_s)

    @property
    def sla_due_at(self) -> datetime | None:
        """What is due first. It is in the past once it was missed."""
        return min((due for due in (self.response_due_at, self.resolution_due_at) if due is not None), default=None)

    def overdue(self, at: datetime) -> tuple[SlaGoal, ...]:
        """What is overdue at ``at`` and not noted yet."""
        dues = {SlaGoal.RESPONSE: self.response_due_at, SlaGoal.RESOLUTION: self.resolution_due_at}
        return tuple(goal for goal, due in dues.items() if due is not None and due <= at and goal not in self.breached)
