"""The doors of a task."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.entities.task import commands as t
from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.ids import CommandId
from opsroom_domain.shared.words import Visibility

KIND = "task"
ITEM_PREFIX = "itm"


class TaskCreateBody(StrictBody):
    id: b.TaskId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = ""
    priority: Priority = Priority.NORMAL
    assignee: b.Actor | None = None
    due_at: b.Instant | None = None
    parent: b.AnyEntityId | None = Field(default=None, description="The incident or task that it is a part of.")
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: b.TeamId | None = None


class TaskStatusBody(b.SeenToBody[Status]):
    """``reason``: why, above all why it is blocked."""

    reason: str = ""


class TaskCompleteBody(b.Body):
    pass


class TaskCancelBody(b.Body):
    reason: str


class TaskReopenBody(b.Body):
    reason: str


class TaskPriorityBody(b.SeenToBody[Priority]):
    pass


class TaskDueDateBody(b.SeenToBody[b.Instant | None]):
    """``null`` is no date."""


class TaskParentBody(b.SeenToBody[b.AnyEntityId | None]):
    """``null`` is nothing."""


class TaskItemBody(b.Body):
    item_id: str | None = Field(default=None, min_length=1, max_length=100, description="Of your own; without it one is made.")
    text: str
    before: str | None = Field(default=None, max_length=100, description="The item in front of which it goes; without it, the end.")


class TaskItemEditBody(b.SeenToBody[str]):
    """``seen``: the text that the editor saw, or sha256: and its hex digest."""

    item_id: str = Field(min_length=1, max_length=100)


class TaskItemTickBody(b.Body):
    item_id: str = Field(min_length=1, max_length=100)
    ticked: bool = Field(description="What it shall be.")


class TaskItemMoveBody(b.Body):
    item_id: str = Field(min_length=1, max_length=100)
    before: str | None = Field(max_length=100, description="The item in front of which it goes; null is the end.")


class TaskItemRemoveBody(b.Body):
    item_id: str = Field(min_length=1, max_length=100)


def item_id_of(command_id: CommandId) -> str:
    """An item takes its id from the command that adds it, so that a repeated command adds no second item."""
    return type_id(ITEM_PREFIX, command_id)


def _create(a: Asked, x: TaskCreateBody) -> t.Create:
    return t.Create(
        **a.common,
        task_id=a.entity_id,
        title=x.title,
        description=x.description,
        priority=x.priority,
        assignee=b.actor(x.assignee),
        due_at=x.due_at,
        parent=b.entity(x.parent),
        labels=x.labels,
        visibility=x.visibility,
        team=x.team,
    )


def _change_status(a: Asked, x: TaskStatusBody) -> t.ChangeStatus:
    return t.ChangeStatus(**a.common, seen=x.seen, status=x.to, reason=x.reason)


def _change_priority(a: Asked, x: TaskPriorityBody) -> t.ChangePriority:
    return t.ChangePriority(**a.common, seen=x.seen, priority=x.to)


def _change_due_date(a: Asked, x: TaskDueDateBody) -> t.ChangeDueDate:
    return t.ChangeDueDate(**a.common, seen=x.seen, due_at=x.to)


def _change_parent(a: Asked, x: TaskParentBody) -> t.ChangeParent:
    return t.ChangeParent(**a.common, seen=b.entity(x.seen), parent=b.entity(x.to))


def _add_item(a: Asked, x: TaskItemBody) -> t.AddItem:
    return t.AddItem(**a.common, item_id=x.item_id or item_id_of(a.command_id), text=x.text, before=x.before)


def _edit_item(a: Asked, x: TaskItemEditBody) -> t.EditItem:
    return t.EditItem(**a.common, item_id=x.item_id, seen=x.seen, text=x.to)


def _tick_item(a: Asked, x: TaskItemTickBody) -> t.TickItem:
    return t.TickItem(**a.common, item_id=x.item_id, ticked=x.ticked)


def _move_item(a: Asked, x: TaskItemMoveBody) -> t.MoveItem:
    return t.MoveItem(**a.common, item_id=x.item_id, before=x.before)


def _remove_item(a: Asked, x: TaskItemRemoveBody) -> t.RemoveItem:
    return t.RemoveItem(**a.common, item_id=x.item_id)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "create", TaskCreateBody, _create, "Create a task"),
    post(KIND, "change_status", "status", TaskStatusBody, _change_status, "Move between to do, in progress and blocked"),
    post(KIND, "complete", "complete", TaskCompleteBody, lambda a, _: t.Complete(**a.common), "Say that it is done"),
    post(KIND, "cancel", "cancel", TaskCancelBody, lambda a, x: t.Cancel(**a.common, reason=x.reason), "Say that it need not be done"),
    post(KIND, "reopen", "reopen", TaskReopenBody, lambda a, x: t.Reopen(**a.common, reason=x.reason), "Reopen what was done or cancelled"),
    post(KIND, "change_priority", "priority", TaskPriorityBody, _change_priority, "Change the priority"),
    post(KIND, "change_due_date", "due-date", TaskDueDateBody, _change_due_date, "Change the due date"),
    post(KIND, "change_parent", "parent", TaskParentBody, _change_parent, "Make it a part of an incident or a task, or of nothing"),
    post(KIND, "add_item", "checklist", TaskItemBody, _add_item, "Add an item to the checklist"),
    post(KIND, "edit_item", "checklist/edit", TaskItemEditBody, _edit_item, "Change an item's text"),
    post(KIND, "tick_item", "checklist/tick", TaskItemTickBody, _tick_item, "Tick or untick an item"),
    post(KIND, "move_item", "checklist/move", TaskItemMoveBody, _move_item, "Give an item another place"),
    post(KIND, "remove_item", "checklist/remove", TaskItemRemoveBody, _remove_item, "Remove an item"),
)
