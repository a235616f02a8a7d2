"""What an operator asks a real cluster."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from opsroom_common.log.admin import Span
from opsroom_common.log.admin_kafka import KafkaLogAdmin
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import RawRecord, Unavailable
from opsroom_common.log.topic_kafka import KafkaTopicReader
from opsroom_common.runtime.clock import SystemClock

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def record(minute: int) -> RawRecord:
    return RawRecord(b"key", b"value", (), int((START + timedelta(minutes=minute)).timestamp() * 1000))


@pytest.fixture
async def admin(kafka) -> AsyncIterator[KafkaLogAdmin]:
    made = KafkaLogAdmin(kafka.bootstrap)
    yield made
    await made.close()


async def test_topics_spans_and_places_in_time(kafka, kafka_topic: str, admin: KafkaLogAdmin) -> None:
    log = KafkaEventLog(kafka.bootstrap, 2, topic=kafka_topic)
    session = await log.session()
    for minute in (0, 1, 2):
        await session.append(1, [record(minute)])
    await session.close()
    await log.close()
    topic = (await admin.topics())[kafka_topic]
    assert (topic.partitions, topic.replication) == (2, 1)
    assert set(topic.config) == {"cleanup.policy", "retention.ms", "retention.bytes"}
    assert await admin.spans(topic) == {0: Span(0, 0), 1: Span(0, 3)}
    places = {minute: await admin.offsets_at(topic, START + timedelta(minutes=minute, microseconds=1)) for minute in (-1, 0, 1.5, 2)}
    assert places == {-1: {0: 0, 1: 0}, 0: {0: 0, 1: 0}, 1.5: {0: 0, 1: 2}, 2: {0: 0, 1: 2}}, "record times have milliseconds"
    assert await admin.offsets_at(topic, START + timedelta(hours=1)) == {0: 0, 1: 3}


async def test_kafkas_own_topics_are_nobodys_business(admin: KafkaLogAdmin, kafka_topic: str) -> None:
    found = await admin.topics()
    assert kafka_topic in found
    assert not any(name.startswith("__") for name in found)


async def test_a_group_with_a_member_then_without_and_one_that_never_was(kafka, kafka_topic: str, admin: KafkaLogAdmin) -> None:
    log = KafkaEventLog(kafka.bootstrap, 2, topic=kafka_topic)
    session = await log.session()
    await session.append(0, [record(0), record(1)])
    await session.close()
    await log.close()
    name = f"{kafka_topic}.group"
    reader = KafkaTopicReader(kafka.bootstrap, kafka_topic, name, SystemClock())
    while not await reader.poll(10, 1.0):
        pass
    await reader.commit({0: 1})
    group = await admin.group(name)
    assert (group.state, group.members, group.committed) == ("Stable", 1, {kafka_topic: {0: 1}})
    await reader.close()
    group = await admin.group(name)
    assert (group.state, group.members, group.committed) == ("Empty", 0, {kafka_topic: {0: 1}})
    never = await admin.group(f"{name}.never")
    assert (never.state, never.members, never.committed) == ("Dead", 0, {})


async def test_nobody_there_is_unavailable_and_says_what_to_do() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        admin = KafkaLogAdmin(f"127.0.0.1:{nobody.getsockname()[1]}", timeout_s=2.0)
        with pytest.raises(Unavailable, match="start it or check OPSROOM_KAFKA"):
            await admin.topics()
        await admin.close()
