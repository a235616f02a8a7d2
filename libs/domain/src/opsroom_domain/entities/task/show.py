"""A task as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal tasks give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.task.state import Item, Task
from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.shared.priority import RANKS
from opsroom_domain.shared.show import FLAGS, from_time_or_none, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.times import from_rfc3339, rfc3339


def to_json(state: Task) -> dict[str, Json]:
    """The row's part of the task. Every key is always there."""
    return {
        **shared_to_json(state),
        "status": state.status.value,
        "priority": state.priority.value,
        "created_at": rfc3339(state.created_at),
        "created_by": state.created_by,
        "due_at": time_or_none(state.due_at),
        "parent": state.parent,
        "reason": state.reason,
        "started_at": time_or_none(state.started_at),
        "ended_at": time_or_none(state.ended_at),
        "ended_by": state.ended_by,
        "checklist": [
            {"id": name, "text": item.text, "ticked_by": item.ticked_by, "ticked_at": time_or_none(item.ticked_at)}
            for name, item in state.checklist.items()
        ],
    }


def from_json(row: Mapping[str, Any]) -> Task:
    """The task that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Task(
        **shared_from_json(row),
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        created_at=from_rfc3339(row["created_at"]),
        created_by=row["created_by"],
        due_at=from_time_or_none(row["due_at"]),
        parent=row["parent"],
        reason=row["reason"],
        started_at=from_time_or_none(row["started_at"]),
        ended_at=from_time_or_none(row["ended_at"]),
        ended_by=row["ended_by"],
        checklist={
            item["id"]: Item(text=item["text"], ticked_by=item["ticked_by"], ticked_at=from_time_or_none(item["ticked_at"]))
            for item in row["checklist"]
        },
    )


def tags(state: Task) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The same keys always; "" where there is no value."""
    return {
        **shared_tags(state),
        "status": state.status.value,
        "priority": state.priority.value,
        "parent": state.parent or "",
        "live": FLAGS[state.live],
        "has_due": FLAGS[state.due_at is not None],
        "checklist": _checklist(state),
        "created_by": state.created_by,
    }


def columns(state: Task) -> ListColumns:
    """What lists sort by and search in: the most urgent ranks first; the items of the checklist are found too."""
    items = (item.text for item in state.checklist.values())
    return ListColumns(
        title=state.title,
        status=state.status.value,
        rank=RANKS[state.priority],
        assignee=state.assignee,
        due_at=state.due_at,
        text="\n".join((state.title, state.description, *state.labels, *items)),
    )


def _checklist(state: Task) -> str:
    if not state.checklist:
        return ""
    return "complete" if all(item.ticked for item in state.checklist.values()) else "open"
