"""The projector's life: sessions, one after the other, each from the checkpoints in the rows. Servers may come and go meanwhile."""

from __future__ import annotations

import asyncio

from opsroom_common.log import port as log_port
from opsroom_common.log.port import EventLog
from opsroom_common.postgres import errors as postgres_errors
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Check, Progress
from opsroom_common.runtime.logging import get_logger
from projector.counts import Counts
from projector.publish import Publisher
from projector.session import Limits, Session, Stalled
from projector.store import AnotherFold, Moved, Store

_BACK_OFF_FIRST_S = 0.1
_BACK_OFF_MAX_S = 3.0
_WHY = {"Postgres": "postgres", "the log": "log", "a projection of its fold": "fold"}
_log = get_logger("projector")


class Projector:
    """Folds ``ops.events`` into the live projection for ever, whichever that is, and waits while that is another release's.

    Stops only for what waiting cannot cure: AnotherLog, an error of ours.
    """

    def __init__(
        self,
        log: EventLog,
        store: Store,
        publisher: Publisher,
        progress: Progress,
        counts: Counts,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._log = log
        self._store = store
        self._publisher = publisher
        self._progress = progress
        self._counts = counts
        self._clock = clock
        self._limits = limits or Limits()
        self._waits_for: str | None = "the first session"
        self._back_off_s = _BACK_OFF_FIRST_S
        self._installed = False

    def check(self) -> Check:
        """For ``/readyz``: whether a session runs, else what the projector waits for."""
        return Check(ok=self._waits_for is None, reason=self._waits_for or f"projecting; {self._progress.lag()} records wait")

    async def run(self) -> None:
        """Run until cancelled. Raises AnotherLog, whose message says what to do."""
        sender = asyncio.create_task(self._publisher.run())
        try:
            while True:
                why = await self._session_ends()
                self._counts.session_ended(why)
                await asyncio.sleep(self._back_off_s)
                self._back_off_s = min(_BACK_OFF_MAX_S, self._back_off_s * 2)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _session_ends(self) -> str:
        """Run one session; return what ended it, in a word."""
        try:
            if not self._installed:
                await self._store.install()
                self._installed = True
            opened = await self._store.open()
            session = Session(
                self._log, self._store, self._publisher, self._progress, self._counts, self._clock, self._limits, opened
            )  # fmt: skip
            try:
                await session.run(self._start)
            finally:
                if session.committed:
                    self._back_off_s = _BACK_OFF_FIRST_S
        except postgres_errors.Unavailable as error:
            if isinstance(error, postgres_errors.NotInstalled):
                self._installed = False
            return self._wait("Postgres", error)
        except log_port.AnotherLog:
            raise
        except log_port.LogError as error:
            return self._wait("the log", error)
        except AnotherFold as error:
            # During a deployment the older projector goes on beside this one, until a projection of ours is switched in.
            return self._wait("a projection of its fold", error)
        except (Moved, Stalled) as error:
            # Not a wait for somebody: the watchdog goes on watching.
            _log.warning("the session ended; opening again", reason=str(error))
            return "moved" if isinstance(error, Moved) else "stalled"
        raise RuntimeError("a session ended without an error; this is a fault of the projector")

    def _start(self) -> None:
        if self._waits_for is not None:
            _log.info("projecting")
        self._waits_for = None
        self._progress.resume()

    def _wait(self, whom: str, error: Exception) -> str:
        if self._waits_for is None:
            _log.warning("waiting", whom=whom, reason=str(error))
        self._waits_for = f"waits for {whom}: {error}"
        self._progress.pause(self._waits_for)
        return _WHY[whom]
