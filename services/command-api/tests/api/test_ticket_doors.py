"""Every command of a ticket over HTTP, and every refusal with its status."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ..house import House, house, is_problem
from .steps import comments_can_be_changed, shared_steps, walk

TARGETS = [{"priority": "normal", "response_s": 600, "resolution_s": 3600}]


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def created(room: House, **more: object) -> str:
    return await room.created("tickets", "tkt", **{"title": "Help", "requester": "usr_carla", "channel": "email"} | more)


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    incident, ticket = await room.opened(), await created(room)
    at = f"/v1/tickets/{ticket}"
    await walk(room, ticket, shared_steps(at, "Help", incident))
    await comments_can_be_changed(room, at, ticket)
    steps: list[tuple[str, dict[str, object], list[str]]] = [
        (f"{at}/notes", {"text": "VIP"}, ["noted"]),
        (f"{at}/replies", {"text": "We look"}, ["replied", "status_changed"]),
        (f"{at}/status", {"seen": "open", "to": "pending"}, ["status_changed"]),
        (f"{at}/replies", {"text": "Here", "from_requester": True}, ["replied", "status_changed"]),
        (f"{at}/priority", {"seen": "normal", "to": "high"}, ["priority_changed"]),
        (f"{at}/sla/check", {}, []),
        (f"{at}/solve", {"resolution": "Reset"}, ["solved"]),
        (f"{at}/reopen", {"reason": "not quite"}, ["reopened"]),
        (f"{at}/solve", {}, ["solved"]),
        (f"{at}/close", {}, ["closed"]),
    ]
    await walk(room, ticket, steps)


async def test_due_times_follow_from_the_targets_and_the_clock_of_the_log(room: House) -> None:
    ticket = await created(room, targets=TARGETS)
    at = f"/v1/tickets/{ticket}"
    start = room.clock.now()
    assert (await room.row(at, ticket))["sla_due_at"].startswith(start.replace(minute=start.minute + 10).isoformat()[:16])
    room.clock.advance(601)
    await walk(room, ticket, [(f"{at}/sla/check", {}, ["sla_breached"])])
    await walk(room, ticket, [(f"{at}/status", {"seen": "new", "to": "pending"}, ["status_changed"])])
    row = await room.row(at, ticket)
    assert (row["breached"], row["sla_due_at"], row["clock"]["since"]) == (["response"], None, None)


async def test_the_requesters_own_reply_reopens_what_was_solved(room: House) -> None:
    ticket = await created(room)
    await room.post(f"/v1/tickets/{ticket}/solve", {})
    answer = await room.post(f"/v1/tickets/{ticket}/replies", {"text": "It is back"}, X_Dev_Actor="usr_carla")
    assert answer.json()["entities"][0]["row"]["status"] == "open"
    assert room.types()[-2:] == ["replied", "reopened"]


async def test_a_repeated_reply_is_one_reply(room: House) -> None:
    ticket, key = await created(room), room.ids.uuid7()
    for _ in range(2):
        await room.post(f"/v1/tickets/{ticket}/replies", {"text": "We look"}, key=key)
    replies = (await room.row(f"/v1/tickets/{ticket}", ticket))["replies"]
    assert (replies["count"], replies["recent"][0]["id"][:4]) == (1, "rpl_")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/status", {"seen": "new", "to": "solved"}, 422, "bad-status"),
        ("/status", {"seen": "open", "to": "pending"}, 409, "edit-conflict"),
        ("/status", {"seen": "new", "to": "later"}, 400, "invalid-request"),
        ("/replies", {"text": " "}, 422, "blank"),
        ("/notes", {"text": ""}, 422, "blank"),
        ("/reopen", {"reason": "x"}, 409, "not-solved"),
        ("/close", {}, 409, "not-solved"),
        ("/priority", {"seen": "low", "to": "high"}, 409, "edit-conflict"),
    ],
)
async def test_a_refusal_has_its_status_and_changes_nothing(
    room: House, path: str, body: dict[str, object], status: int, code: str
) -> None:
    ticket = await created(room)
    is_problem(await room.post(f"/v1/tickets/{ticket}{path}", body), status, code)
    assert room.types() == ["created"]


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"requester": "Carla"}, 400, "invalid-request"),
        ({"channel": "pigeon"}, 400, "invalid-request"),
        ({"targets": [{"priority": "low", "response_s": 0}]}, 400, "invalid-request"),
        ({"targets": [{"priority": "low", "response_s": 1.5}]}, 400, "invalid-request"),
        ({"targets": [{"priority": "low"}, {"priority": "low"}]}, 422, "bad-target"),
        ({"targets": [{"priority": "low", "response_s": 2, "resolution_s": 1}]}, 422, "bad-target"),
    ],
)
async def test_a_new_ticket_has_to_be_right(room: House, wrong: dict[str, object], status: int, code: str) -> None:
    body = {"id": room.ids.entity_id("tkt"), "title": "Help", "requester": "usr_carla", "channel": "email"} | wrong
    is_problem(await room.post("/v1/tickets", body), status, code)
    assert room.types() == []


async def test_a_closed_ticket_says_where_to_go_on(room: House) -> None:
    ticket = await created(room)
    await room.post(f"/v1/tickets/{ticket}/solve", {})
    await room.post(f"/v1/tickets/{ticket}/close", {})
    for path, sent in (("replies", {"text": "Hello?"}), ("reopen", {"reason": "x"}), ("status", {"seen": "closed", "to": "open"})):
        body = is_problem(await room.post(f"/v1/tickets/{ticket}/{path}", sent), 409, "closed")
        assert "another ticket" in body["detail"]
    is_problem(await room.post(f"/v1/tickets/{ticket}/solve", {"resolution": "Other"}), 409, "already-solved")
