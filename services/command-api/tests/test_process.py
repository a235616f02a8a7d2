"""The whole process on real servers: commands and webhooks are taken, health tells the truth, SIGTERM ends it in time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from command_api.main import AddressUnknown, build
from command_api.settings import Settings
from devstack.topics import create_topic
from opsroom_common.contracts.topics import load_topics
from opsroom_common.runtime.ids import SystemIds

from .signals.webhooks import alert, webhook

if TYPE_CHECKING:
    from devstack.kafka import Kafka

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
IDS = SystemIds()
NO_POSTGRES = "postgresql://nobody@127.0.0.1:1/none"


@asynccontextmanager
async def running(kafka: str, **more: str) -> AsyncIterator[tuple[subprocess.Popen[str], httpx.AsyncClient]]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "OPSROOM_KAFKA": kafka,
        "OPSROOM_POSTGRES": NO_POSTGRES,
        "OPSROOM_DEV_IDENTITY": "usr_dev:admin",
        "OPSROOM_COMMAND_API_PORT": str(port),
    }
    command = [sys.executable, "-m", "command_api.main"]
    process = subprocess.Popen(  # noqa: ASYNC220 -- it starts in a millisecond
        command, env=environment | more, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=15) as http:
            yield process, http
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


async def until(http: httpx.AsyncClient, path: str, condition: Callable[[httpx.Response], bool], timeout_s: float = 40) -> httpx.Response:
    last: object = None
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            last = await http.get(path)
            if condition(last):
                return last
        except httpx.TransportError as error:
            last = error
        await asyncio.sleep(0.05)
    pytest.fail(f"{path}: {last} {getattr(last, 'text', '')}")


async def topics(kafka: str) -> None:
    for topic in load_topics().values():
        await create_topic(kafka, topic.name, topic.partitions)


async def open_one(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/v1/incidents", json={"id": IDS.entity_id("inc"), "title": "x"}, headers={"Idempotency-Key": IDS.uuid7()})


async def retried(http: httpx.AsyncClient) -> None:
    """A client's way: repeat the same command until it is taken."""
    body, headers = {"id": IDS.entity_id("inc"), "title": "x"}, {"Idempotency-Key": IDS.uuid7()}
    for _ in range(100):
        answer = await http.post("/v1/incidents", json=body, headers=headers)
        if answer.status_code == 201:
            return
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.1)
    pytest.fail("never taken")


def serves(ready: httpx.Response) -> bool:
    """Before the group has shared the partitions out, the engine is fine too, with none."""
    engine = ready.json()["checks"]["engine"]
    return bool(engine["ok"]) and engine["reason"] != "serves 0 partitions"


async def test_it_serves_without_postgres_says_what_waits_and_ends_on_sigterm(own_kafka: Kafka) -> None:
    await topics(own_kafka.bootstrap)
    async with running(own_kafka.bootstrap) as (process, http):
        await until(http, "/readyz", serves)
        assert (await open_one(http)).status_code == 201
        assert (await http.post("/v1/signals/alertmanager", json=webhook(alert()))).status_code == 202
        ready = await until(http, "/readyz", lambda a: a.json()["status"] == "degraded")
        assert ready.status_code == 200
        assert "signals wait" in ready.json()["checks"]["signals"]["reason"]
        assert (await http.get("/healthz")).status_code == 200
        assert "opsroom_commands_total" in (await http.get("/metrics")).text
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
        assert time.monotonic() - began < 10


async def test_without_kafka_it_is_503_with_the_reason_and_recovers_without_a_restart(own_kafka: Kafka) -> None:
    await topics(own_kafka.bootstrap)
    async with running(own_kafka.bootstrap) as (process, http):
        await until(http, "/readyz", lambda a: a.json()["checks"]["engine"]["ok"])
        own_kafka.kill()
        refused = await open_one(http)
        assert refused.status_code == 503
        assert refused.json()["command_id"]
        assert (await http.post("/v1/signals/alertmanager", json=webhook(alert()))).status_code == 503
        away = await until(http, "/readyz", lambda a: a.status_code == 503)
        assert away.json()["checks"]["engine"]["reason"]
        own_kafka.start()
        await until(http, "/readyz", lambda a: a.json()["checks"]["engine"]["ok"], 60)
        await retried(http)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"OPSROOM_COMMAND_API_HOST": "0.0.0.0"}, "unset OPSROOM_DEV_IDENTITY or listen on 127.0.0.1"),
        ({"OPSROOM_DEV_IDENTITY": "me"}, "is not ACTOR:ROLE"),
        ({"OPSROOM_LOG_LEVEL": "LOUD"}, "set OPSROOM_LOG_LEVEL"),
        ({"OPSROOM_COMMAND_API_PORT": "many"}, "the settings do not fit"),
    ],
)
async def test_a_setting_that_does_not_fit_is_one_clear_line_and_exit_code_1(setting: dict[str, str], says: str) -> None:
    async with running("127.0.0.1:1", **setting) as (process, _):
        assert await asyncio.to_thread(process.wait, 20) == 1
        assert process.stderr is not None
        text = process.stderr.read()
        assert says in text
        assert "Traceback" not in text
        assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"OPSROOM_COMMAND_API_HOST": "0.0.0.0"}, "OPSROOM_DEV_IDENTITY"),
        ({"OPSROOM_COMMAND_API_PEER_SECRET": "ends-with-a-newline\n"}, "peer_secret: "),
        ({"OPSROOM_COMMAND_API_PEER_SECRET": "short-one"}, "peer_secret: "),
        ({"OPSROOM_COMMAND_API_URL": "10.0.0.1:8401"}, "url: "),
        ({"OPSROOM_COMMAND_API_URL": "http://10.0.0.1:8401/"}, "url: "),
    ],
)
async def test_a_replica_that_others_could_not_reach_or_trust_does_not_start(settings: dict[str, str], says: str) -> None:
    async with running("127.0.0.1:1", **settings) as (process, _):
        assert await asyncio.to_thread(process.wait, 30) != 0
        assert process.stderr is not None
        told = process.stderr.read()
        assert says in told, told
        assert "newline" not in told, "a secret is not printed"


async def test_a_replica_that_listens_everywhere_has_to_say_where_it_is_reached() -> None:
    settings = Settings.model_validate({"kafka": "127.0.0.1:1", "postgres": NO_POSTGRES, "host": "0.0.0.0", "port": 0})
    with pytest.raises(AddressUnknown, match="OPSROOM_COMMAND_API_URL"):
        await build(settings)
