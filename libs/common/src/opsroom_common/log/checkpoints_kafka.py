"""Checkpoints as the committed offsets of a Kafka consumer group without members: the term and its fence stand in the offset's metadata.

The brokers forget the offsets of a group that commits nothing for ``offsets.retention.minutes`` (a week by default): keep them anew now and then.
"""

# aiokafka is partly annotated; what it hands over is typed where it is returned.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from opsroom_common.log.ending import ended
from opsroom_common.log.ending_kafka import end_group_consumer
from opsroom_common.log.port import Checkpoint, Unavailable

CLOSE_S = 2.0
TIMEOUT_S = 10.0
RETRY_S = 0.2


class KafkaCheckpoints:
    """Connects when it is first asked; a connection that failed is made anew. One task uses it."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, group: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._partitions = partitions
        self._group = group
        self._timeout_s = timeout_s
        self._consumer: AIOKafkaConsumer | None = None

    async def load(self, partitions: Collection[int]) -> Mapping[int, Checkpoint]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, client_id=self._group)
        try:
            async with asyncio.timeout(self._timeout_s):
                await admin.start()
                found = await self._offsets(admin)
        except (KafkaError, TimeoutError, OSError) as error:
            raise self._away(error) from error
        finally:
            await ended(admin.close(), CLOSE_S)
        kept = {tp.partition: _checkpoint(at.offset, at.metadata) for tp, at in found.items() if tp.topic == self._topic}
        return {partition: kept.get(partition, Checkpoint()) for partition in partitions}

    async def _offsets(self, admin: AIOKafkaAdminClient) -> Mapping[TopicPartition, OffsetAndMetadata]:
        while True:
            try:
                return await admin.list_consumer_group_offsets(self._group)
            except KafkaError as error:
                # A new cluster makes the topic for offsets at the first question.
                if not error.retriable:
                    raise
            await asyncio.sleep(RETRY_S)

    async def keep(self, checkpoints: Mapping[int, Checkpoint]) -> None:
        if not checkpoints:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                consumer = self._consumer or await self._connected()
                await consumer.commit({TopicPartition(self._topic, p): (at.offset, _metadata(at)) for p, at in checkpoints.items()})
        except (KafkaError, TimeoutError, OSError) as error:
            await self.close()
            raise self._away(error) from error

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end_group_consumer(consumer)

    async def _connected(self) -> AIOKafkaConsumer:
        """Of no group's members: it only commits, and fetches nothing."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._group,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        every = [TopicPartition(self._topic, partition) for partition in range(self._partitions)]
        consumer.assign(every)
        consumer.pause(*every)
        try:
            await consumer.start()
        except BaseException:
            await end_group_consumer(consumer)
            raise
        self._consumer = consumer
        return consumer

    def _away(self, error: BaseException) -> Unavailable:
        return Unavailable(f"{self._topic}: checkpoints of {self._group} cannot be reached ({error!r}); start Kafka at {self._bootstrap}")


def _metadata(at: Checkpoint) -> str:
    return "" if at.term is None else f"{at.term} {at.fence_offset}"


def _checkpoint(offset: int, metadata: str) -> Checkpoint:
    """The beginning for an offset without a term that is beyond it: nobody could say there which records count."""
    term, _, fence = metadata.partition(" ")
    if offset <= 0:
        return Checkpoint()
    return Checkpoint(offset, term, int(fence)) if fence.isdecimal() else Checkpoint()
