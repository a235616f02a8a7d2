"""The board as it was at a moment: the same lists, filters and orders as of the present, over the versions that were valid then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway_ws.past.reach import Reach, search_has_no_past, too_many_to_sort
from gateway_ws.past.store import SQL, PastStore, newest_of, of_visible, reach_of_all, reach_of_one, told
from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import After, Page
from gateway_ws.queries.fields import NEWEST_CHANGE, Sort, SortKey
from gateway_ws.queries.source import Snapshot, TimelinePage, shown
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Row
from opsroom_domain.registry import KINDS

SORTED_MAX: Final = 10_000
"""Rows that match, in any other order than the newest change first: so many are sorted, for more there is no index."""


FIRST_STEPS: Final = 5_000
"""Versions, back from the moment, that are looked at first: how many of them match tells how to go on."""
STEPS_MAX: Final = 40_000
"""As many as it may take to fill a page by walking on. For what is rarer, the planner decides: mostly it asks the index of the terms."""


class PastRows:
    """A ``RowSource``. Raises Problem 400 for a moment that is still to come, and for what the past cannot be asked."""

    def __init__(self, store: PastStore, moment: datetime) -> None:
        self._store = store
        self._moment = moment

    async def page(self, page: Page, viewer: Identity) -> Snapshot:
        if page.wanted.search is not None:
            raise search_has_no_past()
        rows = await self._walked(page, viewer) if page.sort == NEWEST_CHANGE else None
        if rows is None:
            statement = Statement()
            text = self._page(statement, page, viewer)
            rows = await self._store.ask("list_as_of", text, statement)
        reach = Reach(rows[0]["asked_at"], rows[0]["complete_before"])
        reach.check(self._moment)
        if (rows[0]["matching"] or 0) > SORTED_MAX:
            raise too_many_to_sort(page.sort.parameter, SORTED_MAX)
        return Snapshot([shown(row) for row in rows if row["id"] is not None], None, self._moment, reach.shown(self._moment))

    async def one(self, kind: str, entity_id: str, viewer: Identity) -> Snapshot:
        return await self._store.at(kind, entity_id, self._moment, viewer)

    async def timeline(self, kind: str, entity_id: str, after: int, limit: int, viewer: Identity) -> TimelinePage | None:
        statement = Statement()
        text = SQL["timeline"].format(
            reach=reach_of_one(statement, kind, entity_id, visible(statement, viewer)),
            moment=statement.put(self._moment, "timestamptz"),
            after=statement.put(after, "int"),
            limit=statement.put(limit, "int"),
        )
        rows = await self._store.ask("timeline_as_of", text, statement)
        if not rows:
            return None
        newest, _ = newest_of(entity_id, rows[0], self._moment)
        return TimelinePage([{**told(row), "at": row["at"], "diff": row["diff"]} for row in rows if row["version"] is not None], newest)

    async def _walked(self, page: Page, viewer: Identity) -> Sequence[Row] | None:
        """The page, if the next versions fill it, as many as it takes by what the first ones tell; else None."""
        rows = await self._steps(page, FIRST_STEPS, viewer)
        found = sum(row["id"] is not None for row in rows)
        if found == page.limit:
            return rows
        # Half as many again as it should take: they are never spread evenly.
        wanted = FIRST_STEPS * page.limit * 3 // (2 * found) if found else STEPS_MAX + 1
        if wanted > STEPS_MAX:
            return None
        rows = await self._steps(page, wanted, viewer)
        return rows if len(rows) == page.limit else None

    async def _steps(self, page: Page, steps: int, viewer: Identity) -> Sequence[Row]:
        """What matches among the next ``steps`` versions."""
        statement, wanted, after = Statement(), page.wanted, page.after
        moment, from_there = statement.put(self._moment, "timestamptz"), ""
        if after is not None:
            place = f"({statement.put(after.key, 'timestamptz')}, {statement.put(after.entity_id, 'text')})"
            from_there = f"AND (v.valid_from, v.id) < {place}"
        rows = SQL["newest_first_so_far"].format(
            kind=statement.put(wanted.kind, "text"),
            moment=moment,
            from_there=from_there,
            steps=statement.put(steps, "int"),
            conditions=self._conditions(statement, page, viewer),
            limit=statement.put(page.limit, "int"),
        )
        return await self._store.ask("list_as_of_so_far", self._whole(statement, page, rows), statement)

    def _conditions(self, statement: Statement, page: Page, viewer: Identity) -> str:
        seen = visible(statement, viewer) + of_visible(statement, viewer, "e.id")
        return sql.conditions(statement, page.wanted, by_terms=True) + seen

    def _whole(self, statement: Statement, page: Page, rows: str) -> str:
        reach = reach_of_all(statement, f"{KINDS[page.wanted.kind].prefix}_")
        return SQL["list"].format(reach=reach, rows=rows, direction=sql.direction(page.sort))

    def _page(self, statement: Statement, page: Page, viewer: Identity) -> str:
        wanted, direction = page.wanted, sql.direction(page.sort)
        filled = {
            "board": SQL["board"].format(moment=statement.put(self._moment, "timestamptz")),
            "kind": statement.put(wanted.kind, "text"),
            "limit": statement.put(page.limit, "int"),
        }
        conditions = self._conditions(statement, page, viewer)
        if page.sort == NEWEST_CHANGE:
            rows = SQL["newest_first"].format(conditions=conditions + _behind(statement, page.sort, page.after, "updated_at"), **filled)
        else:
            rows = SQL["in_another_order"].format(
                conditions=conditions,
                most=statement.put(SORTED_MAX + 1, "int"),
                key=sql.KEY_COLUMNS[page.sort.key],
                behind=_behind(statement, page.sort, page.after, "key"),
                direction=direction,
                **filled,
            )
        return self._whole(statement, page, rows)


def _behind(statement: Statement, sort: Sort, after: After | None, column: str) -> str:
    """Only what comes behind ``after``; rows without the key come last."""
    if after is None:
        return ""
    sign, entity_id = "<" if sort.descending else ">", statement.put(after.entity_id, "text")
    if after.key is None:
        return f" AND e.{column} IS NULL AND e.id {sign} {entity_id}"
    cast = {SortKey.RANK: "int", SortKey.TITLE: "text"}.get(sort.key, "timestamptz")
    behind = f"(e.{column}, e.id) {sign} ({statement.put(after.key, cast)}, {entity_id})"
    return f" AND {behind}" if sort == NEWEST_CHANGE else f" AND ({behind} OR e.{column} IS NULL)"
