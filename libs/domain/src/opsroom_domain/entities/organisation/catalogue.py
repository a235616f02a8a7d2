"""Teams, and the services that they own: which ids, which owners, and what cannot be removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.changes import must_change
from opsroom_domain.decider import EditConflict, FieldConflict, Invalid, Refused
from opsroom_domain.entities.organisation.commands import (
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    CreateTeam,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    ServiceCommand,
    TeamCommand,
)
from opsroom_domain.entities.organisation.events import (
    ServiceAdded,
    ServiceEvent,
    ServiceOwnerChanged,
    ServiceRemoved,
    ServiceRenamed,
    ServiceTierChanged,
    TeamCreated,
    TeamEvent,
    TeamMembersChanged,
    TeamRemoved,
    TeamRenamed,
)
from opsroom_domain.entities.organisation.limits import (
    NAME_MAX,
    NAMED_MAX,
    SERVICES_MAX,
    TEAM_MEMBERS_MAX,
    TEAMS_MAX,
    TIER_MAX,
    TIER_MIN,
)
from opsroom_domain.entities.organisation.state import Organisation, Service, Team, field_name
from opsroom_domain.shared.decide import check_members, set_change
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def decide_on_teams(state: Organisation, command: TeamCommand) -> Sequence[TeamEvent]:
    """The events that ``command`` gives, perhaps none. Raises Refused or EditConflict."""
    match command:
        case CreateTeam():
            return create_team(state, command)
        case RenameTeam():
            return rename_team(state, command)
        case ChangeTeamMembers():
            return change_team_members(state, command)
        case RemoveTeam():
            return remove_team(state, command)
        case _:
            assert_never(command)


def decide_on_services(state: Organisation, command: ServiceCommand) -> Sequence[ServiceEvent]:
    """The events that ``command`` gives, perhaps none. Raises Refused or EditConflict."""
    match command:
        case AddService():
            return add_service(state, command)
        case RenameService():
            return rename_service(state, command)
        case ChangeServiceOwner():
            return change_service_owner(state, command)
        case ChangeServiceTier():
            return change_service_tier(state, command)
        case RemoveService():
            return remove_service(state, command)
        case _:
            assert_never(command)


def create_team(state: Organisation, command: CreateTeam) -> Sequence[TeamCreated]:
    """An id is given once, as other entities name the team by it. The same team again changes nothing."""
    _check_slug("team", command.team)
    check_line("name", command.name, NAME_MAX)
    known = state.teams.get(command.team)
    if known is not None:
        if known.name == command.name:
            return ()
        raise Refused("team-exists", f"the team {command.team} exists already; take another id, or rename it")
    if len(state.teams) >= TEAMS_MAX:
        raise Refused("too-many", f"there are {TEAMS_MAX} teams already; remove one first")
    return (TeamCreated(at=command.at, by=command.by, team=command.team, name=command.name),)


def rename_team(state: Organisation, command: RenameTeam) -> Sequence[TeamRenamed]:
    """Another name under the same id."""
    check_line("name", command.name, NAME_MAX)
    current = _team(state, command.team).name
    if not must_change(field_name("team", command.team, "name"), seen=command.seen, current=current, wanted=command.name):
        return ()
    return (TeamRenamed(at=command.at, by=command.by, team=command.team, previous=current, name=command.name),)


def change_team_members(state: Organisation, command: ChangeTeamMembers) -> Sequence[TeamMembersChanged]:
    """Members of a team are a set, like labels. Each must be a member of the organisation, whose grant may have expired."""
    team = _team(state, command.team)
    check_members("members", command.add, ID_MAX, TEAM_MEMBERS_MAX)
    added, removed = set_change("members", team.members, command.add, command.remove, TEAM_MEMBERS_MAX)
    strangers = [member for member in added if member not in state.members]
    if strangers:
        named = ", ".join(strangers[:NAMED_MAX])
        raise Refused("not-a-member", f"not in the organisation: {named}; grant them a role first", {"members": [*strangers]})
    if not added and not removed:
        return ()
    return (TeamMembersChanged(at=command.at, by=command.by, team=command.team, added=added, removed=removed),)


def remove_team(state: Organisation, command: RemoveTeam) -> Sequence[TeamRemoved]:
    """Only one that owns no service: every service has an owner. Its members stay in the organisation. One that is not there is no error."""
    team = state.teams.get(command.team)
    if team is None:
        return ()
    owned = state.services_of(command.team)
    if owned:
        more = f" and {len(owned) - NAMED_MAX} more" if len(owned) > NAMED_MAX else ""
        raise Refused(
            "team-owns-services",
            f"the team {command.team} owns {', '.join(owned[:NAMED_MAX])}{more}; give them to another team first",
            {"services": [*owned]},
        )
    return (TeamRemoved(at=command.at, by=command.by, team=command.team, members=team.members),)


def add_service(state: Organisation, command: AddService) -> Sequence[ServiceAdded]:
    """An id is given once. The same service again changes nothing."""
    _check_slug("service", command.service)
    check_line("name", command.name, NAME_MAX)
    _check_tier(command.tier)
    _team(state, command.team)
    known = state.services.get(command.service)
    if known is not None:
        if known == Service(name=command.name, team=command.team, tier=command.tier):
            return ()
        raise Refused("service-exists", f"the service {command.service} exists already; take another id, or change it")
    if len(state.services) >= SERVICES_MAX:
        raise Refused("too-many", f"there are {SERVICES_MAX} services already; remove one first")
    added = ServiceAdded(at=command.at, by=command.by, service=command.service, name=command.name, team=command.team, tier=command.tier)
    return (added,)


def rename_service(state: Organisation, command: RenameService) -> Sequence[ServiceRenamed]:
    """Another name under the same id."""
    check_line("name", command.name, NAME_MAX)
    current = _service(state, command.service).name
    if not must_change(field_name("service", command.service, "name"), seen=command.seen, current=current, wanted=command.name):
        return ()
    return (ServiceRenamed(at=command.at, by=command.by, service=command.service, previous=current, name=command.name),)


def change_service_owner(state: Organisation, command: ChangeServiceOwner) -> Sequence[ServiceOwnerChanged]:
    """Give it to another team that exists."""
    current = _service(state, command.service).team
    _team(state, command.team)
    if not must_change(field_name("service", command.service, "team"), seen=command.seen, current=current, wanted=command.team):
        return ()
    return (ServiceOwnerChanged(at=command.at, by=command.by, service=command.service, previous=current, team=command.team),)


def change_service_tier(state: Organisation, command: ChangeServiceTier) -> Sequence[ServiceTierChanged]:
    """From 1, the most important, to 4."""
    _check_tier(command.tier)
    current = _service(state, command.service).tier
    if command.tier == current:
        return ()
    if command.seen != current:
        name = field_name("service", command.service, "tier")
        raise EditConflict([FieldConflict(name, command.seen, current, command.tier)])
    return (ServiceTierChanged(at=command.at, by=command.by, service=command.service, previous=current, tier=command.tier),)


def remove_service(state: Organisation, command: RemoveService) -> Sequence[ServiceRemoved]:
    """One that is not there is no error. Entities that name it keep its id."""
    if command.service not in state.services:
        return ()
    return (ServiceRemoved(at=command.at, by=command.by, service=command.service),)


def _team(state: Organisation, name: str) -> Team:
    team = state.teams.get(name)
    if team is None:
        raise Refused("no-such-team", f"there is no team {name[:ID_MAX]}; check its id, or create it")
    return team


def _service(state: Organisation, name: str) -> Service:
    service = state.services.get(name)
    if service is None:
        raise Refused("no-such-service", f"there is no service {name[:ID_MAX]}; check its id, or add it")
    return service


def _check_slug(what: str, slug: str) -> None:
    if not _SLUG.fullmatch(slug):
        raise Invalid(
            "bad-slug", f"the id of a {what} is like {what}-1: a-z, 0-9, - and _, up to 64 characters, not - or _ first; correct it"
        )


def _check_tier(tier: int) -> None:
    if not TIER_MIN <= tier <= TIER_MAX:
        raise Invalid("bad-tier", f"a tier is from {TIER_MIN}, the most important, to {TIER_MAX}; choose one")
