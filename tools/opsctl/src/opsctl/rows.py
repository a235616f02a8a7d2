"""The projector's row of an entity, with how far the projector is, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsroom_common.log.entity import Entity
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import EntityId

_SQL = statements("opsctl.sql", "rows.sql")
_JSON = ("state", "memory", "tags")
_BESIDE = frozenset({"at_offset", "fold", "parked_offset", "parked_reason", "parked_behind", "row_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFound:
    """``columns`` is None if there is no such row. JSON columns are spread: ``state.title``, ``tags.status``."""

    checkpoint: int
    fold: str
    parked_offset: int | None
    parked_reason: str | None
    columns: Mapping[str, Any] | None


async def read_row(pool: Pool, topic: str, partition: int, entity_id: EntityId, at: int | datetime | None) -> RowFound | None:
    """The row of ``read.entities``, or of ``read.entity_versions`` at a version or moment; None if the projector never read this partition.

    Raises postgres.errors.Unavailable, Rejected.
    """
    match at:
        case None:
            row = await pool.fetch_one(_SQL["entity"], topic, partition, entity_id)
        case int():
            row = await pool.fetch_one(_SQL["entity_version"], topic, partition, entity_id, at)
        case datetime():
            row = await pool.fetch_one(_SQL["entity_as_of"], topic, partition, entity_id, at)
    if row is None:
        return None
    return RowFound(
        checkpoint=row["at_offset"],
        fold=row["fold"],
        parked_offset=row["parked_offset"],
        parked_reason=row["parked_reason"],
        columns=None if row["row_id"] is None else spread({name: value for name, value in row.items() if name not in _BESIDE}),
    )


def spread(columns: Row) -> dict[str, Any]:
    """The columns with the members of JSON objects as columns of their own, so that a difference names what differs."""
    found: dict[str, Any] = {}
    for name, value in columns.items():
        if name in _JSON and isinstance(value, Mapping):
            found.update({f"{name}.{member}": inner for member, inner in sorted(value.items())})  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        else:
            found[name] = value
    return found


def is_folded(row: RowFound, entity: Entity | None) -> bool:
    """Whether the projector has read the entity's last record."""
    return entity is None or row.checkpoint > entity.offset
