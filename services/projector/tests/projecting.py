"""A projector under test: real rows, any log, and waiting for conditions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import CollectorRegistry

from opsroom_common.feed.port import FeedCarrier
from opsroom_common.log.port import EventLog
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.metrics import Metrics
from projector.counts import Counts
from projector.project import Projector
from projector.publish import Publisher
from projector.session import Limits
from projector.store_postgres import PostgresStore


class Projecting:
    """One projector under test and its surroundings."""

    def __init__(self, log: EventLog, pool: Pool, carrier: FeedCarrier, limits: Limits) -> None:
        clock = SystemClock()
        self.metrics = Metrics(CollectorRegistry())
        self.store = PostgresStore(pool, log.topic, log.partitions)
        self.publisher = Publisher(carrier, self.metrics, clock)
        self.progress = Progress("projector", clock)
        self.log = log
        self.projector = Projector(log, self.store, self.publisher, self.progress, Counts(self.metrics), clock, limits)

    @contextmanager
    def running(self) -> Iterator[asyncio.Task[None]]:
        task = asyncio.get_running_loop().create_task(self.projector.run())
        try:
            yield task
        finally:
            task.cancel()

    async def until_current(self, within_s: float = 30.0) -> None:
        """Run until every partition's checkpoint is at the end of the log; raise what stops the projector earlier."""
        with self.running() as task:
            await eventually(self.is_current, within_s, task)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def is_current(self) -> bool:
        opened = await self.store.open()
        ends = {p: await self.log.end_offset(p) for p in opened.checkpoints}
        return all(at.offset >= ends[p] for p, at in opened.checkpoints.items())


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float = 30.0, task: asyncio.Task[None] | None = None) -> None:
    """Wait until ``holds``. Errors of a server that is away count as "not yet"; the end of ``task`` is raised."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        with contextlib.suppress(Exception):
            if await holds():
                return
        if task is not None and task.done():
            task.result()
        assert asyncio.get_running_loop().time() < deadline, f"it did not come to hold within {within_s} s"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def open_pool(dsn: str) -> AsyncIterator[Pool]:
    pool = await Pool.open(dsn, name="projector-test", synchronous_commit=False, by_key=True)
    try:
        yield pool
    finally:
        await pool.close()
