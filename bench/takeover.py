"""A partition taken over: how long from the fence until it is served, and what the first commands and the memory cost.

``make bench-takeover``. With rows that are current, whatever the log's length; and from the log alone, with Postgres empty or away, for a
shorter log, so that one can reckon one's own. Every takeover is in a process of its own, with the real engine on real Kafka and Postgres.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from bench.history import EVENTS_EACH, History, fold_some, write_log, write_rows
from bench.report import Row, percentile, report
from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import CommandRequest
from command_api.engine.writer import Limits
from devstack.ports import free_port
from devstack.servers import ServerSet
from devstack.topics import create_topic
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import AppendSession, Checkpoint, EventLog, LogReader, RawRecord
from opsroom_common.log.state_source import NoStateSource, StateSource
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId

LONG, SHORT = 100_000, 6_000
"""Entities; ten events each."""
SERVED_S_MAX = 3.0
COLD = 500
SAMPLE = 300
MIB = 1 << 20
IDS, CLOCK = SystemIds(), SystemClock()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One takeover. ``dsn`` None: no rows at all; an address where nobody listens: Postgres is away."""

    bootstrap: str
    history: History
    dsn: str | None
    state_bytes_max: int = 256 * MIB
    cold: int = COLD


@dataclass(frozen=True, slots=True)
class Taken:
    served_s: float
    first_ms: float
    cold_ms: Sequence[float]
    memory_mib: float
    held_mib: float
    evicted: float
    scans: float


@dataclass(slots=True)
class FencedLog:
    """The log, noting when the fence is handed to it: a takeover's first append."""

    inner: EventLog
    fenced_at: float = 0.0

    @property
    def topic(self) -> str:
        return self.inner.topic

    @property
    def partitions(self) -> int:
        return self.inner.partitions

    def partition_of(self, entity_id: str) -> int:
        return self.inner.partition_of(entity_id)

    async def session(self) -> AppendSession:
        return FencedSession(await self.inner.session(), self)

    async def reader(self, starts: Mapping[int, Checkpoint]) -> LogReader:
        return await self.inner.reader(starts)

    async def end_offset(self, partition: int) -> int:
        return await self.inner.end_offset(partition)


@dataclass(slots=True)
class FencedSession:
    inner: AppendSession
    log: FencedLog

    @property
    def alive(self) -> bool:
        return self.inner.alive

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int:
        self.log.fenced_at = self.log.fenced_at or time.perf_counter()
        return await self.inner.append(partition, records)

    async def close(self) -> None:
        await self.inner.close()


async def take_over(case: Case) -> Taken:
    """Fence, serve, and write to entities that are in no memory."""
    kafka = KafkaEventLog(case.bootstrap, 1, topic=case.history.topic)
    pool = await Pool.open(case.dsn, name="bench") if case.dsn is not None else None
    source: StateSource = RowSource(pool, case.history.topic) if pool is not None else NoStateSource()
    registry = CollectorRegistry()
    log = FencedLog(kafka)
    limits = Limits(state_bytes_max=case.state_bytes_max)
    engine = PartitionedEngine(
        log, source, CLOCK, IDS, EngineMetrics(Metrics(registry)), owner="b", url="http://127.0.0.1:1", limits=limits
    )
    before = memory_bytes()
    await engine.start()
    await engine.serving(280)
    served_s = time.perf_counter() - log.fenced_at
    grown = memory_bytes() - before
    held = registry.get_sample_value("opsroom_engine_state_bytes") or 0.0
    numbers = random.Random(7).sample(range(case.history.entities), case.cold)
    times = [await note(engine, case.history.id(number)) for number in numbers]
    evicted = sum(registry.get_sample_value("opsroom_engine_evictions_total", {"covered": c}) or 0.0 for c in ("true", "false"))
    scans = registry.get_sample_value("opsroom_engine_log_scans_total") or 0.0
    await engine.stop()
    await kafka.close()
    if pool is not None:
        await pool.close()
    return Taken(served_s, times[0], times[1:], grown / MIB, held / MIB, evicted, scans)


async def note(engine: PartitionedEngine, name: EntityId) -> float:
    """One command; milliseconds."""
    by = ActorId("usr_bench")
    request = CommandRequest(
        command_id=CommandId(IDS.uuid7()),
        body_hash="1" * 32,
        kind="incident",
        entity_id=name,
        command=incident.AddNote(at=CLOCK.now(), by=by, note_id="last", text="it is full now"),
        actor=by,
        role="operator",
        deadline=CLOCK.monotonic() + 60,
    )
    began = time.perf_counter()
    answer = await engine.submit(request)
    assert answer.version > EVENTS_EACH
    return (time.perf_counter() - began) * 1e3


async def verified(bootstrap: str, dsn: str, history: History) -> int:
    """Compare rows with the fold of the log, for a sample; returns how many."""
    log = KafkaEventLog(bootstrap, 1, topic=history.topic)
    pool = await Pool.open(dsn, name="bench")
    numbers = frozenset(random.Random(5).sample(range(history.entities), SAMPLE))
    folded = await fold_some(log, history, numbers)
    source = RowSource(pool, history.topic)
    for number in numbers:
        row = await source.load(0, history.id(number))
        assert row is not None
        assert row.entity == folded[history.id(number)], f"the row of {history.id(number)} is not the fold of the log"
    await pool.close()
    await log.close()
    return len(numbers)


def memory_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def apart(work: Callable[..., Coroutine[Any, Any, T]], *values: object) -> T:
    """Run a coroutine function in a new process, so that no memory of another run is counted."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(run_quietly, work, values).result()


def run_quietly(work: Callable[..., Coroutine[Any, Any, T]], values: Sequence[object]) -> T:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    return uvloop.run(work(*values))


def long_rows(taken: Taken) -> list[Row]:
    name = f"{LONG * EVENTS_EACH:,} events, {LONG:,} entities, rows current"
    return [
        Row(f"{name}: fence to serving", "s", taken.served_s, aim=f"<= {SERVED_S_MAX} s", ok=taken.served_s <= SERVED_S_MAX),
        Row("  first command, its entity cold", "ms", taken.first_ms),
        Row("  next commands, each entity cold: p50", "ms", percentile(taken.cold_ms, 0.5)),
        Row("  next commands, each entity cold: p99", "ms", percentile(taken.cold_ms, 0.99)),
        Row("  memory that the takeover took", "MiB", taken.memory_mib),
    ]


def short_rows(name: str, taken: Taken) -> list[Row]:
    events = SHORT * EVENTS_EACH
    return [
        Row(f"{events:,} events, {SHORT:,} entities, {name}: fence to serving", "s", taken.served_s),
        Row("  events read back", "1/s", events / taken.served_s),
        Row("  first command", "ms", taken.first_ms),
        Row("  memory that the takeover took", "MiB", taken.memory_mib),
        Row("  of that in entities, estimated", "MiB", taken.held_mib),
        *([Row("  entities let go meanwhile and after", "", taken.evicted)] if taken.evicted else []),
    ]


def measure(servers: ServerSet) -> tuple[list[Row], list[str]]:
    bootstrap, dsn = servers.kafka.bootstrap, servers.postgres.dsn
    away = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    long, short = History.new("takeover-long", LONG), History.new("takeover-short", SHORT)
    for history in (long, short):
        asyncio.run(create_topic(bootstrap, history.topic, 1, {"retention.ms": "-1"}))
    began = time.perf_counter()
    apart(write_log, bootstrap, long)
    apart(write_log, bootstrap, short)
    logged = time.perf_counter()
    apart(write_rows, dsn, long)
    made = time.perf_counter()
    sample = apart(verified, bootstrap, dsn, long)
    rows = long_rows(apart(take_over, Case(bootstrap, long, dsn)))
    rows += short_rows("Postgres empty", apart(take_over, Case(bootstrap, short, None)))
    rows += short_rows("Postgres away", apart(take_over, Case(bootstrap, short, away)))
    tight = apart(take_over, Case(bootstrap, short, away, state_bytes_max=8 * MIB, cold=10))
    rows += short_rows("Postgres away, 8 MiB of memory", tight)
    slow = percentile(tight.cold_ms, 0.5)
    rows += [
        Row("  next commands, each entity cold: p50", "ms", slow),
        Row("  scans of the log for 10 commands", "", tight.scans),
    ]
    notes = [
        f"set-up: {logged - began:.0f} s for the logs, {made - logged:.0f} s for the rows",
        "rows: made from one incident that the projector's fold_batch folded, with other ids and offsets, and written by the projector's statement;",
        f"      versions and timeline, which a takeover does not read, left out; {sample} of them compared with a fold of the log: equal",
        "fence to serving: from handing the fence to the producer until commands are taken; the checkpoint is read before that",
        "memory: growth of the process' resident memory until it serves",
    ]
    return rows, notes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ServerSet.throwaway(Path(folder)) as servers:
        rows, notes = measure(servers)
    report("takeover of a partition", rows, notes)


if __name__ == "__main__":
    main()
