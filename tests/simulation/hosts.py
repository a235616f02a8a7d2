"""The processes of the read side: projectors and gateways, each through all of its lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from gateway_ws.live.connection import Connection
from gateway_ws.live.connection import Surroundings as LiveSurroundings
from gateway_ws.live.hub import Hub
from gateway_ws.live.limits import Limits as LiveLimits
from gateway_ws.live.ring import Ring
from gateway_ws.live.subscribing import Subscriber
from gateway_ws.live.tail import FeedTail, TailPace
from gateway_ws.metrics import GatewayMetrics
from opsroom_common.auth.dev import DevIdentities
from opsroom_common.auth.identity import Identity, Role
from opsroom_common.feed.port import FeedCarrier, FeedTable
from opsroom_common.log.port import AnotherLog, EventLog
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.ids import ActorId
from projector.counts import Counts
from projector.project import Projector
from projector.publish import Publisher
from projector.session import Limits
from projector.store import AnotherFold, Store

from .loop import LoopClock, Process, SimLoop
from .socket import Pipe, ServerSocket

_PROJECTOR_METRICS = Metrics(CollectorRegistry())
_COUNTS = Counts(_PROJECTOR_METRICS)
_GATEWAY_METRICS = GatewayMetrics(Metrics(CollectorRegistry()))
_RESTART_S = 0.7
_TICK_S = 1.0


class Host:
    """Starts one kind of process, again and again."""

    def __init__(self, name: str, loop: SimLoop) -> None:
        self.name = name
        self.loop = loop
        self._lives = 0
        self.process = Process(loop, name)
        self.process.alive = False

    def start(self) -> None:
        if self.process.alive:
            return
        self._lives += 1
        self.process = Process(self.loop, f"{self.name}.{self._lives}")
        task = self.process.spawn(self.live())
        task.add_done_callback(lambda _, process=self.process: self._ended(process))

    def crash(self) -> None:
        self.process.kill()

    async def live(self) -> None:
        raise NotImplementedError

    def _ended(self, process: Process) -> None:
        """It gave up by itself: what supervises it starts it again."""
        if process.alive:
            process.alive = False
            self.loop.outside(_RESTART_S, self.start)


@dataclass(frozen=True, slots=True)
class ProjectorParts:
    """What a new projector is wired with."""

    log: Callable[[], EventLog]
    store: Callable[[Clock], Store]
    carrier: Callable[[], FeedCarrier]
    limits: Limits


class ProjectorHost(Host):
    """A projector process. One that stops for good (another log, another fold) is started again by its supervisor, in vain, until somebody acts."""

    def __init__(self, name: str, loop: SimLoop, parts: ProjectorParts) -> None:
        super().__init__(name, loop)
        self._parts = parts

    async def live(self) -> None:
        clock = LoopClock(self.loop)
        store = self._parts.store(clock)
        publisher = Publisher(self._parts.carrier(), _PROJECTOR_METRICS, clock)
        progress = Progress("projector", clock)
        projector = Projector(self._parts.log(), store, publisher, progress, _COUNTS, clock, self._parts.limits)
        try:
            await projector.run()
        except (AnotherLog, AnotherFold):
            return


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What a new gateway is wired with."""

    table: Callable[[], FeedTable]
    carrier: Callable[[], FeedCarrier]


class GatewayHost(Host):
    """A gateway process without a network card: its sockets are pipes."""

    def __init__(self, name: str, loop: SimLoop, parts: GatewayParts) -> None:
        super().__init__(name, loop)
        self._parts = parts
        self._around: LiveSurroundings | None = None
        self._connections: dict[Pipe, Connection] = {}
        self._accepted = 0

    def crash(self) -> None:
        cut, self._connections = self._connections, {}
        self._around = None
        super().crash()
        for pipe in cut:
            pipe.cut()

    def accept(self, pipe: Pipe) -> None:
        """A client has connected; without a living process its connection is refused."""
        if not self.process.alive or self._around is None:
            pipe.cut()
            return
        self._accepted += 1
        connection = self._connections[pipe] = Connection(f"c{self._accepted}", ServerSocket(pipe), {}, self._around)
        self.process.spawn(self._serve(pipe, connection))

    async def live(self) -> None:
        clock = LoopClock(self.loop)
        ring = Ring(bytes_max=200_000, age_max_s=20.0)
        hub = Hub(clock, _GATEWAY_METRICS)
        tail = FeedTail(
            carrier=self._parts.carrier(),
            table=self._parts.table(),
            ring=ring,
            hub=hub,
            clock=clock,
            progress=Progress("tail", clock),
            metrics=_GATEWAY_METRICS,
            pace=TailPace(poll_s=0.2, page_entries=7),
        )
        limits = LiveLimits(ping_interval_s=5.0)
        subscriber = Subscriber(ring=ring, hub=hub, feed=tail, clock=clock, limits=limits, metrics=_GATEWAY_METRICS)
        self._around = LiveSurroundings(
            ring=ring,
            hub=hub,
            feed=tail,
            subscriber=subscriber,
            identities=DevIdentities(Identity(ActorId("usr_dev"), Role.ADMIN)),
            clock=clock,
            limits=limits,
            metrics=_GATEWAY_METRICS,
        )
        ticking = asyncio.create_task(self._tick(ring, clock))
        try:
            await tail.run()
        finally:
            ticking.cancel()

    async def _serve(self, pipe: Pipe, connection: Connection) -> None:
        try:
            await connection.run()
        finally:
            self._connections.pop(pipe, None)
            pipe.cut()

    async def _tick(self, ring: Ring, clock: Clock) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            ring.trim(clock.monotonic())
            for connection in list(self._connections.values()):
                connection.tick(clock.monotonic())
