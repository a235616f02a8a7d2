"""The doors of the dependencies: all blocked-by edges are one entity, which nobody has to name."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, on_only
from opsroom_domain.entities import dependencies as d
from opsroom_domain.ids import EntityId

KIND = "dependencies"
_ID = d.DEPENDENCIES_ID


class DependencyBody(b.Body):
    """``task`` waits for ``by``."""

    task: b.TaskId
    by: b.TaskId


class DependenciesForgetBody(b.Body):
    tasks: tuple[b.TaskId, ...] = Field(min_length=1, description="Tasks that are over.")


def _block(a: Asked, x: DependencyBody) -> d.Block:
    return d.Block(**a.common, task=EntityId(x.task), blocker=EntityId(x.by))


def _unblock(a: Asked, x: DependencyBody) -> d.Unblock:
    return d.Unblock(**a.common, task=EntityId(x.task), blocker=EntityId(x.by))


def _forget(a: Asked, x: DependenciesForgetBody) -> d.Forget:
    return d.Forget(**a.common, tasks=tuple(map(EntityId, x.tasks)))


DOORS: tuple[Door[Any], ...] = (
    on_only(KIND, "block", "block", _ID, DependencyBody, _block, "Let a task wait for another; a cycle is refused"),
    on_only(KIND, "unblock", "unblock", _ID, DependencyBody, _unblock, "Let a task no longer wait for another"),
    on_only(KIND, "forget", "forget", _ID, DependenciesForgetBody, _forget, "Remove every dependency from and to tasks that are over"),
)
