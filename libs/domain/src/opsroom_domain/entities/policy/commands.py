"""What can be asked of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.words import PolicyType, ScopeField
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(CommandBase):
    """``title``: the policy's name."""

    policy_id: EntityId
    title: str
    type: PolicyType
    description: str = ""
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeScope(CommandBase):
    """One field of the draft's scope."""

    field: ScopeField
    seen: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSteps(CommandBase):
    seen: tuple[Step, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRules(CommandBase):
    seen: tuple[Rule, ...]
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuietHours(CommandBase):
    seen: tuple[QuietHours, ...]
    quiet_hours: tuple[QuietHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(CommandBase):
    """``revision``: that of the draft that was seen: nobody publishes what they have not read."""

    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activate(CommandBase):
    """``seen``: the version that was active, or None."""

    seen: int | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivate(CommandBase):
    pass


DraftCommand: TypeAlias = ChangeScope | ChangeSteps | ChangeRules | ChangeQuietHours
"""Those that change the draft."""
Command: TypeAlias = SharedCommand | Create | DraftCommand | Publish | Activate | Deactivate
"""Every command of a policy."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "create": Create,
    "change_scope": ChangeScope,
    "change_steps": ChangeSteps,
    "change_rules": ChangeRules,
    "change_quiet_hours": ChangeQuietHours,
    "publish": Publish,
    "activate": Activate,
    "deactivate": Deactivate,
}
"""Name in logs, metrics and permissions -> class."""
