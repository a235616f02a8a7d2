"""What every plain topic promises, in memory and on a real Kafka: nothing acknowledged is lost, keys keep their order, groups go on."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aiokafka.conn import AIOKafkaConnection

from devstack.topics import create_topic
from opsroom_common.log.batch import BATCH_BYTES_MAX
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import AppendUnknown, EventLog, LogRecord, RawRecord, TooLarge, Unavailable
from opsroom_common.log.topic import WAITING_BYTES_MAX, LogTopicWriter, TopicReader
from opsroom_common.log.topic_kafka import KafkaTopicReader
from opsroom_common.log.topic_memory import MemoryGroups, MemoryTopicReader
from opsroom_common.runtime.clock import SystemClock

if TYPE_CHECKING:
    from conftest import KafkaAddress

    from devstack.kafka import Kafka

GROUP = "test.group"


@dataclass
class Topic:
    log: EventLog
    writer: LogTopicWriter
    reader: Callable[[], TopicReader]


@pytest.fixture
async def kafka_side(kafka: KafkaAddress, kafka_topic: str) -> AsyncIterator[Topic]:
    log = KafkaEventLog(kafka.bootstrap, 2, topic=kafka_topic)
    writer = LogTopicWriter(log)
    made: list[TopicReader] = []

    def reader() -> TopicReader:
        made.append(KafkaTopicReader(kafka.bootstrap, kafka_topic, f"{GROUP}.{kafka_topic}", SystemClock()))
        return made[-1]

    yield Topic(log, writer, reader)
    for each in made:
        await each.close()
    await writer.close()
    await log.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.server)])
def topic(request: pytest.FixtureRequest) -> Topic:
    if request.param == "kafka":
        found: Topic = request.getfixturevalue("kafka_side")
        return found
    log, groups = MemoryEventLog(2, topic="things"), MemoryGroups()
    return Topic(log, LogTopicWriter(log), lambda: MemoryTopicReader(log, GROUP, groups))


def record(key: str, value: str, size: int = 0) -> RawRecord:
    return RawRecord(key.encode(), value.encode() + b"." * size, (("h", b"1"),), 1_700_000_000_000)


async def read(reader: TopicReader, count: int) -> list[LogRecord]:
    found: list[LogRecord] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            for records in (await reader.poll(100, 0.5)).values():
                found.extend(records)
    return found


async def poll_until_it_fails(reader: TopicReader) -> None:
    async with asyncio.timeout(30):
        while True:
            await reader.poll(10, 0.2)


def close_abandoned_connections() -> None:
    """A producer that was given up while the broker was away may make one more connection when it is back; its idle limit would end that."""
    for each in gc.get_objects():
        if type(each) is AIOKafkaConnection:  # isinstance would wake up a dead weak reference
            each.close()


def by_key(records: Sequence[LogRecord]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in records:
        found.setdefault((each.key or b"").decode(), []).append((each.value or b"").decode())
    return found


async def test_what_was_appended_is_read_in_the_order_of_each_key(topic: Topic) -> None:
    sent = [record(f"k{n % 5}", str(n)) for n in range(50)]
    for start in range(0, 50, 10):
        await topic.writer.append(sent[start : start + 10])
    found = await read(topic.reader(), 50)
    assert by_key(found) == {f"k{k}": [str(n) for n in range(k, 50, 5)] for k in range(5)}
    assert {(r.partition, r.key) for r in found} == {(topic.log.partition_of((r.key or b"").decode()), r.key) for r in found}
    assert found[0].headers == (("h", b"1"),)


async def test_appends_at_once_keep_the_order_of_each_key(topic: Topic) -> None:
    await asyncio.gather(*(topic.writer.append([record("k", f"{n}.{i}") for i in range(3)]) for n in range(20)))
    values = by_key(await read(topic.reader(), 60))["k"]
    assert values == [f"{n}.{i}" for n in range(20) for i in range(3)]


async def test_what_was_committed_does_not_come_again_and_the_rest_does(topic: Topic) -> None:
    await topic.writer.append([record("k", str(n)) for n in range(10)])
    first = topic.reader()
    found = await read(first, 10)
    await first.commit({found[0].partition: 4})
    await first.close()
    assert by_key(await read(topic.reader(), 6)) == {"k": ["4", "5", "6", "7", "8", "9"]}


async def test_places_tell_the_lag(topic: Topic) -> None:
    await topic.writer.append([record("k", str(n)) for n in range(10)])
    reader = topic.reader()
    (partition,) = {r.partition for r in await read(reader, 10)}
    place = reader.places()[partition]
    assert (place.position, place.end) == (10, 10)
    assert reader.generation >= 1


async def test_a_list_above_one_batch_is_appended_whole(topic: Topic) -> None:
    await topic.writer.append([record("k", str(n), size=300_000) for n in range(7)])
    found = await read(topic.reader(), 7)
    assert [value.rstrip(".") for value in by_key(found)["k"]] == [str(n) for n in range(7)]


async def test_a_record_above_a_batch_is_refused_and_nothing_appended(topic: Topic) -> None:
    with pytest.raises(TooLarge):
        await topic.writer.append([record("k", "small"), record("k", "x", size=BATCH_BYTES_MAX)])
    await topic.writer.append([record("k", "after")])
    assert by_key(await read(topic.reader(), 1)) == {"k": ["after"]}


async def test_a_lost_ack_is_unavailable_and_the_next_append_goes_on() -> None:
    class Loses:
        async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
            raise AppendUnknown("lost")

    log = MemoryEventLog(2)
    straight, log.wire = log.wire, Loses()
    writer = LogTopicWriter(log)
    with pytest.raises(Unavailable):
        await writer.append([record("k", "1")])
    log.wire = straight
    await writer.append([record("k", "2")])
    assert [r.value for p in range(2) for r in log.records(p)] == [b"2"]


async def test_no_ack_in_time_is_unavailable() -> None:
    class Hangs:
        async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
            await asyncio.Event().wait()
            return land()

    log = MemoryEventLog(1)
    straight, log.wire = log.wire, Hangs()
    writer = LogTopicWriter(log, timeout_s=0.05)
    with pytest.raises(Unavailable, match="OPSROOM_KAFKA"):
        await writer.append([record("k", "1")])
    log.wire = straight
    await writer.append([record("k", "2")])


@pytest.mark.server
async def test_a_reader_that_hears_nothing_while_there_is_more_makes_its_consumer_anew(kafka: KafkaAddress, kafka_topic: str) -> None:
    log = KafkaEventLog(kafka.bootstrap, 2, topic=kafka_topic)
    writer = LogTopicWriter(log)
    reader = KafkaTopicReader(kafka.bootstrap, kafka_topic, f"{GROUP}.{kafka_topic}", SystemClock(), stall_s=0.5)
    try:
        await writer.append([record("k", "1")])
        (first,) = await read(reader, 1)
        await reader.commit({first.partition: 1})
        stuck = reader._consumer
        assert stuck is not None
        stuck.pause(*stuck.assignment())  # as a stuck one behaves
        await writer.append([record("k", "2")])
        assert by_key(await read(reader, 1)) == {"k": ["2"]}
        assert reader._consumer is not stuck
    finally:
        await reader.close()
        await writer.close()
        await log.close()


@pytest.mark.timeout(150)
async def test_reader_and_writer_go_on_after_the_broker_was_killed(own_kafka: Kafka) -> None:
    await create_topic(own_kafka.bootstrap, "things", 2)
    log = KafkaEventLog(own_kafka.bootstrap, 2, topic="things", append_timeout_s=3)
    writer = LogTopicWriter(log, timeout_s=5)
    reader = KafkaTopicReader(own_kafka.bootstrap, "things", GROUP, SystemClock(), stall_s=1.0)
    try:
        await writer.append([record("k", "before")])
        assert by_key(await read(reader, 1)) == {"k": ["before"]}
        await reader.commit({log.partition_of("k"): 1})
        own_kafka.kill()
        with pytest.raises(Unavailable):
            await writer.append([record("k", "lost")])
        with pytest.raises(Unavailable):
            await poll_until_it_fails(reader)
        own_kafka.start()
        async with asyncio.timeout(60):
            while True:
                try:
                    await writer.append([record("k", "after")])
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)
            seen: list[str] = []
            while "after" not in seen:
                try:
                    for records in (await reader.poll(10, 0.5)).values():
                        seen += [(r.value or b"").decode() for r in records]
                except Unavailable:
                    await asyncio.sleep(0.1)
        assert "before" not in seen
    finally:
        await reader.close()
        await writer.close()
        await log.close()
        close_abandoned_connections()


async def test_what_waits_for_its_turn_has_a_limit_in_bytes() -> None:
    gate = asyncio.Event()

    class Held:
        async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
            del partition, records
            await gate.wait()
            return land()

    writer = LogTopicWriter(MemoryEventLog(1, topic="things", wire=Held()))
    large = [record("k", "x", 500_000) for _ in range(WAITING_BYTES_MAX // 500_000)]
    first = asyncio.create_task(writer.append([*large, *large]))  # alone it may be larger
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="bytes wait"):
        await writer.append([record("k", "x")])
    gate.set()
    await first
    await asyncio.gather(*(writer.append([record("k", "x")]) for _ in range(10)))
    await writer.close()
