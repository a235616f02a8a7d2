"""The organisation, its people and times that the tests tell of."""

from __future__ import annotations

from datetime import datetime

from examples import NOW, minute
from given_when_then import Given

from opsroom_domain.entities.organisation import (
    ORGANISATION,
    ORGANISATION_ID,
    Command,
    Created,
    Event,
    GrantRole,
    Organisation,
    Role,
    RoleGranted,
    ServiceAdded,
    TeamCreated,
    TeamMembersChanged,
)
from opsroom_domain.ids import ActorId

ADA, BEN, CLEO = ActorId("usr_ada"), ActorId("usr_ben"), ActorId("usr_cleo")
CREATED = Created(at=minute(0), by=ADA, organisation_id=ORGANISATION_ID, title="Example", description="")
FOUNDED = (CREATED, RoleGranted(at=minute(0), by=ADA, member=ADA, role=Role.ADMIN, reason="founder", expires_at=None))
PAYMENTS = TeamCreated(at=minute(1), by=ADA, team="payments", name="Payments")
SEARCH = TeamCreated(at=minute(1), by=ADA, team="search", name="Search")
CHECKOUT = ServiceAdded(at=minute(2), by=ADA, service="checkout", name="Checkout", team="payments", tier=1)


def given(*history: Event) -> Given[Organisation, Command, Event]:
    """What has happened since it was founded."""
    return Given(ORGANISATION, (*FOUNDED, *history))


def granted(member: ActorId, role: Role = Role.ADMIN, expires_at: datetime | None = None, reason: str = "on call") -> RoleGranted:
    return RoleGranted(**NOW, member=member, role=role, reason=reason, expires_at=expires_at)


def grant(member: ActorId, role: Role = Role.ADMIN, expires_at: datetime | None = None, reason: str = "on call") -> GrantRole:
    return GrantRole(**NOW, member=member, role=role, reason=reason, expires_at=expires_at)


def joined(team: str, *members: ActorId) -> TeamMembersChanged:
    return TeamMembersChanged(at=minute(3), by=ADA, team=team, added=members, removed=())
