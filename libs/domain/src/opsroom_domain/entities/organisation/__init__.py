"""The organisation: teams, the services that they own, and who has which role. One entity, so that rules over all of them hold.

Read in this order: ``events``, ``commands``, ``state``, ``decide``, ``members`` and ``catalogue`` (the rules), ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import SHARED_PROCESS_ONLY, Kind
from opsroom_domain.entities.organisation.commands import (
    COMMANDS,
    AddService,
    ChangeServiceOwner,
    ChangeServiceTier,
    ChangeTeamMembers,
    Command,
    Create,
    CreateTeam,
    GrantRole,
    RemoveMember,
    RemoveService,
    RemoveTeam,
    RenameService,
    RenameTeam,
    RevokeRole,
)
from opsroom_domain.entities.organisation.decide import decide
from opsroom_domain.entities.organisation.describe import describe
from opsroom_domain.entities.organisation.events import (
    EVENTS,
    Created,
    Event,
    MemberRemoved,
    RoleGranted,
    RoleRevoked,
    ServiceAdded,
    ServiceOwnerChanged,
    ServiceRemoved,
    ServiceRenamed,
    ServiceTierChanged,
    TeamCreated,
    TeamMembersChanged,
    TeamRemoved,
    TeamRenamed,
)
from opsroom_domain.entities.organisation.evolve import evolve
from opsroom_domain.entities.organisation.show import columns, from_json, tags, to_json
from opsroom_domain.entities.organisation.state import ORGANISATION_ID, PREFIX, Grant, Organisation, Service, Team, role_of
from opsroom_domain.roles import Role

ORGANISATION: Final[Kind[Organisation, Command, Event]] = Kind(
    name="organisation",
    collection="organisations",
    prefix=PREFIX,
    events=EVENTS,
    commands=COMMANDS,
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=1,
    admin_only=frozenset(COMMANDS) - SHARED_PROCESS_ONLY,
)

__all__ = [
    "COMMANDS",
    "EVENTS",
    "ORGANISATION",
    "ORGANISATION_ID",
    "PREFIX",
    "AddService",
    "ChangeServiceOwner",
    "ChangeServiceTier",
    "ChangeTeamMembers",
    "Command",
    "Create",
    "CreateTeam",
    "Created",
    "Event",
    "Grant",
    "GrantRole",
    "MemberRemoved",
    "Organisation",
    "RemoveMember",
    "RemoveService",
    "RemoveTeam",
    "RenameService",
    "RenameTeam",
    "RevokeRole",
    "Role",
    "RoleGranted",
    "RoleRevoked",
    "Service",
    "ServiceAdded",
    "ServiceOwnerChanged",
    "ServiceRemoved",
    "ServiceRenamed",
    "ServiceTierChanged",
    "Team",
    "TeamCreated",
    "TeamMembersChanged",
    "TeamRemoved",
    "TeamRenamed",
    "role_of",
]
