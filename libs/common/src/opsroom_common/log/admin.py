"""What an operator asks a cluster: which topics there are, how far they reach, and how far a consumer group has come. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic as the cluster has it. ``config`` holds ``cleanup.policy``, ``retention.ms`` and ``retention.bytes``, by Kafka's names."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets that a partition holds: from ``first``, below ``end``."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class GroupFound:
    """A consumer group. ``state`` is Kafka's word for it: Stable, Empty (nobody reads), PreparingRebalance, Dead (unknown), …"""

    name: str
    state: str
    members: int
    committed: Mapping[str, Mapping[int, int]]
    """By topic and partition: the next offset that the group will read. A partition without a commit is left out."""


class LogAdmin(Protocol):
    """Reads only. Every method raises ``log.port.Unavailable`` when the cluster does not answer in time."""

    async def topics(self) -> Mapping[str, TopicFound]:
        """Every topic but Kafka's own, by name."""
        ...

    async def spans(self, topic: TopicFound) -> Mapping[int, Span]: ...

    async def offsets_at(self, topic: TopicFound, at: datetime) -> Mapping[int, int]:
        """Per partition the first offset whose record is not older than ``at``; the end if there is none."""
        ...

    async def group(self, name: str) -> GroupFound: ...

    async def close(self) -> None: ...
