"""How many rows there are, in all and per value of a tag: exact up to a limit, so that a large board costs no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway_ws.queries import statement as sql
from gateway_ws.queries.asked import Facet, Filter
from gateway_ws.queries.source import COUNT_MAX, Count, FacetCounts, Facets
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from opsroom_common.auth.identity import Identity
from opsroom_common.postgres.pool import Row, Session

VALUES_MAX: Final = 20
"""Of a free tag, so many values are counted: the most frequent ones."""
_MOST: Final = COUNT_MAX + 1


async def count_facets(session: Session, wanted: Filter, facets: Sequence[Facet], viewer: Identity) -> Facets:
    """``session`` is a transaction that sees one moment. Raises what the pool raises."""
    now = (await session.fetch(sql.moment()))[0]["as_of"]
    total = await _total(session, wanted, viewer)
    return Facets(total, [await _facet(session, facet, viewer) for facet in facets], now)


async def _total(session: Session, wanted: Filter, viewer: Identity) -> Count:
    statement = Statement()
    rows = await _ask(session, sql.count(statement, wanted, _MOST, visible(statement, viewer)), statement)
    return _count(rows[0]["count"])


async def _facet(session: Session, facet: Facet, viewer: Identity) -> FacetCounts:
    if facet.values is not None and facet.wanted.search is None:
        return await _counted(session, facet, facet.values, viewer, complete=True)
    statement = Statement()
    text = sql.facet_sample(statement, facet.wanted, facet.tag, _MOST, VALUES_MAX + 1, visible(statement, viewer))
    rows = await _ask(session, text, statement)
    found = [(str(row["value"]), int(row["count"])) for row in rows if row["value"] is not None]
    shown = found[:VALUES_MAX]
    if rows[0]["rows"] <= COUNT_MAX:
        return FacetCounts(_with_all(facet, [(value, _count(number)) for value, number in shown]), complete=len(found) <= VALUES_MAX)
    if facet.wanted.search is not None:
        # To count on would look into the text of every row: these are the first ten thousand.
        return FacetCounts(_with_all(facet, [(value, Count(number, exact=False)) for value, number in shown]), complete=False)
    return await _counted(session, facet, [value for value, _ in shown], viewer, complete=False)


async def _counted(session: Session, facet: Facet, values: Sequence[str], viewer: Identity, *, complete: bool) -> FacetCounts:
    statement = Statement()
    text = sql.facet(statement, facet.wanted, facet.tag, values, _MOST, visible(statement, viewer))
    counts = [(str(row["value"]), _count(row["count"])) for row in await _ask(session, text, statement)]
    return FacetCounts(sorted(counts, key=lambda one: -one[1].number), complete)


def _with_all(facet: Facet, counts: list[tuple[str, Count]]) -> list[tuple[str, Count]]:
    """A value that can be but is not there counts nothing."""
    there = {value for value, _ in counts}
    return [*counts, *[(value, Count(0)) for value in facet.values or () if value not in there]]


def _count(number: int) -> Count:
    return Count(min(number, COUNT_MAX), exact=number <= COUNT_MAX)


async def _ask(session: Session, text: str, statement: Statement) -> Sequence[Row]:
    return await session.fetch(text, *statement.values)
