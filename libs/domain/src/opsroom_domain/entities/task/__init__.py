"""A task: something that somebody has to do, on its own or as a part of an incident or of another task.

Read in this order: ``words``, ``events``, ``commands``, ``state``, ``decide`` (the rules), ``checklist``, ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import Kind
from opsroom_domain.entities.task.commands import COMMANDS, Command
from opsroom_domain.entities.task.decide import decide
from opsroom_domain.entities.task.describe import describe
from opsroom_domain.entities.task.events import EVENTS, Event
from opsroom_domain.entities.task.evolve import evolve
from opsroom_domain.entities.task.show import columns, from_json, tags, to_json
from opsroom_domain.entities.task.state import Task
from opsroom_domain.entities.task.words import PREFIX

TASK: Final[Kind[Task, Command, Event]] = Kind(
    name="task",
    collection="tasks",
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
)

__all__ = ["TASK", "Command", "Event", "Task"]
