"""No question about the past reads a big table from end to end: every statement that the doors send is planned by Postgres and looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from bench.board_history import FIRST, LASTS, write_board

from opsroom_common.postgres.pool import Pool, Row
from opsroom_domain.times import rfc3339

from .conftest import door_to

ENTITIES = 3_000
"""Ten versions each: enough that Postgres would rather not read all of them."""
BIG = frozenset({"entities", "entity_versions", "timeline", "texts"})
MIDDLE = rfc3339(FIRST + LASTS / 2)
EARLY = rfc3339(FIRST + timedelta(days=3, hours=4))
LISTS: tuple[dict[str, Any], ...] = (
    {},
    {"live": "true"},
    {"assignee": "none"},
    {"assignee": "usr_000", "severity": ["sev1", "sev2"]},
    {"label": "service=s17"},
    {"label": "none=such"},
    {"label": "service=s17", "sort": "title"},
    {"label": ["service=s17", "env=prod"], "sort": "rank"},
    {"status": "resolved", "created_before": EARLY},
)
ACTIVITY: tuple[dict[str, Any], ...] = (
    {},
    {"actor": "usr_150"},
    {"actor": ["usr_000", "usr_150"], "kind": "incident"},
    {"type": "reopened"},
    {"kind": "incident"},
    {"entity": "ID", "actor": "usr_000"},
)


class PlanningPool(Pool):
    """A pool that keeps the plan of every statement, made for its very values."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool._pool)
        self.plans: list[tuple[str, dict[str, Any]]] = []

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        plan = (await super().fetch(f"EXPLAIN (FORMAT JSON) {statement}", *values))[0]["QUERY PLAN"]
        self.plans.append((statement, orjson.loads(plan)[0]["Plan"]))
        return await super().fetch(statement, *values)


def scanned(plan: dict[str, Any]) -> Iterator[str]:
    """The tables that the plan reads from end to end."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for inner in plan.get("Plans", ()):
        yield from scanned(inner)


@pytest.mark.timeout(240)
async def test_no_statement_about_the_past_reads_a_big_table_from_end_to_end(pool: Pool) -> None:
    await write_board(pool, ENTITIES)
    planning = PlanningPool(pool)
    async with door_to(planning) as door:
        some = (await _asked(door, "/v1/incidents", {"limit": 1}))["items"][0]["id"]
        planning.plans.clear()
        for moment in (MIDDLE, EARLY):
            for wanted in LISTS:
                page = await _asked(door, "/v1/incidents", {"as_of": moment, "limit": 10, **wanted})
                if page["next"] is not None:
                    await _asked(door, "/v1/incidents", {"as_of": moment, "limit": 10, "cursor": page["next"], **wanted})
            await _asked(door, "/v1/incidents/facets", {"as_of": moment, "facet": "severity", "label": "service=s17"})
            for path in ("", "/history", "/timeline"):
                await _asked(door, f"/v1/incidents/{some}{path}", {"as_of": MIDDLE})
            for wanted in ACTIVITY:
                asked = {**wanted, **({"entity": some} if "entity" in wanted else {})}
                await _asked(door, "/v1/activity", {"to": moment, "limit": 10, **asked})
        await _asked(door, f"/v1/incidents/{some}", {"version": 3})
    assert len(planning.plans) > len(LISTS) * 2
    wrong = [(statement, table) for statement, plan in planning.plans for table in scanned(plan) if table in BIG]
    assert wrong == []


async def _asked(door: httpx.AsyncClient, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
    answer = await door.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()
