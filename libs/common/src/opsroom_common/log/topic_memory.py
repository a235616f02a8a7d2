"""Consumer groups in memory, over a ``MemoryEventLog`` as a plain topic: one member that owns all partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import LogRecord, Unavailable
from opsroom_common.log.topic import Place


class MemoryGroups:
    """What a broker remembers of groups: committed offsets, by group and partition."""

    def __init__(self) -> None:
        self.committed: dict[tuple[str, int], int] = {}
        self.away = False
        """True while the broker does not answer."""


class MemoryTopicReader:
    """The only member of its group. Starts at the committed offsets, else at 0."""

    def __init__(self, log: MemoryEventLog, group: str, groups: MemoryGroups) -> None:
        self._log = log
        self._group = group
        self._groups = groups
        self._positions: dict[int, int] = {}
        self._generation = 0

    @property
    def generation(self) -> int:
        return self._generation

    def rebalance(self) -> None:
        """Stand at the committed offsets again, as after a rebalance or a reconnect."""
        self._positions = {p: self._groups.committed.get((self._group, p), 0) for p in range(self._log.partitions)}
        self._generation += 1

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[LogRecord]]:
        self._reach()
        if not self._positions:
            self.rebalance()
        found = self._take(max_records)
        if not found:
            await self._log.wait_for_growth(timeout_s)
            found = self._take(max_records)
        return found

    async def commit(self, offsets: Mapping[int, int]) -> None:
        self._reach()
        self._groups.committed.update({(self._group, p): offset for p, offset in offsets.items()})

    def places(self) -> Mapping[int, Place]:
        return {p: Place(position, len(self._log.records(p))) for p, position in self._positions.items()}

    async def close(self) -> None:
        self._positions = {}

    def _reach(self) -> None:
        if self._groups.away:
            self._positions = {}
            raise Unavailable(f"{self._log.topic}: the broker is away")

    def _take(self, max_records: int) -> dict[int, Sequence[LogRecord]]:
        found: dict[int, Sequence[LogRecord]] = {}
        for partition, position in self._positions.items():
            batch = self._log.slice(partition, position, max_records)
            if batch:
                found[partition] = batch
                self._positions[partition] = position + len(batch)
                max_records -= len(batch)
            if max_records <= 0:
                break
        return found
