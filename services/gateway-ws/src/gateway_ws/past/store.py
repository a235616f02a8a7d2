"""What the read model knows of the past, asked with one statement a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.past.diff import changes
from gateway_ws.past.reach import Reach, no_such_version, not_yet
from gateway_ws.queries.live_rows import EVENTS_TOPIC
from gateway_ws.queries.source import Snapshot, shown
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from gateway_ws.reading import reading
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements
from opsroom_domain.times import rfc3339

SQL: Final = statements("gateway_ws.past", "past.sql")
FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)
_TOLD: Final = ("version", "type", "actor", "role", "words", "command_id", "correlation_id", "causation_id", "reason", "proposal_id")


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Versions, oldest first, and the newest version as of the moment asked for."""

    items: Sequence[dict[str, Any]]
    newest_version: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class Place:
    """An event's place in the order of all: by time, and within one time by log place."""

    at: datetime
    partition: int
    offset: int


_BEHIND_ALL: Final = Place(LAST, 2**31 - 1, 2**63 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityAsked:
    """Events with ``start`` <= time < ``end``, newest first. None does not filter; several filters must all pass."""

    start: datetime = FIRST
    end: datetime = LAST
    after: Place = field(default=_BEHIND_ALL)
    limit: int = 50
    actors: Sequence[str] | None = None
    types: Sequence[str] | None = None
    entities: Sequence[str] | None = None


class PastStore:
    """Every method raises ReadUnavailable while Postgres is away; ``viewer`` is shown nothing of what the viewer may not see now.

    Lists and details show nothing that the viewer might not see then, either; histories, timelines and activity are of whoever may see it now.
    """

    def __init__(self, pool: Pool, exports: Pool, metrics: GatewayMetrics) -> None:
        """``exports`` are the connections that exports hold, each while its rows are read."""
        self._pool = pool
        self._exports = exports
        self._metrics = metrics

    async def at(self, kind: str, entity_id: str, moment: datetime, viewer: Identity) -> Snapshot:
        """One entity as of ``moment``; no rows if there never was one. Raises Problem 404 if it came later, 400 for the future."""
        statement = Statement()
        reach = reach_of_one(statement, kind, entity_id, visible(statement, viewer))
        text = SQL["one_at"].format(reach=reach, moment=statement.put(moment, "timestamptz"), visible=visible(statement, viewer))
        rows = await self.ask("one_at", text, statement)
        if not rows:
            return _nothing(moment)
        row, reach = rows[0], _reach(rows[0])
        reach.check(moment)
        if row["version"] is None:
            if row["created_at"] <= moment:  # it was there, but not to be seen
                return _nothing(moment)
            raise not_yet(entity_id, moment, row["created_at"])
        return _snapshot(kind, entity_id, row, reach.shown(moment, superseded=row["valid_to"] is not None), moment)

    async def version(self, kind: str, entity_id: str, version: int, viewer: Identity) -> Snapshot:
        """One entity at ``version``; no rows if there never was one. Raises Problem 404 if it has no such version."""
        statement = Statement()
        reach = reach_of_one(statement, kind, entity_id, visible(statement, viewer))
        text = SQL["one_version"].format(reach=reach, version=statement.put(version, "int"), visible=visible(statement, viewer))
        rows = await self.ask("one_version", text, statement)
        if not rows:
            return _nothing(FIRST)
        row = rows[0]
        if row["version"] is None:
            if version <= row["newest_version"]:  # it is there, but not to be seen
                return _nothing(FIRST)
            raise no_such_version(entity_id, row["newest_version"])
        moment = row["updated_at"]
        return _snapshot(kind, entity_id, row, _reach(row).shown(moment, superseded=True), moment)

    async def history(
        self, kind: str, entity_id: str, after: int, limit: int, moment: datetime | None, viewer: Identity
    ) -> HistoryPage | None:
        """At most ``limit`` versions behind ``after``, as of ``moment`` (None: all); None if there never was such an entity."""
        statement = Statement()
        reach = reach_of_one(statement, kind, entity_id, visible(statement, viewer))
        text = SQL["history"].format(
            reach=reach,
            moment=statement.put(moment or LAST, "timestamptz"),
            after=statement.put(after, "int"),
            limit=statement.put(limit + 1, "int"),
        )
        rows = await self.ask("history", text, statement)
        if not rows:
            return None
        newest, reached = newest_of(entity_id, rows[0], moment)
        versions = [row for row in rows if row["version"] is not None]
        items = [_entry(row, before) for before, row in zip([None, *versions], versions, strict=False) if row["version"] > after]
        return HistoryPage(items[:limit], newest, reached)

    async def reach(self, prefix: str = "") -> Reach:
        """How far the rows of all partitions are final; only parked entities whose ids begin with ``prefix`` count."""
        statement = Statement()
        return _reach((await self.ask("reach", reach_of_all(statement, prefix), statement))[0])

    async def activity(self, asked: ActivityAsked, viewer: Identity) -> Sequence[Row]:
        """Rows of the timeline, newest first."""
        statement = Statement()
        bound = [statement.put(at, "timestamptz") for at in (asked.start, asked.end, asked.after.at)]
        place = statement.put(asked.after.partition, "int"), statement.put(asked.after.offset, "bigint")
        within = f't.at >= {bound[0]} AND t.at < {bound[1]} AND (t.at, t.partition, t."offset") < ({bound[2]}, {place[0]}, {place[1]})'
        filled = {"range": within, "limit": statement.put(asked.limit, "int"), "visible": of_visible(statement, viewer, "t.id")}
        # One filter leads along its index, from the one that leaves the least; the others are checked on the way.
        filters = [
            (column, values) for column, values in (("id", asked.entities), ("actor", asked.actors), ("type", asked.types)) if values
        ]
        if not filters:
            return await self.ask("activity", SQL["activity"].format(**filled), statement)
        (column, wanted), *others = filters
        conditions = "".join(f" AND t.{name} = ANY ({statement.put(values, 'text[]')})" for name, values in others)
        text = SQL["activity_of"].format(column=column, wanted=statement.put(wanted, "text[]"), conditions=conditions, **filled)
        return await self.ask(f"activity_of_{column}", text, statement)

    async def stream(self, text: str, statement: Statement, rows: int) -> AsyncIterator[Sequence[Row]]:
        """The rows of one statement, ``rows`` at a time."""
        with reading():
            async with self._exports.transaction(isolation="repeatable_read", readonly=True) as session:
                async for part in session.stream(text, *statement.values, rows=rows):
                    yield part

    async def ask(self, name: str, text: str, statement: Statement) -> Sequence[Row]:
        """Run one statement; ``name`` is what it is measured as."""
        with self._metrics.query_seconds.labels(query=name).time(), reading():
            return await self._pool.fetch(text, *statement.values)


def reach_of_all(statement: Statement, prefix: str) -> str:
    """How far all partitions are final, as a row."""
    return SQL["reach"].format(prefix=statement.put(prefix, "text"), topic=statement.put(EVENTS_TOPIC, "text"))


def reach_of_one(statement: Statement, kind: str, entity_id: str, may_see: str) -> str:
    """An entity that may be seen now, and how far its past is final, as a row; no row without one."""
    kind, topic = statement.put(kind, "text"), statement.put(EVENTS_TOPIC, "text")
    return SQL["reach_of_one"].format(kind=kind, topic=topic, id=statement.put(entity_id, "text"), visible=may_see)


def of_visible(statement: Statement, viewer: Identity, column: str) -> str:
    """Text that begins with AND: ``column`` is the id of an entity that may be seen now. Nothing while all may be seen."""
    may_see = visible(statement, viewer)
    return SQL["of_visible"].format(column=column, visible=may_see) if may_see else ""


def newest_of(entity_id: str, row: Row, moment: datetime | None) -> tuple[int, Reach]:
    """The newest version as of ``moment``, and how far that is final. Raises Problem 404 if it came later, 400 for the future."""
    reach = _reach(row)
    if moment is not None:
        reach.check(moment)
        if row["newest_version"] is None:
            raise not_yet(entity_id, moment, row["created_at"])
    return row["newest_version"], reach


def activity_item(row: Row) -> dict[str, Any]:
    """A row of the timeline as it is shown."""
    return {"id": row["id"], "kind": row["type"].split(".")[1], "at": rfc3339(row["at"]), **told(row), "diff": row["diff"]}


def place_of(row: Row) -> Place:
    """Where a row of the timeline stands."""
    return Place(row["at"], row["partition"], row["offset"])


def told(row: Row) -> dict[str, Any]:
    """Who did what by which command, of a row of the timeline."""
    return {**{name: row[name] for name in _TOLD}, "log": {"partition": row["partition"], "offset": row["offset"]}}


def _entry(row: Row, before: Row | None) -> dict[str, Any]:
    state: dict[str, Any] = {} if before is None else before["state"]
    times = {"valid_from": rfc3339(row["valid_from"]), "valid_to": None if row["valid_to"] is None else rfc3339(row["valid_to"])}
    return {**times, **told(row), "changes": changes(state, row["state"])}


def _snapshot(kind: str, entity_id: str, row: Row, past: dict[str, Any], moment: datetime) -> Snapshot:
    valid_to = None if row["valid_to"] is None else rfc3339(row["valid_to"])
    past = {**past, "valid_from": rfc3339(row["updated_at"]), "valid_to": valid_to}
    return Snapshot([shown({**row, "id": entity_id, "kind": kind, "key": None})], None, moment, past)


def _nothing(moment: datetime) -> Snapshot:
    return Snapshot([], None, moment)


def _reach(row: Row) -> Reach:
    return Reach(row["asked_at"], row["complete_before"])
