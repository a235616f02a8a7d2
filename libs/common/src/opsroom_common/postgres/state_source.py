"""The projector's rows as a writer's source of state (R5, R6): each answer is one statement on the primary, with the checkpoint in it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from opsroom_common.log.entity import Applied
from opsroom_common.log.state_source import FoundCommand, LoadedRow, ParkedRows, Projected, SourceUnavailable
from opsroom_common.postgres.checkpoint import checkpoint_of, read_checkpoint
from opsroom_common.postgres.entity_row import entity_of
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import CommandId, EntityId, Version
from opsroom_domain.registry import fold_fingerprint

_SQL = statements("opsroom_common.postgres", "read_model.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEntity:
    """An entity that is set aside: at which record, why, and how many later records wait behind it."""

    entity_id: EntityId
    offset: int
    reason: str
    behind: int
    parked_at: datetime


WITHIN_S = 3.0
"""How long a statement may take before the log is asked instead: a server that hangs must not use up the deadline of a command."""
_T = TypeVar("_T")


class RowSource:
    """``StateSource`` on the projector's rows of ``topic``. Give it the primary's address, never a replica's.

    It raises SourceUnavailable after ``within_s`` without an answer.
    """

    def __init__(self, pool: Pool, topic: str, *, within_s: float = WITHIN_S) -> None:
        self._pool = pool
        self._topic = topic
        self._within_s = within_s

    async def checkpoint(self, partition: int) -> Projected | None:
        return await self._soon(read_checkpoint(self._pool, self._topic, partition))

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        """As the port says; ``entity`` stays None for a row of another fold, which does not count and may not even be readable."""
        row = await self._soon(self._pool.fetch_one(_SQL["load_row"], self._topic, partition, entity_id))
        if row is None:
            return None
        readable = row["id"] is not None and row["fold"] == fold_fingerprint()
        return LoadedRow(
            checkpoint=checkpoint_of(row, "at_offset"),
            fold=row["fold"],
            parked=row["parked"],
            entity=entity_of(row) if readable else None,
            parked_at=row["parked_offset"],
            passed=row["passed"] or 0,
        )

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        row = await self._soon(self._pool.fetch_one(_SQL["find_command"], self._topic, partition, entity_id, command_id))
        if row is None:
            return None
        found = row["version"] is not None
        applied = Applied(command_id, row["body_hash"], Version(row["version"]), row["offset"]) if found else None
        return FoundCommand(checkpoint=checkpoint_of(row, "at_offset"), parked=row["parked"], applied=applied)

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        rows = await self._soon(self._pool.fetch(_SQL["parked"], self._topic, partition, limit))
        if not rows:
            return None
        entities = {EntityId(row["entity_id"]): (row["offset"], row["reason"]) for row in rows if row["entity_id"] is not None}
        return ParkedRows(checkpoint=checkpoint_of(rows[0], "at_offset"), fold=rows[0]["fold"], entities=entities)

    async def parked_entities(self, partition: int, limit: int = 1000) -> Sequence[ParkedEntity]:
        """At most ``limit`` parked entities of the partition, by id. Raises SourceUnavailable."""
        with _as_source():
            rows = await self._pool.fetch(_SQL["parked_entities"], partition, limit)
        return [ParkedEntity(**dict(row)) for row in rows]

    async def _soon(self, asking: Coroutine[object, object, _T]) -> _T:
        """What ``asking`` returns. In a task of its own: the driver waits for the server also when it is cancelled."""
        task = asyncio.create_task(asking)
        try:
            await asyncio.wait([task], timeout=self._within_s)
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_forget)
        if not task.done():
            raise SourceUnavailable(f"Postgres has not answered within {self._within_s:g} s")
        with _as_source():
            return task.result()


@contextmanager
def _as_source() -> Generator[None]:
    try:
        yield
    except (Unavailable, Rejected) as error:
        raise SourceUnavailable(str(error)) from error


def _forget(task: asyncio.Task[object]) -> None:
    """Nobody waits for it any more; its error is nobody's either."""
    if not task.cancelled():
        task.exception()
