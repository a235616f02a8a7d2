"""A projection is built beside the live one, compared and switched in, and nobody notices but for a new feed epoch."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.port import EventLog
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from projector.projections import control
from projector.projections.build import Build
from projector.projections.compare import Comparing, Comparison
from projector.projections.control import Projection, Refused, State
from projector.projections.drop import drop
from projector.projections.load import LoadLimits
from projector.projections.switch import Switched, Switching, SwitchLimits
from projector.session import Limits
from projector.verify import differences

from .log_book import LogBook
from .projecting import Projecting, eventually

TABLES = ("checkpoints", "entities", "entity_versions", "fences", "parked", "texts", "timeline")


def nothing(_: object) -> None:
    pass


async def build(log: EventLog, pool: Pool, limits: LoadLimits | None = None) -> Projection:
    return await Build(log, pool, SystemClock(), nothing, limits).run()


async def compare(log: EventLog, pool: Pool, name: str) -> Comparison:
    return await Comparing(log, pool, SystemClock(), nothing).run(name)


def switching(log: EventLog, pool: Pool) -> Switching:
    return Switching(log, pool, SystemClock(), nothing, SwitchLimits(within_s=20.0))


async def switch(log: EventLog, pool: Pool, name: str) -> Switched:
    return await switching(log, pool).switch(name)


async def rows_of(pool: Pool, schema: str) -> Mapping[str, Sequence[Any]]:
    """Every row, but for when it was written."""
    found: dict[str, Sequence[Any]] = {}
    for table in TABLES:
        rows = await pool.fetch(f"SELECT * FROM {schema}.{table} t ORDER BY t::text")
        found[table] = sorted(
            repr({key: value for key, value in row.items() if key != "updated_at" or table != "checkpoints"}) for row in rows
        )
    return found


async def states(pool: Pool) -> Mapping[str, State]:
    return {each.name: each.state for each in await control.projections(pool)}


async def test_built_compared_switched_and_back(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    for _ in range(300):
        book.random_step()
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        built = await build(book.log, pool)
        assert (built.name, built.state) == ("read_v2", State.READY)
        comparison = await compare(book.log, pool, "read_v2")
        assert comparison.sound, comparison.words()
        assert await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")
        before = await projecting.store.open()
        switched = await switch(book.log, pool, "read_v2")
        assert (switched.before, switched.name) == ("read_v1", "read_v2")
        assert switched.epoch > before.epoch
        for _ in range(50):
            book.random_step()
        await eventually(projecting.is_current, task=task)
        assert await differences(book.log, pool) == []
        assert await rows_of(pool, "read") == await rows_of(pool, "read_v2")
        assert await states(pool) == {"read_v1": State.OLD, "read_v2": State.LIVE}
        with pytest.raises(Refused, match="is live"):
            await drop(pool, "read_v2")
        back = await switching(book.log, pool).roll_back()
        assert (back.before, back.name) == ("read_v2", "read_v1")
        await eventually(projecting.is_current, task=task)
        assert await rows_of(pool, "read") == await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")
        await drop(pool, "read_v2")
        assert await states(pool) == {"read_v1": State.LIVE}
        assert await pool.fetch("SELECT FROM pg_namespace WHERE nspname = 'read_v2'") == []
    await asyncio.gather(task, return_exceptions=True)
