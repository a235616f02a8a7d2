"""Who, when and whom the stories are about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opsroom_domain.ids import ActorId

START = datetime.fromisoformat("2026-11-23T09:00:00.000001Z")
ADA, BO, PROBE = ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k3k"), ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k4m"), ActorId("svc_probe")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Instead of a command: a record of the entity that nobody can read lands, and ``by`` has it skipped."""

    at: datetime
    by: ActorId
    reason: str


def clock() -> Callable[..., dict[str, Any]]:
    """Stamps for commands, a second apart: ``stamp(by)`` gives ``at`` and ``by``."""
    seconds = 0

    def stamp(by: ActorId = ADA) -> dict[str, Any]:
        nonlocal seconds
        seconds += 1
        return {"at": START + timedelta(seconds=seconds, microseconds=seconds), "by": by}

    return stamp
