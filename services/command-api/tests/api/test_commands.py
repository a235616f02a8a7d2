"""An acknowledged command is in the log, once, at the version that was told (promise 1), through every door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from command_api.api.doors import DOORS
from opsroom_domain.registry import KINDS

from ..house import House, house, is_problem


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


def test_every_command_of_the_domain_has_a_door() -> None:
    assert {(door.kind, door.name) for door in DOORS} == {(kind.name, name) for kind in KINDS.values() for name in kind.commands}


async def test_an_open_is_answered_with_the_row_and_its_place_in_the_log(room: House) -> None:
    incident_id, key = room.ids.entity_id("inc"), room.ids.uuid7()
    answer = await room.post("/v1/incidents", {"id": incident_id, "title": "Disk full", "severity": "sev2"}, key=key)
    assert answer.status_code == 201
    body = answer.json()
    event = room.events()[0]
    assert body["command_id"] == key == event.command_id
    assert body["replayed"] is False
    assert body["log"] == {"partition": event.partition, "offset": event.offset}
    (entity,) = body["entities"]
    assert (entity["id"], entity["kind"], entity["version"], body["version"]) == (incident_id, "incident", 1, 1)
    assert entity["row"]["title"] == "Disk full"
    assert entity["row"]["severity"] == "sev2"
    assert answer.headers["location"] == f"/v1/incidents/{incident_id}"


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    one, other = await room.opened(), await room.opened()
    at = f"/v1/incidents/{one}"
    steps: list[tuple[str, dict[str, object], list[str]]] = [
        (f"{at}/acknowledge", {}, ["acknowledged"]),
        (f"{at}/assign", {"seen": None, "to": "usr_maria"}, ["assigned"]),
        (f"{at}/severity", {"seen": "sev3", "to": "sev1"}, ["severity_changed"]),
        (f"{at}/status", {"seen": "acknowledged", "to": "investigating"}, ["status_changed"]),
        (at, {"changes": {"title": {"seen": "Disk full", "to": "Disk full on db-1"}}}, ["edited"]),
        (f"{at}/notes", {"text": "Looking."}, ["noted"]),
        (f"{at}/links", {"target": other, "relation": "caused-by"}, ["linked"]),
        (f"{at}/unlink", {"target": other, "relation": "caused-by"}, ["unlinked"]),
        (f"{at}/labels", {"add": ["db"], "remove": []}, ["labels_changed"]),
        (f"{at}/watchers", {"add": ["usr_ben"]}, ["watchers_changed"]),
        (f"{at}/visibility", {"seen": "everyone", "to": "team"}, ["visibility_changed"]),
        (f"{at}/escalate", {"reason": "no answer"}, ["escalated"]),
        (f"{at}/resolve", {"resolution": "space freed"}, ["resolved"]),
        (f"{at}/reopen", {"reason": "full again"}, ["reopened"]),
        (
            f"{at}/signals",
            {"fingerprint": "f1", "status": "firing", "starts_at": "2026-11-22T11:00:00Z", "name": "DiskFull", "source": "probe"},
            ["signal_attached"],
        ),
        (f"{at}/merge", {"into": other}, ["merged"]),
    ]
    for version, (path, body, expected) in enumerate(steps, start=2):
        before = len(room.events())
        answer = await room.post(path, body)
        assert answer.status_code == 200, (path, answer.text)
        fresh = [e for e in room.events() if e.entity_id == one][version - 1 :]
        assert [e.envelope.type.rsplit(".", 1)[1] for e in fresh] == expected, path
        assert answer.json()["version"] == version
        assert len(room.events()) == before + 1


async def test_a_repeated_command_has_no_second_effect(room: House) -> None:
    incident_id = await room.opened()
    key = room.ids.uuid7()
    first = await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "once"}, key=key)
    again = await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "once"}, key=key)
    assert (first.json()["replayed"], again.json()["replayed"]) == (False, True)
    assert first.json()["log"] == again.json()["log"]
    assert room.types().count("noted") == 1


async def test_a_body_is_the_same_command_however_it_is_spelled(room: House) -> None:
    incident_id, key = room.ids.entity_id("inc"), room.ids.uuid7()
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    first = await room.http.post("/v1/incidents", content=f'{{"id": "{incident_id}", "title": "x"}}', headers=headers)
    again = await room.http.post("/v1/incidents", content=f'{{"title":"x",\n "id":"{incident_id}"}}', headers=headers)
    assert (first.status_code, again.status_code, again.json()["replayed"]) == (201, 201, True)


async def test_a_key_with_another_body_is_refused(room: House) -> None:
    incident_id, key = await room.opened(), room.ids.uuid7()
    await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "one"}, key=key)
    body = is_problem(await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "two"}, key=key), 422, "idempotency-key-reused")
    assert (body["command_id"], body["applied"]) == (key, False)
    assert room.types().count("noted") == 1


async def test_who_and_why_stand_in_the_record(room: House) -> None:
    incident_id = await room.opened()
    await room.post(
        f"/v1/incidents/{incident_id}/acknowledge",
        {},
        X_Dev_Actor="usr_maria",
        X_Dev_Role="operator",
        X_Correlation_Id="cor-1",
        X_Causation_Id="cau-1",
        X_Reason="on-call",
        X_Proposal_Id="prop_1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    envelope = room.events()[-1].envelope
    assert (envelope.actor, envelope.role) == ("usr_maria", "operator")
    assert (envelope.correlation_id, envelope.causation_id, envelope.reason, envelope.proposal_id) == (
        "cor-1",
        "cau-1",
        "on-call",
        "prop_1",
    )
    assert envelope.traceparent is not None
    assert envelope.traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_note_keeps_its_id_on_a_retry(room: House) -> None:
    incident_id, key = await room.opened(), room.ids.uuid7()
    await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x"}, key=key)
    answer = await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x"}, key=key)
    notes = answer.json()["entities"][0]["row"]["notes"]
    assert notes["count"] == 1
    assert notes["recent"][0]["id"].startswith("note_")
