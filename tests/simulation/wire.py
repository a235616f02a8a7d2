"""The way of a batch to the log, and of its acknowledgement back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opsroom_common.log.memory import MemoryEventLog, MemoryReader, MemorySession
from opsroom_common.log.port import AppendUnknown, Checkpoint, Classified, LogReader, RawRecord, Unavailable

from .loop import PROCESS, SimLoop
from .network import Network, at_once

ACK_TIMEOUT_S = 0.6
"""After that long without an acknowledgement the fate of a batch counts as unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFaults:
    """How often what happens to a batch."""

    lose: float = 0.0
    lose_ack: float = 0.0
    late: float = 0.0
    """It lands, but only after its writer has given it up: perhaps after the successor's fence."""
    late_s: float = 4.0
    duplicate: float = 0.0
    """The broker says "I have that already": offset -1."""
    slow: float = 0.0


class StormyWire:
    """Carries batches. Batches of one partition and session do not overtake each other (R3 sends one at a time); all others may."""

    def __init__(self, loop: SimLoop, network: Network, chance: random.Random, faults: WireFaults) -> None:
        self._loop = loop
        self._network = network
        self._chance = chance
        self.faults = faults

    async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
        if not PROCESS.get().alive:
            raise AppendUnknown("this process was killed")
        ack: asyncio.Future[int] = self._loop.create_future()
        fate, way = self._fate(), self._network.delay()
        if fate == "slow":
            way = self._chance.random() * ACK_TIMEOUT_S * 0.9
        elif fate == "late":
            way = ACK_TIMEOUT_S + self._chance.random() * self.faults.late_s
        if fate != "lose":
            self._loop.outside(way, self._land, land, ack, fate)
        self._loop.outside(ACK_TIMEOUT_S, _give_up, ack, f"{fate} on partition {partition}")
        return await ack

    def _fate(self) -> str:
        drawn = self._chance.random()
        for fate in ("lose", "lose_ack", "late", "duplicate", "slow"):
            drawn -= getattr(self.faults, fate)
            if drawn < 0:
                return fate
        return "land"

    def _land(self, land: Callable[[], int], ack: asyncio.Future[int], fate: str) -> None:
        base = land()
        if fate not in {"lose_ack", "late"}:
            self._loop.outside(self._network.delay(), _acknowledge, ack, -1 if fate == "duplicate" else base)


def _acknowledge(ack: asyncio.Future[int], base: int) -> None:
    if not ack.done():
        ack.set_result(base)


def _give_up(ack: asyncio.Future[int], why: str) -> None:
    if not ack.done():
        ack.set_exception(AppendUnknown(f"no acknowledgement: {why}"))


class RemoteLog:
    """The log as a process reaches it: over the network."""

    def __init__(self, network: Network, log: MemoryEventLog, chance: random.Random, records_max: int) -> None:
        self._network = network
        self._log = log
        self._chance = chance
        self._records_max = records_max
        self.topic = log.topic
        self.partitions = log.partitions

    def partition_of(self, entity_id: str) -> int:
        return self._log.partition_of(entity_id)

    async def session(self) -> MemorySession:
        return await self._network.call(lambda: at_once(self._log.session()), Unavailable)

    async def reader(self, starts: Mapping[int, Checkpoint]) -> LogReader:
        found = await self._network.call(lambda: at_once(self._log.reader(starts)), Unavailable)
        return _RemoteReader(self._network, self._log, found, self._chance, self._records_max)

    async def end_offset(self, partition: int) -> int:
        return await self._network.call(lambda: at_once(self._log.end_offset(partition)), Unavailable)


class _RemoteReader:
    def __init__(self, network: Network, log: MemoryEventLog, inner: MemoryReader, chance: random.Random, records_max: int) -> None:
        self._network = network
        self._log = log
        self._inner = inner
        self._chance = chance
        self._records_max = records_max

    async def poll(self, max_records: int, timeout_s: float) -> dict[int, Sequence[Classified]]:
        if not PROCESS.get().alive:
            raise Unavailable("this process was killed")
        await self._network.pause()
        if self._chance.random() < self._network.trouble / 8:
            raise Unavailable("the broker went away")
        return dict(await self._inner.poll(min(max_records, self._chance.randint(1, self._records_max)), timeout_s))

    def position(self, partition: int) -> Checkpoint:
        return self._inner.position(partition)

    async def close(self) -> None:
        return
