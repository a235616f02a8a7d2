"""Saved views over HTTP: every command once, whose they are, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ..house import House, house, is_problem

BURNING: dict[str, Any] = {
    "title": "Burning",
    "filters": {"status": ["open"], "severity": ["sev1"]},
    "sort": "rank",
    "columns": [{"name": "title", "width": 300, "pinned": True}, {"name": "team", "hidden": True}],
    "group_by": "team",
}


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house(dev_identity="usr_ada:operator") as h:
        yield h


async def saved(room: House, path: str = "/v1/views", **other: Any) -> str:
    body = {"id": room.ids.entity_id("viw"), "of": "incident", "definition": BURNING} | other
    answer = await room.post(path, body, X_Dev_Role="admin" if path.endswith(":system") else "operator")
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def row(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return answer.json()["entities"][0]["row"]


async def test_a_view_is_saved_changed_shared_archived_and_restored(room: House) -> None:
    at = await saved(room)
    changed = row(await room.post(f"{at}/change", {"seen": BURNING, "to": BURNING | {"sort": "-updated", "position": 2}}))
    assert (changed["sort"], changed["position"], changed["group_by"]) == ("-updated", 2, "team")
    assert changed["filters"] == {"severity": ["sev1"], "status": ["open"]}
    shared = row(await room.post(f"{at}/share", {"seen": "personal", "to": "team", "team": "payments"}))
    assert (shared["scope"], shared["team"], shared["visibility"]) == ("team", "payments", "team")
    assert row(await room.post(f"{at}/archive", {}))["archived"] is True
    assert row(await room.post(f"{at}/restore", {}))["archived"] is False
    assert room.types() == ["created", "changed", "shared", "archived", "restored"]


async def test_a_system_view_is_an_admins(room: House) -> None:
    at = await saved(room, "/v1/views:system")
    later = {"seen": BURNING, "to": BURNING | {"title": "On fire"}}
    is_problem(await room.post(f"{at}/change", later), 409, "system-view")
    assert is_problem(await room.post(f"{at}/system/change", later), 403, "role-missing")["roles"] == ["admin"]
    refused = await room.post("/v1/views:system", {"id": room.ids.entity_id("viw"), "of": "incident", "definition": BURNING})
    is_problem(refused, 403, "role-missing")
    changed = row(await room.post(f"{at}/system/change", later, X_Dev_Role="admin"))
    assert (changed["title"], changed["visibility"]) == ("On fire", "everyone")
    assert row(await room.post(f"{at}/system/archive", {}, X_Dev_Role="admin"))["archived"] is True
    assert row(await room.post(f"{at}/system/restore", {}, X_Dev_Role="admin"))["archived"] is False


async def test_another_persons_view_is_theirs(room: House) -> None:
    at = await saved(room)
    changed = await room.post(f"{at}/change", {"seen": BURNING, "to": BURNING | {"sort": "due"}}, X_Dev_Actor="usr_ben")
    is_problem(changed, 409, "not-yours")


async def test_of_two_changes_of_one_part_the_second_is_told_both_values(room: House) -> None:
    at = await saved(room, scope="team", team="payments")
    first = {"seen": BURNING, "to": BURNING | {"filters": {}}}
    row(await room.post(f"{at}/change", first, X_Dev_Actor="usr_ben"))
    second = {"seen": BURNING, "to": BURNING | {"filters": {"status": ["resolved"]}, "sort": "due"}}
    body = is_problem(await room.post(f"{at}/change", second), 409, "edit-conflict")
    (conflict,) = body["conflicts"]
    assert (conflict["field"], conflict["current"], conflict["changed_by"]) == ("filters", {}, "usr_ben")
    assert conflict["wanted"] == {"status": ["resolved"]}
    assert row(await room.post(f"{at}/change", {"seen": BURNING, "to": BURNING | {"sort": "due"}}))["sort"] == "due"


@pytest.mark.parametrize(
    ("other", "status", "code"),
    [
        ({"definition": BURNING | {"filters": {"colour": ["red"]}}}, 422, "bad-view"),
        ({"definition": BURNING | {"sort": "colour"}}, 422, "bad-view"),
        ({"definition": BURNING | {"columns": [{"name": "colour"}]}}, 422, "bad-view"),
        ({"definition": BURNING | {"title": ""}}, 422, "blank"),
        ({"definition": BURNING | {"filters": {"status": "open"}}}, 400, "invalid-request"),
        ({"definition": BURNING | {"more": 1}}, 400, "invalid-request"),
        ({"of": "volcano"}, 422, "unknown-kind"),
        ({"scope": "system"}, 422, "bad-scope"),
        ({"scope": "team"}, 422, "bad-scope"),
        ({"id": "inc_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 400, "invalid-request"),
    ],
)
async def test_what_does_not_fit_is_refused(room: House, other: dict[str, Any], status: int, code: str) -> None:
    body = {"id": room.ids.entity_id("viw"), "of": "incident", "definition": BURNING} | other
    is_problem(await room.post("/v1/views", body), status, code)
