"""What is known of the organisation after its events, and who may do what by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.roles import Role
from opsroom_domain.shared.state import SharedState

PREFIX = "org"
ORGANISATION_ID: Final = EntityId(f"{PREFIX}_{'1':0>26}")
"""There is one organisation, and everyone knows its id: a rule over several admins, teams and services is a rule over one entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role, why, by whom, and until when: it counts before ``expires_at``, or for ever."""

    reason: str
    expires_at: datetime | None
    granted_by: ActorId
    granted_at: datetime

    def counts(self, at: datetime) -> bool:
        return self.expires_at is None or at < self.expires_at


Grants = Mapping[Role, Grant]
"""Of one member: at most one of each role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    name: str
    members: tuple[ActorId, ...] = ()
    """Sorted; each is a member of the organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    team: str
    """The team that owns it."""
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation(SharedState):
    """The organisation. Never changed in place: mappings and tuples are replaced whole.

    ``title`` is its name. ``field_changes`` holds, beside the shared fields, who last changed what of a team or service, under names like
    ``team payments name``; what nobody has changed since it was made is not in it.
    """

    teams: Mapping[str, Team] = field(default_factory=dict[str, Team])
    services: Mapping[str, Service] = field(default_factory=dict[str, Service])
    members: Mapping[ActorId, Grants] = field(default_factory=dict[ActorId, Grants])
    """Everybody who has a grant, also one that has expired: they have to be removed or granted anew."""
    created_at: datetime
    created_by: ActorId

    def lasting_admins(self) -> Iterator[ActorId]:
        """Those who are admins for ever. There is always one, so that somebody can grant the roles."""
        for member, grants in self.members.items():
            grant = grants.get(Role.ADMIN)
            if grant is not None and grant.expires_at is None:
                yield member

    def services_of(self, team: str) -> tuple[str, ...]:
        """The ids of the services that the team owns, sorted."""
        return tuple(sorted(name for name, service in self.services.items() if service.team == team))

    def teams_of(self, member: ActorId) -> tuple[str, ...]:
        """The ids of the teams that the member is in, sorted."""
        return tuple(sorted(name for name, team in self.teams.items() if member in team.members))


def role_of(state: Organisation | None, actor: ActorId, at: datetime) -> Role | None:
    """The highest role that the actor has at ``at``; None if there is none. A grant past its expiry does not count."""
    grants = None if state is None else state.members.get(actor)
    counting = [role for role in Role if grants is not None and role in grants and grants[role].counts(at)]
    return counting[-1] if counting else None


def field_name(what: str, name: str, part: str) -> str:
    """How a conflict and ``field_changes`` name a part of a team or service: ``team payments name``."""
    return f"{what} {name} {part}"
