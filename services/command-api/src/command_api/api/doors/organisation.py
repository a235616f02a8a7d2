"""The doors of the organisation."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_domain.entities import organisation as o
from opsroom_domain.ids import ActorId

KIND = "organisation"
OrganisationId = Annotated[str, AfterValidator(b.id_with("org", "the organisation's id")), Field(examples=[o.ORGANISATION_ID])]
Tier = Annotated[int, Field(ge=1, le=4, description="From 1, the most important, to 4.")]
ServiceId = Annotated[b.TeamId, Field(examples=["checkout"])]


class OrganisationCreateBody(StrictBody):
    """Whoever creates it is its first admin."""

    id: OrganisationId = Field(description=f"Always {o.ORGANISATION_ID}: there is one.")
    title: str = Field(description="Its name.")
    description: str = ""
    reason: str = Field(description="Why its creator becomes an admin.")


class GrantBody(b.Body):
    member: b.Actor
    role: o.Role
    reason: str
    expires_at: b.Instant | None = Field(default=None, description="From then on the grant does not count; null: for ever.")


class RevokeBody(b.Body):
    member: b.Actor
    role: o.Role
    reason: str


class MemberRemoveBody(b.Body):
    member: b.Actor
    reason: str


class TeamCreateBody(b.Body):
    team: b.TeamId
    name: str


class TeamRenameBody(b.SeenToBody[str]):
    team: b.TeamId


class TeamMembersBody(b.Body):
    team: b.TeamId
    add: tuple[b.Actor, ...] = ()
    remove: tuple[b.Actor, ...] = ()


class TeamRemoveBody(b.Body):
    team: b.TeamId


class ServiceAddBody(b.Body):
    service: ServiceId
    name: str
    team: b.TeamId = Field(description="The team that owns it.")
    tier: Tier


class ServiceRenameBody(b.SeenToBody[str]):
    service: ServiceId


class ServiceOwnerBody(b.SeenToBody[b.TeamId]):
    service: ServiceId


class ServiceTierBody(b.SeenToBody[Tier]):
    service: ServiceId


class ServiceRemoveBody(b.Body):
    service: ServiceId


def _create(a: Asked, x: OrganisationCreateBody) -> o.Create:
    return o.Create(**a.common, organisation_id=a.entity_id, title=x.title, description=x.description, reason=x.reason)


def _grant(a: Asked, x: GrantBody) -> o.GrantRole:
    until = None if x.expires_at is None else x.expires_at.astimezone(UTC)
    return o.GrantRole(**a.common, member=ActorId(x.member), role=x.role, reason=x.reason, expires_at=until)


def _revoke(a: Asked, x: RevokeBody) -> o.RevokeRole:
    return o.RevokeRole(**a.common, member=ActorId(x.member), role=x.role, reason=x.reason)


def _remove_member(a: Asked, x: MemberRemoveBody) -> o.RemoveMember:
    return o.RemoveMember(**a.common, member=ActorId(x.member), reason=x.reason)


def _rename_team(a: Asked, x: TeamRenameBody) -> o.RenameTeam:
    return o.RenameTeam(**a.common, team=x.team, seen=x.seen, name=x.to)


def _team_members(a: Asked, x: TeamMembersBody) -> o.ChangeTeamMembers:
    return o.ChangeTeamMembers(**a.common, team=x.team, add=b.actors(x.add), remove=b.actors(x.remove))


def _add_service(a: Asked, x: ServiceAddBody) -> o.AddService:
    return o.AddService(**a.common, service=x.service, name=x.name, team=x.team, tier=x.tier)


def _rename_service(a: Asked, x: ServiceRenameBody) -> o.RenameService:
    return o.RenameService(**a.common, service=x.service, seen=x.seen, name=x.to)


def _owner(a: Asked, x: ServiceOwnerBody) -> o.ChangeServiceOwner:
    return o.ChangeServiceOwner(**a.common, service=x.service, seen=x.seen, team=x.to)


def _tier(a: Asked, x: ServiceTierBody) -> o.ChangeServiceTier:
    return o.ChangeServiceTier(**a.common, service=x.service, seen=x.seen, tier=x.to)


def _create_team(a: Asked, x: TeamCreateBody) -> o.CreateTeam:
    return o.CreateTeam(**a.common, team=x.team, name=x.name)


def _remove_team(a: Asked, x: TeamRemoveBody) -> o.RemoveTeam:
    return o.RemoveTeam(**a.common, team=x.team)


def _remove_service(a: Asked, x: ServiceRemoveBody) -> o.RemoveService:
    return o.RemoveService(**a.common, service=x.service)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "create", OrganisationCreateBody, _create, "Create the organisation, and become its first admin"),
    post(KIND, "grant_role", "grants", GrantBody, _grant, "Grant a role, for ever or until a time"),
    post(KIND, "revoke_role", "grants/revoke", RevokeBody, _revoke, "Revoke a role; the last admin stays"),
    post(KIND, "remove_member", "members/remove", MemberRemoveBody, _remove_member, "End all grants of a member"),
    post(KIND, "create_team", "teams", TeamCreateBody, _create_team, "Create a team"),
    post(KIND, "rename_team", "teams/rename", TeamRenameBody, _rename_team, "Rename a team"),
    post(KIND, "change_team_members", "teams/members", TeamMembersBody, _team_members, "Add and remove members of a team"),
    post(KIND, "remove_team", "teams/remove", TeamRemoveBody, _remove_team, "Remove a team that owns no service"),
    post(KIND, "add_service", "services", ServiceAddBody, _add_service, "Add a service"),
    post(KIND, "rename_service", "services/rename", ServiceRenameBody, _rename_service, "Rename a service"),
    post(KIND, "change_service_owner", "services/owner", ServiceOwnerBody, _owner, "Give a service to another team"),
    post(KIND, "change_service_tier", "services/tier", ServiceTierBody, _tier, "Say how important a service is"),
    post(KIND, "remove_service", "services/remove", ServiceRemoveBody, _remove_service, "Remove a service"),
)
