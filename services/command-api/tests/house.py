"""A whole command-api without servers: the real application and the real engine, on logs in memory and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from command_api.api.commands import Ports as CommandPorts
from command_api.api.limiter import ActorLimiter
from command_api.app import Limits, build_app
from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import Engine
from command_api.processes.attempt import Attempts
from command_api.processes.consumer import Ports as ProcessPorts
from command_api.processes.consumer import ProcessConsumer
from command_api.signals import alertmanager
from opsroom_common.auth.dev import identities
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.checkpoints import MemoryCheckpoints
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.log.state_source import NoStateSource
from opsroom_common.log.topic import LogTopicWriter, TopicWriter
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.health import Progress, Readiness, health_router
from opsroom_common.runtime.ids import SeededIds
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import Telemetry

PARTITIONS = 2
BODY_MAX = 8 * 1024
BATCH_MAX = 512 * 1024
WEBHOOK_MAX = 64 * 1024
Json = dict[str, Any]


@dataclass
class House:
    clock: ManualClock
    ids: SeededIds
    log: MemoryEventLog
    engine: PartitionedEngine
    signals: MemoryEventLog
    app: ASGIApp
    http: httpx.AsyncClient
    readiness: Readiness

    async def post(self, path: str, body: object, *, key: str | None = None, **headers: str) -> httpx.Response:
        """A command with a new id, or with ``key``."""
        sent = {"Idempotency-Key": key or self.ids.uuid7()} | {k.replace("_", "-"): v for k, v in headers.items()}
        method = "PATCH" if "changes" in (body if isinstance(body, dict) else {}) else "POST"
        return await self.http.request(method, path, json=body, headers=sent)

    async def opened(self, **more: object) -> str:
        """The id of a new incident."""
        incident_id = self.ids.entity_id("inc")
        answer = await self.post("/v1/incidents", {"id": incident_id, "title": "Disk full"} | more)
        assert answer.status_code == 201, answer.text
        return incident_id

    def events(self, log: MemoryEventLog | None = None) -> list[DomainRecord]:
        """Every valid event, as any reader sees it."""
        found: list[DomainRecord] = []
        source = log or self.log
        for partition in range(source.partitions):
            terms = TermFilter(Checkpoint())
            for record in source.records(partition):
                if terms.classify(record).what is RecordClass.EVENT:
                    event = decode(record)
                    assert isinstance(event, DomainRecord)
                    found.append(event)
        return found

    def events_of(self, entity_id: str) -> list[DomainRecord]:
        return [event for event in self.events() if event.entity_id == entity_id]

    async def created(self, collection: str, prefix: str, **body: object) -> str:
        """The id of a new entity of any kind."""
        entity_id = self.ids.entity_id(prefix)
        answer = await self.post(f"/v1/{collection}", {"id": entity_id} | body)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/v1/{collection}/{entity_id}"
        return entity_id

    async def row(self, at: str, entity_id: str) -> Json:
        """The row as an answer shows it: of a command that changes nothing."""
        answer = await self.post(f"{at}/labels", {})
        assert answer.status_code == 200, answer.text
        (entity,) = answer.json()["entities"]
        assert entity["id"] == entity_id
        row: Json = entity["row"]
        return row

    def types(self) -> list[str]:
        return [event.envelope.type.rsplit(".", 1)[1] for event in self.events()]


def processes(room: House) -> ProcessConsumer:
    """A process manager on the room's engine, from the beginning of its log."""
    attempts = Attempts(room.engine, room.clock, Telemetry("test"))
    metrics, progress = Metrics(CollectorRegistry()), Progress("processes", room.clock)
    return ProcessConsumer(ProcessPorts(room.log, MemoryCheckpoints(), attempts, room.engine.served, room.clock, metrics, progress))


@asynccontextmanager
async def house(
    *,
    dev_identity: str | None = "usr_dev:admin",
    per_second: float = 1e6,
    burst: float = 1e6,
    engine: Engine | None = None,
    signals: TopicWriter | None = None,
    deadline_s: float = 5.0,
) -> AsyncIterator[House]:
    """``engine`` and ``signals`` take the place of the real ones at the doors, for faults that a log in memory does not have."""
    clock = ManualClock()
    ids = SeededIds(7, clock)
    metrics = Metrics(CollectorRegistry())
    log, signals_log = MemoryEventLog(PARTITIONS), MemoryEventLog(PARTITIONS, topic="ops.signals")
    real = PartitionedEngine(log, NoStateSource(), clock, ids, EngineMetrics(metrics), owner="a", url="http://127.0.0.1:1")
    await real.start()
    await real.serving(5)
    who, telemetry, readiness = identities(dev_identity, "127.0.0.1"), Telemetry("test"), Readiness()
    app = build_app(
        CommandPorts(engine or real, who, clock, telemetry, metrics, ActorLimiter(clock, per_second, burst), deadline_s),
        alertmanager.Ports(signals or LogTopicWriter(signals_log), who, clock, ids, telemetry, metrics),
        health_router("command-api", [], readiness, metrics),
        Limits(BODY_MAX, BATCH_MAX, WEBHOOK_MAX),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield House(clock, ids, log, real, signals_log, app, http, readiness)
    finally:
        await real.stop()


def is_problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem of an answer; fails if it is another one, or says nothing of what to do."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: Json = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert body["type"] == f"https://opsroom.dev/problems/{code}"
    assert body["title"]
    assert len(body["detail"]) > 15
    assert "Traceback" not in answer.text
    return body


def fields(body: Json) -> Sequence[str]:
    """The fields that a 400 names."""
    return [error["field"] for error in body["errors"]]
