"""How the organisation becomes what its events say. Total: every event that ``decide`` gives has its place; nothing is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, assert_never

from opsroom_domain.copies import changed
from opsroom_domain.entities.organisation.events import (
    Created,
    Event,
    MemberEvent,
    MemberRemoved,
    RoleGranted,
    RoleRevoked,
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
from opsroom_domain.entities.organisation.state import Grant, Organisation, Service, Team, field_name
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched, with_members
from opsroom_domain.shared.state import FieldChange

K = TypeVar("K", bound=str)
V = TypeVar("V")


def evolve(state: Organisation | None, event: Event) -> Organisation:
    """The organisation after ``event``. Raises ValueError if the event cannot follow: the history is broken and the reader parks the entity."""
    if isinstance(event, Created):
        if state is not None:
            raise ValueError(f"{state.id} is created a second time; its history is broken")
        return Organisation(
            id=event.organisation_id,
            title=event.title,
            description=event.description,
            field_changes=first_changes(event, TRACKED),
            created_at=event.at,
            created_by=event.by,
        )
    if state is None:
        raise ValueError(f"an organisation's history starts with {type(event).__name__} instead of Created; it is broken")
    match event:
        case RoleGranted() | RoleRevoked() | MemberRemoved():
            return _members(state, event)
        case TeamCreated() | TeamRenamed() | TeamMembersChanged() | TeamRemoved():
            return _teams(state, event)
        case ServiceAdded() | ServiceRenamed() | ServiceOwnerChanged() | ServiceTierChanged() | ServiceRemoved():
            return _services(state, event)
        case _:
            return evolve_shared(state, event)


def _members(state: Organisation, event: MemberEvent) -> Organisation:
    match event:
        case RoleGranted():
            grant = Grant(reason=event.reason, expires_at=event.expires_at, granted_by=event.by, granted_at=event.at)
            grants = {**state.members.get(event.member, {}), event.role: grant}
            return changed(state, members={**state.members, event.member: grants})
        case RoleRevoked():
            grants = _without(state.members[event.member], event.role)
            return changed(state, members={**state.members, event.member: grants})
        case MemberRemoved():
            left = {
                name: changed(state.teams[name], members=with_members(state.teams[name].members, (), (event.member,)))
                for name in event.teams
            }
            return changed(state, members=_without(state.members, event.member), teams={**state.teams, **left})
        case _:
            assert_never(event)


def _teams(state: Organisation, event: TeamEvent) -> Organisation:
    match event:
        case TeamCreated():
            return changed(state, teams={**state.teams, event.team: Team(name=event.name)})
        case TeamRenamed():
            team = changed(state.teams[event.team], name=event.name)
            changes = touched(state, event, field_name("team", event.team, "name"))
            return changed(state, teams={**state.teams, event.team: team}, field_changes=changes)
        case TeamMembersChanged():
            known = state.teams[event.team]
            team = changed(known, members=with_members(known.members, event.added, event.removed))
            return changed(state, teams={**state.teams, event.team: team})
        case TeamRemoved():
            return changed(
                state, teams=_without(state.teams, event.team), field_changes=_untouched(state.field_changes, "team", event.team, "name")
            )
        case _:
            assert_never(event)


def _services(state: Organisation, event: ServiceEvent) -> Organisation:
    name = event.service
    match event:
        case ServiceAdded():
            service = Service(name=event.name, team=event.team, tier=event.tier)
            return changed(state, services={**state.services, name: service})
        case ServiceRenamed():
            service, part = changed(state.services[name], name=event.name), "name"
        case ServiceOwnerChanged():
            service, part = changed(state.services[name], team=event.team), "team"
        case ServiceTierChanged():
            service, part = changed(state.services[name], tier=event.tier), "tier"
        case ServiceRemoved():
            changes = _untouched(state.field_changes, "service", name, "name", "team", "tier")
            return changed(state, services=_without(state.services, name), field_changes=changes)
        case _:
            assert_never(event)
    changes = touched(state, event, field_name("service", name, part))
    return changed(state, services={**state.services, name: service}, field_changes=changes)


def _without(known: Mapping[K, V], name: K) -> dict[K, V]:
    return {each: value for each, value in known.items() if each != name}


def _untouched(known: Mapping[str, FieldChange], what: str, name: str, *parts: str) -> dict[str, FieldChange]:
    """Who changed what, without what is gone."""
    gone = {field_name(what, name, part) for part in parts}
    return {each: change for each, change in known.items() if each not in gone}
