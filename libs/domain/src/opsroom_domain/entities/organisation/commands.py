"""What can be asked of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.roles import Role
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(CommandBase):
    """``reason``: why its creator becomes its first admin."""

    organisation_id: EntityId
    title: str
    description: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRole(CommandBase):
    member: ActorId
    role: Role
    reason: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRole(CommandBase):
    member: ActorId
    role: Role
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMember(CommandBase):
    member: ActorId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTeam(CommandBase):
    team: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTeam(CommandBase):
    team: str
    seen: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTeamMembers(CommandBase):
    team: str
    add: tuple[ActorId, ...] = ()
    remove: tuple[ActorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTeam(CommandBase):
    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddService(CommandBase):
    service: str
    name: str
    team: str
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameService(CommandBase):
    service: str
    seen: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeServiceOwner(CommandBase):
    service: str
    seen: str
    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeServiceTier(CommandBase):
    service: str
    seen: int
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveService(CommandBase):
    service: str


MemberCommand: TypeAlias = GrantRole | RevokeRole | RemoveMember
TeamCommand: TypeAlias = CreateTeam | RenameTeam | ChangeTeamMembers | RemoveTeam
ServiceCommand: TypeAlias = AddService | RenameService | ChangeServiceOwner | ChangeServiceTier | RemoveService
Command: TypeAlias = SharedCommand | Create | MemberCommand | TeamCommand | ServiceCommand
"""Every command of the organisation."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "create": Create,
    "grant_role": GrantRole,
    "revoke_role": RevokeRole,
    "remove_member": RemoveMember,
    "create_team": CreateTeam,
    "rename_team": RenameTeam,
    "change_team_members": ChangeTeamMembers,
    "remove_team": RemoveTeam,
    "add_service": AddService,
    "rename_service": RenameService,
    "change_service_owner": ChangeServiceOwner,
    "change_service_tier": ChangeServiceTier,
    "remove_service": RemoveService,
}
"""Name in logs, metrics and permissions -> class."""
