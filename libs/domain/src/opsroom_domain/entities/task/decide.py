"""What a task's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.changes import must_change
from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.task.checklist import decide_item
from opsroom_domain.entities.task.commands import (
    AddItem,
    Cancel,
    ChangeDueDate,
    ChangeParent,
    ChangePriority,
    ChangeStatus,
    Command,
    Complete,
    Create,
    EditItem,
    MoveItem,
    RemoveItem,
    Reopen,
    TickItem,
)
from opsroom_domain.entities.task.events import (
    Cancelled,
    Completed,
    Created,
    DueDateChanged,
    Event,
    ParentChanged,
    PriorityChanged,
    Reopened,
    StatusChanged,
)
from opsroom_domain.entities.task.state import Task
from opsroom_domain.entities.task.words import LIVE, PARENTS, PREFIX, Status
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.limits import ID_MAX, REASON_MAX
from opsroom_domain.shared.new import existing, must_be_new
from opsroom_domain.shared.show import time_or_none
from opsroom_domain.text import check_line, check_text


def decide(state: Task | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    if isinstance(command, Create):
        return create(state, command)
    task = existing(state, "task")
    match command:
        case ChangeStatus():
            return change_status(task, command)
        case Complete():
            return complete(task, command)
        case Cancel():
            return cancel(task, command)
        case Reopen():
            return reopen(task, command)
        case ChangePriority():
            return change_priority(task, command)
        case ChangeDueDate():
            return change_due_date(task, command)
        case ChangeParent():
            return change_parent(task, command)
        case AddItem() | EditItem() | TickItem() | MoveItem() | RemoveItem():
            return decide_item(task, command)
        case _:
            return decide_shared(task, command)


def create(state: Task | None, command: Create) -> Sequence[Created]:
    """A new task is to do."""
    must_be_new(state, "task")
    title, description = command.title, command.description
    labels = check_new(command.task_id, PREFIX, title=title, description=description, labels=command.labels, what="a task")
    for field, value in (("assignee", command.assignee), ("team", command.team)):
        if value is not None:
            check_line(field, value, ID_MAX)
    _check_parent(command.task_id, command.parent)
    created = Created(
        at=command.at,
        by=command.by,
        task_id=command.task_id,
        title=title,
        description=description,
        priority=command.priority,
        assignee=command.assignee,
        due_at=command.due_at,
        parent=command.parent,
        labels=labels,
        visibility=command.visibility,
        team=command.team,
    )
    return (created,)


def change_status(state: Task, command: ChangeStatus) -> Sequence[StatusChanged]:
    """Between to do, in progress and blocked, in any direction. What is over has to be reopened first."""
    check_text("reason", command.reason, REASON_MAX)
    if command.status not in LIVE:
        raise Invalid("bad-status", f"the status cannot be set to {command.status}; complete the task or cancel it")
    if not must_change("status", seen=command.seen, current=state.status, wanted=command.status):
        return ()
    if not state.live:
        raise Refused("over", f"{state.id} is {state.status}; reopen it to work on it again")
    return (StatusChanged(at=command.at, by=command.by, previous=state.status, status=command.status, reason=command.reason),)


def complete(state: Task, command: Complete) -> Sequence[Completed]:
    """From any live status, whatever the checklist says: the person who did it knows. Whoever comes second changes nothing."""
    if state.status is Status.CANCELLED:
        raise Refused("over", f"{state.id} is cancelled; reopen it before you complete it")
    return (Completed(at=command.at, by=command.by),) if state.live else ()


def cancel(state: Task, command: Cancel) -> Sequence[Cancelled]:
    """It need not be done. What is done stays done."""
    check_text("reason", command.reason, REASON_MAX)
    if state.status is Status.DONE:
        raise Refused("over", f"{state.id} is done; reopen it before you cancel it")
    return (Cancelled(at=command.at, by=command.by, reason=command.reason),) if state.live else ()


def reopen(state: Task, command: Reopen) -> Sequence[Reopened]:
    """Back to to do; the checklist keeps its ticks."""
    check_text("reason", command.reason, REASON_MAX)
    if state.live:
        raise Refused(
            "not-over", f"{state.id} is {state.status}; only a task that is done or cancelled can be reopened; go on with it as it is"
        )
    return (Reopened(at=command.at, by=command.by, reason=command.reason),)


def change_priority(state: Task, command: ChangePriority) -> Sequence[PriorityChanged]:
    """From the seen one to another."""
    if not must_change("priority", seen=command.seen, current=state.priority, wanted=command.priority):
        return ()
    return (PriorityChanged(at=command.at, by=command.by, previous=state.priority, priority=command.priority),)


def change_due_date(state: Task, command: ChangeDueDate) -> Sequence[DueDateChanged]:
    """A date that is past is taken: it may be what was agreed."""
    seen, current, wanted = (time_or_none(at) for at in (command.seen, state.due_at, command.due_at))
    if not must_change("due_at", seen=seen, current=current, wanted=wanted):
        return ()
    return (DueDateChanged(at=command.at, by=command.by, previous=state.due_at, due_at=command.due_at),)


def change_parent(state: Task, command: ChangeParent) -> Sequence[ParentChanged]:
    """To an incident, another task, or none. That it exists, and that parents do not go in a circle, is not checked here: readers stop at a depth."""
    _check_parent(state.id, command.parent)
    if not must_change("parent", seen=command.seen, current=state.parent, wanted=command.parent):
        return ()
    return (ParentChanged(at=command.at, by=command.by, previous=state.parent, parent=command.parent),)


def _check_parent(task_id: EntityId, parent: EntityId | None) -> None:
    if parent is None:
        return
    if prefix_of(parent) not in PARENTS:
        raise Invalid("bad-id", "the parent of a task is an incident or a task; name one by its id")
    if parent == task_id:
        raise Invalid("parent-of-itself", f"{task_id} cannot be a part of itself; name another task, or an incident")
