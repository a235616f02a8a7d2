"""What the read model knows of the past, asked with one statement a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.past.diff import changes
from gateway_ws.past.reach import Reach
from gateway_ws.reading import reading
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements
from opsroom_common.rows import row_of

_SQL = statements("gateway_ws.past", "past.sql")
_EVENTS_TOPIC: Final = "ops.events"
_ENTRY: Final = ("version", "type", "actor", "role", "words", "command_id", "correlation_id", "causation_id", "reason", "proposal_id")
FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastState:
    """An entity at one of its versions: the whole row as JSON. ``valid_to`` None: no later version is known."""

    json: bytes
    version: int
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """An entity that exists or existed; ``state`` None: not at the moment or version that was asked for."""

    created_at: datetime
    newest_version: int
    reach: Reach
    state: PastState | None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """``newest_version``: as of the moment asked for; None if it was created later, at ``created_at``."""

    created_at: datetime
    newest_version: int | None
    reach: Reach
    items: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """An event's place in the order of all: by time, and within one time by log place."""

    at: datetime
    partition: int
    offset: int


_BEFORE_ALL: Final = Place(LAST, 2**31 - 1, 2**63 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityAsked:
    """Events with ``start`` <= time < ``end``. None does not filter; several filters must all pass."""

    start: datetime = FIRST
    end: datetime = LAST
    after: Place = field(default=_BEFORE_ALL)
    limit: int = 50
    actors: Sequence[str] | None = None
    types: Sequence[str] | None = None
    entities: Sequence[str] | None = None


class PastStore:
    """Every method raises ReadUnavailable while Postgres is away."""

    def __init__(self, pool: Pool, metrics: GatewayMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def at(self, kind: str, entity_id: str, moment: datetime) -> Found | None:
        """The entity as of ``moment``; None if there never was one of this kind."""
        return _found(kind, entity_id, await self._ask("entity_at", entity_id, moment, kind, _EVENTS_TOPIC))

    async def version(self, kind: str, entity_id: str, version: int) -> Found | None:
        """The entity at its ``version``; None if there never was one of this kind."""
        return _found(kind, entity_id, await self._ask("entity_version", entity_id, version, kind, _EVENTS_TOPIC))

    async def history(self, kind: str, entity_id: str, after: int, limit: int, moment: datetime | None) -> HistoryPage | None:
        """At most ``limit`` versions after ``after``, oldest first, as of ``moment`` (None: all); None if there never was one of this kind."""
        # The version at ``after`` comes along: the first one is compared with it.
        rows = await self._ask("history", entity_id, after, moment or LAST, kind, limit + 1, _EVENTS_TOPIC)
        if not rows:
            return None
        first = rows[0]
        versions = [row for row in rows if row["version"] is not None]
        items = [_entry(row, before) for before, row in zip([None, *versions], versions, strict=False) if row["version"] > after]
        return HistoryPage(first["created_at"], first["newest_version"], _reach(first), items[:limit])

    async def reach(self, prefix: str = "") -> Reach:
        """How far the rows of all partitions are final; only parked entities whose ids begin with ``prefix`` count."""
        return _reach((await self._ask("reach", _EVENTS_TOPIC, prefix))[0])

    async def activity(self, asked: ActivityAsked) -> Sequence[Row]:
        """Rows of the timeline, newest first."""
        bounds = (asked.start, asked.end, asked.after.at, asked.after.partition, asked.after.offset, asked.limit)
        if asked.entities is not None:
            return await self._ask("activity_of_entities", *bounds, asked.entities, asked.types, asked.actors)
        if asked.actors is not None:
            return await self._ask("activity_of_actors", *bounds, asked.actors, asked.types)
        if asked.types is not None:
            return await self._ask("activity_of_types", *bounds, asked.types)
        return await self._ask("activity", *bounds)

    async def _ask(self, query: str, *values: object) -> Sequence[Row]:
        with self._metrics.query_seconds.labels(query=query).time(), reading():
            return await self._pool.fetch(_SQL[query], *values)


def activity_item(row: Row) -> dict[str, Any]:
    """A row of the timeline as it is shown."""
    return {"id": row["id"], "kind": kind_of(row["type"]), "at": row["at"], **_told(row), "diff": row["diff"]}


def place_of(row: Row) -> Place:
    """Where a row of the timeline stands."""
    return Place(row["at"], row["partition"], row["offset"])


def kind_of(event_type: str) -> str:
    """``incident`` of ``opsroom.incident.opened``."""
    return event_type.split(".")[1]


def _entry(row: Row, before: Row | None) -> dict[str, Any]:
    state = {} if before is None else before["state"]
    return {"valid_from": row["valid_from"], "valid_to": row["valid_to"], **_told(row), "changes": changes(state, row["state"])}


def _told(row: Row) -> dict[str, Any]:
    return {**{name: row[name] for name in _ENTRY}, "log": {"partition": row["partition"], "offset": row["offset"]}}


def _found(kind: str, entity_id: str, rows: Sequence[Row]) -> Found | None:
    if not rows:
        return None
    row = rows[0]
    state = None
    if row["version"] is not None:
        shown = row_of(
            row["state"],
            entity_id=entity_id,
            kind=kind,
            version=row["version"],
            created_at=row["created_at"],
            updated_at=row["valid_from"],
            updated_by=row["actor"],
        )
        state = PastState(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS), row["version"], row["valid_from"], row["valid_to"])
    return Found(row["created_at"], row["newest_version"], _reach(row), state)


def _reach(row: Row) -> Reach:
    return Reach(row["asked_at"], row["complete_before"])
