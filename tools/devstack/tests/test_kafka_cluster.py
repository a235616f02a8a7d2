"""Three brokers are one cluster: one may be away, with two away nothing is acknowledged, and what was acknowledged stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from devstack.kafka_cluster import KafkaCluster
from devstack.topics import ensure_topics, placement
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(240)]
TOPICS = {EVENTS: load_topics()[EVENTS]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    brokers = KafkaCluster(tmp_path_factory.mktemp("cluster"))
    brokers.start()
    try:
        asyncio.run(ensure_topics(brokers.bootstrap, TOPICS))
        yield brokers
    finally:
        brokers.kill()


@pytest.fixture
async def whole(cluster: KafkaCluster) -> AsyncIterator[KafkaCluster]:
    """All three run before the test and after it."""
    await asyncio.to_thread(cluster.start)
    yield cluster
    await asyncio.to_thread(cluster.start)


async def append(bootstrap: str, value: bytes, within_s: float) -> bool:
    """Whether one record was acknowledged in time: by a client of its own, that is told nothing by an earlier one's metadata."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, request_timeout_ms=3_000)
    try:
        async with asyncio.timeout(within_s):
            await producer.start()
            await producer.send_and_wait(EVENTS, value, partition=0)
    except (TimeoutError, KafkaError):
        return False
    else:
        return True
    finally:
        # With the brokers away the clean end would flush for ever.
        ending = asyncio.create_task(producer.stop())
        await asyncio.wait([ending], timeout=1.0)
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
        await producer.client.close()
        ending.cancel()
        with suppress(asyncio.CancelledError, KafkaError):
            await ending


async def eventually_appended(bootstrap: str, value: bytes) -> None:
    async with asyncio.timeout(90):
        while not await append(bootstrap, value, 15.0):
            pass


async def values(bootstrap: str) -> list[bytes | None]:
    log = KafkaEventLog(bootstrap, TOPICS[EVENTS].partitions)
    end = await log.end_offset(0)
    reader = await log.reader({0: Checkpoint()})
    found: list[bytes | None] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < end:
                found += [item.record.value for item in (await reader.poll(500, 0.5)).get(0, ())]
    finally:
        await reader.close()
        await log.close()
    return found


async def test_declared_topics_have_three_copies_and_two_of_them_must_have_a_batch(whole: KafkaCluster) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=whole.bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([EVENTS])
        assert {len(each["replicas"]) for each in described["partitions"]} == {3}
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, EVENTS)])
        config = {each["config_names"]: each["config_value"] for each in answer.to_object()["resources"][0]["config_entries"]}
        assert config["min.insync.replicas"] == "2"
        assert config["unclean.leader.election.enable"] == "false"
    finally:
        await admin.close()


async def test_with_the_leader_killed_another_one_acknowledges(whole: KafkaCluster) -> None:
    await eventually_appended(whole.bootstrap, b"before")
    leader = (await placement(whole.bootstrap, EVENTS))[0].leader
    whole.brokers[leader].kill()
    await eventually_appended(whole.bootstrap, b"one away")
    assert (await placement(whole.bootstrap, EVENTS))[0].leader != leader


async def test_with_two_killed_nothing_is_acknowledged_and_what_was_survives(whole: KafkaCluster) -> None:
    await eventually_appended(whole.bootstrap, b"kept")
    for node in (1, 2):
        whole.brokers[node].kill()
    assert not await append(whole.bootstrap, b"never acknowledged", 8.0)
    await asyncio.to_thread(whole.start)
    await eventually_appended(whole.bootstrap, b"after")
    found = await values(whole.bootstrap)
    assert b"kept" in found
    assert found[-1] == b"after"
