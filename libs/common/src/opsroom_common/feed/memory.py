"""The change feed in memory: a carrier with Redis' manners and a table with Postgres'."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from opsroom_common.feed.port import CarrierUnavailable, FeedEntry, FeedSlice, Position


class MemoryFeedCarrier:
    """Keeps the newest ``entries_max`` entries; refuses an id that is not above its newest. ``away`` makes it unavailable."""

    def __init__(self, entries_max: int = 20_000) -> None:
        self._entries: deque[FeedEntry] = deque(maxlen=entries_max)
        self._top = Position(0, 0)
        self._grown = asyncio.Event()
        self.away = False

    async def publish(self, entries: Sequence[FeedEntry]) -> None:
        self._check()
        for entry in entries:
            if entry.position > self._top:
                self._top = entry.position
                self._entries.append(entry)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def read(self, after: Position, timeout_s: float) -> Sequence[FeedEntry]:
        self._check()
        found = self._after(after)
        if not found and timeout_s > 0:
            try:
                async with asyncio.timeout(timeout_s):
                    while not found:
                        await self._grown.wait()
                        found = self._after(after)
            except TimeoutError:
                pass
            self._check()
        return found

    async def close(self) -> None:
        self._entries.clear()

    def _after(self, after: Position) -> list[FeedEntry]:
        return [entry for entry in self._entries if entry.position > after]

    def _check(self) -> None:
        if self.away:
            raise CarrierUnavailable("the carrier is away; readers use the table meanwhile")


class MemoryFeedTable:
    """Entries of one epoch, the newest ``entries_max``. Tests append to it as the projector's statement would."""

    def __init__(self, epoch: int | None = None, entries_max: int = 100_000) -> None:
        self._head = None if epoch is None else Position(epoch, 0)
        self._entries: deque[FeedEntry] = deque(maxlen=entries_max)

    def append(self, entry: FeedEntry) -> None:
        """Append the next entry. Raises ValueError unless its position is the head's plus one."""
        if self._head is None or entry.position != Position(self._head.epoch, self._head.n + 1):
            raise ValueError(f"{entry.position} does not follow {self._head}")
        self._head = entry.position
        self._entries.append(entry)

    def new_epoch(self, epoch: int | None) -> None:
        """Start another epoch, or lose the head (None) as a crash of Postgres does."""
        self._head = None if epoch is None else Position(epoch, 0)
        self._entries.clear()

    async def head(self) -> Position | None:
        return self._head

    async def read(self, after: int, limit: int) -> FeedSlice | None:
        if self._head is None:
            return None
        floor = self._entries[0].position.n if self._entries else self._head.n + 1
        entries = [entry for entry in self._entries if entry.position.n > after]
        return FeedSlice(head=self._head, floor=floor, entries=entries[:limit])
