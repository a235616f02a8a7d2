"""``LogAdmin`` on a Kafka cluster."""

# aiokafka is partly annotated; what it hands over is typed where it is returned.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from opsroom_common.log.admin import GroupFound, Span, TopicFound
from opsroom_common.log.port import Unavailable

CLOSE_S = 2.0
_CONFIG = ("cleanup.policy", "retention.ms", "retention.bytes")


class KafkaLogAdmin:
    """Connects when it is first asked. Each question is answered within ``timeout_s``, or Unavailable is raised."""

    def __init__(self, bootstrap: str, *, client_id: str = "opsroom-admin", timeout_s: float = 5.0) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._timeout_s = timeout_s
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()

    async def topics(self) -> Mapping[str, TopicFound]:
        async with self._asking():
            admin = await self._admin_client()
            # Asked for all: asking for one by name may make it.
            described = [topic for topic in await admin.describe_topics() if not topic["is_internal"]]
            config = await self._config_of(admin, [str(topic["topic"]) for topic in described])
        return {
            name: TopicFound(name, len(partitions), min((len(p["replicas"]) for p in partitions), default=0), config.get(name, {}))
            for name, partitions in ((str(topic["topic"]), topic["partitions"]) for topic in described)
        }

    async def spans(self, topic: TopicFound) -> Mapping[int, Span]:
        async with self._asking():
            consumer = await self._place_reader()
            partitions = _partitions(topic)
            first = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        return {tp.partition: Span(first[tp], ends[tp]) for tp in partitions}

    async def offsets_at(self, topic: TopicFound, at: datetime) -> Mapping[int, int]:
        wanted_ms = max(0, int(at.timestamp() * 1000))
        async with self._asking():
            consumer = await self._place_reader()
            partitions = _partitions(topic)
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, wanted_ms))
            ends = await consumer.end_offsets(partitions)
        return {tp.partition: ends[tp] if (place := found.get(tp)) is None else int(place.offset) for tp in partitions}

    async def group(self, name: str) -> GroupFound:
        async with self._asking():
            admin = await self._admin_client()
            answers = await admin.describe_consumer_groups([name])
            offsets = await admin.list_consumer_group_offsets(name)
        described: dict[str, Any] = answers[0].to_object()["groups"][0]
        if described["error_code"]:
            raise Unavailable(f"Kafka does not describe the group {name} ({for_code(described['error_code']).__name__}); try again")
        committed: dict[str, dict[int, int]] = {}
        for tp, place in offsets.items():
            if place.offset >= 0:
                committed.setdefault(tp.topic, {})[tp.partition] = int(place.offset)
        return GroupFound(name, str(described["state"]), len(described["members"]), committed)

    async def close(self) -> None:
        """End the connections, within 2 s each."""
        admin, consumer = self._admin, self._consumer
        self._admin = self._consumer = None
        for client in (admin, consumer):
            if client is not None:
                await _end(client)

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[None]:
        """One question at a time; a failed one drops the connections, and the next one makes new ones."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout_s):
                    yield
            except (KafkaError, TimeoutError, OSError) as error:
                await self.close()
                said = f"Kafka at {self._bootstrap} does not answer ({type(error).__name__}); start it or check OPSROOM_KAFKA"
                raise Unavailable(said) from error

    async def _admin_client(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(
                bootstrap_servers=self._bootstrap, client_id=self._client_id, request_timeout_ms=int(self._timeout_s * 1000)
            )
            await self._admin.start()
        return self._admin

    async def _place_reader(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                request_timeout_ms=int(self._timeout_s * 1000),
            )
            await self._consumer.start()
        return self._consumer

    async def _config_of(self, admin: AIOKafkaAdminClient, names: list[str]) -> Mapping[str, Mapping[str, str]]:
        if not names:
            return {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys(_CONFIG)) for name in names]
        found: dict[str, dict[str, str]] = {}
        for answer in await admin.describe_configs(wanted):
            for resource in answer.to_object()["resources"]:
                entries = resource["config_entries"]
                found[str(resource["resource_name"])] = {str(entry["config_names"]): str(entry["config_value"]) for entry in entries}
        return found


def _partitions(topic: TopicFound) -> list[TopicPartition]:
    return [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]


async def _end(client: AIOKafkaAdminClient | AIOKafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, TimeoutError, OSError):
        async with asyncio.timeout(CLOSE_S):
            await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
