"""Fixtures of the gateway's tests: a projector that the test drives, and gateways on real Postgres and Redis."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

# The helpers beside this file; their names are used nowhere else.
sys.path.insert(0, str(Path(__file__).parent))

from gateway_harness import RunningGateway, StartGateway, TestProjector, made_clients, make_schema


@pytest.fixture
async def projector(postgres_dsn: str, redis_url: str) -> AsyncIterator[TestProjector]:
    """Writes rows and feed entries as the projector's statement does, in a database of the test's own."""
    await make_schema(postgres_dsn)
    made = await TestProjector.open(postgres_dsn, redis_url)
    yield made
    await made.close()


@pytest.fixture
async def start_gateway(projector: TestProjector) -> AsyncIterator[StartGateway]:
    """``await start_gateway(**settings)`` starts a gateway beside the projector; all are stopped after the test."""
    running: list[RunningGateway] = []

    async def start(**settings: Any) -> RunningGateway:
        gateway = await RunningGateway.start(projector.dsn, projector.redis_url, **settings)
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        await gateway.stop()


@pytest.fixture(autouse=True)
async def _goodbye() -> AsyncIterator[None]:
    yield
    while made_clients:
        await made_clients.pop().disconnect()
