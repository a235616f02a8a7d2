"""One run: everything is built, a storm blows while clients work, everything is healed, and it has to come to rest in the right state."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from prometheus_client import CollectorRegistry

from command_api.engine.metrics import EngineMetrics
from command_api.engine.writer import Limits
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.runtime.ids import SeededIds
from opsroom_common.runtime.metrics import Metrics

from .admin import Admin
from .clients import Board, Client
from .judge import Judge
from .loop import LoopClock, Process, SimLoop
from .network import Network
from .profiles import Profile
from .read_side import ReadSide
from .replica import Replica, Surroundings
from .storm import Storm
from .truth import Truth
from .verdict import Broken
from .wire import RemoteLog, StormyWire, WireFaults

_METRICS = EngineMetrics(Metrics(CollectorRegistry()))
REST_S = 60.0
"""How long, after everything is healed, until every command is settled and every reader current."""


class SimLog(MemoryEventLog):
    """The log in memory; what lands is judged at once."""

    def __init__(self, partitions: int, truth: Truth) -> None:
        super().__init__(partitions)
        self._truth = truth

    def land(self, partition: int, records: Sequence[RawRecord]) -> int:
        base = super().land(partition, records)
        self._truth.land(self.slice(partition, base, len(records)))
        return base


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a run."""

    seed: int
    profile: str
    broken: Broken | None
    digest: str
    turns: int
    virtual_s: float
    counts: dict[str, int]
    trace: list[str]


class World:
    """Everything of one run."""

    def __init__(self, seed: int, profile: Profile) -> None:
        self.seed = seed
        self.profile = profile
        self.trace: list[str] = []
        self.loop = SimLoop(f"{seed}/turns")
        self.broken: Broken | None = None
        self._over: asyncio.Future[None] = self.loop.create_future()
        self.chance = self._random("fate")
        self.network = Network(self.loop, self._random("network"))
        self.truth = Truth(profile.partitions, self.break_)
        self.judge = Judge(self.truth, self.break_)
        self.log = SimLog(profile.partitions, self.truth)
        self.wire = self.log.wire = StormyWire(self.loop, self.network, self._random("wire"), WireFaults())
        reads = self._random("reads")

        def log() -> RemoteLog:
            return RemoteLog(self.network, self.log, reads, 40)

        self.reading = (
            ReadSide(self.loop, self.network, log, self.log.topic, self.truth, profile, self._random("read side"), self.break_)
            if profile.reading
            else None
        )
        around = Surroundings(
            loop=self.loop,
            log=log,
            source=self.reading.source if self.reading is not None else NoStateSource,
            judge=self.judge,
            metrics=_METRICS,
            limits=Limits(state_bytes_max=profile.state_bytes),
            hung=lambda text: self.break_(Broken("nothing hangs", text)),
            seed_of=self._number,
        )
        self.replicas = [Replica(f"replica-{i}", around, self.chance.uniform(-2, 2)) for i in range(profile.replicas)]
        self.storm = Storm(
            self.loop, self.chance, profile, self.replicas, self.reading, self.truth, self.log.land, self.say
        )  # fmt: skip
        self.clients = self._make_clients()
        self.admins = [self._make_admin(number) for number in range(profile.admins)]

    def run(self) -> Found:
        """Run to the end, or to the first broken promise."""
        director = Process(self.loop, "director")
        main = director.spawn(self._main())
        main.add_done_callback(self._ended)
        try:
            self.loop.run_until_complete(self._over)
        except RuntimeError as error:
            self.broken = self.broken or Broken("nothing hangs", str(error))
        self._sweep()
        digest = f"{self.loop.digest:016x}"
        return Found(self.seed, self.profile.name, self.broken, digest, self.loop.turns, self.loop.time(), self.judge.counts, self.trace)

    def break_(self, broken: Broken) -> None:
        """A promise is broken: the run ends here."""
        if self.broken is None:
            self.broken = broken
            self.say(f"BROKEN {broken}")
        if not self._over.done():
            self._over.set_result(None)

    def say(self, line: str) -> None:
        self.trace.append(line)
        self.loop.note(line)

    async def _main(self) -> None:
        profile = self.profile
        self.storm.begin()
        self.wire.faults, self.network.trouble = profile.wire, profile.trouble
        working = [Process(self.loop, f"client-{i}").spawn(client.run()) for i, client in enumerate(self.clients)]
        ends = self.loop.time() + profile.storm_s
        admins = [Process(self.loop, f"admin-{i}").spawn(admin.run(ends)) for i, admin in enumerate(self.admins)]
        while self.loop.time() < ends and not all(task.done() for task in working):
            await asyncio.sleep(self.chance.random() * 2 * profile.every_s)
            self.storm.strike()
        self.wire.faults, self.network.trouble = WireFaults(), 0.0
        self.storm.heal()
        _, late = await asyncio.wait([*working, *admins], timeout=REST_S)
        if late:
            waiting = [client.waits_for for client in self.clients if client.waits_for]
            raise Broken("nothing hangs", f"{len(late)} clients still wait {REST_S:.0f} s after everything was healed: {waiting}")
        for task in (*working, *admins):
            task.result()
        await self._at_rest("one owner", self.storm.disputed)
        if self.reading is not None:
            await self._at_rest("readers are current", self.reading.differs)
            self.reading.judge.at_rest()
        await self._at_rest("commands go on", self.storm.refused)

    async def _at_rest(self, promise: str, differs: Callable[[], str | None]) -> None:
        """Wait until nothing differs any more."""
        ends = self.loop.time() + REST_S
        while (found := differs()) is not None:
            if self.loop.time() > ends:
                raise Broken(promise, f"{REST_S:.0f} s after the last command: {found}")
            await asyncio.sleep(0.5)

    def _make_clients(self) -> list[Client]:
        profile = self.profile
        ids = SeededIds(self._number("entities"), LoopClock(self.loop))
        board = Board([ids.entity_id("inc") for _ in range(profile.entities)])
        clients: list[Client] = []
        for number in range(profile.clients):
            clock = LoopClock(self.loop, self.chance.uniform(-1, 1))
            minted = SeededIds(self._number(f"client-{number}"), clock)
            chance = self._random(f"client-{number}")
            clients.append(Client(number, self.loop, self.network, self.replicas, chance, clock, minted, board, profile, self.say))
        return clients

    def _make_admin(self, number: int) -> Admin:
        minted = SeededIds(self._number(f"admin-{number}"), LoopClock(self.loop))
        chance = self._random(f"admin-{number}")
        return Admin(self.loop, self.network, self.replicas, self.storm.parked, chance, minted, self.profile.patience_s, self.say)

    def _ended(self, main: asyncio.Task[None]) -> None:
        if main.cancelled() or self._over.done():
            return
        error = main.exception()
        if error is None:
            self._over.set_result(None)
        else:
            self.break_(error if isinstance(error, Broken) else Broken("unexpected error", f"{type(error).__name__}: {error}"))

    def _sweep(self) -> None:
        """Nothing of this run outlives it."""
        if self.loop.errors and self.broken is None:
            self.broken = Broken("unexpected error", self.loop.errors[0])
        self.broken, broken = Broken("swept", ""), self.broken
        sweeper = self.loop.world
        for _ in range(50):
            tasks = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
            if not tasks:
                break
            hosts = [] if self.reading is None else [*self.reading.projectors, *self.reading.gateways]
            for host in (*self.replicas, *hosts):
                host.process.kill()
            for task in tasks:
                task.cancel()
            pause = sweeper.loop.create_future()
            self.loop.outside(0.5, lambda pause=pause: pause.done() or pause.set_result(None))
            self.loop.run_until_complete(pause)
        self.loop.close()
        self.broken = broken

    def _random(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def _number(self, name: str) -> int:
        return int.from_bytes(sha256(f"{self.seed}/{name}".encode()).digest()[:8], "big")
