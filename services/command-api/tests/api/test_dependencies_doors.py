"""The one entity that holds who waits for whom, over HTTP: no cycle, also when its halves come at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from opsroom_domain.entities.dependencies import DEPENDENCIES_ID

from ..house import House, house, is_problem
from .batches import codes, outcomes, statuses

BLOCK, UNBLOCK, FORGET = (f"/v1/dependencies/{last}" for last in ("block", "unblock", "forget"))


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


def tasks(room: House, count: int) -> list[str]:
    return [room.ids.entity_id("tsk") for _ in range(count)]


async def test_edges_come_and_go_through_the_doors(room: House) -> None:
    a, b, c = tasks(room, 3)
    answer = await room.post(BLOCK, {"task": a, "by": b})
    assert answer.status_code == 200
    (entity,) = answer.json()["entities"]
    assert (entity["id"], entity["kind"], entity["version"]) == (DEPENDENCIES_ID, "dependencies", 1)
    assert entity["row"]["blockers"] == {a: [b]}
    await room.post(BLOCK, {"task": b, "by": c})
    await room.post(UNBLOCK, {"task": a, "by": b})
    last = await room.post(FORGET, {"tasks": [c]})
    assert last.json()["entities"][0]["row"]["blockers"] == {}
    assert room.types() == ["blocked", "blocked", "unblocked", "forgotten"]


@pytest.mark.parametrize("round_", range(10))
async def test_of_two_halves_of_a_cycle_at_the_same_moment_exactly_one_wins(room: House, round_: int) -> None:
    a, b = tasks(room, 2)
    halves = [{"task": a, "by": b}, {"task": b, "by": a}]
    answers = await asyncio.gather(*(room.post(BLOCK, half) for half in (halves if round_ % 2 else reversed(halves))))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (lost,) = [answer for answer in answers if answer.status_code == 409]
    body = is_problem(lost, 409, "cycle")
    assert body["applied"] is False
    assert any(f"{first} → {second} → {first}" in body["detail"] for first, second in ((a, b), (b, a)))
    assert room.types() == ["blocked"]


async def test_of_a_long_cycle_added_at_once_one_edge_at_least_is_missing(room: House) -> None:
    ring = tasks(room, 12)
    answers = await asyncio.gather(*(room.post(BLOCK, {"task": task, "by": ring[n - 1]}) for n, task in enumerate(ring)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [409]


async def test_taking_away_what_is_not_there_is_no_error(room: House) -> None:
    a, b = tasks(room, 2)
    await room.post(BLOCK, {"task": a, "by": b})
    answer = await room.post(UNBLOCK, {"task": b, "by": a})
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


@pytest.mark.parametrize("path", [UNBLOCK, FORGET])
async def test_before_the_first_edge_there_is_nothing_to_take_away(room: House, path: str) -> None:
    a, b = tasks(room, 2)
    body = {"tasks": [a]} if path == FORGET else {"task": a, "by": b}
    answer = await room.post(path, body)
    is_problem(answer, 404, "not-found")
    assert room.types() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (BLOCK, {"task": "tsk_01kb3f9ph0e5wrt8z2v6q4n7xd", "by": "tsk_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 422, "blocks-itself"),
        (BLOCK, {"task": "tsk_01kb3f9ph0e5wrt8z2v6q4n7xd", "by": "inc_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 400, "invalid-request"),
        (BLOCK, {"task": "tsk_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 400, "invalid-request"),
        (FORGET, {"tasks": []}, 400, "invalid-request"),
    ],
)
async def test_a_refusal_has_its_status_and_changes_nothing(
    room: House, path: str, body: dict[str, object], status: int, code: str
) -> None:
    is_problem(await room.post(path, body), status, code)
    assert room.types() == []


async def test_a_viewer_may_not(room: House) -> None:
    a, b = tasks(room, 2)
    is_problem(await room.post(BLOCK, {"task": a, "by": b}, X_Dev_Role="viewer"), 403, "role-missing")


async def test_in_a_batch_the_entity_is_not_named_and_the_order_of_the_list_holds(room: House) -> None:
    a, b = tasks(room, 2)

    def item(name: str, task: str, by: str) -> dict[str, object]:
        return {"id": room.ids.uuid7(), "command": f"dependencies.{name}", "body": {"task": task, "by": by}}

    first = item("block", a, b)
    told = await outcomes(room, [first, item("block", b, a), item("unblock", a, b), item("block", b, a)])
    assert (statuses(told), codes(told)) == ([200, 409, 200, 200], ["ok", "cycle", "ok", "ok"])
    again = await room.post(BLOCK, first["body"], key=str(first["id"]))
    assert again.json()["replayed"] is True, "it is the same command as at its own door"
    told = await outcomes(room, [item("block", a, b) | {"entity": DEPENDENCIES_ID}])
    assert (statuses(told), codes(told)) == ([400], ["invalid-request"])
    assert "leave entity out" in told[0]["body"]["detail"]
