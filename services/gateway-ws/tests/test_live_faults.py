"""The schedules that broke simpler designs (docs/explanation/live-path.md): after each, the screen is what the rows are."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

import httpx
import pytest
import redis.asyncio
from centrifuge import Filter
from gateway_harness import Life, RunningGateway, StartGateway, TestProjector, Watcher, board, client_of, incident_id, make_schema, until
from websockets.asyncio.client import connect

from devstack.ports import free_port
from devstack.redis import Redis
from opsroom_common.auth.dev import BadIdentitySetting
from opsroom_common.feed.port import FeedEntry, Position
from opsroom_domain.entities.incident import Severity


async def _watching(gateway: RunningGateway) -> tuple:
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    return client, watcher


async def test_with_redis_flushed_midway_nothing_is_missed(start_gateway: StartGateway, projector: TestProjector, redis_url: str):
    gateway = await start_gateway()
    client, watcher = await _watching(gateway)
    async with redis.asyncio.Redis.from_url(redis_url) as flusher:
        for number in range(1, 21):
            await projector.opened(number)
            if number % 5 == 0:
                await flusher.flushdb()
    await until(lambda: len(watcher.rows) == 20)
    assert watcher.rows == [(incident_id(number), 1) for number in range(1, 21)]
    assert watcher.snapshots == 1


async def test_with_redis_away_and_back_nothing_is_missed_and_readyz_says_degraded(postgres_dsn: str, own_redis: Redis):
    await make_schema(postgres_dsn)
    projector = await TestProjector.open(postgres_dsn, own_redis.url)
    gateway = await RunningGateway.start(postgres_dsn, own_redis.url)
    try:
        client, watcher = await _watching(gateway)
        await projector.opened(1)
        own_redis.kill()
        projector.carry = False
        await until(lambda: _degraded(gateway, True))
        for number in range(2, 7):
            await projector.opened(number)
        await until(lambda: len(watcher.rows) == 6)
        own_redis.start()
        await until(lambda: _degraded(gateway, False))
        projector.carry = True
        for number in range(7, 10):
            await projector.opened(number)
        await until(lambda: len(watcher.rows) == 9)
        assert watcher.rows == [(incident_id(number), 1) for number in range(1, 10)]
        assert watcher.snapshots == 1
    finally:
        await gateway.stop()
        await projector.close()


async def _degraded(gateway: RunningGateway, wished: bool) -> bool:
    answer = await gateway.get("/readyz")
    return answer.status_code == 200 and (answer.json()["status"] == "degraded") is wished


async def test_with_redis_frozen_the_table_is_read(postgres_dsn: str, own_redis: Redis):
    await make_schema(postgres_dsn)
    projector = await TestProjector.open(postgres_dsn, own_redis.url)
    gateway = await RunningGateway.start(postgres_dsn, own_redis.url)
    try:
        client, watcher = await _watching(gateway)
        own_redis.pause()
        projector.carry = False
        for number in range(1, 4):
            await projector.opened(number)
        await until(lambda: len(watcher.rows) == 3)
        own_redis.resume()
        await until(lambda: _degraded(gateway, False))
    finally:
        own_redis.resume()
        await gateway.stop()
        await projector.close()


async def test_a_zombies_late_entry_changes_nothing(start_gateway: StartGateway, projector: TestProjector):
    """Hole 2: what was committed and published long ago comes again."""
    gateway = await start_gateway()
    client, watcher = await _watching(gateway)
    late = await projector.opened(1)
    await projector.acknowledged(1)
    await until(lambda: watcher.rows and watcher.rows[-1] == (incident_id(1), 2))
    async with redis.asyncio.Redis.from_url(projector.redis_url) as other:
        # A failover to an empty Redis makes the old id acceptable again.
        await other.flushdb()
    await projector.carrier.publish([late])
    await projector.noted(1)
    await until(lambda: watcher.rows[-1] == (incident_id(1), 3))
    assert watcher.rows == [(incident_id(1), version) for version in (1, 2, 3)]


async def test_entries_of_a_feed_that_is_not_ours_are_not_believed(start_gateway: StartGateway, projector: TestProjector):
    """A Redis that holds another epoch's stream, ahead of ours: the table goes on speaking."""
    gateway = await start_gateway()
    client, watcher = await _watching(gateway)
    entry = await projector.opened(1)
    position = Position(entry.position.epoch + 10**9, 1)
    foreign = FeedEntry(**{**{name: getattr(entry, name) for name in FeedEntry.__slots__}, "position": position, "version": 99})
    await projector.carrier.publish([foreign])
    await projector.acknowledged(1)
    await until(lambda: watcher.rows and watcher.rows[-1] == (incident_id(1), 2))
    assert watcher.rows == [(incident_id(1), 1), (incident_id(1), 2)]
    assert watcher.snapshots == 1


async def test_a_hole_that_the_table_cannot_fill_is_told_never_passed_over(start_gateway: StartGateway, projector: TestProjector):
    """Hole 7: the gateway is late, and what it needs is trimmed everywhere."""
    gateway = await start_gateway()
    client, watcher = await _watching(gateway)
    await projector.opened(1)
    await until(lambda: watcher.rows)
    projector.carry = False
    async with projector.pool.acquire() as connection, connection.transaction():
        # One commit that the gateway cannot look into: entries come and go.
        await connection.execute("UPDATE feed.head SET n = n + 50")
    await projector.opened(2)
    await projector.trim(keep=1)
    await until(lambda: watcher.snapshots == 2 and incident_id(2) in watcher.view)
    assert watcher.subscribing[-1].code == 2500


async def test_draining_sends_everybody_elsewhere_with_3001_within_ten_seconds(start_gateway: StartGateway):
    gateway = await start_gateway(drain_s=1.0)
    lives = [Life() for _ in range(60)]
    clients = [client_of(gateway.socket_url, life) for life in lives]
    await asyncio.gather(*(client.connect() for client in clients))
    await until(lambda: all(life.connected for life in lives))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await gateway.stop()
    assert loop.time() - began < 10
    await until(lambda: all(len(life.connecting) >= 2 for life in lives))
    assert {life.connecting[1].code for life in lives} == {3001}


async def test_a_client_that_never_reads_does_not_hold_up_the_stop(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    async with connect(gateway.socket_url, proxy=None, max_queue=1) as socket:
        await socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"board:incident@admin"}}')
        await until(lambda: _subscribed(gateway))
        socket.transport.pause_reading()
        await projector.opened(1, description="x" * 200_000)
        for _ in range(60):
            await projector.noted(1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await gateway.stop()
        assert loop.time() - began < 10
        socket.transport.abort()


async def _subscribed(gateway: RunningGateway) -> bool:
    return await gateway.metric("gateway_subscriptions") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_drains_on_a_signal_and_ends_with_0(projector: TestProjector, number: signal.Signals):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "OPSROOM_POSTGRES": projector.dsn,
        "OPSROOM_REDIS": projector.redis_url,
        "OPSROOM_DEV_IDENTITY": "usr_dev:admin",
        "OPSROOM_GATEWAY_PORT": str(port),
    }
    script = str(Path(sys.executable).with_name("gateway-ws"))
    process = await asyncio.create_subprocess_exec(script, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        life = Life()
        client = client_of(f"ws://127.0.0.1:{port}/connection/websocket", life)
        await client.connect()
        await until(lambda: life.connected, timeout_s=60)
        process.send_signal(number)
        said, _ = await asyncio.wait_for(process.communicate(), 10)
        await until(lambda: len(life.connecting) >= 2)
    finally:
        if process.returncode is None:
            process.kill()
    assert life.connecting[1].code == 3001
    assert process.returncode == 0, said.decode()
    assert all(json.loads(line)["service"] == "gateway-ws" for line in said.decode().splitlines())


async def test_it_refuses_to_start_with_a_development_identity_where_others_could_reach_it(projector: TestProjector):
    with pytest.raises(BadIdentitySetting, match=r"0\.0\.0\.0"):
        await RunningGateway.start(projector.dsn, projector.redis_url, host="0.0.0.0")


async def test_a_taken_port_is_one_clear_error(start_gateway: StartGateway):
    gateway = await start_gateway()
    with pytest.raises(Exception, match="cannot listen"):
        await start_gateway(port=gateway.port)


SEEDS = [int(seed) for seed in os.environ.get("GATEWAY_SEEDS", "").split(",") if seed] or list(range(20))


@pytest.mark.timeout(300)
async def test_whatever_happens_the_screen_is_what_the_rows_are_at_every_quiet_point(
    start_gateway: StartGateway, projector: TestProjector, tmp_path: Path
):
    """Random writes, losses, disconnects, restarts, trims and epochs. A failing seed runs again with GATEWAY_SEEDS=N."""
    port = free_port()
    for seed in SEEDS:
        world = _World(random.Random(seed), projector, start_gateway, port)
        try:
            await world.run()
        except BaseException:
            print(f"seed {seed}: {' '.join(world.steps)}")
            raise
        finally:
            await world.stop()


class _World:
    """One seed's story: two clients (one with a filter) on a gateway that is treated badly."""

    def __init__(self, chance: random.Random, projector: TestProjector, start, port: int) -> None:
        self.chance = chance
        self.projector = projector
        self.start = start
        self.port = port
        self.steps: list[str] = []
        self.gateway: RunningGateway | None = None
        self.watchers: list[Watcher] = []
        self.clients: list = []

    async def run(self) -> None:
        gateway: RunningGateway = await self.start(port=self.port, ping_interval_s=0.3)
        self.gateway = gateway
        url = gateway.gateway.http.url
        for tags_filter in (None, _OPEN):
            client, watcher = client_of(gateway.socket_url), Watcher()
            subscription = board(client, watcher, lambda: url, tags_filter=tags_filter)
            await client.connect()
            await subscription.subscribe()
            self.watchers.append(watcher)
            self.clients.append(client)
        for _ in range(3):
            for _ in range(self.chance.randint(4, 10)):
                step = self.chance.choice([self.write] * 8 + [self.lose, self.flush, self.cut, self.restart, self.trim, self.epoch])
                self.steps.append(step.__name__)
                await step()
            self.projector.carry = True
            self.steps.append("|")
            await until(self.same)

    async def write(self) -> None:
        number = self.chance.randint(1, 6)
        entity = self.projector.entities.get(incident_id(number))
        if entity is None:
            await self.projector.opened(number)
        elif entity.state.status.value == "open" and self.chance.random() < 0.3:
            await self.projector.acknowledged(number)
        elif self.chance.random() < 0.5:
            other = self.chance.choice([s for s in Severity if s is not entity.state.severity])
            await self.projector.severity(number, other)
        else:
            await self.projector.noted(number)

    async def lose(self) -> None:
        self.projector.carry = not self.projector.carry

    async def flush(self) -> None:
        async with redis.asyncio.Redis.from_url(self.projector.redis_url) as flusher:
            await flusher.flushdb()

    async def cut(self) -> None:
        client = self.chance.choice(self.clients)
        if client._conn is not None:
            client._conn.transport.abort()

    async def restart(self) -> None:
        assert self.gateway is not None
        await self.gateway.stop()
        if self.chance.random() < 0.5:
            await self.write()
        self.gateway = await self.start(port=self.port, ping_interval_s=0.3)

    async def trim(self) -> None:
        await self.projector.trim(keep=self.chance.randint(0, 3))

    async def epoch(self) -> None:
        await self.projector.new_epoch()

    async def same(self) -> bool:
        assert self.gateway is not None
        async with httpx.AsyncClient(base_url=self.gateway.gateway.http.url, trust_env=False) as http:
            rows = {row["id"]: row for row in (await http.get("/v1/incidents", params={"limit": 200})).json()["items"]}
        still_open = {i: row for i, row in rows.items() if row["status"] == "open"}
        plain, filtered = self.watchers
        seen = {i: row for i, row in filtered.view.items() if row["status"] == "open"}
        return plain.view == rows and seen == still_open

    async def stop(self) -> None:
        for client in self.clients:
            await client.disconnect()
        if self.gateway is not None:
            await self.gateway.stop()


_OPEN = Filter.eq("status", "open")
