"""What can be asked of a saved view. Those of system views have names of their own, because only an admin may issue them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.view.definition import Definition, Scope
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import Archive, CommandBase, Restore


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(CommandBase):
    """``scope`` is personal or team."""

    view_id: EntityId
    of: str
    scope: Scope = Scope.PERSONAL
    team: str | None = None
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSystem(CommandBase):
    view_id: EntityId
    of: str
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(CommandBase):
    """Each part that differs between ``seen`` and ``definition`` is to change."""

    seen: Definition
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSystem(Change):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(CommandBase):
    """Between personal and team."""

    seen: Scope
    scope: Scope
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSystem(Archive):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSystem(Restore):
    pass


OnSystem: TypeAlias = ChangeSystem | ArchiveSystem | RestoreSystem
Command: TypeAlias = Create | CreateSystem | Change | ChangeSystem | Share | Archive | ArchiveSystem | Restore | RestoreSystem
COMMANDS: Mapping[str, type[Command]] = {
    "create": Create,
    "create_system": CreateSystem,
    "change": Change,
    "change_system": ChangeSystem,
    "share": Share,
    "archive": Archive,
    "archive_system": ArchiveSystem,
    "restore": Restore,
    "restore_system": RestoreSystem,
}
"""Name in logs, metrics and permissions -> class."""
ADMIN_ONLY = frozenset({"create_system", "change_system", "archive_system", "restore_system"})
