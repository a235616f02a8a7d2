"""What can be asked of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(CommandBase):
    """``parent``: the incident or the task that it is a part of."""

    task_id: EntityId
    title: str
    description: str = ""
    priority: Priority = Priority.NORMAL
    assignee: ActorId | None = None
    due_at: datetime | None = None
    parent: EntityId | None = None
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(CommandBase):
    """Between to do, in progress and blocked; completing, cancelling and reopening have commands of their own."""

    seen: Status
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePriority(CommandBase):
    seen: Priority
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDueDate(CommandBase):
    seen: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeParent(CommandBase):
    seen: EntityId | None
    parent: EntityId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddItem(CommandBase):
    """``item_id`` is derived from the command's id or given by whoever asks. ``before``: the item in front of which it goes; None is the end."""

    item_id: str
    text: str
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditItem(CommandBase):
    """``seen``: the text that the editor saw, or its ``sha256:`` hash."""

    item_id: str
    seen: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TickItem(CommandBase):
    """The wanted state alone: whoever wants the same never conflicts."""

    item_id: str
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveItem(CommandBase):
    item_id: str
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveItem(CommandBase):
    item_id: str


ItemCommand: TypeAlias = AddItem | EditItem | TickItem | MoveItem | RemoveItem
"""Those about the checklist."""
Command: TypeAlias = (
    SharedCommand | Create | ChangeStatus | Complete | Cancel | Reopen | ChangePriority | ChangeDueDate | ChangeParent | ItemCommand
)
"""Every command of a task."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "create": Create,
    "change_status": ChangeStatus,
    "complete": Complete,
    "cancel": Cancel,
    "reopen": Reopen,
    "change_priority": ChangePriority,
    "change_due_date": ChangeDueDate,
    "change_parent": ChangeParent,
    "add_item": AddItem,
    "edit_item": EditItem,
    "tick_item": TickItem,
    "move_item": MoveItem,
    "remove_item": RemoveItem,
}
"""Name in logs, metrics and permissions -> class."""
