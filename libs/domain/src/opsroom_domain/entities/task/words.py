"""The words and limits of a task."""

from __future__ import annotations

from enum import StrEnum

from opsroom_domain.shared.priority import Priority

__all__ = ["CHECKLIST_MAX", "ITEM_MAX", "LIVE", "PARENTS", "PREFIX", "Priority", "Status"]


class Status(StrEnum):
    TO_DO = "to_do"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"


PREFIX = "tsk"
LIVE = frozenset({Status.TO_DO, Status.IN_PROGRESS, Status.BLOCKED})
"""Somebody still has to do something."""
PARENTS = frozenset({"inc", "tsk"})
"""Prefixes of the ids of what a task can be a part of."""
CHECKLIST_MAX = 100
ITEM_MAX = 500
"""Characters of one item of the checklist."""
