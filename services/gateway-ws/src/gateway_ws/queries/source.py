"""Where a query's rows come from: a port, so that the same lists show the board as it is and as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from gateway_ws.queries.asked import Facet, Filter, Key, Page
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Row
from opsroom_common.rows import row_of


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as ready JSON, the same bytes as in the feed, and what a cursor and an ETag need of it."""

    json: bytes
    entity_id: str
    version: int
    key: Key
    """Its value of what the list is sorted by."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows, and the feed's position (epoch, n) of the same moment; None while there is no feed, or if the rows are of another moment."""

    rows: Sequence[ShownRow]
    position: tuple[int, int] | None
    as_of: datetime
    past: Mapping[str, Any] | None = None
    """Of rows of another moment: whether they are final (see ``past.reach``), and of one row, from when to when it was so."""


@dataclass(frozen=True, slots=True)
class CommentPage:
    """``more``: others come behind these."""

    items: Sequence[Mapping[str, Any]]
    version: int
    more: bool


@dataclass(frozen=True, slots=True)
class TimelinePage:
    items: Sequence[Mapping[str, Any]]
    version: int


COUNT_MAX: Final = 10_000
"""What is counted exactly; above it, an answer says that there are more."""


@dataclass(frozen=True, slots=True)
class Count:
    """``exact`` False: there are ``number`` and more."""

    number: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """By value, the most frequent first. ``complete`` False: other values are there, too."""

    counts: Sequence[tuple[str, Count]]
    complete: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """``total``: all rows of the filter."""

    total: Count
    facets: Sequence[FacetCounts]
    as_of: datetime
    past: Mapping[str, Any] | None = None


class RowSource(Protocol):
    """The board at one moment. Every method raises ReadUnavailable while Postgres is away.

    ``viewer`` is who looks: nobody is shown more than the viewer may see.
    """

    async def page(self, page: Page, viewer: Identity) -> Snapshot:
        """At most ``page.limit`` rows, in order."""
        ...

    async def one(self, kind: str, entity_id: str, viewer: Identity) -> Snapshot:
        """No rows if there is no such entity of this kind."""
        ...

    async def timeline(self, kind: str, entity_id: str, after: int, limit: int, viewer: Identity) -> TimelinePage | None:
        """What happened to it up to this moment, oldest first, versions above ``after``; None if there is no such entity."""
        ...

    async def facets(self, wanted: Filter, facets: Sequence[Facet], viewer: Identity) -> Facets:
        """The number of rows of ``wanted``, and of each facet the numbers per value, all of one moment. Exact up to ``COUNT_MAX``."""
        ...

    def all_rows(self, wanted: Filter, viewer: Identity) -> AsyncIterator[Sequence[ShownRow]]:
        """Every row of ``wanted`` as of one moment, the oldest entity first, in bounded parts."""
        ...

    async def comments(self, kind: str, entity_id: str, after: str | None, limit: int, viewer: Identity) -> CommentPage | None:
        """Its comments that were not deleted, oldest first, those behind the comment ``after``; None if there is no such entity."""
        ...


def shown(row: Row) -> ShownRow:
    """A row of the read model as doors show it; it needs id, kind, version, state, created_at, updated_at, updated_by and key."""
    whole = row_of(
        row["state"],
        entity_id=row["id"],
        kind=row["kind"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )
    return ShownRow(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS), row["id"], row["version"], row["key"])


def snapshot(rows: Sequence[Row]) -> Snapshot:
    """What ``answer`` in ``lists.sql`` gave: always a row; its id is NULL if nothing matched."""
    first = rows[0]
    position = None if first["epoch"] is None else (first["epoch"], first["n"])
    return Snapshot([shown(row) for row in rows if row["id"] is not None], position, first["as_of"])
