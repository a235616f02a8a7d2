"""A server goes away and comes back: every door says so, nothing is lost, and no service is restarted for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from devstack.throwaway import RunningService, ThrowawayStack
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, Classified, RawRecord, RecordClass
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.ids import SystemIds
from projector.verify import differences

from .metrics import total
from .screen import Screen
from .test_crashes import valid_events

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
IDS = SystemIds()
PROBLEM = "application/problem+json"
STOP_WITHIN_S = 10.0


@pytest.fixture
async def write(stack: ThrowawayStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=30) as http:
        yield http


@pytest.fixture
async def read(stack: ThrowawayStack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.gateway.url, timeout=30) as http:
        yield http


@pytest.fixture
async def log(stack: ThrowawayStack) -> AsyncIterator[KafkaEventLog]:
    events = KafkaEventLog(stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    yield events
    await events.close()


@pytest.fixture
async def screen(stack: ThrowawayStack) -> AsyncIterator[Screen]:
    live = Screen(stack.gateway.url)
    await live.open()
    async with asyncio.timeout(20):
        while not live.snapshots:
            await asyncio.sleep(0.02)
    yield live
    await live.close()


async def eventually(condition: Callable[[], Awaitable[object]], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.05)


def opening(title: str) -> tuple[str, dict[str, Any]]:
    return "/v1/incidents", {"id": IDS.entity_id("inc"), "title": title}


async def command(http: httpx.AsyncClient, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": key or IDS.uuid7()})


async def accepted(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    """As a client does: a command that got 503 is repeated with the same id."""
    key = IDS.uuid7()

    async def done() -> bool:
        answer = await command(http, path, body, key)
        assert answer.status_code in {200, 201, 503}, answer.text
        return answer.status_code != 503

    await eventually(done)


async def webhook(http: httpx.AsyncClient, fingerprint: str) -> httpx.Response:
    alert = {
        "status": "firing",
        "labels": {"alertname": "DiskFull", "severity": "warning"},
        "annotations": {},
        "startsAt": "2026-11-23T08:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint,
    }
    body = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "opsroom", "externalURL": "", "alerts": [alert]}
    return await http.post("/v1/signals/alertmanager", json=body)


async def readiness(service: RunningService) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=service.url, timeout=10) as http:
        answer = await http.get("/readyz")
    return {"http": answer.status_code, **answer.json()}


async def projector_waits_for(stack: ThrowawayStack, whom: str) -> bool:
    ready = await readiness(stack.services["projector"])
    return ready["http"] == 503 and f"waits for {whom}" in ready["checks"]["projecting"]["reason"]


def pids(stack: ThrowawayStack) -> dict[str, int | None]:
    return {name: service.process.pid for name, service in stack.services.items()}


async def all_rows(read: httpx.AsyncClient) -> dict[str, Any]:
    page = (await read.get("/v1/incidents", params={"limit": 200})).raise_for_status().json()
    assert page["next"] is None
    return {row["id"]: row for row in page["items"]}


async def shows_all(screen: Screen, read: httpx.AsyncClient) -> bool:
    """Whether the screen's folded state equals the rows, byte for byte."""
    flags = orjson.OPT_SORT_KEYS
    return orjson.dumps(screen.rows, option=flags) == orjson.dumps(await all_rows(read), option=flags)


async def has_row(read: httpx.AsyncClient, body: dict[str, Any]) -> bool:
    return (await read.get(f"/v1/incidents/{body['id']}")).status_code == 200


async def test_without_kafka_doors_say_503_and_the_same_command_works_once_it_is_back(
    stack: ThrowawayStack, write: httpx.AsyncClient, read: httpx.AsyncClient, log: KafkaEventLog, screen: Screen
) -> None:
    before = pids(stack)
    stack.servers.kafka.kill()
    path, body = opening("while the log is away")
    key = IDS.uuid7()
    refused, taken = await asyncio.gather(command(write, path, body, key), webhook(write, "kafka-away"))
    for answer in (refused, taken):
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"].startswith(PROBLEM)
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["detail"]
    assert refused.json()["command_id"] == key
    assert not refused.json()["applied"]

    async def named() -> bool:
        ready = await readiness(stack.command_api)
        return ready["http"] == 503 and "partition" in ready["checks"]["engine"]["reason"]

    await eventually(named)
    await eventually(lambda: projector_waits_for(stack, "the log"))
    assert (await read.get("/v1/incidents")).status_code == 200, "what is known can still be read"

    await asyncio.to_thread(stack.servers.kafka.start)

    async def taken_now() -> bool:
        return (await command(write, path, body, key)).status_code == 201

    await eventually(taken_now)
    assert (await webhook(write, "kafka-away")).status_code == 202
    await eventually(lambda: has_row(read, body))
    await eventually(lambda: shows_all(screen, read))
    assert [e.version for e in await valid_events(log) if e.command_id == key] == [1]

    async def all_ready() -> bool:
        return all([(await readiness(each))["status"] == "ready" for each in stack.services.values()])

    await eventually(all_ready)
    assert pids(stack) == before, "nobody had to be restarted"


async def test_without_postgres_commands_work_and_screens_take_a_fresh_snapshot_once_it_is_back(
    stack: ThrowawayStack, write: httpx.AsyncClient, read: httpx.AsyncClient, log: KafkaEventLog, screen: Screen
) -> None:
    before = pids(stack)
    known_path, known = opening("before")
    await accepted(write, known_path, known)
    await eventually(lambda: has_row(read, known))
    epoch = (await read.get("/v1/incidents")).json()["position"]["epoch"]
    snapshots = screen.snapshots

    stack.servers.postgres.kill()
    path, body = opening("while the rows are away")
    await accepted(write, path, body)
    await accepted(write, f"/v1/incidents/{known['id']}/acknowledge", {})
    assert (await webhook(write, "postgres-away")).status_code == 202
    refused = await read.get("/v1/incidents")
    assert refused.status_code == 503, refused.text
    assert refused.headers["content-type"].startswith(PROBLEM)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["code"] == "read-unavailable"

    async def named() -> bool:
        ready = await readiness(stack.gateway)
        return ready["http"] == 503 and not ready["checks"]["postgres"]["ok"] and bool(ready["checks"]["postgres"]["reason"])

    await eventually(named)
    await eventually(lambda: projector_waits_for(stack, "Postgres"))

    await asyncio.to_thread(stack.servers.postgres.start)

    async def signal_folded() -> bool:
        answer = await read.get("/v1/incidents")
        return answer.status_code == 200 and any("postgres-away" in row["signals"] for row in answer.json()["items"])

    await eventually(signal_folded)
    await eventually(lambda: has_row(read, body))
    assert (await all_rows(read))[known["id"]]["status"] == "acknowledged"
    assert (await read.get("/v1/incidents")).json()["position"]["epoch"] != epoch
    await eventually(lambda: shows_all(screen, read))
    assert screen.snapshots > snapshots
    pool = await Pool.open(stack.servers.postgres.dsn, name="test")
    try:
        assert await differences(log, pool) == []
    finally:
        await pool.close()
    assert pids(stack) == before, "nobody had to be restarted"


async def test_without_redis_changes_still_arrive_and_readiness_says_degraded(
    stack: ThrowawayStack, write: httpx.AsyncClient, read: httpx.AsyncClient, screen: Screen
) -> None:
    snapshots = screen.snapshots
    stack.servers.redis.kill()
    for title in ("first without the carrier", "second without the carrier"):
        path, body = opening(title)
        await accepted(write, path, body)
        await eventually(lambda name=body["id"]: _told(screen, name), 10.0)

    async def degraded(service: RunningService) -> bool:
        ready = await readiness(service)
        return ready["http"] == 200 and ready["status"] == "degraded" and ready["degraded"] == ["redis"]

    await eventually(lambda: degraded(stack.gateway))
    await eventually(lambda: degraded(stack.services["projector"]))

    await asyncio.to_thread(stack.servers.redis.start)

    async def ready(service: RunningService) -> bool:
        return (await readiness(service))["status"] == "ready"

    path, body = opening("with the carrier again")
    await accepted(write, path, body)
    await eventually(lambda: _told(screen, body["id"]), 10.0)
    await eventually(lambda: ready(stack.gateway))
    await eventually(lambda: ready(stack.services["projector"]))
    await eventually(lambda: shows_all(screen, read))
    assert screen.snapshots == snapshots, "a lost carrier costs nobody a snapshot"


async def _told(screen: Screen, incident: str) -> bool:
    return incident in screen.rows


async def last_valid(log: KafkaEventLog, entity: str) -> Classified:
    """The last valid event of an entity, as it stands in the log."""
    partition = log.partition_of(entity)
    end = await log.end_offset(partition)
    reader = await log.reader({partition: Checkpoint()})
    found: list[Classified] = []
    try:
        while reader.position(partition).offset < end:
            for item in (await reader.poll(1000, 1.0)).get(partition, ()):
                found += [item] if item.what is RecordClass.EVENT and item.record.key == entity.encode() else []
    finally:
        await reader.close()
    return found[-1]


def same_partition(log: KafkaEventLog, entity: str) -> str:
    return next(name for name in iter(lambda: IDS.entity_id("inc"), "") if log.partition_of(name) == log.partition_of(entity))


async def test_a_record_that_no_schema_fits_parks_its_entity_and_no_other(
    stack: ThrowawayStack, write: httpx.AsyncClient, read: httpx.AsyncClient, log: KafkaEventLog
) -> None:
    path, sick = opening("will be poisoned")
    well = {"id": same_partition(log, sick["id"]), "title": "its neighbour"}
    for body in (sick, well):
        await accepted(write, path, body)
    projector = stack.services["projector"].url
    parked = await total(projector, "opsroom_projector_parked_total")

    good = (await last_valid(log, sick["id"])).record
    changed = {"ce_id": IDS.uuid7().encode(), "ce_entityversion": b"2", "ce_commandid": IDS.uuid7().encode(), "avro-fingerprint": bytes(8)}
    headers = tuple((name, changed.get(name, value)) for name, value in good.headers)
    vandal = await log.session()
    await vandal.append(good.partition, [RawRecord(good.key, b"\xff\xff", headers, good.timestamp_ms)])
    await vandal.close()

    async def counted() -> bool:
        return await total(projector, "opsroom_projector_parked_total") == parked + 1

    await eventually(counted)

    # The owner finds the record by the gap before its next batch, and reads the log again.
    async def refused() -> bool:
        answer = await command(write, f"/v1/incidents/{sick['id']}/acknowledge", {})
        assert answer.status_code in {423, 503}, answer.text
        return answer.status_code == 423 and answer.json()["code"] == "entity-parked" and bool(answer.json()["detail"])

    await eventually(refused)
    await accepted(write, f"/v1/incidents/{well['id']}/acknowledge", {})

    async def neighbour_goes_on() -> bool:
        return (await read.get(f"/v1/incidents/{well['id']}")).json()["version"] == 2

    await eventually(neighbour_goes_on)
    assert (await readiness(stack.services["projector"]))["status"] == "ready"
    shown = (await read.get(f"/v1/incidents/{sick['id']}")).json()
    assert shown["version"] == 1, "what was known of it before is still shown"


async def test_sigterm_stops_each_service_within_ten_seconds_with_code_0(
    stack: ThrowawayStack, write: httpx.AsyncClient, screen: Screen
) -> None:
    path, body = opening("at work")
    await accepted(write, path, body)
    await eventually(lambda: _told(screen, body["id"]))
    for service in stack.services.values():
        began = time.monotonic()
        await asyncio.to_thread(service.process.stop, STOP_WITHIN_S)
        assert (service.name, service.process.exit_code) == (service.name, 0), (
            f"after {time.monotonic() - began:.1f} s; see {service.process.log}"
        )
        await asyncio.to_thread(service.start)
