"""Folds ``ops.signals`` into incidents: one command for each signal, in order for each fingerprint, at least once and without a second effect.

What cannot be done now is repeated, and nothing behind it is committed; what can never be done goes to ``ops.signals.dlq``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from command_api.engine.port import CommandRefused, CommandRequest, Engine, EngineError
from command_api.signals import correlate
from command_api.signals.dead_letters import dead_letter
from command_api.signals.incident_index import IncidentIndex, IndexUnavailable
from command_api.signals.metrics import SIGNAL_RETRIES, SIGNALS_HANDLED, SIGNALS_LAG
from opsroom_common.contracts.codec import Undecodable, decode_signal
from opsroom_common.contracts.signals import AlertmanagerAlert, SignalRecord
from opsroom_common.log.port import LogRecord, Unavailable
from opsroom_common.log.topic import TopicReader, TopicWriter
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Check, Progress
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import Telemetry, inject
from opsroom_domain.entities.incident import Severity, SignalStatus
from opsroom_domain.ids import EntityId
from opsroom_domain.permissions import Role

GROUP = "command-api.signals"
KIND = "incident"
BATCH_MAX = 500
TOGETHER_MAX = 64
"""Fingerprints that are handled at once; each one's signals go one after the other."""
BACKOFF_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
DEADLINE_S = 10.0
UNEXPECTED_MAX = 5
"""Attempts at a signal that fails in a way nobody expected."""
HOPS_MAX = 20
"""How many merges and splits a signal follows."""
HARMLESS = frozenset({"nothing-to-resolve", "merged", "moved"})
"""Refusals that only say that there is nothing to do."""
_SERVICE_UNAVAILABLE = 503
_log = get_logger("signals.consumer")
Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ports:
    reader: TopicReader
    dead: TopicWriter
    engine: Engine
    index: IncidentIndex
    clock: Clock
    telemetry: Telemetry
    metrics: Metrics
    progress: Progress
    severities: Mapping[str, Severity]
    sleep: Sleep = asyncio.sleep


class SignalConsumer:
    """Runs until it is cancelled."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._generation = -1
        self._handled = ports.metrics.counter(SIGNALS_HANDLED)
        self._retries = ports.metrics.counter(SIGNAL_RETRIES)
        self._lag = ports.metrics.gauge(SIGNALS_LAG)
        self._waits: dict[str, str] = {}

    async def run(self) -> None:
        """Poll, fold, commit, for ever."""
        try:
            while True:
                await self.step(timeout_s=1.0)
        finally:
            await self._ports.reader.close()

    async def step(self, timeout_s: float) -> int:
        """One poll and everything that it brought. Returns how many records were handled and committed."""
        ports = self._ports
        try:
            batches = await ports.reader.poll(BATCH_MAX, timeout_s)
        except Unavailable as error:
            await self._wait("ops.signals", str(error), len(BACKOFF_S) - 1)
            return 0
        self._go_on("ops.signals")
        if ports.reader.generation != self._generation:
            self._generation = ports.reader.generation
            ports.index.start_over()
        await self._fold(batches)
        try:
            await ports.reader.commit({partition: records[-1].offset + 1 for partition, records in batches.items()})
        except Unavailable as error:
            _log.warning("commit failed; these signals come again, without effect", reason=str(error))
        self._report()
        return sum(len(records) for records in batches.values())

    def check(self) -> Check:
        """For readiness: what the consumer waits for, if it waits."""
        if self._waits:
            return Check(ok=False, reason="; ".join(sorted(set(self._waits.values()))))
        return Check(ok=True, reason=f"{self._ports.progress.lag()} signals wait")

    async def _fold(self, batches: Mapping[int, Sequence[LogRecord]]) -> None:
        queues: dict[bytes | None, list[LogRecord]] = {}
        for records in batches.values():
            for record in records:
                queues.setdefault(record.key, []).append(record)
        limit = asyncio.Semaphore(TOGETHER_MAX)

        async def in_order(queue: Sequence[LogRecord]) -> None:
            async with limit:
                for record in queue:
                    await self._handle(record)

        async with asyncio.TaskGroup() as group:
            for queue in queues.values():
                group.create_task(in_order(queue))

    async def _handle(self, record: LogRecord) -> None:
        try:
            signal = decode_signal(record)
        except Undecodable as error:
            await self._bury(record, str(error))
            return
        name = f"{record.partition}:{record.offset}"
        attempt = 0
        unexpected = 0
        while True:
            attempt += 1
            try:
                with self._ports.telemetry.span("fold signal", signal.envelope.traceparent):
                    result = await self._report_signal(signal)
                break
            except IndexUnavailable as error:
                await self._wait(name, str(error), attempt)
            except CommandRefused as error:
                if error.refusal.code not in HARMLESS:
                    await self._bury(record, f"{error.refusal.code}: {error.refusal.message}")
                    result = "dead"
                else:
                    result = "unchanged"
                break
            except EngineError as error:
                if error.status != _SERVICE_UNAVAILABLE:
                    await self._bury(record, f"{error.code}: {error}")
                    result = "dead"
                    break
                await self._wait(name, f"the engine does not take commands now ({error.code})", attempt)
            except Exception as error:  # noqa: BLE001 -- one signal must not stop its partition
                unexpected += 1
                if unexpected >= UNEXPECTED_MAX:
                    await self._bury(record, f"{type(error).__name__}: {error}")
                    result = "dead"
                    break
                _log.warning("signal failed unexpectedly", at=name, error=f"{type(error).__name__}: {error}", exc_info=error)
                await self._wait(name, f"an unexpected {type(error).__name__}", attempt)
        self._go_on(name)
        if result != "dead":
            self._handled.labels(result).inc()

    async def _report_signal(self, signal: SignalRecord) -> str:
        alert = signal.alert
        candidate = await self._candidate(alert.fingerprint)
        if candidate is None and alert.status is SignalStatus.RESOLVED:
            # Asked, it would be refused, and the refusal remembered (R7): a firing that comes late could then not be resolved by the same report.
            return "unchanged"
        incident_id = correlate.target(alert, candidate)
        for _ in range(HOPS_MAX):
            try:
                return await self._submit(signal, incident_id)
            except CommandRefused as refused:
                there = None if refused.entity is None else correlate.onward(refused.entity.state, alert.fingerprint)
                if refused.refusal.code not in {"merged", "moved"} or there is None:
                    raise
            incident_id = await self._target_at(there, alert)
        return await self._submit(signal, incident_id)

    async def _target_at(self, there: EntityId, alert: AlertmanagerAlert) -> EntityId:
        """Where a signal goes that another incident sent on to ``there``."""
        ports = self._ports
        try:
            entity = await ports.engine.current(KIND, there, ports.clock.monotonic() + DEADLINE_S)
        except (EngineError, TimeoutError):
            return there  # deciding will say more
        return correlate.target_there(alert, None if entity is None else entity.state)

    async def _candidate(self, fingerprint: str) -> correlate.Candidate | None:
        """What the index knows, as the engine sees it now: somebody may have resolved or merged it since."""
        ports = self._ports
        found = await ports.index.latest(fingerprint)
        if found is None:
            return None
        try:
            entity = await ports.engine.current(KIND, found.incident_id, ports.clock.monotonic() + DEADLINE_S)
        except (EngineError, TimeoutError):
            return found  # deciding will say more
        return found if entity is None else correlate.candidate_of(entity.state, fingerprint) or found

    async def _submit(self, signal: SignalRecord, incident_id: EntityId) -> str:
        ports, alert = self._ports, signal.alert
        answer = await ports.engine.submit(
            CommandRequest(
                command_id=correlate.command_id(alert, incident_id, signal.envelope.time),
                body_hash=correlate.body_hash(alert),
                kind=KIND,
                entity_id=incident_id,
                command=correlate.command(alert, incident_id, ports.clock.now(), ports.severities),
                actor=correlate.ACTOR,
                role=Role.OPERATOR,
                deadline=ports.clock.monotonic() + DEADLINE_S,
                causation_id=signal.envelope.id,
                traceparent=inject(),
            )
        )
        ports.index.note(alert.fingerprint, answer.entity.state)
        return "unchanged" if answer.replayed else "accepted"

    async def _bury(self, record: LogRecord, error: str) -> None:
        """Put it aside, for good: retried until it is safely there."""
        name = f"dead {record.partition}:{record.offset}"
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._ports.dead.append([dead_letter(record, GROUP, error, self._ports.clock.now())])
                break
            except Unavailable as away:
                await self._wait(name, str(away), attempt)
        self._go_on(name)
        self._handled.labels("dead").inc()
        _log.error("signal put aside", topic=record.topic, partition=record.partition, offset=record.offset, error=error)

    async def _wait(self, what: str, reason: str, attempt: int) -> None:
        if self._waits.get(what) != reason:
            _log.warning("signals wait", reason=reason)
        self._waits[what] = reason
        self._ports.progress.pause(reason)
        self._retries.inc()
        await self._ports.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S)) - 1])

    def _go_on(self, what: str) -> None:
        if self._waits.pop(what, None) is not None and not self._waits:
            self._ports.progress.resume()
            _log.info("signals go on")

    def _report(self) -> None:
        progress, places = self._ports.progress, self._ports.reader.places()
        progress.keep(places)
        for partition, place in places.items():
            progress.report(partition, place.position, place.end)
        if not places:
            progress.beat()
        self._lag.set(progress.lag())
