"""What every EventLog promises, on the in-memory log and on a real Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import pytest

from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE
from opsroom_common.log.batch import BATCH_BYTES_MAX
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import (
    AnotherLog,
    Checkpoint,
    Classified,
    EventLog,
    LogReader,
    RawRecord,
    RecordClass,
    SessionLost,
    TooLarge,
)

if TYPE_CHECKING:
    from conftest import KafkaAddress


@pytest.fixture
async def kafka_log(kafka: KafkaAddress, kafka_topic: str) -> AsyncIterator[EventLog]:
    log = KafkaEventLog(kafka.bootstrap, 2, topic=kafka_topic)
    yield log
    await log.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.server)])
def log(request: pytest.FixtureRequest) -> EventLog:
    return MemoryEventLog(2) if request.param == "memory" else request.getfixturevalue("kafka_log")


def record(term: str, type_: str = "opsroom.incident.noted", id_: str = "x", size: int = 1) -> RawRecord:
    headers = (("ce_type", type_.encode()), ("ce_id", id_.encode()), ("ce_term", term.encode()))
    return RawRecord(b"inc_1", b"v" * size, headers, 1_700_000_000_000)


def fence(term: str) -> RawRecord:
    return record(term, FENCE_TYPE, term)


async def read_all(log: EventLog, partition: int, start: Checkpoint, until: int) -> list[Classified]:
    reader = await log.reader({partition: start})
    try:
        return await read_until(reader, partition, until)
    finally:
        await reader.close()


async def read_until(reader: LogReader, partition: int, until: int) -> list[Classified]:
    found: list[Classified] = []
    while reader.position(partition).offset < until:
        found.extend((await reader.poll(100, 1.0)).get(partition, ()))
    return found


def classes(found: Sequence[Classified]) -> list[str]:
    return [item.what.value for item in found]


async def test_batches_of_one_session_stand_at_contiguous_offsets(log: EventLog) -> None:
    session = await log.session()
    first = await session.append(0, [fence("t1"), record("t1")])
    second = await session.append(0, [record("t1"), record("t1")])
    third = await session.append(0, [record("t1")])
    await session.close()
    assert (second, third) == (first + 2, second + 2)
    assert await log.end_offset(0) == third + 1


async def test_a_batch_is_read_back_whole_and_in_order_with_keys_values_headers_and_times(log: EventLog) -> None:
    session = await log.session()
    sent = [fence("t1"), record("t1", id_="a", size=10), record("t1", id_="b", size=20)]
    base = await session.append(1, sent)
    await session.close()
    found = await read_all(log, 1, Checkpoint(), base + 3)
    assert [(i.record.key, i.record.value, i.record.headers, i.record.timestamp_ms) for i in found] == [
        (r.key, r.value, r.headers, r.timestamp_ms) for r in sent
    ]


async def test_r1_every_reader_voids_what_is_not_of_the_last_fences_term(log: EventLog) -> None:
    session = await log.session()
    records = [
        record("t1"),  # before any fence
        fence("t1"),
        record("t1"),
        fence("t2"),
        record("t1"),  # a zombie's late record
        record("t2"),
        record("t2", MARK_TYPE),
        record("t1", MARK_TYPE),
    ]
    base = await session.append(0, records)
    await session.close()
    found = await read_all(log, 0, Checkpoint(), base + len(records))
    assert classes(found) == ["void", "fence", "event", "fence", "void", "event", "mark", "void"]
    assert found[-1].after == Checkpoint(base + len(records), "t2", base + 3)


async def test_r1_a_reader_from_a_checkpoint_classifies_like_one_from_the_beginning(log: EventLog) -> None:
    session = await log.session()
    records = [fence("t1"), record("t1"), fence("t2"), record("t1"), record("t2"), record("t1")]
    end = await session.append(0, records) + len(records)
    await session.close()
    whole = await read_all(log, 0, Checkpoint(), end)
    for done, item in enumerate(whole):
        assert classes(await read_all(log, 0, item.after, end)) == classes(whole)[done + 1 :]


async def test_r1_a_checkpoint_of_another_log_is_refused(log: EventLog) -> None:
    session = await log.session()
    await session.append(0, [fence("t1"), record("t1")])
    await session.close()
    for wrong in (Checkpoint(2, "t9", 0), Checkpoint(2, "t1", 1), Checkpoint(99, "t1", 0)):
        with pytest.raises(AnotherLog, match="does not belong to this log"):
            await read_all(log, 0, wrong, 2)


async def test_r3_a_batch_above_the_limit_is_refused_before_sending_and_the_session_lives(log: EventLog) -> None:
    session = await log.session()
    base = await session.append(0, [fence("t1")])
    with pytest.raises(TooLarge):
        await session.append(0, [record("t1", size=BATCH_BYTES_MAX)])
    assert session.alive
    assert await session.append(0, [record("t1")]) == base + 1
    await session.close()


async def test_r3_a_closed_session_sends_nothing(log: EventLog) -> None:
    session = await log.session()
    await session.append(0, [fence("t1")])
    await session.close()
    assert not session.alive
    with pytest.raises(SessionLost):
        await session.append(0, [record("t1")])
    assert await log.end_offset(0) == 1


async def test_a_reader_follows_the_log_as_it_grows_over_several_partitions(log: EventLog) -> None:
    reader = await log.reader({0: Checkpoint(), 1: Checkpoint()})
    session = await log.session()
    try:
        assert await reader.poll(10, 0.05) == {}
        for partition in (0, 1, 0):
            base = await session.append(partition, [fence(f"t{partition}")])
            found = await read_until(reader, partition, base + 1)
            assert classes(found) == [RecordClass.FENCE.value]
    finally:
        await reader.close()
        await session.close()


async def test_poll_returns_at_most_what_was_asked_for(log: EventLog) -> None:
    session = await log.session()
    end = await session.append(0, [fence("t1"), *[record("t1")] * 9]) + 10
    await session.close()
    reader = await log.reader({0: Checkpoint()})
    try:
        seen = 0
        while seen < end:
            found = (await reader.poll(3, 1.0)).get(0, ())
            assert len(found) <= 3
            seen += len(found)
    finally:
        await reader.close()
