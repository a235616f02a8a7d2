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
    taken = {(kind.name, name) for kind in KINDS.values() for name in kind.commands if name not in kind.process_only}
    assert {(door.kind, door.name) for door in DOORS} == taken


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
        (f"{at}/services", {"add": ["checkout"]}, ["services_changed"]),
        (f"{at}/duties", {"duty": "commander", "seen": None, "to": "usr_maria"}, ["duty_changed"]),
        (f"{at}/split", {"into": room.ids.entity_id("inc"), "title": "Another disk", "fingerprints": ["f1"]}, ["split_started"]),
        (f"{at}/resolve", {"resolution": "space freed again"}, ["resolved"]),
        (f"{at}/postmortem", {}, ["postmortem_started"]),
        (f"{at}/postmortem", {"changes": {"summary": {"seen": "", "to": "It was full."}}}, ["postmortem_edited"]),
        (f"{at}/postmortem/picks", {"version": 1, "note": "The first sign"}, ["event_picked"]),
        (f"{at}/postmortem/unpick", {"version": 1}, ["event_unpicked"]),
        (f"{at}/postmortem/follow-ups", {"title": "Rotate the logs"}, ["follow_up_asked"]),
        (f"{at}/postmortem/ask-review", {}, ["review_asked"]),
        (f"{at}/postmortem/review", {"verdict": "changes_requested", "note": "Say who"}, ["reviewed"]),
    ]
    for version, (path, body, expected) in enumerate(steps, start=2):
        before = len(room.events())
        answer = await room.post(path, body)
        assert answer.status_code == 200, (path, answer.text)
        fresh = [e for e in room.events() if e.entity_id == one][version - 1 :]
        assert [e.envelope.type.rsplit(".", 1)[1] for e in fresh] == expected, path
        assert answer.json()["version"] == version
        assert len(room.events()) == before + 1


async def test_a_merge_is_told_as_pending(room: House) -> None:
    one, other = await room.opened(), await room.opened()
    answer = await room.post(f"/v1/incidents/{one}/merge", {"into": other})
    row = answer.json()["entities"][0]["row"]
    assert (answer.status_code, row["status"], row["merged_into"]) == (200, "merged", other)
    assert row["merge"] == {"into": other, "standing": "pending", "before": "open", "reason": "", "heard": None}


@pytest.mark.parametrize("verb", ["take-over", "take_over", "complete-merge", "link-back", "settle-link"])
async def test_what_only_a_process_may_do_has_no_door(room: House, verb: str) -> None:
    answer = await room.post(f"/v1/incidents/{await room.opened()}/{verb}", {})
    assert answer.status_code in {404, 405}


async def test_an_author_does_not_approve_the_own_postmortem(room: House) -> None:
    at = f"/v1/incidents/{await room.opened()}"
    for path, body in (
        ("/resolve", {}),
        ("/postmortem", {"template": "short"}),
        ("/postmortem", {"changes": {"summary": {"seen": "", "to": "It was full."}}}),
        ("/postmortem/ask-review", {}),
    ):
        assert (await room.post(at + path, body)).status_code == 200
    approve = {"verdict": "approved"}
    is_problem(await room.post(f"{at}/postmortem/review", approve), 409, "own-postmortem")
    answer = await room.post(f"{at}/postmortem/review", approve, X_Dev_Actor="usr_ben", X_Dev_Role="operator")
    assert answer.json()["entities"][0]["row"]["postmortem"]["reviewed_by"] == "usr_ben"


async def test_a_lost_edit_of_a_section_says_who_wrote_it(room: House) -> None:
    at = f"/v1/incidents/{await room.opened()}"
    for path, body in (("/resolve", {}), ("/postmortem", {})):
        assert (await room.post(at + path, body)).status_code == 200
    edit = {"changes": {"summary": {"seen": "", "to": "It was full."}}}
    assert (await room.post(f"{at}/postmortem", edit)).status_code == 200
    other = {"changes": {"summary": {"seen": "", "to": "It was slow."}}}
    body = is_problem(await room.post(f"{at}/postmortem", other), 409, "edit-conflict")
    (conflict,) = body["conflicts"]
    assert (conflict["field"], conflict["current"], conflict["changed_by"]) == ("postmortem.summary", "It was full.", "usr_dev")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/split", {"into": "inc_01k0000000000000000000000a", "title": "x", "fingerprints": ["f9"]}, 409, "no-such-signal"),
        ("/split", {"into": "inc_01k0000000000000000000000a", "title": "x", "fingerprints": []}, 400, "invalid-request"),
        ("/services", {"add": ["Not a service"]}, 400, "invalid-request"),
        ("/duties", {"duty": "cook", "seen": None, "to": None}, 400, "invalid-request"),
        ("/duties", {"duty": "commander", "seen": "usr_ben", "to": "usr_maria"}, 409, "edit-conflict"),
        ("/postmortem", {}, 409, "not-resolved"),
        ("/postmortem/review", {"verdict": "draft"}, 400, "invalid-request"),
        ("/links", {"target": "inc_01k0000000000000000000000a", "relation": "likes"}, 422, "bad-relation"),
    ],
)
async def test_what_cannot_be_is_refused_with_what_to_do(room: House, path: str, body: dict[str, object], status: int, code: str) -> None:
    is_problem(await room.post(f"/v1/incidents/{await room.opened()}{path}", body), status, code)


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
