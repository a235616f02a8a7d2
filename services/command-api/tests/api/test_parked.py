"""The door for a parked entity: admins skip the record that nobody can handle; everybody else, and everything else, is told why not."""

from __future__ import annotations

import pytest

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import Skip
from opsroom_common.log.port import RawRecord

from ..house import House, house, is_problem

REASON = {"reason": "the writer's schema is lost"}


async def parked(room: House) -> tuple[str, int]:
    """An incident with an unreadable record behind its first, and the owner that has read it back."""
    incident_id = await room.opened()
    partition = room.log.partition_of(incident_id)
    first = next(raw for raw in room.log.records(partition) if raw.key == incident_id.encode())
    headers = dict(first.headers) | {"ce_entityversion": b"nobody knows", "ce_commandid": room.ids.uuid7().encode()}
    offset = room.log.land(partition, [RawRecord(first.key, b"\xff", tuple(headers.items()), 0)])
    await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "finds out"})
    await room.engine.serving(5.0)
    return incident_id, offset


async def test_an_admin_skips_and_commands_go_on() -> None:
    async with house() as room:
        incident_id, offset = await parked(room)
        is_problem(await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x"}), 423, "entity-parked")
        key = room.ids.uuid7()
        answer = await room.post(f"/v1/parked/{incident_id}/skip", {"offset": offset, **REASON}, key=key)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["command_id"], body["version"], body["replayed"], body["entities"]) == (key, 1, False, [])
        skip = decode(room.log.records(body["log"]["partition"])[body["log"]["offset"]])
        assert isinstance(skip, Skip)
        assert (skip.entity_id, skip.skipped, skip.reason, skip.envelope.role) == (incident_id, offset, REASON["reason"], "admin")
        again = await room.post(f"/v1/parked/{incident_id}/skip", {"offset": offset, **REASON}, key=key)
        assert again.json() == body | {"replayed": True}
        other = await room.post(f"/v1/parked/{incident_id}/skip", {"offset": offset, "reason": "another"}, key=key)
        is_problem(other, 422, "idempotency-key-reused")
        assert (await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "goes on"})).json()["version"] == 3, "2 waited behind"


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_other_roles_may_not(role: str) -> None:
    async with house() as room:
        incident_id, offset = await parked(room)
        answer = await room.post(f"/v1/parked/{incident_id}/skip", {"offset": offset, **REASON}, X_Dev_Role=role)
        assert is_problem(answer, 403, "role-missing")["roles"] == ["admin"]


async def test_what_is_not_parked_there_is_not_skipped() -> None:
    async with house() as room:
        incident_id, offset = await parked(room)
        wrong = is_problem(await room.post(f"/v1/parked/{incident_id}/skip", {"offset": 0, **REASON}), 409, "not-parked")
        assert f"parked at offset {offset}" in wrong["detail"]
        healthy = await room.opened()
        assert is_problem(await room.post(f"/v1/parked/{healthy}/skip", {"offset": 0, **REASON}), 409, "not-parked")["applied"] is False


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("nobody", {"offset": 1, **REASON}, "invalid-id"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": -1, **REASON}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": "1", **REASON}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": 1}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": 1, "reason": "  "}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": 1, "reason": "x" * 501}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": 1, "reason": "a\x00b"}, "invalid-request"),
        ("inc_01k2v9q3f4e5r6t7y8z9a0b1c2", {"offset": 1, "more": 1, **REASON}, "invalid-request"),
    ],
)
async def test_bad_input_is_named(path: str, body: dict[str, object], code: str) -> None:
    async with house() as room:
        is_problem(await room.post(f"/v1/parked/{path}/skip", body), 400, code)


async def test_without_an_id_of_its_own_nothing_is_skipped() -> None:
    async with house() as room:
        incident_id, offset = await parked(room)
        answer = await room.http.post(f"/v1/parked/{incident_id}/skip", json={"offset": offset, **REASON})
        assert answer.status_code == 400
        is_problem(await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x"}), 423, "entity-parked")
