"""Kill every service while commands run: nothing acknowledged is lost or doubled, rows are the fold of the log, the screen equals the rows."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import httpx
import orjson
import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.ids import SystemIds
from projector.verify import differences

from .screen import Screen

INCIDENTS, COMMANDS, CLIENTS = 50, 500, 8
IDS = SystemIds()


async def definite(http: httpx.AsyncClient, path: str, body: Mapping[str, object]) -> tuple[str, int]:
    """Post one command, and again with the same id until the answer is definite; returns (command id, version)."""
    command_id = IDS.uuid7()
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await http.post(path, json=body, headers={"Idempotency-Key": command_id})
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code in {200, 201}:
                return command_id, answer.json()["version"]
            assert answer.status_code == 503, answer.text
            assert answer.json()["command_id"] == command_id
            await asyncio.sleep(0.05)


async def valid_events(log: KafkaEventLog) -> list[DomainRecord]:
    ends = {p: await log.end_offset(p) for p in range(log.partitions)}
    reader = await log.reader({p: Checkpoint() for p in ends})
    found: list[DomainRecord] = []
    try:
        while any(reader.position(p).offset < end for p, end in ends.items()):
            for items in (await reader.poll(1000, 1.0)).values():
                records = [decode(i.record) for i in items if i.what is RecordClass.EVENT]
                found.extend(r for r in records if isinstance(r, DomainRecord))
    finally:
        await reader.close()
    return found


@pytest.mark.timeout(180)
async def test_nothing_acknowledged_is_lost_or_doubled_and_every_view_agrees(
    stack: ThrowawayStack, until: Callable[..., Awaitable[None]]
) -> None:
    screen = Screen(stack.gateway.url)
    await screen.open()
    told: dict[str, int] = {}
    names = [IDS.entity_id("inc") for _ in range(INCIDENTS)]
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=20) as http:

        async def client(number: int) -> None:
            for i in range(number, COMMANDS, CLIENTS):
                name = names[i % INCIDENTS]
                if i < INCIDENTS:
                    path, body = "/v1/incidents", {"id": name, "title": f"incident {i}"}
                else:
                    path, body = f"/v1/incidents/{name}/notes", {"text": f"note {i}"}
                command_id, version = await definite(http, path, body)
                told[command_id] = version

        working = asyncio.gather(*[client(n) for n in range(CLIENTS)])
        for share, service in zip((0.2, 0.45, 0.7), (stack.command_api, stack.projector, stack.gateway), strict=True):
            await until(lambda share=share: len(told) > COMMANDS * share)
            await asyncio.to_thread(service.kill)
            await asyncio.to_thread(service.start)
        await working

    log = KafkaEventLog(stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    pool = await Pool.open(stack.servers.postgres.dsn, name="test")
    try:
        events = await valid_events(log)
        assert all(count == 1 for count in Counter(e.envelope.id for e in events).values())
        assert {e.command_id: e.version for e in events} == told
        assert len(told) == COMMANDS

        async def behind() -> int:
            rows = await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')
            stands = {row["partition"]: row["offset"] for row in rows}
            return sum([await log.end_offset(p) - stands.get(p, 0) for p in range(log.partitions)])

        async with asyncio.timeout(30):
            while await behind():
                await asyncio.sleep(0.05)
        assert await differences(log, pool) == []
        async with httpx.AsyncClient(base_url=stack.gateway.url) as http:
            rows = {row["id"]: row for row in (await http.get("/v1/incidents", params={"limit": 200})).json()["items"]}
        assert set(rows) == set(names)
        await until(lambda: {k: r["version"] for k, r in screen.rows.items()} == {k: r["version"] for k, r in rows.items()})
        flags = orjson.OPT_SORT_KEYS
        assert orjson.dumps(screen.rows, option=flags) == orjson.dumps(rows, option=flags)
        assert screen.offsets == sorted(set(screen.offsets)), "a duplicate, or out of order"
        assert screen.recoveries >= 1
        assert screen.snapshots == 1, "the killed gateway's successor recovers from the feed's table: no second snapshot is needed"
    finally:
        await screen.close()
        await log.close()
        pool._pool.terminate()
