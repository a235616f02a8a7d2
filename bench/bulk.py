"""Many commands in one call, beside the same commands in single calls on 16 connections.

``make bench-bulk``. Servers and services run on free ports with their real durability settings; the load comes from this process.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from pathlib import Path

import uvloop

from bench.http import Connection
from bench.report import Row, percentile, report
from devstack.throwaway import ThrowawayStack
from opsroom_common.runtime.ids import SystemIds

COMMANDS = 500
CONNECTIONS = 16
ROUNDS = 20
WARM = 5
IDS = SystemIds()
Round = Callable[[Sequence[str]], Awaitable[None]]


async def batch(connection: Connection, incidents: Sequence[str]) -> None:
    """A note on each, in one call."""
    commands = [
        {"id": IDS.uuid7(), "command": "incident.add_note", "entity": incident, "body": {"text": "disk is at 97 percent"}}
        for incident in incidents
    ]
    answer = await connection.post("/v1/commands:batch", json.dumps({"commands": commands}).encode())
    assert answer.status == 200, answer
    statuses = [outcome["status"] for outcome in json.loads(answer.body)["outcomes"]]
    assert statuses == [200] * len(incidents), statuses


async def singles(connections: Sequence[Connection], incidents: Sequence[str]) -> None:
    """A note on each, one call each, as soon as a connection is free."""
    left = iter(incidents)

    async def client(connection: Connection) -> None:
        for incident in left:
            body = b'{"text":"disk is at 97 percent"}'
            answer = await connection.post(f"/v1/incidents/{incident}/notes", body, f"Idempotency-Key: {IDS.uuid7()}\r\n")
            assert answer.status == 200, answer

    await asyncio.gather(*[client(connection) for connection in connections])


async def alternate(one: Round, other: Round, sets: Sequence[Sequence[str]]) -> tuple[list[float], list[float]]:
    """Seconds of each round of both ways, taken in turns, so that both meet the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    incidents = cycle(sets)
    for number in range(WARM + ROUNDS):
        for way, taken in zip((one, other), times, strict=True):
            began = time.perf_counter()
            await way(next(incidents))
            if number >= WARM:
                taken.append(time.perf_counter() - began)
    return times


async def opened(connection: Connection, count: int) -> list[str]:
    incidents: list[str] = [IDS.entity_id("inc") for _ in range(count)]
    commands = [{"id": IDS.uuid7(), "command": "incident.open", "body": {"id": incident, "title": "bench"}} for incident in incidents]
    answer = await connection.post("/v1/commands:batch", json.dumps({"commands": commands}).encode())
    assert [outcome["status"] for outcome in json.loads(answer.body)["outcomes"]] == [201] * count, answer.body[:500]
    return incidents


async def measure(stack: ThrowawayStack) -> list[Row]:
    connections = [await Connection.open("127.0.0.1", stack.command_api.port) for _ in range(CONNECTIONS)]
    try:
        many = await opened(connections[0], COMMANDS)
        few = (await opened(connections[0], COMMANDS // 10)) * 10
        rows: list[Row] = []
        for name, incidents in ((f"{COMMANDS} incidents", many), (f"{COMMANDS // 10} incidents, 10 commands each", few)):
            ours, peer = await alternate(lambda ids: batch(connections[0], ids), lambda ids: singles(connections, ids), [incidents])
            peer_name = f"single calls on {CONNECTIONS} connections"
            rows += [
                Row(f"{name}: commands", "1/s", COMMANDS * len(ours) / sum(ours), COMMANDS * len(peer) / sum(peer), peer_name),
                Row(f"{name}: all {COMMANDS}, p50", "ms", percentile(ours, 0.5) * 1e3, percentile(peer, 0.5) * 1e3, peer_name),
            ]
        return rows
    finally:
        for connection in connections:
            connection.close()


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ThrowawayStack(Path(folder), services=("command-api", "projector"), durable=True) as stack,
    ):
        rows = uvloop.run(measure(stack))
    report(
        f"{COMMANDS} commands in one call",
        rows,
        [
            "one call at a time; a batch decides commands on one incident one after the other, each after the ack of the one before",
            "load, Kafka, Postgres, Redis, command-api and projector share the machine's cores; Kafka flushes by its defaults (no fsync per append)",
        ],
    )


if __name__ == "__main__":
    main()
