"""What the alternatives to our write path can lose, do twice or hold up: one failure of each, on real servers (docs/adr/0029)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from bench.log_postgres import PostgresLog
from bench.log_transactions import TransactionLog
from conftest import KafkaAddress

from devstack.topics import create_topic, delete_topics
from opsroom_common.contracts.codec import encode_fence, encode_mark
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, Envelope
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import AppendUnknown, Checkpoint, EventLog, RawRecord, SessionLost
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds

IDS, CLOCK = SystemIds(), SystemClock()


def fence() -> tuple[str, RawRecord]:
    term = IDS.uuid7()
    return term, encode_fence(Envelope(id=term, type=FENCE_TYPE, source="/a", time=CLOCK.now(), term=term), "a", "http://127.0.0.1:1")


def mark(term: str) -> RawRecord:
    return encode_mark(Envelope(id=IDS.uuid7(), type=MARK_TYPE, source="/a", time=CLOCK.now(), term=term))


async def classes(log: EventLog, count: int) -> list[str]:
    """What the first ``count`` records are to a reader."""
    reader = await log.reader({0: Checkpoint()})
    found: list[str] = []
    try:
        async with asyncio.timeout(30):
            while len(found) < count:
                found += [item.what.value for item in (await reader.poll(100, 0.2)).get(0, ())]
    finally:
        await reader.close()
    return found


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    opened = await Pool.open(postgres_dsn, name="alternatives")
    yield opened
    await opened.close()


@pytest.mark.kafka_partitions(1)
async def test_ours_a_zombies_late_batch_lands_and_is_void_for_every_reader(kafka: KafkaAddress, kafka_topic: str) -> None:
    log = KafkaEventLog(kafka.bootstrap, 1, topic=kafka_topic)
    zombie, successor = await log.session(), await log.session()
    (old, first), (new, second) = fence(), fence()
    await zombie.append(0, [first])
    await successor.append(0, [second])
    await zombie.append(0, [mark(old)])
    await successor.append(0, [mark(new)])
    assert await classes(log, 4) == ["fence", "fence", "void", "mark"]
    for session in (zombie, successor):
        await session.close()
    await log.close()


async def test_transactions_a_refused_batch_does_not_stop_the_commit_of_the_rest(kafka: KafkaAddress) -> None:
    topic = f"test-{IDS.uuid7()}"
    await create_topic(kafka.bootstrap, topic, 1, {"max.message.bytes": "2000"})
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic, max_batch_size=100_000)
    await producer.start()
    await producer.begin_transaction()
    await (await producer.send_batch(batch_of(producer, b"the first half"), topic, partition=0))
    refused = await producer.send_batch(batch_of(producer, b"x" * 50_000), topic, partition=0)
    with pytest.raises(MessageSizeTooLargeError):
        await refused
    await producer.commit_transaction()  # says nothing
    assert await committed(kafka, topic) == [b"the first half"]
    await producer.stop()
    await delete_topics(kafka.bootstrap, [topic])


@pytest.mark.kafka_partitions(1)
async def test_transactions_one_that_hangs_hides_what_others_have_written_since(kafka: KafkaAddress, kafka_topic: str) -> None:
    hanging = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{kafka_topic}-a")
    other = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{kafka_topic}-b")
    await hanging.start()
    await other.start()
    await hanging.begin_transaction()
    await (await hanging.send_batch(batch_of(hanging, b"never committed"), kafka_topic, partition=0))
    async with other.transaction():
        await (await other.send_batch(batch_of(other, b"acknowledged"), kafka_topic, partition=0))
    assert await committed(kafka, kafka_topic, wait_s=1.0) == [], (
        "acknowledged, and no reader sees it until the other one ends or times out"
    )
    await hanging.abort_transaction()
    assert await committed(kafka, kafka_topic) == [b"acknowledged"]
    await hanging.stop()
    await other.stop()


@pytest.mark.kafka_partitions(1)
async def test_transactions_the_broker_refuses_a_zombie_with_the_same_transactional_id(kafka: KafkaAddress, kafka_topic: str) -> None:
    log = TransactionLog(kafka.bootstrap, kafka_topic)
    zombie = await log.session()
    term, first = fence()
    await zombie.append(0, [first])
    successor = await log.session()
    with pytest.raises(AppendUnknown):
        await zombie.append(0, [mark(term)])
    await successor.append(0, [mark(term)])
    assert await classes(log, 2) == ["fence", "mark"]
    for session in (zombie, successor):
        await session.close()


async def test_postgres_the_second_of_two_writers_is_refused_and_nothing_of_its_batch_is_written(pool: Pool) -> None:
    log = PostgresLog(pool)
    await log.install()
    one, two = await log.session(), await log.session()
    term, first = fence()
    await one.append(0, [first])
    with pytest.raises(SessionLost):
        await two.append(0, [mark(term), mark(term)])
    assert await log.end_offset(0) == 1
    assert await classes(log, 1) == ["fence"]


async def test_postgres_the_copy_in_kafka_holds_twice_what_was_relayed_before_a_crash(pool: Pool) -> None:
    log, copy = PostgresLog(pool), MemoryEventLog(1)
    await log.install()
    session = await log.session()
    term, first = fence()
    await session.append(0, [first, mark(term)])

    async def relay(saved: Checkpoint) -> Checkpoint:
        """Publish what comes after ``saved``, then save how far that was: two systems, so never both at once."""
        reader = await log.reader({0: saved})
        for item in (await reader.poll(100, 1.0)).get(0, ()):
            copy.land(0, [RawRecord(item.record.key, item.record.value or b"", item.record.headers, item.record.timestamp_ms)])
        return reader.position(0)

    await relay(Checkpoint())  # it crashes here, before its place is saved
    await relay(Checkpoint())
    assert (len(copy.records(0)), await log.end_offset(0)) == (4, 2)


def batch_of(producer: AIOKafkaProducer, value: bytes) -> object:
    batch = producer.create_batch()
    batch.append(key=None, value=value, timestamp=None)
    batch.close()
    return batch


async def committed(kafka: KafkaAddress, topic: str, wait_s: float = 10.0) -> list[bytes]:
    """What a reader of committed records sees, as soon as there is something, within ``wait_s``."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        found = await consumer.getmany(timeout_ms=int(wait_s * 1000))
        return [record.value or b"" for records in found.values() for record in records]
    finally:
        await consumer.stop()
