"""What is archived is put away: boards do not show it unless they are asked for it."""

from __future__ import annotations

import json

import pytest
from gateway_harness import RunningGateway, StartGateway, TestProjector, incident_id

from opsroom_domain.entities.incident import Archived, Restored, Severity


@pytest.fixture
async def gateway(start_gateway: StartGateway, projector: TestProjector) -> RunningGateway:
    return await start_gateway()


def ids(answer) -> list[str]:
    return [row["id"] for row in answer.json()["items"]]


async def test_what_is_archived_is_left_out_of_lists_counts_and_exports_until_it_is_asked_for(
    gateway: RunningGateway, projector: TestProjector
):
    for number in (1, 2, 3):
        await projector.opened(number, severity=Severity.SEV1, labels=("demo",))
    await projector.write(2, lambda at, by: Archived(at=at, by=by))

    async def found(**filters) -> tuple[set[str], int, set[str]]:
        listed = set(ids(await gateway.get("/v1/incidents", **filters)))
        counted = (await gateway.get("/v1/incidents/facets", **filters)).json()["total"]["count"]
        exported = (await gateway.get("/v1/incidents:export", format="ndjson", **filters)).text.splitlines()
        return listed, counted, {json.loads(line)["id"] for line in exported}

    one, two, three = incident_id(1), incident_id(2), incident_id(3)
    for narrowed in ({}, {"severity": "sev1"}, {"label": "demo"}, {"status": "open"}, {"assignee": "none"}, {"q": "incident"}):
        assert await found(**narrowed) == ({one, three}, 2, {one, three}), narrowed
        assert await found(**narrowed, archived="true") == ({two}, 1, {two}), narrowed
        assert await found(**narrowed, archived="false") == ({one, three}, 2, {one, three}), narrowed
    assert (await gateway.get(f"/v1/incidents/{two}")).json()["item"]["archived"] is True, "by its id it is still found"
    await projector.write(2, lambda at, by: Restored(at=at, by=by))
    assert await found() == ({one, two, three}, 3, {one, two, three})
