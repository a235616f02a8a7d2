"""What the tests of projections say: build, compare, switch, and what the rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsroom_common.log.port import EventLog
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from projector.projections import control
from projector.projections.build import Build
from projector.projections.compare import Comparing, Comparison
from projector.projections.control import Projection, State
from projector.projections.load import LoadLimits
from projector.projections.switch import Switched, Switching, SwitchLimits

TABLES = ("checkpoints", "entities", "entity_versions", "fences", "parked", "texts", "timeline")
SWITCH_WITHIN_S = 30.0


def nothing(_: object) -> None:
    pass


async def build(log: EventLog, pool: Pool, limits: LoadLimits | None = None) -> Projection:
    return await Build(log, pool, SystemClock(), nothing, limits).run()


async def compare(log: EventLog, pool: Pool, name: str) -> Comparison:
    return await Comparing(log, pool, SystemClock(), nothing).run(name)


def switching(log: EventLog, pool: Pool, limits: SwitchLimits | None = None) -> Switching:
    return Switching(log, pool, SystemClock(), nothing, limits or SwitchLimits(hold_s=5.0, within_s=SWITCH_WITHIN_S))


async def switch(log: EventLog, pool: Pool, name: str) -> Switched:
    return await switching(log, pool).switch(name)


async def rows_of(pool: Pool, schema: str) -> Mapping[str, Sequence[Any]]:
    """Every row, but for when it was written."""
    found: dict[str, Sequence[Any]] = {}
    for table in TABLES:
        rows = await pool.fetch(f"SELECT * FROM {schema}.{table}")
        kept = [{key: value for key, value in row.items() if table != "checkpoints" or key != "updated_at"} for row in rows]
        found[table] = sorted(repr(sorted(row.items())) for row in kept)
    return found


async def states(pool: Pool) -> Mapping[str, State]:
    return {each.name: each.state for each in await control.projections(pool)}
