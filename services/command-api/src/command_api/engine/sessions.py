"""One producer session at a time for all partitions of this replica (R3)."""

from __future__ import annotations

import asyncio

from opsroom_common.log.port import AppendSession, EventLog


class Sessions:
    """Hands out the live session; when it is over, closes it and opens the next. A term never survives its session."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._session: AppendSession | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> AppendSession:
        """Raises Unavailable."""
        async with self._lock:
            if self._session is not None and self._session.alive:
                return self._session
            await self._close()
            self._session = await self._log.session()
            return self._session

    async def close(self) -> None:
        """End the session without waiting for what is in flight."""
        async with self._lock:
            await self._close()

    async def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
