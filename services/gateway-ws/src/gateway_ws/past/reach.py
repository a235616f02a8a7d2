"""How far an answer about the past is final (R8), and what the past refuses."""

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

    def shown(self, moment: datetime, *, superseded: bool = False) -> dict[str, Any]:
        """The part of an answer that says of when it is and whether it is final. ``superseded``: it is of one entity that has a later version."""
        complete_before = None if self.complete_before is None else rfc3339(self.complete_before)
        return {"at": rfc3339(moment), "complete": superseded or self.covers(moment), "complete_before": complete_before}


def in_the_future(moment: datetime, now: datetime) -> Problem:
    """400 that says what time it is here."""
    detail = (
        f"as_of {rfc3339(moment)} is later than now, which is {rfc3339(now)} here; ask for that or an earlier moment, "
        "or leave as_of out for the present"
    )
    return problem(400, "as-of-in-the-future", "That moment is still to come", detail, now=rfc3339(now))


def not_yet(entity_id: str, moment: datetime, created_at: datetime) -> Problem:
    """404 that says since when it exists."""
    since = rfc3339(created_at)
    detail = f"{entity_id} did not exist at {rfc3339(moment)}; it exists since {since}: ask for that moment or a later one"
    return problem(404, "not-yet", "It did not exist yet", detail, exists_since=since)


def no_such_version(entity_id: str, newest: int) -> Problem:
    """404 that says which versions there are."""
    detail = f"{entity_id} has the versions 1 to {newest}; ask for one of them, or leave version out for the present"
    return problem(404, "no-such-version", "There is no such version", detail, newest_version=newest)


def search_has_no_past() -> Problem:
    """400: texts are kept as they are now."""
    detail = "a search looks at texts as they are now; leave q or as_of out: search the present, and look at the past of what you find"
    return problem(400, "search-has-no-past", "The past cannot be searched", detail)


def too_many_to_sort(sort: str, most: int) -> Problem:
    """400: the past has an index for one order only."""
    detail = (
        f"more than {most} rows match as of that moment, and no index of the past is in the order {sort}; "
        "add a filter, or leave sort out: the newest change first has no limit"
    )
    return problem(400, "too-many-to-sort", "Too many rows for that order", detail, most=most)
