"""Follows the log with a projection that nobody sees: in steps, exactly as far as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.port import Classified, EventLog, LogReader
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.metrics import Metrics
from projector.counts import Counts
from projector.projections.quiet_store import QuietStore
from projector.publish import Publisher
from projector.session import Limits, Session, Stalled

_POLL_RECORDS = 4_000
_POLL_S = 0.2
_SILENT_S_MAX = 30.0
_WAITING_MAX = 50_000
"""Records; beyond it those of other partitions are committed, too."""


class Follower:
    """Single use, one task: after an error, or after a transaction that was rolled back, open another."""

    def __init__(self, log: EventLog, store: QuietStore, session: Session, reader: LogReader, partitions: Iterable[int]) -> None:
        self._log = log
        self._store = store
        self._session = session
        self._reader = reader
        self._waiting: dict[int, list[Classified]] = {partition: [] for partition in partitions}

    def position(self, partition: int) -> int:
        return self._session.position(partition).offset

    @property
    def positions(self) -> Mapping[int, int]:
        """Every record below is in the rows."""
        return {partition: self.position(partition) for partition in self._waiting}

    async def behind(self) -> int:
        """How many records the log has more than the rows, at the time of asking. Raises log.port.Unavailable."""
        ends = [await self._log.end_offset(partition) for partition in self._waiting]
        return sum(max(0, end - self.position(partition)) for partition, end in zip(self._waiting, ends, strict=True))

    async def reach(self, until: Mapping[int, int]) -> int:
        """Commit up to these offsets, and nothing beyond in these partitions; return how many records that were.

        Raises BadProjection, Moved, Rejected (in a transaction only), Stalled, log.port.LogError, Unavailable.
        """
        passed, silent_s = 0, 0.0
        while lacking := [partition for partition, offset in until.items() if self.position(partition) < offset]:
            done = await self._commit(until)
            passed += done
            if done:
                silent_s = 0.0
            elif all(not self._waiting[partition] for partition in lacking):
                silent_s = 0.0 if await self._poll(_POLL_S) else silent_s + _POLL_S
                if silent_s >= _SILENT_S_MAX:
                    raise Stalled(f"{self._log.topic}: nothing came for {silent_s:.0f} s although {lacking} have more")
            if sum(len(records) for records in self._waiting.values()) > _WAITING_MAX:
                passed += await self._commit({partition: end for partition, end in self._read_up_to().items() if partition not in until})
        return passed

    async def step(self, timeout_s: float) -> int:
        """Commit what comes within ``timeout_s``; return how many records that were. Raises what ``reach`` raises."""
        if not any(self._waiting.values()):
            await self._poll(timeout_s)
        return await self._commit(self._read_up_to())

    async def touch(self) -> None:
        """Say that the rows are current where they stand. Raises Moved, Unavailable."""
        await self._store.touch(0, {partition: self._session.position(partition) for partition in self._waiting})

    async def close(self) -> None:
        await self._reader.close()

    def _read_up_to(self) -> Mapping[int, int]:
        return {partition: records[-1].after.offset for partition, records in self._waiting.items() if records}

    async def _poll(self, timeout_s: float) -> bool:
        """Whether something came."""
        found = await self._reader.poll(_POLL_RECORDS, timeout_s)
        for partition, records in found.items():
            self._waiting[partition].extend(records)
        return bool(found)

    async def _commit(self, until: Mapping[int, int]) -> int:
        """One partition after the other: in a transaction there is only one connection."""
        passed = 0
        for partition, offset in until.items():
            ready = [record for record in self._waiting[partition] if record.record.offset < offset]
            if ready:
                await self._session.project(partition, ready)
                self._waiting[partition] = self._waiting[partition][len(ready) :]
                passed += len(ready)
                await asyncio.sleep(0)
        return passed


@asynccontextmanager
async def following(log: EventLog, store: QuietStore, clock: Clock) -> AsyncGenerator[Follower]:
    """A follower from where the rows stand. Raises Switched, AnotherFold, AnotherLog, Unavailable (of log or rows)."""
    opened = await store.open()
    metrics = Metrics(CollectorRegistry())
    nobody = Publisher(MemoryFeedCarrier(1), metrics, clock)
    session = Session(log, store, nobody, Progress(store.name, clock), Counts(metrics), clock, Limits(), opened)
    reader = await log.reader(opened.checkpoints)
    try:
        yield Follower(log, store, session, reader, opened.checkpoints)
    finally:
        await reader.close()
