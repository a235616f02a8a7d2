"""A saved view applied to a list: its filters, words and order, unless the address says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from gateway_ws.queries.answering import available
from gateway_ws.queries.asked import Filter, OneOf
from gateway_ws.queries.fields import ASSIGNEE, NOBODY, STATUS, Listing, Sort
from gateway_ws.queries.source import RowSource
from opsroom_common.auth.identity import Identity
from opsroom_common.http.problems import problem

KIND: Final = "view"
_ARCHIVED: Final = "archived"


@dataclass(frozen=True, slots=True)
class View:
    """What a view says about a list. ``filters`` by tag: rows whose tag is one of the values."""

    filters: Mapping[str, Sequence[str]]
    search: str
    sort: str

    def narrow(self, wanted: Filter, listing: Listing, named: Collection[str]) -> Filter:
        """``wanted`` with what the view adds. Parameters in ``named`` are left to the address. A tag that the kind has no more adds nothing."""
        for parameter, field in listing.fields.items():
            values = tuple(sorted(set(self.filters.get(field.tag, ()))))
            if not values or parameter in named:
                continue
            if field.tag == STATUS:
                wanted = replace(wanted, statuses=values)
            elif field.tag == ASSIGNEE:
                people = tuple(value for value in values if value != NOBODY)
                wanted = replace(wanted, one_of=(*wanted.one_of, OneOf(assignees=people, or_nobody=NOBODY in values)))
            else:
                clause = OneOf(tuple(field.term(value) for value in values))
                wanted = replace(wanted, one_of=(*wanted.one_of, clause), with_archived=wanted.with_archived or field.tag == _ARCHIVED)
        searches = wanted.search is None and any(character.isalnum() for character in self.search)
        return replace(wanted, search=self.search) if searches else wanted

    def order(self, sort: Sort, listing: Listing, named: Collection[str]) -> Sort:
        """The view's order, unless the address names one or the kind has no such order."""
        return sort if "sort" in named else listing.sorts.get(self.sort, sort)


NO_VIEW: Final = View({}, "", "")


async def view_of(board: RowSource, view_id: str | None, listing: Listing, viewer: Identity) -> View:
    """The view of this id. Raises Problem 400 if there is none that the viewer may see, or if it is of another kind; 503."""
    if view_id is None:
        return NO_VIEW
    found = await available(board.one(KIND, view_id, viewer))
    if not found.rows:
        raise problem(400, "no-such-view", "There is no such view", f"no view {view_id!r}; list them at /v1/views, or leave view out")
    row: dict[str, Any] = orjson.loads(found.rows[0].json)
    if row["of"] != listing.kind:
        detail = f"{view_id} is a view of {row['of']}, and this is a list of {listing.kind}; take a view of this kind, or leave view out"
        raise problem(400, "another-kinds-view", "The view is of another kind", detail)
    return View(row["filters"], row["search"], row["sort"])
