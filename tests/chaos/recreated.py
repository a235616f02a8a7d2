"""The topic is deleted and made again under live writers: what was acknowledged on the old one is gone, and nothing may be acknowledged falsely on the new.

An owner notices at its next batch, since the acknowledged offset is not the next one (R2) and its fence does not stand there (R1). It then ends itself with
that reason, and is started again here, as a supervisor would.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from devstack.throwaway import ThrowawayStack
from devstack.topics import delete_topics, ensure_topics
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.entity import VersionGap
from opsroom_common.log.kafka import KafkaEventLog
from tests.linear.history import Attempt, Done, by_entity

from .recorder import Door, Recorder, close_doors
from .room import SERVED_WITHIN_S
from .verdict import Log, already_so, read_log
from .workload import Workload

WARM_S = 2.0
AFTER_S = 3.0


@dataclass(frozen=True, slots=True)
class Recreated:
    """What became of it."""

    served: bool
    """Every partition acknowledged commands on the new topic in time."""
    acknowledged: int
    """Attempts told yes that were sent once the new topic was there."""
    falsely_acknowledged: int
    examples: tuple[str, ...]
    restarts: int
    """How often a replica had ended itself and was started again."""


async def recreate_topic(stack: ThrowawayStack, seed: int) -> Recreated:
    """Leaves the stack's rows behind as those of another log."""
    topics = load_topics()
    events = {EVENTS: topics[EVENTS]}
    recorder = Recorder()
    restarts: Counter[str] = Counter()
    doors = [Door.to(each.name, each.url) for each in stack.replicas]
    work = Workload(doors, recorder, topics[EVENTS].partitions, seed)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work.run())
            supervisor = group.create_task(_start_again(stack, restarts))
            try:
                await asyncio.sleep(WARM_S)
                await delete_topics(stack.servers.kafka.bootstrap, [EVENTS])
                await ensure_topics(stack.servers.kafka.bootstrap, events)
                made = time.monotonic()
                served = await work.served_since(made, [lane.partition for lane in work.lanes], SERVED_WITHIN_S)
                await asyncio.sleep(AFTER_S)
            finally:
                supervisor.cancel()
                work.stop()
    finally:
        await close_doors(doors)
    log = KafkaEventLog(stack.servers.kafka.bootstrap, topics[EVENTS].partitions, client_id="chaos-verdict")
    try:
        found = await read_log(log)
    finally:
        await log.close()
    told = [each for each in recorder.attempts if isinstance(each.answer, Done) and not each.answer.replayed and each.invoked >= made]
    false = _false(told, found)
    return Recreated(served, len(told), len(false), tuple(str(each) for each in false[:5]), restarts.total())


async def _start_again(stack: ThrowawayStack, restarts: Counter[str]) -> None:
    while True:
        for replica in stack.replicas:
            if replica.process.pid is None:
                restarts[replica.name] += 1
                await asyncio.to_thread(replica.start)
        await asyncio.sleep(0.2)


def _false(told: Sequence[Attempt], log: Log) -> list[Attempt]:
    """Those that are not in the new log at the version that they were told, and had something to do there."""
    found: list[Attempt] = []
    for entity, attempts in by_entity(told).items():
        try:
            states = log.shown(entity)
        except VersionGap:
            found += attempts
            continue
        at = {str(event.command_id): int(event.version) for event in log.events.get(entity, ())}
        for each in attempts:
            assert isinstance(each.answer, Done)
            if at.get(each.command_id) != each.answer.version and not already_so(states, each.answer.version, each):
                found.append(each)
    return found
