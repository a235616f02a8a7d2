"""Filters, words, orders and times: a list holds exactly what passes, whichever way it was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gateway_harness import START, RunningGateway, StartGateway, TestProjector, incident_id

from gateway_ws.queries.plan import Gather, Plan, Walk
from opsroom_domain.entities.incident import Severity


@pytest.fixture
async def gateway(start_gateway: StartGateway, projector: TestProjector) -> RunningGateway:
    return await start_gateway()


def ids(answer) -> list[str]:
    return [row["id"] for row in answer.json()["items"]]


async def all_ids(gateway: RunningGateway, path: str = "/v1/incidents", limit: int = 3, **parameters: Any) -> list[str]:
    """Every page, one after the other."""
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await gateway.get(path, limit=limit, **parameters, **cursor)
        assert answer.status_code == 200, answer.text
        seen += ids(answer)
        if answer.json()["next"] is None:
            return seen
        cursor = {"cursor": answer.json()["next"]}


async def test_every_order_is_total_both_ways_and_pages_keep_it(gateway: RunningGateway, projector: TestProjector):
    severities = [Severity.SEV3, Severity.SEV1, Severity.SEV5, Severity.SEV1, Severity.SEV3, Severity.SEV3, Severity.SEV2]
    for number, severity in enumerate(severities):
        await projector.opened(number, severity=severity, title=f"incident {number % 3}")
    await projector.noted(2)
    # No command leaves an incident without a rank or with a due date; rows of other kinds are like this.
    await projector.pool.execute("UPDATE read_v1.entities SET rank = NULL WHERE id = ANY($1)", [incident_id(0), incident_id(5)])
    rank = {incident_id(n): (n in {0, 5}, severities[n]) for n in range(7)}
    keys: dict[str, Callable[[str], Any]] = {
        "updated": lambda one: (one == incident_id(2), one),
        "created": lambda one: one,
        "title": lambda one: (int(one[-1]) % 3, one),
    }
    everything = [incident_id(number) for number in range(7)]
    for order, key in keys.items():
        ascending = sorted(everything, key=key)
        assert await all_ids(gateway, sort=order) == ascending, order
        assert await all_ids(gateway, sort=f"-{order}", limit=2) == ascending[::-1], order
    ranked = sorted([one for one in everything if not rank[one][0]], key=lambda one: (rank[one][1], one))
    for limit in (1, 2, 5, 50):
        assert await all_ids(gateway, sort="rank", limit=limit) == [*ranked, incident_id(0), incident_id(5)]
        assert await all_ids(gateway, sort="-rank", limit=limit) == [*ranked[::-1], incident_id(5), incident_id(0)]


async def test_words_find_what_holds_them(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1, title="Disk of node-17 is full", description="The database waits for it.")
    await projector.opened(2, title="Latency of the database", labels=("env=prod",))
    await projector.opened(3, title="Die Platte ist voll")

    async def found(q: str, **filters: str) -> set[str]:
        return set(await all_ids(gateway, q=q, limit=1, **filters))

    one, two, three = incident_id(1), incident_id(2), incident_id(3)
    assert await found("database") == {one, two}
    assert await found("DATABASE disk") == {one}
    assert await found("datab") == {one, two}, "the last word may be the beginning of one"
    assert await found("datab disk") == set(), "an earlier one may not"
    assert await found("disk or platte") == {one, three}
    assert await found("database -disk") == {two}
    assert await found("database -di") == {two, one}, "what must not be there is meant as it stands"
    assert await found('"of the database"') == {two}
    assert await found('"of the data"') == set(), "a closed phrase is complete"
    assert await found("node-1") == {one}
    assert await found("env=prod") == {two}
    assert await found("database", label="env=prod") == {two}
    assert await found("database", sort="title", severity="sev3") == {one, two}
    assert await found("nothing'); DROP TABLE read.texts; --") == set()
    for odd in ('"', "or", "& | !", "a:*", "(", "'", "\\", "-", "é" * 200):
        answer = await gateway.get("/v1/incidents", q=odd)
        assert answer.status_code in {200, 400}, odd
    assert (await gateway.get("/v1/incidents", q="& | !")).json()["code"] == "invalid-request"


async def test_each_way_to_find_a_page_gives_the_same_page(gateway: RunningGateway, projector: TestProjector, monkeypatch: Any):
    """Whatever the planner estimates: walking, walking some steps and then gathering, or gathering at once."""
    monkeypatch.setattr("gateway_ws.queries.live_rows.TEXT_STEPS", 3)
    for number in range(30):
        await projector.opened(number, severity=list(Severity)[number % 5], labels=("even",) if number % 2 else (), title=f"word {number}")
    for number in (3, 4, 9, 12):
        await projector.acknowledged(number)
    await projector.pool.execute("UPDATE read_v1.entities SET rank = NULL WHERE rank = 2")
    asked: list[dict[str, Any]] = [
        {"severity": ["sev1", "sev2", "sev4"]},
        {"severity": "sev2", "label": "even", "sort": "rank"},
        {"label": "even", "sort": "-rank"},
        {"q": "word", "sort": "title", "assignee": "none"},
        {"q": "word 1", "severity": ["sev1", "sev2"], "sort": "-rank"},
        {"updated_after": START.isoformat(), "sort": "created", "label": "even"},
        {"updated_after": START.isoformat(), "label": "even", "live": "true"},
        {"updated_after": START.isoformat(), "status": ["open", "acknowledged"]},
        {"status": ["open", "acknowledged"], "severity": ["sev1", "sev3"]},
        {"status": ["open", "acknowledged"], "assignee": "none", "sort": "-rank"},
        {"live": "true", "status": "acknowledged", "assignee": ["none", "usr_x"], "limit": 2},
        {"status": ["open", "acknowledged", "resolved"], "q": "word", "sort": "updated"},
    ]
    ways: list[tuple[Plan, ...]] = [
        (Walk(),),
        (Walk(2), Gather(steps=3), Gather()),
        (Walk(9), Walk(12), Walk()),
        (Gather(steps=7), Gather(steps=20), Gather()),
        (Gather(),),
        (Gather(by_text=True),),
    ]
    for parameters in asked:
        pages: list[list[str]] = []
        for way in ways:
            for choice in ("plans", "plans_with_words"):
                monkeypatch.setattr(f"gateway_ws.queries.live_rows.{choice}", lambda _sizes, _limit, way=way: way)
            pages.append(await all_ids(gateway, **{"limit": 4, **parameters}))
        assert pages[0], parameters
        assert all(page == pages[0] for page in pages), parameters


async def test_times_bound_a_list(gateway: RunningGateway, projector: TestProjector):
    for number in range(4):
        await projector.opened(number)
    await projector.noted(0)
    at = [row["updated_at"] for row in (await gateway.get("/v1/incidents", sort="created")).json()["items"]]
    assert await all_ids(gateway, created_after=at[1], created_before=at[3], sort="created") == [incident_id(1), incident_id(2)]
    assert await all_ids(gateway, updated_after=at[3]) == [incident_id(0), incident_id(3)]
    assert await all_ids(gateway, updated_before=at[2]) == [incident_id(1)]
    assert await all_ids(gateway, updated_before=at[3], severity="sev1") == []
