"""A batch that is wrong as a whole is one problem, and nothing of it is begun."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from command_api.api.batch import COMMANDS_MAX, PATH
from opsroom_common.runtime.ids import unix_ms, uuid7_of

from ..house import BATCH_MAX, BODY_MAX, House, fields, house, is_problem
from .batches import codes, item, note, opening, outcomes, send, statuses

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


@pytest.fixture
async def untouched(room: House) -> AsyncIterator[House]:
    yield room
    assert room.types() == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"commands": [NaN]}', b'{"commands": ' + b"[" * 2000])
async def test_a_batch_that_is_not_json_is_400(untouched: House, content: bytes) -> None:
    is_problem(await untouched.http.post(PATH, content=content, headers=JSON), 400, "malformed-json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ("text", ""),
        (7, ""),
        ({}, "commands"),
        ({"commands": {}}, "commands"),
        ({"commands": None}, "commands"),
        ({"commands": "text"}, "commands"),
        ({"commands": []}, "commands"),
        ({"commands": [{}], "atomic": True}, "atomic"),
    ],
)
async def test_a_batch_that_is_no_list_of_commands_is_400(untouched: House, body: object, field: str) -> None:
    assert fields(is_problem(await untouched.http.post(PATH, json=body), 400, "invalid-request")) == [field]


async def test_more_commands_than_a_batch_may_hold_are_400(untouched: House) -> None:
    answer = await send(untouched, [opening(untouched) for _ in range(COMMANDS_MAX + 1)])
    body = is_problem(answer, 400, "invalid-request")
    assert fields(body) == ["commands"]
    assert str(COMMANDS_MAX) in body["detail"]


@pytest.mark.parametrize("change", [{"command": "incident.acknowledge"}, {"entity": "inc_1"}, {"body": {}}, {"more": 1}])
async def test_one_id_before_two_different_commands_is_422(untouched: House, change: dict[str, object]) -> None:
    first = note(untouched, untouched.ids.entity_id("inc"))
    answer = await send(untouched, [opening(untouched), first, first | change])
    assert is_problem(answer, 422, "idempotency-key-reused")["applied"] is False


async def test_a_batch_above_its_limit_is_413(untouched: House) -> None:
    long = "x" * (BATCH_MAX // 100)
    answer = await send(untouched, [opening(untouched, title=long) for _ in range(101)])
    assert is_problem(answer, 413, "body-too-large")["limit_bytes"] == BATCH_MAX


async def test_a_batch_that_is_not_declared_as_json_is_415(untouched: House) -> None:
    is_problem(await untouched.http.post(PATH, content=b"{}"), 415, "unsupported-media-type")


async def test_free_text_in_a_header_is_400(untouched: House) -> None:
    is_problem(await send(untouched, [opening(untouched)], X_Reason="Maria said so"), 400, "invalid-header")


async def test_nobody_is_401() -> None:
    async with house(dev_identity=None) as room:
        is_problem(await send(room, [opening(room)]), 401, "not-signed-in")


async def test_another_method_is_405(untouched: House) -> None:
    is_problem(await untouched.http.get(PATH), 405, "method-not-allowed")


async def test_a_body_above_the_limit_of_its_own_door_is_413_for_that_command(room: House) -> None:
    told = await outcomes(room, [opening(room, description="x" * BODY_MAX), opening(room)])
    assert (statuses(told), codes(told)[0]) == ([413, 201], "body-too-large")
    assert told[0]["body"]["limit_bytes"] == BODY_MAX


async def test_an_id_that_is_no_command_id_is_400_for_that_command(room: House) -> None:
    future = uuid7_of(unix_ms(room.clock.now()) + 301_000, bytes(10))
    keys = ["x", "", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", "y" * 10_000, future]
    told = await outcomes(room, [opening(room) | {"id": key} for key in keys])
    assert codes(told) == ["idempotency-key-invalid"] * 4 + ["idempotency-key-from-future"]
    assert told[3]["id"] is None


@pytest.mark.parametrize("missing", ["id", "command", "body"])
async def test_a_missing_member_is_400_and_named(room: House, missing: str) -> None:
    sent = opening(room)
    del sent[missing]
    told = await outcomes(room, [sent, opening(room)])
    assert statuses(told) == [400, 201]
    assert fields(told[0]["body"]) == [missing]


@pytest.mark.parametrize("wrong", [{"headers": {}}, {"id": 1}, {"command": None}, {"entity": 5}, {"body": "text"}, {"body": []}])
async def test_an_unknown_or_wrong_member_is_400_and_named(room: House, wrong: dict[str, object]) -> None:
    told = await outcomes(room, [note(room, room.ids.entity_id("inc")) | wrong])
    assert fields(told[0]["body"]) == list(wrong)


async def test_a_wrong_field_of_a_body_is_named_as_at_its_own_door(room: House) -> None:
    told = await outcomes(room, [opening(room, colour="red"), opening(room, severity="sev9"), opening(room, labels=["db", 5])])
    assert [fields(outcome["body"]) for outcome in told] == [["colour"], ["severity"], ["labels[1]"]]


async def test_an_unknown_command_is_400_and_told_the_known_ones(room: House) -> None:
    sent = [opening(room) | {"command": name} for name in ("open", "incident.explode", "task.open", "x" * 5_000)]
    told = await outcomes(room, sent)
    assert codes(told) == ["unknown-command"] * 4
    assert all("incident.acknowledge" in outcome["body"]["detail"] for outcome in told)


async def test_an_entity_is_named_where_the_door_has_it(room: House) -> None:
    """An open names it in its body, everything else beside it."""
    one = await room.opened()
    sent = [item(room, "acknowledge", {}), opening(room) | {"entity": one}, item(room, "acknowledge", {}, "inc_x")]
    told = await outcomes(room, sent)
    assert statuses(told) == [400] * 3
    assert codes(told) == ["invalid-id", "invalid-request", "invalid-id"]


async def test_a_private_value_is_not_repeated_in_the_answer(room: House) -> None:
    answer = await send(room, [opening(room, "hunter2-secret"), {"id": {"hunter2": 1}}, opening(room) | {"body": "hunter2"}])
    assert "hunter2" not in answer.text
