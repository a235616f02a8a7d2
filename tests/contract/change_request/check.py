"""A change request over HTTP, in the log, and as rows: what the page on adding a kind promises."""

from collections.abc import AsyncIterator

import orjson
import pytest

from opsroom_domain.registry import KINDS, kind_of_prefix
from projector.fold_batch import fold_batch
from projector.known import Absent

from ..house import House, house, is_problem


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def test_a_change_request_lives(room: House) -> None:
    one = room.ids.entity_id("chg")
    made = await room.post("/v1/change-requests", {"id": one, "title": "Resize the database", "labels": ["db"]}, X_Dev_Actor="usr_ada")
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/v1/change-requests/{one}"
    approve = {"seen": "proposed", "to": "approved"}
    is_problem(await room.post(f"/v1/change-requests/{one}/status", approve, X_Dev_Actor="usr_ada"), 409, "own-change")
    assert (await room.post(f"/v1/change-requests/{one}/comments", {"text": "Tonight?"}, X_Dev_Actor="usr_bo")).status_code == 200
    approved = await room.post(f"/v1/change-requests/{one}/status", approve, X_Dev_Actor="usr_bo")
    assert approved.json()["entities"][0]["row"]["decided_by"] == "usr_bo"
    edit = {"changes": {"title": {"seen": "Resize the database", "to": "Resize db-7"}}}
    assert (await room.post(f"/v1/change-requests/{one}", edit)).status_code == 200
    many = {"id": room.ids.uuid7(), "command": "change_request.change_labels", "entity": one, "body": {"add": ["tonight"]}}
    batch = await room.post("/v1/commands:batch", {"commands": [many]})
    assert [outcome["status"] for outcome in batch.json()["outcomes"]] == [200]
    assert room.types() == ["proposed", "comment_added", "status_changed", "edited", "labels_changed"]

    folded = fold_batch({one: Absent()}, room.events())
    (row,) = folded.entities
    assert (row.kind, row.title, row.status) == ("change_request", "Resize db-7", "approved")
    assert {"labels:db", "labels:tonight", "live:true", "proposed_by:usr_ada", "status:approved"} <= set(row.terms)
    assert next(each.words for each in folded.timeline) == "Proposed “Resize the database”"
    kind = kind_of_prefix("chg")
    assert kind is KINDS["change_request"]
    assert orjson.loads(row.state) == kind.to_json(kind.from_json(orjson.loads(row.state)))
