"""Commands over HTTP: how many a second and how soon each is durably acknowledged, beside the bare append to the same Kafka.

``make bench-commands``. Servers and services run on free ports with their real durability settings; the load comes from this process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiokafka import AIOKafkaProducer

from bench.http import Connection
from bench.report import Row, percentile, report
from devstack.throwaway import ThrowawayStack
from devstack.topics import create_topic
from opsroom_common.runtime.ids import SystemIds

CLIENTS = (1, 16, 64)
SECONDS = 6.0
INCIDENTS = 256
P50_MS_MAX = 2.5
IDS = SystemIds()


@dataclass(frozen=True, slots=True)
class Measured:
    per_second: float
    p50_ms: float
    p99_ms: float


async def closed_loop(clients: int, one: Callable[[int, int], Awaitable[None]], seconds: float = SECONDS) -> Measured:
    """``clients`` tasks, each calling ``one(client, i)`` as soon as its last call is done."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        i = 0
        while (began := time.perf_counter()) < end:
            await one(number, i)
            times.append(time.perf_counter() - began)
            i += 1

    began = time.perf_counter()
    await asyncio.gather(*[client(number) for number in range(clients)])
    took = time.perf_counter() - began
    return Measured(len(times) / took, percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3)


async def bare_append(bootstrap: str, clients: int) -> Measured:
    """One idempotent record a call, acks=all: what Kafka alone costs from Python."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    await producer.start()
    value = b"x" * 300

    async def one(client: int, i: int) -> None:
        del i
        await (await producer.send("bench-append", value, partition=client % 8))

    try:
        await closed_loop(clients, one, 1.0)
        return await closed_loop(clients, one)
    finally:
        await producer.stop()


async def commands(port: int, clients: int, incidents: Sequence[str]) -> Measured:
    """A note on one of many incidents, each over its client's own connection."""
    connections = [await Connection.open("127.0.0.1", port) for _ in range(clients)]

    async def one(client: int, i: int) -> None:
        path = f"/v1/incidents/{incidents[(client * 37 + i) % len(incidents)]}/notes"
        answer = await connections[client].post(path, b'{"text":"disk is at 97 percent"}', f"Idempotency-Key: {IDS.uuid7()}\r\n")
        assert answer.status in {200, 201}, answer

    try:
        await closed_loop(clients, one, 2.0)
        return await closed_loop(clients, one)
    finally:
        for connection in connections:
            connection.close()


async def measure(stack: ThrowawayStack) -> list[Row]:
    await create_topic(stack.servers.kafka.bootstrap, "bench-append", 8)
    incidents = [IDS.entity_id("inc") for _ in range(INCIDENTS)]
    connection = await Connection.open("127.0.0.1", stack.command_api.port)
    for incident in incidents:
        body = f'{{"id":"{incident}","title":"bench"}}'.encode()
        answer = await connection.post("/v1/incidents", body, f"Idempotency-Key: {IDS.uuid7()}\r\n")
        assert answer.status == 201, answer
    connection.close()
    rows: list[Row] = []
    for clients in CLIENTS:
        floor = await bare_append(stack.servers.kafka.bootstrap, clients)
        ours = await commands(stack.command_api.port, clients, incidents)
        name = "bare append"
        aim, ok = (f"p50 <= {P50_MS_MAX} ms", ours.p50_ms <= P50_MS_MAX) if clients == 1 else ("", None)
        rows += [
            Row(f"{clients} clients: commands", "1/s", ours.per_second, floor.per_second, name),
            Row(f"{clients} clients: p50", "ms", ours.p50_ms, floor.p50_ms, name, aim, ok),
            Row(f"{clients} clients: p99", "ms", ours.p99_ms, floor.p99_ms, name),
        ]
    return rows


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ThrowawayStack(Path(folder), services=("command-api", "projector"), durable=True) as stack,
    ):
        rows = uvloop.run(measure(stack))
    report(
        "commands over HTTP",
        rows,
        [
            "load, Kafka, Postgres, Redis, command-api and projector share the machine's cores; Kafka flushes by its defaults (no fsync per append)"
        ],
    )


if __name__ == "__main__":
    main()
