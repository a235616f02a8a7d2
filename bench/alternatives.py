"""The write path beside its alternatives: the same engine and the same commands on three logs. ``make bench-alternatives``.

Ours: idempotent batches under a fence; and again on a topic that is flushed to the disk before each acknowledgement, as Postgres does. A Kafka
transaction for each flush. A table in Postgres with compare-and-set. Without HTTP, in one process, in rounds that alternate; medians. What each can lose or do twice is in ``tests/alternatives``.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from bench.log_postgres import PostgresLog
from bench.log_transactions import TransactionLog
from bench.report import Row, percentile, report
from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import CommandRequest
from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.topics import create_topic
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import EventLog
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId

IN_FLIGHT = (1, 16, 64)
ROUNDS = 9
SECONDS = 1.2
INCIDENTS = 256
OURS, FSYNCED = "idempotent batch, fence", "ours with fsync each"
TRANSACTIONS, POSTGRES = "transaction per flush", "compare-and-set in Postgres"
BY = ActorId("usr_bench")
CLOCK, IDS = SystemClock(), SystemIds()


@dataclass(frozen=True, slots=True)
class Measured:
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of this process, for each command."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One engine on one log, with its incidents opened."""

    engine: PartitionedEngine
    incidents: list[EntityId]

    async def submit(self, name: EntityId, command: incident.CommandBase) -> None:
        request = CommandRequest(
            command_id=CommandId(IDS.uuid7()),
            body_hash="0" * 32,
            kind="incident",
            entity_id=name,
            command=command,
            actor=BY,
            role="operator",
            deadline=CLOCK.monotonic() + 30,
        )
        await self.engine.submit(request)

    async def closed_loop(self, in_flight: int, seconds: float) -> Measured:
        """``in_flight`` callers, each with its next command as soon as its last is answered."""
        times: list[float] = []
        end = time.perf_counter() + seconds

        async def caller(number: int) -> None:
            i = 0
            while (began := time.perf_counter()) < end:
                name = self.incidents[(number * 37 + i) % len(self.incidents)]
                await self.submit(name, incident.AddNote(at=CLOCK.now(), by=BY, note_id=IDS.uuid7(), text="disk is at 97 percent"))
                times.append(time.perf_counter() - began)
                i += 1

        began, busy = time.perf_counter(), time.process_time()
        await asyncio.gather(*[caller(number) for number in range(in_flight)])
        took, busy = time.perf_counter() - began, time.process_time() - busy
        return Measured(len(times) / took, percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3, busy / len(times) * 1e6)


@asynccontextmanager
async def contender(log: EventLog) -> AsyncIterator[Contender]:
    metrics = EngineMetrics(Metrics(CollectorRegistry()))
    engine = PartitionedEngine(log, NoStateSource(), CLOCK, IDS, metrics, owner="bench", url="http://127.0.0.1:1")
    await engine.start()
    try:
        await engine.serving(30)
        made = Contender(engine, [IDS.entity_id("inc") for _ in range(INCIDENTS)])
        opens = [incident.Open(at=CLOCK.now(), by=BY, incident_id=name, title="bench") for name in made.incidents]
        await asyncio.gather(*[made.submit(name, command) for name, command in zip(made.incidents, opens, strict=True)])
        yield made
    finally:
        await engine.stop()


async def measure(kafka: Kafka, postgres: Postgres) -> dict[str, dict[int, Measured]]:
    for topic, config in {"ours": {}, "fsynced": {"flush.messages": "1"}, "transactions": {}}.items():
        await create_topic(kafka.bootstrap, topic, 1, config)
    async with AsyncExitStack() as stack:
        pool = await Pool.open(postgres.dsn, name="bench")
        stack.push_async_callback(pool.close)
        table = PostgresLog(pool)
        await table.install()
        logs: dict[str, EventLog] = {
            OURS: KafkaEventLog(kafka.bootstrap, 1, topic="ours"),
            FSYNCED: KafkaEventLog(kafka.bootstrap, 1, topic="fsynced"),
            TRANSACTIONS: TransactionLog(kafka.bootstrap, "transactions"),
            POSTGRES: table,
        }
        contenders = {name: await stack.enter_async_context(contender(log)) for name, log in logs.items()}
        rounds: dict[str, dict[int, list[Measured]]] = {name: {n: [] for n in IN_FLIGHT} for name in contenders}
        for number in range(ROUNDS + 1):
            for in_flight in IN_FLIGHT:
                for name in rotated(list(contenders), number):
                    measured = await contenders[name].closed_loop(in_flight, SECONDS)
                    if number:  # the first round warms up
                        rounds[name][in_flight].append(measured)
    return {name: {n: median(found) for n, found in levels.items()} for name, levels in rounds.items()}


def rotated(names: list[str], by: int) -> list[str]:
    """Each round begins with another one, so that what else the machine does meets all alike."""
    by %= len(names)
    return names[by:] + names[:by]


def median(found: list[Measured]) -> Measured:
    return Measured(
        statistics.median(each.per_second for each in found),
        statistics.median(each.p50_ms for each in found),
        statistics.median(each.p99_ms for each in found),
        statistics.median(each.cpu_us for each in found),
    )


def rows_of(medians: dict[str, dict[int, Measured]]) -> list[Row]:
    rows: list[Row] = []
    for in_flight in IN_FLIGHT:
        ours = medians[OURS][in_flight]
        for name in (TRANSACTIONS, POSTGRES, FSYNCED):
            peer = medians[name][in_flight]
            sooner = ours.p50_ms <= peer.p50_ms if in_flight == 1 else None
            rows += [
                Row(f"{in_flight} in flight: commands", "1/s", ours.per_second, peer.per_second, name),
                Row(f"{in_flight} in flight: p50", "ms", ours.p50_ms, peer.p50_ms, name, "" if sooner is None else "sooner", sooner),
                Row(f"{in_flight} in flight: p99", "ms", ours.p99_ms, peer.p99_ms, name),
                Row(f"{in_flight} in flight: CPU of the engine's process", "us", ours.cpu_us, peer.cpu_us, name),
            ]
    return rows


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        kafka, postgres = Kafka(Path(folder) / "kafka"), Postgres(Path(folder) / "postgres")
        kafka.start()
        try:
            postgres.start()
            medians = uvloop.run(measure(kafka, postgres))
        finally:
            postgres.stop()
            kafka.stop()
    report(
        "the write path beside its alternatives",
        rows_of(medians),
        [
            f"one partition, engine.submit without HTTP, medians of {ROUNDS} alternating rounds of {SECONDS} s; ours is: {OURS}",
            "Kafka: one broker, acks=all; its durability is replicas, so it flushes when it likes, but for the topic with fsync each (flush.messages=1).",
            "Postgres: fsync and synchronous_commit on, no replica. See docs/adr/0029-the-write-paths-alternatives-measured.md",
        ],
    )


if __name__ == "__main__":
    main()
