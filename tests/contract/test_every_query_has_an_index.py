"""Whatever is asked of the board, Postgres reads no big table whole and sorts no big part of one.

Every statement that the doors send is explained on 50,000 entities of several kinds, as Postgres would run it with these values.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from bench.board import fill
from prometheus_client import CollectorRegistry

from devstack.postgres import psql
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries.asked import After, Facet, Filter, Page
from gateway_ws.queries.codes import Code, Codes
from gateway_ws.queries.fields import Form, Listing, listing
from gateway_ws.queries.live_rows import LiveRows
from gateway_ws.queries.parameters import Filters, list_parameters, wanted_of
from gateway_ws.queries.parked import ParkedEntities
from opsroom_common.auth.identity import Identity, Role
from opsroom_common.postgres.pool import Pool, Row, Session
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.ids import ActorId
from opsroom_domain.registry import KINDS

ROWS = {"incident": 30_000, "task": 15_000, "ticket": 5_000}
BIG = ("entities", "texts", "timeline", "entity_versions")
SORTED_MAX = 20_000
"""More than what a facet counts at most, less than the rows of the largest kind."""
VIEWER = Identity(ActorId("usr_test"), Role.VIEWER)
VALUES = {
    "status": None, "assignee": "usr_3", "team": "team-3", "source": "alertmanager", "label": "tier=gold", "opened_by": "usr_3",
}  # fmt: skip


@pytest.fixture(scope="module")
def board(postgres: Any) -> Iterator[str]:
    psql(postgres.dsn, "CREATE DATABASE every_query")
    dsn = postgres.dsn_of("every_query")
    asyncio.run(fill(dsn, {kind: count for kind, count in ROWS.items() if kind in KINDS}))
    yield dsn
    psql(postgres.dsn, "DROP DATABASE every_query WITH (FORCE)")


class Explained:
    """Explains what sessions are asked to fetch, and keeps what is wrong with the plans."""

    def __init__(self) -> None:
        self.statements: set[str] = set()
        self.faults: list[str] = []

    async def look(self, session: Any, statement: str, values: tuple[object, ...], *, streamed: bool = False) -> None:
        if "EXPLAIN" in statement:
            return
        rows = await session._runner.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *values)
        self.statements.add(statement)
        plan = json.loads(rows[0]["QUERY PLAN"])[0]["Plan"]
        for fault in faults(plan, bounded=streamed, streamed=streamed):
            self.faults.append(f"{fault}\n{statement}\n{values}")


def faults(plan: dict[str, Any], *, bounded: bool, streamed: bool) -> Iterator[str]:
    """An export (``streamed``) may read the index of its kind whole.

    ``bounded``: what is above takes only so many rows, and nothing between has to see them all first.
    """
    node = plan["Node Type"]
    if node == "Limit":
        bounded = True
    elif "Sort" in node or node in {"Aggregate", "Hash"} or plan.get("Subplan Name", "").startswith("CTE"):
        bounded = False
    if node == "Seq Scan" and plan["Relation Name"] in BIG:
        yield f"reads {plan['Relation Name']} whole"
    if not (bounded or streamed) and re.fullmatch(r"\(kind = '\w+'::text\)", plan.get("Index Cond", "")):
        yield "reads a kind whole"
    if "Sort" in node:
        below = max(inner["Plan Rows"] for inner in plan["Plans"])
        if below > SORTED_MAX:
            yield f"sorts about {below} rows"
    # What is left of a kind's index after another one's bitmap was laid over it is what that one finds.
    bounded = bounded or node == "BitmapAnd"
    for inner in plan.get("Plans", ()):
        yield from faults(inner, bounded=bounded, streamed=streamed)


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> Explained:
    looked = Explained()
    fetch, stream = Session.fetch, Session.stream

    async def watched_fetch(self: Session, statement: str, *values: object) -> Any:
        await looked.look(self, statement, values)
        return await fetch(self, statement, *values)

    async def watched_stream(self: Session, statement: str, *values: object, rows: int) -> AsyncIterator[Any]:
        await looked.look(self, statement, values, streamed=True)
        async for part in stream(self, statement, *values, rows=rows):
            yield part

    monkeypatch.setattr(Session, "fetch", watched_fetch)
    monkeypatch.setattr(Session, "stream", watched_stream)
    return looked


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[tuple[Pool, LiveRows]]:
    pool = await Pool.open(dsn, name="test", max_size=2, plan_each=True)
    try:
        yield pool, LiveRows(pool, pool, GatewayMetrics(Metrics(CollectorRegistry())), SystemClock())
    finally:
        await pool.close()


def filters(how: Listing) -> list[Filter]:
    """Each field alone, common pairs, times, words that are rare, common and both."""
    model = list_parameters(how)
    asked: list[dict[str, Any]] = [{}]
    for name, field in how.fields.items():
        values = field.choices or ("a",)
        asked += [{name: values[-1]}] if field.form is Form.FLAG else [{name: [VALUES.get(name) or values[-1]]}, {name: list(values[:2])}]
    asked += [
        {"assignee": ["none"]},
        {"assignee": ["none", "usr_3"]},
        {"label": ["env=prod", "region=3"]},
        {"label": ["legacy"], "live": "true"},
        {"status": list(how.fields["status"].choices[-2:]), "label": ["legacy"]},
        {"created_after": "2026-03-01T00:00:00Z", "updated_before": "2026-03-02T00:00:00Z"},
        {"updated_after": "2026-06-01T00:00:00Z", "assignee": ["usr_3"]},
        {"q": "zookeeper"},
        {"q": "latency"},
        {"q": "certificate latency"},
        {"q": "node-12", "label": ["env=prod"]},
        {"q": "runbook -latency"},
    ]
    if how.has_due:
        asked += [{"due_after": "2026-03-01T00:00:00Z", "due_before": "2026-03-02T00:00:00Z"}]
    return [wanted_of(model.model_validate(one), how) for one in asked]


@pytest.mark.timeout(600)
@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind in KINDS])
async def test_no_query_reads_or_sorts_a_big_table_whole(board: str, explained: Explained, kind: str):
    how = listing(KINDS[kind])
    async with opened(board) as (pool, rows):
        for wanted in filters(how):
            for sort in how.sorts.values():
                page = Page(wanted=wanted, sort=sort, limit=51)
                first = await rows.page(page, VIEWER)
                if len(first.rows) == page.limit:
                    last = first.rows[-1]
                    await rows.page(replace(page, after=After(last.key, last.entity_id)), VIEWER)
            await rows.facets(wanted, [Facet(f.tag, wanted, f.choices or None) for f in how.fields.values()], VIEWER)
            async for _ in rows.all_rows(wanted, VIEWER):
                break
        some_id = (await rows.page(Page(wanted=Filter(kind=kind), limit=1), VIEWER)).rows[0].entity_id
        await rows.one(kind, some_id, VIEWER)
        await rows.timeline(kind, some_id, 0, 100, VIEWER)
        await rows.comments(kind, some_id, None, 100, VIEWER)
        metrics = GatewayMetrics(Metrics(CollectorRegistry()))
        assert await Codes(pool, metrics).find(Code(kind, some_id[-8:]), VIEWER)
        await ParkedEntities(pool, metrics).page("", 50)
    assert not explained.faults, "\n\n".join(explained.faults[:5])
    assert len(explained.statements) > 60


@pytest.mark.timeout(300)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("index", "asked"),
    [
        ("entities_newest", {}),
        ("entities_terms", {"label": ["tier=gold"]}),
        ("entities_by_title", {"sort": "title"}),
        ("texts_document", {"q": "zookeeper"}),
    ],
)
async def test_the_test_can_say_no(board: str, explained: Explained, index: str, asked: dict[str, Any]):
    how = listing(KINDS["incident"])
    sent: Filters = list_parameters(how).model_validate(asked)
    connection = await asyncpg.connect(board)
    try:
        made: Row = await connection.fetchrow("SELECT indexdef FROM pg_indexes WHERE schemaname = 'read_v1' AND indexname = $1", index)
        await connection.execute(f"DROP INDEX read_v1.{index}")
        async with opened(board) as (_, rows):
            await rows.page(Page(wanted=wanted_of(sent, how), sort=how.sorts[str(getattr(sent, "sort"))], limit=51), VIEWER)  # noqa: B009
        await connection.execute(made["indexdef"])
    finally:
        await connection.close()
    assert explained.faults
