"""Where a service keeps how far it is in ``ops.events``, with the term that its reader needs there (R1, R8).

Whoever reads a partition loads its checkpoint, hands it to ``EventLog.reader``, and keeps it after the work is done: at least once, so that the work
must be idempotent. Nothing here says who may read a partition, and a late ``keep`` of somebody else only makes work come again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from opsroom_common.log.port import Checkpoint


class Checkpoints(Protocol):
    """The checkpoints of one reading service, by partition."""

    async def load(self, partitions: Collection[int]) -> Mapping[int, Checkpoint]:
        """The last kept checkpoint of each of these partitions; the beginning for one that has none. Raises Unavailable."""
        ...

    async def keep(self, checkpoints: Mapping[int, Checkpoint]) -> None:
        """Return once they are safe. Raises Unavailable: they may be kept or not."""
        ...

    async def close(self) -> None: ...


class MemoryCheckpoints:
    """In memory: what several readers in one test or simulation share."""

    def __init__(self) -> None:
        self.kept: dict[int, Checkpoint] = {}

    async def load(self, partitions: Collection[int]) -> Mapping[int, Checkpoint]:
        return {partition: self.kept.get(partition, Checkpoint()) for partition in partitions}

    async def keep(self, checkpoints: Mapping[int, Checkpoint]) -> None:
        self.kept.update(checkpoints)

    async def close(self) -> None:
        return
