"""What can happen to the organisation. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.roles import Role
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(EventBase):
    """The organisation exists. The grant that makes its creator an admin follows."""

    organisation_id: EntityId
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGranted(EventBase):
    """``member`` has ``role`` from now on, until just before ``expires_at`` if there is one. It takes the place of an older grant of the role."""

    member: ActorId
    role: Role
    reason: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRevoked(EventBase):
    """``member`` has no grant of ``role`` any more."""

    member: ActorId
    role: Role
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(EventBase):
    """All grants of ``member`` are over, and they have left ``teams``."""

    member: ActorId
    reason: str
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamCreated(EventBase):
    team: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRenamed(EventBase):
    team: str
    previous: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMembersChanged(EventBase):
    team: str
    added: tuple[ActorId, ...]
    removed: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRemoved(EventBase):
    """It owned no service. ``members`` stay members of the organisation."""

    team: str
    members: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAdded(EventBase):
    """``team`` owns it. ``tier`` is from 1, the most important, to 4."""

    service: str
    name: str
    team: str
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRenamed(EventBase):
    service: str
    previous: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOwnerChanged(EventBase):
    service: str
    previous: str
    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTierChanged(EventBase):
    service: str
    previous: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRemoved(EventBase):
    service: str


TeamEvent: TypeAlias = TeamCreated | TeamRenamed | TeamMembersChanged | TeamRemoved
ServiceEvent: TypeAlias = ServiceAdded | ServiceRenamed | ServiceOwnerChanged | ServiceTierChanged | ServiceRemoved
MemberEvent: TypeAlias = RoleGranted | RoleRevoked | MemberRemoved
Event: TypeAlias = SharedEvent | Created | MemberEvent | TeamEvent | ServiceEvent
"""Every event of the organisation."""

EVENTS: Mapping[str, type[Event]] = {
    **SHARED_EVENTS,
    "created": Created,
    "role_granted": RoleGranted,
    "role_revoked": RoleRevoked,
    "member_removed": MemberRemoved,
    "team_created": TeamCreated,
    "team_renamed": TeamRenamed,
    "team_members_changed": TeamMembersChanged,
    "team_removed": TeamRemoved,
    "service_added": ServiceAdded,
    "service_renamed": ServiceRenamed,
    "service_owner_changed": ServiceOwnerChanged,
    "service_tier_changed": ServiceTierChanged,
    "service_removed": ServiceRemoved,
}
"""Last part of ``ce_type`` -> class."""
