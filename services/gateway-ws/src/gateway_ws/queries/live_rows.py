"""The board as it is now: the read model in Postgres, one statement a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import Page
from gateway_ws.queries.fields import NEWEST_CHANGE
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
        statement = Statement()
        may_see = visible(statement, viewer)
        rows = sql.walk(statement, page.wanted, page.sort, page.after, page.limit, may_see)
        return snapshot(await self._ask("list", sql.answer(rows, page.sort), statement))

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
