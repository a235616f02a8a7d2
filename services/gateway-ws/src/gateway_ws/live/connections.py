"""All connections of this gateway: how many may be, their heartbeat, and how they are sent elsewhere at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gateway_ws.live.codes import SHUTDOWN
from gateway_ws.live.connection import Connection
from gateway_ws.live.limits import Limits
from gateway_ws.live.ring import Ring
from gateway_ws.metrics import GatewayMetrics
from opsroom_common.runtime.clock import Clock

_TICK_S = 0.25
_DRAIN_BATCHES_MAX = 20
_DRAIN_BATCH_MIN = 10
_GOODBYE_S = 1.5
"""For the last close frames; who does not read them by then is cut off."""


class Connections:
    """The part of the service that is the connections. ``jitter`` gives a number from 0 to 1."""

    name = "connections"

    def __init__(
        self, *, clock: Clock, ring: Ring, limits: Limits, jitter: Callable[[], float], metrics: GatewayMetrics, drain_s: float = 4.0
    ) -> None:
        self._clock = clock
        self._ring = ring
        self._limits = limits
        self._jitter = jitter
        self._metrics = metrics
        self._drain_s = drain_s
        self._open: set[Connection] = set()
        self._draining = False
        self._empty = asyncio.Event()

    @property
    def draining(self) -> bool:
        return self._draining

    def __len__(self) -> int:
        return len(self._open)

    def refusal(self) -> str | None:
        """Why no further connection can be taken now, or None."""
        if self._draining:
            return "draining"
        return "full" if len(self._open) >= self._limits.connections_max else None

    async def serve(self, connection: Connection) -> None:
        """Run a connection to its end."""
        self._open.add(connection)
        self._metrics.connections.inc()
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            self._metrics.connections.dec()
            if not self._open:
                self._empty.set()

    async def start(self) -> None:
        pass

    async def run(self) -> None:
        """The heartbeat of all connections: one task for all, not a timer each."""
        while True:
            await asyncio.sleep(_TICK_S)
            now_s = self._clock.monotonic()
            self._ring.trim(now_s)
            for connection in list(self._open):
                connection.tick(now_s)

    async def stop(self) -> None:
        """Take nobody new, and close all with 3001 in jittered batches, so that they do not come back to the others at one moment."""
        self._draining = True
        waiting = sorted(self._open, key=lambda _: self._jitter())
        size = max(_DRAIN_BATCH_MIN, -(-len(waiting) // _DRAIN_BATCHES_MAX))
        for start in range(0, len(waiting), size):
            if start:
                await asyncio.sleep((0.5 + self._jitter()) * self._drain_s / _DRAIN_BATCHES_MAX)
            for connection in waiting[start : start + size]:
                connection.close(SHUTDOWN)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._until_empty(), _GOODBYE_S)
        for connection in list(self._open):
            connection.cut()

    async def _until_empty(self) -> None:
        while self._open:
            self._empty.clear()
            await self._empty.wait()
