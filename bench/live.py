"""From a command's POST to its row on a socket, at fixed rates, beside the floor: produce, consume, commit and feed alone in one process.

``make bench-live``. The load is open-loop: commands leave on an absolute schedule, so that a stall shows as latency.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import asyncpg
import orjson
import redis.asyncio
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from websockets.asyncio.client import ClientConnection, connect

from bench.http import Connection
from bench.report import Row, percentile, report
from devstack.throwaway import ThrowawayStack
from devstack.topics import create_topic
from opsroom_common.runtime.ids import SystemIds

RATES = (20, 200, 1000)
SECONDS = 8.0
WARM_UP = 0.25
"""Share of the commands that is sent, but not counted."""
INCIDENTS = 256
CONNECTIONS = 64
RATIO_MAX = 2.5
LATE_S_MAX = 20.0
IDS = SystemIds()
Streams: TypeAlias = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


async def open_loop(rate: int, send: Callable[[int], Awaitable[None]]) -> None:
    """Call ``send(i)`` at ``rate`` a second for SECONDS, each in its own task."""
    began = time.perf_counter()
    tasks: list[asyncio.Task[None]] = []
    for i in range(int(rate * SECONDS)):
        due = began + i / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(send(i)))
    await asyncio.gather(*tasks)


async def until(condition: Callable[[], bool]) -> None:
    """Poll for a condition for at most LATE_S_MAX."""
    async with asyncio.timeout(LATE_S_MAX):
        while not condition():  # noqa: ASYNC110 - what is awaited sets no event
            await asyncio.sleep(0.02)


class Screen:
    """One socket on the board: remembers when each version of each incident was first covered by a publication."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._seen: dict[str, int] = {}
        self._seen_at: dict[str, dict[int, float]] = defaultdict(dict)
        self.times: list[float] = []

    async def follow(self, url: str, ready: asyncio.Event) -> None:
        async with connect(url.replace("http", "ws") + "/connection/websocket", compression=None, max_size=None) as socket:
            await socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"board:incident@admin"}}')
            async for frame in socket:
                now = time.perf_counter()
                for line in str(frame if isinstance(frame, str) else frame.decode()).split("\n"):
                    await self._line(socket, orjson.loads(line), now, ready)

    async def _line(self, socket: ClientConnection, message: dict, now: float, ready: asyncio.Event) -> None:
        if not message:
            await socket.send("{}")
        elif message.get("id") == 2:
            assert "subscribe" in message, message
            ready.set()
        elif "push" in message and (publication := message["push"].get("pub")) and publication["data"]["type"] == "row":
            data = publication["data"]
            self._cover(data["id"], data["version"], now)

    def _cover(self, incident: str, version: int, now: float) -> None:
        self._seen[incident] = version
        self._seen_at[incident][version] = now
        still = []
        for wanted, sent in self._waiting[incident]:
            if wanted <= version:
                self.times.append(now - sent)
            else:
                still.append((wanted, sent))
        self._waiting[incident] = still

    def expect(self, incident: str, version: int, sent: float) -> None:
        """A command that was sent at ``sent`` was told ``version``."""
        covered = [at for seen, at in self._seen_at[incident].items() if seen >= version]
        if covered:
            self.times.append(min(covered) - sent)
        else:
            self._waiting[incident].append((version, sent))

    @property
    def open(self) -> int:
        return sum(map(len, self._waiting.values()))


async def ours(stack: ThrowawayStack, rate: int, incidents: Sequence[str]) -> list[float]:
    """Times in seconds from POST to socket, warm-up left out."""
    screen, ready = Screen(), asyncio.Event()
    follower = asyncio.create_task(screen.follow(stack.gateway.url, ready))
    await asyncio.wait_for(ready.wait(), 10)
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await Connection.open("127.0.0.1", stack.command_api.port))

    async def send(i: int) -> None:
        sent = time.perf_counter()
        incident = incidents[i * 31 % len(incidents)]
        connection = await idle.get()
        answer = await connection.post(
            f"/v1/incidents/{incident}/notes", b'{"text":"disk is at 97 percent"}', f"Idempotency-Key: {IDS.uuid7()}\r\n"
        )
        idle.put_nowait(connection)
        assert answer.status in {200, 201}, answer
        if i >= rate * SECONDS * WARM_UP:
            screen.expect(incident, orjson.loads(answer.body)["version"], sent)

    await open_loop(rate, send)
    await until(lambda: not screen.open)
    follower.cancel()
    while not idle.empty():
        idle.get_nowait().close()
    return screen.times


FLOOR_SQL = """
WITH moved AS (UPDATE floor_checkpoint SET at = at + 1 RETURNING at),
head AS (UPDATE floor_head SET n = n + 1 RETURNING n),
row AS (INSERT INTO floor_rows VALUES ($1, 1, $2) ON CONFLICT (id) DO UPDATE SET version = floor_rows.version + 1, state = $2)
INSERT INTO floor_feed SELECT n, $2 FROM head RETURNING n
"""
FLOOR_SCHEMA = """
CREATE TABLE IF NOT EXISTS floor_checkpoint (at bigint); INSERT INTO floor_checkpoint VALUES (0);
CREATE UNLOGGED TABLE IF NOT EXISTS floor_head (n bigint); INSERT INTO floor_head VALUES (0);
CREATE TABLE IF NOT EXISTS floor_rows (id int PRIMARY KEY, version int, state text);
CREATE UNLOGGED TABLE IF NOT EXISTS floor_feed (n bigint PRIMARY KEY, state text);
"""


async def floor(stack: ThrowawayStack, rate: int) -> list[float]:
    """The same hops with nothing of ours on them: one process appends, reads, commits one statement a record, XADDs and XREADs."""
    producer = AIOKafkaProducer(bootstrap_servers=stack.servers.kafka.bootstrap, enable_idempotence=True, acks="all")
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.servers.kafka.bootstrap, enable_auto_commit=False)
    carrier = redis.asyncio.Redis.from_url(stack.servers.redis.url)
    postgres = await asyncpg.connect(stack.servers.postgres.dsn, server_settings={"synchronous_commit": "off"})
    await producer.start()
    await consumer.start()
    times: list[float] = []
    sent: dict[int, float] = {}
    topic = TopicPartition("bench-floor", 0)
    consumer.assign([topic])
    await consumer.seek_to_end(topic)
    await consumer.position(topic)
    key = f"floor-{rate}"

    async def project() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    number = int(record.key or b"0")
                    await postgres.fetchval(FLOOR_SQL, number % INCIDENTS, (record.value or b"").decode())
                    await carrier.xadd(key, {"n": number}, maxlen=10_000)

    async def read() -> None:
        last = b"$"
        while True:
            for _, entries in cast("Streams", await carrier.xread({key: last}, block=500, count=500)):
                now = time.perf_counter()
                for last, fields in entries:  # noqa: B007 - the last one is where to go on
                    number = int(fields[b"n"])
                    if number >= rate * SECONDS * WARM_UP:
                        times.append(now - sent[number])

    async def send(i: int) -> None:
        sent[i] = time.perf_counter()
        await producer.send("bench-floor", b"x" * 500, key=str(i).encode(), partition=0)

    tasks = [asyncio.create_task(project()), asyncio.create_task(read())]
    await asyncio.sleep(0.2)
    await open_loop(rate, send)
    expected = int(rate * SECONDS) - int(rate * SECONDS * WARM_UP)
    await until(lambda: len(times) >= expected)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(producer.stop(), consumer.stop(), carrier.aclose(), postgres.close())
    return times


async def measure(stack: ThrowawayStack) -> list[Row]:
    await create_topic(stack.servers.kafka.bootstrap, "bench-floor", 1)
    postgres = await asyncpg.connect(stack.servers.postgres.dsn)
    await postgres.execute(FLOOR_SCHEMA)
    await postgres.close()
    incidents = [IDS.entity_id("inc") for _ in range(INCIDENTS)]
    connection = await Connection.open("127.0.0.1", stack.command_api.port)
    for incident in incidents:
        await connection.post("/v1/incidents", f'{{"id":"{incident}","title":"bench"}}'.encode(), f"Idempotency-Key: {IDS.uuid7()}\r\n")
    connection.close()
    rows: list[Row] = []
    for rate in RATES:
        low, high = await floor(stack, rate), await ours(stack, rate, incidents)
        p50, floor_p50 = percentile(high, 0.5) * 1e3, percentile(low, 0.5) * 1e3
        judged = rate == 200
        aim, ok = (f"p50 <= {RATIO_MAX} x the floor", p50 <= RATIO_MAX * floor_p50) if judged else ("", None)
        rows += [
            Row(f"{rate}/s: command to socket p50", "ms", p50, floor_p50, "floor", aim, ok),
            Row(f"{rate}/s: command to socket p99", "ms", percentile(high, 0.99) * 1e3, percentile(low, 0.99) * 1e3, "floor"),
        ]
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ThrowawayStack(Path(folder), durable=True) as stack:
        rows = uvloop.run(measure(stack))
    report(
        "command to socket",
        rows,
        ["load, Kafka, Postgres, Redis and all services share the machine's cores; one socket watches the whole board"],
    )


if __name__ == "__main__":
    main()
