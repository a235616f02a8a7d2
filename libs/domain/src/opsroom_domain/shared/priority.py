"""How soon something has to be looked at: the word that tasks and tickets share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


RANKS: Mapping[Priority, int] = {priority: rank for rank, priority in enumerate(reversed(Priority), start=1)}
"""The most urgent ranks first."""


def priority_words(previous: Priority, priority: Priority) -> str:
    """A change of it, as a person would tell it."""
    verb = "Raised" if RANKS[priority] < RANKS[previous] else "Lowered"
    return f"{verb} the priority from {previous} to {priority}"
