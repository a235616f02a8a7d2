"""A log that tests write, rows that the real projector makes of it, and the real doors over these rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from gateway_ws.main import application
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.past.store import PastStore
from gateway_ws.queries.boards import Boards
from gateway_ws.queries.codes import Codes
from gateway_ws.queries.live_rows import LiveRows
from gateway_ws.queries.parked import ParkedEntities
from gateway_ws.queries.read_your_writes import ReadYourWrites
from opsroom_common.auth.dev import identities
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.metrics import Metrics

SCHEMA = Path(__file__).parents[2] / "services/projector/src/projector/sql/schema.sql"


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    """With the tables of a first projection."""
    pool = await Pool.open(postgres_dsn, name="time-travel-test", synchronous_commit=False, plan_each=True)
    await pool.execute(SCHEMA.read_text())
    yield pool
    await pool.close()


@asynccontextmanager
async def door_to(pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the read door over the rows of ``pool``."""
    metrics = GatewayMetrics(Metrics(CollectorRegistry()))
    rows = LiveRows(pool, pool, metrics, SystemClock())
    boards, writes = Boards(rows, PastStore(pool, pool, metrics)), ReadYourWrites(rows, SystemClock(), 1.0)
    api = application(boards, identities("usr_test:admin", "127.0.0.1"), writes, Codes(pool, metrics), ParkedEntities(pool, metrics))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://door") as client:
        yield client


@pytest.fixture
async def door(pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the read door."""
    async with door_to(pool) as client:
        yield client
