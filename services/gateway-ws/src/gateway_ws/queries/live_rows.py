"""The board as it is now: the read model in Postgres, one statement a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import Facet, Filter, Page, Window
from gateway_ws.queries.comments import comment_types, page_of
from gateway_ws.queries.counting import count_facets
from gateway_ws.queries.fields import NEWEST_CHANGE, SortKey
from gateway_ws.queries.plan import TEXT_STEPS, TEXTS_MAX, Gather, Plan, Sizes, Walk, is_bounded, plans, plans_with_words
from gateway_ws.queries.source import CommentPage, Facets, ShownRow, Snapshot, TimelinePage, shown, snapshot
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from gateway_ws.reading import reading
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.runtime.clock import Clock

EVENTS_TOPIC: Final = "ops.events"
_EXPORT_ROWS: Final = 200
_EXPORT_SORTED_MAX: Final = 10_000
"""Rows that are few enough to be found first and then sorted."""
_ESTIMATES_MAX: Final = 10_000
_ESTIMATE_AGE_S_MAX: Final = 30.0
_SHOWN: Final = (
    "version", "at", "type", "actor", "role", "words", "diff", "command_id", "correlation_id", "causation_id", "reason", "proposal_id",
)  # fmt: skip


class LiveRows:
    """A ``RowSource``; also says how far the rows are."""

    def __init__(self, pool: Pool, exports: Pool, metrics: GatewayMetrics, clock: Clock) -> None:
        """``exports`` are the connections that exports hold, each while its rows are read; no list has to wait for them."""
        self._pool = pool
        self._exports = exports
        self._metrics = metrics
        self._clock = clock
        self._estimates: dict[tuple[Filter, str], tuple[int, float]] = {}

    async def page(self, page: Page, viewer: Identity) -> Snapshot:
        async for way in self._ways(page, viewer):
            found = await self._found(page, way, viewer)
            if found is not None and (len(found.rows) == page.limit or not is_bounded(way)):
                return found
        raise AssertionError("the last way is not bounded")

    async def _ways(self, page: Page, viewer: Identity) -> AsyncIterator[Plan]:
        wanted = page.wanted
        # Times that bound the order itself leave a shorter order, in which every row passes.
        rest = replace(wanted, between=tuple(between for between in wanted.between if between not in page.bounds))
        in_order = page.sort.key is SortKey.UPDATED and (rest.is_status or rest.is_assignee)
        if rest.is_all or in_order:
            yield Walk()
            return
        if wanted.search is not None:
            yield Walk(TEXT_STEPS)
        span = Filter(kind=wanted.kind, between=page.bounds, with_archived=True)
        sizes = Sizes(
            total=await self._about(span, viewer),
            along=await self._about(replace(span, statuses=wanted.statuses if len(wanted.statuses) == 1 else ()), viewer),
            matching=await self._about(wanted, viewer),
        )
        ways = plans(sizes, page.limit) if wanted.search is None else plans_with_words(sizes, await self._texts(wanted.kind, wanted.search))
        for way in ways:
            yield way

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
        if isinstance(way, Gather):
            name, rows = "list_gather", sql.gather(statement, page, may_see, by_text=way.by_text, window=window)
        elif way.steps is None:
            name, rows = "list_walk", sql.walk(statement, page, may_see)
        else:
            name, rows = "list_walk_so_far", sql.walk_so_far(statement, page, may_see, way.steps)
        return snapshot(await self._ask(name, sql.answer(rows, page.sort), statement))

    async def _texts(self, kind: str, words: str) -> int:
        statement = Statement()
        text = sql.count_texts(statement, kind, words, TEXTS_MAX + 1)
        return int((await self._ask("count_texts", text, statement))[0]["texts"])

    async def _about(self, wanted: Filter, viewer: Identity) -> int:
        """About how many rows pass, whatever their words: the planner's estimate of a short while ago."""
        asked = (replace(wanted, search=None), viewer.role)
        now = self._clock.monotonic()
        known = self._estimates.get(asked)
        if known is not None and now - known[1] < _ESTIMATE_AGE_S_MAX:
            return known[0]
        statement = Statement()
        rows = await self._ask("estimate", sql.estimate(statement, wanted, visible(statement, viewer)), statement)
        estimated = int(orjson.loads(rows[0]["QUERY PLAN"])[0]["Plan"]["Plan Rows"])
        if len(self._estimates) >= _ESTIMATES_MAX:
            self._estimates.clear()
        self._estimates[asked] = (estimated, now)
        return estimated

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

    async def facets(self, wanted: Filter, facets: Sequence[Facet], viewer: Identity) -> Facets:
        with self._metrics.query_seconds.labels(query="facets").time(), reading():
            async with self._pool.transaction(isolation="repeatable_read", readonly=True) as session:
                return await count_facets(session, wanted, facets, viewer)

    async def all_rows(self, wanted: Filter, viewer: Identity) -> AsyncIterator[Sequence[ShownRow]]:
        by_text = wanted.search is not None and await self._texts(wanted.kind, wanted.search) <= TEXTS_MAX
        few = by_text or (not wanted.is_all and await self._about(wanted, viewer) <= _EXPORT_SORTED_MAX)
        statement = Statement()
        text = sql.export(statement, wanted, visible(statement, viewer), by_text=by_text)
        with reading():
            async with self._exports.transaction(isolation="repeatable_read", readonly=True) as session:
                if not few:
                    await session.execute(sql.in_index_order())
                async for rows in session.stream(text, *statement.values, rows=_EXPORT_ROWS):
                    yield [shown(row) for row in rows]

    async def comments(self, kind: str, entity_id: str, after: str | None, limit: int, viewer: Identity) -> CommentPage | None:
        statement = Statement()
        rows = await self._ask("one", sql.one(statement, kind, entity_id, visible(statement, viewer)), statement)
        if not rows:
            return None
        behind, more = page_of(rows[0]["state"]["comments"], after, limit)
        statement = Statement()
        text = sql.comment_texts(statement, entity_id, rows[0]["version"], comment_types(kind), [one["id"] for one in behind])
        texts = {row["id"]: row["text"] for row in await self._ask("comment_texts", text, statement)}
        return CommentPage([{**one, "text": texts.get(one["id"], "")} for one in behind], rows[0]["version"], more)

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
