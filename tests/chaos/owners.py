"""Who owns which partition, by the last fence in the log: what every reader goes by."""

from __future__ import annotations

import asyncio
from collections import Counter

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import Fence
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, RecordClass, Unavailable


class Owners:
    """Follows the log; ``of`` says whose fence stands last in each partition."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._log = KafkaEventLog(bootstrap, partitions, client_id="chaos-owners")
        self.of: dict[int, str] = {}
        self.fences = 0

    async def run(self) -> None:
        """Read for ever."""
        at = {partition: Checkpoint() for partition in range(self._log.partitions)}
        while True:
            try:
                reader = await self._log.reader(at)
            except Unavailable:
                await asyncio.sleep(0.2)
                continue
            try:
                while True:
                    for partition, items in (await reader.poll(2_000, 0.2)).items():
                        for item in items:
                            if item.what is RecordClass.FENCE:
                                fence = decode(item.record)
                                assert isinstance(fence, Fence)
                                self.of[partition] = fence.owner
                                self.fences += 1
                        at[partition] = reader.position(partition)
            except Unavailable:
                await asyncio.sleep(0.2)
            finally:
                await reader.close()

    async def close(self) -> None:
        await self._log.close()

    def partitions_of(self, owner: str) -> tuple[int, ...]:
        return tuple(sorted(partition for partition, name in self.of.items() if name == owner))

    def busiest(self) -> str:
        """Who owns the most partitions."""
        return Counter(self.of.values()).most_common(1)[0][0]
