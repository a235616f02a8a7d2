"""What the engine cannot promise, the answer does not promise: status, Retry-After, the command id, and whether anything was applied."""

from __future__ import annotations

import pytest

from command_api.engine.port import (
    Accepted,
    CommandRequest,
    CommandTooLarge,
    DeadlinePassed,
    EngineError,
    EntityParked,
    NotServing,
    OutcomeUnknown,
    Overloaded,
    PartitionStatus,
    RecordSkipped,
)
from opsroom_common.log.entity import Entity
from opsroom_domain.ids import EntityId

from ..house import house, is_problem


class FailingEngine:
    """An engine that answers every command with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def submit(self, request: CommandRequest) -> Accepted:
        raise self._error

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        raise self._error

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        raise self._error

    def status(self) -> tuple[PartitionStatus, ...]:
        return ()


@pytest.mark.parametrize(
    ("error", "status", "applied", "retry"),
    [
        (NotServing("no owner; repeat the command with the same id"), 503, False, True),
        (Overloaded(), 503, False, True),
        (DeadlinePassed(), 503, False, True),
        (OutcomeUnknown(), 503, None, True),
        (EntityParked(), 423, False, False),
        (CommandTooLarge(), 413, False, False),
    ],
)
async def test_an_error_of_the_engine_says_what_is_known(error: EngineError, status: int, applied: bool | None, retry: bool) -> None:
    async with house(engine=FailingEngine(error)) as room:
        key = room.ids.uuid7()
        answer = await room.post(f"/v1/incidents/{room.ids.entity_id('inc')}/acknowledge", {}, key=key)
        body = is_problem(answer, status, error.code)
        assert (body["command_id"], body["applied"]) == (key, applied)
        assert ("retry-after" in answer.headers) is retry


async def test_what_nobody_expected_is_500_without_a_stack_trace() -> None:
    async with house(engine=FailingEngine(RuntimeError("the secret is 42"))) as room:
        answer = await room.post(f"/v1/incidents/{room.ids.entity_id('inc')}/acknowledge", {})
        body = is_problem(answer, 500, "unexpected")
        assert "42" not in answer.text
        assert body["trace"]


async def test_nobody_is_401_where_no_identity_is_configured() -> None:
    async with house(dev_identity=None) as room:
        answer = await room.post("/v1/incidents", {}, X_Dev_Actor="usr_maria", X_Dev_Role="admin")
        is_problem(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        is_problem(await room.http.post("/v1/signals/alertmanager", json={}), 401, "not-signed-in")


@pytest.mark.parametrize(
    ("role", "path", "roles"), [("viewer", "acknowledge", ["operator", "admin"]), ("operator", "visibility", ["admin"])]
)
async def test_a_role_that_does_not_suffice_is_403_and_the_missing_one_named(role: str, path: str, roles: list[str]) -> None:
    async with house() as room:
        answer = await room.post(f"/v1/incidents/{room.ids.entity_id('inc')}/{path}", {}, X_Dev_Role=role)
        assert is_problem(answer, 403, "role-missing")["roles"] == roles
        assert room.types() == []


async def test_one_actor_too_often_is_429_and_others_are_not_held_up() -> None:
    async with house(per_second=2, burst=3) as room:
        path = f"/v1/incidents/{room.ids.entity_id('inc')}/acknowledge"
        assert [(await room.post(path, {})).status_code for _ in range(3)] == [404] * 3
        answer = await room.post(path, {})
        is_problem(answer, 429, "too-many-commands")
        assert answer.headers["retry-after"] == "1"
        assert (await room.post(path, {}, X_Dev_Actor="usr_other")).status_code == 404
        room.clock.advance(0.5)
        assert [(await room.post(path, {})).status_code for _ in range(2)] == [404, 429]


async def test_readyz_names_what_is_degraded() -> None:
    from opsroom_common.runtime.health import Check

    async with house() as room:
        room.readiness.add("signals", lambda: Check(ok=False, reason="Postgres is away"), required=False)
        answer = await room.http.get("/readyz")
        assert (answer.status_code, answer.json()["status"], answer.json()["degraded"]) == (200, "degraded", ["signals"])
        assert answer.json()["checks"]["signals"]["reason"] == "Postgres is away"


async def test_commands_are_counted_by_what_became_of_them() -> None:
    async with house() as room:
        incident_id = await room.opened()
        await room.post(f"/v1/incidents/{incident_id}/reopen", {"reason": "x"})
        text = (await room.http.get("/metrics")).text
        assert 'opsroom_commands_total{command="incident.open",outcome="ok"} 1.0' in text
        assert 'opsroom_commands_total{command="incident.reopen",outcome="not-resolved"} 1.0' in text
