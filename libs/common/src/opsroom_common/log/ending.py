"""Ends what belongs to a Kafka client, whatever state it is in, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from opsroom_common.runtime.logging import get_logger

_log = get_logger("log.ending")


async def ended(ending: Coroutine[object, object, object], within_s: float) -> None:
    """Run ``ending`` to its end, at most ``within_s``. Raises nothing of its own.

    In a task of its own, because the ``stop`` of a client whose broker is away can raise CancelledError although nobody cancelled it: that
    would look to its caller as if the caller were to end.
    """
    task = asyncio.create_task(ending)
    done, late = await asyncio.wait([task], timeout=within_s)
    for each in late:
        each.cancel()
    for each in done:
        if not each.cancelled() and (error := each.exception()) is not None:
            _log.info("a client did not end cleanly", error=f"{type(error).__name__}: {error}")
