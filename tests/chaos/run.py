"""One run of chaos: start everything, write steadily, make one fault after the other, stop, and judge."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.postgres.pool import Pool
from projector.verify import differences
from tests.linear.history import Attempt

from .faults import Fault
from .owners import Owners
from .recorder import Door, Recorder, close_doors
from .room import Room, Struck
from .verdict import Verdict, judge, read_log
from .workload import COMMAND_S_MAX, Workload

STRIKE_S_MAX = 580.0
"""No fault begins later than this; so the whole run ends after about ten minutes."""
FAULT_S_MAX = 150.0
QUIET_S = (0.2, 1.2)
"""Between two faults."""
PROJECTED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run gave."""

    seed: int
    seconds: float
    attempts: int
    struck: tuple[Struck, ...]
    unavailable_ms: Mapping[str, tuple[float, ...]]
    """For each kind of fault: how long its slowest partition acknowledged nothing, once for each fault."""
    answers: Mapping[str, Mapping[str, int]]
    """For each kind of fault: what callers were told while it lasted, in how many attempts."""
    verdict: Verdict
    classes: Mapping[str, int]
    """Records of the log by class: event, fence, mark, void."""
    row_differences: tuple[str, ...]
    abandoned: int
    """Commands that never got a definite answer."""
    unexpected: Mapping[str, int]

    @property
    def failures(self) -> list[str]:
        """What must not be; empty if all is well."""
        found = [f"{name}: {count}" for name, count in self.unexpected.items()]
        found += [f"{each.kind}: not served again in time" for each in self.struck if not each.survived]
        found += [f"{each.kind}: {each.wrong}" for each in self.struck if each.wrong]
        found += [f"a row differs from the fold of the log: {each}" for each in self.row_differences]
        if self.verdict.bad:
            found += [f"told wrongly: {example}" for example in self.verdict.examples]
        if self.abandoned:
            found.append(f"{self.abandoned} commands got no definite answer within {COMMAND_S_MAX:.0f} s")
        return found


async def run(
    stack: ThrowawayStack,
    faults: Mapping[Fault, int],
    seed: int,
    *,
    session_timeout_s: float,
    clients: int = 2,
    pause_s: float = 0.25,
    strike_s_max: float = STRIKE_S_MAX,
) -> Outcome:
    """Make the faults on a running stack, in an order that follows from the seed."""
    began = time.monotonic()
    partitions = load_topics()[EVENTS].partitions
    random = Random(seed)
    order = [fault for fault, count in faults.items() for _ in range(count)]
    random.shuffle(order)
    recorder = Recorder()
    struck: list[Struck] = []
    async with _doors(stack) as doors, _owners(stack, partitions) as owners:
        work = Workload(doors, recorder, partitions, seed, clients=clients, pause_s=pause_s)
        room = Room(stack, owners, work, random, session_timeout_s)
        async with asyncio.TaskGroup() as group:
            group.create_task(work.run())
            assert await room.settled(), "before the first fault every partition is served"
            try:
                for number, fault in enumerate(order, start=1):
                    if time.monotonic() > began + strike_s_max:
                        break
                    await asyncio.sleep(random.uniform(*QUIET_S))
                    async with asyncio.timeout(FAULT_S_MAX):
                        struck.append(await fault(room))
                    _say(f"{number:>3} of {len(order)}  {time.monotonic() - began:>6.1f} s  {struck[-1].kind}{_took(struck[-1], work)}")
                await room.mended()
            finally:
                work.stop()
    log = KafkaEventLog(stack.servers.kafka.bootstrap, partitions, client_id="chaos-verdict")
    try:
        found = await read_log(log)
        differing = await _row_differences(log, stack.servers.postgres.dsn)
    finally:
        await log.close()
    verdict = judge(recorder.attempts, found, [each.silent for each in struck if each.silent is not None])
    return Outcome(
        seed=seed,
        seconds=time.monotonic() - began,
        attempts=len(recorder.attempts),
        struck=tuple(struck),
        unavailable_ms=unavailable(struck, work),
        answers=answers(struck, recorder.attempts),
        verdict=verdict,
        classes=dict(found.classes),
        row_differences=tuple(differing),
        abandoned=work.abandoned,
        unexpected=dict(recorder.unexpected),
    )


def unavailable(struck: Sequence[Struck], work: Workload) -> dict[str, tuple[float, ...]]:
    """For each kind the milliseconds from each fault until its last partition had acknowledged a command that was sent after it."""
    found: dict[str, tuple[float, ...]] = {}
    for each in struck:
        found[each.kind] = (*found.get(each.kind, ()), _slowest_ms(each, work))
    return found


def answers(struck: Sequence[Struck], attempts: Sequence[Attempt]) -> dict[str, Counter[str]]:
    """What attempts were told that were sent between a fault and its end."""
    found: dict[str, Counter[str]] = {}
    for each in struck:
        told = found.setdefault(each.kind, Counter())
        told.update(type(attempt.answer).__name__ for attempt in attempts if each.began <= attempt.invoked <= each.healed)
    return found


def _slowest_ms(struck: Struck, work: Workload) -> float:
    served = [work.lanes[partition].first_served(struck.at) for partition in struck.partitions]
    return max(((float("inf") if first is None else first - struck.at) * 1e3 for first in served), default=0.0)


def _took(struck: Struck, work: Workload) -> str:
    return f": {_slowest_ms(struck, work):,.0f} ms" + ("" if struck.survived else ", NOT SURVIVED") + (struck.wrong and f", {struck.wrong}")


def _say(text: str) -> None:
    if os.environ.get("CHAOS_QUIET") != "1":
        print(text, flush=True)


@asynccontextmanager
async def _doors(stack: ThrowawayStack) -> AsyncIterator[list[Door]]:
    doors = [Door.to(each.name, each.url) for each in stack.replicas]
    try:
        yield doors
    finally:
        await close_doors(doors)


@asynccontextmanager
async def _owners(stack: ThrowawayStack, partitions: int) -> AsyncIterator[Owners]:
    owners = Owners(stack.servers.kafka.bootstrap, partitions)
    following = asyncio.create_task(owners.run())
    try:
        async with asyncio.timeout(30):
            while len(owners.of) < partitions:
                await asyncio.sleep(0.05)
                if following.done():
                    await following
        yield owners
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await owners.close()


async def _row_differences(log: KafkaEventLog, dsn: str) -> list[str]:
    """Wait until the projector has read everything, then compare its rows with a fold of the log (promise 4)."""
    pool = await Pool.open(dsn, name="chaos")
    try:

        async def behind() -> int:
            rows = await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')
            stands = {row["partition"]: row["offset"] for row in rows}
            return sum([await log.end_offset(partition) - stands.get(partition, 0) for partition in range(log.partitions)])

        async with asyncio.timeout(PROJECTED_WITHIN_S):
            while await behind():
                await asyncio.sleep(0.1)
        return [str(each) for each in await differences(log, pool)]
    finally:
        await pool.close()


def stack_of(folder: Path, *, replicas: int, brokers: int, session_timeout_s: float) -> ThrowawayStack:
    """What chaos runs on: command-apis and the projector; nobody reads. Each replica's cache is as small as it may be, so that states are evicted."""
    env = {"OPSROOM_COMMAND_API_SESSION_TIMEOUT_S": f"{session_timeout_s:g}", "OPSROOM_COMMAND_API_STATE_BYTES_MAX": f"{1 << 20}"}
    return ThrowawayStack(folder, services=("projector", "command-api"), env=env, replicas=replicas, brokers=brokers)
