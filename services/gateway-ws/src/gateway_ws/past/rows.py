"""The board as it was at a moment: the same lists, filters and orders as of the present, over the versions that were valid then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import orjson

from gateway_ws.past.reach import Reach, search_has_no_past, too_many_to_sort
from gateway_ws.past.store import SQL, PastStore, newest_of, of_visible, reach_of_all, reach_of_one, told
from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import After, Facet, Filter, Page
from gateway_ws.queries.comments import comment_types, page_of
from gateway_ws.queries.counting import VALUES_MAX
from gateway_ws.queries.fields import NEWEST_CHANGE, Sort, SortKey
from gateway_ws.queries.source import COUNT_MAX, CommentPage, Count, FacetCounts, Facets, ShownRow, Snapshot, TimelinePage, shown
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Row
from opsroom_domain.registry import KINDS

SORTED_MAX: Final = 10_000
"""Rows that match, in any other order than the newest change first: so many are sorted, for more there is no index."""


FIRST_STEPS: Final = 2_000
"""Versions, back from the moment, that are looked at first: how many of them match tells how to go on."""
STEPS_MAX: Final = 40_000
"""As many as it may take to fill a page by walking on. For what is rarer, the planner decides: mostly it asks the index of the terms."""


_EXPORT_ROWS: Final = 500


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
            conditions=self._conditions(statement, page.wanted, viewer),
            limit=statement.put(page.limit, "int"),
        )
        return await self._store.ask("list_as_of_so_far", self._whole(statement, page, rows), statement)

    async def facets(self, wanted: Filter, facets: Sequence[Facet], viewer: Identity) -> Facets:
        """Counts over more than ``COUNT_MAX`` rows are those of the newest ones, and said to be more."""
        # The same question without a tag of its own counts all of it.
        (total, _, reach), *counted = [await self._facet(one, viewer) for one in (Facet("", wanted, ()), *facets)]
        return Facets(total, [counts for _, counts, _ in counted], self._moment, reach.shown(self._moment))

    async def all_rows(self, wanted: Filter, viewer: Identity) -> AsyncIterator[Sequence[ShownRow]]:
        if wanted.search is not None:
            raise search_has_no_past()
        (await self._store.reach()).check(self._moment)
        statement = Statement()
        moment = statement.put(self._moment, "timestamptz")
        text = SQL["export"].format(
            board=SQL["board"].format(moment=moment),
            moment=moment,
            kind=statement.put(wanted.kind, "text"),
            conditions=self._conditions(statement, wanted, viewer),
        )
        async for rows in self._store.stream(text, statement, _EXPORT_ROWS):
            yield [shown(row) for row in rows]

    async def comments(self, kind: str, entity_id: str, after: str | None, limit: int, viewer: Identity) -> CommentPage | None:
        found = await self.one(kind, entity_id, viewer)
        if not found.rows:
            return None
        version = found.rows[0].version
        behind, more = page_of(orjson.loads(found.rows[0].json)["comments"], after, limit)
        statement = Statement()
        text = sql.comment_texts(statement, entity_id, version, comment_types(kind), [one["id"] for one in behind])
        texts = {row["id"]: row["text"] for row in await self._store.ask("comment_texts", text, statement)}
        return CommentPage([{**one, "text": texts.get(one["id"], "")} for one in behind], version, more)

    async def _facet(self, facet: Facet, viewer: Identity) -> tuple[Count, FacetCounts, Reach]:
        if facet.wanted.search is not None:
            raise search_has_no_past()
        statement = Statement()
        text = SQL["facet"].format(
            board=SQL["board"].format(moment=statement.put(self._moment, "timestamptz")),
            kind=statement.put(facet.wanted.kind, "text"),
            conditions=self._conditions(statement, facet.wanted, viewer),
            most=statement.put(COUNT_MAX + 1, "int"),
            reach=reach_of_all(statement, f"{KINDS[facet.wanted.kind].prefix}_"),
            tag=statement.put(facet.tag, "text"),
            values=statement.put(VALUES_MAX + 1 if facet.values is None else COUNT_MAX, "int"),
        )
        rows = await self._store.ask("facet_as_of", text, statement)
        reach = Reach(rows[0]["asked_at"], rows[0]["complete_before"])
        reach.check(self._moment)
        exact = rows[0]["rows"] <= COUNT_MAX
        found = [(str(row["value"]), Count(row["count"], exact=exact)) for row in rows if row["value"] is not None]
        missing = [(value, Count(0, exact=exact)) for value in facet.values or () if value not in {there for there, _ in found}]
        shown_ones = found if facet.values is not None else found[:VALUES_MAX]
        complete = exact and len(shown_ones) == len(found)
        return Count(min(rows[0]["rows"], COUNT_MAX), exact=exact), FacetCounts([*shown_ones, *missing], complete), reach

    def _conditions(self, statement: Statement, wanted: Filter, viewer: Identity) -> str:
        seen = visible(statement, viewer) + of_visible(statement, viewer, "e.id")
        return sql.conditions(statement, wanted, by_terms=True) + seen

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
        conditions = self._conditions(statement, page.wanted, viewer)
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
