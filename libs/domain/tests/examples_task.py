"""Tasks that the tests tell of."""

from __future__ import annotations

from examples import LATER, THEN
from given_when_then import Given, folded

from opsroom_domain.entities.task import TASK, Command, Event, Task
from opsroom_domain.entities.task.events import Completed, Created, ItemAdded
from opsroom_domain.entities.task.words import Priority
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.words import Visibility

TSK = EntityId("tsk_01k0000000000000000000000a")
TSK_B = EntityId("tsk_01k0000000000000000000000b")
TSK_C = EntityId("tsk_01k0000000000000000000000c")
CREATED = Created(
    **THEN,
    task_id=TSK,
    title="Rotate the keys",
    description="All of them",
    priority=Priority.NORMAL,
    assignee=None,
    due_at=None,
    parent=None,
    labels=("security",),
    visibility=Visibility.EVERYONE,
    team=None,
)
DONE = Completed(**LATER)


def given(*history: Event) -> Given[Task, Command, Event]:
    return Given(TASK, history)


def task(*events: Event) -> Task:
    """The task after these."""
    state = folded(TASK, (CREATED, *events))
    assert state is not None
    return state


def item(name: str, text: str = "db-1", before: str | None = None) -> ItemAdded:
    return ItemAdded(**LATER, item_id=name, text=text, before=before)
