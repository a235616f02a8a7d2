"""Every command of a task over HTTP, and every refusal with its status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ..house import House, house, is_problem
from .steps import comments_can_be_changed, shared_steps, walk


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def created(room: House, **more: object) -> str:
    return await room.created("tasks", "tsk", **{"title": "Rotate the keys"} | more)


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    incident = await room.opened()
    due = "2026-11-30T12:00:00+02:00"
    task = await created(room, priority="high", assignee=None, due_at=due, parent=incident, labels=["security"])
    at = f"/v1/tasks/{task}"
    row = await room.row(at, task)
    assert (row["due_at"], row["parent"], row["priority"], row["code"]) == (
        "2026-11-30T10:00:00.000000Z",
        incident,
        "high",
        f"TSK-{task[-8:]}".upper(),
    )
    await walk(room, task, shared_steps(at, "Rotate the keys", incident))
    await comments_can_be_changed(room, at, task)
    own: dict[str, object] = {"item_id": "mine", "text": "db-1"}
    steps: list[tuple[str, dict[str, object], list[str]]] = [
        (f"{at}/checklist", own, ["item_added"]),
        (f"{at}/checklist", {"item_id": "second", "text": "db-2", "before": "mine"}, ["item_added"]),
        (f"{at}/checklist/tick", {"item_id": "mine", "ticked": True}, ["item_ticked"]),
        (f"{at}/checklist/edit", {"item_id": "mine", "seen": "db-1", "to": "db-9"}, ["item_edited"]),
        (f"{at}/checklist/move", {"item_id": "second", "before": None}, ["item_moved"]),
        (f"{at}/checklist/remove", {"item_id": "second"}, ["item_removed"]),
        (f"{at}/status", {"seen": "to_do", "to": "blocked", "reason": "no access"}, ["status_changed"]),
        (f"{at}/priority", {"seen": "high", "to": "urgent"}, ["priority_changed"]),
        (f"{at}/due-date", {"seen": "2026-11-30T10:00:00Z", "to": None}, ["due_date_changed"]),
        (f"{at}/parent", {"seen": incident, "to": None}, ["parent_changed"]),
        (f"{at}/complete", {}, ["completed"]),
        (f"{at}/complete", {}, []),
        (f"{at}/reopen", {"reason": "one is left"}, ["reopened"]),
        (f"{at}/cancel", {"reason": "not needed"}, ["cancelled"]),
    ]
    await walk(room, task, steps)


async def test_an_item_takes_its_id_from_the_command_and_a_repeat_adds_no_second(room: House) -> None:
    task, key = await created(room), room.ids.uuid7()
    for _ in range(2):
        await room.post(f"/v1/tasks/{task}/checklist", {"text": "db-1"}, key=key)
    (item,) = (await room.row(f"/v1/tasks/{task}", task))["checklist"]
    assert item["id"].startswith("itm_")


async def test_many_people_tick_at_once_and_every_tick_stays(room: House) -> None:
    task = await created(room)
    at = f"/v1/tasks/{task}/checklist"
    for number in range(20):
        await room.post(at, {"item_id": f"i{number}", "text": f"db-{number}"})
    ticks = [
        room.post(f"{at}/tick", {"item_id": f"i{number}", "ticked": True}, X_Dev_Actor=f"usr_{person}")
        for number in range(20)
        for person in ("maria", "ben")
    ]
    answers = await asyncio.gather(*ticks)
    assert {answer.status_code for answer in answers} == {200}
    checklist = (await room.row(f"/v1/tasks/{task}", task))["checklist"]
    assert all(item["ticked_by"] in {"usr_maria", "usr_ben"} for item in checklist)
    assert room.types().count("item_ticked") == 20, "each item was ticked once, by whoever came first"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/status", {"seen": "to_do", "to": "done"}, 422, "bad-status"),
        ("/status", {"seen": "blocked", "to": "in_progress"}, 409, "edit-conflict"),
        ("/status", {"seen": "to_do", "to": "finished"}, 400, "invalid-request"),
        ("/reopen", {"reason": "x"}, 409, "not-over"),
        ("/priority", {"seen": "low", "to": "high"}, 409, "edit-conflict"),
        ("/due-date", {"seen": "2026-11-30T10:00:00Z", "to": "2026-11-29T10:00:00Z"}, 409, "edit-conflict"),
        ("/due-date", {"seen": None, "to": "2026-11-29T10:00:00"}, 400, "invalid-request"),
        ("/due-date", {"seen": None, "to": "0001-01-01T00:00:00+14:00"}, 400, "invalid-request"),
        ("/parent", {"seen": None, "to": "pol_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 422, "bad-id"),
        ("/checklist", {"text": " "}, 422, "blank"),
        ("/checklist", {"text": "x", "before": "gone"}, 409, "no-such-item"),
        ("/checklist/tick", {"item_id": "gone", "ticked": True}, 409, "no-such-item"),
        ("/checklist/tick", {"item_id": "gone"}, 400, "invalid-request"),
        ("/checklist/move", {"item_id": "gone", "before": None}, 409, "no-such-item"),
        ("/checklist/edit", {"item_id": "gone", "seen": "", "to": "x"}, 409, "no-such-item"),
    ],
)
async def test_a_refusal_has_its_status_and_changes_nothing(
    room: House, path: str, body: dict[str, object], status: int, code: str
) -> None:
    task = await created(room)
    is_problem(await room.post(f"/v1/tasks/{task}{path}", body), status, code)
    assert room.types() == ["created"]


async def test_a_stale_due_date_is_told_who_changed_it_and_when(room: House) -> None:
    task = await created(room)
    first = {"seen": None, "to": "2026-11-30T10:00:00Z"}
    await room.post(f"/v1/tasks/{task}/due-date", first, X_Dev_Actor="usr_maria")
    answer = await room.post(f"/v1/tasks/{task}/due-date", {"seen": None, "to": "2026-11-29T10:00:00Z"})
    (conflict,) = is_problem(answer, 409, "edit-conflict")["conflicts"]
    assert (conflict["field"], conflict["current"], conflict["changed_by"]) == ("due_at", "2026-11-30T10:00:00.000000Z", "usr_maria")


async def test_what_is_over_says_how_to_go_on(room: House) -> None:
    task = await created(room)
    await room.post(f"/v1/tasks/{task}/complete", {})
    body = is_problem(await room.post(f"/v1/tasks/{task}/cancel", {"reason": "x"}), 409, "over")
    assert "reopen" in body["detail"]
    is_problem(await room.post("/v1/tasks", {"id": task, "title": "Again"}), 409, "already-exists")
    is_problem(await room.post(f"/v1/tasks/{room.ids.entity_id('tsk')}/complete", {}), 404, "not-found")
