"""The engine: one writer for each partition that this replica owns; a lost term is followed by a new fence, with back-off (R2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Accepted, CommandRequest, NotServing, PartitionStatus
from command_api.engine.recovery import Recovery, TermLost
from command_api.engine.sessions import Sessions
from command_api.engine.writer import Limits, PartitionWriter
from opsroom_common.log.entity import Entity
from opsroom_common.log.port import AnotherLog, AppendUnknown, EventLog, SessionLost, Unavailable
from opsroom_common.log.state_source import StateSource
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint

_log = structlog.get_logger(__name__)

BACKOFF_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Pauses before the next fence after a lost term, the last for all that follow; each is jittered by half, so that two duelling writers part."""
DRAIN_S = 3.0


@dataclass(slots=True)
class _Owned:
    """One partition of this replica. ``writer`` is None between terms."""

    writer: PartitionWriter | None
    reason: str
    since: datetime


class PartitionedEngine:
    """Owns ``partitions`` of the log for as long as it runs. Implements ``Engine``."""

    def __init__(
        self,
        log: EventLog,
        source: StateSource,
        clock: Clock,
        ids: Ids,
        metrics: EngineMetrics,
        *,
        owner: str,
        url: str,
        partitions: Sequence[int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._limits = limits or Limits()
        self._fold = fold_fingerprint()
        self._sessions = Sessions(log)
        self._recovery = Recovery(log, source, clock, ids, owner=owner, url=url, fold_fingerprint=self._fold)
        self._owned = {
            partition: _Owned(None, "starting", clock.now()) for partition in (range(log.partitions) if partitions is None else partitions)
        }
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._stopping = False

    async def submit(self, request: CommandRequest) -> Accepted:
        return await self._writer(request.entity_id).submit(request)

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        del kind
        async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
            return await self._writer(entity_id).current(entity_id)

    def status(self) -> tuple[PartitionStatus, ...]:
        return tuple(
            PartitionStatus(partition, owned.writer is not None, owned.reason, owned.since) for partition, owned in self._owned.items()
        )

    async def start(self) -> None:
        """Begin to take the partitions over; ``status`` tells when each serves."""
        self._tasks = [asyncio.create_task(self._own(partition), name=f"partition-{partition}") for partition in self._owned]

    async def serving(self, timeout_s: float) -> None:
        """Wait until every partition serves. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not all(owned.writer is not None for owned in self._owned.values()):
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        """Decide nothing new, answer what was decided (bounded by ``DRAIN_S``), end the producer session."""
        self._stopping = True
        for owned in self._owned.values():
            if owned.writer is not None:
                owned.writer.drain()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_S if any(o.writer for o in self._owned.values()) else 0)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sessions.close()

    async def wait_crashed(self) -> None:
        """Return never, or raise what ended a partition's task for good (another log)."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _writer(self, entity_id: EntityId) -> PartitionWriter:
        partition = self._log.partition_of(entity_id)
        owned = self._owned.get(partition)
        if owned is None or owned.writer is None:
            reason = owned.reason if owned is not None else "another replica owns it"
            raise NotServing(
                f"partition {partition} is not served here now ({reason}); nothing was written, repeat the command with the same id"
            )
        return owned.writer

    async def _own(self, partition: int) -> None:
        """Term after term until the engine stops."""
        failures = 0
        while not self._stopping:
            try:
                await self._one_term(partition)
                failures = 0
            except (TermLost, AppendUnknown, SessionLost, Unavailable) as error:
                failures = failures + 1 if not isinstance(error, TermLost) else 1
                self._set(partition, None, f"{error}")
                for owned in self._owned.values():
                    if owned.writer is not None:
                        owned.writer.session_ended()
                _log.warning("partition not served", partition=partition, reason=str(error), attempt=failures)
                await asyncio.sleep(self._backoff(failures))
            except AnotherLog as error:
                self._set(partition, None, str(error))
                _log.error("partition cannot be served", partition=partition, reason=str(error))
                raise

    async def _one_term(self, partition: int) -> None:
        session = await self._sessions.current()
        recovered = await self._recovery.take_over(partition, session)
        writer = PartitionWriter(
            partition,
            recovered,
            session,
            self._log,
            self._source,
            self._clock,
            self._ids,
            self._metrics,
            limits=self._limits,
            fold_fingerprint=self._fold,
        )
        self._set(partition, writer, "serving")
        self._metrics.serving(partition)
        _log.info("partition served", partition=partition, term=recovered.term, fence_offset=recovered.fence_offset)
        try:
            await writer.run()
            self._metrics.stopped(partition)
            self._set(partition, None, "stopping")
        except TermLost:
            self._metrics.lost(partition)
            raise

    def _set(self, partition: int, writer: PartitionWriter | None, reason: str) -> None:
        self._owned[partition] = _Owned(writer, reason, self._clock.now())
        self._changed.set()

    def _backoff(self, failures: int) -> float:
        pause = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
        jitter = int(self._ids.uuid7().replace("-", "")[-4:], 16) / 0xFFFF
        return pause * (0.5 + jitter)
