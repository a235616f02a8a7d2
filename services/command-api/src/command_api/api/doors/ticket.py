"""The doors of a ticket."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.entities.ticket import commands as t
from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import SECONDS_MAX, Channel, Priority, Status
from opsroom_domain.ids import ActorId, CommandId
from opsroom_domain.shared.words import Visibility

KIND = "ticket"
REPLY_PREFIX = "rpl"
NOTE_PREFIX = "note"


class TicketTarget(StrictBody):
    """What is promised for one priority, in seconds of the time in which the requester waits for us; ``null`` is no promise."""

    priority: Priority
    response_s: int | None = Field(default=None, ge=1, le=SECONDS_MAX, description="To the first public reply.")
    resolution_s: int | None = Field(default=None, ge=1, le=SECONDS_MAX, description="To the solution.")


class TicketCreateBody(StrictBody):
    id: b.TicketId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = Field(default="", description="What the requester wrote.")
    requester: b.Actor
    channel: Channel
    priority: Priority = Priority.NORMAL
    targets: tuple[TicketTarget, ...] = Field(default=(), max_length=len(Priority), description="At most one for each priority.")
    assignee: b.Actor | None = None
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: b.TeamId | None = None


class TicketReplyBody(b.Body):
    text: str
    from_requester: bool = Field(default=False, description="What the requester wrote, when somebody else brings it in.")


class TicketNoteBody(b.Body):
    text: str


class TicketStatusBody(b.SeenToBody[Status]):
    pass


class TicketSolveBody(b.Body):
    resolution: str = ""


class TicketReopenBody(b.Body):
    reason: str


class TicketCloseBody(b.Body):
    pass


class TicketPriorityBody(b.SeenToBody[Priority]):
    pass


class TicketSlaBody(b.Body):
    pass


def _create(a: Asked, x: TicketCreateBody) -> t.Create:
    return t.Create(
        **a.common,
        ticket_id=a.entity_id,
        title=x.title,
        description=x.description,
        requester=ActorId(x.requester),
        channel=x.channel,
        priority=x.priority,
        targets=tuple(SlaTarget(priority=to.priority, response_s=to.response_s, resolution_s=to.resolution_s) for to in x.targets),
        assignee=b.actor(x.assignee),
        labels=x.labels,
        visibility=x.visibility,
        team=x.team,
    )


def id_of(prefix: str, command_id: CommandId) -> str:
    """A reply or a note takes its id from the command that adds it, so that a repeated command adds no second one."""
    return type_id(prefix, command_id)


def _reply(a: Asked, x: TicketReplyBody) -> t.Reply:
    return t.Reply(**a.common, reply_id=id_of(REPLY_PREFIX, a.command_id), text=x.text, from_requester=x.from_requester)


def _note(a: Asked, x: TicketNoteBody) -> t.AddNote:
    return t.AddNote(**a.common, note_id=id_of(NOTE_PREFIX, a.command_id), text=x.text)


def _change_status(a: Asked, x: TicketStatusBody) -> t.ChangeStatus:
    return t.ChangeStatus(**a.common, seen=x.seen, status=x.to)


def _change_priority(a: Asked, x: TicketPriorityBody) -> t.ChangePriority:
    return t.ChangePriority(**a.common, seen=x.seen, priority=x.to)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "create", TicketCreateBody, _create, "Create a ticket"),
    post(KIND, "reply", "replies", TicketReplyBody, _reply, "Reply; the requester reads it"),
    post(KIND, "add_note", "notes", TicketNoteBody, _note, "Add an internal note"),
    post(KIND, "change_status", "status", TicketStatusBody, _change_status, "Move between open, pending and on hold"),
    post(KIND, "solve", "solve", TicketSolveBody, lambda a, x: t.Solve(**a.common, resolution=x.resolution), "Solve it"),
    post(KIND, "reopen", "reopen", TicketReopenBody, lambda a, x: t.Reopen(**a.common, reason=x.reason), "Reopen a solved ticket"),
    post(KIND, "close", "close", TicketCloseBody, lambda a, _: t.Close(**a.common), "Close a solved ticket for good"),
    post(KIND, "change_priority", "priority", TicketPriorityBody, _change_priority, "Change the priority"),
    post(KIND, "check_sla", "sla/check", TicketSlaBody, lambda a, _: t.CheckSla(**a.common), "Note what is overdue now"),
)
