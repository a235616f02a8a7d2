"""How far an answer about the past is final (R8): what can still come, and what cannot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsroom_common.http.problems import Problem, problem
from opsroom_domain.times import rfc3339


@dataclass(frozen=True, slots=True)
class Reach:
    """``complete_before``: whatever comes later has this time or a later one; None if that is not known. ``asked_at``: Postgres' clock."""

    asked_at: datetime
    complete_before: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether an answer as of ``moment`` never changes again. At the very time of the last event another one may follow."""
        return self.complete_before is not None and moment < self.complete_before

    def check(self, moment: datetime) -> None:
        """Raises Problem 400 for a moment that is still to come."""
        if moment > self.asked_at and not self.covers(moment):
            raise in_the_future(moment, self.asked_at)

    def shown(self, moment: datetime) -> dict[str, Any]:
        """The part of an answer that says of when it is and whether it is final."""
        complete_before = None if self.complete_before is None else rfc3339(self.complete_before)
        return {"at": rfc3339(moment), "complete": self.covers(moment), "complete_before": complete_before}


def in_the_future(moment: datetime, now: datetime) -> Problem:
    """The refusal that says what time it is here."""
    return problem(
        400,
        "as-of-in-the-future",
        "That moment is still to come",
        f"as_of {rfc3339(moment)} is later than now, which is {rfc3339(now)} here; ask for that or an earlier moment, or leave as_of out for the present",
        now=rfc3339(now),
    )
