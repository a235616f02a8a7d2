"""Wiring: the only place where command-api's parts meet."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from command_api.api.commands import Ports as CommandPorts
from command_api.api.limiter import ActorLimiter
from command_api.app import Limits, build_app
from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.settings import Settings
from command_api.signals import alertmanager, consumer
from command_api.signals.correlate import SEVERITIES
from command_api.signals.incident_index import PostgresIncidentIndex
from opsroom_common.auth.dev import BadIdentitySetting, identities
from opsroom_common.contracts.topics import DEAD_LETTERS, EVENTS, SIGNALS, TopicsInvalid, load_topics
from opsroom_common.http.asgi import LateApp
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.log.topic_kafka import KafkaTopicReader
from opsroom_common.log.watch import LogWatch
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.console import run_console
from opsroom_common.runtime.health import Check, Progress, Readiness, health_router
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.service import HttpServer, Loop, Resource, Service
from opsroom_common.runtime.telemetry import Telemetry

NAME = "command-api"
_log = get_logger(NAME)


async def build(settings: Settings) -> Service:
    """Everything of this service, not started. Raises BadIdentitySetting and PortTaken."""
    clock, ids, telemetry = SystemClock(), SystemIds(), Telemetry(NAME)
    metrics = Metrics(CollectorRegistry())
    who = identities(settings.dev_identity, settings.host)
    topics = load_topics()
    late = LateApp()
    http = HttpServer(late, settings.host, settings.port)
    http.bind()

    log = KafkaEventLog(settings.kafka, topics[EVENTS].partitions, client_id=settings.replica)
    dead_topic = SIGNALS + DEAD_LETTERS
    signals_log = KafkaEventLog(settings.kafka, topics[SIGNALS].partitions, topic=SIGNALS, client_id=f"{settings.replica}.signals")
    dead_log = KafkaEventLog(settings.kafka, topics[dead_topic].partitions, topic=dead_topic, client_id=f"{settings.replica}.dead")
    signals, dead = LogTopicWriter(signals_log), LogTopicWriter(dead_log)
    pool = await Pool.open(settings.postgres, name=settings.replica)

    # The engine.
    source = RowSource(pool, EVENTS)
    engine = PartitionedEngine(log, source, clock, ids, EngineMetrics(metrics), owner=settings.replica, url=settings.url or http.url)

    progress = Progress("signals", clock, settings.stall_after_s)
    fold = consumer.SignalConsumer(
        consumer.Ports(
            reader=KafkaTopicReader(settings.kafka, SIGNALS, consumer.GROUP, clock),
            dead=dead,
            engine=engine,
            index=PostgresIncidentIndex(pool, log),
            clock=clock,
            telemetry=telemetry,
            metrics=metrics,
            progress=progress,
            severities=settings.severities or SEVERITIES,
        )
    )
    readiness = Readiness()
    watch = LogWatch(log)
    readiness.add("kafka", watch.check, required=True)
    readiness.add("engine", lambda: engine_check(engine), required=True)
    readiness.add("signals", fold.check, required=False)
    limiter = ActorLimiter(clock, settings.commands_per_second, settings.commands_burst)
    late.app = build_app(
        CommandPorts(engine, who, clock, telemetry, metrics, limiter, settings.command_deadline_s),
        alertmanager.Ports(signals, who, clock, ids, telemetry, metrics),
        health_router(NAME, [progress], readiness, metrics),
        Limits(settings.body_bytes_max, settings.webhook_bytes_max),
    )

    async def close_writers() -> None:
        await asyncio.gather(signals.close(), dead.close(), log.close())

    return Service(
        NAME,
        [
            Resource("postgres", _nothing, pool.close),
            Resource("topics", _nothing, close_writers),
            EnginePart(engine),
            http,
            Loop("signals", fold.run),
            Loop("kafka", watch.run),
        ],
    )


class EnginePart:
    """The engine as a part: it serves each partition as soon as that is taken over."""

    name = "engine"

    def __init__(self, engine: PartitionedEngine) -> None:
        self._engine = engine

    async def start(self) -> None:
        await self._engine.start()

    async def run(self) -> None:
        await self._engine.wait_crashed()

    async def stop(self) -> None:
        await self._engine.stop()


def engine_check(engine: PartitionedEngine) -> Check:
    """Ready while at least one partition is served; the others are named with what they wait for."""
    status = engine.status()
    waiting = [f"partition {s.partition}: {s.reason}" for s in status if not s.serving]
    if not waiting:
        return Check(ok=True, reason=f"serves {len(status)} partitions")
    return Check(ok=False, reason="; ".join(waiting[:3]) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""))  # noqa: PLR2004


async def _nothing() -> None:
    return


def run() -> None:
    """The console script."""
    run_console(NAME, Settings, build, (BadIdentitySetting, TopicsInvalid))


if __name__ == "__main__":
    run()
