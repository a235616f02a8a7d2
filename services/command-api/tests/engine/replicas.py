"""Several replicas on one log in memory: real engines, routing, forwarding and peer doors; the group and the network between them can be bent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import httpx
from prometheus_client import CollectorRegistry
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.api import peer
from command_api.api.straight import StraightWay
from command_api.engine.engine import PartitionedEngine
from command_api.engine.forwarding import ForwardingEngine, NoPeers, Peers
from command_api.engine.metrics import EngineMetrics, ForwardMetrics
from command_api.engine.ownership import Ownership
from command_api.engine.peers_http import HttpPeers
from command_api.engine.port import Accepted, CommandRequest
from command_api.engine.routing import Replica, Routing
from opsroom_common.log.membership_memory import MemoryGroup
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.entities import incident
from opsroom_domain.ids import CommandId, EntityId

from .harness import ANNA, EPOCH, until

SECRET = "s" * 16
CLOCK, IDS = SystemClock(), SystemIds()


class Network(httpx.AsyncBaseTransport):
    """Finds a replica's doors by its host name. ``cut`` hosts cannot be reached; of ``deaf`` ones the answers are lost."""

    def __init__(self) -> None:
        self.apps: dict[str, ASGIApp] = {}
        self.cut: set[str] = set()
        self.deaf: set[str] = set()
        self.requests: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.requests.append(f"{host}{request.url.path}")
        if host in self.cut or host not in self.apps:
            raise httpx.ConnectError("nobody listens there")
        answer = await httpx.ASGITransport(self.apps[host]).handle_async_request(request)
        if host in self.deaf:
            raise httpx.ReadError("the answer was lost")
        return answer


@dataclass
class Running:
    """One life of one replica."""

    name: str
    engine: PartitionedEngine
    every: ForwardingEngine
    ownership: Ownership
    routing: Routing
    peers: Peers
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def serves(self) -> set[int]:
        return {status.partition for status in self.engine.status() if status.serving}

    async def stop(self) -> None:
        """A clean hand-over, as SIGTERM brings it about."""
        await self.engine.stop()
        sharing, routing = self.tasks
        for task in (sharing, routing):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.peers.close()

    async def kill(self) -> None:
        """Nothing is handed over and nobody is told; what the group knows is the group's affair."""
        for task in self.tasks:
            task.cancel()
        await self.engine.stop()
        await self.peers.close()


@dataclass
class Site:
    """The servers that all replicas share."""

    partitions: int = 4
    log: MemoryEventLog = field(init=False)
    control: MemoryEventLog = field(init=False)
    group: MemoryGroup = field(init=False)
    network: Network = field(default_factory=Network)
    running: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryEventLog(self.partitions)
        self.control = MemoryEventLog(1, topic="ops.control")
        self.group = MemoryGroup(self.partitions)

    async def start(self, name: str, *, secret: str | None = SECRET, life: str = "") -> Running:
        me = Replica(name, f"http://{name}")
        metrics = Metrics(CollectorRegistry())
        routing = Routing(self.control, LogTopicWriter(self.control), CLOCK, IDS, me)
        ownership = Ownership(self.group.member(name + life), routing, CLOCK, me)
        engine = PartitionedEngine(
            self.log, NoStateSource(), CLOCK, IDS, EngineMetrics(metrics), owner=name, url=me.url, partitions=(), tenure=ownership
        )
        peers: Peers = NoPeers() if secret is None else HttpPeers(secret, CLOCK, transport=self.network)
        every = ForwardingEngine(engine, self.partitions, routing, peers, CLOCK, me, ForwardMetrics(metrics))
        self.network.apps[name] = StraightWay(_nowhere, peer.handlers(engine, CLOCK, secret))
        replica = Running(name, engine, every, ownership, routing, peers)
        await engine.start()
        replica.tasks = [asyncio.create_task(ownership.run(engine.assign)), asyncio.create_task(routing.run())]
        self.running.append(replica)
        return replica

    async def settled(self, *replicas: Running) -> None:
        """Wait until these serve every partition between them, each by one, and all know it."""

        def done() -> bool:
            served = [p for r in replicas for p in r.serves]
            lines = {r.name: {p: line.owner for p, line in r.routing.table().items() if line.serving} for r in replicas}
            owners = {p: r.name for r in replicas for p in r.serves}
            return sorted(served) == list(range(self.partitions)) and all(table == owners for table in lines.values())

        await until(done, 10.0)

    def incident_in(self, partition: int) -> EntityId:
        """The id of an incident that lives in the partition."""
        while True:
            entity_id = IDS.entity_id("inc")
            if self.log.partition_of(entity_id) == partition:
                return entity_id


@asynccontextmanager
async def site(partitions: int = 4) -> AsyncIterator[Site]:
    """Servers without replicas yet; those that were started are killed at the end."""
    there = Site(partitions)
    try:
        yield there
    finally:
        for replica in there.running:
            await replica.kill()


def request(command: incident.CommandBase, on: EntityId, *, command_id: str | None = None, deadline_s: float = 5.0) -> CommandRequest:
    return CommandRequest(
        command_id=CommandId(command_id or IDS.uuid7()),
        body_hash=sha256(repr(command).encode()).hexdigest()[:32],
        kind="incident",
        entity_id=on,
        command=command,
        actor=command.by,
        role="operator",
        deadline=CLOCK.monotonic() + deadline_s,
    )


async def opened(replica: Running, on: EntityId) -> Accepted:
    return await replica.every.submit(request(incident.Open(at=EPOCH, by=ANNA, incident_id=on, title="disk full"), on))


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=404)(scope, receive, send)
