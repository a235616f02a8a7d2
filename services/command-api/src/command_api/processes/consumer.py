"""Carries processes out: reads ``ops.events`` of the partitions that this replica serves, and lets each cause have its steps, in order for each entity.

Whoever serves a partition carries its processes out, so that replicas share them as they share the partitions. Each cause is dealt with at least once;
a checkpoint is kept only below the first one that is not. What cannot be done now is tried again, for as long as it takes: a change over two entities
is never left half done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from command_api.engine.port import EngineError
from command_api.processes.attempt import Attempts
from command_api.processes.metrics import PROCESS_RETRIES, PROCESSES_CARRIED_OUT, PROCESSES_LAG, PROCESSES_UNDER_WAY
from command_api.processes.places import Place
from command_api.processes.steps import Begin, NotYet
from command_api.processes.table import process_of
from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.checkpoints import Checkpoints
from opsroom_common.log.port import AnotherLog, Checkpoint, Classified, EventLog, LogError, LogReader, LogRecord, RecordClass
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Check, Progress
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics

GROUP = "command-api.processes"
BATCH_MAX = 500
UNDER_WAY_MAX = 1_000
"""Causes that are read and not dealt with; nothing more is read beyond."""
TOGETHER_MAX = 32
"""Causes that are tried at once."""
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PAUSE_S = 1.0
KEEP_EVERY_S = 1.0
KEEP_ANEW_S = 3600.0
"""A checkpoint that does not move is kept again after this, because brokers forget old ones."""
REASONS_SHOWN = 3
_log = get_logger("processes")
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ports:
    log: EventLog
    checkpoints: Checkpoints
    attempts: Attempts
    served: Callable[[], Collection[int]]
    """The partitions that this replica serves now."""
    clock: Clock
    metrics: Metrics
    progress: Progress
    sleep: Sleep = asyncio.sleep


@dataclass(frozen=True, slots=True)
class _Cause:
    place: Place
    record: LogRecord
    begin: Begin


class ProcessConsumer:
    """Runs until it is cancelled."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._places: dict[int, Place] = {}
        self._reader: LogReader | None = None
        self._queues: dict[tuple[int, bytes | None], deque[_Cause]] = {}
        self._tasks: dict[tuple[int, bytes | None], asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(TOGETHER_MAX)
        self._ended = asyncio.Event()
        self._waits: dict[str, str] = {}
        self._kept: dict[int, tuple[Checkpoint, float]] = {}
        self._ends: dict[int, int] = {}
        self._looked_at = float("-inf")
        self._carried_out = ports.metrics.counter(PROCESSES_CARRIED_OUT)
        self._retries = ports.metrics.counter(PROCESS_RETRIES)
        self._under_way = ports.metrics.gauge(PROCESSES_UNDER_WAY)
        self._lag = ports.metrics.gauge(PROCESSES_LAG)

    async def run(self) -> None:
        """Read, carry out, keep, for ever."""
        try:
            while True:
                await self.step(PAUSE_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Leave what is under way to whoever comes next, and keep how far this one came."""
        await self.halt()
        with contextlib.suppress(LogError, TimeoutError):
            await self._keep(anew=True)
        await self._ports.checkpoints.close()

    async def halt(self) -> None:
        """Stop where it stands, and keep nothing: what a crash is, too."""
        await self._cancel(list(self._tasks))
        await self._close_reader()

    async def step(self, timeout_s: float) -> int:
        """Follow what is served, read once, begin what was read. Returns how many records were read."""
        read = 0
        try:
            await self._follow()
            read = await self._read(timeout_s)
            await self._keep()
            await self._look()
            self._go_on("log")
        except AnotherLog as error:
            await self._cancel(list(self._tasks))
            self._places = {}
            await self._forget("log", f"{error}; then delete the offsets of the group {GROUP}")
        except LogError as error:
            await self._forget("log", str(error))
        self._report()
        return read

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def check(self) -> Check:
        """For readiness: what the processes wait for, if they wait."""
        under_way = self._count()
        if self._waits:
            reasons = sorted(set(self._waits.values()))
            more = f" and {len(reasons) - REASONS_SHOWN} more" if len(reasons) > REASONS_SHOWN else ""
            return Check(ok=False, reason=f"{under_way} under way; " + "; ".join(reasons[:REASONS_SHOWN]) + more)
        return Check(ok=True, reason=f"{under_way} under way in {len(self._places)} partitions")

    # -- reading -----------------------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Read what is served now, and nothing else. What stays goes on from where it is."""
        served = frozenset(self._ports.served())
        if self._reader is not None and served == self._places.keys():
            return
        await self._close_reader()
        gone = self._places.keys() - served
        await self._cancel([key for key in self._tasks if key[0] in gone])
        new = served - self._places.keys()
        loaded = {p: Place(at) for p, at in (await self._ports.checkpoints.load(new)).items()} if new else {}
        self._places = dict(sorted({p: place for p, place in (self._places | loaded).items() if p in served}.items()))
        self._ends = {p: end for p, end in self._ends.items() if p in served}
        self._kept = {p: kept for p, kept in self._kept.items() if p in served}
        if served:
            self._reader = await self._ports.log.reader({p: place.read for p, place in self._places.items()})

    async def _read(self, timeout_s: float) -> int:
        if self._reader is None:
            await self._ports.sleep(min(timeout_s, PAUSE_S))
            return 0
        if self._count() >= UNDER_WAY_MAX:
            self._ended.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._ended.wait()
            return 0
        room = UNDER_WAY_MAX - self._count()
        found = await self._reader.poll(min(BATCH_MAX, room), timeout_s)
        for partition, items in found.items():
            self._begin(partition, items)
        return sum(len(items) for items in found.values())

    def _begin(self, partition: int, items: Sequence[Classified]) -> None:
        place = self._places[partition]
        for item in items:
            begin = process_of(item.record) if item.what is RecordClass.EVENT else None
            if begin is not None:
                place.begin(item.record.offset)
                key = (partition, item.record.key)
                self._queues.setdefault(key, deque()).append(_Cause(place, item.record, begin))
                if key not in self._tasks:
                    self._tasks[key] = asyncio.create_task(self._in_order(key), name=f"processes-{partition}")
            place.advance(item.after)

    async def _forget(self, what: str, reason: str) -> None:
        """The reader is of no use any more; the next step makes a new one."""
        await self._close_reader()
        self._wait(what, reason)
        await self._ports.sleep(PAUSE_S)

    async def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _cancel(self, keys: Collection[tuple[int, bytes | None]]) -> None:
        tasks = [task for key in keys if (task := self._tasks.pop(key, None)) is not None]
        for key in keys:
            self._queues.pop(key, None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- carrying out ------------------------------------------------------------------------------------------------------------

    async def _in_order(self, key: tuple[int, bytes | None]) -> None:
        """One entity's causes, one after the other."""
        queue = self._queues[key]
        try:
            while queue:
                cause = queue[0]
                await self._carry_out(cause)
                queue.popleft()
                cause.place.end(cause.record.offset)
                self._ended.set()
        finally:
            if self._queues.get(key) is queue:
                del self._queues[key]
                self._tasks.pop(key, None)

    async def _carry_out(self, cause: _Cause) -> None:
        record = cause.record
        name = f"{record.partition}:{record.offset}"
        try:
            decoded = decode(record)
        except Undecodable as error:
            _log.error("an event cannot be read, and its process not be carried out", at=name, reason=str(error))
            self._carried_out.labels("unknown", "unreadable").inc()
            return
        assert isinstance(decoded, DomainRecord), "only events start processes"
        attempt = 0
        try:
            while True:
                attempt += 1
                reason = await self._attempt(cause.begin, decoded, name)
                if reason is None:
                    return
                self._wait(name, reason)
                self._retries.inc()
                await self._ports.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1])
        finally:
            self._go_on(name)

    async def _attempt(self, begin: Begin, cause: DomainRecord, name: str) -> str | None:
        """Returns why it has to be tried again, or None."""
        try:
            async with self._room:
                steps = await self._ports.attempts.attempt(begin, cause)
        except NotYet as error:
            return str(error)
        except EngineError as error:
            return f"the engine does not take commands now ({error.code})"
        except Exception as error:  # noqa: BLE001 -- one cause must not stop its partition, and is never given up
            _log.warning("process failed unexpectedly", at=name, error=f"{type(error).__name__}: {error}", exc_info=error)
            return f"{cause.envelope.type} at {name}: an unexpected {type(error).__name__}"
        self._carried_out.labels(cause.envelope.type, "done" if steps else "unchanged").inc()
        return None

    # -- progress ----------------------------------------------------------------------------------------------------------------

    async def _keep(self, *, anew: bool = False) -> None:
        """Keep what moved, a while after it was kept last; and once in a while what did not."""
        now = self._ports.clock.monotonic()
        due: dict[int, Checkpoint] = {}
        for partition, place in self._places.items():
            kept, at = self._kept.get(partition, (None, float("-inf")))
            moved = place.done != kept
            if (moved and (anew or now - at >= KEEP_EVERY_S)) or now - at >= KEEP_ANEW_S:
                due[partition] = place.done
        if due:
            await self._ports.checkpoints.keep(due)
            self._kept.update({partition: (at, now) for partition, at in due.items()})

    async def _look(self) -> None:
        """Now and then: where the partitions end."""
        now = self._ports.clock.monotonic()
        if now - self._looked_at < KEEP_EVERY_S:
            return
        self._looked_at = now
        for partition in list(self._places):
            self._ends[partition] = await self._ports.log.end_offset(partition)

    def _report(self) -> None:
        progress = self._ports.progress
        progress.keep(self._places)
        for partition, place in self._places.items():
            done = place.done.offset
            progress.report(partition, done, max(done, self._ends.get(partition, done)))
        if not self._places:
            progress.beat()
        self._lag.set(progress.lag())
        self._under_way.set(self._count())

    def _count(self) -> int:
        return sum(place.under_way for place in self._places.values())

    def _wait(self, what: str, reason: str) -> None:
        if self._waits.get(what) != reason:
            _log.warning("a process waits", reason=reason)
        self._waits[what] = reason
        self._ports.progress.pause(reason)

    def _go_on(self, what: str) -> None:
        if self._waits.pop(what, None) is not None and not self._waits:
            self._ports.progress.resume()
            _log.info("processes go on")
