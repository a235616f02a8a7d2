"""Plain topics: appended to by anyone who may, read by consumer groups. At least once each way, so effects must be idempotent.

``ops.events`` is not one of them: its single writer and its voids are in ``log.port``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from opsroom_common.log.batch import BATCH_BYTES_MAX, record_bytes
from opsroom_common.log.port import AppendSession, AppendUnknown, EventLog, LogRecord, RawRecord, SessionLost, TooLarge, Unavailable

WAITING_MAX = 1_000
"""Appends that may wait for their turn; more are refused at once."""
WAITING_BYTES_MAX = 32 * 1024 * 1024
"""What they may weigh together. One append alone is always taken."""


class TopicWriter(Protocol):
    async def append(self, records: Sequence[RawRecord]) -> None:
        """Return once all replicas in sync hold every record; same key, same partition, in order.

        Raises Unavailable (some of the records may be in: append all of them again) and TooLarge (nothing was appended).
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is in one partition: the next offset that ``poll`` returns, and the end as last known."""

    position: int
    end: int


class TopicReader(Protocol):
    """One member of a consumer group. One task uses it.

    ``poll`` returns each record at least once to some member of the group: those after the last ``commit`` come again after a crash, a
    rebalance or a reconnect.
    """

    @property
    def generation(self) -> int:
        """Grows whenever partitions were assigned anew: what is remembered of earlier ones may be out of date."""
        ...

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[LogRecord]]:
        """At least one record, or {} after ``timeout_s``. Connects if need be. Raises Unavailable."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Everything below these offsets is handled. A partition that went to another member is left out. Raises Unavailable."""
        ...

    def places(self) -> Mapping[int, Place]:
        """The assigned partitions. For health and metrics."""
        ...

    async def close(self) -> None: ...


class LogTopicWriter:
    """Appends to a plain topic through producer sessions of ``log``, one append at a time, so that a key's records keep their order.

    A failed session is dropped and the next append opens another. ``timeout_s`` bounds one append, waiting included.
    """

    def __init__(self, log: EventLog, timeout_s: float = 10.0) -> None:
        self._log = log
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._waiting_bytes = 0
        self._session: AppendSession | None = None

    async def append(self, records: Sequence[RawRecord]) -> None:
        batches = self._batches(records)
        if self._waiting >= WAITING_MAX:
            raise Unavailable(f"{self._log.topic}: {WAITING_MAX} appends wait already; try again later")
        size = sum(record_bytes(record) for record in records)
        if self._waiting and self._waiting_bytes + size > WAITING_BYTES_MAX:
            raise Unavailable(f"{self._log.topic}: appends of {self._waiting_bytes} bytes wait already; try again later")
        self._waiting += 1
        self._waiting_bytes += size
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                await self._append(batches)
        except TimeoutError as error:
            raise Unavailable(f"{self._log.topic}: no ack within {self._timeout_s:.0f} s; start Kafka or check OPSROOM_KAFKA") from error
        finally:
            self._waiting -= 1
            self._waiting_bytes -= size

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _append(self, batches: Mapping[int, Sequence[Sequence[RawRecord]]]) -> None:
        if self._session is None or not self._session.alive:
            await self.close()
            self._session = await self._log.session()
        session = self._session
        try:
            fates = await asyncio.gather(
                *(_append_in_order(session, partition, parts) for partition, parts in batches.items()), return_exceptions=True
            )
        except asyncio.CancelledError:
            await self.close()  # a batch may be on the wire: that session is over
            raise
        for fate in fates:
            if isinstance(fate, AppendUnknown | SessionLost):
                await self.close()
                raise Unavailable(f"{self._log.topic}: {fate}") from fate
            if fate is not None:
                raise fate

    def _batches(self, records: Sequence[RawRecord]) -> dict[int, list[list[RawRecord]]]:
        """By partition, in batches that fit. Raises TooLarge before anything is sent."""
        batches: dict[int, list[list[RawRecord]]] = {}
        room: dict[int, int] = {}
        for record in records:
            size = record_bytes(record)
            if size > BATCH_BYTES_MAX:
                raise TooLarge(f"{self._log.topic}: a record of {size} bytes is above {BATCH_BYTES_MAX}; send less in one")
            partition = self._log.partition_of((record.key or b"").decode(errors="replace"))
            if partition not in batches or room[partition] < size:
                batches.setdefault(partition, []).append([])
                room[partition] = BATCH_BYTES_MAX
            batches[partition][-1].append(record)
            room[partition] -= size
        return batches


async def _append_in_order(session: AppendSession, partition: int, batches: Sequence[Sequence[RawRecord]]) -> None:
    for batch in batches:
        await session.append(partition, batch)
