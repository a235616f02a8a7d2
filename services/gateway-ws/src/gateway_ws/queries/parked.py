"""Entities that are set aside because one of their records could not be handled: their rows stand still until somebody decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries import statement as sql
from gateway_ws.queries.statement import Statement
from gateway_ws.reading import reading
from opsroom_common.postgres.pool import Pool


class ParkedEntities:
    """Raises ReadUnavailable while Postgres is away."""

    def __init__(self, pool: Pool, metrics: GatewayMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def page(self, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
        """At most ``limit`` of them, by id, those behind ``after``."""
        statement = Statement()
        text = sql.parked(statement, after, limit)
        with self._metrics.query_seconds.labels(query="parked").time(), reading():
            rows = await self._pool.fetch(text, *statement.values)
        return [
            {
                "id": row["entity_id"],
                "reason": row["reason"],
                "behind": row["behind"],
                "since": row["parked_at"],
                "log": {"partition": row["partition"], "offset": row["offset"]},
            }
            for row in rows
        ]
