"""Keeps a set of children running, restarts the ones that die, and ends exactly what it started.

Everything happens in one loop, in the thread that called ``run``; only the waiting for a start is done in other threads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from devstack.children import Child
from devstack.errors import DevstackError, StartFailed
from devstack.stream import LogStream

_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Policy:
    """When a child that dies is started again, and when that is pointless."""

    deaths_max: int = 5
    deaths_window_s: float = 60.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 8.0
    stop_within_s: float = 10.0


@dataclass(slots=True)
class _Watched:
    child: Child
    deaths: deque[float] = field(default_factory=deque[float])
    starting: Future[None] | None = None
    up: bool = False
    was_ready: bool = False
    again_at: float = 0.0


class Supervisor:
    """Runs children until it is told to stop or one of them dies too often. ``children`` is in the order of starting."""

    def __init__(
        self, children: Sequence[Child], stream: LogStream, *, policy: Policy | None = None, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._watched = {child.name: _Watched(child) for child in children}
        self._stream = stream
        self._policy = policy or Policy()
        self._on_change = on_change
        self._stopping = threading.Event()
        self._failure: str | None = None
        self._pool = ThreadPoolExecutor(max(1, len(children)), thread_name_prefix="devstack-start")

    def stop(self) -> None:
        """End ``run``: safe in a signal handler and from any thread."""
        self._stopping.set()

    def run(self, on_ready: Callable[[], None]) -> int:
        """Start all children, call ``on_ready`` once when all are ready, watch them. Return the exit code: 0 when told to stop, else 1."""
        announced = False
        try:
            while not self._stopping.is_set() and self._failure is None:
                for watched in self._watched.values():
                    self._tend(watched)
                if not announced and all(watched.was_ready for watched in self._watched.values()):
                    announced = True
                    on_ready()
                self._stopping.wait(_TICK_S)
        finally:
            self._stop_all()
        if self._failure is not None:
            self._stream.say(self._failure)
            return 1
        return 0

    def _tend(self, watched: _Watched) -> None:
        watched.child.poll()
        if watched.starting is not None:
            if watched.starting.done():
                self._started(watched, watched.starting)
        elif watched.up:
            if watched.child.pid is None:
                watched.up = False
                self._died(watched, f"{watched.child.name} died ({watched.child.end()})")
        elif time.monotonic() >= watched.again_at and all(self._watched[name].was_ready for name in watched.child.needs):
            watched.starting = self._pool.submit(watched.child.start)

    def _started(self, watched: _Watched, start: Future[None]) -> None:
        watched.starting = None
        error = start.exception()
        if error is None:
            watched.up = watched.was_ready = True
            again = " again" if watched.deaths else ""
            self._stream.say(f"devstack: {watched.child.name} is ready{again} (pid {watched.child.pid}) {watched.child.where}".rstrip())
            self._on_change()
        elif isinstance(error, StartFailed):
            self._died(watched, str(error))
        elif isinstance(error, DevstackError):
            self._failure = f"devstack: {error}"
        else:
            raise error

    def _died(self, watched: _Watched, how: str) -> None:
        now = time.monotonic()
        policy = self._policy
        watched.deaths.append(now)
        while watched.deaths[0] < now - policy.deaths_window_s:
            watched.deaths.popleft()
        count = len(watched.deaths)
        self._on_change()
        if count >= policy.deaths_max:
            self._failure = self._last_words(watched.child, how, count)
            return
        wait_s = min(policy.backoff_first_s * 2 ** (count - 1), policy.backoff_max_s)
        watched.again_at = now + wait_s
        self._stream.say(
            f"devstack: {how}; it is started again in {wait_s:g} s ({count} of {policy.deaths_max} deaths in {policy.deaths_window_s:.0f} s)"
        )

    def _last_words(self, child: Child, how: str, count: int) -> str:
        lines = "\n".join(f"    {line}" for line in child.last_lines()) or "    (it wrote nothing)"
        return (
            f"devstack: the stack was stopped: {how}; that was death {count} within {self._policy.deaths_window_s:.0f} s. "
            f"The last lines of {child.name}:\n{lines}"
        )

    def _stop_all(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for watched in reversed(self._watched.values()):
            self._stop_one(watched.child)
        # A start that was under way sees its process gone; what slipped through is ended now.
        wait([watched.starting for watched in self._watched.values() if watched.starting is not None], timeout=self._policy.stop_within_s)
        for watched in reversed(self._watched.values()):
            self._stop_one(watched.child)
            watched.child.poll()
        self._on_change()

    def _stop_one(self, child: Child) -> None:
        if child.pid is None:
            return
        began = time.monotonic()
        child.stop(self._policy.stop_within_s)
        self._stream.say(f"devstack: {child.name} stopped ({child.end()}, {time.monotonic() - began:.1f} s)")
