"""The SLA clock of a ticket, as pure functions of times that are given.

The clock adds up the time in which the requester waits for us: it runs while the ticket is new, open or on hold, pauses while it is pending, and
stops when it is solved. Reopened, it goes on from where it stopped: a premature solution buys no time, and the time in between is nobody's fault.
A target is the active time within which something has to be done, so its due time exists only while the clock runs. Response and resolution
are measured by the same clock. Targets are those with which the ticket was created; a change of priority takes another of them, and the
time that has passed stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_domain.decider import Invalid
from opsroom_domain.entities.ticket.words import SECONDS_MAX, Priority

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaTarget:
    """What is promised for one priority, in seconds of active time; None is no promise."""

    priority: Priority
    response_s: int | None
    resolution_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """``active_us``: the microseconds in which it ran, up to ``since``; ``since``: when it began to run, None while it stands."""

    active_us: int = 0
    since: datetime | None = None

    def running(self, at: datetime, *, run: bool) -> Clock:
        """The clock after ``at``, from when on it runs or stands."""
        if run:
            return self if self.since is not None else Clock(active_us=self.active_us, since=at)
        return Clock(active_us=self.elapsed_us(at))

    def elapsed_us(self, at: datetime) -> int:
        """Active microseconds up to ``at``."""
        return self.active_us if self.since is None else self.active_us + (at - self.since) // _MICROSECOND

    def due_at(self, target_s: int | None) -> datetime | None:
        """When a target is reached if the clock runs on; None without a target, or while it stands."""
        if target_s is None or self.since is None:
            return None
        return self.since + timedelta(seconds=target_s, microseconds=-self.active_us)


def target_of(targets: Sequence[SlaTarget], priority: Priority) -> SlaTarget:
    """The target of this priority; one without a promise if there is none."""
    none = SlaTarget(priority=priority, response_s=None, resolution_s=None)
    return next((target for target in targets if target.priority is priority), none)


def checked_targets(targets: Sequence[SlaTarget]) -> tuple[SlaTarget, ...]:
    """The targets in the order of the priorities. Raises Invalid ``bad-target``."""
    if len({target.priority for target in targets}) < len(targets):
        raise Invalid("bad-target", "a priority has two targets; send one for each priority")
    for target in targets:
        for seconds in (target.response_s, target.resolution_s):
            if seconds is not None and not 1 <= seconds <= SECONDS_MAX:
                raise Invalid("bad-target", f"a target is {seconds} s; choose 1 to {SECONDS_MAX} s")
        if target.response_s is not None and target.resolution_s is not None and target.response_s > target.resolution_s:
            raise Invalid("bad-target", f"for {target.priority} the response may take longer than the resolution; exchange them")
    order = list(Priority)
    return tuple(sorted(targets, key=lambda target: order.index(target.priority)))
