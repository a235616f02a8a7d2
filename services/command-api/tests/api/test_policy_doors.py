"""Every command of a policy over HTTP, and every refusal with its status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ..house import House, house, is_problem
from .steps import comments_can_be_changed, shared_steps, walk

STEP = {"after_min": 0, "notify": ["team:payments"], "transport": "chat"}
NEXT = {"after_min": 15, "notify": ["usr_maria"], "transport": "email", "repeats": 2, "every_min": 10}
RULE = {"notify": ["assignee"], "transport": "email", "kinds": ["incident"], "events": ["resolved"], "severities": ["sev1"]}
NIGHT = {"from_min": 1320, "to_min": 360, "offset_min": 60}


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def created(room: House, **more: object) -> str:
    return await room.created("policies", "pol", **{"title": "Night", "type": "escalation"} | more)


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    incident, policy = await room.opened(), await created(room)
    at = f"/v1/policies/{policy}"
    await walk(room, policy, shared_steps(at, "Night", incident))
    await comments_can_be_changed(room, at, policy)
    steps: list[tuple[str, dict[str, object], list[str]]] = [
        (f"{at}/draft/scope", {"field": "services", "seen": [], "to": ["api"]}, ["scope_changed"]),
        (f"{at}/draft/steps", {"seen": [], "to": [STEP, NEXT]}, ["steps_changed"]),
        (f"{at}/draft/rules", {"seen": [], "to": [RULE]}, ["rules_changed"]),
        (f"{at}/draft/quiet-hours", {"seen": [], "to": [NIGHT]}, ["quiet_hours_changed"]),
        (f"{at}/publish", {"revision": 4}, ["published"]),
        (f"{at}/activate", {"seen": None, "to": 1}, ["activated"]),
        (f"{at}/deactivate", {}, ["deactivated"]),
        (f"{at}/deactivate", {}, []),
    ]
    await walk(room, policy, steps)
    row = await room.row(at, policy)
    assert row["versions"][0]["content"] == row["draft"]
    assert row["draft"]["steps"][1] == NEXT


async def test_people_who_change_different_parts_of_the_draft_at_once_all_succeed(room: House) -> None:
    policy = await created(room)
    at = f"/v1/policies/{policy}/draft"
    parts = [
        room.post(f"{at}/scope", {"field": "services", "seen": [], "to": ["api"]}),
        room.post(f"{at}/scope", {"field": "severities", "seen": [], "to": ["sev1"]}),
        room.post(f"{at}/steps", {"seen": [], "to": [STEP]}),
        room.post(f"{at}/quiet-hours", {"seen": [], "to": [NIGHT]}),
    ]
    assert [answer.status_code for answer in await asyncio.gather(*parts)] == [200] * 4


async def test_a_stale_edit_of_the_draft_gets_both_values_and_who(room: House) -> None:
    policy = await created(room)
    at = f"/v1/policies/{policy}/draft/steps"
    await room.post(at, {"seen": [], "to": [STEP]}, X_Dev_Actor="usr_maria")
    (conflict,) = is_problem(await room.post(at, {"seen": [], "to": [NEXT]}), 409, "edit-conflict")["conflicts"]
    assert (conflict["field"], conflict["seen"], conflict["changed_by"]) == ("steps", [], "usr_maria")
    assert conflict["current"] == [STEP | {"repeats": 0, "every_min": 0}]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/draft/steps", {"seen": [], "to": [NEXT, STEP]}, 422, "unordered-steps"),
        ("/draft/steps", {"seen": [], "to": [STEP | {"notify": []}]}, 422, "nobody-to-notify"),
        ("/draft/steps", {"seen": [], "to": [STEP | {"notify": ["Maria"]}]}, 422, "bad-recipient"),
        ("/draft/steps", {"seen": [], "to": [STEP | {"transport": "pigeon"}]}, 400, "invalid-request"),
        ("/draft/steps", {"seen": [], "to": [STEP | {"after_min": -1}]}, 422, "bad-delay"),
        ("/draft/steps", {"seen": [], "to": [STEP | {"repeats": 99}]}, 422, "bad-repeats"),
        ("/draft/rules", {"seen": [], "to": [RULE | {"severities": ["bad"]}]}, 422, "unknown-severity"),
        ("/draft/rules", {"seen": [], "to": [RULE | {"events": ["No"]}]}, 422, "bad-word"),
        ("/draft/rules", {"seen": [], "to": [RULE] * 11}, 422, "too-many"),
        ("/draft/quiet-hours", {"seen": [], "to": [NIGHT | {"to_min": 1440}]}, 422, "bad-quiet-hours"),
        ("/draft/scope", {"field": "colour", "seen": [], "to": []}, 400, "invalid-request"),
        ("/draft/scope", {"field": "teams", "seen": ["x"], "to": ["y"]}, 409, "edit-conflict"),
        ("/publish", {"revision": 0}, 422, "empty-policy"),
        ("/publish", {"revision": 1}, 409, "draft-changed"),
        ("/activate", {"seen": None, "to": 1}, 409, "no-such-version"),
        ("/activate", {"seen": None, "to": None}, 400, "invalid-request"),
    ],
)
async def test_a_refusal_has_its_status_and_changes_nothing(
    room: House, path: str, body: dict[str, object], status: int, code: str
) -> None:
    policy = await created(room)
    is_problem(await room.post(f"/v1/policies/{policy}{path}", body), status, code)
    assert room.types() == ["created"]


@pytest.mark.parametrize(("path", "body"), [("publish", {"revision": 0}), ("activate", {"seen": None, "to": 1}), ("deactivate", {})])
async def test_only_an_admin_decides_what_is_in_force(room: House, path: str, body: dict[str, object]) -> None:
    policy = await created(room)
    problem = is_problem(await room.post(f"/v1/policies/{policy}/{path}", body, X_Dev_Role="operator"), 403, "role-missing")
    assert problem["roles"] == ["admin"]
    answer = await room.post(f"/v1/policies/{policy}/draft/steps", {"seen": [], "to": [STEP]}, X_Dev_Role="operator")
    assert answer.status_code == 200
