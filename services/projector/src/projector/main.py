"""The projector as a process: the only place that wires. ``projector`` runs it; ``projector rebuild`` empties the live rows first, for another log."""

from __future__ import annotations

import sys

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from opsroom_common.contracts.topics import EVENTS, TopicsInvalid, load_topics
from opsroom_common.feed.redis import RedisFeedCarrier
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.console import run_console
from opsroom_common.runtime.health import Check, Progress, Readiness, health_router
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.service import HttpServer, Loop, Resource, Service
from projector.counts import Counts
from projector.project import Projector
from projector.publish import Publisher
from projector.session import Limits
from projector.settings import Settings
from projector.store_postgres import PostgresStore

_NAME = "projector"


async def _nothing() -> None:
    """Pools and clients connect when they are first used."""


async def build(settings: Settings, *, rebuild: bool = False) -> Service:
    """Wire the service. Connects to nothing yet, except that ``rebuild`` empties the projection first. Raises TopicsInvalid, Unavailable."""
    clock, metrics, readiness = SystemClock(), Metrics(CollectorRegistry()), Readiness()
    partitions = load_topics()[EVENTS].partitions
    log = KafkaEventLog(settings.kafka, partitions, client_id=_NAME)
    # Nothing outside depends on a commit: what a crash of Postgres loses is read again from the log.
    pool = await Pool.open(settings.postgres, name=_NAME, max_size=partitions + 2, synchronous_commit=False, by_key=True)
    store = PostgresStore(pool, EVENTS, partitions)
    if rebuild:
        await store.install()
        await store.forget_everything()
    carrier = RedisFeedCarrier(settings.redis, entries_max=settings.carrier_entries)
    publisher = Publisher(carrier, metrics, clock)
    progress = Progress(_NAME, clock, settings.stall_after_s)
    limits = Limits(batch_records=settings.batch_records, entities=settings.entities, feed_entries=settings.feed_entries)
    projector = Projector(log, store, publisher, progress, Counts(metrics), clock, limits)
    readiness.add("projecting", projector.check, required=True)
    readiness.add("redis", lambda: _carrier_check(publisher), required=False)
    app = FastAPI(title="Opsroom projector", openapi_url=None)
    app.include_router(health_router(_NAME, [progress], readiness, metrics))
    return Service(
        _NAME,
        [
            Resource("postgres", _nothing, pool.close),
            Resource("redis", _nothing, carrier.close),
            Resource("log", _nothing, log.close),
            HttpServer(app, settings.host, settings.port),
            Loop("project", projector.run),
        ],
    )


def _carrier_check(publisher: Publisher) -> Check:
    if publisher.away is None:
        return Check(ok=True, reason="carries the feed")
    return Check(ok=False, reason=f"{publisher.away}; live changes arrive through the table, a little later")


def run() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if arguments not in ([], ["rebuild"]):
        sys.exit("usage: projector [rebuild]")
    run_console(_NAME, Settings, lambda settings: build(settings, rebuild=bool(arguments)), (TopicsInvalid, Unavailable))
