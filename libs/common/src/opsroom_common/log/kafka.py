"""The log on Kafka: one idempotent producer session, one consumer without a group.

aiokafka's ``create_batch``/``send_batch`` are used because its concurrent ``send`` calls reorder once a batch fills, and its
transactions are not used because they can commit a refused batch (docs/adr, "aiokafka").
"""

# aiokafka is partly annotated; what it hands over is typed where it enters (``append``, ``_record``).
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false, reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import RecordMetadata

from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.batch import BATCH_BYTES_MAX, batch_bytes
from opsroom_common.log.ending import ended
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import (
    AppendUnknown,
    Checkpoint,
    Classified,
    LogRecord,
    RawRecord,
    RecordClass,
    SessionLost,
    TooLarge,
    Unavailable,
    another_log,
)
from opsroom_domain.copies import maker

_log = structlog.get_logger(__name__)

CLOSE_S = 2.0
"""How long closing a session or a reader may take."""
CHECK_S = 15.0
"""How long it may take to see whether one checkpoint belongs to the log: three requests, each with its own, shorter limit."""


class KafkaEventLog:
    """``ops.events`` on a Kafka cluster. Sessions and readers are the caller's to close; ``close`` ends what the log keeps for itself.

    ``append_timeout_s`` bounds how long a batch may stay without an ack before its fate counts as unknown. ``stall_s`` is how long a
    reader that is behind may see nothing before its consumer is made anew (a consumer can stay stuck after a broker restart).
    """

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        *,
        topic: str = "ops.events",
        client_id: str = "opsroom",
        append_timeout_s: float = 5.0,
        request_timeout_s: float = 5.0,
        stall_s: float = 5.0,
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._topic = topic
        self._client_id = client_id
        self._append_timeout_s = append_timeout_s
        self._request_timeout_s = request_timeout_s
        self._stall_s = stall_s
        self._probe: AIOKafkaConsumer | None = None
        self._probe_lock = asyncio.Lock()

    @property
    def topic(self) -> str:
        return self._topic

    @property
    def partitions(self) -> int:
        return self._partitions

    def partition_of(self, entity_id: str) -> int:
        return partition_of(entity_id, self._partitions)

    async def session(self) -> KafkaSession:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX + 65_536,
            max_request_size=8 * (BATCH_BYTES_MAX + 65_536),
            request_timeout_ms=int(self._request_timeout_s * 1000),
            linger_ms=0,
        )
        try:
            async with asyncio.timeout(self._append_timeout_s):
                await producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await _end_producer(producer)
            raise Unavailable(f"Kafka at {self._bootstrap} does not answer ({error!r}); start it or check OPSROOM_KAFKA") from error
        except BaseException:
            await _end_producer(producer)
            raise
        return KafkaSession(producer, self._topic, self._append_timeout_s)

    async def reader(self, starts: Mapping[int, Checkpoint]) -> KafkaReader:
        reader = KafkaReader(self, starts, self._stall_s)
        try:
            await reader.open()
        except BaseException:
            await reader.close()
            raise
        return reader

    async def end_offset(self, partition: int) -> int:
        """As the port says, within ``request_timeout_s``, the wait for others who ask included; a failed connection takes CLOSE_S to end."""
        try:
            async with asyncio.timeout(self._request_timeout_s), self._probe_lock:
                try:
                    if self._probe is None:
                        self._probe = await self.start_consumer()
                    tp = TopicPartition(self._topic, partition)
                    return (await self._probe.end_offsets([tp]))[tp]
                except BaseException:
                    await self._drop_probe()
                    raise
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unavailable(f"Kafka at {self._bootstrap} does not answer ({error!r})") from error

    async def close(self) -> None:
        """End the consumer that ``end_offset`` keeps."""
        async with self._probe_lock:
            await self._drop_probe()

    async def start_consumer(self) -> AIOKafkaConsumer:
        """A started consumer without a group and without a place to fall back to (R8). Raises KafkaError, TimeoutError."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            request_timeout_ms=int(self._request_timeout_s * 1000),
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            retry_backoff_ms=50,
        )
        try:
            async with asyncio.timeout(self._request_timeout_s * 2):
                await consumer.start()
        except BaseException:
            await _end_consumer(consumer)
            raise
        return consumer

    async def _drop_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            await _end_consumer(probe)


class KafkaSession:
    """One idempotent producer. Any failure of an append ends the session: its sequence is spent, and nothing is ever re-initialised (R3)."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, append_timeout_s: float) -> None:
        self._producer = producer
        self._topic = topic
        self._append_timeout_s = append_timeout_s
        self._over = False
        self._in_flight: dict[int, asyncio.Future[RecordMetadata] | None] = {}

    @property
    def alive(self) -> bool:
        return not self._over

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int:
        if self._over:
            raise SessionLost("this producer session is over; open a new one and fence again")
        if partition in self._in_flight:
            raise RuntimeError(f"partition {partition} already has a batch on the wire (R3)")
        if batch_bytes(records) > BATCH_BYTES_MAX:
            raise TooLarge(f"the batch is above {BATCH_BYTES_MAX} bytes; send less at once")
        batch = self._producer.create_batch()
        for record in records:
            added = batch.append(key=record.key, value=record.value, timestamp=record.timestamp_ms, headers=list(record.headers))
            if added is None:
                raise TooLarge(f"the batch is above {BATCH_BYTES_MAX} bytes; send less at once")
        batch.close()
        self._in_flight[partition] = None
        try:
            async with asyncio.timeout(self._append_timeout_s):
                delivery = await self._producer.send_batch(batch, self._topic, partition=partition)
                self._in_flight[partition] = delivery
                return (await delivery).offset
        except (KafkaError, TimeoutError, MessageSizeTooLargeError) as error:
            self._over = True
            raise AppendUnknown(
                f"{self._topic}:{partition}: no ack ({error!r}); only a later fence tells what became of the batch"
            ) from error
        except asyncio.CancelledError:
            self._over = True
            raise
        finally:
            del self._in_flight[partition]

    async def close(self) -> None:
        self._over = True
        for partition, delivery in self._in_flight.items():
            if delivery is not None and not delivery.done():
                delivery.set_exception(AppendUnknown(f"{self._topic}:{partition}: the producer session was closed before the ack"))
        await _end_producer(self._producer)


class KafkaReader:
    """Reads from checkpoints, and makes its consumer anew when it is behind and hears nothing."""

    def __init__(self, log: KafkaEventLog, starts: Mapping[int, Checkpoint], stall_s: float) -> None:
        self._log = log
        self._filters = {partition: TermFilter(start) for partition, start in starts.items()}
        self._stall_s = stall_s
        self._consumer: AIOKafkaConsumer | None = None
        self._silent_s = 0.0

    async def open(self) -> None:
        """Connect, check that each checkpoint belongs to this log (R1), and stand at it."""
        try:
            self._consumer = await self._log.start_consumer()
            self._consumer.assign([self._tp(partition) for partition in self._filters])
            for partition, terms in self._filters.items():
                async with asyncio.timeout(CHECK_S):
                    await self._check(self._consumer, partition, terms.checkpoint)
            for partition, terms in self._filters.items():
                self._consumer.seek(self._tp(partition), terms.checkpoint.offset)
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unavailable(f"{self._log.topic}: cannot read ({error!r}); start Kafka or check OPSROOM_KAFKA") from error

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
        if self._consumer is None:
            await self.open()
        assert self._consumer is not None
        try:
            async with asyncio.timeout(timeout_s + self._stall_s):
                batches = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            partition = min(self._filters)
            raise another_log(self._log.topic, partition, self._filters[partition].checkpoint) from error
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop()
            raise Unavailable(f"{self._log.topic}: cannot read ({error!r})") from error
        if not batches:
            self._silent_s += timeout_s
            await self._watch()
            return {}
        self._silent_s = 0.0
        return {
            tp.partition: [self._filters[tp.partition].classify(_record(r)) for r in records] for tp, records in batches.items() if records
        }

    def position(self, partition: int) -> Checkpoint:
        return self._filters[partition].checkpoint

    async def close(self) -> None:
        await self._drop()

    async def _watch(self) -> None:
        """A silent consumer while the log has more is stuck (aiokafka issue 1154): drop it, the next poll opens another."""
        if self._silent_s < self._stall_s:
            return
        self._silent_s = 0.0
        for partition, terms in self._filters.items():
            if await self._log.end_offset(partition) > terms.checkpoint.offset:
                _log.warning("consumer stuck, making it anew", topic=self._log.topic, partition=partition, offset=terms.checkpoint.offset)
                await self._drop()
                return

    async def _check(self, consumer: AIOKafkaConsumer, partition: int, start: Checkpoint) -> None:
        tp = self._tp(partition)
        first = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
        if start.offset > end or start.offset < first:
            raise another_log(self._log.topic, partition, start)
        if start.fence_offset is None or start.term is None:
            return
        consumer.pause(*[other for other in consumer.assignment() if other != tp])
        consumer.seek(tp, start.fence_offset)
        found: Mapping[TopicPartition, Sequence[ConsumerRecord]] = await consumer.getmany(tp, timeout_ms=5_000, max_records=1)
        consumer.resume(*consumer.assignment())
        records = found.get(tp, ())
        if not records:
            raise Unavailable(f"{self._log.topic}:{partition}: the fence at {start.fence_offset} could not be read in 5 s")
        what = TermFilter(Checkpoint(start.fence_offset)).classify(_record(records[0]))
        if what.what is not RecordClass.FENCE or what.after.term != start.term or what.record.offset != start.fence_offset:
            raise another_log(self._log.topic, partition, start)

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _end_consumer(consumer)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._log.topic, partition)


_log_record = maker(LogRecord)


def _record(record: ConsumerRecord) -> LogRecord:
    return _log_record(record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))


async def _end_consumer(consumer: AIOKafkaConsumer) -> None:
    await ended(consumer.stop(), CLOSE_S)
    await ended(consumer._client.close(), CLOSE_S)  # noqa: SLF001 - `stop` does not get there if it failed before


async def _end_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer within CLOSE_S even while the broker is away. ``stop`` flushes, so an undelivered batch would hold it for ever:
    then its sender is cancelled and its connections closed; what it had on the wire may still land, and is void after the next fence.
    """
    try:
        async with asyncio.timeout(CLOSE_S):
            await producer.stop()
    except (KafkaError, TimeoutError, OSError):
        sender = producer._sender.sender_task  # noqa: SLF001 - no public way to give up on a batch
        if sender is not None:
            sender.cancel()
        with contextlib.suppress(KafkaError, TimeoutError, OSError, asyncio.CancelledError):
            async with asyncio.timeout(CLOSE_S):
                await producer.client.close()
        if sender is not None and not sender.done():
            sender.cancel()
