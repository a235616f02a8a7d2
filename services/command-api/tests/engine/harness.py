"""A bench for the engine: the in-memory log, a wire that can be bent, rows that can be set, and short names for commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from prometheus_client import CollectorRegistry

from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Accepted, CommandRequest
from command_api.engine.writer import Limits
from opsroom_common.contracts.codec import decode, encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, DomainRecord, Envelope
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import AppendUnknown, Checkpoint, RawRecord, RecordClass
from opsroom_common.log.state_source import NoStateSource, StateSource
from opsroom_common.runtime.clock import Clock, ManualClock, SystemClock
from opsroom_common.runtime.ids import Ids, SeededIds, SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.changes import Change
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

ANNA = ActorId("usr_anna")
EPOCH = ManualClock().now()

Carry = Callable[[Callable[[], int]], "asyncio.Future[int] | int"]


class BentWire:
    """Lands at once, unless a script for the next batch says otherwise. ``held`` batches wait for ``release``."""

    def __init__(self) -> None:
        self.sent: list[Sequence[RawRecord]] = []
        self.script: list[str] = []
        self.late: list[Callable[[], int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.before_landing: Callable[[], object] = lambda: None

    async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
        del partition
        self.sent.append(records)
        step = self.script.pop(0) if self.script else "land"
        await asyncio.sleep(0)
        if step != "land early":
            await self.gate.wait()
        if step in {"lose", "late"}:
            if step == "late":
                self.late.append(land)
            raise AppendUnknown("the batch was lost")
        self.before_landing()
        base = land()
        if step == "lose ack":
            raise AppendUnknown("the ack was lost")
        if step == "land early":
            await self.gate.wait()
        return -1 if step == "duplicate" else base


@dataclass
class Bench:
    """One engine on one log of one partition (more if asked)."""

    log: MemoryEventLog
    wire: BentWire
    engine: PartitionedEngine
    clock: Clock
    ids: Ids
    owner: str = "a"
    deadline_s: float = 5.0
    known: dict[str, EntityId] = field(default_factory=dict)

    def id(self, name: str = "one") -> EntityId:
        if name not in self.known:
            self.known[name] = self.ids.entity_id("inc")
        return self.known[name]

    def request(
        self,
        command: incident.CommandBase,
        *,
        on: str = "one",
        command_id: str | None = None,
        body: str | None = None,
        expected_version: int | None = None,
    ) -> CommandRequest:
        return CommandRequest(
            command_id=CommandId(command_id or self.ids.uuid7()),
            body_hash=body or sha256(repr(command).encode()).hexdigest()[:32],
            kind="incident",
            entity_id=self.id(on),
            command=command,
            actor=command.by,
            role="operator",
            deadline=self.clock.monotonic() + self.deadline_s,
            expected_version=None if expected_version is None else Version(expected_version),
        )

    async def do(self, command: incident.CommandBase, **options: object) -> Accepted:
        return await self.engine.submit(self.request(command, **options))  # pyright: ignore[reportArgumentType] -- the options of ``request``

    def open(self, on: str = "one") -> incident.Open:
        return incident.Open(at=EPOCH, by=ANNA, incident_id=self.id(on), title=f"disk full on {on}")

    def foreign_fence(self, partition: int = 0) -> str:
        """Another writer takes the partition over."""
        term = self.ids.uuid7()
        envelope = Envelope(id=term, type=FENCE_TYPE, source="/command-api", time=EPOCH, term=term)
        self.log.land(partition, [encode_fence(envelope, "b", "http://127.0.0.1:1")])
        return term

    def valid(self, partition: int = 0) -> list[DomainRecord]:
        """The valid events as any reader sees them."""
        terms = TermFilter(Checkpoint())
        found = [terms.classify(record) for record in self.log.records(partition)]
        decoded = [decode(item.record) for item in found if item.what is RecordClass.EVENT]
        return [record for record in decoded if isinstance(record, DomainRecord)]

    def classes(self, partition: int = 0) -> list[str]:
        terms = TermFilter(Checkpoint())
        return [terms.classify(record).what.value for record in self.log.records(partition)]

    def folded(self, partition: int = 0) -> dict[EntityId, Entity]:
        entities: dict[EntityId, Entity] = {}
        for record in self.valid(partition):
            entities[record.entity_id] = fold(entities.get(record.entity_id), record)
        return entities


@asynccontextmanager
async def bench(
    *,
    log: MemoryEventLog | None = None,
    source: StateSource | None = None,
    clock: Clock | None = None,
    seed: int | None = None,
    partitions: int = 1,
    limits: Limits | None = None,
    serve: bool = True,
) -> AsyncIterator[Bench]:
    """A running engine; stopped at the end."""
    clock = clock or SystemClock()
    ids: Ids = SystemIds() if seed is None else SeededIds(seed, clock)
    wire = BentWire()
    log = log or MemoryEventLog(partitions)
    log.wire = wire
    engine = PartitionedEngine(
        log,
        source or NoStateSource(),
        clock,
        ids,
        EngineMetrics(Metrics(CollectorRegistry())),
        owner="a",
        url="http://127.0.0.1:0",
        limits=limits,
    )
    await engine.start()
    try:
        if serve:
            await engine.serving(5.0)
        yield Bench(log, wire, engine, clock, ids)
    finally:
        wire.gate.set()
        await engine.stop()


def note(text: str = "looking", note_id: str = "n1") -> incident.AddNote:
    return incident.AddNote(at=EPOCH, by=ANNA, note_id=note_id, text=text)


def acknowledge() -> incident.Acknowledge:
    return incident.Acknowledge(at=EPOCH, by=ANNA)


def retitle(seen: str, to: str) -> incident.Edit:
    return incident.Edit(at=EPOCH, by=ANNA, changes=(Change(field="title", seen=seen, to=to),))


async def turns(count: int = 20) -> None:
    """Let everything that can run, run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for a condition, with a bound."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)
