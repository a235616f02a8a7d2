from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.postgres.pool import Pool

from .log_book import LogBook
from .projecting import open_pool


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(postgres_dsn) as pool:
        yield pool


@pytest.fixture
def book() -> LogBook:
    return LogBook()


@pytest.fixture
def carrier() -> MemoryFeedCarrier:
    return MemoryFeedCarrier()
