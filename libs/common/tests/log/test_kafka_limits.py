"""Asking Kafka ends in time, whoever else asks."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer

from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Unavailable


class StubbornLog(KafkaEventLog):
    """Its connection is never made, and does not let go when it is told to."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1:1", 1, request_timeout_s=0.05)
        self.let_go = asyncio.Event()
        self.asked = 0

    async def start_consumer(self) -> AIOKafkaConsumer:
        self.asked += 1
        while not self.let_go.is_set():
            try:
                await self.let_go.wait()
            except asyncio.CancelledError:
                continue
        raise asyncio.CancelledError


async def test_who_asks_for_an_end_does_not_wait_longer_because_another_hangs() -> None:
    log = StubbornLog()
    first = asyncio.create_task(log.end_offset(0))
    async with asyncio.timeout(20):
        while not log.asked:
            await asyncio.sleep(0)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await log.end_offset(0)
        log.let_go.set()
        with pytest.raises(Unavailable):
            await first
    assert log.asked == 1
