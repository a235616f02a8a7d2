"""A member of a Kafka consumer group that reads nothing: only the group's word about partitions is wanted.

A member that was paused longer than its session does not know that it is out. ``confirms`` therefore asks the coordinator, by committing an
offset: it takes a commit of the present generation's owner only.
"""

# aiokafka is partly annotated; what it hands over is typed where it enters.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from opsroom_common.log.ending_kafka import end_group_consumer
from opsroom_common.log.membership import OnShare
from opsroom_common.runtime.logging import get_logger

HEARTBEATS_A_SESSION = 20
"""A rebalance is noticed at the next heartbeat: 0.3 s for a session of 6 s."""
SESSIONS_UNANSWERED = 2
SESSIONS_TO_JOIN = 5
AGAIN_S = 0.5
POLL_MS = 1_000
_POLL_PAUSE_MAX_MS = 24 * 3600 * 1000
_log = get_logger("log.membership")


class KafkaMembership:
    """A member of ``group`` for the partitions of ``topic``. ``session_timeout_s`` is how long a killed member keeps its partitions."""

    def __init__(self, bootstrap: str, topic: str, group: str, *, client_id: str, session_timeout_s: float = 6.0) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._client_id = client_id
        self._session_timeout_s = session_timeout_s
        self._consumer: AIOKafkaConsumer | None = None
        self._unanswered_since: float | None = None

    async def run(self, on_share: OnShare) -> None:
        while True:
            try:
                await self._be_member(on_share)
            except (KafkaError, TimeoutError, OSError) as error:
                _log.warning("not in the group; joining again", group=self._group, reason=repr(error))
            await asyncio.sleep(AGAIN_S)

    async def confirms(self, partition: int) -> bool:
        consumer = self._consumer
        tp = TopicPartition(self._topic, partition)
        if consumer is None or tp not in consumer.assignment():
            return False
        asked = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._session_timeout_s):
                await consumer.commit({tp: 0})
        except TimeoutError:
            self._unanswered_since = self._unanswered_since or asked
            return False
        except CommitFailedError:
            self._unanswered_since = None  # that was an answer: no
            return False
        except (KafkaError, IllegalStateError, OSError):
            return False
        self._unanswered_since = None
        return tp in consumer.assignment()

    async def _be_member(self, on_share: OnShare) -> None:
        consumer = self._consumer = self._new_consumer()
        consumer.subscribe([self._topic], listener=_Shares(consumer, on_share))
        try:
            # A join waits until the sessions of dead members are over; a coordinator that is lost never answers it.
            async with asyncio.timeout(SESSIONS_TO_JOIN * self._session_timeout_s):
                await consumer.start()
            while not self._deaf():
                # Paused partitions bring no records; asking tells the consumer that its owner lives.
                await consumer.getmany(timeout_ms=POLL_MS)
            _log.warning("the group's coordinator does not answer; joining again with a new consumer", group=self._group)
        finally:
            self._consumer, self._unanswered_since = None, None
            await end_group_consumer(consumer)

    def _deaf(self) -> bool:
        """Whether no question was answered for two sessions. A consumer can lose its coordinator for good when that broker dies as others come
        back; the coordinator has long forgotten it by then, so that nothing is lost by a new one.
        """
        since = self._unanswered_since
        return since is not None and asyncio.get_running_loop().time() - since > SESSIONS_UNANSWERED * self._session_timeout_s

    def _new_consumer(self) -> AIOKafkaConsumer:
        session_ms = int(self._session_timeout_s * 1000)
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_A_SESSION,
            rebalance_timeout_ms=session_ms,
            max_poll_interval_ms=_POLL_PAUSE_MAX_MS,
            request_timeout_ms=max(15_000, 2 * session_ms),
            retry_backoff_ms=100,
            metadata_max_age_ms=30_000,
            # Its memory of what it had stands on the class: each member needs a class of its own.
            partition_assignment_strategy=(type("Sticky", (StickyPartitionAssignor,), {}),),
        )


class _Shares(ConsumerRebalanceListener):
    """Hands every share on. What is revoked is let go only once another share is known: most of it comes back, and the log judges meanwhile."""

    def __init__(self, consumer: AIOKafkaConsumer, on_share: OnShare) -> None:
        self._consumer = consumer
        self._on_share = on_share

    def on_partitions_revoked(self, revoked: object) -> None:
        del revoked

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        partitions = frozenset(tp.partition for tp in assigned)
        self._consumer.pause(*assigned)
        _log.info("the group has shared out", mine=sorted(partitions))
        self._on_share(partitions)
