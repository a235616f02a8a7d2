"""The projector as a process on real servers: kill it anywhere, stop it politely, ask it how it is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.process import ServerProcess
from devstack.topics import create_topic
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.feed.port import Position
from opsroom_common.feed.redis import RedisFeedCarrier
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.postgres.pool import Pool
from projector.verify import differences

from .log_book import LogBook
from .projecting import eventually
from .test_rows_are_the_fold_of_the_log import assert_feed_is_whole


@pytest.fixture
async def log(own_kafka: Kafka) -> AsyncIterator[KafkaEventLog]:
    partitions = load_topics()[EVENTS].partitions
    await create_topic(own_kafka.bootstrap, EVENTS, partitions)
    log = KafkaEventLog(own_kafka.bootstrap, partitions)
    yield log
    await log.close()


class Process:
    """A projector with its own port; ``start`` returns when it answers."""

    def __init__(self, folder: Path, kafka: str, postgres: str, redis: str) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._env = {
            **os.environ, "OPSROOM_KAFKA": kafka, "OPSROOM_POSTGRES": postgres, "OPSROOM_REDIS": redis, "OPSROOM_PROJECTOR_PORT": str(port),
        }  # fmt: skip
        self.server = ServerProcess("projector", folder / "projector.log")

    def start(self, *arguments: str) -> None:
        command = [sys.executable, "-c", "from projector.main import run; run()", *arguments]
        self.server.start(command, self.answers, 30.0, env=self._env)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1.0).status_code == 200
        except httpx.HTTPError:
            return False

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        self.start(*arguments)
        try:
            yield
        finally:
            self.server.kill()


async def copy(book: LogBook, log: KafkaEventLog, done: dict[int, int]) -> None:
    """Append what the book has more than Kafka, under one session."""
    session = await log.session()
    for partition in range(log.partitions):
        records = book.log.records(partition)[done.get(partition, 0) :]
        if records:
            raws = [RawRecord(record.key, record.value or b"", record.headers, record.timestamp_ms) for record in records]
            await session.append(partition, raws)
            done[partition] = len(book.log.records(partition))
    await session.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_killed_again_and_again_it_still_gives_the_fold(
    tmp_path: Path, own_kafka: Kafka, log: KafkaEventLog, postgres_dsn: str, redis_url: str
) -> None:
    book, done = LogBook(partitions=log.partitions), dict[int, int]()
    process = Process(tmp_path, own_kafka.bootstrap, postgres_dsn, redis_url)
    pool = await Pool.open(postgres_dsn, name="test")

    async def current() -> bool:
        rows = await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')
        ends = {row["partition"]: await log.end_offset(row["partition"]) for row in rows}
        return len(rows) == log.partitions and all(row["offset"] == ends[row["partition"]] for row in rows)

    for _ in range(3):
        with process.running():
            for _ in range(150):
                book.random_step()
            await copy(book, log, done)
            before = done.copy()

            async def has_begun(before: dict[int, int] = before) -> bool:
                rows = await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')
                return any(row["offset"] > before[row["partition"]] // 2 for row in rows)

            await eventually(has_begun)

    with process.running():
        await eventually(current)
        assert await differences(log, pool) == []
        await assert_feed_is_whole(pool)
        async with httpx.AsyncClient(base_url=process.url) as client:
            assert (await client.get("/readyz")).json()["status"] == "ready"
            assert "opsroom_projector_events_total" in (await client.get("/metrics")).text
        book.open()
        await copy(book, log, done)
        await eventually(current)
        carrier = RedisFeedCarrier(redis_url)
        async with asyncio.timeout(20):
            while not await carrier.read(Position(0, 0), 1.0):
                pass
        await carrier.close()
        pid = process.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        await asyncio.to_thread(process.server.stop, 10.0)
        assert process.server.exit_code == 0
    rows = await pool.fetch("SELECT * FROM read.entities ORDER BY id")

    with process.running("rebuild"):
        await eventually(current)
    assert await differences(log, pool) == []
    assert await pool.fetch("SELECT * FROM read.entities ORDER BY id") == rows
    await pool.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_broker_may_go_and_come_again(
    tmp_path: Path, own_kafka: Kafka, log: KafkaEventLog, postgres_dsn: str, redis_url: str
) -> None:
    book, done = LogBook(partitions=log.partitions), dict[int, int]()
    await copy(book, log, done)
    process = Process(tmp_path, own_kafka.bootstrap, postgres_dsn, redis_url)
    pool = await Pool.open(postgres_dsn, name="test")
    with process.running():
        async with httpx.AsyncClient(base_url=process.url) as client:

            async def ready() -> bool:
                return (await client.get("/readyz")).status_code == 200

            async def waits() -> bool:
                answer = await client.get("/readyz")
                return answer.status_code == 503 and "waits for the log" in answer.text

            await eventually(ready)
            await asyncio.to_thread(own_kafka.kill)
            await eventually(waits)
            assert (await client.get("/healthz")).status_code == 200
            await asyncio.to_thread(own_kafka.start)
            await eventually(ready)
            entity = book.open()
            await copy(book, log, done)

            async def arrived() -> bool:
                return bool(await pool.fetch("SELECT 1 FROM read.entities WHERE id = $1", entity))

            await eventually(arrived)
    assert await differences(log, pool) == []
    await pool.close()
