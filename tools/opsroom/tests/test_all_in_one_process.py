"""``opsroom all`` is the whole product in one process: a change goes all the way round, and it ends as one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from centrifuge import Client, PublicationContext, SubscriptionEventHandler

from devstack.ports import free_port
from devstack.postgres import psql
from devstack.throwaway import ThrowawayStack
from opsroom_common.runtime.ids import SystemIds

IDS = SystemIds()
PORTS = ("OPSROOM_COMMAND_API_PORT", "OPSROOM_PROJECTOR_PORT", "OPSROOM_GATEWAY_PORT")
SCRIPT = str(Path(sys.executable).parent / "opsroom")

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayStack]:
    """Kafka, Postgres and Redis with the declared topics, and no service."""
    with ThrowawayStack(Path(tmp_path_factory.mktemp("stack")), services=()) as stack:
        yield stack


@pytest.fixture
def env(servers: ThrowawayStack) -> dict[str, str]:
    ports = {name: str(free_port()) for name in PORTS}
    return {**os.environ, **servers.env, **ports, "OPSROOM_DEV_IDENTITY": "usr_dev:admin", "PYTHONUNBUFFERED": "1"}


class Running:
    """``opsroom all`` as a process."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.log, self.error = log, log.with_suffix(".err")
        with log.open("wb") as out, self.error.open("wb") as error:
            self.process = subprocess.Popen([SCRIPT, "all"], env=env, stdout=out, stderr=error)
        self.command_api, self.projector, self.gateway = (f"http://127.0.0.1:{env[name]}" for name in PORTS)

    async def ready(self) -> None:
        async with httpx.AsyncClient() as http:
            for base in (self.command_api, self.projector, self.gateway):
                await until(lambda base=base: self._answers(http, base), self)

    async def _answers(self, http: httpx.AsyncClient, base: str) -> bool:
        with suppress(httpx.TransportError):
            return (await http.get(f"{base}/readyz")).status_code == 200
        return False

    async def ended(self, within_s: float) -> int:
        return await asyncio.to_thread(self.process.wait, within_s)


@contextmanager
def running(env: Mapping[str, str], folder: Path) -> Iterator[Running]:
    one = Running(env, folder / "opsroom.log")
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait(10)


async def until(holds: Callable[[], Any], one: Running, within_s: float = 45.0) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():
            assert one.process.poll() is None, one.log.read_text() + one.error.read_text()
            await asyncio.sleep(0.02)


class Board(SubscriptionEventHandler):
    """Keeps the rows that a board channel tells."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    async def on_publication(self, ctx: PublicationContext) -> None:
        if ctx.pub.data.get("type") == "row":
            self.rows.append(ctx.pub.data["row"])


async def test_a_change_goes_from_its_command_to_the_list_and_the_socket_and_all_ends_in_time(env: dict[str, str], tmp_path: Path) -> None:
    with running(env, tmp_path) as one:
        await one.ready()
        board = Board()
        client = Client(one.gateway.replace("http", "ws") + "/connection/websocket")
        await client.connect()
        subscription = client.new_subscription("board:incident@admin", events=board)
        await subscription.subscribe()
        await subscription.ready(10)
        incident = IDS.entity_id("inc")
        async with httpx.AsyncClient() as http:
            body = {"id": incident, "title": "Disk full"}
            answer = await http.post(f"{one.command_api}/v1/incidents", json=body, headers={"Idempotency-Key": IDS.uuid7()})
            assert answer.status_code == 201, answer.text

            async def listed() -> bool:
                items = (await http.get(f"{one.gateway}/v1/incidents")).json()["items"]
                return any(item["id"] == incident for item in items)

            async def told() -> bool:
                return any(row["id"] == incident and row["title"] == "Disk full" for row in board.rows)

            await until(listed, one, 15)
            await until(told, one, 15)
        await client.disconnect()
        one.process.send_signal(signal.SIGTERM)
        assert await one.ended(10) == 0
        assert one.error.read_text() == ""
        named = {line.split('"service":"')[1].split('"')[0] for line in one.log.read_text().splitlines() if '"service started"' in line}
        assert named == {"command-api", "projector", "gateway-ws", "opsroom"}


async def test_if_one_part_crashes_all_stop_and_one_line_says_which(env: dict[str, str], servers: ThrowawayStack, tmp_path: Path) -> None:
    with running(env, tmp_path) as one:
        await one.ready()
        # Now the rows claim to be of a log that is longer than this one: the projector refuses to go on.
        psql(servers.servers.postgres.dsn, 'UPDATE read_v1.checkpoints SET "offset" = 1000000')
        try:
            async with httpx.AsyncClient() as http:
                # A change, so that it looks at them; the answer may or may not come, since all stop.
                body = {"id": IDS.entity_id("inc"), "title": "Disk full"}
                with suppress(httpx.TransportError):
                    await http.post(f"{one.command_api}/v1/incidents", json=body, headers={"Idempotency-Key": IDS.uuid7()})
            assert await one.ended(60) == 1
        finally:
            psql(servers.servers.postgres.dsn, "DROP SCHEMA read_v1 CASCADE; DROP SCHEMA read CASCADE; DROP SCHEMA feed CASCADE")
        lines = one.error.read_text().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("opsroom: projector: project failed: AnotherLog: ")
        assert "rebuild" in lines[0]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"OPSROOM_KAFKA": None}, 2, "OPSROOM_KAFKA"),
        ({"OPSROOM_GATEWAY_PORT": "many"}, 2, "port"),
        ({"OPSROOM_LOG_LEVEL": "LOUD"}, 2, "OPSROOM_LOG_LEVEL"),
        ({"OPSROOM_COMMAND_API_HOST": "0.0.0.0"}, 1, "OPSROOM_DEV_IDENTITY"),
    ],
)
async def test_settings_that_do_not_fit_are_one_line(
    env: dict[str, str], tmp_path: Path, change: Mapping[str, str | None], code: int, words: str
) -> None:
    changed = {name: value for name, value in {**env, **change}.items() if value is not None}
    with running(changed, tmp_path) as one:
        assert await one.ended(30) == code
        lines = one.error.read_text().splitlines()
        assert len(lines) == 1, lines
        assert words in lines[0]


@pytest.mark.parametrize("variable", PORTS)
async def test_a_taken_port_is_one_line(env: dict[str, str], servers: ThrowawayStack, tmp_path: Path, variable: str) -> None:
    taken = servers.env["OPSROOM_REDIS"].rsplit(":", 1)[1].split("/")[0]
    with running({**env, variable: taken}, tmp_path) as one:
        assert await one.ended(30) == 1
        assert len(one.error.read_text().splitlines()) == 1
        assert f"cannot listen on 127.0.0.1:{taken}" in one.error.read_text() + one.log.read_text()
