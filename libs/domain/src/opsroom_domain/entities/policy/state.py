"""What is known of a policy after its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsroom_domain.entities.policy.content import Content
from opsroom_domain.entities.policy.words import PolicyType, Status
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.state import SharedState


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """What was published once; never changed."""

    number: int
    content: Content
    published_at: datetime
    published_by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(SharedState):
    """One policy. Never changed in place: mappings and tuples are replaced whole."""

    type: PolicyType
    created_at: datetime
    created_by: ActorId
    draft: Content
    revision: int = 0
    """Of the draft: how often it was changed."""
    published_revision: int | None = None
    """Of the draft that was published last."""
    last_version: int = 0
    """The number of the version that was published last; 0 before the first."""
    versions: tuple[PolicyVersion, ...] = ()
    """The last ones, oldest first, and the active one if it is older."""
    active_version: int | None = None

    @property
    def status(self) -> Status:
        if self.active_version is not None:
            return Status.ACTIVE
        return Status.INACTIVE if self.last_version else Status.DRAFT

    def version(self, number: int) -> PolicyVersion | None:
        """A version that is still kept."""
        return next((version for version in self.versions if version.number == number), None)

    @property
    def in_force(self) -> Content | None:
        """What the policy asks for at present; None while no version is active."""
        known = None if self.active_version is None else self.version(self.active_version)
        return None if known is None else known.content
