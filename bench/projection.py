"""The projector's speed: a rebuild in one process beside the ``eventsourcing`` library's projection, and the live projection at a fixed rate.

``make bench-projection``. Real servers on free ports; Postgres with fsync. All of it shares the machine's cores with the load.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import uvloop

from bench.cpu import cpu_seconds
from bench.peer_projection import events_per_second
from bench.report import Row, report
from bench.stories import EVENTS_EACH as EACH
from bench.stories import LIVE, StoryLog
from devstack.kafka import Kafka
from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from projector.projections.build import Build
from projector.projections.progress import Progress

REBUILD_EVENTS = int(os.environ.get("EVENTS", "150000"))
PEER_INCIDENTS = 500
PEER = "eventsourcing"
RATE = 5_000
LIVE_SECONDS = 12.0
TICK_S = 0.02
CAUGHT_UP_WITHIN_S = 120.0
REBUILD_MIN = 20_000
LAG_S_MAX = 1.0
PARTITIONS = load_topics()[EVENTS].partitions


@dataclass(slots=True)
class Heard:
    """What a build told: when each of its parts began, and how much it had done."""

    parts: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    last: Progress | None = None

    def tell(self, progress: Progress) -> None:
        part = progress.doing.split()[0]
        if not self.parts or self.parts[-1][0] != part:
            self.parts.append((part, time.perf_counter()))
        self.last = progress

    def at(self, part: str) -> float:
        return next(at for name, at in self.parts if name == part)


async def rebuild(stack: ThrowawayStack) -> list[Row]:
    """Build the next projection in this process, from the whole log."""
    log = KafkaEventLog(stack.servers.kafka.bootstrap, PARTITIONS, client_id="bench")
    pool = await Pool.open(
        stack.servers.postgres.dsn,
        name="bench",
        max_size=PARTITIONS + 2,
        synchronous_commit=False,
        statement_timeout_s=300.0,
        idle_timeout_s=30.0,
    )
    assert isinstance(stack.servers.kafka, Kafka), "one broker"
    heard, pids = Heard(), {"postgres": stack.servers.postgres.pid, "kafka": stack.servers.kafka.pid}
    # As opsctl does: a load makes millions of objects and no circles of them.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    before, began = cpu_seconds(pids), time.perf_counter()
    try:
        await Build(log, pool, SystemClock(), heard.tell).run()
        took, after = time.perf_counter() - began, cpu_seconds(pids)
    finally:
        await pool.close()
        await log.close()
    assert heard.last is not None
    events, loaded = heard.last.events, heard.at("writes") - heard.at("loads")
    rate = events / loaded
    rows = [
        Row("rebuild: events", "", events),
        Row("rebuild: rows", "", heard.last.rows),
        Row("rebuild: bytes of rows", "MB", heard.last.bytes / 1e6),
        Row("rebuild: load", "events/s", rate).judged(f">= {REBUILD_MIN:,}", ok=rate >= REBUILD_MIN),
        Row("rebuild: load and indexes, until ready", "events/s", events / took),
        Row("rebuild: load took", "s", loaded),
        Row("rebuild: keys and indexes took", "s", took - loaded),
    ]
    return rows + [Row(f"rebuild: CPU per event, {said}", "us", (after[name] - before[name]) / events * 1e6) for name, said in _CPU.items()]


_CPU = {"load": "the one process", "postgres": "Postgres", "kafka": "Kafka"}


async def live(stack: ThrowawayStack, log: StoryLog) -> list[Row]:
    """Events at RATE while the projector runs, and how soon their rows are committed."""
    records = list(log.records(_whole(int(RATE * LIVE_SECONDS))))
    pids = {"projector": stack.projector.process.pid, "postgres": stack.servers.postgres.pid}
    before, began, sent = cpu_seconds(pids), time.perf_counter(), 0
    behind: list[float] = []
    while sent < len(records):
        due = min(len(records), int((time.perf_counter() - began) * RATE))
        await log.append(log.stamped(records[sent:due], datetime.now(UTC)))
        sent = due
        await asyncio.sleep(TICK_S)
    took = time.perf_counter() - began
    await caught_up(stack)
    late = time.perf_counter() - began - took
    after = cpu_seconds(pids)
    pool = await Pool.open(stack.servers.postgres.dsn, name="bench")
    ages = await pool.fetch(
        "SELECT extract(epoch FROM projected_at - event_at)::float8 AS age FROM feed.entries WHERE event_at > now() - interval '10 minutes' ORDER BY 1"
    )
    await pool.close()
    behind = [row["age"] for row in ages]
    p50, p99, most = (behind[int((len(behind) - 1) * share)] for share in (0.5, 0.99, 1.0))
    rate = sent / took
    return [
        Row("live: events, offered and projected", "events/s", rate).judged(f">= {RATE:,}", ok=rate >= 0.99 * RATE and late < LAG_S_MAX),
        Row("live: event to commit, p50", "ms", p50 * 1e3),
        Row("live: event to commit, p99", "ms", p99 * 1e3),
        Row("live: event to commit, at most", "ms", most * 1e3).judged(f"< {LAG_S_MAX:.0f} s", ok=most < LAG_S_MAX),
        Row("live: events per feed entry", "", sent / max(1, len(behind))),
        Row("live: CPU per event, projector", "us", (after["projector"] - before["projector"]) / sent * 1e6),
        Row("live: CPU per event, Postgres", "us", (after["postgres"] - before["postgres"]) / sent * 1e6),
    ]


async def drain(stack: ThrowawayStack, log: StoryLog) -> list[Row]:
    """How fast the live projector works off a backlog, statement by statement."""
    stack.projector.stop()
    backlog = _whole(2 * LIVE * EACH)
    await log.append(log.records(backlog, since=datetime.now(UTC)))
    stack.projector.start()
    began = time.perf_counter()
    await caught_up(stack)
    return [Row("live: a backlog is worked off", "events/s", backlog / (time.perf_counter() - began))]


async def caught_up(stack: ThrowawayStack) -> None:
    """Wait until every record that the log has is in the rows."""
    pool = await Pool.open(stack.servers.postgres.dsn, name="bench")
    log = KafkaEventLog(stack.servers.kafka.bootstrap, PARTITIONS, client_id="bench")
    try:
        async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
            ends = {partition: await log.end_offset(partition) for partition in range(PARTITIONS)}
            while True:
                rows = await pool.fetch('SELECT partition, "offset" FROM read.checkpoints WHERE topic = $1', EVENTS)
                if rows and all(row["offset"] >= ends[row["partition"]] for row in rows):
                    return
                await asyncio.sleep(0.02)
    finally:
        await pool.close()
        await log.close()


def _whole(events: int) -> int:
    """The next multiple of what a block of stories has."""
    return -(-events // (LIVE * EACH)) * LIVE * EACH


async def ours(stack: ThrowawayStack) -> list[Row]:
    log = await StoryLog.open(stack.servers.kafka.bootstrap, PARTITIONS)
    try:
        rows = await live(stack, log) + await drain(stack, log)
        stack.projector.stop()
        await log.append(log.records(_whole(REBUILD_EVENTS)))
    finally:
        await log.close()
    return [*await rebuild(stack), *rows]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ThrowawayStack(Path(folder), services=("projector",), durable=True) as stack:
        rows = uvloop.run(ours(stack))
        theirs = events_per_second(stack.servers.postgres.dsn, PEER_INCIDENTS)
    rows = [
        Row(row.metric, row.unit, row.ours, theirs, PEER, row.aim, row.ok) if row.unit == "events/s" else row for row in rows
    ]  # fmt: skip
    report(
        "projection",
        rows,
        [
            f"ten events of nine kinds on each incident, {LIVE:,} incidents at the same time, {PARTITIONS} partitions; bench/stories.py",
            f"the peer projects {PEER_INCIDENTS * EACH:,} events, a transaction each, into one row an incident; bench/peer_projection.py",
            "each event of ours makes a version, a line of the timeline and, live, a row of the list with its indexes, and the feed",
            f"load, Kafka, Postgres and projector share {psutil.cpu_count()} cores",
        ],
    )


if __name__ == "__main__":
    main()
