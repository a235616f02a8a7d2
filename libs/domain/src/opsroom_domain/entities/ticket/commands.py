"""What can be asked of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import Channel, Priority, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(CommandBase):
    """``description``: what the requester wrote. ``targets``: what is promised, at most one for each priority."""

    ticket_id: EntityId
    title: str
    requester: ActorId
    channel: Channel
    description: str = ""
    priority: Priority = Priority.NORMAL
    targets: tuple[SlaTarget, ...] = ()
    assignee: ActorId | None = None
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(CommandBase):
    """Public. ``from_requester``: what the requester wrote, when somebody else brings it in; what the requester sends always is."""

    reply_id: str
    text: str
    from_requester: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote(CommandBase):
    """Internal."""

    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(CommandBase):
    """To open, pending or on hold; solving, reopening and closing have commands of their own."""

    seen: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Solve(CommandBase):
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePriority(CommandBase):
    seen: Priority
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSla(CommandBase):
    """From a timer: note what is overdue at ``at``."""


Command: TypeAlias = SharedCommand | Create | Reply | AddNote | ChangeStatus | Solve | Reopen | Close | ChangePriority | CheckSla
"""Every command of a ticket."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "create": Create,
    "reply": Reply,
    "add_note": AddNote,
    "change_status": ChangeStatus,
    "solve": Solve,
    "reopen": Reopen,
    "close": Close,
    "change_priority": ChangePriority,
    "check_sla": CheckSla,
}
"""Name in logs, metrics and permissions -> class."""
