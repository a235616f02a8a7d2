"""CPU time of one command in the door and the engine alone, in this process, on the in-memory log: no sockets, no servers. ``make bench-hot-path``.

It says what a change of the Python on that path gives, also on a busy machine: CPU time, the least of many short rounds.
"""

from __future__ import annotations

import asyncio
import gc
import time

import uvloop
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Scope

from bench.report import Row, percentile, report
from command_api.api.commands import Ports
from command_api.api.limiter import ActorLimiter
from command_api.app import Limits, build_app
from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.signals import alertmanager
from opsroom_common.auth.dev import identities
from opsroom_common.log.entity import REMEMBERED_COMMANDS
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.health import Readiness, health_router
from opsroom_common.runtime.ids import SystemIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import Telemetry

CLIENTS = (1, 64)
PARTITIONS = 8
INCIDENTS = 256
COMMANDS = 1_280
"""Of a round."""
ROUNDS = 12
IDS = SystemIds()


def wired(engine: PartitionedEngine) -> ASGIApp:
    clock, telemetry, metrics = SystemClock(), Telemetry("bench"), Metrics(CollectorRegistry())
    who = identities("usr_dev:admin", "127.0.0.1")
    limiter = ActorLimiter(clock, 1e6, 1e6)
    return build_app(
        Ports(engine, who, clock, telemetry, metrics, limiter, 10.0),
        alertmanager.Ports(LogTopicWriter(MemoryEventLog(1)), who, clock, IDS, telemetry, metrics),
        health_router("bench", [], Readiness(), metrics),
        Limits(body_bytes_max=64 * 1024, batch_bytes_max=64 * 1024, webhook_bytes_max=64 * 1024),
    )


async def post(app: ASGIApp, path: str, body: bytes) -> None:
    """One request, as uvicorn hands it over: in its own task."""
    headers = [
        (b"host", b"bench"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"idempotency-key", IDS.uuid7().encode()),
    ]
    scope: Scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        assert message.get("status", 200) in {200, 201}, message

    async def answer() -> None:
        await app(scope, receive, send)

    await asyncio.create_task(answer())


async def one_round(app: ASGIApp, incidents: list[str], clients: int) -> float:
    """Microseconds of CPU per command."""

    async def client(number: int) -> None:
        for i in range(COMMANDS // clients):
            await post(app, f"/v1/incidents/{incidents[(number * 37 + i) % INCIDENTS]}/notes", b'{"text":"disk is at 97 percent"}')

    began = time.process_time()
    await asyncio.gather(*[client(number) for number in range(clients)])
    return (time.process_time() - began) / COMMANDS * 1e6


async def measure() -> list[Row]:
    engine = PartitionedEngine(
        MemoryEventLog(PARTITIONS), NoStateSource(), SystemClock(), IDS, EngineMetrics(Metrics(CollectorRegistry())), owner="bench", url=""
    )
    await engine.start()
    await engine.serving(5.0)
    app = wired(engine)
    incidents: list[str] = [IDS.entity_id("inc") for _ in range(INCIDENTS)]
    for incident in incidents:
        await post(app, "/v1/incidents", f'{{"id":"{incident}","title":"bench"}}'.encode())
    for _ in range(INCIDENTS * REMEMBERED_COMMANDS // COMMANDS):
        await one_round(app, incidents, CLIENTS[-1])  # until every incident remembers as much as it ever will
    rows: list[Row] = []
    for clients in CLIENTS:
        gc.collect()
        gc.disable()
        times = sorted([await one_round(app, incidents, clients) for _ in range(ROUNDS)])
        gc.enable()
        rows += [
            Row(f"{clients} clients: CPU per command, least", "us", times[0]),
            Row(f"{clients} clients: median", "us", percentile(times, 0.5)),
        ]
    await engine.stop()
    return rows


def main() -> None:
    report("door and engine in one process, in-memory log", uvloop.run(measure()), ["the memory collector is off while it is measured"])


if __name__ == "__main__":
    main()
