"""Reads ``ops.events`` for a person: several partitions in the order of time up to where they end now, and then, if wanted, what comes."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from opsroom_common.log.port import AnotherLog, Checkpoint, Classified, EventLog, LogReader, Unavailable

_POLL_RECORDS = 2_000
_POLL_S = 0.5
_SILENT_S_MAX = 30.0

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a partition: records from ``wanted`` and below ``end``. Reading begins at ``start``, which knows its term and may be earlier."""

    partition: int
    start: Checkpoint
    wanted: int
    end: int


@dataclass(slots=True)
class _Cursor:
    log: EventLog
    stretch: Stretch
    at: Checkpoint
    reader: LogReader | None = None
    ready: deque[Classified] = field(default_factory=deque[Classified])

    async def head(self) -> Classified | None:
        """The next wanted record, or None at the end. Raises AnotherLog, Unavailable."""
        silent_s = 0.0
        while not self.ready and self.at.offset < self.stretch.end:
            if self.reader is None:
                self.reader = await self.log.reader({self.stretch.partition: self.at})
            items = (await self.reader.poll(_POLL_RECORDS, _POLL_S)).get(self.stretch.partition, ())
            silent_s = 0.0 if items else silent_s + _POLL_S
            if silent_s > _SILENT_S_MAX:
                raise Unavailable(
                    f"{self.log.topic}-{self.stretch.partition} gives nothing from {self.at.offset} on; look at the broker's log"
                )
            for item in items:
                if item.record.offset < self.stretch.end:
                    self.at = item.after
                    if item.record.offset >= self.stretch.wanted:
                        self.ready.append(item)
        return self.ready[0] if self.ready else None

    async def close(self) -> None:
        if self.reader is not None:
            await self.reader.close()


class Reading:
    """One pass over some partitions. Holds at most a few thousand records of each."""

    def __init__(self, log: EventLog, stretches: list[Stretch]) -> None:
        self._log = log
        self._cursors = [_Cursor(log, stretch, stretch.start) for stretch in stretches]

    async def past(self) -> AsyncGenerator[Classified]:
        """What is there: in the order of record times over the partitions, in log order within each. Raises AnotherLog, Unavailable."""
        heads: list[tuple[int, int, int, _Cursor]] = []
        await asyncio.gather(*(self._push(heads, cursor) for cursor in self._cursors))
        while heads:
            _, _, _, cursor = heapq.heappop(heads)
            yield cursor.ready.popleft()
            await self._push(heads, cursor)

    async def live(self) -> AsyncGenerator[Classified | None]:
        """What comes after ``past``, for ever, as it arrives; None when nothing came for half a second. Raises AnotherLog, Unavailable.

        May be called again after Unavailable: it goes on where it was.
        """
        await self.close()
        reader = await self._log.reader({cursor.stretch.partition: cursor.at for cursor in self._cursors})
        by_partition = {cursor.stretch.partition: cursor for cursor in self._cursors}
        try:
            while True:
                batches = await reader.poll(_POLL_RECORDS, _POLL_S)
                for partition, items in batches.items():
                    for item in items:
                        by_partition[partition].at = item.after
                        yield item
                if not batches:
                    yield None
        finally:
            await reader.close()

    async def close(self) -> None:
        for cursor in self._cursors:
            await cursor.close()
            cursor.reader = None

    @staticmethod
    async def _push(heads: list[tuple[int, int, int, _Cursor]], cursor: _Cursor) -> None:
        head = await cursor.head()
        if head is not None:
            heapq.heappush(heads, (head.record.timestamp_ms, head.record.partition, head.record.offset, cursor))


async def checked_start(log: EventLog, partition: int, start: Checkpoint, note: Note) -> Checkpoint:
    """``start`` if its fence stands in this log (R1), else the log's beginning, from which everything can be classified. Raises Unavailable."""
    if start.offset == 0:
        return start
    try:
        reader = await log.reader({partition: start})
    except AnotherLog:
        note(f"the read model belongs to another log than {log.topic}: rebuild it with projector rebuild; reading from the log's beginning")
        return Checkpoint()
    await reader.close()
    return start


def whole(ends: Mapping[int, int], partitions: list[int]) -> list[Stretch]:
    """All of the named partitions."""
    return [Stretch(partition, Checkpoint(), 0, ends[partition]) for partition in partitions]
