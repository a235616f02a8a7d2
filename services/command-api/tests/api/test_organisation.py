"""The organisation over HTTP: every command once, its refusals with their status, and the last admin who stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from opsroom_domain.entities.organisation import COMMANDS, ORGANISATION_ID

from ..house import House, house, is_problem

AT = f"/v1/organisations/{ORGANISATION_ID}"
CREATE = {"id": ORGANISATION_ID, "title": "Example", "reason": "founder"}


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house(dev_identity="usr_ada:admin") as h:
        yield h


async def founded(room: House) -> None:
    assert (await room.post("/v1/organisations", CREATE)).status_code == 201


async def grant(room: House, member: str, role: str = "admin", **more: object) -> None:
    answer = await room.post(f"{AT}/grants", {"member": member, "role": role, "reason": "on call"} | more)
    assert answer.status_code == 200, answer.text


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    await founded(room)
    until = "2030-01-01T00:00:00+01:00"
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("grants", {"member": "usr_ben", "role": "operator", "reason": "on call", "expires_at": until}, "role_granted"),
        ("grants", {"member": "usr_ben", "role": "viewer", "reason": "always"}, "role_granted"),
        ("grants/revoke", {"member": "usr_ben", "role": "viewer", "reason": "left"}, "role_revoked"),
        ("teams", {"team": "payments", "name": "Payments"}, "team_created"),
        ("teams", {"team": "search", "name": "Search"}, "team_created"),
        ("teams/rename", {"team": "payments", "seen": "Payments", "to": "Money"}, "team_renamed"),
        ("teams/members", {"team": "payments", "add": ["usr_ben"]}, "team_members_changed"),
        ("services", {"service": "checkout", "name": "Checkout", "team": "payments", "tier": 1}, "service_added"),
        ("services/rename", {"service": "checkout", "seen": "Checkout", "to": "Till"}, "service_renamed"),
        ("services/owner", {"service": "checkout", "seen": "payments", "to": "search"}, "service_owner_changed"),
        ("services/tier", {"service": "checkout", "seen": 1, "to": 2}, "service_tier_changed"),
        ("services/remove", {"service": "checkout"}, "service_removed"),
        ("members/remove", {"member": "usr_ben", "reason": "left"}, "member_removed"),
        ("teams/remove", {"team": "payments"}, "team_removed"),
        ("comments", {"text": "Done"}, "comment_added"),
    ]
    row: dict[str, Any] = {}
    for path, body, _ in steps:
        answer = await room.post(f"{AT}/{path}", body)
        assert answer.status_code == 200, (path, answer.text)
        row = answer.json()["entities"][0]["row"]
    assert room.types() == ["created", "role_granted", *(event for _, _, event in steps)]
    assert row["teams"] == {"search": {"name": "Search", "members": []}}
    assert set(row["members"]) == {"usr_ada"}


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_an_admin_may_change_anything_in_it(room: House, role: str) -> None:
    await founded(room)
    refused = await room.post(f"{AT}/teams", {"team": "payments", "name": "Payments"}, X_Dev_Role=role)
    assert is_problem(refused, 403, "role-missing")["roles"] == ["admin"]
    assert {"create", "grant_role", "add_comment"} <= COMMANDS.keys()


async def test_refusals_say_what_stands_in_the_way(room: House) -> None:
    refused = await room.post(f"{AT}/teams", {"team": "payments", "name": "Payments"})
    is_problem(refused, 404, "not-found")
    other = await room.post("/v1/organisations", CREATE | {"id": room.ids.entity_id("org")})
    is_problem(other, 422, "bad-id")
    await founded(room)
    is_problem(await room.post("/v1/organisations", CREATE), 409, "already-exists")
    await room.post(f"{AT}/teams", {"team": "payments", "name": "Payments"})
    service = {"service": "checkout", "name": "Checkout", "team": "payments", "tier": 1}
    await room.post(f"{AT}/services", service)
    owns = is_problem(await room.post(f"{AT}/teams/remove", {"team": "payments"}), 409, "team-owns-services")
    assert owns["details"] == {"services": ["checkout"]}
    is_problem(await room.post(f"{AT}/teams/members", {"team": "payments", "add": ["usr_who"]}), 409, "not-a-member")
    is_problem(await room.post(f"{AT}/services", service | {"tier": 5}), 400, "invalid-request")
    is_problem(await room.post(f"{AT}/services", service | {"service": "Check out"}), 400, "invalid-request")
    is_problem(await room.post(f"{AT}/services", service | {"service": "x", "team": "nobody"}), 409, "no-such-team")
    past = {"member": "usr_ben", "role": "admin", "reason": "r", "expires_at": "2020-01-01T00:00:00Z"}
    is_problem(await room.post(f"{AT}/grants", past), 422, "bad-expiry")
    is_problem(await room.post(f"{AT}/grants", past | {"expires_at": None, "reason": ""}), 422, "blank")


async def test_a_stale_rename_is_told_both_values_and_who_and_when(room: House) -> None:
    await founded(room)
    await room.post(f"{AT}/teams", {"team": "payments", "name": "Payments"})
    first = {"team": "payments", "seen": "Payments", "to": "Money"}
    assert (await room.post(f"{AT}/teams/rename", first, X_Dev_Actor="usr_ben")).status_code == 200
    body = is_problem(await room.post(f"{AT}/teams/rename", first | {"to": "Cash"}), 409, "edit-conflict")
    (conflict,) = body["conflicts"]
    assert (conflict["seen"], conflict["current"], conflict["wanted"]) == ("Payments", "Money", "Cash")
    assert conflict["changed_by"] == "usr_ben"
    assert conflict["changed_at"]


async def test_of_two_admins_who_revoke_each_other_at_once_one_stays(room: House) -> None:
    await founded(room)
    await grant(room, "usr_ben")
    first, second = await asyncio.gather(
        room.post(f"{AT}/grants/revoke", {"member": "usr_ben", "role": "admin", "reason": "left"}, X_Dev_Actor="usr_ada"),
        room.post(f"{AT}/grants/revoke", {"member": "usr_ada", "role": "admin", "reason": "left"}, X_Dev_Actor="usr_ben"),
    )
    done, refused = sorted((first, second), key=lambda answer: answer.status_code)
    left = set(done.json()["entities"][0]["row"]["members"])
    assert len(left) == 1
    assert set(is_problem(refused, 409, "last-admin")["details"].values()) == left


async def test_the_last_admin_gets_no_end(room: House) -> None:
    await founded(room)
    ends = {"member": "usr_ada", "role": "admin", "reason": "until new year", "expires_at": "2030-01-01T00:00:00Z"}
    is_problem(await room.post(f"{AT}/grants", ends), 409, "last-admin")
    await grant(room, "usr_ben", expires_at="2030-01-01T00:00:00Z")
    is_problem(await room.post(f"{AT}/members/remove", {"member": "usr_ada", "reason": "left"}), 409, "last-admin")
