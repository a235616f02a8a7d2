"""A room with the real engine and the real processes, without servers: logs in memory, and crashes where a test wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from prometheus_client import CollectorRegistry

from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Accepted, CommandRequest, Engine, PartitionStatus, RecordSkipped
from command_api.processes.attempt import Attempts
from command_api.processes.consumer import Ports, ProcessConsumer
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.checkpoints import MemoryCheckpoints
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.ids import SeededIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import Telemetry
from opsroom_domain.entities import incident as i
from opsroom_domain.ids import ActorId, CommandId, EntityId

ANNA, BEN = ActorId("usr_anna"), ActorId("usr_ben")
START = ManualClock().now()


class Crash(BaseException):
    """The process manager dies here. No program catches it."""


Trouble = Callable[[str, CommandRequest], Awaitable[None]]
"""What happens ``before`` or ``after`` a step of a process is submitted."""


async def _no_trouble(when: str, request: CommandRequest) -> None:
    del when, request


class TroubledEngine:
    """The real engine. ``trouble`` is asked before and after each submit, and raises what is to go wrong."""

    def __init__(self, engine: PartitionedEngine) -> None:
        self._engine = engine
        self.submitted: list[CommandRequest] = []
        self.trouble: Trouble = _no_trouble

    async def submit(self, request: CommandRequest) -> Accepted:
        self.submitted.append(request)
        await self.trouble("before", request)
        answer = await self._engine.submit(request)
        await self.trouble("after", request)
        return answer

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        return await self._engine.skip(request)

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        return await self._engine.current(kind, entity_id, deadline)

    def status(self) -> tuple[PartitionStatus, ...]:
        return self._engine.status()


@dataclass
class Room:
    log: MemoryEventLog
    engine: PartitionedEngine
    troubled: TroubledEngine
    clock: ManualClock
    ids: SeededIds
    checkpoints: MemoryCheckpoints
    metrics: Metrics
    progress: Progress
    slept: list[float] = field(default_factory=list)
    served: Callable[[], frozenset[int]] | None = None

    def consumer(self, engine: Engine | None = None) -> ProcessConsumer:
        """Another process manager, which begins at the kept checkpoints."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.clock.advance(seconds)
            await asyncio.sleep(0)

        return ProcessConsumer(
            Ports(
                log=self.log,
                checkpoints=self.checkpoints,
                attempts=Attempts(engine or self.troubled, self.clock, Telemetry("test")),
                served=self.served or self.engine.served,
                clock=self.clock,
                metrics=self.metrics,
                progress=self.progress,
                sleep=sleep,
            )
        )

    async def settle(self, consumer: ProcessConsumer | None = None) -> ProcessConsumer:
        """Until there is nothing to read and nothing under way."""
        consumer = consumer or self.consumer()
        while await consumer.step(0.0):
            await consumer.idle()
        return consumer

    async def do(self, command: Any, on: EntityId, *, kind: str = "incident", command_id: str | None = None) -> Accepted:
        """What a person asks for, a moment after the one before."""
        self.clock.advance(0.001)
        return await self.engine.submit(
            CommandRequest(
                command_id=CommandId(command_id or self.ids.uuid7()),
                body_hash=sha256(repr(command).encode()).hexdigest()[:32],
                kind=kind,
                entity_id=on,
                command=command,
                actor=command.by,
                role="operator",
                deadline=self.clock.monotonic() + 5.0,
            )
        )

    async def opened(self, *signals: str, partition: int | None = None, **more: Any) -> EntityId:
        """A new incident, with signals that fire; in ``partition``, if that matters."""
        incident_id = self.ids.entity_id("inc")
        while partition not in {None, self.log.partition_of(incident_id)}:
            incident_id = self.ids.entity_id("inc")
        await self.do(i.Open(at=START, by=ANNA, incident_id=incident_id, title="Disk full", **more), incident_id)
        for fingerprint in signals:
            await self.report(incident_id, fingerprint)
        return incident_id

    async def report(self, on: EntityId, fingerprint: str, *, episode: int = 1, status: i.SignalStatus = i.SignalStatus.FIRING) -> Accepted:
        return await self.do(report(on, fingerprint, episode=episode, status=status), on)

    async def merge(self, source: EntityId, into: EntityId) -> Accepted:
        return await self.do(i.Merge(at=START, by=ANNA, into=into), source)

    async def link(self, here: EntityId, there: EntityId, relation: str = "blocks") -> Accepted:
        return await self.do(i.Link(at=START, by=ANNA, target=there, relation=relation), here)

    def events(self) -> list[DomainRecord]:
        """Every valid event, as any reader sees it."""
        found: list[DomainRecord] = []
        for partition in range(self.log.partitions):
            terms = TermFilter(Checkpoint())
            for record in self.log.records(partition):
                if terms.classify(record).what is RecordClass.EVENT:
                    event = decode(record)
                    assert isinstance(event, DomainRecord)
                    found.append(event)
        return found

    def entities(self) -> dict[EntityId, Entity]:
        found: dict[EntityId, Entity] = {}
        for record in self.events():
            found[record.entity_id] = fold(found.get(record.entity_id), record)
        return found

    def state(self, entity_id: EntityId) -> i.Incident:
        state = self.entities()[entity_id].state
        assert isinstance(state, i.Incident)
        return state

    def types(self, entity_id: EntityId) -> list[str]:
        return [event.envelope.type.rsplit(".", 1)[1] for event in self.events() if event.entity_id == entity_id]


def report(on: EntityId, fingerprint: str, *, episode: int = 1, status: i.SignalStatus = i.SignalStatus.FIRING) -> i.ReportSignal:
    return i.ReportSignal(
        at=START,
        by=ActorId("svc_signals"),
        incident_id=on,
        fingerprint=fingerprint,
        status=status,
        starts_at=START.replace(minute=episode),
        ends_at=None,
        name="DiskFull",
        summary="No space left",
        severity=i.Severity.SEV2,
        source="alertmanager",
        source_url="",
    )


@asynccontextmanager
async def room(partitions: int = 3, seed: int = 7) -> AsyncIterator[Room]:
    """Everything of one replica but its doors."""
    clock = ManualClock()
    ids, metrics, log = SeededIds(seed, clock), Metrics(CollectorRegistry()), MemoryEventLog(partitions)
    engine = PartitionedEngine(log, NoStateSource(), clock, ids, EngineMetrics(metrics), owner="a", url="http://127.0.0.1:1")
    await engine.start()
    await engine.serving(5)
    progress = Progress("processes", clock)
    try:
        yield Room(log, engine, TroubledEngine(engine), clock, ids, MemoryCheckpoints(), metrics, progress)
    finally:
        await engine.stop()
