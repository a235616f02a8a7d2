"""A command-api process: the real engine, behind a door that can be slammed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Accepted, CommandRequest, RecordSkipped, SkipRecord
from command_api.engine.writer import Limits
from opsroom_common.log.port import AnotherLog, EventLog
from opsroom_common.log.state_source import StateSource
from opsroom_common.runtime.ids import SeededIds

from .judge import Attempt, Judge
from .loop import LoopClock, Process, SimLoop

HANGS_S = 1.0
"""How far beyond its deadline an answer may come."""


class Gone(Exception):
    """The process died, or was not there, and nobody can say what became of the request."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every replica stands in."""

    loop: SimLoop
    log: Callable[[], EventLog]
    source: Callable[[], StateSource]
    judge: Judge
    metrics: EngineMetrics
    limits: Limits
    hung: Callable[[str], None]
    seed_of: Callable[[str], int]


class Replica:
    """One replica through all of its lives."""

    def __init__(self, name: str, around: Surroundings, skew_s: float) -> None:
        self.name = name
        self._around = around
        self._skew_s = skew_s
        self._lives = 0
        self._open: dict[asyncio.Task[None], Callable[[Accepted | Exception], None]] = {}
        self.engine: PartitionedEngine | None = None
        self.process = Process(around.loop, name)
        self.process.alive = False
        self.partitions: tuple[int, ...] = ()

    def start(self, partitions: Collection[int]) -> None:
        """A new process, which owns ``partitions``."""
        if self.process.alive:
            return
        self._lives += 1
        self.partitions = tuple(sorted(partitions))
        self.process = Process(self._around.loop, f"{self.name}.{self._lives}")
        self.process.spawn(self._live(self.process))

    def crash(self) -> None:
        """kill -9: nothing of it reaches anybody any more; who waits for an answer is cut off."""
        waiting, self._open = list(self._open.values()), {}
        self.process.kill()
        self.engine = None
        for reply in waiting:
            reply(Gone("the connection was reset"))

    def own(self, partitions: Collection[int]) -> None:
        """A hint: from now on these are yours. The rest is drained and let go."""
        wanted = tuple(sorted(partitions))
        if wanted != self.partitions:
            self.partitions = wanted
            if self.engine is not None:
                self.process.spawn(self._assign(self.engine, wanted))

    def take(self, number: str, request: CommandRequest, reply: Callable[[Any], None]) -> None:
        """A request has arrived. ``reply`` is called once, when the answer leaves."""
        if not self.process.alive or self.engine is None:
            reply(Gone("connection refused"))
            return
        task = self.process.spawn(self._serve(self.engine, number, request, reply))
        self._open[task] = reply
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _live(self, process: Process) -> None:
        engine = self._build(process)
        await engine.start()
        self.engine = engine
        process.spawn(engine.watch_parked())
        try:
            await engine.wait_crashed()
        except AnotherLog:
            # What supervises the process starts it again.
            self._around.loop.outside(0.5, self._restart, process)

    def _restart(self, process: Process) -> None:
        if self.process is process and process.alive:
            self.crash()
            self.start(self.partitions)

    async def _assign(self, engine: PartitionedEngine, partitions: tuple[int, ...]) -> None:
        if self.partitions == partitions:
            engine.assign(partitions)

    def _build(self, process: Process) -> PartitionedEngine:
        clock = LoopClock(self._around.loop, self._skew_s)
        return PartitionedEngine(
            self._around.log(),
            self._around.source(),
            clock,
            SeededIds(self._around.seed_of(process.name), clock),
            self._around.metrics,
            owner=process.name,
            url=f"http://{self.name}",
            partitions=self.partitions,
            limits=self._around.limits,
        )

    async def _serve(
        self, engine: PartitionedEngine, number: str, request: CommandRequest, reply: Callable[[Accepted | Exception], None]
    ) -> None:
        if isinstance(request.command, SkipRecord):
            await self._serve_skip(engine, request, reply)
            return
        attempt = self._around.judge.called(number, request, self.process.name)
        began_s, frozen_s = self._around.loop.time(), self.process.frozen_s
        try:
            answer: Accepted | Exception = await engine.submit(request)
        except Exception as error:  # noqa: BLE001 -- every answer is judged, also one that should not be
            answer = error
        if not self.process.alive:
            return
        self._timely(attempt, began_s, frozen_s)
        self._around.judge.answered(attempt, answer)
        reply(answer)

    async def _serve_skip(self, engine: PartitionedEngine, request: CommandRequest, reply: Callable[[Any], None]) -> None:
        try:
            answer: RecordSkipped | Exception = await engine.skip(request)
        except Exception as error:  # noqa: BLE001 -- every answer is judged, also one that should not be
            answer = error
        if self.process.alive:
            self._around.judge.skipped(request, answer)
            reply(answer)

    def _timely(self, attempt: Attempt, began_s: float, frozen_s: float) -> None:
        ran_s = self._around.loop.time() - began_s - (self.process.frozen_s - frozen_s)
        allowed_s = max(0.0, attempt.request.deadline - began_s)
        if ran_s > allowed_s + HANGS_S:
            self._around.hung(f"{attempt.number} took {ran_s:.1f} s at {self.name}, {allowed_s:.1f} s were allowed")
