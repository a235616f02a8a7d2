"""The words and limits of a ticket."""

from __future__ import annotations

from enum import StrEnum

from opsroom_domain.shared.priority import Priority

__all__ = [
    "LIVE",
    "PREFIX",
    "RECENT_MAX",
    "REPLY_MAX",
    "RESOLUTION_MAX",
    "RUNNING",
    "SECONDS_MAX",
    "Channel",
    "Priority",
    "SlaGoal",
    "Status",
]


class Status(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    """We wait for the requester."""
    ON_HOLD = "on_hold"
    """We wait for somebody else, and the requester waits for us."""
    SOLVED = "solved"
    CLOSED = "closed"


class Channel(StrEnum):
    """How the requester reaches us."""

    WEB = "web"
    EMAIL = "email"
    CHAT = "chat"
    PHONE = "phone"
    API = "api"


class SlaGoal(StrEnum):
    """What was promised: a first public reply, and a solution, each within a time."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


PREFIX = "tkt"
LIVE = frozenset({Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD})
"""Somebody still has to do something."""
RUNNING = frozenset({Status.NEW, Status.OPEN, Status.ON_HOLD})
"""Statuses in which the SLA clock runs: the requester waits."""
REPLY_MAX = 20_000
"""Characters of a reply or a note."""
RESOLUTION_MAX = 10_000
RECENT_MAX = 20
"""How many replies, and notes, a ticket remembers by id, to know a repeated one; their texts live in the timeline."""
SECONDS_MAX = 366 * 86_400
"""Of one target."""
