"""Everything that a fault needs: the stack, who owns what, the clients, and the bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from devstack.kafka_cluster import KafkaCluster
from devstack.throwaway import RunningService, ThrowawayStack

from .owners import Owners
from .workload import Workload

SERVED_WITHIN_S = 60.0
"""A fault is survived when every partition acknowledges again; later than this it is counted as not survived."""


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault that was made. Times are of the monotonic clock."""

    kind: str
    at: float
    """From here on it is counted how long a partition acknowledges nothing."""
    partitions: tuple[int, ...]
    """Those that it is about."""
    healed: float
    """When what was broken ran again, or was served by others."""
    survived: bool
    """Every partition acknowledged again in time."""
    silent: tuple[float, float] | None = None
    """Nothing that was sent between these two moments may have been acknowledged before the second."""
    wrong: str = ""
    """What went otherwise than it must, beside the counts."""

    @property
    def began(self) -> float:
        """When something was broken."""
        return self.at if self.silent is None else self.silent[0]


@dataclass(slots=True)
class Room:
    stack: ThrowawayStack
    owners: Owners
    work: Workload
    random: Random
    session_timeout_s: float
    _mending: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    def mend(self, service: RunningService) -> None:
        """Start it again while the run goes on. Whatever breaks a replica or a broker next waits for that."""
        self._mending[service.name] = asyncio.create_task(in_thread(service.start))

    async def runs(self, service: RunningService) -> None:
        """Wait until it was started again, if it has to be."""
        if service.name in self._mending:
            await self._mending[service.name]

    async def mended(self) -> None:
        """Everything runs, and every partition is served."""
        if self._mending:
            await asyncio.gather(*self._mending.values())
            self._mending.clear()
            assert await self.settled(), f"a partition is not served although everything was started again {SERVED_WITHIN_S:.0f} s ago"

    @property
    def everywhere(self) -> tuple[int, ...]:
        return tuple(lane.partition for lane in self.work.lanes)

    @property
    def cluster(self) -> KafkaCluster:
        cluster = self.stack.servers.kafka
        assert isinstance(cluster, KafkaCluster)
        return cluster

    def replica(self, name: str) -> RunningService:
        return self.stack.services[name]

    def an_owner(self) -> RunningService:
        """A replica that owns at least one partition."""
        return self.replica(self.random.choice(sorted(set(self.owners.of.values()))))

    async def served(self, since: float, partitions: Sequence[int] | None = None) -> bool:
        """Wait until the partitions (all if none are named) acknowledge what is sent after ``since``."""
        return await self.work.served_since(since, self.everywhere if partitions is None else partitions, SERVED_WITHIN_S)

    async def settled(self) -> bool:
        """Wait until every partition acknowledges what is sent from now on."""
        return await self.served(time.monotonic())


async def in_thread(do: Callable[[], object]) -> None:
    await asyncio.to_thread(do)


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = SERVED_WITHIN_S) -> bool:
    """Ask until it is so; False if it was not in time."""
    end = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.2)
    return True
