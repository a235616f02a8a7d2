"""Read your writes: a query that names the log position of a command's answer waits until the rows include it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from opsroom_common.http.problems import problem
from opsroom_common.runtime.clock import Clock

_FIRST_PAUSE_S = 0.005
_PAUSE_S_MAX = 0.1


class Projected(Protocol):
    async def projected_up_to(self, partition: int) -> int:
        """Every record of the partition below this offset is in the rows."""
        ...


class ReadYourWrites:
    def __init__(self, projected: Projected, clock: Clock, wait_s_max: float) -> None:
        self._projected = projected
        self._clock = clock
        self._wait_s_max = wait_s_max

    async def wait(self, place: str | None) -> None:
        """Return once the record at ``PARTITION:OFFSET`` is in the rows. Raises Problem 504 if that takes too long."""
        if place is None:
            return
        partition, offset = (int(part) for part in place.split(":"))
        deadline_s = self._clock.monotonic() + self._wait_s_max
        pause_s = _FIRST_PAUSE_S
        while (reached := await self._projected.projected_up_to(partition)) <= offset:
            if self._clock.monotonic() + pause_s > deadline_s:
                raise problem(
                    504,
                    "projection-behind",
                    "The rows do not include that command yet",
                    "your command is safe in the log; ask again in a moment, or leave wait_for out to see the rows as they are",
                    headers={"Retry-After": "1"},
                    partition=partition,
                    offset=offset,
                    projected_up_to=reached,
                )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_S_MAX)
