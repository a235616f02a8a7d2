"""The engine on a real Kafka: the same promises while the broker is killed, paused and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import CommandRequest, EngineError
from devstack.topics import create_topic
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.ids import CommandId

from .harness import Bench, BentWire, bench, note

if TYPE_CHECKING:
    from devstack.kafka import Kafka

__all__ = ["bench"]
TOPIC = "events"
PARTITIONS = 2


@asynccontextmanager
async def engine_on(kafka: Kafka) -> AsyncIterator[Bench]:
    log = KafkaEventLog(kafka.bootstrap, PARTITIONS, topic=TOPIC, append_timeout_s=2.0, request_timeout_s=2.0)
    clock, ids = SystemClock(), SystemIds()
    metrics = EngineMetrics(Metrics(CollectorRegistry()))
    engine = PartitionedEngine(log, NoStateSource(), clock, ids, metrics, owner="a", url="http://127.0.0.1:0")
    await engine.start()
    try:
        await engine.serving(20)
        yield Bench(log, BentWire(), engine, clock, ids)  # type: ignore[arg-type]
    finally:
        await engine.stop()
        await log.close()


async def valid(kafka: Kafka) -> list[DomainRecord]:
    """Every valid event of the topic, as a fresh reader sees it."""
    log = KafkaEventLog(kafka.bootstrap, PARTITIONS, topic=TOPIC)
    ends = {p: await log.end_offset(p) for p in range(PARTITIONS)}
    reader = await log.reader({p: Checkpoint() for p in ends})
    found: list[DomainRecord] = []
    try:
        while any(reader.position(p).offset < end for p, end in ends.items()):
            for items in (await reader.poll(500, 1.0)).values():
                events = [decode(i.record) for i in items if i.what is RecordClass.EVENT]
                found.extend(e for e in events if isinstance(e, DomainRecord))
    finally:
        await reader.close()
        await log.close()
    return found


async def settle(b: Bench, request: CommandRequest, limit_s: float = 45.0) -> int:
    """Repeat with the same id until the answer is definite; returns the version."""
    async with asyncio.timeout(limit_s):
        while True:
            fresh = CommandRequest(**{**{s: getattr(request, s) for s in request.__slots__}, "deadline": b.clock.monotonic() + 2.0})
            try:
                return (await b.engine.submit(fresh)).version
            except EngineError as error:
                assert error.status == 503, error
                await asyncio.sleep(0.05)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_a_broker_that_dies_or_hangs_costs_time_and_no_truth(own_kafka: Kafka, fault: str) -> None:
    await create_topic(own_kafka.bootstrap, TOPIC, PARTITIONS)
    async with engine_on(own_kafka) as b:
        names = ["one", "two", "three"]
        for name in names:
            await b.do(b.open(name), on=name)
        told: dict[CommandId, int] = {}

        async def client(number: int) -> None:
            for i in range(20):
                request = b.request(note(str(i), f"n{number}.{i}"), on=names[(number + i) % 3])
                told[request.command_id] = await settle(b, request)
                await asyncio.sleep(0.02)

        clients = asyncio.gather(*[client(n) for n in range(4)])
        await asyncio.sleep(0.15)
        if fault == "kill":
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(own_kafka.start)
        else:
            own_kafka.pause()
            await asyncio.sleep(4.0)  # longer than the append time-out: the session is given up
            own_kafka.resume()
        await clients
        events = await valid(own_kafka)
        applied = Counter(e.command_id for e in events)
        assert all(applied[c] == 1 for c in told)
        assert {e.command_id: e.version for e in events if e.command_id in told} == told
        assert len(told) == 80
