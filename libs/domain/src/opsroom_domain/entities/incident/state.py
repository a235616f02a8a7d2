"""What is known of an incident after its events: what ``decide`` needs and what a board shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_domain.entities.incident.words import Review, Severity, SignalStatus, Status, TakenWhy
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.state import SharedState
from opsroom_domain.shared.words import Standing

LIVE = frozenset({Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED})
"""Somebody still has to do something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal's last known episode."""

    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSeen:
    """A note by its id and the hash of its text."""

    note_id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeInto:
    """The last attempt to merge this incident into another one."""

    into: EntityId
    standing: Standing
    before: Status
    """What the status was, and is again if the merge is refused."""
    reason: str = ""
    heard: SignalStatus | None = None
    """While it is pending: firing if a signal fired, else resolved if one was resolved. What that does is done when the merge is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOff:
    """A split of this incident. ``fingerprints``: the signals that are on their way; none once it is settled."""

    title: str
    standing: Standing
    fingerprints: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFrom:
    """Another incident that this one took things from; ``left`` counts those that found no room."""

    why: TakenWhy
    at: datetime
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """An event of the timeline that belongs into the postmortem."""

    note: str
    by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    title: str
    standing: Standing
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """What was learned. Its review says who approved it, or asked for changes, and when."""

    template: str
    started_at: datetime
    started_by: ActorId
    sections: Mapping[str, str]
    """In the template's order."""
    authors: tuple[ActorId, ...]
    """Sorted: who started it or wrote in it."""
    picks: Mapping[int, Pick] = field(default_factory=dict[int, Pick])
    """By version, ascending."""
    follow_ups: Mapping[EntityId, FollowUp] = field(default_factory=dict[EntityId, FollowUp])
    """By the task's id, oldest first."""
    review: Review = Review.DRAFT
    reviewed_by: ActorId | None = None
    reviewed_at: datetime | None = None
    review_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(SharedState):
    """One incident. Never changed in place: mappings and tuples are replaced whole."""

    severity: Severity
    status: Status
    source: str
    opened_at: datetime
    opened_by: ActorId
    signals: Mapping[str, Signal]
    """By fingerprint."""
    note_count: int = 0
    recent_notes: tuple[NoteSeen, ...] = ()
    """The last ones, oldest first."""
    escalation_level: int = 0
    event_count: int = 1
    """How many events it has had: its version."""
    merged_into: EntityId | None = None
    """While it is being merged, and for ever once it is."""
    merge: MergeInto | None = None
    splits: Mapping[EntityId, SplitOff] = field(default_factory=dict[EntityId, SplitOff])
    """By the new incident's id, oldest first."""
    moved: Mapping[str, EntityId] = field(default_factory=dict[str, EntityId])
    """Signals that went away by a split, by fingerprint, and to which incident."""
    taken_from: Mapping[EntityId, TakenFrom] = field(default_factory=dict[EntityId, TakenFrom])
    """Oldest first."""
    services: tuple[str, ...] = ()
    """Affected services of the organisation; sorted."""
    commander: ActorId | None = None
    communications: ActorId | None = None
    postmortem: Postmortem | None = None
    acknowledged_at: datetime | None = None
    """Of the first acknowledgement since the incident was opened or reopened."""
    acknowledged_by: ActorId | None = None
    resolved_at: datetime | None = None
    """Set while the incident is resolved, and kept if it is then merged."""
    resolved_by: ActorId | None = None
    resolution: str | None = None
    resolved_automatically: bool = False

    @property
    def live(self) -> bool:
        """True until it is resolved or merged."""
        return self.status in LIVE

    @property
    def merging(self) -> bool:
        """True while a merge into another incident is under way."""
        return self.merge is not None and self.merge.standing is Standing.PENDING

    @property
    def splitting(self) -> bool:
        """True while a split is under way."""
        return any(split.standing is Standing.PENDING for split in self.splits.values())

    @property
    def firing(self) -> bool:
        """True if a signal fires, as far as is known."""
        return any(signal.status is SignalStatus.FIRING for signal in self.signals.values())
