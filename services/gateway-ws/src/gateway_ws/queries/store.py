"""The read model in Postgres, asked with one statement a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries.cursor import Cursor
from gateway_ws.reading import reading
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements
from opsroom_common.rows import row_of

_SQL = statements("gateway_ws.queries", "incidents.sql")
EVENTS_TOPIC = "ops.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """None does not filter. ``assignees`` and ``unassigned`` add up; ``labels`` must all be there."""

    statuses: Sequence[str] | None = None
    severities: Sequence[str] | None = None
    assignees: Sequence[str] | None = None
    unassigned: bool = False
    labels: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as ready JSON, and what a cursor and an ETag need of it."""

    json: bytes
    entity_id: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows, and the feed's position (epoch, n) of the same moment; None while there is no feed."""

    rows: Sequence[ShownRow]
    position: tuple[int, int] | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class TimelinePage:
    items: Sequence[Mapping[str, Any]]
    version: int


class IncidentStore:
    """Every method raises ReadUnavailable while Postgres is away."""

    def __init__(self, pool: Pool, metrics: GatewayMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def list(self, wanted: IncidentFilter, after: Cursor | None, limit: int) -> Snapshot:
        """Newest change first."""
        rows = await self._ask(
            "list_incidents",
            _terms("status", wanted.statuses),
            _terms("severity", wanted.severities),
            _terms("assignee", wanted.assignees),
            wanted.unassigned,
            _terms("labels", wanted.labels),
            after.updated_at if after else None,
            after.entity_id if after else None,
            limit,
        )
        return _snapshot(rows)

    async def one(self, entity_id: str) -> Snapshot:
        """No rows if there is no such incident."""
        return _snapshot(await self._ask("one_incident", entity_id))

    async def timeline(self, entity_id: str, after: int, limit: int) -> TimelinePage | None:
        """Oldest first; None if there is no such incident."""
        rows = await self._ask("timeline", entity_id, after, limit)
        if not rows:
            return None
        return TimelinePage([_timeline_item(row) for row in rows if row["version"] is not None], rows[0]["entity_version"])

    async def projected_up_to(self, partition: int) -> int:
        """Every record of the partition below this offset is in the rows."""
        rows = await self._ask("projected_up_to", EVENTS_TOPIC, partition)
        return int(rows[0]["offset"]) if rows else 0

    async def _ask(self, query: str, *values: object) -> Sequence[Row]:
        with self._metrics.query_seconds.labels(query=query).time(), reading():
            return await self._pool.fetch(_SQL[query], *values)


def _terms(name: str, values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else [f"{name}:{value}" for value in values]


def _snapshot(rows: Sequence[Row]) -> Snapshot:
    first = rows[0]
    position = None if first["epoch"] is None else (first["epoch"], first["n"])
    return Snapshot([_shown(row) for row in rows if row["id"] is not None], position, first["as_of"])


def _shown(row: Row) -> ShownRow:
    shown = row_of(
        row["state"],
        entity_id=row["id"],
        kind=row["kind"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
    return ShownRow(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS), row["id"], row["version"], row["updated_at"])


def _timeline_item(row: Row) -> dict[str, Any]:
    names = ("version", "type", "actor", "role", "words", "diff", "command_id", "correlation_id", "causation_id", "reason", "proposal_id")
    log = {"partition": row["partition"], "offset": row["offset"]}
    return {**{name: row[name] for name in names}, "at": row["at"], "log": log}
