"""The faults: each breaks one thing under load, waits until every partition is served again, and mends what it broke."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from devstack.throwaway import RunningService
from devstack.topics import placement
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.runtime.ids import SystemIds
from tests.linear.history import Done
from tests.linear.incident import Acknowledge, Ask, Edit, Note

from .room import Room, Struck, in_thread, until
from .workload import Lane

IDS = SystemIds()
OVER_S = 2.5
"""How much longer than its session a paused owner sleeps."""
PATIENT_S = 30.0
SILENCE_S = 4.0
GROUPS = "__consumer_offsets"
DUEL_S = 6.0

Fault = Callable[[Room], Awaitable[Struck]]


async def kill_owner(room: Room) -> Struck:
    """kill -9 of an owner; it is started again only after others have taken over."""
    await room.mended()
    victim = room.an_owner()
    lost = room.owners.partitions_of(victim.name)
    at = time.monotonic()
    await in_thread(victim.kill)
    taken = await room.served(at, lost)
    healed = time.monotonic()
    room.mend(victim)
    return Struck("kill -9 of an owner", at, lost, healed, taken)


async def restart_owner(room: Room) -> Struck:
    """kill -9 of an owner that is started again at once, while the group still counts it as a member."""
    await room.mended()
    victim = room.an_owner()
    lost = room.owners.partitions_of(victim.name)
    at = time.monotonic()
    await in_thread(victim.kill)
    await in_thread(victim.start)
    healed = time.monotonic()
    return Struck("kill -9 of an owner, started again at once", at, lost, healed, await room.served(at, lost) and await room.settled())


async def end_owner(room: Room) -> Struck:
    """SIGTERM to an owner: it hands over, and ends with code 0."""
    await room.mended()
    victim = room.an_owner()
    lost = room.owners.partitions_of(victim.name)
    at = time.monotonic()
    await in_thread(victim.stop)
    wrong = "" if victim.process.exit_code == 0 else f"{victim.name} ended with {victim.process.exit_code} after SIGTERM"
    taken = await room.served(at, lost)
    healed = time.monotonic()
    room.mend(victim)
    return Struck("SIGTERM to an owner", at, lost, healed, taken, wrong=wrong)


async def zombie(room: Room) -> Struck:
    """SIGSTOP of an owner until others have taken over and written; then it wakes, finds requests that wait for it, and gets more."""
    await room.mended()
    victim = room.an_owner()
    lost = room.owners.partitions_of(victim.name)
    at = time.monotonic()
    victim.pause()
    asking: list[asyncio.Task[None]] = []
    try:
        taken = await room.served(at, lost)
        await asyncio.sleep(max(0.0, at + room.session_timeout_s + OVER_S - time.monotonic()))
        asking += [asyncio.create_task(_tempt(room, victim, room.work.lanes[partition])) for partition in lost]
        await asyncio.sleep(0.3)
    finally:
        victim.resume()
    asking += [asyncio.create_task(_tempt(room, victim, room.work.lanes[partition])) for partition in lost]
    healed = time.monotonic()
    await asyncio.gather(*asking)
    return Struck("SIGSTOP, SIGCONT of an owner", at, lost, healed, taken and await room.settled())


async def _tempt(room: Room, victim: RunningService, lane: Lane) -> None:
    """Ask a zombie for what it would answer from its old memory: a retry, a stale edit, what is already so, and a write."""
    if lane.current is None:
        return
    door = next(door for door in room.work.doors if door.name == victim.name)
    name, believed = lane.current.name, lane.current.shown
    last = next((a for a in reversed(room.work.recorder.attempts[-2_000:]) if a.entity == name and isinstance(a.answer, Done)), None)
    fresh = (Edit("a title that it never had", "nor this one"), Edit("whatever was seen", believed.title), Acknowledge(), Note())
    asks: list[tuple[str, Ask]] = [(IDS.uuid7(), ask) for ask in fresh]
    if last is not None:
        asks.append((last.command_id, last.ask))
    await asyncio.gather(*[room.work.attempt(door, name, command, ask, lane, PATIENT_S) for command, ask in asks])


async def kill_leader(room: Room) -> Struck:
    """kill -9 of the broker that leads the most partitions."""
    await room.mended()
    places = await placement(room.cluster.bootstrap, EVENTS)
    node = Counter(place.leader for place in places.values()).most_common(1)[0][0]
    led = tuple(sorted(partition for partition, place in places.items() if place.leader == node))
    at = time.monotonic()
    await in_thread(room.cluster.brokers[node].kill)
    taken = await room.served(at, led)
    await in_thread(room.cluster.brokers[node].start)
    healed = time.monotonic()
    return Struck("kill -9 of the leader's broker", at, led, healed, await _in_sync(room) and taken and await room.settled())


async def kill_two_brokers(room: Room) -> Struck:
    """kill -9 of two of three brokers: nothing may be acknowledged until one is back. Counted from then on."""
    await room.mended()
    for node in room.random.sample(sorted(room.cluster.brokers), 2):
        await in_thread(room.cluster.brokers[node].kill)
    since = time.monotonic()
    await asyncio.sleep(SILENCE_S)
    at = time.monotonic()
    await in_thread(room.cluster.start)
    healed = time.monotonic()
    survived = await room.served(at) and await _in_sync(room) and await room.settled()
    return Struck("kill -9 of two brokers", at, room.everywhere, healed, survived, silent=(since, at))


async def _in_sync(room: Room) -> bool:
    """The next broker is killed only when every partition has its three copies again, the group's own too, as an operator would wait."""
    names = (*load_topics(), GROUPS)

    async def whole() -> bool:
        places = [place for name in names for place in (await placement(room.cluster.bootstrap, name)).values()]
        return all(len(place.in_sync) == len(room.cluster.brokers) for place in places)

    return await until(whole)


async def kill_projector(room: Room) -> Struck:
    """kill -9 of the projector: writes go on without it."""
    await room.runs(room.stack.projector)
    at = time.monotonic()
    await in_thread(room.stack.projector.kill)
    going_on = await room.served(at)
    room.mend(room.stack.projector)
    return Struck("kill -9 of the projector", at, room.everywhere, time.monotonic(), going_on)


async def kill_postgres(room: Room) -> Struck:
    """kill -9 of Postgres while the owners' caches are so small that states are evicted: they are folded from the log instead."""
    at = time.monotonic()
    await in_thread(room.stack.servers.postgres.kill)
    going_on = await room.served(at)
    await asyncio.sleep(1.5)
    await in_thread(room.stack.servers.postgres.start)
    return Struck("kill -9 of Postgres", at, room.everywhere, time.monotonic(), going_on)


async def duel(room: Room) -> Struck:
    """Two replicas believe that they own every partition, the third follows the group. Every partition must get on. Counted from their start."""
    await room.mended()
    pair = room.random.sample(list(room.stack.replicas), 2)
    before = {each.name: each.env for each in pair}
    await asyncio.gather(*[in_thread(each.stop) for each in pair])
    for each in pair:
        each.env = {**each.env, "OPSROOM_COMMAND_API_OWNERSHIP": "all"}
    await asyncio.gather(*[in_thread(each.start) for each in pair])
    at = time.monotonic()
    getting_on = await room.served(at)
    await asyncio.sleep(DUEL_S)
    getting_on = await room.settled() and getting_on
    await asyncio.gather(*[in_thread(each.stop) for each in pair])
    for each in pair:
        each.env = before[each.name]
    await asyncio.gather(*[in_thread(each.start) for each in pair])
    return Struck("two own everything", at, room.everywhere, time.monotonic(), getting_on and await room.settled())


FULL: Mapping[Fault, int] = {
    kill_owner: 8,
    restart_owner: 4,
    end_owner: 10,
    zombie: 7,
    kill_leader: 5,
    kill_two_brokers: 3,
    kill_projector: 8,
    kill_postgres: 7,
    duel: 2,
}
"""How often each happens in a full run: 54 faults."""
