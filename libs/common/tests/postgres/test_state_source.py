"""Rows that do not come are given up soon: a command has a deadline, and the log has everything too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from opsroom_common.log.state_source import SourceUnavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from opsroom_domain.ids import CommandId, EntityId

Ask = Callable[[RowSource], Awaitable[object]]


class HungPool:
    """A server that took the statement and is silent since; like the driver, it does not even let go when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = asyncio.Event()

    async def fetch_one(self, statement: str, *values: object) -> None:
        del statement, values
        self.asked += 1
        while not self.answer.is_set():
            try:
                await self.answer.wait()
            except asyncio.CancelledError:
                continue


ASKS: list[Ask] = [
    lambda source: source.checkpoint(0),
    lambda source: source.load(0, EntityId("inc_1")),
    lambda source: source.find_command(0, EntityId("inc_1"), CommandId("c")),
]


@pytest.mark.parametrize("ask", ASKS)
async def test_a_silent_server_is_given_up_although_the_driver_is_not_done(ask: Ask) -> None:
    pool = HungPool()
    source = RowSource(cast("Pool", pool), "ops.events", within_s=0.02)
    async with asyncio.timeout(10):
        with pytest.raises(SourceUnavailable, match="has not answered"):
            await ask(source)
    assert pool.asked == 1
    pool.answer.set()


async def test_an_answer_in_time_is_the_answer() -> None:
    pool = HungPool()
    pool.answer.set()
    source = RowSource(cast("Pool", pool), "ops.events")
    assert await source.checkpoint(0) is None
    assert await source.load(0, EntityId("inc_1")) is None
    assert pool.asked == 2
