"""The only place that wires the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway_ws.live.asgi import LiveDoor
from gateway_ws.live.connection import Surroundings
from gateway_ws.live.connections import Connections
from gateway_ws.live.hub import Hub
from gateway_ws.live.limits import Limits
from gateway_ws.live.ring import Ring
from gateway_ws.live.subscribing import Subscriber
from gateway_ws.live.tail import FeedTail, TailPace
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.past.api import HistoryDoor, activity_router
from gateway_ws.past.store import PastStore
from gateway_ws.queries.api import KindDoors
from gateway_ws.queries.board_doors import board_router
from gateway_ws.queries.boards import Boards
from gateway_ws.queries.codes import Codes
from gateway_ws.queries.live_rows import LiveRows
from gateway_ws.queries.parked import ParkedEntities
from gateway_ws.queries.read_your_writes import ReadYourWrites
from gateway_ws.settings import Settings
from opsroom_common.auth.dev import BadIdentitySetting, identities
from opsroom_common.auth.identity import Identities
from opsroom_common.feed.redis import RedisFeedCarrier
from opsroom_common.http import problems
from opsroom_common.http.limits import BodyLimit, LastNet
from opsroom_common.postgres.feed_table import PostgresFeedTable
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import Clock, SystemClock
from opsroom_common.runtime.console import run_console
from opsroom_common.runtime.health import Check, Progress, Readiness, health_router
from opsroom_common.runtime.ids import Ids, SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.service import HttpServer, Loop, Resource, Service
from opsroom_domain.registry import KINDS

NAME = "gateway-ws"
_WEBSOCKET = "gateway_ws.live.asgi:GatewayWebSocketProtocol"
_BODY_BYTES_MAX = 64 * 1024
_EXPORT_STATEMENT_S_MAX = 120.0
_EXPORT_READER_S_MAX = 30.0
"""A reader that takes nothing of an export for so long is cut off: its transaction keeps old rows from being cleaned up."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A built gateway: the service, and its server, whose ``url`` is known once it is started."""

    service: Service
    http: HttpServer


async def build(settings: Settings) -> Service:
    """Wire the service. Raises BadIdentitySetting."""
    return (await build_gateway(settings)).service


async def build_gateway(settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> Gateway:
    """``build``, with the server at hand and with other clocks and ids, for tests."""
    clock = clock or SystemClock()
    ids = ids or SystemIds()
    who = identities(settings.dev_identity, settings.host)
    registry = Metrics(CollectorRegistry())
    metrics = GatewayMetrics(registry)
    limits = Limits(
        outbox_bytes_max=settings.outbox_bytes_max,
        recovery_bytes_max=settings.outbox_bytes_max // 2,
        connect_timeout_s=settings.connect_timeout_s,
        close_timeout_s=settings.close_timeout_s,
        ping_interval_s=settings.ping_interval_s,
        pong_timeout_s=settings.pong_timeout_s,
        connections_max=settings.connections_max,
    )
    pool = await Pool.open(settings.postgres, name=NAME, max_size=settings.postgres_connections, statement_timeout_s=5.0, plan_each=True)
    carrier = RedisFeedCarrier(settings.redis)
    ring = Ring(bytes_max=settings.ring_bytes_max, age_max_s=settings.ring_age_s_max)
    hub = Hub(clock, metrics, jitter=lambda: _jitter(ids), resyncs_per_s=settings.resyncs_per_s)
    progress = Progress("feed", clock)
    tail = FeedTail(
        carrier=carrier,
        table=PostgresFeedTable(pool),
        ring=ring,
        hub=hub,
        clock=clock,
        progress=progress,
        metrics=metrics,
        pace=TailPace(verify_s=settings.feed_verify_s),
    )
    subscriber = Subscriber(ring=ring, hub=hub, feed=tail, clock=clock, limits=limits, metrics=metrics)
    around = Surroundings(ring=ring, hub=hub, feed=tail, subscriber=subscriber, identities=who, clock=clock, limits=limits, metrics=metrics)
    connections = Connections(clock=clock, ring=ring, limits=limits, jitter=lambda: _jitter(ids), metrics=metrics, drain_s=settings.drain_s)
    door = LiveDoor(connections, around, ids, settings.origins, metrics)
    exports = await Pool.open(
        settings.postgres,
        name=f"{NAME}-exports",
        max_size=settings.exports_max,
        statement_timeout_s=_EXPORT_STATEMENT_S_MAX,
        idle_timeout_s=_EXPORT_READER_S_MAX,
        plan_each=True,
    )
    rows = LiveRows(pool, exports, metrics, clock)
    boards = Boards(rows, PastStore(pool, exports, metrics))
    writes = ReadYourWrites(rows, clock, settings.wait_for_s_max)
    api = application(boards, who, writes, Codes(pool, metrics), ParkedEntities(pool, metrics))
    api.include_router(health_router(NAME, [progress], _readiness(tail, connections), registry))
    http = HttpServer(_split(LastNet(BodyLimit(api, _BODY_BYTES_MAX)), door), settings.host, settings.port, ws=_WEBSOCKET, grace_s=2.0)
    parts = [
        Resource("postgres", _nothing, pool.close),
        Resource("postgres-exports", _nothing, exports.close),
        Resource("redis", _nothing, carrier.close),
        Loop("tail", tail.run),
        http,
        # Last to start, so first to stop: connections are sent elsewhere before the server closes.
        connections,
    ]
    return Gateway(Service(NAME, parts), http)


def application(boards: Boards, who: Identities, writes: ReadYourWrites, codes: Codes, parked: ParkedEntities) -> FastAPI:
    """The HTTP queries."""
    api = FastAPI(
        title="Opsroom read door",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    problems.install(api)
    for kind in KINDS.values():
        api.include_router(KindDoors(kind, boards, who, writes).router())
        api.include_router(HistoryDoor(kind, boards.past, who, writes).router())
    api.include_router(activity_router(boards.past, who, writes))
    api.include_router(board_router(codes, parked, who))
    return api


def _operation_id(route: APIRoute) -> str:
    """The name that generated clients call it by."""
    return route.name


def run() -> None:
    """The console script ``gateway-ws``."""
    run_console(NAME, Settings, build, (BadIdentitySetting,))


def _readiness(tail: FeedTail, connections: Connections) -> Readiness:
    readiness = Readiness()

    def postgres() -> Check:
        return Check(ok=tail.table_away is None, reason=tail.table_away or "the feed's table answers")

    def feed() -> Check:
        position = tail.position
        known = position is not None
        return Check(ok=known, reason=f"at {position.epoch}:{position.n}" if position else "the feed's epoch is not known yet")

    def redis() -> Check:
        return Check(ok=tail.carrier_away is None, reason=tail.carrier_away or "Redis carries the feed")

    def staying() -> Check:
        return Check(ok=not connections.draining, reason="draining" if connections.draining else f"{len(connections)} connections")

    readiness.add("postgres", postgres, required=True)
    readiness.add("feed", feed, required=True)
    readiness.add("redis", redis, required=False)
    readiness.add("connections", staying, required=True)
    return readiness


def _split(http: ASGIApp, live: ASGIApp) -> ASGIApp:
    """WebSockets go to the live door, straight past the HTTP framework."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (live if scope["type"] == "websocket" else http)(scope, receive, send)

    return app


def _jitter(ids: Ids) -> float:
    return int(ids.uuid7()[-8:], 16) / 2**32


async def _nothing() -> None:
    """Both connect when they are first used: the gateway starts while they are away, and says so in /readyz."""
