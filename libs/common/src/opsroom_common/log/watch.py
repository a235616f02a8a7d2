"""Whether the log answers, asked once in a while: a replica with nothing to write must not find out from its next command."""

from __future__ import annotations

import asyncio

from opsroom_common.log.port import EventLog, Unavailable
from opsroom_common.runtime.health import Check
from opsroom_common.runtime.logging import get_logger

EVERY_S = 1.0
_log = get_logger(__name__)


class LogWatch:
    """Asks for an end offset once every ``EVERY_S``; ``check`` is for ``/readyz``."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._away: str | None = "not asked yet"

    def check(self) -> Check:
        """What the log said last."""
        return Check(ok=self._away is None, reason=self._away or "the log answers")

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            try:
                await self._log.end_offset(0)
            except Unavailable as error:
                if self._away is None:
                    _log.warning("the log does not answer", reason=str(error))
                self._away = str(error)
            else:
                self._away = None
            await asyncio.sleep(EVERY_S)
