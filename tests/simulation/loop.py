"""An event loop without a clock and without a selector: time is a number, and a seed decides whose turn it is.

Each simulated process has a queue of its own. Within a process callbacks run in the order in which they became ready, as asyncio promises; which
process goes next is drawn. A frozen process is not drawn, whatever becomes ready for it; its timers go off, and wait like everything else.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HURRY = 0.02
"""How often a timer goes off although callbacks still wait, as on a busy machine."""
HURRY_S = 0.05
_MASK = (1 << 61) - 1


class Killed(Exception):
    """A process that does not exist any more wants to begin something."""


class Process:
    """One operating system process of the simulation: its callbacks, its tasks, whether it runs, and whether it still exists."""

    def __init__(self, loop: SimLoop, name: str, *, skew_s: float = 0.0) -> None:
        self.loop = loop
        self.name = name
        self.skew_s = skew_s
        self.ready: deque[asyncio.Handle] = deque()
        self.frozen = False
        self.alive = True
        self.frozen_s = 0.0
        """How long it was frozen, altogether."""
        self._frozen_at = 0.0
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = copy_context()
        self._context.run(PROCESS.set, self)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` in this process; what it starts belongs to this process too."""
        return self.loop.create_task(work, context=self._context.copy())

    def own(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget, context=self._context)

    def freeze(self) -> None:
        if not self.frozen:
            self.frozen, self._frozen_at = True, self.loop.time()
            self.loop.settle(self)

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self.frozen_s += self.loop.time() - self._frozen_at
            self.loop.settle(self)

    def kill(self) -> None:
        """From now on its ports reach nobody. Then everything that it was doing is cancelled, wherever it stood."""
        self.alive = False
        self.thaw()
        self.cancel()

    def cancel(self) -> int:
        """Cancel what still runs; return how much that was."""
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        return len(running)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled():
            task.exception()  # who awaits it gets it; nobody else is told


PROCESS: ContextVar[Process] = ContextVar("process")


class SimTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    _numbers = itertools.count()

    def __init__(self, *args: Any, **options: Any) -> None:
        self._number = next(SimTask._numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self._number

    @classmethod
    def begin(cls) -> None:
        """Count from 0 again."""
        cls._numbers = itertools.count()


class SimLoop(asyncio.BaseEventLoop):
    """Runs one callback a turn. Nothing in it reads the machine's clock or waits for anything outside."""

    def __init__(self, seed: str) -> None:
        super().__init__()
        SimTask.begin()
        self._chance = random.Random(seed)
        self._now = 0.0
        self._clock_resolution = 1e-9
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._runnable: list[Process] = []
        self.world = Process(self, "world")
        self.turns = 0
        self.digest = 0
        self.errors: list[str] = []
        self.set_exception_handler(lambda _, context: self._record(context))
        self.set_task_factory(_task)  # pyright: ignore[reportArgumentType] -- generators are no coroutines of ours

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._queue(handle)
        return handle

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def outside(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Do something that belongs to no process (the network, a server, fate) after ``delay`` seconds."""
        self.outside_at(self._now + delay, callback, *args)

    def outside_at(self, when: float, callback: Callable[..., object], *args: Any) -> None:
        """The same at a time; of two at one time the first that was asked for comes first."""
        self.call_at(when, callback, *args, context=self.world._context)

    def settle(self, process: Process) -> None:
        """Put ``process`` among those that may run, or take it from them, as it stands now."""
        wanted = bool(process.ready) and not process.frozen
        if wanted and process not in self._runnable:
            self._runnable.append(process)
        elif not wanted and process in self._runnable:
            self._runnable.remove(process)

    def note(self, text: str) -> None:
        """Make ``text`` part of what two runs of a seed must have in common."""
        for byte in text.encode():
            self.digest = (self.digest * 257 + byte) & _MASK

    def _queue(self, handle: asyncio.Handle) -> None:
        process = handle._context.get(PROCESS, self.world)
        process.ready.append(handle)
        if len(process.ready) == 1 and not process.frozen:
            self._runnable.append(process)

    def _run_once(self) -> None:
        runnable = self._runnable
        if not runnable or (self._chance.random() < HURRY and self._next_due() < self._now + HURRY_S):
            self._ring()
            if not runnable:
                return
        place = int(self._chance.random() * len(runnable))
        process = runnable[place]
        handle = process.ready.popleft()
        if not process.ready:
            runnable[place] = runnable[-1]
            runnable.pop()
        self.turns += 1
        self.digest = (self.digest * 1_000_003 + len(process.name) + place + len(runnable)) & _MASK
        if not handle.cancelled():
            handle._run()

    def _next_due(self) -> float:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else float("inf")

    def _ring(self) -> None:
        """Time goes on to the next timer."""
        if self._next_due() == float("inf"):
            raise RuntimeError("nothing is ready and nothing is due: everybody waits for somebody")
        when, _, timer = heapq.heappop(self._timers)
        self._now = max(self._now, when)
        self._queue(timer)

    def _record(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "callback" in context.get("message", "") and not isinstance(error, Killed):
            self.errors.append(f"{context['message']}: {error!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are passed over when their time comes."""

    def _write_to_self(self) -> None:
        """No other thread may call in."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""


def _task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], *, context: Context | None = None) -> asyncio.Task[Any]:
    process = PROCESS.get() if context is None else context[PROCESS]
    if not process.alive:
        work.close()
        raise Killed(f"{process.name} was killed, and starts nothing any more")
    task = SimTask(work, loop=loop, context=context)
    process.own(task)
    return task


class LoopClock:
    """The loop's time, as the clock of one machine tells it: wall clocks differ by their skew, monotonic ones do not."""

    def __init__(self, loop: SimLoop, skew_s: float = 0.0) -> None:
        self._loop = loop
        self.skew_s = skew_s

    def now(self) -> datetime:
        return START + timedelta(microseconds=round((self._loop.time() + self.skew_s) * 1e6))

    def monotonic(self) -> float:
        return self._loop.time()
