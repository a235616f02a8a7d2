"""A checkpoint as the columns of a row."""

from __future__ import annotations

from opsroom_common.log.port import Checkpoint
from opsroom_common.log.state_source import Projected
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements

_SQL = statements("opsroom_common.postgres", "read_model.sql")


def checkpoint_of(row: Row, offset_column: str = "offset") -> Checkpoint:
    """Read the columns ``offset``, ``term`` and ``fence_offset``."""
    return Checkpoint(row[offset_column], row["term"], row["fence_offset"])


async def read_checkpoint(pool: Pool, topic: str, partition: int) -> Projected | None:
    """How far the partition is projected, or None before the projector's first run. Raises Unavailable."""
    row = await pool.fetch_one(_SQL["checkpoint"], topic, partition)
    return None if row is None else Projected(checkpoint_of(row), row["fold"], row["last_time"])
