"""The board as it is now: the read model in Postgres, one statement a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import Filter, Page, Window
from gateway_ws.queries.fields import NEWEST_CHANGE
from gateway_ws.queries.plan import TEXTS_MAX, Gather, Plan, Sizes, Walk, plans
from gateway_ws.queries.source import Snapshot, TimelinePage, snapshot
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from gateway_ws.reading import reading
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Pool, Row

EVENTS_TOPIC: Final = "ops.events"
_SHOWN: Final = (
    "version", "at", "type", "actor", "role", "words", "diff", "command_id", "correlation_id", "causation_id", "reason", "proposal_id",
)  # fmt: skip


class LiveRows:
    """A ``RowSource``; also says how far the rows are."""

    def __init__(self, pool: Pool, metrics: GatewayMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def page(self, page: Page, viewer: Identity) -> Snapshot:
        ways: tuple[Plan, ...] = (Walk(),) if page.wanted.is_all else plans(await self._sizes(page.wanted, viewer), page.limit)
        for way in ways[:-1]:
            found = await self._found(page, way, viewer)
            if found is not None and len(found.rows) == page.limit:
                return found
        last = await self._found(page, ways[-1], viewer)
        assert last is not None, "the last way has no window"
        return last

    async def _found(self, page: Page, way: Plan, viewer: Identity) -> Snapshot | None:
        """None if the board ends before the way's window does: then the window is no help."""
        window = None
        if isinstance(way, Gather) and way.steps is not None:
            end = Statement()
            ends = await self._ask("window_end", sql.window_end(end, page, way.steps), end)
            if not ends:
                return None
            window = Window(ends[0]["key"])
        statement = Statement()
        may_see = visible(statement, viewer)
        match way:
            case Walk():
                name, rows = "list_walk", sql.walk(statement, page, may_see)
            case Gather():
                name, rows = "list_gather", sql.gather(statement, page, may_see, by_text=way.by_text, window=window)
        return snapshot(await self._ask(name, sql.answer(rows, page.sort), statement))

    async def _sizes(self, wanted: Filter, viewer: Identity) -> Sizes:
        total = await self._estimated(Filter(kind=wanted.kind), viewer)
        matching = await self._estimated(wanted, viewer)
        if wanted.search is None:
            return Sizes(total=total, matching=matching)
        statement = Statement()
        text = sql.count_texts(statement, wanted.kind, wanted.search, TEXTS_MAX + 1)
        return Sizes(total=total, matching=matching, texts=(await self._ask("count_texts", text, statement))[0]["texts"])

    async def _estimated(self, wanted: Filter, viewer: Identity) -> int:
        statement = Statement()
        text = sql.estimate(statement, wanted, visible(statement, viewer))
        rows = await self._ask("estimate", text, statement)
        return int(orjson.loads(rows[0]["QUERY PLAN"])[0]["Plan"]["Plan Rows"])

    async def one(self, kind: str, entity_id: str, viewer: Identity) -> Snapshot:
        statement = Statement()
        rows = sql.one(statement, kind, entity_id, visible(statement, viewer))
        return snapshot(await self._ask("one", sql.answer(rows, NEWEST_CHANGE), statement))

    async def timeline(self, kind: str, entity_id: str, after: int, limit: int, viewer: Identity) -> TimelinePage | None:
        statement = Statement()
        rows = await self._ask("timeline", sql.timeline(statement, kind, entity_id, after, limit, visible(statement, viewer)), statement)
        if not rows:
            return None
        return TimelinePage([_timeline_item(row) for row in rows if row["version"] is not None], rows[0]["entity_version"])

    async def projected_up_to(self, partition: int) -> int:
        """Every record of the partition below this offset is in the rows."""
        statement = Statement()
        rows = await self._ask("projected_up_to", sql.projected_up_to(statement, EVENTS_TOPIC, partition), statement)
        return int(rows[0]["offset"]) if rows else 0

    async def _ask(self, name: str, text: str, statement: Statement) -> Sequence[Row]:
        with self._metrics.query_seconds.labels(query=name).time(), reading():
            return await self._pool.fetch(text, *statement.values)


def _timeline_item(row: Row) -> dict[str, Any]:
    return {**{name: row[name] for name in _SHOWN}, "log": {"partition": row["partition"], "offset": row["offset"]}}
