"""What lies between processes and servers: requests and answers that take time, get lost, and arrive although their sender is gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .loop import PROCESS, Process, SimLoop

T = TypeVar("T")
Failure = Callable[[str], Exception]

SLOW = 0.03
TIMEOUT_S = 1.0


class Network:
    """One for all. ``trouble`` is how often a call fails; 0 is a quiet day."""

    def __init__(self, loop: SimLoop, chance: random.Random) -> None:
        self._loop = loop
        self._chance = chance
        self.trouble = 0.0
        self.slow_s = 0.4

    def delay(self) -> float:
        """Seconds one way: mostly about a millisecond, once in a while very long."""
        if self.trouble and self._chance.random() < SLOW:
            return self._chance.random() * self.slow_s
        return self._chance.random() * 0.002

    async def call(self, what: Callable[[], T], failure: Failure, *, safe: bool = True) -> T:
        """Carry a request to a server, run ``what`` there at one moment, and carry its answer back.

        On a bad day the request, or the answer, does not arrive: ``failure`` is raised after a time-out, and nobody knows which of the two it was.
        ``safe=False`` asks for fewer failures: of a thing that is retried for ever anyway.
        """
        me = PROCESS.get()
        if not me.alive:
            raise failure("this process was killed")
        answer: asyncio.Future[T] = self._loop.create_future()
        lost = self._chance.random() < (self.trouble if safe else self.trouble / 4)
        before = lost and self._chance.random() < 0.5
        self._loop.outside(self.delay(), self._arrive, me, what, answer, failure, lost, before)
        return await answer

    async def pause(self) -> None:
        """Let a moment pass."""
        await asyncio.sleep(self.delay())

    def _arrive(
        self, sender: Process, what: Callable[[], T], answer: asyncio.Future[T], failure: Failure, lost: bool, before: bool
    ) -> None:
        if before or (not sender.alive and self._chance.random() < 0.5):
            self._loop.outside(TIMEOUT_S, _fail, answer, failure("the request was lost"))
            return
        try:
            found = what()
        except Exception as error:  # noqa: BLE001 -- whatever the server says goes back to who asked
            self._loop.outside(self.delay(), _fail, answer, error)
            return
        if lost:
            self._loop.outside(TIMEOUT_S, _fail, answer, failure("the answer was lost"))
        else:
            self._loop.outside(self.delay(), _answer, answer, found)


def _answer(answer: asyncio.Future[T], found: T) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine of an in-memory adapter, which waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise RuntimeError("it waits")
