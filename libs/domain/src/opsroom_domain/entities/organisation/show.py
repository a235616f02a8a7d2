"""The organisation as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal ones give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.organisation.state import Grant, Grants, Organisation, Service, Team
from opsroom_domain.ids import ActorId
from opsroom_domain.roles import Role
from opsroom_domain.shared.show import FLAGS, from_time_or_none, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.times import from_rfc3339, rfc3339

ACTIVE = "active"
"""The only status: an organisation is for ever."""


def to_json(state: Organisation) -> dict[str, Json]:
    """The row's part of the organisation. Every key is always there."""
    return {
        **shared_to_json(state),
        "teams": {name: {"name": team.name, "members": list(team.members)} for name, team in sorted(state.teams.items())},
        "services": {
            name: {"name": service.name, "team": service.team, "tier": service.tier} for name, service in sorted(state.services.items())
        },
        "members": {name: _grants_to_json(grants) for name, grants in sorted(state.members.items())},
        "created_at": rfc3339(state.created_at),
        "created_by": state.created_by,
    }


def from_json(row: Mapping[str, Any]) -> Organisation:
    """The organisation that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Organisation(
        **shared_from_json(row),
        teams={name: Team(name=team["name"], members=tuple(team["members"])) for name, team in row["teams"].items()},
        services={
            name: Service(name=service["name"], team=service["team"], tier=service["tier"]) for name, service in row["services"].items()
        },
        members={ActorId(name): _grants_from_json(grants) for name, grants in row["members"].items()},
        created_at=from_rfc3339(row["created_at"]),
        created_by=row["created_by"],
    )


def tags(state: Organisation) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. There is one organisation: nobody filters it by its many members."""
    return {**shared_tags(state), "status": ACTIVE, "live": FLAGS[True], "created_by": state.created_by}


def columns(state: Organisation) -> ListColumns:
    """What lists sort by and search in."""
    return ListColumns(title=state.title, status=ACTIVE, assignee=state.assignee, text=f"{state.title}\n{state.description}")


def _grants_to_json(grants: Grants) -> dict[str, Json]:
    return {role.value: _grant_to_json(grants[role]) for role in Role if role in grants}


def _grant_to_json(grant: Grant) -> dict[str, Json]:
    return {
        "reason": grant.reason,
        "expires_at": time_or_none(grant.expires_at),
        "granted_by": grant.granted_by,
        "granted_at": rfc3339(grant.granted_at),
    }


def _grants_from_json(grants: Mapping[str, Any]) -> Grants:
    return {
        Role(role): Grant(
            reason=grant["reason"],
            expires_at=from_time_or_none(grant["expires_at"]),
            granted_by=grant["granted_by"],
            granted_at=from_rfc3339(grant["granted_at"]),
        )
        for role, grant in grants.items()
    }
