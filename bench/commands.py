"""Commands over HTTP: how many a second and how soon each is durably acknowledged, beside the ``eventsourcing`` library on Postgres.

``make bench-commands``. Both sides take the same requests from this process, in alternating rounds; the medians are reported. Servers and
services run on free ports with their durability as they ship: Kafka flushes by its defaults, Postgres with fsync.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import orjson
import uvloop
from aiokafka import AIOKafkaProducer

from bench.closed_loop import Measured, closed_loop, medians
from bench.cpu import LOAD, cpu_seconds
from bench.http import Connection
from bench.report import Row, report
from bench.scrape import STAGES, lag, scrape, stage_seconds
from devstack.kafka import Kafka
from devstack.ports import HOST, free_port
from devstack.process import ServerProcess
from devstack.throwaway import ThrowawayStack
from devstack.topics import create_topic
from opsroom_common.runtime.ids import SystemIds

CLIENTS = (1, 16, 64)
ROUNDS = 3
SECONDS = 5.0
WARM_UP_S = 1.0
INCIDENTS = 256
CAUGHT_UP_WITHIN_S = 60.0
P50_MS_MAX = 2.5
P50_RATIO_MAX = 0.7
RATE_RATIO_MIN = 10
PEER = "eventsourcing"
IDS = SystemIds()


@dataclass(slots=True)
class Side:
    """One of the two, and what its rounds gave."""

    port: int
    pids: dict[str, int | None]
    incidents: list[str] = field(default_factory=list[str])
    rounds: dict[int, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    cpu_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """CPU per command at the most clients, by process."""

    async def open_incidents(self) -> None:
        connection = await Connection.open(HOST, self.port)
        for _ in range(INCIDENTS):
            body = f'{{"id":"{IDS.entity_id("inc")}","title":"bench"}}'.encode()
            answer = await connection.post("/v1/incidents", body, f"Idempotency-Key: {IDS.uuid7()}\r\n")
            assert answer.status == 201, answer
            said = orjson.loads(answer.body)
            self.incidents.append(said["id"] if "id" in said else said["entities"][0]["id"])
        connection.close()

    async def round(self, clients: int) -> Measured:
        """A note on one of the incidents, each client over its own connection."""
        connections = [await Connection.open(HOST, self.port) for _ in range(clients)]

        async def one(client: int, i: int) -> None:
            path = f"/v1/incidents/{self.incidents[(client * 37 + i) % INCIDENTS]}/notes"
            answer = await connections[client].post(path, b'{"text":"disk is at 97 percent"}', f"Idempotency-Key: {IDS.uuid7()}\r\n")
            assert answer.status == 200, answer

        try:
            await closed_loop(clients, one, WARM_UP_S)
            before = cpu_seconds(self.pids)
            measured = await closed_loop(clients, one, SECONDS)
            after = cpu_seconds(self.pids)
        finally:
            for connection in connections:
                connection.close()
        if clients == CLIENTS[-1]:
            for name in after:
                self.cpu_us[name].append((after[name] - before.get(name, 0.0)) / (measured.per_second * SECONDS) * 1e6)
        return measured


async def bare_append(bootstrap: str, clients: int) -> Measured:
    """One idempotent record a call, acks=all: what Kafka alone costs from Python."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    await producer.start()

    async def one(client: int, i: int) -> None:
        del i
        await (await producer.send("bench-append", b"x" * 300, partition=client % 8))

    try:
        await closed_loop(clients, one, WARM_UP_S)
        return await closed_loop(clients, one, SECONDS / 2)
    finally:
        await producer.stop()


async def caught_up(stack: ThrowawayStack) -> None:
    """Wait until the projector has folded everything, so that it takes nothing from the peer's round."""
    async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
        while lag(scrape(stack.projector.url)) > 0:  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(0.1)


async def measure(stack: ThrowawayStack, peer: ServerProcess, peer_port: int) -> list[Row]:
    assert isinstance(stack.servers.kafka, Kafka), "one broker"
    servers = {"postgres": stack.servers.postgres.pid, "kafka": stack.servers.kafka.pid, "redis": stack.servers.redis.pid}
    services = {name: service.process.pid for name, service in stack.services.items()}
    us, them = Side(stack.command_api.port, {**services, **servers}), Side(peer_port, {PEER: peer.pid, "postgres": servers["postgres"]})
    await us.open_incidents()
    await them.open_incidents()
    await create_topic(stack.servers.kafka.bootstrap, "bench-append", 8)
    rows: list[Row] = []
    for clients in CLIENTS:
        before = scrape(stack.command_api.url)
        for _ in range(ROUNDS):
            us.rounds[clients].append(await us.round(clients))
            await caught_up(stack)
            them.rounds[clients].append(await them.round(clients))
        stages = stage_seconds(before, scrape(stack.command_api.url))
        rows += rows_of(clients, medians(us.rounds[clients]), medians(them.rounds[clients]))
        rows += stage_rows(clients, stages)
        floor = await bare_append(stack.servers.kafka.bootstrap, clients)
        rows.append(Row(f"{said(clients)}: a bare append", "1/s", floor.per_second))
    rows += cpu_rows(us, them)
    stack.projector.stop()
    alone = medians([await us.round(CLIENTS[-1]) for _ in range(ROUNDS)])
    theirs = medians(them.rounds[CLIENTS[-1]])
    return [*rows, Row(f"{CLIENTS[-1]} clients, projector stopped: commands", "1/s", alone.per_second, theirs.per_second, PEER)]


def rows_of(clients: int, ours: Measured, theirs: Measured) -> list[Row]:
    """The three figures of one number of clients, judged where there is an aim."""
    at = said(clients)
    rate = Row(f"{at}: commands", "1/s", ours.per_second, theirs.per_second, PEER)
    p50 = Row(f"{at}: p50", "ms", ours.p50_ms, theirs.p50_ms, PEER)
    p99 = Row(f"{at}: p99", "ms", ours.p99_ms, theirs.p99_ms, PEER)
    if clients == CLIENTS[0]:
        ok = ours.p50_ms <= P50_MS_MAX and ours.p50_ms <= P50_RATIO_MAX * theirs.p50_ms
        p50 = p50.judged(f"<= {P50_MS_MAX} ms, <= {P50_RATIO_MAX} x the peer", ok=ok)
    if clients == CLIENTS[-1]:
        rate = rate.judged(f">= {RATE_RATIO_MIN} x the peer", ok=ours.per_second >= RATE_RATIO_MIN * theirs.per_second)
        p99 = p99.judged("< the peer", ok=ours.p99_ms < theirs.p99_ms)
    return [rate, p50, p99]


def stage_rows(clients: int, seconds: dict[str, float]) -> list[Row]:
    """The share of each stage in the time that a command spends in command-api."""
    whole = sum(seconds.values())
    return [Row(f"{said(clients)}: share of {stage}", "%", 100 * seconds[stage] / whole) for stage in STAGES]


def cpu_rows(us: Side, them: Side) -> list[Row]:
    """CPU per command of each process; the peer's one process stands beside command-api."""
    theirs = {("command-api" if name == PEER else name): statistics.median(each) for name, each in them.cpu_us.items()}
    ours = {name: statistics.median(us.cpu_us[name]) for name in ("command-api", "projector", "postgres", "kafka", "redis", LOAD)}
    theirs["all"], ours["all"] = sum(theirs.values()), sum(ours.values())
    return [Row(f"{CLIENTS[-1]} clients: CPU per command, {name}", "us", spent, theirs.get(name), PEER) for name, spent in ours.items()]


def said(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


def answers(port: int) -> bool:
    with suppress(URLError, OSError), urlopen(f"http://{HOST}:{port}/readyz", timeout=2.0) as answer:
        return bool(answer.status == 200)
    return False


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ThrowawayStack(Path(folder), services=("command-api", "projector"), durable=True) as stack,
    ):
        port, peer = free_port(), ServerProcess("peer", Path(folder) / "peer.log")
        argv: Sequence[str] = [sys.executable, "-m", "bench.peer_eventsourcing", str(port), stack.servers.postgres.dsn]
        peer.start(argv, lambda: answers(port), 30.0)
        try:
            rows = uvloop.run(measure(stack, peer, port))
        finally:
            peer.stop()
    report(
        "commands over HTTP",
        rows,
        [
            f"medians of {ROUNDS} alternating rounds of {SECONDS:.0f} s; load, Kafka, Postgres, Redis, command-api and projector share the cores",
            "Kafka flushes by its defaults (no fsync per append), Postgres with fsync; bench/peer_eventsourcing.py says how the peer is run",
        ],
    )


if __name__ == "__main__":
    main()
