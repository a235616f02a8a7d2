"""The servers do what the tests of others rely on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
import redis.exceptions
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from devstack.postgres import psql
from devstack.topics import TopicDiffers, create_topic, ensure_topics
from opsroom_common.contracts.topics import Topic


def topic(name: str, partitions: int) -> Topic:
    return Topic(
        name=name,
        what="a test",
        partitions=partitions,
        key="any",
        cleanup="delete",
        retention_ms=-1,
        retention_bytes=-1,
        writer="test",
        readers=("test",),
    )


async def first_record(bootstrap: str, name: str, partition: int) -> bytes | None:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(name, partition)])
        return (await asyncio.wait_for(consumer.getone(), 20)).value


@pytest.mark.kafka_partitions(3)
async def test_a_topic_is_ready_when_it_is_handed_out(kafka, kafka_topic):
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(kafka_topic, b"x", partition=2)
        assert len(await producer.partitions_for(kafka_topic)) == 3
    assert await first_record(kafka.bootstrap, kafka_topic, 2) == b"x"


async def test_making_topics_twice_makes_them_once(kafka):
    name = f"ensured-{os.urandom(6).hex()}"
    declared = {name: topic(name, 2)}
    assert (await ensure_topics(kafka.bootstrap, declared)).made == (name,)
    assert (await ensure_topics(kafka.bootstrap, declared)).there == (name,)


async def test_another_partition_count_is_refused_and_nothing_is_made(kafka):
    old, new = f"a-{os.urandom(6).hex()}", f"b-{os.urandom(6).hex()}"
    await create_topic(kafka.bootstrap, old, 2)
    with pytest.raises(TopicDiffers, match=f"{old} has 2 partitions and topics.yaml declares 5") as refused:
        await ensure_topics(kafka.bootstrap, {new: topic(new, 1), old: topic(old, 5)})
    assert "\n" not in str(refused.value)
    assert (await ensure_topics(kafka.bootstrap, {new: topic(new, 1)})).made == (new,)


async def test_each_test_has_its_own_database(postgres, postgres_dsn):
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute("CREATE TABLE mine ()")
        assert await connection.fetchval("SELECT current_database()") != "postgres"
    finally:
        await connection.close()
    assert psql(postgres.dsn, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == "0"


def test_each_test_has_its_own_empty_redis(redis_server, redis_url):
    with redis.Redis.from_url(redis_url) as own:
        assert own.dbsize() == 0
        own.set("mine", 1)
    with redis.Redis.from_url(redis_server.url) as shared:
        assert not shared.exists("mine")


async def test_what_kafka_acknowledged_survives_a_kill(own_kafka):
    await create_topic(own_kafka.bootstrap, "kept", 1)
    async with AIOKafkaProducer(bootstrap_servers=own_kafka.bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait("kept", b"x")
    own_kafka.kill()
    assert own_kafka.pid is None
    await asyncio.to_thread(own_kafka.start)
    assert await first_record(own_kafka.bootstrap, "kept", 0) == b"x"


def test_what_postgres_committed_survives_a_kill(own_postgres):
    psql(own_postgres.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    own_postgres.kill()
    own_postgres.start()
    assert psql(own_postgres.dsn, "SELECT n FROM kept") == "7"


def test_a_paused_server_holds_its_connections_and_is_silent(own_redis):
    with redis.Redis.from_url(own_redis.url, socket_timeout=0.3, retry=None) as client:
        assert client.ping()
        own_redis.pause()
        with pytest.raises(redis.exceptions.TimeoutError):
            client.ping()
        own_redis.resume()
        assert client.ping()


ORPHANS = """
import sys, threading
from pathlib import Path
from devstack.redis import Redis
from devstack.postgres import Postgres
servers = Redis(Path(sys.argv[1]) / "redis"), Postgres(Path(sys.argv[1]) / "postgres", durable=False)
# From a thread that ends: the servers must not end with it.
for server in servers:
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
servers[0].restart()
servers[0].pause()
print(*(server.pid for server in servers), flush=True)
sys.stdin.read()
"""


def test_a_killed_run_leaves_no_server(tmp_path: Path):
    run = subprocess.Popen([sys.executable, "-c", ORPHANS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with run:
        assert run.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in run.stdout.readline().split()]
        family = [process for server in servers for process in (server, *server.children(recursive=True))]
        assert len(family) > 2
        assert all(process.is_running() for process in family)
        run.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
