"""Where a writer finds an entity's state other than in the log: the projector's rows (R5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from opsroom_common.log.entity import Applied, Entity
from opsroom_common.log.port import Checkpoint
from opsroom_domain.ids import CommandId, EntityId


class SourceUnavailable(Exception):
    """The rows cannot be read now; the log can."""


class Projected(NamedTuple):
    """How far the rows of one partition are, as one statement on the primary said."""

    checkpoint: Checkpoint
    fold: str
    """Fingerprint of the fold that made the rows."""
    last_time: datetime | None
    """The newest event time below the checkpoint (R8); None if there is none, or if the rows are older than this column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRow:
    """What one statement on the primary said about one entity of one partition."""

    checkpoint: Checkpoint
    fold: str
    """Fingerprint of the fold that made the row; a row of another fold does not count."""
    parked: str | None
    """The reason, if the entity is parked."""
    entity: Entity | None
    """None if the entity has no row."""
    parked_at: int | None = None
    """The offset of the record that it is parked at."""
    passed: int = 0
    """Of an entity without a row: how many of its versions were passed, because their records do not count (R10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedRows:
    """Which entities of one partition are parked, as one statement said: at which offset, and why."""

    checkpoint: Checkpoint
    fold: str
    entities: Mapping[EntityId, tuple[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCommand:
    """What one statement said about one old command id of one entity (R6)."""

    checkpoint: Checkpoint
    parked: str | None
    """The reason, if the entity is parked: what came after has no versions, so that "not found" proves nothing."""
    applied: Applied | None


class StateSource(Protocol):
    """Reads the projector's rows. Each method is one statement on the primary, and raises SourceUnavailable within its time-out."""

    async def checkpoint(self, partition: int) -> Projected | None:
        """How far the partition is projected, or None if the projector has not begun."""
        ...

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        """The row, its parked reason, the fold and the checkpoint, from one statement; None if there is no checkpoint."""
        ...

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        """Look an old command id up in the versions; None if there is no checkpoint."""
        ...

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        """The entities that are set aside, at most ``limit``, by id; None if there is no checkpoint."""
        ...


class NoStateSource:
    """No rows at all: everything comes from the log."""

    async def checkpoint(self, partition: int) -> Projected | None:
        del partition
        return None

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        del partition, entity_id
        return None

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        del partition, entity_id, command_id
        return None

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        del partition, limit
        return None
