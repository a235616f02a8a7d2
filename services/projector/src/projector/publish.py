"""Sends committed feed entries to the carrier, beside the projection: it never waits for the carrier and never fails because of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from opsroom_common.feed.port import CarrierUnavailable, FeedCarrier, FeedEntry, Position
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from projector.metrics import PUBLISHED, UNSENT

_WAITING_MAX = 10_000
"""Entries; beyond it they are dropped, since every reader has the table."""
_SEND_MAX = 1_000
_PAUSE_S = 0.5
_BEYOND = Position(2**62, 0)
"""Above every position: a read after it finds nothing."""
_log = get_logger("projector.publish")


class Publisher:
    """A bounded queue and one sender. No retries: what the carrier misses is read from the table."""

    def __init__(self, carrier: FeedCarrier, metrics: Metrics, clock: Clock) -> None:
        self._carrier = carrier
        self._clock = clock
        self._published = metrics.counter(PUBLISHED)
        self._unsent = metrics.counter(UNSENT)
        self._waiting: list[FeedEntry] = []
        self._more = asyncio.Event()
        self._pause_until = 0.0
        self.away: str | None = None
        """Why the carrier could not be reached the last time, or None."""

    def offer(self, entries: Sequence[FeedEntry]) -> None:
        """Take committed entries. Returns at once; drops them if the carrier is away or too many wait."""
        if self._clock.monotonic() < self._pause_until:
            self._unsent.labels("away").inc(len(entries))
        elif len(self._waiting) + len(entries) > _WAITING_MAX:
            self._unsent.labels("full").inc(len(entries))
        else:
            self._waiting.extend(entries)
            self._more.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            # Answers of statements on several connections can come in another order than their commits: the stream wants them ascending.
            waiting = sorted(self._waiting, key=lambda entry: entry.position)
            self._waiting = []
            for start in range(0, len(waiting), _SEND_MAX):
                await self._send(waiting[start : start + _SEND_MAX])

    async def probe(self) -> None:
        """If the carrier was away, ask whether it is back: without entries to send nobody else would notice."""
        if self.away is None:
            return
        try:
            await self._carrier.read(_BEYOND, 0)
        except CarrierUnavailable as error:
            self.away = str(error)
        else:
            self._back()

    async def _send(self, entries: Sequence[FeedEntry]) -> None:
        if self._clock.monotonic() < self._pause_until:
            self._unsent.labels("away").inc(len(entries))
            return
        try:
            await self._carrier.publish(entries)
        except CarrierUnavailable as error:
            if self.away is None:
                _log.warning("the feed's carrier is away; readers poll the table meanwhile", reason=str(error))
            self.away = str(error)
            self._pause_until = self._clock.monotonic() + _PAUSE_S
            self._unsent.labels("away").inc(len(entries))
            return
        self._back()
        self._published.inc(len(entries))

    def _back(self) -> None:
        if self.away is not None:
            _log.info("the feed's carrier is back")
        self.away = None
