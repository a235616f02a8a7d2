"""The engine: one writer for each partition that this replica owns now; a lost term is followed by a new fence, with back-off (R2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog

from command_api.engine.budget import Budget
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Accepted, CommandRequest, NotServing, PartitionStatus, RecordSkipped
from command_api.engine.recovery import Recovery, TermLost
from command_api.engine.sessions import Sessions
from command_api.engine.tenure import Alone, Tenure
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
STEADY_S = 5.0
"""A term that lasted so long was no duel: the pauses begin again with the first."""
WATCH_S = 1.0
DRAIN_S = 3.0
"""How long what was decided may take to be answered when a partition is let go."""


@dataclass(slots=True)
class _Owned:
    """One partition of this replica. ``writer`` is None between terms."""

    writer: PartitionWriter | None
    reason: str
    since: datetime
    task: asyncio.Task[None] | None = None
    cut: asyncio.TimerHandle | None = None
    """When the task is cut off, if it is being let go."""


class PartitionedEngine:
    """Owns the partitions that ``assign`` names, at first ``partitions`` (all of them by default). Implements ``Engine``."""

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
        partitions: Collection[int] | None = None,
        limits: Limits | None = None,
        tenure: Tenure | None = None,
    ) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._limits = limits or Limits()
        self._tenure = tenure or Alone()
        self._fold = fold_fingerprint()
        self._sessions = Sessions(log)
        budget = Budget(self._limits.state_bytes_max, metrics.evicted)
        metrics.state_bytes(lambda: budget.held)
        self._recovery = Recovery(log, source, clock, ids, budget, owner=owner, url=url, fold_fingerprint=self._fold)
        self._wanted: frozenset[int] = frozenset(range(log.partitions) if partitions is None else partitions)
        self._owned: dict[int, _Owned] = {}
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        """Set, and replaced, when ``assign`` says something new: pauses end early."""
        self._running = False
        self._stopped = False
        self._ended: asyncio.Future[None] | None = None

    async def submit(self, request: CommandRequest) -> Accepted:
        return await self._writer(request.entity_id).submit(request)

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        return await self._writer(request.entity_id).skip(request)

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        del kind
        async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
            return await self._writer(entity_id).current(entity_id)

    def status(self) -> tuple[PartitionStatus, ...]:
        return tuple(
            PartitionStatus(partition, owned.writer is not None, owned.reason, owned.since)
            for partition, owned in sorted(self._owned.items())
            if partition in self._wanted
        )

    def serves(self, partition: int) -> bool:
        """Whether this replica takes commands of the partition now, as far as it knows."""
        owned = self._owned.get(partition)
        return owned is not None and owned.writer is not None

    def served(self) -> frozenset[int]:
        """The partitions that this replica takes commands of now."""
        return frozenset(partition for partition in self._owned if self.serves(partition))

    async def start(self) -> None:
        """Begin to take the partitions over; ``status`` tells when each serves."""
        self._running = True
        self._ended = asyncio.get_running_loop().create_future()
        self.assign(self._wanted)

    def assign(self, partitions: Collection[int]) -> None:
        """Own these from now on: new ones are fenced, those no longer named are drained and let go. Returns at once; does nothing after ``stop``."""
        if self._stopped:
            return
        self._wanted = frozenset(partitions)
        if not self._running:
            return
        for partition in sorted(self._wanted):
            self._begin(partition)
        for partition, owned in self._owned.items():
            if partition not in self._wanted:
                self._let_go(partition, owned)
        self._told.set()
        self._told = asyncio.Event()
        self._changed.set()

    async def serving(self, timeout_s: float) -> None:
        """Wait until every partition that is named serves. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not all(self.serves(partition) for partition in self._wanted):
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        """Decide nothing new, answer what was decided (bounded by ``DRAIN_S``), end the producer session."""
        self._stopped = True
        self._running = False
        self._wanted = frozenset[int]()
        tasks = {owned.task: owned.writer is not None for owned in self._owned.values() if owned.task is not None}
        for partition, owned in self._owned.items():
            self._let_go(partition, owned)
        await asyncio.gather(*(task for task, serves in tasks.items() if serves), return_exceptions=True)
        # What fences or waits comes last: to cancel a fence on the wire ends the session that the others drain on.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._sessions.close()

    async def watch(self) -> None:
        """Once every ``WATCH_S``, for ever: see that the log still holds what each term was acknowledged."""
        while True:
            for owned in list(self._owned.values()):
                if owned.writer is not None:
                    with contextlib.suppress(Unavailable):  # the next append will say so
                        await owned.writer.check_end()
            await asyncio.sleep(WATCH_S)

    async def watch_parked(self) -> None:
        """Once every ``WATCH_S``, for ever: see which entities the projector has set aside, so that they take no command here either."""
        while True:
            for owned in list(self._owned.values()):
                if owned.writer is not None:
                    await owned.writer.look_aside()
            await asyncio.sleep(WATCH_S)

    async def wait_crashed(self) -> None:
        """Return never, or raise what ended a partition's task for good (another log)."""
        assert self._ended is not None, "the engine was not started"
        await asyncio.shield(self._ended)

    def _writer(self, entity_id: EntityId) -> PartitionWriter:
        partition = self._log.partition_of(entity_id)
        owned = self._owned.get(partition)
        if owned is None or owned.writer is None:
            reason = owned.reason if owned is not None and partition in self._wanted else "another replica owns it"
            raise NotServing(
                f"partition {partition} is not served here now ({reason}); nothing was written, repeat the command with the same id"
            )
        return owned.writer

    # -- owning a partition ------------------------------------------------------------------------------------------------------

    def _begin(self, partition: int) -> None:
        known = self._owned.get(partition)
        if known is not None and known.task is not None and not known.task.done():
            return  # it serves, or lets go and will see that it is wanted again
        owned = self._owned[partition] = _Owned(None, "starting", self._clock.now())
        owned.task = asyncio.create_task(self._own(partition), name=f"partition-{partition}")
        owned.task.add_done_callback(lambda task: self._own_ended(partition, task))

    def _let_go(self, partition: int, owned: _Owned) -> None:
        """Drain the writer, or let a takeover come to its end: to cancel a fence on the wire would end the session of every other partition.
        What does not end within ``DRAIN_S`` is cut off all the same.
        """
        if owned.task is None or owned.task.done():
            return
        if owned.writer is not None:
            owned.writer.drain()
        if owned.cut is not None:
            owned.cut.cancel()
        owned.cut = asyncio.get_running_loop().call_later(DRAIN_S, self._cut, partition, owned.task)

    def _cut(self, partition: int, task: asyncio.Task[None]) -> None:
        if not task.done() and partition not in self._wanted:
            task.cancel()

    def _own_ended(self, partition: int, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        cut, self._owned[partition].cut = self._owned[partition].cut, None
        if cut is not None:
            cut.cancel()
        if task.cancelled():
            self._session_may_be_over()
        if error is not None:
            if self._ended is not None and not self._ended.done():
                self._ended.set_exception(error)
                self._ended.exception()  # whether or not anybody waits for it
        elif self._running and partition in self._wanted:
            self._begin(partition)  # it was let go, and wanted again before that had ended

    async def _own(self, partition: int) -> None:
        """Term after term for as long as the partition is wanted."""
        failures = 0
        while partition in self._wanted:
            began = self._clock.monotonic()
            try:
                if await self._tenure.may_fence(partition):
                    await self._one_term(partition)
                    continue
                failures += 1
                self._set(partition, None, "the group names no owner or another one; waiting for its word")
            except (TermLost, AppendUnknown, SessionLost, Unavailable) as error:
                failures = 1 if self._clock.monotonic() - began > STEADY_S else failures + 1
                self._set(partition, None, f"{error}")
                self._session_may_be_over()
                _log.warning("partition not served", partition=partition, reason=str(error), attempt=failures)
            except AnotherLog as error:
                self._set(partition, None, str(error))
                _log.error("partition cannot be served", partition=partition, reason=str(error))
                raise
            await self._pause(self._backoff(failures))

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
        if partition not in self._wanted:
            recovered.held.close()
            return  # named by nobody any more: the fence stands, and nothing was decided
        self._set(partition, writer, "serving")
        self._metrics.serving(partition)
        self._tenure.served(partition, recovered.term)
        _log.info("partition served", partition=partition, term=recovered.term, fence_offset=recovered.fence_offset)
        try:
            await writer.run()
        except TermLost:
            self._metrics.lost(partition)
            raise
        finally:
            self._set(partition, None, "let go")
            self._metrics.stopped(partition)
            self._tenure.ended(partition)
        self._tenure.released(partition, recovered.term)
        _log.info("partition let go", partition=partition, term=recovered.term)

    def _session_may_be_over(self) -> None:
        for owned in self._owned.values():
            if owned.writer is not None:
                owned.writer.session_ended()

    def _set(self, partition: int, writer: PartitionWriter | None, reason: str) -> None:
        owned = self._owned[partition]
        owned.writer, owned.reason, owned.since = writer, reason, self._clock.now()
        self._changed.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until ``assign`` is called."""
        told = self._told
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await told.wait()

    def _backoff(self, failures: int) -> float:
        pause = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1]
        jitter = int(self._ids.uuid7().replace("-", "")[-4:], 16) / 0xFFFF
        return pause * (0.5 + jitter)
