"""An alternative to our log: one Kafka transaction for each flush, and readers that see only what was committed. For measuring only.

A commit takes an offset of its own, so the offsets here are counted without those: on a fresh topic with one writer, offset = Kafka's offset
- commits before it. Readers therefore start at 0.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.batch import BATCH_BYTES_MAX
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import AppendUnknown, Checkpoint, Classified, LogRecord, RawRecord, SessionLost


class TransactionLog:
    """``EventLog`` with a transaction for each append. One partition: a producer has one transaction at a time."""

    partitions = 1

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.bootstrap = bootstrap
        self.topic = topic

    def partition_of(self, entity_id: str) -> int:
        return partition_of(entity_id, self.partitions)

    async def session(self) -> TransactionSession:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id=f"{self.topic}-writer",
            acks="all",
            max_batch_size=BATCH_BYTES_MAX + 65_536,
            max_request_size=8 * (BATCH_BYTES_MAX + 65_536),
            linger_ms=0,
        )
        await producer.start()
        return TransactionSession(producer, self.topic)

    async def reader(self, starts: Mapping[int, Checkpoint]) -> CommittedReader:
        assert starts == {0: Checkpoint()}, "offsets are counted from 0 here"
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed"
        )
        await consumer.start()
        partition = TopicPartition(self.topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        return CommittedReader(consumer)

    async def end_offset(self, partition: int) -> int:
        raise NotImplementedError("nothing in this bench asks for an end; the engine of a service does, once a second")


class TransactionSession:
    """Begin, send the batch, commit: three round trips more than an idempotent batch needs."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._commits = 0
        self._over = False

    @property
    def alive(self) -> bool:
        return not self._over

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int:
        if self._over:
            raise SessionLost("this producer session is over")
        batch = self._producer.create_batch()
        for record in records:
            batch.append(key=record.key, value=record.value, timestamp=record.timestamp_ms, headers=list(record.headers))
        batch.close()
        try:
            async with asyncio.timeout(10.0):
                await self._producer.begin_transaction()
                sent = await (await self._producer.send_batch(batch, self._topic, partition=partition))
                await self._producer.commit_transaction()
        except (KafkaError, TimeoutError) as error:
            self._over = True
            raise AppendUnknown(f"{self._topic}: {error!r}") from error
        self._commits += 1
        return sent.offset - self._commits + 1

    async def close(self) -> None:
        self._over = True
        await self._producer.stop()


class CommittedReader:
    """Reads committed records from the beginning, and counts them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._terms = TermFilter(Checkpoint())

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
        found = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        records = [record for batch in found.values() for record in batch]
        first = self._terms.checkpoint.offset
        classified = [
            self._terms.classify(LogRecord(r.topic, r.partition, first + i, r.timestamp, r.key, r.value, tuple(r.headers)))
            for i, r in enumerate(records)
        ]
        return {0: classified} if classified else {}

    def position(self, partition: int) -> Checkpoint:
        del partition
        return self._terms.checkpoint

    async def close(self) -> None:
        await self._consumer.stop()
