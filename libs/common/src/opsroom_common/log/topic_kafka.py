"""A member of a Kafka consumer group, with a watchdog: a consumer that hears nothing while there is more is made anew.

aiokafka's consumer can stay stuck after a broker restart (its issue 1154) and says nothing while the broker is away.
"""

# aiokafka is partly annotated; what it hands over is typed at the end of this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from opsroom_common.log.ending_kafka import end_group_consumer
from opsroom_common.log.port import LogRecord, Unavailable
from opsroom_common.log.topic import Place
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.logging import get_logger

_POLL_PAUSE_MAX_MS = 24 * 3600 * 1000
"""A member that waits on purpose (Postgres is away, say) keeps its partitions; a stuck one is found by its own watchdog."""
_log = get_logger("log.topic")


class KafkaTopicReader:
    """Reads ``topic`` as a member of ``group``, from the committed offsets, else from the oldest record.

    ``stall_s`` is how long silence is believed before the end offsets are asked for. ``session_timeout_s`` is how long a killed member
    keeps its partitions.
    """

    def __init__(
        self, bootstrap: str, topic: str, group: str, clock: Clock, *, stall_s: float = 5.0, session_timeout_s: float = 6.0
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._clock = clock
        self._stall_s = stall_s
        self._session_timeout_s = session_timeout_s
        self._consumer: AIOKafkaConsumer | None = None
        self._places: dict[int, Place] = {}
        self._heard_at = clock.monotonic()
        self._assigned = _Assigned()
        self._behind: set[tuple[int, int, int]] = set()
        """Generation, partition and position of what had more to read at the last look after a silence."""

    @property
    def generation(self) -> int:
        return self._assigned.generation

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[LogRecord]]:
        consumer = self._consumer or await self._open()
        try:
            async with asyncio.timeout(timeout_s + self._stall_s):
                batches = await consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop()
            raise self._away(error) from error
        self._keep_places(consumer)
        if not batches:
            await self._watch(consumer)
            return {}
        self._heard_at = self._clock.monotonic()
        found = {tp.partition: [_record(record) for record in records] for tp, records in batches.items() if records}
        for partition, records in found.items():
            next_offset = records[-1].offset + 1
            known = self._places.get(partition, Place(0, 0))
            self._places[partition] = Place(next_offset, max(known.end, next_offset))
        return found

    async def commit(self, offsets: Mapping[int, int]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        mine = {tp.partition for tp in consumer.assignment()}
        kept = {TopicPartition(self._topic, p): offset for p, offset in offsets.items() if p in mine}
        if not kept:
            return
        try:
            async with asyncio.timeout(self._stall_s):
                await consumer.commit(kept)
        except (CommitFailedError, IllegalStateError):
            # The group changed meanwhile: the new owner handles these records again, which is harmless.
            _log.info("commit came after a rebalance", topic=self._topic, group=self._group)
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop()
            raise self._away(error) from error

    def places(self) -> Mapping[int, Place]:
        return dict(self._places)

    async def close(self) -> None:
        await self._drop()

    async def _open(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._group,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._session_timeout_s * 1000),
            heartbeat_interval_ms=int(self._session_timeout_s * 1000 / 4),
            max_poll_interval_ms=_POLL_PAUSE_MAX_MS,
            rebalance_timeout_ms=10_000,
            request_timeout_ms=15_000,
            fetch_max_wait_ms=500,
            retry_backoff_ms=50,
            # A topic that is created a moment later must be seen soon.
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe([self._topic], listener=self._assigned)
        try:
            # A join waits until the sessions of dead members are over: whoever gives up before leaves one more of them.
            async with asyncio.timeout(self._stall_s * 2 + self._session_timeout_s):
                await consumer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await end_group_consumer(consumer)
            raise self._away(error) from error
        except BaseException:
            await end_group_consumer(consumer)
            raise
        self._consumer = consumer
        self._heard_at = self._clock.monotonic()
        return consumer

    def _keep_places(self, consumer: AIOKafkaConsumer) -> None:
        """Forget partitions that went away, and take the end offsets that the last fetch brought."""
        mine = {tp.partition for tp in consumer.assignment()}
        self._places = {p: place for p, place in self._places.items() if p in mine}
        for partition, place in self._places.items():
            end = consumer.highwater(TopicPartition(self._topic, partition))
            if end is not None and end > place.end:
                self._places[partition] = Place(place.position, end)

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        """After a silence: ask for the end offsets. No answer: the broker is away. More than was read: the consumer is stuck."""
        if self._clock.monotonic() - self._heard_at < self._stall_s:
            return
        assigned = list(consumer.assignment())
        try:
            async with asyncio.timeout(self._stall_s):
                ends: Mapping[TopicPartition, int] = await consumer.end_offsets(assigned) if assigned else {}
                positions = {tp: await consumer.position(tp) for tp in assigned}
        except IllegalStateError:
            return  # a rebalance came between
        except (KafkaError, TimeoutError, OSError) as error:
            await self._drop()
            raise self._away(error) from error
        self._places = {tp.partition: Place(positions[tp], ends[tp]) for tp in assigned}
        self._heard_at = self._clock.monotonic()
        # One look proves nothing: the partition may have come a moment ago, and its first records are on the way.
        behind = {(self.generation, tp.partition, positions[tp]) for tp in assigned if ends[tp] > positions[tp]}
        stuck, self._behind = behind & self._behind, behind
        if stuck:
            _log.warning("consumer stuck, making it anew", topic=self._topic, group=self._group, partitions=[p for _, p, _ in stuck])
            await self._drop()

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end_group_consumer(consumer)

    def _away(self, error: BaseException) -> Unavailable:
        return Unavailable(f"{self._topic}: cannot read ({error!r}); start Kafka at {self._bootstrap} or check OPSROOM_KAFKA")


class _Assigned(ConsumerRebalanceListener):
    """Counts assignments."""

    def __init__(self) -> None:
        self.generation = 0

    def on_partitions_revoked(self, revoked: object) -> None:
        del revoked

    def on_partitions_assigned(self, assigned: object) -> None:
        del assigned
        self.generation += 1


def _record(record: ConsumerRecord) -> LogRecord:
    return LogRecord(record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
