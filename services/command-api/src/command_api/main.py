"""Wiring: the only place where command-api's parts meet."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from command_api.api import peer
from command_api.api.commands import Ports as CommandPorts
from command_api.api.limiter import ActorLimiter
from command_api.app import Limits, build_app
from command_api.engine.engine import PartitionedEngine
from command_api.engine.forwarding import ForwardingEngine, NoPeers
from command_api.engine.metrics import EngineMetrics, ForwardMetrics
from command_api.engine.ownership import Ownership
from command_api.engine.peers_http import HttpPeers
from command_api.engine.port import Engine
from command_api.engine.routing import Replica, Routing
from command_api.engine.tenure import Alone, Tenure
from command_api.engine.writer import Limits as EngineLimits
from command_api.processes.attempt import Attempts
from command_api.processes.consumer import GROUP, ProcessConsumer
from command_api.processes.consumer import Ports as ProcessPorts
from command_api.settings import Settings
from command_api.signals import alertmanager, consumer
from command_api.signals.correlate import SEVERITIES
from command_api.signals.incident_index import PostgresIncidentIndex
from opsroom_common.auth.dev import BadIdentitySetting, identities
from opsroom_common.contracts.topics import CONTROL, DEAD_LETTERS, EVENTS, SIGNALS, TopicsInvalid, load_topics
from opsroom_common.http.asgi import LateApp
from opsroom_common.log.checkpoints_kafka import KafkaCheckpoints
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.membership_kafka import KafkaMembership
from opsroom_common.log.state_source import StateSource
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.log.topic_kafka import KafkaTopicReader
from opsroom_common.log.watch import LogWatch
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.runtime.clock import Clock, SystemClock
from opsroom_common.runtime.console import run_console
from opsroom_common.runtime.health import Check, Progress, Readiness, health_router
from opsroom_common.runtime.ids import Ids, SystemIds
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.service import HttpServer, Loop, Part, Resource, Service
from opsroom_common.runtime.telemetry import Telemetry

NAME = "command-api"
DEAD = SIGNALS + DEAD_LETTERS
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared with, not bound
_log = get_logger(NAME)


class AddressUnknown(Exception):
    """Other replicas could not reach this one."""


async def build(settings: Settings) -> Service:
    """Everything of this service, not started. Raises BadIdentitySetting, AddressUnknown and PortTaken."""
    clock, ids, telemetry = SystemClock(), SystemIds(), Telemetry(NAME)
    metrics, readiness = Metrics(CollectorRegistry()), Readiness()
    who = identities(settings.dev_identity, settings.host)
    _check_address(settings)
    topics = load_topics()
    late = LateApp()
    http = HttpServer(late, settings.host, settings.port)
    http.bind()

    log = KafkaEventLog(settings.kafka, topics[EVENTS].partitions, client_id=settings.replica)
    signals_log = KafkaEventLog(settings.kafka, topics[SIGNALS].partitions, topic=SIGNALS, client_id=f"{settings.replica}.signals")
    dead_log = KafkaEventLog(settings.kafka, topics[DEAD].partitions, topic=DEAD, client_id=f"{settings.replica}.dead")
    signals, dead = LogTopicWriter(signals_log), LogTopicWriter(dead_log)
    pool = await Pool.open(settings.postgres, name=settings.replica)

    watch = LogWatch(log)
    readiness.add("kafka", watch.check, required=True)
    shared = Shared(clock, ids, metrics, readiness, log, RowSource(pool, EVENTS))
    engines = _engines(settings, shared, settings.url or http.url)

    progress = Progress("signals", clock, settings.stall_after_s)
    fold = consumer.SignalConsumer(
        consumer.Ports(
            reader=KafkaTopicReader(settings.kafka, SIGNALS, consumer.GROUP, clock),
            dead=dead,
            engine=engines.every,
            index=PostgresIncidentIndex(pool, log),
            clock=clock,
            telemetry=telemetry,
            metrics=metrics,
            progress=progress,
            severities=settings.severities or SEVERITIES,
        )
    )
    readiness.add("signals", fold.check, required=False)
    processes = _processes(settings, shared, engines, telemetry, carrying := Progress("processes", clock, settings.stall_after_s))
    readiness.add("processes", processes.check, required=False)
    limiter = ActorLimiter(clock, settings.commands_per_second, settings.commands_burst)
    late.app = build_app(
        CommandPorts(engines.every, who, clock, telemetry, metrics, limiter, settings.command_deadline_s),
        alertmanager.Ports(signals, who, clock, ids, telemetry, metrics),
        health_router(NAME, [progress, carrying], readiness, metrics),
        Limits(settings.body_bytes_max, settings.batch_bytes_max, settings.webhook_bytes_max),
        peer.handlers(engines.local, clock, _secret(settings)),
    )

    async def close_logs() -> None:
        await asyncio.gather(signals.close(), dead.close(), log.close())

    return Service(
        NAME,
        [
            Resource("postgres", _nothing, pool.close),
            Resource("topics", _nothing, close_logs),
            *engines.before_http,
            http,
            # Stopped first: while its partitions go to others, the doors are still open and forward to them.
            EnginePart(engines.local, engines.ownership),
            Loop("standing", engines.local.watch),
            Loop("parked", engines.local.watch_parked),
            Loop("signals", fold.run),
            Loop("processes", processes.run),
            Loop("kafka", watch.run),
        ],
    )


def _check_address(settings: Settings) -> None:
    if settings.ownership == "group" and settings.url is None and settings.host in EVERYWHERE:
        raise AddressUnknown(
            f"it listens on {settings.host}, which is nobody's address: set OPSROOM_COMMAND_API_URL to where the other replicas reach this one"
        )


@dataclass(frozen=True, slots=True)
class Shared:
    """What the engine is made of that others use too."""

    clock: Clock
    ids: Ids
    metrics: Metrics
    readiness: Readiness
    log: KafkaEventLog
    source: StateSource


@dataclass(frozen=True, slots=True)
class Engines:
    """``local`` decides what this replica owns, ``every`` takes commands of all partitions."""

    local: PartitionedEngine
    every: Engine
    ownership: Ownership | None
    before_http: Sequence[Part]
    """What must run before the doors open and after they are closed."""


def _engines(settings: Settings, shared: Shared, url: str) -> Engines:
    me = Replica(settings.replica, url)
    metrics = EngineMetrics(shared.metrics)

    def local(tenure: Tenure, partitions: Collection[int] | None) -> PartitionedEngine:
        return PartitionedEngine(
            shared.log,
            shared.source,
            shared.clock,
            shared.ids,
            metrics,
            owner=me.name,
            url=me.url,
            tenure=tenure,
            partitions=partitions,
            limits=EngineLimits(state_bytes_max=settings.state_bytes_max),
        )

    if settings.ownership == "all":
        alone = local(Alone(), None)
        shared.readiness.add("engine", lambda: engine_check(alone), required=True)
        return Engines(alone, alone, None, ())
    control_log = KafkaEventLog(settings.kafka, 1, topic=CONTROL, client_id=f"{settings.replica}.control")
    control = LogTopicWriter(control_log)
    routing = Routing(control_log, control, shared.clock, shared.ids, me)
    membership = KafkaMembership(settings.kafka, EVENTS, NAME, client_id=settings.replica, session_timeout_s=settings.session_timeout_s)
    ownership = Ownership(membership, routing, shared.clock, me)
    engine = local(ownership, ())
    secret = _secret(settings)
    peers = NoPeers() if secret is None else HttpPeers(secret, shared.clock)
    every = ForwardingEngine(engine, shared.log.partitions, routing, peers, shared.clock, me, ForwardMetrics(shared.metrics))
    shared.readiness.add("group", ownership.check, required=True)
    shared.readiness.add("routing", routing.check, required=False)
    shared.readiness.add("engine", lambda: engine_check(engine), required=True)

    async def close() -> None:
        await asyncio.gather(control.close(), control_log.close(), peers.close())

    return Engines(engine, every, ownership, (Resource("peers", _nothing, close), Loop("routing", routing.run)))


def _processes(settings: Settings, shared: Shared, engines: Engines, telemetry: Telemetry, progress: Progress) -> ProcessConsumer:
    """Of the partitions that this replica serves; their commands go to every partition."""
    return ProcessConsumer(
        ProcessPorts(
            log=shared.log,
            checkpoints=KafkaCheckpoints(settings.kafka, EVENTS, shared.log.partitions, GROUP),
            attempts=Attempts(engines.every, shared.clock, telemetry),
            served=engines.local.served,
            clock=shared.clock,
            metrics=shared.metrics,
            progress=progress,
        )
    )


class EnginePart:
    """The engine as a part: it serves each partition as soon as that is taken over. At the stop it hands over, and then leaves the group."""

    name = "engine"

    def __init__(self, engine: PartitionedEngine, ownership: Ownership | None) -> None:
        self._engine = engine
        self._ownership = ownership
        self._sharing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._engine.start()
        if self._ownership is not None:
            self._sharing = asyncio.create_task(self._ownership.run(self._engine.assign), name="ownership")

    async def run(self) -> None:
        crashed = asyncio.create_task(self._engine.wait_crashed())
        waiting = {crashed} if self._sharing is None else {crashed, self._sharing}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            crashed.cancel()

    async def stop(self) -> None:
        await self._engine.stop()
        if self._sharing is not None and self._ownership is not None:
            await self._ownership.said()
            self._sharing.cancel()
            await asyncio.gather(self._sharing, return_exceptions=True)


def _secret(settings: Settings) -> str | None:
    return None if settings.peer_secret is None else settings.peer_secret.get_secret_value()


def engine_check(engine: PartitionedEngine) -> Check:
    """Ready while every partition of its own is served, be it none; the others are named with what they wait for."""
    status = engine.status()
    waiting = [f"partition {s.partition}: {s.reason}" for s in status if not s.serving]
    if not waiting:
        return Check(ok=True, reason=f"serves {len(status)} partitions")
    return Check(ok=False, reason="; ".join(waiting[:3]) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""))  # noqa: PLR2004


async def _nothing() -> None:
    return


def run() -> None:
    """The console script."""
    run_console(NAME, Settings, build, (BadIdentitySetting, AddressUnknown, TopicsInvalid))


if __name__ == "__main__":
    run()
