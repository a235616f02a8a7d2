"""The follower of the change feed: from Redis it takes only what comes next, and everything else from Postgres, which is the truth.

Redis may lose, repeat, skip or be away. An entry is accepted if and only if it is the last one plus one. On anything else, and once a
second, the table is read. A new epoch, or a hole that the table cannot fill any more, ends every subscription: loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway_ws.live.hub import Hub
from gateway_ws.live.publications import prepare
from gateway_ws.live.ring import Ring
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.reading import ReadUnavailable, reading
from opsroom_common.feed.port import CarrierUnavailable, FeedCarrier, FeedEntry, FeedSlice, FeedTable, Position
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.logging import get_logger

_log = get_logger("tail")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TailPace:
    """How often, and how much at once."""

    verify_s: float = 1.0
    """Between two looks at the table while Redis is fine."""
    poll_s: float = 0.05
    """Between two looks at the table while Redis is away."""
    carrier_retry_s: float = 0.5
    table_retry_s: float = 0.25
    page_entries: int = 1_000
    refill_entries_max: int = 50_000
    """How far back the table is read at a start or a new epoch."""


class FeedTail:
    """Keeps the ring and the hub at the feed's head. ``run`` it in one task; ``catch_up`` is for anybody."""

    def __init__(
        self,
        *,
        carrier: FeedCarrier,
        table: FeedTable,
        ring: Ring,
        hub: Hub,
        clock: Clock,
        progress: Progress,
        metrics: GatewayMetrics,
        pace: TailPace | None = None,
    ) -> None:
        self._carrier = carrier
        self._table = table
        self._ring = ring
        self._hub = hub
        self._clock = clock
        self._progress = progress
        self._metrics = metrics
        self._pace = pace or TailPace()
        self._reading = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._verified_at = _NEVER
        self._known_epoch = asyncio.Event()
        self.carrier_away: str | None = "not asked yet"
        self.table_away: str | None = "not asked yet"

    @property
    def verified_at(self) -> datetime:
        return self._verified_at

    @property
    def position(self) -> Position | None:
        return self._ring.position

    async def run(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_table(), name="tail-table")
            tasks.create_task(self._follow_carrier(), name="tail-carrier")

    async def catch_up(self) -> None:
        """Read the table until the ring has everything that was committed before this call. Raises ReadUnavailable."""
        async with self._reading:
            while await self._read_page():
                pass

    async def _follow_table(self) -> None:
        while True:
            try:
                await self.catch_up()
            except ReadUnavailable as error:
                self._table_is_away(str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._pause_s())
            self._hurry.clear()

    def _pause_s(self) -> float:
        if self.table_away is not None:
            return self._pace.table_retry_s
        return self._pace.verify_s if self.carrier_away is None else self._pace.poll_s

    async def _follow_carrier(self) -> None:
        await self._known_epoch.wait()
        while True:
            before = self._ring.position
            assert before is not None
            try:
                # Without waiting until it is known to be there, so that one second of silence is not taken for absence.
                entries = await self._carrier.read(before, self._pace.verify_s if self.carrier_away is None else 0.0)
            except CarrierUnavailable as error:
                self._carrier_is_away(str(error))
                await asyncio.sleep(self._pace.carrier_retry_s)
                continue
            self._carrier_is_back()
            if self._accept(entries, "carrier"):
                continue
            # Something is missing, or another epoch speaks: only the table knows which.
            with suppress(ReadUnavailable):
                await self.catch_up()
            if self._ring.position == before:
                # What Redis holds does not belong to this feed, or Postgres is away. Do not spin on it.
                await asyncio.sleep(self._pace.poll_s)

    def _accept(self, entries: Sequence[FeedEntry], source: str) -> bool:
        """Take what comes next, pass over what is known; False at the first entry that does not fit. Without an await."""
        now_s = self._clock.monotonic()
        taken = 0
        fits = True
        for entry in entries:
            have = self._ring.position
            if have is None or entry.position > Position(have.epoch, have.n + 1):
                fits = False
                break
            if entry.position <= have:
                continue
            prepared = prepare(entry)
            self._ring.append(prepared, now_s)
            self._hub.deliver(prepared)
            taken += 1
        if taken:
            self._metrics.entries.labels(source=source).inc(taken)
        return fits

    async def _read_page(self) -> bool:
        """Read one page of the table; True if there is more to read at once. Holds the lock."""
        asked_at = self._clock.now()
        before = self._ring.position
        with reading():
            page = await self._table.read(before.n if before is not None else 0, self._pace.page_entries if before is not None else 1)
        if page is None:
            self._table_is_away("the change feed has no head: the projector makes one when it starts")
            return False
        self._table_is_back()
        if before is None or self._another(before, page):
            self._restart(page, "the feed began a new epoch; take a fresh snapshot")
            return True
        if not self._accept(page.entries, "table") or self._hole(page):
            self._restart(page, "the gateway missed a part of the feed; take a fresh snapshot")
            return True
        have = self._ring.position
        assert have is not None
        self._progress.report(0, have.n, max(page.head.n, have.n))
        self._metrics.lag.set(max(0, page.head.n - have.n))
        if have.n < page.head.n:
            return True
        self._verified_at = asked_at
        return False

    @staticmethod
    def _another(before: Position, page: FeedSlice) -> bool:
        """Another epoch, or a head behind what was seen of this one before the table was asked: not the feed that we follow."""
        return page.head.epoch != before.epoch or page.head.n < before.n

    def _hole(self, page: FeedSlice) -> bool:
        """The table no longer has what comes next."""
        have = self._ring.position
        return have is not None and not page.entries and page.head.n > have.n

    def _restart(self, page: FeedSlice, message: str) -> None:
        start = max(page.floor - 1, page.head.n - self._pace.refill_entries_max, 0)
        was = self._ring.position
        self._ring.reset(Position(page.head.epoch, start))
        self._hub.resync(message)
        self._known_epoch.set()
        _log.info(
            "feed followed from here", epoch=page.head.epoch, start=start, head=page.head.n, was=None if was is None else [was.epoch, was.n]
        )

    def _table_is_away(self, reason: str) -> None:
        if self.table_away != reason:
            _log.warning("the feed's table cannot be read", reason=reason)
        self.table_away = reason
        self._progress.pause(reason)

    def _table_is_back(self) -> None:
        self.table_away = None
        self._progress.resume()

    def _carrier_is_away(self, reason: str) -> None:
        if self.carrier_away is None or self.carrier_away == "not asked yet":
            _log.warning("Redis is away; the table is polled", reason=reason)
        self.carrier_away = reason
        self._metrics.carrier_up.set(0)
        self._hurry.set()

    def _carrier_is_back(self) -> None:
        if self.carrier_away is not None:
            _log.info("Redis carries the feed")
        self.carrier_away = None
        self._metrics.carrier_up.set(1)
