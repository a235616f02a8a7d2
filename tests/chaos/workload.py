"""Steady conditional writes: several clients for each partition, each at any replica, repeating a command with the same id until the answer is definite."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from opsroom_common.contracts.topics import partition_of
from opsroom_common.runtime.ids import SystemIds
from tests.linear.history import Attempt, Done, Refused
from tests.linear.incident import Acknowledge, Ask, Edit, Note, Open, Reopen, Resolve, Severity, Shown

from .recorder import Door, Recorder

IDS = SystemIds()
ATTEMPT_S = 1.5
"""A client waits so long for one replica, then asks another."""
COMMAND_S_MAX = 90.0
"""A client gives a command up after that: it then counts as one without an answer."""
AGAIN_S = 0.05
RETIRE_AT = 60
"""An incident is replaced by a new one at this version, and only visited now and then."""


@dataclass(slots=True)
class Known:
    """What the clients of a partition believe of an incident. They may be wrong: others write too."""

    name: str
    shown: Shown


@dataclass(slots=True)
class Lane:
    """A partition, and the incidents in it."""

    partition: int
    current: Known | None = None
    retired: list[Known] = field(default_factory=list[Known])
    opening: bool = False
    served: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When each acknowledged attempt (no retry of what was acknowledged before) was sent, and answered; in the order of the answers."""

    def forget(self, known: Known) -> None:
        """It is not there any more."""
        self.current = None if self.current is known else self.current
        self.retired = [each for each in self.retired if each is not known]

    def first_served(self, since: float) -> float | None:
        """When the first command that was sent after ``since`` was acknowledged."""
        first: float | None = None
        for sent, answered in reversed(self.served):
            if answered < since:
                break
            if sent >= since:
                first = answered
        return first


class Workload:
    """``run`` works until ``stop``; ``lanes`` say how each partition fares."""

    def __init__(
        self, doors: Sequence[Door], recorder: Recorder, partitions: int, seed: int, *, clients: int = 2, pause_s: float = 0.25
    ) -> None:
        self.doors = doors
        self.recorder = recorder
        self.lanes = [Lane(partition) for partition in range(partitions)]
        self.abandoned = 0
        self._random = Random(seed)
        self._clients = clients
        self._pause_s = pause_s
        self._stopping = False

    async def run(self) -> None:
        """All clients, until ``stop`` and the last answer."""
        await asyncio.gather(*[self._client(lane) for lane in self.lanes for _ in range(self._clients)])

    def stop(self) -> None:
        self._stopping = True

    async def served_since(self, since: float, partitions: Sequence[int], within_s: float) -> bool:
        """Wait until each of the partitions has acknowledged a command that was sent after ``since``; False if one did not in time."""
        end = time.monotonic() + within_s
        while any(self.lanes[partition].first_served(since) is None for partition in partitions):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True

    async def command(self, entity: str, ask: Ask, lane: Lane) -> Attempt | None:
        """One command until its answer is definite; None if it was given up."""
        command_id = IDS.uuid7()
        order = self._random.sample(list(self.doors), len(self.doors))
        end = time.monotonic() + COMMAND_S_MAX
        tries = 0
        while time.monotonic() < end:
            attempt = await self.attempt(order[tries % len(order)], entity, command_id, ask, lane)
            if isinstance(attempt.answer, Done):
                if self._random.random() < 0.05:
                    # A caller that lost the answer asks again, somewhere else.
                    await self.attempt(order[(tries + 1) % len(order)], entity, command_id, ask, lane)
                return attempt
            if isinstance(attempt.answer, Refused):
                return attempt
            tries += 1
            await asyncio.sleep(AGAIN_S)
        self.abandoned += 1
        return None

    async def attempt(self, door: Door, entity: str, command_id: str, ask: Ask, lane: Lane, timeout_s: float = ATTEMPT_S) -> Attempt:
        attempt = await self.recorder.attempt(door, entity, command_id, ask, timeout_s)
        if isinstance(attempt.answer, Done) and not attempt.answer.replayed:
            lane.served.append((attempt.invoked, attempt.returned))
        return attempt

    async def _client(self, lane: Lane) -> None:
        while not self._stopping:
            await asyncio.sleep(self._pause_s * (0.5 + self._random.random()))
            known = self._choose(lane)
            if known is None:
                await self._open(lane)
                continue
            told = await self.command(known.name, self._ask(known.shown), lane)
            answer = None if told is None else told.answer
            if isinstance(answer, Refused) and answer.code == "not-found":
                # On a log that was made anew. On any other the verdict will say that this was a false answer.
                lane.forget(known)
            if isinstance(answer, Done | Refused) and answer.shown is not None and answer.shown.version >= known.shown.version:
                known.shown = answer.shown

    def _choose(self, lane: Lane) -> Known | None:
        if lane.retired and self._random.random() < 0.1:
            return self._random.choice(lane.retired)
        if lane.current is not None and lane.current.shown.version >= RETIRE_AT and not lane.opening:
            return None
        return lane.current

    async def _open(self, lane: Lane) -> None:
        if lane.opening:
            return
        lane.opening = True
        try:
            name = next(name for name in iter(lambda: IDS.entity_id("inc"), "") if partition_of(name, len(self.lanes)) == lane.partition)
            told = await self.command(name, Open("first"), lane)
            if told is not None:
                if lane.current is not None:
                    lane.retired.append(lane.current)
                lane.current = Known(name, Shown(1, "first", "sev3", "open", 0))
        finally:
            lane.opening = False

    def _ask(self, now: Shown) -> Ask:
        """Mostly what the present state allows, as far as it is known; some that it refuses, some that ask for what is already so."""
        other = "sev2" if now.severity == "sev3" else "sev3"
        asks: list[tuple[int, Ask]] = [
            (34, Note()),
            (24, Edit(now.title, f"title {self._random.randrange(1_000_000)}")),
            (8, Edit("a title that it never had", "nor this one")),
            (6, Edit("whatever was seen", now.title)),
            (8, Severity(now.severity, other)),
            (4, Severity(other, now.severity)),
            (6, Acknowledge()),
            (5, Resolve()),
            (5, Reopen()),
        ]
        return self._random.choices([ask for _, ask in asks], [weight for weight, _ in asks])[0]
