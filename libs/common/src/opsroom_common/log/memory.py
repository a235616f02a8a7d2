"""The log in memory: the same promises as Kafka's adapter, and a wire that tests and the simulation can bend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.batch import BATCH_BYTES_MAX, batch_bytes
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import (
    AppendUnknown,
    Checkpoint,
    Classified,
    LogRecord,
    RawRecord,
    SessionLost,
    TooLarge,
    another_log,
)


class Wire(Protocol):
    """What lies between a producer and the log. ``land`` appends the batch and returns its base offset; call it once, late, or never.

    Raise AppendUnknown for a lost ack, return -1 for "duplicate sequence". The default lands at once.
    """

    async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int: ...


class StraightWire:
    """Every batch lands and is acknowledged on the next turn of the event loop."""

    async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
        del partition, records
        await asyncio.sleep(0)
        return land()


class MemoryEventLog:
    """``ops.events`` as lists. Bounded by memory only: for tests, the simulation and nothing else."""

    def __init__(self, partitions: int, topic: str = "ops.events", wire: Wire | None = None) -> None:
        self._topic = topic
        self._records: list[list[LogRecord]] = [[] for _ in range(partitions)]
        self._grown = asyncio.Event()
        self.wire: Wire = wire or StraightWire()

    @property
    def topic(self) -> str:
        return self._topic

    @property
    def partitions(self) -> int:
        return len(self._records)

    def partition_of(self, entity_id: str) -> int:
        return partition_of(entity_id, self.partitions)

    def records(self, partition: int) -> Sequence[LogRecord]:
        """The raw records as they stand, for assertions."""
        return tuple(self._records[partition])

    def slice(self, partition: int, start: int, limit: int) -> Sequence[LogRecord]:
        """At most ``limit`` records from offset ``start`` on."""
        return self._records[partition][start : start + limit]

    def land(self, partition: int, records: Sequence[RawRecord]) -> int:
        """Append without a session, as a foreign or late writer would; returns the base offset."""
        log = self._records[partition]
        base = len(log)
        log.extend(LogRecord(self._topic, partition, base + i, r.timestamp_ms, r.key, r.value, r.headers) for i, r in enumerate(records))
        self._grown.set()
        self._grown = asyncio.Event()
        return base

    def make_anew(self, partition: int) -> None:
        """Forget every record, as when the topic is deleted and created again."""
        self._records[partition] = []

    async def session(self) -> MemorySession:
        return MemorySession(self)

    async def reader(self, starts: Mapping[int, Checkpoint]) -> MemoryReader:
        for partition, start in starts.items():
            self._check_fence(partition, start)
        return MemoryReader(self, starts)

    async def end_offset(self, partition: int) -> int:
        return len(self._records[partition])

    async def wait_for_growth(self, timeout_s: float) -> None:
        """Return when something was appended anywhere, or after ``timeout_s``."""
        grown = self._grown
        try:
            await asyncio.wait_for(grown.wait(), timeout_s)
        except TimeoutError:
            return

    def _check_fence(self, partition: int, start: Checkpoint) -> None:
        log = self._records[partition]
        if start.offset > len(log):
            raise another_log(self._topic, partition, start)
        if start.fence_offset is None:
            return
        found = dict(log[start.fence_offset].headers).get("ce_id", b"").decode()
        if found != start.term:
            raise another_log(self._topic, partition, start)


class MemorySession:
    """One producer session on the memory log."""

    def __init__(self, log: MemoryEventLog) -> None:
        self._log = log
        self._over = False
        self._in_flight: set[int] = set()

    @property
    def alive(self) -> bool:
        return not self._over

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int:
        if self._over:
            raise SessionLost("this producer session is over; open a new one and fence again")
        if partition in self._in_flight:
            raise RuntimeError(f"partition {partition} already has a batch on the wire (R3)")
        if batch_bytes(records) > BATCH_BYTES_MAX:
            raise TooLarge(f"the batch is above {BATCH_BYTES_MAX} bytes; send less at once")
        self._in_flight.add(partition)
        try:
            return await self._log.wire.carry(partition, records, lambda: self._log.land(partition, records))
        except AppendUnknown:
            self._over = True
            raise
        finally:
            self._in_flight.discard(partition)

    async def close(self) -> None:
        self._over = True


class MemoryReader:
    """Reads the memory log from checkpoints."""

    def __init__(self, log: MemoryEventLog, starts: Mapping[int, Checkpoint]) -> None:
        self._log = log
        self._filters = {partition: TermFilter(start) for partition, start in starts.items()}

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
        found = self._take(max_records)
        if not found and timeout_s > 0:
            await self._log.wait_for_growth(timeout_s)
            found = self._take(max_records)
        return found

    def position(self, partition: int) -> Checkpoint:
        return self._filters[partition].checkpoint

    async def close(self) -> None:
        return

    def _take(self, max_records: int) -> dict[int, Sequence[Classified]]:
        found: dict[int, Sequence[Classified]] = {}
        left = max_records
        for partition, terms in self._filters.items():
            start = terms.checkpoint.offset
            batch = self._log.slice(partition, start, left)
            if batch:
                found[partition] = [terms.classify(record) for record in batch]
                left -= len(batch)
            if left <= 0:
                break
        return found
