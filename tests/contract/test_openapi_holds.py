"""Whatever fits the description of the read door is answered as it says, and nothing at all is answered by a fault of ours.

The requests are made up from the OpenAPI file that clients are made from, and asked of a real gateway over real rows. Every run asks the same;
HYPOTHESIS_PROFILE=deep asks more of it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from bench.board import fill
from hypothesis import HealthCheck, given, settings
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Err, Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.postgres import psql
from gateway_ws.main import build_gateway
from gateway_ws.settings import Settings
from opsroom_domain.registry import KINDS

OPENAPI: Final = Path(__file__).parents[2] / "schemas" / "openapi" / "gateway-ws.json"
CHECKS: Final[list[Any]] = [
    status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
]  # fmt: skip
EXAMPLES: Final = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 8
ROWS_EACH: Final = 60
FAULT: Final = 500


class Door:
    """A gateway in a thread of its own: the requests come from synchronous code."""

    def __init__(self, dsn: str, redis_url: str) -> None:
        self.url = ""
        self._settings = Settings(postgres=dsn, redis=redis_url, port=0, dev_identity="usr_dev:admin", wait_for_s_max=0.01)
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(30), "the gateway did not start"

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def _run(self) -> None:
        gateway = await build_gateway(self._settings)
        await gateway.service.start()
        self._loop, self._stop, self.url = asyncio.get_running_loop(), asyncio.Event(), gateway.http.url
        self._started.set()
        await self._stop.wait()
        await gateway.service.stop()


@pytest.fixture(scope="module")
def door(postgres: Any, redis_server: Any) -> Iterator[Door]:
    psql(postgres.dsn, "CREATE DATABASE openapi_holds")
    dsn = postgres.dsn_of("openapi_holds")
    asyncio.run(fill(dsn, dict.fromkeys(KINDS, ROWS_EACH)))
    made = Door(dsn, redis_server.url)
    made.start()
    yield made
    made.stop()
    psql(postgres.dsn, "DROP DATABASE openapi_holds WITH (FORCE)")


def _sound(found: Ok[APIOperation[Any, Any, Any, Any]] | Err[InvalidSchema]) -> APIOperation[Any, Any, Any, Any]:
    assert isinstance(found, Ok), f"the description has an operation that is none: {found.err()}"
    return found.ok()


DESCRIPTION: Final = schemathesis.openapi.from_path(str(OPENAPI))
OPERATIONS: Final = {operation.label: operation for operation in map(_sound, DESCRIPTION.get_all_operations())}


@pytest.mark.parametrize("label", OPERATIONS)
def test_the_read_door_answers_as_it_is_described(door: Door, label: str):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=OPERATIONS[label].as_strategy())
    def asked(case: schemathesis.Case) -> None:
        answer = case.call(base_url=door.url)
        assert answer.status_code != FAULT, answer.text
        case.validate_response(answer, checks=CHECKS)

    asked()


def test_every_door_is_asked():
    assert len(OPERATIONS) >= 6 * len(KINDS)
